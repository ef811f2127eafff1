"""The README's list of what crosses the boundary, made from the boundary's own types, so that the two cannot differ."""

from collections.abc import Iterator
from typing import Any, get_args

from models.domain.shared import Shared, SharedCheckIn, SharedNote, SharedPbr, SharedReadout, SharedSum

BEGIN, END = "<!-- crosses:begin -->", "<!-- crosses:end -->"
PAGES: dict[str, tuple[type[Shared], ...]] = {
    "check-in and its form": (SharedCheckIn,),
    "note": (SharedNote, SharedSum),
    "PBR": (SharedPbr, SharedSum),
    "readout": (SharedReadout, SharedSum),
}
"""What a partner reads, by the name it has in the list, and what it is written from."""


def table() -> str:
    """A row for each thing that may cross, in the words of its field, and where it stands."""
    found: dict[str, list[str]] = {}
    for name, roots in PAGES.items():
        for root in roots:
            for said in _leaves(root):
                places = found.setdefault(said, [])
                if name not in places:
                    places.append(name)
    rows = [f"| {said} | {'everywhere' if len(places) == len(PAGES) else ', '.join(places)} |"
            for said, places in found.items()]  # fmt: skip
    return "\n".join(["| what | where |", "|---|---|", *rows])


def section() -> str:
    """The part of the README between its two comments."""
    return f"{BEGIN}\n{table()}\n{END}"


def renewed(readme: str) -> str:
    """The README with the list as it is now. Raises ValueError where the comments are not there."""
    before, found, rest = readme.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not found or not closed:
        raise ValueError(f"the README has no {BEGIN} … {END}")
    return before + section() + after


def _leaves(of: type[Shared]) -> Iterator[str]:
    """The descriptions of all fields that hold no further class of the boundary, those of such a class in their place."""
    for field in of.model_fields.values():
        inside = next(_shared(field.annotation), None)
        if inside is None:
            yield field.description or ""
        else:
            yield from _leaves(inside)


def _shared(annotation: Any) -> Iterator[type[Shared]]:
    if isinstance(annotation, type) and issubclass(annotation, Shared):
        yield annotation
    for part in get_args(annotation):
        yield from _shared(part)
