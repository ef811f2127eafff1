"""Closing a review: the gate of two or three commitments, what became of last week's, and the note that follows."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from models import closing, people
from models.closing import Closing, Promise, Verdict
from models.domain.errors import FieldErrors, NotAllowed, UserError
from models.tables import Artifact, Commitment, CommitmentFate, Outbox
from tests import make
from tests.make import POLICY

AFTER = datetime(2026, 3, 5, 11, tzinfo=make.UTC)
DUE = date(2026, 3, 12)
GATE = "A review ends in two or three commitments, carried ones included: add {} more."


class Room:
    def __init__(self, session, team):
        self.session, self.team = session, team

    def promise(self, text="send the deck", owner=None, due=DUE, **more):
        return Promise(text, owner.id if owner else self.team.ann.id, due, **more)

    def form(self, *promises, held=True, side="", reason="", verdicts=None):
        return Closing(self.team.week.id, held, side, reason, verdicts or {}, promises)

    async def close(self, form, by=None, now=AFTER):
        return await closing.close(self.session, by or self.team.pm, form, now=now, policy=POLICY)

    async def refused(self, form, **more):
        with pytest.raises(FieldErrors) as found:
            await self.close(form, **more)
        assert self.team.week.closed_at is None
        return found.value.errors

    async def old(self, text="last week's", due=DUE):
        made = Commitment(partner_id=self.team.acme.id, text=text, owner_id=self.team.ann.id, due=due,
                          made_in_id=self.team.week.id, made_at=make.NOW)  # fmt: skip
        self.session.add(made)
        await self.session.flush()
        return made


@pytest.fixture
async def room(sqlite):
    async with sqlite.write() as session:
        yield Room(session, await make.small(session))


async def test_a_held_review_with_two_commitments_is_closed_and_its_note_is_owed(room):
    artifact = await room.close(room.form(room.promise(), room.promise("book a call")))
    week = room.team.week
    assert (week.state, week.closed_at, week.closed_by_id, week.published_at) == ("held", AFTER, room.team.pm.id, AFTER)
    assert [item["text"] for item in artifact.facts["commitments"]] == ["send the deck", "book a call"]
    owed = (await room.session.scalars(select(Outbox))).one()
    assert (owed.template, owed.channel_ref, owed.args) == ("weekly_note", "p-acme", {"artifact_id": artifact.id})


@pytest.mark.parametrize(("given", "missing"), [(0, 2), (1, 1)])
async def test_fewer_than_two_commitments_are_refused_with_how_many_are_missing(room, given, missing):
    promises = [room.promise(f"promise {number}") for number in range(given)]
    assert await room.refused(room.form(*promises)) == {f"text_{given}": GATE.format(missing)}


async def test_the_error_stands_on_the_first_free_line_of_the_form(room):
    empty = Promise("", None, None)
    assert list(await room.refused(room.form(empty, room.promise(), empty))) == ["text_0"]


async def test_carried_and_moved_commitments_count_and_kept_ones_do_not(room):
    one, two, three = [await room.old(text) for text in ("one", "two", "three")]
    later = date(2026, 3, 19)
    kept = {one.id: Verdict("kept"), two.id: Verdict("dropped"), three.id: Verdict("carried")}
    assert await room.refused(room.form(verdicts=kept)) == {"text_0": GATE.format(1)}
    artifact = await room.close(
        room.form(verdicts={one.id: Verdict("kept"), two.id: Verdict("moved", later), three.id: Verdict("carried")})
    )
    assert [(row.state, row.due) for row in (one, two, three)] == [("kept", DUE), ("open", later), ("open", DUE)]
    fates = {row.commitment_id: (row.fate, row.due_before, row.due_after)
             for row in await room.session.scalars(select(CommitmentFate))}  # fmt: skip
    assert fates == {one.id: ("kept", DUE, None), two.id: ("moved", DUE, later), three.id: ("carried", DUE, None)}
    assert artifact.facts["state"] == "held"
    assert await closing.open_commitments(room.session, room.team.acme.id) == [three, two]


async def test_a_form_takes_three_new_commitments_and_no_more(room):
    assert closing.MOST_NEW == 3
    four = [room.promise(f"promise {number}") for number in range(4)]
    assert "text_3" in await room.refused(room.form(*four))
    await room.close(room.form(*four[:3]))
    assert len(await closing.open_commitments(room.session, room.team.acme.id)) == 3


@pytest.mark.parametrize(
    ("verdict", "field", "sentence"),
    [
        (None, "fate", "Say what became of it: every commitment is judged in the open."),
        (Verdict("moved"), "due", "Choose the new due date, today or later."),
        (Verdict("moved", date(2026, 3, 4)), "due", "Choose the new due date, today or later."),
        (Verdict("carried"), "fate", "It was due on 04 Mar: kept, moved to a new date, or dropped?"),
    ],
)
async def test_every_commitment_is_judged_in_the_open(room, verdict, field, sentence):
    old = await room.old(due=date(2026, 3, 4))
    form = room.form(room.promise(), room.promise("b"), verdicts={old.id: verdict} if verdict else {})
    assert await room.refused(form) == {f"{field}_{old.id}": sentence}


@pytest.mark.parametrize("fate", ["lost", ""])
async def test_a_fate_nobody_knows_is_refused(room, fate):
    old = await room.old()
    form = room.form(room.promise(), room.promise("b"), verdicts={old.id: Verdict(fate)})
    assert list(await room.refused(form)) == [f"fate_{old.id}"]


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"text": " "}, {"text_0": "Say what is promised."}),
        ({"due": None}, {"promise_due_0": "Choose the day it is due."}),
        (
            {"due": date(2026, 3, 4)},
            {"promise_due_0": "04 Mar 2026 is in the past. Choose today or a later day."},
        ),
        ({"refusal": "We do not know them."}, {"owner_0": "We do not know them."}),
    ],
)
async def test_each_wrong_field_of_a_commitment_is_named(room, change, errors):
    assert await room.refused(room.form(room.promise(**change), room.promise("b"))) == errors


async def test_a_commitment_without_an_owner_is_refused(room):
    form = room.form(Promise("x", None, DUE), room.promise("b"))
    assert await room.refused(form) == {"owner_0": people.NOBODY_NAMED}


async def test_a_review_that_was_not_held_needs_a_side_and_a_reason_and_no_commitments(room):
    assert await room.refused(room.form(held=False)) == {
        "side": "Say whose side it was: that decides whether it counts.",
        "reason": "Say why it was not held: the reason stands in the note, with your name.",
    }
    await room.close(room.form(held=False, side="ours", reason="two of us\nwere ill"))
    assert (room.team.week.state, room.team.week.skip_reason) == ("skipped", "two of us were ill")


async def test_the_partners_cancellation_never_counts_against_us(room):
    await room.close(room.form(held=False, side="partner", reason="they were ill"))
    assert room.team.week.state == "no_meeting"


async def test_commitments_of_a_review_that_was_not_held_stay_open(room):
    old = await room.old(due=date(2026, 3, 1))
    await room.close(room.form(held=False, side="ours", reason="ill"))
    assert old.state == "open"


async def test_a_moved_review_was_held_late(room):
    room.team.week.moved_at = make.NOW
    await room.close(room.form(room.promise(), room.promise("b")))
    assert room.team.week.state == "held_late"


async def test_closing_twice_is_refused_and_says_who_closed_it(room):
    form = room.form(room.promise(), room.promise("b"))
    await room.close(form)
    with pytest.raises(UserError, match="The Acme review is already closed by Pat Manager"):
        await room.close(form, by=room.team.head)
    assert len(list(await room.session.scalars(select(Commitment)))) == 2
    assert len(list(await room.session.scalars(select(Artifact)))) == 1


async def test_a_review_that_has_not_begun_cannot_have_been_held(room):
    with pytest.raises(UserError, match="has not begun yet"):
        await room.close(room.form(room.promise(), room.promise("b")), now=make.NOW)
    await room.close(room.form(held=False, side="ours", reason="we are all away"), now=make.NOW)


async def test_only_the_partner_manager_the_cover_and_the_head_close(room):
    form = room.form(room.promise(), room.promise("b"))
    with pytest.raises(NotAllowed, match=r"Pat Manager .partner manager. or the head of partnerships can"):
        await room.close(form, by=room.team.ann)
    await room.close(form, by=room.team.head)


async def test_what_waits_is_what_is_over_and_not_closed_oldest_first(room):
    waiting = closing.waiting_for
    pm = room.team.pm.id
    assert await waiting(room.session, pm, now=make.NOW) == []
    assert [row.slot for row, _ in await waiting(room.session, pm, now=AFTER + timedelta(days=7))] == [
        "2026-W10",
        "2026-W11",
    ]
    await room.close(room.form(room.promise(), room.promise("b")))
    assert [row.slot for row, _ in await waiting(room.session, pm, now=AFTER + timedelta(days=7))] == ["2026-W11"]
    assert await waiting(room.session, room.team.head.id, now=AFTER) == []


async def test_a_review_judges_as_many_old_commitments_as_its_form_has_room_for(room):
    for number in range(closing.MOST_JUDGED + 5):
        await room.old(f"promise {number}", due=DUE + timedelta(days=number))
    judged = await closing.to_judge(room.session, room.team.week.cadence_id)
    assert [row.text for row in judged] == [f"promise {number}" for number in range(closing.MOST_JUDGED)]
    await room.close(room.form(verdicts={row.id: Verdict("carried") for row in judged}))
    assert room.team.week.state == "held"
