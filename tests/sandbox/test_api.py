"""What the Web API does when it accepts: messages, threads, views, response URLs, and faults on request."""

import asyncio

from tests.sandbox.support import CARD, WEDNESDAY, form, mrkdwn, plain

SECTION = [{"type": "section", "text": mrkdwn("hi")}]


async def test_tokens(slack):
    assert (await slack.api("auth.test", token=""))["error"] == "not_authed"
    assert (await slack.api("auth.test", token="xoxb-other"))["error"] == "invalid_auth"
    assert (await slack.api("apps.connections.open"))["error"] == "not_allowed_token_type"
    opened = await slack.api("apps.connections.open", token="xapp-local")
    assert opened["url"].startswith("ws://127.0.0.1:")
    assert "xoxb" not in str(await slack.get("log"))


async def test_the_granted_scopes_stand_in_a_header_for_whoever_has_a_token(slack):
    async def said(method, token, **args):
        headers = {"Authorization": f"Bearer {token}"}
        async with slack.session.post(slack.sandbox.api_url + method, data=args, headers=headers) as answer:
            return answer.headers.get("X-OAuth-Scopes")

    granted = ",".join(sorted(slack.sandbox.world.manifest.scopes))
    assert "chat:write" in granted
    assert await said("auth.test", "xoxb-local") == granted
    assert await said("chat.postMessage", "xoxb-local", channel="C404") == granted
    assert await said("apps.connections.open", "xapp-local") == "connections:write"
    for method, token in (("auth.test", "xoxb-other"), ("auth.test", "xapp-local"), ("nothing.here", "xoxb-local")):
        assert await said(method, token) is None


async def test_forms_and_json_are_the_same(slack):
    args = {"token": "xoxb-local", "channel": "C1", "blocks": '[{"type":"divider"}]', "text": "hi"}
    async with slack.session.post(slack.sandbox.api_url + "chat.postMessage", data=args) as answer:
        body = await answer.json()
    assert body["message"]["blocks"][0]["type"] == "divider"
    assert body["message"]["blocks"][0]["block_id"]
    assert "token" not in (await slack.get("log"))[-1]["request"]


async def test_a_ts_is_new_and_later_even_when_time_stands_still(slack):
    stamps = [(await slack.api("chat.postMessage", channel="C1", text="x"))["ts"] for _ in range(5)]
    assert stamps == sorted(set(stamps))
    assert all(int(float(ts)) == int(WEDNESDAY.timestamp()) for ts in stamps)


async def test_history_pages_and_windows(slack):
    stamps = [(await slack.api("chat.postMessage", channel="C1", text=f"m{n}"))["ts"] for n in range(5)]
    first = await slack.api("conversations.history", channel="C1", limit=2)
    assert [one["text"] for one in first["messages"]] == ["m4", "m3"]
    second = await slack.api(
        "conversations.history", channel="C1", limit=2, cursor=first["response_metadata"]["next_cursor"]
    )
    assert [one["text"] for one in second["messages"]] == ["m2", "m1"]
    window = await slack.api("conversations.history", channel="C1", oldest=stamps[1], latest=stamps[3])
    assert [one["text"] for one in window["messages"]] == ["m2"]
    ends = await slack.api("conversations.history", channel="C1", oldest=stamps[1], latest=stamps[3], inclusive=True)
    assert [one["text"] for one in ends["messages"]] == ["m3", "m2", "m1"]


async def test_replies_stand_in_their_thread_only(slack):
    root = (await slack.api("chat.postMessage", channel="C1", text="root"))["ts"]
    for n in range(3):
        await slack.api("chat.postMessage", channel="C1", text=f"r{n}", thread_ts=root)
    history = await slack.api("conversations.history", channel="C1")
    assert [(one["text"], one["reply_count"]) for one in history["messages"]] == [("root", 3)]
    thread = await slack.api("conversations.replies", channel="C1", ts=root, limit=2)
    assert [one["text"] for one in thread["messages"]] == ["root", "r0"]
    rest = await slack.api(
        "conversations.replies", channel="C1", ts=root, cursor=thread["response_metadata"]["next_cursor"]
    )
    assert [one["text"] for one in rest["messages"]] == ["r1", "r2"]


async def test_metadata_is_hidden_unless_asked_for(slack):
    metadata = {"event_type": "outbox", "event_payload": {"key": "k1"}}
    await slack.api("chat.postMessage", channel="C1", text="x", metadata=metadata)
    hidden = await slack.api("conversations.history", channel="C1")
    assert "event_payload" not in hidden["messages"][0].get("metadata", {})
    shown = await slack.api("conversations.history", channel="C1", include_all_metadata=True)
    assert shown["messages"][0]["metadata"] == metadata
    assert (await slack.get("messages", channel="acme"))[0]["metadata"] == metadata


async def test_updates(slack):
    metadata = {"event_type": "outbox", "event_payload": {"key": "k1"}}
    posted = await slack.api("chat.postMessage", channel="C1", text="x", blocks=CARD, metadata=metadata)
    here = {"channel": "C1", "ts": posted["ts"]}
    assert (await slack.api("chat.update", text="y" * 4000, **here))["ok"]
    assert (await slack.api("chat.update", text="y" * 4001, **here))["error"] == "msg_too_long"
    assert (await slack.api("chat.update", **here))["error"] == "no_text"
    stored = (await slack.get("messages", channel="C1"))[0]
    assert (stored["blocks"], stored["metadata"], stored["edited_count"]) == ([], metadata, 1)
    assert stored["history"][0]["blocks"][0]["type"] == "section"
    await slack.api("chat.update", text="z", metadata={}, **here)
    assert not (await slack.get("messages", channel="C1"))[0]["metadata"]
    theirs = await slack.post("message", user="U1", channel="C1", text="mine")
    refused = await slack.api("chat.update", channel="C1", ts=theirs["ts"], text="x")
    assert refused["error"] == "cant_update_message"
    hidden = await slack.api("chat.postEphemeral", channel="C1", user="U1", text="x")
    refused = await slack.api("chat.update", channel="C1", ts=hidden["message_ts"], text="x")
    assert refused["error"] == "message_not_found"


async def test_long_texts_are_cut_and_blocks_alone_have_no_text(slack):
    cut = await slack.api("chat.postMessage", channel="C1", text="x" * 40_001)
    assert len(cut["message"]["text"]) == 40_000
    alone = await slack.api("chat.postMessage", channel="C1", blocks=SECTION)
    assert alone["message"]["text"] == "This content can't be displayed."


async def test_mentions_are_interpreted_unless_escaped(slack):
    async def mentions(**args):
        await slack.api("chat.postMessage", channel="C1", **args)
        return (await slack.get("messages", channel="C1"))[-1]["mentions"]

    assert await mentions(text="<!channel> <@U1> <!subteam^S1>") == ["@channel", "@S1", "@U1"]
    assert await mentions(text="&lt;!channel&gt; @here") == []
    block = {"type": "section", "text": mrkdwn("@here")}
    assert await mentions(text="x", blocks=[block]) == ["@here"]
    assert await mentions(text="x", blocks=[{**block, "text": {**block["text"], "verbatim": True}}]) == []
    assert await mentions(text="x", blocks=[{"type": "section", "text": plain("<!channel>")}]) == []


async def test_people_of_other_companies_show_little(slack):
    listed = {one["id"] for one in (await slack.api("users.list"))["members"]}
    assert "U6" not in listed
    assert {"U1", "U4", "USLACKBOT"} <= listed
    everyone = {one["id"]: one for one in (await slack.get("state"))["users"]}
    assert everyone["U6"]["is_stranger"] is True
    assert "tz" not in everyone["U6"]
    assert everyone["U1"]["profile"]["email"] == "mira@example.com"


class Triggers:
    """Makes triggers as a person's client would, without a bot."""

    def __init__(self, slack):
        self.world = slack.sandbox.world

    def new(self, inside=None):
        return self.world.new_trigger("U1", inside).id


async def test_a_trigger_works_once_and_not_for_long(launch):
    slack = await launch(trigger_seconds=0.2)
    triggers = Triggers(slack)
    once = triggers.new()
    assert (await slack.api("views.open", trigger_id=once, view=form()))["ok"]
    assert (await slack.api("views.open", trigger_id=once, view=form()))["error"] == "exchanged_trigger_id"
    late = triggers.new()
    await asyncio.sleep(0.25)
    assert (await slack.api("views.open", trigger_id=late, view=form()))["error"] == "expired_trigger_id"


async def test_views_have_hashes_external_ids_and_a_depth(slack):
    triggers = Triggers(slack)
    view = (await slack.api("views.open", trigger_id=triggers.new(), view=form(external_id="one")))["view"]
    again = await slack.api("views.push", trigger_id=triggers.new(view["id"]), view=form(external_id="one"))
    assert again["error"] == "duplicate_external_id"
    outside = await slack.api("views.push", trigger_id=triggers.new(), view=form())
    assert outside["error"] == "not_found"
    stale = await slack.api("views.update", view_id=view["id"], hash="0.x", view=form())
    assert stale["error"] == "hash_conflict"
    fresh = await slack.api("views.update", external_id="one", hash=view["hash"], view=form(external_id="one"))
    assert fresh["ok"]
    assert fresh["view"]["hash"] != view["hash"]
    for expected in (True, True, False):
        pushed = await slack.api("views.push", trigger_id=triggers.new(view["id"]), view=form())
        assert pushed["ok"] is expected
    assert pushed["error"] == "push_limit_reached"
    large = form(private_metadata="x" * 260_000)
    assert (await slack.api("views.open", trigger_id=triggers.new(), view=large))["error"] == "view_too_large"
    bad = await slack.api("views.open", trigger_id=triggers.new(), view=form("x" * 25))
    assert bad["response_metadata"]["messages"] == [
        "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]"
    ]


async def test_a_response_url_is_good_for_five_answers(slack):
    world = slack.sandbox.world
    url = world.new_response_url("U1", "C1")
    for n in range(6):
        async with slack.session.post(url, json={"text": f"a{n}"}) as answer:
            assert answer.status == (200 if n < 5 else 404)
    async with slack.session.post(
        world.new_response_url("U1", "C2"), json={"text": "in", "response_type": "in_channel"}
    ) as answer:
        assert answer.status == 200
    assert (await slack.get("messages", channel="C2"))[-1]["ephemeral_to"] is None
    world.response_urls[url.rsplit("/", 1)[1]].born -= 1801
    async with slack.session.post(url, json={"text": "late"}) as answer:
        assert "expired_url" in await answer.text()


async def test_other_sites_are_kept_out(slack):
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
        async with slack.session.post(slack.sandbox.url + "/_local/message", json={}, headers=headers) as answer:
            assert answer.status == 403


async def answered(slack, url, **body):
    async with slack.session.post(url, json=body) as answer:
        return answer.status


async def test_an_answer_can_replace_or_take_away_what_was_pressed(slack):
    world = slack.sandbox.world
    metadata = {"event_type": "outbox", "event_payload": {"key": "k1"}}
    posted = await slack.api("chat.postMessage", channel="C1", text="card", blocks=CARD, metadata=metadata)
    url = world.new_response_url("U1", "C1", posted["ts"])
    assert await answered(slack, url, text="done", replace_original=True) == 200
    stored = (await slack.get("messages", channel="C1"))[0]
    assert (stored["text"], stored["blocks"], stored["metadata"]) == ("done", [], metadata)
    assert await answered(slack, url, text="beside", replace_original=False) == 200
    assert (await slack.get("messages", channel="C1"))[-1]["ephemeral_to"] == "U1"
    assert await answered(slack, url, delete_original=True) == 200
    first, beside = await slack.get("messages", channel="C1")
    assert (first["deleted"], beside["deleted"]) == (True, False)
    assert await answered(slack, url, text="x", blocks=[{"type": "nonsense"}]) == 400
    assert await answered(slack, url) == 400  # the fifth use; a refused one counts
    assert await answered(slack, url, text="one too many") == 404


async def test_an_answer_bypasses_membership_and_lasts_thirty_minutes(slack):
    world = slack.sandbox.world
    url = world.new_response_url("U1", "C2")
    assert await answered(slack, url, text="in", response_type="in_channel") == 200
    born = world.response_urls[url.rsplit("/", 1)[1]]
    born.born -= 1790
    assert await answered(slack, url, text="still") == 200
    born.born -= 11
    assert await answered(slack, url, text="late") == 404


async def test_blocks_and_elements_without_names_get_some(slack):
    element = {"type": "plain_text_input"}
    blocks = [
        {"type": "divider"},
        {"type": "section", "text": mrkdwn("x"), "accessory": {"type": "button", "text": plain("x")}},
        {"type": "actions", "elements": [{"type": "button", "text": plain("x")}]},
    ]
    message = (await slack.api("chat.postMessage", channel="C1", text="x", blocks=blocks))["message"]
    names = [one["block_id"] for one in message["blocks"]]
    assert len(set(names)) == 3
    assert all(names)
    assert message["blocks"][1]["accessory"]["action_id"]
    assert message["blocks"][2]["elements"][0]["action_id"]
    view = form(blocks=[{"type": "input", "label": plain("x"), "element": element}])
    opened = await slack.api("views.open", trigger_id=Triggers(slack).new(), view=view)
    block = opened["view"]["blocks"][0]
    assert opened["view"]["state"]["values"][block["block_id"]][block["element"]["action_id"]] == {
        "type": "plain_text_input", "value": None,
    }  # fmt: skip
