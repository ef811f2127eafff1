"""Settings by environment. Built by the composition root, never at import; a wrong one is named, with what it should be."""

import ipaddress
from datetime import date, time, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlparse

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from models.cadences import WEEKDAYS
from models.domain.errors import UserError
from models.domain.fiscal import Table, WeekModel
from models.domain.money import known_currency
from models.domain.policy import Policy
from models.domain.workdays import check_calendar_code
from models.domain.zones import zone

SLACK = "https://slack.com/api/"


def _env(name: str) -> Any:
    return AliasChoices(name)


class Settings(BaseSettings):
    """Everything the environment says. Secrets are SecretStr, so that no log or error can print them."""

    model_config = SettingsConfigDict(env_prefix="CADENCE_", extra="ignore", populate_by_name=True, frozen=True)

    slack_bot_token: SecretStr = Field(
        validation_alias=_env("SLACK_BOT_TOKEN"), description="xoxb-…, from OAuth & Permissions"
    )
    slack_app_token: SecretStr | None = Field(
        None, validation_alias=_env("SLACK_APP_TOKEN"), description="xapp-…, for Socket Mode: no public address needed"
    )
    slack_signing_secret: SecretStr | None = Field(
        None, validation_alias=_env("SLACK_SIGNING_SECRET"), description="for HTTP mode, instead of the app token"
    )
    slack_api_url: str = Field(SLACK, validation_alias=_env("SLACK_API_URL"), description="Slack's Web API")
    database_url: str = Field(
        "sqlite:///cadence.db", validation_alias=_env("DATABASE_URL"), description="sqlite:///file or postgresql://…"
    )
    host: str = Field(
        "127.0.0.1", validation_alias=_env("HOST"), description="where /healthz, /calendar and /slack/events listen"
    )
    port: int = Field(3000, ge=0, le=65535, validation_alias=_env("PORT"), description="its port")
    public_url: str = Field(
        "", description="what calendar addresses begin with, as people reach the bot; empty: files only"
    )

    zone: str = Field("UTC", description="the company's time zone, such as Europe/London")
    holidays: str = Field("", description="the company's holiday calendar, such as GB-ENG; empty for none")
    closed_days: Annotated[tuple[date, ...], NoDecode] = Field(
        (), description="further days off, as 2026-12-24,2026-12-31"
    )
    leadership_channel: str = Field("", description="where the Friday note goes: a channel's name or id")
    team_channel: str = Field("", description="the partner team's channel: team call, office hours")
    executive_channel: str = Field("", description="the channel of CEO, CFO and CRO: the consolidated forecast")
    currency: str = Field("USD", description="the currency of amounts whose file has none")
    fiscal_start_month: int = Field(1, ge=1, le=12, description="the first month of the fiscal year")
    fiscal_model: WeekModel = Field(
        WeekModel.FIRST_MONDAY,
        description="where a quarter's weeks begin: first_monday, iso_thursday, day_one or table",
    )
    fiscal_table: str = Field(
        "", description="for the model table, as 2026Q1=2026-02-01,2026Q2=2026-05-03,end=2026-08-01"
    )
    truth: Literal["crm", "slack"] = Field("crm", description="who owns stage, category, amount and close date")
    admin: str = Field("", description="the first admin's e-mail or Slack id; else the workspace's primary owner")
    tier1_ceiling: int = Field(
        6, ge=1, description="Tier 1 partners for one partner manager before it is named a breach"
    )
    stall_days: int = Field(14, ge=1, description="days without forward movement before a deal is stalled")
    work_start: time = Field(time(8), description="working hours begin, local")
    work_end: time = Field(time(18), description="working hours end, local")
    review_day: str = Field("Thursday", description="default weekday of a weekly review")
    review_at: time = Field(time(10), description="default hour of the first review, in the partner manager's zone")
    review_minutes: int = Field(30, ge=5, le=240, description="default length of a review")
    prompt_at: time = Field(time(10), description="when owners are asked, on their last working day before")
    nudge_at: time = Field(time(8), description="the nudge on the day of the first review")
    nudge_fallback_at: time = Field(time(15), description="the nudge on the prompt's day, when the review is too early")
    friday_note_at: time = Field(time(15), description="the Friday note, company zone")
    agenda_minutes: int = Field(10, ge=1, le=240, description="how long before a review its agenda is posted")
    tick_seconds: float = Field(5.0, ge=0.2, le=60, description="how often the bot looks for what is due")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="how much is logged")
    simulated_clock: bool = Field(default=False, description="wait for the local Slack's clock; loopback only")

    @field_validator("slack_bot_token")
    @classmethod
    def _bot_token(cls, value: SecretStr) -> SecretStr:
        return _prefixed(value, "xoxb-", "SLACK_BOT_TOKEN")

    @field_validator("slack_app_token")
    @classmethod
    def _app_token(cls, value: SecretStr | None) -> SecretStr | None:
        return None if value is None or not value.get_secret_value() else _prefixed(value, "xapp-", "SLACK_APP_TOKEN")

    @field_validator("slack_api_url")
    @classmethod
    def _api_url(cls, value: str) -> str:
        parts = urlparse(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("should be a URL such as https://slack.com/api/")
        return value if value.endswith("/") else value + "/"

    @field_validator("public_url")
    @classmethod
    def _public_url(cls, value: str) -> str:
        parts = urlparse(value.strip())
        if value.strip() and (
            parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment
        ):
            raise ValueError("should be the address people reach the bot at, such as https://cadence.example.com")
        return value.strip().rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str) -> str:
        if not value.startswith(
            ("sqlite:///", "postgresql://", "postgres://", "sqlite+aiosqlite:///", "postgresql+asyncpg://")
        ):
            raise ValueError("should begin with sqlite:/// or postgresql://")
        return value

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        return _plain(lambda: zone(value), value)

    @field_validator("holidays")
    @classmethod
    def _holidays(cls, value: str) -> str:
        return _plain(lambda: check_calendar_code(value), value)

    @field_validator("closed_days", mode="before")
    @classmethod
    def _closed_days(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("fiscal_table")
    @classmethod
    def _fiscal_table(cls, value: str) -> str:
        return _plain(lambda: Table.parse(value), value.strip()) if value.strip() else ""

    @field_validator("leadership_channel", "team_channel", "executive_channel")
    @classmethod
    def _channel(cls, value: str) -> str:
        return value.strip().removeprefix("#")

    @field_validator("currency")
    @classmethod
    def _currency(cls, value: str) -> str:
        code = value.strip().upper()
        if not known_currency(code):
            raise ValueError("should be a currency code such as USD or EUR")
        return code

    @field_validator("review_day")
    @classmethod
    def _day(cls, value: str) -> str:
        if value.capitalize() not in WEEKDAYS[:5]:
            raise ValueError("should be a working day, Monday to Friday")
        return value.capitalize()

    @model_validator(mode="after")
    def _consistent(self) -> "Settings":
        if self.slack_app_token is None and not (
            self.slack_signing_secret and self.slack_signing_secret.get_secret_value()
        ):
            raise ValueError(
                "SLACK_APP_TOKEN (xapp-…, Socket Mode) or SLACK_SIGNING_SECRET (HTTP mode) is missing: one of them says "
                "how Slack reaches the bot"
            )
        if self.fiscal_model is WeekModel.TABLE and not self.fiscal_table:
            raise ValueError(
                "CADENCE_FISCAL_TABLE is missing: with CADENCE_FISCAL_MODEL=table it should say where each quarter begins, "
                "as 2026Q1=2026-02-01,2026Q2=2026-05-03,end=2026-08-01"
            )
        if self.fiscal_table and self.fiscal_model is not WeekModel.TABLE:
            raise ValueError(
                "CADENCE_FISCAL_TABLE counts only with CADENCE_FISCAL_MODEL=table: set that, or leave it out"
            )
        if self.work_start >= self.work_end:
            raise ValueError("CADENCE_WORK_END should be later than CADENCE_WORK_START")
        if self.simulated_clock and not self.is_loopback:
            raise ValueError(
                "CADENCE_SIMULATED_CLOCK works only with a local Slack: SLACK_API_URL should be on 127.0.0.1"
            )
        return self

    @property
    def is_loopback(self) -> bool:
        """Whether Slack's API is on this very machine: only then does the control endpoint exist."""
        host = urlparse(self.slack_api_url).hostname or ""
        try:
            return host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    @property
    def socket_mode(self) -> bool:
        return self.slack_app_token is not None

    def policy(self) -> Policy:
        """The team's numbers as the rest of the code knows them."""
        return Policy(
            zone=self.zone,
            holidays=self.holidays,
            closed_days=self.closed_days,
            leadership_channel=self.leadership_channel,
            team_channel=self.team_channel,
            executive_channel=self.executive_channel,
            fiscal_start_month=self.fiscal_start_month,
            fiscal_model=self.fiscal_model,
            fiscal_table=Table.parse(self.fiscal_table) if self.fiscal_table else None,
            currency=self.currency,
            crm_is_truth=self.truth == "crm",
            tier1_ceiling=self.tier1_ceiling,
            stall_days=self.stall_days,
            work_start=self.work_start,
            work_end=self.work_end,
            review_weekday=WEEKDAYS.index(self.review_day),
            review_at=self.review_at,
            review_minutes=self.review_minutes,
            prompt_at=self.prompt_at,
            nudge_day_of=self.nudge_at,
            nudge_fallback=self.nudge_fallback_at,
            friday_note_at=self.friday_note_at,
            agenda_lead=timedelta(minutes=self.agenda_minutes),
        )


def _prefixed(value: SecretStr, prefix: str, name: str) -> SecretStr:
    if not value.get_secret_value().startswith(prefix):
        raise ValueError(f"should begin with {prefix} (is it another token than {name}?)")
    return value


def _plain(check: Any, value: str) -> str:
    try:
        check()
    except UserError as error:
        raise ValueError(str(error)) from None
    return value


class BadSettings(UserError):
    """The environment is wrong; the message has a line for each setting, and no secret."""


def environment_name(field: str) -> str:
    """The variable a field is read from."""
    info = Settings.model_fields[field]
    if isinstance(info.validation_alias, AliasChoices):
        return str(info.validation_alias.choices[0])
    return f"CADENCE_{field.upper()}"


def load(**given: Any) -> Settings:
    """The settings, from the environment and `given`. Raises BadSettings naming each wrong or missing variable."""
    try:
        return Settings(**given)
    except ValidationError as error:
        lines = [_line(problem) for problem in error.errors(include_input=False, include_url=False)]
        raise BadSettings("These settings need mending:\n" + "\n".join(f"  {line}" for line in lines)) from None


def _line(problem: Any) -> str:
    place = str(problem["loc"][0]) if problem["loc"] else ""
    names = {environment_name(field): field for field in Settings.model_fields}
    variable = place if place in names else (environment_name(place) if place in Settings.model_fields else "")
    if problem["type"] == "missing":
        info = Settings.model_fields[names.get(variable, place)]
        return f"{variable} is missing: {info.description}"
    words = str(problem["msg"]).removeprefix("Value error, ")
    return f"{variable}: {words}" if variable else words
