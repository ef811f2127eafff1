"""Every door of the app, tried by whom it is not for, with what somebody entitled was really shown there.

The list of doors is the app's own: one that nobody has tried fails here, so that a new one cannot be forgotten.
"""

import re
from collections.abc import Iterable

import pytest
from sqlalchemy import select

from models.tables import Counterpart, DealVersion, Partner, Person
from tests.boundary.company import ELSEWHERE, GUEST, NED, STRANGER
from tests.boundary.crawl import Crawl, Offer
from tests.boundary.ground import LOOKED_UP, Caller, Came, Ground, doors

PARTNERS_DOORS = {"checkin.open", "checkin.answer"}
PROPOSED = {"counterpart", "card", "card_occurrence", "outbox", "change"}
"""What may follow when somebody unknown presses a check-in: they are proposed to the partner's manager, once."""
SHOWN = {"joint.copy_view"}
"""Forms that only show something to copy."""
THEIR_OWN = {
    "home.away_form": "one's own absence",
    "home.mend_file": "a file of one's own deals, of which there are none",
    "calendar.open": "one's own calendar, whose address is made at the first look",
    "calendar.renew": "the address of one's own calendar",
    "calendar.file": "one's own calendar",
    "births.new_form": "a deal of one's own",
    "papers.pdf": "the page stands in a channel of ours, and so will the file",
}
"""What everybody of our own company may do for themselves, whoever they are."""
OPEN = {
    "/deals", "/deals new", "/cadence", "/pbr", "attribution.list", "births.new", "cadence.open", "checkin.open",
    "deal_review.walk", "health.open", "home.away", "joint.desk", "joint.open", "meetings.quarter_after",
    "meetings.quarter_before", "quarter.open",
}  # fmt: skip
"""What everybody of our own company may open: each shows them their own, and to Ned that it is nothing."""


async def secrets(ground: Ground) -> dict[str, set[str]]:
    """Words that must not be heard: of deals by one of ours without a right, by an outsider of anything at all."""
    async with ground.bot.db.read() as session:
        deals = {word for row in await session.execute(select(DealVersion.name, DealVersion.account)) for word in row}
        partners, people = (
            set(await session.scalars(select(Partner.name))),
            set(await session.scalars(select(Person.name))),
        )
    return {"ours": deals, "outside": deals | partners | people}


async def another_counterpart(ground: Ground) -> Caller:
    """Who speaks for a partner that no offer of the crawl is about."""
    async with ground.bot.db.read() as session:
        speak = select(Counterpart).where(Counterpart.state == "confirmed").order_by(Counterpart.id.desc())
        other = (await session.scalars(speak)).first()
    return Caller(other.slack_id, other.slack_team_id)


def untried(crawl: Crawl) -> list[tuple[str, object]]:
    """Doors of the app through which nobody has gone."""
    reached = {(offer.kind, str(offer.door)) for offer, _ in crawl.found}
    return [
        (kind, what) for kind, what in doors()
        if kind != "event" and not any(
            kind == one and (what.match(door) if isinstance(what, re.Pattern) else what == door) for one, door in reached
        )
    ]  # fmt: skip


def test_every_door_of_the_app_is_tried(crawl):
    assert untried(crawl) == []


def test_every_form_that_is_forged_below_would_save_something_for_whom_it_is(crawl):
    submitted = [(offer.door, came.changed) for offer, came in crawl.found if offer.kind == "view"]
    assert {door for door, _ in submitted} - {door for door, changed in submitted if changed} - SHOWN == set()


@pytest.mark.parametrize("name", ["a stranger", "a stranger of no company", "another partner's counterpart"])
async def test_an_outsider_comes_through_no_door_and_hears_nothing(ground, crawl, name):
    who = {"a stranger": Caller(STRANGER, ELSEWHERE), "a stranger of no company": Caller(STRANGER, "")}
    caller = who.get(name) or await another_counterpart(ground)
    words, wrong = (await secrets(ground))["outside"], []
    for offer, _ in crawl.found:
        came = await ground.send(offer.sent_by(caller))
        theirs = offer.door in PARTNERS_DOORS
        if came.changed - (PROPOSED if theirs else LOOKED_UP):
            wrong.append((offer.kind, offer.door, "changed", *came.changed))
        if not theirs and not came.refused:
            wrong.append((offer.kind, offer.door, "opened something"))
        wrong += [(offer.kind, offer.door, "said", word) for word in words if word in came.words]
        if came.changed:
            ground.anew()
    assert wrong == []


def name_of(offer: Offer) -> str:
    """The door; of a command with what was typed behind it."""
    return f"{offer.door} {offer.body['text']}".strip() if offer.kind == "command" else str(offer.door)


def is_their_own(offer: Offer) -> bool:
    """A new deal is one's own where the form does not say whose it is."""
    typed = (offer.body.get("view") or {}).get("state", {}).get("values", {})
    return offer.door in THEIR_OWN and not any(block.startswith("owner") for block in typed)


def wrong_for(offer: Offer, came: Came, words: Iterable[str], *, own: bool) -> list[tuple[str, ...]]:
    """What should not have come of this for one of ours without the right; `own`: they may act for themselves."""
    wrong = [(offer.kind, offer.door, "said", word) for word in words if word in came.words]
    own_door = own and is_their_own(offer)
    if came.changed - LOOKED_UP and not own_door:
        wrong.append((offer.kind, offer.door, "changed", *came.changed))
    if not came.refused and not own_door and not (own and name_of(offer) in OPEN):
        wrong.append((offer.kind, offer.door, "opened something"))
    return wrong


@pytest.mark.parametrize("name", ["a guest", "one who answers for nothing"])
async def test_one_of_ours_without_the_right_changes_nothing_and_hears_of_no_deal(ground, crawl, name):
    caller, own = (Caller(GUEST), False) if name == "a guest" else (Caller(NED), True)
    words, wrong = (await secrets(ground))["ours"], []
    for offer, _ in crawl.found:
        came = await ground.send(offer.sent_by(caller))
        wrong += wrong_for(offer, came, words, own=own)
        if came.changed:
            ground.anew()
    assert wrong == []


async def test_the_same_request_again_changes_nothing_twice(ground, crawl):
    """Slack's own retries, and whoever replays what they have recorded: the very same body, a second time."""
    wrong = []
    for offer, came in crawl.found:
        if came.changed:
            await ground.send(offer.body)
            again = await ground.send(offer.body)
            if again.changed - LOOKED_UP:
                wrong.append((offer.kind, offer.door, *again.changed))
            ground.anew()
    assert wrong == []
