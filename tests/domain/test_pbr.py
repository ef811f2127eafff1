"""The facts of the PBR: months and slots, sums whose parts add up, what is missing, and two people's words compared."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.domain import pbr
from models.domain.notes import CommitmentFact, DealFact, SaidFact, sums
from models.domain.pbr import Loss, LostFact, PbrFacts, Said, TypedPromise, TypedVerdict
from tests.make import NOW

FEBRUARY = date(2026, 2, 1)


def deal(number, amount=100, currency="USD", category="pipeline", attribution="sourced", **more):
    return DealFact(
        deal_id=number, name=f"Deal {number}", account="", owner_id=1, stage="", category=category, amount=amount,
        currency=currency, close_date=more.pop("close_date", FEBRUARY), days=0, stalled=False, action=None,
        attribution=attribution, **more,
    )  # fmt: skip


def lost(number, reason="", **more):
    return LostFact(**deal(number, **more).model_dump(), reason=reason)


DEALS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(0, 10**12)),
        st.sampled_from(["USD", "EUR", "JPY"]),
        st.sampled_from(["pipeline", "best_case", "commit"]),
        st.sampled_from(["sourced", "influenced", "co_sold", "", "a kind nobody knows"]),
    ),
    max_size=40,
).map(lambda rows: [deal(number, *row) for number, row in enumerate(rows)])


def added(parts):
    """Sums of several parts as one: by currency its amount, deals and unknown ones."""
    found = {}
    for part in parts:
        for line in part:
            held = found.setdefault(line.currency, [0, 0, 0])
            found[line.currency] = [held[0] + line.amount, held[1] + line.deals, held[2] + line.unknown]
    return found


@given(DEALS)
def test_both_splits_add_up_to_the_joint_pipeline(deals):
    whole = added([sums(deals)])
    assert added(pbr.by_category(deals).values()) == whole
    assert added(pbr.by_attribution(deals).values()) == whole


@given(DEALS)
def test_every_deal_without_attribution_or_amount_is_named_once_for_each(deals):
    gaps = pbr.gaps(deals, [], [], [])
    bare = [one for one in deals if one.attribution not in ("sourced", "influenced", "co_sold")]
    assert [gap.deal_id for gap in gaps if gap.kind == "attribution"] == [one.deal_id for one in bare]
    assert sum(1 for gap in gaps if gap.kind == "amount") == sum(line.unknown for line in sums(deals))


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)))
def test_a_slot_reviews_the_month_before_it_and_the_other_way_round(day):
    month = day.replace(day=1)
    assert pbr.reviewed(pbr.slot_for(month)) == month
    assert pbr.last_day(month) + timedelta(days=1) == pbr.next_month(month)
    assert pbr.last_day(month).month == month.month


@pytest.mark.parametrize(("slot", "month"), [("2026-11", date(2026, 10, 1)), ("2026-01", date(2025, 12, 1))])
def test_people_name_a_pbr_by_the_month_reviewed(slot, month):
    assert pbr.reviewed(slot) == month


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-00", "0000-01", "2026-1", "26-10", "oct", "", "2026-10-01", "2026/10"]
)
def test_what_is_no_month_names_none(text):
    assert pbr.month_of(text) is None


@pytest.mark.parametrize(
    ("text", "meant"),
    [("2026-10", True), ("2026-13", True), ("oct", True), ("October", True), ("Sept.", True), ("10/26", True),
     ("corp", False), ("marble", False), ("ma", False), ("", False), ("acme", False)],
)  # fmt: skip
def test_a_word_that_has_a_digit_or_begins_like_a_month_was_meant_as_one(text, meant):
    assert pbr.looks_like_month(text) is meant


def test_a_month_that_had_none_names_the_newest_there_are():
    months = [date(2020 + number // 12, number % 12 + 1, 1) for number in range(30)]
    words = str(pbr.refuse_month("2019-01", "Acme", months, FEBRUARY))
    assert words.startswith("There was no PBR of 2019-01 with Acme. There are PBRs of 2022-06, 2022-05,")
    assert words.endswith("2021-07 and 18 before.")
    assert str(pbr.refuse_month("x", "Acme", [], FEBRUARY)).endswith("such as 2026-10.")


def test_what_is_missing_comes_in_the_order_in_which_it_is_worth_mending():
    closed = SaidFact(field="category", said="won", crm="commit", by_id=1, at=NOW)
    open_ = [deal(1, None, attribution="", close_date=None), deal(2, said=(closed,)), deal(3, category="commit")]
    gaps = pbr.gaps(open_, [deal(4, attribution="")], [lost(5), lost(6, "price", attribution="")], [deal(7)])
    assert [(gap.kind, gap.deal_id) for gap in gaps] == [
        ("reason", 5), ("undated", 7), ("attribution", 4), ("attribution", 1), ("amount", 1), ("close_date", 1), ("said", 2),
    ]  # fmt: skip
    assert all(gap.sentence.startswith(gap.name) and gap.sentence.endswith(".") for gap in gaps)


@pytest.mark.parametrize(
    ("today", "crm", "expected"),
    [
        (date(2026, 2, 28), date(2026, 2, 28), "month"),
        (date(2026, 3, 1), date(2026, 2, 28), "crm"),
        (date(2026, 3, 1), date(2026, 3, 1), ""),
        (date(2026, 3, 1), None, ""),
    ],
)
def test_a_month_is_provisional_while_it_runs_and_while_the_export_does_not_reach_its_end(today, crm, expected):
    assert pbr.provisional(FEBRUARY, today=today, crm_day=crm) == expected


def test_accounts_are_typed_one_a_line_and_named_once():
    assert pbr.typed_accounts(" Halyard \n\nHALYARD\r\nTwo\tWords\n") == ("Halyard", "Two Words")


def commitment(number, fate="new", due_before=None):
    return CommitmentFact(
        commitment_id=number, text=f"{number}", owner_id=1, due=FEBRUARY, fate=fate, due_before=due_before
    )


def test_a_correction_keeps_what_stood_and_adds_what_it_says():
    before = (commitment(1, "kept", FEBRUARY), commitment(2, "carried"), commitment(3))
    present = [commitment(2, "moved", FEBRUARY), commitment(3), commitment(4), commitment(5), commitment(6, "carried")]
    found = pbr.carried_over(before, present, later={5})
    assert [(item.commitment_id, item.fate) for item in found] == [(1, "kept"), (2, "moved"), (3, "new"), (4, "new")]
    first = pbr.carried_over((), present, later={5})
    assert [item.commitment_id for item in first] == [2, 3, 4, 6]


def test_the_same_words_differ_in_nothing_and_other_words_are_named_with_both():
    yours = Said(
        held=False, reason="ill", lost={1: Loss(reason="price", shared=True)}, pursuit=("d1",), accounts="Halyard",
        changes=("a", ""), verdicts={7: TypedVerdict(fate="moved", due=FEBRUARY)},
        promises=(TypedPromise(text="x", owner_id=3, due=FEBRUARY),), what_changed="w",
    )  # fmt: skip
    assert pbr.differences(yours, yours, deals={}, people={}) == []
    assert pbr.differences(Said(changes=("", ""), promises=(TypedPromise(),)), Said(), deals={}, people={}) == []
    theirs = Said(lost={1: Loss(), 2: Loss(reason="only theirs")})
    assert pbr.differences(theirs, yours, deals={1: "Gone"}, people={3: "Ann"}) == [
        ("Held", "held", "not held"),
        ("Why it was not held", "nothing", "ill"),
        ("Accounts typed", "nothing", "Halyard"),
        ("What changed", "nothing", "w"),
        ("Pursuit list", "0 chosen", "1 chosen"),
        ("Change 1", "nothing", "a"),
        ("Why “Gone” was lost", "no reason", "price (the partner may see it)"),
        ("Commitment 1", "nothing", "x, Ann, by 01 Feb"),
        ("A last commitment", "nothing", "moved to 01 Feb"),
    ]


def test_facts_that_were_frozen_can_be_read_again_and_begin_a_correction():
    facts = PbrFacts(
        partner_id=1, partner="Acme", pm_id=1, slot="2026-03", day=FEBRUARY, state="held", month=FEBRUARY,
        ends=date(2026, 2, 28), pipeline_day=FEBRUARY, deals=(deal(1),), lost=(lost(2, "price"),), changes=("a", "b"),
        pursuit=(pbr.Pursued(key="d1", account="A", deal="Deal 1"), pbr.Pursued(account="Halyard")),
    )  # fmt: skip
    assert PbrFacts.model_validate(facts.model_dump(mode="json")) == facts
    assert pbr.said_of(facts) == Said(pursuit=("d1",), accounts="Halyard", changes=("a", "b"))
    assert (facts.has_deals, facts.without_attribution) == (True, 0)
