"""What the journeys share: a run that is judged when it ends, and hands for what people do in every week.

The judgement comes from the local Slack's own log and messages: what Slack refused, whom the bot disturbed, and when.
"""

from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, time
from typing import Any

from sqlalchemy import select

from models.cards import touch_everything
from models.domain.workdays import Reader, WorkCalendar, in_working_hours
from models.domain.zones import zone
from models.imports import import_deals
from models.tables import Absence, Occurrence, Outbox, Partner, Person, Step
from tests.world import BOT_USER, Human, Local, Team, deal, deals_csv, partner, playing, small_team

NEVER_REFUSED = frozenset({
    "invalid_blocks", "invalid_arguments", "msg_too_long", "missing_scope", "invalid_blocks_format", "view_too_large",
    "msg_blocks_too_long", "no_text", "invalid_auth", "expired_trigger_id", "push_limit_reached", "hash_conflict",
})  # fmt: skip
LOUD = {"@channel", "@here", "@everyone"}
KINDS = {
    "prompt": ("Your deals for the next review", "Nothing waits for you here"),
    "nudge": ("still open", "All set, thank you"),
    "close": ("Close your reviews",),
    "close_nudge": ("not closed:", "All your reviews are closed"),
}


@asynccontextmanager
async def journey(team: Team, url: str, *, may_disturb: Collection[str] = (), **how: Any) -> AsyncIterator[Local]:
    """A running team; when the journey ends, the whole run is judged. `may_disturb`: people not judged by hours."""
    async with playing(team, url, **how) as local:
        yield local
        await judge(local, may_disturb=may_disturb)


async def judge(local: Local, *, may_disturb: Collection[str] = ()) -> None:
    """What holds after every journey, whatever it was about."""
    calls = await local.get("log", kind="api")
    refused = [(row["method"], row["error"], row["response"]) for row in calls if row["error"] in NEVER_REFUSED]
    assert not refused, refused[:3]
    assert (await local.get("state"))["problems"] == []
    everything = [row for row in await local.get("messages") if row["user"] == BOT_USER]
    loud = [(row["text"], row["mentions"]) for row in everything if LOUD & set(row["mentions"])]
    assert not loud, loud[:3]
    for human in local.team.people:
        if human.partner or human.slack.get("deleted"):
            continue
        written = await local.dms(human.name)
        assert_once_a_day(human.name, human.zone, written)
        if human.name not in may_disturb:
            reader = Reader(zone_name=human.zone, calendar=WorkCalendar(code=human.holidays or local.team.holidays))
            late = [
                row
                for row in written
                if not in_working_hours(reader, posted(row)) and "/deals` answers" not in row["text"]
            ]
            assert not late, [(human.name, posted(row).astimezone(zone(human.zone)), row["text"][:80]) for row in late]


def assert_once_a_day(name: str, place: str, written: list[dict[str, Any]]) -> None:
    """Prompts, nudges and closing requests are each at most one message a person a day."""
    seen = Counter((kind_of(row), posted(row).astimezone(zone(place)).date()) for row in written)
    seen = Counter({key: number for key, number in seen.items() if key[0]})
    assert not seen or max(seen.values()) == 1, (name, seen)


def kind_of(row: dict[str, Any]) -> str:
    """Which card a message is, by its words; empty for anything else."""
    first = row["history"][0]["text"] if row["history"] and "text" in row["history"][0] else row["text"]
    return next((kind for kind, words in KINDS.items() if any(word in first for word in words)), "")


def posted(row: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(row["posted"])


async def kinds(local: Local, name: str) -> list[str]:
    """Which cards a person has got, oldest first."""
    return [kind_of(row) for row in await local.dms(name)]


async def posted_local(local: Local, name: str, kind: str) -> list[str]:
    """When the person got these cards, on their own clock: `Wed 10:00`."""
    human = next(human for human in local.team.people if human.name == name)
    return [
        f"{posted(row).astimezone(zone(human.zone)):%a %H:%M}" for row in await local.dms(name) if kind_of(row) == kind
    ]


def shown(view: dict[str, Any] | None) -> str:
    """Every word a view or message shows."""
    return " ".join(_words(view or {}))


def _words(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [str(node["text"])] if isinstance(node.get("text"), str) else []
        return own + [
            word
            for key, value in node.items()
            if key not in ("private_metadata", "state", "history")
            for word in _words(value)
        ]
    return [word for item in node for word in _words(item)] if isinstance(node, list) else []


def labels(message: dict[str, Any]) -> list[str]:
    """The buttons of a message or view."""
    found = [
        element for block in message["blocks"] for element in block.get("elements", []) if isinstance(element, dict)
    ]
    found += [block["accessory"] for block in message["blocks"] if block.get("accessory")]
    return [element["text"]["text"] for element in found if element.get("type") == "button"]


def fields(view: dict[str, Any] | None) -> dict[str, str]:
    """Block ids of a form's inputs by field name."""
    assert view is not None
    return {block["block_id"].split(":")[0]: block["block_id"] for block in view["blocks"] if block["type"] == "input"}


def value_of(view: dict[str, Any] | None, name: str) -> Any:
    """What an input of an open form holds now."""
    assert view is not None
    held = next(iter(view["state"]["values"].get(fields(view)[name], {}).values()), {})
    for key in ("value", "selected_date", "selected_user", "selected_time"):
        if key in held:
            return held[key]
    chosen = held.get("selected_option")
    return chosen["value"] if chosen else None


async def answer(local: Local, name: str, **values: Any) -> Any:
    """Submit the open form; a next action is given where the form has none and the test does not say."""
    view = await local.view(name)
    given = dict(values)
    if not value_of(view, "next_text"):
        given.setdefault("next_text", "call the customer")
    if not value_of(view, "next_due"):
        given.setdefault("next_due", (await local.now()).date().isoformat()[:8] + "28")
    return await local.submit(name, given)


async def walk(local: Local, name: str, **values: Any) -> int:
    """Answer everything on the newest prompt card; how many deals that were."""
    message = await local.card(name, "Your deals for the next review")
    label = next(label for label in labels(message) if label.startswith("Review my deals"))
    await local.click(name, message, label)
    done = 0
    while (view := await local.view(name)) is not None:
        found = await answer(local, name, **values)
        assert found["result"] in ("updated", "closed"), (found["result"], found["errors"], view["title"])
        done += 1
    return done


async def close_review(
    local: Local, name: str, *promises: tuple[str, str, str], card: str = "Close your reviews", label: str = "Close…",
    open_: bool = True, **values: Any,
) -> Any:  # fmt: skip
    """Open a closing form from the card and submit it; `promises` are (text, owner's name, due)."""
    if open_:
        await local.click(name, await local.card(name, card), label)
    given: dict[str, Any] = dict(values)
    for place, (text, owner, due) in enumerate(promises):
        given |= {f"text_{place}": text, f"owner_{place}": local.id(owner), f"promise_due_{place}": due}
    return await local.submit(name, given)


async def promise_two(local: Local, name: str, due: str, **how: Any) -> Any:
    found = await close_review(
        local, name, ("Send the joint plan", name, due), ("Name an executive sponsor", name, due), **how
    )
    assert found["result"] in ("closed", "updated"), found["errors"]
    return found


async def note_of(local: Local, channel: str, words: str = "weekly deal review") -> dict[str, Any]:
    """The newest message of the bot in a channel with these words; a page as long as a page may be."""
    found = [row for row in await local.bot_messages(channel) if words in row["text"]]
    assert found, [row["text"] for row in await local.bot_messages(channel)]
    assert_one_page(found[-1]["text"])
    return found[-1]


def assert_one_page(text: str) -> None:
    assert text.count("\n") + 1 <= 40
    assert len(text) <= 3800


async def reimport(local: Local, deals: list[dict[str, str]]) -> None:
    """The CRM's next export, imported beside the running bot."""
    async with local.db.write() as session:
        await import_deals(session, deals_csv(deals), file_name="deals.csv", now=await local.now())
        await touch_everything(session)  # as the command line does


async def person(local: Local, name: str) -> Person:
    return (await local.rows(select(Person).where(Person.name == name)))[0]


async def occurrences(local: Local, partner: str = "Acme") -> list[Occurrence]:
    """A partner's reviews, oldest first."""
    from models.tables import Cadence

    return await local.rows(
        select(Occurrence)
        .join(Cadence, Cadence.id == Occurrence.cadence_id)
        .join(Partner, Partner.id == Cadence.partner_id)
        .where(Partner.name == partner)
        .order_by(Occurrence.starts_at)
    )


async def steps(local: Local, kind: str) -> list[Step]:
    return await local.rows(
        select(Step).where(Step.kind == kind, Step.state != "planned").order_by(Step.due_at, Step.id)
    )


async def outbox(local: Local, template: str) -> list[Outbox]:
    return await local.rows(select(Outbox).where(Outbox.template == template).order_by(Outbox.id))


async def away(local: Local, name: str, first: str, last: str, cover: str = "") -> Any:
    """Note an absence from the Home tab, as people do."""
    view = await local.home(name)
    await local.press(name, "I will be away…", view_id="home")
    assert view
    values = {"first": first, "last": last} | ({"cover": local.id(cover)} if cover else {})
    return await local.submit(name, values)


async def absences(local: Local) -> list[Absence]:
    return await local.rows(select(Absence))


async def menu(local: Local, name: str, partner: str, choice: str) -> Any:
    """`/cadence partner` and one choice of the first meeting's menu: bump, skip, change, pause."""
    await local.command(name, f"/cadence {partner}")
    view = await local.view(name)
    assert view is not None
    block = next(
        block
        for block in view["blocks"]
        if block.get("accessory", {}).get("type") == "overflow" and partner in shown(block)
    )
    option = next(item for item in block["accessory"]["options"] if f'"{choice}"' in item["value"])
    return await local.post("view_action", {
        "user": local.id(name), "block_id": block["block_id"], "action_id": block["accessory"]["action_id"],
        "selected": option["value"],
    })  # fmt: skip


async def close_all(local: Local, name: str) -> None:
    if await local.view(name) is not None:
        await local.post("close", {"user": local.id(name), "all": True})


def at(hour: str) -> time:
    return time.fromisoformat(hour)


async def press_deal(local: Local, name: str, words: str, label: str = "Answer…", *, ok: bool = True) -> Any:
    """On the newest prompt card, press this deal's button whose label begins with `label`."""
    message = await local.card(name, "Your deals for the next review")
    return await press_on(local, name, message, words, label, ok=ok)


async def press_on(
    local: Local, name: str, message: dict[str, Any], words: str, label: str = "Answer…", *, ok: bool = True
) -> Any:
    """Press a deal's button on this very message, however old its buttons are."""
    place = next(n for n, block in enumerate(message["blocks"]) if f"*{words}*" in shown(block))
    block = message["blocks"][place + 1]
    element = next(one for one in block["elements"] if one["text"]["text"].startswith(label))
    return await local.post("click", {
        "user": local.id(name), "channel": message["channel"], "ts": message["ts"],
        "block_id": block["block_id"], "action_id": element["action_id"],
    }, ok=ok)  # fmt: skip


async def open_from_list(local: Local, name: str, words: str) -> None:
    """`/deals` and "Answer…" beside this deal."""
    await local.command(name, "/deals")
    view = await local.view(name)
    assert view is not None
    block = next(block for block in view["blocks"] if words in shown(block) and block.get("accessory"))
    button = block["accessory"]
    await local.post("view_action", {
        "user": local.id(name), "block_id": block["block_id"], "action_id": button["action_id"], "value": button["value"],
    })  # fmt: skip


async def press_row(local: Local, name: str, message: dict[str, Any], words: str, label: str = "Close…") -> Any:
    """The button beside the row with these words."""
    block = next(one for one in message["blocks"] if words in shown(one) and one.get("accessory"))
    return await local.click(name, message, label, block_id=block["block_id"])


# Joint channels: people of other companies act through the same hands, by their names.

CORA, BORIS = "Cora Counterpart", "Boris Beta"


def joint_team(**more: Any) -> Team:
    """The small team, with Acme in #joint-acme (Cora Counterpart) and Beta in #joint-beta (Boris Beta)."""
    team = small_team()
    theirs = [Human(CORA, "counterpart", partner="Acme"), Human(BORIS, "counterpart", partner="Beta")]
    team.people = [*team.people, *theirs]
    team.partners = [partner(joint="#joint-acme"), partner("Beta", joint="#joint-beta")]
    team.deals = [*team.deals, *(deal(number, "Ann Seller", "Beta") for number in (6, 7))]
    return replace(team, **more)


async def admin(local: Local, action: str, *, ok: bool = True, **fields: Any) -> Any:
    """What an administrator or Slack itself does: share, accept, unshare, channel_id_change, invite, move_user…"""
    return await local.post(f"admin/{action}", fields, ok=ok)


async def switch(local: Local, **switches: Any) -> Any:
    """Turn what is unverified of Slack: outsiders_forms, outsiders_ephemerals…"""
    return await local.post("switches", switches)


async def reached(local: Local, **which: str) -> list[dict[str, Any]]:
    """What people of other companies and guests could ever see: team=, user=, channel=, since="""
    return await local.get("reached", **which)


async def seen_in(local: Local, name: str, channel: str) -> list[dict[str, Any]]:
    """A channel as this person sees it, whoever's employee they are."""
    return await local.get("read", user=local.id(name), channel=channel)


async def reply(local: Local, name: str, message: dict[str, Any], text: str, *, ok: bool = True) -> Any:
    """Write below a message, as anybody."""
    below = {"channel": message["channel"], "thread_ts": message["ts"]}
    return await local.post("message", {"user": local.id(name), "text": text, **below}, ok=ok)


async def forged(local: Local, payload: dict[str, Any], **how: Any) -> Any:
    """Give the bot an interaction just as it is; `over="http"` with `signature=` right, wrong, missing, old…"""
    return await local.post("deliver", {"kind": "interaction", "payload": payload, **how})
