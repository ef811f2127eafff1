"""A deal that is born in Slack: made, asked about, found again in the CRM's export, and one deal from then on."""

from sqlalchemy import select

from models.cards import touch_everything
from models.imports import import_deals
from models.tables import Answer, CrmRecord, Deal, DealMatch, DealVersion, NextAction
from tests.journeys.support import (
    answer,
    close_all,
    fields,
    journey,
    labels,
    note_of,
    outbox,
    person,
    press_deal,
    promise_two,
    shown,
    walk,
)
from tests.journeys.test_planning import forged
from tests.world import Human, deal, deals_csv, partner, small_team

NAME = "Halyard – Pumps"


async def make(local, who, **values):
    """`/deals new`, filled in and submitted."""
    await local.command(who, "/deals new")
    view = await local.view(who)
    first = fields(view)
    chosen = {"name": NAME, "account": "Halyard", "amount": "40000", **values}
    assert set(chosen) <= set(first), (set(chosen), set(first))
    return await local.submit(who, chosen)


async def brings(local, *rows):
    """The CRM's export arrives, with these rows besides the team's."""
    async with local.db.write() as session:
        await import_deals(
            session, deals_csv([*local.team.deals, *rows]), file_name="deals.csv", now=await local.now(),
            policy=local.team.policy,
        )  # fmt: skip
        await touch_everything(session)
    await local.to(await local.now())


def in_the_crm(number=77, **more):
    return deal(number, "Ann Seller", name="Pumps", account="Halyard Ltd", amount="42000", stage="Qualification",
                close_date="2026-03-28", **more)  # fmt: skip


async def asked(local, name):
    """The question, as it stands now."""
    found = [row for row in await local.dms(name) if "same deal?" in shown({"blocks": row["blocks"]})]
    return found[-1] if found else None


async def test_a_deal_is_made_asked_about_found_in_the_crm_and_counted_once(database_url):
    team = small_team()
    async with journey(team, database_url) as local:
        await local.to("Tue 09:00")
        done = await make(
            local, "Ann Seller", close_date="2026-03-30", next_text="send the offer", next_due="2026-03-20"
        )
        assert done["result"] == "updated", done
        text = shown(done["view"])
        assert f"*{NAME}* is here, with Acme." in text
        assert "You are asked about it before the Acme review, Thu 5 Mar, 10:00." in text
        await close_all(local, "Ann Seller")
        await local.command("Ann Seller", "/deals")
        assert "Prospecting · pipeline · USD 40,000 · closes 30 Mar 2026 · _not in the CRM yet_" in shown(
            await local.view("Ann Seller")
        )
        await close_all(local, "Ann Seller")

        await local.to("Wed 10:00")
        card = await local.card("Ann Seller", "Your deals for the next review")
        assert f"*{NAME}*" in shown(card)
        await press_deal(local, "Ann Seller", NAME)
        view = await local.view("Ann Seller")
        assert "totals keep the CRM's value" not in shown(view), "there is no other value"
        assert (await local.submit("Ann Seller", {"stage": "Proposal/Price Quote", "amount": "45000"}))[
            "result"
        ] == "closed"
        born = (await local.rows(select(Deal).where(Deal.crm_id.is_(None))))[0]
        version = (await local.rows(select(DealVersion).where(DealVersion.id == born.version_id)))[0]
        assert (version.stage, version.category, version.amount, version.said) == (
            "Proposal/Price Quote", "best_case", 45_000_00, {},
        )  # fmt: skip
        assert "To mend in the CRM" not in shown(await local.home("Ann Seller"))

        await local.to("Wed 15:00")
        await brings(local, in_the_crm())
        question = await asked(local, "Pat Manager")
        text = shown({"blocks": question["blocks"]})
        for words in (f"*{NAME}*", "USD 45,000", "*Pumps*", "Halyard Ltd", "USD 42,000", "In the CRM · D-0077",
                      "closes 28 Mar 2026", "Made here · Acme"):  # fmt: skip
            assert words in text, (words, text)
        assert labels(question) == ["Same deal", "Different"]
        assert "Is this the same deal? (1)" in shown(await local.home("Pat Manager"))
        assert "same deal" not in shown(await local.home("Ann Seller")).casefold()

        match = (await local.rows(select(DealMatch)))[0]
        for who in ("Ann Seller", "Bob Seller"):
            refusal = await forged(local, who, "births.same", f'{{"m":{match.id}}}')
            assert "Pat Manager (partner manager) or the head of partnerships can" in refusal
        assert (await local.rows(select(DealMatch)))[0].state == "open"

        await local.click("Pat Manager", question, "Same deal")
        await local.to("Wed 15:01")
        settled = await asked(local, "Pat Manager") or (await local.dms("Pat Manager"))[-1]
        assert "*Pumps* (D-0077) is one deal now, as Pat Manager said" in shown({"blocks": settled["blocks"]})
        assert labels(settled) == []
        await local.click("Pat Manager", question, "Same deal", ok=False)
        twin = (await local.rows(select(Deal).where(Deal.id == match.other_id)))[0]
        assert (twin.crm_id, twin.version_id) == (None, None)
        assert (await local.rows(select(CrmRecord).where(CrmRecord.crm_id == "D-0077")))[0].deal_id == born.id
        version = (
            await local.rows(
                select(DealVersion).join(Deal, Deal.version_id == DealVersion.id).where(Deal.id == born.id)
            )
        )[0]
        assert (version.name, version.amount, version.stage) == ("Pumps", 42_000_00, "Qualification")
        assert {name: held["value"] for name, held in version.said.items()} == {
            "stage": "Proposal/Price Quote", "category": "best_case", "amount": 45_000_00, "close_date": "2026-03-30",
        }  # fmt: skip
        assert "To mend in the CRM (1)" in shown(await local.home("Ann Seller"))
        assert "Is this the same deal?" not in shown(await local.home("Pat Manager"))
        card = shown(await local.card("Ann Seller", "Your deals for the next review"))
        assert ":white_check_mark: Pumps" in card, "what she answered stays answered"

        await local.to("Thu 10:30")
        await promise_two(local, "Pat Manager", "2026-03-12")
        note = (await note_of(local, "p-acme"))["text"]
        assert "*Joint pipeline* USD 192,000 (6 deals)" in note
        assert "Not in the CRM" not in note
        await local.to("Fri 15:00")
        root = (await local.bot_messages("leadership"))[0]["text"]
        assert "*Joint pipeline* USD 192,000 (6 deals)" in root
        assert "Not in the CRM" not in root
        assert len(await outbox(local, "same_deal")) == 1, "asked once"


async def test_while_nobody_has_said_so_finance_sees_what_the_crm_does_not_have(sqlite_url):
    async with journey(small_team(), sqlite_url) as local:
        await local.to("Tue 09:00")
        await make(local, "Ann Seller")
        await make(local, "Bob Seller", name="Valves", account="Northwind", amount="")
        await local.to("Wed 10:30")
        await walk(local, "Ann Seller")
        await local.to("Thu 09:50")
        [agenda] = await local.bot_messages("p-acme")
        assert agenda["text"].count("not in the CRM yet") == 2
        await local.to("Thu 10:30")
        await promise_two(local, "Pat Manager", "2026-03-12")
        note = (await note_of(local, "p-acme"))["text"]
        line = "_Not in the CRM yet, and counted above: USD 40,000 (2 deals, 1 of unknown amount)_"
        assert line in note
        assert f"{NAME} (not in the CRM yet) · USD 40,000" in note
        await local.to("Fri 15:00")
        assert line in (await local.bot_messages("leadership"))[0]["text"]


async def test_different_deals_stay_two_and_nobody_asks_again(sqlite_url):
    async with journey(small_team(), sqlite_url) as local:
        await local.to("Tue 09:00")
        await make(local, "Ann Seller")
        await brings(local, in_the_crm())
        await local.home("Pat Manager")
        await local.press("Pat Manager", "Different", view_id="home")
        await local.to("Tue 09:01")
        settled = (await local.dms("Pat Manager"))[-1]
        assert f"*{NAME}* and *Pumps* are two deals, as Pat Manager said" in shown({"blocks": settled["blocks"]})
        await local.to("Tue 10:00")
        await brings(local, in_the_crm(), in_the_crm(78))
        question = await asked(local, "Pat Manager")
        assert labels(question) == ["Same deal", "Different"]
        assert "D-0078" in shown({"blocks": question["blocks"]})
        assert "D-0077" not in shown({"blocks": question["blocks"]})
        assert len(await outbox(local, "same_deal")) == 2
        assert await local.rows(select(Answer)) == []


async def test_a_near_deal_is_pointed_out_once_and_the_form_says_what_is_wrong(sqlite_url):
    team = small_team(partners=[partner(), partner("Beta", pm="Quinn Manager", tier=2)])
    team.people += [Human("Quinn Manager", "pm"), Human("Cora Chief", "cro")]
    async with journey(team, sqlite_url) as local:
        await local.to("Tue 09:00")
        await make(local, "Ann Seller")
        await close_all(local, "Ann Seller")
        await local.command("Ann Seller", "/deals")
        await local.press("Ann Seller", "New deal…")
        typed = {"name": "Halyard - pumps", "account": "Halyard Inc", "amount": "1.2.3", "next_text": "call them"}
        refused = await local.submit("Ann Seller", typed)
        by_field = fields(refused["view"])
        assert "separators" in refused["errors"][by_field["amount"]]
        assert refused["errors"][by_field["next_due"]] == "Choose the day it is due."
        typed |= {"amount": "41000", "next_text": ""}
        near = await local.submit("Ann Seller", typed)
        assert near["result"] == "updated"
        assert f"There is already *{NAME}* (USD 40,000, Ann Seller). Nothing is saved yet" in shown(near["view"])
        assert len(await local.rows(select(Deal).where(Deal.crm_id.is_(None)))) == 1
        done = await local.submit("Ann Seller")
        assert "is here, with Acme" in shown(done["view"]), "what was typed is still in it"
        await close_all(local, "Ann Seller")
        # Somebody who may not read that deal learns that there is one, and whose.
        hidden = await make(local, "Bob Seller")
        assert "a deal much like this one (Ann Seller: ask them)" in shown(hidden["view"])
        assert "40,000" not in shown(hidden["view"]["blocks"][0])
        await close_all(local, "Bob Seller")
        # Who may not make one is told who can; words that name no partner are searched for as ever.
        refusal = await local.command("Cora Chief", "/deals new")
        assert "cannot create this deal" in shown(refusal)
        await local.command("Ann Seller", "/deals new york")
        assert "No open deal of yours matches “new york”" in shown(await local.view("Ann Seller"))
        await close_all(local, "Ann Seller")
        await local.command("Hedda Lead", "/deals new bet")
        done = await local.submit(
            "Hedda Lead", {"name": "Beta one", "account": "Alpha", "owner": local.id("Bob Seller")}
        )
        assert "Bob Seller is asked about it before the Friday note's *other partners*" in shown(done["view"])
        made = (await local.rows(select(Deal).order_by(Deal.id.desc())))[0]
        version = (await local.rows(select(DealVersion).where(DealVersion.id == made.version_id)))[0]
        assert (version.owner_id, version.amount, version.currency) == (
            (await person(local, "Bob Seller")).id,
            None,
            "USD",
        )
        assert await local.rows(select(NextAction)) == []
        await local.to("Wed 10:00")
        assert "*Beta one*" in shown(await local.card("Bob Seller", "Your deals"))
        await press_deal(local, "Bob Seller", "Beta one")
        assert (await answer(local, "Bob Seller"))["result"] == "closed"
