"""Ids of “Set up Cadence”."""

from enum import StrEnum

from handlers.kit.doors import Door, SetUpRef
from handlers.kit.forms import Carried


class Action(StrEnum):
    PARTNERS = "first_run.partners"
    PEOPLE = "first_run.people"
    CHANNELS = "first_run.channels"
    PREVIEW = "first_run.preview"
    CRM = "first_run.crm"
    ADD_PARTNER = "first_run.add_partner"
    CHANGE_PARTNER = "first_run.change_partner"
    ADD_PERSON = "first_run.add_person"
    CHANGE_PERSON = "first_run.change_person"
    CHANNEL = "first_run.channel"
    LOOK_AGAIN = "first_run.look_again"
    WAY = "first_run.way"
    WHO = "first_run.who"
    TURN_BACK = "first_run.turn_back"
    TURN_ON = "first_run.turn_on"


class View(StrEnum):
    PAGE = "first_run.page"
    PARTNERS = "first_run.partners_page"
    PEOPLE = "first_run.people_page"
    CHANNELS = "first_run.channels_page"
    PARTNER = "first_run.partner_form"
    PERSON = "first_run.person_form"
    CHANNEL = "first_run.channel_form"
    PREVIEW = "first_run.preview_page"


class Field(StrEnum):
    """The names of the fields are those of the errors in `models.roster` and `models.first_run`."""

    NAME = "name"
    TIER = "tier"
    ARCHETYPE = "archetype"
    MANAGER = "manager"
    SURE = "sure"
    OTHERS = "others"
    PERSON = "person"
    ROLES = "roles"
    HOLIDAYS = "holidays"
    WAY = "way"
    CHANNEL = "channel"
    PRIVACY = "privacy"


class Way(StrEnum):
    """How a partner gets its internal channel."""

    USE = "use"
    CREATE = "create"


class Row(Carried):
    """The partner or person of a row, and the first row of the page of the list that it stands on."""

    i: int = 0
    at: int = 0


class FormState(Carried):
    """What a form is about (0: something new), the page of the list below it, and how a channel is chosen."""

    i: int = 0
    at: int = 0
    way: str = Way.USE


class CrmRef(Carried):
    """The answer a button gives: the company works without a CRM, or has one after all."""

    without: bool = True


__all__ = ["Action", "CrmRef", "Door", "Field", "FormState", "Row", "SetUpRef", "View", "Way"]
