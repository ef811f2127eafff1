"""Three weeks in the life of a deal: what its line said in the first file, and what it says in today's.

Each plot is one thing that happens to deals, so that a note made from them has something of everything: moved, slipped,
stalled, won, lost, new, gone, and the untidy ones every CRM has.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from bot.demo.build import Deals
from models.domain.deals import DEFAULT_STAGES

YOUNG = frozenset({"committed", "raised", "pulled in", "lowered", "won"})
STAGES = DEFAULT_STAGES.names[:8]
"""The open stages, in their order."""

_SUBJECTS = (
    "platform rollout",
    "renewal and expansion",
    "pilot, 40 seats",
    "data residency add-on",
    "warehouse integration",
    "payments module",
    "EMEA expansion",
    "analytics, phase 2",
    "security review package",
    "field service, 120 seats",
)
_STEPS = (
    "Qualify budget with the sponsor",
    "Discovery workshop with operations",
    "Write up requirements together",
    "Value case for the steering group",
    "Meet the economic buyer",
    "Reference call with a customer alike",
    "Send pricing for three years",
    "Legal review of the order form",
)
_KINDS = ("sourced", "influenced", "co-sold")


@dataclass(frozen=True)
class Story:
    """One deal: what happens to it, whose it is. `partners` are names, the primary first; none is a direct deal."""

    plot: str
    account: str
    partners: tuple[str, ...]
    owner: str
    other_owner: str


@dataclass
class _Line:
    """One deal as it stands in a file, before it is written."""

    stage: int
    amount: int | None
    close: date | None
    owner: str
    category: str = ""
    final: str = ""
    next_step: str | None = None


@dataclass
class _Scene:
    """What a plot works with: the line as it was, to be changed into the line as it is."""

    today: date
    rng: Random
    line: _Line
    other_owner: str
    present: dict[str, bool] = field(default_factory=lambda: {"before": True, "after": True})


def tell(stories: Sequence[Story], *, today: date, rng: Random, installed: date | None = None) -> Deals:
    """The rows of both files. The same stories, day and state of `rng` give the same rows.

    `installed`: the day of the first file, on which the deals of `YOUNG` plots were created: their attribution has a clock.
    """
    before: list[dict[str, str]] = []
    after: list[dict[str, str]] = []
    for number, story in enumerate(stories, 1):
        stage = rng.randrange(1, 7)
        line = _Line(
            stage=stage,
            amount=rng.randrange(12, 320) * rng.choice((500, 1_000, 1_000, 2_000)),
            close=_weekday(today + timedelta(days=rng.randrange(12, 75))),
            owner=story.owner,
        )
        created = today - timedelta(days=rng.randrange(35, 190))
        if installed is not None and story.plot in YOUNG and story.partners:
            created = installed
        fixed = {
            "crm_id": f"006HALYARD{number:05d}",
            "name": f"{story.account} – {_SUBJECTS[rng.randrange(len(_SUBJECTS))]}",
            "account": story.account,
            "partner": ";".join(story.partners),
            "partner_role": ";".join(("co-sell", "delivery")[: len(story.partners)]),
            "share": "70;30" if len(story.partners) == 2 else "",  # noqa: PLR2004 (a deal of two partners)
            "currency": "USD",
            "attribution": _KINDS[rng.randrange(len(_KINDS))] if story.partners else "",
        }
        scene = _Scene(today, rng, line, story.other_owner)
        begin, end = PLOTS[story.plot]
        begin(scene)
        if scene.present["before"]:
            before.append(fixed | _written(scene.line, created))
        else:
            created = today - timedelta(days=rng.randrange(2, 9))
        end(scene)
        if scene.present["after"]:
            after.append(fixed | _written(scene.line, created))
    return Deals(tuple(before), tuple(after))


def _written(line: _Line, created: date) -> dict[str, str]:
    stage = line.final or STAGES[line.stage]
    step = "" if line.final else _STEPS[line.stage]
    return {
        "owner_email": line.owner,
        "stage": stage,
        "category": line.category,
        "amount": "" if line.amount is None else str(line.amount),
        "close_date": line.close.isoformat() if line.close else "",
        "created_date": created.isoformat(),
        "next_step": step if line.next_step is None else line.next_step,
    }


def _weekday(day: date) -> date:
    """Nobody writes a Saturday into a CRM: the Monday after."""
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() >= 5 else 0)  # noqa: PLR2004 (Saturday)


def _nothing(_scene: _Scene) -> None:
    """The deal just stands there."""


def _advance(scene: _Scene) -> None:
    scene.line.stage += 1


def _slip(scene: _Scene) -> None:
    if scene.line.close:
        scene.line.close = _weekday(scene.line.close + timedelta(days=scene.rng.randrange(28, 50)))


def _pull_in(scene: _Scene) -> None:
    if scene.line.close:
        scene.line.close = _weekday(scene.line.close - timedelta(days=9))


def _raise(scene: _Scene) -> None:
    scene.line.amount = (scene.line.amount or 0) * 5 // 4


def _shrink(scene: _Scene) -> None:
    scene.line.amount = (scene.line.amount or 0) * 3 // 4


def _in_negotiation(scene: _Scene) -> None:
    scene.line.stage = 7


def _lower(scene: _Scene) -> None:
    scene.line.category = "best case"


def _win(scene: _Scene) -> None:
    scene.line.final, scene.line.close = "Closed Won", scene.today - timedelta(days=3)


def _lose(scene: _Scene) -> None:
    scene.line.final, scene.line.close = "Closed Lost", scene.today - timedelta(days=2)


def _won_long_ago(scene: _Scene) -> None:
    scene.line.final, scene.line.close = "Closed Won", scene.today - timedelta(days=scene.rng.randrange(25, 60))


def _without_amount(scene: _Scene) -> None:
    scene.line.amount = None


def _without_close(scene: _Scene) -> None:
    scene.line.close, scene.line.next_step = None, ""


def _past_close(scene: _Scene) -> None:
    scene.line.close = scene.today - timedelta(days=scene.rng.randrange(4, 12))


def _hand_over(scene: _Scene) -> None:
    scene.line.owner = scene.other_owner


def _absent_before(scene: _Scene) -> None:
    scene.line.stage, scene.present["before"] = 1, False


def _absent_after(scene: _Scene) -> None:
    scene.present["after"] = False


PLOTS: Mapping[str, tuple[Callable[[_Scene], None], Callable[[_Scene], None]]] = {
    "moved": (_nothing, _advance),
    "stalled": (_nothing, _nothing),
    "slipped": (_nothing, _slip),
    "pulled in": (_nothing, _pull_in),
    "raised": (_nothing, _raise),
    "shrunk": (_nothing, _shrink),
    "committed": (_in_negotiation, _nothing),
    "lowered": (_in_negotiation, _lower),
    "won": (_in_negotiation, _win),
    "lost": (_nothing, _lose),
    "won long ago": (_won_long_ago, _nothing),
    "reassigned": (_nothing, _hand_over),
    "new": (_absent_before, _nothing),
    "gone": (_nothing, _absent_after),
    "no amount": (_without_amount, _nothing),
    "no close date": (_without_close, _nothing),
    "past close": (_past_close, _nothing),
}
"""How a deal begins in the first file, and what has happened to it by today's."""
