"""A person's calendar outside Slack: the address from `/cadence`, what a program reads there, and the file in the DM."""

from icalendar import Calendar

from tests.journeys.support import close_all, journey, labels, menu, shown
from tests.world import small_team

PAT = "Pat Manager"


def address_in(view):
    found = [
        block["text"]["text"]
        for block in view["blocks"]
        if block["type"] == "section" and block["text"]["type"] == "plain_text"
    ]
    return found[0] if found else ""


async def with_address(local):
    """The bot again, as its operator runs it who has said by what address it is reached."""
    await local.stop_bot()
    local.environment["CADENCE_PUBLIC_URL"] = f"http://127.0.0.1:{local.environment['PORT']}/"
    await local.start_bot()
    await local.get("clock")


async def my_calendar(local, name):
    await close_all(local, name)
    await local.command(name, "/cadence")
    await local.press(name, "My calendar…")
    return await local.view(name)


async def fetch(local, address):
    async with local.http.get(address) as answer:
        return answer.status, await answer.read()


async def weeks(local, address):
    """What a program shows, the first week first."""
    status, body = await fetch(local, address)
    assert status == 200
    return list(Calendar.from_ical(body).events)


async def test_a_person_s_own_program_follows_what_moves_and_what_is_skipped(sqlite_url):
    async with journey(small_team(), sqlite_url) as local:
        await with_address(local)
        await local.to("Mon 09:00")
        view = await my_calendar(local, PAT)
        assert "Whoever has this address can read" in shown(view)
        address = address_in(view)
        first, second, *_ = before = await weeks(local, address)
        assert {event["SUMMARY"] for event in before} == {"Acme: Weekly deal review"}
        assert f"{first.start:%a %H:%M}" == "Thu 10:00"

        await menu(local, PAT, "Acme", "bump")
        day = f"{first.start:%Y-%m}-{first.start.day + 1:02d}"
        await local.submit(PAT, {"day": day, "at": "14:00", "reason": "Their fair"})
        moved, *rest = await weeks(local, address)
        assert (moved["UID"], len(rest) + 1) == (first["UID"], len(before)), "the same event, not another one"
        assert f"{moved.start:%a %H:%M}" == "Fri 14:00"
        assert moved["SEQUENCE"] > first["SEQUENCE"]
        assert "Moved by Pat Manager: Their fair" in moved["DESCRIPTION"]

        await close_all(local, PAT)
        await menu(local, PAT, "Acme", "skip")
        await local.submit(PAT, {"side": "partner", "reason": "They are away"})
        skipped, again, *_ = await weeks(local, address)
        assert (skipped["UID"], skipped["STATUS"]) == (first["UID"], "CANCELLED")
        assert "No meeting, the partner's side: They are away" in skipped["DESCRIPTION"]
        assert (again["UID"], again["STATUS"]) == (second["UID"], "CONFIRMED")

        view = await my_calendar(local, PAT)
        assert address_in(view) == address, "it is the same one at every look"
        await local.press(PAT, "New address")
        view = await local.view(PAT)
        assert "This is your new address" in shown(view)
        assert address_in(view) not in ("", address)
        assert (await fetch(local, address))[0] == 404
        assert [event["UID"] for event in await weeks(local, address_in(view))] == [event["UID"] for event in before]
        assert address_in(await my_calendar(local, "Ann Seller")) not in ("", address_in(view))


async def test_without_a_public_address_the_file_comes_into_the_direct_messages(sqlite_url):
    async with journey(small_team(), sqlite_url) as local:
        await local.to("Mon 09:00")
        view = await my_calendar(local, PAT)
        assert "CADENCE_PUBLIC_URL" in shown(view)
        assert labels(view) == ["Send me the file"]
        await local.press(PAT, "Send me the file")
        assert "on its way" in shown(await local.view(PAT))
        message = (await local.dms(PAT))[-1]
        (file_id,) = message["files"]
        assert "*My calendar*" in message["text"]
        url = f"{local.url}/files/{file_id}/x.ics"
        async with local.http.get(url, params={"as": local.id(PAT)}) as answer:
            events = Calendar.from_ical(await answer.read()).events
        assert {event["SUMMARY"] for event in events} == {"Acme: Weekly deal review"}
        async with local.http.get(url, params={"as": local.id("Bob Seller")}) as answer:
            assert answer.status != 200, "it is in Pat's direct messages alone"
