"""The partner manager's desk over the local Slack: who speaks, what a reply says, what may be posted where."""

from sqlalchemy import select

from models.tables import Counterpart, Inbox, JointAnswer, JointDeal, Partner, ReplyProposal
from tests.journeys.support import (
    CORA,
    admin,
    close_all,
    fields,
    joint_team,
    journey,
    labels,
    press_row,
    reached,
    reply,
    seen_in,
    shown,
    switch,
)
from tests.journeys.test_planning import forged as pressed
from tests.world import Human, partner

PAT, HEDDA = "Pat Manager", "Hedda Lead"
CARD = "Partners and shared channels"


async def page(local, who=PAT, query="acme"):
    """`/cadence acme` and its button to the partner's page."""
    await close_all(local, who)
    await local.command(who, f"/cadence {query}")
    await local.press(who, "Joint channels…")
    return await local.view(who)


async def share(local, *deals, amounts=(), who=PAT):
    """Mark these deals (by a part of their name) joint with Acme, on its page."""
    await page(local, who)
    await local.press(who, "What they see…")
    view = await local.view(who)
    options = next(block for block in view["blocks"] if block["block_id"] == "deals")["element"]["options"]
    ids = {option["text"]["text"].split(" · ")[0]: option["value"] for option in options}
    chosen = [next(ids[name] for name in ids if deal in name) for deal in deals]
    shared = [next(ids[name] for name in ids if deal in name) for deal in amounts]
    found = await local.submit(who, {"deals": chosen, "amounts": shared})
    assert found["result"] in ("closed", "updated"), found
    await close_all(local, who)


async def approve(local, who=PAT):
    """Look at the first post, and let it be posted."""
    card = await local.card(who, CARD)
    await press_row(local, who, card, "First post to", "Look at it…")
    return await local.submit(who)


async def check_in(local, channel="joint-acme"):
    found = [row for row in await local.bot_messages(channel) if "Check-in" in row["text"]]
    return found[-1] if found else None


async def desk(local, who=PAT):
    """The newest desk card, as text."""
    return shown({"blocks": (await local.card(who, CARD))["blocks"]})


async def section(local, words, who=PAT):
    """The desk card, and the place of the item with these words in it."""
    card = await local.card(who, CARD)
    place = next(n for n, block in enumerate(card["blocks"]) if words in shown(block))
    return card, place


async def decide(local, words, label, who=PAT, *, ok=True):
    """The button with this label below the item with these words, on the newest desk card."""
    card, place = await section(local, words, who)
    block = next(one for one in card["blocks"][place:] if one["type"] == "actions")
    return await local.click(who, card, label, block_id=block["block_id"], ok=ok)


async def press_check_in(local, who, account):
    """The button beside a deal of the check-in."""
    return await press_row(local, who, await check_in(local), f"*{account}*", "Update")


async def ready(local, *deals, amounts=()):
    """Wednesday ten o'clock, these deals joint and the check-in posted."""
    await local.to("Mon 11:00")
    await share(local, *(deals or ("Deal 1", "Deal 2")), amounts=amounts)
    await local.to("Wed 10:00")
    assert (await approve(local))["result"] == "closed"
    await local.to("Wed 10:01")
    assert await check_in(local) is not None


async def confirmed(local, at="Wed 10:05"):
    """Cora has pressed a button, and Pat has confirmed her."""
    await press_check_in(local, CORA, "Account 1")
    await local.to(at)
    await decide(local, "for *Acme*", "Confirm")


async def stored(local):
    """Everything the inbox keeps of messages, as one text."""
    return " ".join(str(row.payload) for row in await local.rows(select(Inbox).where(Inbox.type == "message")))


async def test_the_first_post_is_looked_at_before_anything_is_posted(database_url):
    async with journey(joint_team(), database_url) as local:
        await local.to("Mon 11:00")
        await share(local, "Deal 1", "Deal 2", amounts=["Deal 1"])
        assert "Shared channels*: 1 thing waits for your word" in shown(await local.home(PAT))
        await local.to("Wed 10:00")
        assert await check_in(local) is None, "nobody has looked at the first post yet"
        assert "First post to #joint-acme" in await desk(local)
        card = await local.card(PAT, CARD)
        await press_row(local, PAT, card, "First post to", "Look at it…")
        text = shown(await local.view(PAT))
        assert "`T0ACME`, connected" in text
        assert "*Account 1* · USD 10,000" in text
        assert "20,000" not in text, "nobody shared that amount"
        assert "`[ Update ]`" in text
        assert labels({"blocks": (await local.view(PAT))["blocks"]}) == [], "a preview has nothing to press"
        assert (await local.submit(PAT))["result"] == "closed"
        await local.to("Wed 10:01")
        assert "2 joint deals, 0 answered" in shown(await check_in(local))
        assert "Acme: the joint channel may be posted to (Pat Manager)" in await desk(local)
        assert "First post" not in await desk(local)
        assert "Shared channels" not in shown(await local.home(PAT))


async def test_a_counterpart_is_confirmed_and_revoked(sqlite_url):
    async with journey(joint_team(), sqlite_url) as local:
        await ready(local)
        found = await press_check_in(local, CORA, "Account 1")
        assert "partner manager has been asked" in shown(found)
        assert await local.view(CORA) is None
        await press_check_in(local, CORA, "Account 1")
        await local.to("Wed 10:02")
        text = await desk(local)
        assert text.count("pressed a button of the check-in") == 1, "asked once"
        assert "`T0ACME`, connected to #joint-acme" in text
        await decide(local, "for *Acme*", "Confirm")
        await local.to("Wed 10:03")
        assert "Cora Counterpart speaks for Acme (Pat Manager)" in await desk(local)
        await press_check_in(local, CORA, "Account 1")
        assert "Account 1" in shown(await local.view(CORA))
        await close_all(local, CORA)
        text = shown(await page(local))
        assert "Cora Counterpart* (<@" in text
        assert "workspace `T0ACME` · confirmed by Pat Manager" in text
        await local.press(PAT, "Revoke")
        assert "revoked" in shown(await local.view(PAT)), "the page shows it at once"
        await press_check_in(local, CORA, "Account 1")
        assert await local.view(CORA) is None


async def test_a_reply_of_somebody_unconfirmed_is_never_stored(sqlite_url):
    async with journey(joint_team(), sqlite_url) as local:
        await ready(local)
        await reply(local, CORA, await check_in(local), "Our secret: they want 40 percent off")
        await local.post("message", {"user": local.id(CORA), "channel": "joint-acme", "text": "Another secret"})
        await local.post("message", {"user": local.id(PAT), "channel": "p-acme", "text": "Internal chatter"})
        await reply(local, PAT, await check_in(local), "We will look at it")
        await local.to("Wed 10:02")
        kept = await stored(local)
        for words in ("secret", "40 percent", "chatter", "look at it"):
            assert words not in kept
        (row,) = await local.rows(select(Inbox).where(Inbox.type == "message"))
        assert (row.payload["event"]["user"], row.payload["event"]["text"]) == (local.id(CORA), "")
        assert await local.rows(select(ReplyProposal)) == []
        text = await desk(local)
        assert "replied below the check-in (the reply was not read)" in text
        assert "secret" not in text


async def test_a_reply_becomes_the_partners_word_in_one_click_with_forms_and_ephemerals_off(database_url):
    async with journey(joint_team(), database_url) as local:
        await ready(local, "Deal 1", "Deal 2")
        await confirmed(local)
        await switch(local, outsiders_forms=False, outsiders_ephemerals="silent")
        await press_check_in(local, CORA, "Account 1")
        assert await local.view(CORA) is None
        await reply(
            local, CORA, await check_in(local), "Account 2: Carl will send the redlines by 12 March. Can you join?"
        )
        await local.to("Wed 10:10")
        text = await desk(local)
        assert "*Cora Counterpart* (Acme) wrote below the check-in" in text
        assert (
            "Understood for *Account 2*: next: Carl will send the redlines by 12 March · by Carl · due Thu 12 Mar"
            in text
        )
        assert "they ask: Can you join?" in text
        await decide(local, "wrote below the check-in", "Confirm")
        await local.to("Wed 10:11")
        (answer,) = await local.rows(select(JointAnswer))
        assert (answer.source, answer.owner, str(answer.due), answer.ask) == (
            "reply", "Carl", "2026-03-12", "Can you join?",
        )  # fmt: skip
        assert "Cora Counterpart’s reply (Acme) was confirmed (Pat Manager)" in await desk(local)
        card = shown(await check_in(local))
        assert "1 answered" in card
        assert "Answered by Cora Counterpart" in card


async def test_a_reply_that_could_mean_several_deals_asks_which_and_can_be_edited_or_dropped(sqlite_url):
    async with journey(joint_team(), sqlite_url) as local:
        await ready(local, "Deal 1", "Deal 2", "Deal 3")
        await confirmed(local)
        card = await check_in(local)
        await reply(local, CORA, card, "Carl will call the CIO on Friday")
        await local.to("Wed 10:10")
        assert "It could mean 3 deals" in await desk(local)
        await decide(local, "could mean", "It is Account 2")
        await reply(local, CORA, card, "We are on it")
        await local.to("Wed 10:20")
        await decide(local, "We are on it", "Edit…")
        view = await local.view(PAT)
        options = next(one for one in view["blocks"] if one["block_id"] == fields(view)["deal"])["element"]["options"]
        third = next(one["value"] for one in options if one["text"]["text"] == "Account 3")
        wrong = await local.submit(PAT, {"deal": third, "action": "sign", "due": "2026-01-05"})
        assert wrong["result"] == "errors"
        assert "is in the past" in str(wrong["errors"])
        done = await local.submit(PAT, {"deal": third, "action": "sign the order", "due": "2026-03-20"})
        assert done["result"] == "closed"
        await reply(local, CORA, card, "Weather is nice")
        await local.to("Wed 10:30")
        await decide(local, "Weather is nice", "Drop")
        said = {answer.action: str(answer.due) for answer in await local.rows(select(JointAnswer))}
        assert said == {"Carl will call the CIO on Friday": "2026-03-06", "sign the order": "2026-03-20"}
        states = [(row.state, row.words) for row in await local.rows(select(ReplyProposal).order_by(ReplyProposal.id))]
        assert states[-1] == ("dropped", "")


async def test_an_edit_or_a_deletion_before_confirming_follows_the_message(sqlite_url):
    async with journey(joint_team(), sqlite_url) as local:
        await ready(local, "Deal 1", "Deal 2")
        await confirmed(local)
        await reply(local, CORA, await check_in(local), "Account 1: Carl will call on Friday")
        ts = (await seen_in(local, CORA, "joint-acme"))[-1]["ts"]
        await local.to("Wed 10:10")
        where = {"user": local.id(CORA), "channel": "joint-acme", "ts": ts}
        await local.post("edit", {**where, "text": "Account 2: Carl will call on Monday"})
        await local.to("Wed 10:11")
        text = await desk(local)
        assert "Understood for *Account 2*" in text
        assert "due Mon 9 Mar" in text
        assert "on Friday" not in text
        await local.post("delete", where)
        await local.to("Wed 10:12")
        assert "wrote below the check-in" not in await desk(local)
        assert await local.rows(select(JointAnswer)) == []
        (row,) = await local.rows(select(ReplyProposal))
        assert (row.state, row.words) == ("dropped", "")


async def test_what_its_author_changes_under_an_open_form_is_confirmed_by_nobody(sqlite_url):
    async with journey(joint_team(), sqlite_url) as local:
        await ready(local, "Deal 1")
        await confirmed(local)
        await reply(local, CORA, await check_in(local), "Carl will call on Friday")
        ts = (await seen_in(local, CORA, "joint-acme"))[-1]["ts"]
        await local.to("Wed 10:10")
        await decide(local, "Carl will call", "Edit…")
        where = {"user": local.id(CORA), "channel": "joint-acme", "ts": ts}
        await local.post("edit", {**where, "text": "Carl will not call"})
        await local.to("Wed 10:11")
        found = await local.submit(PAT)
        assert "They changed their reply meanwhile, so nothing was saved." in str(found)
        assert await local.rows(select(JointAnswer)) == []
        assert "Carl will not call" in await desk(local)


async def test_another_workspace_that_is_connected_has_to_be_looked_at_first(database_url):
    async with journey(joint_team(), database_url) as local:
        await ready(local)
        await local.to("Thu 12:00")
        await admin(local, "share", channel="joint-acme", team="T0NEWCO")
        await local.to("Wed 10:00")
        text = await desk(local)
        assert "another workspace is connected since you looked" in text
        assert len([row for row in await local.bot_messages("joint-acme") if "Check-in" in row["text"]]) == 1
        card = await local.card(PAT, CARD)
        await press_row(local, PAT, card, "another workspace", "Look at it…")
        assert "`T0NEWCO`, connected" in shown(await local.view(PAT))
        await local.submit(PAT)
        await local.to("Wed 10:05")
        assert len([row for row in await local.bot_messages("joint-acme") if "Check-in" in row["text"]]) == 2
        (acme,) = await local.rows(select(Partner).where(Partner.name == "Acme"))
        assert sorted(acme.joint_teams) == ["T0ACME", "T0NEWCO"]


async def test_without_a_joint_channel_there_is_text_to_copy_and_what_they_said_is_written_down(sqlite_url):
    team = joint_team()
    team.partners = [partner()]
    team.deals = team.deals[:5]
    team.people = [human for human in team.people if human.partner != "Beta"]
    async with journey(team, sqlite_url) as local:
        await local.to("Mon 11:00")
        await share(local, "Deal 1", amounts=["Deal 1"])
        await local.to("Wed 10:00")
        text = await desk(local)
        assert "*Acme*: send it some other way" in text
        await decide(local, "send it some other way", "Copy the text…")
        words = shown(await local.view(PAT)) + str(await local.view(PAT))
        assert "Account 1, USD 10,000" in words
        assert "Ann Seller" not in words
        await close_all(local, PAT)
        await decide(local, "send it some other way", "Write down what they said…")
        assert (await local.submit(PAT, {"said_by": "", "action": "x"}))["result"] in ("errors", "client_errors")
        done = await local.submit(PAT, {"said_by": "Cora Counterpart", "action": "send the order", "due": "2026-03-12"})
        assert done["result"] == "closed", done
        (answer,) = await local.rows(select(JointAnswer))
        assert (answer.source, answer.said_by) == ("reported", "Cora Counterpart")
        text = shown(await page(local))
        assert ", written down by Pat Manager: next: send the order · due Thu 12 Mar" in text


async def test_only_the_manager_and_the_head_open_the_page_and_decide(sqlite_url):
    async with journey(joint_team(), sqlite_url) as local:
        await ready(local)
        await press_check_in(local, CORA, "Account 1")
        await local.to("Wed 10:05")
        (row,) = await local.rows(select(Counterpart))
        for who in ("Ann Seller", "Bob Seller"):
            refusal = await pressed(local, who, "joint.confirm_person", f'{{"c":{row.id}}}')
            assert "You cannot say who speaks for this partner. Pat Manager (partner manager)" in refusal
            assert "You cannot decide what this partner sees" in await pressed(
                local, who, "joint.open", f'{{"p":{row.partner_id}}}'
            )
        await pressed(local, CORA, "joint.confirm_person", f'{{"c":{row.id}}}')
        (row,) = await local.rows(select(Counterpart))
        assert row.state == "proposed"
        await page(local, HEDDA)
        await local.press(HEDDA, "Confirm")
        (row,) = await local.rows(select(Counterpart))
        assert row.state == "confirmed"


async def test_a_deal_is_taken_back_on_the_page_and_leaves_the_channel(sqlite_url):
    async with journey(joint_team(), sqlite_url) as local:
        await ready(local, "Deal 1", "Deal 2", amounts=["Deal 1", "Deal 2"])
        view = await page(local)
        assert "2 of 5 open deals" in shown(view)
        await local.press(PAT, "What they see…")
        form = await local.view(PAT)
        values = {one["block_id"]: [o["value"] for o in one["element"]["initial_options"]]
                  for one in form["blocks"] if one["type"] == "input"}  # fmt: skip
        names = {
            o["value"]: o["text"]["text"]
            for one in form["blocks"]
            if one["type"] == "input"
            for o in one["element"]["options"]
        }
        kept = [value for value in values["deals"] if "Deal 2" in names[value]]
        refused = await local.submit(PAT, {"deals": kept, "amounts": values["amounts"]})
        assert refused["result"] == "closed", "an amount of a deal that is taken back goes with it"
        assert "1 of 5 open deals" in shown(await local.view(PAT))
        await local.to("Wed 10:10")
        card = shown(await check_in(local))
        assert "Account 2" in card
        assert "Account 1" not in card
        marks = await local.rows(select(JointDeal).where(JointDeal.valid_to.is_(None)))
        assert len(marks) == 1
        outside = await reached(local, team="T0ACME")
        assert outside, "what crossed is recorded"
        assert not any("20,000" in str(one) and "30,000" in str(one) for one in outside)


async def test_a_held_message_is_decided_on_the_desk(sqlite_url):
    async with journey(joint_team(), sqlite_url) as local:
        await local.to("Thu 09:00")
        await admin(local, "share", channel="p-acme", team="T0ACME")
        await local.to("Thu 09:51")
        assert await local.bot_messages("p-acme") == []
        text = await desk(local)
        assert "*Agenda of Acme, 5 Mar*: #p-acme is shared" in text
        assert "Deal 1" not in text, "what it says is never shown"
        await decide(local, "Agenda of Acme", "Move to another channel…")
        channels = {one.get("name"): one["id"] for one in (await local.get("state"))["channels"]}
        refused = await local.submit(PAT, {"channel": channels["joint-acme"]})
        assert refused["result"] in ("errors", "client_errors")
        done = await local.submit(PAT, {"channel": channels["leadership"]})
        assert done["result"] == "closed", done
        await local.to("Thu 09:53")
        assert any("Agenda" in row["text"] or "Deal 1" in row["text"] for row in await local.bot_messages("leadership"))
        text = await desk(local)
        assert "Agenda of Acme, 5 Mar: moved to another channel (Pat Manager)" in text
        assert "Held messages" not in text, "what is left is that others read the channel"
        outside = [one for one in await reached(local, team="T0ACME") if one["by_app"]]
        assert outside == []


async def test_a_guest_in_an_internal_channel_is_allowed_by_an_admin_or_the_message_is_dropped(sqlite_url):
    team = joint_team()
    team.people = [*team.people, Human("Adam Admin", "admin")]
    async with journey(team, sqlite_url) as local:
        await local.to("Thu 09:00")
        await admin(local, "add_user", id="U0GUEST", name="gus", real_name="Gus Guest", is_restricted=True)
        await admin(local, "invite", channel="p-acme", user="U0GUEST")
        await local.to("Thu 09:51")
        assert await local.bot_messages("p-acme") == []
        assert "A guest is in #p-acme" in await desk(local)
        text = await desk(local, "Adam Admin")
        assert "Gus Guest" in text
        card = await local.card("Adam Admin", CARD)
        await press_row(local, "Adam Admin", card, "Gus Guest", "Allow")
        await local.to("Thu 09:53")
        assert "Gus Guest may stay in #p-acme" in await desk(local, "Adam Admin")
        await decide(local, "Agenda of Acme", "Post it now")
        await local.to("Thu 09:55")
        assert len(await local.bot_messages("p-acme")) == 1


async def test_what_still_waits_moves_to_the_card_of_the_new_day(sqlite_url):
    async with journey(joint_team(), sqlite_url) as local:
        await ready(local)
        await press_check_in(local, CORA, "Account 1")
        await local.to("Thu 09:00")
        await admin(local, "share", channel="p-acme", team="T0ACME")
        await local.to("Thu 09:52")
        old, new = [
            row for row in await local.dms(PAT) if "Partners and shared" in str(row) or "What still" in str(row)
        ]
        assert "What still waits stands on the card of Thu 5 Mar." in shown(old)
        assert labels(old) == []
        assert "Cora Counterpart" in shown(new) or "for *Acme*" in shown(new)
        assert "Agenda of Acme" in shown(new)
