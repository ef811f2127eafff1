"""Slack's own Python SDK and Bolt, synchronous and asynchronous, against the local Slack: only an address is changed."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml
from slack_bolt import App, BoltRequest
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.models.blocks import DividerBlock, SectionBlock
from slack_sdk.models.metadata import Metadata
from slack_sdk.models.views import View
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.aiohttp import SocketModeClient as AsyncSocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from tests.ports import free_port
from tests.sandbox import echo
from tests.sandbox.support import MANIFEST, form, serve

PATIENT = {"ack_seconds": 20.0, "trigger_seconds": 20.0, "command_wait": 20.0, "click_wait": 20.0}
"""What is tried here is the shape of things; a slow machine is no reason to give up."""
KEY = Metadata(event_type="cadence_post", event_payload={"key": "k1", "week": 48, "final": True})


# the Web API


class Sync:
    """The synchronous client, used from a thread."""

    def __init__(self, url):
        self.client = WebClient("xoxb-local", base_url=url)
        self.client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=2))

    async def __call__(self, name, **args):
        return await asyncio.to_thread(getattr(self.client, name), **args)

    async def pages(self, name, **args):
        return await asyncio.to_thread(lambda: [dict(page.data) for page in getattr(self.client, name)(**args)])


class Async:
    """The asynchronous client."""

    def __init__(self, url):
        self.client = AsyncWebClient("xoxb-local", base_url=url)
        self.client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=2))

    async def __call__(self, name, **args):
        return await getattr(self.client, name)(**args)

    async def pages(self, name, **args):
        return [dict(page.data) async for page in await getattr(self.client, name)(**args)]


both = pytest.mark.parametrize("kind", [Sync, Async])


@both
async def test_the_client_knows_itself_people_and_places(slack, kind):
    call = kind(slack.sandbox.api_url)
    me = await call("auth_test")
    assert (me["user_id"], me["bot_id"], me["team_id"]) == ("U0CADENCE", "B0CADENCE", "T0LOCAL01")
    pages = await call.pages("users_list", limit=2)
    assert len(pages) > 2
    rows = [one for page in pages for one in page["members"]]
    people = {one["id"]: one for one in rows}
    assert len(people) == len(rows)
    assert {"U1", "U2", "U0CADENCE"} <= set(people)
    assert people["U1"]["profile"]["email"] == "mira@example.com"
    pages = await call.pages("conversations_list", limit=1, types="public_channel,private_channel")
    places = [one["id"] for page in pages for one in page["channels"]]
    assert len(pages) == len(places)
    assert {"C1", "C5"} <= set(places)
    assert "C3" not in places
    assert (await call("conversations_info", channel="C1", include_num_members=True))["channel"]["num_members"] == 3


@both
async def test_the_client_writes_reads_and_changes_messages(slack, kind):
    call = kind(slack.sandbox.api_url)
    opened = (await call("conversations_open", users="U1"))["channel"]["id"]
    assert opened.startswith("D")
    blocks = [SectionBlock(text="A *card*", block_id="b"), DividerBlock()]
    posted = await call("chat_postMessage", channel="C1", text="a card", blocks=blocks, metadata=KEY)
    assert posted["message"]["blocks"][0]["text"] == {"type": "mrkdwn", "text": "A *card*"}
    await call("chat_postMessage", channel="C1", text="below", thread_ts=posted["ts"])
    await call("chat_update", channel="C1", ts=posted["ts"], text="changed", blocks=blocks[:1])
    await call("chat_postEphemeral", channel="C1", user="U1", text="for you alone")
    await call("chat_postMessage", channel="U1", text="to you")
    shown = (await call("conversations_history", channel="C1", include_all_metadata=True))["messages"]
    assert [one["text"] for one in shown] == ["changed"]
    assert shown[0]["metadata"] == KEY.to_dict()
    assert shown[0]["reply_count"] == 1
    thread = (await call("conversations_replies", channel="C1", ts=posted["ts"]))["messages"]
    assert [one["text"] for one in thread] == ["changed", "below"]
    assert [one["text"] for one in await slack.get("messages", channel="U1")] == ["to you"]


@both
async def test_the_client_publishes_a_home_and_updates_a_view(slack, kind):
    call = kind(slack.sandbox.api_url)
    home = View(type="home", blocks=[SectionBlock(text="Yours")])
    published = (await call("views_publish", user_id="U1", view=home))["view"]
    changed = {"type": "home", "blocks": [{"type": "divider"}]}
    again = (await call("views_publish", user_id="U1", view=changed, hash=published["hash"]))["view"]
    assert (again["id"], again["blocks"][0]["type"]) == (published["id"], "divider")
    updated = (await call("views_update", view_id=published["id"], view=home.to_dict()))["view"]
    assert updated["blocks"][0]["text"]["text"] == "Yours"


@both
async def test_the_client_uploads_files(launch, tmp_path, kind):
    wider = yaml.safe_load(MANIFEST.read_text())
    wider["oauth_config"]["scopes"]["bot"] += ["files:read", "files:write"]
    (tmp_path / "manifest.yml").write_text(yaml.safe_dump(wider))
    slack = await launch(manifest=tmp_path / "manifest.yml")
    call = kind(slack.sandbox.api_url)
    files = [{"content": "deal,amount\nAcme,7\n", "filename": f"{name}.csv", "title": name} for name in ("one", "two")]
    done = await call("files_upload_v2", channel="C1", file_uploads=files, initial_comment="As you asked")
    assert [one["title"] for one in done["files"]] == ["one", "two"]
    shown = (await call("files_info", file=done["files"][0]["id"]))["file"]
    assert (shown["name"], shown["size"], shown["channels"]) == ("one.csv", 19, ["C1"])
    assert [one["text"] for one in await slack.get("messages", channel="C1")] == ["As you asked"]


REFUSED = {
    "channel_not_found": ("chat_postMessage", {"channel": "C3", "text": "x"}),
    "not_in_channel": ("chat_postMessage", {"channel": "C2", "text": "x"}),
    "is_archived": ("chat_postMessage", {"channel": "C4", "text": "x"}),
    "no_text": ("api_call", {"api_method": "chat.postMessage", "json": {"channel": "C1"}}),
    "invalid_blocks": ("chat_postMessage", {"channel": "C1", "text": "x", "blocks": [{"type": "section"}]}),
    "message_not_found": ("chat_update", {"channel": "C1", "ts": "1.0", "text": "x"}),
    "user_not_found": ("conversations_open", {"users": "U404"}),
    "invalid_trigger_id": ("views_open", {"trigger_id": "1.2.3", "view": form()}),
    "hash_conflict": ("views_publish", {"user_id": "U1", "view": {"type": "home", "blocks": []}, "hash": "old"}),
    "unknown_method": ("api_call", {"api_method": "pins.burn"}),
    "invalid_cursor": ("users_list", {"limit": 2, "cursor": "?"}),
}


@both
async def test_the_client_raises_what_slack_refuses_by_its_name(slack, kind):
    call = kind(slack.sandbox.api_url)
    for error, (name, args) in REFUSED.items():
        with pytest.raises(SlackApiError) as refused:
            await call(name, **args)
        assert refused.value.response["error"] == error
    ts = (await call("chat_postMessage", channel="C1", text="mine"))["ts"]
    with pytest.raises(SlackApiError, match="msg_too_long"):
        await call("chat_update", channel="C1", ts=ts, text="x" * 4001)
    call.client.token = "xoxb-another"
    with pytest.raises(SlackApiError, match="invalid_auth"):
        await call("auth_test")


@both
async def test_the_client_waits_and_tries_again_when_it_is_too_fast(slack, kind):
    call = kind(slack.sandbox.api_url)
    await slack.post("faults", [{"kind": "ratelimited", "method": "chat.postMessage", "count": 2, "retry_after": 0}])
    assert (await call("chat_postMessage", channel="C1", text="at last"))["ok"]
    tries = [one["error"] for one in await slack.get("log", method="chat.postMessage")]
    assert tries == ["ratelimited", "ratelimited", None]
    await slack.post("faults", [{"kind": "ratelimited", "method": "auth.test", "count": 3, "retry_after": 0}])
    with pytest.raises(SlackApiError) as refused:
        await call("auth_test")
    assert (refused.value.response.status_code, refused.value.response["error"]) == (429, "ratelimited")


# Socket Mode


@asynccontextmanager
async def sync_socket(url, heard):
    client = SocketModeClient("xapp-local", web_client=WebClient(base_url=url), ping_interval=0.3, concurrency=2)

    def hear(socket, request):
        heard.append(request)
        answer = {"text": f"back: {request.payload['text']}"} if request.type == "slash_commands" else None
        socket.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id, payload=answer))

    client.socket_mode_request_listeners.append(hear)
    await asyncio.to_thread(client.connect)
    try:
        yield client
    finally:
        await asyncio.to_thread(client.close)


@asynccontextmanager
async def async_socket(url, heard):
    client = AsyncSocketModeClient("xapp-local", web_client=AsyncWebClient(base_url=url), ping_interval=0.3)

    async def hear(socket, request):
        heard.append(request)
        answer = {"text": f"back: {request.payload['text']}"} if request.type == "slash_commands" else None
        await socket.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id, payload=answer))

    client.socket_mode_request_listeners.append(hear)
    await client.connect()
    try:
        yield client
    finally:
        await client.close()


@pytest.mark.parametrize("opened", [sync_socket, async_socket])
async def test_the_socket_client_hears_answers_and_comes_back(launch, opened):
    slack = await launch(**PATIENT)
    heard = []
    async with opened(slack.sandbox.api_url, heard):
        await slack.post("message", user="U1", text="hi")
        (event,) = await slack.logged("event")
        assert event["ok"]
        assert heard[0].type == "events_api"
        assert heard[0].payload["event"]["text"] == "hi"
        done = await slack.post("command", user="U1", command="/cadence", text="x")
        assert [one["text"] for one in done["ephemeral"]] == ["back: x"]
        await slack.post("admin/disconnect_sockets")
        await slack.logged("api", "apps.connections.open", 2)
        await slack.post("message", user="U1", text="again")
        assert all(one["ok"] for one in await slack.logged("event", count=2))
        assert heard[-1].payload["event"]["text"] == "again"


# Bolt


@asynccontextmanager
async def sync_app(url):
    """A synchronous echo app; its listeners run in a pool that ends with it."""
    with ThreadPoolExecutor(4) as pool:
        # The constructor asks who it is.
        app = await asyncio.to_thread(
            App,
            client=WebClient("xoxb-local", base_url=url),
            signing_secret="local-signing-secret",
            listener_executor=pool,
        )
        yield echo.register(app, echo.in_turn)


def async_app(url):
    app = AsyncApp(client=AsyncWebClient("xoxb-local", base_url=url), signing_secret="local-signing-secret")
    return echo.register(app, echo.awaited)


@asynccontextmanager
async def sync_over_a_socket(url, _port):
    async with sync_app(url) as app:
        handler = SocketModeHandler(app, "xapp-local")
        await asyncio.to_thread(handler.connect)
        try:
            yield
        finally:
            await asyncio.to_thread(handler.close)


@asynccontextmanager
async def async_over_a_socket(url, _port):
    handler = AsyncSocketModeHandler(async_app(url), "xapp-local")
    await handler.connect_async()
    try:
        yield
    finally:
        await handler.close_async()


class Requests(BaseHTTPRequestHandler):
    """What `App.start` serves, on loopback alone: Bolt's own little server listens on every address."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        answer = self.server.app.dispatch(BoltRequest(body=body, headers=dict(self.headers.items())))
        self.send_response(answer.status)
        for name, values in answer.headers.items():
            for value in values:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write((answer.body or "").encode())

    def log_message(self, *_):
        """Silent."""


@asynccontextmanager
async def sync_over_http(url, port):
    async with sync_app(url) as app:
        with ThreadingHTTPServer(("127.0.0.1", port), Requests) as server:
            server.app = app
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            try:
                yield
            finally:
                await asyncio.to_thread(server.shutdown)
                thread.join()


@asynccontextmanager
async def async_over_http(url, port):
    async with AsyncExitStack() as stack:
        runner, _ = await serve(async_app(url).web_app(path="/slack/events"), port)
        stack.push_async_callback(runner.cleanup)
        yield


@pytest.mark.parametrize(
    ("bot", "deliver"),
    [
        (sync_over_a_socket, "socket"),
        (async_over_a_socket, "socket"),
        (sync_over_http, "http"),
        (async_over_http, "http"),
    ],
)
async def test_an_app_of_bolt_answers_commands_forms_events_and_buttons(launch, bot, deliver):
    port = free_port()
    slack = await launch(deliver=deliver, bot_url=f"http://127.0.0.1:{port}", **PATIENT)
    async with bot(slack.sandbox.api_url, port):
        await echo.try_everything(slack)
