"""What a file does not say itself: asked once, remembered with the installation."""

from collections.abc import Mapping as AnyMapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from models.domain.deals import Category
from models.domain.money import DecimalMark
from models.domain.text import key

SETTING = "mapping:deals"
"""The name of the setting a mapping is saved under."""

DateOrder = Literal["mdy", "dmy"]


class Mapping(BaseModel):
    """How to read a deals file. Everything is optional; an empty one adds nothing.

    `columns`: header of the file to our field, empty to leave it out. `accounts`: account name to partner name, empty for direct. `owners` and
    `partners`: what the file says (a name, an id) to the e-mail or partner it means. `stages`: a stage of the CRM that no
    table here knows to its forecast category. `partner`, `owner`, `currency`: for files that have no such column, or
    leave the owner or currency empty. `dates`: the order of 02/03/26. `decimal`: the mark before the cents, for files
    whose amounts do not show it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    columns: dict[str, str] = {}
    accounts: dict[str, str] = {}
    owners: dict[str, str] = {}
    partners: dict[str, str] = {}
    stages: dict[str, Category] = {}
    partner: str | None = None
    owner: str | None = None
    currency: str | None = None
    dates: DateOrder | None = None
    decimal: DecimalMark | None = None

    def with_options(self, *, columns: AnyMapping[str, str] | None = None, **options: str | None) -> "Mapping":
        """This mapping with the options that were given (not None) in place of its own; `columns` are added to its own."""
        given = {name: value for name, value in options.items() if value is not None}
        both = {**self.columns, **(columns or {})}
        return Mapping.model_validate(self.as_json() | given | {"columns": both})

    def categories(self) -> dict[str, Category]:
        """The category of each stage in `stages`, by what all spellings of the stage share."""
        return {key(stage): category for stage, category in self.stages.items()}

    def as_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, value: AnyMapping[str, Any] | None) -> "Mapping":
        return cls.model_validate(value or {})
