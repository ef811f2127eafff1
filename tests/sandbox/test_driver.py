"""The driver's machinery: raw deliveries, replay, the log in the order of the wire, what came near a limit."""

import asyncio
import re
from pathlib import Path

import pytest

from bot.sandbox.delivery.http import SIGNATURES
from bot.sandbox.faults import KINDS
from bot.sandbox.reached import KINDS as KINDS_REACHED
from tests.sandbox.support import CARD, form, mrkdwn
from tests.sandbox.test_delivery import RawSocket, until

PAGE = Path(__file__).parents[2] / "docs" / "local-slack.md"
FORGED = {
    "type": "block_actions",
    "team": {"id": "T0OTHER", "domain": "other"},
    "user": {"id": "U666", "team_id": "T0OTHER"},
    "api_app_id": "A0OTHER",
    "token": "forged",
    "container": {"type": "message", "message_ts": "1.1", "channel_id": "C1"},
    "channel": {"id": "C1"},
    "trigger_id": "1.2.3",
    "actions": [{"type": "button", "action_id": "nothing", "block_id": "b", "action_ts": "1.1"}],
}


async def test_a_payload_is_delivered_just_as_it_is(pair):
    slack, bot = pair
    done = await slack.post("deliver", kind="command", payload={"command": "/cadence", "team_id": "T0OTHER"})
    assert (done["ok"], done["acked"], done["error"]) == (True, True, None)
    assert done["response"] == {"text": "Nothing is *planned*."}
    assert {"command": "/cadence", "team_id": "T0OTHER"}.items() <= bot.heard[-1].items()
    assert "trigger_id" not in bot.heard[-1]
    refused = await slack.post("deliver", kind="interaction", payload=FORGED)
    assert refused["ok"] is refused["acked"] is False  # no listener, so no ack
    assert bot.heard[-1] == FORGED


async def test_a_raw_event_needs_no_subscription(pair):
    slack, bot = pair
    payload = {
        "type": "event_callback",
        "event_id": "Ev1",
        "team_id": "T1",
        "event": {"type": "message", "text": "raw"},
    }
    assert (await slack.post("deliver", kind="event", payload=payload))["acked"]
    assert bot.heard[-1] == payload


async def test_deliveries_are_refused_in_words(slack):
    async def refusal(**fields):
        done = await slack.post("deliver", **fields)
        return done["error"]

    assert "there are: event, command, interaction" in await refusal(kind="letter", payload={})
    assert "missing: payload" in await refusal(kind="event")
    assert "must be a JSON object" in await refusal(kind="event", payload="x")
    assert await refusal(kind="event", payload={"event": {}}) == "dispatch_failed"
    assert await refusal(kind="command", payload={"command": "/deals"}) == "dispatch_failed"


async def test_what_the_log_holds_can_be_sent_again(slack):
    raw = await RawSocket(slack).open()
    await slack.post("message", user="U1", text="hi")
    posted = await slack.api("chat.postMessage", channel="C1", text="card", blocks=CARD)
    await slack.post("click", user="U1", channel="C1", ts=posted["ts"], action_id="quiet")
    await slack.post("command", user="U1", channel="C1", command="/deals")
    await slack.logged("event", count=2)  # of the message, and of the card
    sent = {one["type"]: one for one in reversed(raw.seen)}
    for kind, envelope in (("event", "events_api"), ("interaction", "interactive"), ("command", "slash_commands")):
        n = (await slack.logged(kind))[0]["n"]
        assert (await slack.post("replay", n=n))["acked"]
        assert raw.seen[-1]["payload"] == sent[envelope]["payload"]
        assert raw.seen[-1]["envelope_id"] != sent[envelope]["envelope_id"]
    assert len(raw.seen) == 7
    api = (await slack.logged("api"))[0]["n"]
    for n in (api, 0, 9999):
        assert f"entry {n} of the log" in (await slack.post("replay", n=n))["error"]
    await raw.close()


async def test_state_counts_the_deliveries_under_way(slack):
    await slack.post("message", user="U1", text="nobody is there")
    assert (await slack.get("state"))["deliveries"] == 1
    raw = await RawSocket(slack).open()
    await slack.logged("event")
    await until(lambda: slack.sandbox.events.waiting == 0)
    assert (await slack.get("state"))["deliveries"] == 0
    await raw.close()


async def test_the_log_has_the_order_of_the_wire(pair):
    slack, _ = pair
    await slack.post("command", user="U1", channel="C1", command="/deals")
    log = await slack.get("log")
    command = next(one for one in log if one["kind"] == "command")
    opened = next(one for one in log if one["method"] == "views.open")
    wire = next(one for one in log if one["kind"] in ("socket", "http") and one["request"].get("of") == command["n"])
    assert command["n"] < wire["n"] < opened["n"]
    assert [one["n"] for one in log] == sorted({one["n"] for one in log})
    assert all(one["done"] for one in log)


async def test_what_is_not_answered_yet_already_stands_in_the_log(slack):
    raw = await RawSocket(slack).open()
    raw.ack = False
    asking = asyncio.create_task(slack.post("command", user="U1", channel="C1", command="/deals"))
    await until(lambda: raw.seen)
    entry = (await slack.get("log", kind="command"))[0]
    assert (entry["done"], entry["response"]) == (False, None)
    await raw.socket.send_json({"envelope_id": raw.seen[0]["envelope_id"], "payload": {"text": "here"}})
    await asking
    entry = (await slack.get("log", kind="command"))[0]
    assert (entry["done"], entry["response"]) == (True, {"text": "here"})
    await raw.close()


async def test_connections_come_and_go_in_the_log(slack):
    raw = await RawSocket(slack).open()
    await slack.post("message", user="U1", text="hi")
    await slack.post("admin/disconnect_sockets", reason="warning")
    await raw.close()
    log = await slack.logged("socket", count=4)
    assert [one["method"] for one in log] == ["hello", "events_api", "disconnect", "closed"]
    assert log[1]["request"]["retry_attempt"] == 0
    assert log[1]["request"]["name"] == "message"


async def test_nothing_in_the_log_opens_anything(pair):
    slack, _ = pair
    posted = await slack.api("chat.postMessage", channel="C1", text="card", blocks=CARD, token="xoxb-local")
    await slack.post("click", user="U1", channel="C1", ts=posted["ts"], label="Quiet")
    world = slack.sandbox.world
    log = str(await slack.get("log"))
    assert "/response/" in log
    for secret in ("xoxb-", "xapp-", "local-signing-secret", "v0=", *world.response_urls):
        assert secret not in log
    assert not re.search(r"ticket=(?!hidden)", log)


async def test_what_comes_near_a_limit_is_told(pair):
    slack, _ = pair
    blocks = [{"type": "section", "text": mrkdwn("x" * 2900)}, *[{"type": "divider"}] * 45]
    posted = await slack.api("chat.postMessage", channel="#acme", text="x", blocks=blocks)
    first, second = await slack.get("limits")
    entry = (await slack.get("log", method="chat.postMessage"))[0]
    assert first == {
        "what": "blocks of a message", "used": 46, "limit": 50, "where": "chat.postMessage to #acme",
        "n": entry["n"], "at": entry["at"],
    }  # fmt: skip
    assert (second["what"], second["used"], second["limit"]) == ("text of a section", 2900, 3000)
    await slack.api("chat.update", channel="C1", ts=posted["ts"], text="x" * 3999)
    assert (await slack.get("limits"))[-1]["what"] == "text of a message"
    refused = await slack.api("chat.postMessage", channel="C1", text="x", blocks=[*blocks, *[{"type": "divider"}] * 5])
    assert refused["error"] == "invalid_blocks"
    trigger = slack.sandbox.world.new_trigger("U1").id
    await slack.api("views.open", trigger_id=trigger, view=form("x" * 20))
    assert (await slack.get("limits"))[-1]["where"] == "views.open of deal"
    await slack.api("chat.postMessage", channel="U1", text="x" * 39_000)
    told = await slack.get("limits")
    assert (told[-1]["where"], len(told)) == ("chat.postMessage to the DM of Mira Castellanos", 5)


# the page about the driver


def documented(pattern):
    return set(re.findall(pattern, PAGE.read_text(encoding="utf-8"), re.MULTILINE))


async def test_every_route_of_the_driver_is_documented_and_the_other_way_round(slack):
    there = set()
    for route in slack.sandbox.routes():
        method, path = route
        if path.startswith("/_local/") and method != "HEAD":
            there.add(f"{method} {path}")
    assert documented(r"^### `((?:GET|POST|DELETE) /_local/\S*)`$") == there


async def test_every_route_is_named_in_the_help(slack):
    shown = "\n".join((await slack.get(""))["interface"])
    for _, path in slack.sandbox.routes():
        if path.startswith("/_local/"):
            assert re.search(rf"\b{re.escape(path.removeprefix('/_local/').split('{')[0])}", shown), path


def test_every_fault_is_documented_and_the_other_way_round():
    assert documented(r"^\| `([a-z_0-9]+)` \| (?:call|delivery) \|") == set(KINDS)
    text = PAGE.read_text(encoding="utf-8")
    assert all(kind.sentence in text for kind in KINDS.values())


async def test_every_admin_action_is_documented_and_the_other_way_round(slack):
    there = set((await slack.get(""))["admin"])
    assert documented(r"^\| `([a-z_]+)` \| `\{") == there


async def test_every_switch_is_documented_with_its_positions_and_the_other_way_round(slack):
    there = (await slack.get("switches"))["switches"]
    rows = dict(re.findall(r"^\| `(outsiders_\w+)` \| (.*?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert set(rows) == there.keys() - {"no_buttons"}
    for name, positions in rows.items():
        first = str(there[name]).lower()
        assert re.search(rf"`\"?{first}\"?`", positions), f"{name}: the one it begins with is set in code"
        for one in re.findall(r'[\w"]+', positions.replace("`", "")):
            position = {"true": True, "false": False}.get(one, one.strip('"'))
            assert (await slack.post("switches", {name: position}))["switches"][name] == position


def test_every_signature_and_every_kind_that_reached_somebody_is_documented():
    assert documented(r"^\| `(right|wrong|missing|old|tampered|replayed)` \|") == set(SIGNATURES)
    assert documented(r"^\| `(\w+)` \| [^|]*\| (?:`\{|the same)") == set(KINDS_REACHED)


@pytest.mark.parametrize("name", ["deliver", "replay", "upload", "edit", "delete", "switches"])
async def test_the_help_knows_what_is_new(slack, name):
    assert any(f"POST {name}" in line for line in (await slack.get(""))["interface"])


async def test_invite_is_slacks_own_command(pair):
    slack, _ = pair
    state = await slack.get("state")
    person = next(one for one in state["users"] if not one.get("is_bot"))
    place = next(one for one in state["channels"] if person["id"] in one.get("members", []) and not one.get("is_im"))
    app = state["app"]["name"]
    typed = {"user": person["id"], "channel": place["id"], "command": "/invite"}
    assert (await slack.post("command", **typed, text=f"@{app}"))["ok"]
    nobody = await slack.post("command", **typed, text="@Nobody Here")
    assert nobody["error"] == "/invite @name: there is nobody called “nobody here” here"
    alone = await slack.post("command", **{**typed, "channel": "bot"}, text=f"@{app}")
    assert alone["error"] == "/invite works in a channel that you are in"
