"""A seed, a client of the driver, and a tiny real Bolt bot that the local Slack is tried with."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import yaml
from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Sandbox, SandboxOptions

MANIFEST = Path(__file__).parents[2] / "app_manifest.yml"
WEDNESDAY = datetime(2026, 11, 25, 10, tzinfo=UTC)
SEED = {
    "users": [
        {"id": "U1", "name": "mira", "real_name": "Mira Castellanos", "email": "mira@example.com", "title": "PM"},
        {"id": "U2", "name": "ann", "real_name": "Ann Lee", "tz": "Pacific/Auckland"},
        {"id": "U3", "name": "gus", "is_restricted": True},
        {"id": "U4", "name": "dee", "deleted": True},
        {"id": "U5", "name": "robo", "is_bot": True},
        {"id": "U6", "name": "eva", "team_id": "T9", "is_stranger": True},
    ],
    "channels": [
        {"id": "C1", "name": "acme", "members": ["U1", "U2", "U0CADENCE"]},
        {"id": "C2", "name": "elsewhere", "members": ["U1"]},
        {"id": "C3", "name": "secret", "is_private": True, "members": ["U1"]},
        {"id": "C4", "name": "old", "is_archived": True, "members": ["U1", "U0CADENCE"]},
        {"id": "C5", "name": "leads", "is_private": True, "members": ["U1", "U0CADENCE"]},
    ],
}


def options(**changes):
    quick = {"port": 0, "manifest": MANIFEST, "command_wait": 1.0, "click_wait": 0.5, "heartbeat": 0.1}
    return SandboxOptions(**(quick | {"start_at": WEDNESDAY} | changes))


def manifest_with(folder, *, add=(), drop=(), events=(), deaf=()):
    """The app's manifest with other scopes, with more events, and without those it is to be `deaf` to."""
    manifest = yaml.safe_load(MANIFEST.read_text())
    scopes = manifest["oauth_config"]["scopes"]
    scopes["bot"] = [one for one in (*scopes["bot"], *add) if one not in drop]
    heard = manifest["settings"]["event_subscriptions"]
    heard["bot_events"] = [one for one in (*heard["bot_events"], *events) if one not in deaf]
    path = folder / "manifest.yml"
    path.write_text(yaml.safe_dump(manifest))
    return path


class Driver:
    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession):
        self.sandbox, self.session = sandbox, session

    async def get(self, path, **query):
        async with self.session.get(f"{self.sandbox.url}/_local/{path}", params=query) as answer:
            return await answer.json()

    async def post(self, path, body=None, **fields):
        async with self.session.post(f"{self.sandbox.url}/_local/{path}", json=body or fields) as answer:
            return await answer.json()

    async def api(self, method, token="xoxb-local", **args):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.session.post(self.sandbox.api_url + method, json=args, headers=headers) as answer:
            return await answer.json()

    async def logged(self, kind="", method="", count=1):
        """Log entries, once there are `count` of them that were answered."""
        for _ in range(200):
            found = [one for one in await self.get("log", kind=kind, method=method) if one["done"]]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.02)
        raise AssertionError(f"only {len(found)} of {count} {kind} {method}")


def plain(text):
    return {"type": "plain_text", "text": text}


def mrkdwn(text):
    return {"type": "mrkdwn", "text": text}


def form(title="Deal", **more):
    blocks = [
        {
            "type": "input",
            "block_id": "what",
            "label": plain("Next action"),
            "element": {"type": "plain_text_input", "action_id": "text", "max_length": 20},
        },
        {
            "type": "input",
            "block_id": "who",
            "optional": True,
            "label": plain("Owner"),
            "element": {"type": "users_select", "action_id": "person"},
        },
        {
            "type": "actions",
            "block_id": "more",
            "elements": [
                {"type": "button", "action_id": "push", "text": plain("Push")},
                {"type": "button", "action_id": "refresh", "text": plain("Refresh")},
            ],
        },
    ]
    view = {"type": "modal", "callback_id": "deal", "title": plain(title), "submit": plain("Save"), "blocks": blocks}
    return view | more


CARD = [
    {"type": "section", "text": mrkdwn("Is anything *new*?")},
    {
        "type": "actions",
        "block_id": "card",
        "elements": [
            {"type": "button", "action_id": "same", "text": plain("No change"), "value": "7"},
            {"type": "button", "action_id": "quiet", "text": plain("Quiet")},
            {"type": "button", "action_id": "slow", "text": plain("Slow")},
        ],
    },
]


def echo_app(api_url, heard):
    """A bot with one of everything; `heard` collects the bodies it was sent."""
    app = AsyncApp(client=AsyncWebClient("xoxb-local", base_url=api_url), signing_secret="local-signing-secret")

    @app.middleware
    async def remember(body, next):  # noqa: A002
        heard.append(body)
        await next()

    @app.command("/deals")
    async def deals(ack, body, client):
        if body["text"] == "slow":
            await asyncio.sleep(1.2)
        await ack()
        if body["text"] == "late":
            await asyncio.sleep(0.5)
        await client.views_open(trigger_id=body["trigger_id"], view=form(notify_on_close=True))

    @app.command("/cadence")
    async def cadence(ack):
        await ack("Nothing is *planned*.")

    @app.view("deal")
    async def save(ack, view, body, client):
        what = next(iter(view["state"]["values"]["what"].values()))
        text = what["value"] if "value" in what else what["selected_option"]["value"]
        if text == "errors":
            await ack(response_action="errors", errors={"what": "Say more."})
        elif text == "wrong":
            await ack(response_action="errors", errors={"nowhere": "Say more."})
        elif text == "update":
            await ack(response_action="update", view=form("Next deal"))
        elif text == "push":
            await ack(response_action="push", view=form("On top"))
        elif text == "clear":
            await ack(response_action="clear")
        elif text == "slow":
            await asyncio.sleep(1.2)
            await ack()
        else:
            await ack()
            await client.chat_postMessage(channel=body["user"]["id"], text=f"saved {text}")

    @app.view_closed("deal")
    async def closed(ack):
        await ack()

    @app.action("push")
    async def push(ack, body, client):
        await ack()
        await client.views_push(trigger_id=body["trigger_id"], view=form("Pushed"))

    @app.action("refresh")
    async def refresh(ack, body, client):
        await ack()
        view = form("Refreshed")
        view["blocks"][1]["block_id"] = "who2"
        await client.views_update(view_id=body["view"]["id"], hash=body["view"]["hash"], view=view)

    @app.action("same")
    async def same(ack, body, client):
        await ack()
        await client.chat_update(channel=body["channel"]["id"], ts=body["message"]["ts"], text="Thanks")

    @app.action("quiet")
    async def quiet(ack, respond):
        await ack()
        await respond("Only you see this.")

    @app.action("slow")
    async def slow(ack):
        await asyncio.sleep(1.2)
        await ack()

    @app.event("app_home_opened")
    async def home(event, client):
        blocks = [{"type": "actions", "elements": [{"type": "button", "action_id": "same2", "text": plain("Go")}]}]
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    @app.action("same2")
    async def from_home(ack, body, client):
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=form("From Home"))

    @app.shortcut("attribution.touch")
    async def chosen(ack, body, client):
        await ack()
        view = form("Of a message")
        view["blocks"][0] = {"type": "input", "block_id": "what", "label": plain("Deal"),
                             "element": {"type": "external_select", "action_id": "pick", "min_query_length": 0}}  # fmt: skip
        await client.views_open(trigger_id=body["trigger_id"], view=view)

    @app.options("pick")
    async def pick(ack, body):
        there = [one for one in ("Pumps · Acme", "Valves · Acme") if body["value"].casefold() in one.casefold()]
        await ack(options=[{"text": plain(one), "value": one[0]} for one in there])

    async def nothing():
        return

    for event in ("message", "user_change", "member_left_channel", "channel_archive", "channel_shared", "team_join"):
        app.event(event)(nothing)
    return app


class FakeControl:
    """The bot's side of the clock: work that is due at given times, done in order."""

    def __init__(self, *due):
        self.due = sorted(due)
        self.settling = []
        self.heard = []
        self.now = datetime(2000, 1, 1, tzinfo=UTC)

    def routes(self):
        return [web.post("/control/run", self.run), web.get("/control/next", self.next)]

    def shape(self):
        rows = self.due[:1]
        settling = bool(rows and rows[0] in self.settling)
        return {
            "now": self.now.isoformat(),
            "next_due": rows[0][0].isoformat() if rows else None,
            "next_what": rows[0][1] if rows else None,
            "settling": settling,
        }

    async def run(self, request):
        self.now = datetime.fromisoformat((await request.json())["now"])
        self.heard.append(self.now)
        self.due = [row for row in self.due if row[0] > self.now]
        return web.json_response(self.shape())

    async def next(self, _request):
        coming = [{"at": at.isoformat(), "what": what} for at, what in self.due]
        return web.json_response(self.shape() | {"coming": coming})


async def serve(app, port=0):
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner, runner.addresses[0][1]


class Bot:
    """The echo app, connected over a socket or listening for callbacks."""

    def __init__(self, app, heard):
        self.app, self.heard = app, heard
        self.closers = []

    async def connect(self):
        handler = AsyncSocketModeHandler(self.app, "xapp-local")
        handler.client.ping_interval = 0.3
        await handler.connect_async()
        self.closers.append(handler.close_async)
        return handler

    async def listen(self, port=0):
        runner, port = await serve(self.app.web_app(path="/slack/events"), port)
        self.closers.append(runner.cleanup)
        return port

    async def close(self):
        for closer in self.closers:
            await closer()
