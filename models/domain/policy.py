"""The team's numbers: every default of the operating model that the code uses, as one frozen value."""

from datetime import date, time, timedelta
from functools import lru_cache

from pydantic import BaseModel, ConfigDict

from models.domain.deals import DEFAULT_STAGES, StageTable
from models.domain.fiscal import FiscalYear, Quarter, Table, WeekModel
from models.domain.workdays import ClosedDay, WorkCalendar


class Policy(BaseModel):
    """What the settings say about the company; passed down, never read from the environment here."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    zone: str = "UTC"
    holidays: str = ""
    closed_days: tuple[date, ...] = ()
    leadership_channel: str = ""
    team_channel: str = ""
    executive_channel: str = ""
    fiscal_start_month: int = 1
    fiscal_model: WeekModel = WeekModel.FIRST_MONDAY
    fiscal_table: Table | None = None
    kept_quarters: tuple[Quarter, ...] = ()
    currency: str = "USD"
    stages: StageTable = DEFAULT_STAGES
    crm_is_truth: bool = True
    tier1_ceiling: int = 6
    stall_days: int = 14
    work_start: time = time(8)
    work_end: time = time(18)
    review_weekday: int = 3
    review_at: time = time(10)
    review_minutes: int = 30
    prompt_at: time = time(10)
    nudge_day_of: time = time(8)
    nudge_fallback: time = time(15)
    friday_note_at: time = time(15)
    agenda_lead: timedelta = timedelta(minutes=10)
    horizon: timedelta = timedelta(days=35)
    crm_stale_days: int = 2

    @property
    def calendar(self) -> WorkCalendar:
        """The company's working days."""
        return WorkCalendar(code=self.holidays, closed=tuple(ClosedDay(day) for day in self.closed_days))

    @property
    def fiscal(self) -> FiscalYear:
        """The company's quarters and weeks; those that had begun as they were kept."""
        return _fiscal(self.fiscal_start_month, self.fiscal_model, self.fiscal_table, self.kept_quarters)


@lru_cache(maxsize=64)
def _fiscal(start_month: int, model: WeekModel, table: Table | None, kept: tuple[Quarter, ...]) -> FiscalYear:
    """One calendar for every policy that says the same: what it has worked out once, it knows."""
    return FiscalYear(start_month=start_month, model=model, table=table, kept=kept)
