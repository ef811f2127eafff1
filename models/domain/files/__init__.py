"""Files people bring, as normalised rows and problems that name line, column and reason. Pure: no database here."""

from models.domain.files.accounts import Account, Accounts, parse_accounts
from models.domain.files.deal_rows import DealRow
from models.domain.files.deals import ParsedFile, parse_deals
from models.domain.files.mapping import Mapping
from models.domain.files.partners import PartnerRow, parse_partners
from models.domain.files.people import PersonRow, parse_people
from models.domain.files.table import Problem, decode

__all__ = [
    "Account",
    "Accounts",
    "DealRow",
    "Mapping",
    "ParsedFile",
    "PartnerRow",
    "PersonRow",
    "Problem",
    "decode",
    "parse_accounts",
    "parse_deals",
    "parse_partners",
    "parse_people",
]
