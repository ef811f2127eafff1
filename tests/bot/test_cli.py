"""The command line as a person meets it: in a process of its own, with exit codes and sentences."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner

from bot import cli, schema
from models.db import Database
from models.tables import Deal, ImportRun, Partner, Person
from tests import born, world
from tests.migrated import migrate

ROOT = Path(__file__).resolve().parent.parent.parent


def run(*arguments, database=None, anew=False, **environment):
    """`cadence …` in a process of its own, with nothing in its environment but what is given; `anew`: not forked."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "COVERAGE_PROCESS_START")}
    given = {**kept, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200", "PYTHONPATH": str(ROOT), **environment}
    if database is not None:
        given["DATABASE_URL"] = f"sqlite:///{database}"
    folder = database.parent if database is not None else ROOT
    if born.possible(environment) and not anew:
        return born.run(arguments, cwd=folder, env=given, timeout=60)
    return subprocess.run(
        [sys.executable, "-m", "bot.cli", *arguments], capture_output=True, text=True, env=given, timeout=60, cwd=folder,
        check=False,
    )  # fmt: skip


@pytest.fixture
def files(tmp_path):
    """The three files of a small team."""
    team = world.small_team()
    for name, text in (
        ("people", world.people_csv(team)), ("partners", world.partners_csv(team)), ("deals", world.deals_csv(team.deals)),
    ):  # fmt: skip
        (tmp_path / f"{name}.csv").write_text(text)
    return tmp_path


@pytest.fixture
def database(tmp_path):
    return tmp_path / "cadence.db"


def counts(database):
    async def read():
        db = Database(f"sqlite:///{database}")
        try:
            async with db.read() as session:
                return [await session.scalar(select(func.count()).select_from(table))
                        for table in (Person, Partner, Deal, ImportRun)]  # fmt: skip
        finally:
            await db.close()

    return asyncio.run(read())


def imported(database):
    """The same team, imported in this process: a process of its own for each file takes its time."""

    async def load():
        await migrate(f"sqlite:///{database}")
        db = Database(f"sqlite:///{database}")
        try:
            await world.load(db, world.small_team(reviews=False))
        finally:
            await db.close()

    asyncio.run(load())


def test_three_files_are_imported_and_a_dry_run_says_the_same_and_changes_nothing(files, database):
    for name in ("people", "partners", "deals"):
        options = [] if name == "deals" else [f"--{name}"]
        done = run("import", str(files / f"{name}.csv"), *options, database=database, anew=name == "people")
        assert done.returncode == 0, done.stderr
    assert database.stat().st_mode & 0o777 == 0o600
    before = counts(database)
    assert before[:3] == [4, 1, 5]
    (files / "deals.csv").write_text((files / "deals.csv").read_text().replace("Qualification", "Needs Analysis"))
    dry = run("import", str(files / "deals.csv"), "--dry-run", database=database)
    assert dry.returncode == 0, dry.stderr
    assert dry.stdout.splitlines()[-1].startswith("Dry run, nothing was changed. ")
    assert "Needs Analysis" in dry.stdout
    assert counts(database) == before
    wet = run("import", str(files / "deals.csv"), database=database)
    assert wet.stdout.replace("\n", " ").strip() == dry.stdout.replace("Dry run, nothing was changed. ", "").replace(
        "\n", " "
    ).strip()  # fmt: skip
    assert counts(database) == [4, 1, 5, before[3] + 1]


def test_a_bad_file_is_refused_whole_and_lists_line_column_and_reason(files, database):
    imported(database)
    before = counts(database)
    text = (files / "deals.csv").read_text().splitlines()
    text[2] = text[2].replace("20000", "a lot")
    text[3] = text[3].replace("2026-03-30", "soon")
    (files / "bad.csv").write_text("\n".join(text))
    refused = run("import", str(files / "bad.csv"), database=database)
    assert refused.returncode == 1
    assert refused.stdout == ""
    first, *problems = refused.stderr.splitlines()
    assert first.startswith("cadence: ")
    assert any("ine 3" in line and "amount" in line and "a lot" in line for line in problems), refused.stderr
    assert any("ine 4" in line and "close_date" in line and "soon" in line for line in problems), refused.stderr
    assert "Traceback" not in refused.stderr
    assert counts(database) == before


def test_a_bad_line_can_be_left_out_and_is_named(files, database):
    imported(database)
    (files / "deals.csv").write_text((files / "deals.csv").read_text().replace("20000", "a lot"))
    done = run("import", str(files / "deals.csv"), "--skip-bad", database=database)
    assert done.returncode == 0, done.stderr
    assert "left out: " in done.stdout


def test_a_file_that_is_no_csv_is_refused_in_a_sentence(files, database):
    (files / "sheet.csv").write_bytes(b"PK\x03\x04not text")
    refused = run("import", str(files / "sheet.csv"), database=database)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("cadence: ")


def test_a_file_that_is_not_there_and_two_kinds_at_once_are_usage_errors(files, database):
    assert run("import", str(files / "nowhere.csv"), database=database).returncode == 2
    both = run("import", str(files / "people.csv"), "--people", "--partners", database=database)
    assert both.returncode == 2
    assert "choose one of --people, --partners, --targets" in both.stderr


def test_run_names_what_is_missing_and_exits_1():
    refused = run("run", anew=True)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.splitlines()[0] == "cadence: These settings need mending:"
    assert "SLACK_BOT_TOKEN is missing" in refused.stderr


def test_run_says_that_slack_does_not_answer(tmp_path):
    done = run("run", database=tmp_path / "x.db", SLACK_BOT_TOKEN="xoxb-x", SLACK_APP_TOKEN="xapp-x", PORT="0",
               SLACK_API_URL="http://127.0.0.1:9/api/")  # fmt: skip
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("cadence: Slack did")
    assert "Is SLACK_API_URL right" in last
    assert "Traceback" not in done.stderr


async def test_run_on_an_outdated_postgresql_says_to_migrate_first(postgres_base):
    from tests import postgres

    url = await postgres.fresh_database(postgres_base)
    tokens = {"SLACK_BOT_TOKEN": "xoxb-x", "SLACK_APP_TOKEN": "xapp-x", "DATABASE_URL": url, "PORT": "0",
              "SLACK_API_URL": "http://127.0.0.1:9/api/"}  # fmt: skip
    refused = await asyncio.to_thread(run, "run", **tokens)
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1] == (
        f"cadence: The database's schema is empty; this version needs {schema.head()}. Run `cadence migrate` first."
    )
    migrated = await asyncio.to_thread(run, "migrate", **tokens)
    assert (migrated.returncode, migrated.stdout) == (0, f"The schema is at {schema.head()}.\n"), migrated.stderr
    again = await asyncio.to_thread(run, "run", **tokens)
    assert "cadence: Slack did" in again.stderr


def test_a_database_of_another_kind_is_refused():
    refused = run("migrate", DATABASE_URL="mysql://h/d")
    assert refused.returncode == 1
    assert refused.stderr.startswith("cadence: DATABASE_URL names 'mysql'")


@pytest.mark.parametrize("command", ["", "run", "migrate", "import", "sandbox", "doctor"])
def test_every_command_explains_itself(command):
    """In process: what a help page says does not depend on the environment."""
    done = CliRunner().invoke(
        cli.app, [*command.split(), "--help"], env={"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200"}
    )
    assert done.exit_code == 0
    assert "Usage" in done.output
    wanted = {
        "": ["run", "migrate", "import", "sandbox", "doctor"],
        "doctor": ["how to mend it"],
        "import": ["--people", "--partners", "--dry-run", "--skip-bad", "--partner", "--owner", "--currency", "--accounts",
                   "--dates", "--partial", "--stage"],
        "sandbox": ["--port", "--no-bot", "--bot-url", "--http", "--keep", "--seed"],
        "migrate": ["--revision"],
        "run": ["--help"],
    }  # fmt: skip
    assert [word for word in wanted[command] if word not in done.output] == []
