"""Answering: in few clicks, early, late, twice, together with others, and for somebody who is away."""

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from models.tables import Answer, Deal, DealVersion, NextAction
from tests.journeys.support import (
    answer,
    away,
    close_all,
    fields,
    journey,
    kinds,
    labels,
    note_of,
    open_from_list,
    person,
    press_deal,
    press_on,
    promise_two,
    reimport,
    shown,
    value_of,
    walk,
)
from tests.world import Human, deal, partner, small_team


def five(**more):
    """Ann has five deals, Bob none."""
    return small_team(deals=[deal(number, "Ann Seller") for number in range(1, 6)], **more)


async def current(local, crm_id):
    rows = await local.rows(
        select(DealVersion)
        .join(Deal, Deal.id == DealVersion.deal_id)
        .where(Deal.crm_id == crm_id, DealVersion.valid_to.is_(None))
    )
    return rows[0]


async def open_action(local, crm_id):
    rows = await local.rows(
        select(NextAction)
        .join(Deal, Deal.id == NextAction.deal_id)
        .where(Deal.crm_id == crm_id, NextAction.state == "open")
    )
    return rows[0]


async def test_five_unchanged_deals_take_at_most_seven_clicks_and_say_what_they_leave_unchanged(sqlite_url):
    async with journey(five(), sqlite_url) as local:
        await open_from_list(local, "Ann Seller", "Deal 1")  # Monday: early answers, with actions to keep
        await close_all(local, "Ann Seller")
        await local.command("Ann Seller", "/deals")
        await local.press("Ann Seller", "Review my deals")
        while (view := await local.view("Ann Seller")) and view["callback_id"] == "deal_review.answer":
            await answer(local, "Ann Seller", next_due="2026-03-20")
        await close_all(local, "Ann Seller")
        await local.to("Thu 08:00")
        assert await kinds(local, "Ann Seller") == [], "who has answered early is neither asked nor nudged"
        await local.to("Wed 10:00")
        clicks = 0
        while unchanged := [
            one for one in labels(await local.card("Ann Seller", "Your deals")) if one.startswith("No change")
        ]:
            assert unchanged[0] == "No change: call the customer by 20 Mar"
            card = await local.card("Ann Seller", "Your deals")
            block = next(
                block for block in card["blocks"] if any("No change" in shown(one) for one in block.get("elements", []))
            )
            await local.click("Ann Seller", card, unchanged[0], block_id=block["block_id"])
            clicks += 1
        assert clicks <= 7
        assert "All set: 5 deals answered" in shown(await local.card("Ann Seller", "Your deals"))
        assert {
            row.kind for row in await local.rows(select(Answer).where(Answer.at > datetime(2026, 3, 10, tzinfo=UTC)))
        } == {"no_change"}
        await local.to("Thu 10:00")
        assert await kinds(local, "Ann Seller") == ["prompt"]
        assert "5 of 5 deals answered" in (await local.bot_messages("p-acme"))[-1]["text"]


async def test_closing_the_form_after_the_third_deal_keeps_three_and_what_became_of_the_last_action_counts(sqlite_url):
    async with journey(five(), sqlite_url) as local:
        await local.to("Wed 10:00")
        await local.click("Ann Seller", await local.card("Ann Seller", "Your deals"), "Review my deals (5)")
        for title in ("Deal 1 of 5", "Deal 2 of 5", "Deal 3 of 5"):
            assert (await local.view("Ann Seller"))["title"]["text"] == title
            await answer(local, "Ann Seller", next_due="2026-03-11")
        await close_all(local, "Ann Seller")
        card = await local.card("Ann Seller", "Your deals")
        assert "3 of 5 answered" in shown(card)
        assert labels(card)[0] == "Review my deals (2)"
        assert len(await local.rows(select(Answer))) == 3
        # Twice: the second answer amends, both rows stay.
        await open_from_list(local, "Ann Seller", "Deal 5")
        assert value_of(await local.view("Ann Seller"), "next_text") == "call the customer"
        assert (await local.submit("Ann Seller", {"next_text": "call the buyer", "help_needed": "a reference"}))[
            "result"
        ] == "closed"
        await close_all(local, "Ann Seller")
        assert len(await local.rows(select(Answer))) == 4
        assert (await open_action(local, "D-0005")).text == "call the buyer"
        # Done, not yet, dropped: the week after.
        await local.to("Thu 10:30")
        await promise_two(local, "Pat Manager", "2026-03-12")
        await local.to("Wed 10:00")
        await press_deal(local, "Ann Seller", "Deal 5")
        await local.choose("Ann Seller", "outcome", "done")
        assert not value_of(await local.view("Ann Seller"), "next_text"), "what is done is followed by something new"
        assert value_of(await local.view("Ann Seller"), "help_needed") == "a reference"
        assert (await local.submit("Ann Seller", {"next_text": "sign", "next_due": "2026-03-20"}))["result"] == "closed"
        await press_deal(local, "Ann Seller", "Deal 4")
        assert (await local.submit("Ann Seller", {"next_due": "2026-03-25"}))["result"] == "closed"
        await press_deal(local, "Ann Seller", "Deal 3")
        await local.choose("Ann Seller", "outcome", "dropped")
        refused = await local.submit(
            "Ann Seller", {"next_text": "find a sponsor", "next_due": "2026-03-20", "drop_reason": " "}
        )
        assert "why it was dropped" in refused["errors"][fields(refused["view"])["drop_reason"]]
        assert (await local.submit("Ann Seller", {"drop_reason": "buyer left"}))["result"] == "closed"
        states = {
            row.text: (row.state, row.close_note)
            for row in await local.rows(select(NextAction).where(NextAction.state != "open"))
        }
        assert states == {"call the buyer": ("done", ""), "call the customer": ("dropped", "buyer left")}
        assert str((await open_action(local, "D-0004")).due) == "2026-03-25"
        # Late: after the review, and after it was closed; the card of that week still takes it.
        await local.to("Thu 10:30")
        old = next(
            row for row in await local.dms("Ann Seller") if "Your deals" in row["text"] and "W" not in row["text"]
        )
        await promise_two(local, "Pat Manager", "2026-03-19", **await judged(local))
        text = (await note_of(local, "p-acme"))["text"]
        assert "• Deal 5: done: call the buyer" in text
        assert "*Moved (1)*" in text
        newest = await local.card("Ann Seller", "Your deals")
        assert newest["ts"] != old["ts"]
        before = len(await local.rows(select(Answer)))
        await press_on(local, "Ann Seller", newest, "Deal 2", "Answer…")
        late = await answer(local, "Ann Seller", next_due="2026-03-30")
        assert late["result"] in ("closed", "updated"), late["errors"]
        assert len(await local.rows(select(Answer))) == before + 1
        await local.to("Fri 15:00")
        assert len(await local.bot_messages("leadership")) == 4


async def judged(local, fate="kept"):
    """Every last commitment was kept."""
    from models.tables import Commitment

    return {f"fate_{row.id}": fate for row in await local.rows(select(Commitment).where(Commitment.state == "open"))}


async def test_the_form_refuses_in_words_what_cannot_be(sqlite_url):
    outsiders = [
        {"id": "U0ROBOT", "name": "robot", "real_name": "Robot", "is_bot": True, "team_id": "T0HOME"},
        {"id": "U0NOONE", "name": "noone", "real_name": "No One", "email": "noone@home.example", "team_id": "T0HOME"},
        {"id": "U0STRANGE", "name": "strange", "real_name": "Stranger", "team_id": "T0OTHER", "is_stranger": True},
    ]
    team = five(outsiders=outsiders)
    team.people += [
        Human("Gus Guest", slack={"is_restricted": True}), Human("Dee Gone", slack={"deleted": True}),
        Human("Cora Counterpart", "counterpart", partner="Acme"),
    ]  # fmt: skip
    async with journey(team, sqlite_url) as local:
        await local.to("Wed 10:00")
        await press_deal(local, "Ann Seller", "Deal 3")
        for owner, words in (
            ("U0ROBOT", "a bot"), ("U0NOONE", "does not know"), ("U0STRANGE", "does not know"), ("Gus Guest", "Gus Guest is a guest"),
            ("Dee Gone", "deactivated"), ("Cora Counterpart", "one named person of our company"),
        ):  # fmt: skip
            found = await answer(local, "Ann Seller", next_owner=local.id(owner))
            assert found["result"] == "errors", owner
            assert words in found["errors"][fields(found["view"])["next_owner"]], (owner, found["errors"])
        for given, field, words in (
            ({"next_due": "2026-03-03", "next_owner": local.id("Bob Seller")}, "next_due", "in the past"),
            ({"next_due": "2026-03-12", "next_text": "   "}, "next_text", "what happens next"),
            ({"next_text": "call", "amount": "a lot"}, "amount", "is not an amount"),
        ):
            found = await local.submit("Ann Seller", given)
            assert words in found["errors"][fields(found["view"])[field]]
        assert await local.rows(select(Answer)) == []
        assert (await local.submit("Ann Seller", {"amount": "41,000.50"}))["result"] == "closed"
        assert (await current(local, "D-0003")).said["amount"]["value"] == 4_100_050


async def test_two_people_saving_one_deal_keep_both_changes_or_see_both_values(sqlite_url):
    async with journey(five(), sqlite_url) as local:
        await local.to("Wed 10:00")
        # The same fields, and the first action of the deal: both typed one.
        await press_deal(local, "Ann Seller", "Deal 1")
        await open_from_list(local, "Pat Manager", "Deal 1")
        await answer(local, "Pat Manager", next_text="Pat's action", amount="11,000", next_due="2026-03-18")
        await close_all(local, "Pat Manager")
        both = await answer(
            local, "Ann Seller", next_text="Ann's action", amount="12,000", help_needed="legal", next_due="2026-03-20"
        )
        assert both["result"] == "updated"
        words = shown(both["view"])
        for part in (
            "Pat Manager set *Pat's action*; you typed *Ann's action*",
            "*USD 11,000*; you typed *USD 12,000*",
        ):
            assert part in words, words
        assert value_of(both["view"], "next_text") == "Ann's action", "what was typed is still there"
        assert value_of(both["view"], "next_due") == "2026-03-20"
        assert value_of(both["view"], "amount") == "12,000"
        assert value_of(both["view"], "help_needed") == "legal"
        assert (await current(local, "D-0001")).said["amount"]["value"] == 1_100_000, "nothing was saved yet"
        assert (await local.submit("Ann Seller", {}))["result"] == "closed"
        assert (await open_action(local, "D-0001")).text == "Ann's action"
        assert (await current(local, "D-0001")).said["amount"]["value"] == 1_200_000
        # Different fields: both are kept, nobody is asked.
        await press_deal(local, "Ann Seller", "Deal 2")
        await answer(local, "Ann Seller", next_text="start", next_due="2026-03-20")
        await open_from_list(local, "Ann Seller", "Deal 2")
        await open_from_list(local, "Pat Manager", "Deal 2")
        one, two = await asyncio.gather(
            local.submit("Ann Seller", {"help_needed": "a demo"}),
            local.submit("Pat Manager", {"close_date": "2026-03-25"}),
        )
        assert (one["result"], two["result"]) == ("closed", "closed")
        await close_all(local, "Ann Seller")
        await close_all(local, "Pat Manager")
        assert (await current(local, "D-0002")).said["close_date"]["value"] == "2026-03-25"
        assert "a demo" in [row.help_needed for row in await local.rows(select(Deal))]
        # Both say "done" of one action: the second verdict does not fall on the first one's new action.
        await open_from_list(local, "Ann Seller", "Deal 2")
        await open_from_list(local, "Pat Manager", "Deal 2")
        for name in ("Ann Seller", "Pat Manager"):
            await local.choose(name, "outcome", "done")
        await local.submit("Pat Manager", {"next_text": "Pat goes on", "next_due": "2026-03-18"})
        again = await local.submit("Ann Seller", {"next_text": "Ann goes on", "next_due": "2026-03-19"})
        assert again["result"] == "updated"
        assert "Pat Manager set *Pat goes on*; you typed *Ann goes on*" in shown(again["view"])
        assert value_of(again["view"], "outcome") == "open"
        assert value_of(again["view"], "next_text") == "Ann goes on"
        assert (await local.submit("Ann Seller", {}))["result"] == "closed"
        assert (await open_action(local, "D-0002")).text == "Ann goes on"
        assert [row.text for row in await local.rows(select(NextAction).where(NextAction.state == "done"))] == ["start"]
        await close_all(local, "Ann Seller")
        await close_all(local, "Pat Manager")


async def test_a_form_that_an_import_made_stale_shows_both_values_and_a_button_that_grew_old_saves_nothing(sqlite_url):
    async with journey(five(), sqlite_url) as local:
        await local.to("Wed 10:00")
        await press_deal(local, "Ann Seller", "Deal 3")
        await answer(local, "Ann Seller", next_text="send pricing", next_due="2026-03-20")
        await press_deal(local, "Ann Seller", "Deal 4")
        team = [deal(number, "Ann Seller") for number in range(1, 6)]
        team[3] |= {"amount": "99000", "stage": "Needs Analysis"}
        await reimport(local, team)
        found = await answer(local, "Ann Seller", amount="45,000")
        assert found["result"] == "updated"
        assert "the CRM import set *USD 99,000*; you typed *USD 45,000*" in shown(found["view"])
        assert "Stage" not in shown(found["view"]["blocks"][0]), "only what both changed is a conflict"
        assert (await local.submit("Ann Seller", {"amount": "99,000"}))["result"] == "closed"
        version = await current(local, "D-0004")
        assert (version.amount, version.stage, version.said) == (9_900_000, "Needs Analysis", {})
        # Next week's card offers "no change"; the action changes under it.
        await local.to("Thu 11:00")
        await promise_two(local, "Pat Manager", "2026-03-12")
        await local.to("Wed 10:00")
        assert "No change: send pricing by 20 Mar" in labels(await local.card("Ann Seller", "Your deals"))
        before = len(await local.rows(select(Answer)))
        # While Slack lets no card be edited, the old button is still on the screen.
        await local.post("faults", [{"kind": "ratelimited", "method": "chat.update", "retry_after": 60, "count": 1}])
        await open_from_list(local, "Pat Manager", "Deal 3")
        await local.submit("Pat Manager", {"next_text": "send the contract"})
        found = await press_deal(local, "Ann Seller", "Deal 3", "No change: send pricing")
        assert "changed since this card was drawn" in found["ephemeral"][0]["text"]
        assert "nothing was saved" in found["ephemeral"][0]["text"]
        assert len(await local.rows(select(Answer))) == before + 1
        assert not [row for row in await local.rows(select(Answer)) if row.kind == "no_change"]


@pytest.mark.parametrize("http", [False, True], ids=["socket mode", "http mode"])
async def test_what_slack_sends_twice_has_one_effect(sqlite_url, http):
    async with journey(five(), sqlite_url, http=http) as local:
        await local.post("faults", [{"kind": "duplicate_event", "count": 50}])
        await local.post("message", {"user": local.id("Ann Seller"), "channel": "bot", "text": "hello?"})
        helps = [row for row in await local.dms("Ann Seller") if "`/deals` answers" in row["text"]]
        assert len(helps) == 1
        event = next(row for row in await local.get("log", kind="event") if row["method"] == "message")
        await local.post("admin/redeliver", {"event_id": event["request"]["event_id"]})
        await local.home("Ann Seller")
        assert len(await local.dms("Ann Seller")) == 1
        await local.to("Wed 10:00")
        await press_deal(local, "Ann Seller", "Deal 3")
        view = await local.view("Ann Seller")
        by_field = fields(view)
        values = {by_field["next_text"]: "send pricing", by_field["next_due"]: "2026-03-20"}
        await local.post("fill", {"user": local.id("Ann Seller"), "values": values})
        both = await asyncio.gather(*(local.post("submit", {"user": local.id("Ann Seller")}) for _ in range(2)))
        assert [row["result"] for row in both] == ["closed", "closed"]
        assert len(await local.rows(select(Answer))) == 1


async def test_a_cover_is_asked_and_answers_in_their_own_name_and_who_is_away_without_one_is_named(sqlite_url):
    team = five()
    team.people.append(Human("Cleo Cover"))
    team.deals.append(deal(6, "Bob Seller"))
    async with journey(team, sqlite_url) as local:
        found = await away(local, "Ann Seller", "2026-03-04", "2026-03-06", "Ann Seller")
        assert found["result"] == "errors", "nobody covers for themselves"
        assert (await local.submit("Ann Seller", {"cover": local.id("Cleo Cover")}))["result"] == "closed"
        assert "Cleo Cover covers" in shown(await local.home("Ann Seller"))
        await away(local, "Bob Seller", "2026-03-02", "2026-03-06")
        await local.to("Thu 09:50")
        assert await local.dms("Ann Seller") == []
        assert await local.dms("Bob Seller") == []
        card = await local.card("Cleo Cover", "Your deals")
        assert "for Ann Seller" in shown(card)
        assert "You cover for Ann Seller today" in shown(await local.home("Cleo Cover"))
        await press_deal(local, "Cleo Cover", "Deal 5")
        assert value_of(await local.view("Cleo Cover"), "next_owner") == local.id("Ann Seller")
        await answer(local, "Cleo Cover", next_text="keep it warm")
        (row,) = await local.rows(select(Answer))
        assert (row.by_id, row.for_id) == (
            (await person(local, "Cleo Cover")).id,
            (await person(local, "Ann Seller")).id,
        )
        agenda = (await local.bot_messages("p-acme"))[-1]
        assert "Away: " in agenda["text"]
        assert "Bob Seller" in agenda["text"].split("Away: ")[1].split("\n")[0]
        assert agenda["mentions"] == [f"@{local.id('Cleo Cover')}"], "who is away is named without being called"


async def test_other_partners_are_asked_on_the_same_card_and_a_shared_deal_is_asked_once(sqlite_url):
    team = small_team(
        partners=[partner("Acme"), partner("Beta"), partner("Gamma", tier=2, channel="")],
        deals=[
            deal(1, "Ann Seller"), deal(2, "Ann Seller", "Gamma"), deal(3, "Ann Seller", "Gamma", close_date="2027-12-01"),
            deal(4, "Ann Seller", "Acme; Beta", partner_role="reseller; influence", share="60%; 40%"),
            deal(5, "Bob Seller", "Beta"),
        ],
    )  # fmt: skip
    async with journey(team, sqlite_url) as local:
        await local.to("Wed 10:00")
        card = await local.card("Ann Seller", "Your deals")
        words = shown({"blocks": card["blocks"]})
        assert words.index("*Acme*") < words.index("Other partners")
        assert "Deal 3" not in words, "it closes in neither this quarter nor the next"
        assert words.count("*Deal 4*") == 1, "a deal with several partners is asked for once"
        assert await walk(local, "Ann Seller", help_needed="an intro") == 3
        await local.to("Thu 10:20")
        beta = (await local.bot_messages("p-beta"))[0]["text"]
        assert "Deal 4: another partner's deal, not counted here" in beta
        assert "USD 50,000 (1 deal)" in beta
        await local.to("Thu 11:00")
        await promise_two(local, "Pat Manager", "2026-03-12", label="Close all 2, one by one")
        await promise_two(local, "Pat Manager", "2026-03-12", open_=False)
        assert "Deal 4: another partner's deal, not counted here" in (await note_of(local, "p-beta"))["text"]
        await local.to("Fri 15:00")
        root, *below = await local.bot_messages("leadership")
        assert "*Other partners of Pat Manager*: 1 of 1 deal answered" in root["text"]
        others = [row["text"] for row in below if row["text"].startswith("*Other partners")]
        assert len(others) == 1
        assert "Gamma · Deal 2" in others[0]
        assert "help: an intro" in others[0]


async def test_the_cover_of_a_partner_manager_is_asked_to_close_and_signs_in_their_own_name(sqlite_url):
    team = five()
    team.people.append(Human("Quinn Manager", "pm"))
    async with journey(team, sqlite_url) as local:
        await away(local, "Pat Manager", "2026-03-05", "2026-03-06", "Quinn Manager")
        await local.to("Fri 12:00")
        assert await local.dms("Pat Manager") == []
        assert await kinds(local, "Quinn Manager") == ["close", "close_nudge"]
        await promise_two(local, "Quinn Manager", "2026-03-12")
        assert "Held Thu 5 Mar (closed by Quinn Manager)" in (await note_of(local, "p-acme"))["text"]
        await local.to("Fri 15:00")
        assert len(await local.bot_messages("leadership")) == 2
        await local.to("Mon 12:00")
        assert await local.dms("Pat Manager") == [], "what was closed is not asked for again"
