"""Files people bring, as normalised rows and problems that name line, column and reason. Pure: no database here."""

from models.domain.files.accounts import Account, Accounts, parse_accounts
from models.domain.files.deal_rows import DealRow
from models.domain.files.deals import DealFile, ParsedFile, deal_file, parse_deals
from models.domain.files.encoding import Document, decode, document, opened
from models.domain.files.history import History, HistoryRow, parse_history
from models.domain.files.kinds import Kind, recognise
from models.domain.files.mapping import Mapping
from models.domain.files.partners import PartnerRow, parse_partners
from models.domain.files.people import PersonRow, parse_people
from models.domain.files.problems import Problem
from models.domain.files.safe import safe_cell
from models.domain.files.source import Bytes, File, Source
from models.domain.files.survey import Question, SeenColumn, Survey, survey
from models.domain.files.targets import TargetRow, Targets, parse_targets

__all__ = [
    "Account",
    "Accounts",
    "Bytes",
    "DealFile",
    "DealRow",
    "Document",
    "File",
    "History",
    "HistoryRow",
    "Kind",
    "Mapping",
    "ParsedFile",
    "PartnerRow",
    "PersonRow",
    "Problem",
    "Question",
    "SeenColumn",
    "Source",
    "Survey",
    "TargetRow",
    "Targets",
    "deal_file",
    "decode",
    "document",
    "opened",
    "parse_accounts",
    "parse_deals",
    "parse_history",
    "parse_partners",
    "parse_people",
    "parse_targets",
    "recognise",
    "safe_cell",
    "survey",
]
