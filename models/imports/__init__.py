"""Data in: CSV files applied to what is known, whole or not at all.

Each function works inside the caller's transaction and never commits: a dry run is the same call whose transaction the
caller rolls back. A file that is refused raises `BadFile` with every problem before anything was written.
"""

from models.imports.deals import import_deals
from models.imports.ground import crm_as_of
from models.imports.history import import_history
from models.imports.partners import import_partners
from models.imports.people import import_people
from models.imports.result import ImportResult
from models.imports.targets import import_targets

__all__ = [
    "ImportResult",
    "crm_as_of",
    "import_deals",
    "import_history",
    "import_partners",
    "import_people",
    "import_targets",
]
