"""Events of the Events API: their outer shape, who hears them, duplicates and delays on request."""

from __future__ import annotations

import asyncio
from typing import Any

from bot.sandbox.delivery.link import Link
from bot.sandbox.faults import EVENT_KINDS, Faults
from bot.sandbox.log import Log
from bot.sandbox.models import Message
from bot.sandbox.world import World

Json = dict[str, Any]
HAND_OVER, GRACE = 0.25, 0.02
KEPT = 2_000
"""Events that can be sent again on request."""


class Events:
    """Sends what the manifest subscribes to; every event in a task of its own, as Slack keeps no order."""

    def __init__(self, world: World, log: Log, faults: Faults) -> None:
        self._world = world
        self._log = log
        self._faults = faults
        self._link: Link | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._prompt: set[asyncio.Task[None]] = set()
        self._sent: dict[str, Json] = {}

    def connect(self, link: Link) -> None:
        self._link = link

    @property
    def waiting(self) -> int:
        """Deliveries under way or waiting for a connection."""
        return len(self._tasks)

    def outer(self, event: Json) -> Json:
        world = self._world
        now = world.clock.now().timestamp()
        shared = world.channels.get(str(event.get("channel")))
        return {
            "token": "local",
            "team_id": world.team.id,
            "context_team_id": world.team.id,
            "context_enterprise_id": None,
            "api_app_id": world.app.app_id,
            "event": {"event_ts": f"{now:.6f}", **event},
            "type": "event_callback",
            "event_id": world.new_id("Ev"),
            "event_time": int(now),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": world.team.id,
                    "user_id": world.app.bot_user_id,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": bool(shared and shared.is_ext_shared),
            "event_context": f"4-{world.new_id('EC')}",
        }

    def emit(self, event: Json) -> str | None:
        """Deliver an event if the app subscribes to it; its event_id."""
        if self._link is None or not self._world.manifest.hears(event):
            return None
        payload = self.outer(event)
        self._sent[payload["event_id"]] = payload
        while len(self._sent) > KEPT:
            self._sent.pop(next(iter(self._sent)))
        fault = self._faults.pick(EVENT_KINDS, event["type"], str(event.get("channel", "")))
        late = fault.seconds if fault and fault.kind == "late_event" else 0.0
        self._start(payload, late)
        if fault and fault.kind == "duplicate_event":
            self._start(payload, late)
        return str(payload["event_id"])

    def redeliver(self, event_id: str) -> None:
        """Send an earlier event once more. Raises KeyError if there is none of that id."""
        self._start(self._sent[event_id], 0.0)

    def _start(self, payload: Json, late: float) -> None:
        task = asyncio.create_task(self._deliver(payload, late))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if not late:
            self._prompt.add(task)
            task.add_done_callback(self._prompt.discard)

    async def _deliver(self, payload: Json, late: float) -> None:
        if self._link is None:
            return
        if late:
            await asyncio.sleep(late)
        reason = await self._link.tell(payload)
        self._log.add("event", payload["event"]["type"], payload, {"acked": reason is None}, error=reason)
        if reason:
            self._world.problem(f"the bot never acknowledged {payload['event']['type']} ({reason})")

    async def handed_over(self) -> None:
        """Wait a moment until a connected bot has taken what was just sent, so that it can be settled."""
        if self._prompt and self._link is not None and self._link.connected:
            await asyncio.wait(set(self._prompt), timeout=HAND_OVER)
            await asyncio.sleep(GRACE)

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # events about messages

    def message_posted(self, message: Message) -> None:
        channel = self._world.channels[message.channel]
        shown = self._world.message_api(message, with_metadata=True)
        self.emit({**shown, "channel": channel.id, "channel_type": channel.kind, "event_ts": message.ts})

    def message_changed(self, message: Message, before: Json) -> None:
        channel = self._world.channels[message.channel]
        self.emit(
            {
                "type": "message",
                "subtype": "message_changed",
                "hidden": True,
                "message": self._world.message_api(message, with_metadata=True),
                "previous_message": before,
                "channel": channel.id,
                "channel_type": channel.kind,
                "ts": self._world.clock.next_ts(),
            }
        )
