"""Settings: a wrong or missing one is named with what it should be, and no secret ever stands in a message."""

import os
from datetime import date, time, timedelta

import pytest

from bot import settings as settings_of
from bot.settings import BadSettings, Settings, environment_name, load

GOOD = {"SLACK_BOT_TOKEN": "xoxb-good-token", "SLACK_APP_TOKEN": "xapp-good-token"}
LOCAL = {"SLACK_API_URL": "http://127.0.0.1:4500/api/"}


@pytest.fixture
def environment():
    """The process's own variables, emptied of ours and given back at the end."""
    names = {environment_name(field) for field in Settings.model_fields}
    kept = {name: os.environ.pop(name) for name in names & set(os.environ)}

    def put(**values):
        os.environ.update(values)

    yield put
    for name in names & set(os.environ):
        del os.environ[name]
    os.environ.update(kept)


def refused(environment, **values):
    environment(**{**GOOD, **values})
    for name in [name for name, value in values.items() if value == "(missing)"]:
        del os.environ[name]
    with pytest.raises(BadSettings) as found:
        load()
    lines = str(found.value).split("\n")
    assert lines[0] == "These settings need mending:"
    return [line.strip() for line in lines[1:]]


def test_two_tokens_are_enough_and_the_rest_has_defaults(environment):
    environment(**GOOD)
    found = load()
    assert (found.socket_mode, found.is_loopback, found.simulated_clock) == (True, False, False)
    assert (found.slack_api_url, found.database_url) == ("https://slack.com/api/", "sqlite:///cadence.db")
    assert (found.host, found.port, found.zone, found.truth) == ("127.0.0.1", 3000, "UTC", "crm")


def test_a_signing_secret_instead_of_the_app_token_means_http(environment):
    environment(SLACK_BOT_TOKEN="xoxb-x", SLACK_SIGNING_SECRET="secret", SLACK_APP_TOKEN="")
    assert not load().socket_mode


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("SLACK_BOT_TOKEN", "(missing)", "SLACK_BOT_TOKEN is missing: xoxb-…, from OAuth & Permissions"),
        ("SLACK_BOT_TOKEN", "xapp-1", "SLACK_BOT_TOKEN: should begin with xoxb- (is it another token than SLACK_BOT_TOKEN?)"),
        ("SLACK_APP_TOKEN", "xoxb-1", "SLACK_APP_TOKEN: should begin with xapp- (is it another token than SLACK_APP_TOKEN?)"),
        ("SLACK_APP_TOKEN", "(missing)", ("SLACK_APP_TOKEN (xapp-…, Socket Mode) or SLACK_SIGNING_SECRET (HTTP mode) is missing: "
         "one of them says how Slack reaches the bot")),
        ("SLACK_API_URL", "slack.com", "SLACK_API_URL: should be a URL such as https://slack.com/api/"),
        ("DATABASE_URL", "mysql://h/d", "DATABASE_URL: should begin with sqlite:/// or postgresql://"),
        *(("CADENCE_PUBLIC_URL", wrong,
           "CADENCE_PUBLIC_URL: should be the address people reach the bot at, such as https://cadence.example.com")
          for wrong in ("cadence.example.com", "ftp://cadence.example.com", "https://x.example/?a=b", "https://")),
        ("PORT", "web", "PORT: Input should be a valid integer, unable to parse string as an integer"),
        ("PORT", "70000", "PORT: Input should be less than or equal to 65535"),
        ("CADENCE_ZONE", "Mars/Base", ("CADENCE_ZONE: “Mars/Base” is not a time zone. Use a name like Europe/London or "
         "America/New_York.")),
        ("CADENCE_HOLIDAYS", "XX", "CADENCE_HOLIDAYS: There is no holiday calendar “XX”. Use a country code like US, or GB-SCT."),
        ("CADENCE_CLOSED_DAYS", "Christmas", "CADENCE_CLOSED_DAYS: Input should be a valid date or datetime, input is too short"),
        ("CADENCE_CURRENCY", "Dollars", "CADENCE_CURRENCY: should be a currency code such as USD or EUR"),
        ("CADENCE_FISCAL_START_MONTH", "13", "CADENCE_FISCAL_START_MONTH: Input should be less than or equal to 12"),
        ("CADENCE_FISCAL_MODEL", "weeks",
         "CADENCE_FISCAL_MODEL: Input should be 'first_monday', 'iso_thursday', 'day_one' or 'table'"),
        ("CADENCE_FISCAL_MODEL", "table",
         "CADENCE_FISCAL_TABLE is missing: with CADENCE_FISCAL_MODEL=table it should say where each quarter begins"),
        ("CADENCE_FISCAL_TABLE", "2026Q1", "CADENCE_FISCAL_TABLE: “2026Q1” should have a date such as 2026-02-01"),
        ("CADENCE_FISCAL_TABLE", "2026Q1=2026-02-01", "CADENCE_FISCAL_TABLE: should read like 2026Q1=2026-02-01,"),
        ("CADENCE_FISCAL_TABLE", "2026Q1=2026-02-01,end=2026-05-02",
         "CADENCE_FISCAL_TABLE counts only with CADENCE_FISCAL_MODEL=table"),
        ("CADENCE_TRUTH", "both", "CADENCE_TRUTH: Input should be 'crm' or 'slack'"),
        ("CADENCE_REVIEW_DAY", "Sunday", "CADENCE_REVIEW_DAY: should be a working day, Monday to Friday"),
        ("CADENCE_WORK_END", "07:00", "CADENCE_WORK_END should be later than CADENCE_WORK_START"),
        ("CADENCE_TIER1_CEILING", "0", "CADENCE_TIER1_CEILING: Input should be greater than or equal to 1"),
        ("CADENCE_LOG_LEVEL", "LOUD", "CADENCE_LOG_LEVEL: Input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("CADENCE_SIMULATED_CLOCK", "1", ("CADENCE_SIMULATED_CLOCK works only with a local Slack: SLACK_API_URL should be on "
         "127.0.0.1")),
    ],
)  # fmt: skip
def test_a_wrong_or_missing_one_is_named_with_what_it_should_be(environment, name, value, line):
    (found,) = refused(environment, **{name: value})
    assert found.startswith(line)


def test_all_that_is_wrong_is_named_at_once(environment):
    lines = refused(environment, PORT="x", CADENCE_ZONE="x", DATABASE_URL="x")
    assert [line.split(":")[0] for line in lines] == ["DATABASE_URL", "PORT", "CADENCE_ZONE"]


def test_no_secret_stands_in_a_message_or_a_repr(environment):
    secret = "very-secret-words"
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"):
        assert secret not in " ".join(refused(environment, **{name: secret, "PORT": "x"}))
    environment(
        SLACK_BOT_TOKEN=f"xoxb-{secret}", SLACK_APP_TOKEN=f"xapp-{secret}", SLACK_SIGNING_SECRET=secret, PORT="3000"
    )
    found = load()
    assert secret not in repr(found) + str(found) + str(found.model_dump())


def test_a_wrong_password_of_the_database_is_not_repeated(environment):
    assert "hunter2" not in " ".join(refused(environment, DATABASE_URL="mysql://me:hunter2@h/d"))


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:4500/api/", True),
        ("http://localhost:4500/api", True),
        ("http://[::1]:4500/api/", True),
        ("https://slack.com/api/", False),
        ("http://127.0.0.1.evil.example/api/", False),
        ("http://10.0.0.1/api/", False),
    ],
)
def test_only_this_very_machine_is_loopback_and_only_there_the_clock_may_be_simulated(environment, url, loopback):
    environment(**GOOD, SLACK_API_URL=url)
    assert load().is_loopback is loopback
    assert load().slack_api_url.endswith("/")
    environment(CADENCE_SIMULATED_CLOCK="1")
    if loopback:
        assert load().simulated_clock
    else:
        with pytest.raises(BadSettings, match="CADENCE_SIMULATED_CLOCK"):
            load()


def test_what_people_write_is_understood(environment):
    environment(**GOOD, **LOCAL, CADENCE_CLOSED_DAYS="2026-12-24, 2026-12-31,", CADENCE_LEADERSHIP_CHANNEL=" #leadership ",
                CADENCE_CURRENCY="eur", CADENCE_REVIEW_DAY="tuesday", CADENCE_REVIEW_AT="09:30", CADENCE_TRUTH="slack",
                CADENCE_AGENDA_MINUTES="15", CADENCE_HOLIDAYS="GB-ENG", CADENCE_ZONE="Europe/London")  # fmt: skip
    policy = load().policy()
    assert policy.closed_days == (date(2026, 12, 24), date(2026, 12, 31))
    assert (policy.leadership_channel, policy.currency, policy.review_weekday) == ("leadership", "EUR", 1)
    assert (policy.review_at, policy.crm_is_truth, policy.agenda_lead) == (time(9, 30), False, timedelta(minutes=15))
    assert policy.calendar.is_holiday(date(2026, 12, 24))


def test_a_public_address_may_end_in_a_slash_or_have_a_path_and_is_empty_by_default(environment):
    environment(**GOOD)
    assert load().public_url == ""
    environment(CADENCE_PUBLIC_URL=" https://cadence.example.com/bot/ ")
    assert load().public_url == "https://cadence.example.com/bot"


def test_a_table_of_quarters_is_understood(environment):
    environment(**GOOD, CADENCE_FISCAL_MODEL="table",
                CADENCE_FISCAL_TABLE=" 2026Q1=2026-02-01, 2026Q2=2026-05-03, end=2026-08-01 ")  # fmt: skip
    fiscal = load().policy().fiscal
    assert [fiscal.quarter_of(date(2026, 5, day)).label for day in (2, 3)] == ["2026Q1", "2026Q2"]


def test_the_defaults_of_the_settings_are_those_of_the_policy(environment):
    environment(**GOOD)
    assert load().policy() == settings_of.Policy()


def test_every_setting_says_what_it_is_for():
    for field, info in Settings.model_fields.items():
        assert info.description, field
        assert environment_name(field).isupper()


def test_settings_do_not_change_once_made(environment):
    environment(**GOOD)
    with pytest.raises(ValueError, match="frozen"):
        load().port = 1
