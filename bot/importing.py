"""Data in from the command line: read the file, apply it in one transaction, say what changed."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from models.cards import touch_everything
from models.db import Database
from models.domain.files import Document, File, opened
from models.domain.policy import Policy
from models.domain.zones import zone
from models.imports import ImportResult, import_deals, import_history, import_partners, import_people


class _DryRunError(Exception):
    """Rolls back what a dry run did."""

    def __init__(self, result: ImportResult) -> None:
        super().__init__()
        self.result = result


def read(path: Path) -> Document:
    """The file's text, to be opened as often as needed. Raises BadFile when it is a spreadsheet, an image or damaged."""
    return opened(File(path))


async def apply(
    db: Database,
    kind: str,
    file: Path,
    *,
    accounts: Path | None,
    options: Mapping[str, str],
    dry_run: bool,
    skip_bad: bool,
    complete: bool,
    now: datetime,
    policy: Policy,
    columns: Mapping[str, str] | None = None,
    history: Path | None = None,
) -> ImportResult:
    """Apply the file whole or not at all; a dry run does everything and takes it back.

    `columns`: headers to fields, beside what is saved. `history` is a stage history of the same deals, applied with them.
    """
    text = read(file)
    joined, past = (read(path) if path else None for path in (accounts, history))
    try:
        async with db.write() as session:
            result = await _one(
                session,
                kind,
                text,
                file.name,
                joined,
                options,
                columns,
                skip_bad=skip_bad,
                complete=complete,
                now=now,
                policy=policy,
            )
            if past is not None and history is not None:
                told = await import_history(
                    session, past, file_name=history.name, now=now, zone=zone(policy.zone), skip_bad=skip_bad,
                    stages=policy.stages, company_currency=policy.currency,
                )  # fmt: skip
                result = replace(result, after=told)
            if dry_run:
                raise _DryRunError(result)  # noqa: TRY301 - it rolls back, which is the point
            await touch_everything(session)
    except _DryRunError as done:
        return done.result
    return result


async def _one(
    session: Any,
    kind: str,
    text: Document,
    name: str,
    accounts: Document | None,
    options: Mapping[str, str],
    columns: Mapping[str, str] | None,
    *,
    skip_bad: bool,
    complete: bool,
    now: datetime,
    policy: Policy,
) -> ImportResult:
    if kind == "people":
        return await import_people(session, text, file_name=name, now=now, skip_bad=skip_bad)
    if kind == "partners":
        return await import_partners(
            session, text, file_name=name, now=now, skip_bad=skip_bad, tier1_ceiling=policy.tier1_ceiling
        )
    given: dict[str, Any] = {key: value for key, value in options.items() if value}
    return await import_deals(
        session, text, file_name=name, now=now, accounts=accounts, skip_bad=skip_bad, complete=complete,
        stages=policy.stages, company_currency=policy.currency, columns=columns, **given,
    )  # fmt: skip


def report(result: ImportResult, *, dry_run: bool) -> Iterator[str]:
    """What a person reads after an import: how it was read, every change, what was left out, what to look at, the sum."""
    yield from (f"  read as: {line}" for line in result.match[:1])
    yield from (f"  {line}" for line in result.match[1:])
    yield from (f"  {line}" for line in result.lines)
    for problem in result.problems:
        yield f"  left out: {problem}"
    for warning in result.warnings:
        yield f"  look at this: {warning}"
    if result.after:
        yield from report(result.after, dry_run=False)
    yield ("Dry run, nothing was changed. " if dry_run else "") + result.summary
