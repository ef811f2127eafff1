"""What goes wrong in a week: where the bot is killed, and which replies are lost."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bot.failpoints import POINTS

PHASES = ("help", "prompt", "edit", "nudge", "agenda", "close", "note", "friday", "thread")
"""What is posted (or edited) in a week, in its order; `Plan.lose` names those whose reply gets lost."""

MOST_PASSES = {
    "form.before_ack": 4, "button.before_ack": 3, "command.before_ack": 2, "event.before_ack": 3, "event.claimed": 3,
    "event.before_commit": 3, "event.committed": 3, "tick.before_commit": 5, "tick.committed": 5,
    "claim.committed": 6, "attempt.before_commit": 10, "attempt.committed": 10, "post.called": 10,
    "finish.before_commit": 10, "finish.committed": 10, "readback.before": 1, "readback.after": 1,
    "edit.claimed": 4, "edit.called": 4, "edit.committed": 4,
}  # fmt: skip
"""How often a point is passed for certain in one undisturbed week (the points of reading back: in one lost reply)."""


@dataclass(frozen=True)
class Plan:
    """One week's misfortunes. `lives`: for each replica, the points at which its first lives end."""

    name: str
    lives: tuple[tuple[str, ...], ...] = ((),)
    lose: tuple[str, ...] = ()
    random_kills: int = 0
    seed: int = 0
    http: bool = False


def at_point(point: str, passes: int, *, seed: int = 0, http: bool = False) -> Plan:
    """One kill at one point. What is only read back after a doubt gets its doubt from a lost reply."""
    dice = random.Random(seed)
    reads = point.startswith("readback")
    lose = (dice.choice([name for name in PHASES if name != "edit"]),) if reads else ()
    return Plan(point, ((f"{point}:{passes}",),), lose, seed=seed, http=http)


def chained(name: str, points: Sequence[str], *, lose: Iterable[str] = (), seed: int = 0, http: bool = False) -> Plan:
    """Several kills in one week, one life after the other."""
    return Plan(name, (tuple(points),), tuple(lose), seed=seed, http=http)


def round_of(seed: int) -> Iterator[Plan]:
    """One round of the long run: each point once, each reply lost once, alone and with a kill, and chance."""
    dice = random.Random(seed)
    for point in POINTS:
        yield at_point(point, dice.randint(1, MOST_PASSES[point]), seed=dice.randrange(10**6), http=dice.random() < 0.2)
    yield Plan("lost replies", lose=PHASES, seed=seed)
    after = dice.choice(("readback.before:1", "readback.after:1", "post.called:2", "attempt.committed:2"))
    some = tuple(dice.sample(PHASES, 4))
    yield Plan(f"lost replies + {after.split(':')[0]}", ((after, "attempt.committed:1"),), some, seed=seed)
    yield Plan("random kills", random_kills=8, seed=dice.randrange(10**6))
    yield Plan("random kills + lost replies", lose=some, random_kills=5, seed=dice.randrange(10**6))


def replicas(seed: int) -> Plan:
    """Two replicas on one database; one of them is killed, by name and by chance."""
    dice = random.Random(seed)
    outbox = [
        point for point in POINTS if point.split(".")[0] in ("claim", "attempt", "post", "finish", "edit", "tick")
    ]
    points = tuple(f"{point}:{dice.randint(1, 2)}" for point in dice.sample(outbox, 2))
    return Plan("two replicas", (points, ()), random_kills=2, lose=(dice.choice(PHASES),), seed=seed)
