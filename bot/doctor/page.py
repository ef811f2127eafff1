"""Findings on a terminal: one line each, by what was examined, and a line that sums them up."""

from collections.abc import Sequence

from models.checkup import Finding, Severity, ordered

MARKS = {Severity.GOOD: "✓", Severity.LOOK: "!", Severity.WRONG: "✗"}
PLAIN_MARKS = {Severity.GOOD: "+", Severity.LOOK: "!", Severity.WRONG: "x"}
PLAIN = str.maketrans({"“": '"', "”": '"', "’": "'", "…": "...", "–": "-", "—": "-", "→": "->"})


def lines(findings: Sequence[Finding], *, unicode: bool) -> list[str]:
    """The lines to print; in ASCII where the terminal can show no more."""
    marks = MARKS if unicode else PLAIN_MARKS
    made = [_line(marks[one.severity], one) for one in ordered(findings)]
    number = {severity: sum(one.severity is severity for one in findings) for severity in Severity}
    made.append(f"{number[Severity.WRONG]} wrong, {number[Severity.LOOK]} to look at, {number[Severity.GOOD]} good.")
    return made if unicode else [line.translate(PLAIN).encode("ascii", "replace").decode() for line in made]


def _line(mark: str, one: Finding) -> str:
    said = " ".join(one.what.split())
    return f"{mark} {one.check:<10}{said}" + (f" Mend: {one.mend}" if one.mend else "")


def spoken_in(encoding: str | None) -> bool:
    """Whether a terminal of this encoding shows every letter."""
    return (encoding or "").lower().replace("-", "").replace("_", "") in ("utf8", "utf16", "utf32", "utf8sig")
