"""The boundary at the mouth: who reads a channel decides what goes there, at the moment it goes."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.clock import real_now
from bot.sweep import sweep
from models import boundary
from models.domain.policy import Policy
from models.tables import Card, ChannelGuest, ChannelState, Outbox, Partner, Person
from tests.delivery.conftest import NOON, Stage

ON_SQLITE_ALONE = True
POLICY = Policy()


async def a_partner(stage: Stage, name: str = "Acme", **more: Any) -> int:
    """A partner whose manager has looked at what is posted to #joint-acme, shared with workspace T9."""
    pm_id = await stage.person(f"Pam of {name}", f"UPM{name.upper()}", "pm")
    values = {"joint_channel": "CJ", "joint_approved": "CJ", "joint_teams": ["T9"]} | more
    async with stage.db.write() as session:
        partner = Partner(name=name, key=name.casefold(), pm_id=pm_id, created_at=NOON, **values)
        session.add(partner)
        await session.flush()
        return partner.id


def joint_channel(stage: Stage, **flags: Any) -> dict[str, Any]:
    shared = {"is_ext_shared": True, "is_shared": True, "connected_team_ids": ["T1", "T9"], "context_team_id": "T1"}
    return stage.slack.channel("CJ", "joint-acme", **shared | flags)


async def for_partner(stage: Stage, partner_id: int, key: str = "k", **more: Any) -> int:
    values = {"template": "shared", "audience": "partner", "partner_id": partner_id, "channel_ref": "CJ"} | more
    return await stage.owe(key, **values)


async def person_of(stage: Stage, slack_id: str) -> Person:
    async with stage.db.read() as session:
        found = await session.scalar(select(Person).where(Person.slack_id == slack_id))
        assert found is not None
        return found


async def held(stage: Stage, slack_id: str) -> list[boundary.Held]:
    async with stage.db.read() as session:
        person = await person_of(stage, slack_id)
        return await boundary.held_for(session, person, now=stage.clock.now(), policy=POLICY)


async def guests(stage: Stage) -> list[ChannelGuest]:
    async with stage.db.read() as session:
        return list(await session.scalars(select(ChannelGuest).order_by(ChannelGuest.slack_id)))


async def test_a_partners_message_goes_to_its_joint_channel_as_it_is_now(stage: Stage) -> None:
    partner_id = await a_partner(stage)
    joint_channel(stage)
    await for_partner(stage, partner_id, channel_ref="#an-old-one")
    await stage.settle()
    assert stage.slack.texts("CJ") == ["shared K"]
    assert (await stage.row()).channel_id == "CJ"


async def test_a_joint_channel_is_found_by_its_name_too_and_need_not_be_shared_yet(stage: Stage) -> None:
    partner_id = await a_partner(stage, joint_channel="joint-acme", joint_approved="joint-acme", joint_teams=[])
    stage.slack.channel("CJ", "joint-acme")
    await for_partner(stage, partner_id)
    await stage.settle()
    assert stage.slack.texts("CJ") == ["shared K"]


@pytest.mark.parametrize(
    ("partner", "flags", "words"),
    [
        ({"joint_channel": ""}, {}, "has no joint channel"),
        ({"joint_approved": ""}, {}, "looked at the first post"),
        ({"joint_approved": "COLD"}, {}, "looked at the first post"),
        ({"joint_teams": []}, {}, "Another workspace"),
        ({}, {"connected_team_ids": ["T1", "T9", "T8"]}, "Another workspace"),
        ({}, {"pending_connected_team_ids": ["T8"], "is_pending_ext_shared": True}, "Another workspace"),
        ({}, {"is_pending_ext_shared": True}, "does not say which"),
        ({}, {"connected_team_ids": []}, "does not say which"),
        ({}, {"connected_team_ids": None}, "does not say which"),
        ({}, {"is_ext_shared": None, "connected_team_ids": None}, "does not say which"),
        ({}, {"is_archived": True}, "archived"),
        ({}, {"is_member": False}, "Invite it"),
        ({"joint_channel": "CNONE", "joint_approved": "CNONE"}, {}, "cannot see this channel"),
    ],
)
async def test_a_partners_message_waits_while_anything_speaks_against_it(
    stage: Stage, partner: dict[str, Any], flags: dict[str, Any], words: str
) -> None:
    joint_channel(stage, **flags)
    await for_partner(stage, await a_partner(stage, **partner))
    await stage.settle()
    row = await stage.row()
    assert (row.state, row.attempts) == ("held", 0)
    assert words in row.problem
    assert stage.slack.messages["CJ"] == []
    (one,) = await held(stage, "UPMACME")
    assert (one.id, one.audience, one.offers) == (row.id, "partner", (boundary.Offer.DROP,))


async def test_a_channel_that_two_partners_have_by_name_and_by_id_takes_nothing_of_either(stage: Stage) -> None:
    joint_channel(stage)
    for name, channel in (("Acme", "CJ"), ("Beta", "joint-acme")):
        partner_id = await a_partner(stage, name, joint_channel=channel, joint_approved=channel)
        await for_partner(stage, partner_id, name)
    await stage.settle()
    assert stage.slack.texts("CJ") == []
    for name, other in (("Acme", "Beta"), ("Beta", "Acme")):
        (one,) = await held(stage, f"UPM{name.upper()}")
        assert one.why == f"#joint-acme is the joint channel of {other} too. Each has one of its own."
        assert one.offers == (boundary.Offer.DROP,)


async def test_no_renderer_writes_for_the_other_audience(stage: Stage) -> None:
    partner_id = await a_partner(stage)
    joint_channel(stage)
    await for_partner(stage, partner_id, "internal words", template="say")
    await stage.owe("partner words", template="shared", channel_ref="C1")
    await stage.owe("no partner", template="shared", audience="partner", channel_ref="CJ")
    await stage.owe("nobody", template="say", audience="public", channel_ref="C1")
    pm = await person_of(stage, "UPMACME")
    await for_partner(stage, partner_id, "to a person", person_id=pm.id, channel_ref="")
    await stage.settle()
    states = await stage.states()
    wanted = ("internal words", "partner words", "no partner", "nobody", "to a person")
    assert {states[key] for key in wanted} == {"failed"}
    assert stage.slack.messages["CJ"] == stage.slack.messages["C1"] == []


async def test_a_card_is_shown_only_to_the_audience_it_is_for(stage: Stage) -> None:
    acme = await a_partner(stage)
    other = await a_partner(stage, "Zenith", joint_channel="CZ", joint_approved="CZ")
    stage.slack.channel("CZ", "joint-zenith", is_ext_shared=True, is_shared=True, connected_team_ids=["T9"])
    joint_channel(stage)
    pm = await person_of(stage, "UPMACME")
    check_in = await stage.card(pm.id, "checkin", partner_id=acme)
    prompt = await stage.card(pm.id, "prompt")
    await for_partner(stage, acme, "right", card_id=check_in)
    await for_partner(stage, other, "another partner", card_id=check_in)
    await for_partner(stage, acme, "internal card", card_id=prompt)
    await stage.owe("internal row", template="say", channel_ref="C1", card_id=check_in)
    await stage.settle()
    states = await stage.states()
    assert states["right"] == "sent"
    assert {states[key] for key in ("another partner", "internal card", "internal row")} == {"failed"}
    assert stage.slack.texts("CJ") == ["version 1"]
    assert stage.slack.messages["CZ"] == stage.slack.messages["C1"] == []


async def test_an_internal_message_never_goes_to_a_joint_channel_however_well_approved(stage: Stage) -> None:
    await a_partner(stage)
    joint_channel(stage)
    await stage.owe(channel_ref="CJ")
    await stage.settle()
    assert (await stage.row()).state == "held"
    assert stage.slack.messages["CJ"] == []


async def test_on_grid_a_channel_of_our_own_enterprise_is_ours(stage: Stage) -> None:
    stage.slack.channel("C3", "org-wide", is_org_shared=True, is_shared=True)
    await stage.owe("plain", channel_ref="C3")
    await stage.settle()
    stage.slack.enterprise = "E1"
    grid = stage.another()
    await stage.owe("grid", channel_ref="C3")
    await stage.settle(grid)
    stage.slack.channels["C3"]["is_ext_shared"] = True
    await stage.owe("shared", channel_ref="C3")
    await stage.settle(grid)
    stage.slack.channels["C3"] |= {"is_ext_shared": False, "pending_connected_team_ids": ["T9"]}
    await stage.owe("pending", channel_ref="C3")
    await stage.settle(grid)
    states = await stage.states()
    assert [states[key] for key in ("plain", "grid", "shared", "pending")] == ["held", "sent", "held", "held"]


@pytest.mark.parametrize(
    "user",
    [
        {"is_restricted": True},
        {"is_ultra_restricted": True},
        {"team": "T9"},
        {"is_stranger": True},
        {"team": ""},
    ],
)
async def test_a_guest_counts_as_outside_until_an_admin_allows_them_there(stage: Stage, user: dict[str, Any]) -> None:
    await stage.person("Ada", "UADMIN", "admin")
    stage.slack.user("UG", channel="C1", **user)
    stage.slack.user("UFULL", channel="C1")
    await stage.owe(channel_ref="C1")
    await stage.settle()
    row = await stage.row()
    assert (row.state, row.problem) == (
        "held", "A guest is in #acme-internal, and no admin has allowed that.",
    )  # fmt: skip
    assert [one.slack_id for one in await guests(stage)] == ["UG"]
    admin = await person_of(stage, "UADMIN")
    (one,) = await held(stage, "UADMIN")
    assert [guest.slack_id for guest in one.guests] == ["UG"]
    assert boundary.Offer.NOW not in one.offers
    async with stage.db.write() as session:
        await boundary.allow_guest(session, admin, "C1", "UG", now=stage.clock.now(), policy=POLICY)
    (one,) = await held(stage, "UADMIN")
    assert boundary.Offer.NOW in one.offers
    async with stage.db.write() as session:
        await boundary.post_it_now(session, admin, row.id, now=stage.clock.now(), policy=POLICY)
    await stage.settle()
    assert stage.slack.texts("C1") == ["K"]
    assert await held(stage, "UADMIN") == []


async def test_somebody_slack_does_not_show_is_outside_and_a_known_guest_needs_no_question(stage: Stage) -> None:
    await stage.person("Gus", "UGUEST", guest=True)
    await stage.person("Cora", "UCORA", side="theirs")
    await stage.person("Ann", "UANN")
    stage.slack.members["C1"] = ["UGUEST", "UCORA", "UANN", "UHIDDEN"]
    await stage.owe(channel_ref="C1")
    await stage.settle()
    assert [one.slack_id for one in await guests(stage)] == ["UCORA", "UGUEST", "UHIDDEN"]
    assert [call["user"] for call in stage.slack.called("users.info")] == ["UHIDDEN"]


async def test_of_many_strangers_slacks_list_is_read_and_pages_are_followed(stage: Stage) -> None:
    stage.slack.page_size = 10
    for number in range(40):
        stage.slack.user(f"U{number:02}", channel="C1")
    stage.slack.user("UZ", channel="C1", is_restricted=True)
    await stage.owe(channel_ref="C1")
    await stage.settle()
    assert [one.slack_id for one in await guests(stage)] == ["UZ"]
    assert stage.slack.called("users.info") == []
    assert len(stage.slack.called("conversations.members")) == 5


async def test_members_are_read_once_and_again_when_an_event_says_less_than_it_should(stage: Stage) -> None:
    for number in range(3):
        await stage.owe(f"k{number}", channel_ref="C1")
    await stage.settle()
    assert len(stage.slack.called("conversations.members")) == 1
    async with stage.db.write() as session:
        (await session.get_one(ChannelState, "C1")).swept_at = None
    stage.slack.user("UG", channel="C1", is_restricted=True)
    await stage.owe("later", channel_ref="C1")
    await stage.settle()
    assert (await stage.row("later")).state == "held"
    assert stage.slack.texts("C1") == ["K0", "K1", "K2"]


async def test_a_guest_is_found_in_a_channel_that_was_shared_when_it_was_last_looked_at(stage: Stage) -> None:
    await a_partner(stage, internal_channel="C1", joint_channel="")
    stage.slack.user("UG", channel="C1", is_restricted=True)
    stage.slack.channels["C1"] |= {"is_ext_shared": True, "is_shared": True, "connected_team_ids": ["T9"]}
    assert await sweep(stage.delivery.desk, now=NOON, real_now=real_now()) == ["C1"]
    stage.slack.channels["C1"] |= {"is_ext_shared": False, "is_shared": False, "connected_team_ids": []}
    await stage.owe(channel_ref="C1")
    await stage.settle()
    assert (await stage.row()).state == "held"
    assert stage.slack.texts("C1") == []


async def test_where_slack_does_not_say_who_is_there_nothing_internal_goes(stage: Stage) -> None:
    stage.slack.fail("conversations.members", "error", error="missing_scope", times=99)
    await stage.owe(channel_ref="C1")
    await stage.settle()
    assert (await stage.row()).state == "held"
    assert not await stage.delivery.is_ours_alone("C1")


async def test_a_file_is_looked_after_once_more_before_it_is_shared(stage: Stage) -> None:
    """The channel became shared while the bytes were on their way."""
    await stage.owe(channel_ref="C1", args={"text": "A file", "file": "a;b\n"})
    real = stage.slack.do_files_getUploadURLExternal

    def shared_meanwhile(args: dict[str, Any]) -> dict[str, Any]:
        stage.slack.channels["C1"]["is_ext_shared"] = True
        return real(args)

    stage.slack.__dict__["do_files_getUploadURLExternal"] = shared_meanwhile
    await stage.settle()
    row = await stage.row()
    assert (row.state, row.attempts, row.file_id) == ("held", 0, None)
    assert stage.slack.called("files.completeUploadExternal") == []
    assert stage.slack.messages["C1"] == []


async def test_an_edit_is_not_done_where_others_read_by_now_and_the_desk_says_so(stage: Stage) -> None:
    head = await stage.person("Head", "U7", "head")
    card_id = await stage.card(head, "prompt")
    await stage.owe(channel_ref="C1", card_id=card_id)
    await stage.settle()
    stage.slack.channels["C1"]["is_shared"] = True
    async with stage.db.write() as session:
        (await session.get_one(Card, card_id)).wanted += 1
    await stage.settle()
    assert stage.slack.texts("C1") == ["version 1"]
    (one,) = await held(stage, "U7")
    assert (one.edit, one.offers) == (True, (boundary.Offer.DROP,))
    assert "shared" in one.why
    assert stage.slack.texts("DU7") == [f"Message, 12 Mar for #acme-internal: {one.why}"]
    stage.slack.channels["C1"]["is_shared"] = False
    await stage.delivery.is_ours_alone("C1")
    (one,) = await held(stage, "U7")
    assert boundary.Offer.NOW in one.offers
    async with stage.db.write() as session:
        actor = await session.get_one(Person, head)
        await boundary.post_it_now(session, actor, one.id, now=stage.clock.now(), policy=POLICY)
    await stage.settle()
    assert stage.slack.texts("C1") == ["version 3"]
    assert await held(stage, "U7") == []


async def test_a_check_in_is_edited_only_in_the_joint_channel_that_stands(stage: Stage) -> None:
    partner_id = await a_partner(stage)
    joint_channel(stage)
    pm = await person_of(stage, "UPMACME")
    card_id = await stage.card(pm.id, "checkin", partner_id=partner_id)
    await for_partner(stage, partner_id, card_id=card_id)
    await stage.settle()

    async def wish() -> None:
        async with stage.db.write() as session:
            (await session.get_one(Card, card_id)).wanted += 1
        await stage.settle()

    await wish()
    assert stage.slack.texts("CJ") == ["version 2"]
    stage.slack.channels["CJ"]["connected_team_ids"] = ["T1", "T9", "T8"]
    await wish()
    assert stage.slack.texts("CJ") == ["version 2"]
    (one,) = await held(stage, "UPMACME")
    assert (one.edit, "Another workspace" in one.why) == (True, True)


async def test_what_stood_below_a_message_of_the_last_joint_channel_waits(stage: Stage) -> None:
    partner_id = await a_partner(stage)
    joint_channel(stage)
    await for_partner(stage, partner_id, "root")
    await stage.settle()
    async with stage.db.write() as session:
        partner = await session.get_one(Partner, partner_id)
        partner.joint_channel = partner.joint_approved = "CNEW"
    stage.slack.channel("CNEW", "joint-acme-new", is_ext_shared=True, is_shared=True, connected_team_ids=["T9"])
    await for_partner(stage, partner_id, "below", parent_key="root")
    await stage.settle()
    assert (await stage.row("below")).state == "held"
    (one,) = await held(stage, "UPMACME")
    pm = await person_of(stage, "UPMACME")
    async with stage.db.write() as session:
        await boundary.post_it_now(session, pm, one.id, now=stage.clock.now(), policy=POLICY)
    await stage.settle()
    assert stage.slack.texts("CNEW") == ["shared BELOW"]


async def test_ephemerals_ask_whether_a_channel_is_ours_alone(stage: Stage) -> None:
    await stage.person("Ann", "UANN", dm_channel="DUANN")
    await stage.person("Cora", "UCORA", side="theirs", dm_channel="DUCORA")
    stage.slack.channel("C2", "shared", is_ext_shared=True, is_shared=True)
    asked = ("C1", "C2", "CNONE", "DUANN", "DUCORA", "DNONE")
    said = {one: await stage.delivery.is_ours_alone(one) for one in asked}
    assert said == {"C1": True, "C2": False, "CNONE": False, "DUANN": True, "DUCORA": False, "DNONE": False}
    stage.slack.fail("conversations.info", "http")
    assert not await stage.delivery.is_ours_alone("C1")


async def test_a_joint_channel_that_is_gone_is_said_once_and_taken_up_when_it_is_back(stage: Stage) -> None:
    partner_id = await a_partner(stage)
    channel = joint_channel(stage, is_archived=True)
    for key in ("one", "two"):
        await for_partner(stage, partner_id, key)
        await stage.settle()
    pm = await person_of(stage, "UPMACME")
    async with stage.db.read() as session:
        (gone,) = await boundary.lost_for(session, pm, now=stage.clock.now(), policy=POLICY)
        first = (await session.get_one(ChannelState, "CJ")).lost_at
    assert (gone.partner, gone.why, first) == ("Acme", "#joint-acme is archived.", NOON)
    assert len(stage.slack.texts("DUPMACME")) == 1
    channel["is_archived"] = False
    await sweep(stage.delivery.desk, now=stage.clock.now(), real_now=real_now())
    for one in await held(stage, "UPMACME"):
        async with stage.db.write() as session:
            await boundary.post_it_now(session, pm, one.id, now=stage.clock.now(), policy=POLICY)
    await stage.settle()
    assert stage.slack.texts("CJ") == ["shared ONE", "shared TWO"]
    async with stage.db.read() as session:
        assert await boundary.lost_for(session, pm, now=stage.clock.now(), policy=POLICY) == []


@pytest.mark.parametrize("by", ["the hourly look", "the next post"])
async def test_a_partner_that_was_disconnected_is_noticed_without_any_event_and_said_once(
    stage: Stage, by: str
) -> None:
    partner_id = await a_partner(stage)
    channel = joint_channel(stage)
    await for_partner(stage, partner_id, "one")
    await stage.settle()
    channel |= {"is_ext_shared": False, "is_shared": False, "connected_team_ids": []}
    if by == "the next post":
        await for_partner(stage, partner_id, "two")
    for hours in (1, 2):
        stage.delivery.desk.known.leave_alone("CJ", -timedelta(hours=1))
        await sweep(stage.delivery.desk, now=stage.clock.now(), real_now=real_now() + timedelta(hours=hours))
        await stage.settle()
    pm = await person_of(stage, "UPMACME")
    async with stage.db.read() as session:
        (gone,) = await boundary.lost_for(session, pm, now=stage.clock.now(), policy=POLICY)
    assert gone.why == "Acme is not connected to #joint-acme any more."
    assert (stage.slack.texts("CJ"), len(stage.slack.texts("DUPMACME"))) == (["shared ONE"], 1)


async def test_a_held_message_outlives_its_time_and_goes_where_it_is_moved_with_what_is_below_it(stage: Stage) -> None:
    head = await stage.person("Head", "U7", "head")
    stage.slack.channels["C1"]["is_ext_shared"] = True
    stage.slack.channel("C4", "elsewhere")
    later = stage.clock.now().replace(hour=16)
    await stage.owe("root", channel_ref="C1", void_at=later)
    await stage.owe("below", channel_ref="C1", parent_key="root", void_at=later)
    await stage.settle()
    stage.clock.set(stage.clock.now().replace(day=30))
    await stage.settle()
    assert [(row.state, row.decision) for row in await stage.rows()][:2] == [("held", ""), ("held", "")]
    (one,) = await held(stage, "U7")
    assert one.below == 1
    async with stage.db.write() as session:
        actor = await session.get_one(Person, head)
        await boundary.move(session, actor, one.id, "C4", now=stage.clock.now(), policy=POLICY)
    await stage.settle()
    root, below = stage.slack.messages["C4"]
    assert (root["text"], below["text"], below["thread_ts"]) == ("ROOT", "BELOW", root["ts"])
    assert stage.slack.messages["C1"] == []


async def test_a_message_moved_to_a_channel_that_turns_out_shared_waits_for_another_decision(stage: Stage) -> None:
    head = await stage.person("Head", "U7", "head")
    stage.slack.channels["C1"]["is_ext_shared"] = True
    stage.slack.channel("C4", "elsewhere", is_ext_shared=True)
    await stage.owe("root", channel_ref="C1")
    await stage.settle()
    async with stage.db.write() as session:
        actor = await session.get_one(Person, head)
        row = (await session.scalars(select(Outbox).where(Outbox.key == "root"))).one()
        await boundary.move(session, actor, row.id, "C4", now=stage.clock.now(), policy=POLICY)
    await stage.settle()
    row = await stage.row("root")
    assert (row.state, row.decision, row.decided_by_id) == ("held", "", None)
    (one,) = await held(stage, "U7")
    assert one.where == "#elsewhere"
    assert stage.slack.messages["C4"] == []


async def test_two_replicas_hold_a_message_once_and_tell_once(stage: Stage) -> None:
    await stage.person("Head", "U7", "head")
    stage.slack.channels["C1"]["is_ext_shared"] = True
    for number in range(4):
        await stage.owe(f"k{number}", channel_ref="C1")
    await asyncio.gather(*(stage.settle(one) for one in (stage.delivery, stage.another(), stage.another())))
    assert {row.state for row in await stage.rows() if row.template == "say"} == {"held"}
    (told,) = stage.slack.messages["DU7"]
    assert told["text"].count("Message, 12 Mar") == 4


@pytest.mark.parametrize("stands", [True, False])
async def test_what_may_stand_already_is_looked_for_before_it_is_held(stage: Stage, stands: bool) -> None:
    """The holder died in mid-call, and the channel is shared by now: a message that stands is not held, and not doubled."""
    await stage.person("Head", "U7", "head")
    await stage.owe(channel_ref="C1")
    await stage.settle()
    row = await stage.row()
    if not stands:
        stage.slack.messages["C1"].clear()
    past = stage.clock.now() - timedelta(days=30)
    await stage.set("k", state="sending", ts=None, sent_at=None, lease_until=past)
    stage.slack.channels["C1"]["is_ext_shared"] = True
    await stage.settle(stage.another())
    again = await stage.row()
    assert (again.state, again.ts) == (("sent", row.ts) if stands else ("held", None))
    assert len(stage.slack.messages["C1"]) == (1 if stands else 0)
    if stands:
        return
    head = await person_of(stage, "U7")
    stage.slack.channels["C1"]["is_ext_shared"] = False
    await stage.delivery.is_ours_alone("C1")
    async with stage.db.write() as session:
        await boundary.post_it_now(session, head, again.id, now=stage.clock.now(), policy=POLICY)
    await stage.settle()
    assert stage.slack.texts("C1") == ["K"]


async def test_a_hold_that_was_not_committed_is_made_again_and_told_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process died between the decision and its commit: neither the state nor the question is there, then both are."""
    await stage.person("Head", "U7", "head")
    stage.slack.channels["C1"]["is_ext_shared"] = True
    await stage.owe(channel_ref="C1")

    class Died(BaseException):
        pass

    def die(name: str) -> None:
        if name == "finish.before_commit":
            raise Died

    with monkeypatch.context() as broken:
        broken.setattr("bot.delivery.endings.here", die)
        with pytest.raises(Died):
            await stage.delivery.drain()
    assert (await stage.states()) == {"k": "pending"}
    await stage.set("k", lease_until=None)
    await stage.settle(stage.another())
    assert (await stage.row()).state == "held"
    assert len(stage.slack.messages["DU7"]) == 1
