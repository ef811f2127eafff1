"""The boundary's own arithmetic: sums and changes of what is shared alone, and a page without what was taken back."""

from datetime import date

from models.domain.shared import (
    Present,
    SharedChange,
    SharedClosed,
    SharedDeal,
    SharedNote,
    SharedReadout,
    SharedStep,
    SharedSum,
    compared,
    narrowed,
    sums,
)

DAY = date(2026, 3, 5)


def deal(ref=1, amount=100, currency="USD", **more):
    return SharedDeal(
        ref=ref, account=f"A{ref}", amount=amount, currency=currency if amount is not None else "", **more
    )


def present(marks, **more):
    return Present(**{"marks": marks, "stages": (), "wordings": (), "reasons": (), **more})


def test_sums_add_shared_amounts_by_currency_and_leave_the_others_out():
    listed = [deal(1, 100), deal(2, None), deal(3, 50), deal(4, 500, "EUR")]
    assert sums(listed) == (
        SharedSum(currency="EUR", amount=500, deals=1),
        SharedSum(currency="USD", amount=150, deals=2),
    )
    assert sums([deal(1, None)]) == ()


def test_a_change_compares_a_deal_only_with_itself_in_the_same_currency_shared_both_times():
    before = [deal(1, 100), deal(2, None), deal(3, 70), deal(4, 10), deal(6, 5)]
    now = [deal(1, 130), deal(2, 80), deal(3, None), deal(4, 10, "EUR"), deal(5, 999), deal(6, 4)]
    assert compared(before, now) == (SharedChange(currency="USD", amount=29, deals=2),)
    assert compared([], now) == ()


def test_a_page_of_which_nothing_was_taken_back_stays_as_it_is():
    note = SharedNote(
        partner="Acme", day=DAY, deals=(deal(1, stage="Offer", ours=SharedStep(text="send")),),
        closed=(SharedClosed(ref=2, account="B", outcome="lost", stage="Stopped", reason="budget"),),
        change=(SharedChange(currency="USD", amount=1, deals=1),),
    )  # fmt: skip
    now = present({1: True, 2: False}, stages={"Offer", "Stopped"}, wordings={(1, "send")}, reasons={2})
    assert narrowed(note, now) == note


def test_what_was_taken_back_goes_and_a_change_with_a_part_of_it_goes_as_a_whole():
    note = SharedNote(
        partner="Acme", day=DAY, change=(SharedChange(currency="USD", amount=1, deals=2),),
        deals=(deal(1, stage="Offer", ours=SharedStep(text="send"), theirs=SharedStep(text="ask the CFO")), deal(2)),
    )  # fmt: skip
    left = narrowed(note, present({1: False}))
    assert left.deals == (deal(1, None, theirs=SharedStep(text="ask the CFO")),)
    assert left.change == ()


def test_a_closed_deal_goes_with_the_last_words_that_say_so():
    closed = (
        SharedClosed(ref=1, account="A", outcome="won", stage="Ordered", amount=5, currency="USD"),
        SharedClosed(ref=2, account="B", outcome="lost", stage="Stopped", reason="budget"),
        SharedClosed(ref=3, account="C", outcome="lost", reason="budget"),
        SharedClosed(ref=4, account="D", outcome="won", stage="Ordered"),
    )
    page = SharedReadout(partner="Acme", quarter="2026Q1", day=DAY, closed=closed)
    left = narrowed(page, present({1: False, 2: True, 3: True}, stages={"Ordered"}, reasons={2}))
    assert [(one.ref, one.stage, one.amount, one.reason) for one in left.closed] == [
        (1, "Ordered", None, ""), (2, "", None, "budget"),
    ]  # fmt: skip
