"""Every Web API method: what success looks like, and each refusal under its right name."""

import asyncio

import aiohttp
import pytest
import yaml

from tests.sandbox.support import CARD, MANIFEST, WEDNESDAY, form, mrkdwn, plain

SECTION = [{"type": "section", "text": mrkdwn("hi")}]
SUCCESSES = [
    ("auth.test", {}, {"user_id", "bot_id", "team_id", "team", "url"}),
    ("users.info", {"user": "U1"}, {"user"}),
    ("users.list", {"team_id": "T0LOCAL01"}, {"members", "cache_ts", "response_metadata"}),
    ("conversations.open", {"users": "U1"}, {"channel"}),
    ("conversations.info", {"channel": "C1"}, {"channel"}),
    ("conversations.list", {"types": "public_channel,private_channel"}, {"channels", "response_metadata"}),
    ("conversations.members", {"channel": "C1"}, {"members", "response_metadata"}),
    ("conversations.history", {"channel": "C1"}, {"messages", "has_more"}),
    ("chat.postMessage", {"channel": "C1", "text": "hi"}, {"channel", "ts", "message"}),
    ("chat.postMessage", {"channel": "#acme", "text": "hi"}, {"channel", "ts", "message"}),
    ("chat.postMessage", {"channel": "U1", "blocks": SECTION}, {"channel", "ts", "message"}),
    ("chat.postEphemeral", {"channel": "C1", "user": "U1", "text": "hi"}, {"message_ts"}),
    ("views.publish", {"user_id": "U1", "view": {"type": "home", "blocks": SECTION}}, {"view"}),
]
HI = {"text": "hi"}
REFUSALS = [
    ("nobody.knows", {}, "unknown_method"),
    ("users.info", {"user": "U404"}, "user_not_found"),
    ("conversations.info", {"channel": "C404"}, "channel_not_found"),
    ("conversations.info", {"channel": "C3"}, "channel_not_found"),
    ("conversations.list", {"types": "public"}, "invalid_types"),
    ("conversations.list", {"limit": 1001}, "invalid_limit"),
    ("conversations.list", {"cursor": "nonsense"}, "invalid_cursor"),
    ("conversations.history", {"channel": "C2"}, "not_in_channel"),
    ("conversations.history", {"channel": "C1", "oldest": "soon"}, "invalid_ts_oldest"),
    ("conversations.replies", {"channel": "C1", "ts": "1.1"}, "thread_not_found"),
    ("conversations.replies", {"channel": "C1"}, "invalid_arguments"),
    ("conversations.open", {}, "users_list_not_supplied"),
    ("conversations.open", {"users": "U404"}, "user_not_found"),
    ("conversations.open", {"users": "U4"}, "user_disabled"),
    ("conversations.open", {"users": "U5"}, "cannot_dm_bot"),
    ("conversations.open", {"users": "USLACKBOT"}, "cannot_dm_bot"),
    ("conversations.open", {"users": "U6"}, "user_not_visible"),
    ("chat.postMessage", HI, "invalid_arguments"),
    ("chat.postMessage", HI | {"channel": "C404"}, "channel_not_found"),
    ("chat.postMessage", HI | {"channel": "C2"}, "not_in_channel"),
    ("chat.postMessage", HI | {"channel": "C3"}, "channel_not_found"),
    ("chat.postMessage", HI | {"channel": "C4"}, "is_archived"),
    ("chat.postMessage", HI | {"channel": "U4"}, "user_disabled"),
    ("chat.postMessage", {"channel": "C1"}, "no_text"),
    ("chat.postMessage", {"channel": "C1", "text": " "}, "no_text"),
    ("chat.postMessage", {"channel": "C1", "blocks": "{"}, "invalid_blocks_format"),
    ("chat.postMessage", {"channel": "C1", "blocks": [{"type": "nonsense"}]}, "invalid_blocks"),
    ("chat.postMessage", HI | {"channel": "C1", "metadata": {"event_type": "x"}}, "invalid_metadata_format"),
    ("chat.postMessage", HI | {"channel": "C1", "thread_ts": "1.1"}, "thread_not_found"),
    ("chat.postEphemeral", HI | {"channel": "C1", "user": "U3"}, "user_not_in_channel"),
    ("chat.postEphemeral", HI | {"channel": "C1", "user": "U404"}, "user_not_found"),
    ("chat.postEphemeral", {"channel": "C1", "user": "U1"}, "no_text"),
    ("chat.update", HI | {"channel": "C1", "ts": "1.1"}, "message_not_found"),
    ("chat.update", HI | {"channel": "U1", "ts": "1.1"}, "channel_not_found"),
    ("chat.getPermalink", {"channel": "C1", "message_ts": "1.1"}, "message_not_found"),
    ("views.open", {"view": form()}, "invalid_arguments"),
    ("views.open", {"view": form(), "trigger_id": "1.2.3"}, "invalid_trigger_id"),
    ("views.push", {"view": form(), "trigger_id": "1.2.3"}, "invalid_trigger_id"),
    ("views.update", {"view": form(), "view_id": "V404"}, "not_found"),
    ("views.update", {"view": form()}, "invalid_arguments"),
    ("views.publish", {"user_id": "U404", "view": {"type": "home", "blocks": []}}, "invalid_arguments"),
    ("views.publish", {"user_id": "U1", "view": form()}, "invalid_arguments"),
    ("views.publish", {"user_id": "U1", "hash": "old", "view": {"type": "home", "blocks": []}}, "hash_conflict"),
]
SCOPES = [
    ("chat.postMessage", HI | {"channel": "C1"}, "chat:write"),
    ("users.info", {"user": "U1"}, "users:read"),
    ("users.list", {}, "users:read"),
    ("conversations.info", {"channel": "C5"}, "groups:read"),
    ("conversations.members", {"channel": "C1"}, "channels:read"),
    ("conversations.history", {"channel": "C1"}, "channels:history"),
    ("conversations.list", {"types": "private_channel"}, "groups:read"),
    ("conversations.open", {"users": "U1"}, "im:write"),
]


@pytest.mark.parametrize(("method", "args", "fields"), SUCCESSES)
async def test_success_has_its_shape(slack, method, args, fields):
    answer = await slack.api(method, **args)
    assert answer["ok"], answer
    assert fields <= answer.keys()


@pytest.mark.parametrize(("method", "args", "error"), REFUSALS)
async def test_refusals_have_their_names(slack, method, args, error):
    answer = await slack.api(method, **args)
    assert (answer["ok"], answer["error"]) == (False, error)
    assert (await slack.get("log", method=method))[-1]["error"] == error


@pytest.mark.parametrize(("method", "args", "scope"), SCOPES)
async def test_a_scope_that_the_manifest_forgot(launch, tmp_path, method, args, scope):
    manifest = yaml.safe_load(MANIFEST.read_text())
    manifest["oauth_config"]["scopes"]["bot"].remove(scope)
    path = tmp_path / "manifest.yml"
    path.write_text(yaml.safe_dump(manifest))
    slack = await launch(manifest=path)
    answer = await slack.api(method, **args)
    assert answer["error"] == "missing_scope"
    assert scope in answer["needed"].split(",")
    assert scope not in answer["provided"].split(",")


async def test_tokens(slack):
    assert (await slack.api("auth.test", token=""))["error"] == "not_authed"
    assert (await slack.api("auth.test", token="xoxb-other"))["error"] == "invalid_auth"
    assert (await slack.api("apps.connections.open"))["error"] == "not_allowed_token_type"
    opened = await slack.api("apps.connections.open", token="xapp-local")
    assert opened["url"].startswith("ws://127.0.0.1:")
    assert "xoxb" not in str(await slack.get("log"))


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


async def test_a_permalink_leads_to_the_message(slack):
    posted = await slack.api("chat.postMessage", channel="C1", text="x")
    link = (await slack.api("chat.getPermalink", channel="C1", message_ts=posted["ts"]))["permalink"]
    async with slack.session.get(link) as answer:
        assert answer.status == 200


async def test_people_of_other_companies_show_little(slack):
    listed = {one["id"] for one in (await slack.api("users.list"))["members"]}
    assert "U6" not in listed
    assert {"U1", "U4", "USLACKBOT"} <= listed
    stranger = (await slack.api("users.info", user="U6"))["user"]
    assert stranger["is_stranger"] is True
    assert "tz" not in stranger
    assert (await slack.api("users.info", user="U1"))["user"]["profile"]["email"] == "mira@example.com"


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


FAULTS = [
    ({"kind": "error", "error": "fatal_error"}, 200, "fatal_error"),
    ({"kind": "ratelimited", "retry_after": 7}, 429, "ratelimited"),
    ({"kind": "http_500"}, 500, None),
]


@pytest.mark.parametrize(("rule", "status", "error"), FAULTS)
async def test_told_to_fail_once(slack, rule, status, error):
    await slack.post("faults", [{**rule, "method": "chat.postMessage", "channel": "C1", "skip": 1}])
    url, headers = slack.sandbox.api_url + "chat.postMessage", {"Authorization": "Bearer xoxb-local"}
    seen = []
    for _ in range(3):
        async with slack.session.post(url, json={"channel": "C1", "text": "x"}, headers=headers) as answer:
            seen.append(answer.status)
            if answer.status == 429:
                assert answer.headers["Retry-After"] == "7"
            if answer.status == status and len(seen) == 2 and error:
                assert (await answer.json())["error"] == error
    assert seen == [200, status, 200]
    assert len(await slack.get("messages", channel="C1")) == 2


async def test_a_lost_reply_has_posted_once(slack):
    await slack.post("faults", [{"kind": "lose_reply", "method": "chat.postMessage"}])
    with pytest.raises(aiohttp.ClientError):
        await slack.api("chat.postMessage", channel="C1", text="x")
    assert len(await slack.get("messages", channel="C1")) == 1
    assert (await slack.get("log", method="chat.postMessage"))[0]["response"]["reply"] == "lost"


async def test_faults_by_chance_repeat_with_their_seed_and_can_be_cleared(slack):
    async def run():
        await slack.post(
            "faults", [{"kind": "error", "method": "auth.test", "probability": 0.5, "seed": 3, "count": 99}]
        )
        seen = [(await slack.api("auth.test"))["ok"] for _ in range(20)]
        async with slack.session.delete(slack.sandbox.url + "/_local/faults") as answer:
            assert (await answer.json())["faults"] == []
        return seen

    first = await run()
    assert {True, False} == set(first)
    assert await run() == first
    assert "no fault is called" in (await slack.post("faults", [{"kind": "nonsense"}]))["error"]


async def test_rate_limits_follow_business_time(launch):
    slack = await launch(rate_limits=True)
    url, headers = slack.sandbox.api_url + "chat.postMessage", {"Authorization": "Bearer xoxb-local"}
    for n in range(11):
        async with slack.session.post(url, json={"channel": "C1", "text": "x"}, headers=headers) as answer:
            assert answer.status == (200 if n < 10 else 429)
    assert answer.headers["Retry-After"] == "1"
    assert (await slack.api("chat.postMessage", channel="C5", text="x"))["ok"]
    await slack.post("clock/to", at="2026-11-25T10:00:02+00:00")
    assert (await slack.api("chat.postMessage", channel="C1", text="x"))["ok"]


async def test_the_driver_explains_itself(slack):
    assert any("POST command" in line for line in (await slack.get(""))["interface"])


async def test_a_dropped_request_did_nothing(slack):
    await slack.post("faults", [{"kind": "drop", "method": "chat.postMessage"}])
    with pytest.raises(aiohttp.ClientError):
        await slack.api("chat.postMessage", channel="C1", text="x")
    assert await slack.get("messages", channel="C1") == []
