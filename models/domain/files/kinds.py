"""What kind of file somebody brought, by its headers."""

from collections.abc import Sequence
from enum import StrEnum

from models.domain.files import fields
from models.domain.files.fields import Aliases
from models.domain.files.headers import normal


class Kind(StrEnum):
    """Kinds of files. `DEALS` are deals of a CRM we do not know by name, `UNKNOWN` is anything."""

    TEMPLATE = "template"
    SALESFORCE_REPORT = "salesforce_report"
    SALESFORCE_EXPORT = "salesforce_export"
    HUBSPOT = "hubspot"
    DEALS = "deals"
    TARGETS = "targets"
    HISTORY = "history"
    PEOPLE = "people"
    PARTNERS = "partners"
    ACCOUNTS = "accounts"
    UNKNOWN = "unknown"

    @property
    def label(self) -> str:
        return _LABELS[self]

    @property
    def has_deals(self) -> bool:
        return self in _DEALS


_DEALS = frozenset({Kind.TEMPLATE, Kind.SALESFORCE_REPORT, Kind.SALESFORCE_EXPORT, Kind.HUBSPOT, Kind.DEALS})
_LABELS = {
    Kind.TEMPLATE: "our deals template",
    Kind.SALESFORCE_REPORT: "a Salesforce report",
    Kind.SALESFORCE_EXPORT: "a Salesforce data export",
    Kind.HUBSPOT: "a HubSpot export of deals",
    Kind.DEALS: "deals",
    Kind.TARGETS: "an overlap of accounts, as Crossbeam exports it",
    Kind.HISTORY: "a stage history",
    Kind.PEOPLE: "a people file",
    Kind.PARTNERS: "a partners file",
    Kind.ACCOUNTS: "an accounts file",
    Kind.UNKNOWN: "a file of a kind we do not know",
}
_OVERLAP = fields.words(
    """
    ourpopulations ourpopulation mypopulations mypopulation yourpopulations yourpopulation partnerpopulations
    partnerpopulation theirpopulations theirpopulation overlaptime overlaptype ourstatus theirstatus
    """
)
_PARTNERSHIP = fields.words(
    """
    tier partnertier archetype journeystage pmemail internalchannel jointchannel
    """
)
_STAGED = frozenset((*fields.DEALS["stage"], *fields.DEALS["category"]))


def recognise(headers: Sequence[str]) -> Kind:
    """The kind of a file with these headers, as it writes them; `UNKNOWN` when none is sure."""
    found = {normal(header) for header in headers}
    staged, named = bool(found & _STAGED), bool(found & set(fields.DEALS["name"]))
    if "email" in found and found & {"role", "roles"}:
        return Kind.PEOPLE
    if found & _OVERLAP and not staged:
        return Kind.TARGETS
    if "opportunityhistorykey" in found or (found & {"tostage", "newstage"}):
        return Kind.HISTORY
    if "opportunityid" in found and staged and not named and found & set(fields.HISTORY["at"]):
        return Kind.HISTORY
    if "crmid" in found:
        return Kind.TEMPLATE
    if staged and named:
        return _deals(found)
    if found & _PARTNERSHIP and found & set(fields.PARTNERS["name"]):
        return Kind.PARTNERS
    if found & set(fields.ACCOUNTS["id"]) and found & set(fields.ACCOUNTS["name"]) and not staged:
        return Kind.ACCOUNTS
    return Kind.UNKNOWN


def _deals(found: set[str]) -> Kind:
    if "stagename" in found:
        return Kind.SALESFORCE_EXPORT
    if found & {"opportunityname", "opportunityopportunityname"}:
        return Kind.SALESFORCE_REPORT
    return Kind.HUBSPOT if "dealname" in found else Kind.DEALS


def aliases_of(kind: Kind) -> Aliases:
    """The headers of the fields that a file of this kind may have; those of deals for what we do not know."""
    return {
        Kind.TARGETS: fields.TARGETS,
        Kind.HISTORY: fields.HISTORY,
        Kind.PEOPLE: fields.PEOPLE,
        Kind.PARTNERS: fields.PARTNERS,
        Kind.ACCOUNTS: fields.ACCOUNTS,
    }.get(kind, fields.DEALS)


def elsewhere(kind: Kind) -> str:
    """How to import a file of this kind, for somebody who brought it as something else; empty for deals and unknown."""
    return {
        Kind.PEOPLE: "It looks like a people file: import it with --people.",
        Kind.PARTNERS: "It looks like a partners file: import it with --partners.",
        Kind.ACCOUNTS: "It looks like an accounts file: give it beside the deals with --accounts FILE.",
        Kind.HISTORY: "It looks like a stage history: give it beside the deals with --history FILE.",
        Kind.TARGETS: "It looks like an overlap of accounts: import it with --targets, for pursuit lists.",
    }.get(kind, "")
