"""One translator: words for the person where it happened, one line without contents for us, nothing swallowed."""

import json
import logging
from types import SimpleNamespace

import pytest
from slack_sdk.errors import SlackApiError
from sqlalchemy import select

from bot import errors
from handlers.kit import told
from handlers.kit.caller import KEY as CALLER
from handlers.kit.caller import Caller
from handlers.kit.deps import KEY as DEPS
from models.domain.errors import FieldErrors, ForPartner, NotAllowed, Stale, UserError
from models.tables import Outbox
from tests import make
from tests.handlers import limits


class Client:
    """A Slack that notes what it was asked and may refuse."""

    def __init__(self, refuse=None):
        self.calls, self.refuse = [], refuse

    def __getattr__(self, name):
        async def call(**arguments):
            self.calls.append((name, arguments))
            if self.refuse and name == self.refuse[0]:
                raise SlackApiError("refused", {"ok": False, "error": self.refuse[1]})

        return call


class Context(dict):
    """What listeners are given of a request: who calls, and the dependencies."""

    def __init__(self, response=None, *, ours=True, alone=True, db=None):
        self.ack, self.asked, self.woken = SimpleNamespace(response=response), [], 0

        async def ours_alone(channel):
            self.asked.append(channel)
            return alone

        def wake():
            self.woken += 1

        deps = SimpleNamespace(ours_alone=ours_alone, db=db, now=lambda: make.NOW, wake=wake)
        super().__init__({CALLER: Caller("U1", "T1", ours), DEPS: deps})


COMMAND = {"command": "/deals", "user_id": "U1", "channel_id": "C1", "trigger_id": "t"}
CLICK = {
    "type": "block_actions",
    "user": {"id": "U1"},
    "channel": {"id": "C1"},
    "actions": [{"action_id": "a"}],
    "trigger_id": "t",
}
IN_MODAL = {**CLICK, "channel": None, "view": {"type": "modal", "callback_id": "v"}}
ON_HOME = {**CLICK, "channel": None, "view": {"type": "home"}}
FORM = {
    "type": "view_submission",
    "user": {"id": "U1"},
    "view": {
        "type": "modal",
        "callback_id": "form",
        "state": {"values": {"text:7": {"value": {}}, "due": {"value": {}}}},
    },
}


async def translate(error, body, client=None, response=None, **how):
    return await errors.translate(error, body, client or Client(), Context(response, **how))


async def test_a_refusal_after_a_command_is_an_answer_only_they_see():
    client = Client()
    response = await translate(NotAllowed("You cannot <!here>."), COMMAND, client)
    assert client.calls == [
        ("chat_postEphemeral", {"channel": "C1", "user": "U1", "text": "You cannot &lt;!here&gt;."})
    ]
    assert (response.status, response.body) == (200, "")


@pytest.mark.parametrize("code", ["not_in_channel", "channel_not_found", "user_not_in_channel"])
async def test_where_the_bot_may_not_answer_it_opens_a_view(code):
    client = Client(refuse=("chat_postEphemeral", code))
    await translate(UserError("That is not it."), COMMAND, client)
    assert [name for name, _ in client.calls] == ["chat_postEphemeral", "views_open"]


@pytest.mark.parametrize(
    ("body", "method"), [(CLICK, "chat_postEphemeral"), (IN_MODAL, "views_push"), (ON_HOME, "views_open")]
)
async def test_the_words_appear_where_the_click_was(body, method):
    client = Client()
    await translate(UserError("That is not it."), body, client)
    assert [name for name, _ in client.calls] == [method]


async def test_what_was_acknowledged_already_is_not_acknowledged_again():
    assert await translate(UserError("x"), CLICK, response="acked") is None
    assert await translate(UserError("x"), FORM, response="acked") is None


async def test_errors_of_a_form_stand_on_their_fields_and_keep_what_was_typed():
    response = await translate(FieldErrors({"due": "Choose the day.", "text": "Say it."}), FORM)
    assert json.loads(response.body) == {
        "response_action": "errors",
        "errors": {"due": "Choose the day.", "text:7": "Say it."},
    }


async def test_an_error_without_a_field_stands_on_the_forms_first_one():
    response = await translate(UserError("Not now."), FORM)
    assert json.loads(response.body)["errors"] == {"text:7": "Not now."}


async def test_a_form_without_inputs_becomes_a_view_that_says_it():
    body = {**FORM, "view": {**FORM["view"], "state": {"values": {}}}}
    response = json.loads((await translate(UserError("Not <now>."), body)).body)
    assert response["response_action"] == "update"
    assert response["view"]["blocks"][0]["text"]["text"] == "Not &lt;now&gt;."


async def test_what_nobody_expected_is_a_reference_for_them_and_a_line_without_contents_for_us(caplog):
    client = Client()
    with caplog.at_level(logging.INFO, "cadence.errors"):
        await translate(KeyError("Deal of the century"), COMMAND, client)
    said = client.calls[0][1]["text"]
    (line,) = caplog.messages
    reference = line.split("reference=")[1].split()[0]
    assert f"it is logged as {reference}. Nothing was saved." in said
    assert "kind=/deals error=KeyError" in line
    assert "user=U1" in line
    assert "Deal of the century" not in caplog.text + said


async def test_a_refusal_is_logged_by_its_kind_alone(caplog):
    with caplog.at_level(logging.INFO, "cadence.errors"):
        await translate(NotAllowed("You cannot answer for Deal X."), CLICK)
    assert caplog.messages == ["refused: user=U1 kind=a reason=NotAllowed"]


async def test_an_event_that_fails_is_logged_and_answered_to_nobody(caplog):
    client = Client()
    with caplog.at_level(logging.ERROR, "cadence.errors"):
        assert await translate(KeyError("x"), {"type": "event_callback", "event": {}}, client) is None
    assert client.calls == []
    assert "kind=event_callback" in caplog.text


async def test_when_even_the_answer_is_refused_it_is_logged_and_not_raised(caplog):
    client = Client(refuse=("chat_postEphemeral", "is_archived"))
    with caplog.at_level(logging.WARNING, "cadence.errors"):
        response = await translate(UserError("x"), CLICK, client)
    assert response.status == 200
    assert "could not tell U1 what went wrong: is_archived" in caplog.messages


@pytest.mark.parametrize("words", ["x", "<!channel>" * 500, "", "&" * 5000])
def test_the_error_view_fits_whatever_it_says(words):
    view = errors.error_view(words or "x")
    assert limits.check_view(view) == []
    assert len(view["blocks"][0]["text"]["text"]) <= 3000


async def test_the_place_of_a_failure_is_named_for_us(caplog):
    def inner():
        raise ZeroDivisionError

    try:
        inner()
    except ZeroDivisionError as error:
        with caplog.at_level(logging.ERROR, "cadence.errors"):
            await translate(error, CLICK)
    assert "test_errors.py" in caplog.text
    assert ":inner" in caplog.text


SUGGESTION = {"type": "block_suggestion", "user": {"id": "U1"}, "action_id": "a", "value": "x"}


@pytest.mark.parametrize("ours", [True, False])
async def test_a_suggestion_that_is_refused_is_empty_and_nobody_is_told_with_every_letter(ours):
    client = Client()
    response = await translate(NotAllowed("You cannot."), SUGGESTION, client, ours=ours)
    assert json.loads(response.body) == {"options": []}
    assert client.calls == []


async def test_whoever_closes_a_form_is_told_nothing():
    client = Client()
    response = await translate(UserError("x"), {"type": "view_closed", "user": {"id": "U1"}, "view": {}}, client)
    assert (response.status, response.body, client.calls) == (200, "", [])


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (UserError("Deal X is Ann's."), errors.NOT_FOR_THEM),
        (Stale(()), errors.NOT_FOR_THEM),
        (ForPartner("This check-in is over."), "This check-in is over."),
        (NotAllowed("Only people of our own company can do this."), "Only people of our own company can do this."),
    ],
)
async def test_an_outsider_is_told_only_what_was_written_for_them(error, words):
    client = Client()
    await translate(error, CLICK, client, ours=False)
    assert client.calls == [("chat_postEphemeral", {"channel": "C1", "user": "U1", "text": words})]


async def test_a_defect_is_a_reference_for_an_outsider_too():
    client = Client()
    await translate(KeyError("Deal of the century"), CLICK, client, ours=False)
    assert "it is logged as" in client.calls[0][1]["text"]
    assert "century" not in client.calls[0][1]["text"]


async def test_who_calls_is_not_ours_while_nobody_could_say():
    client, nobody = Client(), Context()
    del nobody[CALLER]
    await errors.translate(UserError("Deal X is Ann's."), CLICK, client, nobody)
    assert client.calls[0][1]["text"] == errors.NOT_FOR_THEM


async def test_in_a_shared_channel_the_words_go_to_the_direct_messages_once(sqlite):
    async with sqlite.write() as session:
        await make.person(session, "1")
    client = Client()
    for _ in range(2):
        await translate(UserError("Did you mean <Acme> & co?"), COMMAND, client, alone=False, db=sqlite)
    assert client.calls == [("chat_postEphemeral", {"channel": "C1", "user": "U1", "text": told.APART})] * 2
    async with sqlite.read() as session:
        (row,) = await session.scalars(select(Outbox))
        message = await told.render(session, row.args, now=make.NOW, policy=make.POLICY)
    assert (row.template, row.urgent) == (told.TEMPLATE, True)
    assert message.text == "Did you mean &lt;Acme&gt; &amp; co?"
    limits.check_message(message)


async def test_whom_cadence_does_not_write_to_sees_it_in_a_view_instead(sqlite):
    client = Client()
    await translate(UserError("Not you."), COMMAND, client, alone=False, db=sqlite)
    assert [name for name, _ in client.calls] == ["views_open"]


async def test_a_direct_message_needs_no_look_at_its_readers():
    client, here = Client(), Context(alone=False)
    await errors.translate(UserError("x"), {**COMMAND, "channel_id": "D1"}, client, here)
    assert (here.asked, client.calls[0][1]["text"]) == ([], "x")
