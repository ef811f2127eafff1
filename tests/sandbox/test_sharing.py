"""Channels shared with other companies: their flags, their ends, what the app hears, who is who in what it is sent."""

import pytest

from tests.sandbox.support import CARD, manifest_with
from tests.sandbox.test_delivery import RawSocket, until

TWO = {
    "team": {"id": "T0HOME", "name": "Home", "domain": "home"},
    "companies": [
        {"id": "T0ACME", "name": "Acme", "domain": "acme", "users": [
            {"id": "U7", "name": "cora", "real_name": "Cora Counterpart", "email": "cora@acme.example"},
            {"id": "U8", "name": "carl", "real_name": "Carl Colleague", "email": "carl@acme.example"},
        ]},
        {"id": "T0BETA", "name": "Beta", "domain": "beta", "enterprise_id": "E0BETA",
         "users": [{"id": "W9", "name": "boris", "real_name": "Boris Beta"}]},
    ],
    "users": [
        {"id": "U1", "name": "mira", "real_name": "Mira Castellanos", "email": "mira@home.example", "is_primary_owner": True},
        {"id": "U2", "name": "gus", "real_name": "Gus Guest", "is_ultra_restricted": True},
    ],
    "channels": [
        {"id": "C1", "name": "joint-acme", "members": ["U1", "U7", "U0CADENCE"],
         "is_ext_shared": True, "is_shared": True, "connected_team_ids": ["T0ACME"]},
        {"id": "C2", "name": "plans", "members": ["U1", "U0CADENCE"]},
        {"id": "G3", "name": "quiet", "is_private": True, "members": ["U1", "U0CADENCE"]},
        {"id": "C4", "name": "without-app", "members": ["U1"]},
    ],
}  # fmt: skip
HEARD = (
    "message.channels", "message.groups", "channel_deleted", "group_deleted", "channel_left", "group_left",
    "shared_channel_invite_accepted", "shared_channel_invite_approved", "shared_channel_invite_declined",
)  # fmt: skip


@pytest.fixture
async def slack(launch, tmp_path):
    return await launch(TWO, manifest=manifest_with(tmp_path, events=HEARD))


@pytest.fixture
async def raw(slack):
    """A socket that hears everything."""
    socket = await RawSocket(slack).open()
    yield socket
    await socket.close()


def events(raw, kind=""):
    found = [one["payload"]["event"] for one in raw.seen if one["type"] == "events_api"]
    return [one for one in found if kind in ("", one["type"])]


async def heard(raw, kind, count=1):
    await until(lambda: len(events(raw, kind)) >= count)
    found = events(raw, kind)
    assert len(found) == count, found
    return found


async def channel(slack, channel_id):
    answer = await slack.api("conversations.info", channel=channel_id)
    assert answer["ok"], answer
    return answer["channel"]


async def user(slack, user_id):
    return (await slack.api("users.info", user=user_id))["user"]


async def test_a_shared_channel_says_who_is_connected_and_counts_our_own_company_among_them(slack):
    shared = await channel(slack, "C1")
    assert {name: shared[name] for name in ("is_shared", "is_ext_shared", "is_org_shared", "is_pending_ext_shared")} == {
        "is_shared": True, "is_ext_shared": True, "is_org_shared": False, "is_pending_ext_shared": False,
    }  # fmt: skip
    assert shared["connected_team_ids"] == shared["shared_team_ids"] == ["T0HOME", "T0ACME"]
    assert (shared["conversation_host_id"], shared["context_team_id"]) == ("T0HOME", "T0HOME")
    own = await channel(slack, "C2")
    assert (own["connected_team_ids"], own["shared_team_ids"], own["is_shared"]) == ([], ["T0HOME"], False)
    listed = (await slack.api("conversations.list"))["channels"]
    assert not any("connected_team_ids" in one or "conversation_host_id" in one for one in listed)


async def test_an_invitation_is_pending_until_it_is_taken(slack, raw):
    await slack.post("admin/share", channel="plans", team="T0ACME", pending=True, by="U1")
    pending = await channel(slack, "C2")
    assert (pending["is_pending_ext_shared"], pending["is_ext_shared"], pending["is_shared"]) == (True, False, False)
    assert pending["pending_connected_team_ids"] == pending["pending_shared"] == ["T0ACME"]
    assert pending["connected_team_ids"] == []
    refused = await slack.post("admin/invite", channel="plans", user="U7")
    assert "#plans is not shared" in refused["error"]
    await slack.post("admin/accept", channel="plans", user="U8")
    (accepted,) = await heard(raw, "shared_channel_invite_accepted")
    assert accepted["approval_required"] is False
    assert (accepted["accepting_user"]["id"], accepted["accepting_user"]["team_id"]) == ("U8", "T0ACME")
    assert accepted["invite"]["inviting_team"]["id"] == "T0HOME"
    assert accepted["invite"]["inviting_user"]["id"] == "U1"
    assert accepted["channel"] == {"id": "C2", "is_im": False, "is_private": False, "name": "plans"}
    assert [one["id"] for one in accepted["teams_in_channel"]] == ["T0HOME", "T0ACME"]
    (shared,) = await heard(raw, "channel_shared")
    assert {"channel": "C2", "connected_team_id": "T0ACME"}.items() <= shared.items()
    now = await channel(slack, "C2")
    assert (now["is_pending_ext_shared"], now["pending_shared"], now["is_ext_shared"]) == (False, [], True)


async def test_an_administrator_may_have_to_approve(slack, raw):
    await slack.post("admin/share", channel="plans", team="T0ACME", pending=True)
    await slack.post("admin/accept", channel="plans", team="T0ACME", needs_approval=True)
    assert (await heard(raw, "shared_channel_invite_accepted"))[0]["approval_required"] is True
    assert (await channel(slack, "C2"))["is_pending_ext_shared"] is True
    await slack.post("admin/approve", channel="plans", team="T0ACME")
    assert (await heard(raw, "shared_channel_invite_approved"))[0]["approving_team_id"] == "T0ACME"
    await heard(raw, "channel_shared")
    assert (await channel(slack, "C2"))["is_ext_shared"] is True


async def test_who_declines_leaves_the_channel_ours(slack, raw):
    await slack.post("admin/share", channel="plans", team="T0ACME", pending=True)
    await slack.post("admin/share", channel="plans", team="T0BETA", pending=True)
    await slack.post("admin/decline", channel="plans", team="T0ACME")
    assert (await heard(raw, "shared_channel_invite_declined"))[0]["declining_team_id"] == "T0ACME"
    half = await channel(slack, "C2")
    assert (half["is_pending_ext_shared"], half["pending_connected_team_ids"]) == (True, ["E0BETA"])
    await slack.post("admin/decline", channel="plans", team="T0BETA")
    assert (await channel(slack, "C2"))["is_pending_ext_shared"] is False
    assert events(raw, "channel_shared") == []
    assert "no invitation to #plans" in (await slack.post("admin/accept", channel="plans", team="T0ACME"))["error"]


async def test_an_invitation_to_an_address_names_no_company(slack):
    await slack.post("admin/share", channel="plans", team="", pending=True)
    pending = await channel(slack, "C2")
    assert (pending["is_pending_ext_shared"], pending["pending_connected_team_ids"]) == (True, [])
    await slack.post("admin/accept", channel="plans", team="T0ACME")
    now = await channel(slack, "C2")
    assert (now["is_pending_ext_shared"], now["connected_team_ids"]) == (False, ["T0HOME", "T0ACME"])


async def test_a_private_channel_has_another_id_the_moment_it_is_to_be_shared(slack, raw):
    await slack.api("chat.postMessage", channel="G3", text="before")
    shown = await slack.post("admin/share", channel="quiet", team="T0ACME", pending=True)
    new = shown["channel"]["id"]
    (changed,) = await heard(raw, "channel_id_changed")
    assert (changed["old_channel_id"], changed["new_channel_id"]) == ("G3", new)
    assert new.startswith("C")
    assert (await slack.api("conversations.info", channel="G3"))["error"] == "channel_not_found"
    assert (await slack.api("chat.postMessage", channel="G3", text="lost"))["error"] == "channel_not_found"
    history = (await slack.api("conversations.history", channel=new))["messages"]
    assert [one["text"] for one in history] == ["before"]


async def test_a_channel_becomes_shared_when_it_had_been_ours_for_long(slack, raw):
    await slack.post("admin/share", channel="plans", team="T0ACME")
    await heard(raw, "channel_shared")
    await slack.post("admin/invite", channel="plans", user="U8", by="U1")
    (joined,) = await heard(raw, "member_joined_channel")
    assert {
        "user": "U8",
        "team": "T0ACME",
        "channel": "C2",
        "channel_type": "C",
        "inviter": "U1",
    }.items() <= joined.items()
    assert (await slack.api("conversations.members", channel="C2"))["members"] == ["U1", "U0CADENCE", "U8"]


async def test_who_is_disconnected_is_out(slack, raw):
    await slack.post("admin/share", channel="joint-acme", team="T0BETA")
    await slack.post("admin/invite", channel="joint-acme", user="W9")
    both = await channel(slack, "C1")
    assert both["connected_team_ids"] == ["T0HOME", "T0ACME", "E0BETA"]
    await slack.post("admin/unshare", channel="joint-acme", team="T0ACME")
    (gone,) = await heard(raw, "channel_unshared")
    assert (gone["previously_connected_team_id"], gone["is_ext_shared"]) == ("T0ACME", True)
    assert (await slack.api("conversations.members", channel="C1"))["members"] == ["U1", "U0CADENCE", "W9"]
    await slack.post("admin/unshare", channel="joint-acme", team="T0BETA")
    left = await channel(slack, "C1")
    assert (left["is_ext_shared"], left["is_shared"], left["connected_team_ids"]) == (False, False, [])
    assert left["id"] == "C1", "the host keeps the channel and its id"


async def test_the_invited_side_goes_on_under_another_id(slack):
    slack.sandbox.world.channels["C1"].host_team_id = "T0ACME"
    shown = await slack.post("admin/unshare", channel="joint-acme", team="T0ACME")
    assert shown["channel"]["id"] != "C1"
    assert (await slack.api("conversations.info", channel="C1"))["error"] == "channel_not_found"
    assert (await channel(slack, shown["channel"]["id"]))["conversation_host_id"] == "T0HOME"


async def test_on_grid_a_channel_may_be_shared_within_the_organisation(launch):
    grid = TWO | {"team": TWO["team"] | {"enterprise_id": "E0HOME"}}
    grid["companies"] = [*TWO["companies"], {"id": "T0SISTER", "name": "Sister", "enterprise_id": "E0HOME",
                                             "users": [{"id": "U3", "name": "sis", "tz": "Europe/London"}]}]  # fmt: skip
    slack = await launch(grid)
    assert (await slack.api("auth.test"))["enterprise_id"] == "E0HOME"
    await slack.post("admin/share", channel="plans", team="T0SISTER")
    within = await channel(slack, "C2")
    assert (within["is_org_shared"], within["is_ext_shared"], within["is_shared"]) == (True, False, True)
    assert (within["shared_team_ids"], within["internal_team_ids"]) == (["T0HOME", "T0SISTER"],) * 2
    assert (within["connected_team_ids"], within["is_pending_ext_shared"]) == ([], False)
    assert (await slack.post("admin/invite", channel="plans", user="U3"))["ok"]
    sister = await user(slack, "U3")
    assert (sister["team_id"], sister["enterprise_user"]["enterprise_id"]) == ("T0SISTER", "E0HOME")
    assert "is_stranger" not in sister, "of our organisation, so nothing is withheld"
    assert sister["tz"] == "Europe/London"
    ours = await channel(slack, "C1")
    assert (ours["enterprise_id"], ours["context_team_id"]) == ("E0HOME", "T0HOME")
    assert ours["connected_team_ids"] == ["E0HOME", "T0ACME"]
    card = await slack.api("chat.postMessage", channel="C2", text="card", blocks=CARD)
    raw = await RawSocket(slack).open()
    await slack.post("click", user="U3", channel="plans", ts=card["ts"], action_id="same")
    await until(lambda: any(one["type"] == "interactive" for one in raw.seen))
    sent = next(one["payload"] for one in raw.seen if one["type"] == "interactive")
    assert (sent["enterprise"]["id"], sent["user"]["team_id"], sent["team"]["id"]) == ("E0HOME", "T0SISTER", "T0HOME")
    await raw.close()


async def test_people_of_other_companies_show_what_slack_shows_of_them(slack):
    cora, carl, boris = [await user(slack, one) for one in ("U7", "U8", "W9")]
    assert (cora["team_id"], cora["is_stranger"], cora["profile"]["email"]) == ("T0ACME", False, "cora@acme.example")
    assert "tz" not in cora
    assert "is_restricted" not in cora
    assert carl["is_stranger"] is True, "in no channel that is shared with us"
    assert "email" not in carl["profile"]
    assert (boris["team_id"], boris["enterprise_user"]["enterprise_id"]) == ("T0BETA", "E0BETA")
    await slack.post("switches", outsiders_emails=False)
    assert "email" not in (await user(slack, "U7"))["profile"]
    await slack.post("admin/add_channel", name="hidden", is_private=True, members=["U1", "U8"], is_ext_shared=True)
    assert (await user(slack, "U8"))["is_stranger"] is True, "the app is not where they are"
    guest = await user(slack, "U2")
    assert (guest["team_id"], guest["is_ultra_restricted"], guest["is_restricted"]) == ("T0HOME", True, False)
    listed = {one["id"] for one in (await slack.api("users.list"))["members"]}
    assert {"U1", "U2"} <= listed
    assert not {"U7", "U8", "W9"} & listed


async def test_a_guest_of_one_channel_comes_into_no_second_one(slack):
    assert (await slack.post("admin/invite", channel="plans", user="U2"))["ok"]
    assert "in #plans already" in (await slack.post("admin/invite", channel="joint-acme", user="U2"))["error"]
    answer = await slack.api("conversations.invite", channel="C1", users="U2")
    assert answer["error"] == "ura_max_channels"


async def test_members_come_page_by_page(slack):
    found, cursor = [], ""
    for _ in range(3):
        page = await slack.api("conversations.members", channel="C1", limit=1, cursor=cursor)
        found += page["members"]
        cursor = page["response_metadata"]["next_cursor"]
    assert (found, cursor) == (["U1", "U7", "U0CADENCE"], "")
    assert (await slack.api("conversations.members", channel="C9"))["error"] == "channel_not_found"


async def test_who_moves_to_another_company_keeps_the_id_and_leaves_what_it_has_no_part_in(slack, raw):
    await slack.post("admin/move_user", user="U7", team="T0BETA")
    (changed,) = await heard(raw, "user_change")
    assert (changed["user"]["id"], changed["user"]["team_id"]) == ("U7", "T0BETA")
    assert (await heard(raw, "member_left_channel"))[0]["user"] == "U7"
    assert "U7" not in (await slack.api("conversations.members", channel="C1"))["members"]
    assert (await user(slack, "U7"))["is_stranger"] is True


async def test_nobody_of_another_company_joins_our_team(slack, raw):
    await slack.post("admin/add_company", id="T0GAMMA", name="Gamma")
    await slack.post("admin/add_user", id="U10", name="gina", team_id="T0GAMMA")
    await slack.post("admin/add_user", id="U11", name="olga")
    assert [one["user"]["id"] for one in await heard(raw, "team_join")] == ["U11"]
    assert {"id": "T0GAMMA", "name": "Gamma"}.items() <= (await slack.get("state"))["companies"][-1].items()


async def test_a_reply_in_a_thread_of_a_shared_channel_names_its_authors_company(slack, raw):
    root = await slack.api("chat.postMessage", channel="C1", text="check-in")
    await slack.post("message", user="U7", channel="joint-acme", text="<b>Pumps</b> are signed", thread_ts=root["ts"])
    told = next(one for one in await heard(raw, "message", 2) if one["user"] == "U7")
    assert (told["thread_ts"], told["parent_user_id"], told["channel"]) == (root["ts"], "U0CADENCE", "C1")
    assert (told["team"], told["user_team"], told["source_team"]) == ("T0ACME",) * 3
    assert (told["channel_type"], told["text"]) == ("channel", "&lt;b&gt;Pumps&lt;/b&gt; are signed")
    envelope = next(one["payload"] for one in raw.seen if one["payload"]["event"].get("user") == "U7")
    assert (envelope["team_id"], envelope["context_team_id"]) == ("T0HOME", "T0HOME")
    assert envelope["is_ext_shared_channel"] is True
    assert envelope["authorizations"][0]["team_id"] == "T0HOME"


async def test_on_grid_the_author_is_of_an_organisation(slack, raw):
    await slack.post("admin/share", channel="plans", team="T0BETA")
    await slack.post("admin/invite", channel="plans", user="W9")
    await slack.post("message", user="W9", channel="plans", text="hello")
    (told,) = await heard(raw, "message")
    assert (told["team"], told["user_team"], told["source_team"]) == ("T0BETA", "E0BETA", "E0BETA")
    assert (await heard(raw, "member_joined_channel"))[0]["enterprise"] == "E0BETA"


async def test_the_app_hears_messages_only_where_it_is(slack, raw):
    await slack.post("message", user="U1", channel="without-app", text="unheard")
    await slack.post("message", user="U1", channel="quiet", text="in a private channel")
    (told,) = await heard(raw, "message")
    assert (told["channel_type"], told["text"]) == ("group", "in a private channel")


async def test_a_click_of_an_outsider_names_both_companies(slack, raw):
    card = await slack.api("chat.postMessage", channel="C1", text="card", blocks=CARD)
    await slack.post("click", user="U7", channel="C1", ts=card["ts"], action_id="same")
    sent = next(one["payload"] for one in raw.seen if one["type"] == "interactive")
    assert (sent["user"]["id"], sent["user"]["team_id"], sent["team"]["id"]) == ("U7", "T0ACME", "T0HOME")
    assert sent["enterprise"] is None


async def test_strangers_and_outsiders_are_offered_what_slack_offers_them(slack):
    for path, more in (("command", {"command": "/deals", "channel": "C1"}), ("home", {})):
        done = await slack.post(path, user="U7", **more)
        assert done.get("view") is None
        assert path == "home" or "another company" in done["error"]
    assert "no channel shared with it" in (await slack.post("message", user="U8", text="hi"))["error"]
    assert (await slack.post("message", user="U7", text="hi"))["ok"]
    assert (await slack.api("conversations.open", users="U8"))["error"] == "user_not_visible"
    assert (await slack.api("conversations.open", users="U7"))["ok"]


async def test_a_channel_that_is_deleted_is_gone(slack, raw):
    for name, old, kind in (("plans", "C2", "channel_deleted"), ("quiet", "G3", "group_deleted")):
        await slack.post("admin/delete_channel", channel=name, by="U1")
        assert (await heard(raw, kind))[0]["channel"] == old
        assert (await slack.api("conversations.info", channel=old))["error"] == "channel_not_found"
    assert "no channel 'plans'" in (await slack.post("admin/archive", channel="plans"))["error"]


async def test_an_app_that_is_taken_out_hears_that_it_left(slack, raw):
    for name, old, kind in (("plans", "C2", "channel_left"), ("quiet", "G3", "group_left")):
        await slack.post("admin/kick", channel=name, user="U0CADENCE", by="U1")
        (left,) = await heard(raw, kind)
        assert (left["channel"], left["actor_id"]) == (old, "U1")
    assert {one["user"] for one in await heard(raw, "member_left_channel", 2)} == {"U0CADENCE"}
