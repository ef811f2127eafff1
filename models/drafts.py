"""Files dropped on the bot: offered, fetched in pieces, looked over, answered for, imported, and forgotten again.

Whoever works on a draft holds its lease (real time) and its fence: a holder whose lease was taken over changes nothing.
What a person says of a draft goes by its state and by `look`, the number of the dry run they saw.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import outbox, people
from models.domain.errors import NotAllowed, UserError
from models.domain.files.kinds import Kind
from models.domain.policy import Policy
from models.domain.rights import Act, Subject, may, require
from models.domain.text import clean, clip
from models.imports.found import PARTNERS, PEOPLE, Beside, Found, read_with
from models.imports.ground import SEEN
from models.imports.options import Options
from models.imports.result import ImportResult
from models.imports.staging import UNDER_WAY
from models.insert import add_missing
from models.outbox import Owed
from models.owners import own_partners
from models.tables import Card, ImportDraft, ImportPart, ImportRun, Person, UtcDateTime

CARD = "import"
NOT_YOURS = "no_import"
"""The template of the answer to somebody who may not import."""
LARGEST = 100 * 1024 * 1024
"""Bytes of a file."""
KEEP = timedelta(days=14)
"""How long (business time) a file that nobody decided about is kept, and an accounts file."""
LONGEST_NAME = 100
_SEVERAL = 2


class State(StrEnum):
    WAITING = "waiting"
    ASKED = "asked"
    KEPT = "kept"
    """An accounts file: nothing to import, but what the accounts of the person's deals are called."""
    APPROVED = "approved"
    IMPORTING = "importing"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


IN_WORK = (State.WAITING, State.APPROVED, State.IMPORTING)
OVER = (State.DONE, State.REFUSED, State.WITHDRAWN)


class Lost(Exception):
    """Somebody else works on this draft, or its person has put it away: touch nothing."""


@dataclass(frozen=True)
class Dropped:
    """A file as the event names it. `size` in bytes, 0 when Slack does not say."""

    file_id: str
    name: str
    size: int = 0


async def offer(session: AsyncSession, person: Person, file: Dropped, *, now: datetime) -> None:
    """Take a dropped file up, with a card of its own. One that is being decided about already is left as it is.

    A partner manager's file is a part of the export unless they say otherwise: it would flag what it never held.
    """
    name = clip(clean(file.name) or "file", LONGEST_NAME)
    options = {} if person.has("head", "admin") else Options(complete=False).as_json()
    fresh = {
        "person_id": person.id, "file_id": file.file_id, "file_name": name, "size": file.size, "options": options,
        "created_at": now, "changed_at": now,
    }  # fmt: skip
    await add_missing(session, ImportDraft, [fresh], key=("file_id", "person_id"))
    draft = (
        await session.scalars(
            select(ImportDraft)
            .where(ImportDraft.file_id == file.file_id, ImportDraft.person_id == person.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).one()
    if draft.card_id is not None and draft.state not in OVER:
        return
    card = Card(kind=CARD, person_id=person.id, day=None, created_at=now, wanted=1)
    session.add(card)
    await session.flush()
    draft.state, draft.card_id, draft.options = State.WAITING, card.id, options
    draft.found = draft.result = draft.run_id = draft.lease_until = None
    draft.problem, draft.attempts, draft.fence = "", 0, draft.fence + 1
    draft.created_at = draft.changed_at = now
    owed = Owed(
        key=f"{CARD}:{card.id}", template=CARD, args={}, due_at=now, person_id=person.id, card_id=card.id, urgent=True
    )
    await outbox.enqueue(session, [owed], now=now)


# The worker's side.


@dataclass(frozen=True)
class Work:
    """A draft in our hands, as it was when it was claimed."""

    id: int
    fence: int
    state: State
    person_id: int
    file_id: str
    file_name: str
    attempts: int
    options: Options
    found: Found
    created_at: datetime


_REAL_NOW = bindparam("real_now", type_=UtcDateTime())
_FREE = (
    ImportDraft.state.in_(IN_WORK),
    or_(ImportDraft.lease_until.is_(None), ImportDraft.lease_until < _REAL_NOW),
)
_CLAIM = select(ImportDraft).where(*_FREE).order_by(ImportDraft.id).limit(1).with_for_update(skip_locked=True)
_ANYTHING = select(ImportDraft.id).where(*_FREE).limit(1)


async def anything(session: AsyncSession, *, real_now: datetime) -> bool:
    """Whether there is a draft to claim: a look that takes no lock."""
    return await session.scalar(_ANYTHING, {"real_now": real_now}) is not None


async def claim(session: AsyncSession, *, real_now: datetime, lease: timedelta) -> Work | None:
    """Lease the oldest draft that has something to be done; None when there is none."""
    draft = await session.scalar(_CLAIM, {"real_now": real_now})
    if draft is None:
        return None
    draft.lease_until, draft.fence, draft.attempts = real_now + lease, draft.fence + 1, draft.attempts + 1
    return Work(
        draft.id, draft.fence, State(draft.state), draft.person_id, draft.file_id, draft.file_name, draft.attempts,
        Options.from_json(draft.options), Found.from_json(draft.found), draft.created_at,
    )  # fmt: skip


async def _set(session: AsyncSession, work: Work, *, show: bool = True, **values: Any) -> None:
    """Change a draft that is still in our hands, and wish for its card anew. Raises Lost."""
    held = await session.execute(
        update(ImportDraft).where(ImportDraft.id == work.id, ImportDraft.fence == work.fence).values(**values)
    )
    if not held.rowcount:  # type: ignore[attr-defined]
        raise Lost
    if show:
        await show_anew(session, [work.id])


async def keep_alive(session: AsyncSession, work: Work, *, until: datetime) -> None:
    """Say that somebody is at work. Raises Lost."""
    await _set(session, work, show=False, lease_until=until)


async def keep_part(session: AsyncSession, work: Work, place: int, data: bytes, *, until: datetime) -> None:
    """Keep the next compressed piece of the file; the first one takes away what an earlier try left. Raises Lost."""
    await keep_alive(session, work, until=until)
    if place == 0:
        await _forget_parts(session, [work.id])
    session.add(ImportPart(draft_id=work.id, place=place, data=data))


async def part(session: AsyncSession, draft_id: int, place: int) -> bytes | None:
    """One compressed piece of the file; None behind the last one."""
    found: bytes | None = await session.scalar(
        select(ImportPart.data).where(ImportPart.draft_id == draft_id, ImportPart.place == place)
    )
    return found


async def fetched(session: AsyncSession, work: Work, found: Found, *, size: int) -> None:
    """The whole file is here: it is never asked for again. Raises Lost."""
    await _set(session, work, show=False, found=found.as_json(), size=size)


async def tell(session: AsyncSession, work: Work, done: int, total: int, *, until: datetime) -> None:
    """How far the work has come, in lines. Raises Lost."""
    await _set(session, work, done=done, total=total, lease_until=until)


async def ask(session: AsyncSession, work: Work, found: Found, *, now: datetime) -> None:
    """The dry run is there, or a question: it is the person's turn. Raises Lost.

    If an accounts file came or went while the deals were looked over, they are looked over once more instead.
    """
    await _one_at_a_time(session, work.person_id)
    if found.survey is not None and read_with(found.survey, await accounts_of(session, work.person_id)) != found.beside:
        said = {"said": work.found.said, "problems": work.found.problems}
        await look_again(session, work, found.model_copy(update=said), now=now)
        return
    kind = found.survey.kind.value if found.survey is not None else ""
    await _set(
        session, work, state=State.ASKED, found=found.as_json(), kind=kind, lease_until=None, attempts=0, done=0,
        total=0, changed_at=now,
    )  # fmt: skip


async def keep(session: AsyncSession, work: Work, found: Found, *, now: datetime) -> None:
    """It is an accounts file: the deals that wait for a decision are looked over again with it. Raises Lost."""
    await _one_at_a_time(session, work.person_id)
    await _set(
        session, work, state=State.KEPT, found=found.as_json(), kind=Kind.ACCOUNTS.value, lease_until=None, attempts=0,
        done=0, total=0, changed_at=now,
    )  # fmt: skip
    await _join_anew(session, work.person_id, now=now)


async def accounts_of(session: AsyncSession, person_id: int) -> Beside | None:
    """The newest accounts file that this person keeps here; nobody else's is ever used for their deals."""
    draft = await session.scalar(
        select(ImportDraft)
        .where(ImportDraft.person_id == person_id, ImportDraft.state == State.KEPT)
        .order_by(ImportDraft.created_at.desc(), ImportDraft.id.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )
    if draft is None:
        return None
    partners = Found.from_json(draft.found).tells_partners
    return Beside(draft_id=draft.id, fence=draft.fence, name=draft.file_name, partners=partners)


async def still_kept(session: AsyncSession, beside: Beside) -> bool:
    """Whether this accounts file is here as it was when the deals were read with it."""
    found = await session.scalar(
        select(ImportDraft.id).where(
            ImportDraft.id == beside.draft_id, ImportDraft.fence == beside.fence, ImportDraft.state == State.KEPT
        )
    )
    return found is not None


async def _one_at_a_time(session: AsyncSession, person_id: int) -> None:
    """Deals and accounts of one person, looked over by two processes at once, do not overlook each other."""
    await session.execute(select(Person.id).where(Person.id == person_id).with_for_update(key_share=True))


async def _join_anew(session: AsyncSession, person_id: int, *, now: datetime) -> None:
    """Look over again the undecided deals of this person that would be read with another accounts file than they were."""
    kept = await accounts_of(session, person_id)
    asked = await session.scalars(
        select(ImportDraft)
        .where(ImportDraft.person_id == person_id, ImportDraft.state == State.ASKED)
        .order_by(ImportDraft.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    anew = []
    for draft in asked:
        found = Found.from_json(draft.found)
        if found.survey is None or read_with(found.survey, kept) == found.beside:
            continue
        _wait(draft, found, now=now)
        anew.append(draft.id)
    await session.flush()
    await show_anew(session, anew)


def _wait(draft: ImportDraft, found: Found, *, now: datetime) -> None:
    """Look the file over again; what was said of it as it was read so far says nothing any more."""
    draft.found = found.model_copy(update={"said": "", "problems": ()}).as_json()
    draft.state, draft.changed_at = State.WAITING, now
    draft.attempts, draft.lease_until = 0, None


async def begin(session: AsyncSession, work: Work, *, now: datetime) -> None:
    """The import begins. Raises Lost."""
    await _set(session, work, state=State.IMPORTING, changed_at=now)


async def look_again(session: AsyncSession, work: Work, found: Found, *, now: datetime) -> None:
    """What was approved cannot be done any more: a new dry run says why. Raises Lost."""
    await _set(
        session, work, state=State.WAITING, found=found.as_json(), lease_until=None, attempts=0, done=0, total=0,
        changed_at=now,
    )  # fmt: skip


async def finish(session: AsyncSession, work: Work, result: ImportResult, *, now: datetime) -> None:
    """It is imported. Raises Lost."""
    await _set(
        session, work, state=State.DONE, result=result.as_json(), run_id=result.run_id, lease_until=None, changed_at=now
    )
    await _forget_parts(session, [work.id])


async def refuse(session: AsyncSession, work: Work, found: Found, *, now: datetime) -> None:
    """It will not be imported; `found` says why. Raises Lost."""
    kind = found.survey.kind.value if found.survey is not None else ""
    await _set(session, work, state=State.REFUSED, found=found.as_json(), kind=kind, lease_until=None, changed_at=now)
    await _forget_parts(session, [work.id])


async def fail(session: AsyncSession, work: Work, problem: str, *, now: datetime) -> None:
    """Something went wrong on our side; `problem` is the reference in the log. The file stays. Raises Lost."""
    await _set(session, work, state=State.FAILED, problem=problem, lease_until=None, changed_at=now)


async def release(session: AsyncSession, work: Work, *, not_before: datetime | None, uncounted: bool = False) -> None:
    """Give the lease back: somebody goes on after `not_before` (real time). Raises Lost."""
    values: dict[str, Any] = {"lease_until": not_before}
    if uncounted:
        values["attempts"] = max(work.attempts - 1, 0)
    await _set(session, work, show=False, **values)


async def show_anew(session: AsyncSession, draft_ids: Sequence[int]) -> None:
    """Wish for the cards of these drafts to be shown anew."""
    carried = select(ImportDraft.card_id).where(ImportDraft.id.in_(draft_ids))
    await session.execute(
        update(Card)
        .where(Card.id.in_(carried))
        .values(wanted=Card.wanted + 1)
        .execution_options(synchronize_session=False)
    )


async def show_results_anew(session: AsyncSession) -> None:
    """Wish for the cards of imported files anew: an owner they list as open has been named."""
    carried = select(ImportDraft.card_id).where(ImportDraft.state == State.DONE)
    await session.execute(
        update(Card)
        .where(Card.id.in_(carried), Card.dead == "")
        .values(wanted=Card.wanted + 1)
        .execution_options(synchronize_session=False)
    )


async def _forget_parts(session: AsyncSession, draft_ids: Sequence[int]) -> None:
    await session.execute(delete(ImportPart).where(ImportPart.draft_id.in_(draft_ids)))


async def newest_run(session: AsyncSession, kind: str) -> int:
    """The id of the newest import of this kind that everybody sees; 0 before the first."""
    found = await session.scalar(
        select(func.max(ImportRun.id)).where(ImportRun.kind == kind, ImportRun.state.in_(SEEN))
    )
    return found or 0


async def another_at_work(session: AsyncSession) -> str:
    """The name of a file that is being imported at this moment, by the command line or somebody else; empty for none."""
    found = await session.scalar(select(ImportRun.file_name).where(ImportRun.state.in_(UNDER_WAY)).limit(1))
    return found or ""


async def imported_already(session: AsyncSession, work: Work, digest: str) -> ImportRun | None:
    """What an earlier try of this draft has made visible before its process died; None when it has not come so far."""
    found: ImportRun | None = await session.scalar(
        select(ImportRun)
        .where(
            ImportRun.digest == digest,
            ImportRun.by_id == work.person_id,
            ImportRun.state.in_(("activated", "applied")),
            ImportRun.at >= work.created_at,
            ImportRun.id.not_in(select(ImportDraft.run_id).where(ImportDraft.run_id.is_not(None))),
        )
        .order_by(ImportRun.id.desc())
        .limit(1)
    )
    return found


# The person's side.


@dataclass(frozen=True)
class Standing:
    """What somebody may import: `allowed` are their partners, None is all; `refusal` says why nothing at all."""

    person: Person
    allowed: frozenset[int] | None
    refusal: str = ""


async def standing(
    session: AsyncSession, person_id: int, job: str, *, now: datetime, policy: Policy
) -> Standing:  # fmt: skip
    """Judged from the rows, as they are now. `job` is the kind of import, empty while nobody has looked."""
    person = await people.get(session, person_id)
    refusal = await why_not(session, person, job)
    allowed = frozenset() if refusal else await own_partners(session, person, now=now, policy=policy)
    return Standing(person, allowed, refusal)


async def why_not(session: AsyncSession, person: Person, job: str = "") -> str:
    """Why somebody may not import a file of this kind, and who can, by name; empty when they may."""
    act = {PEOPLE: Act.ADD_PERSON, PARTNERS: Act.ADD_PARTNER}.get(job, Act.IMPORT)
    for wanted in (Act.IMPORT, act):
        verdict = may(people.as_actor(person), wanted, Subject())
        if not verdict.allowed:
            return f"{verdict.reason}{await _named(session, wanted)}"
    return ""


_MOST_NAMED = 4


async def _named(session: AsyncSession, act: Act) -> str:
    """` Ask Hedda Lead or Pat Manager.`: those who can, heads first; nothing when there is nobody."""
    everyone = await session.scalars(
        select(Person).where(Person.active.is_(True), Person.side == "ours").order_by(Person.name)
    )
    able = [one for one in everyone if may(people.as_actor(one), act, Subject()).allowed]
    ranked = sorted(able, key=lambda one: (not one.has("head"), not one.has("admin")))
    names = [clip(one.name, 60) for one in ranked[:_MOST_NAMED]]
    if not names:
        return ""
    return f" Ask {', '.join(names[:-1])} or {names[-1]}." if len(names) >= _SEVERAL else f" Ask {names[0]}."


async def held_by(session: AsyncSession, actor: Person, draft_id: int) -> ImportDraft:
    """The draft, locked, for the person whose it is. Raises NotAllowed for anybody else, whatever their button said."""
    require(may(people.as_actor(actor), Act.IMPORT, Subject()))
    draft = await session.scalar(select(ImportDraft).where(ImportDraft.id == draft_id).with_for_update())
    if draft is None:
        raise UserError("This file is not known here any more. Drop it again.")
    if draft.person_id != actor.id:
        owner = await people.get(session, draft.person_id)
        raise NotAllowed(
            f"{owner.name} brought this file, and only they decide about it. Drop it yourself to import it."
        )
    return draft


async def seen_by(session: AsyncSession, actor: Person, draft_id: int, look: int) -> ImportDraft:
    """The draft, if the person decides about the dry run it shows now. Raises UserError when it has changed since."""
    draft = await held_by(session, actor, draft_id)
    if draft.state == State.WAITING:
        raise UserError(f"{draft.file_name} is being looked over again. Wait for the new dry run.")
    if draft.state == State.ASKED and draft.fence != look:
        raise UserError(f"What {draft.file_name} would do has changed since this button was shown. Look at it again.")
    if draft.state == State.WITHDRAWN:
        raise UserError(f"{draft.file_name} was put away. Drop it again to import it.")
    return draft


async def approve(
    session: AsyncSession, actor: Person, draft_id: int, look: int, *, skip_bad: bool, now: datetime
) -> None:
    """Import what the dry run has shown. A second click on the same button has no effect.

    Raises:
        NotAllowed: it is somebody else's file, or a kind the actor may not import.
        UserError: the dry run has changed since, or something has to be answered first.
    """
    draft = await seen_by(session, actor, draft_id, look)
    if draft.state != State.ASKED:
        return
    found = Found.from_json(draft.found)
    refusal = await why_not(session, actor, found.job)
    if refusal:
        raise NotAllowed(refusal)
    if found.must_answer or found.result is None:
        raise UserError("This file leaves something open. Answer the questions first.")
    options = Options.from_json(draft.options).model_copy(update={"skip_bad": skip_bad})
    draft.options, draft.state, draft.changed_at = options.as_json(), State.APPROVED, now
    draft.found = found.model_copy(update={"said": "", "problems": ()}).as_json()
    draft.done, draft.total = 0, found.survey.rows if found.survey is not None else 0
    draft.attempts, draft.lease_until = 0, None
    await show_anew(session, [draft.id])


async def answer(
    session: AsyncSession, actor: Person, draft_id: int, look: int, options: Options, *, now: datetime
) -> None:
    """Read the file so from now on: it is looked over again, and not fetched again. Raises as `approve`."""
    draft = await seen_by(session, actor, draft_id, look)
    if draft.state != State.ASKED:
        raise UserError(f"{draft.file_name} is past its questions: it is being imported, or was already.")
    draft.options = options.as_json()
    _wait(draft, Found.from_json(draft.found), now=now)
    await show_anew(session, [draft.id])


async def withdraw(session: AsyncSession, actor: Person, draft_id: int, *, now: datetime) -> None:
    """Put the file away unimported. Nothing to do when that is so already. Raises UserError once it is being imported.

    Deals that wait for a decision and were read with an accounts file that is put away are looked over again.
    """
    draft = await held_by(session, actor, draft_id)
    if draft.state in (State.APPROVED, State.IMPORTING, State.DONE):
        raise UserError(f"{draft.file_name} is being imported, or was already.")
    if draft.state not in OVER:
        await _put_away(session, [draft], now=now)


async def again(session: AsyncSession, actor: Person, draft_id: int, *, now: datetime) -> None:
    """Try once more what failed on our side: from the look on, since what is known here may have changed."""
    draft = await held_by(session, actor, draft_id)
    if draft.state != State.FAILED:
        return
    draft.state, draft.problem, draft.changed_at = State.WAITING, "", now
    draft.attempts, draft.lease_until = 0, None
    await show_anew(session, [draft.id])


async def _put_away(session: AsyncSession, drafts: Sequence[ImportDraft], *, now: datetime) -> None:
    without = {draft.person_id for draft in drafts if draft.state == State.KEPT}
    for draft in drafts:
        draft.state, draft.changed_at, draft.lease_until = State.WITHDRAWN, now, None
        draft.fence += 1  # whoever works on it finds that it is not theirs any more
    ids = [draft.id for draft in drafts]
    await session.flush()
    await _forget_parts(session, ids)
    await show_anew(session, ids)
    for person_id in sorted(without):
        await _join_anew(session, person_id, now=now)


async def expire(session: AsyncSession, *, now: datetime) -> int:
    """Put away what nobody has decided about for `KEEP`, and accounts files as old; how many files that were."""
    old = await session.scalars(
        select(ImportDraft)
        .where(
            ImportDraft.state.in_((State.WAITING, State.ASKED, State.FAILED, State.KEPT)),
            ImportDraft.changed_at < now - KEEP,
        )
        .with_for_update(skip_locked=True)
    )
    drafts = list(old)
    if drafts:
        await _put_away(session, drafts, now=now)
    return len(drafts)
