"""Channels shared with other companies: invitations and what becomes of them, ids that change, the end of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from bot.sandbox import outsiders, shapes
from bot.sandbox.models import Channel, User
from bot.sandbox.places import Places
from bot.sandbox.refused import Refused
from bot.sandbox.world import SLACKBOT, World

Json = dict[str, Any]
ELSEWHERE = "T0OTHER01"
"""The company meant where none is named."""
INVITED_FOR = timedelta(days=14)
GROUP = "G"
"""How the ids of private channels begin that were never to be shared."""


class Sharing:
    """Actions of administrators on channels; each takes the JSON of its request and returns what changed."""

    def __init__(self, world: World, places: Places) -> None:
        self._world = world
        self._places = places
        self.actions: dict[str, Callable[[Json], Awaitable[Json]]] = {
            "share": self._share,
            "accept": self._accept,
            "approve": self._approve,
            "decline": self._decline,
            "unshare": self._unshare,
            "channel_id_change": self._channel_id_change,
        }

    async def _share(self, args: Json) -> Json:
        """With another company at once, or (`pending`) only invite it; within our Grid organisation at once in any case."""
        channel = self._places.channel(args)
        team = str(args.get("team", ELSEWHERE))
        if team and outsiders.is_ours(self._world, team):
            return self._share_within(channel, team)
        if channel.id.startswith(GROUP):
            self._change_id(channel, "")  # the moment a share is initiated, even if nobody ever accepts
        self._invite(channel, team, str(args.get("by") or ""))
        if args.get("pending"):
            return self._places.shown(channel)
        return self._connect(channel, team, str(args.get("user") or ""))

    def _share_within(self, channel: Channel, team: str) -> Json:
        if team == self._world.team.id:
            raise Refused(f"#{channel.name} is of this workspace already")
        channel.org_team_ids = list(dict.fromkeys([*channel.org_team_ids, team]))
        channel.is_org_shared = channel.is_shared = True
        return self._places.shown(channel)

    async def _accept(self, args: Json) -> Json:
        """The invited company takes the invitation; `needs_approval` leaves it to an administrator."""
        channel, team = self._invited(args)
        if args.get("needs_approval"):
            self._tell_accepted(channel, team, str(args.get("user") or ""), needs_approval=True)
            return self._places.shown(channel)
        return self._connect(channel, team, str(args.get("user") or ""))

    async def _approve(self, args: Json) -> Json:
        channel, team = self._invited(args)
        person = self._person(str(args.get("user") or ""), team)
        about = {"approving_team_id": team, "approving_user": shapes.small_user(self._world, person)}
        self._tell_of_invite(channel, team, "approved", about)
        return self._joined(channel, team)

    async def _decline(self, args: Json) -> Json:
        channel, team = self._invited(args)
        person = self._person(str(args.get("user") or ""), team)
        about = {"declining_team_id": team, "declining_user": shapes.small_user(self._world, person)}
        self._tell_of_invite(channel, team, "declined", about)
        self._no_longer_pending(channel, team)
        return self._places.shown(channel)

    async def _unshare(self, args: Json) -> Json:
        """End it with one company, whose people are out; the side that was a guest goes on with a copy under a new id."""
        world, channel = self._world, self._places.channel(args)
        team = str(args.get("team") or (channel.connected_team_ids or [ELSEWHERE])[0])
        gone = outsiders.connection(world, team)
        self._no_longer_pending(channel, team)
        channel.org_team_ids = [one for one in channel.org_team_ids if one != team]
        was_there = gone in channel.connected_team_ids
        channel.connected_team_ids = [one for one in channel.connected_team_ids if one != gone]
        channel.is_ext_shared = bool(channel.connected_team_ids)
        channel.is_org_shared = bool(channel.org_team_ids)
        channel.is_shared = channel.is_ext_shared or channel.is_org_shared
        people = [world.users[one] for one in channel.members if one in world.users]
        out = {one.id for one in people if not outsiders.may_come(world, one, channel)}
        channel.members = [one for one in channel.members if one not in out]
        event = {"type": "channel_unshared", "channel": channel.id, "previously_connected_team_id": gone}
        self._places.tell(channel, event | {"is_ext_shared": channel.is_ext_shared})
        if was_there and channel.host_team_id == team:
            channel.host_team_id = ""
            world.renumber(channel, world.new_id("C"))
        return self._places.shown(channel)

    async def _channel_id_change(self, args: Json) -> Json:
        """What Slack does to a private channel the moment it is to be shared."""
        channel = self._places.channel(args)
        self._change_id(channel, str(args.get("to") or ""))
        return self._places.shown(channel)

    # helpers

    def _change_id(self, channel: Channel, to: str) -> None:
        old = channel.id
        self._world.renumber(channel, to or self._world.new_id("C"))
        self._places.tell(channel, {"type": "channel_id_changed", "old_channel_id": old, "new_channel_id": channel.id})

    def _invite(self, channel: Channel, team: str, by: str) -> None:
        """From now on the channel may become shared at any moment."""
        world, now = self._world, self._world.clock.now()
        inviter = world.users.get(by) or self._person("", world.team.id)
        people = [one for one in world.users.values() if one.team_id == team and not one.deleted]
        channel.invites[team] = {
            "id": world.new_id("I"),
            "date_created": int(now.timestamp()),
            "date_invalid": int((now + INVITED_FOR).timestamp()),
            "inviting_team": shapes.team(world, world.team.id),
            "inviting_user": shapes.small_user(world, inviter),
            **({"recipient_email": people[0].email, "recipient_user_id": people[0].id} if people else {}),
        }
        pending = outsiders.connection(world, team) if team else ""
        channel.is_pending_ext_shared = True
        ids = [*channel.pending_connected_team_ids, *([pending] if pending else [])]
        channel.pending_connected_team_ids = list(dict.fromkeys(ids))

    def _invited(self, args: Json) -> tuple[Channel, str]:
        """The channel and the company that is invited to it. Raises Refused where there is no invitation."""
        channel = self._places.channel(args)
        there = list(channel.invites) or list(channel.pending_connected_team_ids)
        team = str(args.get("team") or (there[0] if there else ""))
        if team not in there and "" not in there:
            who = self._world.company(team).name if team else "nobody"
            raise Refused(f"no invitation to #{channel.name} is open for {who}; share it with `pending` first")
        return channel, team

    def _connect(self, channel: Channel, team: str, user: str) -> Json:
        self._tell_accepted(channel, team, user, needs_approval=False)
        return self._joined(channel, team)

    def _joined(self, channel: Channel, team: str) -> Json:
        """The company is in: its people may come."""
        connected = outsiders.connection(self._world, team)
        self._no_longer_pending(channel, team)
        channel.is_ext_shared = channel.is_shared = True
        channel.connected_team_ids = list(dict.fromkeys([*channel.connected_team_ids, connected]))
        event = {"type": "channel_shared", "channel": channel.id, "connected_team_id": connected}
        self._places.tell(channel, event)
        return self._places.shown(channel)

    def _no_longer_pending(self, channel: Channel, team: str) -> None:
        pending = outsiders.connection(self._world, team)
        channel.invites.pop(team, None)
        channel.invites.pop("", None)
        left = [one for one in channel.pending_connected_team_ids if one != pending]
        channel.pending_connected_team_ids = left
        channel.is_pending_ext_shared = bool(left or channel.invites)

    def _tell_accepted(self, channel: Channel, team: str, user: str, *, needs_approval: bool) -> None:
        person = shapes.small_user(self._world, self._person(user, team)) or {"team_id": team}
        about = {"approval_required": needs_approval, "accepting_user": person}
        self._tell_of_invite(channel, team, "accepted", about)

    def _tell_of_invite(self, channel: Channel, team: str, what: str, about: Json) -> None:
        world = self._world
        ids = [world.team.id, *(one for one in channel.connected_team_ids if one != team), team]
        shown = {"id": channel.id, "is_im": False, "is_private": channel.is_private, "name": channel.name}
        self._places.tell(
            channel,
            {
                "type": f"shared_channel_invite_{what}",
                "invite": channel.invites.get(team) or channel.invites.get("", {}),
                "channel": shown,
                "teams_in_channel": [shapes.team(world, one) for one in ids],
                **about,
            },
        )

    def _person(self, user: str, team: str) -> User | None:
        """The one named, else the first of this company who can act."""
        named = self._world.users.get(user)
        of_it = (one for one in self._world.users.values() if one.team_id == team and one.id != SLACKBOT)
        return named or next((one for one in of_it if not one.is_bot and not one.deleted), None)
