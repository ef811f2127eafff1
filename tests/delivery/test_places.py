"""Where a message may go: our own people's DMs, and channels that are certainly ours alone."""

import logging
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import select

from bot.delivery import Identity
from models.tables import Cadence, ChannelState, Occurrence, Partner, Person
from tests.delivery.conftest import NOON, Stage

ON_SQLITE_ALONE = True


@pytest.mark.parametrize(
    "flags",
    [
        {"is_ext_shared": True, "is_shared": True},
        {"is_ext_shared": True},
        {"is_shared": True},
        {"is_org_shared": True, "is_shared": True},
        {"connected_team_ids": ["T9"]},
        {"is_pending_ext_shared": True},
        {"pending_shared": ["T9"]},
        {"pending_connected_team_ids": ["T9"]},
        {"is_ext_shared": None},
        {"is_shared": "no"},
        {"is_mpim": True},
        {"is_im": True},
    ],
    ids="-".join,
)
async def test_held_when_shared_pending_or_unknown_and_on_the_desk_once(stage: Stage, flags: dict) -> None:
    await stage.person("Head", "U7", "head")
    stage.slack.channel("C3", "joint", **flags)
    await stage.owe(channel_ref="C3")
    await stage.settle()
    row = await stage.row()
    assert (row.state, row.attempts) == ("held", 0)
    assert "joint" in row.problem
    assert stage.slack.messages["C3"] == []
    assert stage.slack.texts("DU7") == [f"Message, 12 Mar for #joint: {row.problem}"]
    await stage.settle()
    assert len(stage.slack.texts("DU7")) == 1


async def test_a_channel_whose_state_cannot_be_read_is_held(stage: Stage) -> None:
    await stage.owe(channel_ref="C1")
    stage.slack.fail("conversations.info", "error", error="missing_scope")
    await stage.settle()
    assert (await stage.row()).state == "held"


async def test_a_look_up_that_fails_for_a_moment_only_delays(stage: Stage) -> None:
    await stage.owe(channel_ref="C1")
    for kind in ("lose", "http", "garbage", "slow"):
        stage.slack.fail("conversations.info", kind, seconds=1.2)
    stage.slack.fail("conversations.info", "error", error="service_unavailable")
    await stage.settle(stage.another(timeout=1))
    row = await stage.row()
    assert (row.state, row.attempts) == ("sent", 1)


@pytest.mark.parametrize(
    ("flags", "words"),
    [({"is_member": False}, "Invite it"), ({"is_archived": True}, "archived")],
    ids=["out", "archived"],
)
async def test_failed_when_not_a_member_or_archived(stage: Stage, flags: dict, words: str) -> None:
    await stage.person("Head", "U7", "head")
    stage.slack.channel("C3", "quiet", **flags)
    await stage.owe(channel_ref="C3")
    await stage.settle()
    row = await stage.row()
    assert (row.state, words in row.problem) == ("failed", True)
    assert len(stage.slack.texts("DU7")) == 1


async def test_sharing_is_looked_up_before_every_single_post(stage: Stage) -> None:
    await stage.owe("before", channel_ref="C1")
    await stage.settle()
    stage.slack.channels["C1"]["is_pending_ext_shared"] = True
    await stage.owe("after", channel_ref="C1")
    await stage.owe("reply", channel_ref="C1", parent_key="before")
    await stage.settle()
    assert await stage.states() == {"before": "sent", "after": "held", "reply": "held"}
    async with stage.db.read() as session:
        state = await session.get_one(ChannelState, "C1")
    assert (state.name, state.is_pending_shared, state.is_shared, state.is_member) == (
        "acme-internal",
        True,
        False,
        True,
    )
    assert state.checked_at is not None


async def test_names_resolve_to_ids_and_the_list_is_read_once(stage: Stage) -> None:
    stage.slack.page_size = 2
    for number in range(5):
        stage.slack.channel(f"C1{number}", f"other-{number}")
    stage.slack.channel("C9", "leaders")
    await stage.owe("first", channel_ref="#leaders")
    await stage.owe("second", channel_ref="leaders")
    await stage.settle()
    assert stage.slack.texts("C9") == ["FIRST", "SECOND"]
    assert len(stage.slack.called("conversations.list")) == 4
    assert {args["channel"] for args in stage.slack.called("chat.postMessage")} == {"C9"}


async def test_a_renamed_channel_is_looked_for_again(stage: Stage) -> None:
    await stage.owe("before", channel_ref="acme-internal")
    await stage.settle()
    stage.slack.channels["C1"]["name"] = "acme-old"
    stage.slack.channel("C2", "acme-internal")
    await stage.owe("after", channel_ref="acme-internal")
    stage.delivery.desk.known.channels_listed_at = None
    await stage.settle()
    assert (stage.slack.texts("C1"), stage.slack.texts("C2")) == (["BEFORE"], ["AFTER"])


async def test_an_archived_channel_does_not_keep_the_name_from_its_successor(stage: Stage) -> None:
    stage.slack.channel("C0", "leaders", is_archived=True)
    stage.slack.channel("C9", "leaders")
    await stage.owe(channel_ref="leaders")
    await stage.settle()
    assert stage.slack.texts("C9") == ["K"]


async def test_a_name_nobody_knows_fails_with_the_name_in_the_sentence(stage: Stage) -> None:
    await stage.owe(channel_ref="#nowhere")
    await stage.settle()
    row = await stage.row()
    assert (row.state, "#nowhere" in row.problem) == ("failed", True)


async def test_a_dm_is_opened_once_and_needs_no_look_up(stage: Stage) -> None:
    ana = await stage.person()
    await stage.owe("one", person_id=ana)
    await stage.owe("two", person_id=ana)
    await stage.settle()
    assert stage.slack.texts("DU1") == ["ONE", "TWO"]
    assert len(stage.slack.called("conversations.open")) == 1
    assert stage.slack.called("conversations.info") == []


async def test_a_dm_of_an_earlier_installation_is_opened_anew(stage: Stage) -> None:
    ana = await stage.person(dm_channel="DGONE")
    await stage.owe(person_id=ana)
    await stage.settle()
    assert stage.slack.texts("DU1") == ["K"]
    async with stage.db.read() as session:
        assert await session.scalar(select(Person.dm_channel)) == "DU1"


@pytest.mark.parametrize(
    "person",
    [
        {"slack_id": None},
        {"active": False},
        {"side": "theirs"},
        {"guest": True},
        {"slack_id": "UGONE"},
        {"dm_channel": "DU1", "side": "theirs"},
    ],
    ids="-".join,
)
async def test_a_person_who_is_not_certainly_ours_is_never_written_to(stage: Stage, person: dict) -> None:
    await stage.person("Head", "U7", "head")
    await stage.owe(person_id=await stage.person("Bo", **{"slack_id": "U2"} | person))
    await stage.settle()
    row = await stage.row()
    assert (row.state, row.attempts) == ("failed", 0)
    assert row.problem
    assert list(stage.slack.dms) == ["U7"]
    assert stage.slack.texts("DU7") == [f"report on {row.id}: failed"]


async def test_somebody_of_another_workspace_is_never_written_to(stage: Stage) -> None:
    bo = await stage.person("Bo", "U2")
    async with stage.db.write() as session:
        (await session.get_one(Person, bo)).slack_team_id = "T9"
    await stage.owe(person_id=bo)
    await stage.settle()
    assert (await stage.row()).state == "failed"


async def test_on_grid_somebody_of_another_workspace_of_our_enterprise_is_written_to(stage: Stage) -> None:
    bo = await stage.person("Bo", "U2")
    async with stage.db.write() as session:
        (await session.get_one(Person, bo)).slack_team_id = "T9"
    await stage.owe(person_id=bo)
    await stage.another(known_as=Identity("T1", "UBOT", "B1", "E1")).drain(patient=True)
    assert (await stage.row()).state == "sent"


async def test_a_row_without_a_destination_fails(stage: Stage) -> None:
    await stage.owe()
    await stage.settle()
    assert (await stage.row()).state == "failed"


async def test_the_partner_manager_is_told_first_and_a_report_that_fails_is_not_reported(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.person("Head", "U7", "head")
    pm = await stage.person("Pam", "UGONE", "pm")
    async with stage.db.write() as session:
        partner = Partner(name="Acme", key="acme", pm_id=pm, created_at=NOON)
        session.add(partner)
        await session.flush()
        cadence = Cadence(
            kind="weekly_review", partner_id=partner.id, pm_id=pm, rule={}, at=time(10), zone="UTC",
            starts_on=date(2026, 1, 1), created_at=NOON,
        )  # fmt: skip
        session.add(cadence)
        await session.flush()
        occurrence = Occurrence(
            cadence_id=cadence.id,
            slot="2026-W11",
            nominal_day=NOON.date(),
            day=NOON.date(),
            starts_at=NOON,
            ends_at=NOON,
        )
        session.add(occurrence)
        await session.flush()
        occurrence_id = occurrence.id
    await stage.owe(channel_ref="#nowhere", occurrence_id=occurrence_id)
    await stage.settle()
    report = await stage.row(f"report:{(await stage.row()).id}")
    assert (report.person_id, report.state, report.occurrence_id) == (pm, "failed", occurrence_id)
    assert len(await stage.rows()) == 2
    assert stage.slack.keys() == []
    assert any(f"outbox {report.id} {report.key} is failed" in line for line in caplog.messages)


async def test_a_report_waits_for_its_readers_working_hours(stage: Stage) -> None:
    saturday = datetime(2026, 3, 14, 12, tzinfo=UTC)
    stage.clock.set(saturday)
    await stage.person("Head", "U7", "head", zone="America/New_York")
    await stage.owe(channel_ref="#nowhere")
    await stage.settle()
    report = await stage.row(f"report:{(await stage.row()).id}")
    assert report.due_at == datetime(2026, 3, 16, 12, tzinfo=UTC)
    assert report.state == "pending"
    assert await stage.delivery.next_due() == report.due_at


async def test_with_nobody_to_tell_the_log_says_so(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    await stage.owe(channel_ref="#nowhere")
    await stage.settle()
    assert any("nobody to tell" in record.message for record in caplog.records if record.levelno == logging.ERROR)
    assert timedelta(0) == stage.clock.now() - NOON
