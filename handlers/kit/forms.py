"""Reading what a person submitted, and carrying what a form or button must remember.

A block id is `<field>` or `<field>:<anything>`: the part behind the colon changes when the same field means something
else, because Slack keeps what was typed as long as the ids stay the same.
"""

from collections.abc import Mapping
from datetime import date, time
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from models.domain.errors import UserError


class Carried(BaseModel):
    """What a button's value or a view's metadata carries: versioned, because old buttons outlive deployments.

    Never trusted for rights: it says what was shown, the database says what may be done.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    v: int = 1

    def dump(self) -> str:
        return self.model_dump_json(exclude_defaults=True)

    @classmethod
    def load(cls, text: str) -> Self:
        """Raises UserError when the text is not ours, or of a version nobody remembers."""
        try:
            return cls.model_validate_json(text or "{}")
        except ValidationError:
            raise UserError("This button is from an older version of Cadence. Open the form again.") from None


class Values:
    """The typed values of a submitted view, by field."""

    def __init__(self, view: Mapping[str, Any]) -> None:
        self.blocks: dict[str, str] = {}
        self._held: dict[str, Mapping[str, Any]] = {}
        for block_id, elements in view["state"]["values"].items():
            name = block_id.split(":")[0]
            self.blocks[name] = block_id
            self._held[name] = next(iter(elements.values()), {})

    def has(self, name: str) -> bool:
        return name in self._held

    def text(self, name: str) -> str:
        return str(self._held.get(name, {}).get("value") or "")

    def date(self, name: str) -> date | None:
        chosen = self._held.get(name, {}).get("selected_date")
        return date.fromisoformat(chosen) if chosen else None

    def time(self, name: str) -> time | None:
        chosen = self._held.get(name, {}).get("selected_time")
        return time.fromisoformat(chosen) if chosen else None

    def option(self, name: str) -> str:
        chosen = self._held.get(name, {}).get("selected_option")
        return str(chosen["value"]) if chosen else ""

    def options(self, name: str) -> frozenset[str]:
        """What is ticked."""
        return frozenset(str(one["value"]) for one in self._held.get(name, {}).get("selected_options") or ())

    def user(self, name: str) -> str:
        return str(self._held.get(name, {}).get("selected_user") or "")

    def on_blocks(self, errors: Mapping[str, str]) -> dict[str, str]:
        """Field errors as block errors. One whose field is not in the form stands on the form's first input."""
        fallback = next(iter(self.blocks.values()), "")
        found: dict[str, str] = {}
        for name, words in errors.items():
            block_id = self.blocks.get(name, fallback)
            found[block_id] = f"{found[block_id]} {words}" if block_id in found else words
        return found
