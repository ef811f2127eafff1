"""What changed: each kind on its own line, several on one deal in their order, and the lines add up whatever happens."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.domain.fiscal import Quarter
from models.domain.forecast.changes import BANDS, DealAt, Ledger, split
from models.domain.forecast.facts import Bands, ChangeKind, ChangeLine
from models.domain.forecast.parts import Part, divide, parts_with_rest
from models.domain.forecast.rates import Rate, convert

QUARTER = Quarter(2026, 4, date(2026, 10, 1), date(2026, 12, 31))
IN_TIME, LATER, NEXT_QUARTER = date(2026, 11, 20), date(2026, 12, 20), date(2027, 1, 15)
DOLLAR = Rate("USD", "USD", IN_TIME, Decimal(1))
OLD, NEW = Rate("EUR", "USD", date(2026, 10, 1), Decimal("1.1")), Rate("EUR", "USD", date(2026, 11, 1), Decimal("1.2"))
WHOLE = (Part(1, 11, 10_000),)
DEAL = DealAt(7, "commit", "sourced", IN_TIME, "USD", 1000, DOLLAR, 1000, WHOLE, 1, 11)


def lines(before, after, old_rates=None):
    ledger = Ledger()
    ledger.add(split(before, after, QUARTER, old_rates or {}))
    return [(line.kind.value, {name: value for name, value in line.bands if value}) for line in ledger.program()]


def in_euros(amount, rate, **changes):
    value = None if amount is None else convert(amount, rate)
    return replace(DEAL, currency="EUR", amount=amount, rate=rate, value=value, **changes)


def worth(amount):
    return replace(DEAL, amount=amount, value=amount)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, DEAL, [("new", {"commit": 1000, "deals": 1})]),
        (None, replace(DEAL, category="won"), [("new", {"won": 1000, "deals": 1})]),
        (DEAL, None, [("new", {"commit": -1000, "deals": -1})]),
        (DEAL, replace(DEAL, category="won"), [("won", {"commit": -1000, "won": 1000})]),
        (DEAL, replace(DEAL, category="lost"), [("lost", {"commit": -1000, "deals": -1})]),
        (replace(DEAL, category="won"), replace(DEAL, category="lost"), [("lost", {"won": -1000, "deals": -1})]),
        (replace(DEAL, category="lost"), replace(DEAL, category="won"), [("won", {"won": 1000, "deals": 1})]),
        (replace(DEAL, category="won"), DEAL, [("reopened", {"won": -1000, "commit": 1000})]),
        (replace(DEAL, category="lost"), DEAL, [("reopened", {"commit": 1000, "deals": 1})]),
        (replace(DEAL, parts=()), DEAL, [("reassigned", {"commit": 1000, "deals": 1})]),
        (DEAL, replace(DEAL, parts=()), [("reassigned", {"commit": -1000, "deals": -1})]),
        (DEAL, replace(DEAL, category="pipeline"), [("recategorised", {"commit": -1000, "pipeline": 1000})]),
        (DEAL, replace(DEAL, close_date=NEXT_QUARTER), [("pushed_out", {"commit": -1000, "deals": -1})]),
        (DEAL, replace(DEAL, close_date=None), [("pushed_out", {"commit": -1000, "deals": -1})]),
        (replace(DEAL, close_date=NEXT_QUARTER), DEAL, [("pulled_in", {"commit": 1000, "deals": 1})]),
        (replace(DEAL, close_date=None), DEAL, [("pulled_in", {"commit": 1000, "deals": 1})]),
        (replace(DEAL, close_date=date(2026, 9, 1)), DEAL, [("pushed_out", {"commit": 1000, "deals": 1})]),
        (DEAL, replace(DEAL, close_date=date(2026, 9, 1)), [("pulled_in", {"commit": -1000, "deals": -1})]),
        (DEAL, worth(1300), [("bigger", {"commit": 300})]),
        (DEAL, worth(900), [("smaller", {"commit": -100})]),
        (DEAL, worth(None), [("smaller", {"commit": -1000, "unknown": 1})]),
        (worth(None), DEAL, [("bigger", {"commit": 1000, "unknown": -1})]),
        (worth(None), worth(0), [("bigger", {"unknown": -1})]),
        (worth(0), worth(None), [("smaller", {"unknown": 1})]),
        (worth(None), worth(-10), [("smaller", {"commit": -10, "unknown": -1})]),
        (in_euros(1000, OLD), in_euros(1000, NEW), [("rate", {"commit": 100})]),
        # nothing of it touches the quarter's sums
        (None, None, []),
        (DEAL, DEAL, []),
        (None, replace(DEAL, category="lost"), []),
        (replace(DEAL, category="lost"), None, []),
        (DEAL, replace(DEAL, close_date=LATER), []),
        (replace(DEAL, category="lost"), replace(DEAL, close_date=NEXT_QUARTER), []),
        (in_euros(None, OLD), in_euros(None, NEW), []),
    ],
)
def test_each_change_stands_on_its_own_line(before, after, expected):
    assert lines(before, after) == expected


def test_a_deal_with_several_changes_is_split_in_their_order():
    after = in_euros(
        2000, NEW, category="pipeline", parts=(Part(2, 12, 10_000),), partner_id=2, pm_id=12, close_date=LATER
    )
    ledger = Ledger()
    ledger.add(split(in_euros(1000, OLD), after, QUARTER))
    assert ledger.by_pm() == {
        11: (ChangeLine(kind="reassigned", bands=Bands(commit=-1100, deals=-1), deals=1),),
        12: (
            ChangeLine(kind="reassigned", bands=Bands(commit=1100, deals=1), deals=1),
            ChangeLine(kind="recategorised", bands=Bands(commit=-1100, pipeline=1100), deals=1),
            ChangeLine(kind="bigger", bands=Bands(pipeline=1100), deals=1),  # another EUR 10.00 at 1.1
            ChangeLine(kind="rate", bands=Bands(pipeline=200), deals=1),  # EUR 20.00 at 1.2 less at 1.1
        ),
    }
    assert [line.kind for line in ledger.program()] == ["recategorised", "bigger", "rate"]


def test_what_a_counted_deal_takes_with_it_is_its_frozen_value():
    frozen = replace(in_euros(1000, OLD), value=1111)
    assert lines(frozen, in_euros(1000, OLD, category="won")) == [
        ("won", {"won": 1111, "commit": -1111}),
        ("rate", {"won": -11}),
    ]


def test_a_deal_that_comes_in_is_valued_as_it_was():
    outside = {"close_date": NEXT_QUARTER}
    after = in_euros(1500, NEW)
    assert after.value == 1800
    known = replace(in_euros(1000, OLD), **outside)
    steps = [("pulled_in", {"commit": 1100, "deals": 1}), ("bigger", {"commit": 550}), ("rate", {"commit": 150})]
    assert lines(known, after) == steps
    assert lines(replace(known, value=None), after) == steps
    # nobody had a rate for it then: the new one
    assert lines(replace(known, value=None, rate=None), after) == [
        ("pulled_in", {"commit": 1200, "deals": 1}),
        ("bigger", {"commit": 600}),
    ]
    # nor is there one now of the currency it had: then it came in as large as it is
    yen = replace(known, currency="JPY", amount=90_000, value=None, rate=None)
    assert lines(yen, after) == [("pulled_in", {"commit": 1800, "deals": 1})]
    assert lines(replace(known, amount=None, value=None), after) == [
        ("pulled_in", {"deals": 1, "unknown": 1}),
        ("bigger", {"commit": 1650, "unknown": -1}),
        ("rate", {"commit": 150}),
    ]


def test_a_changed_currency_is_compared_at_the_old_rates():
    after = in_euros(1000, NEW)  # USD 12.00
    assert lines(DEAL, after, {"EUR": OLD}) == [("bigger", {"commit": 100}), ("rate", {"commit": 100})]
    assert lines(DEAL, after) == [("bigger", {"commit": 200})]
    assert lines(worth(5000), after, {"EUR": OLD}) == [("smaller", {"commit": -3900}), ("rate", {"commit": 100})]
    assert lines(worth(1100), after, {"EUR": OLD}) == [("rate", {"commit": 100})]
    assert lines(worth(1100), in_euros(None, NEW)) == [("smaller", {"commit": -1100, "unknown": 1})]


def test_an_amount_whose_rate_nobody_knows_is_taken_at_what_is_stored():
    before = replace(in_euros(1000, OLD), rate=None)
    assert lines(before, replace(in_euros(2000, NEW), rate=None)) == [("bigger", {"commit": 1300})]


def test_a_deal_with_two_partners_counts_once_above_them_and_at_each():
    shared = replace(DEAL, amount=1001, value=1001, parts=(Part(1, 11, 6000), Part(2, 12, 3000), Part(0, 11, 1000)))
    ledger = Ledger()
    ledger.add(split(None, shared, QUARTER))

    def new(commit, deals=1):
        return (ChangeLine(kind="new", bands=Bands(commit=commit, deals=deals), deals=1),)

    assert ledger.program() == new(1001)
    assert ledger.by_pm() == {11: new(701), 12: new(300, deals=0)}  # counted at the primary partner's manager
    assert ledger.by_partner() == {1: new(601), 2: new(300), 0: new(100)}
    assert ledger.by_part() == {(11, 1): new(601), (12, 2): new(300), (11, 0): new(100)}
    assert ledger.by_kind() == {"sourced": new(1001)}


def test_a_changed_kind_is_reassigned_between_kinds_and_nowhere_else():
    ledger = Ledger()
    ledger.add(split(DEAL, replace(DEAL, kind="co_sold"), QUARTER))
    assert {kind: [line.kind for line in found] for kind, found in ledger.by_kind().items()} == {
        "sourced": ["reassigned"],
        "co_sold": ["reassigned"],
    }
    assert (ledger.program(), ledger.by_pm(), ledger.by_partner(), ledger.by_part()) == ((), {}, {}, {})


def test_a_partner_with_a_new_manager_is_reassigned_between_managers_and_not_at_the_partner():
    ledger = Ledger()
    ledger.add(split(DEAL, replace(DEAL, pm_id=12, parts=(Part(1, 12, 10_000),)), QUARTER))
    assert (ledger.program(), ledger.by_partner()) == ((), {})
    assert sorted(ledger.by_part()) == [(11, 1), (12, 1)]


def test_a_line_on_which_two_deals_cancel_out_still_stands():
    ledger = Ledger()
    ledger.add(split(DEAL, replace(DEAL, category="pipeline"), QUARTER))
    ledger.add(split(replace(DEAL, category="pipeline"), DEAL, QUARTER))
    assert ledger.program() == (ChangeLine(kind="recategorised", bands=Bands(), deals=2),)


# --- whatever happens to whatever deals -------------------------------------------------------------------------------

OLD_RATES = {
    "USD": DOLLAR,
    "EUR": OLD,
    "JPY": Rate("JPY", "USD", date(2026, 10, 1), Decimal("0.006713")),
    "KWD": Rate("KWD", "USD", date(2026, 10, 1), Decimal("3.2549")),
}
NEW_RATES = OLD_RATES | {"EUR": NEW, "JPY": Rate("JPY", "USD", date(2026, 11, 1), Decimal("0.006499"))}
MANAGERS = st.sampled_from([None, 11, 12])


@st.composite
def standings(draw, rates):
    """A deal as it may stand: counting or not, its parts in any way; one that does not count may lack value and rate."""
    currency = draw(st.sampled_from(sorted(rates)))
    amount = draw(st.one_of(st.none(), st.integers(-(10**6), 10**9)))
    partners = draw(st.lists(st.integers(1, 3), max_size=3, unique=True))
    left, parts = 10_000, []
    for partner in partners:
        share = draw(st.integers(1, max(1, left // 2))) if draw(st.booleans()) else max(1, left - 2)
        left -= share
        parts.append(Part(partner, draw(MANAGERS), share))
    deal = DealAt(
        deal_id=1,
        category=draw(st.sampled_from(["won", "commit", "best_case", "pipeline", "lost"])),
        kind=draw(st.sampled_from(["", "sourced", "co_sold"])),
        close_date=draw(st.sampled_from([None, date(2026, 9, 30), IN_TIME, IN_TIME, LATER, LATER, NEXT_QUARTER])),
        currency=currency,
        amount=amount,
        rate=rates[currency],
        value=None if amount is None else convert(amount, rates[currency]),
        parts=parts_with_rest(parts, parts[0].pm_id) if parts else (),
        partner_id=partners[0] if partners else None,
        pm_id=parts[0].pm_id if parts else None,
    )
    if deal.counts(QUARTER):
        return deal
    return replace(
        deal,
        value=draw(st.sampled_from([deal.value, None])),
        rate=draw(st.sampled_from([deal.rate, None])),
    )


pairs = st.lists(
    st.tuples(st.one_of(st.none(), standings(OLD_RATES)), st.one_of(st.none(), standings(NEW_RATES))), max_size=6
)


def bands_of(deals, place):
    """What the quarter holds in a place, added up deal by deal and part by part: the slow way.

    `place` says of a part, or of the whole deal (part None), whether it belongs there.
    """
    sums = dict.fromkeys(Bands.model_fields, 0)
    for deal in deals:
        if deal is None or not deal.counts(QUARTER):
            continue
        whole, parts = place(deal)
        shares = divide(deal.value or 0, deal.parts)
        sums[deal.category] += sum(value for part, value in zip(deal.parts, shares, strict=True) if part in parts)
        sums["deals"] += whole
        sums["unknown"] += whole and deal.value is None
    return Bands(**sums)


def places(deals):
    """Every place of these deals: the level and its key, and what of a deal belongs there."""
    counting = [deal for deal in deals if deal is not None]
    yield ("program", None), lambda deal: (1, deal.parts)
    for pm in {part.pm_id for deal in counting for part in deal.parts} | {deal.pm_id for deal in counting}:
        yield ("pm", pm), lambda deal, pm=pm: (deal.pm_id == pm, [part for part in deal.parts if part.pm_id == pm])
    for kind in {deal.kind for deal in counting}:
        yield ("kind", kind), lambda deal, kind=kind: (deal.kind == kind, deal.parts if deal.kind == kind else ())
    for partner in {part.partner_id for deal in counting for part in deal.parts}:

        def at_partner(deal, partner=partner):
            own = [part for part in deal.parts if part.partner_id == partner]
            return bool(own), own

        yield ("partner", partner), at_partner
    for key in {(part.pm_id, part.partner_id) for deal in counting for part in deal.parts}:

        def at_part(deal, key=key):
            own = [part for part in deal.parts if (part.pm_id, part.partner_id) == key]
            return bool(own), own

        yield ("part", key), at_part


def lines_at(ledger, level, key):
    if level == "program":
        return ledger.program()
    by = {"pm": ledger.by_pm, "kind": ledger.by_kind, "partner": ledger.by_partner, "part": ledger.by_part}[level]
    return by().get(key, ())


@settings(max_examples=120)
@given(pairs)
def test_the_lines_add_up_to_the_difference_in_every_band_and_place_in_their_order(changes):
    ledger = Ledger()
    for before, after in changes:
        ledger.add(split(before, after, QUARTER, OLD_RATES))
    order = list(ChangeKind)
    befores, afters = [before for before, _ in changes], [after for _, after in changes]
    for (level, key), place in places([*befores, *afters]):
        found = lines_at(ledger, level, key)
        difference = bands_of(afters, place) - bands_of(befores, place)
        assert Bands.sum(line.bands for line in found) == difference, (level, key)
        assert all(order.index(one.kind) < order.index(other.kind) for one, other in pairwise(found))
        assert all(1 <= line.deals <= len(changes) for line in found)


@settings(max_examples=120)
@given(standings(OLD_RATES), standings(NEW_RATES))
def test_a_deals_steps_come_in_order_each_once_and_each_does_something(before, after):
    deltas = split(before, after, QUARTER)
    order = [list(ChangeKind).index(delta.kind) for delta in deltas]
    assert order == sorted(set(order))
    assert all(delta.moved or delta.counted for delta in deltas)
    assert all(moved.amount and moved.kind == delta.kind for delta in deltas for moved in delta.moved)
    assert all(one.kind == delta.kind and (one.deals or one.unknown) for delta in deltas for one in delta.counted)
    assert ChangeKind.NEW not in {delta.kind for delta in deltas}
    if not (before.counts(QUARTER) or after.counts(QUARTER)):
        assert deltas == ()


@settings(max_examples=60)
@given(st.lists(standings(NEW_RATES), max_size=8))
def test_parts_add_up_to_totals_at_every_level_and_in_every_currency(deals):
    ledgers = {currency: Ledger() for currency in NEW_RATES}
    whole = Ledger()
    for deal in deals:
        whole.add(split(None, deal, QUARTER))
        ledgers[deal.currency].add(split(None, deal, QUARTER))

    def total(found):
        return Bands.sum(line.bands for line in found)

    def money(bands):
        return tuple(getattr(bands, band) for band in BANDS)

    program = total(whole.program())
    counting = [deal for deal in deals if deal.counts(QUARTER)]
    assert sum(money(program)) == sum(deal.value or 0 for deal in counting)
    assert (program.deals, program.unknown) == (len(counting), sum(deal.value is None for deal in counting))
    assert Bands.sum(total(found) for found in whole.by_pm().values()) == program
    assert Bands.sum(total(found) for found in whole.by_kind().values()) == program
    assert Bands.sum(total(ledger.program()) for ledger in ledgers.values()) == program
    assert money(Bands.sum(total(found) for found in whole.by_partner().values())) == money(program)
    for pm, found in whole.by_pm().items():
        own = [total(part) for (manager, _), part in whole.by_part().items() if manager == pm]
        assert money(Bands.sum(own)) == money(total(found))
