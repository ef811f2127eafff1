"""Quarters that had begun stay as they were: a changed setting renames no past day, loses none and fires nothing twice."""

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from models.domain.fiscal import FiscalYear, WeekModel
from models.domain.rules import ClosingMonthRule, LastWholeWeekRule, QuarterRule, QuarterWeekRule, nominal_days
from tests.domain.test_fiscal_models import check_tiles, four_four_five, quarters_of

ONE_DAY = timedelta(days=1)
JANUARY = FiscalYear()
THIRD, FOURTH = JANUARY.quarter(2026, 3), JANUARY.quarter(2026, 4)


def test_the_same_setting_changes_nothing():
    fiscal = JANUARY.model_copy(update={"kept": (FOURTH, THIRD)})
    assert quarters_of(fiscal) == quarters_of(JANUARY)
    assert fiscal.quarter(2026, 4) == FOURTH
    check_tiles(fiscal, quarters_of(fiscal, date(2024, 1, 1), date(2030, 1, 1)))


def test_a_changed_start_takes_effect_with_its_first_quarter_after_the_last_one_kept():
    fiscal = FiscalYear(start_month=2, kept=(THIRD, FOURTH))
    assert fiscal.quarter_of(date(2026, 12, 31)) == fiscal.quarter_of(date(2027, 1, 31))
    stretched, following = fiscal.quarter_of(date(2027, 1, 31)), fiscal.quarter_of(date(2027, 2, 1))
    assert (stretched.label, stretched.first, stretched.last) == ("2026Q4", date(2026, 10, 1), date(2027, 1, 31))
    assert (following.label, following.first, following.last) == ("2027Q1", date(2027, 2, 1), date(2027, 4, 30))
    assert fiscal.week_of(date(2027, 1, 4)) == (stretched, 14)
    assert fiscal.weeks_in(stretched) == 17


def test_a_new_quarter_whose_label_is_taken_gets_a_letter():
    kept = tuple(JANUARY.quarter(2026, number) for number in (1, 2, 3, 4))
    fiscal = FiscalYear(start_month=6, kept=kept)  # March 2027 is in the fourth quarter of its fiscal year 2026
    fresh = fiscal.quarter_of(date(2027, 3, 1))
    assert (fresh.label, fresh.year, fresh.number, fresh.first) == ("2026Q4b", 2026, 4, date(2027, 3, 1))
    assert fiscal.next(fresh).label == "2027Q1"
    assert fiscal.quarter(2026, 4).label == "2026Q4"
    again = FiscalYear(start_month=6, kept=(*kept, fresh))
    assert again.quarter_of(date(2027, 3, 1)) == fresh
    other = FiscalYear(start_month=9, kept=(*kept, fresh))
    assert other.quarter_of(date(2027, 6, 1)).label == "2026Q4c"


def test_before_the_first_kept_quarter_the_setting_counts_and_the_days_between_are_its_last_ones():
    fiscal = FiscalYear(start_month=2, kept=(THIRD, FOURTH))
    before = fiscal.previous(THIRD)
    assert (before.label, before.first, before.last) == ("2026Q1", date(2026, 2, 1), date(2026, 6, 30))
    assert fiscal.quarter_of(date(2026, 6, 30)) == before
    assert fiscal.quarter(2026, 2) == before  # May to July was never lived
    check_tiles(fiscal, quarters_of(fiscal, date(2024, 1, 1), date(2030, 1, 1)))


def test_a_hole_between_kept_quarters_belongs_to_the_one_before_it():
    fiscal = JANUARY.model_copy(update={"kept": (JANUARY.quarter(2026, 1), FOURTH)})
    assert fiscal.quarter_of(date(2026, 8, 1)).label == "2026Q1"
    check_tiles(fiscal, quarters_of(fiscal, date(2024, 1, 1), date(2030, 1, 1)))


def test_a_week_that_has_begun_is_not_cut_by_another_model():
    # 2026Q4 ends on a Thursday; its last week began on 28 December and goes to 3 January by first_monday.
    for model, opens in [
        (WeekModel.FIRST_MONDAY, date(2027, 1, 4)),
        (WeekModel.ISO_THURSDAY, date(2027, 1, 4)),
        (WeekModel.DAY_ONE, date(2027, 1, 8)),  # 1 to 7 January go to the last week whole
    ]:
        fiscal = FiscalYear(model=model, kept=(THIRD, FOURTH))
        following = fiscal.next(FOURTH)
        assert (following.first, following.model) == (date(2027, 1, 1), model)
        assert fiscal.week_starts(following, 1) == opens
        assert fiscal.week_starts(FOURTH, -1) == date(2026, 12, 28)
        assert fiscal.week_of(opens - ONE_DAY) == (FOURTH, 13)


CALENDARS = st.one_of(
    st.builds(FiscalYear, start_month=st.integers(1, 12), model=st.sampled_from([*WeekModel][:3])),
    st.just(FiscalYear(model=WeekModel.TABLE, table=four_four_five(2026, 2))),
)
RULES = [
    QuarterWeekRule(weeks=(1, 3, 5, 8, 9, 12, -1), weekday=0),
    QuarterWeekRule(weeks=(2, 13), weekday=3),
    LastWholeWeekRule(weekday=2),
    QuarterRule(),
    ClosingMonthRule(weekday=1, nth=3),
]


@settings(max_examples=80)
@given(
    CALENDARS,
    st.lists(st.tuples(CALENDARS, st.integers(0, 400)), min_size=1, max_size=3),
    st.dates(date(2025, 1, 1), date(2027, 12, 31)),
)
def test_whatever_is_set_and_when_no_past_day_is_renamed_and_none_is_lost(first, changes, day):
    fiscal, installed = first, day
    for setting, days in changes:
        fiscal = fiscal.model_copy(update={"kept": fiscal.to_keep(day)})
        day += timedelta(days=days)
        before = fiscal.model_copy(update={"kept": fiscal.to_keep(day)})
        fiscal = setting.model_copy(update={"kept": before.kept})
        check_change(before, fiscal, since=installed, day=day)


def check_change(before: FiscalYear, after: FiscalYear, *, since: date, day: date) -> None:
    lived = [since + n * ONE_DAY for n in range((day - since).days + 1)]
    for each in lived[::3] + lived[-1:]:
        assert before.quarter_of(each).label == after.quarter_of(each).label
        old, new = before.week_of(each), after.week_of(each)
        assert old[0].label == new[0].label
        # Up to three days that a last block could not carry alone begin a week once the quarter is stretched over it.
        added = before.week_starts(*old) + 7 * ONE_DAY <= each
        assert new[1] in ({old[1], old[1] + 1} if added else {old[1]}), each
    horizon = (since - 400 * ONE_DAY, day + 500 * ONE_DAY)
    quarters = quarters_of(after, *horizon)
    assert len({quarter.label for quarter in quarters}) == len(quarters)
    check_tiles(after, quarters)
    for rule in RULES:
        check_slots(rule, before, after, since=since, day=day, end=horizon[1])


def check_slots(rule, before, after, *, since, day, end) -> None:
    """A slot of the past is that day's for good; a row that counts from the end may still move to a later one."""
    past, all_after = list(nominal_days(rule, since, day, before)), list(nominal_days(rule, since, end, after))
    assert len({slot for slot, _ in all_after}) == len(all_after)
    days = dict(all_after)
    for slot, nominal in past:
        moved = days.get(slot, nominal)
        if isinstance(rule, ClosingMonthRule):
            assert moved >= nominal
        elif moved != nominal:  # only a stub of a week, whose weekday came with the days it was given
            assert before.week_ends(*before.week_of(nominal)) < moved <= nominal + 6 * ONE_DAY
