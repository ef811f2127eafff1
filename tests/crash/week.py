"""A team's week while the bot is killed under it: people do again what did not visibly work, as people do."""

import asyncio
import contextlib
import json
import random
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import func, or_, select

from handlers.deal_review.ids import FormState
from models.cards import HOME
from models.db import Database
from models.tables import Card, Inbox, Outbox, Step
from tests.crash import ground, verdict
from tests.crash.ground import ANN, BOB, CYD, HEAD, PM
from tests.crash.lives import Broken, Door, Nursery, Replica
from tests.crash.plans import Plan
from tests.crash.verdict import Verdict
from tests.journeys.support import answer, labels, shown
from tests.world import Local

PATIENCE = 60.0
PROMPT = "Your deals for the next review"
PUSH_AFTER = 1.0


@dataclass
class Saved:
    """A form that the person saw taken: what they were shown next, and whether an earlier try had got no answer."""

    key: str
    result: str
    shows: str
    repeated: bool


@dataclass
class Week:
    """The people of one week. `acked` are deals (by id) whose answer the person saw taken."""

    plan: Plan
    local: Local
    door: Door
    db: Database
    acked: set[int] = field(default_factory=set)
    unchanged_acked: bool = False
    saved: list[Saved] = field(default_factory=list)
    lost: int = 0

    async def play(self) -> None:
        await self.door.until_up()
        await self.quiet()
        await self.monday()
        await self.wednesday()
        await self.thursday()
        await self.friday()

    async def monday(self) -> None:
        """Somebody writes to the bot, somebody opens the Home tab, somebody types a command."""
        await self.lose("help")
        await self.local.post("message", {"user": self.local.id(ANN), "channel": "bot", "text": "hello?"})
        await self.local.post("home", {"user": self.local.id(HEAD)})
        await self.insist(lambda: self.local.command(PM, "/cadence"), lambda _: self.local.view(PM))
        await self.local.post("close", {"user": self.local.id(PM), "all": True})
        await self.quiet()

    async def wednesday(self) -> None:
        """The prompts go out; Ann answers as soon as she has hers, while the others are still being asked."""
        await self.lose("prompt")
        await asyncio.gather(self.to("Wed 10:00"), self.answer_at_once())
        await self.quiet()

    async def answer_at_once(self) -> None:
        await self.until_card(ANN)
        await self.lose("edit")
        await self.say_no_change()
        await self.walk(ANN)

    async def thursday(self) -> None:
        await self.lose("nudge")
        await asyncio.gather(self.to("Thu 08:00"), self.walk(BOB, most=1))
        await self.quiet()
        await self.local.post("home", {"user": self.local.id(CYD)})
        await asyncio.gather(self.walk_listed(BOB), self.walk(CYD))
        await self.lose("agenda")
        for at in ("Thu 09:50", "Thu 10:20"):
            await self.to(at)
            await self.quiet()
        await self.lose("close")
        await self.to("Thu 11:00")
        await self.quiet()
        await self.lose("note")
        await self.close_reviews()
        await self.quiet()

    async def friday(self) -> None:
        await self.lose("friday")
        await self.lose("thread")
        await self.to("Fri 15:00")
        await self.quiet()
        await self.count_lost()

    # people

    async def insist(self, act: Callable[[], Awaitable[Any]], worked: Callable[[Any], Awaitable[Any]]) -> Any:
        """Do it until it has visibly worked."""
        until = time.monotonic() + PATIENCE
        while True:
            found = await act()
            if await worked(found):
                return found
            if time.monotonic() > until:
                raise Broken(f"it never worked: {str(found)[:500]}")
            await self.door.until_up()
            await asyncio.sleep(0.1)

    async def until_card(self, name: str) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE
        while True:
            found = [row for row in await self.local.dms(name) if PROMPT in first_text(row) + shown(row)]
            if found:
                return found[-1]
            if time.monotonic() > until:
                raise Broken(f"{name} was never asked")
            await asyncio.sleep(0.15)

    async def say_no_change(self) -> None:
        """One click; again if there was no ack and the button is still there."""

        async def press() -> Any:
            card = await self.until_card(ANN)
            label = next((one for one in labels(card) if one.startswith("No change")), None)
            if label is None:
                return {"gone": True}
            return await self.local.click(ANN, card, label, ok=False)

        async def worked(found: Any) -> bool:
            self.unchanged_acked = self.unchanged_acked or bool(found.get("acked"))
            assert not found.get("ephemeral"), found
            return bool(found.get("gone") or found.get("acked"))

        await self.insist(press, worked)

    async def walk(self, name: str, most: int = 9) -> None:
        """Answer what the prompt card asks, at most so many; then close the form."""

        async def press() -> Any:
            card = await self.until_card(name)
            label = next(one for one in labels(card) if one.startswith("Review my deals"))
            return await self.local.click(name, card, label, ok=False)

        await self.insist(press, lambda _: self.local.view(name))
        for _ in range(most):
            if await self.local.view(name) is None:
                return
            await self.submit(name, lambda: answer(self.local, name), answers=True)
        if await self.local.view(name) is not None:
            await self.local.post("close", {"user": self.local.id(name), "all": True})

    async def walk_listed(self, name: str) -> None:
        """`/deals`, and the form of the deal that is still open there."""
        await self.insist(lambda: self.local.command(name, "/deals"), lambda _: self.local.view(name))
        listed = await self.local.view(name)
        assert listed is not None

        async def press() -> Any:
            view = await self.local.view(name)
            buttons = [block for block in view["blocks"] if block.get("accessory") and "Deal 5" in shown(block)]
            button = buttons[0]["accessory"]
            return await self.local.post("view_action", {
                "user": self.local.id(name), "view_id": view["id"], "block_id": buttons[0]["block_id"],
                "action_id": button["action_id"], "value": button["value"],
            }, ok=False)  # fmt: skip

        async def opened(_: Any) -> bool:
            view = await self.local.view(name)
            return view is not None and bool(view.get("submit"))

        await self.insist(press, opened)
        await self.submit(name, lambda: answer(self.local, name), answers=True)
        await self.local.post("close", {"user": self.local.id(name), "all": True}, ok=False)

    async def submit(self, name: str, act: Callable[[], Awaitable[Any]], *, answers: bool) -> None:
        """Submit the open form, and again with the same content while nobody answers."""
        view = await self.local.view(name)
        assert view is not None
        tries = 0

        async def once() -> Any:
            nonlocal tries
            tries += 1
            return await act()

        async def taken(found: Any) -> bool:
            if found["result"] not in ("closed", "updated", "pushed"):
                assert found["result"] in ("timeout", "not_reached"), found
            return found["result"] not in ("timeout", "not_reached")

        found = await self.insist(once, taken)
        key = f"{self.local.id(name)}:view:{view['id']}:{view['hash']}"
        self.saved.append(Saved(key, found["result"], metadata_of(found["view"]), tries > 1))
        if answers:
            self.acked.add(FormState.load(view["private_metadata"]).d)

    async def close_reviews(self) -> None:
        """Pat closes both reviews, one by one, with two promises each."""

        async def press() -> Any:
            card = await self.local.card(PM, "Close your reviews")
            return await self.local.click(PM, card, "Close all 2, one by one", ok=False)

        await self.insist(press, lambda _: self.local.view(PM))
        promise = {"owner_0": self.local.id(ANN), "owner_1": self.local.id(BOB)}
        promise |= {"promise_due_0": "2026-03-12", "promise_due_1": "2026-03-19"}
        for partner in ("Acme", "Beta"):
            texts = {"text_0": f"Send {partner} the plan", "text_1": f"Name a sponsor for {partner}"}
            await self.submit(PM, lambda texts=texts: self.local.submit(PM, promise | texts), answers=False)

    # time and faults

    async def to(self, words: str) -> None:
        """Move the clock; where the bot dies on the way, the next one catches up in `quiet`."""
        await self.local.to(words)

    async def lose(self, phase: str) -> None:
        """Lose the next reply of this phase, if the plan says so."""
        if phase not in self.plan.lose:
            return
        if phase not in ("edit", "thread"):
            await self.count_lost()
        method = "chat.update" if phase == "edit" else "chat.postMessage"
        skip = (
            1
            if phase == "thread"
            else random.Random(f"{self.plan.seed} {phase}").randrange(2)
            if phase == "prompt"
            else 0
        )
        await self.local.post("faults", [{"kind": "lose_reply", "method": method, "skip": skip, "count": 1}])

    async def count_lost(self) -> None:
        """Count the replies that were lost, and take the rules away."""
        rules = (await self.local.get("faults"))["faults"]
        self.lost += sum(rule["fired"] for rule in rules)
        async with self.local.http.delete(f"{self.local.url}/_local/faults"):
            pass

    async def quiet(self) -> None:
        """Until a living bot has nothing left to do at this instant."""
        until, push = time.monotonic() + PATIENCE, time.monotonic() + PUSH_AFTER
        while True:
            await self.door.until_up()
            clock = await self.local.get("clock")
            left = await self.left()
            if clock["bot_reachable"] and not left:
                return
            if time.monotonic() > until:
                raise Broken(
                    f"it is not quiet: {left}, {clock}\n" + "".join(one.said()[-3000:] for one in self.door.replicas)
                )
            if time.monotonic() > push:
                push = time.monotonic() + PUSH_AFTER
                await self.local.post("clock/to", {"at": clock["now"]}, ok=False)
            await asyncio.sleep(0.15)

    async def left(self) -> dict[str, int]:
        """What is due and not done."""
        now = await self.local.now()
        owed = {
            "rows": select(func.count()).where(Outbox.state.in_(("pending", "sending")), Outbox.due_at <= now),
            "steps": select(func.count()).where(Step.state == "planned", Step.due_at <= now),
            "events": select(func.count()).where(Inbox.done_at.is_(None)),
            "cards": select(func.count()).where(
                Card.shown < Card.wanted, Card.dead == "", or_(Card.ts.is_not(None), Card.kind == HOME)
            ),
        }
        async with self.db.read() as session:
            found = {name: int(await session.scalar(query) or 0) for name, query in owed.items()}
        found["deliveries"] = (await self.local.get("state"))["deliveries"]
        return {name: number for name, number in found.items() if number}


def first_text(row: dict[str, Any]) -> str:
    """What a message said when it was posted."""
    return str(row["history"][0].get("text", row["text"]) if row["history"] else row["text"])


def metadata_of(view: Any) -> str:
    return str((view or {}).get("private_metadata") or "")


async def kill_now_and_then(replicas: Collection[Replica], plan: Plan) -> None:
    """kill -9 by chance, between a moment and two seconds after the one before."""
    dice = random.Random(plan.seed)
    for _ in range(plan.random_kills):
        await asyncio.sleep(dice.uniform(0.1, 2.0))
        await dice.choice(list(replicas)).kill()


async def play(plan: Plan, template: ground.Template, mother: Nursery, folder: Path) -> Verdict:
    """One week by this plan, judged."""
    url = await template.copy(folder)
    db = Database(url)
    replicas: list[Replica] = []
    try:
        async with ground.slack(url, http=plan.http) as (local, door):
            for place, points in enumerate(plan.lives):
                replicas.append(Replica(mother, local.environment, points, folder / f"bot{place}.log"))
            door.replicas = replicas
            week = Week(plan, local, door, db)
            reaper = asyncio.create_task(kill_now_and_then(replicas, plan))
            try:
                await week.play()
                await reaper
                await week.quiet()
                for replica in replicas:
                    await replica.stop()
            finally:
                reaper.cancel()
                for replica in replicas:
                    await replica.abandon()
                with contextlib.suppress(asyncio.CancelledError):
                    await reaper
            return await verdict.judge(week, replicas)
    except Exception as error:  # a week that cannot be played to its end is itself a finding
        said = "\n".join(replica.said()[-4000:] for replica in replicas)
        raise Broken(
            f"{template.kind}, {json.dumps(plan.__dict__)}: {type(error).__name__}: {error}\n{said}"
        ) from error
    finally:
        await db.close()
