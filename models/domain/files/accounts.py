"""A CRM's accounts file: what AccountId means, and, if it says so, whose partner's account it is."""

from collections import Counter
from dataclasses import dataclass, field

from models.domain.files import fields
from models.domain.files.encoding import Document
from models.domain.files.headers import match, require
from models.domain.files.ids import record_key
from models.domain.files.table import read_table
from models.domain.text import key


@dataclass(frozen=True)
class Account:
    """`partner` is as the file writes it: empty for a direct account, None when the file does not speak of partners."""

    id: str
    name: str
    partner: str | None


@dataclass(frozen=True)
class Accounts:
    """Accounts by id and by the key of their name."""

    by_id: dict[str, Account] = field(default_factory=dict)
    by_name: dict[str, Account] = field(default_factory=dict)
    say_partner: bool = False

    def find(self, account_id: str, name: str) -> Account | None:
        return self.by_id.get(record_key(account_id)) or self.by_name.get(key(name))


def parse_accounts(text: str | Document) -> Accounts:
    """Read an accounts file. BadFile when it cannot be read; deleted accounts keep their names.

    Two accounts may share a name: then only their ids tell them apart, and the name speaks for neither's partner.
    """
    table = read_table(text)
    columns = match(table.headers, fields.ACCOUNTS, header_line=table.header_line)
    require(
        columns,
        {
            "id": "Add the column Id: deals name their account by it.",
            "name": "Add the column Name: it is what people will read.",
        },
    )
    says = columns.has("partner")
    found = [
        Account(
            record_key(columns.text(row, "id")),
            columns.text(row, "name"),
            columns.text(row, "partner") if says else None,
        )
        for row in table.rows
    ]
    names = [key(account.name) for account in found]
    twice = {name for name, times in Counter(names).items() if times > 1}
    return Accounts(
        {account.id: account for account in found if account.id},
        {name: account for name, account in zip(names, found, strict=True) if name not in twice},
        says,
    )
