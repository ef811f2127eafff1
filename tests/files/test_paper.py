"""The weekly note and the PBR on paper: one page whatever is in them, in the words of the messages."""

import re
from typing import Any

import pytest

from handlers.files import paper
from handlers.files.fonts import Faces
from handlers.files.words import plain
from handlers.notes.render import weekly_text
from handlers.pbr.render import page_text
from models.domain.policy import Policy
from tests.files import office, samples

POLICY, BARE = Policy(), Faces(system=False)
LONG = "Donaudampfschifffahrtsgesellschaftskapitän" * 8


def hostile_weekly(number: int) -> Any:
    facts = samples.weekly(number)
    deals = tuple(
        deal.model_copy(update={"name": samples.HOSTILE[place % len(samples.HOSTILE)] or "x", "help_needed": LONG})
        for place, deal in enumerate(facts.deals)
    )
    promises = tuple(
        item.model_copy(update={"text": LONG}) for item in samples.commitments(*["new"] * 3, *["moved"] * 20)
    )
    return facts.model_copy(
        update={"deals": deals, "partner": LONG, "commitments": promises, "reason": LONG, "state": "skipped"}
    )


WEEKLY = {
    "nothing": lambda: samples.weekly(0, joint=(), joint_before=None, commitments=(), crm_as_of=None),
    "one": lambda: samples.weekly(1),
    "usual": lambda: samples.weekly(12),
    "full": lambda: samples.weekly(200),
    "hostile": lambda: hostile_weekly(60),
}
PBR = {
    "nothing": lambda: samples.pbr(0, joint=(), joint_before=None, pursuit=(), changes=(), commitments=()),
    "usual": lambda: samples.pbr(10),
    "full": lambda: samples.pbr(200),
    "long words": lambda: samples.pbr(30, changes=(LONG, LONG), what_changed=LONG, version=2, partner=LONG),
}


@pytest.mark.parametrize("name", WEEKLY)
def test_a_weekly_note_is_one_page(name: str) -> None:
    data = paper.weekly_note(WEEKLY[name](), samples.book(), POLICY, faces=BARE)
    assert office.pages(data) == 1


@pytest.mark.parametrize("name", PBR)
def test_a_pbr_is_one_page(name: str) -> None:
    data = paper.pbr(PBR[name](), samples.book(), POLICY, faces=BARE)
    assert office.pages(data) == 1


def test_what_does_not_fit_is_counted_with_its_sum() -> None:
    facts = samples.weekly(200)
    said = " ".join(office.text_of(paper.weekly_note(facts, samples.book(), POLICY, faces=BARE)).split())
    hidden = int(re.search(r"… and (\d+) more deals, USD", said)[1])  # type: ignore[index]
    shown = [deal for deal in facts.deals[: 200 - hidden] if deal.name in said]
    assert len(shown) == 200 - hidden >= 8


def texts(data: Any) -> list[str]:
    if isinstance(data, str):
        return [data] if data else []
    parts = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return [text for part in parts for text in texts(part)]


def same(text: str) -> str:
    """A text without what only looks."""
    return " ".join(plain(text).replace("\u00a0", " ").replace("*", "").replace("_", "").split())


PAPERS_OWN = {
    "Won and lost",
    "Deal",
    "Amount",
    "Next action",
    "Owner",
    "Due",
    "words",
    "lines",
    "table",
    "tiles",
    "pair",
}


def test_a_weekly_note_says_what_the_message_says() -> None:
    facts = samples.weekly(6, deals=samples.weekly(6).deals[:4])
    message = same(weekly_text(facts, samples.book(), POLICY))
    data = paper._weekly(facts, samples.book(), POLICY, "", 10, 8)
    told = [same(text) for text in texts(data["blocks"]) if text not in PAPERS_OWN]
    long_sums = same(data["blocks"][0]["items"][0]["value"])
    assert len(told) > 30
    missing = [
        text for text in told if text.replace(" · ", " ") not in message.replace(" · ", " ") and text != long_sums
    ]
    assert [
        text for text in missing if not all(part in message for part in re.split(r", |\(|\)|: ", text) if part)
    ] == []
    assert same(data["status"]) in message
    assert same(data["footer"]) in message


def test_a_pbr_says_what_the_message_says() -> None:
    facts = samples.pbr(6)
    message = same(page_text(facts, samples.book(), POLICY))
    data = paper._pbr(facts, samples.book(), POLICY, False, 10, 8)
    told = [same(text) for text in texts(data["blocks"]) if text not in PAPERS_OWN]
    short = {same(item["value"]) for block in data["blocks"] if block["kind"] == "tiles" for item in block["items"]}
    assert len(told) > 30
    lost = [text for text in told if text not in short
            and not all(part in message for part in re.split(r", | · |\(|\)|: ", text) if part)]  # fmt: skip
    assert [text for text in lost if not text.startswith(("Won in", "Lost in", "Won by"))] == []
    assert same(data["status"]) in message
    assert same(data["footer"]) in message


def test_a_late_note_and_a_draft_say_so() -> None:
    late = paper.weekly_note(samples.weekly(2), samples.book(), POLICY, late="closed Mon 23 Nov, 09:00", faces=BARE)
    assert "late: closed Mon 23 Nov, 09:00" in office.text_of(late)
    draft = paper.pbr(samples.pbr(2, provisional="month"), samples.book(), POLICY, draft=True, faces=BARE)
    assert "PBR of October 2026 · draft · provisional: the month is not over" in office.text_of(draft)
