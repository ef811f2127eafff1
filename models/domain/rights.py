"""Who may do what: one function for every door. Rights come from the database's rows and the actor, never a message.

A new act is a line in `RULES` and one in `_who_can`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from models.domain.errors import NotAllowed


class Act(StrEnum):
    """What a person can ask for, in the words a refusal uses."""

    ANSWER = "answer for this deal"
    CLOSE_REVIEW = "close this review"
    CLOSE_MEETING = "close this meeting"
    PLAN = "set up, move, skip or pause this review"
    SEE_PARTNER = "see this partner's notes"
    SEE_ALL = "see every partner"
    IMPORT = "import files"
    EXAMINE = "check the installation"
    HAND_OVER = "hand over this work"
    NAME_MANAGER = "name the partner manager"
    SET_UP_COMPANY = "set up Cadence"
    ADD_PERSON = "add people or change their roles"
    ADD_PARTNER = "add partners or change their tier"
    SET_CHANNEL = "choose this partner's channel"
    CREATE_DEAL = "create this deal"
    MATCH_DEAL = "say whether these are one deal"
    PUBLISH_PBR = "publish this PBR"
    SIGN_ATTRIBUTION = "sign this deal's attribution"
    RECORD_TOUCH = "record a touch of this deal"
    SIGN_COMMIT = "sign this partner's commit"
    ADJUST_ROLL_UP = "adjust the roll-up"
    PUBLISH_ROLL_UP = "publish the roll-up"
    SIGN_OFF = "sign off the roll-up"
    CLOSE_QUARTER = "close the quarter"
    SET_TARGETS = "set targets and exchange rates"
    SET_TERMS = "change definitions, ratios and thresholds"
    SEE_FORECAST = "read this forecast"
    ANSWER_JOINT = "answer for this joint deal"
    MARK_JOINT = "decide what this partner sees"
    CONFIRM_COUNTERPART = "say who speaks for this partner"
    RECORD_REPORTED = "write down what this partner said"
    APPROVE_POST = "let Cadence post to this partner"
    DECIDE_HELD = "decide about this held message"
    ALLOW_GUEST = "allow a guest in this channel"


@dataclass(frozen=True)
class Actor:
    """The person who acts, as the database knows them. `partner_id`: the partner that an outsider speaks for, if bound."""

    id: int
    name: str
    roles: frozenset[str]
    ours: bool
    active: bool
    partner_id: int | None = None


@dataclass(frozen=True)
class Subject:
    """What the act is about: who owns the deal and who manages the partner, with the covers of both.

    `joint_with` is the partner that a deal is marked joint with and linked to right now; null: with none.
    """

    owner_id: int | None = None
    pm_id: int | None = None
    covers: dict[int, int] = field(default_factory=dict)
    owner_name: str = ""
    pm_name: str = ""
    joint_with: int | None = None

    def is_owner(self, actor: Actor) -> bool:
        return self.owner_id is not None and actor.id in (self.owner_id, self.covers.get(self.owner_id))

    def is_pm(self, actor: Actor) -> bool:
        return self.pm_id is not None and actor.id in (self.pm_id, self.covers.get(self.pm_id))


@dataclass(frozen=True)
class Verdict:
    """Whether, and if not, a sentence that says what is refused and who can."""

    allowed: bool
    reason: str = ""


Rule = Callable[[Actor, Subject], bool]


def _is_leader(actor: Actor) -> bool:
    return bool(actor.roles & {"head", "cro", "cfo", "ceo"})


def _own_deal(actor: Actor, subject: Subject) -> bool:
    return subject.is_owner(actor) or subject.is_pm(actor) or "head" in actor.roles


def _own_partner(actor: Actor, subject: Subject) -> bool:
    return subject.is_pm(actor) or "head" in actor.roles


def _plans(actor: Actor, subject: Subject) -> bool:
    return _own_partner(actor, subject) or "admin" in actor.roles


def _runs_the_company(actor: Actor, _: Subject) -> bool:
    return bool(actor.roles & {"head", "admin"})


def _sees_partner(actor: Actor, subject: Subject) -> bool:
    return _own_partner(actor, subject) or _is_leader(actor)


def _creates(actor: Actor, subject: Subject) -> bool:
    """An AE for themselves, with any partner: they learn nothing of the partner by it that they may not read."""
    return _own_partner(actor, subject) or ("ae" in actor.roles and subject.owner_id == actor.id)


def _matches(actor: Actor, subject: Subject) -> bool:
    """As a partner's own; where nobody manages the partner, an admin was asked and may say."""
    return _own_partner(actor, subject) or (subject.pm_id is None and "admin" in actor.roles)


def _asked_about_partner(actor: Actor, subject: Subject) -> bool:
    """Whoever is asked about a shared channel may decide: where nobody manages the partner, that can be an admin."""
    return _matches(actor, subject)


def _signs_attribution(actor: Actor, subject: Subject) -> bool:
    return subject.is_owner(actor) or subject.is_pm(actor)


def _sees_forecast(actor: Actor, subject: Subject) -> bool:
    """A partner manager their own partners', leadership all: an AE reads their own deals and no partner's number."""
    return subject.is_pm(actor) or _is_leader(actor)


RULES: dict[Act, Rule] = {
    Act.ANSWER: _own_deal,
    Act.CLOSE_REVIEW: _own_partner,
    Act.CLOSE_MEETING: _own_partner,
    Act.PLAN: _plans,
    Act.SEE_PARTNER: _sees_partner,
    Act.SEE_ALL: lambda actor, _: _is_leader(actor),
    Act.IMPORT: lambda actor, _: bool(actor.roles & {"pm", "head", "admin"}),
    Act.EXAMINE: lambda actor, _: bool(actor.roles & {"head", "admin"}),
    Act.HAND_OVER: _plans,
    Act.NAME_MANAGER: _plans,
    Act.SET_UP_COMPANY: _runs_the_company,
    Act.ADD_PERSON: _runs_the_company,
    Act.ADD_PARTNER: _runs_the_company,
    Act.SET_CHANNEL: _plans,
    Act.CREATE_DEAL: _creates,
    Act.MATCH_DEAL: _matches,
    Act.PUBLISH_PBR: _own_partner,
    Act.SIGN_ATTRIBUTION: _signs_attribution,
    Act.RECORD_TOUCH: _own_deal,
    Act.SIGN_COMMIT: _own_partner,
    Act.ADJUST_ROLL_UP: lambda actor, _: "head" in actor.roles,
    Act.PUBLISH_ROLL_UP: lambda actor, _: "head" in actor.roles,
    Act.SIGN_OFF: lambda actor, _: bool(actor.roles & {"cro", "cfo"}),
    Act.CLOSE_QUARTER: lambda actor, _: "cfo" in actor.roles,
    Act.SET_TARGETS: lambda actor, _: bool(actor.roles & {"head", "cro", "cfo"}),
    Act.SET_TERMS: lambda actor, _: bool(actor.roles & {"cro", "cfo"}),
    Act.SEE_FORECAST: _sees_forecast,
    Act.ANSWER_JOINT: lambda _actor, _: False,
    Act.MARK_JOINT: _asked_about_partner,
    Act.CONFIRM_COUNTERPART: _asked_about_partner,
    Act.RECORD_REPORTED: _asked_about_partner,
    Act.APPROVE_POST: _asked_about_partner,
    Act.DECIDE_HELD: _plans,
    Act.ALLOW_GUEST: lambda actor, _: "admin" in actor.roles,
}


def _answers_joint(actor: Actor, subject: Subject) -> bool:
    return actor.partner_id is not None and actor.partner_id == subject.joint_with


THEIR_RULES: dict[Act, Rule] = {Act.ANSWER_JOINT: _answers_joint}
"""All that somebody of a partner may ever do."""


def may(actor: Actor, act: Act, subject: Subject) -> Verdict:
    """Whether `actor` may do `act` to `subject`, with the reason and who can. Leavers never may, outsiders `THEIR_RULES`."""
    if not actor.ours and actor.active and act in THEIR_RULES:
        if THEIR_RULES[act](actor, subject):
            return Verdict(allowed=True)
        return Verdict(allowed=False, reason="This deal is not shared with you, so you cannot answer for it.")
    if not actor.ours or not actor.active:
        return Verdict(allowed=False, reason=f"You cannot {act}: only people of our own company can.")
    if RULES[act](actor, subject):
        return Verdict(allowed=True)
    return Verdict(allowed=False, reason=f"You cannot {act}. {_who_can(act, subject)}")


def require(verdict: Verdict) -> None:
    """Raise NotAllowed with the verdict's reason unless it allows."""
    if not verdict.allowed:
        raise NotAllowed(verdict.reason)


def _who_can(act: Act, subject: Subject) -> str:
    pm = f"{subject.pm_name} (partner manager)" if subject.pm_name else "the partner's manager"
    owner = f"{subject.owner_name} (owner of the deal)" if subject.owner_name else "the deal's owner"
    who = {
        Act.ANSWER: f"{owner}, {pm} or the head of partnerships can.",
        Act.CLOSE_REVIEW: f"{pm} or the head of partnerships can.",
        Act.CLOSE_MEETING: f"{subject.pm_name or 'Who leads it'} or the head of partnerships can.",
        Act.PLAN: f"{pm}, the head of partnerships or an admin can.",
        Act.SEE_PARTNER: f"{pm} and leadership can.",
        Act.SEE_ALL: "Leadership can.",
        Act.IMPORT: "Partner managers, the head of partnerships and admins can.",
        Act.EXAMINE: "The head of partnerships and admins can.",
        Act.HAND_OVER: f"{pm}, the head of partnerships or an admin can.",
        Act.NAME_MANAGER: f"{pm}, the head of partnerships or an admin can.",
        Act.SET_UP_COMPANY: "The head of partnerships and admins can.",
        Act.ADD_PERSON: "The head of partnerships and admins can.",
        Act.ADD_PARTNER: "The head of partnerships and admins can.",
        Act.SET_CHANNEL: f"{pm}, the head of partnerships or an admin can.",
        Act.CREATE_DEAL: f"An AE for themselves, {pm} or the head of partnerships can.",
        Act.MATCH_DEAL: f"{pm} or the head of partnerships can.",
        Act.PUBLISH_PBR: f"{pm} or the head of partnerships can.",
        Act.SIGN_ATTRIBUTION: f"{owner} and {pm} sign it.",
        Act.RECORD_TOUCH: f"{owner}, {pm} or the head of partnerships can.",
        Act.SIGN_COMMIT: f"{pm} signs it, the head of partnerships as cover.",
        Act.ADJUST_ROLL_UP: "The head of partnerships can.",
        Act.PUBLISH_ROLL_UP: "The head of partnerships can.",
        Act.SIGN_OFF: "The CRO and the CFO sign it off.",
        Act.CLOSE_QUARTER: "The CFO can.",
        Act.SET_TARGETS: "The head of partnerships, the CRO and the CFO can.",
        Act.SET_TERMS: "The CRO and the CFO can.",
        Act.SEE_FORECAST: f"{pm} and leadership can.",
        Act.ANSWER_JOINT: "The partner's own people can.",
        Act.MARK_JOINT: f"{pm} or the head of partnerships can.",
        Act.CONFIRM_COUNTERPART: f"{pm} or the head of partnerships can.",
        Act.RECORD_REPORTED: f"{pm} or the head of partnerships can.",
        Act.APPROVE_POST: f"{pm} or the head of partnerships can.",
        Act.DECIDE_HELD: f"{pm}, the head of partnerships or an admin can.",
        Act.ALLOW_GUEST: "An admin can.",
    }[act]
    return who[0].upper() + who[1:]
