"""`cadence doctor`: each thing it can find in Slack, the settings and the database, and the command as a person meets it."""

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace

import aiohttp
import pytest
import yaml
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import text, update
from sqlalchemy.exc import OperationalError

from bot import doctor, schema
from bot.doctor import channels, database, slack
from bot.settings import BadSettings
from bot.trying import settings_for
from models.checkup import Check, Place, Severity, good, look, wrong
from models.db import Database
from models.tables import DealVersion, Person
from tests.bot.test_cli import run
from tests.world import APP_TOKEN, BOT_TOKEN, BOT_USER, MANIFEST, SECRET, Local, partner, playing, small_team

SCOPES = sorted(yaml.safe_load(MANIFEST.read_text())["oauth_config"]["scopes"]["bot"])
WHO = {"user": "cadence", "team": "Home"}


class FakeClient:
    """Slack as far as two calls go: what it answers is given; a string is a refusal, an exception is silence."""

    def __init__(self, who=None, opened=None, headers=None):
        self.answers = {
            "auth.test": WHO if who is None else who,
            "apps.connections.open": {} if opened is None else opened,
        }
        self.headers = {"X-OAuth-Scopes": ",".join(SCOPES), "Date": 0} | (headers or {})
        self.called = []

    async def auth_test(self):
        return self._answer("auth.test")

    async def apps_connections_open(self, *, app_token):
        assert app_token == APP_TOKEN
        return self._answer("apps.connections.open")

    def _answer(self, method):
        self.called.append(method)
        answer = self.answers[method]
        if isinstance(answer, Exception):
            raise answer
        headers = {name: value for name, value in self.headers.items() if value is not None}
        if isinstance(headers.get("Date"), int):  # seconds behind our clock
            then = datetime.now(UTC) - timedelta(seconds=headers["Date"])
            headers["Date"] = format_datetime(then, usegmt=True)
        if isinstance(answer, str):
            held = SimpleNamespace(data={"error": answer}, headers=headers, status_code=200, get={"error": answer}.get)
            raise SlackApiError("refused", held)
        return SimpleNamespace(data=answer, headers=headers)


def settings(**more):
    given = {
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "SLACK_APP_TOKEN": APP_TOKEN,
        "CADENCE_LEADERSHIP_CHANNEL": "leadership",
    } | more
    return settings_for({name: value for name, value in given.items() if value is not None})


HTTP = {"SLACK_APP_TOKEN": None, "SLACK_SIGNING_SECRET": SECRET}


def ahead(seconds):
    return {"Date": seconds}


def scopes(*drop, add=()):
    return {"X-OAuth-Scopes": ", ".join([name for name in SCOPES if name not in drop] + list(add))}


TABLE = {
    "known": ({}, {}, Check.TOKEN, "good", "Slack knows us as cadence in Home.", ""),
    "a wrong token": ({"who": "invalid_auth"}, {}, Check.TOKEN, "wrong", "Slack refuses SLACK_BOT_TOKEN (invalid_auth).", "xoxb-"),
    "a token taken back": ({"who": "token_revoked"}, {}, Check.TOKEN, "wrong", "token_revoked", "install the app again"),
    "asked too often": ({"who": "ratelimited"}, {}, Check.TOKEN, "look", "asks us to wait", "in a minute"),
    "Slack is ill": ({"who": "internal_error"}, {}, Check.TOKEN, "wrong", "(internal_error)", "slack-status.com"),
    "no network": (
        {"who": aiohttp.ClientConnectionError()}, {}, Check.TOKEN, "wrong", "(ClientConnectionError)", "HTTPS_PROXY",
    ),
    "no answer in time": ({"who": TimeoutError()}, {}, Check.TOKEN, "wrong", "(TimeoutError)", "SLACK_API_URL"),
    "a proxy's page": (
        {"who": SlackApiError("x", "<html>")}, {}, Check.TOKEN, "wrong", "(an answer that is not Slack's)", "SLACK_API_URL",
    ),
    "bytes": ({"who": b"x"}, {}, Check.TOKEN, "wrong", "(an answer that is not Slack's)", "SLACK_API_URL"),
    "all scopes": ({}, {}, Check.SCOPES, "good", f"All {len(SCOPES)} scopes", ""),
    "a scope missing": (
        {"headers": scopes("im:write")}, {}, Check.SCOPES, "wrong", "The app lacks the scope im:write.", "app_manifest.yml",
    ),
    "two missing, another instead": (
        {"headers": scopes("im:write", "chat:write", add=["admin"])}, {}, Check.SCOPES, "wrong",
        "The app lacks the scopes chat:write, im:write. It has the scope admin instead", "install the app",
    ),
    "one too many": (
        {"headers": scopes(add=["admin"])}, {}, Check.SCOPES, "look", "granted the scope admin, which Cadence", "Nothing breaks",
    ),
    "an older token": ({"headers": scopes(add=["identify"])}, {}, Check.SCOPES, "good", "and no other", ""),
    "no word of scopes": ({"headers": {"X-OAuth-Scopes": None}}, {}, Check.SCOPES, "look", "did not say", "by hand"),
    "the clock agrees": ({"headers": ahead(30)}, {}, Check.CLOCK, "good", "agrees", ""),
    "the clock is fast": ({"headers": ahead(200)}, {}, Check.CLOCK, "wrong", "seconds fast", "timedatectl"),
    "the clock is slow": ({"headers": ahead(-200)}, {}, Check.CLOCK, "wrong", "seconds slow", "set by the network"),
    "no word of the time": ({"headers": {"Date": None}}, {}, Check.CLOCK, "look", "did not say what time", "timedatectl"),
    "a word that is no time": ({"headers": {"Date": "soon"}}, {}, Check.CLOCK, "look", "did not say what time", "timedatectl"),
    "a simulated clock": (
        {"headers": ahead(9999)}, {"CADENCE_SIMULATED_CLOCK": "1", "SLACK_API_URL": "http://127.0.0.1:9/api/"}, Check.CLOCK,
        "good", "it was not compared", "",
    ),
    "Socket Mode": ({}, {}, Check.DELIVERY, "good", "Slack accepts SLACK_APP_TOKEN", ""),
    "a wrong app token": (
        {"opened": "invalid_auth"}, {}, Check.DELIVERY, "wrong", "Slack refuses SLACK_APP_TOKEN (invalid_auth)",
        "connections:write",
    ),
    "an app token asked too often": ({"opened": "ratelimited"}, {}, Check.DELIVERY, "look", "(ratelimited)", "in a minute"),
    "an app token and no answer": ({"opened": TimeoutError()}, {}, Check.DELIVERY, "look", "(TimeoutError)", "in a minute"),
    "HTTP": ({}, HTTP, Check.DELIVERY, "good", "SLACK_SIGNING_SECRET is set", ""),
}  # fmt: skip


@pytest.mark.parametrize("case", list(TABLE))
async def test_what_slack_says_is_found_with_how_to_mend_it(case):
    answers, given, check, severity, what, mend = TABLE[case]
    found, known = await slack.examine(FakeClient(**answers), settings(**given), running=False)
    (one,) = [one for one in found if one.check is check]
    assert one.severity == severity, one
    assert what in one.what
    assert mend in one.mend
    assert bool(one.mend) is (severity != "good")
    assert known is (check is not Check.TOKEN or severity == "good")
    others = [held for held in found if held is not one]
    assert [held.severity for held in others] == [Severity.GOOD] * len(others)


async def test_a_bot_that_runs_does_not_knock_again():
    client = FakeClient()
    found, _ = await slack.examine(client, settings(), running=True)
    assert client.called == ["auth.test"]
    assert "your click came that way" in next(one.what for one in found if one.check is Check.DELIVERY)


async def test_without_a_manifest_scopes_are_not_judged(tmp_path):
    for name, words in (("none.yml", None), ("odd.yml", "a: [1"), ("bare.yml", "a: 1")):
        if words is not None:
            (tmp_path / name).write_text(words)
        found, _ = await slack.examine(FakeClient(), settings(), running=True, manifest=tmp_path / name)
        (one,) = [one for one in found if one.check is Check.SCOPES]
        assert one.severity == "look"
        assert "app_manifest.yml" in one.mend


# channels, against the local Slack


def client_of(local: Local) -> AsyncWebClient:
    return AsyncWebClient(token=BOT_TOKEN, base_url=local.sandbox.api_url, retry_handlers=[])


async def test_each_channel_in_trouble_is_named_with_how_to_mend_it(sqlite_url):
    names = ("Acme", "Bolt", "Cord", "Dust", "Echo", "Fern", "Gale", "Hill")
    team = small_team(partners=[partner(name) for name in names], reviews=False, private=("p-echo",))
    async with playing(team, sqlite_url, bot=False) as local:
        await local.post("admin/kick", {"channel": "p-acme", "user": BOT_USER})
        await local.post("admin/archive", {"channel": "p-bolt"})
        await local.post("admin/share", {"channel": "p-cord"})
        await local.post("admin/share", {"channel": "p-dust", "pending": True})
        await local.post("admin/kick", {"channel": "p-echo", "user": BOT_USER})
        await local.post("admin/rename", {"channel": "p-fern", "name": "fern"})
        ids = {one["name"]: one["id"] for one in (await local.get("state"))["channels"] if not one.get("is_im")}
        places = [Place("leadership", ("leadership", "Zinc")), *(Place(f"p-{name.lower()}", (name,)) for name in names[:6]),
                  Place(ids["p-gale"], ("Gale",)), Place("P-Hill", ("Hill",)), Place("C0NOWHERE", ("Ivy",))]  # fmt: skip
        found = await channels.examine(client_of(local), places, settings(), {ids["p-hill"]: 2, ids["p-acme"]: 1})
        listed = await local.api("conversations.list")
    assert len(listed) == 1, "one page is enough"
    said = {one.what: one.mend for one in found if one.severity is Severity.WRONG}
    elsewhere = "name the right one in internal_channel in the partners file."
    assert said == {
        "Cadence is not in #p-acme (Acme).": "Invite @Cadence to #p-acme: type /invite @Cadence there.",
        "#p-bolt is archived (Bolt).": f"Unarchive #p-bolt, or {elsewhere}",
        "#p-cord is shared with another company or workspace (Cord), so nothing internal is posted there.":
            f"Stop sharing #p-cord, or {elsewhere}",
        "#p-dust is about to be shared with another company (Dust), so nothing internal is posted there.":
            f"Stop sharing #p-dust, or {elsewhere}",
        "2 guests are in #p-hill (Hill) whom no admin has allowed there, so nothing internal is posted.":
            "Take them out of #p-hill, or let an admin allow them: what waits stands on their Home tab.",
        "Cadence sees no channel #p-echo (Echo).":
            f"If it is private, invite @Cadence to #p-echo: type /invite @Cadence there. If it has another name, {elsewhere}",
        "Cadence sees no channel #p-fern (Fern).":
            f"If it is private, invite @Cadence to #p-fern: type /invite @Cadence there. If it has another name, {elsewhere}",
        "Cadence sees no channel C0NOWHERE (Ivy).":
            f"If it is private, invite @Cadence to C0NOWHERE: type /invite @Cadence there. If it has another name, {elsewhere}",
    }  # fmt: skip
    assert [one.what for one in found if one.severity is Severity.GOOD] == [
        "Cadence is in 2 internal channels, none of them archived or shared."
    ]


async def test_a_list_that_slack_does_not_give_is_said(sqlite_url):
    places = [Place("leadership", ("leadership",))]
    async with playing(small_team(), sqlite_url, bot=False) as local:
        client = client_of(local)
        for fault, words in (
            ({"kind": "ratelimited", "retry_after": 20}, "Look again in 20 seconds."),
            ({"kind": "error", "error": "missing_scope"}, "Mend what is said of token and scopes first"),
        ):
            await local.post("faults", fault | {"method": "conversations.list"})
            (one,) = await channels.examine(client, places, settings())
            assert (one.severity, one.check) == ("look", Check.CHANNELS)
            assert words in one.mend
        (unset,) = await channels.examine(client, [], settings(CADENCE_LEADERSHIP_CHANNEL=""))
        assert unset.severity == "look"
        assert "Set CADENCE_LEADERSHIP_CHANNEL" in unset.mend
        await local.post("admin/archive", {"channel": "leadership"})
        (archived,) = await channels.examine(client, places, settings())
        assert archived.mend == "Unarchive #leadership, or name the right one in CADENCE_LEADERSHIP_CHANNEL."
        both = [Place("leadership", ("leadership", "Acme"))]
        (shared,) = await channels.examine(client, both, settings())
        assert shared.mend.endswith("CADENCE_LEADERSHIP_CHANNEL and internal_channel in the partners file.")


class Endless:
    """A workspace with more channels than anybody reads."""

    timeout = 5

    def __init__(self):
        self.pages = 0

    async def api_call(self, _method, **_):
        self.pages += 1
        return SimpleNamespace(data={"channels": [], "response_metadata": {"next_cursor": "more"}})


async def test_a_very_long_list_is_read_in_part_and_that_is_said():
    client = Endless()
    (one,) = await channels.examine(client, [Place("p-acme", ("Acme",))], settings())
    assert client.pages == channels.MOST_PAGES
    assert one.severity == "look"
    assert one.what == "#p-acme (Acme) is not among the first 10,000 channels."
    assert "/invite @Cadence" in one.mend


# the database


async def found_in(url):
    db = Database(url)
    try:
        return await database.examine(db)
    finally:
        await db.close()


async def migrated(url, revision="head"):
    db = Database(url)
    try:
        await schema.upgrade(db, revision)
    finally:
        await db.close()


async def test_a_database_that_is_well(database_url):
    await migrated(database_url)
    found, readable = await found_in(database_url)
    assert readable
    assert [one.severity for one in found] == [Severity.GOOD] * 2
    assert "can be written" in found[0].what


async def test_an_old_an_empty_and_a_newer_schema(database_url):
    found, readable = await found_in(database_url)
    assert not readable
    assert "The database's schema is empty" in found[-1].what
    assert found[-1].mend == "Run: cadence migrate"
    await migrated(database_url, "0001")
    found, readable = await found_in(database_url)
    assert (found[-1].severity, readable) == ("wrong", False)
    assert found[-1].what == f"The database's schema is at 0001; this version needs {schema.head()}."
    db = Database(database_url)
    async with db.write() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = 'zz99'"))
    await db.close()
    found, readable = await found_in(database_url)
    assert not readable
    assert "(zz99) is of a newer Cadence" in found[-1].what
    assert "or newer" in found[-1].mend


async def test_a_postgresql_that_only_reads(postgres_base):
    from tests import postgres

    url = await postgres.fresh_database(postgres_base)
    await migrated(url)
    db = Database(url)
    async with db.writer.begin() as connection:
        await connection.execute(text(f'ALTER DATABASE "{db.url.database}" SET default_transaction_read_only = on'))
    await db.close()
    found, readable = await found_in(url)
    assert readable
    assert found[0].what == "The database can be read but not written."
    assert "primary server" in found[0].mend


class Odd:
    """A SQLite database in a bad place: on a network folder, on a full disk, with another's lock."""

    is_sqlite = True

    def __init__(self, *, journal="wal", keys=1, writes=True, reads=True):
        self._answers = [journal, keys, "3.40"]
        self._writes, self._reads = writes, reads

    async def ping(self):
        if not self._reads:
            raise OperationalError("select", {}, sqlite3.DatabaseError("malformed"))

    def read(self):
        return self

    def write(self):
        if not self._writes:
            raise OperationalError("begin", {}, sqlite3.OperationalError("attempt to write a readonly database"))
        return self

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return None

    async def scalar(self, _statement):
        return self._answers.pop(0)


@pytest.mark.parametrize(
    ("given", "what", "mend"),
    [
        ({"journal": "delete"}, "(journal: delete)", "local disk"),
        ({"keys": 0}, "does not check foreign keys", "Python"),
        ({"writes": False}, "read but not written (OperationalError)", "right to write"),
    ],
)
async def test_a_sqlite_in_a_bad_place(given, what, mend):
    (one,) = await database._sqlite(Odd(**given))
    assert one.severity == "wrong"
    assert what in one.what
    assert mend in one.mend


async def test_a_file_that_is_no_database_is_said_without_a_word_of_its_contents(tmp_path):
    path = tmp_path / "notes.db"
    path.write_text("Salary of Ann: 1\n" * 100)
    found, readable = await found_in(f"sqlite:///{path}")
    assert not readable
    (one,) = found
    assert (one.severity, one.check) == ("wrong", Check.DATABASE)
    assert "Salary" not in one.what


def test_a_broken_table_is_said_by_its_kind():
    one = database.broken(OperationalError("SELECT secret", {}, sqlite3.DatabaseError("malformed")))
    assert "(DatabaseError)" in one.what
    assert "secret" not in one.what
    assert one.mend


@pytest.mark.parametrize(
    ("url", "there"),
    [("sqlite:///nowhere/x.db", True), ("sqlite:///:memory:", False), ("postgresql://h/d", False), ("nonsense", False)],
)
def test_a_file_that_is_not_there_is_not_made(url, there, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = database.missing(url)
    assert (one is not None) is there
    assert list(tmp_path.iterdir()) == []
    if one:
        assert "nowhere/x.db" in one.what
        assert "cadence migrate" in one.mend


# the command


async def cadence_doctor(local, **more):
    """`cadence doctor` in a process of its own, beside the bot."""
    given = {name: value for name, value in (local.environment | more).items() if value is not None}
    return await asyncio.to_thread(run, "doctor", **given)


def bad(done):
    return [line for line in done.stdout.splitlines() if line.startswith(("✗", "!"))]


def assert_no_secret(done):
    assert not [
        secret for secret in (BOT_TOKEN, APP_TOKEN, SECRET, "xoxb-wrong") if secret in done.stdout + done.stderr
    ]
    assert "Traceback" not in done.stderr


async def test_all_is_well_beside_a_running_bot(sqlite_url):
    async with playing(small_team(), sqlite_url) as local:
        done = await cadence_doctor(local)
        assert (done.returncode, bad(done), done.stderr) == (0, [], "")
        *found, total = done.stdout.splitlines()
        assert total == f"0 wrong, 0 to look at, {len(found)} good."
        assert {line.split()[1] for line in found} == {check.value for check in Check}
        assert_no_secret(done)
        writes = [
            row for row in await local.get("log", kind="api") if row["method"] in ("chat.postMessage", "views.publish")
        ]
        assert writes == [], "it only looks"


async def test_what_is_wrong_is_said_with_how_to_mend_it_and_the_status_is_1(sqlite_url, tmp_path):
    manifest = tmp_path / "manifest.yml"
    held = yaml.safe_load(MANIFEST.read_text())
    held["oauth_config"]["scopes"]["bot"].remove("im:history")
    manifest.write_text(yaml.safe_dump(held))
    async with playing(small_team(), sqlite_url, manifest=manifest) as local:
        await local.post("admin/kick", {"channel": "p-acme", "user": BOT_USER})
        async with local.db.write() as session:
            await session.execute(update(Person).where(Person.name == "Ann Seller").values(slack_id=None))
            await session.execute(update(DealVersion).where(DealVersion.name == "Deal 5").values(owner_id=None))
        done = await cadence_doctor(local)
        assert done.returncode == 1
        scope, channel, person, deal = bad(done)
        assert scope.startswith(
            "✗ scopes    The app lacks the scope im:history. Mend: At api.slack.com/apps paste app_manifest.yml"
        )
        assert channel == (
            "✗ channels  Cadence is not in #p-acme (Acme). Mend: Invite @Cadence to #p-acme: type /invite @Cadence there."
        )
        assert "Ann Seller. Mend: Give each in the people file the e-mail address they use in Slack" in person
        assert deal.startswith("! deals     1 open deal has no owner: Deal 5. Mend: ")
        assert done.stdout.splitlines()[-1].startswith("3 wrong, 1 to look at, ")
        assert_no_secret(done)
        plain = await cadence_doctor(local, PYTHONIOENCODING="ascii")
        assert plain.returncode == 1
        assert plain.stdout.isascii()
        assert "x channels  Cadence is not in #p-acme (Acme)." in plain.stdout


async def test_a_wrong_token_still_lets_the_database_be_examined(sqlite_url):
    async with playing(small_team(), sqlite_url, bot=False) as local:
        done = await cadence_doctor(local, SLACK_BOT_TOKEN="xoxb-wrong")
        assert done.returncode == 1
        token, people = bad(done)
        assert token.startswith("✗ token     Slack refuses SLACK_BOT_TOKEN (invalid_auth). Mend: ")
        assert people.startswith(
            "! people    None of 4 people has been looked up in Slack yet. Mend: Start the bot once"
        )
        assert_no_secret(done)


async def test_an_old_schema_is_not_touched(sqlite_url):
    async with playing(small_team(), sqlite_url, bot=False) as local:
        db = Database(sqlite_url)
        await schema.downgrade(db, "0001")
        found = await doctor.visit(settings_for(local.environment))
        assert await schema.current(db) == "0001"
        await db.close()
    assert [one.mend for one in found if one.severity is Severity.WRONG] == ["Run: cadence migrate"]
    assert not [one for one in found if one.check in (Check.PEOPLE, Check.CHANNELS)]


def test_settings_that_are_missing_or_wrong_are_findings(tmp_path):
    done = run("doctor", database=tmp_path / "x.db", SLACK_BOT_TOKEN="xoxp-wrong-xoxb-wrong", CADENCE_ZONE="Mars/Base")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    first, second, third, fourth = bad(done)
    assert first.startswith("✗ settings  SLACK_BOT_TOKEN: should begin with xoxb-")
    assert second.startswith("✗ settings  CADENCE_ZONE: ")
    assert third.startswith("✗ database  There is no database at ")
    assert "Slack was not asked" in fourth
    assert "xoxp-wrong" not in done.stdout
    assert not (tmp_path / "x.db").exists()


async def test_wrong_settings_do_not_hide_the_database(sqlite_url):
    problem = BadSettings("These settings need mending:\n  SLACK_BOT_TOKEN is missing: x")
    await migrated(sqlite_url)
    found = await doctor.unsettled(problem, sqlite_url)
    assert {one.check for one in found} == {Check.SETTINGS, Check.TOKEN, Check.DATABASE, Check.SCHEMA}
    other = await doctor.unsettled(problem, "mysql://h/d")
    assert "DATABASE_URL names 'mysql'" in other[-1].what


async def test_a_database_that_is_not_there_and_one_that_cannot_be_opened(tmp_path):
    nowhere = settings(DATABASE_URL=f"sqlite:///{tmp_path}/x.db", SLACK_API_URL="http://127.0.0.1:9/api/")
    found = await doctor.visit(nowhere)
    assert [one.check for one in found if one.severity is Severity.WRONG] == [Check.DATABASE, Check.TOKEN]
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    folder = settings(DATABASE_URL=f"sqlite:///{tmp_path}", SLACK_API_URL="http://127.0.0.1:9/api/")
    (one,) = [one for one in await doctor.visit(folder) if one.severity is Severity.WRONG]
    assert one.check is Check.DATABASE
    assert "does not answer" in one.what
    silent = settings(DATABASE_URL="postgresql://ann:secret@127.0.0.1:9/d", SLACK_API_URL="http://127.0.0.1:9/api/")
    found = await doctor.visit(silent)
    assert "secret" not in str(found)
    assert [one.check for one in found if one.severity is Severity.WRONG] == [Check.DATABASE, Check.TOKEN]


def test_lines_are_one_for_each_and_ascii_where_there_is_no_more():
    found = [wrong(Check.DEALS, "two\nlines “x”", "mend → it…"), look(Check.CRM, "Zoë", "y"), good(Check.TOKEN, "z")]
    assert doctor.lines(found, unicode=True) == [
        "✓ token     z", "✗ deals     two lines “x” Mend: mend → it…", "! crm       Zoë Mend: y",
        "1 wrong, 1 to look at, 1 good.",
    ]  # fmt: skip
    assert doctor.lines(found, unicode=False)[:3] == [
        "+ token     z", 'x deals     two lines "x" Mend: mend -> it...', "! crm       Zo? Mend: y",
    ]  # fmt: skip
    assert [doctor.spoken_in(name) for name in ("utf-8", "UTF8", "ascii", "latin-1", "cp1252", None)] == [
        True, True, False, False, False, False,
    ]  # fmt: skip


async def test_a_table_that_is_gone_does_not_end_the_examination(sqlite_url):
    await migrated(sqlite_url)
    db = Database(sqlite_url)
    async with db.write() as session:
        await session.execute(text("DROP TABLE submission"))
        await session.execute(text("DROP TABLE outbox"))
    await db.close()
    given = {"DATABASE_URL": sqlite_url, "SLACK_API_URL": "http://127.0.0.1:9/api/", "CADENCE_SIMULATED_CLOCK": "1"}
    found = await doctor.visit(settings(**given))
    (broken,) = [one for one in found if one.check is Check.DATABASE and one.severity is Severity.WRONG]
    assert "cannot be read as it should (OperationalError)" in broken.what
    assert not [one for one in found if one.check is Check.CHANNELS]
