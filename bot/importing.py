"""Data in: a file looked over, then applied, with the transactions in between.

A deals file of any length is staged in short transactions that nobody sees and made visible by one more; meanwhile
forms are saved as ever. Reading it is done in a thread, so that nobody's click waits for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from bot.clock import real_now
from models import births, managers
from models.cards import touch_everything
from models.db import Database
from models.domain.files import Document, File, Problem, opened, parse_accounts
from models.domain.files.deal_rows import DealRow
from models.domain.files.deals import DealFile
from models.domain.policy import Policy
from models.domain.zones import zone
from models.imports import (
    ImportResult,
    activating,
    deals,
    funding,
    history,
    import_partners,
    import_people,
    import_targets,
    planning,
    run,
    staging,
)
from models.imports.ground import Ground, survey_ground
from models.imports.options import Options
from models.imports.result import Tally
from models.tables import ImportRun, Partner

Progress = Callable[[int, int], Awaitable[None]]
"""Told how many lines of how many are done, after each batch."""


async def no_progress(_done: int, _total: int) -> None:
    """For whoever does not watch."""


@dataclass(frozen=True)
class Job:
    """One file to import. `kind` is deals, people, partners, history, targets, quotas or rates; `now` is business time.

    `accounts` and `history` are files given beside a deals file. `allowed` are the partners the person may import for;
    None is all.
    """

    kind: str
    name: str
    text: Document
    now: datetime
    options: Options = field(default_factory=Options)
    by_id: int | None = None
    accounts: Document | None = None
    history: Document | None = None
    history_name: str = ""
    allowed: frozenset[int] | None = None


class _DryRunError(Exception):
    """Rolls back what a dry run did."""


def read(path: Path) -> Document:
    """The file's text, to be opened as often as needed. Raises BadFile when it is a spreadsheet, an image or damaged."""
    return opened(File(path))


class Importer:
    """Imports files into one database. `progress` is told of long ones; `batch` is how many lines one transaction writes."""

    def __init__(
        self, db: Database, policy: Policy, progress: Progress = no_progress, *, batch: int = deals.BATCH
    ) -> None:
        self.db = db
        self.policy = policy
        self.progress = progress
        self.batch = batch

    async def look(self, job: Job) -> ImportResult:
        """What `apply` would do. Changes nothing, and holds no lock while a long file is read.

        Raises:
            BadFile: as `apply`.
        """
        if job.kind == "deals":
            return await self._look_at_deals(job)
        if job.kind == "history":
            return await self._history(job, job.text, job.name, dry_run=True)
        return await self._whole(job, dry_run=True)

    async def apply(self, job: Job) -> ImportResult:
        """Apply the file whole or not at all.

        Raises:
            BadFile: every problem of the file, unless the options leave the bad lines out. Nothing was changed.
            UserError: an option means nothing here, or another import is under way.
        """
        await self.tidy()
        if job.kind == "deals":
            return await self._apply_deals(job)
        if job.kind == "history":
            return await self._history(job, job.text, job.name, dry_run=False)
        return await self._whole(job, dry_run=False)

    async def tidy(self) -> None:
        """Take back what a dead import staged, and finish what one that everybody sees has left to do."""
        async with self.db.read() as session:
            staged, shown = await staging.dead(session, real_now=real_now())
        for run_id in staged:
            await self._abandon(run_id, silent_since=real_now())
        for run_id in shown:
            await self._settle(run_id)

    async def _look_at_deals(self, job: Job) -> ImportResult:
        reading = await self._open(job)
        async for _ in reading.planned(self):
            pass
        deals.check(job.name, reading.tally, skip_bad=job.options.skip_bad)
        async with self.db.read() as session:
            async for _ in deals.missing(session, reading.ground, reading.file, reading.tally):
                pass
        found = deals.result(job.name, reading.ground, reading.file, reading.tally)
        if job.history is None:
            return found
        told = await self._tell(job, job.history, job.history_name)
        coming = frozenset(told.by_deal) & reading.file.seen
        return found.model_copy(update={"after": await self._look_at_history(told, job.history_name, coming)})

    async def _open(self, job: Job) -> "Reading":
        async with self.db.read() as session:
            ground = await survey_ground(
                session, job.text, job.options, now=job.now, file_name=job.name, stages=self.policy.stages,
                company_currency=self.policy.currency, allowed=job.allowed,
            )  # fmt: skip
        file = await asyncio.to_thread(_look_over, ground, job)
        return Reading(ground, file)

    async def _apply_deals(self, job: Job) -> ImportResult:
        reading = await self._open(job)
        batches = reading.planned(self)
        first = await anext(batches, None)  # a short file that is refused has never been written at all
        if reading.over:
            deals.check(job.name, reading.tally, skip_bad=job.options.skip_bad)
        digest = await asyncio.to_thread(job.text.digest)
        async with self.db.write() as session:
            under_way = await staging.begin(
                session, "deals", digest=digest, file_name=job.name, now=job.now, real_now=real_now(), by_id=job.by_id
            )
        try:
            past = await self._stage(job, reading, under_way, first, batches)
            await self._activate(job, reading, under_way)
        except BaseException:
            await asyncio.shield(self._take_back(under_way.run_id, reading.ground))
            raise
        await self._settle(under_way.run_id, job.now)
        found = deals.result(job.name, reading.ground, reading.file, reading.tally, under_way.run_id)
        if past is None:
            return found
        return found.model_copy(update={"after": await self._write_history(job, past, job.history_name)})

    async def _stage(
        self, job: Job, reading: "Reading", under_way: staging.Staging, first: planning.Batch | None, batches: Any
    ) -> "history.Told | None":
        """Write everything that nobody sees yet; the history is only read. Raises BadFile for a bad line of either."""
        batch = first
        while batch is not None:
            if not reading.tally.found or job.options.skip_bad:  # else it is read on for the sake of its other problems
                async with self.db.write() as session:
                    await staging.keep_alive(session, under_way.run_id, real_now=real_now())
                    await staging.stage(session, under_way, batch, reading.ground)
            batch = await anext(batches, None)
        deals.check(job.name, reading.tally, skip_bad=job.options.skip_bad)
        async with self.db.read() as reader:
            async for gone in deals.missing(reader, reading.ground, reading.file, reading.tally):
                async with self.db.write() as session:
                    await staging.keep_alive(session, under_way.run_id, real_now=real_now())
                    await staging.stage_missing(session, under_way, gone)
        if job.history is None:
            return None
        told = await self._tell(job, job.history, job.history_name, under_way.run_id)
        async with self.db.write() as session:
            await staging.keep_alive(session, under_way.run_id, real_now=real_now())
        return told

    async def _activate(self, job: Job, reading: "Reading", under_way: staging.Staging) -> None:
        """The one short transaction that everybody sees."""
        async with self.db.write() as session:
            await activating.activate(session, under_way, reading.tally, reading.ground.words, self.policy.stages)
            await deals.remember(session, reading.ground, reading.file, job.now, job.by_id)
            await touch_everything(session)

    async def _settle(self, run_id: int, now: datetime | None = None) -> None:
        """Tidy up behind an import, ask whether deals born in Slack came with it, and let the next one begin."""
        more = True
        while more:
            async with self.db.write() as session:
                more = await activating.settle(session, run_id, real_now=real_now())
        async with self.db.read() as session:
            found = await births.look(session, run_id)
            at = await session.scalar(select(ImportRun.at).where(ImportRun.id == run_id))
        async with self.db.write() as session:
            await births.propose(session, run_id, now=now or at or real_now(), policy=self.policy, found=found)
            await activating.finish(session, run_id)

    async def _abandon(self, run_id: int, *, silent_since: datetime | None = None) -> None:
        """Take back what was staged; `silent_since`: only if nobody is at work on it any more."""
        async with self.db.write() as session:
            more = await staging.give_up(session, run_id, silent_since=silent_since)
        while more:
            async with self.db.write() as session:
                more = await staging.abandon(session, run_id)

    async def _take_back(self, run_id: int, ground: Ground) -> None:
        """Nothing of a refused file stays, partners that were made for it included."""
        async with self.db.read() as session:
            held = await session.get(ImportRun, run_id)
        if held is not None and held.state == "activated":
            return
        await self._abandon(run_id)
        async with self.db.write() as session:
            for partner_id in ground.partners.ours:
                partner = await session.get(Partner, partner_id)
                if partner is not None:
                    await staging.unmake_partner(session, partner)

    async def _tell(self, job: Job, text: Document, name: str, run_id: int | None = None) -> "history.Told":
        async with self.db.read() as session:
            known, mapping = await history.history_ground(
                session,
                dates=job.options.dates,
                decimal=job.options.decimal,
                allowed=job.allowed,
                run_id=run_id,
                stages=job.options.stages,
            )
        return await asyncio.to_thread(
            history.tell, text, known, mapping, file_name=name, skip_bad=job.options.skip_bad,
            stages=self.policy.stages, zone=zone(self.policy.zone), company_currency=self.policy.currency,
        )  # fmt: skip

    async def _history(self, job: Job, text: Document, name: str, *, dry_run: bool) -> ImportResult:
        told = await self._tell(job, text, name)
        return await (self._look_at_history(told, name) if dry_run else self._write_history(job, told, name))

    async def _look_at_history(
        self, told: "history.Told", name: str, coming: frozenset[str] = frozenset()
    ) -> ImportResult:
        """What a history would do; `coming` are deals that the file beside it brings."""
        changed = len(coming - set(told.known))
        for chunk in told.chunks():
            async with self.db.read() as session:
                changed += len(await history.plan_past(session, told, chunk, self.policy.stages))
        return history.history_result(told, name, changed=changed, coming=coming)

    async def _write_history(self, job: Job, told: "history.Told", name: str) -> ImportResult:
        """The past of each deal appears whole; where a crash cuts the file short, the same file does the rest."""
        text = job.history if job.history is not None and job.kind == "deals" else job.text
        digest = await asyncio.to_thread(text.digest)
        async with self.db.write() as session:
            this = await run.begin(session, "history", digest=digest, file_name=name, now=job.now, by_id=job.by_id)
        changed = done = 0
        for chunk in told.chunks():
            async with self.db.write() as session:
                past = await history.plan_past(session, told, chunk, self.policy.stages)
                await history.write_past(session, past, this.id)
            changed, done = changed + len(past), done + len(chunk)
            await self.progress(done, told.here)
        async with self.db.write() as session:
            kept = await session.get_one(ImportRun, this.id)
            kept.changed = changed
            history.count_run(kept, told)
            await touch_everything(session)
        return history.history_result(told, name, changed=changed, run_id=this.id)

    async def _whole(self, job: Job, *, dry_run: bool) -> ImportResult:
        """People, partners, overlaps, quotas and rates are short: one transaction, which a dry run rolls back."""
        found: list[ImportResult] = []
        try:
            async with self.db.write() as session:
                found.append(await self._one(session, job))
                if dry_run:
                    raise _DryRunError  # noqa: TRY301 - it rolls back, which is the point
                await touch_everything(session)
        except _DryRunError:
            pass
        return found[0]

    async def _one(self, session: Any, job: Job) -> ImportResult:
        common: dict[str, Any] = {"file_name": job.name, "now": job.now, "by_id": job.by_id}
        if job.kind == "targets":
            return await import_targets(session, job.text, options=job.options, allowed=job.allowed, **common)
        if job.kind == "quotas":
            return await funding.import_quotas(session, job.text, policy=self.policy, options=job.options, **common)
        if job.kind == "rates":
            return await funding.import_rates(session, job.text, policy=self.policy, options=job.options, **common)
        if job.kind == "people":
            return await import_people(session, job.text, skip_bad=job.options.skip_bad, policy=self.policy, **common)
        found = await import_partners(
            session, job.text, skip_bad=job.options.skip_bad, tier1_ceiling=self.policy.tier1_ceiling, **common
        )
        await managers.follow_file(session, by_id=job.by_id, now=job.now, policy=self.policy)
        return found


def _look_over(ground: Ground, job: Job) -> DealFile:
    return ground.reader(job.text, parse_accounts(job.accounts) if job.accounts is not None else None)


@dataclass
class Reading:
    """A deals file that is being read: what it is compared with, and what was counted. `over`: there is no more of it."""

    ground: Ground
    file: DealFile
    tally: Tally = field(default_factory=Tally)
    over: bool = False

    async def planned(self, importer: Importer) -> Any:
        """Its batches, worked out against the database one after the other; read in a thread."""
        header: Mapping[str, str] = {name: found for found, name in self.file.columns.names().items()}
        total = self.file.seen_over.rows + len(self.file.seen_over.problems)
        batches: Iterator[list[DealRow | Problem]] = deals.batched(self.file.rows(), importer.batch)
        held = await asyncio.to_thread(next, batches, None)
        while held is not None:
            coming = await asyncio.to_thread(next, batches, None)
            self.over = coming is None
            async with importer.db.read() as session:
                batch = await planning.plan(session, self.ground, held, header, self.tally)
            yield batch
            await importer.progress(self.tally.rows, total)
            held = coming


def report(result: ImportResult, *, dry_run: bool) -> Iterator[str]:
    """What a person reads after an import: how it was read, every change, what was left out, what to look at, the sum."""
    yield from (f"  read as: {line}" for line in result.match[:1])
    yield from (f"  {line}" for line in result.match[1:])
    yield from (f"  {line}" for line in result.lines)
    for problem in result.problems:
        yield f"  left out: {problem}"
    for warning in result.warnings:
        said = warning.replace("and were flagged", "and would be flagged") if dry_run else warning
        yield f"  look at this: {said}"
    for owner in result.owners:
        deals_ = f"{owner.deals} deal{'' if owner.deals == 1 else 's'}"
        yield f'  nobody yet: {owner.why} {deals_}. Say who it is: cadence owners "{owner.said}=NAME OR E-MAIL"'
    if result.after:
        yield from report(result.after, dry_run=False)
    yield ("Dry run, nothing was changed. " if dry_run else "") + result.summary
