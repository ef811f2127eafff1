"""The long crash run: `python -m tests.crash [--rounds N] [--seed S] [--database sqlite|postgresql|both]`."""

import argparse
import asyncio
import contextlib
import random
import sys
import tempfile
import time
from pathlib import Path

from tests import postgres
from tests.crash import plans
from tests.crash.ground import Template, prepare
from tests.crash.lives import Broken, Nursery, nursery
from tests.crash.plans import Plan
from tests.crash.verdict import Verdict
from tests.crash.week import play

COLUMNS = (
    "weeks",
    "kills",
    "lost replies",
    "messages",
    "lost",
    "doubled",
    "acked",
    "stored",
    "repeats",
    "wrong",
    "seconds",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=None, help="printed, so that a run can be repeated")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--at-once", type=int, default=4, help="weeks played side by side")
    parser.add_argument("--only", default="", help="only plans whose name contains this")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else random.randrange(10**6)
    kinds = ["sqlite", "postgresql"] if given.database == "both" else [given.database]
    print(f"seed {seed}, {given.rounds} rounds, {', '.join(kinds)}", flush=True)
    with contextlib.ExitStack() as stack:
        base = stack.enter_context(postgres.cluster(durable=True)) if "postgresql" in kinds else ""
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cadence-crash-")))
        began = time.monotonic()
        found = asyncio.run(
            run(kinds, base, folder, rounds=given.rounds, seed=seed, at_once=given.at_once, only=given.only)
        )
        print(table(found, time.monotonic() - began))
    return 0 if all(one.good for one in found) else 1


async def run(
    kinds: list[str], base: str, folder: Path, *, rounds: int, seed: int, at_once: int, only: str
) -> list[Verdict]:
    """All weeks, a few side by side; one verdict a plan and database."""
    totals: dict[tuple[str, str], Verdict] = {}
    room = asyncio.Semaphore(at_once)
    async with nursery() as mother:
        templates = {kind: await prepare(kind, folder, base) for kind in kinds}

        async def one(plan: Plan, template: Template, place: Path) -> None:
            async with room:
                place.mkdir()
                verdict = await judged(plan, template, mother, place)
            total = totals.get((template.kind, plan.name))
            if total is None:
                totals[template.kind, plan.name] = verdict
            else:
                total.add(verdict)

        async with asyncio.TaskGroup() as group:
            for number in range(rounds):
                for kind, template in templates.items():
                    chosen = [*plans.round_of(seed + number)]
                    if kind == "postgresql":
                        chosen.append(plans.replicas(seed + number))
                    for place, plan in enumerate(chosen):
                        if only in plan.name:
                            totals.setdefault((kind, plan.name), Verdict(plan.name, kind, weeks=0))
                            group.create_task(one(plan, template, folder / f"{kind}-{number}-{place}"))
    return list(totals.values())


async def judged(plan: Plan, template: Template, mother: Nursery, folder: Path) -> Verdict:
    """A week's verdict; a week that could not be played to its end is wrong as a whole."""
    began = time.monotonic()
    try:
        verdict = await play(plan, template, mother, folder)
    except Broken as broken:
        verdict = Verdict(plan.name, wrong=[str(broken)])
    verdict.database, verdict.seconds = template.kind, round(time.monotonic() - began)
    if not verdict.good:
        print(
            f"\n{template.kind}: {plan}\n  lost {verdict.lost}\n  doubled {verdict.doubled}\n  wrong {verdict.wrong}",
            flush=True,
        )
    print("." if verdict.good else "!", end="", flush=True)
    return verdict


def row_of(one: Verdict) -> list[int]:
    return [
        one.weeks, one.kills, one.lost_replies, one.expected, len(one.lost), len(one.doubled), one.acked, one.stored,
        one.repeats, len(one.wrong), one.seconds,
    ]  # fmt: skip


def table(found: list[Verdict], seconds: float) -> str:
    lines = [f"\n{'':11}{'':42}" + "".join(f"{name:>13}" for name in COLUMNS)]
    for one in found:
        lines.append(f"{one.database:11}{one.plan:42}" + "".join(f"{number:13}" for number in row_of(one)))
    sums = [sum(column) for column in zip(*(row_of(one) for one in found), strict=True)] if found else []
    lines.append(f"{'all':53}" + "".join(f"{number:13}" for number in sums))
    missed = sum(one.not_reached for one in found)
    lines.append(f"{seconds:.0f} s; {missed} named kills were not reached before their week ended")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
