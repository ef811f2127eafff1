"""The written notes on one page: at most 40 lines and 3,800 characters, and what does not fit is counted and ties out."""

import re
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.kit import fit
from handlers.notes import render
from models import notes
from models.domain.money import format_money
from models.domain.notes import (
    ActionFact,
    CommitmentFact,
    DealFact,
    FridayFacts,
    Health,
    MoveFact,
    OtherFacts,
    PartnerLine,
    PartnerSays,
    WeeklyFacts,
    sums,
)
from models.tables import Artifact, Outbox
from tests import make
from tests.handlers import limits
from tests.make import NOW, POLICY

BOOK = make.a_book(make.a_person(1, "Ann Seller"), make.a_person(2, "Pat Manager"))
DAY = date(2026, 3, 5)


def a_deal(number, *, words="", amount=100_00, **more):
    return DealFact(**{
        "deal_id": number, "name": words or f"Deal {number}", "account": words, "owner_id": 1, "stage": "Qualification",
        "category": "pipeline", "amount": amount, "currency": "USD", "close_date": DAY, "days": 3, "stalled": False,
        "action": ActionFact(text=words or "send pricing", owner_id=1, due=DAY, overdue=False), **more,
    })  # fmt: skip


def busy(number, words=""):
    """A deal of which everything is to be said."""
    return a_deal(
        number, words=words, amount=(number + 1) * 100_00, stalled=number % 2 == 0, days=20, help_needed=words or "a discount",
        joint=True, answered="form" if number % 3 else "",
        moves=(MoveFact(field="stage", forward=True, before=words or "A", after=words or "B"),
               MoveFact(field="close_date", forward=False, before="2026-03-01", after="2026-04-01")),
        partner_says=says(words),
    )  # fmt: skip


def says(words="", **more):
    """What the partner says of a deal: another stage than ours, and an ask."""
    return PartnerSays(**{
        "partner": words or "Acme", "stage": words or "Verbal", "ours": words or "Qualified", "differs": True,
        "action": words or "confirm the budget", "owner": words or "Colin", "due": DAY, "ask": words or "a reference",
        "by": words or "Cora Counterpart", "on": DAY, **more,
    })  # fmt: skip


def facts(deals, *, words="", **more):
    return WeeklyFacts(**{
        "partner_id": 1, "partner": words or "Acme", "pm_id": 2, "slot": "2026-W10", "day": DAY, "state": "held",
        "closed_by": 2, "joint": sums(deals), "deals": tuple(deals),
        "by_category": {name: sums(d for d in deals if d.category == name) for name in ("commit", "best_case", "pipeline")},
        **more,
    })  # fmt: skip


def commitments(number, words="", fate="new"):
    return tuple(CommitmentFact(commitment_id=place, text=words or f"promise {place}", owner_id=1, due=DAY, fate=fate,
                                due_before=DAY) for place in range(number))  # fmt: skip


def weekly(found, **more):
    return checked(render.weekly_text(found, BOOK, POLICY, **more))


def checked(text, *, most_lines=40):
    assert text.count("\n") + 1 <= most_lines, text
    assert len(text) <= 3800
    limits.check_message(render.message(text, "title"))
    return text


HIDDEN = re.compile(r"… and (\d+) more deals?, USD ([\d,.]+)")


def hidden(text):
    found = HIDDEN.search(text)
    return (int(found[1]), found[2]) if found else (0, "0")


@pytest.mark.parametrize("number", [0, 1, 40, 200])
@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_the_weekly_note_is_one_page_with_any_number_of_deals_and_any_words(number, name):
    words = make.HOSTILE.get(name, "")
    deals = [busy(place, words) for place in range(number)]
    found = facts(deals, words=words, closed=tuple(a_deal(900 + place, words=words, category="won") for place in range(9)),
                  uncounted=tuple(a_deal(800 + place, words=words) for place in range(9)),
                  commitments=commitments(3, words) + commitments(30, words, "kept") + commitments(30, words, "carried"),
                  reason=words, state="skipped" if number else "held")  # fmt: skip
    text = weekly(found)
    if not number:
        assert "_No open deals with this partner._" in text


@pytest.mark.parametrize("number", [1, 40, 200])
def test_what_does_not_fit_is_counted_and_adds_up_to_the_total(number):
    deals = sorted(
        (a_deal(place, amount=(place + 1) * 100_00) for place in range(number)), key=lambda deal: -deal.amount
    )
    text = weekly(facts(deals))
    shown = [line for line in text.split("\n") if line.startswith("• Deal")]
    left, amount = hidden(text)
    assert len(shown) + left == number
    shown_sum = sum(deal.amount for deal in deals[: len(shown)])
    total = sum(deal.amount for deal in deals)
    assert format_money(total - shown_sum, "USD") == f"USD {amount}" or not left
    assert shown[0].startswith(f"• {deals[0].name} ")


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 10**12), min_size=0, max_size=120), st.integers(0, 6))
def test_shown_and_hidden_add_up_whatever_the_amounts(amounts, promises):
    deals = [a_deal(place, amount=amount) for place, amount in enumerate(sorted(amounts, reverse=True))]
    text = weekly(facts(deals, commitments=commitments(promises)))
    shown = [line for line in text.split("\n") if line.startswith("• Deal")]
    left, amount = hidden(text)
    assert len(shown) + left == len(deals)
    if left:
        assert format_money(sum(deal.amount for deal in deals[len(shown) :]), "USD") == f"USD {amount}"


def test_commitments_beyond_the_page_are_counted_and_the_new_ones_stand_first():
    text = weekly(facts([], commitments=commitments(30, "old", "carried") + commitments(3)))
    promised = text.split("*Commitments*")[1]
    assert [line[:12] for line in promised.split("\n")[1:4]] == [f"{place + 1}. promise {place}" for place in range(3)]
    shown = sum(line[:1].isdigit() for line in promised.split("\n"))
    assert f"… and {33 - shown} more" in promised


def test_commitments_are_never_cut_for_the_sake_of_deals():
    text = weekly(
        facts([busy(place) for place in range(200)], commitments=commitments(3) + commitments(3, "old", "carried"))
    )
    assert all(f"promise {place}" in text for place in range(3))


def test_a_small_note_says_everything_in_order():
    deals = [busy(0), a_deal(1, action=None, amount=None)]
    found = facts(deals, since=DAY - timedelta(days=7), commitments=commitments(1, "old", "moved") + commitments(2),
                  closed=(a_deal(9, category="lost"),), crm_as_of=NOW, crm_stale=True, health=Health(held=3, streak=3))  # fmt: skip
    text = weekly(found, late="closed Sat 7 Mar, 10:00")
    parts = [
        "*Acme* · weekly deal review 2026-W10 · _late: closed Sat 7 Mar, 10:00_", "Held Thu 5 Mar (closed by Pat Manager)",
        "*Joint pipeline* USD 100 (2 deals, 1 of unknown amount) · first note, nothing to compare with",
        "commit nothing · best case nothing · pipeline USD 100", ":x: *Lost* Deal 9, USD 100", "*Moved (1)*",
        "stage A → B", "*Slipped (1)*", "close 1 Mar 2026 → 1 Apr 2026", "*Stalled (1)*", "20 days without movement",
        "*Next actions*", "amount unknown · *no next action*", "*Help needed (1)*", "a discount", "*Last commitments*",
        ":calendar: moved: old", "from Thu 5 Mar to Thu 5 Mar", "*Commitments*", "3 held, 3 in a row",
        ":warning: CRM as of Mon 2 Mar, 08:00, more than two working days old",
    ]  # fmt: skip
    places = [text.find(part) for part in parts]
    assert -1 not in places, [part for part, place in zip(parts, places, strict=True) if place < 0]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"state": "held"}, "Held Thu 5 Mar (closed by Pat Manager)"),
        (
            {"state": "held_late", "moved_by": 1, "moved_reason": "ill"},
            "Held late, Thu 5 Mar: moved by Ann Seller, ill",
        ),
        ({"state": "skipped", "side": "ours", "reason": "ill"}, ":warning: Skipped: our side, ill"),
        ({"state": "no_meeting", "side": "partner", "reason": "ill"}, ":warning: No meeting: the partner's side, ill"),
        ({"state": "no_meeting", "side": "holiday", "reason": "Easter"}, ":warning: No meeting: holiday, Easter"),
        ({"state": "planned"}, "Planned for Thu 5 Mar"),
    ],
)
def test_the_note_says_whether_it_was_held_and_if_not_whose_side_and_why(more, said):
    assert said in weekly(facts([], **more))


def test_without_an_import_the_note_says_so():
    assert "no CRM import yet" in weekly(facts([]))


def a_line(number, words="", **more):
    return PartnerLine(**{
        "occurrence_id": number, "partner_id": number, "partner": words or f"Partner {number}", "pm_id": 2, "state": "held",
        "closed": True, "joint": sums([a_deal(number, amount=number * 100_00)]), "moved": 1, "slipped": 2, "stalled": 3,
        "help": 1, "commitments": 2, **more,
    })  # fmt: skip


@pytest.mark.parametrize("number", [0, 1, 30, 120])
@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_the_friday_note_is_one_page_with_any_number_of_partners(number, name):
    words = make.HOSTILE.get(name, "")
    lines = tuple(
        a_line(place, words, reason=words, state="skipped" if place % 2 else "held") for place in range(1, number + 1)
    )
    others = tuple(
        OtherFacts(pm_id=2, slot="2026-W10", deals=(a_deal(1),), partners={}, partner_of={}) for _ in range(3)
    )
    checked(render.friday_text(FridayFacts(slot="2026-W10", day=DAY, partners=lines, others=others), BOOK, POLICY))


def test_the_friday_note_counts_the_partners_it_has_no_room_for():
    lines = tuple(a_line(place) for place in range(1, 61))
    text = checked(render.friday_text(FridayFacts(slot="2026-W10", day=DAY, partners=lines), BOOK, POLICY))
    shown = [line for line in text.split("\n") if line.startswith("*Partner ")]
    left = re.search(r"… and (\d+) more partners, USD ([\d,]+)", text)
    assert len(shown) + int(left[1]) == 60
    assert shown[0].startswith("*Partner 60*")
    hidden_total = sum(range(1, 61 - len(shown))) * 100_00
    assert f"USD {left[2]}" == format_money(hidden_total, "USD")
    assert "*Joint pipeline* USD 183,000 (60 deals)" in text


def test_what_is_not_closed_stands_first_and_says_whom_it_waits_for():
    lines = (a_line(2), a_line(1, closed=False))
    text = render.friday_text(FridayFacts(slot="2026-W10", day=DAY, partners=lines), BOOK, POLICY)
    rows = [line for line in text.split("\n") if "*Partner" in line and not line.startswith("*Partnerships")]
    assert rows[0] == ":hourglass_flowing_sand: *Partner 1*: not closed, waiting for Pat Manager"
    assert "1 moved, 2 slipped, 3 stalled, 1 needs help" in rows[1]
    assert "1 of 2 partners closed" in text


def test_the_change_is_of_the_partners_that_had_a_note_before():
    before = sums([a_deal(1, amount=50_00)])
    lines = (a_line(1, joint_before=before), a_line(2))
    text = render.friday_text(FridayFacts(slot="2026-W10", day=DAY, partners=lines), BOOK, POLICY)
    assert "*Joint pipeline* USD 300 (2 deals) · +USD 50 since the last note" in text


@pytest.mark.parametrize("number", [1, 3, 200])
@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_the_other_partners_are_one_page_answered_ones_first(number, name):
    words = make.HOSTILE.get(name, "")
    deals = tuple(a_deal(place, words=words, answered="form" if place == number - 1 else "", help_needed=words)
                  for place in range(number))  # fmt: skip
    found = OtherFacts(pm_id=2, slot="2026-W10", deals=deals, partners={1: words or "Acme"},
                       partner_of=dict.fromkeys(range(number), 1))  # fmt: skip
    text = checked(render.others_text(found, BOOK, POLICY))
    if not words:
        assert f"Deal {number - 1} ·" in text.split("\n")[2]
        left, _ = hidden(text)
        assert text.count("• Acme ·") + left == number


def test_the_fullest_page_that_fits_is_chosen():
    def page(room, side):
        return "\n".join(["x"] * (room + side))

    assert fit.fit(page, 100).count("\n") + 1 == 40
    assert fit.fit(page, 3).count("\n") + 1 == 8
    assert fit.fit(lambda room, side: "y" * 5000 if side else "z", 1) == "z"
    assert not fit.fits("y" * 3801)
    assert fit.tidy("a  \n\n b\n") == "a\n b"
    assert (fit.cut([1, 2, 3], 2).shown, fit.cut([1, 2, 3], 2).hidden, fit.cut([1], 5).hidden) == ((1, 2), 1, 0)


def test_even_a_page_that_can_never_fit_is_given_rather_than_nothing():
    assert fit.fit(lambda _room, _side: "y" * 5000, 10) == "y" * 5000


@pytest.fixture
async def filed(sqlite):
    """A team with its agenda artifact in the database."""
    async with sqlite.write() as session:
        team = await make.small(session, deals=0)
        yield session, team


async def file(session, team, found, kind="agenda"):
    artifact = Artifact(kind=kind, occurrence_id=team.week.id, partner_id=team.acme.id, cut_off=NOW, created_at=NOW,
                        facts=found.model_dump(mode="json"))  # fmt: skip
    session.add(artifact)
    await session.flush()
    return artifact.id


@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
async def test_the_agenda_fits_and_names_who_has_not_answered(filed, name):
    session, team = filed
    team.ann.slack_id, words = "U00001", make.HOSTILE.get(name, "")
    deals = [busy(place, words) for place in range(60)]
    artifact = await file(session, team, facts(deals, words=words, uncounted=(a_deal(99, words=words),),
                                               commitments=commitments(30, words, "carried")))  # fmt: skip
    message = await render.agenda(
        session,
        {"artifact_id": artifact, "waiting": [team.ann.id], "absent": [team.bob.id], "call": [team.ann.id]},
        now=NOW,
        policy=POLICY,
    )
    checked(message.text)
    assert "Not answered yet: <@U00001>" in message.text
    assert "Away: Bob Seller" in message.text


async def test_what_the_partner_says_stands_on_agenda_and_note_where_there_is_something_to_speak_about(filed):
    session, team = filed
    deals = [
        a_deal(1, words="Both", partner_says=says()),
        a_deal(2, words="Agrees", partner_says=says(differs=False, ask="")),
        a_deal(3, words="Asks", partner_says=says(differs=False, ask="a price", by="", reported=True)),
        a_deal(4, words="Silent"),
    ]
    found = facts(deals, uncounted=(a_deal(5, words="Elsewhere", partner_says=says(ask="")),))
    artifact = await file(session, team, found)
    message = await render.agenda(
        session, {"artifact_id": artifact, "waiting": [], "absent": []}, now=NOW, policy=POLICY
    )
    for text in (checked(message.text), weekly(found)):
        lines = text[text.index("*Acme says*") :].split("\n")[1:4]
        assert lines == [
            "• Both: stage “Verbal” (ours: Qualified) · asks: a reference (Cora Counterpart, Thu 5 Mar)",
            "• Asks: asks: a price (partner-reported by Acme, Thu 5 Mar)",
            "• Elsewhere: stage “Verbal” (ours: Qualified) (Cora Counterpart, Thu 5 Mar)",
        ]
    assert "Acme says" not in weekly(facts([a_deal(4)]))


def test_what_a_partner_without_a_review_says_stands_beside_its_deal():
    found = OtherFacts(
        pm_id=2,
        slot="2026-W10",
        deals=(a_deal(1, partner_says=says(differs=False)),),
        partners={1: "Zeta"},
        partner_of={1: 1},
    )
    text = checked(render.others_text(found, BOOK, POLICY))
    assert "partner: asks: a reference (Cora Counterpart, Thu 5 Mar)" in text


async def test_the_agenda_ranks_stalled_then_unanswered_then_by_amount(filed):
    session, team = filed
    deals = [a_deal(1, words="answered", amount=9, answered="form"), a_deal(2, words="open", amount=5),
             a_deal(3, words="stalled", amount=1, stalled=True, answered="form"), a_deal(4, words="unknown", amount=None),
             a_deal(5, words="zero", amount=0)]  # fmt: skip
    artifact = await file(session, team, facts(deals))
    message = await render.agenda(
        session, {"artifact_id": artifact, "waiting": [], "absent": []}, now=NOW, policy=POLICY
    )
    rows = [line for line in message.text.split("\n") if re.match(r"\d\.", line)]
    assert [re.sub(r"_.*_ · ", "", row).split(" ")[1] for row in rows] == [
        "stalled",
        "open",
        "zero",
        "unknown",
        "answered",
    ]
    assert [deal.name for deal in notes.in_agenda_order(deals)] == ["stalled", "open", "zero", "unknown", "answered"]


async def test_an_artifact_that_is_gone_renders_nothing(filed):
    session, _ = filed
    for renderer in (render.weekly, render.friday, render.agenda):
        assert await renderer(session, {"artifact_id": 99}, now=NOW, policy=POLICY) is None
    assert await render.others(session, {"artifact_id": 99, "pm_id": 1}, now=NOW, policy=POLICY) is None
    assert await render.report(session, {"outbox_id": 99}, now=NOW, policy=POLICY) is None


async def test_each_artifact_is_rendered_from_its_frozen_facts(filed):
    session, team = filed
    note = await file(session, team, facts([a_deal(1)], late=True), "weekly_note")
    text = (await render.weekly(session, {"artifact_id": note}, now=NOW, policy=POLICY)).text
    assert "_late: closed Mon 2 Mar, 08:00_" in text
    found = FridayFacts(slot="2026-W10", day=DAY, partners=(a_line(1),), others=(
        OtherFacts(pm_id=team.pm.id, slot="2026-W10", deals=(a_deal(1),), partners={}, partner_of={}),))  # fmt: skip
    friday = await file(session, team, found, "friday_note")
    assert (
        "*Partnerships week 2026-W10*"
        in (await render.friday(session, {"artifact_id": friday}, now=NOW, policy=POLICY)).text
    )
    other = await render.others(session, {"artifact_id": friday, "pm_id": team.pm.id}, now=NOW, policy=POLICY)
    assert other.text.startswith("*Other partners of Pat Manager* · 2026-W10")
    assert await render.others(session, {"artifact_id": friday, "pm_id": 99}, now=NOW, policy=POLICY) is None


@pytest.mark.parametrize("state", ["held", "failed", "undetermined"])
@pytest.mark.parametrize("ref", ["C0123ABC", "p-<!channel>", ""])
async def test_what_could_not_be_sent_is_reported_with_what_to_do(filed, state, ref):
    session, team = filed
    row = Outbox(key=f"{state}{ref}", nonce="x", template="weekly_note", channel_ref=ref, due_at=NOW, created_at=NOW,
                 state=state, problem="the channel is *shared*", occurrence_id=team.week.id)  # fmt: skip
    session.add(row)
    await session.flush()
    message = await render.report(session, {"outbox_id": row.id}, now=NOW, policy=POLICY)
    assert "A weekly note" in message.text
    assert "<!channel>" not in message.text
    assert message.text.count("<#C0123ABC>") == (1 if ref == "C0123ABC" else 0)
    assert message.text.rstrip().endswith(".")
