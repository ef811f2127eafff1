"""An admin asks in Slack how the installation is; whoever may not is refused, however the click came."""

import asyncio

import pytest

from tests.journeys.support import journey, labels, shown
from tests.world import BOT_USER, Human, small_team

BUTTON = "Check the installation…"


def team():
    made = small_team()
    made.people.append(Human("Ada Keys", "admin"))
    return made


async def open_examination(local, name):
    await local.command(name, "/cadence")
    view = await local.view(name)
    assert BUTTON in labels(view)
    await local.press(name, BUTTON)
    return await local.view(name)


@pytest.mark.parametrize("http", [False, True], ids=["socket", "http"])
async def test_an_admin_and_the_head_see_how_the_installation_is(sqlite_url, http):
    async with journey(team(), sqlite_url, http=http) as local:
        view = await open_examination(local, "Ada Keys")
        assert view["title"]["text"] == "The installation"
        assert "All is well: " in shown(view)
        assert "your click came that way" in shown(view)
        await local.post("admin/kick", {"channel": "p-acme", "user": BOT_USER})
        text = shown(await open_examination(local, "Hedda Lead"))
        assert "1 wrong, 0 to look at" in text
        assert (
            ":x: Cadence is not in #p-acme (Acme).\n→ Invite @Cadence to #p-acme: type /invite @Cadence there." in text
        )


async def test_the_modal_is_open_before_anybody_is_asked(sqlite_url):
    async with journey(team(), sqlite_url) as local:
        before = (await local.get("log"))[-1]["n"]
        await open_examination(local, "Ada Keys")
        calls = [row for row in await local.get("log", kind="api") if row["n"] > before]
        names = [row["method"] for row in calls]
        opened = next(row for row in calls if row["method"] == "views.push")
        assert "Looking…" in str(opened["response"]["view"]["blocks"])
        assert names.index("views.push") < names.index("auth.test") < names.index("conversations.list")
        assert names[-1] == "views.update"
        assert names.count("auth.test") == names.count("conversations.list") == 1, "few calls"


async def test_whoever_may_not_is_not_offered_it_and_a_forged_click_is_refused(sqlite_url):
    async with journey(team(), sqlite_url) as local:
        for name in ("Ann Seller", "Pat Manager"):
            await local.command(name, "/cadence")
            assert BUTTON not in labels(await local.view(name))
        await open_examination(local, "Ada Keys")
        click = next(
            row for row in await local.get("log", kind="interaction")
            if (row["request"].get("actions") or [{}])[0].get("action_id") == "doctor.open"
        )  # fmt: skip
        before = (await local.get("log"))[-1]["n"]
        forged = click["request"] | {"user": click["request"]["user"] | {"id": local.id("Ann Seller")}}
        await local.post("deliver", {"kind": "interaction", "payload": forged})
        after = [row for row in await local.get("log", kind="api") if row["n"] > before]
        assert "auth.test" not in [row["method"] for row in after]
        said = " ".join(shown(row["request"].get("view")) + str(row["request"].get("text", "")) for row in after)
        assert "You cannot check the installation. The head of partnerships and admins can." in said


async def test_closed_before_the_answer_came_nothing_is_complained_of(sqlite_url):
    async with journey(team(), sqlite_url) as local:
        await local.command("Ada Keys", "/cadence")
        await local.post("faults", {"kind": "delay", "method": "auth.test", "seconds": 1.5})
        pressing = asyncio.create_task(local.press("Ada Keys", BUTTON))
        for _ in range(60):
            if "Looking…" in shown(await local.view("Ada Keys")):
                break
            await asyncio.sleep(0.02)
        await local.post("close", {"user": local.id("Ada Keys"), "all": True})
        await pressing
        await local.get("clock")
        assert await local.view("Ada Keys") is None
        update = (await local.api("views.update"))[-1]
        assert update["error"] == "not_found"
        assert await local.dms("Ada Keys") == []
