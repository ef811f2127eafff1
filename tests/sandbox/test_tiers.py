"""Rate limits: by method and minute, by channel and second, and by the clock that counts for each."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.sandbox.api.dispatch import methods
from bot.sandbox.tiers import BURST, BY_BUSINESS_TIME, PER_MINUTE, WORKSPACE, Tiers

START = datetime(2026, 11, 25, 10, tzinfo=UTC)
HI = {"channel": "C1", "text": "hi"}


class Clocks:
    """Business time and real time, each moved by hand."""

    def __init__(self):
        self.business, self.real = START, 0.0
        self.tiers = Tiers(lambda: self.business, lambda: self.real)

    def pass_(self, *, business=0.0, real=0.0):
        self.business += timedelta(seconds=business)
        self.real += real

    def taken(self, method, channel="", most=1000):
        """How many calls are taken at once."""
        for count in range(most):
            if self.tiers.wait(method, channel):
                return count
        return most


@pytest.mark.parametrize(("method", "most"), PER_MINUTE.items())
def test_a_method_takes_its_tier_at_once_and_then_its_share_of_a_minute(method, most):
    clocks = Clocks()
    assert clocks.taken(method) == most
    wait = clocks.tiers.wait(method, "")
    assert 60 / most <= wait < 60 / most + 1
    clocks.pass_(business=wait)
    assert clocks.taken(method) >= 1
    clocks.pass_(business=60)
    assert clocks.taken(method) == most


@pytest.mark.parametrize("method", ["chat.postMessage", *PER_MINUTE])
def test_only_what_writes_waits_for_business_time(method):
    clocks = Clocks()
    clocks.taken(method, "C1")
    clocks.pass_(real=60)
    assert (clocks.taken(method, "C1") == 0) == (method in BY_BUSINESS_TIME)


def test_a_channel_takes_a_burst_and_then_a_message_a_second():
    clocks = Clocks()
    assert clocks.taken("chat.postMessage", "C1") == BURST
    assert clocks.tiers.wait("chat.postMessage", "C1") == 1
    assert clocks.tiers.wait("chat.postMessage", "C2") == 0
    clocks.pass_(business=3)
    assert clocks.taken("chat.postMessage", "C1") == 3


def test_a_workspace_takes_several_hundred_messages_a_minute():
    clocks = Clocks()
    taken = sum(clocks.taken("chat.postMessage", f"C{n}", most=5) for n in range(200))
    assert taken == WORKSPACE
    clocks.pass_(business=10)
    assert sum(clocks.taken("chat.postMessage", f"D{n}", most=5) for n in range(200)) == WORKSPACE / 6


async def test_every_method_but_the_token_test_has_a_limit(slack):
    assert set(methods(slack.sandbox.world, None)) - {"auth.test"} == {*PER_MINUTE, "chat.postMessage"}


async def test_the_limits_are_on_and_say_how_long_to_wait(slack):
    url, headers = slack.sandbox.api_url + "chat.postMessage", {"Authorization": "Bearer xoxb-local"}
    for n in range(11):
        async with slack.session.post(url, json=HI, headers=headers) as answer:
            assert answer.status == (200 if n < 10 else 429)
    assert answer.headers["Retry-After"] == "1"
    assert (await slack.api("chat.postMessage", channel="#acme", text="x"))["error"] == "ratelimited"
    assert (await slack.api("chat.postMessage", channel="C5", text="x"))["ok"]
    await slack.post("clock/to", at="2026-11-25T10:00:02+00:00")
    assert (await slack.api("chat.postMessage", **HI))["ok"]


async def test_the_limits_can_be_turned_off(launch):
    slack = await launch(rate_limits=False)
    for _ in range(30):
        assert (await slack.api("chat.postMessage", **HI))["ok"]
