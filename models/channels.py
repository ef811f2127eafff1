"""What Slack says of a channel: one reading of its channel object, one way to remember it, and ids that change followed.

Everything that is not plainly no is read as yes: what Slack does not say counts against a channel, never for it.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from models.tables import (
    Card,
    ChannelGuest,
    ChannelState,
    MeetingKind,
    Outbox,
    Partner,
    ReplyProposal,
    Setting,
    Touch,
)

IS_ID = re.compile(r"[CDG][A-Z0-9]+")
"""Slack's ids of conversations; the name of a channel has no capitals."""
MOVED = "channel_moved:"
"""The setting that keeps what became of an id: settings of the process may still name the old one."""
MOST_MOVES = 10


@dataclass(frozen=True)
class Seen:
    """What Slack says of a channel. `unknown`: it does not say whether the channel is shared.

    `connected` and `pending` are the workspaces besides our own that read it, or are invited to; None where this look
    does not say (a list of channels does not).
    """

    slack_id: str
    name: str
    is_private: bool
    is_member: bool
    is_archived: bool
    is_shared: bool
    is_pending_shared: bool
    is_ext_shared: bool
    unknown: bool
    connected: tuple[str, ...] | None = None
    pending: tuple[str, ...] | None = None

    @classmethod
    def of(cls, channel: Mapping[str, Any]) -> "Seen":
        """Read a channel object of Slack's."""
        flags = ("is_ext_shared", "is_shared", "is_org_shared")
        connected = _others(channel, "connected_team_ids")
        within = channel.get("is_org_shared") is True and channel.get("is_ext_shared") is False
        is_shared = any(channel.get(flag) for flag in flags) or bool(connected)
        return cls(
            slack_id=str(channel.get("id") or ""),
            name=str(channel.get("name") or ""),
            is_private=bool(channel.get("is_private")),
            is_member=channel.get("is_member") is True,
            is_archived=bool(channel.get("is_archived")),
            is_shared=is_shared,
            is_pending_shared=any(
                channel.get(name) for name in ("is_pending_ext_shared", "pending_shared", "pending_connected_team_ids")
            ),
            is_ext_shared=is_shared and not within,
            unknown=any(not isinstance(channel.get(flag), bool) for flag in flags[:2])
            or bool(channel.get("is_im") or channel.get("is_mpim")),
            connected=connected,
            pending=_others(channel, "pending_connected_team_ids"),
        )

    @property
    def label(self) -> str:
        """`#acme`; an id where it has no name."""
        return f"#{self.name}" if self.name else self.slack_id

    @property
    def teams(self) -> frozenset[str] | None:
        """Every workspace besides our own that reads it, or is invited to; None where Slack does not say who."""
        said = frozenset((*(self.connected or ()), *(self.pending or ())))
        unsaid = (self.is_ext_shared and not self.connected) or (self.is_pending_shared and not self.pending)
        return None if self.unknown or unsaid else said

    def row(self, checked_at: datetime | None) -> ChannelState:
        """As it is remembered. Only an answer about the very channel is a check; `checked_at` is its real time."""
        return ChannelState(
            slack_id=self.slack_id, name=self.name, is_private=self.is_private, is_member=self.is_member,
            is_archived=self.is_archived, is_shared=self.is_shared or self.unknown, is_pending_shared=self.is_pending_shared,
            is_ext_shared=self.is_ext_shared or self.unknown,
            connected=None if self.connected is None else list(self.connected),
            pending=None if self.pending is None else list(self.pending),
            checked_at=None if self.unknown else checked_at,
        )  # fmt: skip


def _others(channel: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    """Workspaces by id, without our own, which Slack counts among them; None where it does not say."""
    said = channel.get(name)
    if said is None:
        return None
    home = channel.get("context_team_id")
    return tuple(dict.fromkeys(str(team) for team in said if team != home))


async def remember(session: AsyncSession, rooms: Iterable[ChannelState]) -> None:
    """Keep what Slack said of these channels. What a look did not say stays what it was, or begins with its default."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    columns = ChannelState.__table__.columns
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for room in rooms:
        said = {column.key: getattr(room, column.key) for column in columns}
        values = {name: value for name, value in said.items() if value is not None}
        values["name"] = room.name or ""
        groups.setdefault(tuple(values), []).append(values)
    for named, found in groups.items():
        for start in range(0, len(found), 500):
            statement = insert(ChannelState).values(found[start : start + 500])
            changes = {name: statement.excluded[name] for name in named if name != "slack_id"}
            await session.execute(statement.on_conflict_do_update(index_elements=["slack_id"], set_=changes))


async def forget_check(session: AsyncSession, channel_id: str) -> None:
    """Something happened to the channel: whoever wants to know what it is asks Slack."""
    await session.execute(
        update(ChannelState)
        .where(ChannelState.slack_id == channel_id)
        .values(checked_at=None)
        .execution_options(synchronize_session=False)
    )


async def follow(session: AsyncSession, old: str, new: str, *, now: datetime) -> bool:
    """A channel's id has changed: follow it wherever the old one is written. False where that was done already."""
    if old == new or not old or not new:
        return False
    for column in _WHERE_IDS:
        await session.execute(
            update(column.class_)
            .where(column == old)
            .values({column.key: new})
            .execution_options(synchronize_session=False)
        )
    await session.execute(
        update(Outbox)
        .where(Outbox.channel_ref == old, Outbox.state.in_(("pending", "sending", "held")))
        .values(channel_ref=new)
        .execution_options(synchronize_session=False)
    )
    await _follow_guests(session, old, new)
    was = await session.get(ChannelState, old)
    if was is not None:
        if await session.get(ChannelState, new) is None:
            session.add(ChannelState(slack_id=new, name=was.name, is_private=was.is_private, is_member=was.is_member,
                                     is_archived=was.is_archived, is_shared=was.is_shared,
                                     is_pending_shared=was.is_pending_shared, is_ext_shared=was.is_ext_shared,
                                     connected=was.connected, pending=was.pending))  # fmt: skip
        await session.delete(was)
    kept = await session.get(Setting, MOVED + old)
    if kept is not None:
        return False
    session.add(Setting(name=MOVED + old, value=new, changed_at=now))
    await session.flush()
    return True


_WHERE_IDS = (
    Partner.internal_channel, Partner.joint_channel, Partner.joint_approved, MeetingKind.channel, Outbox.channel_id,
    Card.channel_id, ReplyProposal.channel_id, Touch.channel_id,
)  # fmt: skip


async def _follow_guests(session: AsyncSession, old: str, new: str) -> None:
    known = set(await session.scalars(select(ChannelGuest.slack_id).where(ChannelGuest.channel_id == new)))
    await session.execute(delete(ChannelGuest).where(ChannelGuest.channel_id == old, ChannelGuest.slack_id.in_(known)))
    await session.execute(
        update(ChannelGuest)
        .where(ChannelGuest.channel_id == old)
        .values(channel_id=new)
        .execution_options(synchronize_session=False)
    )


async def current(session: AsyncSession, ref: str) -> str:
    """The channel's present id, where `ref` is one that has changed; anything else as it is."""
    for _ in range(MOST_MOVES):
        if not IS_ID.fullmatch(ref):
            break
        moved = await session.get(Setting, MOVED + ref)
        if moved is None:
            break
        ref = str(moved.value)
    return ref


async def known(session: AsyncSession, ref: str) -> ChannelState | None:
    """The channel that an id or a name means, as Slack last described it: of several with one name, the one in use."""
    plain = await current(session, ref.removeprefix("#"))
    found: ChannelState | None = await session.scalar(
        select(ChannelState)
        .where(or_(ChannelState.slack_id == plain, ChannelState.name == plain.casefold()))
        .order_by(ChannelState.is_archived, ChannelState.is_member.desc(), ChannelState.slack_id)
        .limit(1)
    )
    return found


async def known_all(session: AsyncSession, refs: Collection[str]) -> dict[str, ChannelState]:
    """The same for many ids and names, in two statements however many; what nobody has described is left out."""
    rows = await session.execute(
        select(Setting.name, Setting.value).where(Setting.name.startswith(MOVED, autoescape=True))
    )
    moved = {name.removeprefix(MOVED): str(value) for name, value in rows}
    plain = {ref: _last(ref.removeprefix("#"), moved) for ref in refs}
    wanted = set(plain.values())
    states = await session.scalars(
        select(ChannelState)
        .where(or_(ChannelState.slack_id.in_(wanted), ChannelState.name.in_({name.casefold() for name in wanted})))
        .order_by(ChannelState.is_archived.desc(), ChannelState.is_member, ChannelState.slack_id.desc())
    )
    by_id: dict[str, ChannelState] = {}
    by_name: dict[str, ChannelState] = {}
    for state in states:  # of several with one name, the one in use comes last
        by_id[state.slack_id] = by_name[state.name] = state
    found = {ref: by_id.get(name) or by_name.get(name.casefold()) for ref, name in plain.items()}
    return {ref: state for ref, state in found.items() if state is not None}


def _last(ref: str, moved: Mapping[str, str]) -> str:
    for _ in range(MOST_MOVES):
        if ref not in moved or not IS_ID.fullmatch(ref):
            break
        ref = moved[ref]
    return ref


def label(state: ChannelState | None, ref: str) -> str:
    """`#partner-acme`; the bare id where nobody knows the name."""
    name = state.name if state is not None and state.name else ref.removeprefix("#")
    return name if IS_ID.fullmatch(name) else f"#{name}"
