"""Attribution: claims, signatures and touches of a deal, the clock, and whose name is missing. Never commits."""

from models.attribution.choosing import Choice, touchable
from models.attribution.desk import Claim, Desk, Signature, claims_of, desk_of, kind_label, open_desk
from models.attribution.signing import Done, claim, sign
from models.attribution.summing import keep_in_step
from models.attribution.terms import Ground, ground, installed_on, kind_of
from models.attribution.touches import Given, record_touch
from models.attribution.waiting import Item, Waiting, waiting_for

__all__ = [
    "Choice",
    "Claim",
    "Desk",
    "Done",
    "Given",
    "Ground",
    "Item",
    "Signature",
    "Waiting",
    "claim",
    "claims_of",
    "desk_of",
    "ground",
    "installed_on",
    "keep_in_step",
    "kind_label",
    "kind_of",
    "open_desk",
    "record_touch",
    "sign",
    "touchable",
    "waiting_for",
]
