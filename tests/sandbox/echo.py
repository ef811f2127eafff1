"""A bot that answers what it hears, and what a person tries with it; `tests/node/echo.mjs` is the same bot in JavaScript.

The listeners are written once: each yields its calls one by one. With a synchronous Bolt a call has then been made; with
an asynchronous one it is awaited.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from tests.sandbox.support import Driver, form, plain

HELLO = [
    {"type": "section", "text": plain("Hello to you")},
    {
        "type": "actions",
        "block_id": "card",
        "elements": [{"type": "button", "action_id": "same", "text": plain("No change"), "value": "7"}],
    },
]
HOME = [{"type": "actions", "elements": [{"type": "button", "action_id": "from_home", "text": plain("Open")}]}]
Calls = Iterator[Any]


def deals(to: Any) -> Calls:
    yield to.ack()
    yield to.client.views_open(trigger_id=to.body["trigger_id"], view=form(notify_on_close=True))


def cadence(to: Any) -> Calls:
    yield to.ack(f"You said: {to.body['text']}")
    yield to.respond(text="And later: *this*", response_type="in_channel")


def save(to: Any) -> Calls:
    text = to.view["state"]["values"]["what"]["text"]["value"]
    if text == "errors":
        yield to.ack(response_action="errors", errors={"what": "Say more."})
    elif text == "update":
        yield to.ack(response_action="update", view=form("Next deal", notify_on_close=True))
    else:
        yield to.ack()
        yield to.client.chat_postMessage(channel=to.body["user"]["id"], text=f"saved {text}")


def closed(to: Any) -> Calls:
    yield to.ack()
    cleared = str(to.body["is_cleared"]).lower()
    yield to.client.chat_postMessage(channel=to.body["user"]["id"], text=f"closed, cleared {cleared}")


def push(to: Any) -> Calls:
    yield to.ack()
    yield to.client.views_push(trigger_id=to.body["trigger_id"], view=form("On top"))


def refresh(to: Any) -> Calls:
    yield to.ack()
    view = to.body["view"]
    yield to.client.views_update(view_id=view["id"], hash=view["hash"], view=form("Refreshed", notify_on_close=True))


def same(to: Any) -> Calls:
    yield to.ack()
    channel, ts = to.body["channel"]["id"], to.body["message"]["ts"]
    yield to.client.chat_update(channel=channel, ts=ts, text=f"Thanks for {to.action['value']}")


def message(to: Any) -> Calls:
    if "subtype" not in to.event:
        yield to.say(text=f"You wrote: {to.event['text']}", blocks=HELLO)


def home(to: Any) -> Calls:
    if to.event["tab"] == "home":
        yield to.client.views_publish(user_id=to.event["user"], view={"type": "home", "blocks": HOME})


def from_home(to: Any) -> Calls:
    yield to.ack()
    yield to.client.views_open(trigger_id=to.body["trigger_id"], view=form("From Home"))


def register(app: Any, wrap: Callable[[Any], Any]) -> Any:
    app.command("/deals")(wrap(deals))
    app.command("/cadence")(wrap(cadence))
    app.view("deal")(wrap(save))
    app.view_closed("deal")(wrap(closed))
    app.event("message")(wrap(message))
    app.event("app_home_opened")(wrap(home))
    for action in (push, refresh, same, from_home):
        app.action(action.__name__)(wrap(action))
    return app


def in_turn(listener: Any) -> Any:
    """For a synchronous Bolt."""

    def run(args: Any) -> None:
        for _ in listener(args):
            pass

    return run


def awaited(listener: Any) -> Any:
    """For an asynchronous Bolt."""

    async def run(args: Any) -> None:
        for call in listener(args):
            await call

    return run


async def texts(driver: Driver, *wanted: str) -> list[dict[str, Any]]:
    """What Mira reads in her direct message with the bot, once every one of these is there."""
    for _ in range(500):
        found = await driver.get("read", user="U1", channel="bot")
        if set(wanted) <= {one["text"] for one in found}:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"{wanted} are not all in {[one['text'] for one in found]}")


def only_view(done: dict[str, Any], title: str) -> dict[str, Any]:
    (view,) = done["views"]
    assert view["title"]["text"] == title
    return view


async def try_everything(driver: Driver) -> None:
    """A command, a form with all its answers, an event, a button, the Home tab: each comes back as it should."""
    await command_and_form(driver)
    await answers_to_a_command(driver)
    await event_and_button(driver)
    await home_tab(driver)
    assert (await driver.get("state"))["problems"] == []
    assert [one for one in await driver.get("log") if not one["ok"]] == []


async def command_and_form(driver: Driver) -> None:
    opened = await driver.post("command", user="U1", channel="C1", command="/deals")
    assert opened["ok"], opened
    only_view(opened, "Deal")
    refused = await driver.post("submit", user="U1", values={"what": "errors"})
    assert (refused["result"], refused["errors"]) == ("errors", {"what": "Say more."})
    pushed = await driver.post("view_action", user="U1", action_id="push")
    only_view(pushed, "On top")
    await driver.post("close", user="U1")
    refreshed = await driver.post("view_action", user="U1", action_id="refresh")
    only_view(refreshed, "Refreshed")
    updated = await driver.post("submit", user="U1", values={"what": "update"})
    assert (updated["result"], updated["view"]["title"]["text"]) == ("updated", "Next deal")
    done = await driver.post("submit", user="U1", values={"what": "call them", "who": "U2"})
    assert (done["result"], done["view"]) == ("closed", None)
    await texts(driver, "saved call them")
    for everything in (False, True):
        await driver.post("command", user="U1", channel="C1", command="/deals")
        await driver.post("close", user="U1", all=everything)
    await texts(driver, "closed, cleared false", "closed, cleared true")


async def answers_to_a_command(driver: Driver) -> None:
    """One with the ack, for the person alone, and one over the response_url, for all."""
    await driver.post("command", user="U1", command="/cadence", text="a & b")
    found = await texts(driver, "You said: a & b", "And later: *this*")
    hidden = {one["text"]: one["is_ephemeral"] for one in found}
    assert (hidden["You said: a & b"], hidden["And later: *this*"]) == (True, False)


async def event_and_button(driver: Driver) -> None:
    await driver.post("message", user="U1", text="hello")
    (heard,) = [one for one in await texts(driver, "You wrote: hello") if one["text"] == "You wrote: hello"]
    done = await driver.post("click", user="U1", channel=heard["channel"], ts=heard["ts"], label="No change")
    assert done["acked"], done
    found = await texts(driver, "Thanks for 7")
    assert "You wrote: hello" not in {one["text"] for one in found}, "the message is changed, not written again"


async def home_tab(driver: Driver) -> None:
    await driver.post("home", user="U1", tab="messages")
    await driver.post("home", user="U1")
    await driver.logged("api", "views.publish")
    done = await driver.post("view_action", user="U1", view_id="home", label="Open")
    only_view(done, "From Home")
    assert (await driver.post("submit", user="U1", values={"what": "from there"}))["result"] == "closed"
    await texts(driver, "saved from there")
