"""Small checks out of which the tables of blocks and elements are made.

A check takes a value and its JSON pointer and yields sentences in the form Slack gives them:
`[ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]`.
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


def say(sentence: str, at: str) -> str:
    return f"[ERROR] {sentence} [json-pointer:{at or '/'}]"


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


def string(most: int, *, least: int = 1) -> Check:
    """A string of `least` to `most` characters."""

    def check(value: Any, at: str) -> Problems:
        if not isinstance(value, str):
            yield say("must be a string", at)
        elif len(value) > most:
            yield say(f"must be less than {most + 1} characters", at)
        elif len(value) < least:
            yield say(f"must be more than {least - 1} character{'' if least == 2 else 's'}", at)  # noqa: PLR2004

    return check


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


def text(most: int, *kinds: str, least: int = 1) -> Check:
    """A text object of one of `kinds` (default plain_text only)."""
    allowed = kinds or ("plain_text",)
    length = string(most, least=least)

    def check(value: Any, at: str) -> Problems:
        if not isinstance(value, dict):
            yield say("must provide an object", at)
            return
        if value.get("type") not in allowed:
            yield say(f"must be a valid enum value ({', '.join(allowed)})", f"{at}/type")
            return
        extra = {"type", "text", "verbatim"} if value["type"] == "mrkdwn" else {"type", "text", "emoji"}
        for name in sorted(value.keys() - extra):
            yield say(f"invalid additional property: {name}", at)
        if "text" not in value:
            yield say("missing required field: text", at)
        else:
            yield from length(value["text"], f"{at}/text")

    return check


def items(check: Check, most: int, *, least: int = 1) -> Check:
    def listed(value: Any, at: str) -> Problems:
        if not isinstance(value, list):
            yield say("must be an array", at)
            return
        if len(value) < least:
            yield say(f"no fewer than {least} items allowed", at)
        if len(value) > most:
            yield say(f"no more than {most} items allowed", at)
        for index, item in enumerate(value):
            yield from check(item, f"{at}/{index}")

    return listed


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


def typed(shapes: dict[str, Shape], what: str, surface: str = "") -> Check:
    """An object whose `type` chooses its shape; unknown types and types of other surfaces are refused."""

    def check(value: Any, at: str) -> Problems:
        if not isinstance(value, dict):
            yield say("must provide an object", at)
            return
        shape = shapes.get(str(value.get("type")))
        if shape is None:
            yield say(f"unsupported type: {value.get('type')} is no {what} here", f"{at}/type")
        elif surface and surface not in shape.surfaces:
            yield say(f"unsupported type: {value['type']} is not allowed in a {surface}", f"{at}/type")
        else:
            yield from shape(value, at)

    return check
