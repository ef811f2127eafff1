"""Small checks out of which the tables of blocks and elements are made.

A check takes a value and its JSON pointer and yields sentences in the form Slack gives them:
`[ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]`. A check that has a maximum also says how
much of it an accepted value uses, so that what is refused and what is nearly refused come from one table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

Json = dict[str, Any]
Problems = Iterator[str]
Check = Callable[[Any, str], Problems]
Rule = Callable[[Json, str], Problems]


@dataclass(frozen=True)
class Use:
    """How much of a limit something uses."""

    what: str
    used: int
    limit: int


Uses = Iterator[Use]


def say(sentence: str, at: str) -> str:
    return f"[ERROR] {sentence} [json-pointer:{at or '/'}]"


def uses(check: Check, value: Any, what: str) -> Uses:
    """What an accepted value uses of the limits of a check and of those below it."""
    measure = getattr(check, "uses", None)
    if measure is not None:
        yield from measure(value, what)


def anything(_value: Any, _at: str) -> Problems:
    yield from ()


def boolean(value: Any, at: str) -> Problems:
    if not isinstance(value, bool):
        yield say("must be a boolean", at)


def integer(low: int, high: int) -> Check:
    def check(value: Any, at: str) -> Problems:
        if isinstance(value, bool) or not isinstance(value, int):
            yield say("must be an integer", at)
        elif not low <= value <= high:
            yield say(f"must be between {low} and {high}", at)

    return check


@dataclass(frozen=True)
class String:
    """A string of `least` to `most` characters."""

    most: int
    least: int = 1

    def __call__(self, value: Any, at: str) -> Problems:
        if not isinstance(value, str):
            yield say("must be a string", at)
        elif len(value) > self.most:
            yield say(f"must be less than {self.most + 1} characters", at)
        elif len(value) < self.least:
            yield say(f"must be more than {self.least - 1} character{'' if self.least == 2 else 's'}", at)  # noqa: PLR2004

    def uses(self, value: str, what: str) -> Uses:
        yield Use(what, len(value), self.most)


def string(most: int, *, least: int = 1) -> String:
    return String(most, least)


def matching(pattern: str, what: str) -> Check:
    compiled = re.compile(pattern)

    def check(value: Any, at: str) -> Problems:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            yield say(f"must be {what}", at)

    return check


def one_of(*allowed: str) -> Check:
    def check(value: Any, at: str) -> Problems:
        if value not in allowed:
            yield say(f"must be a valid enum value ({', '.join(allowed)})", at)

    return check


def a_date(value: Any, at: str) -> Problems:
    try:
        date.fromisoformat(value)
    except (TypeError, ValueError):
        yield say("must be a valid date in the format YYYY-MM-DD", at)


@dataclass(frozen=True)
class Both:
    """Two checks of one value; the second is asked only when the first has nothing to say."""

    first: Check
    second: Check

    def __call__(self, value: Any, at: str) -> Problems:
        found = list(self.first(value, at))
        yield from found or self.second(value, at)

    def uses(self, value: Any, what: str) -> Uses:
        yield from uses(self.first, value, what)
        yield from uses(self.second, value, what)


@dataclass(frozen=True)
class Words:
    """A text object of one of the kinds allowed."""

    length: String
    allowed: tuple[str, ...]

    def __call__(self, value: Any, at: str) -> Problems:
        if not isinstance(value, dict):
            yield say("must provide an object", at)
            return
        if value.get("type") not in self.allowed:
            yield say(f"must be a valid enum value ({', '.join(self.allowed)})", f"{at}/type")
            return
        extra = {"type", "text", "verbatim"} if value["type"] == "mrkdwn" else {"type", "text", "emoji"}
        for name in sorted(value.keys() - extra):
            yield say(f"invalid additional property: {name}", at)
        if "text" not in value:
            yield say("missing required field: text", at)
        else:
            yield from self.length(value["text"], f"{at}/text")

    def uses(self, value: Json, what: str) -> Uses:
        yield from self.length.uses(value["text"], what)


def text(most: int, *kinds: str, least: int = 1) -> Words:
    """A text object of one of `kinds` (default plain_text only)."""
    return Words(String(most, least), kinds or ("plain_text",))


@dataclass(frozen=True)
class Items:
    """A list of `least` to `most` things."""

    check: Check
    most: int
    least: int = 1

    def __call__(self, value: Any, at: str) -> Problems:
        if not isinstance(value, list):
            yield say("must be an array", at)
            return
        if len(value) < self.least:
            yield say(f"no fewer than {self.least} items allowed", at)
        if len(value) > self.most:
            yield say(f"no more than {self.most} items allowed", at)
        for index, item in enumerate(value):
            yield from self.check(item, f"{at}/{index}")

    def uses(self, value: list[Any], what: str) -> Uses:
        yield Use(what, len(value), self.most)
        for item in value:
            yield from uses(self.check, item, f"one of the {what}")


def items(check: Check, most: int, *, least: int = 1) -> Items:
    return Items(check, most, least)


@dataclass(frozen=True)
class Shape:
    """The fields of one kind of object; `need` are required, `rules` look at several fields together."""

    fields: dict[str, Check]
    need: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    surfaces: frozenset[str] = field(default=frozenset({"message", "modal", "home"}))

    def __call__(self, value: Any, at: str) -> Problems:
        if not isinstance(value, dict):
            yield say("must provide an object", at)
            return
        for name in sorted(value.keys() - self.fields.keys() - {"type"}):
            yield say(f"invalid additional property: {name}", at)
        missing = [name for name in self.need if value.get(name) is None]
        for name in missing:
            yield say(f"missing required field: {name}", at)
        wrong = False
        for name, check in self.fields.items():
            if value.get(name) is not None:
                for problem in check(value[name], f"{at}/{name}"):
                    wrong = True
                    yield problem
        if not missing and not wrong:
            for rule in self.rules:
                yield from rule(value, at)

    def uses(self, value: Json, what: str) -> Uses:
        for name, inner in value.items():
            check = self.fields.get(name)
            if check is not None and inner is not None:
                yield from uses(check, inner, f"{name} of {what}")


def a(kind: str) -> str:
    """A block type in words: a section, an input."""
    words = kind.replace("_", " ")
    return f"{'an' if words[:1] in 'aeiou' else 'a'} {words}"


@dataclass(frozen=True)
class Typed:
    """An object whose `type` chooses its shape; unknown types and types of other surfaces are refused."""

    shapes: dict[str, Shape]
    what: str
    surface: str = ""

    def __call__(self, value: Any, at: str) -> Problems:
        if not isinstance(value, dict):
            yield say("must provide an object", at)
            return
        shape = self.shapes.get(str(value.get("type")))
        if shape is None:
            yield say(f"unsupported type: {value.get('type')} is no {self.what} here", f"{at}/type")
        elif self.surface and self.surface not in shape.surfaces:
            yield say(f"unsupported type: {value['type']} is not allowed in a {self.surface}", f"{at}/type")
        else:
            yield from shape(value, at)

    def uses(self, value: Json, _what: str) -> Uses:
        kind = str(value["type"])
        yield from self.shapes[kind].uses(value, a(kind))


def typed(shapes: dict[str, Shape], what: str, surface: str = "") -> Typed:
    return Typed(shapes, what, surface)
