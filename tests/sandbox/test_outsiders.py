"""What people of other companies may do, see and be refused, in every position of what nobody has verified."""

import base64

import pytest

from tests.ports import free_port
from tests.sandbox.support import CARD, form, plain
from tests.sandbox.test_delivery import RawSocket, until
from tests.sandbox.test_sharing import TWO

FORGED = {
    "type": "view_closed",
    "team": {"id": "T0HOME", "domain": "home"},
    "user": {"id": "U7", "team_id": "T0ACME"},
    "view": {"id": "V1", "type": "modal", "callback_id": "deal", "team_id": "T0HOME", "private_metadata": "{}"},
    "is_cleared": False,
}


@pytest.fixture
async def slack(launch):
    return await launch(TWO, ack_seconds=0.8)


@pytest.fixture
async def bot(slack, bots):
    made = bots(slack)
    await made.connect()
    return made


async def card(slack, channel="C1"):
    return (await slack.api("chat.postMessage", channel=channel, text="card", blocks=CARD))["ts"]


async def open_form(slack, user="U7", **more):
    trigger = slack.sandbox.world.new_trigger(user).id
    return await slack.api("views.open", trigger_id=trigger, view=form(**more))


# switches


async def test_an_administrator_forbids_buttons_in_a_channel_or_to_a_company(slack, bot):
    ts = await card(slack)

    async def press(user):
        return await slack.post("click", user=user, channel="C1", ts=ts, action_id="quiet")

    assert (await press("U7"))["acked"]
    await slack.post("admin/forbid_buttons", team="T0ACME")
    before = len(bot.heard)
    assert "an administrator forbids" in (await press("U7"))["error"]
    assert len(bot.heard) == before, "nothing is sent"
    assert (await press("U1"))["acked"]
    await slack.post("admin/forbid_buttons", channel="joint-acme")
    assert "an administrator forbids" in (await press("U1"))["error"]
    there = (await slack.get("switches"))["switches"]["no_buttons"]
    assert there == [{"channel": "", "team": "T0ACME"}, {"channel": "C1", "team": ""}]
    new = (await slack.post("admin/channel_id_change", channel="C1"))["channel"]["id"]
    moved = await slack.post("click", user="U1", channel=new, ts=ts, action_id="quiet")
    assert "an administrator forbids" in moved["error"], "the rule follows the channel"
    await slack.post("admin/allow_buttons", channel=new)
    await slack.post("admin/allow_buttons", team="T0ACME")
    assert (await slack.post("click", user="U7", channel=new, ts=ts, action_id="quiet"))["acked"]


async def test_forms_for_outsiders_can_fail(slack):
    assert (await open_form(slack))["ok"]
    await slack.post("switches", outsiders_forms=False)
    assert (await open_form(slack))["error"] == "not_allowed"
    assert (await open_form(slack, user="U1"))["ok"]


@pytest.mark.parametrize(("position", "answered", "seen"), [
    ("shown", None, True), ("silent", None, False), ("refused", "user_not_in_channel", False),
])  # fmt: skip
async def test_messages_for_one_outsider_alone(slack, position, answered, seen):
    await slack.post("switches", outsiders_ephemerals=position)
    told = await slack.api("chat.postEphemeral", channel="C1", user="U7", text="only you")
    assert told.get("error") == answered
    texts = [one["text"] for one in await slack.get("read", user="U7", channel="joint-acme")]
    assert ("only you" in texts) is seen
    reached = [one["content"]["text"] for one in await slack.get("reached", user="U7") if one["kind"] == "ephemeral"]
    assert reached == ["only you"] * seen
    await slack.api("chat.postEphemeral", channel="C1", user="U1", text="only us")
    assert "only us" in [one["text"] for one in await slack.get("read", user="U1", channel="joint-acme")]


async def test_the_home_of_an_outsider_is_taken_and_perhaps_not_shown(slack):
    view = {"type": "home", "blocks": [{"type": "section", "text": plain("Yours")}]}
    assert (await slack.api("views.publish", user_id="U7", view=view))["ok"]
    assert (await slack.post("home", user="U7"))["view"] is None
    hidden = (await slack.get("reached", user="U7"))[-1]
    assert (hidden["kind"], hidden["shown"]) == ("home", False)
    await slack.post("switches", outsiders_home=True)
    assert (await slack.post("home", user="U7"))["view"]["blocks"][0]["text"]["text"] == "Yours"


async def test_a_form_of_an_outsider_may_call_itself_theirs(slack, bot):
    for theirs in (False, True):
        await slack.post("switches", outsiders_views=theirs)
        await open_form(slack)
        assert (await slack.post("submit", user="U7", values={"what": "call"}))["result"] == "closed"
        await until(lambda: len([one for one in bot.heard if one.get("type") == "view_submission"]) == 1)
        sent = next(one for one in bot.heard if one.get("type") == "view_submission")
        bot.heard.clear()
        whose = "T0ACME" if theirs else "T0HOME"
        assert (sent["team"]["id"], sent["view"]["team_id"]) == (whose, whose)
        assert sent["view"]["app_installed_team_id"] == "T0HOME"
        assert sent["user"]["team_id"] == "T0ACME"


async def test_switches_are_refused_in_words(slack):
    assert "no switch 'colour'" in (await slack.post("switches", colour=True))["error"]
    assert "shown, silent, refused" in (await slack.post("switches", outsiders_ephemerals=True))["error"]
    wrong = await slack.post("switches", outsiders_home=True, outsiders_forms="no")
    assert "true or false" in wrong["error"]
    assert (await slack.get("switches"))["switches"]["outsiders_home"] is False, "all or nothing"


async def test_who_wrote_something_may_change_it_and_take_it_away(slack):
    raw = await RawSocket(slack).open()
    said = await slack.post("message", user="U7", text="a <b>")
    assert (await slack.post("edit", user="U7", ts=said["ts"], text="b & c"))["updated"][0]["text"] == "b &amp; c"
    refused = await slack.post("edit", user="U1", channel="C1", ts=await card(slack), text="x")
    assert "did not write" in refused["error"]
    assert (await slack.post("delete", user="U7", ts=said["ts"]))["ok"]
    assert await slack.get("inbox", user="U7") == []
    await until(lambda: len([one for one in raw.seen if one["payload"]["event"].get("subtype")]) == 2)
    told = {one["payload"]["event"].get("subtype", ""): one["payload"]["event"] for one in raw.seen}
    assert told["message_changed"]["previous_message"]["text"] == "a &lt;b&gt;"
    assert told["message_changed"]["message"]["user_team"] == "T0ACME"
    assert (told["message_deleted"]["deleted_ts"], told["message_deleted"]["hidden"]) == (said["ts"], True)
    await raw.close()


# deliveries of one's own


@pytest.fixture
async def posted(launch, bots):
    """A local Slack whose bot listens over HTTP."""
    port = free_port()
    driver = await launch(TWO, ack_seconds=0.8, deliver="http", bot_url=f"http://127.0.0.1:{port}")
    made = bots(driver)
    await made.listen(port)
    return driver, made


@pytest.mark.parametrize(("signature", "status", "heard"), [
    ("right", 200, 1), ("wrong", 401, 0), ("missing", 401, 0), ("old", 401, 0), ("tampered", 401, 0), ("replayed", 200, 2),
])  # fmt: skip
async def test_a_delivery_is_signed_as_one_likes(posted, signature, status, heard):
    slack, bot = posted
    done = await slack.post("deliver", kind="interaction", payload=FORGED, signature=signature)
    assert (done["status"], done["acked"]) == (status, status == 200)
    assert [one for one in bot.heard if one == FORGED] == [FORGED] * heard
    wire = await slack.get("log", kind="http")
    assert len(wire) == max(heard, 1)
    assert {one["request"]["signature"] for one in wire} == {signature}


async def test_a_request_is_sent_again_byte_for_byte(posted):
    slack, bot = posted
    ts = await card(slack)
    await slack.post("click", user="U7", channel="C1", ts=ts, action_id="quiet")
    wire = next(one for one in await slack.get("log", kind="http") if one["method"] == "interactive")
    done = await slack.post("replay", n=wire["n"])
    assert (done["status"], done["acked"]) == (200, True)
    clicks = [one for one in bot.heard if one.get("type") == "block_actions"]
    assert len(clicks) == 2
    assert clicks[0] == clicks[1]


async def test_events_and_commands_can_be_forged_too(posted):
    slack, bot = posted
    event = {"type": "event_callback", "event_id": "Ev1", "event": {"type": "message", "text": "raw"}}
    for kind, payload in (("event", event), ("command", {"command": "/cadence", "team_id": "T0ACME"})):
        assert (await slack.post("deliver", kind=kind, payload=payload, signature="wrong"))["status"] == 401
        assert not bot.heard
    assert (await slack.post("deliver", kind="event", payload=event, signature="right"))["acked"]
    assert bot.heard == [event]


async def test_a_bot_on_sockets_can_be_knocked_at_over_http(launch, bots):
    port = free_port()
    slack = await launch(TWO, bot_url=f"http://127.0.0.1:{port}")
    bot = bots(slack)
    await bot.connect()
    nobody = await slack.post("deliver", kind="interaction", payload=FORGED, over="http")
    assert (nobody["acked"], nobody["status"], nobody["error"]) == (False, 0, "dispatch_failed")
    assert (await slack.post("deliver", kind="interaction", payload=FORGED, over="socket"))["acked"]
    assert bot.heard == [FORGED]
    for wrong, words in (
        ({"over": "socket", "signature": "wrong"}, "carry no signature"),
        ({"over": "pigeon"}, "socket or http"),
        ({"signature": "blue"}, "right, wrong, missing"),
    ):
        assert words in (await slack.post("deliver", kind="interaction", payload=FORGED, **wrong))["error"]


async def test_without_an_address_there_is_nothing_to_post_to(slack):
    assert "bot_url" in (await slack.post("deliver", kind="interaction", payload=FORGED, over="http"))["error"]


async def test_a_bot_on_http_has_no_socket(posted):
    slack, _ = posted
    for kind, payload in (("interaction", FORGED), ("event", {"type": "event_callback", "event": {"type": "message"}})):
        done = await slack.post("deliver", kind=kind, payload=payload, over="socket")
        assert done["error"] == "dispatch_failed"


# what reached them


async def test_what_reached_another_company_is_kept_with_all_it_ever_said(slack):
    posted = await slack.api(
        "chat.postMessage", channel="C1", text="first", metadata={"event_type": "k", "event_payload": {"a": 1}}
    )
    await slack.api("chat.update", channel="C1", ts=posted["ts"], text="second")
    await slack.api("chat.postMessage", channel="C2", text="ours alone")
    await slack.api("chat.postMessage", channel="U1", text="ours alone too")
    dm = await slack.api("chat.postMessage", channel="U7", text="to Cora")
    assert dm["ok"]
    rows = [one for one in await slack.get("reached", team="T0ACME") if one["kind"] in ("message", "edit")]
    assert [(one["kind"], one["content"]["text"]) for one in rows] == [
        ("message", "first"), ("edit", "second"), ("message", "to Cora"),
    ]  # fmt: skip
    assert rows[0]["content"]["metadata"]["event_payload"] == {"a": 1}
    assert rows[1]["content"]["before"]["text"] == "first"
    assert (rows[0]["channel"], rows[0]["channel_name"], rows[0]["teams"], rows[0]["by_app"]) == (
        "C1", "joint-acme", ["T0ACME"], True,
    )  # fmt: skip
    assert await slack.get("reached", team="T0BETA") == []
    later = await slack.get("reached", since=rows[1]["n"])
    assert [one["n"] for one in later] == [rows[2]["n"]]
    assert {one["channel"] for one in await slack.get("reached", channel="joint-acme")} == {"C1"}
    assert [one["kind"] for one in await slack.get("reached", user="U8")] == []


async def test_who_comes_later_sees_what_stood_there(slack):
    await slack.api("chat.postMessage", channel="C2", text="before they came")
    await slack.post("admin/share", channel="plans", team="T0BETA")
    rows = await slack.get("reached", team="T0BETA")
    assert [(one["kind"], one["before_share"]) for one in rows] == [("channel", False), ("message", True)]
    assert rows[0]["content"]["name"] == "plans"
    assert await slack.get("reached", team="E0BETA") == rows, "by the organisation too"
    await slack.post("admin/rename", channel="plans", name="plans-acme")
    assert (await slack.get("reached", team="T0BETA"))[-1]["content"]["name"] == "plans-acme"
    await slack.post("admin/unshare", channel="plans-acme", team="T0BETA")
    await slack.api("chat.postMessage", channel="C2", text="after they left")
    assert len(await slack.get("reached", team="T0BETA")) == 3, "nothing is taken out, nothing comes after"


async def test_a_guest_is_outside_too(slack):
    await slack.api("chat.postMessage", channel="C2", text="before")
    await slack.post("admin/invite", channel="plans", user="U2")
    await slack.api("chat.postMessage", channel="C2", text="after")
    rows = [one for one in await slack.get("reached", user="U2") if one["kind"] == "message"]
    assert [(one["content"]["text"], one["before_join"], one["teams"]) for one in rows] == [
        ("before", True, []), ("after", False, []),
    ]  # fmt: skip


async def test_a_guest_whom_the_app_brings_in_reads_what_stood_there(slack):
    await slack.api("chat.postMessage", channel="C2", text="before")
    assert (await slack.api("conversations.invite", channel="C2", users="U2"))["ok"]
    await slack.post("admin/kick", channel="plans", user="U2")
    rows = [one for one in await slack.get("reached", user="U2") if one["kind"] == "message"]
    assert [(one["content"]["text"], one["before_join"]) for one in rows] == [("before", True)]


async def test_files_come_with_their_bytes(slack):
    await slack.post("upload", user="U1", channel="joint-acme", files=[{"name": "plan.csv", "text": "a;b\n1;2\n"}])
    file = next(one for one in await slack.get("reached", team="T0ACME") if one["kind"] == "file")
    assert (file["content"]["name"], file["content"]["mimetype"]) == ("plan.csv", "text/csv")
    assert base64.b64decode(file["content"]["base64"]) == b"a;b\n1;2\n"


async def test_forms_options_and_errors_reach_the_one_they_are_for(slack, bot):
    select = {"type": "external_select", "action_id": "pick", "min_query_length": 0}
    block = {"type": "input", "block_id": "what", "label": plain("Deal"), "element": select}
    await open_form(slack, blocks=[block])
    await slack.post("suggest", user="U7", block_id="what", value="pump")
    await open_form(slack)
    await slack.post("submit", user="U7", values={"what": "errors"})
    await slack.post("close", user="U7")
    await open_form(slack)
    await slack.post("submit", user="U7", values={"what": "update"})
    rows = [one for one in await slack.get("reached", user="U7") if one["kind"] != "channel"]
    assert [one["kind"] for one in rows] == ["view", "options", "view", "errors", "view", "view"]
    assert [one["content"]["how"] for one in rows if one["kind"] == "view"] == ["opened", "opened", "opened", "updated"]
    assert rows[1]["content"]["options"][0]["text"]["text"] == "Pumps · Acme"
    assert rows[3]["content"]["errors"] == {"what": "Say more."}
    assert rows[0]["teams"] == ["T0ACME"]


async def test_an_answer_over_a_response_address_reaches_whom_it_is_shown_to(slack, bot):
    ts = await card(slack)
    await slack.post("click", user="U7", channel="C1", ts=ts, action_id="quiet")
    row = (await slack.get("reached", user="U7"))[-1]
    assert (row["kind"], row["content"]["text"], row["users"]) == ("ephemeral", "Only you see this.", ["U7"])
