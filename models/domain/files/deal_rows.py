"""The lines of a deals file, read one by one into deals and problems."""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from pydantic import BaseModel, ConfigDict

from models.domain.deals import Category, StageTable
from models.domain.files import cells, dates
from models.domain.files.accounts import Accounts
from models.domain.files.dates import DateStyle
from models.domain.files.headers import Columns
from models.domain.files.ids import record_key
from models.domain.files.kinds import Kind
from models.domain.files.mapping import Mapping
from models.domain.files.problems import Problem
from models.domain.files.records import Row
from models.domain.money import DecimalMark, currency_in, known_currency, parse_amount
from models.domain.text import count, key

_NUMBER = re.compile(r"[0-9]+")


class DealRow(BaseModel):
    """One deal as a file tells it. `amount` in minor units of `currency`, None is unknown; `owner` as written.

    `partners` are (name as written, role, share in basis points), the first is primary; none is a direct deal.
    """

    model_config = ConfigDict(frozen=True)

    line: int
    crm_id: str
    name: str
    account: str = ""
    account_id: str = ""
    partners: tuple[tuple[str, str, int], ...] = ()
    owner: str = ""
    stage: str = ""
    category: Category
    amount: int | None = None
    currency: str
    close_date: date | None = None
    created_date: date | None = None
    next_step: str = ""
    attribution: str = ""
    lost_reason: str = ""


@dataclass(frozen=True)
class Reading:
    """How one file is read: what it does not say itself, how it writes dates and amounts, and what to say about it."""

    mapping: Mapping
    accounts: Accounts | None
    stages: StageTable
    dates: DateStyle
    decimal: DecimalMark | None
    currency: str
    kind: Kind
    warnings: tuple[str, ...] = ()


class DealReader:
    """Reads one file line by line; remembers ids and what to warn of, no rows.

    `twice` are the ids that stand on several lines: which of them is right, nobody here can know, so none is taken.
    `unknown_stages` counts the lines of each stage that nobody knows, by the first spelling of it.
    """

    def __init__(self, columns: Columns, reading: Reading, twice: Collection[str]) -> None:
        self.columns = columns
        self.reading = reading
        self.mapping = reading.mapping
        self.accounts = reading.accounts
        self.hubspot = reading.kind == Kind.HUBSPOT
        self.partner_of_account = {key(account): partner for account, partner in self.mapping.accounts.items()}
        self.categories = self.mapping.categories()
        self.twice = twice
        self.problems: list[Problem] = []
        self.first: dict[str, int] = {}
        self.deleted = 0
        self.unknown_accounts: set[str] = set()
        self.several_accounts = 0
        self.unknown_stages: Counter[str] = Counter()
        self.spelled: dict[str, str] = {}

    def read(self, row: Row) -> Iterator[DealRow | Problem]:
        """The deal of a line, or everything that is wrong with it; nothing for a line that was deleted in the CRM."""
        if cells.is_true(self.columns.text(row, "is_deleted")):
            self.deleted += 1
            return
        self.problems.clear()
        crm_id = self._crm_id(row)
        values = self._values(row)
        if self.problems:
            yield from list(self.problems)
        elif crm_id not in self.twice:
            yield DealRow.model_validate({**values, "line": row.line, "crm_id": crm_id})

    def warnings(self) -> list[str]:
        number = len(self.unknown_accounts)
        found = []
        if number:
            found.append(
                f"{count(number, 'account id')} of the deals not in the accounts file; their account stays empty."
            )
        if self.several_accounts:
            found.append(f"{count(self.several_accounts, 'deal')} with several companies; the first of each was taken.")
        return found

    def _refuse(self, row: Row, field: str, reason: str) -> None:
        self.problems.append(self.columns.problem(row, field, reason))

    def _crm_id(self, row: Row) -> str:
        said = self.columns.text(row, "crm_id")
        crm_id = record_key(said)
        if not crm_id:
            self._refuse(row, "crm_id", "The CRM's id is empty. Every deal needs one.")
            return crm_id
        if crm_id in self.twice:
            first = self.first.setdefault(crm_id, row.line)
            if first != row.line:
                self._refuse(
                    row, "crm_id", f"{said} stands on line {first} and on line {row.line}. Keep one of the two."
                )
        return crm_id

    def _values(self, row: Row) -> dict[str, object]:
        text = self.columns.text
        if not text(row, "name"):
            self._refuse(row, "name", "The deal has no name. Give it one.")
        account = self._account(row)
        owner = cells.owner(text(row, "owner")) or self.mapping.owner or ""
        if not owner:
            self._refuse(row, "owner", "The deal has no owner. Fill it in, or name one with --owner EMAIL.")
        stage, category = self._stage(row)
        currency = self._currency(row)
        return {
            "name": text(row, "name"),
            "account": account,
            "account_id": self._account_id(row),
            "partners": self._partners(row, account),
            "owner": owner,
            "stage": stage,
            "category": category,
            "amount": self._amount(row, currency),
            "currency": currency,
            "close_date": self._date(row, "close_date"),
            "created_date": self._date(row, "created_date"),
            "next_step": text(row, "next_step"),
            "attribution": self._attribution(row),
            "lost_reason": text(row, "lost_reason"),
        }

    def _account(self, row: Row) -> str:
        name, account_id = self._first(self.columns.text(row, "account")), self._account_id(row)
        if name or not account_id or self.accounts is None:
            return name
        found = self.accounts.by_id.get(account_id)
        if found is None:
            self.unknown_accounts.add(account_id)
            return ""
        return found.name

    def _account_id(self, row: Row) -> str:
        said = self.columns.text(row, "account_id")
        if not self.hubspot:
            return record_key(said)
        number = _NUMBER.search(said)  # `123;456`, `Primary: 123` and `123 (Primary)` are all seen
        return number[0] if number else said

    def _first(self, name: str) -> str:
        """Of several companies of one deal, as HubSpot joins them by `;`, the first."""
        if not self.hubspot or ";" not in name:
            return name
        self.several_accounts += 1
        return next((part.strip() for part in name.split(";") if part.strip()), "")

    def _stage(self, row: Row) -> tuple[str, Category]:
        try:
            return cells.stage_and_category(
                self.columns.text(row, "stage"),
                self.columns.text(row, "category"),
                self.reading.stages,
                mapped=self.categories,
                hubspot=self.hubspot,
            )
        except cells.CellError as error:
            if isinstance(error, cells.UnknownStage):
                self.unknown_stages[self.spelled.setdefault(key(error.stage), error.stage)] += 1
            self._refuse(row, error.field, str(error))
            return "", Category.PIPELINE

    def _currency(self, row: Row) -> str:
        said = self.columns.text(row, "currency")
        code = (said or currency_in(self.columns.text(row, "amount")) or self.reading.currency).upper()
        if not known_currency(code):
            self._refuse(row, "currency", f"“{code}” is not a currency code. Use one like USD, EUR or JPY.")
        return code

    def _amount(self, row: Row, currency: str) -> int | None:
        if not known_currency(currency):
            return None
        try:
            return parse_amount(self.columns.text(row, "amount"), currency, self.reading.decimal)
        except ValueError as error:
            self._refuse(row, "amount", str(error))
            return None

    def _date(self, row: Row, field: str) -> date | None:
        style = self.reading.dates
        try:
            return dates.parse_date(
                self.columns.text(row, field),
                style.order,
                dotted=style.dotted,
                serial=self.columns.header(field) in style.serials,
            )
        except ValueError as error:
            self._refuse(row, field, str(error))
            return None

    def _attribution(self, row: Row) -> str:
        try:
            return cells.attribution(self.columns.text(row, "attribution"))
        except cells.CellError as error:
            self._refuse(row, error.field, str(error))
            return ""

    def _partners(self, row: Row, account: str) -> tuple[tuple[str, str, int], ...]:
        name = self.columns.text(row, "partner") if self.columns.has("partner") else self._partner_of(row, account)
        try:
            return cells.partners(name or "", self.columns.text(row, "partner_role"), self.columns.text(row, "share"))
        except cells.CellError as error:
            self._refuse(row, error.field, str(error))
            return ()

    def _partner_of(self, row: Row, account: str) -> str | None:
        """The partner of a line in a file without the column: by the account, else the one given for all."""
        known = self.accounts.find(self._account_id(row), account) if self.accounts else None
        if known is not None and known.partner is not None:
            return known.partner
        found = self.partner_of_account.get(key(account), self.mapping.partner)
        if found is None:
            whose = f"the account “{account}”" if account else "this deal"
            self._refuse(row, "partner", f"Nothing says whose partner {whose} is. Name one with --partner NAME.")
        return found
