"""Dropped files worked off: fetched from Slack alone, taken up again after a crash, said when it failed, flat in memory."""

import asyncio
import logging
import zlib
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import web
from sqlalchemy import func, select, update

import bot.importing
from bot.clock import Clock
from bot.delivery.calls import NotAnswered, RateLimited, Refused
from bot.drafts import SINCE, Drafts, Times
from bot.fetch import PIECE, Patience, Slack
from models import drafts
from models.domain.errors import BadFile, UserError
from models.drafts import Dropped, State
from models.imports.found import Found
from models.imports.options import Options
from models.imports.result import ImportResult
from models.tables import Deal, DealVersion, ImportDraft, ImportPart, ImportRun, Person, PersonRole
from tests import make
from tests.make import NOW, POLICY

HEADER = "crm_id,name,partner,owner_email,stage,currency\n"
SECRET = "Secret pumps"
DEALS = HEADER + f"1,{SECRET},Acme,ann@home.example,Prospecting,USD\n2,Other,Acme,new@home.example,Prospecting,USD\n"
QUICK = Times(lease=0.4, tell=0.0, again=0.01, most_again=0.02, busy=0.05, patience=5.0, poll=0.05, most_attempts=3)
TOKEN = "xoxb-secret"


class Files:
    """What Slack's files.info says and its file server answers."""

    def __init__(self):
        self.data, self.status, self.headers, self.info, self.failures = DEALS.encode(), 200, {}, {}, []
        self.asked, self.url, self.pause, self.tokens = 0, "", 0.0, []

    async def call(self, method, **arguments):
        assert method == "files.info"
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        return {
            "file": {"id": arguments["file"], "size": len(self.data), "url_private_download": self.url, **self.info}
        }

    async def give(self, request):
        self.tokens.append(request.headers.get("Authorization"))
        await asyncio.sleep(self.pause)
        return web.Response(status=self.status, body=self.data, headers={"Content-Type": "text/csv", **self.headers})


@asynccontextmanager
async def serving():
    files = Files()
    app = web.Application()
    app.router.add_get("/file.csv", files.give)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    files.url = f"http://127.0.0.1:{runner.addresses[0][1]}/file.csv"
    try:
        yield files
    finally:
        await runner.cleanup()


@pytest.fixture
async def files():
    async with serving() as found:
        yield found


def worker(db, files, *, times=QUICK, users=(), now=NOW):
    clock = Clock(simulated=True)
    clock.set(now)
    slack = Slack(files.call, files.url.rpartition("/")[0] + "/api/", TOKEN, patience=Patience(1, 0.2, 5))

    async def directory():
        return list(users)

    return Drafts(
        db=db, clock=clock, policy=POLICY, slack=slack, directory=directory, team_id=lambda: "T1", times=times
    )


async def dropped(db, name="deals.csv", file_id="F1"):
    async with db.write() as session:
        head = await session.scalar(select(Person).where(Person.name == "Hedda Lead"))
        if head is None:
            head = await make.person(session, "Hedda Lead", "head")
            pm = await make.person(session, "Pat Manager", "pm")
            await make.person(session, "Ann Seller", "ae")
            await make.partner(session, "Acme", pm)
        await drafts.offer(session, head, Dropped(file_id, name), now=NOW)


async def draft_of(db, file_id="F1"):
    async with db.read() as session:
        return (await session.scalars(select(ImportDraft).where(ImportDraft.file_id == file_id))).one()


async def approve(db, file_id="F1", *, skip=False):
    draft = await draft_of(db, file_id)
    async with db.write() as session:
        head = await session.get_one(Person, draft.person_id)
        await drafts.approve(session, head, draft.id, draft.fence, skip_bad=skip, now=NOW)


async def number(db, table):
    async with db.read() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


def found_in(draft):
    return Found.from_json(draft.found)


async def test_a_file_is_fetched_looked_over_and_imported(db, files):
    await dropped(db)
    work = worker(db, files)
    assert await work.settle()
    draft = await draft_of(db)
    assert (draft.state, draft.kind, draft.size) == (State.ASKED, "template", len(DEALS))
    assert (found_in(draft).result.created, await number(db, Deal)) == (2, 0)
    assert files.tokens == [f"Bearer {TOKEN}"]
    await approve(db)
    assert await work.settle()
    draft = await draft_of(db)
    assert (draft.state, ImportResult.from_json(draft.result).created) == (State.DONE, 2)
    assert await number(db, Deal) == 2
    assert await number(db, ImportPart) == 0
    assert files.asked == 1, "an answer, an approval: it is fetched once"


@pytest.mark.parametrize(("url", "api", "trusted"), [
    ("https://files.slack.com/files-pri/T-F/x.csv", "https://slack.com/api/", True),
    ("https://slack.com/x", "https://slack.com/api/", True),
    ("https://acme.enterprise.slack.com/x", "https://slack.com/api/", True),
    ("https://files.slack-gov.com/x", "https://slack-gov.com/api/", True),
    ("http://127.0.0.1:4500/files-pri/x", "http://127.0.0.1:4500/api/", True),
    ("http://files.slack.com/x", "https://slack.com/api/", False),
    ("https://files.slack.com:8443/x", "https://slack.com/api/", False),
    ("https://files.slack.com.evil.example/x", "https://slack.com/api/", False),
    ("https://evilslack.com/x", "https://slack.com/api/", False),
    ("https://files.slack.com@evil.example/x", "https://slack.com/api/", False),
    ("http://127.0.0.1:4501/x", "http://127.0.0.1:4500/api/", False),
    ("https://x.127.0.0.1/x", "http://127.0.0.1:4500/api/", False),
    ("https://docs.google.com/x", "https://slack.com/api/", False),
    ("https://files.slack.com:x/", "https://slack.com/api/", False),
    ("", "https://slack.com/api/", False),
])  # fmt: skip
def test_the_token_goes_to_slack_alone(url, api, trusted):
    assert Slack(None, api, TOKEN).trusts(url) is trusted


async def test_another_host_is_never_asked(sqlite, files, caplog):
    await dropped(sqlite)
    async with serving() as evil:
        work = worker(sqlite, files)
        files.url = evil.url
        assert await settle_failed(work)
        assert evil.tokens == []
    assert "untrusted_host" in caplog.text
    assert (await draft_of(sqlite)).state == State.FAILED


async def settle_failed(work):
    """Work until nothing is left, tries that wait a moment included."""
    for _ in range(60):
        await work.settle()
        async with work.db.read() as session:
            left = await session.scalar(select(ImportDraft.id).where(ImportDraft.state.in_(drafts.IN_WORK)))
        if left is None:
            return True
        await asyncio.sleep(0.02)
    return False


SIGN_IN = "Slack does not let Cadence have this file."


@pytest.mark.parametrize(("how", "words"), [
    ({"status": 404}, "Slack does not have this file any more."),
    ({"status": 302, "headers": {"Location": "/signin"}}, SIGN_IN),
    ({"headers": {"Content-Type": "text/html"}}, SIGN_IN),
    ({"status": 403}, SIGN_IN),
    ({"info": {"size": 300 * 1024 * 1024}}, "This file has 300 MB, and 100 MB is the most"),
    ({"info": {"is_external": True}}, "kept outside of Slack"),
    ({"info": {"mode": "tombstone"}}, "Slack does not have this file any more."),
    ({"failures": [Refused("file_not_found")]}, "Slack does not have this file any more."),
    ({"data": b"%PDF-1.4"}, "This is a PDF, not a CSV file."),
    ({"data": b""}, "This file is empty."),
    ({"data": b"Id,Name,Id\n1,a,b\n"}, "The header line cannot be read."),
    ({"data": b"Id,Name,Industry\n1,a,b,c,d\n"}, "None of its lines can be taken as they are."),
])  # fmt: skip
async def test_what_cannot_be_had_or_read_is_refused_in_words(sqlite, files, how, words):
    for name, value in how.items():
        setattr(files, name, value)
    await dropped(sqlite)
    assert await settle_failed(worker(sqlite, files))
    draft = await draft_of(sqlite)
    assert (draft.state, await number(sqlite, ImportPart)) == (State.REFUSED, 0)
    assert words in found_in(draft).said


async def test_a_file_that_is_longer_than_it_said_is_cut_off(sqlite, files, monkeypatch):
    monkeypatch.setattr("bot.fetch.LARGEST", 3 * PIECE)
    files.data, files.info = b"a,b\n" * PIECE, {"size": 10}
    await dropped(sqlite)
    assert await settle_failed(worker(sqlite, files))
    assert "is the most Cadence takes here" in found_in(await draft_of(sqlite)).said


async def test_what_passes_is_tried_again_and_what_does_not_is_said_with_a_reference(sqlite, files, caplog):
    files.failures = [NotAnswered("TimeoutError"), RateLimited(timedelta(seconds=0.02))]
    await dropped(sqlite)
    work = worker(sqlite, files)
    assert await settle_failed(work)
    assert (await draft_of(sqlite)).state == State.ASKED
    files.pause = 0.6  # longer than the silence that is borne
    await dropped(sqlite, file_id="F2")
    assert await settle_failed(work)
    draft = await draft_of(sqlite, "F2")
    assert draft.state == State.FAILED
    assert f"draft failed: reference={draft.problem} draft={draft.id} person={draft.person_id}" in caplog.text
    assert TOKEN not in caplog.text


async def test_a_fault_of_ours_is_logged_without_contents_and_can_be_tried_again(sqlite, files, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    await dropped(sqlite)
    work = worker(sqlite, files)

    async def broken(*_):
        raise KeyError(SECRET)

    with monkeypatch.context() as patch:
        patch.setattr(bot.importing.Importer, "look", broken)
        assert await settle_failed(work)
    draft = await draft_of(sqlite)
    assert draft.state == State.FAILED
    assert "KeyError at test_drafts.py" in caplog.text
    assert SECRET not in caplog.text
    async with sqlite.write() as session:
        await drafts.again(session, await session.get_one(Person, draft.person_id), draft.id, now=NOW)
    assert await settle_failed(work)
    assert (await draft_of(sqlite)).state == State.ASKED


async def test_a_dead_worker_leaves_a_lease_and_the_next_one_goes_on(sqlite, files):
    await dropped(sqlite)
    first = worker(sqlite, files)
    claimed = await first._claim()
    await first._keep(claimed, 0, b"half of it")
    second = worker(sqlite, files)
    assert await second.settle(), "nothing to do while the lease stands"
    assert (await draft_of(sqlite)).state == State.WAITING
    await asyncio.sleep(QUICK.lease)
    assert await second.settle()
    draft = await draft_of(sqlite)
    assert (draft.state, found_in(draft).result.created) == (State.ASKED, 2)
    with pytest.raises(drafts.Lost):
        await first._keep(claimed, 1, b"late")


async def test_whoever_dies_again_and_again_is_not_followed_for_ever(sqlite, files):
    await dropped(sqlite)
    async with sqlite.write() as session:
        await session.execute(update(ImportDraft).values(attempts=QUICK.most_attempts))
    assert await settle_failed(worker(sqlite, files))
    assert (await draft_of(sqlite)).state == State.FAILED


async def test_a_worker_that_is_stopped_lets_go_at_once(sqlite, files):
    files.pause = 0.15
    await dropped(sqlite)
    work = worker(sqlite, files)
    task = asyncio.create_task(work.run())
    work.wake()
    while not files.tokens:  # noqa: ASYNC110 - what it waits for happens in a server
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await work.stop()
    draft = await draft_of(sqlite)
    assert (draft.state, draft.lease_until, draft.attempts) == (State.WAITING, None, 0)


async def one_turn(work):
    """A turn that is cut off in the middle."""
    with pytest.raises(asyncio.CancelledError):
        await work._one(await work._claim())


async def test_an_import_that_died_after_it_was_visible_is_told_as_what_it_did(sqlite, files, monkeypatch):
    await dropped(sqlite)
    work = worker(sqlite, files)
    await work.settle()
    await approve(sqlite)

    async def dies(*_, **__):
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(drafts, "finish", dies)
        await one_turn(work)
    assert (await draft_of(sqlite)).state == State.IMPORTING
    assert await number(sqlite, Deal) == 2
    assert await settle_failed(worker(sqlite, files))
    draft = await draft_of(sqlite)
    told = ImportResult.from_json(draft.result)
    assert (draft.state, told.created, told.unchanged) == (State.DONE, 2, 0)
    assert await number(sqlite, ImportRun) == 1


async def test_an_import_that_died_while_nobody_saw_it_begins_anew(sqlite, files, monkeypatch):
    await dropped(sqlite)
    work = worker(sqlite, files)
    await work.settle()
    await approve(sqlite)

    async def dies(*_, **__):
        raise asyncio.CancelledError

    async def leaves(*_):
        """A process that is killed takes nothing back."""

    with monkeypatch.context() as patch:
        patch.setattr(bot.importing.Importer, "_activate", dies)
        patch.setattr(bot.importing.Importer, "_take_back", leaves)
        await one_turn(work)
    assert await number(sqlite, ImportRun) == 1
    later = worker(sqlite, files)
    await later.settle()
    assert (await draft_of(sqlite)).state == State.IMPORTING, "its dead staging may still be alive: it waits"
    async with sqlite.write() as session:
        await session.execute(update(ImportRun).values(lease_until=NOW - timedelta(days=900)))
    assert await settle_failed(later)
    told = ImportResult.from_json((await draft_of(sqlite)).result)
    assert (told.created, await number(sqlite, Deal)) == (2, 2)


async def test_owners_who_are_in_slack_come_in_with_the_import_and_not_before(sqlite, files):
    def user(slack_id, email, **more):
        return {
            "id": slack_id,
            "team_id": "T1",
            "real_name": email.partition("@")[0],
            "profile": {"email": email},
            **more,
        }

    users = [
        user("U1", "new@home.example"),
        user("U2", "other@home.example"),
        user("U3", "guest@home.example", is_restricted=True),
    ]
    files.data += b"3,More,Acme,guest@home.example,Prospecting,USD\n"
    await dropped(sqlite)
    work = worker(sqlite, files, users=users)
    await work.settle()
    assert [one.slack_id for one in found_in(await draft_of(sqlite)).arrivals] == ["U1"]
    assert await number(sqlite, Person) == 3
    await approve(sqlite)
    await work.settle()
    async with sqlite.read() as session:
        new = (await session.scalars(select(Person).where(Person.slack_id == "U1"))).one()
        assert [held.role for held in new.roles] == ["ae"]
    told = ImportResult.from_json((await draft_of(sqlite)).result)
    assert [one.said for one in told.owners] == ["guest@home.example"]


async def test_a_right_that_was_lost_meanwhile_counts(sqlite, files):
    await dropped(sqlite)
    work = worker(sqlite, files)
    await work.settle()
    await approve(sqlite)
    async with sqlite.write() as session:
        draft = await draft_of(sqlite)
        await session.execute(PersonRole.__table__.delete().where(PersonRole.person_id == draft.person_id))
    await work.settle()
    draft = await draft_of(sqlite)
    assert (draft.state, await number(sqlite, Deal)) == (State.REFUSED, 0)
    assert "You cannot import files." in found_in(draft).said


@pytest.mark.parametrize(
    "error", [UserError("The wind has turned."), BadFile("deals.csv was not imported.", ("line 2: no",))]
)
async def test_what_cannot_be_done_any_more_gets_a_new_dry_run(sqlite, files, monkeypatch, error):
    await dropped(sqlite)
    work = worker(sqlite, files)
    await work.settle()
    await approve(sqlite)

    async def refuses(*_):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(bot.importing.Importer, "apply", refuses)
        await work.settle()
    draft = await draft_of(sqlite)
    said = "has changed since the dry run" if isinstance(error, BadFile) else "The wind has turned."
    assert draft.state == State.ASKED
    assert said in found_in(draft).said
    await approve(sqlite)
    await work.settle()
    assert (await draft_of(sqlite)).state == State.DONE


async def test_a_file_none_of_whose_lines_can_be_taken_is_asked_about(sqlite, files):
    files.data = DEALS.replace("Acme", "Acmee").encode()
    await dropped(sqlite)
    await worker(sqlite, files).settle()
    draft = await draft_of(sqlite)
    assert draft.state == State.ASKED
    assert [(one.said, one.deals, one.near) for one in found_in(draft).unknown_partners] == [("Acmee", 2, ("Acme",))]
    files.data = b"Record Name,Partner,Our Populations,Partner Populations\nNorth,Acmee,Customer,Prospect\n"
    await dropped(sqlite, file_id="F2")
    await worker(sqlite, files).settle()
    draft = await draft_of(sqlite, "F2")
    assert (draft.state, draft.kind) == (State.ASKED, "targets")
    assert [one.said for one in found_in(draft).unknown_partners] == ["Acmee"]


async def test_what_was_said_of_a_file_is_forgotten_once_it_is_read_otherwise(sqlite, files):
    files.data = DEALS.replace("Acme", "Acmee").encode()
    await dropped(sqlite)
    work = worker(sqlite, files)
    await work.settle()
    draft = await draft_of(sqlite)
    assert found_in(draft).said
    async with sqlite.write() as session:
        head = await session.get_one(Person, draft.person_id)
        told = Options(partners={"Acmee": "Acme"})
        await drafts.answer(session, head, draft.id, draft.fence, told, now=NOW)
    await work.settle()
    found = found_in(await draft_of(sqlite))
    assert (found.said, found.problems, found.result.created) == ("", (), 2)


ACCOUNTS = b"Id,Name,Partner\nA1,North,Acme\nA2,South,\n"
IDS = b"Id,AccountId,Name,Owner,StageName\n1,A1,Pumps,ann@home.example,Prospecting\n2,A2,More,ann@home.example,Prospecting\n"


async def brought(work, files, data, name, file_id):
    files.data = data
    await dropped(work.db, name, file_id)
    assert await work.settle()
    return await draft_of(work.db, file_id)


async def put_away(db, file_id):
    draft = await draft_of(db, file_id)
    async with db.write() as session:
        await drafts.withdraw(session, await session.get_one(Person, draft.person_id), draft.id, now=NOW)


async def accounts_in(db):
    async with db.read() as session:
        rows = await session.execute(
            select(DealVersion.name, DealVersion.account, DealVersion.partner_id).where(DealVersion.valid_to.is_(None))
        )
        return {row.name: (row.account, row.partner_id is not None) for row in rows}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_deals_are_read_with_the_accounts_file_whichever_comes_first(db, files, order):
    work = worker(db, files)
    both = ((ACCOUNTS, "Account.csv", "A"), (IDS, "Opportunity.csv", "D"))
    for place in order:
        await brought(work, files, *both[place])
    assert (await draft_of(db, "A")).state == State.KEPT
    draft = await draft_of(db, "D")
    found = found_in(draft)
    assert (draft.state, found.missing, found.result.created) == (State.ASKED, (), 2)
    assert (found.beside.name, found.beside.names, found.beside.partners) == ("Account.csv", True, True)
    await approve(db, "D")
    assert await work.settle()
    assert await accounts_in(db) == {"Pumps": ("North", True), "More": ("South", False)}
    assert (await draft_of(db, "A")).state == State.KEPT, "the next deals are read with it too"
    assert files.asked == 2, "both are fetched once"


async def test_an_accounts_file_that_comes_in_the_middle_of_a_look_counts(sqlite, files, monkeypatch):
    files.data = IDS.replace(b"Owner", b"Owner,Partner").replace(b"example", b"example,Acme")
    await dropped(sqlite, "Opportunity.csv", "D")
    work, real = worker(sqlite, files), bot.importing.Importer.look

    async def slowly(importer, job):
        if await number(sqlite, ImportPart) != 2:
            files.data = ACCOUNTS
            await dropped(sqlite, "Account.csv", "A")
            other = worker(sqlite, files)
            await other._one(await other._claim())
        return await real(importer, job)

    monkeypatch.setattr(bot.importing.Importer, "look", slowly)
    assert await work.settle()
    draft = await draft_of(sqlite, "D")
    assert (draft.state, found_in(draft).beside.name) == (State.ASKED, "Account.csv")


async def test_an_accounts_file_put_away_after_the_approval_is_a_new_dry_run(sqlite, files):
    work = worker(sqlite, files)
    await brought(work, files, ACCOUNTS, "Account.csv", "A")
    await brought(work, files, IDS, "Opportunity.csv", "D")
    await approve(sqlite, "D")
    await put_away(sqlite, "A")
    assert await work.settle()
    draft = await draft_of(sqlite, "D")
    found = found_in(draft)
    assert (draft.state, found.missing, found.beside, await number(sqlite, Deal)) == (
        State.ASKED,
        ("partner",),
        None,
        0,
    )
    assert "the accounts file it was read with has been put away since" in found.said
    await brought(work, files, ACCOUNTS, "Account.csv", "A2")
    found = found_in(await draft_of(sqlite, "D"))
    assert (found.said, found.beside.name, found.result.created) == ("", "Account.csv", 2)


async def test_an_accounts_file_put_away_in_the_middle_of_a_look_is_done_without(sqlite, files, monkeypatch):
    work = worker(sqlite, files)
    await brought(work, files, ACCOUNTS, "Account.csv", "A")
    real = drafts.still_kept

    async def too_late(session, beside):
        if (await draft_of(sqlite, "A")).state == State.KEPT:
            await put_away(sqlite, "A")
        return await real(session, beside)

    monkeypatch.setattr(drafts, "still_kept", too_late)
    files.data = IDS
    await dropped(sqlite, "Opportunity.csv", "D")
    assert await settle_failed(work)
    draft = await draft_of(sqlite, "D")
    assert (draft.state, found_in(draft).beside, found_in(draft).missing) == (State.ASKED, None, ("partner",))


async def test_both_files_are_on_disk_for_us_alone_and_only_while_they_are_read(sqlite, files, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    work, real, seen = worker(sqlite, files), bot.importing.Importer.look, []

    async def watched(importer, job):
        seen.extend(path.stat().st_mode & 0o777 for path in tmp_path.glob("cadence-*.csv"))
        return await real(importer, job)

    monkeypatch.setattr(bot.importing.Importer, "look", watched)
    await brought(work, files, ACCOUNTS, "Account.csv", "A")
    await brought(work, files, IDS, "Opportunity.csv", "D")
    assert seen == [0o600, 0o600]
    assert list(tmp_path.glob("cadence-*.csv")) == []


async def test_a_file_of_many_columns_is_not_looked_over_for_ever(sqlite, files):
    work = worker(sqlite, files)
    await brought(work, files, ACCOUNTS, "Account.csv", "A")
    wide = ",".join(f"c{n}" for n in range(300)).encode()
    lines = IDS.splitlines()
    data = b"\n".join([wide + b"," + lines[0], *(b"," * 300 + line for line in lines[1:])]) + b"\n"
    draft = await brought(work, files, data, "Opportunity.csv", "D")
    assert (draft.state, found_in(draft).beside.name) == (State.ASKED, "Account.csv")


async def test_several_files_wait_for_each_other(sqlite, files):
    for place in range(3):
        await dropped(sqlite, f"{place}.csv", f"F{place}")
    work = worker(sqlite, files)
    await work.settle()
    for place in range(3):
        await approve(sqlite, f"F{place}")
    assert await settle_failed(work)
    for place in (1, 2):  # what they promised was not what they would do any more
        stale = await draft_of(sqlite, f"F{place}")
        assert (stale.state, found_in(stale).said) == (State.ASKED, SINCE)
        assert found_in(stale).result.unchanged == 2
    await approve(sqlite, "F1")
    assert await settle_failed(work)
    counts = [ImportResult.from_json((await draft_of(sqlite, f"F{place}")).result) for place in range(2)]
    assert [(one.created, one.unchanged) for one in counts] == [(2, 0), (0, 2)]


async def test_a_long_file_is_kept_and_read_in_pieces(sqlite, files):
    """What a file of 20,000 lines needs beyond one of 2,000 is its ids, and no copy of it."""
    import tracemalloc

    def peak_of(rows):
        return HEADER + "".join(
            f"D-{n:06d},Deal {n} {'long words ' * 20},Acme,ann@home.example,Prospecting,USD\n" for n in range(rows)
        )

    async def measured(rows, file_id):
        text = peak_of(rows).encode()
        files.data = text
        await dropped(sqlite, file_id=file_id)
        work = worker(sqlite, files, times=Times(patience=60))
        claimed = await work._claim()
        await work._fetch(claimed)
        files.data = b""
        size = len(text)
        del text
        tracemalloc.start()
        async with work._spooled(claimed.id) as path:
            await work._look_over(claimed, path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size, peak

    small = await measured(2_000, "F1")
    large = await measured(20_000, "F2")
    draft = await draft_of(sqlite, "F2")
    assert found_in(draft).result.created == 20_000
    assert large[0] > 4_500_000
    assert large[1] - small[1] < large[0] / 1.2, (small, large)
    async with sqlite.read() as session:
        sizes = [
            len(zlib.decompress(one.data))
            for one in await session.scalars(select(ImportPart).where(ImportPart.draft_id == draft.id))
        ]
    assert max(sizes) <= 2 * PIECE
    assert sum(sizes) == large[0]
