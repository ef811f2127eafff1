"""What an AE said against the CRM comes back to them as a file they can mend it from."""

import csv
import io

from tests.journeys.support import journey, reimport, shown, walk
from tests.world import small_team


async def test_what_was_said_is_downloaded_from_home_and_leaves_when_the_crm_agrees(sqlite_url):
    async with journey(small_team(), sqlite_url) as local:
        await local.to("Wed 10:00")
        assert "To mend in the CRM" not in shown(await local.home("Ann Seller"))
        await walk(local, "Ann Seller", stage="Proposal/Price Quote")
        assert "To mend in the CRM (3)" in shown(await local.home("Ann Seller"))
        await local.press("Ann Seller", "Download as CSV", view_id="home")
        message = (await local.dms("Ann Seller"))[-1]
        assert "of 3 deals" in message["text"]
        (file_id,) = message["files"]
        async with local.http.get(
            f"{local.url}/files/{file_id}/x.csv", params={"as": local.id("Ann Seller")}
        ) as answer:
            rows = list(csv.DictReader(io.StringIO((await answer.read()).decode("utf-8-sig"))))
        assert {row["slack_value"] for row in rows if row["field"] == "stage"} == {"Proposal/Price Quote"}
        assert {row["said_by"] for row in rows} == {"Ann Seller"}
        async with local.http.get(
            f"{local.url}/files/{file_id}/x.csv", params={"as": local.id("Bob Seller")}
        ) as answer:
            assert answer.status != 200, "it is in her direct message alone"
        assert "3 deals" in shown(await local.home("Pat Manager"))
        await local.press("Pat Manager", "Download as CSV", view_id="home")
        assert (await local.dms("Pat Manager"))[-1]["files"]
        assert "To mend" not in shown(await local.home("Bob Seller"))


async def test_each_press_brings_one_file_though_its_reply_is_lost(sqlite_url):
    async with journey(small_team(), sqlite_url) as local:
        await local.to("Wed 10:00")
        await walk(local, "Ann Seller", stage="Proposal/Price Quote")
        await local.home("Ann Seller")
        await local.post("faults", {"kind": "lose_reply", "method": "files.completeUploadExternal"})
        await local.press("Ann Seller", "Download as CSV", view_id="home")
        assert len([row for row in await local.dms("Ann Seller") if row["files"]]) == 1
        await local.press("Ann Seller", "Download as CSV", view_id="home")
        assert len([row for row in await local.dms("Ann Seller") if row["files"]]) == 2


async def test_a_deal_that_left_the_crms_export_is_asked_about_until_somebody_says_or_it_returns(sqlite_url):
    team = small_team()
    async with journey(team, sqlite_url) as local:
        await local.to("Mon 09:00")
        await reimport(local, [row for row in team.deals if row["crm_id"] != "D-0001"])
        await local.to("Wed 10:00")
        card = shown(await local.card("Ann Seller", "Your deals"))
        assert card.count("not in the CRM's export since Mon 2 Mar") == 1
        await local.to("Thu 09:50")
        (agenda,) = await local.bot_messages("p-acme")
        assert agenda["text"].count("not in the CRM's export") == 1
        await reimport(local, team.deals)
        await local.to("Thu 09:55")
        assert "not in the CRM's export" not in shown(await local.card("Ann Seller", "Your deals"))
