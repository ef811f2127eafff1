"""Channels that the bot makes, and people it brings into them: who is in, who hears of it, what a second try gets."""

import asyncio


async def created(slack, name="partner-beta", **more):
    answer = await slack.api("conversations.create", name=name, **more)
    assert answer["ok"], answer
    return answer["channel"]


async def seen(slack, channel_id):
    return next(one for one in (await slack.get("state"))["channels"] if one["id"] == channel_id)


async def test_the_bot_is_creator_and_first_member_of_what_it_creates(slack):
    public, private = await created(slack), await created(slack, "partner-gamma", is_private=True)
    for one, secret in ((public, False), (private, True)):
        assert one["is_member"] is True
        assert one["creator"] == "U0CADENCE"
        assert one["is_private"] is secret
        assert (one["is_ext_shared"], one["is_archived"]) == (False, False)
        told = (await slack.api("conversations.info", channel=one["id"]))["channel"]
        assert told["name"] == one["name"]
    assert (await slack.api("chat.postMessage", channel=private["id"], text="hi"))["ok"]


async def test_the_same_name_is_taken_the_second_time(slack):
    await created(slack)
    again = await slack.api("conversations.create", name="partner-beta", is_private=True)
    assert again["error"] == "name_taken"
    names = [one["name"] for one in (await slack.get("state"))["channels"]]
    assert names.count("partner-beta") == 1


async def test_names_of_any_script_are_names(slack):
    assert (await created(slack, "パートナー-1_a"))["name"] == "パートナー-1_a"


async def test_people_are_brought_in_and_the_bot_hears_of_each(pair):
    slack, bot = pair
    channel = await created(slack)
    assert (await slack.api("conversations.invite", channel=channel["id"], users="U1,U2"))["ok"]
    heard = {}
    for _ in range(200):
        heard |= {one["event_id"]: one["event"] for one in bot.heard if one.get("type") == "event_callback"}
        if len(heard) >= 3:
            break
        await asyncio.sleep(0.02)
    events = list(heard.values())
    assert {one["type"] for one in events} == {"member_joined_channel"}
    assert {(one["user"], one.get("inviter")) for one in events} == {
        ("U0CADENCE", None), ("U1", "U0CADENCE"), ("U2", "U0CADENCE"),
    }  # fmt: skip
    assert {one["channel"] for one in events} == {channel["id"]}
    assert {one["channel_type"] for one in events} == {"C"}
    assert (await seen(slack, channel["id"]))["num_members"] == 3


async def test_one_who_cannot_come_keeps_all_out_unless_it_is_forced(slack):
    channel = await created(slack)
    refused = await slack.api("conversations.invite", channel=channel["id"], users="U1,U4")
    assert (refused["error"], refused["errors"]) == (
        "cant_invite",
        [{"user": "U4", "ok": False, "error": "cant_invite"}],
    )
    assert (await seen(slack, channel["id"]))["num_members"] == 1
    assert (await slack.api("conversations.invite", channel=channel["id"], users="U1,U4", force=True))["ok"]
    assert (await seen(slack, channel["id"]))["num_members"] == 2


async def test_whoever_was_brought_into_a_private_channel_sees_it(slack):
    channel = await created(slack, "partner-gamma", is_private=True)
    before = await slack.post("message", user="U1", channel="partner-gamma", text="hi")
    assert before["ok"] is False
    await slack.api("conversations.invite", channel=channel["id"], users="U1")
    assert (await slack.post("message", user="U1", channel="partner-gamma", text="hi"))["ok"]


async def test_who_somebody_is(slack):
    async def who(user):
        return (await slack.api("users.info", user=user))["user"]

    assert (await who("U1"))["profile"]["email"] == "mira@example.com"
    assert (await who("U3"))["is_restricted"] is True
    assert (await who("U4"))["deleted"] is True
    assert (await who("U5"))["is_bot"] is True
    stranger = await who("U6")
    assert (stranger["is_stranger"], stranger["team_id"]) == (True, "T9")
    assert "email" not in stranger["profile"]
