"""What a person can do in their client. The page and the driver both act through here."""

from __future__ import annotations

import copy
from typing import Any

from bot.sandbox import find, limits, views
from bot.sandbox.api.answers import answer_in_channel
from bot.sandbox.api.base import ApiError
from bot.sandbox.delivery import payloads
from bot.sandbox.delivery.events import Events
from bot.sandbox.delivery.link import NO_ANSWER, Ack
from bot.sandbox.delivery.wire import Wire
from bot.sandbox.forms import Forms
from bot.sandbox.inputs import chosen, given
from bot.sandbox.models import Channel, Message, User, View
from bot.sandbox.refused import Refused
from bot.sandbox.watch import Effect, Watch
from bot.sandbox.world import SLACKBOT, World
from bot.sandbox.writing import Writing

Json = dict[str, Any]


class People:
    """One set of actions for everybody; each names the person who acts."""

    def __init__(self, world: World, events: Events, wire: Wire) -> None:
        self.world = world
        self._events = events
        self._wire = wire
        self.forms = Forms(world, self)
        self.writing = Writing(world, events, self)

    # the way to the bot and back

    async def ask(self, kind: str, name: str, payload: Json) -> Ack:
        """Deliver and record one command or interaction."""
        ack = await self._wire.ask(kind, name, payload)
        if not ack.ok:
            self.world.problem(f"{name}: {ack.error}")
        return ack

    def watching(self, user: User, channel: Channel | None = None) -> Any:
        """Look out for whatever becomes visible to this person here, in their DM, modals and Home."""
        dm = self.world.find_im(user.id)
        near = {one.id for one in (channel, dm) if one is not None}

        def matches(effect: Effect) -> bool:
            if effect.user is not None:
                return effect.user == user.id
            return effect.channel in near or self._is_own_dm(user, effect.channel)

        return self.world.watches.watching(matches)

    def _is_own_dm(self, user: User, channel: str | None) -> bool:
        found = self.world.channels.get(channel or "")
        return found is not None and found.im_user == user.id

    async def aftermath(self, watch: Watch, wait: float) -> None:
        """Until what the action caused is visible: the bot's due work, then its late answers.

        A bot that says it is quiet has no late answers. Any other is watched until nothing more comes for a moment.
        """
        on_their_way = self._events.waiting  # events that the bot may not have heard of when it says that it is done
        quiet = await self.world.clock.settle() and not on_their_way
        if not (watch.seen and quiet):
            await watch.wait(watch.quiet if watch.seen else wait)
            if watch.seen:
                await self.world.clock.settle()
        self.world.watches.touch()

    def seen(self, user: User, watch: Watch) -> Json:
        """What became visible, as JSON: views, Home, and messages new or changed."""
        shown: dict[str, dict[str, Json]] = {name: {} for name in ("views", "ephemeral", "messages", "updated")}
        for effect in watch.seen:
            if isinstance(effect.item, View):
                shown["views"][effect.item.id] = self.world.view_api(effect.item)
            elif isinstance(effect.item, Message):
                group = {"ephemeral": "ephemeral", "update": "updated"}.get(effect.kind, "messages")
                shown[group][effect.item.ts] = {"channel": effect.channel, **self.world.message_api(effect.item)}
        open_ids = {view.id for view in self.world.stack(user.id)} | {view.id for view in self.world.homes.values()}
        shown["views"] = {key: one for key, one in shown["views"].items() if key in open_ids}
        return {name: list(rows.values()) for name, rows in shown.items()}

    # actions

    async def command(self, user_id: str, channel_name: str, name: str, text: str = "") -> Json:
        """Type a slash command; what the person sees afterwards."""
        world = self.world
        user = find.person(world, user_id)
        channel = find.place(world, user, channel_name)
        if user.team_id != world.team.id:
            raise Refused(f"{user.label} is of another company: commands are not offered to them")
        if name not in world.manifest.commands:
            raise Refused(f"{name} is not a valid command; there are: {', '.join(world.manifest.commands)}")
        with self.watching(user, channel) as watch:
            ack = await self.ask("command", name, payloads.command(world, user, channel, name, text))
            if not ack.ok:
                notice = f'{name} failed with the error "{ack.error}"'
                world.post(channel, SLACKBOT, notice, ephemeral_to=user.id)
                return {"ok": False, "error": ack.error, "notice": notice, **self.seen(user, watch)}
            self._show_ack(user, channel, ack)
            await self.aftermath(watch, world.options.command_wait)
            return {"ok": True, "error": None, **self.seen(user, watch)}

    def _show_ack(self, user: User, channel: Channel, ack: Ack) -> None:
        if isinstance(ack.payload, dict) and (ack.payload.get("text") or ack.payload.get("blocks")):
            try:
                for uses in answer_in_channel(self.world, self._events, user.id, channel.id, ack.payload):
                    limits.note(self.world, uses, where="the answer to a command", n=ack.n)
            except ApiError as refused:
                self.world.problem(f"the answer to the command was refused: {refused.error} {refused.extra}")

    async def click(self, user_id: str, channel_name: str, ts: str, spec: Json) -> Json:
        """Press or choose something in a message; `spec` says what (see find.element) and what was chosen."""
        world = self.world
        user = find.person(world, user_id)
        channel = find.place(world, user, channel_name)
        message = find.message(channel, user, ts)
        if world.switches.buttons_forbidden(channel.id, user):
            raise Refused(
                f"an administrator forbids the buttons of apps to {user.label} in {channel.name or 'this place'}"
            )
        block, element = find.element(message.blocks, spec)
        picked = chosen(world, element, given(spec))
        message.state = views.carried_state(message.blocks, message.state)
        if element["type"] in views.INITIAL:
            message.state[block["block_id"]][element["action_id"]] = {"type": element["type"], **picked}
        done = payloads.action(element, block["block_id"], picked)
        message.failed.pop(user.id, None)
        with self.watching(user, channel) as watch:
            payload = payloads.message_action(world, user, message, done, copy.deepcopy(message.state))
            ack = await self.ask("interaction", "block_actions", payload)
            if not ack.ok:
                message.failed[user.id] = f"This app did not respond ({ack.error}). Try again?"
                world.watches.touch()
            else:
                await self.aftermath(watch, world.options.click_wait)
            return {"ok": ack.ok, "acked": ack.ok, "error": ack.error, **self.seen(user, watch)}

    async def shortcut(self, user_id: str, channel_name: str, ts: str, name: str) -> Json:
        """Choose a shortcut of the app in the menu of a message, by its callback id or its name."""
        world = self.world
        user = find.person(world, user_id)
        channel = find.place(world, user, channel_name)
        if user.team_id != world.team.id:
            raise Refused(f"{user.label} is of another company: shortcuts are not offered to them")
        there = world.manifest.shortcuts
        callback_id = next((key for key, row in there.items() if name in (key, row["name"])), None)
        if callback_id is None:
            names = ", ".join(f"{key} ({row['name']})" for key, row in there.items()) or "none at all"
            raise Refused(f"messages have no shortcut {name!r}; there are: {names}")
        message = find.message(channel, user, ts)
        if message.ephemeral_to is not None:
            raise Refused("a message that only one person sees has no shortcuts")
        message.failed.pop(user.id, None)
        with self.watching(user, channel) as watch:
            payload = payloads.shortcut(world, user, message, callback_id)
            ack = await self.ask("interaction", "message_action", payload)
            if not ack.ok:
                message.failed[user.id] = f"This app did not respond ({ack.error}). Try again?"
                world.watches.touch()
            else:
                await self.aftermath(watch, world.options.command_wait)
            return {"ok": ack.ok, "acked": ack.ok, "error": ack.error, **self.seen(user, watch)}

    async def view_action(self, user_id: str, view_id: str, spec: Json) -> Json:
        """Press or choose something in a modal or on the Home tab."""
        world = self.world
        user = find.person(world, user_id)
        view = find.view(world, user, view_id)
        block, element = find.element(view.body["blocks"], spec)
        picked = self.forms.put(view, block, element, given(spec))
        if block["type"] == "input" and not block.get("dispatch_action"):
            return {"ok": True, "acked": None, "error": None, "views": [world.view_api(view)]}
        done = payloads.action(element, block["block_id"], picked)
        with self.watching(user) as watch:
            payload = payloads.view_action(world, user, view, done)
            ack = await self.ask("interaction", "block_actions", payload)
            if ack.ok:
                await self.aftermath(watch, world.options.click_wait)
            else:
                self.forms.trouble(view)
            return {"ok": ack.ok, "acked": ack.ok, "error": ack.error, **self.seen(user, watch)}

    async def home(self, user_id: str, *, tab: str = "home") -> Json:
        """Open the app's Home (or, with tab "messages", its messages); the Home that is then there."""
        world = self.world
        user = find.person(world, user_id)
        event: Json = {"type": "app_home_opened", "user": user.id, "channel": world.im(user.id).id, "tab": tab}
        if tab == "home" and (shown := world.home_of(user)):
            event["view"] = world.view_api(shown)
        with self.watching(user) as watch:
            self._events.emit(event)
            wait = world.options.click_wait if self._wire.connected and tab == "home" else 0.0
            await self.aftermath(watch, wait)
        view = world.home_of(user)
        return {"ok": True, "view": world.view_api(view) if view else None}

    def timed_out(self, ack: Ack) -> bool:
        return ack.error == NO_ANSWER

    # reading

    def inbox(self, user_id: str) -> list[Json]:
        """The direct message with the bot as the person sees it, oldest first."""
        channel = self.world.find_im(user_id)
        if channel is None:
            return []
        return [{"channel": channel.id, **self.world.message_api(one)} for one in channel.shown_to(user_id)]

    def read(self, user_id: str, channel_name: str) -> list[Json]:
        """Any conversation as this person sees it, ephemeral messages included."""
        user = find.person(self.world, user_id)
        channel = find.place(self.world, user, channel_name)
        return [
            {"channel": channel.id, **self.world.message_api(one), "is_ephemeral": one.ephemeral_to is not None}
            for one in channel.shown_to(user_id)
        ]

    def open_views(self, user_id: str) -> list[Json]:
        """The stack of modals, the topmost last, with their present state and inline errors."""
        return [{**self.world.view_api(one), "errors": one.errors} for one in self.world.stack(user_id)]
