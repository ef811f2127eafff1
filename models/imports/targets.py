"""An overlap of accounts applied: what a pursuit list with each partner begins with, one row an account.

An overlap is a whole: accounts that a later one of the same partner lacks are gone, unless it is said to be a part.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.deals import Source
from models.domain.files.encoding import Document, document
from models.domain.files.problems import Problem
from models.domain.files.survey import survey
from models.domain.files.targets import TargetRow, parse_targets
from models.domain.text import count, key
from models.imports import run
from models.imports.ground import saved_mapping
from models.imports.lookup import Unresolved, read_partners
from models.imports.options import Options
from models.imports.result import ImportResult, Open, capped, refuse
from models.imports.staging import make_partners
from models.tables import ImportRun, Target

_FIELDS = ("account", "our_status", "their_status", "our_owner", "their_owner", "note")


async def import_targets(
    session: AsyncSession,
    text: str | Document,
    *,
    file_name: str,
    now: datetime,
    by_id: int | None = None,
    options: Options | None = None,
    allowed: Collection[int] | None = None,
) -> ImportResult:
    """Apply an overlap in the caller's transaction. `allowed` are the partners the person may import for; None is all.

    Raises:
        BadFile: every problem of the file, unless `skip_bad` leaves the bad lines out. Nothing was written.
        UserError: `options.partner` is no partner.
    """
    chosen, given = options or Options(), document(text)
    mapping = chosen.mapping(await saved_mapping(session))
    partners = await read_partners(session, mapping, chosen.partner, create=chosen.create_partners)
    alone = partners.stand_in[1] if partners.stand_in else ""
    read = parse_targets(given, partner=alone, mapping=mapping)
    problems, found, outside = list(read.problems), dict[tuple[int, str], TargetRow](), 0
    for row in read.rows:
        try:
            partner_id = partners.find(row.partner)
        except Unresolved as error:
            problems.append(Problem(row.line, read.columns.header("partner"), str(error)))
            continue
        if allowed is not None and partner_id not in allowed:
            outside += 1
        else:
            found[partner_id, key(row.account)] = row  # a list names an account once for each of its records
    if not chosen.skip_bad or not found:
        refuse(file_name, problems)
    this = await run.begin(session, "targets", digest=given.digest(), file_name=file_name, now=now, by_id=by_id)
    await make_partners(session, partners, Source(now, by_id, "import", this.id))
    named = {(partners.rows.get(place[0], place[0]), place[1]): told for place, told in found.items()}
    await _apply(session, named, this, complete=chosen.complete)
    this.skipped = len({problem.line for problem in problems})
    names = dict(partners.by_key.values())
    accounts = Counter(names[partner_id] for partner_id, _ in named)
    lines = [f"{name}: {count(number, 'account')} both of you know" for name, number in sorted(accounts.items())]
    left = [f"{count(outside, 'line')} left out: accounts of partners that are not yours to import."] if outside else []
    return ImportResult(
        kind="targets",
        file_name=file_name,
        created=this.created,
        changed=this.changed,
        unchanged=this.unchanged,
        missing=this.missing,
        skipped=this.skipped,
        outside=outside,
        lines=capped(lines),
        problems=tuple(sorted(problems, key=lambda problem: problem.line)),
        warnings=(*read.warnings, *left),
        match=survey(given, mapping).lines(),
        partners=tuple(
            Open(said=said, deals=lines_, near=tuple(partners.near(said)))
            for said, lines_ in partners.unknown.most_common()
        ),
        run_id=this.id,
    )


async def _apply(
    session: AsyncSession, found: Mapping[tuple[int, str], TargetRow], this: ImportRun, *, complete: bool
) -> None:
    """Make the rows of these partners what the file says, and count."""
    rows = await session.scalars(select(Target).where(Target.partner_id.in_({partner_id for partner_id, _ in found})))
    present = {(row.partner_id, row.key): row for row in rows}
    for place, told in found.items():
        values = {name: getattr(told, name) for name in _FIELDS}
        there = present.get(place)
        if there is None:
            session.add(Target(partner_id=place[0], key=place[1], import_id=this.id, **values))
            this.created += 1
        elif there.gone_at is not None or any(getattr(there, name) != value for name, value in values.items()):
            there.gone_at, there.import_id = None, this.id
            for name, value in values.items():
                setattr(there, name, value)
            this.changed += 1
        else:
            this.unchanged += 1
    gone = [there for place, there in present.items() if place not in found and there.gone_at is None]
    for lost in gone if complete else ():
        lost.gone_at = this.at
        this.missing += 1
    await session.flush()
