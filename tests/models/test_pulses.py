"""The quarterly pulse: asked of whoever manages the partner, answered in words, and all of a quarter on the head's card."""

from dataclasses import replace
from datetime import date, datetime, time

import pytest
from sqlalchemy import select

from models import cards, pulses
from models.domain.errors import FieldErrors, NotAllowed, UserError
from models.pulses import Pulse
from models.tables import Absence, Card, CardOccurrence, Change, Occurrence, Outbox, PulseAnswer
from tests import make, table
from tests.make import NOW, POLICY
from tests.table import at

START = at(30, 8)
ASKED = at(13, 9, month=4)  # Monday of week 2, 10:00 in London's summer
YES = Pulse(0, active=True, next_deal="Halyard", verdict="keep", why="")


class Room:
    def __init__(self, session, chiefs, pm, partners):
        self.session, self.pm, self.partners, self.head = session, pm, partners, chiefs["head"]

    async def of(self, partner, slot="2026Q2"):
        return (await table.held(self.session, await table.series(self.session, "pulse", partner)))[slot]

    async def answer(self, partner, pulse=YES, by=None, now=ASKED, slot="2026Q2"):
        found = await self.of(partner, slot)
        row = await pulses.answer(
            self.session, by or self.pm, replace(pulse, occurrence_id=found.id), now=now, policy=POLICY
        )
        return found, row

    async def card(self):
        found = await self.session.scalars(select(Card).where(Card.kind == pulses.REPORT))
        return found.one_or_none()

    async def posts(self):
        return list(await self.session.scalars(select(Outbox).where(Outbox.template == pulses.REPORT)))


@pytest.fixture
async def room(sqlite):
    async with sqlite.write() as session:
        chiefs, (pm,), partners = await table.company(session, 0, 3, now=START)
        await table.turn(session, "pulse", now=START)
        yield Room(session, chiefs, pm, partners)


async def test_an_answer_settles_the_pulse_and_stands_on_the_heads_card(room):
    found, row = await room.answer(room.partners[0])
    assert (row.active, row.next_deal, row.verdict, row.why, row.by_id) == (True, "Halyard", "keep", "", room.pm.id)
    assert (found.state, found.closed_at, found.closed_by_id) == ("held", ASKED, room.pm.id)
    card = await room.card()
    assert (card.person_id, card.day) == (room.head.id, date(2026, 4, 1))
    linked = set(
        await room.session.scalars(select(CardOccurrence.occurrence_id).where(CardOccurrence.card_id == card.id))
    )
    assert linked == {(await room.of(partner)).id for partner in room.partners}, "also those nobody has answered"
    (post,) = await room.posts()
    assert (post.person_id, post.card_id, post.due_at) == (room.head.id, card.id, ASKED)
    noted = (await room.session.scalars(select(Change).where(Change.field == "pulse"))).one()
    assert (noted.after, noted.by_id) == ("keep", room.pm.id)


async def test_where_there_is_no_head_an_admin_gets_the_card(room):
    ada = await make.person(room.session, "Ada Admin", "admin")
    room.head.active = False
    await room.session.flush()
    await room.answer(room.partners[0])
    assert (await room.card()).person_id == ada.id


async def test_three_answers_are_one_card_that_is_edited(room):
    wanted = []
    for partner in room.partners:
        await room.answer(partner)
        wanted.append((await room.card()).wanted)
    assert len(await room.posts()) == 1
    assert wanted == sorted(set(wanted))


async def test_the_last_answer_counts_and_every_one_is_kept(room):
    found, _ = await room.answer(room.partners[0])
    _, last = await room.answer(room.partners[0], replace(YES, active=False, verdict="off_board", why="gone quiet"))
    assert (await pulses.last_answers(room.session, [found.id])) == {found.id: last}
    assert len(list(await room.session.scalars(select(PulseAnswer)))) == 2
    assert found.state == "held"


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"active": None}, {"active": "Say whether anything happened with this partner in the last 90 days."}),
        ({"verdict": ""}, {"verdict": "Choose one: keep, raise or off-board."}),
        ({"verdict": "sell"}, {"verdict": "Choose one: keep, raise or off-board."}),
        ({"verdict": "raise", "why": " "}, {"why": "Say why in a line: the head of partnerships decides by it."}),
        ({"verdict": "off_board"}, {"why": "Say why in a line: the head of partnerships decides by it."}),
        ({"active": None, "verdict": "raise"}, {"active", "why"}),
    ],
)
async def test_each_wrong_field_is_named_and_nothing_is_stored(room, change, errors):
    with pytest.raises(FieldErrors) as found:
        await room.answer(room.partners[0], replace(YES, **change))
    assert found.value.errors == errors or set(found.value.errors) == errors
    assert (await room.of(room.partners[0])).closed_at is None
    assert await room.posts() == []


async def test_only_the_partners_manager_the_cover_and_the_head_answer(room):
    other = await make.person(room.session, "Paul Other", "pm")
    with pytest.raises(NotAllowed, match=r"Pm0 Manager .partner manager. or the head of partnerships can"):
        await room.answer(room.partners[0], by=other)
    room.session.add(Absence(person_id=room.pm.id, first_day=date(2026, 4, 13), last_day=date(2026, 4, 17),
                             cover_id=other.id, recorded_at=NOW))  # fmt: skip
    await room.session.flush()
    _, row = await room.answer(room.partners[0], by=other)
    assert row.by_id == other.id
    await room.answer(room.partners[1], by=room.head)


async def test_an_answer_after_its_two_weeks_counts_as_late(room):
    found = await room.of(room.partners[0])
    found.state, found.skip_side, found.skip_reason, found.closed_at = (
        "skipped",
        "ours",
        "not answered",
        at(27, 9, month=4),
    )
    await room.answer(room.partners[0], now=at(4, 9, month=5))
    assert (found.state, found.skip_side, found.skip_reason) == ("held_late", "", "")
    await room.answer(room.partners[0], now=at(5, 9, month=5))
    assert found.state == "held_late", "late stays late"


async def test_the_heads_card_waits_for_their_working_hours(room):
    room.head.zone = "America/New_York"
    await room.answer(room.partners[0])
    (post,) = await room.posts()
    assert post.due_at == at(13, 12, month=4), "08:00 in New York"


async def test_without_a_head_nobody_is_told_and_the_answer_stands(room):
    room.head.active = False
    await room.session.flush()
    found, _ = await room.answer(room.partners[0])
    assert found.state == "held"
    assert await room.card() is None


async def test_the_card_ranks_what_asks_for_a_decision_first_and_what_is_answered_last(room):
    one, two, three = room.partners
    await room.answer(one)
    await room.answer(three, replace(YES, verdict="raise", why="three deals"))
    card = await room.card()
    ids = (await cards.occurrences_on(room.session, [card.id]))[card.id]
    found = await pulses.asked(room.session, ids)
    assert [item.partner.name for item in found] == [three.name, two.name, one.name]
    assert [item.answer.verdict if item.answer else None for item in found] == ["raise", None, "keep"]
    await room.answer(two, replace(YES, verdict="off_board", why="silent"))
    found = await pulses.asked(room.session, ids)
    assert [item.partner.name for item in found] == [two.name, three.name, one.name]


async def test_the_next_quarter_has_a_card_of_its_own_and_says_what_was_said_before(room):
    await room.answer(room.partners[0])
    now = at(13, 9, month=7)
    await table.plan(room.session, now=now)
    found, _ = await room.answer(room.partners[0], replace(YES, next_deal="Quay"), now=now, slot="2026Q3")
    days = [card.day for card in await room.session.scalars(select(Card).where(Card.kind == pulses.REPORT))]
    assert sorted(days) == [date(2026, 4, 1), date(2026, 7, 1)]
    assert (await pulses.before(room.session, room.partners[0].id, found.id)).next_deal == "Halyard"
    assert await pulses.before(room.session, room.partners[1].id, found.id) is None


async def test_a_pulse_of_a_29_february_can_be_answered(room):
    found = await room.of(room.partners[0])
    found.starts_at = found.ends_at = datetime(2028, 2, 29, 10, tzinfo=make.UTC)
    found.day = found.nominal_day = date(2028, 2, 29)
    await room.answer(room.partners[0], now=found.starts_at)
    (post,) = await room.posts()
    assert post.void_at > found.starts_at


async def test_what_is_no_pulse_is_refused(room):
    acme = await make.partner(room.session, "Acme", room.pm)
    await make.review(room.session, acme, at=time(11))
    review = (await room.session.scalars(select(Occurrence).where(Occurrence.slot == "2026-W11"))).first()
    for occurrence_id in (review.id, 9999):
        with pytest.raises(UserError, match="does not exist any more"):
            await pulses.load(room.session, occurrence_id)
