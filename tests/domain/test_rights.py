"""Who may do what: product.md's table, row by row, for the acts that exist."""

import pytest

from models.domain.errors import NotAllowed
from models.domain.rights import RULES, Act, Actor, Subject, may, require

SUBJECT = Subject(
    owner_id=1, pm_id=2, covers={1: 11, 2: 12}, owner_name="Ann Seller", pm_name="Pat Manager",
    joint_with=70,
)  # fmt: skip
WHO = {
    "owner": Actor(1, "Ann", frozenset({"ae"}), ours=True, active=True),
    "owner's cover": Actor(11, "Abe", frozenset({"ae"}), ours=True, active=True),
    "another ae": Actor(3, "Bob", frozenset({"ae"}), ours=True, active=True),
    "its pm": Actor(2, "Pat", frozenset({"pm"}), ours=True, active=True),
    "pm's cover": Actor(12, "Pia", frozenset({"pm"}), ours=True, active=True),
    "another pm": Actor(4, "Paul", frozenset({"pm"}), ours=True, active=True),
    "head": Actor(5, "Hedda", frozenset({"head"}), ours=True, active=True),
    "cro": Actor(6, "Cora", frozenset({"cro"}), ours=True, active=True),
    "cfo": Actor(7, "Fay", frozenset({"cfo"}), ours=True, active=True),
    "ceo": Actor(8, "Cleo", frozenset({"ceo"}), ours=True, active=True),
    "admin": Actor(9, "Ada", frozenset({"admin"}), ours=True, active=True),
    "counterpart": Actor(10, "Cal", frozenset(), ours=False, active=True, partner_id=70),
    "counterpart who left": Actor(10, "Cal", frozenset(), ours=False, active=False, partner_id=70),
    "another partner's": Actor(13, "Col", frozenset(), ours=False, active=True, partner_id=71),
    "a stranger": Actor(14, "Sam", frozenset({"head", "admin"}), ours=False, active=True),
    "owner who left": Actor(1, "Ann", frozenset({"ae"}), ours=True, active=False),
    "head who left": Actor(5, "Hedda", frozenset({"head"}), ours=True, active=False),
}
LEADERS = {"head", "cro", "cfo", "ceo"}
TABLE = {
    Act.ANSWER: {"owner", "owner's cover", "its pm", "pm's cover", "head"},
    Act.CLOSE_REVIEW: {"its pm", "pm's cover", "head"},
    Act.PLAN: {"its pm", "pm's cover", "head", "admin"},
    Act.SEE_PARTNER: {"its pm", "pm's cover"} | LEADERS,
    Act.SEE_ALL: LEADERS,
    Act.IMPORT: {"its pm", "pm's cover", "another pm", "head", "admin"},
    Act.EXAMINE: {"head", "admin"},
    Act.HAND_OVER: {"its pm", "pm's cover", "head", "admin"},
    Act.NAME_MANAGER: {"its pm", "pm's cover", "head", "admin"},
    Act.SET_UP_COMPANY: {"head", "admin"},
    Act.ADD_PERSON: {"head", "admin"},
    Act.ADD_PARTNER: {"head", "admin"},
    Act.SET_CHANNEL: {"its pm", "pm's cover", "head", "admin"},
    Act.CREATE_DEAL: {"owner", "its pm", "pm's cover", "head"},
    Act.MATCH_DEAL: {"its pm", "pm's cover", "head"},
    Act.PUBLISH_PBR: {"its pm", "pm's cover", "head"},
    Act.CLOSE_MEETING: {"its pm", "pm's cover", "head"},
    Act.SIGN_ATTRIBUTION: {"owner", "owner's cover", "its pm", "pm's cover"},
    Act.RECORD_TOUCH: {"owner", "owner's cover", "its pm", "pm's cover", "head"},
    Act.SIGN_COMMIT: {"its pm", "pm's cover", "head"},
    Act.ADJUST_ROLL_UP: {"head"},
    Act.PUBLISH_ROLL_UP: {"head"},
    Act.SIGN_OFF: {"cro", "cfo"},
    Act.CLOSE_QUARTER: {"cfo"},
    Act.SET_TARGETS: {"head", "cro", "cfo"},
    Act.SET_TERMS: {"cro", "cfo"},
    Act.SEE_FORECAST: {"its pm", "pm's cover"} | LEADERS,
    Act.ANSWER_JOINT: {"counterpart"},
    Act.MARK_JOINT: {"its pm", "pm's cover", "head"},
    Act.CONFIRM_COUNTERPART: {"its pm", "pm's cover", "head"},
    Act.RECORD_REPORTED: {"its pm", "pm's cover", "head"},
    Act.APPROVE_POST: {"its pm", "pm's cover", "head"},
    Act.DECIDE_HELD: {"its pm", "pm's cover", "head", "admin"},
    Act.ALLOW_GUEST: {"admin"},
}


@pytest.mark.parametrize("act", list(Act))
@pytest.mark.parametrize("who", list(WHO))
def test_the_table_of_who_may_do_what(act, who):
    verdict = may(WHO[who], act, SUBJECT)
    assert verdict.allowed is (who in TABLE[act])
    assert bool(verdict.reason) is not verdict.allowed


def test_every_act_has_a_rule_and_a_row_in_the_table():
    assert set(RULES) == set(Act) == set(TABLE)


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (Act.ANSWER, "You cannot answer for this deal. Ann Seller (owner of the deal), Pat Manager (partner manager) or the head of partnerships can."),
        (Act.CLOSE_REVIEW, "You cannot close this review. Pat Manager (partner manager) or the head of partnerships can."),
        (Act.PLAN, "You cannot set up, move, skip or pause this review. Pat Manager (partner manager), the head of partnerships or an admin can."),
        (Act.SEE_PARTNER, "You cannot see this partner's notes. Pat Manager (partner manager) and leadership can."),
        (Act.SEE_ALL, "You cannot see every partner. Leadership can."),
        (Act.IMPORT, "You cannot import files. Partner managers, the head of partnerships and admins can."),
        (Act.EXAMINE, "You cannot check the installation. The head of partnerships and admins can."),
        (Act.HAND_OVER, "You cannot hand over this work. Pat Manager (partner manager), the head of partnerships or an admin can."),
        (Act.NAME_MANAGER, "You cannot name the partner manager. Pat Manager (partner manager), the head of partnerships or an admin can."),
    ],
)  # fmt: skip
def test_everyone_refused_learns_what_they_may_not_do_and_who_can(act, sentence):
    with pytest.raises(NotAllowed) as refused:
        require(may(WHO["another ae"], act, SUBJECT))
    assert str(refused.value) == sentence


def test_without_names_the_refusal_still_says_who():
    reason = may(WHO["another ae"], Act.ANSWER, Subject()).reason
    assert reason.endswith("The deal's owner, the partner's manager or the head of partnerships can.")


def test_a_leaver_and_an_outsider_are_told_why():
    for who in ("counterpart", "owner who left"):
        assert may(WHO[who], Act.ANSWER, SUBJECT).reason.endswith("only people of our own company can.")


def test_a_deal_without_owner_or_partner_belongs_to_no_seller():
    assert not may(WHO["owner"], Act.ANSWER, Subject()).allowed
    assert may(WHO["head"], Act.ANSWER, Subject()).allowed


def test_a_cover_ends_with_the_absence_because_only_todays_covers_are_given():
    assert not may(WHO["owner's cover"], Act.ANSWER, Subject(owner_id=1, pm_id=2)).allowed


def test_what_is_allowed_is_not_raised():
    require(may(WHO["owner"], Act.ANSWER, SUBJECT))
