"""A partners file applied, matched by name. An empty cell says nothing and changes nothing."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import changes
from models.domain.files.encoding import Document, document
from models.domain.files.headers import Columns
from models.domain.files.partners import PartnerRow, parse_partners
from models.domain.files.problems import Problem
from models.domain.files.survey import survey
from models.domain.text import count, key, near
from models.imports import run
from models.imports.result import ImportResult, capped, refuse
from models.imports.trail import set_here
from models.tables import Partner, Person

TIER1_CEILING = 6
_NOTHING = object()

_LABELS = {
    "name": "name",
    "tier": "tier",
    "archetype": "archetype",
    "stage": "stage",
    "pm_id": "partner manager",
    "internal_channel": "internal channel",
    "joint_channel": "joint channel",
}


async def import_partners(
    session: AsyncSession,
    text: str | Document,
    *,
    file_name: str,
    now: datetime,
    by_id: int | None = None,
    skip_bad: bool = False,
    tier1_ceiling: int = TIER1_CEILING,
) -> ImportResult:
    """Apply a partners file in the caller's transaction; partner managers must be known people with the role pm.

    Raises:
        BadFile: every problem of the file, unless `skip_bad` leaves the bad lines out. Nothing was written.
    """
    text = document(text)
    rows, problems, columns = parse_partners(text)
    known = await _read(session)
    bad = [*problems, *(problem for row in rows for problem in known.problems(row, columns))]
    bad += _crossed(known, rows, columns)
    lines_of_bad = {problem.line for problem in bad}
    good = [row for row in rows if row.line not in lines_of_bad]
    if not skip_bad or not good:
        refuse(file_name, bad)
    this = await run.begin(session, "partners", digest=text.digest(), file_name=file_name, now=now, by_id=by_id)
    lines: list[str] = []
    created: list[tuple[Partner, PartnerRow]] = []
    for row in good:
        if key(row.name) not in known.by_key:
            partner = Partner(key=key(row.name), created_at=now, **_values(row, known))
            session.add(partner)
            known.by_key[partner.key] = partner
            created.append((partner, row))
        else:
            lines += _change(session, known, row, now=now, by_id=by_id)
    this.changed = len(lines)
    await session.flush()
    for partner, row in created:
        changes.note(session, "partner", partner.id, "name", None, row.name, by_id=by_id, source="import", at=now)
        lines.append(f"{row.name}: new, tier {partner.tier}, {known.name_of(partner.pm_id)}")
    this.created, this.skipped = len(created), len(lines_of_bad)
    this.unchanged = len(good) - this.created - this.changed
    return ImportResult(
        kind="partners",
        file_name=file_name,
        created=this.created,
        changed=this.changed,
        unchanged=this.unchanged,
        skipped=this.skipped,
        lines=capped(lines),
        problems=tuple(sorted(bad, key=lambda problem: problem.line)),
        warnings=(*text.warnings, *known.stays, *_warnings(known, good, tier1_ceiling)),
        match=survey(text).lines(),
    )


@dataclass
class _Known:
    by_key: dict[str, Partner]
    people: dict[int, Person]
    by_email: dict[str, Person]
    set_here: dict[tuple[int, str], Any]
    stays: list[str] = field(default_factory=list)

    def shown(self, name: str, value: Any) -> str:
        return self.name_of(value) if name == "pm_id" and value else str(value or "none")

    def name_of(self, pm_id: int | None) -> str:
        return self.people[pm_id].name if pm_id is not None else "no partner manager"

    def problems(self, row: PartnerRow, columns: Columns) -> list[Problem]:
        reason = self._pm_problem(row.pm_email) if row.pm_email else ""
        return [Problem(row.line, columns.header("pm_email"), reason)] if reason else []

    def _pm_problem(self, email: str) -> str:
        person = self.by_email.get(email)
        if person is None:
            alike = near(email, (known for known, human in self.by_email.items() if human.has("pm")))
            hint = f" Did you mean {' or '.join(alike)}?" if alike else ""
            return f"“{email}” is nobody we know.{hint} Import the people file first, with them in it."
        if person.side != "ours":
            return f"{person.name} works for a partner. A partner manager is one of our people."
        if not person.active:
            return f"{person.name} is deactivated. Name a partner manager who is here."
        if not person.has("pm"):
            return f"{person.name} does not have the role pm. Add it in the people file, or name a partner manager."
        return ""


async def _read(session: AsyncSession) -> _Known:
    """Every partner and everybody, in a constant number of statements."""
    people = list(await session.scalars(select(Person)))
    return _Known(
        {partner.key: partner for partner in await session.scalars(select(Partner))},
        {person.id: person for person in people},
        {person.email.lower(): person for person in people if person.email},
        await set_here(session, "partner", _LABELS),
    )


def _crossed(known: _Known, rows: tuple[PartnerRow, ...], columns: Columns) -> list[Problem]:
    """A joint channel belongs to one partner alone: anything else carries notes to people who must not see them."""
    in_file = {key(row.name) for row in rows}
    others = [partner for name, partner in known.by_key.items() if name not in in_file]
    joint = {partner.joint_channel: partner.name for partner in others if partner.joint_channel}
    internal = {partner.internal_channel: partner.name for partner in others if partner.internal_channel}
    found: list[Problem] = []
    for row in rows:
        if row.joint_channel in joint:
            reason = (
                f"#{row.joint_channel} is the joint channel of {joint[row.joint_channel]}. Each has one of its own."
            )
            found.append(Problem(row.line, columns.header("joint_channel"), reason))
        elif row.joint_channel in internal:
            reason = f"#{row.joint_channel} is the internal channel of {internal[row.joint_channel]}. Name another."
            found.append(Problem(row.line, columns.header("joint_channel"), reason))
        if row.joint_channel:
            joint.setdefault(row.joint_channel, row.name)
    for row in rows:
        if row.internal_channel in joint and row.internal_channel != row.joint_channel:
            reason = f"#{row.internal_channel} is the joint channel of {joint[row.internal_channel]}. Name another."
            found.append(Problem(row.line, columns.header("internal_channel"), reason))
    return found


def _values(row: PartnerRow, known: _Known) -> dict[str, Any]:
    """What the row says: filled cells only."""
    said = {
        "tier": row.tier,
        "archetype": row.archetype,
        "stage": row.stage,
        "pm_id": known.by_email[row.pm_email].id if row.pm_email else None,
        "internal_channel": row.internal_channel,
        "joint_channel": row.joint_channel,
    }
    # Set here too, not by the column's default alone: the description below is made before a default would be.
    return {"name": row.name, "tier": 2} | {name: value for name, value in said.items() if value}


def _change(session: AsyncSession, known: _Known, row: PartnerRow, *, now: datetime, by_id: int | None) -> list[str]:
    """Set what the row says and differs, with its trail; one line when anything did.

    Where the file says what it said before somebody changed it here, it has nothing new to say.
    """
    partner = known.by_key[key(row.name)]
    values = _values(row, known)
    if row.tier is None:
        del values["tier"]
    parts: list[str] = []
    for name, value in values.items():
        before = getattr(partner, name)
        if before == value:
            continue
        if known.set_here.get((partner.id, name), _NOTHING) == value:
            known.stays.append(
                f"{row.name}: the file still says {_LABELS[name]} {known.shown(name, value)}; "
                f"{known.shown(name, before)} was set in Slack since, and stays."
            )
            continue
        setattr(partner, name, value)
        changes.note(session, "partner", partner.id, name, before, value, by_id=by_id, source="import", at=now)
        parts.append(f"{_LABELS[name]} {known.shown(name, before)} → {known.shown(name, value)}")
    return [f"{row.name}: {'; '.join(parts)}"] if parts else []


def _warnings(known: _Known, good: list[PartnerRow], ceiling: int) -> list[str]:
    tier1 = [partner for partner in known.by_key.values() if partner.tier == 1]
    counts = Counter(partner.pm_id for partner in tier1 if partner.pm_id is not None)
    found = [
        f"{known.name_of(pm_id)} has {number} Tier 1 partners, more than the {ceiling} one person can give weekly "
        "attention."
        for pm_id, number in counts.items()
        if number > ceiling
    ]
    found += [f"{partner.name} is Tier 1 and has no partner manager." for partner in tier1 if partner.pm_id is None]
    in_file = {key(row.name) for row in good}
    bare = [partner.name for name, partner in known.by_key.items() if name not in in_file and partner.pm_id is None]
    if bare:
        found.append(f"Not in this file and without a partner manager: {count(len(bare), 'partner')}, {bare[0]} first.")
    return found
