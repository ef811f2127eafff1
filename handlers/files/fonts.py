"""Setting type: a template and data in, a page out, with no empty box for a letter that no font here has.

The library brings fonts for Latin, Greek, Cyrillic and Hebrew. Whatever else a page holds is set in the machine's own fonts;
what they lack is found by the PDF standard's own rule (every letter has a glyph), and said in words instead.
"""

import functools
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    import typst

NO_FONT: Final = "(a name in a script this machine has no font for)"
SERIF: Final = "Libertinus Serif"
_STANDARDS: Final[list[Any]] = ["a-2u", "ua-1"]  # kept for good, and read aloud
_WITHOUT: Final = re.compile(r'the text `"((?:[^"\\]|\\.)*)"` could not be displayed')
_ESCAPED: Final = re.compile(r"\\(?:u\{([0-9a-f]+)\}|(.))")
# What the library's own fonts have, apart from the oddest letters: no need to look through the machine's.
_HOME: Final = re.compile(
    "[\u0000-\u058f\u0590-\u05ff\u1e00-\u1fff\u2000-\u206f\u20a0-\u20cf\u2100-\u218f\u2190-\u21ff\u2212]*"
)
_KANA, _HANGUL = re.compile("[\u3040-\u30ff]"), re.compile("[\uac00-\ud7af\u1100-\u11ff]")
_JOINING: Final = "\u200d\u200c\ufe0e\ufe0f"
_NAMED: Final = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}
_SIGNS: Final = ("S", "M", "C", "Z")
_PICTURES: Final = "\u20e3\ufe0f"
_UNSEEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""Control marks, halves of letters and what is no letter at all: none can be set."""
_LEFT_TO_RIGHT, _END = "\u2066", "\u2069"
_TRIES = 3
_PACKAGES: Final = (
    (("CJK", "HIRAGANA", "KATAKANA", "HANGUL"), "Noto CJK (fonts-noto-cjk)"),
    (("",), "Noto (fonts-noto-core)"),
)


def _library() -> Any:
    """Loaded with the first page that is set: a bot nobody asks for a file does without it."""
    import typst  # noqa: PLC0415

    return typst


@functools.lru_cache(maxsize=4)
def _fonts(system: bool, paths: tuple[str, ...]) -> "typst.Fonts":
    """Looking through a machine's fonts takes a second: once a process. A font installed later counts after a restart."""
    found: typst.Fonts = _library().Fonts(include_system_fonts=system, font_paths=list(paths))
    return found


@dataclass(frozen=True)
class Faces:
    """Which fonts there are besides the library's own. `paths`: folders with more of them."""

    system: bool = True
    paths: tuple[str, ...] = ()

    def fonts(self, *, all_of_them: bool) -> "typst.Fonts":
        return _fonts(self.system, self.paths) if all_of_them else _fonts(False, ())


@dataclass
class Setter:
    """One template being set: which fonts it takes and which letters have none is learnt from the data it is shown.

    `day` is the date the file says it is of, so that the same facts make the same bytes.
    """

    template: str
    day: datetime
    faces: Faces = field(default_factory=Faces)
    missing: frozenset[str] = frozenset()
    all_fonts: bool = False

    def look(self, data: Mapping[str, Any]) -> None:
        """Finds the fonts this data needs, and the letters that none of them has."""
        self.all_fonts = self.all_fonts or any(_HOME.fullmatch(text) is None for text in _strings(data))
        for _ in range(_TRIES):
            found = self._without(data)
            if found and not self.all_fonts:
                self.all_fonts = True
            elif found - self.missing:
                self.missing |= found
            else:
                break
        if found:  # letters that only show what they lack in other company: nothing but the plainest is left then
            self.missing |= {char for text in _strings(data) for char in text if _HOME.fullmatch(char) is None}

    def _without(self, data: Mapping[str, Any]) -> frozenset[str]:
        """The letters, as written, for which these fonts have no glyph."""
        try:
            self._set(data, "pdf", _STANDARDS)
        except _library().TypstError as error:
            found = frozenset(_unescaped(told) for told in _WITHOUT.findall(error.diagnostic))
            if not found:
                raise
            # A common letter is told too when only the sign joined to it has no glyph, as in a keycap.
            return frozenset(letter for letter in found if _HOME.fullmatch(letter) is None) or found
        return frozenset()

    def pages(self, data: Mapping[str, Any]) -> int:
        """On how many pages the data comes."""
        setter = _library().Compiler(
            _source(self.template), font_paths=self._fonts(), ignore_system_fonts=True, sys_inputs=self._inputs(data)
        )
        return int(setter.query("<pages>", field="value", one=True))

    def pdf(self, data: Mapping[str, Any]) -> bytes:
        """The page as PDF/A-2u and PDF/UA-1, which promise that every letter has its glyph."""
        return self._set(data, "pdf", _STANDARDS)

    def png(self, data: Mapping[str, Any], ppi: float) -> bytes:
        return self._set(data, "png", [], ppi)

    def _set(
        self, data: Mapping[str, Any], kind: Literal["pdf", "png"], standards: list[Any], ppi: float | None = None
    ) -> bytes:
        made: bytes = _library().compile(
            _source(self.template), format=kind, ppi=ppi, font_paths=self._fonts(), ignore_system_fonts=True,
            sys_inputs=self._inputs(data), pdf_standards=standards, timestamp=int(self.day.timestamp()),
        )  # fmt: skip
        return made

    def _fonts(self) -> "typst.Fonts":
        return self.faces.fonts(all_of_them=self.all_fonts)

    def _inputs(self, data: Mapping[str, Any]) -> dict[str, str]:
        mended, found = _mended(data, self.missing)
        whole = {
            "families": self._families(data), "footnote": footnote(found),
            "date": [self.day.year, self.day.month, self.day.day], **mended,
        }  # fmt: skip
        return {"data": json.dumps(whole)}

    def _families(self, data: Mapping[str, Any]) -> list[str]:
        """The fonts in the order in which a letter is looked for; Han letters look different in each of their countries."""
        if not self.all_fonts:
            return [SERIF]
        texts = "".join(_strings(data))
        land = "JP" if _KANA.search(texts) else "KR" if _HANGUL.search(texts) else "SC"
        wanted = (
            SERIF,
            "Noto Serif Hebrew",
            "Noto Naskh Arabic",
            f"Noto Serif CJK {land}",
            f"Noto Sans CJK {land}",
            "Noto Serif",
        )
        there = set(self._fonts().families())
        return [family for family in wanted if family in there]


def footnote(missing: Iterable[str]) -> str:
    """What could not be shown and how to mend it; empty where everything was."""
    listed = sorted(missing)
    fonts = dict.fromkeys(_package(letter) for letter in listed if not _symbol(letter))
    said = []
    if fonts:
        said.append(f"Some names are in a script this machine has no font for: install {' and '.join(fonts)}.")
    if any(_symbol(letter) for letter in listed):
        said.append(
            "Symbols this machine has no font for are left out: install Noto Color Emoji (fonts-noto-color-emoji)."
        )
    return " ".join(said)


def _symbol(letter: str) -> bool:
    """Whether a letter, with what is joined to it, is a picture or a sign: nothing that a name is spelt with."""
    pictured = any(unicodedata.category(char) == "So" or char in _PICTURES for char in letter)
    return pictured or all(unicodedata.category(char)[0] in _SIGNS for char in letter)


def _package(letter: str) -> str:
    name = unicodedata.name(letter[0], "")
    return next(package for starts, package in _PACKAGES if name.startswith(starts))


def mend(text: str, missing: frozenset[str]) -> str:
    """The text with a sentence for each run of letters that have no font; symbols are left out."""
    if not any(letter in text for letter in missing):
        return text
    longest_first = sorted(missing, key=lambda letter: (-len(letter), letter))
    one = f"(?:{'|'.join(map(re.escape, longest_first))}|[{_JOINING}])"
    turned = any(unicodedata.bidirectional(char) in ("R", "AL") for char in text)
    mended = re.sub(f"{one}(?:\\s*{one})*", lambda found: _said(found.group(), turned=turned), text)
    return re.sub(r" {2,}", " ", mended).strip()


def _said(run: str, *, turned: bool) -> str:
    """A sentence for letters, nothing for symbols alone; amid right-to-left words the sentence keeps its own direction."""
    if _symbol(run):
        return ""
    return f"{_LEFT_TO_RIGHT}{NO_FONT}{_END}" if turned else NO_FONT


def _mended(data: Any, missing: frozenset[str]) -> tuple[Any, frozenset[str]]:
    """The data with every text mended, and the letters that were not shown."""
    found = set[str]()

    def walk(value: Any) -> Any:
        if isinstance(value, str):
            text = _UNSEEN.sub(" ", value)
            found.update(letter for letter in missing if letter in text)
            return mend(text, missing)
        if isinstance(value, Mapping):
            return {key: walk(part) for key, part in value.items()}
        return [walk(part) for part in value] if isinstance(value, list | tuple) else value

    return walk(data), frozenset(found)


def _strings(data: Any) -> Iterable[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, Mapping):
        for value in data.values():
            yield from _strings(value)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from _strings(value)


def _unescaped(told: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)) if found[1] else _NAMED.get(found[2], found[2]), told)


def _source(template: str) -> bytes:
    return (files("handlers.files") / "templates" / template).read_bytes()
