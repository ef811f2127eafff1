"""What a person says of a deals file beyond what it says itself."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from models.domain.deals import Category
from models.domain.errors import UserError
from models.domain.files.mapping import DateOrder, Mapping
from models.domain.money import DecimalMark, known_currency


class Options(BaseModel):
    """The options of one import; what is about reading becomes part of the team's saved mapping.

    `partner` (a name), `owner` (an e-mail or name), `currency`, `dates` and `decimal` stand for what the file does not
    say, and stand in for a partner or owner it names but nobody knows; `columns` says what headers mean (a field, or
    nothing to leave the column out), `partners` and `owners` what its words for them mean, `stages` the categories of
    stages nobody knows. `complete`: a deal that is not in the file is gone from the CRM. `create_partners`: names that
    are no partner become one; `leave_out`: somebody has said that their lines are not to come. Without `stand_in` the
    owner is for lines that name none, and nobody else's word becomes theirs.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    partner: str | None = None
    owner: str | None = None
    currency: str | None = None
    dates: DateOrder | None = None
    decimal: DecimalMark | None = None
    columns: dict[str, str] = {}
    partners: dict[str, str] = {}
    owners: dict[str, str] = {}
    stages: dict[str, Category] = {}
    skip_bad: bool = False
    complete: bool = True
    create_partners: bool = False
    leave_out: bool = False
    stand_in: bool = True

    def mapping(self, saved: Mapping) -> Mapping:
        """The saved mapping with what these options say in place of its own.

        Raises:
            UserError: the currency is none.
        """
        if self.currency is not None and not known_currency(self.currency):
            raise UserError(f"--currency: “{self.currency}” is not a currency code. Use one like USD, EUR or JPY.")
        used = saved.with_options(
            partner=self.partner, owner=self.owner, currency=self.currency, dates=self.dates, decimal=self.decimal,
            columns=self.columns,
        )  # fmt: skip
        return used.model_copy(
            update={
                "partners": {**used.partners, **self.partners},
                "owners": {**used.owners, **self.owners},
                "stages": {**used.stages, **self.stages},
            }
        )

    def as_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude_defaults=True)

    @classmethod
    def from_json(cls, value: dict[str, Any] | None) -> Self:
        return cls.model_validate(value or {})
