"""Events and interactions on their way to the bot: duplicates, retries, several sockets, cut sockets, signatures."""

import asyncio
import json

import pytest
from aiohttp import WSMsgType, WSServerHandshakeError, web
from slack_sdk import WebClient
from slack_sdk.signature import SignatureVerifier

from bot.sandbox.delivery.link import scaled
from tests.ports import free_port
from tests.sandbox.support import SEED, manifest_with, options, serve


async def until(done, seconds=3.0):
    for _ in range(int(seconds / 0.02)):
        if done():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen")


class RawSocket:
    """A client of Socket Mode that acknowledges only what it is told to."""

    def __init__(self, slack):
        self.slack, self.seen, self.ack = slack, [], True

    async def open(self):
        url = (await self.slack.api("apps.connections.open", token="xapp-local"))["url"]
        self.socket = await self.slack.session.ws_connect(url)
        self.hello = await self.socket.receive_json()
        self.task = asyncio.create_task(self._read())
        return self

    async def _read(self):
        async for message in self.socket:
            envelope = json.loads(message.data)
            self.seen.append(envelope)
            if self.ack and "envelope_id" in envelope:
                await self.socket.send_json({"envelope_id": envelope["envelope_id"]})

    async def close(self):
        await self.socket.close()
        await self.task


async def test_an_event_has_its_outer_shape(slack):
    raw = await RawSocket(slack).open()
    assert raw.hello["type"] == "hello"
    await slack.post("message", user="U1", text="hi")
    await until(lambda: raw.seen)
    envelope = raw.seen[0]
    payload = envelope["payload"]
    assert (envelope["type"], envelope["accepts_response_payload"]) == ("events_api", False)
    assert payload["event"]["channel_type"] == "im"
    assert payload["authorizations"][0]["user_id"] == "U0CADENCE"
    assert payload["event_time"] == int(float(payload["event"]["ts"]))
    await raw.close()


async def test_only_subscribed_events_are_sent(launch, tmp_path):
    slack = await launch(manifest=manifest_with(tmp_path, deaf=["message.channels"]))
    raw = await RawSocket(slack).open()
    await slack.post("message", user="U1", channel="C1", text="in a channel")
    await slack.post("message", user="U1", text="direct")
    await until(lambda: raw.seen)
    assert [one["payload"]["event"]["text"] for one in raw.seen] == ["direct"]
    await raw.close()


async def test_what_is_not_acknowledged_comes_again_three_times(launch):
    slack = await launch(socket_retry_seconds=0.1)
    raw = await RawSocket(slack).open()
    raw.ack = False
    await slack.post("message", user="U1", text="hi")
    await until(lambda: len(raw.seen) == 4)
    assert [(one["retry_attempt"], one["retry_reason"]) for one in raw.seen] == [
        (0, ""), (1, "timeout"), (2, "timeout"), (3, "timeout"),
    ]  # fmt: skip
    assert len({one["envelope_id"] for one in raw.seen}) == 1
    assert (await slack.logged("event"))[0]["error"] == "timeout"
    await raw.close()


async def test_an_unacknowledged_interaction_comes_again_too(launch):
    slack = await launch(socket_retry_seconds=0.1, ack_seconds=0.1)
    raw = await RawSocket(slack).open()
    raw.ack = False
    done = await slack.post("command", user="U1", channel="C1", command="/deals")
    assert done["error"] == "operation_timeout"
    await until(lambda: len(raw.seen) == 4)
    assert raw.seen[1]["retry_attempt"] == 1
    await raw.close()


async def test_events_wait_for_a_socket(slack):
    await slack.post("message", user="U1", text="while it was away")
    raw = await RawSocket(slack).open()
    await until(lambda: raw.seen)
    assert raw.seen[0]["payload"]["event"]["text"] == "while it was away"
    await raw.close()


async def test_an_envelope_goes_to_one_of_several_sockets(slack):
    first, second = await RawSocket(slack).open(), await RawSocket(slack).open()
    for n in range(6):
        await slack.post("message", user="U1", text=str(n))
    await until(lambda: len(first.seen) + len(second.seen) == 6)
    assert first.seen
    assert second.seen
    assert second.hello["num_connections"] == 2
    await first.close()
    await second.close()


async def test_a_ticket_is_good_for_one_connection(slack):
    url = (await slack.api("apps.connections.open", token="xapp-local"))["url"]
    async with slack.session.ws_connect(url), slack.session.get(url.replace("ws://", "http://")) as answer:
        assert answer.status == 401


async def test_pings_are_echoed(slack):
    url = (await slack.api("apps.connections.open", token="xapp-local"))["url"]
    async with slack.session.ws_connect(url, autoping=False) as socket:
        await socket.receive_json()
        await socket.ping(b"sdk-ping-pong:1")
        pong = await socket.receive()
        assert pong.data == b"sdk-ping-pong:1"


async def test_the_sdk_comes_back_after_a_disconnect_and_after_a_cut(slack, bots):
    bot = bots(slack)
    await bot.connect()
    for action in ("disconnect_sockets", "cut_sockets"):
        before = len(await slack.logged("api", "apps.connections.open"))
        assert (await slack.post(f"admin/{action}"))["sockets"] == 1
        await slack.post("message", user="U1", text=action)
        await slack.logged("api", "apps.connections.open", before + 1)
        await until(lambda: any(one.get("event", {}).get("text") == action for one in bot.heard), 8)  # noqa: B023


async def test_an_event_can_be_sent_again_by_its_id(slack):
    raw = await RawSocket(slack).open()
    await slack.post("message", user="U1", text="hi")
    await until(lambda: raw.seen)
    await slack.post("admin/redeliver", event_id=raw.seen[0]["payload"]["event_id"])
    await until(lambda: len(raw.seen) == 2)
    assert raw.seen[0]["payload"] == raw.seen[1]["payload"]
    assert "no event has the id" in (await slack.post("admin/redeliver", event_id="Ev404"))["error"]
    await raw.close()


async def test_a_connection_is_warned_and_then_asked_to_go(launch):
    slack = await launch(connection_seconds=0.4)
    raw = await RawSocket(slack).open()
    await until(lambda: len(raw.seen) == 2)
    assert [(one["type"], one["reason"]) for one in raw.seen] == [
        ("disconnect", "warning"), ("disconnect", "refresh_requested"),
    ]  # fmt: skip
    await slack.post("message", user="U1", text="for the next one")
    following = await RawSocket(slack).open()
    await until(lambda: any("payload" in one for one in following.seen))
    assert all("payload" not in one for one in raw.seen)
    await raw.close()
    await following.close()


async def test_the_hello_says_how_long_the_connection_lives(slack):
    raw = await RawSocket(slack).open()
    assert raw.hello["debug_info"]["approximate_connection_time"] == 3600
    assert (raw.hello["num_connections"], raw.hello["connection_info"]) == (1, {"app_id": "A0LOCAL01"})
    await raw.close()


async def test_the_sdk_lives_on_when_its_connection_ends(launch, bots):
    slack = await launch(connection_seconds=1.0)
    bot = bots(slack)
    await bot.connect()
    await slack.logged("api", "apps.connections.open", 2)
    await slack.post("message", user="U1", text="still there?")
    await until(lambda: any(one.get("event", {}).get("text") == "still there?" for one in bot.heard), 8)


async def test_clients_are_pinged(launch):
    slack = await launch(ping_seconds=0.05)
    url = (await slack.api("apps.connections.open", token="xapp-local"))["url"]
    async with slack.session.ws_connect(url, autoping=False) as socket:
        await socket.receive_json()
        assert (await socket.receive()).type is WSMsgType.PING


async def test_ten_sockets_and_no_more(launch):
    slack = await launch(rate_limits=False)
    raws = [await RawSocket(slack).open() for _ in range(10)]
    assert raws[-1].hello["num_connections"] == 10
    with pytest.raises(WSServerHandshakeError) as refused:
        await RawSocket(slack).open()
    assert refused.value.status == 429
    for raw in raws:
        await raw.close()


async def test_what_a_dropped_socket_had_not_acked_goes_over_another(slack):
    raws = [await RawSocket(slack).open() for _ in range(2)]
    for raw in raws:
        raw.ack = False
    await slack.post("message", user="U1", text="hi")
    await until(lambda: raws[0].seen or raws[1].seen)
    holder, other = raws if raws[0].seen else raws[::-1]
    other.ack = True
    await holder.close()
    await until(lambda: other.seen)
    assert other.seen == holder.seen
    assert (await slack.logged("event"))[0]["ok"]
    await other.close()


async def test_what_a_person_did_is_not_lost_with_a_socket(slack):
    raws = [await RawSocket(slack).open() for _ in range(2)]
    for raw in raws:
        raw.ack = False
    pressing = asyncio.create_task(slack.post("command", user="U1", channel="C1", command="/deals"))
    await until(lambda: raws[0].seen or raws[1].seen)
    holder, other = raws if raws[0].seen else raws[::-1]
    other.ack = True
    await holder.close()
    assert (await pressing)["ok"]
    assert other.seen == holder.seen
    await other.close()


async def test_words_that_are_no_acks_do_no_harm(slack):
    raw = await RawSocket(slack).open()
    for words in ("ping", "[1]", "{}", '{"envelope_id": "nobody"}'):
        await raw.socket.send_str(words)
    await slack.post("message", user="U1", text="hi")
    assert (await slack.logged("event"))[0]["ok"]
    await raw.close()


@pytest.mark.parametrize(("delay", "waited"), [(0.0, 0.0), (4.0, 4.0), (5.0, 5.0), (60.0, 6.0), (300.0, 30.0)])
def test_only_delays_over_five_seconds_are_scaled(delay, waited):
    assert scaled(delay, options(retry_scale=0.1)) == waited


async def test_administrators_cause_events(slack):
    raw = await RawSocket(slack).open()
    expected = [
        ("archive", {"channel": "C1"}, "channel_archive"),
        ("unarchive", {"channel": "C1"}, "channel_unarchive"),
        ("rename", {"channel": "C1", "name": "acme-2"}, "channel_rename"),
        ("share", {"channel": "C1"}, "channel_shared"),
        ("unshare", {"channel": "C1"}, "channel_unshared"),
        ("invite", {"channel": "C2", "user": "U0CADENCE"}, "member_joined_channel"),
        ("kick", {"channel": "C2", "user": "U1"}, "member_left_channel"),
        ("deactivate", {"user": "U2"}, "user_change"),
        ("reactivate", {"user": "U2"}, "user_change"),
        ("update_user", {"user": "U2", "tz": "Asia/Tokyo"}, "user_change"),
        ("add_user", {"id": "U9", "name": "new"}, "team_join"),
        ("channel_id_change", {"channel": "C1", "to": "C9"}, "channel_id_changed"),
    ]
    for action, args, _ in expected:
        assert (await slack.post(f"admin/{action}", args))["ok"], action
    await until(lambda: len(raw.seen) >= len(expected))
    assert [one["payload"]["event"]["type"] for one in raw.seen] == [row[2] for row in expected]
    await slack.post("admin/kick", channel="C5", user="U0CADENCE")
    assert (await slack.api("chat.postMessage", channel="C5", text="x"))["error"] == "channel_not_found"
    assert (await slack.api("conversations.info", channel="C9"))["channel"]["name"] == "acme-2"
    pending = await slack.post("admin/share", channel="C9", pending=True)
    assert pending["channel"]["is_pending_ext_shared"] is True
    assert (await slack.post("admin/add_channel", name="fresh"))["channel"]["name"] == "fresh"
    assert "no action" in (await slack.post("admin/nonsense"))["error"]
    await raw.close()


class Endpoint:
    """The bot's side of HTTP mode, answering with the statuses it was given."""

    def __init__(self, *statuses, headers=None):
        self.statuses, self.requests, self.headers = list(statuses), [], headers or {}

    async def handle(self, request):
        self.requests.append((dict(request.headers), await request.text()))
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, headers=self.headers)

    async def start(self):
        app = web.Application()
        app.router.add_post("/slack/events", self.handle)
        return await serve(app)


async def test_http_is_signed_and_retried(launch):
    endpoint = Endpoint(500, 404, 200)
    runner, port = await endpoint.start()
    slack = await launch(deliver="http", bot_url=f"http://127.0.0.1:{port}", retry_scale=0.0002)
    await slack.post("message", user="U1", text="hi")
    assert (await slack.logged("event"))[0]["ok"]
    verifier = SignatureVerifier("local-signing-secret")
    for headers, body in endpoint.requests:
        assert verifier.is_valid_request(body, {name.lower(): value for name, value in headers.items()})
    tries = [
        (headers.get("x-slack-retry-num"), headers.get("x-slack-retry-reason")) for headers, _ in endpoint.requests
    ]
    assert tries == [(None, None), ("1", "http_error"), ("2", "http_error")]
    await runner.cleanup()


async def test_http_stops_when_told_or_after_three_retries(launch):
    for endpoint, count, error in (
        (Endpoint(500, headers={"x-slack-no-retry": "1"}), 1, None),
        (Endpoint(500, 500, 500, 500), 4, "http_error (500)"),
    ):
        runner, port = await endpoint.start()
        slack = await launch(deliver="http", bot_url=f"http://127.0.0.1:{port}", retry_scale=0.0001)
        await slack.post("message", user="U1", text="hi")
        assert (await slack.logged("event"))[0]["error"] == error
        assert len(endpoint.requests) == count
        await runner.cleanup()


async def test_the_address_is_verified_by_its_echo(launch, bots):
    port = free_port()
    slack = await launch(deliver="http", bot_url=f"http://127.0.0.1:{port}")
    await bots(slack).listen(port)
    verified = await slack.post("admin/verify_url")
    assert (verified["right"], verified["status"]) == (True, 200)
    assert verified["challenge"] in verified["text"]


async def test_an_address_that_echoes_nothing_is_not_verified(launch):
    endpoint = Endpoint()
    runner, port = await endpoint.start()
    slack = await launch(deliver="http", bot_url=f"http://127.0.0.1:{port}")
    assert (await slack.post("admin/verify_url"))["right"] is False
    assert '"type": "url_verification"' in endpoint.requests[0][1]
    await runner.cleanup()


async def test_over_sockets_there_is_no_address_to_verify(slack):
    assert "over sockets" in (await slack.post("admin/verify_url"))["error"]


async def test_http_without_a_bot(launch):
    slack = await launch(deliver="http", bot_url=f"http://127.0.0.1:{free_port()}")
    done = await slack.post("command", user="U1", channel="C1", command="/deals")
    assert done["error"] == "dispatch_failed"


async def test_the_synchronous_client_works_unchanged(slack):
    client = WebClient("xoxb-local", base_url=slack.sandbox.api_url)

    def use():
        posted = client.chat_postMessage(channel="C1", text="hi", blocks=[{"type": "divider"}])
        client.chat_update(channel="C1", ts=posted["ts"], text="there")
        return [one["id"] for page in client.users_list(limit=2) for one in page["members"]]

    assert {"U1", "U2", "U0CADENCE"} <= set(await asyncio.to_thread(use))
    assert [one["text"] for one in await slack.get("messages", channel="C1")] == ["there"]


async def test_a_hundred_people_at_once(launch, bots):
    seed = {**SEED, "users": [{"id": f"U{n}", "name": f"u{n}"} for n in range(100)]}
    slack = await launch(seed=seed)
    await bots(slack).connect()

    async def live(n):
        opened = await slack.post("command", user=f"U{n}", command="/deals")
        assert opened["views"], opened
        return (await slack.post("submit", user=f"U{n}", values={"what": str(n)}))["result"]

    assert set(await asyncio.gather(*[live(n) for n in range(100)])) == {"closed"}
    await slack.logged("api", "chat.postMessage", 100)
    assert sorted(int(one["text"].split()[1]) for one in await slack.get("messages")) == list(range(100))
