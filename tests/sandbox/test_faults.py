"""Told to fail: each way of failing, the calls it hits, and what then happens."""

import asyncio

import aiohttp
import pytest

from bot.sandbox.faults import KINDS
from tests.sandbox.support import CARD
from tests.sandbox.test_delivery import Endpoint, RawSocket, until

AUTH = {"Authorization": "Bearer xoxb-local"}
HI = {"channel": "C1", "text": "x"}
ANSWERS = [
    ({"kind": "error", "error": "fatal_error"}, 200, "fatal_error"),
    ({"kind": "ratelimited", "retry_after": 7}, 429, "ratelimited"),
    ({"kind": "http_500"}, 500, None),
]


def texts(raw):
    return [one["payload"]["event"]["text"] for one in raw.seen]


@pytest.mark.parametrize(("rule", "status", "error"), ANSWERS)
async def test_told_to_fail_once(slack, rule, status, error):
    await slack.post("faults", [{**rule, "method": "chat.postMessage", "channel": "C1", "skip": 1}])
    seen = []
    for _ in range(3):
        async with slack.session.post(slack.sandbox.api_url + "chat.postMessage", json=HI, headers=AUTH) as answer:
            seen.append(answer.status)
            if answer.status == 429:
                assert answer.headers["Retry-After"] == "7"
            if answer.status == status and len(seen) == 2 and error:
                assert (await answer.json())["error"] == error
    assert seen == [200, status, 200]
    assert len(await slack.get("messages", channel="C1")) == 2


async def test_a_lost_reply_has_posted_once(slack):
    await slack.post("faults", [{"kind": "lose_reply", "method": "chat.postMessage"}])
    with pytest.raises(aiohttp.ClientError):
        await slack.api("chat.postMessage", **HI)
    assert len(await slack.get("messages", channel="C1")) == 1
    assert (await slack.get("log", method="chat.postMessage"))[0]["response"]["reply"] == "lost"


async def test_a_dropped_request_did_nothing(slack):
    await slack.post("faults", [{"kind": "drop", "method": "chat.postMessage"}])
    with pytest.raises(aiohttp.ClientError):
        await slack.api("chat.postMessage", **HI)
    assert await slack.get("messages", channel="C1") == []


async def waits(slack, method, **args):
    """Whether a call is still unanswered when it could long have been."""
    call = asyncio.create_task(slack.api(method, **args))
    done, _ = await asyncio.wait([call], timeout=0.2)
    call.cancel()
    return not done


async def test_a_delayed_call_is_carried_out_later(slack):
    await slack.post("faults", [{"kind": "delay", "method": "chat.postMessage", "seconds": 0.05}])
    assert (await slack.api("chat.postMessage", **HI))["ok"]
    assert len(await slack.get("messages", channel="C1")) == 1
    await slack.post("faults", [{"kind": "delay", "method": "chat.postMessage", "seconds": 30}])
    assert await waits(slack, "chat.postMessage", **HI)
    assert len(await slack.get("messages", channel="C1")) == 1


async def test_only_reading_back_is_slow(slack):
    ts = (await slack.api("chat.postMessage", **HI))["ts"]
    await slack.post("faults", [{"kind": "slow_history", "seconds": 30, "count": 2}])
    assert (await slack.api("conversations.info", channel="C1"))["ok"]
    assert await waits(slack, "conversations.history", channel="C1")
    assert await waits(slack, "conversations.replies", channel="C1", ts=ts)
    assert (await slack.get("faults"))["faults"][0]["fired"] == 2
    assert (await slack.api("conversations.history", channel="C1"))["ok"]


async def test_an_event_that_arrives_twice_has_one_id(slack):
    raw = await RawSocket(slack).open()
    await slack.post("faults", [{"kind": "duplicate_event", "method": "message"}])
    await slack.post("message", user="U1", text="twice")
    await until(lambda: len(raw.seen) == 2)
    assert len({one["payload"]["event_id"] for one in raw.seen}) == 1
    await raw.close()


async def test_what_a_person_did_arrives_twice_only_when_it_is_named(slack):
    raw = await RawSocket(slack).open()
    posted = await slack.api("chat.postMessage", channel="C1", text="card", blocks=CARD)
    await slack.post("faults", [{"kind": "duplicate_event", "count": 99}])
    press = {"user": "U1", "channel": "C1", "ts": posted["ts"], "action_id": "quiet"}
    await slack.logged("event")  # of the card
    raw.seen.clear()
    await slack.post("click", press)
    assert [one["type"] for one in raw.seen] == ["interactive"]
    await slack.post("faults", [{"kind": "duplicate_event", "method": "block_actions"}])
    await slack.post("click", press)
    await until(lambda: len(raw.seen) == 3)
    assert raw.seen[1]["payload"] == raw.seen[2]["payload"]
    await slack.post("faults", [{"kind": "duplicate_event", "method": "/deals"}])
    await slack.post("command", user="U1", channel="C1", command="/deals")
    await until(lambda: len(raw.seen) == 5)
    await raw.close()


async def test_a_late_event_comes_after_the_next(slack):
    raw = await RawSocket(slack).open()
    await slack.post("faults", [{"kind": "late_event", "seconds": 1.5}])
    for text in ("late", "early"):
        await slack.post("message", user="U1", text=text)
    await until(lambda: len(raw.seen) == 2)
    assert texts(raw) == ["early", "late"]
    await raw.close()


async def test_an_event_out_of_order_waits_for_the_next_one(slack):
    raw = await RawSocket(slack).open()
    await slack.post("faults", [{"kind": "out_of_order", "seconds": 60}])
    for text in ("first", "second", "third"):
        await slack.post("message", user="U1", text=text)
    await until(lambda: len(raw.seen) == 3)
    assert texts(raw)[0] == "second"
    assert set(texts(raw)) == {"first", "second", "third"}
    await raw.close()


async def test_an_event_out_of_order_does_not_wait_for_ever(slack):
    raw = await RawSocket(slack).open()
    await slack.post("faults", [{"kind": "out_of_order", "seconds": 0.1}])
    await slack.post("message", user="U1", text="alone")
    await until(lambda: texts(raw) == ["alone"])
    await raw.close()


async def test_an_event_out_of_order_over_http(launch):
    endpoint = Endpoint()
    runner, port = await endpoint.start()
    slack = await launch(deliver="http", bot_url=f"http://127.0.0.1:{port}")
    await slack.post("faults", [{"kind": "out_of_order", "seconds": 60}])
    for text in ("first", "second"):
        await slack.post("message", user="U1", text=text)
    await until(lambda: len(endpoint.requests) == 2)
    assert ["second" in body for _, body in endpoint.requests] == [True, False]
    await runner.cleanup()


@pytest.mark.parametrize(("when", "copies"), [("before", 1), ("after", 2)])
async def test_a_socket_cut_while_an_event_is_delivered(slack, when, copies):
    first, second = await RawSocket(slack).open(), await RawSocket(slack).open()
    first.ack = second.ack = when == "before"
    await slack.post("faults", [{"kind": "cut_socket", "when": when}])
    await slack.post("message", user="U1", text="hi")
    await until(lambda: len(first.seen) + len(second.seen) == copies)
    await until(lambda: first.socket.closed or second.socket.closed)
    alive = second if first.socket.closed else first
    assert texts(alive) == ["hi"]
    assert alive.seen[0]["retry_attempt"] == 0
    assert len({one["envelope_id"] for one in (*first.seen, *second.seen)}) == 1
    await alive.socket.send_json({"envelope_id": alive.seen[0]["envelope_id"]})
    assert (await slack.logged("event"))[0]["ok"]
    await first.close()
    await second.close()


async def test_a_socket_cut_while_a_command_is_delivered(slack):
    first, second = await RawSocket(slack).open(), await RawSocket(slack).open()
    await slack.post("faults", [{"kind": "cut_socket", "method": "/deals", "when": "before"}])
    done = await slack.post("command", user="U1", channel="C1", command="/deals")
    assert done["ok"]
    assert len(first.seen) + len(second.seen) == 1
    await first.close()
    await second.close()


@pytest.mark.parametrize(("when", "copies"), [("before", 1), ("after", 2)])
async def test_a_connection_cut_over_http_is_a_retry(launch, when, copies):
    endpoint = Endpoint()
    runner, port = await endpoint.start()
    slack = await launch(deliver="http", bot_url=f"http://127.0.0.1:{port}")
    await slack.post("faults", [{"kind": "cut_socket", "when": when}])
    await slack.post("message", user="U1", text="hi")
    assert (await slack.logged("event"))[0]["ok"]
    assert len(endpoint.requests) == copies
    assert endpoint.requests[-1][0]["x-slack-retry-reason"] == "connection_failed"
    await runner.cleanup()


async def test_faults_by_chance_repeat_with_their_seed_and_can_be_cleared(slack):
    async def run():
        await slack.post(
            "faults", [{"kind": "error", "method": "auth.test", "probability": 0.5, "seed": 3, "count": 99}]
        )
        seen = [(await slack.api("auth.test"))["ok"] for _ in range(20)]
        async with slack.session.delete(slack.sandbox.url + "/_local/faults") as answer:
            assert (await answer.json())["faults"] == []
        return seen

    first = await run()
    assert {True, False} == set(first)
    assert await run() == first


async def test_a_rule_that_cannot_be_is_refused_with_what_there_is(slack):
    refused = (await slack.post("faults", [{"kind": "nonsense"}]))["error"]
    assert "no fault is called 'nonsense'" in refused
    assert all(kind in refused for kind in KINDS)
    assert "'before' or 'after'" in (await slack.post("faults", [{"kind": "cut_socket", "when": "never"}]))["error"]


async def test_the_help_says_what_each_kind_does(slack):
    shown = (await slack.get(""))["faults"]
    assert shown == {name: kind.sentence for name, kind in KINDS.items()}
    assert all(sentence.endswith(".") for sentence in shown.values())
