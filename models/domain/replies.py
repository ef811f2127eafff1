"""What a partner's reply in a thread says, by rules that are easy to say: which deal, stage, next step, who, by when, an ask.

Nothing here decides: what was understood is shown beside the words, and somebody of ours confirms, mends or drops it.

1. A line `stage: …`, `next: …`, `owner: …`, `due: …`, `ask: …` means what it says.
2. A sentence that asks (a question mark, “please”, “could you”, “we need”) is an ask.
3. A stage is one of the words agreed with the partner. A sentence that says no more than that is no next step.
4. A day is `2026-03-12`, `12 March`, `March 12`, `tomorrow` or a weekday; `3/4` is nobody's day.
5. “Cora will …” names who does it; “I will …” is who writes.
6. The first sentence that is left, and is no “thanks” and no “nothing new”, is the next step.
7. A deal is meant when its account is named, in full or by a word that no other account has. If none is, it could be any.
"""

import html
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from models.domain.text import clean, clip, key

LONGEST_WORDS = 2000
LONGEST_TEXT = 300
LONGEST_OWNER = 100
_LABELS = {
    "stage": "stage", "status": "stage", "next": "action", "next step": "action", "next action": "action",
    "action": "action", "owner": "owner", "who": "owner", "due": "due", "date": "due", "by": "due", "when": "due",
    "ask": "ask", "help": "ask", "need": "ask", "question": "ask",
}  # fmt: skip
_LABEL = re.compile(rf"^\W*({'|'.join(sorted(_LABELS, key=len, reverse=True))})\s*[:=]\s*(.+)$", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\s*;\s+")
_ASKS = re.compile(
    r"\b(?:please|can you|could you|would you|we need|need your|need you|help us|help with)\b", re.IGNORECASE
)
_COURTESY = re.compile(
    r"^(?:hi|hello|hey|dear|thanks|thank you|ok|okay|noted|great|perfect|sure|cheers|best|regards|kind regards|good morning)\b",
    re.IGNORECASE,
)
_NOTHING_NEW = re.compile(
    r"^(?:all (?:is )?(?:good|fine|well|quiet)|nothing (?:new|to add|to report)|no (?:news|changes?|updates?)|looks good|see you)\b",
    re.IGNORECASE,
)
_WHO = re.compile(
    r"\b((?:[A-Z][\w'’-]+)(?: [A-Z][\w'’-]+)?|I)(?:'ll|’ll| will| is going to| am going to|'m going to)\b"
)
_NOBODY = frozenset({"we", "they", "it", "this", "that", "you", "he", "she", "there", "who", "and", "our", "your"})
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_ISO = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_DAY_MONTH = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\.? (?:of )?{_MONTH}(?:,? (\d{{4}}))?\b", re.IGNORECASE)
_MONTH_DAY = re.compile(rf"\b{_MONTH} (\d{{1,2}})(?:st|nd|rd|th)?(?:,? (\d{{4}}))?\b", re.IGNORECASE)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKDAY = re.compile(
    r"\b(monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b"
    r"|\b(?:by|on|until|before|next) (mon|tues?|wed|thu(?:rs?)?|fri|sat|sun)\b",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
_NUMBERED = re.compile(r"^(.*\S) \((\d+)\)$")
_WORD = re.compile(r"[^\W_]+")
LEAST_LETTERS = 4
LONGEST_NOTHING = 60
"""A sentence that begins with “nothing new” says no more if it is not longer; longer ones may go on with what is."""
SHORT = 30
"""A sentence with a stage in it says no more than the stage if it has at most so many characters besides."""


@dataclass(frozen=True)
class Understood:
    """What a reply says; what it does not say is empty."""

    stage: str = ""
    action: str = ""
    owner: str = ""
    due: date | None = None
    ask: str = ""

    def __bool__(self) -> bool:
        return bool(self.stage or self.action or self.owner or self.due or self.ask)


def plain(text: str) -> str:
    """Slack's text of a message as people read it: links and mentions as their words, one clean line a line."""
    lines = [clean(html.unescape(_MARKUP.sub(_shown, line))) for line in text.splitlines()]
    return clip("\n".join(line for line in lines if line), LONGEST_WORDS)


def _shown(found: re.Match[str]) -> str:
    target, label = found.group(1), found.group(2)
    if label:
        return f"{target[:1] if target[:1] in '@#' else ''}{label}"
    return "" if target[:1] in ("@", "#", "!") else target


def meant(words: str, accounts: Mapping[int, str]) -> tuple[int, ...]:
    """The joint deals (by the number of their mark) that a reply could mean; all of them where it names none."""
    said = _spaced(words)
    names = {ref: _base(account) for ref, account in accounts.items()}
    found = {
        ref
        for ref, name in names.items()
        if _core(name).strip() and (_core(name) in said or any(f" {word} " in said for word in _own_words(name, names)))
    }
    numbered = {ref for ref in found if _has_number(said, accounts[ref])}
    told_apart = {names[ref] for ref in numbered}
    kept = tuple(ref for ref in accounts if ref in numbered or (ref in found and names[ref] not in told_apart))
    return kept or tuple(accounts)


def _base(account: str) -> str:
    """The account without the number that tells two of its deals apart."""
    found = _NUMBERED.match(account)
    return key(found.group(1) if found else account)


def _core(name: str) -> str:
    """The name as people say it, without what kind of company it is; all of it where that is all there is."""
    words = [word for word in _spaced(name).split() if word not in _COMPANY]
    return f" {' '.join(words)} " if words else _spaced(name)


def _has_number(said: str, account: str) -> bool:
    found = _NUMBERED.match(account)
    return found is not None and any(
        f"{name.rstrip()} {found.group(2)} " in said for name in (_spaced(found.group(1)), _core(found.group(1)))
    )


def _spaced(words: str) -> str:
    """Words only, each between single spaces."""
    return f" {' '.join(_WORD.findall(key(words)))} "


def _own_words(name: str, names: Mapping[int, str]) -> Collection[str]:
    """The words by which nobody would mean another account."""
    others = {word for other in names.values() if other != name for word in _spaced(other).split()}
    return {word for word in _spaced(name).split() if len(word) >= LEAST_LETTERS and word not in others | _COMPANY}


_COMPANY = frozenset({
    "ag", "co", "company", "corp", "corporation", "gmbh", "group", "holding", "holdings", "inc", "international", "limited",
    "llc", "ltd", "plc", "sa", "systems",
})  # fmt: skip


def understand(
    words: str, *, stages: Sequence[str], today: date, writer: str, accounts: Collection[str] = ()
) -> Understood:
    """What a reply says. `stages` are the words agreed with the partner; `today` is the day it was written."""
    said: dict[str, str] = {}
    sentences: list[str] = []
    for written in words.splitlines():
        line = _without_account(written, accounts).strip()
        labelled = _LABEL.match(line)
        if labelled is not None:
            said.setdefault(_LABELS[labelled.group(1).lower()], labelled.group(2).strip())
        else:
            sentences += [clean(one) for one in _SENTENCE.split(line) if clean(one)]
    asks = [one for one in sentences if one.endswith("?") or _ASKS.search(one)]
    plain_ones = [one for one in sentences if one not in asks]
    telling = [one for one in plain_ones if not _is_courtesy(one)]
    stage = _stage(said.get("stage", ""), stages) or next(
        (found for one in plain_ones if (found := _stage(one, stages))), ""
    )
    steps = [one for one in telling if not _only_stage(one, stages)]
    action = said.get("action", "") or next(iter(steps), "")
    due = _day(said.get("due", ""), today) or next(
        (day for one in (said.get("action", ""), *steps, *telling) if (day := _day(one, today))), None
    )
    owner = said.get("owner", "") or next((found for one in steps if (found := _who(one, writer, accounts))), "")
    ask = said.get("ask", "") or " ".join(asks)
    return Understood(
        stage=stage,
        action=clip(action.strip(" .!-–•*"), LONGEST_TEXT),
        owner=clip(owner.strip(" .@"), LONGEST_OWNER),
        due=due,
        ask=clip(ask, LONGEST_TEXT),
    )


def _without_account(line: str, accounts: Collection[str]) -> str:
    """`Globex: we sent it` is about Globex, and what it says is “we sent it”."""
    head, colon, rest = line.partition(":")
    named = _core(_base(clean(head))) if colon and rest.strip() else ""
    return rest if named.strip() and any(named in _core(_base(account)) for account in accounts) else line


def _stage(text: str, stages: Sequence[str]) -> str:
    said = _spaced(text)
    by_length = sorted(stages, key=len, reverse=True)
    return next((stage for stage in by_length if clean(stage) and _spaced(stage) in said), "")


def _only_stage(sentence: str, stages: Sequence[str]) -> bool:
    stage = _stage(sentence, stages)
    return bool(stage) and len(sentence) - len(stage) <= SHORT and not _WHO.search(sentence)


def _is_courtesy(sentence: str) -> bool:
    if _NOTHING_NEW.match(sentence) is not None:
        return len(sentence) <= LONGEST_NOTHING
    return _COURTESY.match(sentence) is not None and len(sentence) <= SHORT


def _who(sentence: str, writer: str, accounts: Collection[str]) -> str:
    found = _WHO.search(sentence)
    if found is None:
        return ""
    name = found.group(1)
    if name == "I":
        return writer
    known = {_base(account) for account in accounts}
    words = set(_spaced(name).split())
    return "" if words & _NOBODY or key(name) in known or words & set(_WEEKDAYS) else name


def _day(text: str, today: date) -> date | None:
    """The first day that a text names, never a past one: a day without its year is the next such day."""
    if not text:
        return None
    iso = _ISO.search(text)
    if iso is not None:
        return _valid(int(iso.group(1)), int(iso.group(2)), int(iso.group(3)))
    for pattern, day_at, month_at in ((_DAY_MONTH, 1, 2), (_MONTH_DAY, 2, 1)):
        found = pattern.search(text)
        if found is not None:
            month = _MONTHS.index(found.group(month_at).lower()) + 1
            return _dated(int(found.group(day_at)), month, found.group(3), today)
    low = text.lower()
    if re.search(r"\btomorrow\b", low):
        return today + timedelta(days=1)
    if re.search(r"\btoday\b", low):
        return today
    weekday = _WEEKDAY.search(text)
    if weekday is None:
        return None
    name = (weekday.group(1) or weekday.group(2)).lower()[:3]
    ahead = ([one[:3] for one in _WEEKDAYS].index(name) - today.weekday()) % 7
    return today + timedelta(days=ahead or 7)


def _dated(day: int, month: int, year: str | None, today: date) -> date | None:
    if year:
        return _valid(int(year), month, day)
    this = _valid(today.year, month, day)
    return this if this is not None and this >= today else _valid(today.year + 1, month, day)


def _valid(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
