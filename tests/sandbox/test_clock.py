"""The clock goes from one due time of the bot to the next, never back, and survives a bot that is away."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from bot.sandbox.page.when import mornings, next_friday, slack_date
from bot.sandbox.watch import Effect, Watch
from tests.sandbox.support import WEDNESDAY, FakeControl, serve

HOUR = timedelta(hours=1)
DUE = [(WEDNESDAY + HOUR, "prompt to 6 AEs"), (WEDNESDAY + 5 * HOUR, "nudge"), (WEDNESDAY + 54 * HOUR, "the note")]


@pytest.fixture
async def control():
    """Start fakes of the bot's control endpoint."""
    runners = []

    async def make(fake, port=0):
        app = web.Application()
        app.add_routes(fake.routes())
        runner, port = await serve(app, port)
        runners.append(runner)
        return runner, port

    yield make
    for runner in runners:
        await runner.cleanup()


async def with_bot(launch, control, fake):
    _, port = await control(fake)
    return await launch(bot_url=f"http://127.0.0.1:{port}")


async def test_nothing_due_is_jumped_over(launch, control):
    fake = FakeControl(*DUE)
    slack = await with_bot(launch, control, fake)
    target = WEDNESDAY + 10 * HOUR
    moved = await slack.post("clock/to", at=target.isoformat())
    assert [one["what"] for one in moved["steps"]] == ["prompt to 6 AEs", "nudge"]
    heard = list(dict.fromkeys(fake.heard))
    assert heard == [WEDNESDAY, DUE[0][0], DUE[1][0], target]
    assert moved["now"] == target.isoformat()
    assert moved["clock"]["coming"] == [{"at": DUE[2][0].isoformat(), "what": "the note"}]


async def test_next_goes_to_the_next_due_time(launch, control):
    slack = await with_bot(launch, control, FakeControl(*DUE))
    for at, what in DUE:
        moved = await slack.post("clock/next")
        assert moved["now"] == at.isoformat()
        assert moved["steps"][-1]["what"] == what
    assert (await slack.post("clock/next"))["note"] == "nothing is coming"


async def test_pacing_belongs_to_the_present(launch, control):
    fake = FakeControl(*DUE)
    paced = [(DUE[0][0] + timedelta(seconds=n), "pacing") for n in (1, 2)]
    fake.due = sorted(fake.due + paced)
    fake.settling = paced
    slack = await with_bot(launch, control, fake)
    moved = await slack.post("clock/next")
    assert moved["now"] == paced[-1][0].isoformat()
    assert [one["what"] for one in moved["steps"]] == ["prompt to 6 AEs"]


async def test_what_a_person_does_is_settled_at_the_present(launch, control):
    fake = FakeControl(*DUE)
    slack = await with_bot(launch, control, fake)
    before = len(fake.heard)
    await slack.post("message", user="U1", text="hi")
    assert fake.heard[before:]
    assert set(fake.heard) == {WEDNESDAY}
    assert (await slack.get("clock"))["now"] == WEDNESDAY.isoformat()


async def test_many_people_at_once_share_a_settling_run(launch, control):
    fake = FakeControl(*DUE)
    slack = await with_bot(launch, control, fake)
    await asyncio.gather(*[slack.post("message", user="U1", text=str(n)) for n in range(30)])
    assert len(fake.heard) < 60


async def test_never_back_and_never_with_a_real_clock(launch):
    slack = await launch()
    done = await slack.post("clock/to", at=(WEDNESDAY - HOUR).isoformat())
    assert "never goes back" in done["error"]
    real = await launch(start_at=None)
    assert "real one" in (await real.post("clock/next"))["error"]
    now = datetime.fromisoformat((await real.get("clock"))["now"])
    assert abs((datetime.now(UTC) - now).total_seconds()) < 5


async def test_a_local_time_is_taken_in_the_companys_zone(launch):
    slack = await launch(company_tz="America/New_York")
    moved = await slack.post("clock/to", at="2026-11-27T16:00")
    assert moved["now"] == "2026-11-27T21:00:00+00:00"


async def test_a_bot_that_was_away_is_told_the_time_when_it_is_back(launch, control):
    fake = FakeControl(*DUE)
    runner, port = await control(fake)
    slack = await launch(bot_url=f"http://127.0.0.1:{port}")
    await asyncio.sleep(0.3)
    assert WEDNESDAY in fake.heard
    await runner.cleanup()
    target = WEDNESDAY + 72 * HOUR
    moved = await slack.post("clock/to", at=target.isoformat())
    assert moved["note"] == "the bot is not running"
    assert (await slack.get("state"))["clock"]["note"] == "the bot is not running"
    again = FakeControl(*DUE)
    await control(again, port)
    for _ in range(100):
        if again.heard:
            break
        await asyncio.sleep(0.02)
    assert again.heard[0] == target
    assert (await slack.get("state"))["clock"]["bot_reachable"] is True


async def test_a_bot_that_never_finishes_does_not_hang_the_clock(launch, control):
    class Stuck(FakeControl):
        async def run(self, request):
            self.now = datetime.fromisoformat((await request.json())["now"])
            return web.json_response(self.shape())

    slack = await with_bot(launch, control, Stuck(*DUE))
    moved = await slack.post("clock/to", at=(WEDNESDAY + 2 * HOUR).isoformat())
    assert "without doing it" in moved["note"]
    assert moved["now"] == (WEDNESDAY + 2 * HOUR).isoformat()


def test_friday_and_the_mornings_are_the_companys():
    zone = "America/New_York"
    assert next_friday(WEDNESDAY, zone).isoformat() == "2026-11-27T16:00:00-05:00"
    assert next_friday(datetime(2026, 11, 27, 21, tzinfo=UTC), zone).isoformat() == "2026-12-04T16:00:00-05:00"
    days = [at.isoformat() for at in mornings(WEDNESDAY, zone)]
    assert days[:2] == ["2026-11-25T08:00:00-05:00", "2026-11-26T08:00:00-05:00"]
    assert days[3] == "2026-11-30T08:00:00-05:00", "a weekend has no working morning"
    across = [at.isoformat() for at in mornings(datetime(2026, 3, 6, 14, tzinfo=UTC), zone)]
    assert across[0] == "2026-03-09T08:00:00-04:00", "08:00 stays 08:00 when the clocks change"


def test_dates_are_the_readers():
    unix = int(WEDNESDAY.timestamp())
    assert slack_date(unix, "{date_short_pretty} at {time}", "Pacific/Auckland", WEDNESDAY) == "today at 23:00"
    assert slack_date(unix, "{date_long}", "UTC", WEDNESDAY) == "Wednesday, November 25th, 2026"
    assert slack_date(unix, "{date_num} {ago} {x}", "UTC", WEDNESDAY + HOUR) == "2026-11-25 1 hour ago {x}"


class Quiet(FakeControl):
    """A bot that says that all it was given has had its effects."""

    def shape(self):
        return super().shape() | {"quiet": True}


class Watched(Watch):
    waits = 0

    async def wait(self, timeout):  # noqa: ASYNC109
        self.waits += 1


@pytest.mark.parametrize(("kind", "event", "waits"), [(FakeControl, False, 1), (Quiet, False, 0), (Quiet, True, 1)])
async def test_a_bot_that_is_done_is_not_watched_for_more(launch, control, kind, event, waits):
    """But for an event on its way, which it may not have heard of yet."""
    fake = kind(*DUE)
    slack = await with_bot(launch, control, fake)
    watch = Watched(lambda _: True, seen=[Effect("view")])
    if event:
        slack.sandbox.events.emit({"type": "app_home_opened", "user": "U1", "channel": "C1", "tab": "home"})
    before = len(fake.heard)
    await slack.sandbox.people.aftermath(watch, 1.0)
    assert watch.waits == waits
    assert len(fake.heard) - before == 1 + waits


async def test_one_answer_of_a_quiet_bot_serves_all_who_waited(launch, control):
    slack = await with_bot(launch, control, Quiet(*DUE))
    assert await asyncio.gather(*[slack.sandbox.clock.settle() for _ in range(5)]) == [True] * 5
