"""Every Web API method: what success looks like, and each refusal under its right name."""

from dataclasses import dataclass, field

import pytest

from bot.sandbox.api.dispatch import methods
from tests.sandbox.support import form, manifest_with, mrkdwn, plain

FILES = ("files:read", "files:write")
SECTION = [{"type": "section", "text": mrkdwn("hi")}]
HOME = {"type": "home", "blocks": SECTION}
HI = {"text": "hi"}
NAMED = [
    "invalid_blocks", "msg_too_long", "expired_trigger_id", "exchanged_trigger_id", "push_limit_reached",
    "hash_conflict", "view_too_large", "duplicate_external_id", "missing_scope", "not_in_channel", "channel_not_found",
    "is_archived", "user_not_found", "ratelimited",
]  # fmt: skip
"""The errors a bot must be able to meet before it meets the real Slack."""


@pytest.fixture
async def slack(launch, tmp_path):
    return await launch(manifest=manifest_with(tmp_path, add=FILES))


# what some calls need to be there


def trigger(slack, inside=None, age=0.0, user="U1"):
    made = slack.sandbox.world.new_trigger(user, inside)
    made.born -= age
    return made.id


async def opened(slack, **more):
    return (await slack.api("views.open", trigger_id=trigger(slack), view=form(**more)))["view"]


async def posted(slack, channel="C1", **more):
    return (await slack.api("chat.postMessage", channel=channel, **{**HI, **more}))["ts"]


async def uploaded(slack, data=b"a,b\n", send=True):
    begun = await slack.api("files.getUploadURLExternal", filename="note.csv", length=len(data))
    if send:
        async with slack.session.post(begun["upload_url"], data=data) as answer:
            assert answer.status == 200
    return begun["file_id"]


async def spent_trigger(slack):
    one = trigger(slack)
    assert (await slack.api("views.open", trigger_id=one, view=form()))["ok"]
    return {"trigger_id": one, "view": form()}


async def full_stack(slack):
    view = await opened(slack)
    for _ in range(2):
        assert (await slack.api("views.push", trigger_id=trigger(slack, view["id"]), view=form()))["ok"]
    return {"trigger_id": trigger(slack, view["id"]), "view": form()}


async def taken_name(slack):
    await opened(slack, external_id="one")
    return {"trigger_id": trigger(slack), "view": form(external_id="one")}


async def taken_name_pushed(slack):
    view = await opened(slack, external_id="one")
    return {"trigger_id": trigger(slack, view["id"]), "view": form(external_id="one")}


async def taken_name_published(slack):
    await opened(slack, external_id="one")
    return {"user_id": "U1", "view": HOME | {"external_id": "one"}}


async def taken_name_updated(slack):
    view = await opened(slack)
    await slack.api("views.publish", user_id="U1", view=HOME | {"external_id": "one"})
    return {"view_id": view["id"], "view": form(external_id="one")}


async def stale_view(slack):
    return {"view_id": (await opened(slack))["id"], "hash": "0.old", "view": form()}


async def large_update(slack):
    return {"view_id": (await opened(slack))["id"], "view": form(private_metadata="x" * 260_000)}


async def theirs(slack):
    return HI | {"channel": "C1", "ts": (await slack.post("message", user="U1", channel="C1", text="mine"))["ts"]}


async def hidden(slack):
    shown = await slack.api("chat.postEphemeral", channel="C1", user="U1", text="x")
    return HI | {"channel": "C1", "ts": shown["message_ts"]}


async def long_edit(slack):
    return {"channel": "C1", "ts": await posted(slack), "text": "x" * 4001}


async def bad_edit(slack):
    return HI | {"channel": "C1", "ts": await posted(slack), "blocks": [{"type": "nonsense"}]}


async def empty_edit(slack):
    return {"channel": "C1", "ts": await posted(slack)}


async def one_file(slack, **more):
    return {"files": [{"id": await uploaded(slack), "title": "Note"}]} | more


async def refused(slack, method, **args):
    """The arguments, once the limit of the method is reached."""
    for _ in range(1000):
        if not (await slack.api(method, **args))["ok"]:
            return args
    raise AssertionError(f"{method} has no limit")


async def too_many_posts(slack):
    return await refused(slack, "chat.postMessage", channel="C1", **HI)


async def too_many_edits(slack):
    return await refused(slack, "chat.update", channel="C1", ts=await posted(slack), **HI)


async def too_many_notices(slack):
    return await refused(slack, "chat.postEphemeral", channel="C1", user="U1", **HI)


async def someone_elses_file(slack):
    shared = await slack.post("upload", user="U1", channel="secret", files=[{"name": "a.txt", "text": "x"}])
    return {"file": shared["files"][0]["id"]}


async def reply_args(slack):
    return {"channel": "C1", "ts": await posted(slack)}


async def edit_args(slack):
    return HI | await reply_args(slack)


async def open_args(slack):
    return {"trigger_id": trigger(slack), "view": form()}


async def push_args(slack):
    return {"trigger_id": trigger(slack, (await opened(slack))["id"]), "view": form()}


async def update_args(slack):
    view = await opened(slack)
    return {"view_id": view["id"], "hash": view["hash"], "view": form()}


async def info_args(slack):
    done = await slack.api("files.completeUploadExternal", **await one_file(slack))
    return {"file": done["files"][0]["id"]}


async def unsent(slack):
    return {"files": [{"id": await uploaded(slack, send=False)}]}


@dataclass(frozen=True)
class Row:
    """One refusal: `args` are given, or made by a function of the local Slack."""

    method: str
    error: str
    args: object = field(default_factory=dict)
    token: str = "xoxb-local"

    def __str__(self):
        return f"{self.method}-{self.error}"


SUCCESSES = [
    ("auth.test", {}, {"user_id", "bot_id", "team_id", "team", "url"}),
    ("users.list", {"team_id": "T0LOCAL01"}, {"members", "cache_ts", "response_metadata"}),
    ("users.info", {"user": "U1"}, {"user"}),
    ("conversations.create", {"name": "partner-beta", "is_private": True}, {"channel"}),
    ("conversations.invite", {"channel": "C5", "users": "U2"}, {"channel"}),
    ("conversations.open", {"users": "U1"}, {"channel"}),
    ("conversations.info", {"channel": "C1"}, {"channel"}),
    ("conversations.list", {"types": "public_channel,private_channel"}, {"channels", "response_metadata"}),
    ("conversations.members", {"channel": "C1"}, {"members", "response_metadata"}),
    ("conversations.history", {"channel": "C1"}, {"messages", "has_more"}),
    ("conversations.replies", reply_args, {"messages", "has_more"}),
    ("chat.postMessage", {"channel": "C1", "text": "hi"}, {"channel", "ts", "message"}),
    ("chat.postMessage", {"channel": "#acme", "text": "hi"}, {"channel", "ts", "message"}),
    ("chat.postMessage", {"channel": "U1", "blocks": SECTION}, {"channel", "ts", "message"}),
    ("chat.update", edit_args, {"channel", "ts", "text", "message"}),
    ("chat.postEphemeral", {"channel": "C1", "user": "U1", "text": "hi"}, {"message_ts"}),
    ("views.open", open_args, {"view"}),
    ("views.push", push_args, {"view"}),
    ("views.update", update_args, {"view"}),
    ("views.publish", {"user_id": "U1", "view": HOME}, {"view"}),
    ("files.getUploadURLExternal", {"filename": "note.csv", "length": 4}, {"upload_url", "file_id"}),
    ("files.completeUploadExternal", one_file, {"files"}),
    ("files.info", info_args, {"file"}),
]


REFUSALS = [
    Row("nobody.knows", "unknown_method"),
    Row("auth.test", "not_authed", token=""),
    Row("auth.test", "invalid_auth", token="xoxb-other"),
    Row("auth.test", "not_allowed_token_type", token="xapp-local"),
    Row("apps.connections.open", "not_authed", token=""),
    Row("apps.connections.open", "invalid_auth", token="xapp-other"),
    Row("apps.connections.open", "not_allowed_token_type"),
    Row("users.list", "invalid_limit", {"limit": 0}),
    Row("users.list", "invalid_cursor", {"cursor": "nonsense"}),
    Row("users.info", "user_not_found", {"user": "U404"}),
    Row("conversations.create", "invalid_name_required"),
    Row("conversations.create", "invalid_name_maxlength", {"name": "x" * 81}),
    Row("conversations.create", "invalid_name_punctuation", {"name": "-_-"}),
    Row("conversations.create", "invalid_name_specials", {"name": "Partner-Acme"}),
    Row("conversations.create", "invalid_name_specials", {"name": "partner acme"}),
    Row("conversations.create", "invalid_name_specials", {"name": "partner.acme"}),
    Row("conversations.create", "name_taken", {"name": "acme"}),
    Row("conversations.create", "name_taken", {"name": "secret", "is_private": True}),
    Row("conversations.create", "name_taken", {"name": "old"}),
    Row("conversations.invite", "channel_not_found", {"channel": "C3", "users": "U2"}),
    Row("conversations.invite", "not_in_channel", {"channel": "C2", "users": "U2"}),
    Row("conversations.invite", "is_archived", {"channel": "C4", "users": "U2"}),
    Row("conversations.invite", "no_user", {"channel": "C1"}),
    Row("conversations.invite", "user_not_found", {"channel": "C1", "users": "U404"}),
    Row("conversations.invite", "user_not_found", {"channel": "C1", "users": "U6"}),
    Row("conversations.invite", "cant_invite_self", {"channel": "C1", "users": "U0CADENCE"}),
    Row("conversations.invite", "already_in_channel", {"channel": "C1", "users": "U1"}),
    Row("conversations.invite", "cant_invite", {"channel": "C1", "users": "U4"}),
    Row("conversations.invite", "too_many_users", {"channel": "C1", "users": ",".join(f"U{n}" for n in range(1001))}),
    Row("conversations.info", "channel_not_found", {"channel": "C404"}),
    Row("conversations.info", "channel_not_found", {"channel": "C3"}),
    Row("conversations.list", "invalid_types", {"types": "public"}),
    Row("conversations.list", "invalid_limit", {"limit": 1001}),
    Row("conversations.list", "invalid_cursor", {"cursor": "nonsense"}),
    Row("conversations.members", "channel_not_found", {"channel": "C3"}),
    Row("conversations.members", "invalid_limit", {"channel": "C1", "limit": 1001}),
    Row("conversations.members", "invalid_cursor", {"channel": "C1", "cursor": "nonsense"}),
    Row("conversations.history", "channel_not_found", {"channel": "C404"}),
    Row("conversations.history", "not_in_channel", {"channel": "C2"}),
    Row("conversations.history", "invalid_ts_oldest", {"channel": "C1", "oldest": "soon"}),
    Row("conversations.history", "invalid_ts_latest", {"channel": "C1", "latest": "soon"}),
    Row("conversations.history", "invalid_limit", {"channel": "C1", "limit": 1000}),
    Row("conversations.replies", "thread_not_found", {"channel": "C1", "ts": "1.1"}),
    Row("conversations.replies", "invalid_arguments", {"channel": "C1"}),
    Row("conversations.replies", "not_in_channel", {"channel": "C2", "ts": "1.1"}),
    Row("conversations.open", "users_list_not_supplied"),
    Row("conversations.open", "channel_not_found", {"channel": "D404"}),
    Row("conversations.open", "user_not_found", {"users": "U404"}),
    Row("conversations.open", "user_disabled", {"users": "U4"}),
    Row("conversations.open", "cannot_dm_bot", {"users": "U5"}),
    Row("conversations.open", "cannot_dm_bot", {"users": "USLACKBOT"}),
    Row("conversations.open", "user_not_visible", {"users": "U6"}),
    Row("chat.postMessage", "invalid_arguments", HI),
    Row("chat.postMessage", "channel_not_found", HI | {"channel": "C404"}),
    Row("chat.postMessage", "channel_not_found", HI | {"channel": "C3"}),
    Row("chat.postMessage", "channel_not_found", HI | {"channel": "#nowhere"}),
    Row("chat.postMessage", "not_in_channel", HI | {"channel": "C2"}),
    Row("chat.postMessage", "is_archived", HI | {"channel": "C4"}),
    Row("chat.postMessage", "user_disabled", HI | {"channel": "U4"}),
    Row("chat.postMessage", "no_text", {"channel": "C1"}),
    Row("chat.postMessage", "no_text", {"channel": "C1", "text": " "}),
    Row("chat.postMessage", "msg_too_long", {"channel": "C1", "markdown_text": "x" * 12_001}),
    Row("chat.postMessage", "markdown_text_conflict", HI | {"channel": "C1", "markdown_text": "x"}),
    Row("chat.postMessage", "invalid_blocks_format", {"channel": "C1", "blocks": "{"}),
    Row("chat.postMessage", "invalid_blocks", {"channel": "C1", "blocks": [{"type": "nonsense"}]}),
    Row("chat.postMessage", "invalid_metadata_format", HI | {"channel": "C1", "metadata": {"event_type": "x"}}),
    Row("chat.postMessage", "invalid_metadata_schema", HI | {
        "channel": "C1", "metadata": {"event_type": "x", "event_payload": {"a": {"b": {"c": 1}}}}
    }),
    Row("chat.postMessage", "thread_not_found", HI | {"channel": "C1", "thread_ts": "1.1"}),
    Row("chat.postMessage", "ratelimited", too_many_posts),
    Row("chat.postEphemeral", "user_not_in_channel", HI | {"channel": "C1", "user": "U3"}),
    Row("chat.postEphemeral", "user_not_found", HI | {"channel": "C1", "user": "U404"}),
    Row("chat.postEphemeral", "channel_not_found", HI | {"channel": "C404", "user": "U1"}),
    Row("chat.postEphemeral", "not_in_channel", HI | {"channel": "C2", "user": "U1"}),
    Row("chat.postEphemeral", "is_archived", HI | {"channel": "C4", "user": "U1"}),
    Row("chat.postEphemeral", "no_text", {"channel": "C1", "user": "U1"}),
    Row("chat.postEphemeral", "invalid_blocks", {"channel": "C1", "user": "U1", "blocks": [{"type": "nonsense"}]}),
    Row("chat.postEphemeral", "ratelimited", too_many_notices),
    Row("chat.update", "message_not_found", HI | {"channel": "C1", "ts": "1.1"}),
    Row("chat.update", "message_not_found", hidden),
    Row("chat.update", "cant_update_message", theirs),
    Row("chat.update", "channel_not_found", HI | {"channel": "U1", "ts": "1.1"}),
    Row("chat.update", "not_in_channel", HI | {"channel": "C2", "ts": "1.1"}),
    Row("chat.update", "is_archived", HI | {"channel": "C4", "ts": "1.1"}),
    Row("chat.update", "msg_too_long", long_edit),
    Row("chat.update", "invalid_blocks", bad_edit),
    Row("chat.update", "no_text", empty_edit),
    Row("chat.update", "ratelimited", too_many_edits),
    Row("views.open", "invalid_arguments", {"view": form()}),
    Row("views.open", "invalid_arguments", lambda s: {"trigger_id": trigger(s), "view": form("x" * 25)}),
    Row("views.open", "invalid_trigger_id", {"view": form(), "trigger_id": "1.2.3"}),
    Row("views.open", "expired_trigger_id", lambda s: {"view": form(), "trigger_id": trigger(s, age=3.1)}),
    Row("views.open", "exchanged_trigger_id", spent_trigger),
    Row("views.open", "duplicate_external_id", taken_name),
    Row("views.open", "view_too_large", lambda s: {
        "trigger_id": trigger(s), "view": form(private_metadata="x" * 260_000)
    }),
    Row("views.push", "invalid_trigger_id", {"view": form(), "trigger_id": "1.2.3"}),
    Row("views.push", "expired_trigger_id", lambda s: {"view": form(), "trigger_id": trigger(s, age=3.1)}),
    Row("views.push", "not_found", lambda s: {"view": form(), "trigger_id": trigger(s)}),
    Row("views.push", "push_limit_reached", full_stack),
    Row("views.push", "duplicate_external_id", taken_name_pushed),
    Row("views.push", "view_too_large", lambda s: {
        "trigger_id": trigger(s), "view": form(private_metadata="x" * 260_000)
    }),
    Row("views.update", "not_found", {"view": form(), "view_id": "V404"}),
    Row("views.update", "not_found", {"view": form(), "external_id": "nobody"}),
    Row("views.update", "invalid_arguments", {"view": form()}),
    Row("views.update", "hash_conflict", stale_view),
    Row("views.update", "view_too_large", large_update),
    Row("views.update", "duplicate_external_id", taken_name_updated),
    Row("views.publish", "invalid_arguments", {"user_id": "U404", "view": HOME}),
    Row("views.publish", "invalid_arguments", {"user_id": "U1", "view": form()}),
    Row("views.publish", "hash_conflict", {"user_id": "U1", "hash": "old", "view": HOME}),
    Row("views.publish", "view_too_large", {"user_id": "U1", "view": HOME | {"private_metadata": "x" * 260_000}}),
    Row("views.publish", "duplicate_external_id", taken_name_published),
    Row("files.getUploadURLExternal", "invalid_arguments", {"length": 4}),
    Row("files.getUploadURLExternal", "invalid_arguments", {"filename": "a"}),
    Row("files.getUploadURLExternal", "invalid_arguments", {"filename": "a", "length": 0}),
    Row("files.getUploadURLExternal", "invalid_arguments", {"filename": "a", "length": "many"}),
    Row("files.completeUploadExternal", "invalid_arguments"),
    Row("files.completeUploadExternal", "invalid_arguments", {"files": ["F1"]}),
    Row("files.completeUploadExternal", "file_not_found", {"files": [{"id": "F404"}]}),
    Row("files.completeUploadExternal", "file_not_found", unsent),
    Row("files.completeUploadExternal", "channel_not_found", lambda s: one_file(s, channel_id="C404")),
    Row("files.completeUploadExternal", "channel_not_found", lambda s: one_file(s, channels="C1,C3")),
    Row("files.completeUploadExternal", "not_in_channel", lambda s: one_file(s, channel_id="C2")),
    Row("files.completeUploadExternal", "is_archived", lambda s: one_file(s, channel_id="C4")),
    Row("files.completeUploadExternal", "user_disabled", lambda s: one_file(s, channels="C1,U4")),
    Row("files.completeUploadExternal", "thread_not_found", lambda s: one_file(s, channel_id="C1", thread_ts="1.1")),
    Row("files.completeUploadExternal", "invalid_blocks", lambda s: one_file(s, channel_id="C1", blocks=[{"type": "x"}])),
    Row("files.info", "invalid_arguments"),
    Row("files.info", "file_not_found", {"file": "F404"}),
    Row("files.info", "file_not_found", someone_elses_file),
]  # fmt: skip
SCOPES = [
    ("users.list", {}, "users:read"),
    ("users.info", {"user": "U1"}, "users:read"),
    ("conversations.create", {"name": "beta"}, "channels:manage"),
    ("conversations.create", {"name": "beta", "is_private": True}, "groups:write"),
    ("conversations.invite", {"channel": "C1", "users": "U2"}, "channels:manage"),
    ("conversations.invite", {"channel": "C5", "users": "U2"}, "groups:write"),
    ("conversations.info", {"channel": "C5"}, "groups:read"),
    ("conversations.history", {"channel": "C1"}, "channels:history"),
    ("conversations.history", {"channel": "C5"}, "groups:history"),
    ("conversations.replies", {"channel": "C1", "ts": "1.1"}, "channels:history"),
    ("conversations.list", {"types": "private_channel"}, "groups:read"),
    ("conversations.members", {"channel": "C1"}, "channels:read"),
    ("conversations.members", {"channel": "C5"}, "groups:read"),
    ("conversations.open", {"users": "U1"}, "im:write"),
    ("chat.postMessage", HI | {"channel": "C1"}, "chat:write"),
    ("chat.update", HI | {"channel": "C1", "ts": "1.1"}, "chat:write"),
    ("chat.postEphemeral", HI | {"channel": "C1", "user": "U1"}, "chat:write"),
    ("files.getUploadURLExternal", {"filename": "a", "length": 1}, "files:write"),
    ("files.completeUploadExternal", {"files": [{"id": "F1"}]}, "files:write"),
    ("files.info", {"file": "F1"}, "files:read"),
]
UNSCOPED = {"auth.test", "apps.connections.open", "views.open", "views.push", "views.update", "views.publish"}


async def given(slack, args):
    """The arguments themselves, or what a function makes of the local Slack."""
    made = args(slack) if callable(args) else args
    return await made if hasattr(made, "__await__") else made


@pytest.mark.parametrize(("method", "args", "fields"), SUCCESSES)
async def test_success_has_its_shape(slack, method, args, fields):
    answer = await slack.api(method, **await given(slack, args))
    assert answer["ok"], answer
    assert fields <= answer.keys()


@pytest.mark.parametrize("row", REFUSALS, ids=str)
async def test_refusals_have_their_names(slack, row):
    answer = await slack.api(row.method, token=row.token, **await given(slack, row.args))
    assert (answer["ok"], answer["error"]) == (False, row.error)
    assert (await slack.get("log", method=row.method))[-1]["error"] == row.error


@pytest.mark.parametrize(("method", "args", "scope"), SCOPES)
async def test_a_scope_that_the_manifest_forgot(launch, tmp_path, method, args, scope):
    slack = await launch(manifest=manifest_with(tmp_path, add=FILES, drop=[scope]))
    answer = await slack.api(method, **args)
    assert answer["error"] == "missing_scope"
    assert scope in answer["needed"].split(",")
    assert scope not in answer["provided"].split(",")
    assert set(answer["provided"].split(",")) == slack.sandbox.world.manifest.scopes


def test_every_error_that_matters_is_met():
    met = {row.error for row in REFUSALS} | {"missing_scope"}
    assert set(NAMED) <= met


async def test_every_method_is_tried_with_success_and_with_refusals(slack):
    there = set(methods(slack.sandbox.world, None))
    assert {row[0] for row in SUCCESSES} == there - {"apps.connections.open"}  # which needs the other token
    assert {row.method for row in REFUSALS} == there | {"nobody.knows"}
    assert {row[0] for row in SCOPES} == there - UNSCOPED


async def test_refused_blocks_say_where(slack):
    blocks = [*SECTION, {"type": "header", "text": plain("x" * 151)}]
    answer = await slack.api("chat.postMessage", channel="C1", blocks=blocks)
    sentence = "[ERROR] must be less than 151 characters [json-pointer:/blocks/1/text/text]"
    assert answer["error"] == "invalid_blocks"
    assert answer["errors"] == answer["response_metadata"]["messages"] == [sentence]


async def test_an_unknown_method_leaves_a_line(slack, caplog):
    answer = await slack.api("nobody.knows")
    assert answer["req_method"] == "nobody.knows"
    assert "nobody.knows" in caplog.text
    assert any("nobody.knows" in one["text"] for one in (await slack.get("state"))["problems"])
