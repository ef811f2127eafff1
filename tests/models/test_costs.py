"""What a week costs each person: messages that were sent to them, minutes of the reviews they sit in."""

from datetime import timedelta

from models import costs
from models.tables import Outbox
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
