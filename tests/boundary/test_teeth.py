"""The checks have teeth: with any one right given to everybody, what the other tests of this room assert is not so.

A forgery that is refused proves something only if nothing but the right stood between it and its effect. So whoever
takes a check out turns this room red.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from handlers.kit.caller import AdmitCaller
from handlers.kit.doors import Door
from models.domain import rights
from models.domain.rights import Act
from tests.boundary import ground as g
from tests.boundary.company import ELSEWHERE, NED, STRANGER
from tests.boundary.ground import Caller
from tests.boundary.test_doors import OPEN, another_counterpart, is_their_own, name_of, secrets, wrong_for

MOST_RIGHTS = 4
"""A door may ask for several rights, one after the other."""
OTHERWISE = {
    "attribution.form": "the side that somebody signs for is worked out from the row once more",
    "attribution.sign": "the same",
    "forecast.sign_off": "the line that is signed is one's own role's",
    "imports.again": "only who brought a file decides about it",
    "imports.answer": "the same",
    "imports.import": "the same",
    "imports.questions": "the same",
    "imports.withdraw": "the same",
    "owners.open": "it lists the owners of one's own partners' deals, of which Ned has none",
}
"""Doors that a second look at the row keeps shut for Ned even with the right."""
NOT_BY_NED = {
    Act.ANSWER_JOINT: "the partner's own people alone: tried by one of theirs below",
    Act.SIGN_ATTRIBUTION: OTHERWISE["attribution.sign"],
    Act.SIGN_OFF: OTHERWISE["forecast.sign_off"],
}


@contextmanager
def everybody_may(acts: Collection[Act], table: dict[Act, rights.Rule] = rights.RULES) -> Iterator[None]:
    """The one rights function without these checks."""
    kept = {act: table[act] for act in acts}
    table.update(dict.fromkeys(acts, lambda _actor, _subject: True))
    try:
        yield
    finally:
        table.update(kept)


@contextmanager
def noting() -> Iterator[set[Act]]:
    """The acts that were refused meanwhile."""
    refused: set[Act] = set()
    kept = dict(rights.RULES)

    def noted(act: Act, rule: rights.Rule) -> rights.Rule:
        def ask(actor: rights.Actor, subject: rights.Subject) -> bool:
            found = rule(actor, subject)
            refused.update(() if found else (act,))
            return found

        return ask

    rights.RULES.update({act: noted(act, rule) for act, rule in kept.items()})
    try:
        yield refused
    finally:
        rights.RULES.update(kept)


async def test_every_check_at_every_door_is_all_that_stands_in_the_way(ground, crawl):
    words, me = (await secrets(ground))["ours"], Caller(NED)
    bitten: dict[Act, set[str]] = {}
    toothless: set[str] = set()
    doors = {(offer.kind, name_of(offer), is_their_own(offer)): offer for offer, _ in crawl.found}
    for offer in doors.values():
        given: set[Act] = set()
        for _ in range(MOST_RIGHTS):
            with everybody_may(given), noting() as refused:
                came = await ground.send(offer.sent_by(me))
            if came.changed:
                ground.anew()
            if wrong_for(offer, came, words, own=True):
                for act in given:
                    bitten.setdefault(act, set()).add(offer.door)
                break
            if refused <= given:
                toothless.update({str(offer.door)} if given and name_of(offer) not in OPEN else ())
                break
            given |= refused
    assert toothless == set(OTHERWISE)
    assert set(bitten) | set(NOT_BY_NED) == set(Act), "acts that no door of this room asks for"


async def test_a_partners_answer_is_refused_by_nothing_but_the_right(ground, crawl):
    theirs = await another_counterpart(ground)
    offers = {offer.door: offer for offer, _ in crawl.found if offer.door in (Door.CHECK_IN, Door.ANSWER_JOINT)}
    assert set(offers) == {Door.CHECK_IN, Door.ANSWER_JOINT}
    for door, offer in offers.items():
        assert (await ground.send(offer.sent_by(theirs))).changed == frozenset()
        with everybody_may([Act.ANSWER_JOINT], rights.THEIR_RULES):
            came = await ground.send(offer.sent_by(theirs))
        assert "joint_answer" in came.changed if door == Door.ANSWER_JOINT else came.views
        ground.anew()


def let_in(ground: g.Ground, admits: Callable[[str, str], object]) -> None:
    """Decide anew who is of our company."""
    for middleware in ground.bot.bolt._async_middleware_list:
        if isinstance(middleware, AdmitCaller):
            middleware._is_ours = admits  # type: ignore[assignment]


async def test_without_the_look_at_the_users_own_team_somebody_who_moved_would_come_in(ground):
    head = await ground.person(role="head")
    moved = Caller(str(head.slack_id), ELSEWHERE)
    press = g.button(Door.OPEN_CADENCE, "")
    assert (await ground.send(g.click(moved, press))).refused

    async def everybody(_user: str, _team: str) -> bool:
        return True

    let_in(ground, everybody)
    assert not (await ground.send(g.click(moved, press))).refused


async def test_without_it_what_an_outsider_writes_would_be_stored(ground):
    said = g.happened("message", channel_type="im", channel="D1", user=STRANGER, team=ELSEWHERE, text="SECRET")
    assert (await ground.send(said)).changed == frozenset()

    async def everybody(_user: str, _team: str) -> bool:
        return True

    let_in(ground, everybody)
    assert "inbox" in (await ground.send(said)).changed
