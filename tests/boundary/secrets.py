"""Marked secrets, and the search for them in whatever reached somebody outside.

A secret is a word, a number or a day that stands nowhere else. What may reach a partner is worked out here from what the
test itself shared, and never from the code that is judged.
"""

import io
import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from handlers.kit.message import Attached, Message
from handlers.kit.words import ZERO_WIDTH
from tests.files import office

NEVER = re.compile(
    r"\b(commit|best[ _]case|pipeline|sourced|influenced|co[-_]sold|quota|tier|coverage|attainment|stalled|2031)\b"
    r"|\d+ (Aug|Sep|Oct|Nov|Dec)\b", re.IGNORECASE,
)  # fmt: skip
"""What is never said to a partner in any words: categories, kinds of attribution, signed numbers; and the secret days."""
FIRST_DAY = date(2031, 8, 1)
_TAGS = re.compile(r"<[^>]+>")


@dataclass(frozen=True)
class Secret:
    """One value: how it could be written, what it is, and for whom (a partner's id) it is none, and when."""

    needles: tuple[str, ...]
    what: str
    partner_id: int = 0
    shared: Callable[[], bool] = field(default=lambda: False)

    def may_reach(self, partner_id: int) -> bool:
        return self.partner_id == partner_id and self.shared()


class Vault:
    """Makes secrets, and remembers them all."""

    def __init__(self, seed: int = 0) -> None:
        self._random, self._number = Random(seed), 0
        self._amounts: set[int] = set()
        self.secrets: list[Secret] = []
        self.forbidden_sums: Callable[[int], Iterable[tuple[str, int]]] = lambda _: ()

    def word(self, what: str, *, partner_id: int = 0, shared: Callable[[], bool] | None = None) -> str:
        """A word that stands nowhere else, such as `Zq0007x`."""
        self._number += 1
        made = f"Zq{self._number:04d}x"
        self._keep(Secret((made,), what, partner_id, shared or (lambda: False)))
        return made

    def amount(self, what: str, *, partner_id: int = 0, shared: Callable[[], bool] | None = None) -> int:
        """Minor units of an amount in millions, with cents."""
        while (made := self._random.randrange(1_000_000_01, 9_000_000_00)) in self._amounts or made % 100 == 0:
            pass
        self._amounts.add(made)
        self._keep(Secret(spelled(made), what, partner_id, shared or (lambda: False)))
        return made

    def day(self) -> date:
        """A day of the autumn of 2031; `NEVER` knows them all."""
        self._number += 1
        return FIRST_DAY + timedelta(days=self._number % 140)

    def open_to(self, secret_of: str, partner_id: int, shared: Callable[[], bool]) -> None:
        """A value may reach one more partner, while that holds."""
        held = next(one for one in self.secrets if secret_of in one.needles)
        self.secrets.append(Secret(held.needles, held.what, partner_id, shared))

    def _keep(self, secret: Secret) -> None:
        self.secrets.append(secret)

    def leaks(self, partner_id: int, seen: str) -> list[str]:
        """What of it all stands in something that this partner saw, in words for a failing test."""
        text = seen.replace(ZERO_WIDTH, "").replace("\u00a0", " ")
        allowed = {needle for one in self.secrets if one.may_reach(partner_id) for needle in one.needles}
        found = [
            f"{one.what}: {needle}"
            for one in self.secrets
            for needle in one.needles
            if needle not in allowed and needle in text
        ]
        found += [
            f"{what}: {needle}"
            for what, amount in self.forbidden_sums(partner_id)
            for needle in spelled(amount)
            if needle not in allowed and needle in text
        ]
        return found + [f"said to a partner: {hit.group()}" for hit in NEVER.finditer(text)]


def spelled(amount: int) -> tuple[str, ...]:
    """How an amount in minor units could be written."""
    major = amount // 100
    return (f"{major:,}", f"{major}", f"{amount}", f"{major:,}".replace(",", "."), f"{major:,}".replace(",", " "))


def seen_in(message: Message) -> str:
    """All that a message could show to somebody: text, blocks, values of buttons, and the files it brings, unpacked."""
    return "\n".join([message.text, as_text(message.blocks), *(in_file(file) for file in [message.file] if file)])


def as_text(node: Any) -> str:
    return json.dumps(node, ensure_ascii=False, default=str)


def in_file(file: Attached) -> str:
    return "\n".join([file.name, file.title, file.alt, unpacked(file.name, file.data)])


def unpacked(name: str, data: bytes) -> str:
    """A file's contents as text: every part of an office file with and without its tags; a PDF's text and properties."""
    if name.endswith((".pptx", ".xlsx", ".docx")):
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            parts = [(one, packed.read(one).decode("utf-8", "ignore")) for one in packed.namelist()]
        return "\n".join(f"{one}\n{part}\n{_TAGS.sub('', part)}" for one, part in parts)
    if name.endswith(".pdf"):
        raw = data.decode("latin-1")
        return raw + (office.text_of(data) if shutil.which("pdftotext") else "")
    return data.decode("utf-8", "ignore")
