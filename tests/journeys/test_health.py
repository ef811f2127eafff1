"""How the quarter's meetings go and what they cost, looked at in Slack; and what the head hears of a review that stops."""

from datetime import timedelta

from sqlalchemy import select

from models import cadences, people
from models.tables import Cadence, Occurrence, Outbox
from tests.journeys.support import journey, labels, shown
from tests.world import small_team

BUTTON = "Health and hours…"


async def look(local, name):
    await local.command(name, "/cadence")
    await local.press(name, BUTTON)
    return await local.view(name)


async def skip(local, slot, why):
    async with local.db.write() as session:
        week = (await session.scalars(
            select(Occurrence).join(Cadence, Cadence.id == Occurrence.cadence_id).where(
                Cadence.kind == "weekly_review", Occurrence.slot == slot))).one()  # fmt: skip
        by = await people.acting(session, local.id("Pat Manager"))
        await cadences.skip(session, week, side=cadences.Side.OURS, reason=why, by=by, now=await local.now())


async def test_two_skips_reach_the_head_once_and_everybody_sees_their_own_page(sqlite_url):
    async with journey(small_team(deals=[]), sqlite_url) as local:
        for days, slot, why in ((2, "2026-W10", "the fair"), (9, "2026-W11", "<!channel> ill")):
            await local.to(local.team.start + timedelta(days=days))
            await skip(local, slot, why)
        assert await local.rows(select(Outbox).where(Outbox.template == "escalation")) == []
        await local.to("Fri 15:00")
        card = await local.card("Hedda Lead", "Meetings skipped in a row")
        assert "*Acme*, Weekly deal review: 2 skipped in a row since Thu 5 Mar, our side" in card["text"]
        assert "“&lt;!channel&gt; ill” (Pat Manager) · Thu 5 Mar: “the fair” (Pat Manager)" in card["text"]
        await local.click("Hedda Lead", card, "All meetings…")
        assert BUTTON in labels(await local.view("Hedda Lead"))
        assert "Partners of Pat Manager" in shown(await look(local, "Hedda Lead"))
        mine = shown(await look(local, "Pat Manager"))
        assert "2 skipped in a row" in mine
        assert "Messages sent this week" not in mine
        assert "Weekly deal review" not in shown(await look(local, "Ann Seller"))
        await local.to(local.team.start + timedelta(days=14))
        assert len(await local.rows(select(Outbox).where(Outbox.template == "escalation"))) == 1
