"""Somebody leaves in the middle of a week: who is asked, who has their work from then on, and who may say so."""

from dataclasses import replace

from sqlalchemy import select

from models.imports import import_partners
from models.tables import Answer, Change, Commitment, DealVersion, NextAction, Partner
from tests.journeys.support import (
    answer,
    away,
    close_all,
    fields,
    journey,
    kinds,
    labels,
    menu,
    note_of,
    outbox,
    person,
    press_deal,
    promise_two,
    reimport,
    shown,
    walk,
)
from tests.journeys.test_planning import forged, said
from tests.world import Human, deal, partner, partners_csv, small_team


async def leaves(local, name):
    await local.post("admin/deactivate", {"user": local.id(name)})
    await local.to(await local.now())


async def told(local, name, words):
    """What the bot wrote to a person that has these words, oldest first."""
    return [row for row in await local.dms(name) if words in row["text"] + str(row["blocks"])]


async def give(local, name, who, to, **values):
    """Press the button under the question, and submit the form."""
    await local.click(name, (await told(local, name, f"*{who}* has left"))[-1], "Give them to somebody…")
    return await local.submit(name, {"to": local.id(to), **values})


async def owners(local):
    rows = await local.rows(select(DealVersion).where(DealVersion.valid_to.is_(None)).order_by(DealVersion.deal_id))
    return [row.owner_id for row in rows]


async def test_an_ae_leaves_with_prompts_open_and_the_successor_answers(sqlite_url):
    team = small_team()
    async with journey(team, sqlite_url) as local:
        await local.to("Wed 10:00")
        await press_deal(local, "Ann Seller", "Deal 1")
        await local.submit("Ann Seller", {"next_text": "send pricing", "next_due": "2026-03-20"})
        await local.to("Wed 10:30")
        await leaves(local, "Ann Seller")
        [question] = await told(local, "Pat Manager", "*Ann Seller* has left")
        assert "Without an owner now: 3 open deals and 1 next action. Who gets them?" in question["text"]
        assert "• Deal 3 · deal · Acme" in question["text"]
        assert labels(question) == ["Give them to somebody…"]
        card = await local.card("Pat Manager", "Your deals for the next review")
        assert "*Deal 2*" in shown(card), "until then the partner manager is asked in her place"

        await local.click("Pat Manager", question, "Give them to somebody…")
        view = await local.view("Pat Manager")
        assert "*Ann Seller* has 3 open deals and 1 next action" in shown(view)
        refused = await local.submit("Pat Manager", {"to": local.id("Ann Seller")})
        assert "has left or is deactivated" in refused["errors"][fields(refused["view"])["to"]]
        done = await local.submit("Pat Manager", {"to": local.id("Bob Seller"), "reason": "left the company"})
        assert done["result"] == "closed", done
        bob, ann = await person(local, "Bob Seller"), await person(local, "Ann Seller")
        assert set(await owners(local)) == {bob.id}
        await local.to("Wed 10:35")
        [news] = await told(local, "Bob Seller", "gave you")
        assert "Pat Manager gave you 3 open deals and 1 next action of *Ann Seller* (left the company)" in news["text"]
        assert "To mend in the CRM, which still names Ann Seller as owner of 3 deals" in news["text"]
        assert "Nothing waits" in shown(await local.card("Pat Manager", "Nothing waits"))

        # Again: nothing happens twice, whoever presses what.
        again = await local.click("Pat Manager", question, "Give them to somebody…")
        assert "Nothing of Ann Seller's is open" in said(again)
        await local.post("admin/deactivate", {"user": local.id("Ann Seller")})
        await local.to("Wed 11:30")
        assert len(await outbox(local, "orphaned")) == len(await outbox(local, "handed_over")) == 1
        # An export that still names her changes nothing; one that names him agrees.
        await reimport(local, team.deals)
        assert set(await owners(local)) == {bob.id}
        await reimport(local, [row | {"owner_email": Human("Bob Seller").email} for row in team.deals])
        assert set(await owners(local)) == {bob.id}

        assert await kinds(local, "Bob Seller") == ["prompt", ""], "his card is edited, he is not asked anew"
        assert await walk(local, "Bob Seller", next_text="call the customer", next_due="2026-03-28") == 4
        await local.to("Thu 10:30")
        assert "5 of 5 deals answered" in (await note_of(local, "p-acme", "deal review"))["text"]
        await promise_two(local, "Pat Manager", "2026-03-12")
        trail = await local.rows(select(Change).where(Change.source == "handover").order_by(Change.id))
        assert [(row.entity, row.before, row.after, row.reason) for row in trail] == [
            *[("deal", ann.id, bob.id, "left the company")] * 3, ("next_action", ann.id, bob.id, "left the company"),
        ]  # fmt: skip
        assert len(await told(local, "Pat Manager", "*Ann Seller* has left")) == 1


async def test_a_successor_who_had_nothing_to_answer_gets_a_prompt_of_their_own(sqlite_url):
    team = small_team()
    team.people.append(Human("Cleo Seller"))
    async with journey(team, sqlite_url) as local:
        await local.to("Wed 11:00")
        await leaves(local, "Ann Seller")
        assert await kinds(local, "Cleo Seller") == []
        assert (await give(local, "Pat Manager", "Ann Seller", "Cleo Seller", what=["deals"]))["result"] == "closed"
        await local.to("Wed 11:05")
        assert sorted(await kinds(local, "Cleo Seller")) == ["", "prompt"]
        assert await walk(local, "Cleo Seller") == 3


async def test_a_partner_manager_leaves_and_the_head_names_one_who_closes(sqlite_url):
    team = small_team(partners=[partner(), partner("Beta", tier=2)])
    team.people += [Human("Quinn Manager", "pm"), Human("Cal Counterpart", "counterpart", partner="Acme")]
    async with journey(team, sqlite_url) as local:
        await local.to("Wed 10:30")
        await walk(local, "Ann Seller")
        await local.to("Thu 10:30")
        await promise_two(local, "Pat Manager", "2026-03-12")
        await local.to("Thu 09:00")
        await local.to("Thu 10:40")
        await leaves(local, "Pat Manager")
        [question] = await told(local, "Hedda Lead", "*Pat Manager* has left")
        assert "Without an owner now: 2 commitments and 2 partners. Who gets them?" in question["text"]
        assert "without a partner manager: Acme, Beta" in question["text"]
        assert labels(question) == ["Give them to somebody…", "New partner manager…"]
        assert "close" in await kinds(local, "Hedda Lead"), "until then she is asked to close"

        await local.click("Hedda Lead", question, "New partner manager…")
        view = await local.view("Hedda Lead")
        assert "*Pat Manager* manages 2 partners" in shown(view)
        refused = await local.submit("Hedda Lead", {"manager": local.id("Bob Seller")})
        assert "is no partner manager" in refused["errors"][fields(refused["view"])["manager"]]
        first = await local.submit("Hedda Lead", {"manager": local.id("Quinn Manager"), "reason": "Pat left"})
        assert first["result"] == "updated", first
        assert "Quinn Manager manages Acme from now on." in shown(first["view"])
        assert (await local.submit("Hedda Lead"))["result"] == "closed"
        quinn = await person(local, "Quinn Manager")
        assert {row.pm_id for row in await local.rows(select(Partner))} == {quinn.id}
        assert {row.owner_id for row in await local.rows(select(Commitment))} == {quinn.id}
        await local.to("Thu 10:50")
        assert "Nothing to close here any more" in (await local.dms("Hedda Lead"))[-1]["text"], (
            "she is not asked any more"
        )
        page = (await told(local, "Quinn Manager", "*Acme* is yours"))[0]["text"]
        for words in (
            "from Pat Manager, named by Hedda Lead", "Why: Pat left", "Tier 1 · reseller · journey stage manage",
            "*With them:* Cal Counterpart", "Thursday 10:00, 30 minutes, Europe/London; next Thu 19 Mar, 10:00",
            "1 review not closed: Thu 12 Mar", "*Open pipeline* USD 150,000 (5 deals)", "last note 5 Mar 2026",
            "• Deal 1 · USD 10,000 · Ann Seller · call the customer", "Send the joint plan (Quinn Manager, by Thu 12 Mar)",
        ):  # fmt: skip
            assert words in page, (words, page)
        assert page.count("\n") < 40
        assert len(page) <= 3800
        await promise_two(local, "Quinn Manager", "2026-03-19", **await kept(local))
        assert "closed by Quinn Manager" in (await note_of(local, "p-acme"))["text"]
        await local.to("Fri 15:00")
        assert len(await outbox(local, "orphaned")) == 1, "asked once"
        await local.to("Wed 10:00")
        await local.command("Quinn Manager", "/cadence acme")
        assert "Quinn Manager" in shown(await local.view("Quinn Manager"))


async def kept(local):
    return {f"fate_{row.id}": "kept" for row in await local.rows(select(Commitment).where(Commitment.state == "open"))}


async def test_who_may_not_is_refused_and_a_forged_form_changes_nothing(sqlite_url):
    team = small_team(partners=[partner(), partner("Beta", pm="Quinn Manager")])
    team.people += [Human("Quinn Manager", "pm"), Human("Cleo Seller")]
    team.deals.append(deal(6, "Ann Seller", "Beta"))
    async with journey(team, sqlite_url) as local:
        await local.to("Wed 10:30")
        await leaves(local, "Ann Seller")
        assert len(await told(local, "Pat Manager", "*Ann Seller* has left")) == 1
        assert len(await told(local, "Quinn Manager", "*Ann Seller* has left")) == 1, "each about their own partner"
        before = await owners(local)
        ann = await person(local, "Ann Seller")
        await local.click("Quinn Manager", (await told(local, "Quinn Manager", "*Ann Seller* has left"))[0],
                          "Give them to somebody…")  # fmt: skip
        assert "has 1 open deal:" in shown(await local.view("Quinn Manager"))
        await close_all(local, "Quinn Manager")
        for who in ("Bob Seller", "Cleo Seller"):
            assert "the head of partnerships or an admin can" in await forged(
                local, who, "people.hand_over", f'{{"f":{ann.id}}}'
            )
            assert "cannot hand over this work" in await forged(local, who, "people.hand_over", "{}")
            assert "cannot name the partner manager" in await forged(local, who, "people.new_manager", '{"p":[1]}')
        assert "cannot name the partner manager" in await forged(
            local, "Quinn Manager", "people.new_manager", '{"p":[1]}'
        )
        # The head's form, sent in other hands.
        await local.command("Hedda Lead", "/cadence")
        await local.press("Hedda Lead", "Hand over work…")
        refused = await local.submit("Hedda Lead", {"person": local.id("Bob Seller"), "to": local.id("Bob Seller")})
        assert "already" in refused["errors"][fields(refused["view"])["to"]]
        sent = (await local.get("log", kind="interaction", method="view_submission"))[-1]["request"]
        stolen = sent | {"user": sent["user"] | {"id": local.id("Cleo Seller")}}
        stolen["view"] = stolen["view"] | {"id": "V0STOLEN"}
        values = stolen["view"]["state"]["values"]
        values["to"]["value"]["selected_user"] = local.id("Cleo Seller")
        answer = await local.post("deliver", {"kind": "interaction", "payload": stolen})
        assert "cannot hand over this work" in str(answer), answer
        assert await owners(local) == before
        assert await outbox(local, "handed_over") == []


async def test_the_forms_are_reached_from_cadence_and_say_what_cannot_be(sqlite_url):
    team = small_team(partners=[partner(), partner("Beta", pm="Quinn Manager")], review_hours={
        "Acme": (3, "10:00"), "Beta": (3, "10:00")})  # fmt: skip
    team.people.append(Human("Quinn Manager", "pm"))
    async with journey(team, sqlite_url) as local:
        await local.to("Tue 09:00")
        await local.command("Pat Manager", "/cadence acme")
        await local.press("Pat Manager", "New partner manager…")
        given = {"manager": local.id("Quinn Manager"), "reason": "rotation"}
        refused = await local.submit("Pat Manager", given)
        words = refused["errors"][fields(refused["view"])["manager"]]
        assert "overlaps with the Beta review at 10:00 of Quinn Manager" in words
        assert "free on Thursday: 10:30" in words
        await close_all(local, "Pat Manager")
        await menu(local, "Pat Manager", "Acme", "change")
        assert (await local.submit("Pat Manager", {"at": "10:30"}))["result"] in ("closed", "updated")
        await close_all(local, "Pat Manager")
        await local.command("Pat Manager", "/cadence acme")
        await local.press("Pat Manager", "New partner manager…")
        assert (await local.submit("Pat Manager", given))["result"] == "closed"
        await close_all(local, "Pat Manager")
        await local.to("Tue 09:05")
        assert len(await told(local, "Quinn Manager", "*Acme* is yours")) == 1
        # A seller changes territory: one form, no departure.
        await local.command("Hedda Lead", "/cadence")
        await local.press("Hedda Lead", "Hand over work…")
        given = {"person": local.id("Ann Seller"), "to": local.id("Bob Seller")}
        assert (await local.submit("Hedda Lead", given))["result"] == "closed"
        assert set(await owners(local)) == {(await person(local, "Bob Seller")).id}
        assert await local.rows(select(NextAction)) == []
        await close_all(local, "Hedda Lead")
        await local.to("Thu 11:10")
        assert await kinds(local, "Quinn Manager") == ["", "close"]
        assert await kinds(local, "Pat Manager") == []
        assert await kinds(local, "Ann Seller") == []


async def test_a_leaver_at_night_is_asked_about_in_the_morning(sqlite_url):
    async with journey(small_team(), sqlite_url) as local:
        await local.to("Mon 21:00")
        await leaves(local, "Ann Seller")
        assert await told(local, "Pat Manager", "has left") == []
        await local.to("Tue 08:00")
        assert len(await told(local, "Pat Manager", "has left")) == 1


async def test_who_falls_ill_after_the_prompts_is_covered_on_the_card_the_cover_has_already(sqlite_url):
    async with journey(small_team(), sqlite_url) as local:
        await local.to("Wed 10:30")
        assert "*Deal 1*" not in shown(await local.card("Bob Seller", "Your deals"))
        assert (await away(local, "Ann Seller", "2026-03-04", "2026-03-06", "Bob Seller"))["result"] == "closed"
        await local.to("Wed 10:31")
        assert await kinds(local, "Bob Seller") == ["prompt"], "edited, not asked anew"
        await press_deal(local, "Bob Seller", "Deal 1")
        assert (await answer(local, "Bob Seller"))["result"] == "closed"
        [row] = await local.rows(select(Answer))
        ann, bob = await person(local, "Ann Seller"), await person(local, "Bob Seller")
        assert (row.by_id, row.for_id) == (bob.id, ann.id), "in his own name, for her"
        view = await local.home("Ann Seller")
        assert "Bob Seller covers" in shown(view)
        await local.press("Ann Seller", "Take back", view_id="home")
        await local.to("Wed 10:32")
        assert "*Deal 1*" not in shown(await local.card("Bob Seller", "Your deals"))
        assert "Deal 1 (Bob Seller)" in shown(await local.card("Ann Seller", "Your deals"))


async def test_a_change_of_tier_leaves_the_running_week_alone(sqlite_url):
    team = small_team(partners=[partner(), partner("Beta", tier=2)])
    team.deals += [deal(6, "Bob Seller", "Beta"), deal(7, "Bob Seller", "Beta", close_date="2027-03-30")]
    async with journey(team, sqlite_url) as local:
        await local.to("Tue 09:00")
        rows = [partner(tier=2), partner("Beta", tier=1)]
        async with local.db.write() as session:
            await import_partners(
                session, partners_csv(team_with(team, rows)), file_name="p.csv", now=await local.now()
            )
        await local.to("Wed 10:00")
        card = shown(await local.card("Bob Seller", "Your deals"))
        assert "*Acme* · Thu 5 Mar, 10:00" in card
        assert "*Deal 6*" in card
        assert "*Deal 7*" not in card
        await local.to("Thu 10:30")
        await promise_two(local, "Pat Manager", "2026-03-12")
        await local.to("Wed 10:00")
        card = shown(await local.card("Bob Seller", "Your deals"))
        assert "*Acme* ·" not in card, "no weekly review from this week on"
        assert "Other partners" in card
        assert "*Deal 7*" in card
        await local.command("Hedda Lead", "/cadence")
        view = shown(await local.view("Hedda Lead"))
        assert "Paused: Acme" in view
        assert "Beta is Tier 1 and has no weekly review" in view


def team_with(team, rows):
    return replace(team, partners=rows)
