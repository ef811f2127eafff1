"""What an import did, or would do: counts, a description people can read, and what it left out."""

from collections.abc import Iterable
from dataclasses import dataclass

from models.domain.errors import BadFile
from models.domain.files.problems import Problem
from models.domain.text import count

MOST_LINES = 40
"""Lines of description kept; the rest is counted, so that a first import of 10,000 deals stays readable."""


@dataclass(frozen=True)
class ImportResult:
    """`kind` is deals, partners, people or history. `problems` are the bad lines that `skip_bad` left out.

    `match` says how the file was read, in lines: its kind and shape, header → field, the headers nobody knows. `after`
    is the result of the stage history that was given beside the deals.
    """

    kind: str
    file_name: str
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    missing: int = 0
    skipped: int = 0
    lines: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    match: tuple[str, ...] = ()
    after: "ImportResult | None" = None

    @property
    def summary(self) -> str:
        """One sentence: `deals.csv: 3 created, 2 changed, 55 unchanged, 1 missing.`."""
        parts = (
            f"{self.created} created",
            f"{self.changed} changed",
            f"{self.unchanged} unchanged",
            *((f"{self.missing} missing",) if self.missing else ()),
            *((f"{self.skipped} skipped",) if self.skipped else ()),
        )
        return f"{self.file_name}: {', '.join(parts)}."


def capped(lines: list[str]) -> tuple[str, ...]:
    """The first lines, and how many more there are."""
    if len(lines) <= MOST_LINES:
        return tuple(lines)
    return (*lines[:MOST_LINES], f"… and {len(lines) - MOST_LINES} more")


def refuse(file_name: str, problems: Iterable[Problem]) -> None:
    """Raise BadFile with every problem in the order of the file; nothing when there is none."""
    found = tuple(sorted(problems, key=lambda problem: problem.line))
    if not found:
        return
    raise BadFile(
        f"{file_name} was not imported: {count(len(found), 'problem')}. Nothing was changed.",
        tuple(str(problem) for problem in found),
    )
