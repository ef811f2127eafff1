"""A workbook of many deals, whose rows are made as they are asked for: for the bench, in a process of its own."""

import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from handlers.files.rows import DealRow
from handlers.files.workbook import Workbook
from tests.files import samples
from tests.files.opened import BERLIN

ROOT = Path(__file__).resolve().parents[2]


def write(number: int, place: Path) -> None:
    """A workbook of that many deals and their parts."""
    facts, pms, rng = (
        samples.quarter(1, 20).facts,
        [(partner, 1 + partner % 3) for partner in range(1, 40)],
        random.Random(3),
    )

    def deals() -> Iterator[DealRow]:
        made = random.Random(1)
        return (samples.make_deal(place, made, pms) for place in range(number))

    with Workbook(str(place), facts, samples.book(), zone=BERLIN) as workbook:
        workbook.deals(deals())
        workbook.parts(part for deal in deals() for part in samples.parts_of(deal, rng, pms))


def measured(number: int, place: Path) -> tuple[float, int]:
    """Seconds of CPU and KiB of peak memory that a workbook of that many deals takes, imports included."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.files.large", str(number), str(place)],
        capture_output=True, text=True, check=True, cwd=ROOT, timeout=600,
    )  # fmt: skip
    seconds, peak = done.stdout.split()
    return float(seconds), int(peak)


if __name__ == "__main__":
    write(int(sys.argv[1]), Path(sys.argv[2]))
    print(time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
