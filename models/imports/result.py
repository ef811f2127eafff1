"""What an import did, or would do: counts, a description people can read, what it left out and what it leaves open."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from models.domain.errors import BadFile
from models.domain.files.problems import Problem
from models.domain.text import count

MOST_LINES = 40
"""Lines of description kept; the rest is counted, so that a first import of 10,000 deals stays readable."""
MOST_PROBLEMS = 500
"""Bad lines kept in words; the rest is counted."""


class Open(BaseModel):
    """A word of the file that means nobody (no partner, no stage) here: how many deals, why, and the likeliest, best first."""

    model_config = ConfigDict(frozen=True)

    said: str
    deals: int
    why: str = ""
    near: tuple[str, ...] = ()


class ImportResult(BaseModel):
    """`kind` is deals, partners, people, history or targets. `problems` are the bad lines that `skip_bad` left out.

    `skipped` counts bad lines, `outside` those of partners the person may not import for. `owners` are the words that
    mean nobody yet, `partners` the names that are no partner, `stages` the stages nobody knows. `match` says how the file was read, in lines: its kind
    and shape, header → field, the headers nobody knows. `after` is the result of the stage history that was given beside
    the deals.
    """

    model_config = ConfigDict(frozen=True)

    kind: str
    file_name: str
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    missing: int = 0
    skipped: int = 0
    outside: int = 0
    lines: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    match: tuple[str, ...] = ()
    owners: tuple[Open, ...] = ()
    partners: tuple[Open, ...] = ()
    stages: tuple[Open, ...] = ()
    run_id: int | None = None
    after: "ImportResult | None" = None

    @property
    def summary(self) -> str:
        """One sentence: `deals.csv: 3 created, 2 changed, 55 unchanged, 1 missing.`."""
        return f"{self.file_name}: {', '.join(self.counts())}."

    def counts(self) -> tuple[str, ...]:
        """`3 created`, `2 changed` and so on, without what there is none of beyond the first three."""
        return (
            f"{self.created} created",
            f"{self.changed} changed",
            f"{self.unchanged} unchanged",
            *((f"{self.missing} missing",) if self.missing else ()),
            *((f"{self.skipped} skipped",) if self.skipped else ()),
        )

    def as_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        return cls.model_validate(value)


@dataclass
class Tally:
    """Counts while a file is read, in memory that does not grow with it. `bad` are the numbers of bad lines."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    missing: int = 0
    outside: int = 0
    rows: int = 0
    lost: bool = False
    described: int = 0
    lines: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    found: int = 0
    bad: set[int] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)

    def describe(self, line: str) -> None:
        self.described += 1
        if len(self.lines) < MOST_LINES:
            self.lines.append(line)

    @property
    def wants_words(self) -> bool:
        """Whether one more change would still be described in words."""
        return len(self.lines) < MOST_LINES

    def refuse(self, *problems: Problem) -> None:
        for problem in problems:
            self.found += 1
            self.bad.add(problem.line)
            self.lost = self.lost or problem.lost
            if len(self.problems) < MOST_PROBLEMS:
                self.problems.append(problem)

    def told(self) -> tuple[str, ...]:
        more = self.described - len(self.lines)
        return (*self.lines, *((f"… and {more} more",) if more else ()))

    def sorted_problems(self) -> tuple[Problem, ...]:
        return tuple(sorted(self.problems, key=lambda problem: problem.line))


def capped(lines: list[str]) -> tuple[str, ...]:
    """The first lines, and how many more there are."""
    if len(lines) <= MOST_LINES:
        return tuple(lines)
    return (*lines[:MOST_LINES], f"… and {len(lines) - MOST_LINES} more")


def refuse(file_name: str, problems: Iterable[Problem], total: int | None = None) -> None:
    """Raise BadFile with every problem in the order of the file; nothing when there is none.

    `total` is how many there are when only the first of them are given.
    """
    found = tuple(sorted(problems, key=lambda problem: problem.line))
    if not found:
        return
    number = total or len(found)
    more = (f"… and {number - len(found)} more",) if number > len(found) else ()
    raise BadFile(
        f"{file_name} was not imported: {count(number, 'problem')}. Nothing was changed.",
        (*(str(problem) for problem in found), *more),
    )
