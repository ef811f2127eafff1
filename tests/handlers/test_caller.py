"""Who calls: read from the user's own part of a payload, decided before any listener; and an answer that is theirs alone."""

import pytest
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from handlers.kit.caller import KEY, AdmitCaller, Caller, is_partners_door, user_and_team
from handlers.kit.doors import Door
from handlers.kit.once import once
from models.domain.errors import NotAllowed
from tests.make import NOW

OURS, THEIRS = {"id": "U1", "team_id": "T1"}, {"id": "U2", "team_id": "T2"}


def event(kind, **more):
    return {"type": "event_callback", "team_id": "T1", "event": {"type": kind, **more}}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"type": "block_actions", "user": THEIRS, "team": {"id": "T1"}}, ("U2", "T2")),
        ({"type": "view_submission", "user": THEIRS, "view": {"team_id": "T1", "app_installed_team_id": "T1"}}, ("U2", "T2")),
        ({"type": "view_closed", "user": THEIRS, "team": {"id": "T1"}}, ("U2", "T2")),
        ({"type": "block_suggestion", "user": THEIRS, "team": {"id": "T1"}}, ("U2", "T2")),
        ({"type": "shortcut", "user": THEIRS, "team": {"id": "T1"}}, ("U2", "T2")),
        ({"type": "message_action", "user": THEIRS, "message": {"team": "T1", "user": "U9"}}, ("U2", "T2")),
        ({"type": "block_actions", "user": {"id": "U2"}, "team": {"id": "T1"}}, ("U2", "")),
        ({"type": "block_actions", "user": None, "team": {"id": "T1"}}, ("", "")),
        ({"command": "/deals", "user_id": "U2", "team_id": "T1"}, ("U2", "")),
        (event("message", user="U2", team="T2"), ("U2", "T2")),
        (event("message", user="U2", team="T1", user_team="T2"), ("U2", "T2")),
        (event("message", user="U2"), ("U2", "")),
        (event("app_home_opened", user="U2"), ("U2", "")),
        (event("file_shared", user_id="U2"), ("U2", "")),
        (event("user_change", user={"id": "U2", "team_id": "T2"}), ("", "")),
        ({}, ("", "")),
    ],
)  # fmt: skip
def test_the_callers_own_team_is_read_and_never_that_of_the_installation(body, found):
    assert user_and_team(body) == found


@pytest.mark.parametrize(
    ("body", "open_"),
    [
        ({"type": "block_actions", "actions": [{"action_id": Door.CHECK_IN}]}, True),
        ({"type": "view_submission", "view": {"callback_id": Door.ANSWER_JOINT}}, True),
        ({"type": "block_actions", "actions": [{"action_id": Door.CHECK_IN}, {"action_id": "x"}]}, False),
        ({"type": "block_actions", "actions": []}, False),
        ({"type": "view_submission", "view": {"callback_id": ""}}, False),
        ({"type": "view_closed", "view": {"callback_id": Door.ANSWER_JOINT}}, False),
        ({"type": "block_suggestion", "action_id": Door.CHECK_IN}, False),
        ({"type": "message_action", "callback_id": Door.CHECK_IN}, False),
        ({"type": "shortcut", "callback_id": Door.CHECK_IN}, False),
        ({"command": Door.CHECK_IN}, False),
        ({"type": "block_actions", "actions": [{"action_id": Door.CHECK_IN}], "command": "/deals"}, False),
    ],
)
def test_somebody_of_another_company_may_press_and_submit_what_is_listed_and_nothing_else(body, open_):
    assert is_partners_door(body) is open_


async def admitted(body, *, known=None):
    """(caller, whether anything behind the door ran, the response)."""
    ran = []

    async def is_ours(_user, team):
        return team == "T1"

    async def team_of(user):
        return (known or {}).get(user, "")

    async def behind():
        ran.append(True)
        return BoltResponse(status=200)

    request = AsyncBoltRequest(body=body, mode="socket_mode")
    response = await AdmitCaller(is_ours, team_of).async_process(
        req=request, resp=BoltResponse(status=200), next=behind
    )  # fmt: skip
    return request.context[KEY], bool(ran), response


async def test_an_outsider_is_stopped_before_any_listener_and_one_of_ours_is_not():
    click = {"type": "block_actions", "actions": [{"action_id": "cadence.open"}]}
    with pytest.raises(NotAllowed, match="Only people of our own company"):
        await admitted(click | {"user": THEIRS})
    assert (await admitted(click | {"user": OURS}))[:2] == (Caller("U1", "T1", ours=True), True)


async def test_a_partners_door_is_open_and_its_listener_hears_who_it_is():
    caller, ran, _ = await admitted(
        {"type": "block_actions", "user": THEIRS, "actions": [{"action_id": Door.CHECK_IN}]}
    )
    assert (caller, ran) == (Caller("U2", "T2", ours=False), True)


async def test_who_types_a_command_is_looked_up_for_it_names_the_team_it_was_typed_in():
    typed = {"command": "/deals", "user_id": "U2", "team_id": "T1"}
    with pytest.raises(NotAllowed):
        await admitted(typed, known={"U2": "T2"})
    with pytest.raises(NotAllowed):
        await admitted(typed)
    assert (await admitted(typed, known={"U2": "T1"}))[1]


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (event("app_home_opened", user="U2"), False),
        (event("app_home_opened", user="U1"), True),
        (event("file_shared", user_id="U2"), False),
        (event("message", channel_type="im", user="U2", team="T2"), False),
        (event("message", channel_type="im", user="U2"), False),
        (event("message", channel_type="im"), False),
        (event("message", channel_type="im", user="U1", team="T1"), True),
        (event("message", channel_type="channel", user="U2", team="T2"), True),
        (event("channel_shared", channel="C1"), True),
        (event("user_change", user={"id": "U2", "team_id": "T2"}), True),
    ],
)
async def test_of_an_outsider_no_event_of_a_private_conversation_goes_any_further(body, kept):
    _, ran, response = await admitted(body, known={"U1": "T1", "U2": "T2"})
    assert ran is kept
    assert response.status == 200


class Deps:
    def __init__(self, db):
        self.db = db

    def now(self):
        return NOW


async def test_what_somebody_was_answered_is_given_to_nobody_else(sqlite):
    ran = []

    def effect(name):
        async def run(_session):
            ran.append(name)
            return {"said": name}

        return run

    deps, me, you = Deps(sqlite), {"user": {"id": "U1"}}, {"user_id": "U2"}
    assert await once(deps, me, "view:V1:h", effect("me")) == {"said": "me"}
    assert await once(deps, me, "view:V1:h", effect("me again")) == {"said": "me"}
    assert await once(deps, you, "view:V1:h", effect("you")) == {"said": "you"}
    assert ran == ["me", "you"]


async def test_a_refusal_keeps_no_receipt_so_that_whoever_may_later_is_heard(sqlite):
    async def refuse(_session):
        raise NotAllowed("no")

    async def allow(_session):
        return {"said": "yes"}

    with pytest.raises(NotAllowed):
        await once(Deps(sqlite), {"user": {"id": "U1"}}, "k", refuse)
    assert await once(Deps(sqlite), {"user": {"id": "U1"}}, "k", allow) == {"said": "yes"}
