"""The modal that says how the installation is: what is wrong first, and how to mend each."""

from collections.abc import Iterator, Sequence
from typing import Any

from handlers.doctor.ids import View
from handlers.kit import blocks as b
from models.checkup import Finding, Severity, ordered
from models.domain.text import clip, count

TITLE = "The installation"
MOST = 85
"""Findings that have a block of their own; headings and what is counted need the rest of Slack's hundred."""
LONGEST = 1200
HEADINGS = {
    Severity.WRONG: "*Wrong*",
    Severity.LOOK: "*Worth a look*",
    Severity.GOOD: "*Good*",
}
MARKS = {Severity.WRONG: ":x:", Severity.LOOK: ":warning:", Severity.GOOD: ":white_check_mark:"}


def looking() -> dict[str, Any]:
    """What stands there while Slack and the database are asked."""
    return b.modal(View.FOUND, TITLE, [b.section("Looking…")])


def found(findings: Sequence[Finding]) -> dict[str, Any]:
    """What was found. What does not fit is counted under its heading, never left out in silence."""
    made: list[b.Block] = [b.section(f"*{total(findings)}*")]
    room, weight = MOST, 0
    for severity in Severity:
        here = [one for one in ordered(findings) if one.severity is severity]
        if not here:
            continue
        made += [b.divider(), b.section(HEADINGS[severity])]
        shown = 0
        for block in _blocks(here):
            weight += b.weight(block)
            if shown >= room or weight > b.VIEW_WEIGHT:
                break
            made.append(block)
            shown += 1
        room -= shown
        if len(here) > shown:
            made.append(
                b.context(f"… and {len(here) - shown} more; `cadence doctor` on the command line shows them all.")
            )
    return b.modal(View.FOUND, TITLE, made)


def total(findings: Sequence[Finding]) -> str:
    """`2 wrong, 1 to look at, 9 good`."""
    number = {severity: sum(one.severity is severity for one in findings) for severity in Severity}
    if not number[Severity.WRONG] and not number[Severity.LOOK]:
        return f"All is well: {count(number[Severity.GOOD], 'check')}."
    return f"{number[Severity.WRONG]} wrong, {number[Severity.LOOK]} to look at, {number[Severity.GOOD]} good"


def _blocks(findings: Sequence[Finding]) -> Iterator[b.Block]:
    for one in findings:
        line = f"{MARKS[one.severity]} {clip(one.what, LONGEST)}"
        yield _plain("section", f"{line}\n→ {clip(one.mend, LONGEST)}") if one.mend else _plain("context", line)


def _plain(kind: str, text: str) -> b.Block:
    """Plain text, which is shown as it is: a setting or command in it can be copied, a name in it is never a mention."""
    said = {"type": "plain_text", "text": text, "emoji": True}
    return {"type": kind, "text": said} if kind == "section" else {"type": kind, "elements": [said]}
