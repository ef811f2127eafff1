"""The PBR's form and its parser, its one page, the list of `/pbr`: at Slack's limits, with hostile words, and as people see it."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from handlers.kit import words as w
from handlers.kit.fit import MOST_CHARACTERS, MOST_LINES
from handlers.pbr import form, page, render
from handlers.pbr.form import FormPage
from handlers.pbr.ids import FormState
from handlers.pbr.page import ListPage, PbrPage, Row
from models.domain import notes as facts_of
from models.domain import pbr as domain
from models.domain.errors import Conflict
from models.domain.notes import CommitmentFact, DealFact, Health, MoneySum, SaidFact
from models.domain.pbr import Gap, Loss, LostFact, PbrFacts, Pursued, Said, TypedPromise, TypedVerdict
from models.domain.zones import zone
from models.pbr import MOST_CHOICES, MOST_JUDGED, Base, Choice, Desk, Month
from models.tables import Artifact, Commitment
from tests import make
from tests.handlers import limits
from tests.handlers.limits import check_message, check_modal
from tests.make import NOW, POLICY

LONDON = zone("Europe/London")
BOOK = make.a_book(make.a_person(1, "Pat Manager"), make.a_person(2, "Ann Seller"))
FEBRUARY, FRIDAY = date(2026, 2, 1), date(2026, 3, 6)
MARCH = datetime(2026, 3, 6, 10, tzinfo=make.UTC)
CURRENCIES = ("USD", "EUR", "JPY", "GBP")


def a_deal(number, *, words="", currency="USD", **more):
    return DealFact(**{
        "deal_id": number, "name": words or f"Deal {number}", "account": words or f"Account {number}", "owner_id": 2,
        "stage": "", "category": "commit", "amount": 100_000 * number, "currency": currency, "close_date": FRIDAY,
        "days": 0, "stalled": False, "action": None, "attribution": "sourced", **more,
    })  # fmt: skip


def a_loss(number, *, reason="", words="", **more):
    return LostFact(**a_deal(number, words=words, category="lost").model_dump(), reason=reason or words, **more)


def facts(number=2, *, words="", **more):
    """A page about `number` deals of each sort; `words` stands in every text."""
    kinds = ("sourced", "influenced", "co_sold", "")
    deals = [
        a_deal(n + 1, words=words, currency=CURRENCIES[n % 4] if number > 20 else "USD", attribution=kinds[n % 4],
               category=("commit", "best_case", "pipeline")[n % 3])
        for n in range(number)
    ]  # fmt: skip
    won, lost = deals[: number // 2], [a_loss(500 + n, words=words) for n in range(number)]
    gaps = domain.gaps(deals, won, [a_loss(900 + n, reason="") for n in range(number)], deals[:2])
    pursuit = [
        Pursued(key=f"d{n}", account=words or f"Account {n}", deal=words or f"Deal {n}", amount=5)
        for n in range(number)
    ]
    promised = [
        CommitmentFact(commitment_id=n, text=words or f"promise {n}", owner_id=2, due=FRIDAY,
                       fate=("new", "kept", "moved", "carried", "dropped")[n % 5], due_before=FRIDAY)
        for n in range(min(number, 15))
    ]  # fmt: skip
    return PbrFacts(**{
        "partner_id": 1, "partner": words or "Acme", "pm_id": 1, "slot": "2026-03", "day": FRIDAY, "state": "held",
        "closed_by": 1, "month": FEBRUARY, "ends": date(2026, 2, 28), "pipeline_day": FRIDAY, "deals": deals,
        "joint": facts_of.sums(deals), "by_category": domain.by_category(deals), "won": won, "lost": lost,
        "by_attribution": domain.by_attribution(deals), "won_by_attribution": domain.by_attribution(won),
        "missing": gaps, "pursuit": pursuit, "changes": [words or "demo together", words or "one price list"][:number],
        "changes_before": [words or "before"][:number], "commitments": promised, "health": Health(held=3, streak=3),
        "crm_as_of": NOW, **more,
    })  # fmt: skip


def a_desk(found=None, *, said=None, standing=0, choices=2, versions=0, words=""):
    found = found or facts(2, words=words)
    commitments = tuple(
        Commitment(id=place + 10, text=words or f"promise {place}", owner_id=2, due=FRIDAY, state="open", made_in_id=1)
        for place in range(standing)
    )
    offered = tuple(
        Pursued(key=f"d{n}" if n % 2 else f"t{n}", account=words or f"Account {n}", deal=words or f"Deal {n}" if n % 2 else "",
                note=words, amount=n, currency="USD")
        for n in range(choices)
    )  # fmt: skip
    week = make.a_week(7, slot="2026-03", starts_at=MARCH, ends_at=MARCH + timedelta(hours=1))
    months = (Month(week, FEBRUARY, versions), Month(make.a_week(6), date(2026, 1, 1), 1))
    return Desk(week, make.a_cadence(), make.a_partner(1, words or "Acme"), found, said or Said(), Base(versions, 0), commitments,
                Choice(offered, 3 if choices == MOST_CHOICES else 0), months)  # fmt: skip


def a_form(desk=None, *, publish=True, begun=True, **more):
    desk = desk or a_desk()
    return FormPage(
        desk, form.begin(desk, publish=publish), BOOK, POLICY, LONDON, begun=begun, **{"joint": True, **more}
    )


def inputs(view):
    return {held["block_id"].split(":")[0]: held for held in view["blocks"] if held["type"] == "input"}


def required(view):
    return {name for name, held in inputs(view).items() if not held.get("optional")}


def sent_back(view, **changes):
    """The view as Slack sends it back: every input with its initial value, or the one given."""
    names = {
        "plain_text_input": ("value", "initial_value"), "datepicker": ("selected_date", "initial_date"),
        "users_select": ("selected_user", "initial_user"), "multi_static_select": ("selected_options", "initial_options"),
        "checkboxes": ("selected_options", "initial_options"),
    }  # fmt: skip
    values = {}
    for name, block in inputs(view).items():
        element = block["element"]
        into, initial = names.get(element["type"], ("selected_option", "initial_option"))
        held = changes.get(name, element.get(initial))
        if into == "selected_option" and isinstance(held, str):
            held = {"value": held}
        values[block["block_id"]] = {element["action_id"]: {"type": element["type"], into: held}}
    return {"state": {"values": values}, "private_metadata": view["private_metadata"]}


# The form.


@pytest.mark.parametrize("number", [0, 1, 12, 60])
@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_the_form_fits_with_any_number_of_deals_commitments_and_choices(number, held, name):
    words = make.HOSTILE.get(name, "")
    typed = TypedPromise(text=words[:300], owner_id=2, due=FRIDAY)
    said = Said(
        held=held, reason=words[:300], changes=(words[:500], words[:500]), accounts=words[:1000], what_changed=words[:500],
        promises=(typed, typed, typed), verdicts={10: TypedVerdict(fate="moved", due=FRIDAY)},
        lost={500: Loss(reason=words[:3000], shared=True)}, pursuit=("d1", "t0", "gone"),
    )  # fmt: skip
    desk = a_desk(facts(number, words=words), said=said, standing=min(number, MOST_JUDGED), choices=min(number, MOST_CHOICES),
                  versions=2, words=words)  # fmt: skip
    conflicts = tuple(Conflict(words or "x", "", words or "a", words or "b", words or "Hedda") for _ in range(number))
    view = check_modal(form.modal(a_form(desk, conflicts=conflicts, overtaken=True)))
    assert (limits.block(view, "side") is None) is held
    assert len([one for one in inputs(view) if one.startswith("loss_")]) == min(number, form.MOST_LOST)
    assert limits.block(view, "text_2") is not None


def test_the_fullest_form_keeps_its_last_question():
    desk = a_desk(facts(60), said=Said(held=False), standing=MOST_JUDGED, choices=MOST_CHOICES, versions=3)
    view = check_modal(form.modal(a_form(desk, overtaken=True, conflicts=(Conflict("x", "", "a", "b", "c"),))))
    assert limits.block(view, "how") is not None
    assert "48 smaller deals lost" in str(view["blocks"])
    assert "3 more can be typed below" in str(view["blocks"])


def test_numbers_stand_on_top_in_a_few_lines_and_what_is_missing_follows_as_sentences():
    view = form.modal(a_form(a_desk(facts(2, joint_before=(MoneySum(currency="USD", amount=0, deals=1, unknown=0),),
                                          before_month=date(2026, 1, 1)))))  # fmt: skip
    texts = limits.mrkdwn(view["blocks"])
    assert texts[0] == "*Acme* · meeting Fri 6 Mar, 10:00"
    assert texts[1].startswith(
        "*Joint pipeline* USD 3,000 (2 deals) · +USD 3,000 since the PBR of January 2026\ncommit "
    )
    assert "By attribution, as imported: sourced " in texts[1]
    assert texts[1].count("\n") <= 6
    assert texts[2].startswith("*Missing (4)*\n• Deal 900 was lost and has no reason.\n")
    assert texts[3] == "CRM as of Mon 2 Mar, 08:00 · the one before: `/pbr Acme 2026-01`"


def test_publishing_asks_for_a_change_verdicts_and_commitments_and_a_draft_for_nothing():
    fresh = facts(2, commitments=())
    strict = form.modal(a_form(a_desk(fresh, standing=1)))
    assert required(strict) == {"held", "how", "change_0", "fate_10", "text_0", "owner_0", "promise_due_0"}
    assert strict["submit"]["text"] == "Publish"
    assert required(form.modal(a_form(a_desk(said=Said(held=False), standing=1)))) == {"held", "how", "side", "reason"}
    loose = form.modal(a_form(a_desk(standing=1), publish=False))
    assert required(loose) == {"held", "how"}
    assert loose["submit"]["text"] == "Save the draft"


def test_before_it_began_nobody_is_asked_whether_it_was_held():
    view = form.modal(a_form(publish=False, begun=False))
    assert limits.block(view, "held") is None
    assert (
        limits.mrkdwn(view["blocks"])[-1] == "It can be published as soon as the meeting has begun, Fri 6 Mar, 10:00."
    )


def test_a_correction_asks_what_changed_and_counts_what_was_promised():
    desk = a_desk(facts(6), versions=1)
    view = form.modal(a_form(desk))
    assert "what_changed" in required(view)
    assert "text_0" not in required(view)
    assert "4 stand already; add what a correction adds" in str(view["blocks"])
    assert "Version 1 stays as it is" in str(view["blocks"])


def test_field_ids_differ_by_pbr_version_and_draft_so_that_nothing_stale_is_kept():
    def ident(**base):
        return limits.block(form.modal(a_form(replace(a_desk(), base=Base(**base)))), "change_0")["block_id"]

    assert len({ident(), ident(versions=1), ident(draft=1)}) == 3


async def test_a_draft_s_words_stand_in_the_fields_and_come_back_as_they_were(sqlite):
    lost = facts(2).lost
    said = Said(
        lost={lost[0].deal_id: Loss(reason="price", shared=True), lost[1].deal_id: Loss()}, pursuit=("d1", "t0"),
        accounts="Halyard\nTwo", changes=("a", "b"), verdicts={10: TypedVerdict(fate="moved", due=FRIDAY)},
        promises=(TypedPromise(text="x", due=FRIDAY), TypedPromise(), TypedPromise()), what_changed="w",
    )  # fmt: skip
    view = form.modal(a_form(a_desk(facts(2), said=said, standing=2, versions=1)))
    state = FormState.load(view["private_metadata"])
    async with sqlite.read() as session:
        submitted = await form.parse(session, sent_back(view), state)
    assert (submitted.occurrence_id, submitted.base, submitted.said) == (7, Base(1, 0), said)
    assert submitted.refusals == {}


async def test_what_is_typed_is_read_and_an_owner_nobody_knows_is_refused_on_its_place(sqlite):
    view = form.modal(a_form(a_desk(said=Said(held=False))))
    body = sent_back(view, held="not_held", side="partner", reason="ill", how="draft", text_1="x", owner_1="U0NOBODY",
                     pursuit=[{"value": "t0"}], shared_500=[{"value": "yes"}], loss_500="price")  # fmt: skip
    async with sqlite.read() as session:
        submitted = await form.parse(session, body, FormState.load(view["private_metadata"]))
    said = submitted.said
    assert (said.held, said.side, said.reason, said.pursuit) == (False, "partner", "ill", ("t0",))
    assert said.lost[500] == Loss(reason="price", shared=True)
    assert list(submitted.refusals) == [1]
    assert not form.wants_publishing(body)
    assert form.wants_publishing(sent_back(view))


def test_two_people_at_once_see_both_values_and_that_nothing_is_lost():
    view = form.modal(a_form(overtaken=True, conflicts=(Conflict("Change 1", "", "theirs", "mine", "Hedda Lead"),)))
    first = limits.mrkdwn(view["blocks"])[0]
    assert "What you typed is still here" in first
    assert "• Change 1: Hedda Lead has *theirs*; you typed *mine*" in first


def test_without_anything_to_choose_the_form_says_so_and_takes_typed_accounts():
    view = check_modal(form.modal(a_form(a_desk(choices=0))))
    assert limits.block(view, "pursuit") is None
    assert "no deal is due by then, and no overlap was imported" in str(view["blocks"])
    assert limits.block(view, "accounts") is not None


# The page.


@pytest.mark.parametrize("number", [0, 1, 7, 40, 200])
@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_the_page_is_one_page_with_any_number_of_deals_and_any_words(number, name):
    words = make.HOSTILE.get(name, "")
    found = facts(number, words=words, version=2, what_changed=words or "a word", provisional="crm", state="skipped",
                  side="ours", reason=words or "ill", won_before=(), lost_before=())  # fmt: skip
    text = render.page_text(found, BOOK, POLICY)
    assert text.count("\n") + 1 <= MOST_LINES
    assert len(text) <= MOST_CHARACTERS
    check_message(render.message(text, "PBR"))


def test_a_page_shows_what_was_lost_and_why_and_ends_in_commitments():
    lost = (a_loss(1, reason="price", shared=True), a_loss(2))
    said = SaidFact(field="category", said="won", crm="commit", by_id=2, at=NOW)
    found = facts(3, lost=lost, missing=(Gap(kind="said", deal_id=1, name="Deal 1"),), moved=4, slipped=1,
                  deals=(a_deal(1, said=(said,), in_crm=False),))  # fmt: skip
    lines = render.page_text(found, BOOK, POLICY).split("\n")
    assert lines[0] == "*Acme* · PBR of February 2026"
    assert lines[1] == "Held Fri 6 Mar (closed by Pat Manager)"
    assert "• Deal 1 · USD 1,000 · Ann Seller: price _(the partner may see this)_" in lines
    assert "• Deal 2 · USD 2,000 · Ann Seller: *no reason yet*" in lines
    assert "4 deals moved forward, 1 slipped in February 2026" in lines
    assert "_Not in the CRM yet, and counted above: USD 1,000 (1 deal)_" in lines
    assert "*Pursuit list for March 2026 (3)*" in lines
    assert "*Missing (1)* said to be closed, open in the CRM: Deal 1" in lines
    assert lines[-3:] == [
        "1. promise 0 (Ann Seller, by Fri 6 Mar)",
        "2. promise 2 (Ann Seller, by Fri 6 Mar, carried)",
        "_PBRs of twelve months: 3 held, 3 in a row, 0 late, 0 skipped, 0 without meeting · CRM as of Mon 2 Mar, 08:00_",
    ]


def test_a_correction_s_page_says_which_version_what_changed_and_what_the_one_before_counted():
    before = (MoneySum(currency="USD", amount=5_000, deals=1, unknown=0),)
    text = render.page_text(
        facts(2, version=3, what_changed="a late win", won_before=before, lost_before=()), BOOK, POLICY
    )
    assert text.startswith("*Acme* · PBR of February 2026 · version 3\n")
    assert "*What changed in version 3:* a late win" in text
    assert "_Version 2 said: won USD 50, lost nothing_" in text
    assert "since" not in text.split("\n")[3] or "as of Fri 6 Mar" in text


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"provisional": "month"}, ":warning: _provisional: the month is not over_"),
        ({"provisional": "crm"}, "the CRM's export is from before its end"),
        ({"crm_as_of": None}, "no CRM import yet"),
        ({"crm_stale": True}, "more than two working days old"),
        ({"state": "no_meeting", "side": "partner", "reason": "ill"}, ":warning: Not held: the partner's side, ill"),
        ({"state": "held_late", "moved_by": 1, "moved_reason": "trade fair"}, "Held late, Fri 6 Mar: moved by Pat Manager, trade fair"),
        ({"joint_before": (), "before_month": date(2026, 1, 1), "joint": ()}, "unchanged since the PBR of January 2026"),
        ({}, "first PBR, nothing to compare with"),
        ({"pursuit": ()}, "*Pursuit list for March 2026* nothing chosen"),
    ],
)  # fmt: skip
def test_the_page_says_what_its_numbers_are_worth(more, words):
    assert words in render.page_text(facts(2, **more), BOOK, POLICY)


def test_what_a_meeting_that_was_not_held_did_not_judge_is_said_to_be_open():
    item = CommitmentFact(commitment_id=1, text="the plan", owner_id=2, due=FRIDAY - timedelta(days=1), fate="carried")
    text = render.page_text(facts(0, state="skipped", side="ours", reason="ill", commitments=(item,)), BOOK, POLICY)
    assert ":warning: not judged, overdue: the plan (Ann Seller, by Thu 5 Mar)" in text


async def test_a_page_that_is_gone_is_no_message(sqlite):
    async with sqlite.read() as session:
        assert await render.pbr(session, {"artifact_id": 1}, now=NOW, policy=POLICY) is None


def test_a_partner_without_deals_is_said_plainly():
    text = render.page_text(facts(0), BOOK, POLICY)
    assert "_No deals with this partner._" in text
    assert "Joint pipeline" not in text


def test_a_draft_s_page_promises_nothing_yet():
    text = render.page_text(facts(5, state="prompted"), BOOK, POLICY, draft=True)
    assert text.startswith("*Acme* · PBR of February 2026 · _draft_\nThe meeting is on Fri 6 Mar\n")
    assert "*Commitments to judge*" in text
    assert "*Commitments*\n" not in text


# The list, one PBR to read, the receipts.


def a_row(number, words="draft, 3 things missing", name="", **more):
    starts = MARCH + timedelta(days=number)
    partner = make.a_partner(number, name or f"Partner {number}")
    return Row(partner, make.a_week(number, **{"slot": "2026-03", "starts_at": starts, **more}), words)


@pytest.mark.parametrize("number", [0, 1, 40, 120])
@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_any_number_of_partners_fits_in_the_list(number, name):
    words = make.HOSTILE.get(name, "")
    rows = [a_row(place + 1, words or "draft", words) for place in range(number)]
    without = [make.a_partner(place + 1, words, tier=2) for place in range(number)]
    view = check_modal(page.list_modal(ListPage(rows, without, LONDON, w.escape(words[:80]))))
    assert len([held for held in view["blocks"] if held.get("accessory")]) == min(number, page.MOST_ROWS)


def test_what_waits_comes_first_in_the_list_and_what_does_not_fit_is_counted():
    rows = [
        a_row(1, "published"),
        a_row(2),
        a_row(3, "not closed: draft"),
        a_row(4, "running now: draft"),
        a_row(5, "draft"),
    ]
    view = page.list_modal(ListPage(rows, [make.a_partner(9, "Beta", tier=2)], LONDON))
    assert [text.split("*")[1] for text in limits.mrkdwn(view["blocks"])[:5]] == [
        f"Partner {n}" for n in (3, 4, 2, 5, 1)
    ]
    assert limits.mrkdwn(view["blocks"])[0] == (
        "*Partner 3* · February 2026, meeting Mon 9 Mar, 10:00\n:warning: not closed: draft"
    )
    assert "No PBR with: Beta (Tier 2)." in limits.mrkdwn(view["blocks"])[-1]
    assert "5 more" in str(page.list_modal(ListPage([a_row(n) for n in range(1, 46)], [], LONDON))["blocks"])
    assert "No partner is yours to see here" in str(page.list_modal(ListPage([], [], LONDON))["blocks"])


def a_page(versions=1, shown=0, **more):
    rows = [Artifact(id=n, version=n, created_at=MARCH + timedelta(days=n)) for n in range(versions, 0, -1)]
    chosen = next((row for row in rows if row.version == shown), rows[0] if rows else None)
    return PbrPage(**{
        "occurrence": make.a_week(7), "facts": facts(2, **more.pop("facts", {})), "versions": rows, "shown": chosen,
        "may_publish": True, "clocks": LONDON, "book": BOOK, "policy": POLICY, **more,
    })  # fmt: skip


@pytest.mark.parametrize("versions", [0, 1, 2, 100, 150])
@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_a_page_to_read_fits_with_any_number_of_versions(versions, name):
    words = make.HOSTILE.get(name, "")
    view = check_modal(page.modal(a_page(versions, facts={"partner": words or "Acme", "what_changed": words})))
    assert len([held for held in limits.walk(view) if held.get("type") == "static_select"]) == (versions > 1)


@pytest.mark.parametrize("name", ["plain", *make.HOSTILE])
def test_what_one_page_has_no_room_for_can_be_read_below_it(name):
    words = make.HOSTILE.get(name, "")
    many = facts(200, words=words)
    view = check_modal(page.modal(a_page(100, facts=many.model_dump(exclude={"partner"}))))
    assert "*Every deal lost in February 2026 (200)*" in str(view["blocks"])
    assert ("• Deal 699 · " in str(view["blocks"])) is (not words)
    assert "`/pbr Acme 2026-02` shows them" in str(view["blocks"])
    assert "Every deal" not in str(page.modal(a_page(1))["blocks"])


def test_versions_are_chosen_newest_first_and_an_old_one_says_that_there_is_a_newer():
    view = page.modal(a_page(3, shown=1))
    select = next(held for held in limits.walk(view) if held.get("type") == "static_select")
    assert [one["value"] for one in select["options"]] == ["3", "2", "1"]
    assert select["initial_option"]["value"] == "1"
    assert "Version 1 of 3, published Sat 7 Mar, 10:00 · _there is a newer one_" in limits.mrkdwn(view["blocks"])
    assert limits.labels(view["blocks"]) == ["Correct…"]


def test_who_may_not_publish_reads_and_what_was_never_published_can_be_after_all():
    assert limits.labels(page.modal(a_page(may_publish=False))["blocks"]) == []
    assert limits.labels(page.modal(a_page(0))["blocks"]) == ["Publish it after all…"]
    assert limits.labels(page.modal(a_page(receipt="done"))["blocks"]) == []


def test_a_saved_draft_says_what_it_lacks_and_that_nobody_was_told():
    view = check_modal(page.draft_saved(make.a_partner(1, "Acme"), facts(2), "Fri 6 Mar, 10:00"))
    assert "nobody was told. 4 things are missing. The meeting: Fri 6 Mar, 10:00." in str(view["blocks"])
    assert "Nothing is missing" in str(page.draft_saved(make.a_partner(), facts(0), "x")["blocks"])


def test_no_template_mentions_a_name_that_is_not_given():
    assert all(char not in render.page_text(facts(3), BOOK, POLICY) for char in "{}")
    assert set(render.KINDS) == {"sourced", "influenced", "co_sold", ""}
