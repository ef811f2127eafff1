"""The team's numbers as one value, and the errors that carry what a form needs."""

from datetime import date

from models.domain.errors import BadFile, Conflict, FieldErrors, Stale, UserError
from models.domain.fiscal import FiscalYear, Table, WeekModel
from models.domain.policy import Policy


def test_the_companys_calendar_is_its_country_and_its_own_closed_days():
    calendar = Policy(holidays="GB-ENG", closed_days=(date(2026, 12, 24),)).calendar
    assert not calendar.is_business_day(date(2026, 12, 24))
    assert calendar.holiday_name(date(2026, 12, 24)) == "a closed day"
    assert not calendar.is_business_day(date(2026, 12, 25))
    assert calendar.is_business_day(date(2026, 12, 23))


def test_the_fiscal_year_starts_where_the_settings_say():
    assert Policy(fiscal_start_month=2).fiscal.quarter_of(date(2026, 2, 1)).label == "2026Q1"


def test_the_fiscal_calendar_is_worked_out_once_and_a_changed_policy_has_its_own():
    policy = Policy()
    assert policy.fiscal is Policy().fiscal
    table = Table.parse("2026Q1=2026-02-01,end=2026-05-02")
    kept = FiscalYear().to_keep(date(2026, 1, 15))
    changed = policy.model_copy(
        update={"fiscal_model": WeekModel.TABLE, "fiscal_table": table, "kept_quarters": kept, "fiscal_start_month": 2}
    )
    assert changed.fiscal == FiscalYear(start_month=2, model=WeekModel.TABLE, table=table, kept=kept)
    assert policy.fiscal == FiscalYear()


def test_field_errors_keep_their_fields_and_read_as_one_sentence():
    error = FieldErrors({"a": "One.", "b": "Two."})
    assert (str(error), error.errors) == ("One. Two.", {"a": "One.", "b": "Two."})


def test_a_stale_form_and_a_bad_file_carry_what_the_person_needs_to_mend_them():
    conflict = Conflict("amount", "1", "2", "3", "Ann")
    assert Stale((conflict,)).conflicts == (conflict,)
    assert BadFile("refused", ("line 2",)).problems == ("line 2",)
    assert all(issubclass(kind, UserError) for kind in (FieldErrors, Stale, BadFile))
