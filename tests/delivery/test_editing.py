"""Cards and Home tabs: posted once, then edited in place, many wishes as one edit."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.clock import Clock, real_now
from bot.delivery.desk import Known
from handlers.kit.message import Message
from models import cards
from models.tables import Card, Person
from tests.delivery.conftest import LIMITS, NOON, Stage, show_card, until


async def wish(stage: Stage, card_id: int, times: int = 1) -> None:
    async with stage.db.write() as session:
        await session.execute(update(Card).where(Card.id == card_id).values(wanted=Card.wanted + times))


async def posted(stage: Stage, **more: Any) -> int:
    """A prompt card that stands in Ana's DM."""
    ana = await stage.person()
    card_id = await stage.card(ana, **more)
    await stage.owe("prompt", template="prompt", person_id=ana, card_id=card_id, args={"card_id": card_id})
    await stage.settle()
    return card_id


async def test_a_card_is_posted_with_the_version_it_shows(stage: Stage) -> None:
    card_id = await posted(stage, wanted=3)
    card = await stage.get_card(card_id)
    assert (card.shown, card.channel_id, card.ts) == (3, "DU1", stage.slack.messages["DU1"][0]["ts"])
    assert stage.slack.texts("DU1") == ["version 3"]
    assert stage.slack.called("chat.update") == []


async def test_many_wishes_become_one_edit_with_text_and_blocks(stage: Stage) -> None:
    card_id = await posted(stage)
    await wish(stage, card_id, times=7)
    await stage.settle()
    (edit,) = stage.slack.called("chat.update")
    assert edit["text"] == "version 8"
    assert edit["blocks"][0]["text"]["text"] == "version 8"
    assert (await stage.get_card(card_id)).shown == 8
    assert await stage.delivery.drain() == 0


async def test_a_wish_during_an_edit_leads_to_one_more(stage: Stage) -> None:
    card_id = await posted(stage)
    await wish(stage, card_id)
    stage.slack.fail("chat.update", "slow", seconds=1)
    drain = asyncio.create_task(stage.delivery.drain())
    await until(lambda: stage.slack.called("chat.update"))
    await wish(stage, card_id)
    assert await stage.another().drain() == 0  # one edit in flight
    await drain
    await stage.settle()
    assert [edit["text"] for edit in stage.slack.called("chat.update")] == ["version 2", "version 3"]


async def test_a_row_that_changes_while_the_card_is_written_is_not_taken_for_shown(stage: Stage) -> None:
    card_id = await posted(stage)

    async def meanwhile(session: AsyncSession, number: int, **more: Any) -> Message | None:
        shown = await show_card(session, number, **more)
        if not stage.slack.called("chat.update"):
            await wish(stage, card_id)
        return shown

    await wish(stage, card_id)
    other = stage.another(card_renderers={"prompt": meanwhile})
    await stage.settle(other)
    assert stage.slack.called("chat.update")[-1]["text"] == "version 3"
    assert (await stage.get_card(card_id)).shown == 3


@pytest.mark.parametrize("kind", ["lose", "http", "http_after", "after", "garbage", "slow"])
async def test_an_edit_is_simply_repeated(stage: Stage, kind: str) -> None:
    card_id = await posted(stage)
    await wish(stage, card_id)
    stage.slack.fail("chat.update", kind, seconds=1.2)
    await stage.settle(stage.another(timeout=1) if kind == "slow" else stage.delivery)
    assert len(stage.slack.called("chat.update")) == 2
    assert stage.slack.texts("DU1") == ["version 2"]
    assert (await stage.get_card(card_id)).shown == 2


async def test_a_limited_edit_waits_and_so_do_the_other_messages_but_not_the_homes(stage: Stage) -> None:
    card_id = await posted(stage)
    other = await stage.card(await stage.person("Bo", "U2"), channel_id="DU1", ts="1.0")
    home = await stage.card(await stage.person("Cy", "U3"), kind="home")
    await wish(stage, card_id)
    stage.slack.fail("chat.update", "limit", times=2, retry_after=1)
    await stage.delivery.drain()
    for waiting in (card_id, other):
        card = await stage.get_card(waiting)
        assert card.lease_until is None
        assert card.not_before is not None
        assert card.not_before > real_now()
    assert (await stage.get_card(home)).shown == 1
    assert await stage.delivery.settling() == NOON + timedelta(seconds=1), "a clock that stands still is asked to go on"
    await stage.settle()
    assert stage.slack.texts("DU1") == ["version 2"]


@pytest.mark.parametrize("error", ["message_not_found", "cant_update_message", "is_archived", "edit_window_closed"])
async def test_a_message_that_is_gone_is_given_up_with_the_reason(stage: Stage, error: str) -> None:
    card_id = await posted(stage)
    await wish(stage, card_id)
    stage.slack.fail("chat.update", "error", error=error)
    await stage.settle()
    await wish(stage, card_id)
    await stage.settle()
    card = await stage.get_card(card_id)
    assert card.dead.endswith(".")
    assert len(stage.slack.called("chat.update")) == 1


async def test_a_home_tab_is_published_and_one_that_is_opened_again_lives_again(stage: Stage) -> None:
    ana = await stage.person()
    async with stage.db.write() as session:
        card_id = (await cards.home(session, ana, now=NOON)).id
    await stage.settle()
    (view,) = stage.slack.homes["U1"]
    assert (view["type"], view["blocks"][0]["text"]["text"]) == ("home", "version 1")
    stage.slack.fail("views.publish", "error", error="not_enabled")
    await wish(stage, card_id)
    await stage.settle()
    assert (await stage.get_card(card_id)).dead
    async with stage.db.write() as session:
        await cards.home(session, ana, now=NOON)
    await stage.settle()
    assert len(stage.slack.homes["U1"]) == 2


async def test_the_home_of_somebody_who_is_not_in_slack_is_given_up(stage: Stage) -> None:
    card_id = await stage.card(await stage.person("Bo", None), kind="home")
    await stage.settle()
    assert (await stage.get_card(card_id)).dead


@pytest.mark.parametrize("now_is", [{"guest": True}, {"side": "theirs"}, {"active": False}, {"slack_team_id": "T9"}])
async def test_who_is_no_full_member_any_more_is_shown_nothing_new(stage: Stage, now_is: dict[str, Any]) -> None:
    card_id = await posted(stage)
    ana = (await stage.get_card(card_id)).person_id
    home = await stage.card(ana, kind="home")
    await stage.settle()
    async with stage.db.write() as session:
        person = await session.get_one(Person, ana)
        for name, value in now_is.items():
            setattr(person, name, value)
    for one in (card_id, home):
        await wish(stage, one)
    await stage.settle()
    assert (stage.slack.texts("DU1"), len(stage.slack.homes["U1"])) == (["version 1"], 1)
    assert (await stage.get_card(card_id)).dead


async def test_nothing_to_show_needs_no_call(stage: Stage) -> None:
    async def nothing(*_: Any, **__: Any) -> None:
        return None

    card_id = await posted(stage)
    await wish(stage, card_id)
    await stage.another(card_renderers={"prompt": nothing}).drain()
    assert stage.slack.called("chat.update") == []
    assert (await stage.get_card(card_id)).shown == 2


async def test_a_renderer_that_fails_is_tried_again_later(stage: Stage) -> None:
    async def boom(*_: Any, **__: Any) -> None:
        raise KeyError("secret words")

    card_id = await posted(stage)
    await wish(stage, card_id)
    await stage.another(card_renderers={"prompt": boom}).drain()
    await stage.another(card_renderers={}).drain()
    await stage.settle()
    assert stage.slack.texts("DU1") == ["version 2"]


async def test_a_card_in_a_channel_that_came_to_be_shared_is_not_edited(stage: Stage) -> None:
    card_id = await stage.card(await stage.person(), channel_id="C1", ts=stage.slack.add("C1", "old")["ts"])
    await stage.settle()
    assert stage.slack.texts("C1") == ["version 1"]
    stage.slack.channels["C1"]["is_ext_shared"] = True  # nobody tells us: every edit asks
    await wish(stage, card_id)
    await stage.settle()
    assert stage.slack.texts("C1") == ["version 1"]
    assert "shared" in (await stage.get_card(card_id)).dead


async def test_edits_of_one_card_keep_a_distance_on_the_real_clock(stage: Stage) -> None:
    card_id = await posted(stage)
    real = stage.another(clock=Clock())
    await wish(stage, card_id)
    assert await real.drain() == 1
    await wish(stage, card_id)
    assert await real.drain() == 0
    card = await stage.get_card(card_id)
    assert card.not_before is not None
    assert card.not_before - real_now() <= LIMITS.edit_spacing
    await real.drain(patient=True)
    assert stage.slack.texts("DU1") == ["version 3"]


async def test_a_card_whose_first_post_lost_its_answer_keeps_its_version(stage: Stage) -> None:
    stage.slack.fail("chat.postMessage", "lose")
    card_id = await posted(stage)
    assert (await stage.get_card(card_id)).shown == 1
    assert len(stage.slack.messages["DU1"]) == 1


async def test_a_card_that_a_dead_holder_posted_is_edited_because_nobody_knows_what_it_shows(stage: Stage) -> None:
    ana = await stage.person(dm_channel="DU1")
    stage.slack.dms["U1"] = "DU1"
    card_id = await stage.card(ana)
    await stage.owe("prompt", template="prompt", person_id=ana, card_id=card_id)
    row = await stage.row("prompt")
    stage.slack.add("DU1", "old words", metadata={"event_type": "cadence", "event_payload": {"key": row.nonce}})
    await stage.set("prompt", state="sending", attempts=1, first_try_at=NOON, channel_id="DU1")
    await stage.settle()
    assert stage.slack.texts("DU1") == ["version 1"]
    assert stage.slack.called("chat.postMessage") == []


async def test_a_card_found_after_a_second_try_is_edited_because_it_may_be_the_first_trys(stage: Stage) -> None:
    stage.slack.fail("chat.postMessage", "http")
    stage.slack.fail("chat.postMessage", "lose")
    await posted(stage)
    assert len(stage.slack.messages["DU1"]) == 1
    assert len(stage.slack.called("chat.update")) == 1


async def same_words(session: AsyncSession, card_id: int, **_: Any) -> Message | None:
    """A card that shows less than half of what is wished for: the even versions say what the odd ones before said."""
    card = await session.get_one(Card, card_id)
    return Message(f"pair {card.wanted // 2}", ())


async def test_a_card_that_says_the_same_is_shown_without_a_call(stage: Stage) -> None:
    card_id = await posted(stage)
    ours = stage.another(card_renderers={"prompt": same_words, "home": same_words})
    for version in (2, 3, 4, 5):
        await wish(stage, card_id)
        await stage.settle(ours)
        assert (await stage.get_card(card_id)).shown == version
    assert [edit["text"] for edit in stage.slack.called("chat.update")] == ["pair 1", "pair 2"]


async def test_what_another_replica_has_said_meanwhile_is_said_over(stage: Stage) -> None:
    card_id = await posted(stage)

    async def constant(*_: Any, **__: Any) -> Message | None:
        return Message("ours", ())

    ours = stage.another(card_renderers={"prompt": constant})
    for delivery in (ours, stage.delivery, ours):
        await wish(stage, card_id)
        await stage.settle(delivery)
    assert [edit["text"] for edit in stage.slack.called("chat.update")] == ["ours", "version 3", "ours"]


async def test_an_edit_whose_answer_was_lost_is_not_taken_for_said(stage: Stage) -> None:
    card_id = await posted(stage)

    async def constant(*_: Any, **__: Any) -> Message | None:
        return Message("ours", ())

    ours = stage.another(card_renderers={"prompt": constant})
    await wish(stage, card_id)
    stage.slack.fail("chat.update", "lose")
    await stage.settle(ours)
    assert len(stage.slack.called("chat.update")) == 2
    assert stage.slack.texts("DU1") == ["ours"]


async def test_a_home_is_published_whenever_it_is_wished_for(stage: Stage) -> None:
    home = await stage.card(await stage.person(), kind="home")
    ours = stage.another(card_renderers={"home": same_words})
    for _ in range(3):
        await wish(stage, home)
        await stage.settle(ours)
    assert len(stage.slack.called("views.publish")) == 3


def test_only_so_many_cards_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.delivery.desk.CARDS_KEPT", 2)
    known = Known()
    for card_id in (1, 2, 3):
        known.heard(card_id, ("1.1", 1, b"x"))
    assert [known.says(card_id, ("1.1", 1, b"x")) for card_id in (1, 2, 3)] == [False, True, True]
