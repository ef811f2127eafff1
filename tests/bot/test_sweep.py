"""The hourly look at channels: who of outside is there, what is gone, and no more of it than an hour needs."""

import logging
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.clock import real_now
from bot.sweep import AGAIN_AFTER, EVERY, sweep
from models import boundary, channels
from models.domain.policy import Policy
from models.tables import Card, ChannelGuest, ChannelState, Partner, Person
from tests import make
from tests.delivery.conftest import NOON, Stage, stage, templates, url

__all__ = ["stage", "templates", "url"]

pytestmark = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
POLICY = Policy()


async def a_partner(stage: Stage, **more: str) -> None:
    """Acme, whose internal channel Slack has described once."""
    pm_id = await stage.person("Pam", "UPAM", "pm")
    async with stage.db.write() as session:
        session.add(Partner(name="Acme", key="acme", pm_id=pm_id, created_at=NOON, internal_channel="C1", **more))
    await stage.delivery.is_ours_alone("C1")


async def swept(stage: Stage, *, later: timedelta = timedelta()) -> list[str]:
    return await sweep(stage.delivery.desk, now=stage.clock.now(), real_now=real_now() + later)


async def standing(stage: Stage) -> list[str]:
    async with stage.db.read() as session:
        rows = await session.scalars(select(ChannelGuest.slack_id).where(ChannelGuest.left_at.is_(None)))
        return sorted(rows)


async def test_a_guest_who_came_and_one_who_left_are_known_within_the_hour(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "cadence.sweep")
    await a_partner(stage)
    stage.slack.user("UG", channel="C1", is_restricted=True)
    assert await swept(stage) == [], "read a moment ago"
    assert await swept(stage, later=EVERY) == ["C1"]
    assert await standing(stage) == ["UG"]
    stage.slack.members["C1"] = []
    assert await swept(stage, later=2 * EVERY) == ["C1"]
    assert await standing(stage) == []
    said = [line for line in caplog.messages if line.startswith("sweep:")]
    assert said == ["sweep: channels=C1 came=UG left=-", "sweep: channels=C1 came=- left=UG"]
    assert "Name" not in " ".join(caplog.messages), "ids only"


async def test_what_was_read_when_outlives_a_restart_and_two_replicas_share_it(stage: Stage) -> None:
    await a_partner(stage)
    assert await swept(stage, later=EVERY) == ["C1"]
    other = stage.another()
    assert await sweep(other.desk, now=NOON, real_now=real_now()) == []
    async with stage.db.write() as session:
        (await session.get_one(ChannelState, "C1")).swept_at = None  # an event said less than it should
    assert await sweep(other.desk, now=NOON, real_now=real_now()) == ["C1"]


async def test_channels_of_settings_rows_and_meetings_are_swept_and_private_conversations_are_not(stage: Stage) -> None:
    await a_partner(stage)
    stage.slack.channel("C5", "leadership")
    stage.slack.channel("C6", "posted-to")
    await stage.owe("once", channel_ref="#posted-to")
    await stage.owe("dm", person_id=await stage.person())
    await stage.settle()
    desk = stage.another(policy=Policy(leadership_channel="#leadership")).desk
    assert sorted(await sweep(desk, now=NOON, real_now=real_now() + EVERY)) == ["C1", "C5", "C6"]


async def test_a_channel_that_cannot_be_read_is_left_alone_for_a_while_and_a_limit_ends_the_turn(stage: Stage) -> None:
    await a_partner(stage)
    stage.slack.fail("conversations.members", "error", error="missing_scope")
    assert await swept(stage, later=EVERY) == []
    asked = len(stage.slack.called("conversations.members"))
    assert await swept(stage, later=EVERY) == []
    assert len(stage.slack.called("conversations.members")) == asked
    stage.delivery.desk.known.leave_alone("C1", -AGAIN_AFTER)
    stage.slack.fail("conversations.info", "limit")
    assert await swept(stage, later=EVERY) == []
    assert await swept(stage, later=EVERY) == ["C1"]


async def test_of_a_shared_channel_it_is_only_said_that_it_is_shared(stage: Stage) -> None:
    await a_partner(stage)
    asked = len(stage.slack.called("conversations.members"))
    stage.slack.channels["C1"] |= {"is_ext_shared": True, "is_shared": True, "connected_team_ids": ["T9"]}
    assert await swept(stage, later=EVERY) == ["C1"]
    assert len(stage.slack.called("conversations.members")) == asked
    assert await swept(stage) == []


async def test_that_others_read_an_internal_channel_is_told_once_without_any_event(stage: Stage) -> None:
    await a_partner(stage)
    stage.slack.channels["C1"] |= {"is_ext_shared": True, "is_shared": True, "connected_team_ids": ["T9"]}
    for hours in (1, 2):
        await swept(stage, later=hours * EVERY)
    async with stage.db.read() as session:
        (card,) = await session.scalars(select(Card).where(Card.kind == "joint"))
        pam = await session.get_one(Person, card.person_id)
        (one,) = await boundary.opened_for(session, pam, now=NOON, policy=POLICY)
    assert (card.wanted, one.partner, one.pending) == (2, "Acme", False), "made, and asked for once"


async def test_that_others_read_an_internal_channel_is_told_when_slack_describes_it_first(stage: Stage) -> None:
    pm_id = await stage.person("Pam", "UPAM", "pm")
    async with stage.db.write() as session:
        session.add(Partner(name="Acme", key="acme", pm_id=pm_id, created_at=NOON, internal_channel="C1"))
    stage.slack.channels["C1"] |= {"is_ext_shared": True, "is_shared": True, "connected_team_ids": ["T9"]}
    await swept(stage)
    async with stage.db.read() as session:
        assert [card.person_id for card in await session.scalars(select(Card).where(Card.kind == "joint"))] == [pm_id]


async def test_a_look_at_nothing_that_is_due_costs_the_same_however_many_partners_there_are(stage: Stage) -> None:
    """It runs after every event."""
    await a_partner(stage)
    asked = []
    for partners in (1, 30):
        async with stage.db.write() as session:
            for number in range(partners):
                session.add(Partner(name=f"P{partners}-{number}", key=f"p{partners}-{number}", created_at=NOON,
                                    internal_channel=f"CI{partners}N{number}", joint_channel=f"#j{partners}-{number}"))  # fmt: skip
                for slack_id, name in (
                    (f"CI{partners}N{number}", "internal"),
                    (f"CJ{partners}N{number}", f"j{partners}-{number}"),
                ):
                    session.add(ChannelState(slack_id=slack_id, name=name, swept_at=real_now()))
        with make.counting(stage.db) as found:
            assert await swept(stage) == []
        asked.append(len(found))
    assert asked[0] == asked[1] < 30


async def test_of_many_channels_the_same_is_known_as_of_each(stage: Stage) -> None:
    refs = ["CNEW", "COLD", "#twins", "twins", "c9", "CGONE", "#gone"]
    async with stage.db.write() as session:
        session.add(ChannelState(slack_id="COLD", name="old"))
        await channels.follow(session, "COLD", "CNEW", now=NOON)
        session.add(ChannelState(slack_id="C8", name="twins", is_archived=True, is_member=True))
        session.add(ChannelState(slack_id="C9", name="twins", is_member=True))
        session.add(ChannelState(slack_id="CA", name="twins"))
    async with stage.db.read() as session:
        each = {ref: await channels.known(session, ref) for ref in refs}
        assert await channels.known_all(session, refs) == {ref: one for ref, one in each.items() if one is not None}
    assert [one.slack_id if one else None for one in each.values()] == ["CNEW", "CNEW", "C9", "C9", None, None, None]


@pytest.mark.parametrize("how", ["archived", "left", "gone"])
async def test_a_joint_channel_that_is_gone_is_found_without_any_event_and_said_once(stage: Stage, how: str) -> None:
    await a_partner(stage, joint_channel="CJ", joint_approved="CJ", joint_teams=["T9"])
    joint = stage.slack.channel("CJ", "joint-acme", is_ext_shared=True, is_shared=True, connected_team_ids=["T9"])
    async with stage.db.write() as session:
        session.add(ChannelState(slack_id="CJ", name="joint-acme"))
        pam = (await session.scalars(select(Person).where(Person.slack_id == "UPAM"))).one()
    assert "CJ" in await swept(stage)
    if how == "gone":
        del stage.slack.channels["CJ"]
    else:
        joint |= {"is_archived": True} if how == "archived" else {"is_member": False}
    for hours in (1, 2, 3):
        stage.delivery.desk.known.leave_alone("CJ", -AGAIN_AFTER)
        await swept(stage, later=hours * EVERY)
        await stage.settle()
    async with stage.db.read() as session:
        (lost,) = await boundary.lost_for(session, pam, now=NOON, policy=POLICY)
    assert lost.where == "#joint-acme"
    assert len(stage.slack.texts("DUPAM")) == 1
    stage.slack.channels["CJ"] = joint | {"is_archived": False, "is_member": True}
    stage.delivery.desk.known.leave_alone("CJ", -AGAIN_AFTER)
    await swept(stage, later=4 * EVERY)
    async with stage.db.read() as session:
        assert await boundary.lost_for(session, pam, now=NOON, policy=POLICY) == []
