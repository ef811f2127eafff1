"""A fiscal setting that is changed: what has begun keeps its label over a restart."""

from datetime import UTC, date, datetime

from bot import schema
from bot.app import build, kept_quarters
from bot.settings import load
from models import fiscal_calendar
from models.domain.fiscal import FiscalYear

TOKENS = {"slack_bot_token": "xoxb-1", "slack_app_token": "xapp-1", "slack_api_url": "http://127.0.0.1:9/api/"}
NOVEMBER = datetime(2026, 11, 20, 9, tzinfo=UTC)


async def test_a_quarter_that_began_under_the_old_setting_keeps_its_label_after_a_restart_with_a_new_one(tmp_path):
    url = f"sqlite:///{tmp_path / 'cadence.db'}"
    assert await kept_quarters(load(**TOKENS, database_url=url)) == ()
    db = schema.connect(url)
    async with db.write() as session:
        await fiscal_calendar.keep(session, FiscalYear(start_month=1), today=NOVEMBER.date(), now=NOVEMBER)
    await db.close()

    settings = load(**TOKENS, database_url=url, fiscal_start_month=2)
    plain = settings.policy().fiscal
    assert plain.week_of(NOVEMBER.date())[0].label == "2026Q4"
    assert plain.week_of(date(2026, 10, 20))[0].label == "2026Q3", (
        "by the new setting alone October were the third quarter"
    )
    bot = build(settings, kept=await kept_quarters(settings))
    try:
        fiscal = bot.engine.policy.fiscal
        assert fiscal.week_of(date(2026, 10, 20))[0].label == "2026Q4"
        assert fiscal.quarter_of(date(2026, 12, 31)).label == "2026Q4"
        assert fiscal.quarter_of(date(2027, 1, 15)).label == "2026Q4", (
            "the days between belong to the one that had begun"
        )
        assert (fiscal.quarter_of(date(2027, 2, 1)).label, fiscal.week_of(date(2027, 2, 1))[1]) == ("2027Q1", 1)
    finally:
        await bot.stop()
