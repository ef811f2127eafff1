"""A people file applied: who they are, matched by e-mail. An empty cell says nothing and changes nothing."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import changes
from models.domain.files.encoding import Document, document
from models.domain.files.headers import Columns
from models.domain.files.people import PersonRow, parse_people
from models.domain.files.problems import Problem
from models.domain.files.survey import survey
from models.domain.policy import Policy
from models.domain.text import count, key
from models.imports import run
from models.imports.lookup import unknown_partner
from models.imports.result import ImportResult, capped, refuse
from models.imports.trail import set_here
from models.joint import counterparts
from models.tables import ImportRun, Partner, Person, PersonRole


async def import_people(
    session: AsyncSession,
    text: str | Document,
    *,
    file_name: str,
    now: datetime,
    by_id: int | None = None,
    skip_bad: bool = False,
    policy: Policy | None = None,
) -> ImportResult:
    """Apply a people file in the caller's transaction.

    A counterpart's member ID proposes that this Slack user speaks for the partner; only its manager can confirm that.

    Before the first partners file a counterpart's partner is created by its name, since people come first: partners
    name their managers. After it an unknown partner is a bad line.

    Raises:
        BadFile: every problem of the file, unless `skip_bad` leaves the bad lines out. Nothing was written.
    """
    text = document(text)
    rows, problems, columns = parse_people(text)
    known = await _read(session)
    bad = [*problems, *(problem for row in rows for problem in known.problems(row, columns))]
    lines_of_bad = {problem.line for problem in bad}
    good = [row for row in rows if row.line not in lines_of_bad]
    if not skip_bad or not good:
        refuse(file_name, bad)
    this = await run.begin(session, "people", digest=text.digest(), file_name=file_name, now=now, by_id=by_id)
    writer = _Writer(session, known, this, now, by_id)
    await writer.add_partners([row.partner for row in good if row.partner])
    await writer.add_people([row for row in good if row.email not in known.by_email])
    for row in good:
        if row.line not in writer.new:
            writer.change(known.by_email[row.email], row)
    await session.flush()
    await writer.propose(good, policy or Policy())
    this.created, this.changed, this.skipped = len(writer.new), writer.changed, len(lines_of_bad)
    this.unchanged = len(good) - this.created - this.changed
    return ImportResult(
        kind="people",
        file_name=file_name,
        created=this.created,
        changed=this.changed,
        unchanged=this.unchanged,
        skipped=this.skipped,
        lines=capped(writer.lines),
        problems=tuple(sorted(bad, key=lambda problem: problem.line)),
        warnings=(*text.warnings, *writer.stays),
        match=survey(text).lines(),
    )


@dataclass
class _Known:
    by_email: dict[str, Person]
    by_slack_id: dict[str, Person]
    partners: dict[str, Partner]
    managing: Counter[int]
    partners_came: bool
    set_here: dict[tuple[int, str], Any]

    def problems(self, row: PersonRow, columns: Columns) -> list[Problem]:
        reasons: dict[str, str] = {}
        person = self.by_email.get(row.email)
        holder = self.by_slack_id.get(row.slack_id)
        if holder is not None and holder is not person and holder.email:
            reasons["slack_id"] = f"{row.slack_id} is {holder.name} ({holder.email}). Each person has one of their own."
        if row.partner and self.partners_came and key(row.partner) not in self.partners:
            sentence = unknown_partner(row.partner, (partner.name for partner in self.partners.values()))
            reasons["partner"] = sentence.replace(", or use --partner NAME", "")
        manages = self.managing[person.id] if person else 0
        told = self.set_here.get((person.id, "roles"), _NOTHING) if person else _NOTHING
        if manages and "pm" not in row.roles and told != list(row.roles):
            reasons["role"] = (
                f"{row.name} manages {count(manages, 'partner')}. Keep the role pm, or give these partners to somebody "
                "else first."
            )
        return [Problem(row.line, columns.header(field), reason) for field, reason in reasons.items()]


async def _read(session: AsyncSession) -> _Known:
    """Everybody and every partner, in a constant number of statements."""
    people = list(await session.scalars(select(Person)))
    partners = list(await session.scalars(select(Partner)))
    came = await session.scalar(select(ImportRun.id).where(ImportRun.kind == "partners").limit(1))
    return _Known(
        {person.email.lower(): person for person in people if person.email},
        {person.slack_id: person for person in people if person.slack_id},
        {partner.key: partner for partner in partners},
        Counter(partner.pm_id for partner in partners if partner.pm_id is not None),
        came is not None,
        await set_here(session, "person", (*_LABELS, "roles")),
    )


@dataclass
class _Writer:
    session: AsyncSession
    known: _Known
    run: ImportRun
    now: datetime
    by_id: int | None
    new: set[int] = field(default_factory=set)
    changed: int = 0
    lines: list[str] = field(default_factory=list)
    stays: list[str] = field(default_factory=list)

    async def add_partners(self, names: list[str]) -> None:
        """Partners that only counterparts have named yet; the partners file says the rest."""
        for name in names:
            if key(name) not in self.known.partners:
                partner = Partner(name=name, key=key(name), created_at=self.now)
                self.known.partners[partner.key] = partner
                self.session.add(partner)
                await self.session.flush()
                self._note("partner", partner.id, "name", None, name)
                self.lines.append(f"{name}: new partner; the partners file says its tier and manager")

    async def add_people(self, rows: list[PersonRow]) -> None:
        """New people; one whom Slack knew already without an e-mail address is recognised by the member ID."""
        added: list[tuple[Person, PersonRow]] = []
        for row in rows:
            if row.slack_id in self.known.by_slack_id:
                self.known.by_email[row.email] = self.known.by_slack_id[row.slack_id]
                continue
            person = Person(name=row.name, email=row.email, created_at=self.now, roles=[], **self._values(row))
            person.roles = [PersonRole(role=role) for role in row.roles]
            self.session.add(person)
            self.known.by_email[row.email] = person
            self.new.add(row.line)
            added.append((person, row))
        await self.session.flush()
        for person, row in added:
            self._note("person", person.id, "name", None, row.name)
            self.lines.append(f"{row.name}: new, {self._doing(row)}")

    async def propose(self, rows: list[PersonRow], policy: Policy) -> None:
        """Each counterpart whose Slack user the file names waits for the partner's manager, unless somebody knows already."""
        for row in rows:
            person = self.known.by_email[row.email]
            if row.slack_id and person.side == "theirs":
                made = await counterparts.named_in_file(
                    self.session, person, row.slack_id, by_id=self.by_id, now=self.now, policy=policy
                )
                if made is not None:
                    self.lines.append(
                        f"{row.name}: the partner's manager is asked whether they speak for {row.partner}"
                    )

    def change(self, person: Person, row: PersonRow) -> None:
        """Set what the row says and differs; every field leaves its line in the trail."""
        parts: list[str] = []
        wanted = {"name": row.name, "email": row.email, **self._values(row)}
        for name, value in wanted.items():
            before = getattr(person, name)
            if before != value and not self._stays(person, name, _LABELS[name], value):
                setattr(person, name, value)
                self._note("person", person.id, name, before, value)
                parts.append(f"{_LABELS[name]} {self._shown(name, before)} → {self._shown(name, value)}")
        held = tuple(sorted(role.role for role in person.roles))
        if row.roles != held and not self._stays(person, "roles", "role", list(row.roles)):
            person.roles = [
                *(role for role in person.roles if role.role in row.roles),
                *(PersonRole(role=role) for role in row.roles if role not in held),
            ]
            self._note("person", person.id, "roles", list(held), list(row.roles))
            parts.append(f"role {', '.join(held) or 'none'} → {', '.join(row.roles) or 'none'}")
        if parts:
            self.changed += 1
            self.lines.append(f"{row.name}: {'; '.join(parts)}")

    def _stays(self, person: Person, name: str, label: str, value: Any) -> bool:
        """Whether the file only says again what it said before somebody changed it here."""
        if self.known.set_here.get((person.id, name), _NOTHING) != value:
            return False
        shown = ", ".join(value) if isinstance(value, list) else self._shown(name, value)
        self.stays.append(f"{person.name}: the file still says {label} {shown}; what was set in Slack since stays.")
        return True

    def _values(self, row: PersonRow) -> dict[str, Any]:
        """What the row says beyond name and e-mail; side and partner always, the rest where the cell is filled."""
        partner = self.known.partners[key(row.partner)] if row.partner else None
        # Whose Slack user a counterpart is, no file decides: it is bound by the partner's manager alone.
        slack_id = "" if row.side == "theirs" else row.slack_id
        said = {"slack_id": slack_id, "zone": row.time_zone, "calendar": row.holidays}
        return {
            "side": row.side,
            "partner_id": partner.id if partner else None,
            **{name: value for name, value in said.items() if value},
        }

    def _doing(self, row: PersonRow) -> str:
        return f"counterpart at {row.partner}" if row.partner else ", ".join(row.roles)

    def _shown(self, name: str, value: Any) -> str:
        if name == "partner_id":
            return next((partner.name for partner in self.known.partners.values() if partner.id == value), "none")
        return str(value or "none")

    def _note(self, entity: str, entity_id: int, name: str, before: Any, after: Any) -> None:
        changes.note(
            self.session, entity, entity_id, name, before, after, by_id=self.by_id, source="import", at=self.now
        )


_NOTHING = object()
_LABELS = {
    "name": "name",
    "email": "e-mail",
    "side": "side",
    "partner_id": "partner",
    "slack_id": "Slack ID",
    "zone": "time zone",
    "calendar": "holidays",
}
