"""The lines of a deals file, read one by one into deals and problems."""

from datetime import date

from pydantic import BaseModel, ConfigDict

from models.domain.deals import Category, StageTable
from models.domain.files import cells
from models.domain.files.accounts import Accounts
from models.domain.files.dates import parse_date
from models.domain.files.headers import Columns
from models.domain.files.mapping import DateOrder, Mapping
from models.domain.files.table import Problem, Row
from models.domain.money import known_currency, parse_amount
from models.domain.text import count, key


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


class DealReader:
    """Collects the good rows and the problems of one file, line by line."""

    def __init__(
        self,
        columns: Columns,
        *,
        mapping: Mapping,
        accounts: Accounts | None,
        stages: StageTable,
        order: DateOrder | None,
        currency: str,
    ) -> None:
        self.columns = columns
        self.mapping = mapping
        self.accounts = accounts
        self.stages = stages
        self.order = order
        self.currency = currency
        self.partner_of_account = {key(account): partner for account, partner in mapping.accounts.items()}
        self.good: dict[str, DealRow] = {}
        self.problems: list[Problem] = []
        self.lines: dict[str, int] = {}
        self.deleted = 0
        self.unknown_accounts: set[str] = set()

    def take(self, row: Row) -> None:
        if cells.is_true(self.columns.text(row, "is_deleted")):
            self.deleted += 1
            return
        before = len(self.problems)
        crm_id = self._crm_id(row)
        values = self._values(row)
        if len(self.problems) == before:
            self.good[crm_id] = DealRow.model_validate({**values, "line": row.line, "crm_id": crm_id})

    def warnings(self) -> list[str]:
        number = len(self.unknown_accounts)
        if not number:
            return []
        return [f"{count(number, 'account id')} of the deals not in the accounts file; their account stays empty."]

    def _refuse(self, row: Row, field: str, reason: str) -> None:
        self.problems.append(self.columns.problem(row, field, reason))

    def _crm_id(self, row: Row) -> str:
        crm_id = self.columns.text(row, "crm_id")
        if not crm_id:
            self._refuse(row, "crm_id", "The CRM's id is empty. Every deal needs one.")
        elif crm_id in self.lines:
            self._refuse(
                row,
                "crm_id",
                f"{crm_id} stands on line {self.lines[crm_id]} and on line {row.line}. Keep one of the two.",
            )
            self.good.pop(crm_id, None)  # which of the two is right, nobody here can know
        else:
            self.lines[crm_id] = row.line
        return crm_id

    def _values(self, row: Row) -> dict[str, object]:
        text = self.columns.text
        if not text(row, "name"):
            self._refuse(row, "name", "The deal has no name. Give it one.")
        account = self._account(row)
        owner = text(row, "owner") or self.mapping.owner or ""
        if not owner:
            self._refuse(row, "owner", "The deal has no owner. Fill it in, or name one with --owner EMAIL.")
        stage, category = self._stage(row)
        currency = self._currency(row)
        return {
            "name": text(row, "name"),
            "account": account,
            "account_id": text(row, "account_id"),
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
        name, account_id = self.columns.text(row, "account"), self.columns.text(row, "account_id")
        if name or not account_id or self.accounts is None:
            return name
        found = self.accounts.by_id.get(account_id)
        if found is None:
            self.unknown_accounts.add(account_id)
            return ""
        return found.name

    def _stage(self, row: Row) -> tuple[str, Category]:
        try:
            return cells.stage_and_category(
                self.columns.text(row, "stage"), self.columns.text(row, "category"), self.stages
            )
        except cells.CellError as error:
            self._refuse(row, error.field, str(error))
            return "", Category.PIPELINE

    def _currency(self, row: Row) -> str:
        code = (self.columns.text(row, "currency") or self.currency).upper()
        if not known_currency(code):
            self._refuse(row, "currency", f"“{code}” is not a currency code. Use one like USD, EUR or JPY.")
        return code

    def _amount(self, row: Row, currency: str) -> int | None:
        if not known_currency(currency):
            return None
        try:
            return parse_amount(self.columns.text(row, "amount"), currency)
        except ValueError as error:
            self._refuse(row, "amount", str(error))
            return None

    def _date(self, row: Row, field: str) -> date | None:
        try:
            return parse_date(self.columns.text(row, field), self.order)
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
        known = self.accounts.find(self.columns.text(row, "account_id"), account) if self.accounts else None
        if known is not None and known.partner is not None:
            return known.partner
        found = self.partner_of_account.get(key(account), self.mapping.partner)
        if found is None:
            whose = f"the account “{account}”" if account else "this deal"
            self._refuse(row, "partner", f"Nothing says whose partner {whose} is. Name one with --partner NAME.")
        return found
