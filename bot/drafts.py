"""Files dropped on the bot, worked off one after the other: fetched, looked over, imported, beside everything else.

Whatever is slow holds no lock: pieces are stored in short transactions, reading happens in a thread, and a process
that dies leaves a lease that runs out. Nothing here logs what is in a file.
"""

import asyncio
import logging
import secrets
import tempfile
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot.clock import Clock, real_now
from bot.delivery.calls import INSTALLATION, CallFailed, RateLimited, Refused
from bot.delivery.desk import PASSING, where
from bot.fetch import PIECE, Slack
from bot.importing import Importer, Job
from handlers.kit.slack_users import slack_user
from models import drafts, orphans, outbox, roster
from models.db import Database
from models.domain.deals import Category
from models.domain.errors import BadFile, FieldErrors, UserError
from models.domain.files import Document, File, opened, parse_accounts, survey
from models.domain.files.survey import Survey
from models.domain.policy import Policy
from models.domain.text import key
from models.drafts import Lost, Standing, State, Work
from models.imports.found import (
    DEALS,
    HISTORY,
    PEOPLE,
    TARGETS,
    Arrival,
    Beside,
    Found,
    job_of,
    lacking,
    read_with,
    unknown_partners,
    unknown_stages,
    unreadable,
)
from models.imports.ground import count_known, saved_mapping
from models.imports.result import ImportResult, Open
from models.people import SlackUser
from models.tables import ImportRun

logger = logging.getLogger("cadence.drafts")
Directory = Callable[[], Awaitable[list[Mapping[str, Any]]]]
SINCE = "Something else was imported since this was looked over. This is what it would do now."
NO_LINE = "None of its lines can be taken as they are."
MOST_KEPT = 200
"""Bad lines kept in words of a file none of whose lines is good."""
LEVEL = 6
"""Of zlib: a CSV file becomes a fifth of itself in little time."""


@dataclass(frozen=True)
class Times:
    """Seconds of real time. A lease outlives the longest silence of whoever works; `tell` keeps edits below Slack's limit."""

    lease: float = 60.0
    tell: float = 2.0
    again: float = 2.0
    most_again: float = 60.0
    busy: float = 3.0
    patience: float = 3.0
    poll: float = 5.0
    most_attempts: int = 4


class Later(Exception):
    """Not now: another import is under way, or what the file is read with has just changed."""


class PutAway(UserError):
    """The accounts file that the deals were read with is not here any more."""

    def __init__(self) -> None:
        super().__init__("It was not imported: the accounts file it was read with has been put away since.")


@dataclass(frozen=True)
class Texts:
    """A dropped file that is being read, and the accounts file beside it."""

    text: Document
    accounts: Document | None = None


@dataclass
class Drafts:
    """The worker. `directory` reads all of Slack's users; `team_id` is our own workspace."""

    db: Database
    clock: Clock
    policy: Policy
    slack: Slack
    directory: Directory
    team_id: Callable[[], str]
    said: Callable[[], None] = lambda: None
    """Called when a card may want to be shown anew."""
    enterprise_id: Callable[[], str] = str
    """Our Grid enterprise; empty without Grid."""
    times: Times = field(default_factory=Times)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _task: "asyncio.Task[None] | None" = None
    _stopped: bool = False

    def wake(self) -> None:
        """A file was dropped, or somebody has decided about one."""
        self._woken.set()

    async def run(self) -> None:
        """Work for ever, at every wake and every few seconds; survives every error, ends when cancelled."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), self.times.poll)
            self._woken.clear()
            await asyncio.wait({self._working()})

    async def settle(self) -> bool:
        """Wait until nothing is in work, with limited patience; whether that is so. For a clock that stands still."""
        until = time.monotonic() + self.times.patience
        while await self._anything() or self._busy:
            left = until - time.monotonic()
            if left <= 0:
                return False
            await asyncio.wait({self._working()}, timeout=left)
        return True

    async def busy(self) -> bool:
        """Whether a file is being worked on, or could be at once."""
        return self._busy or await self._anything()

    async def stop(self) -> None:
        """Let go of what is in work: it is taken up again by whoever comes next."""
        self._stopped = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def _busy(self) -> bool:
        return self._task is not None and not self._task.done()

    def _working(self) -> "asyncio.Task[None]":
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return self._task

    async def _anything(self) -> bool:
        if not self.clock.started or self._stopped:
            return False
        async with self.db.read() as session:
            return await drafts.anything(session, real_now=await outbox.database_now(session, real_now()))

    async def _work(self) -> None:
        try:
            while await self._anything():
                work = await self._claim()
                if work is None:
                    return
                await self._one(work)
                self.said()
        except Exception as error:  # noqa: BLE001 - the worker must not die; one line says what happened
            logger.error("drafts: %s", where(error))  # noqa: TRY400 - a traceback could carry contents
            await asyncio.sleep(1)

    async def _claim(self) -> Work | None:
        async with self.db.write() as session:
            now = await outbox.database_now(session, real_now())
            return await drafts.claim(session, real_now=now, lease=timedelta(seconds=self.times.lease))

    async def _until(self, seconds: float, session: Any) -> datetime:
        return await outbox.database_now(session, real_now()) + timedelta(seconds=seconds)

    async def _one(self, work: Work) -> None:
        """One claimed draft, to its next state or to its next try. Raises nothing but cancellation."""
        try:
            async with self._alive(work):
                await self._step(work)
        except asyncio.CancelledError:
            await asyncio.shield(self._let_go(work, None, uncounted=True))
            raise
        except Lost:
            logger.info("draft %d: somebody else has it, or it was put away", work.id)
        except Later:
            await self._let_go(work, self.times.busy, uncounted=True)
        except Exception as error:  # noqa: BLE001 - whatever it was, the person is told and the log has a line
            await self._trouble(work, error)

    async def _step(self, work: Work) -> None:
        if work.attempts > self.times.most_attempts:
            raise RuntimeError("it ended in the middle again and again")
        if work.state is State.WAITING:
            await self._look(work)
        else:
            await self._import(work)

    async def _trouble(self, work: Work, error: Exception) -> None:
        """Try again what may pass; say the rest, with a reference that the log has too."""
        passing = isinstance(error, PASSING) or (
            isinstance(error, CallFailed) and (not isinstance(error, Refused) or error.passes)
        )
        if passing and work.attempts < self.times.most_attempts:
            pause = min(self.times.again * 2 ** (work.attempts - 1), self.times.most_again)
            if isinstance(error, RateLimited):
                pause = max(pause, error.wait.total_seconds())
            elif isinstance(error, CallFailed) and error.code in INSTALLATION:
                pause = self.times.most_again
            logger.warning("draft %d waits %g s: %s", work.id, pause, _named(error))
            await self._let_go(work, pause)
            return
        reference = secrets.token_hex(4)
        logger.error(
            "draft failed: reference=%s draft=%d person=%d state=%s error=%s",
            reference, work.id, work.person_id, work.state.value, _named(error),
        )  # fmt: skip
        logger.debug("reference=%s", reference, exc_info=error)
        with suppress(Lost):
            async with self.db.write() as session:
                await drafts.fail(session, work, reference, now=self.clock.now())

    async def _let_go(self, work: Work, pause: float | None, *, uncounted: bool = False) -> None:
        with suppress(Lost):
            async with self.db.write() as session:
                not_before = await self._until(pause, session) if pause is not None else None
                await drafts.release(session, work, not_before=not_before, uncounted=uncounted)

    @asynccontextmanager
    async def _alive(self, work: Work) -> AsyncIterator[None]:
        """Keeps the lease whole while a long file is read."""

        async def beat() -> None:
            while True:
                await asyncio.sleep(self.times.lease / 3)
                with suppress(*PASSING):
                    async with self.db.write() as session:
                        until = await self._until(self.times.lease, session)
                        await drafts.keep_alive(session, work, until=until)

        heart = asyncio.create_task(beat())
        try:
            yield
        finally:
            heart.cancel()
            await asyncio.gather(heart, return_exceptions=True)

    # Looking

    async def _look(self, work: Work) -> None:
        standing = await self._standing(work, work.found.job)
        if standing.refusal:
            await self._refuse(work, Found(said=standing.refusal))
            return
        try:
            if not work.found.fetched:
                await self._fetch(work)
            async with self._spooled(work.id) as path:
                await self._look_over(work, path)
        except BadFile as bad:
            found = work.found.model_copy(update={"said": str(bad), "problems": bad.problems, "result": None})
            await self._refuse(work, found)

    async def _standing(self, work: Work, job: str) -> Standing:
        async with self.db.read() as session:
            return await drafts.standing(session, work.person_id, job, now=self.clock.now(), policy=self.policy)

    async def _refuse(self, work: Work, found: Found) -> None:
        async with self.db.write() as session:
            await drafts.refuse(session, work, found, now=self.clock.now())

    async def _fetch(self, work: Work) -> None:
        """Keep the file here, compressed, a piece and a short transaction after the other."""
        url = await self.slack.address(work.file_id)
        place = size = 0
        held = bytearray()
        async with self.slack.pieces(url) as pieces:
            async for piece in pieces:
                size += len(piece)
                held += piece
                if len(held) >= PIECE:
                    await self._keep(work, place, bytes(held))
                    place, held = place + 1, bytearray()
        await self._keep(work, place, bytes(held))
        async with self.db.write() as session:
            await drafts.fetched(session, work, Found(fetched=True), size=size)

    async def _keep(self, work: Work, place: int, data: bytes) -> None:
        packed = await asyncio.to_thread(zlib.compress, data, LEVEL)
        async with self.db.write() as session:
            until = await self._until(self.times.lease, session)
            await drafts.keep_part(session, work, place, packed, until=until)

    @asynccontextmanager
    async def _spooled(self, draft_id: int) -> AsyncIterator[Path]:
        """The file on disk, readable by us alone, for as long as it is read."""
        with tempfile.NamedTemporaryFile(prefix="cadence-", suffix=".csv") as file:
            place = 0
            while True:
                async with self.db.read() as session:
                    packed = await drafts.part(session, draft_id, place)
                if packed is None:
                    break
                file.write(await asyncio.to_thread(zlib.decompress, packed))
                place += 1
            file.flush()
            yield Path(file.name)

    @asynccontextmanager
    async def _accounts(self, beside: Beside | None) -> AsyncIterator[Document | None]:
        """The accounts file beside the deals, on disk for as long as they are read. Raises PutAway."""
        if beside is None:
            yield None
            return
        async with self._spooled(beside.draft_id) as path:
            async with self.db.read() as session:  # asked when its last piece was read: all of them were there
                if not await drafts.still_kept(session, beside):
                    raise PutAway
            yield await asyncio.to_thread(opened, File(path))

    async def _look_over(self, work: Work, path: Path) -> None:
        text = await asyncio.to_thread(opened, File(path))
        async with self.db.read() as session:
            mapping = work.options.mapping(await saved_mapping(session))
        seen = await asyncio.to_thread(survey, text, mapping, company_currency=self.policy.currency)
        has = {column.field for column in seen.columns}
        stands = {name: getattr(mapping, name) or "" for name in ("partner", "owner") if name not in has}
        if job_of(seen.kind) == TARGETS:
            stands = {"partner": work.options.partner or ""}  # an overlap takes nothing from deals files
        lighter = _lighter(seen)
        async with self.db.read() as session:
            beside = read_with(lighter, await drafts.accounts_of(session, work.person_id))
        found = Found(
            fetched=True, survey=lighter, said=work.found.said, problems=work.found.problems,
            currency=mapping.currency or self.policy.currency, beside=beside, **stands,
        )  # fmt: skip
        refusal = unreadable(seen)
        standing = await self._standing(work, found.job)
        if refusal or standing.refusal:
            said = {"said": standing.refusal or refusal, "problems": ()}
            await self._refuse(work, found.model_copy(update=said))
            return
        if found.is_accounts:
            await self._keep_accounts(work, found, text)
            return
        async with self.db.read() as session:
            known = await count_known(session, standing.allowed) if found.job == DEALS else 0
        found = found.model_copy(
            update={
                "missing": lacking(seen, mapping, work.options, beside), "known": known,
                "scoped": standing.allowed is not None,
            }
        )  # fmt: skip
        if not found.must_answer:
            found = await self._beside(work, found, standing, text)
        async with self.db.write() as session:
            await drafts.ask(session, work, found, now=self.clock.now())

    async def _keep_accounts(self, work: Work, found: Found, text: Document) -> None:
        """An accounts file is kept for the deals, once it is known to be one that deals can be read with.

        Raises:
            BadFile: it is none.
        """
        accounts = await asyncio.to_thread(parse_accounts, text)
        if not accounts.by_id and not accounts.by_name:
            raise BadFile(NO_LINE)
        found = found.model_copy(update={"tells_partners": accounts.say_partner, "said": "", "problems": ()})
        async with self.db.write() as session:
            await drafts.keep(session, work, found, now=self.clock.now())

    async def _beside(self, work: Work, found: Found, standing: Standing, text: Document) -> Found:
        """The dry run, with the accounts file where there is one. One that has just been put away is not waited for."""
        try:
            async with self._accounts(found.beside) as accounts:
                return await self._tried(work, found, standing, Texts(text, accounts))
        except PutAway:
            raise Later from None

    async def _tried(self, work: Work, found: Found, standing: Standing, texts: Texts) -> Found:
        """The dry run; where nothing of the file could be taken, what a person can say about it instead.

        Raises:
            BadFile: nothing they could say would help.
        """
        try:
            return await self._dry_run(work, found, standing, texts)
        except BadFile as bad:
            if not bad.problems or found.job not in (DEALS, TARGETS):
                raise
            stages = await self._unknown_stages(work, found, texts)
            names = await self._unknown_partners(work, found, standing, texts, stages)
            said = {"said": NO_LINE, "problems": bad.problems[:MOST_KEPT], "names": names, "stages": stages}
            return found.model_copy(update=said)
        except UserError as error:
            return found.model_copy(update={"said": str(error), "problems": ()})

    async def _unknown_stages(self, work: Work, found: Found, texts: Texts) -> tuple[Open, ...]:
        """The stages nobody knows, of a file none of whose lines can be taken."""
        if found.job != DEALS:
            return ()
        async with self.db.read() as session:
            mapping = work.options.mapping(await saved_mapping(session))

        def read() -> tuple[Open, ...]:
            accounts = parse_accounts(texts.accounts) if texts.accounts is not None else None
            return unknown_stages(
                texts.text, mapping, accounts, stages=self.policy.stages, company_currency=self.policy.currency
            )

        with suppress(UserError):
            return await asyncio.to_thread(read)
        return ()

    async def _unknown_partners(
        self, work: Work, found: Found, standing: Standing, texts: Texts, stages: tuple[Open, ...]
    ) -> tuple[Open, ...]:
        """The names that are no partner, of a file none of whose lines can be taken; `stages` are taken as known."""
        if found.job == TARGETS:
            async with self.db.read() as session:
                return await unknown_partners(session, texts.text, work.options)
        known = {**work.options.stages, **{stage.said: Category.PIPELINE for stage in stages}}
        trial = work.options.model_copy(update={"skip_bad": True, "create_partners": True, "stages": known})
        job = Job(
            found.job, work.file_name, texts.text, self.clock.now(), trial, standing.person.id, accounts=texts.accounts
        )
        with suppress(UserError):
            return (await Importer(self.db, self.policy).look(job)).partners
        return ()

    async def _dry_run(self, work: Work, found: Found, standing: Standing, texts: Texts) -> Found:
        """What importing it would do, bad lines left out: how many there are is a part of the answer."""
        options = work.options.model_copy(update={"skip_bad": True})
        job = Job(
            found.job, work.file_name, texts.text, self.clock.now(), options, standing.person.id,
            accounts=texts.accounts, allowed=standing.allowed,
        )  # fmt: skip
        after = await self._newest(found.job)
        result = await Importer(self.db, self.policy, self._teller(work)).look(job)
        arrivals = await self._arrivals(result)
        return found.model_copy(update={"result": result, "arrivals": arrivals, "after": after})

    async def _newest(self, job: str) -> int:
        async with self.db.read() as session:
            return await drafts.newest_run(session, job)

    async def _arrivals(self, result: ImportResult) -> tuple[Arrival, ...]:
        """Owners whose word is the e-mail of a full member of our own workspace. Slack's refusal costs only the offer."""
        wanted = {key(owner.said): owner for owner in result.owners if "@" in owner.said}
        if not wanted:
            return ()
        try:
            users = [slack_user(user) for user in await self.directory()]
        except Exception as error:  # noqa: BLE001 - whatever Slack says: they stay open and are asked about later
            logger.warning("drafts: the directory was not read: %s", _named(error))
            return ()
        found = {key(user.email): user for user in users if user.email and self._one_of_us(user)}
        return tuple(
            Arrival(said=owner.said, slack_id=user.slack_id, team_id=user.team_id, name=user.name, email=user.email,
                    zone=user.zone, deals=owner.deals)
            for said, owner in wanted.items()
            if (user := found.get(said)) is not None
        )  # fmt: skip

    def _one_of_us(self, user: SlackUser) -> bool:
        return not roster.why_not_one_of_us(user, self.team_id(), self.enterprise_id())

    def _teller(self, work: Work) -> Callable[[int, int], Awaitable[None]]:
        """Writes how far it has come, every few seconds: Slack takes about fifty edits a minute."""
        last = time.monotonic()

        async def tell(done: int, total: int) -> None:
            nonlocal last
            if time.monotonic() - last < self.times.tell:
                return
            last = time.monotonic()
            async with self.db.write() as session:
                until = await self._until(self.times.lease, session)
                await drafts.tell(session, work, done, total, until=until)
            self.said()

        return tell

    # Importing

    async def _import(self, work: Work) -> None:
        standing = await self._standing(work, work.found.job)
        if standing.refusal:
            await self._refuse(work, work.found.model_copy(update={"said": standing.refusal, "problems": ()}))
            return
        importer = Importer(self.db, self.policy, self._teller(work))
        await importer.tidy()
        await self._not_beside_another()
        async with self.db.write() as session:
            await drafts.begin(session, work, now=self.clock.now())
        self.said()
        async with self._spooled(work.id) as path:
            text = await asyncio.to_thread(opened, File(path))
            result = await self._before(work, text) or await self._apply(work, importer, standing, text)
        if result is None:
            return
        async with self.db.write() as session:
            await drafts.finish(session, work, result, now=self.clock.now())

    async def _not_beside_another(self) -> None:
        async with self.db.read() as session:
            if await drafts.another_at_work(session):
                raise Later

    async def _before(self, work: Work, text: Document) -> ImportResult | None:
        """What an earlier try has done already, in the words of the dry run: importing it again would say “nothing new”."""
        if work.state is not State.IMPORTING or work.found.job == HISTORY:
            return None  # a history is applied in pieces: the same file does the rest
        digest = await asyncio.to_thread(text.digest)
        async with self.db.read() as session:
            run = await drafts.imported_already(session, work, digest)
        return _of_run(run, work.found.result) if run is not None and work.found.result is not None else None

    async def _apply(self, work: Work, importer: Importer, standing: Standing, text: Document) -> ImportResult | None:
        """The result; None when it was not imported, and a new dry run or the card says why."""
        if await self._newest(work.found.job) != work.found.after:
            await self._look_again(work, SINCE)  # what was promised is not what it would do now
            return None
        try:
            async with self._accounts(work.found.beside) as accounts:
                await self._admit(work, standing)
                job = Job(
                    work.found.job, work.file_name, text, self.clock.now(), work.options, standing.person.id,
                    accounts=accounts, allowed=standing.allowed,
                )  # fmt: skip
                result = await importer.apply(job)
        except UserError as error:
            await self._not_beside_another()
            problems = error.problems if isinstance(error, BadFile) else ()
            said = "" if problems else str(error)
            await self._look_again(
                work, said or "It was not imported: what is known here has changed since the dry run."
            )
            return None
        if work.found.job == PEOPLE:
            await self._meet()
        return result

    async def _look_again(self, work: Work, said: str) -> None:
        found = work.found.model_copy(update={"said": said, "problems": ()})
        async with self.db.write() as session:
            await drafts.look_again(session, work, found, now=self.clock.now())

    async def _meet(self) -> None:
        """Find the people of a file in Slack at once; else they would be strangers until the next hour."""
        try:
            users = [slack_user(user) for user in await self.directory()]
        except Exception as error:  # noqa: BLE001 - whatever Slack says: the hourly look finds them
            logger.warning("drafts: the directory was not read: %s", _named(error))
            return
        async with self.db.write() as session:
            await orphans.sync(session, users, team_id=self.team_id(), enterprise_id=self.enterprise_id(),
                               now=self.clock.now(), policy=self.policy)  # fmt: skip

    async def _admit(self, work: Work, standing: Standing) -> None:
        """Owners who are in Slack and not known here come in as AEs: the importer's act, approved with the dry run."""
        if not work.found.arrivals:
            return
        here = {user["id"]: slack_user(user) for user in await self.directory()}
        for arrival in work.found.arrivals:
            user = here.get(arrival.slack_id)
            if user is None or not self._one_of_us(user):
                continue  # they have left since the file was looked over, and stay open
            try:
                async with self.db.write() as session:
                    await roster.admit(
                        session, user, roles=("ae",), by=standing.person, now=self.clock.now(),
                        team_id=self.team_id(), enterprise_id=self.enterprise_id(),
                    )  # fmt: skip
            except FieldErrors as refused:
                logger.info("draft %d: an owner stays open: %s", work.id, type(refused).__name__)


def _of_run(run: ImportRun, shown: ImportResult) -> ImportResult:
    return shown.model_copy(
        update={
            "created": run.created, "changed": run.changed, "unchanged": run.unchanged, "missing": run.missing,
            "skipped": run.skipped, "run_id": run.id,
        }
    )  # fmt: skip


_MOST_COLUMNS = 200


def _lighter(seen: Survey) -> Survey:
    """The survey without what nobody will look at, of a file with hundreds of columns; all that are read stay."""
    kept = [column for place, column in enumerate(seen.columns) if column.field or place < _MOST_COLUMNS]
    return seen.model_copy(update={"columns": tuple(kept)})


def _named(error: Exception) -> str:
    """What went wrong and where, without contents."""
    return error.code if isinstance(error, CallFailed) else where(error)
