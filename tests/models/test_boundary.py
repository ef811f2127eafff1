"""What waits because of who reads a channel: on whose desk it stands, and what may be decided about it."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import boundary, channels, outbox
from models.boundary import guests, losing
from models.boundary.held import Offer
from models.db import Database
from models.domain.errors import FieldErrors, NotAllowed, UserError
from models.outbox import Owed
from models.tables import (
    Card,
    Change,
    ChannelState,
    Outbox,
    Person,
)
from tests import make
from tests.make import NOW, POLICY

HOUR = timedelta(hours=1)
NINE = NOW + HOUR


@pytest_asyncio.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with make.opened(f"sqlite:///{tmp_path / 'boundary.db'}") as opened:
        yield opened


@pytest_asyncio.fixture
async def session(db: Database) -> AsyncIterator[AsyncSession]:
    async with db.write() as opened:
        yield opened


class Ground:
    """Acme of Pam, with its internal channel C1; Hedda is the head, Ada an admin, Otto anybody."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def built(self) -> "Ground":
        self.pam = await make.person(self.session, "Pam", "pm")
        self.hedda = await make.person(self.session, "Hedda", "head")
        self.ada = await make.person(self.session, "Ada", "admin")
        self.otto = await make.person(self.session, "Otto", "ae", "pm")
        self.acme = await make.partner(self.session, "Acme", self.pam, internal_channel="C1", joint_channel="CJ")
        await self.room("C1", "partner-acme")
        return self

    async def room(self, slack_id: str, name: str, **more: Any) -> None:
        values = {"is_member": True, "is_shared": False, "is_pending_shared": False, "is_ext_shared": False,
                  "checked_at": NOW} | more  # fmt: skip
        await channels.remember(self.session, [ChannelState(slack_id=slack_id, name=name, **values)])

    async def owe(self, key: str = "note", **more: Any) -> Outbox:
        values = {"key": key, "template": "weekly_note", "args": {}, "due_at": NOW, "channel_ref": "C1",
                  "partner_id": self.acme.id} | more  # fmt: skip
        await outbox.enqueue(self.session, [Owed(**values)], now=NOW)
        return await self.row(key)

    async def row(self, key: str = "note") -> Outbox:
        found = await self.session.scalars(
            select(Outbox).where(Outbox.key == key).execution_options(populate_existing=True)
        )
        return found.one()

    async def hold(self, key: str = "note", why: str = "#partner-acme is shared.", **more: Any) -> Outbox:
        """A message that delivery has just held."""
        row = await self.owe(key, **more)
        assert await outbox.settle(self.session, row.id, row.fence, "held", why)
        return await self.row(key)

    async def held(self, person: Person, now: datetime = NINE) -> list[boundary.Held]:
        return await boundary.held_for(self.session, person, now=now, policy=POLICY)


@pytest_asyncio.fixture
async def ground(session: AsyncSession) -> Ground:
    return await Ground(session).built()


async def test_the_desk_says_what_where_and_why_and_nothing_of_what_it_says(ground: Ground) -> None:
    cadence = await make.review(ground.session, ground.acme)
    week = await make.occurrence(ground.session, cadence)
    row = await ground.hold(occurrence_id=week.id, args={"text": "secret words"}, partner_id=None)
    (one,) = await ground.held(ground.pam)
    assert (one.id, one.where, one.why) == (row.id, "#partner-acme", "#partner-acme is shared.")
    assert one.what == f"Weekly note of Acme, {week.day.day} {week.day:%b}"
    assert (one.partner_id, one.channel_id, one.edit, one.below) == (ground.acme.id, "C1", False, 0)
    assert "secret" not in repr(one)


async def test_it_stands_on_its_managers_desk_and_without_one_on_the_heads_then_an_admins(ground: Ground) -> None:
    row = await ground.hold()
    told = await boundary.tell(ground.session, row, now=NINE, policy=POLICY)
    assert [one.name for one in told] == ["Pam"]
    assert [len(await ground.held(who)) for who in (ground.pam, ground.hedda, ground.ada, ground.otto)] == [1, 0, 0, 0]
    ground.pam.active = False
    assert [len(await ground.held(who)) for who in (ground.hedda, ground.ada)] == [1, 0]
    ground.hedda.slack_id = None  # nobody can write to her
    told = await boundary.tell(ground.session, row, now=NINE, policy=POLICY)
    assert [one.name for one in told] == ["Ada"]


async def test_a_message_of_no_partner_is_its_leads_else_the_heads(ground: Ground) -> None:
    cadence = await make.review(ground.session, ground.acme)
    cadence.partner_id, cadence.pm_id = None, ground.otto.id
    week = await make.occurrence(ground.session, cadence)
    await ground.hold("team", partner_id=None, occurrence_id=week.id)
    await ground.hold("company", partner_id=None)
    assert [one.id for one in await ground.held(ground.otto)] == [(await ground.row("team")).id]
    assert [one.id for one in await ground.held(ground.hedda)] == [(await ground.row("company")).id]


async def test_telling_makes_one_card_a_day_in_working_hours(ground: Ground) -> None:
    night = NOW.replace(hour=22)
    for key in ("one", "two"):
        await boundary.tell(ground.session, await ground.hold(key), now=night, policy=POLICY)
    (card,) = await ground.session.scalars(select(Card).where(Card.kind == "joint"))
    (owed,) = await ground.session.scalars(select(Outbox).where(Outbox.card_id == card.id))
    assert (card.person_id, card.day) == (ground.pam.id, (NOW + timedelta(days=1)).date())
    assert owed.due_at == NOW.replace(hour=8) + timedelta(days=1)


async def test_what_is_held_is_on_every_morning_s_card_until_it_is_decided(ground: Ground) -> None:
    row = await ground.hold()

    async def cards() -> int:
        return len(list(await ground.session.scalars(select(Card).where(Card.kind == "joint"))))

    assert await boundary.remind(ground.session, now=NINE, policy=POLICY) == 1
    assert await boundary.remind(ground.session, now=NINE + HOUR, policy=POLICY) == 0
    for day in range(1, 60):  # nothing makes it expire
        await boundary.remind(ground.session, now=NINE + timedelta(days=day), policy=POLICY)
    weekdays = len(
        {(NINE + timedelta(days=day)).date() for day in range(60) if (NINE + timedelta(days=day)).weekday() < 5}
    )
    assert await cards() in (weekdays, weekdays + 1)  # asked on a Saturday, it is Monday's
    await boundary.drop(ground.session, ground.pam, row.id, now=NINE, policy=POLICY)
    assert await boundary.remind(ground.session, now=NINE + timedelta(days=90), policy=POLICY) == 0


async def test_what_can_be_done_follows_the_rows(ground: Ground) -> None:
    row = await ground.hold()
    await ground.room("C1", "partner-acme", is_shared=True, is_ext_shared=True)
    (one,) = await ground.held(ground.pam)
    assert one.offers == (Offer.MOVE, Offer.DROP)
    row.args = {"artifact_id": 1}
    (one,) = await ground.held(ground.pam)
    assert one.offers == (Offer.SAFE, Offer.MOVE, Offer.DROP)
    ground.acme.joint_channel = ""
    await ground.room("C1", "partner-acme")
    (one,) = await ground.held(ground.pam)
    assert one.offers == (Offer.MOVE, Offer.NOW, Offer.DROP)
    await guests.joined(ground.session, "C1", "UG", name="Gus", now=NINE)
    (one,) = await ground.held(ground.pam)
    assert (one.offers, [guest.name for guest in one.guests]) == ((Offer.MOVE, Offer.DROP), ["Gus"])


async def test_only_who_may_decides_and_is_told_who_can(ground: Ground) -> None:
    row = await ground.hold()
    for decide in (
        boundary.drop(ground.session, ground.otto, row.id, now=NINE, policy=POLICY),
        boundary.move(ground.session, ground.otto, row.id, "C4", now=NINE, policy=POLICY),
        boundary.post_it_now(ground.session, ground.otto, row.id, now=NINE, policy=POLICY),
        boundary.send_safe(ground.session, ground.otto, row.id, now=NINE, policy=POLICY),
    ):
        with pytest.raises(NotAllowed, match="Pam"):
            await decide
    for who in (ground.hedda, ground.ada):
        await boundary.drop(ground.session, who, (await ground.hold(f"of {who.name}")).id, now=NINE, policy=POLICY)


async def test_dropping_ends_it_and_what_is_below_it_and_is_noted(ground: Ground) -> None:
    row = await ground.owe()
    await ground.owe("below", parent_key="note")
    await outbox.settle(ground.session, row.id, row.fence, "held", "shared")
    await boundary.drop(ground.session, ground.hedda, row.id, now=NINE, policy=POLICY)
    row, below = await ground.row(), await ground.row("below")
    assert (row.state, row.problem, row.decision, row.decided_at) == ("void", "dropped by Hedda", "dropped", NINE)
    assert below.state == "void"
    assert await ground.held(ground.pam) == []
    (change,) = await ground.session.scalars(select(Change).where(Change.entity == "outbox"))
    assert (change.entity_id, change.after, change.by_id) == (row.id, "dropped", ground.hedda.id)
    await boundary.drop(ground.session, ground.hedda, row.id, now=NINE, policy=POLICY)
    assert len(list(await ground.session.scalars(select(Change).where(Change.entity == "outbox")))) == 1
    with pytest.raises(UserError, match="it was dropped, by Hedda"):
        await boundary.post_it_now(ground.session, ground.pam, row.id, now=NINE, policy=POLICY)


async def test_moving_takes_what_is_below_it_along_however_deep(ground: Ground) -> None:
    row = await ground.owe(void_at=NINE)
    await ground.owe("below", parent_key="note", void_at=NINE)
    await ground.owe("deeper", parent_key="below", void_at=NINE)
    await outbox.settle(ground.session, row.id, row.fence, "held", "shared")
    below = await ground.row("below")
    (await ground.row("deeper")).state = "held"
    await boundary.move(ground.session, ground.pam, row.id, "C4", now=NINE + HOUR, policy=POLICY)
    for key in ("note", "below", "deeper"):
        one = await ground.row(key)
        assert (one.state, one.channel_ref, one.void_at, one.due_at) == ("pending", "C4", None, NINE + HOUR)
    assert below.parent_id == row.id
    assert (await ground.row()).decision == "moved"


@pytest.mark.parametrize(
    ("to", "room", "words"),
    [
        ("", None, "Choose a channel"),
        ("CJ", None, "joint channel of Acme"),
        ("C4", {"is_shared": True, "is_ext_shared": True}, "shared with another company"),
        ("C4", {"is_pending_shared": True}, "about to be"),
        ("C4", {"is_archived": True}, "archived"),
    ],
)
async def test_it_is_not_moved_to_where_others_read(
    ground: Ground, to: str, room: dict[str, Any] | None, words: str
) -> None:
    row = await ground.hold()
    if room is not None:
        await ground.room("C4", "elsewhere", **room)
    with pytest.raises(FieldErrors, match=words):
        await boundary.move(ground.session, ground.pam, row.id, to, now=NINE, policy=POLICY)
    assert (await ground.row()).state == "held"


async def test_it_is_not_moved_to_where_a_guest_is(ground: Ground) -> None:
    row = await ground.hold()
    await ground.room("C4", "elsewhere")
    await guests.joined(ground.session, "C4", "UG", name="Gus", now=NINE)
    with pytest.raises(FieldErrors, match="guest"):
        await boundary.move(ground.session, ground.pam, row.id, "C4", now=NINE, policy=POLICY)


async def test_a_partners_message_is_never_moved(ground: Ground) -> None:
    row = await ground.hold(audience="partner", channel_ref="CJ")
    with pytest.raises(UserError, match="own channel"):
        await boundary.move(ground.session, ground.pam, row.id, "C4", now=NINE, policy=POLICY)


async def test_posting_it_after_all_waits_until_nothing_speaks_against_it(ground: Ground) -> None:
    row = await ground.hold()
    await ground.room("C1", "partner-acme", is_shared=True, is_ext_shared=True)
    with pytest.raises(UserError, match="still cannot be posted there"):
        await boundary.post_it_now(ground.session, ground.pam, row.id, now=NINE, policy=POLICY)
    await ground.room("C1", "partner-acme")
    await boundary.post_it_now(ground.session, ground.pam, row.id, now=NINE, policy=POLICY)
    row = await ground.row()
    assert (row.state, row.decision, row.problem) == ("pending", "posted", "")


async def test_there_is_no_partner_safe_version_of_an_agenda(ground: Ground) -> None:
    row = await ground.hold(template="agenda")
    with pytest.raises(UserError, match="no partner-safe version"):
        await boundary.send_safe(ground.session, ground.pam, row.id, now=NINE, policy=POLICY)
    assert (await ground.row()).state == "held"


async def test_a_message_that_went_out_meanwhile_waits_for_nobody(ground: Ground) -> None:
    row = await ground.owe(partner_id=ground.acme.id)
    for state, words in (("sent", "sent meanwhile"), ("pending", "any more"), ("void", "any more")):
        row.state = state
        await ground.session.flush()
        with pytest.raises(UserError, match=words):
            await boundary.drop(ground.session, ground.pam, row.id, now=NINE, policy=POLICY)
    with pytest.raises(UserError, match="not there any more"):
        await boundary.drop(ground.session, ground.pam, 4711, now=NINE, policy=POLICY)


async def test_an_admin_alone_allows_a_guest_for_one_channel_and_it_is_noted(ground: Ground) -> None:
    await guests.joined(ground.session, "C1", "UG", name="Gus", now=NINE)
    await guests.joined(ground.session, "C4", "UG", name="Gus", now=NINE)
    row = await ground.hold()
    told = await boundary.tell(ground.session, row, now=NINE, policy=POLICY)
    assert [one.name for one in told] == ["Pam", "Ada"]
    assert [guest.slack_id for guest in await boundary.guests_for(ground.session, ground.ada)] == ["UG"]
    assert await boundary.guests_for(ground.session, ground.pam) == []
    for who in (ground.pam, ground.hedda):
        with pytest.raises(NotAllowed, match="admin"):
            await boundary.allow_guest(ground.session, who, "C1", "UG", now=NINE, policy=POLICY)
    for _ in range(2):
        await boundary.allow_guest(ground.session, ground.ada, "C1", "UG", now=NINE, policy=POLICY)
    assert await guests.standing(ground.session, "C1") == []
    assert len(await guests.standing(ground.session, "C4")) == 1
    notes = list(await ground.session.scalars(select(Change).where(Change.entity == "channel_guest")))
    assert [(one.field, one.after, one.by_id) for one in notes] == [("C1 UG", "allowed", ground.ada.id)]
    with pytest.raises(UserError, match="not in the channel any more"):
        await boundary.allow_guest(ground.session, ground.ada, "C1", "UELSE", now=NINE, policy=POLICY)


async def test_an_admin_sees_guests_of_our_own_channels_before_anything_waits(ground: Ground) -> None:
    await ground.room("CJ", "joint-acme", is_shared=True, is_ext_shared=True)
    await ground.room("C5", "shared", is_shared=True, is_ext_shared=True)
    for channel in ("C1", "C5", "CJ", "CUNKNOWN"):
        await boundary.seen_guests(ground.session, channel, {"UG": "Gus"}, now=NINE, swept_at=NINE)
    found = await boundary.guests_for(ground.session, ground.ada)
    assert [(one.channel, one.name) for one in found] == [("#partner-acme", "Gus")]
    await boundary.allow_guest(ground.session, ground.ada, "C1", "UG", now=NINE, policy=POLICY)
    assert await boundary.guests_for(ground.session, ground.ada) == []


async def test_a_guest_who_comes_back_is_asked_about_anew(ground: Ground) -> None:
    said = []
    for found in ({"UG": "Gus"}, {"UG": "Gus"}, {}, {"UG": "Gus"}):
        said.append(await boundary.seen_guests(ground.session, "C1", found, now=NINE, swept_at=NINE))
        if len(said) == 1:
            await guests.allow(ground.session, ground.ada, "C1", "UG", now=NINE)
    assert said == [(["UG"], []), ([], []), ([], ["UG"]), (["UG"], [])]
    (guest,) = await guests.standing(ground.session, "C1")
    assert (guest.name, guest.channel) == ("Gus", "#partner-acme")
    assert (await ground.session.get_one(ChannelState, "C1", populate_existing=True)).swept_at == NINE


async def test_a_joint_channel_that_is_lost_is_said_once_to_its_partners_manager(ground: Ground) -> None:
    await ground.room("CJ", "joint-acme", is_shared=True, is_ext_shared=True, connected=["T9"])
    assert await boundary.lost(ground.session, "CJ", now=NINE, policy=POLICY, archived=True)
    assert not await boundary.lost(ground.session, "CJ", now=NINE + HOUR, policy=POLICY)
    assert not await boundary.lost(ground.session, "C1", now=NINE, policy=POLICY), "no joint channel"
    (one,) = await boundary.lost_for(ground.session, ground.pam, now=NINE, policy=POLICY)
    assert (one.partner, one.why, one.since) == ("Acme", "#joint-acme is archived.", NINE)
    assert await boundary.lost_for(ground.session, ground.otto, now=NINE, policy=POLICY) == []
    await losing.found(ground.session, "CJ")
    assert await boundary.lost_for(ground.session, ground.pam, now=NINE, policy=POLICY) == []


async def test_an_id_that_changes_is_followed_wherever_it_is_written(ground: Ground) -> None:
    session = ground.session
    ground.acme.joint_approved, ground.acme.joint_teams = "CJ", ["T9"]
    await ground.room("CJ", "joint-acme", connected=["T9"])
    await guests.joined(session, "CJ", "UG", name="Gus", now=NINE)
    pending = await ground.owe("pending", channel_ref="CJ")
    sent = await ground.owe("sent", channel_ref="CJ")
    sent.state, sent.channel_id, sent.ts = "sent", "CJ", "1.0"
    card = Card(kind="checkin", person_id=ground.pam.id, channel_id="CJ", ts="1.0", created_at=NOW)
    session.add(card)
    await session.flush()
    for expected in (True, False):
        assert await channels.follow(session, "CJ", "GNEW", now=NINE) is expected
        for row in (ground.acme, pending, sent, card):
            await session.refresh(row)
        assert (ground.acme.joint_channel, ground.acme.joint_approved) == ("GNEW", "GNEW")
        assert (pending.channel_ref, sent.channel_id, card.channel_id) == ("GNEW", "GNEW", "GNEW")
        assert await session.get(ChannelState, "CJ") is None
        state = await session.get_one(ChannelState, "GNEW")
        assert (state.name, state.connected, state.checked_at) == ("joint-acme", ["T9"], None)
        assert [one.slack_id for one in await guests.standing(session, "GNEW")] == ["UG"]
    await channels.follow(session, "GNEW", "CNEWER", now=NINE)
    assert await channels.current(session, "CJ") == "CNEWER"
    assert await channels.current(session, "joint-acme") == "joint-acme"


async def test_what_a_list_of_channels_does_not_say_stays(ground: Ground) -> None:
    whole = channels.Seen.of(
        {"id": "C9", "name": "joint", "is_member": True, "is_ext_shared": True, "is_shared": True,
         "connected_team_ids": ["T1", "T9"], "pending_connected_team_ids": [], "context_team_id": "T1"}
    )  # fmt: skip
    listed = channels.Seen.of(
        {"id": "C9", "name": "renamed", "is_member": True, "is_ext_shared": True, "is_shared": True}
    )
    other = channels.Seen.of(
        {"id": "C8", "name": "plain", "is_member": True, "is_ext_shared": False, "is_shared": False}
    )
    await channels.remember(ground.session, [whole.row(NINE)])
    await channels.remember(ground.session, [listed.row(None), other.row(None)])
    state = await ground.session.get_one(ChannelState, "C9")
    assert (state.name, state.connected, state.checked_at) == ("renamed", ["T9"], NINE)
    plain = await ground.session.get_one(ChannelState, "C8")
    assert (plain.is_shared, plain.connected, plain.checked_at) == (False, [], None)


@pytest.mark.parametrize(
    ("said", "shared", "ext", "teams"),
    [
        ({"is_shared": False, "is_ext_shared": False}, False, False, set()),
        ({"is_shared": True, "is_ext_shared": False, "is_org_shared": True}, True, False, set()),
        ({"is_shared": True, "is_ext_shared": False}, True, True, None),
        ({"is_shared": True, "is_ext_shared": True, "connected_team_ids": ["T9"]}, True, True, {"T9"}),
        ({"is_shared": False, "is_ext_shared": False, "connected_team_ids": ["T9"]}, True, True, {"T9"}),
        ({"is_shared": False, "is_ext_shared": False, "pending_connected_team_ids": ["T8"]}, False, False, {"T8"}),
        ({"is_shared": False, "is_ext_shared": False, "is_pending_ext_shared": True}, False, False, None),
        ({}, False, False, None),
    ],
)
def test_a_channel_object_is_read_so_that_what_is_not_plainly_no_counts_as_yes(
    said: dict[str, Any], shared: bool, ext: bool, teams: set[str] | None
) -> None:
    seen = channels.Seen.of({"id": "C1", "context_team_id": "T1", **said})
    assert (seen.is_shared, seen.is_ext_shared, seen.teams) == (shared, ext, teams)
    row = seen.row(NINE)
    assert (row.is_shared, row.is_ext_shared) == (shared or seen.unknown, ext or seen.unknown)
    assert row.checked_at == (None if seen.unknown else NINE)
