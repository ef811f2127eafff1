"""Exactly once, as far as Slack allows: what an answer means for a message, and what is done about it."""

import asyncio
import random
from collections import Counter
from datetime import timedelta

import pytest

from bot.clock import real_now
from bot.delivery import posting
from models import outbox
from models.tables import Outbox
from tests.delivery.conftest import NOON, Stage, until


async def test_a_message_goes_out_once_with_its_key_in_the_metadata_and_nothing_unfurled(stage: Stage) -> None:
    await stage.owe(channel_ref="C1")
    assert await stage.delivery.drain() == 1
    row = await stage.row()
    (said,) = stage.slack.called("chat.postMessage")
    assert said["metadata"] == {"event_type": "cadence", "event_payload": {"key": row.nonce}}
    assert (said["unfurl_links"], said["unfurl_media"], said["text"]) == (False, False, "K")
    assert said["blocks"][0]["text"]["text"] == "K"
    (message,) = stage.slack.messages["C1"]
    assert (row.state, row.channel_id, row.ts) == ("sent", "C1", message["ts"])
    assert (row.attempts, row.first_try_at, row.sent_at, row.lease_until) == (1, NOON, NOON, None)
    assert await stage.delivery.drain() == 0


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "lose"},
        {"kind": "after", "error": "internal_error"},
        {"kind": "after", "error": "fatal_error"},
        {"kind": "http_after", "status": 503},
        {"kind": "slow", "seconds": 1.5},
        {"kind": "garbage"},
    ],
    ids=lambda fault: f"{fault['kind']}-{fault.get('error', '')}",
)
async def test_one_post_per_row_though_the_reply_is_lost(stage: Stage, fault: dict) -> None:
    await stage.owe(channel_ref="C1")
    stage.slack.fail("chat.postMessage", **fault)
    await stage.settle(stage.another(timeout=1) if fault["kind"] == "slow" else stage.delivery)
    assert stage.slack.texts("C1") == ["K"]
    row = await stage.row()
    assert (row.state, row.attempts, row.ts) == ("sent", 1, stage.slack.messages["C1"][0]["ts"])


@pytest.mark.parametrize(
    "fault",
    [{"kind": "http", "status": 500}, {"kind": "error", "error": "internal_error"}],
    ids=["500", "internal_error"],
)
async def test_what_was_looked_for_and_not_found_is_posted_again_after_one_more_look(stage: Stage, fault: dict) -> None:
    await stage.owe(channel_ref="C1")
    stage.slack.fail("chat.postMessage", **fault)
    await stage.settle()
    assert stage.slack.texts("C1") == ["K"]
    order = [name for name, _ in stage.slack.calls if name in ("chat.postMessage", "conversations.history")]
    assert order == ["chat.postMessage", "conversations.history", "conversations.history", "chat.postMessage"]
    assert (await stage.row()).attempts == 2


async def test_a_post_is_never_repeated_while_the_channel_cannot_be_read_back(stage: Stage) -> None:
    await stage.owe(channel_ref="C1")
    stage.slack.fail("chat.postMessage", "lose")
    stage.slack.fail("conversations.history", "http", times=4)
    await stage.delivery.drain()
    row = await stage.row()
    assert (row.state, row.lease_until) == ("sending", None)
    assert row.not_before is not None
    await stage.settle()
    assert stage.slack.texts("C1") == ["K"]
    assert len(stage.slack.called("chat.postMessage")) == 1
    assert len(stage.slack.called("conversations.history")) == 5


@pytest.mark.parametrize("seed", range(3))
async def test_a_retry_never_doubles_whatever_goes_wrong(stage: Stage, seed: int) -> None:
    dice = random.Random(seed)
    people = [await stage.person(f"P{number}", f"U{number}") for number in range(6)]
    stage.slack.channel("C2", "beta-internal")
    for number in range(30):
        where = (
            {"person_id": dice.choice(people)} if dice.random() < 0.5 else {"channel_ref": dice.choice(["C1", "C2"])}
        )
        await stage.owe(f"k{number}", **where)
    kinds = [
        ("chat.postMessage", {"kind": "lose"}),
        ("chat.postMessage", {"kind": "http"}),
        ("chat.postMessage", {"kind": "after"}),
        ("chat.postMessage", {"kind": "error", "error": "service_unavailable"}),
        ("conversations.history", {"kind": "http"}),
        ("conversations.history", {"kind": "lose"}),
        ("conversations.info", {"kind": "lose"}),
        ("conversations.open", {"kind": "lose"}),
        ("auth.test", {"kind": "lose"}),
    ]
    for _ in range(40):
        method, fault = dice.choice(kinds)
        stage.slack.fail(method, **fault, skip=dice.randrange(3))
    await stage.settle(stage.delivery, stage.another())
    rows = await stage.rows()
    assert Counter(stage.slack.keys()) == Counter(row.nonce for row in rows)
    assert {row.state for row in rows} == {"sent"}


async def test_a_row_left_sending_by_a_dead_holder_is_found_by_reading_back(stage: Stage) -> None:
    await stage.owe(channel_ref="C1")
    row = await stage.row()
    payload = {"event_type": "cadence", "event_payload": {"key": row.nonce}}
    said = stage.slack.add("C1", "K", metadata=payload)
    await stage.set(
        "k",
        state="sending",
        attempts=1,
        first_try_at=NOON,
        channel_id="C1",
        fence=1,
        lease_until=real_now() - timedelta(seconds=1),
    )
    await stage.settle()
    row = await stage.row()
    assert (row.state, row.ts, row.fence) == ("sent", said["ts"], 2)
    assert stage.slack.called("chat.postMessage") == []
    (asked,) = stage.slack.called("conversations.history")
    assert float(asked["oldest"]) == NOON.timestamp() - 300


async def test_a_row_left_sending_by_a_holder_that_died_before_the_call_is_posted(stage: Stage) -> None:
    await stage.owe(channel_ref="C1")
    await stage.set(
        "k",
        state="sending",
        attempts=1,
        first_try_at=NOON,
        channel_id="C1",
        fence=1,
        lease_until=real_now() + timedelta(seconds=0.3),
    )
    await stage.delivery.drain()
    assert stage.slack.keys() == []  # its holder may still live
    await stage.settle()
    assert stage.slack.texts("C1") == ["K"]
    assert [name for name, _ in stage.slack.calls][-1] == "chat.postMessage"
    assert len(stage.slack.called("conversations.history")) == 1


async def test_somebody_who_repeats_the_key_does_not_pass_for_the_message(stage: Stage) -> None:
    await stage.owe(channel_ref="C1")
    row = await stage.row()
    stage.slack.add("C1", "ha", user="U9", metadata={"event_type": "cadence", "event_payload": {"key": row.nonce}})
    await stage.set("k", state="sending", attempts=1, first_try_at=NOON, channel_id="C1")
    await stage.settle()
    assert stage.slack.texts("C1") == ["ha", "K"]


async def test_reading_back_turns_every_page(stage: Stage) -> None:
    await stage.owe(channel_ref="C1")
    row = await stage.row()
    stage.slack.page_size = 2
    stage.slack.add("C1", "K", metadata={"event_type": "cadence", "event_payload": {"key": row.nonce}})
    for number in range(5):
        stage.slack.add("C1", f"chat {number}", user="U9")
    await stage.set("k", state="sending", attempts=1, first_try_at=NOON, channel_id="C1")
    await stage.settle()
    assert (await stage.row()).state == "sent"
    assert stage.slack.called("chat.postMessage") == []
    assert len(stage.slack.called("conversations.history")) == 3


async def test_two_deliveries_on_one_database_never_send_a_row_twice(stage: Stage) -> None:
    people = [await stage.person(f"P{number}", f"U{number}") for number in range(10)]
    for number in range(40):
        await stage.owe(f"k{number}", person_id=people[number % 10])
    other = stage.another()
    for _ in range(30):
        await asyncio.gather(stage.delivery.drain(patient=True), other.drain(patient=True))
        following = await other.settling()
        if following is None:
            break
        stage.clock.set(max(following, stage.clock.now()))
    assert Counter(stage.slack.keys()) == Counter(row.nonce for row in await stage.rows())
    assert set((await stage.states()).values()) == {"sent"}


async def test_a_channel_is_never_in_two_hands_at_once(stage: Stage) -> None:
    for number in range(20):
        await stage.owe(f"k{number}", channel_ref="C1" if number % 2 else "C2")
    other = stage.another()

    async def claim(db: object) -> list[Outbox]:
        async with db.write() as session:  # type: ignore[attr-defined]
            found = await outbox.claim(session, now=NOON, real_now=real_now(), lease=timedelta(seconds=9))
            await asyncio.sleep(0.05)
            return found

    found = await asyncio.gather(*(claim(db) for db in (stage.db, other.db, stage.db, other.db)))
    assert sorted(row.channel_ref for rows in found for row in rows) == ["C1", "C2"]


async def test_the_fence_stops_a_late_holder(stage: Stage) -> None:
    await stage.owe(channel_ref="C1")
    async with stage.db.write() as session:
        (row,) = await outbox.claim(session, now=NOON, real_now=real_now(), lease=timedelta(seconds=0))
    await asyncio.sleep(0.01)
    await stage.another().drain()
    await posting.deliver(stage.delivery.desk, row)
    assert stage.slack.texts("C1") == ["K"]
    assert (await stage.row()).state == "sent"


async def test_a_late_holder_whose_post_went_out_leaves_the_finding_to_the_new_one(stage: Stage) -> None:
    await stage.owe(channel_ref="C1")
    stage.slack.fail("chat.postMessage", "slow", seconds=1.5)
    first = asyncio.create_task(stage.delivery.drain())
    await until(stage.slack.keys)
    await stage.set("k", lease_until=real_now() - timedelta(seconds=1))
    await stage.another().drain()
    await first
    row = await stage.row()
    assert (row.state, row.fence) == ("sent", 2)
    assert stage.slack.texts("C1") == ["K"]


async def test_429_frees_the_lease_and_waits_as_long_as_slack_says(stage: Stage) -> None:
    await stage.owe("k", channel_ref="C1")
    ana = await stage.person()
    stage.slack.fail("chat.postMessage", "limit", retry_after=1)
    began = real_now()
    await stage.delivery.drain()
    row = await stage.row()
    assert (row.state, row.lease_until, row.problem) == ("pending", None, "ratelimited")
    assert row.not_before is not None
    assert timedelta(seconds=0.9) < row.not_before - began < timedelta(seconds=3)
    assert stage.slack.called("conversations.history") == []
    await stage.owe("later", person_id=ana)
    await stage.settle()
    assert real_now() - began >= timedelta(seconds=0.99)
    assert stage.slack.texts("C1") == ["K"]


async def test_429_holds_back_everything_that_is_due_because_the_limit_is_the_methods(stage: Stage) -> None:
    people = [await stage.person(f"P{number}", f"U{number}") for number in range(20)]
    for number, person in enumerate(people):
        await stage.owe(f"k{number}", person_id=person)
    stage.slack.fail("chat.postMessage", "limit", times=8, retry_after=2)
    await stage.delivery.drain()
    assert len(stage.slack.called("chat.postMessage")) <= 8
    await stage.settle()
    assert len(stage.slack.keys()) == 20


@pytest.mark.parametrize("error", ["not_in_channel", "is_archived", "invalid_blocks", "msg_too_long", "never_heard_of"])
async def test_a_definite_refusal_ends_the_row_with_a_sentence(stage: Stage, error: str) -> None:
    await stage.owe(channel_ref="C1")
    stage.slack.fail("chat.postMessage", "error", error=error)
    await stage.settle()
    row = await stage.row()
    assert (row.state, row.lease_until) == ("failed", None)
    assert row.problem.endswith(".")
    assert stage.slack.called("conversations.history") == []


async def test_what_cannot_be_read_back_is_undetermined_and_never_repeated(stage: Stage) -> None:
    await stage.person("Head", "U7", "head")
    await stage.owe(channel_ref="C1")
    stage.slack.fail("chat.postMessage", "lose")
    stage.slack.fail("conversations.history", "error", error="not_in_channel")
    await stage.settle()
    assert (await stage.states()) == {"k": "undetermined", f"report:{(await stage.row()).id}": "sent"}
    assert stage.slack.texts("DU7") == [f"report on {(await stage.row()).id}: undetermined"]
    assert len(stage.slack.called("chat.postMessage")) == 2


async def test_a_broken_installation_lets_the_rows_wait(stage: Stage) -> None:
    await stage.owe(channel_ref="C1")
    stage.slack.fail("chat.postMessage", "error", error="token_revoked")
    await stage.delivery.drain()
    assert (await stage.row()).state == "pending"
    await stage.settle()
    assert (await stage.row()).state == "sent"


async def test_void_when_late(stage: Stage) -> None:
    await stage.owe("late", channel_ref="C1", void_at=NOON)
    await stage.owe("timely", channel_ref="C1", void_at=NOON + timedelta(minutes=1))
    await stage.settle()
    assert await stage.states() == {"late": "void", "timely": "sent"}
    assert (await stage.row("late")).problem.startswith("too late")


async def test_what_was_begun_is_reconciled_though_it_is_late_by_now(stage: Stage) -> None:
    for key in ("stands", "lost"):
        await stage.owe(key, channel_ref="C1", void_at=NOON)
        await stage.set(key, state="sending", attempts=1, first_try_at=NOON, channel_id="C1")
    row = await stage.row("stands")
    stage.slack.add("C1", "STANDS", metadata={"event_type": "cadence", "event_payload": {"key": row.nonce}})
    await stage.settle()
    assert await stage.states() == {"stands": "sent", "lost": "void"}
    assert stage.slack.called("chat.postMessage") == []


async def test_void_when_there_is_nothing_to_say_any_more(stage: Stage) -> None:
    await stage.owe(channel_ref="C1", args={})
    await stage.settle()
    assert await stage.states() == {"k": "void"}
    assert stage.slack.calls == []


async def test_a_renderer_that_fails_ends_the_row_and_reaches_a_person_without_the_words(stage: Stage) -> None:
    await stage.person("Head", "U7", "head")
    await stage.owe(channel_ref="C1", args={"text": "boom"})
    await stage.settle()
    row = await stage.row()
    assert (row.state, "KeyError" in row.problem, "secret" in row.problem) == ("failed", True, False)
    assert stage.slack.texts("DU7") == [f"report on {row.id}: failed"]


async def test_a_template_of_a_newer_replica_waits(stage: Stage) -> None:
    await stage.owe(channel_ref="C1", template="of tomorrow")
    await stage.delivery.drain()
    row = await stage.row()
    assert (row.state, row.problem) == ("pending", "no_renderer")


async def test_thread_replies_wait_for_the_parent_and_carry_its_ts(stage: Stage) -> None:
    await stage.owe("root", channel_ref="C1", due_at=NOON + timedelta(minutes=5))
    await stage.owe("below", channel_ref="C1", parent_key="root")
    await stage.settle()
    assert stage.slack.keys() == []
    stage.clock.set(NOON + timedelta(minutes=5))
    stage.slack.fail("chat.postMessage", "lose", skip=1)
    await stage.settle()
    root, below = stage.slack.messages["C1"]
    assert (root["text"], below["text"], below["thread_ts"]) == ("ROOT", "BELOW", root["ts"])
    (asked,) = stage.slack.called("conversations.replies")  # history would not show it
    assert asked["ts"] == root["ts"]
    assert len(stage.slack.messages["C1"]) == 2


async def test_when_the_parent_is_held_its_children_end_too_and_only_the_parent_is_reported(stage: Stage) -> None:
    await stage.person("Head", "U7", "head")
    stage.slack.channel("C3", "joint", is_ext_shared=True, is_shared=True)
    await stage.owe("root", channel_ref="C3")
    await stage.owe("below", channel_ref="C3", parent_key="root")
    await stage.settle()
    await stage.owe("even later", channel_ref="C3", parent_key="root")
    await stage.settle()
    states = await stage.states()
    assert (states["root"], states["below"], states["even later"]) == ("held", "held", "held")
    assert "above" in (await stage.row("even later")).problem
    assert len(stage.slack.texts("DU7")) == 1
    assert stage.slack.messages["C3"] == []


async def test_pacing_is_one_a_channel_and_second_of_business_time(stage: Stage) -> None:
    for number in range(4):
        await stage.owe(f"k{number}", channel_ref="#acme-internal" if number % 2 else "acme-internal")
    await stage.owe("elsewhere", person_id=await stage.person())
    assert await stage.delivery.drain() == 2
    assert await stage.delivery.drain() == 0
    assert await stage.delivery.settling() == NOON + timedelta(seconds=1)
    await stage.settle()
    assert stage.clock.now() == NOON + timedelta(seconds=3)
    sent = sorted((row.sent_at, row.key) for row in await stage.rows() if row.key != "elsewhere" and row.sent_at)
    assert sent == [(NOON + timedelta(seconds=number), f"k{number}") for number in range(4)]


async def test_urgent_rows_go_first(stage: Stage) -> None:
    await stage.owe("slow", channel_ref="C1", due_at=NOON - timedelta(hours=1))
    await stage.owe("quick", channel_ref="C1", urgent=True)
    await stage.settle()
    assert stage.slack.texts("C1") == ["QUICK", "SLOW"]


async def test_a_long_queue_of_one_channel_does_not_starve_the_others(stage: Stage) -> None:
    for number in range(100):
        await stage.owe(f"k{number}", channel_ref="C1", due_at=NOON - timedelta(hours=1))
    await stage.owe("other", person_id=await stage.person())
    await stage.delivery.drain()
    assert stage.slack.texts("DU1") == ["OTHER"]


async def test_up_to_eight_calls_run_at_once(stage: Stage) -> None:
    for number in range(12):
        await stage.owe(
            f"k{number}", person_id=await stage.person(f"P{number}", f"U{number}", dm_channel=f"DU{number}")
        )
        stage.slack.dms[f"U{number}"] = f"DU{number}"
    stage.slack.fail("chat.postMessage", "slow", times=12, seconds=0.4)
    await stage.delivery.drain()
    assert len(stage.slack.keys()) == 12
    assert 4 < stage.slack.most_at_once <= 8


async def test_a_row_woken_up_for_goes_out_while_another_call_is_slow(stage: Stage) -> None:
    await stage.owe("slow", channel_ref="C1")
    ana = await stage.person()
    stage.slack.fail("chat.postMessage", "slow", seconds=3)
    drain = asyncio.create_task(stage.delivery.drain())
    await until(stage.slack.keys)
    await stage.owe("quick", person_id=ana)
    stage.delivery.wake()
    await until(lambda: stage.slack.messages["DU1"], within=2)
    await drain
