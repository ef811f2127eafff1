"""What a week costs: messages to each person and channel, minutes of the meetings each person sits in."""

from datetime import timedelta

from models import costs, meetings
from models.tables import ChannelState, Outbox
from scheduling.plan import materialise
from tests import make
from tests.make import NOW, POLICY
from tests.world import load, small_team


async def test_the_manager_sits_through_and_the_sellers_share_the_half_hour(sqlite):
    team = small_team()
    await load(sqlite, team)
    async with sqlite.read() as session:
        found = await costs.this_week(session, now=team.start, policy=team.policy)
    assert {person_id: cost.minutes for person_id, cost in found.items()} == {1: 30, 2: 20, 3: 10}
    assert all(cost.messages == 0 for cost in found.values())


async def test_only_messages_of_this_week_to_a_person_count(sqlite):
    team = small_team(reviews=False)
    await load(sqlite, team)
    async with sqlite.write() as session:
        for place, (person_id, days) in enumerate(((2, 0), (2, 1), (2, -7), (3, 2), (None, 0))):
            at = team.start + timedelta(days=days)
            session.add(
                Outbox(key=f"k{place}", nonce="n", template="prompt", person_id=person_id, due_at=at, created_at=at,
                       state="sent", sent_at=at)
            )  # fmt: skip
    async with sqlite.read() as session:
        found = await costs.this_week(session, now=team.start + timedelta(days=4), policy=team.policy)
    assert {person_id: cost.messages for person_id, cost in found.items()} == {2: 2, 3: 1}


async def test_meetings_of_the_quarters_table_cost_their_people(sqlite):
    async with sqlite.write() as session:
        team = await make.small(session, deals=0)
        await meetings.turn(session, "team_call", on=True, by=team.head, now=NOW, policy=POLICY)
        await materialise(session, now=NOW, policy=POLICY)
        found = await costs.this_week(session, now=NOW, policy=POLICY)
    assert {person_id: cost.minutes for person_id, cost in found.items()} == {team.pm.id: 60, team.head.id: 30}


async def test_messages_of_a_channel_are_counted_together_whatever_it_was_called_by(db):
    async with db.write() as session:
        session.add_all([
            ChannelState(slack_id="C1", name="p-acme", is_private=False), ChannelState(slack_id="C2", name="board", is_private=True)
        ])  # fmt: skip
        rows = (("#p-acme", "C1", 0), ("C1", "C1", 1), ("p-acme", "C1", -7), ("C2", "C2", 0), ("leadership", None, 3),
                ("secret", "C3", 0))  # fmt: skip
        for place, (ref, channel, days) in enumerate(rows):
            at = NOW + timedelta(days=days)
            session.add(
                Outbox(key=f"k{place}", nonce="n", template="agenda", channel_ref=ref, channel_id=channel, due_at=at,
                       created_at=at, state="sent", sent_at=at)
            )  # fmt: skip
    async with db.read() as session:
        found = await costs.channels_this_week(session, now=NOW + timedelta(days=4), policy=POLICY)
    assert [(one.name, one.messages) for one in found] == [("p-acme", 2), ("", 1), ("leadership", 1), ("secret", 1)]
