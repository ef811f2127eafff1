"""The judgement on a week, from the local Slack's own messages and from the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from models.cadences import Kind
from models.cards import HOME
from models.tables import (
    Answer,
    Artifact,
    Cadence,
    Card,
    Commitment,
    DealVersion,
    Inbox,
    Occurrence,
    Outbox,
    Submission,
)
from tests.crash.ground import ANN, BOB, CYD, DEALS, PM, UNCHANGED
from tests.journeys.support import kind_of, shown
from tests.world import BOT_USER, Local

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from tests.crash.lives import Replica
    from tests.crash.week import Week

EXPECTED = Counter(
    [
        (ANN, "help"), (ANN, "prompt"), (BOB, "prompt"), (CYD, "prompt"), (BOB, "nudge"), (CYD, "nudge"),
        ("p-acme", "agenda"), ("p-beta", "agenda"), (PM, "close"), ("p-acme", "note"), ("p-beta", "note"),
        ("leadership", "friday"), ("leadership", "reply Acme"), ("leadership", "reply Beta"),
    ]
)  # fmt: skip
"""Every message of the week, by place and kind."""

WORDS = {"friday": "partner", "agenda": "· deal review, ", "note": "weekly deal review", "help": "`/deals` answers"}


@dataclass
class Verdict:
    """What happened and what must not: a message lost or doubled, an answer lost or doubled, anything unfinished."""

    plan: str
    database: str = ""
    weeks: int = 1
    kills: int = 0
    not_reached: int = 0
    lost_replies: int = 0
    expected: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    acked: int = 0
    stored: int = 0
    wrong: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    repeats: int = 0
    seconds: int = 0

    @property
    def good(self) -> bool:
        return not (self.lost or self.doubled or self.wrong)

    def add(self, other: Verdict) -> None:
        for name in (
            "weeks", "kills", "not_reached", "lost_replies", "expected", "lost", "doubled", "acked", "stored", "wrong",
            "repeats", "seconds",
        ):  # fmt: skip
            setattr(self, name, getattr(self, name) + getattr(other, name))


async def judge(week: Week, replicas: Sequence[Replica]) -> Verdict:
    """The whole week, when everybody has stopped."""
    found = Verdict(week.plan.name, kills=sum(len(one.kills) for one in replicas), lost_replies=week.lost)
    found.not_reached = sum(len(one.to_come) for one in replicas)
    found.expected = EXPECTED.total()
    messages = [
        row
        for row in await week.local.get("messages")
        if row["user"] == BOT_USER and not row["deleted"] and not row["ephemeral_to"]
    ]
    state = await week.local.get("state")
    channels = {one["id"]: one for one in state["channels"]}
    seen = Counter([label(week.local, row, channels[row["channel"]], messages) for row in messages])
    found.lost = [f"{place}: {kind}" for place, kind in (EXPECTED - seen).elements()]
    found.doubled = [f"{place}: {kind}" for place, kind in (seen - EXPECTED).elements()]
    async with week.db.read() as session:
        found.wrong += await outbox_is_done(session, messages)
        found.wrong += await rows_are_whole(session)
        found.stored, problems = await answers(session, week)
        found.wrong += problems
        # Said, not judged: a click that was sent twice opens a second form, and the week may look at the wrong one.
        found.remarks += await repeats_got_the_same(session, week)
    found.acked = len(week.acked) + (1 if week.unchanged_acked else 0)
    found.repeats = sum(one.repeated for one in week.saved)
    found.wrong += await cards_tell_the_truth(week.local)
    found.wrong += [problem for problem in state["problems"] if "never acknowledged" in problem or "refused" in problem]
    found.wrong += [f"a bot said: {words}" for one in replicas for words in tracebacks(one.said())]
    return found


def tracebacks(said: str) -> list[str]:
    """What a bot's log holds of exceptions nobody has turned into words, each with its surroundings."""
    lines = said.splitlines()
    return ["\n".join(lines[max(0, n - 3) : n + 60]) for n, line in enumerate(lines) if line.startswith("Traceback")]


def label(
    local: Local, row: dict[str, Any], channel: dict[str, Any], messages: Collection[dict[str, Any]]
) -> tuple[str, str]:
    """Where a message stands and what it is, by Slack's own record."""
    first = str(row["history"][0].get("text", row["text"]) if row["history"] else row["text"])
    if channel["is_im"]:
        reader = channel["user"]
        place = next((one.name for one in local.team.people if local.id(one.name) == reader), reader)
        kind = kind_of(row) or ("help" if WORDS["help"] in first else first[:60])
        return place, kind
    if row["thread_ts"] and row["thread_ts"] != row["ts"]:
        roots = [one for one in messages if one["ts"] == row["thread_ts"] and one["channel"] == row["channel"]]
        about = next((name for name in ("Acme", "Beta") if first.startswith(f"*{name}*")), first[:60])
        return channel["name"], f"reply {about}" if roots else f"orphan {about}"
    if channel["name"] == local.team.leadership and "closed" in first:
        return channel["name"], "friday"
    return channel["name"], next((kind for kind in ("agenda", "note") if WORDS[kind] in first), first[:60])


async def outbox_is_done(session: AsyncSession, messages: Sequence[dict[str, Any]]) -> list[str]:
    """Every row is sent, and names the one message in Slack that carries its key."""
    carried = Counter(str(((row["metadata"] or {}).get("event_payload") or {}).get("key")) for row in messages)
    where = {str(((row["metadata"] or {}).get("event_payload") or {}).get("key")): row for row in messages}
    wrong = []
    for row in await session.scalars(select(Outbox).order_by(Outbox.id)):
        if row.state != "sent":
            wrong.append(f"{row.key} is {row.state}: {row.problem}")
        elif carried[row.nonce] != 1:
            wrong.append(f"{row.key} is sent and stands {carried[row.nonce]} times")
        elif (row.channel_id, row.ts) != (where[row.nonce]["channel"], where[row.nonce]["ts"]):
            wrong.append(f"{row.key} remembers another message than its own")
        carried.pop(row.nonce, None)
    return wrong + [f"a message carries the key {key}, which no row has" for key in carried]


async def rows_are_whole(session: AsyncSession) -> list[str]:
    """What the week must leave: each artifact once, each promise once, no event left, no card behind."""
    wrong = []
    artifacts = Counter(
        (kind, occurrence) for kind, occurrence in await session.execute(select(Artifact.kind, Artifact.occurrence_id))
    )
    wrong += [f"artifact {key} {number} times" for key, number in artifacts.items() if number != 1]
    promised = Counter(await session.scalars(select(Commitment.text)))
    wrong += [f"promise “{text}” {number} times" for text, number in promised.items() if number != 1]
    if len(promised) != 4:
        wrong.append(f"{len(promised)} promises instead of 4")
    left = await session.scalar(select(func.count()).select_from(Inbox).where(Inbox.done_at.is_(None)))
    failed = await session.scalar(select(func.count()).select_from(Inbox).where(Inbox.problem != ""))
    behind = await session.scalar(
        select(func.count()).select_from(Card).where(Card.shown < Card.wanted, Card.kind != HOME)
    )
    dead = await session.scalar(select(func.count()).select_from(Card).where(Card.dead != ""))
    closed = [
        f"{kind} {slot}"
        for kind, slot in await session.execute(
            select(Cadence.kind, Occurrence.slot)
            .join(Cadence, Cadence.id == Occurrence.cadence_id)
            .where(Occurrence.closed_at.is_not(None), Cadence.kind == Kind.WEEKLY_REVIEW)
        )
    ]
    wrong += [f"{number} {what}" for number, what in (
        (left, "events left"), (failed, "events failed"), (behind, "cards behind"), (dead, "cards given up"),
    ) if number]  # fmt: skip
    return wrong if len(closed) == 2 else [*wrong, f"closed: {closed}"]


async def answers(session: AsyncSession, week: Week) -> tuple[int, list[str]]:
    """How many answers are stored, and what is wrong: acked and not stored, stored twice."""
    versions = await session.execute(select(DealVersion.deal_id, DealVersion.name))
    names = {row.deal_id: row.name for row in versions}
    rows = list(await session.scalars(select(Answer)))
    stored = Counter(row.deal_id for row in rows)
    wrong = [f"{names[deal_id]} is answered {number} times" for deal_id, number in stored.items() if number != 1]
    wrong += [f"the answer for {names[deal_id]} was acked and is not stored" for deal_id in week.acked - set(stored)]
    unchanged = [row for row in rows if names[row.deal_id] == UNCHANGED]
    if [row.kind for row in unchanged] != ["no_change"]:
        wrong.append(f"“No change” was clicked and {[row.kind for row in unchanged]} is stored")
    if len(stored) != len(DEALS):
        wrong.append(f"{len(stored)} of {len(DEALS)} deals are answered")
    return len(rows), wrong


async def repeats_got_the_same(session: AsyncSession, week: Week) -> list[str]:
    """Whoever submitted again was shown what the first submission was answered with."""
    wrong = []
    for saved in week.saved:
        kept = await session.scalar(select(Submission.response).where(Submission.key == saved.key))
        if kept is None:
            wrong.append(f"{saved.key} was acked and is not stored")
            continue
        want = "updated" if kept.get("response_action") == "update" else "closed"
        shows = str((kept.get("view") or {}).get("private_metadata") or "")
        if saved.result != want or (shows and saved.shows != shows):
            wrong.append(
                f"{saved.key}{' (a repeat)' if saved.repeated else ''} showed another answer than the stored one"
            )
    return wrong


async def cards_tell_the_truth(local: Local) -> list[str]:
    """No edit is lost: in the end the cards say what is so."""
    wrong = []
    for name, number in ((ANN, 3), (BOB, 2), (CYD, 2)):
        for row in await local.dms(name):
            if (
                kind_of(row) == "prompt"
                and f"{number} deals answered" not in shown(row)
                and "Nothing waits" not in shown(row)
            ):
                wrong.append(f"{name}'s card says {shown(row)[:120]!r}")
    return wrong
