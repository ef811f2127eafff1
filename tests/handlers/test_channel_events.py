"""What Slack tells us of channels, worked off from the inbox: forgotten, followed, said once, known at once."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.events.apply import apply
from handlers.events.seen import Seen
from models import boundary, channels
from models.db import Database
from models.tables import Card, ChannelGuest, ChannelState, Counterpart, Partner, Person
from tests import make
from tests.make import NOW, POLICY


@pytest_asyncio.fixture
async def session(tmp_path: Path) -> AsyncIterator[AsyncSession]:
    async with make.opened(f"sqlite:///{tmp_path / 'events.db'}") as db, _writing(db) as opened:
        pam = await make.person(opened, "Pam", "pm")
        await make.partner(
            opened, "Acme", pam, internal_channel="C1", joint_channel="CJ", joint_approved="CJ", joint_teams=["T9"]
        )
        for slack_id, name, connected in (("C1", "p-acme", []), ("CJ", "joint-acme", ["T9"])):
            state = ChannelState(
                slack_id=slack_id, name=name, is_member=True, is_shared=bool(connected), is_ext_shared=bool(connected),
                connected=connected, checked_at=NOW, swept_at=NOW,
            )  # fmt: skip
            await channels.remember(opened, [state])
        yield opened


def _writing(db: Database) -> Any:
    return db.write()


async def tell(session: AsyncSession, kind: str, *, enterprise: str = "", **event: Any) -> None:
    seen = Seen(
        now=NOW, team_id="T1", bot_user_id="UBOT", policy=POLICY, event_id="Ev1", enterprise_id=enterprise
    )  # fmt: skip
    await apply(session, {"type": kind, **event}, seen)
    await session.flush()


async def state(session: AsyncSession, slack_id: str) -> ChannelState:
    return await session.get_one(ChannelState, slack_id, populate_existing=True)


async def cards(session: AsyncSession) -> int:
    return len(list(await session.scalars(select(Card).where(Card.kind == "joint"))))


async def guests(session: AsyncSession) -> list[str]:
    return sorted(await session.scalars(select(ChannelGuest.slack_id).where(ChannelGuest.left_at.is_(None))))


@pytest.mark.parametrize(
    "event",
    [
        {"kind": "channel_rename", "channel": {"id": "C1", "name": "other"}},
        {"kind": "group_rename", "channel": {"id": "C1", "name": "other"}},
        {"kind": "channel_archive", "channel": "C1"},
        {"kind": "group_archive", "channel": "C1"},
        {"kind": "channel_unarchive", "channel": "C1"},
        {"kind": "channel_shared", "channel": "C1", "connected_team_id": "T9"},
        {"kind": "channel_unshared", "channel": "C1", "previously_connected_team_id": "T9"},
        {"kind": "channel_left", "channel": "C1"},
        {"kind": "channel_deleted", "channel": "C1"},
        {"kind": "member_joined_channel", "channel": "C1", "user": "UBOT"},
        {"kind": "member_left_channel", "channel": "C1", "user": "UBOT"},
    ],
    ids=lambda event: event["kind"],
)
async def test_whatever_happens_to_a_channel_slack_is_asked_again(session: AsyncSession, event: dict[str, Any]) -> None:
    await tell(session, **event)
    assert (await state(session, "C1")).checked_at is None
    told = (
        event["kind"] == "channel_shared"
    )  # of an internal channel whatever else happens is looked at at the next post
    assert await cards(session) == told
    await tell(session, **{**event, "channel": "CUNKNOWN"})


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"kind": "channel_archive", "channel": "CJ"}, "archived"),
        ({"kind": "group_archive", "channel": "CJ"}, "archived"),
        ({"kind": "channel_deleted", "channel": "CJ"}, "left, deleted or disconnected"),
        ({"kind": "group_left", "channel": "CJ"}, "left, deleted or disconnected"),
        ({"kind": "member_left_channel", "channel": "CJ", "user": "UBOT"}, "left, deleted or disconnected"),
        ({"kind": "channel_unshared", "channel": "CJ", "previously_connected_team_id": "T9"}, "not connected"),
    ],
    ids=lambda one: one["kind"] if isinstance(one, dict) else "",
)
async def test_a_joint_channel_that_is_lost_is_said_once(
    session: AsyncSession, event: dict[str, Any], words: str
) -> None:
    pam = (await session.scalars(select(Partner))).one().pm_id
    for _ in range(2):
        await tell(session, **event)
    assert await cards(session) == 1
    manager = await person_of(session, pam)
    (lost,) = await boundary.lost_for(session, manager, now=NOW, policy=POLICY)
    assert words in lost.why
    (card,) = await session.scalars(select(Card).where(Card.kind == "joint"))
    assert card.wanted == 2, "made, and asked for once"


async def person_of(session: AsyncSession, person_id: int | None) -> Person:
    return await session.get_one(Person, person_id)


async def test_an_internal_channel_that_others_read_is_told_at_once_until_they_are_gone(session: AsyncSession) -> None:
    pam = await person_of(session, (await session.scalars(select(Partner))).one().pm_id)
    other = await make.person(session, "Otto", "pm")
    await tell(session, "channel_shared", channel="C1", connected_team_id="T9")
    (one,) = await boundary.opened_for(session, pam, now=NOW, policy=POLICY)
    assert (one.partner, one.where, one.pending) == ("Acme", "#p-acme", False)
    assert await boundary.opened_for(session, other, now=NOW, policy=POLICY) == []
    assert await cards(session) == 1
    await tell(session, "channel_unshared", channel="C1", previously_connected_team_id="T9", is_ext_shared=False)
    assert await boundary.opened_for(session, pam, now=NOW, policy=POLICY) == []


async def test_on_grid_the_next_look_says_whether_a_workspace_is_ours(session: AsyncSession) -> None:
    await tell(session, "channel_shared", channel="C1", connected_team_id="T9", enterprise="E1")
    assert not (await state(session, "C1")).is_ext_shared
    assert await cards(session) == 0


async def test_a_company_that_leaves_while_another_stays_loses_nothing(session: AsyncSession) -> None:
    await tell(session, "channel_shared", channel="CJ", connected_team_id="T8")
    assert (await state(session, "CJ")).connected == ["T9", "T8"]
    await tell(session, "channel_unshared", channel="CJ", previously_connected_team_id="T8", is_ext_shared=True)
    row = await state(session, "CJ")
    assert (row.connected, row.lost_at) == (["T9"], None)


@pytest.mark.parametrize("back", [("channel_unarchive", {}), ("channel_shared", {"connected_team_id": "T9"})])
async def test_a_joint_channel_that_is_back_is_lost_no_longer(
    session: AsyncSession, back: tuple[str, dict[str, Any]]
) -> None:
    await tell(session, "channel_archive", channel="CJ")
    assert (await state(session, "CJ")).lost_at == NOW
    await tell(session, back[0], channel="CJ", **back[1])
    assert (await state(session, "CJ")).lost_at is None


async def test_a_changed_id_is_followed(session: AsyncSession) -> None:
    for _ in range(2):
        await tell(session, "channel_id_changed", old_channel_id="CJ", new_channel_id="GJ")
    partner = (await session.scalars(select(Partner).execution_options(populate_existing=True))).one()
    assert (partner.joint_channel, partner.joint_approved) == ("GJ", "GJ")


@pytest.mark.parametrize(
    ("person", "team", "enterprise", "known", "looked_up"),
    [
        ({}, "T1", "", [], False),  # one of ours, whom Cadence knows
        (None, "T1", "", [], True),  # of our workspace: a full member or a guest, the event does not say
        (None, "", "", [], True),
        (None, "T9", "", ["UANN"], False),
        (None, "T9", "E1", [], True),  # on Grid: perhaps another workspace of ours
        (None, "E1", "E1", [], True),
        (None, "E9", "E1", ["UANN"], False),
        ({"guest": True}, "T1", "", ["UANN"], False),
        ({"side": "theirs"}, "T1", "", ["UANN"], False),
    ],
)
async def test_whoever_joins_is_known_at_once_or_looked_up_before_anything_is_posted(
    session: AsyncSession, person: dict[str, Any] | None, team: str, enterprise: str, known: list[str], looked_up: bool
) -> None:
    if person is not None:
        await make.person(session, "Ann", **person)
    await tell(session, "member_joined_channel", channel="C1", user="UANN", team=team, enterprise=enterprise)
    assert await guests(session) == known
    assert ((await state(session, "C1")).swept_at is None) == looked_up
    await tell(session, "member_left_channel", channel="C1", user="UANN", team=team, enterprise=enterprise)
    assert await guests(session) == []


async def test_somebody_of_another_company_who_joins_a_joint_channel_is_proposed_to_its_manager(
    session: AsyncSession,
) -> None:
    await tell(session, "member_joined_channel", channel="CJ", user="UCORA", team="T9")
    (row,) = await session.scalars(select(Counterpart))
    assert (row.slack_id, row.slack_team_id, row.how, row.state) == ("UCORA", "T9", "joined", "proposed")
    await tell(session, "member_joined_channel", channel="C1", user="UBORIS", team="T9")
    assert len(list(await session.scalars(select(Counterpart)))) == 1
