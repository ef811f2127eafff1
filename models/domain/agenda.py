"""Who speaks when in a review: an AE with deals in several reviews gets a slot in each, and need not sit through all."""

from collections.abc import Mapping
from datetime import datetime, timedelta

GRAIN = 5


def speaking_slots(
    starts_at: datetime, minutes: int, deals_by_person: Mapping[int, int]
) -> dict[int, tuple[datetime, datetime]]:
    """Share the meeting among people by the number of their deals, in steps of five minutes, busiest first.

    Everybody gets at least one step while there are enough of them; then the rest share the last one.
    """
    if not deals_by_person:
        return {}
    order = sorted(deals_by_person, key=lambda person: (-deals_by_person[person], person))
    steps = max(1, minutes // GRAIN)
    total = sum(deals_by_person.values())
    found: dict[int, tuple[datetime, datetime]] = {}
    begin = passed = 0
    for place, person in enumerate(order):
        passed += deals_by_person[person]
        keep = len(order) - place - 1  # one step for each who still comes, while there are enough
        end = max(begin + 1, min(round(passed * steps / total), steps - keep))
        found[person] = (starts_at + timedelta(minutes=begin * GRAIN), starts_at + timedelta(minutes=end * GRAIN))
        begin = min(end, steps - 1)
    return found
