"""What a file does not say itself: asked once, remembered with the installation."""

from collections.abc import Mapping as AnyMapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

SETTING = "mapping:deals"
"""The name of the setting a mapping is saved under."""

DateOrder = Literal["mdy", "dmy"]


class Mapping(BaseModel):
    """How to read a deals file. Everything is optional; an empty one adds nothing.

    `columns`: header of the file to our field. `accounts`: account name to partner name, empty for direct. `owners` and
    `partners`: what the file says (a name, an id) to the e-mail or partner it means. `partner`, `owner`, `currency`:
    for files that have no such column, or leave the owner or currency empty. `dates`: the order of 02/03/26.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    columns: dict[str, str] = {}
    accounts: dict[str, str] = {}
    owners: dict[str, str] = {}
    partners: dict[str, str] = {}
    partner: str | None = None
    owner: str | None = None
    currency: str | None = None
    dates: DateOrder | None = None

    def with_options(self, **options: str | None) -> "Mapping":
        """This mapping with the options that were given (not None) in place of its own."""
        given = {name: value for name, value in options.items() if value is not None}
        return Mapping.model_validate(self.as_json() | given)

    def as_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, value: AnyMapping[str, Any] | None) -> "Mapping":
        return cls.model_validate(value or {})
