"""What a person does arrives at a real Bolt app, and what it answers is what the person sees."""

import asyncio

from tests.sandbox.support import CARD, form, plain
from tests.sandbox.test_delivery import RawSocket, until


async def open_form(slack, text=""):
    done = await slack.post("command", user="U1", channel="C1", command="/deals", text=text)
    assert done["ok"], done
    return done["views"][-1]


async def test_a_command_opens_a_form_that_is_saved(pair):
    slack, bot = pair
    view = await open_form(slack)
    assert view["callback_id"] == "deal"
    done = await slack.post("submit", user="U1", values={"Next action": "call", "who": "Ann Lee"})
    assert done["result"] == "closed"
    assert done["view"] is None
    await slack.logged("api", "chat.postMessage")
    assert [one["text"] for one in await slack.get("inbox", user="U1")] == ["saved call"]
    sent = next(body for body in bot.heard if body.get("type") == "view_submission")
    assert sent["view"]["state"]["values"]["who"]["person"] == {"type": "users_select", "selected_user": "U2"}
    assert sent["user"]["team_id"] == sent["team"]["id"] == "T0LOCAL01"
    assert sent["view"]["type"] == "modal"


async def test_answers_to_a_submission(pair):
    slack, _ = pair
    first = await open_form(slack)
    refused = await slack.post("submit", user="U1", values={"what": "errors"})
    assert (refused["result"], refused["errors"]) == ("errors", {"what": "Say more."})
    assert refused["view"]["state"]["values"]["what"]["text"]["value"] == "errors"
    updated = await slack.post("submit", user="U1", values={"what": "update"})
    assert (updated["result"], updated["view"]["id"]) == ("updated", first["id"])
    assert updated["view"]["title"]["text"] == "Next deal"
    pushed = await slack.post("submit", user="U1", values={"what": "push"})
    assert pushed["result"] == "pushed"
    assert pushed["view"]["previous_view_id"] == pushed["view"]["root_view_id"] == first["id"]
    cleared = await slack.post("submit", user="U1", values={"what": "clear"})
    assert (cleared["result"], cleared["view"]) == ("closed", None)


async def test_errors_for_a_block_that_is_not_there_are_a_noticed_mistake(pair):
    slack, _ = pair
    await open_form(slack)
    done = await slack.post("submit", user="U1", values={"what": "wrong"})
    assert done["result"] == "invalid_response"
    assert any("nowhere" in one["text"] for one in (await slack.get("state"))["problems"])


async def test_the_client_checks_before_it_sends(pair):
    slack, bot = pair
    await open_form(slack)
    empty = await slack.post("submit", user="U1")
    assert empty["errors"] == {"what": "Please complete this required field."}
    long = await slack.post("submit", user="U1", values={"what": "x" * 21})
    assert long["result"] == "client_errors"
    assert not [body for body in bot.heard if body.get("type") == "view_submission"]


async def test_slow_acks_are_failures_to_the_person_and_inputs_stay(pair):
    slack, _ = pair
    late = await slack.post("command", user="U1", channel="C1", command="/deals", text="slow")
    assert (late["ok"], late["error"]) == (False, "operation_timeout")
    assert late["ephemeral"][0]["text"] == '/deals failed with the error "operation_timeout"'
    await slack.logged("api", "views.open")
    await open_form(slack)
    done = await slack.post("submit", user="U1", values={"what": "slow"})
    assert (done["result"], done["errors"]) == ("timeout", {"": "We had some trouble connecting. Try again?"})
    assert done["view"]["state"]["values"]["what"]["text"]["value"] == "slow"


async def test_stacks_are_three_deep(pair):
    slack, _ = pair
    await open_form(slack)
    for _ in range(2):
        done = await slack.post("view_action", user="U1", action_id="push")
        assert done["acked"]
    assert len(await slack.get("views", user="U1")) == 3
    await slack.post("view_action", user="U1", action_id="push")
    assert (await slack.get("log", method="views.push"))[-1]["error"] == "push_limit_reached"
    await slack.post("close", user="U1")
    assert len(await slack.get("views", user="U1")) == 2
    await slack.post("close", user="U1", all=True)
    assert await slack.get("views", user="U1") == []
    told = (await slack.get("log", method="view_closed"))[-1]["request"]
    assert told["is_cleared"] is True


async def test_input_survives_an_update_only_under_the_same_ids(pair):
    slack, _ = pair
    view = await open_form(slack)
    await slack.post("fill", user="U1", values={"what": "kept", "who": "U2"})
    done = await slack.post("view_action", user="U1", view_id=view["id"], action_id="refresh")
    values = done["views"][-1]["state"]["values"]
    assert values["what"]["text"]["value"] == "kept"
    assert values["who2"]["person"]["selected_user"] is None


async def test_a_button_changes_its_message_and_text_alone_drops_the_blocks(pair):
    slack, bot = pair
    posted = await slack.api("chat.postMessage", channel="U1", text="card", blocks=CARD)
    done = await slack.post("click", user="U1", channel="bot", ts=posted["ts"], action_id="same")
    assert done["updated"][0]["text"] == "Thanks"
    assert "blocks" not in done["updated"][0]
    sent = next(body for body in bot.heard if body.get("type") == "block_actions")
    assert sent["actions"][0]["value"] == "7"
    assert sent["container"]["message_ts"] == posted["ts"]
    gone = await slack.post("click", user="U1", channel="bot", ts=posted["ts"], action_id="same")
    assert not gone["ok"]
    assert "no such element" in gone["error"]


async def test_a_shortcut_of_a_message_brings_the_message_and_opens_a_form(pair):
    slack, bot = pair
    said = await slack.post("message", user="U2", channel="C1", text="We met <b>them</b>")
    done = await slack.post("shortcut", user="U1", channel="C1", ts=said["ts"], label="Record a partner touch")
    assert (done["acked"], done["views"][-1]["title"]["text"]) == (True, "Of a message")
    sent = next(body for body in bot.heard if body.get("type") == "message_action")
    assert (sent["callback_id"], sent["channel"], sent["message_ts"]) == (
        "attribution.touch", {"id": "C1", "name": "acme"}, said["ts"],
    )  # fmt: skip
    assert {"user": "U2", "ts": said["ts"], "text": "We met &lt;b&gt;them&lt;/b&gt;"}.items() <= sent["message"].items()
    assert sent["user"]["id"] == "U1"


async def test_a_shortcut_is_refused_where_slack_offers_none(pair):
    slack, _ = pair
    said = await slack.post("message", user="U1", channel="C1", text="hi")
    at = {"channel": "C1", "ts": said["ts"]}

    async def refusal(**fields):
        done = await slack.post("shortcut", **{"user": "U1", "callback_id": "attribution.touch", **at, **fields})
        return done["error"]

    assert "attribution.touch (Record a partner touch)" in await refusal(callback_id="nothing")
    assert "sees no message 1.1" in await refusal(ts="1.1")
    assert "missing: label" in await refusal(callback_id="")
    await slack.post("admin/share", channel="C1", team="T9")
    await slack.post("admin/invite", channel="C1", user="U6")
    assert "another company" in await refusal(user="U6")
    posted = await slack.api("chat.postEphemeral", channel="C1", user="U1", text="only you")
    assert "has no shortcuts" in await refusal(ts=posted["message_ts"])


async def test_a_shortcut_without_an_answer_says_so_on_the_message(slack):
    said = await slack.post("message", user="U1", channel="C1", text="hi")
    done = await slack.post("shortcut", user="U1", channel="C1", ts=said["ts"], callback_id="attribution.touch")
    assert (done["ok"], done["error"]) == (False, "dispatch_failed")


async def test_a_response_url_answers_the_person_alone(pair):
    slack, _ = pair
    posted = await slack.api("chat.postMessage", channel="C1", text="card", blocks=CARD)
    done = await slack.post("click", user="U1", channel="C1", ts=posted["ts"], label="Quiet")
    assert done["ephemeral"][0]["text"] == "Only you see this."
    assert "Only you see this." in [one["text"] for one in await slack.get("read", user="U1", channel="acme")]
    assert "Only you see this." not in [one["text"] for one in await slack.get("read", user="U2", channel="acme")]


async def test_an_ack_may_carry_the_answer(pair):
    slack, _ = pair
    done = await slack.post("command", user="U1", channel="C1", command="/cadence")
    assert done["ephemeral"][0]["text"] == "Nothing is *planned*."


async def test_home_is_published_and_its_buttons_open_forms(pair):
    slack, _ = pair
    assert (await slack.post("home", user="U2"))["view"]["type"] == "home"
    done = await slack.post("view_action", user="U2", view_id="home", action_id="same2")
    assert done["views"][0]["title"]["text"] == "From Home"


async def test_what_cannot_be_done_is_refused_with_what_is_there(slack):
    async def refusal(path, **fields):
        done = await slack.post(path, **fields)
        assert done["ok"] is False
        return done["error"]

    assert "deactivated" in await refusal("command", user="U4", channel="C1", command="/deals")
    assert "bot" in await refusal("message", user="U5", channel="C1", text="hi")
    assert "/cadence" in await refusal("command", user="U1", channel="C1", command="/nothing")
    assert "another company" in await refusal("command", user="U6", channel="bot", command="/deals")
    assert "#acme" in await refusal("command", user="U2", channel="secret", command="/deals")
    assert "no open view" in await refusal("submit", user="U1")
    assert "cannot write" in await refusal("message", user="U1", channel="old", text="hi")
    assert "missing: user" in await refusal("submit")


async def test_without_a_bot_the_person_sees_that_it_is_not_there(slack):
    done = await slack.post("command", user="U1", channel="C1", command="/deals")
    assert done["error"] == "dispatch_failed"


async def test_what_people_type_is_escaped_by_their_client(slack):
    await slack.post("message", user="U1", channel="C1", text="<!channel> & co")
    stored = (await slack.get("messages", channel="C1"))[-1]
    assert stored["text"] == "&lt;!channel&gt; &amp; co"
    assert stored["mentions"] == []


async def test_an_app_may_suggest_a_hundred_options_and_no_more(slack):
    raw = await RawSocket(slack).open()
    raw.ack = False
    select = {"type": "external_select", "action_id": "pick"}
    view = form(blocks=[{"type": "input", "block_id": "who", "label": plain("Who"), "element": select}])
    await slack.api("views.open", trigger_id=slack.sandbox.world.new_trigger("U1").id, view=view)
    for count, offered in ((100, 100), (101, 0)):
        typing = asyncio.create_task(slack.post("suggest", user="U1", block_id="who", value="a"))
        seen = len(raw.seen)
        await until(lambda: len(raw.seen) > seen)  # noqa: B023
        options = [{"text": plain(f"a{n}"), "value": str(n)} for n in range(count)]
        answer = {"envelope_id": raw.seen[-1]["envelope_id"], "payload": {"options": options}}
        await raw.socket.send_json(answer)
        assert len((await typing)["options"]) == offered
    assert "no more than 100 items" in (await slack.get("state"))["problems"][-1]["text"]
    await raw.close()
