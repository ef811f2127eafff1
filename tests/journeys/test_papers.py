"""A page as a file: asked for below it, once, in its own thread, by whoever of ours reads it."""

from tests.journeys.support import journey, labels, note_of, promise_two
from tests.journeys.test_forecast import sent
from tests.world import small_team

PM = "Pat Manager"


async def a_note(local):
    await local.to("Thu 10:31")
    await promise_two(local, PM, "2026-03-20")
    await sent(local)
    return await note_of(local, "p-acme")


async def files_below(local, message, channel="p-acme"):
    rows = await local.bot_messages(channel)
    return [
        row
        for row in rows
        if (row["files"] and row["thread_ts"] == message["thread_ts"])
        or (row["thread_ts"] == message["ts"] and row["files"])
    ]


async def test_a_note_becomes_a_pdf_in_its_thread_once(database_url):
    async with journey(small_team(), database_url) as local:
        note = await a_note(local)
        assert "As PDF" in labels(note)
        await local.click("Ann Seller", note, "As PDF")
        await sent(local)
        await local.click(PM, note, "As PDF")
        told = [row["text"] for row in await local.get("messages") if row["ephemeral_to"] == local.id(PM)]
        assert "in its thread as a PDF already" in told[-1]
        (found,) = await files_below(local, note)
        (file_id,) = found["files"]
        async with local.http.get(f"{local.url}/files/{file_id}/x.pdf", params={"as": local.id(PM)}) as answer:
            data = await answer.read()
        assert data.startswith(b"%PDF-")
        assert "Acme: weekly note 2026-W10" in found["text"]


async def test_a_note_in_the_friday_thread_stays_in_that_thread(sqlite_url):
    async with journey(small_team(), sqlite_url) as local:
        await a_note(local)
        await local.to("Fri 15:01")
        await sent(local)
        replies = [row for row in await local.bot_messages("leadership") if "As PDF" in labels(row)]
        await local.click("Hedda Lead", replies[0], "As PDF")
        await sent(local)
        (found,) = await files_below(local, replies[0], "leadership")
        assert found["thread_ts"] == replies[0]["thread_ts"]


async def test_an_agenda_is_no_page_to_keep(sqlite_url):
    async with journey(small_team(), sqlite_url) as local:
        note = await a_note(local)
        agenda = next(row for row in await local.bot_messages("p-acme") if row["ts"] != note["ts"])
        assert "As PDF" not in labels(agenda)
