"""Setting up, moving, skipping and pausing; who may, who may not, and who is told what."""

from sqlalchemy import select

from models.domain.notes import WeeklyFacts
from models.tables import Artifact, Cadence, Occurrence
from tests.journeys.support import (
    close_all,
    fields,
    journey,
    kinds,
    menu,
    note_of,
    occurrences,
    person,
    posted_local,
    press_row,
    promise_two,
    shown,
    value_of,
    walk,
)
from tests.world import Human, deal, partner, small_team


async def test_a_moved_review_is_held_late_with_reason_and_name_and_asks_nobody_twice(sqlite_url):
    team = small_team(partners=[partner("Acme"), partner("Beta")])
    async with journey(team, sqlite_url) as local:
        await local.to("Wed 10:30")
        await menu(local, "Pat Manager", "Acme", "bump")
        for given, field, words in (
            ({"reason": "x"}, "at", "planned already"),
            ({"day": "2026-03-05", "at": "10:40", "reason": "x"}, "at", "This overlaps with the Beta review at 10:30"),
            ({"day": "2026-03-12", "at": "10:00"}, "day", "same week"),
            ({"day": "2026-03-06", "at": "19:00"}, "at", "between 08:00 and 18:00"),
            ({"day": "2026-03-03", "at": "10:00"}, "at", "is over"),
        ):
            found = await local.submit("Pat Manager", given)
            assert words in found["errors"][fields(found["view"])[field]], (given, found["errors"])
        moved = await local.submit(
            "Pat Manager", {"day": "2026-03-06", "at": "09:00", "reason": "the partner's <!channel> all-hands"}
        )
        assert moved["result"] == "updated", moved
        assert "moved by Pat Manager: the partner's" in shown(moved["view"])
        await close_all(local, "Pat Manager")
        card = shown(await local.card("Ann Seller", "Your deals"))
        assert "Fri 6 Mar, 09:00–09:30" in card
        assert "moved: the partner's" in card
        await local.to("Fri 09:30")
        assert await posted_local(local, "Ann Seller", "prompt") == ["Wed 10:00"]
        assert await posted_local(local, "Ann Seller", "nudge") == ["Fri 08:00"]
        await press_row(local, "Pat Manager", (await local.dms("Pat Manager"))[-1], "Acme")
        await promise_two(local, "Pat Manager", "2026-03-12", open_=False)
        assert "Held late, Fri 6 Mar: moved by Pat Manager, the partner's" in (await note_of(local, "p-acme"))["text"]
        await local.to("Fri 15:00")
        root = (await local.bot_messages("leadership"))[0]
        assert "held late" in root["text"]
        assert "1 late" in root["text"]
        assert len([row for row in await local.rows(select(Occurrence)) if row.moved_at]) == 1


async def test_a_skipped_week_still_publishes_its_answers_and_the_partners_side_never_counts(sqlite_url):
    team = small_team(partners=[partner("Acme"), partner("Beta"), partner("Gamma")])
    team.deals += [deal(6, "Ann Seller", "Beta"), deal(7, "Ann Seller", "Gamma")]
    async with journey(team, sqlite_url) as local:
        await local.to("Wed 10:30")
        assert await walk(local, "Ann Seller") == 5
        for name, side, reason in (("Acme", "ours", "PM is ill"), ("Beta", "partner", "they cancelled")):
            await menu(local, "Pat Manager", name, "skip")
            empty = await local.submit("Pat Manager", {"reason": " "})
            assert "Say why" in empty["errors"][fields(empty["view"])["reason"]]
            assert (await local.submit("Pat Manager", {"side": side, "reason": reason}))["result"] == "updated"
            await close_all(local, "Pat Manager")
        assert "skipped" in shown(await local.card("Bob Seller", "Your deals"))
        await local.to("Thu 11:30")
        assert await kinds(local, "Bob Seller") == ["prompt"], "nobody is nudged for what was skipped"
        assert await local.bot_messages("p-acme") == []
        await promise_two(local, "Pat Manager", "2026-03-12")
        await local.to("Fri 15:00")
        root, *below = await local.bot_messages("leadership")
        assert "skipped: our side, PM is ill" in root["text"]
        assert "no meeting: the partner's side, they cancelled" in root["text"]
        assert "1 held, 0 late, 1 skipped, 1 without meeting" in root["text"]
        assert len(below) == 3
        assert "Skipped: our side, PM is ill (closed by Pat Manager)" in (await note_of(local, "p-acme"))["text"]
        facts = [
            WeeklyFacts.model_validate(row.facts)
            for row in await local.rows(select(Artifact).where(Artifact.kind == "weekly_note"))
        ]
        assert {row.partner: row.answered for row in facts} == {"Acme": 3, "Beta": 1, "Gamma": 1}


async def test_a_paused_review_stops_and_its_deals_are_asked_for_once_among_the_other_partners(sqlite_url):
    team = small_team(partners=[partner("Acme"), partner("Beta")])
    team.deals.append(deal(6, "Ann Seller", "Beta"))
    async with journey(team, sqlite_url) as local:
        await local.to("Wed 10:30")
        await menu(local, "Pat Manager", "Acme", "pause")
        assert (await local.submit("Pat Manager", {"reason": "merger talks"}))["result"] == "updated"
        await close_all(local, "Pat Manager")
        words = shown({"blocks": (await local.card("Ann Seller", "Your deals"))["blocks"]})
        assert words.count("*Deal 3*") == 1, words
        await local.to("Thu 09:50")
        await local.to("Wed 10:00")
        card = await local.card("Ann Seller", "Your deals")
        words = shown({"blocks": card["blocks"]})
        assert "Other partners" in words
        assert words.count("*Deal 3*") == 1
        await local.command("Pat Manager", "/cadence")
        assert "Paused: Acme" in shown(await local.view("Pat Manager"))
        assert "Acme is Tier 1 and has no weekly review" in shown(await local.view("Pat Manager"))
        await close_all(local, "Pat Manager")
        await local.command("Pat Manager", "/cadence setup")
        assert (await local.submit("Pat Manager"))["result"] == "closed"
        assert [row.state for row in await local.rows(select(Cadence).where(Cadence.kind == "weekly_review"))] == [
            "active",
            "active",
        ]


async def test_a_review_is_set_up_in_a_free_slot_and_an_overlap_is_refused_with_free_ones(sqlite_url):
    team = small_team(partners=[partner("Acme"), partner("Beta")], reviews=False)
    team.deals.append(deal(6, "Ann Seller", "Beta"))
    async with journey(team, sqlite_url) as local:
        await local.to("Tue 09:00")
        await local.command("Pat Manager", "/cadence")
        assert "Nothing is planned" in shown(await local.view("Pat Manager"))
        await local.press("Pat Manager", "Set up a weekly review")
        assert value_of(await local.view("Pat Manager"), "at") == "10:00"
        done = await local.submit("Pat Manager", {"partner": "Acme"})
        assert "*Acme* · Thu 5 Mar, 10:00–10:30" in shown(done["view"]), "the overview shows what was set up"
        await close_all(local, "Pat Manager")
        await local.command("Pat Manager", "/cadence setup")
        view = await local.view("Pat Manager")
        assert value_of(view, "at") == "10:30", "the next free hour is offered"
        found = await local.submit("Pat Manager", {"partner": "Beta", "at": "10:15"})
        words = found["errors"][fields(found["view"])["at"]]
        assert words == "This overlaps with the Acme review at 10:00. Free on Thursday: 10:30, 11:00, 11:30, 12:00."
        found = await local.submit("Pat Manager", {"at": "18:00"})
        assert "between 08:00 and 18:00" in found["errors"][fields(found["view"])["at"]]
        assert (await local.submit("Pat Manager", {"at": "10:30"}))["result"] == "closed"
        await close_all(local, "Pat Manager")
        await local.to("Wed 10:00")
        assert await kinds(local, "Ann Seller") == ["prompt"]
        assert "*Beta* · Thu 5 Mar, 10:30–11:00" in shown(await local.card("Ann Seller", "Your deals"))


async def test_a_review_set_up_after_the_prompts_joins_the_same_card(sqlite_url):
    team = small_team(partners=[partner("Acme"), partner("Beta")], review_hours={"Acme": (3, "10:00")})
    team.deals.append(deal(6, "Ann Seller", "Beta"))
    async with journey(team, sqlite_url) as local:
        await local.to("Wed 14:00")
        await local.command("Pat Manager", "/cadence setup")
        assert (await local.submit("Pat Manager", {"partner": "Beta"}))["result"] == "closed"
        await close_all(local, "Pat Manager")
        await local.to("Wed 14:05")
        assert await kinds(local, "Ann Seller") == ["prompt"]
        words = shown(await local.card("Ann Seller", "Your deals"))
        assert "*Acme* ·" in words
        assert "*Beta* ·" in words
        assert words.count("*Deal 6*") == 1


async def test_everyone_who_is_refused_learns_what_they_may_not_and_who_can(sqlite_url):
    team = small_team(
        partners=[partner("Acme", joint="#joint-acme"), partner("Beta", pm="Quinn Manager")],
        outsiders=[
            {
                "id": "U0NOONE",
                "name": "noone",
                "real_name": "No One",
                "email": "noone@home.example",
                "team_id": "T0HOME",
            }
        ],
    )
    team.people += [
        Human("Quinn Manager", "pm"),
        Human("Cora Counterpart", "counterpart", partner="Acme"),
        Human("Ada Admin", "admin"),
    ]
    async with journey(team, sqlite_url) as local:
        found = await local.command("Ann Seller", "/cadence setup")
        assert "The partner's manager, the head of partnerships or an admin can." in said(found)
        await local.command("Ann Seller", "/cadence")
        assert "Set up" not in shown(await local.view("Ann Seller")), "what one may not do is not offered"
        await close_all(local, "Ann Seller")
        found = await local.command("U0NOONE", "/deals")
        assert "does not know you yet. Ask an admin" in said(found)
        assert "Ask an admin to add you: `/cadence start`" in said(found)
        refused = await local.post(
            "command",
            {"user": local.id("Cora Counterpart"), "channel": "bot", "command": "/deals", "text": ""},
            ok=False,
        )
        assert refused["ok"] is False
        await local.to("Thu 10:30")
        card = (await local.dms("Pat Manager"))[-1]
        await local.click("Pat Manager", card, "Close…")
        # The same buttons in other hands: forged, as no client of ours would send them.
        assert "Pat Manager (partner manager) or the head of partnerships can" in await forged(
            local, "Quinn Manager", "closing.one", '{"o":1}'
        )
        assert "cannot close this review" in await forged(local, "Ann Seller", "closing.one", '{"o":1}')
        assert "cannot close this review" in await forged(local, "Ada Admin", "closing.one", '{"o":1}')
        assert "Ann Seller (owner of the deal)" in await forged(
            local, "Quinn Manager", "deal_review.answer_one", '{"o":1,"d":1}'
        )
        assert "Only people of our own company" in await forged(
            local, "Cora Counterpart", "deal_review.answer_one", '{"o":1,"d":1}'
        )
        assert (await person(local, "Quinn Manager")).active
        assert (await occurrences(local))[0].closed_at is None


def said(found):
    return shown({"a": found["ephemeral"], "b": found["views"]})


async def forged(local, name, action_id, value):
    """A click by somebody who has no such button: sent to the bot as Slack would send it, and what they were told."""
    who = local.id(name)
    await local.get("read", user=who, channel="bot")
    state = await local.get("state")
    direct = next(one["id"] for one in state["channels"] if one.get("user") == who)
    user = next(one for one in state["users"] if one["id"] == who)
    clicked = (await local.get("log", kind="interaction", method="block_actions"))[-1]["request"]
    payload = clicked | {
        "user": {"id": who, "username": user["name"], "name": user["name"], "team_id": user["team_id"]},
        "container": {"type": "message", "message_ts": "1.0", "channel_id": direct, "is_ephemeral": False},
        "channel": {"id": direct, "name": "directmessage"},
        "actions": [{"type": "button", "action_id": action_id, "block_id": "b", "value": value, "action_ts": "1.0"}],
    }
    assert (await local.post("deliver", {"kind": "interaction", "payload": payload}))["acked"]
    await local.to(await local.now())
    rows = [row for row in await local.get("messages") if row["ephemeral_to"] == who]
    return rows[-1]["text"] if rows else ""
