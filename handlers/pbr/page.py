"""`/pbr`: the list of partners with the state of each, one PBR as published, and what a saved form answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from slack_sdk.models.blocks import StaticSelectElement

from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.doors import CardRef
from handlers.kit.pages import short
from handlers.pbr import render
from handlers.pbr.ids import Action, Door, View
from models.domain.pbr import PbrFacts, reviewed
from models.domain.policy import Policy
from models.domain.text import clip, count
from models.people import Directory
from models.tables import Artifact, Occurrence, Partner

MOST_ROWS = 40
MOST_NAMES = 12
MOST_VERSIONS = 100
LONGEST_STATE = 200
MOST_BLOCKS = 80
HEAD_WEIGHT = 60_000
"""Bytes left for the page itself and the choice of versions, above the lists that go on below it."""
EMPTY = (
    "No partner is yours to see here. A partner manager sees their own, leadership sees all; `/cadence` says who manages "
    "which partner."
)


@dataclass(frozen=True)
class Row:
    """One partner's PBR in the list. `words` is its state."""

    partner: Partner
    occurrence: Occurrence
    words: str


@dataclass(frozen=True)
class ListPage:
    """The partners one may see; `lead` (mrkdwn) is said first, `without` have no PBR."""

    rows: Sequence[Row]
    without: Sequence[Partner]
    clocks: ZoneInfo
    lead: str = ""


def list_modal(page: ListPage) -> dict[str, Any]:
    made: list[b.Block] = [b.section(page.lead)] if page.lead else []
    if not page.rows and not page.without and not page.lead:
        made.append(b.section(EMPTY))
    ranked = sorted(page.rows, key=_rank)
    made += [_row(row, page) for row in ranked[:MOST_ROWS]]
    if len(ranked) > MOST_ROWS:
        made.append(b.context(f"… and {len(ranked) - MOST_ROWS} more: `/pbr` and a part of the name shows them"))
    if page.without:
        names = ", ".join(
            w.escape(f"{short(one.name, 60)} (Tier {one.tier_in_force})") for one in page.without[:MOST_NAMES]
        )
        more = f" and {len(page.without) - MOST_NAMES} more" if len(page.without) > MOST_NAMES else ""
        made.append(b.context(f"No PBR with: {names}{more}. They are for Tier 1 partners, and turned on in `/cadence`, "
                              "under Meetings of the quarter."))  # fmt: skip
    return b.modal(View.LIST, "Business reviews", made)


def _rank(row: Row) -> tuple[int, float]:
    """What waits comes first: what is over and not closed, what runs, then by date."""
    order = ("not closed", "running", "draft")
    place = next((place for place, word in enumerate(order) if row.words.startswith(word)), len(order))
    return place, row.occurrence.starts_at.timestamp()


def _row(row: Row, page: ListPage) -> b.Block:
    name = f"*{w.escape(short(row.partner.name, 80))}*"
    month = render.month(reviewed(row.occurrence.slot))
    when = w.when(row.occurrence.starts_at, page.clocks)
    mark = ":warning: " if row.words.startswith("not closed") else ""
    text = f"{name} · {month}, meeting {when}\n{mark}{w.escape(short(row.words, LONGEST_STATE))}"
    return b.section(text, accessory=b.button("Open…", Door.OPEN_PBR, CardRef(o=(row.occurrence.id,)).dump()))


@dataclass(frozen=True)
class PbrPage:
    """One PBR to read. `shown`: the version on the page; without versions `facts` are the draft's."""

    occurrence: Occurrence
    facts: PbrFacts
    versions: Sequence[Artifact]
    shown: Artifact | None
    may_publish: bool
    clocks: ZoneInfo
    book: Directory
    policy: Policy
    receipt: str = ""


def modal(page: PbrPage) -> dict[str, Any]:
    """The page as it was published, every version of it to choose from; “Correct…” for those who may."""
    made: list[b.Block] = [b.section(page.receipt)] if page.receipt else []
    if page.shown is not None:
        made.append(b.context(_which(page, page.shown)))
        if len(page.versions) > 1:
            made.append(b.actions(_chooser(page, page.shown)))
    made += b.paragraphs(render.page_text(page.facts, page.book, page.policy, draft=page.shown is None))
    if not page.receipt:
        made += _whole(page)
    if page.may_publish and not page.receipt:
        words = "Correct…" if page.versions else "Publish it after all…"
        made.append(b.actions(b.button(words, Action.CORRECT, CardRef(o=(page.occurrence.id,)).dump())))
    title = f"PBR of {page.facts.month:%B %Y}"
    return b.modal(View.PAGE, title, made, metadata=CardRef(o=(page.occurrence.id,)).dump())


def _whole(page: PbrPage) -> list[b.Block]:
    """The lists that one page had to cut, as far as a window goes."""
    room, made = b.VIEW_WEIGHT - HEAD_WEIGHT, list[b.Block]()
    for block in (one for text in render.whole(page.facts, page.book) for one in b.paragraphs(text)):
        room -= b.weight(block)
        if room < 0 or len(made) == MOST_BLOCKS:
            return [*made, b.context("… and more than a window holds; the CRM has it")]
        made.append(block)
    return [b.divider(), *made] if made else []


def _which(page: PbrPage, shown: Artifact) -> str:
    total = len(page.versions)
    when = w.when(shown.created_at, page.clocks)
    which = f"Version {shown.version} of {total}, published" if total > 1 else "Published"
    old = "" if shown.version == page.versions[0].version else " · _there is a newer one_"
    return f"{which} {when}{old}"


def _chooser(page: PbrPage, shown: Artifact) -> b.Block:
    options = {
        row.version: b.option(f"Version {row.version}, {w.when(row.created_at, page.clocks)}", str(row.version))
        for row in page.versions[:MOST_VERSIONS]
    }
    made: b.Block = StaticSelectElement(
        action_id=Action.VERSION, options=list(options.values()), initial_option=options.get(shown.version)
    ).to_dict()
    return made


def draft_saved(partner: Partner, facts: PbrFacts, when: str) -> dict[str, Any]:
    """What answers a saved draft: it is kept, nobody was told, and what it still lacks."""
    name = w.escape(clip(partner.name, 100))
    lacks = f"{count(len(facts.missing), 'thing is', 'things are')} missing" if facts.missing else "Nothing is missing"
    text = (
        f":white_check_mark: *Draft saved.* The PBR of {render.month(facts.month)} with {name} is kept as you typed it; nobody "
        f"was told. {lacks}. The meeting: {when}."
    )
    return b.modal(View.SAVED, f"PBR of {facts.month:%B %Y}", [b.section(text)])
