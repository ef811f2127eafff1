"""No deal, one deal, two hundred; and names nobody would choose: nothing breaks, nobody is called, nothing is cut silently."""

import pytest
from sqlalchemy import select

from models.tables import Answer, NextAction
from tests.journeys.support import (
    answer,
    assert_one_page,
    close_all,
    close_review,
    fields,
    journey,
    kinds,
    labels,
    menu,
    note_of,
    press_deal,
    promise_two,
    shown,
)
from tests.world import Human, deal, partner, small_team


async def test_a_partner_without_deals_asks_nobody_and_still_has_its_note(sqlite_url):
    async with journey(small_team(deals=[]), sqlite_url) as local:
        await local.to("Thu 10:30")
        assert await kinds(local, "Ann Seller") == []
        agenda = (await local.bot_messages("p-acme"))[0]
        assert "No open deals" in agenda["text"]
        await local.command("Ann Seller", "/deals")
        assert "You have no open deals" in shown(await local.view("Ann Seller"))
        await promise_two(local, "Pat Manager", "2026-03-12")
        note = (await note_of(local, "p-acme"))["text"]
        assert "_No open deals with this partner._" in note
        assert "0 of 0" not in note + agenda["text"]
        await local.to("Fri 15:00")
        root = (await local.bot_messages("leadership"))[0]
        assert (
            "*Acme* · nothing · 2 commitments" in root["text"]
            or "*Acme* · no open deals · 2 commitments" in root["text"]
        )


async def test_one_deal_is_spoken_of_in_the_singular(sqlite_url):
    async with journey(small_team(deals=[deal(1, "Ann Seller")]), sqlite_url) as local:
        await local.to("Wed 10:00")
        assert labels(await local.card("Ann Seller", "Your deals"))[0] == "Review my deals (1)"
        await press_deal(local, "Ann Seller", "Deal 1")
        assert (await answer(local, "Ann Seller", amount=""))["result"] == "closed"
        assert "All set: 1 deal answered" in shown(await local.card("Ann Seller", "Your deals"))
        await local.to("Thu 10:30")
        assert "USD 10,000 (1 deal) · 1 of 1 deal answered" in (await local.bot_messages("p-acme"))[0]["text"]
        await promise_two(local, "Pat Manager", "2026-03-12")
        await local.to("Fri 15:00")
        said = " ".join(row["text"] for row in await local.get("messages"))
        for wrong in ("1 deals", "1 of 1 deals", "1 partners", "1 commitments", "1 days", "1 reviews"):
            assert wrong not in said.replace("11 ", "").replace("21 ", ""), wrong


async def test_two_hundred_deals_fit_the_card_the_form_and_the_page(sqlite_url):
    team = small_team(deals=[deal(number, "Ann Seller", amount="1000") for number in range(1, 201)])
    async with journey(team, sqlite_url) as local:
        await local.to("Wed 10:00")
        card = await local.card("Ann Seller", "Your deals")
        assert labels(card)[0] == "Review my deals (200)"
        assert len(card["blocks"]) <= 50
        assert "and 188 more deals here" in shown(card)
        await local.click("Ann Seller", card, "Review my deals (200)")
        for place in (1, 2, 3):
            assert (await local.view("Ann Seller"))["title"]["text"] == f"Deal {place} of 200"
            await answer(local, "Ann Seller")
        await close_all(local, "Ann Seller")
        assert "3 of 200 answered" in shown(await local.card("Ann Seller", "Your deals"))
        await local.command("Ann Seller", "/deals")
        assert "200 open deals · 197 not answered" in shown(await local.view("Ann Seller"))
        assert "and 160 more" in shown(await local.view("Ann Seller"))
        await close_all(local, "Ann Seller")
        assert shown(await local.home("Ann Seller"))
        await local.to("Thu 10:30")
        agenda = (await local.bot_messages("p-acme"))[0]["text"]
        assert_one_page(agenda)
        assert "USD 200,000 (200 deals) · 3 of 200 deals answered" in agenda
        await promise_two(local, "Pat Manager", "2026-03-12")
        note = (await note_of(local, "p-acme"))["text"]
        named = note.count("\n• Deal ")
        assert f"… and {200 - named} more deals, USD {200 - named},000 ({200 - named} deals)" in note, (
            "the page ties out"
        )
        assert "`/deals Acme` shows them" in note
        await local.to("Fri 15:00")
        for row in await local.bot_messages("leadership"):
            assert_one_page(row["text"])


HOSTILE = "<!channel> <@U00001> @here *bold* `code` _it_ ~no~ <https://x.example|click> & 🏳️‍🌈👩‍👩‍👧 שלום עולם مرحبا "
LONG = HOSTILE + "x" * (3000 - len(HOSTILE))


async def test_names_nobody_would_choose_call_nobody_and_break_nothing(sqlite_url):
    name = "<!everyone> & Söhne 🏳️‍🌈 מערכות"
    team = small_team(
        partners=[partner(name, channel="p-acme")],
        deals=[
            deal(1, "Ann Seller", name, name=LONG, account=LONG, next_step=LONG, stage="Qualification"),
            deal(2, "Ann Seller", name, name=HOSTILE, account=HOSTILE, next_step=HOSTILE),
            deal(3, "Bob <!channel> Seller", name, name="\u202ereversed\u202c deal", account=""),
        ],
    )  # fmt: skip
    team.people[2] = Human("Bob <!channel> Seller")
    async with journey(team, sqlite_url) as local:
        await local.to("Wed 10:00")
        card = await local.card("Ann Seller", "Your deals")
        assert card["mentions"] == []
        await local.click("Ann Seller", card, "Review my deals (2)")
        for _ in range(2):
            found = await answer(
                local,
                "Ann Seller",
                next_text=HOSTILE,
                help_needed=HOSTILE * 5,
                partner_owner="<!here> Zoë",
                next_due="2026-03-20",
            )
            assert found["result"] in ("updated", "closed"), found["errors"]
        assert {row.text for row in await local.rows(select(NextAction))} == {" ".join(HOSTILE.split())}
        await local.command("Ann Seller", "/deals <!channel> `x`")
        assert "No open deal of yours matches" in shown(await local.view("Ann Seller")) or "not answered" in shown(
            await local.view("Ann Seller")
        )
        await close_all(local, "Ann Seller")
        for who in ("Ann Seller", "Pat Manager"):
            await local.home(who)
            await local.command(who, "/cadence")
            await close_all(local, who)
        await menu(local, "Pat Manager", "Söhne", "bump")
        moved = await local.submit("Pat Manager", {"at": "11:00", "reason": HOSTILE})
        assert moved["result"] == "updated", moved["errors"]
        await close_all(local, "Pat Manager")
        await local.to("Thu 11:30")
        agenda = (await local.bot_messages("p-acme"))[0]
        assert agenda["mentions"] == [f"@{local.id('Bob <!channel> Seller')}"]
        done = await close_review(
            local,
            "Pat Manager",
            (HOSTILE, "Ann Seller", "2026-03-11"),
            (HOSTILE * 2, "Bob <!channel> Seller", "2026-03-12"),
        )
        assert done["result"] == "closed", done["errors"]
        note = await note_of(local, "p-acme")
        assert note["mentions"] == []
        assert ":arrow_right:" not in note["text"]
        await local.to("Wed 10:00")  # Friday's note, then a card with hostile actions
        assert [row["mentions"] for row in await local.bot_messages("leadership")] == [[], []]
        assert await local.rows(select(Answer))
        assert any(
            label.startswith("No change: <!channel>") for label in labels(await local.card("Ann Seller", "Your deals"))
        )
        await local.to("Thu 10:40")
        await local.click("Pat Manager", (await local.dms("Pat Manager"))[-1], "Close…")
        await local.choose("Pat Manager", "held", "not_held")
        gone = await local.submit("Pat Manager", {"side": "ours", "reason": HOSTILE})
        assert gone["result"] == "closed", gone["errors"]
        note = await note_of(local, "p-acme")
        assert note["mentions"] == []
        assert ":warning: not judged, overdue: " in note["text"], "a week that was not held judges nothing"
        assert ":arrow_right: not yet due: " in note["text"]


@pytest.mark.parametrize("length", [75, 150, 300], ids=lambda length: f"{length} characters")
async def test_long_stages_and_counterparts_fit_the_form(sqlite_url, length):
    team = small_team(deals=[deal(1, "Ann Seller", stage="S" * length, category="pipeline")])
    team.people.append(Human("C" * length, "counterpart", partner="Acme", slack={"email": "c@partner.example"}))
    async with journey(team, sqlite_url) as local:
        await local.to("Wed 10:00")
        await press_deal(local, "Ann Seller", "Deal 1")
        assert "stage" in fields(await local.view("Ann Seller"))
        assert (await answer(local, "Ann Seller"))["result"] == "closed"
        (row,) = await local.rows(select(Answer))
        assert "stage" not in row.changed, "nothing was changed by being too long"
