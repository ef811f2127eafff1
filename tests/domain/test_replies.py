"""What a partner's reply says, by the rules of its reader: deal, stage, next step, who, by when, an ask."""

from datetime import date

import pytest

from models.domain import replies
from models.domain.replies import Understood

TODAY = date(2026, 3, 4)  # a Wednesday
STAGES = ("Discovery", "In negotiation", "Negotiation")
ACCOUNTS = {1: "Globex Corp", 2: "Initech", 3: "Globex Corp (2)"}


def told(words, **more):
    return replies.understand(
        words, **{"stages": STAGES, "today": TODAY, "writer": "Cora Counterpart", "accounts": ACCOUNTS.values()} | more
    )


def test_a_line_with_a_label_means_what_it_says():
    found = told("Stage: discovery\nNext: send the contract\nOwner: Carl Partner\nDue: 12 March\nAsk: a reference call")
    assert found == Understood("Discovery", "send the contract", "Carl Partner", date(2026, 3, 12), "a reference call")


def test_a_sentence_is_the_next_step_with_its_owner_and_day():
    found = told("Cora will send the signed order form by Friday.")
    assert found == Understood("", "Cora will send the signed order form by Friday", "Cora", date(2026, 3, 6), "")


def test_i_is_whoever_writes():
    assert told("I will call their CIO tomorrow.").owner == "Cora Counterpart"
    assert told("I'll call their CIO on 2026-03-11").due == date(2026, 3, 11)


def test_we_and_an_account_are_nobody_who_does_it():
    assert told("We will call them tomorrow.").owner == ""
    assert told("Initech will sign next week.").owner == ""


@pytest.mark.parametrize(
    ("words", "ask"),
    [
        ("Could you join the call on Friday?", "Could you join the call on Friday?"),
        ("Please send the price list.", "Please send the price list."),
        ("We need a discount to close this.", "We need a discount to close this."),
        ("Is the pilot still on?", "Is the pilot still on?"),
    ],
)
def test_what_asks_is_an_ask_and_no_next_step(words, ask):
    found = told(words)
    assert (found.ask, found.action) == (ask, "")


def test_the_longest_stage_counts_and_a_sentence_of_it_alone_is_no_step():
    found = told("We are in negotiation now. Carl will review the redlines.")
    assert (found.stage, found.action, found.owner) == ("In negotiation", "Carl will review the redlines", "Carl")


@pytest.mark.parametrize(
    "words",
    [
        "All good from our side, see you tomorrow.",
        "Nothing new this week",
        "No changes. See you on Friday!",
        "No news, thanks",
    ],
)
def test_nothing_new_is_no_step_and_when_people_meet_is_no_day(words):
    assert not told(words)


def test_nothing_new_may_still_name_the_stage_and_may_go_on():
    assert told("No change, still Discovery") == Understood(stage="Discovery")
    assert told("No news. Carl will call them on Friday.").action == "Carl will call them on Friday"
    long = "No change in the price they want, so Carl will take the offer to their board on Friday"
    assert (told(long).action, told(long).due) == (long, date(2026, 3, 6))


def test_a_stage_that_was_not_agreed_is_none():
    assert told("Stage: Closing soon").stage == ""
    assert told("It is a rediscovery of their needs").stage == "", "a part of a word is no stage"


@pytest.mark.parametrize(
    ("words", "due"),
    [
        ("call by 2026-03-20", date(2026, 3, 20)),
        ("call by 20 March", date(2026, 3, 20)),
        ("call by the 20th of March", date(2026, 3, 20)),
        ("call by March 20th", date(2026, 3, 20)),
        ("call by 20 Mar 2027", date(2026 + 1, 3, 20)),
        ("call by 2 Jan", date(2027, 1, 2)),
        ("call today", TODAY),
        ("call tomorrow", date(2026, 3, 5)),
        ("call on Thursday", date(2026, 3, 5)),
        ("call by Wed", date(2026, 3, 11)),
        ("we may sit down and sun ourselves", None),
        ("call by 3/4", None),
        ("call by 31 February", None),
    ],
)
def test_a_day_is_one_that_nobody_can_misread(words, due):
    assert told(words).due == due


@pytest.mark.parametrize("words", ["Thanks!", "OK", "Hello Pat,\nthank you", ""])
def test_courtesy_says_nothing(words):
    assert not told(words)


def test_what_stands_before_a_colon_is_the_account_and_not_the_step():
    assert told("Initech: Carl will call them").action == "Carl will call them"


@pytest.mark.parametrize(
    ("words", "refs"),
    [
        ("Initech is on track", (2,)),
        ("initech, as said", (2,)),
        ("Globex Corp will sign", (1, 3)),
        ("globex will sign", (1, 3)),
        ("Globex Corp (2) will sign", (3,)),
        ("Globex and Initech will sign", (1, 2, 3)),
        ("Globex Corp 2 and Initech will sign", (2, 3)),
        ("All on track", (1, 2, 3)),
        ("corp is a word of two of them", (1, 2, 3)),
    ],
)
def test_a_deal_is_meant_by_its_account(words, refs):
    assert set(replies.meant(words, ACCOUNTS)) == set(refs)


def test_slacks_markup_is_read_as_people_read_it():
    assert (
        replies.plain("See <https://a.example|the plan> &amp; ask <@U1|carl>, <!here>\n\n  now ")
        == "See the plan & ask @carl,\nnow"
    )
    assert len(replies.plain("x" * 9000)) == replies.LONGEST_WORDS


def test_a_text_of_any_kind_is_read_without_trouble():
    for words in ("\u202eשלום", "👩‍👩‍👧‍👦" * 400, "a:" * 900, "<" * 50 + ">" * 50, "(((((" * 100, "by by by by"):
        assert told(replies.plain(words)) is not None
