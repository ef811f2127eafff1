"""A file is shared once, whatever is lost on the way: its id is known before anybody can see it."""

from datetime import timedelta

import pytest

from tests.delivery.conftest import Stage

FILE = {"text": "Your deals", "file": "name;amount\nKiwi;1\n"}


async def owe(stage: Stage, **more) -> None:
    await stage.owe(args=FILE, **({"channel_ref": "C1"} | more))


def shared(stage: Stage, channel: str = "C1") -> list:
    return [message for message in stage.slack.messages[channel] if message.get("files")]


async def test_a_file_is_brought_shared_and_remembered_with_its_message(stage: Stage) -> None:
    await owe(stage)
    await stage.delivery.drain()
    (message,) = shared(stage)
    (file,) = stage.slack.files.values()
    assert (message["text"], file["name"], file["data"].decode()) == ("Your deals", "deals.csv", FILE["file"])
    row = await stage.row()
    assert (row.state, row.file_id, row.channel_id, row.ts) == ("sent", file["id"], "C1", message["ts"])
    assert row.attempts == 1
    assert stage.slack.called("chat.postMessage") == []


async def test_a_file_goes_to_a_person_and_into_a_thread_like_any_message(stage: Stage) -> None:
    ana = await stage.person()
    await owe(stage, person_id=ana, channel_ref="")
    await stage.owe("parent", channel_ref="C1")
    await stage.delivery.drain()
    await stage.owe("below", args=FILE, channel_ref="C1", parent_key="parent")
    await stage.settle()
    assert len(shared(stage, "DU1")) == 1
    (below,) = shared(stage)
    assert below["thread_ts"] == (await stage.row("parent")).ts


@pytest.mark.parametrize(
    "fault",
    [{"kind": "lose"}, {"kind": "after", "error": "internal_error"}, {"kind": "http_after", "status": 503}, {"kind": "garbage"}],
    ids=lambda fault: fault["kind"],
)  # fmt: skip
async def test_one_file_though_the_reply_is_lost(stage: Stage, fault: dict) -> None:
    await owe(stage)
    stage.slack.fail("files.completeUploadExternal", **fault)
    await stage.settle()
    (message,) = shared(stage)
    row = await stage.row()
    assert (row.state, row.attempts, row.ts) == ("sent", 1, message["ts"])


async def test_a_share_that_shows_late_is_waited_for(stage: Stage) -> None:
    await owe(stage)
    stage.slack.late_shares = 2
    await stage.settle()
    (message,) = shared(stage)
    assert (await stage.row()).ts == message["ts"]


async def test_a_share_that_slack_never_names_is_done_all_the_same(stage: Stage) -> None:
    """The call said that it was done: that it is not found must not have it done again."""
    await owe(stage)
    stage.slack.late_shares = 100
    await stage.settle()
    assert len(shared(stage)) == 1
    row = await stage.row()
    assert (row.state, row.ts) == ("sent", None)


@pytest.mark.parametrize("method", ["files.info"])
@pytest.mark.parametrize("fault", [{"kind": "limit"}, {"kind": "error", "error": "missing_scope"}, {"kind": "http"}])
async def test_what_fails_after_the_file_was_shared_does_not_share_it_again(stage: Stage, method, fault) -> None:
    await owe(stage)
    stage.slack.fail(method, times=3, **fault)
    await stage.settle()
    assert len(shared(stage)) == 1
    assert (await stage.row()).state == "sent"


@pytest.mark.parametrize(
    ("method", "fault"),
    [
        ("upload", {"kind": "http", "status": 500}),
        ("files.getUploadURLExternal", {"kind": "lose"}),
        ("files.completeUploadExternal", {"kind": "http", "status": 500}),
        ("files.completeUploadExternal", {"kind": "limit"}),
    ],
    ids=["the bytes", "the address", "the share", "limited"],
)
async def test_what_was_not_done_is_done_again_with_a_new_file(stage: Stage, method: str, fault: dict) -> None:
    await owe(stage)
    stage.slack.fail(method, **fault)
    await stage.settle()
    assert len(shared(stage)) == 1
    assert (await stage.row()).state == "sent"
    assert len(stage.slack.files) == 2, "the first one was never seen by anybody"


async def test_a_refusal_ends_the_row_with_a_sentence(stage: Stage) -> None:
    await owe(stage)
    stage.slack.fail("files.completeUploadExternal", "error", error="file_uploads_disabled")
    await stage.settle()
    row = await stage.row()
    assert row.state == "failed"
    assert row.problem.endswith(".")


async def test_who_takes_over_after_a_crash_finds_the_file_by_its_id(stage: Stage) -> None:
    """The holder died between the share and its commit: the row says `sending` and which file."""
    await owe(stage)
    await stage.delivery.drain()
    row = await stage.row()
    past = stage.clock.now() - timedelta(days=30)
    await stage.set("k", state="sending", ts=None, sent_at=None, lease_until=past)
    await stage.settle(stage.another())
    assert len(shared(stage)) == 1
    again = await stage.row()
    assert (again.state, again.ts, again.file_id) == ("sent", row.ts, row.file_id)


async def test_a_file_that_cannot_be_asked_for_is_undetermined_and_never_repeated(stage: Stage) -> None:
    await owe(stage)
    stage.slack.fail("files.completeUploadExternal", "lose")
    stage.slack.fail("files.info", "error", error="missing_scope")
    await stage.settle()
    assert len(shared(stage)) == 1
    assert (await stage.row()).state == "undetermined"


async def test_an_internal_file_never_goes_to_a_shared_channel(stage: Stage) -> None:
    stage.slack.channels["C1"]["is_ext_shared"] = True
    await owe(stage)
    await stage.settle()
    assert stage.slack.files == {}, "not even its bytes have left"
    assert (await stage.row()).state == "held"
