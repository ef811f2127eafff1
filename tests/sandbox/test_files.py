"""Files: three steps in, and out only to those who may have them."""

import asyncio
import base64

import aiohttp
import pytest
from slack_sdk import WebClient
from slack_sdk.web.async_client import AsyncWebClient

from tests.sandbox.support import CARD, SEED, manifest_with
from tests.sandbox.test_delivery import RawSocket, until

FILES = ("files:read", "files:write")
CSV = b"deal,amount\nAcme,7\n"
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
TOKEN = {"Authorization": "Bearer xoxb-local"}


@pytest.fixture
async def slack(launch, tmp_path):
    return await launch(manifest=manifest_with(tmp_path, add=FILES, events=["file_shared", "message.channels"]))


async def begin(slack, data, **more):
    return await slack.api("files.getUploadURLExternal", filename="note.csv", length=len(data), **more)


async def put(slack, url, data, **more):
    async with slack.session.post(url, data=data, **more) as answer:
        return answer.status, await answer.text()


async def shared(slack, data=CSV, **more):
    begun = await begin(slack, data)
    assert await put(slack, begun["upload_url"], data) == (200, f"OK - {len(data)}")
    done = await slack.api(
        "files.completeUploadExternal", files=[{"id": begun["file_id"], "title": "The note"}], **more
    )
    assert done["ok"], done
    return done["files"][0]


async def fetched(slack, url, **headers):
    async with slack.session.get(url, headers=headers, allow_redirects=False) as answer:
        return answer.status, await answer.read(), answer.headers


async def test_a_file_is_shared_in_one_message_with_its_comment(slack):
    file = await shared(slack, channel_id="C1", initial_comment="Here it is", blocks=CARD)
    message = (await slack.get("messages", channel="acme"))[0]
    assert (message["text"], message["blocks"]) == ("Here it is", [])
    assert message["files"] == [file["id"]]
    assert file["shares"] == {"public": {"C1": [{"ts": message["ts"]}]}}
    assert (file["name"], file["title"], file["mimetype"], file["size"]) == ("note.csv", "The note", "text/csv", 19)
    assert (await slack.api("files.info", file=file["id"]))["file"] == file
    read = (await slack.api("conversations.history", channel="C1"))["messages"][0]
    assert [one["id"] for one in read["files"]] == [file["id"]]


async def test_a_file_goes_to_several_places_to_a_thread_or_nowhere(slack):
    several = await shared(slack, channels="C1, C5,U1")
    assert set(several["shares"]["public"]) == {"C1"}
    assert set(several["shares"]["private"]) == {"C5", *several["ims"]}
    root = (await slack.api("chat.postMessage", channel="C1", text="root"))["ts"]
    below = await shared(slack, channel_id="C1", thread_ts=root, blocks=CARD)
    reply = (await slack.get("messages", channel="acme"))[-1]
    assert (reply["thread_ts"], reply["files"], len(reply["blocks"])) == (root, [below["id"]], 2)
    private = await shared(slack)
    assert (private["shares"], private["is_public"]) == ({}, False)
    assert len(await slack.get("messages")) == 5


async def test_several_files_stand_in_one_message(slack):
    begun = [await begin(slack, CSV) for _ in range(2)]
    for one in begun:
        await put(slack, one["upload_url"], CSV)
    files = [{"id": one["file_id"]} for one in begun]
    done = await slack.api("files.completeUploadExternal", files=files, channel_id="C1")
    assert [one["title"] for one in done["files"]] == ["note.csv", "note.csv"]
    assert len((await slack.get("messages", channel="acme"))[0]["files"]) == 2
    again = await slack.api("files.completeUploadExternal", files=files, channel_id="C1")
    assert again["error"] == "file_not_found"


async def test_the_bytes_must_be_those_announced(slack):
    begun = await begin(slack, CSV)
    status, text = await put(slack, begun["upload_url"], CSV + b"!")
    assert (status, text) == (400, "20 bytes came; 19 were announced.")
    refused = await slack.api("files.completeUploadExternal", files=[{"id": begun["file_id"]}])
    assert refused["error"] == "file_not_found"
    form = aiohttp.FormData()
    form.add_field("note", "not the file")
    form.add_field("filename", CSV, filename="note.csv")
    assert await put(slack, begun["upload_url"], form) == (200, "OK - 19")
    assert (await put(slack, slack.sandbox.url + "/upload/v1/nowhere", CSV))[0] == 404
    log = str(await slack.get("log"))
    assert begun["upload_url"].rsplit("/", 1)[1] not in log
    assert "/upload/v1/hidden" in log


async def test_the_private_address_needs_the_token(slack, launch, tmp_path):
    file = await shared(slack, channel_id="C1")
    for url in (file["url_private"], file["url_private_download"]):
        status, data, _ = await fetched(slack, url, **TOKEN)
        assert (status, data) == (200, CSV)
        for headers in ({}, {"Authorization": "Bearer xoxb-other"}):
            status, data, answered = await fetched(slack, url, **headers)
            assert status == 302
            assert answered["Content-Type"].startswith("text/html")
            assert CSV not in data
    (tmp_path / "other").mkdir()
    without = await launch(manifest=manifest_with(tmp_path / "other", drop=FILES))
    theirs = await without.post("upload", user="U1", channel="C1", files=[{"name": "a.csv", "text": "x"}])
    status, _, _ = await fetched(without, theirs["files"][0]["url_private"], **TOKEN)
    assert status == 302


async def test_a_person_gets_the_bytes_where_they_can_look(slack):
    uploaded = await slack.post("upload", user="U1", channel="C5", files=[{"name": "plan.csv", "text": "a,b"}])
    file = uploaded["files"][0]
    for reader, status in (("U1", 200), ("U2", 404), ("U3", 404), ("U6", 404), ("U404", 404)):
        found, data, headers = await fetched(slack, f"{file['permalink']}?as={reader}")
        assert (found, data == b"a,b") == (status, status == 200)
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


SHOWN = [
    ("a.png", "inline"), ("a.jpg", "inline"), ("a.gif", "inline"), ("a.webp", "inline"), ("a.txt", "inline"),
    ("a.csv", "inline"), ("a.pdf", "inline"), ("a.svg", "attachment"), ("a.html", "attachment"),
    ("a.xhtml", "attachment"), ("a.zip", "attachment"), ("a", "attachment"), ('ä ö".csv', "inline"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "shown"), SHOWN)
async def test_what_could_carry_scripts_is_saved_and_not_shown(slack, name, shown):
    done = await slack.post("upload", user="U1", channel="C1", files=[
        {"name": name, "base64": base64.b64encode(SVG).decode()}
    ])  # fmt: skip
    url = f"{slack.sandbox.url}/files/{done['files'][0]['id']}/x?as=U1"
    status, data, headers = await fetched(slack, url)
    assert (status, data) == (200, SVG)
    assert headers["Content-Disposition"].startswith(f"{shown};")


async def test_people_upload_and_the_app_hears_of_it(slack):
    raw = await RawSocket(slack).open()
    done = await slack.post("upload", user="U1", channel="acme", text="<b>", files=[
        {"name": "a.csv", "text": "x"}, {"name": "b.txt", "text": "y"},
    ])  # fmt: skip
    assert (await slack.get("read", user="U1", channel="acme"))[-1]["subtype"] == "file_share"
    await until(lambda: len(raw.seen) == 3)
    events = {one["payload"]["event"]["type"]: one["payload"]["event"] for one in raw.seen}
    assert events["message"]["subtype"] == "file_share"
    assert events["message"]["text"] == "&lt;b&gt;"
    assert [one["name"] for one in events["message"]["files"]] == ["a.csv", "b.txt"]
    assert events["file_shared"]["file_id"] == events["file_shared"]["file"]["id"]
    assert (events["file_shared"]["channel_id"], events["file_shared"]["user_id"]) == ("C1", "U1")
    assert (await slack.api("files.info", file=done["files"][0]["id"]))["file"]["user"] == "U1"
    await raw.close()


async def test_in_a_channel_of_two_companies_the_event_only_says_where_to_ask(slack):
    await slack.post("admin/share", channel="C1")
    raw = await RawSocket(slack).open()
    await slack.post("upload", user="U1", channel="C1", files=[{"name": "a.csv", "text": "x"}])
    await until(lambda: any("files" in one["payload"]["event"] for one in raw.seen))
    told = next(one["payload"]["event"]["files"] for one in raw.seen if "files" in one["payload"]["event"])
    assert told[0]["file_access"] == "check_file_info"
    assert "url_private" not in told[0]
    await raw.close()


async def test_a_file_stays_where_it_is_shared_when_the_channel_gets_a_new_id(slack):
    file = await shared(slack, channel_id="C5")
    await slack.post("admin/channel_id_change", channel="C5", to="C55")
    found = (await slack.api("files.info", file=file["id"]))["file"]
    assert set(found["shares"]["private"]) == {"C55"}


async def test_an_upload_may_be_a_form_of_several_files(slack):
    form = aiohttp.FormData()
    for name, value in (("user", "U1"), ("channel", "C1"), ("text", "both")):
        form.add_field(name, value)
    for name in ("a.txt", "b.png"):
        form.add_field("files", name.encode(), filename=name)
    async with slack.session.post(f"{slack.sandbox.url}/_local/upload", data=form) as answer:
        done = await answer.json()
    assert [one["name"] for one in done["files"]] == ["a.txt", "b.png"]
    assert [slack.sandbox.world.files[one["id"]].data for one in done["files"]] == [b"a.txt", b"b.png"]


async def test_uploads_are_refused_in_words(slack):
    async def refusal(**fields):
        done = await slack.post("upload", user="U1", **fields)
        assert done["ok"] is False
        return done["error"]

    assert "at least one file" in await refusal(channel="C1", files=[])
    assert "cannot write" in await refusal(channel="old", files=[{"name": "a", "text": "x"}])
    assert "missing: text" in await refusal(channel="C1", files=[{"name": "a"}])
    assert "missing: files" in await refusal(channel="C1")


async def test_the_synchronous_client_uploads_unchanged(slack):
    client = WebClient("xoxb-local", base_url=slack.sandbox.api_url)
    done = await asyncio.to_thread(
        client.files_upload_v2, channel="C1", content="a,b\n", filename="note.csv", title="Note", initial_comment="Hi"
    )
    assert done["file"]["title"] == "Note"
    assert (await slack.get("messages", channel="acme"))[0]["text"] == "Hi"
    assert slack.sandbox.world.files[done["file"]["id"]].data == b"a,b\n"


async def test_the_asynchronous_client_uploads_several_unchanged(slack):
    client = AsyncWebClient("xoxb-local", base_url=slack.sandbox.api_url)
    uploads = [{"content": text, "filename": f"{text}.txt", "title": text} for text in ("one", "two")]
    done = await client.files_upload_v2(file_uploads=uploads, channel="C1", initial_comment="Both")
    assert [one["title"] for one in done["files"]] == ["one", "two"]
    assert len((await slack.get("messages", channel="acme"))[0]["files"]) == 2


async def test_companies_have_names_or_placeholders(launch):
    slack = await launch(seed=SEED | {"companies": [{"id": "T9", "name": "Acme", "domain": "acme"}]})
    world = slack.sandbox.world
    assert [one["name"] for one in (await slack.get("state"))["companies"]] == ["Acme", "Local Slack"]
    assert (world.company("T9").name, world.company("T0LOCAL01").name) == ("Acme", "Local Slack")
    assert world.company("T404").name == "Company T404"
