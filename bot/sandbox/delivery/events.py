"""Events of the Events API: their outer shape, who hears them, duplicates and delays on request."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from bot.sandbox.delivery.link import Link, Parcel
from bot.sandbox.faults import TIMING_KINDS, Faults, Rule
from bot.sandbox.log import Log
from bot.sandbox.models import Channel, Message
from bot.sandbox.world import World

Json = dict[str, Any]
HAND_OVER, GRACE = 0.25, 0.02
KEPT = 2_000
"""Events that can be sent again on request."""
DUPLICATE, CUT = frozenset({"duplicate_event"}), frozenset({"cut_socket"})


class Events:
    """Sends what the manifest subscribes to; every event in a task of its own, as Slack keeps no order."""

    def __init__(self, world: World, log: Log, faults: Faults) -> None:
        self._world = world
        self._log = log
        self._faults = faults
        self._link: Link | None = None
        self._tasks: set[asyncio.Task[str | None]] = set()
        self._prompt: set[asyncio.Task[str | None]] = set()
        self._sent: dict[str, Json] = {}
        self._held: list[asyncio.Event] = []
        """Events that are held back until the next one was sent."""

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
            "context_enterprise_id": world.team.enterprise_id or None,
            "api_app_id": world.app.app_id,
            "event": {"event_ts": f"{now:.6f}", **event},
            "type": "event_callback",
            "event_id": world.new_id("Ev"),
            "event_time": int(now),
            "authorizations": [
                {
                    "enterprise_id": world.team.enterprise_id or None,
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
        about = event["type"], str(event.get("channel", ""))
        timing = self._faults.for_delivery(TIMING_KINDS, *about, event=True)
        twice = self._faults.for_delivery(DUPLICATE, *about, event=True)
        for _ in range(2 if twice else 1):
            self._start(payload, timing)
        return str(payload["event_id"])

    def redeliver(self, event_id: str) -> None:
        """Send an earlier event once more. Raises KeyError if there is none of that id."""
        self._start(self._sent[event_id])

    def deliver(self, payload: Json, link: Link) -> asyncio.Task[str | None]:
        """Deliver an outer event just as it is; the task ends with the reason it was given up, or None.

        That the bot does not acknowledge what Slack would not have sent is no problem worth a note.
        """
        return self._start(payload, over=link)

    def _start(
        self, payload: Json, timing: Rule | None = None, *, over: Link | None = None
    ) -> asyncio.Task[str | None]:
        task = asyncio.create_task(self._deliver(payload, timing, over or self._link, ours=over is None))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if timing is None:
            self._prompt.add(task)
            task.add_done_callback(self._prompt.discard)
        return task

    async def _deliver(self, payload: Json, timing: Rule | None, link: Link | None, *, ours: bool) -> str | None:
        if link is None:
            return None
        if timing is not None and timing.kind == "late_event":
            await asyncio.sleep(timing.seconds)
        if timing is not None and timing.kind == "out_of_order":
            await self._hold(timing.seconds)
        event = payload.get("event")
        event = event if isinstance(event, dict) else {}
        name = str(event.get("type") or payload.get("type") or "event")
        cut = self._faults.for_delivery(CUT, name, str(event.get("channel", "")), event=True)
        entry = self._log.begin("event", name, payload, raw=payload)
        parcel = Parcel("events_api", payload, name, entry.n, cut.when if cut else None, self._release)
        reason = await link.tell(parcel)
        entry.complete({"acked": reason is None}, error=reason)
        if reason and ours:
            self._world.problem(f"the bot never acknowledged {name} ({reason})")
        return reason

    async def _hold(self, seconds: float) -> None:
        """Wait until another event was sent, or until the time is over."""
        release = asyncio.Event()
        self._held.append(release)
        with suppress(TimeoutError):
            await asyncio.wait_for(release.wait(), seconds)
        if release in self._held:
            self._held.remove(release)

    def _release(self) -> None:
        for release in self._held:
            release.set()
        self._held.clear()

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
        """The app hears of messages in the conversations it is in, of replies in threads as of all others."""
        channel = self._world.channels[message.channel]
        if not self._world.is_bot_member(channel):
            return
        shown = self._world.message_api(message, with_metadata=True)
        if message.files:
            shown["files"] = [self._file_in_event(one, channel) for one in message.files]
        self.emit({**shown, "channel": channel.id, "channel_type": channel.kind, "event_ts": message.ts})
        for one in message.files:
            about = {"file_id": one, "user_id": message.user, "channel_id": channel.id, "file": {"id": one}}
            self.emit({"type": "file_shared", **about, "event_ts": message.ts})

    def _file_in_event(self, file_id: str, channel: Channel) -> Json:
        """In a channel shared with another company Slack tells only where to ask."""
        if channel.is_ext_shared:
            return {"id": file_id, "file_access": "check_file_info"}
        return self._world.file_api(self._world.files[file_id])

    def message_deleted(self, message: Message, before: Json) -> None:
        channel = self._world.channels[message.channel]
        if self._world.is_bot_member(channel):
            about = {"channel": channel.id, "channel_type": channel.kind, "ts": self._world.clock.next_ts()}
            gone = {"deleted_ts": message.ts, "previous_message": before, "hidden": True}
            self.emit({"type": "message", "subtype": "message_deleted", **gone, **about})

    def message_changed(self, message: Message, before: Json) -> None:
        channel = self._world.channels[message.channel]
        if not self._world.is_bot_member(channel):
            return
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
