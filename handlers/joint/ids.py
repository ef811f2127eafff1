"""Ids of the desk and of the page of a joint channel. Buttons say which row they are about; rights come from the row."""

from enum import StrEnum

from handlers.kit.doors import Door, JointRef
from handlers.kit.forms import Carried


class Action(StrEnum):
    CONFIRM_PERSON = "joint.confirm_person"
    NOT_OURS = "joint.not_theirs"
    REVOKE = "joint.revoke"
    LOOK = "joint.look"
    WITHDRAW = "joint.withdraw"
    REPLY_CONFIRM = "joint.reply_confirm"
    REPLY_EDIT = "joint.reply_edit"
    REPLY_DROP = "joint.reply_drop"
    HELD_SAFE = "joint.held_safe"
    HELD_MOVE = "joint.held_move"
    HELD_NOW = "joint.held_now"
    HELD_DROP = "joint.held_drop"
    ALLOW_GUEST = "joint.allow_guest"
    COPY = "joint.copy"
    WRITE_DOWN = "joint.write_down"
    PAGE = "joint.page"
    CHOOSE_DEALS = "joint.choose_deals"
    STAGES = "joint.stages"
    NAME_PERSON = "joint.name_person"
    CHANNEL = "joint.channel"


class View(StrEnum):
    DESK = "joint.desk_view"
    LIST = "joint.list_view"
    PAGE = "joint.page_view"
    PREVIEW = "joint.preview"
    EDIT = "joint.edit_form"
    WRITE = "joint.write_form"
    MOVE = "joint.move_form"
    DEALS = "joint.deals_form"
    STAGES = "joint.stages_form"
    PERSON = "joint.person_form"
    COPY = "joint.copy_view"
    CHANNEL = "joint.channel_form"


class Field(StrEnum):
    """The fields of what the partner said carry the names of `models.joint.answers.Said`."""

    DEAL = "deal"
    SAID_BY = "said_by"
    STAGE = "stage"
    ACTION = "action"
    OWNER = "owner"
    DUE = "due"
    ASK = "ask"
    CHANNEL = "channel"
    DEALS = "deals"
    AMOUNTS = "amounts"
    PERSON = "person"
    WORD = "word"


class Ref(Carried):
    """One row that a button is about: `c` a counterpart, `r` a reply (`d`: the deal's mark), `h` a held message, `p` a partner.

    `k` tells which wording of a reply was shown. `under`: which of our views lies below the form, to be shown anew.
    """

    c: int = 0
    r: int = 0
    d: int = 0
    k: str = ""
    h: int = 0
    p: int = 0
    under: str = ""


class GuestRef(Carried):
    """A guest in a channel of ours."""

    ch: str = ""
    u: str = ""


class PreviewRef(Carried):
    """What the preview showed: the partner, the channel, and the workspaces that read it."""

    p: int = 0
    ch: str = ""
    teams: tuple[str, ...] = ()
    under: str = ""


__all__ = ["Action", "Door", "Field", "GuestRef", "JointRef", "PreviewRef", "Ref", "View"]
