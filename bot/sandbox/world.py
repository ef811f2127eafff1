"""The workspace: people, places, messages, views, and the tokens that live for seconds."""

from __future__ import annotations

import itertools
import secrets
import time
from collections import deque
from typing import Any

from bot.sandbox import mentions, outsiders, shapes
from bot.sandbox.clock import Clock
from bot.sandbox.manifest import Manifest
from bot.sandbox.models import Channel, File, Message, ResponseUrl, Trigger, Upload, User, View
from bot.sandbox.options import SandboxOptions
from bot.sandbox.reached import Reached
from bot.sandbox.seed import Seed, Team
from bot.sandbox.switches import Switches
from bot.sandbox.watch import Effect, Watches

Json = dict[str, Any]
SLACKBOT = "USLACKBOT"
RESPONSE_URL_SECONDS = 1800
RECENT = 400
NEAR_KEPT = 500


def _forget(kept: dict[str, Any], now: float) -> None:
    """Drop the oldest that are over for good."""
    while kept and now - next(iter(kept.values())).born > RESPONSE_URL_SECONDS:
        kept.pop(next(iter(kept)))


class World:
    """All state of one local Slack, and the changes that keep it consistent. No I/O."""

    def __init__(self, options: SandboxOptions, seed: Seed, manifest: Manifest, clock: Clock) -> None:
        self.options = options
        self.manifest = manifest
        self.clock = clock
        self.team = seed.team
        self.companies = {one.id: one for one in (*seed.companies, seed.team)}
        """All that are known by name, our own among them."""
        self.app = seed.app
        self.url = ""
        self.users = {user.id: user for user in seed.users}
        self.channels = {channel.id: channel for channel in seed.channels}
        self._ims = {channel.im_user: channel for channel in seed.channels if channel.im_user}
        self.usergroups = {group.id: group for group in seed.usergroups}
        self.users.setdefault(SLACKBOT, User(SLACKBOT, "slackbot", "Slackbot", team_id=seed.team.id))
        bot = User(seed.app.bot_user_id, seed.app.name.lower(), seed.app.name, team_id=seed.team.id, is_bot=True)
        self.users.setdefault(bot.id, bot)
        self.stacks: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.files: dict[str, File] = {}
        self.uploads: dict[str, Upload] = {}
        """Begun and not yet shared, by the secret in their address."""
        self.problems: deque[Json] = deque(maxlen=200)
        self.near: deque[Json] = deque(maxlen=NEAR_KEPT)
        """What came near a limit, oldest first; see `limits`."""
        self.recent: deque[Message] = deque(maxlen=RECENT)
        """What the app posted, oldest first: what the page shows as having happened."""
        self.deleted: list[Channel] = []
        """Channels that are gone."""
        self.guide = seed.guide
        self.switches = Switches()
        self.watches = Watches()
        self._ids = itertools.count(1)
        self.reached = Reached(self)
        """What people outside the company could see."""
        self.watches.witness = self.reached.notice

    # ids and notes

    def new_id(self, prefix: str) -> str:
        return f"{prefix}0{next(self._ids):08X}"

    def problem(self, text: str) -> None:
        """Something Slack would not have shown the developer: kept for the page and the driver."""
        self.problems.append({"at": self.clock.now().isoformat(), "text": text})
        self.watches.touch()

    @property
    def company_tz(self) -> str:
        """The company's zone: the one given, else that of the primary owner, else of the first person."""
        people = [one for one in self.users.values() if not one.is_bot and one.id != SLACKBOT]
        owners = [one for one in people if one.is_primary_owner] or people
        return self.options.company_tz or (owners[0].tz if owners else "UTC")

    # people and places

    def name_of(self, user_id: str) -> str:
        """What a person is called on the screen; the id itself for somebody unknown."""
        user = self.users.get(user_id)
        return user.label if user else user_id

    def company(self, team_id: str) -> Team:
        """The company of this id; one that nobody named gets a placeholder for a name."""
        return self.companies.get(team_id) or Team(team_id, f"Company {team_id}", team_id.lower())

    def im(self, user: str) -> Channel:
        """The direct conversation of the bot with a person, made when it is first needed."""
        if user in self._ims:
            return self._ims[user]
        channel = Channel(self.new_id("D"), "", members=[user, self.app.bot_user_id], im_user=user)
        self.channels[channel.id] = self._ims[user] = channel
        return channel

    def delete(self, channel: Channel) -> None:
        """Take a channel away, with everything that stands in it."""
        self.deleted.append(self.channels.pop(channel.id))

    def renumber(self, channel: Channel, new: str) -> None:
        """Give a channel another id, with everything that stands in it; the old one names nothing any more."""
        old, channel.id = channel.id, new
        self.channels = {one.id: one for one in self.channels.values()}
        for message in channel.messages.values():
            message.channel = new
        for file in self.files.values():
            if old in file.shares:
                file.shares[new] = file.shares.pop(old)
        for answer in self.response_urls.values():
            if answer.channel == old:
                answer.channel = new
        self.switches.follow(old, new)

    def find_im(self, user: str) -> Channel | None:
        return self._ims.get(user)

    def sees(self, user: User, channel: Channel) -> bool:
        """Whether this person's client can open the channel."""
        if user.id in channel.members:
            return True
        return not channel.is_private and not channel.is_im and not user.is_guest and user.team_id == self.team.id

    def is_bot_member(self, channel: Channel) -> bool:
        return channel.is_im or self.app.bot_user_id in channel.members

    # messages

    def post(
        self,
        channel: Channel,
        user: str,
        text: str,
        *,
        blocks: list[Json] | None = None,
        thread_ts: str | None = None,
        metadata: Json | None = None,
        ephemeral_to: str | None = None,
        subtype: str | None = None,
        files: list[str] | None = None,
    ) -> Message:
        """Store a message under a new, strictly increasing ts."""
        message = Message(
            ts=self.clock.next_ts(),
            channel=channel.id,
            user=user,
            text=text,
            at=self.clock.now(),
            blocks=self.with_block_ids(blocks or []),
            thread_ts=thread_ts,
            bot_id=self.app.bot_id if user == self.app.bot_user_id else None,
            metadata=metadata,
            ephemeral_to=ephemeral_to,
            subtype=subtype,
            client_msg_id=None if user == self.app.bot_user_id else secrets.token_hex(8),
            files=files or [],
        )
        for one in message.files:
            self.files[one].shares.setdefault(channel.id, []).append(message.ts)
        message.mentions = mentions.of_message(text, message.blocks)
        if thread_ts is not None and thread_ts in channel.messages:
            channel.messages[thread_ts].thread_ts = thread_ts
        channel.messages[message.ts] = message
        if message.bot_id and not ephemeral_to:
            self.recent.append(message)
        kind = "ephemeral" if ephemeral_to else "message"
        self.watches.emit(Effect(kind, ephemeral_to, channel.id, message))
        return message

    def edit(self, message: Message, *, text: str, blocks: list[Json], metadata: Json | None) -> None:
        message.edits.append({"text": message.text, "blocks": message.blocks, "metadata": message.metadata})
        message.text = text
        message.blocks = self.with_block_ids(blocks)
        message.metadata = metadata
        message.edited_at = self.clock.now()
        message.mentions = mentions.of_message(text, message.blocks)
        self.watches.emit(Effect("update", message.ephemeral_to, message.channel, message))

    def remove(self, message: Message) -> None:
        message.deleted = True
        self.watches.emit(Effect("update", message.ephemeral_to, message.channel, message))

    def with_block_ids(self, blocks: list[Json]) -> list[Json]:
        """Slack names the blocks (and the actions) that the app left unnamed."""
        return [self._with_action_ids({**block, "block_id": block.get("block_id") or self.short()}) for block in blocks]

    def _with_action_ids(self, block: Json) -> Json:
        named = dict(block)
        for slot in ("element", "accessory"):
            if isinstance(named.get(slot), dict) and named[slot].get("type") != "image":
                named[slot] = {**named[slot], "action_id": named[slot].get("action_id") or self.short()}
        if named["type"] == "actions":
            named["elements"] = [
                {**one, "action_id": one.get("action_id") or self.short()} for one in named["elements"]
            ]
        return named

    @staticmethod
    def short() -> str:
        return secrets.token_urlsafe(4)[:5]

    # things that live for seconds

    def new_trigger(self, user: str, inside: str | None = None) -> Trigger:
        born = time.monotonic()
        _forget(self.triggers, born)
        trigger = Trigger(f"{self.new_id('')}.{secrets.token_hex(12)}", user, born, inside=inside)
        self.triggers[trigger.id] = trigger
        return trigger

    def new_response_url(self, user: str, channel: str, message_ts: str | None = None) -> str:
        born = time.monotonic()
        _forget(self.response_urls, born)
        one = ResponseUrl(secrets.token_urlsafe(18), user, channel, born, message_ts)
        self.response_urls[one.id] = one
        return f"{self.url}/response/{self.team.id}/{one.id}"

    # views

    def home_of(self, user: User) -> View | None:
        """The Home that this person sees; whether people of other companies see theirs is a switch."""
        hidden = outsiders.is_outsider(self, user) and not self.switches.outsiders_home
        return None if hidden else self.homes.get(user.id)

    def stack(self, user: str) -> list[View]:
        """The person's open modals, the topmost last."""
        return self.stacks.setdefault(user, [])

    def find_view(self, view_id: str) -> View | None:
        everything = itertools.chain(self.homes.values(), *self.stacks.values())
        return next((view for view in everything if view.id == view_id), None)

    def by_external_id(self, external_id: str) -> View | None:
        everything = itertools.chain(self.homes.values(), *self.stacks.values())
        return next((view for view in everything if view.external_id == external_id), None)

    def view_api(self, view: View) -> Json:
        return view.to_api(self.team.id, self.app.app_id, self.app.bot_id)

    def message_api(self, message: Message, *, with_metadata: bool = False) -> Json:
        author = self.users.get(message.user)
        team = author.team_id if author else self.team.id
        channel = self.channels[message.channel]
        shown = message.to_api(team, self.app.app_id, with_metadata=with_metadata)
        if message.is_reply and (parent := channel.messages.get(message.thread_ts or "")):
            shown["parent_user_id"] = parent.user
        if channel.is_ext_shared or not outsiders.is_ours(self, team):
            whose = outsiders.connection(self, team)
            shown |= {"user_team": whose, "source_team": whose}
        return shown | {"files": [self.file_api(self.files[one]) for one in message.files]} if message.files else shown

    def user_api(self, user: User, *, everything: bool = False) -> Json:
        return shapes.user(self, user, everything=everything)

    def channel_api(self, channel: Channel, *, full: bool = True) -> Json:
        return shapes.channel(self, channel, full=full)

    # files

    def file_api(self, file: File) -> Json:
        return file.to_api(self.url, self.team.id, self.channels)

    def sees_file(self, user: User, file: File) -> bool:
        """Whether it is the person's own or shared where they can look."""
        places = [self.channels[one] for one in file.shares if one in self.channels]
        return file.user == user.id or any(self.sees(user, one) for one in places)
