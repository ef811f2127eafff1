"""A whole quarter of the demo company with every meeting on: each fires on its day, once, and ends as it should.

`make quarter` lives all of it; a run of the suite its first week, in which most kinds of meetings stand.
The company's leads close what they are asked to close and answer the pulses; its AEs are on holiday from the test, because
`test_quarter_slice` lives their week. What was posted is read from the local Slack's log, what was due from the rows.
"""

import html
import os
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select

from bot import trying
from models import crews, hours
from models.db import Database
from models.domain.meetings import Leaves
from models.domain.zones import zone
from models.tables import Cadence, Occurrence, Partner, Person
from tests.driving import Company, _buttons, _field, _only, demo, driver

ALL = bool(os.environ.get("CADENCE_WHOLE_QUARTER"))
FIRST = date(2026, 9, 28) if ALL else date(2026, 10, 5)
WEEKS = 14 if ALL else 1
EXPECTED = (  # 28 December is a bank holiday: that Monday has no team call
    {"team_call": 13, "office_hours": 14, "forecast_one_on_one": 27, "pipeline_one_on_one": 27, "leadership_roll_up": 3,
     "executive_roll_up": 3, "mbr": 1, "elt": 1, "qbr": 1, "readout": 9, "program_readout": 1, "pbr": 27, "pulse": 14}
    if ALL
    else {"team_call": 1, "office_hours": 1, "forecast_one_on_one": 9, "leadership_roll_up": 1, "executive_roll_up": 1,
          "pbr": 9}
)  # fmt: skip
PAGE_LINES, PAGE_CHARACTERS = 40, 3800
CLOSE = ("meetings.close", "pbr.open", "closing.one")
CARDS = {
    "prompt": "Your deals for the next review",
    "nudge": "still open",
    "prepare": "To prepare",
    "close": "Close your",
    "close_nudge": "not closed:",
}


@dataclass
class Post:
    """One message: where it went (a channel's name, or @ and a user's id), when, and what it said."""

    place: str
    at: datetime
    text: str

    @property
    def title(self) -> str:
        """The words in bold that a page or an agenda begins with, without the marks that keep scripts apart."""
        found = re.match(r"\*(.+?)\* · ", self.text)
        return html.unescape(re.sub("[\u200b\u200e\u2068\u2069]", "", found[1])) if found else ""


@dataclass
class Quarter(Company):
    """The leads of the company, from its first Monday on."""

    posts: list[Post] = field(default_factory=list)
    leads: dict[str, str] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    closed: Counter[str] = field(default_factory=Counter)

    def __init__(self, slack):
        super().__init__(slack)
        self.posts, self.shown, self.closed = [], {}, Counter()
        self.leads = {}

    async def live(self, until: datetime) -> None:
        state = await self.slack.get("state")
        self.leads = {one["id"]: one["real_name"] for one in state["users"] if "partner" in one["title"].casefold()}
        while self.now < until:
            moved = await self.slack.post("clock/next")
            assert moved["note"] is None, moved["note"]
            self.now = datetime.fromisoformat(moved["now"])
            await self._look()

    async def _look(self) -> None:
        """What came, and what is to be done on the cards: these are edited, and say nothing of it."""
        for channel, message in await self._posted():
            if channel not in self._of_dm and channel not in self._names:
                await self.meet()
            place = self._names.get(channel) or f"@{self._of_dm.get(channel)}"
            self.posts.append(Post(place, self.now, message["text"]))
        for who in self.leads:
            for card in (await self.slack.get("inbox", user=who))[-6:]:
                if card["text"].startswith(("Close your", "To prepare")) and self.shown.get(card["ts"]) != card["text"]:
                    self.shown[card["ts"]] = card["text"]
                    await self._work(who, card)

    async def _work(self, who, card) -> None:
        for _, button in _buttons(card):
            pulse = button["action_id"] == "meetings.pulse" and button["text"]["text"] == "Answer…"
            if pulse or (button["action_id"] in CLOSE and button["text"]["text"].startswith("Close")):
                opened = await self.slack.post(
                    "click", user=who, channel=card["channel"], ts=card["ts"], action_id=button["action_id"],
                    value=button["value"],
                )  # fmt: skip
                await self._fill(who, _only(opened["views"]), button["action_id"])

    async def _fill(self, who, view, kind) -> None:
        fields = {_field(block) for block in view["blocks"] if block["type"] == "input"}
        given = self._promised(view, who) if any(name.startswith("text_") for name in fields) else {}
        given |= {name: "As agreed in the meeting." for name in fields if name.startswith("said_")}
        given |= {name: "price" for name in fields if name.startswith("loss_")}
        if kind == "pbr.open":
            given |= {"change_0": "Demo together from the first call on"}
        if kind == "meetings.pulse":
            given = {
                "active": "yes",
                "verdict": "off_board" if self.closed[kind] == 2 else "keep",
                "why": "nothing moves",
            }
        after = await self._submit(who, view, given)
        self.closed[kind] += 1
        if after is not None:  # a PBR says that it is out
            await self.slack.post("close", user=who, view_id=after["id"])


@dataclass(frozen=True)
class Due:
    """One meeting as the rows have it."""

    kind: str
    title: str
    place: str
    occurrence: Occurrence
    leaves: str
    ends_in: str


async def due(database) -> tuple[list[Due], dict[str, Person], list[tuple[Person, object]]]:
    db = Database(f"sqlite:///{database}")
    company = trying.make_company(trying.first_monday(FIRST), 1)
    policy = trying.policy_of(company)
    places = {"team": policy.team_channel, "leadership": policy.leadership_channel,
              "executive": policy.executive_channel}  # fmt: skip
    try:
        async with db.read() as session:
            crew = await crews.crew(session)
            rows = await session.execute(
                select(Occurrence, Cadence, Partner)
                .join(Cadence, Cadence.id == Occurrence.cadence_id)
                .outerjoin(Partner, Partner.id == Cadence.partner_id)
                .where(Cadence.meeting_id.is_not(None))
                .order_by(Occurrence.starts_at)
            )
            found = []
            for occurrence, cadence, partner in rows:
                row = crew.table[cadence.meeting_id]
                title = " · ".join(part for part in (partner.name if partner else "", row.name) if part)
                place = places.get(row.channel) or (partner.internal_channel.lstrip("#") if partner else "")
                found.append(Due(row.key, title, place, occurrence, row.leaves, row.ends_in))
            spent = await hours.of_quarter(session, now=datetime(2026, 11, 4, 12, tzinfo=UTC), policy=policy)
            humans = {row.slack_id or "": row for row in await session.scalars(select(Person))}
    finally:
        await db.close()
    return found, humans, [(one, spent) for one in spent.people]


async def test_a_quarter_of_the_demo_company_fires_every_row_on_its_day_once_and_ends_as_it_should(tmp_path):
    database = tmp_path / "quarter.db"
    async with demo(database, FIRST, quarter=True) as url, driver(url) as slack:
        company = Quarter(slack)
        await company.meet()
        began = company.now
        await company.live(began + timedelta(weeks=WEEKS))
        state = await slack.get("state")
    assert state["problems"] == []
    rows, humans, spent = await due(database)
    over = [item for item in rows if began <= item.occurrence.ends_at + timedelta(hours=1) <= company.now]
    agendas_and_pages(company, over)
    artifacts(company.posts)
    quiet(company.posts, humans)
    kinds = Counter(item.kind for item in over if item.occurrence.state != "no_meeting")
    assert kinds == Counter(EXPECTED), kinds
    assert spent, "the hours of the quarter are there"


def agendas_and_pages(company: Quarter, over: list[Due]) -> None:
    """Every meeting has its agenda ten minutes before it, once; each that was closed its page, once."""
    at: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for post in company.posts:
        at[post.place, post.title].append(post.at)
    wrong = []
    for item in over:
        occurrence = item.occurrence
        if item.leaves == Leaves.PULSE:
            continue
        here = at[item.place, item.title]
        agenda = [when for when in here if when == occurrence.starts_at - timedelta(minutes=10)]
        if occurrence.state == "no_meeting":
            wrong += [(item.title, "agenda of a day off")] if agenda else []
        elif len(agenda) != 1:
            wrong.append((item.title, occurrence.starts_at, here))
    assert not wrong, wrong[:5]
    held = [item for item in over if item.occurrence.state in ("held", "held_late")]
    asked = [item for item in over if item.occurrence.state != "no_meeting"]
    assert {item.title for item in asked} == {item.title for item in held}, "somebody was not asked to close"
    assert [item.title for item in asked if item.occurrence.closed_at is None] == []
    pulses = [item for item in asked if item.leaves == Leaves.PULSE]
    assert len({item.title for item in pulses}) == len(pulses) == company.closed["meetings.pulse"]


def artifacts(posts: list[Post]) -> None:
    """One page each, ending in commitments, or in signatures for the roll-ups."""
    pages = [post for post in posts if re.search(r"^(:white_check_mark: )?Held ", post.text, re.MULTILINE)]
    assert len(pages) >= sum(number for kind, number in EXPECTED.items() if kind not in ("pulse", "office_hours"))
    for post in pages:
        assert len(post.text) <= PAGE_CHARACTERS, post.title
        assert post.text.count("\n") < PAGE_LINES, post.title
        ending = "*Signatures*" if "roll-up" in post.title else "*Commitments*"
        assert ending in post.text, post.text


def quiet(posts: list[Post], humans: dict[str, Person]) -> None:
    """Each kind of card at most once a person a day, and nothing outside the reader's hours."""
    cards: Counter[tuple[str, str, date]] = Counter()
    for post in posts:
        if not post.place.startswith("@"):
            continue
        human = humans[post.place[1:]]
        local = post.at.astimezone(zone(human.zone))
        assert time(8) <= local.time() < time(18), (human.name, local, post.text[:60])
        assert local.weekday() < 5, (human.name, local, post.text[:60])
        kind = next((name for name, words in CARDS.items() if words in post.text.partition("\n")[0]), post.text[:20])
        cards[human.name, kind, local.date()] += 1
    assert [found for found in cards.items() if found[1] > 1] == []
