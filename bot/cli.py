"""The command line: run, sandbox, import, migrate, doctor. Settings come from the environment."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    help="Cadence runs a partnerships team's meeting cadence in Slack.", no_args_is_help=True, add_completion=False,
    pretty_exceptions_enable=False,
)  # fmt: skip
ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """The `cadence` command. What a person can mend is said in a sentence; anything else keeps its traceback."""
    from models.domain.errors import BadFile, UserError

    try:
        app()
    except BadFile as error:
        print(f"cadence: {error}", file=sys.stderr)
        for problem in error.problems:
            print(f"  {problem}", file=sys.stderr)
        raise SystemExit(1) from None
    except UserError as error:
        print(f"cadence: {error}", file=sys.stderr)
        raise SystemExit(1) from None


@app.command()
def run() -> None:
    """Run the bot against the Slack that the environment names."""
    from bot import settings as settings_of

    settings = settings_of.load()
    _log(settings.log_level)
    asyncio.run(_until_stopped(_run_bot(settings)))


async def _run_bot(settings: Any) -> None:
    from bot.app import build

    bot = build(settings)
    try:
        await bot.start()
        print(f"Cadence is running: {bot.url}/healthz", flush=True)
        await asyncio.Event().wait()
    finally:
        await bot.stop()


@app.command()
def migrate(
    revision: Annotated[str, typer.Option(help="the revision to go to")] = "head",
) -> None:
    """Bring the database named by DATABASE_URL to the newest schema."""
    _log("INFO")
    asyncio.run(_migrate(revision))


async def _migrate(revision: str) -> None:
    from bot import schema

    db = _database()
    try:
        await schema.reach(db)
        await schema.upgrade(db, revision)
        print(f"The schema is at {await schema.current(db)}.")
    finally:
        await db.close()


@app.command()
def doctor() -> None:
    """Look at token, scopes, clock, database, channels, people and deals; say what is wrong and how to mend it."""
    _log("ERROR")
    from bot import doctor as examination

    findings = asyncio.run(_doctor())
    for line in examination.lines(findings, unicode=examination.spoken_in(sys.stdout.encoding)):
        print(line)
    if any(one.severity == "wrong" for one in findings):
        raise typer.Exit(1)


async def _doctor() -> Any:
    from bot import doctor as examination
    from bot import settings as settings_of

    try:
        settings = settings_of.load()
    except settings_of.BadSettings as problem:
        return await examination.unsettled(problem, os.environ.get("DATABASE_URL") or "sqlite:///cadence.db")
    return await examination.visit(settings)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="the CSV file", exists=True, dir_okay=False)],
    people: Annotated[bool, typer.Option("--people", help="it is a people file")] = False,
    partners: Annotated[bool, typer.Option("--partners", help="it is a partners file")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would change, and change nothing")] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="leave bad lines out instead of refusing the file")
    ] = False,
    partner: Annotated[str, typer.Option(help="the partner of every deal without one")] = "",
    owner: Annotated[str, typer.Option(help="the owner (e-mail or name) of every deal without one")] = "",
    currency: Annotated[str, typer.Option(help="the currency of amounts without one")] = "",
    accounts: Annotated[
        Path | None, typer.Option(help="the accounts file that the deals refer to", exists=True)
    ] = None,
    dates: Annotated[str, typer.Option(help="mdy or dmy, where the file's own dates do not say")] = "",
    decimal: Annotated[str, typer.Option(help="what stands before the cents, . or , where amounts do not say")] = "",
    columns: Annotated[
        list[str] | None, typer.Option("--map", help="“Header=field” for a header we do not know; may stand again")
    ] = None,
    history: Annotated[
        Path | None, typer.Option(help="the stage history of the same deals: how long they stand where", exists=True)
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="not the whole CRM: deals it lacks are not missing")
    ] = False,
) -> None:
    """Import a CSV file: deals, or with an option people or partners. What was chosen is saved for the next time."""
    _log("WARNING")
    if people and partners:
        raise typer.BadParameter("choose one of --people and --partners")
    kind = "people" if people else "partners" if partners else "deals"
    if kind != "deals" and (columns or history):
        raise typer.BadParameter("--map and --history belong to a deals file")
    for option, value, allowed in (("--dates", dates, ("mdy", "dmy")), ("--decimal", decimal, (".", ","))):
        if value and value not in allowed:
            raise typer.BadParameter(f"{option} is {' or '.join(allowed)}, not {value}")
    options = {"partner": partner, "owner": owner, "currency": currency, "dates": dates, "decimal": decimal}
    asyncio.run(
        _import(
            kind, file, accounts, options, _mapped(columns or []), history,
            dry_run=dry_run, skip_bad=skip_bad, partial=partial,
        )
    )  # fmt: skip


def _mapped(given: list[str]) -> dict[str, str]:
    """`Header=field` of each `--map`; the last `=` divides, since a header may have one."""
    for one in given:
        if "=" not in one:
            raise typer.BadParameter(f"--map is “Header=field”, not “{one}”")
    return {header.strip(): field.strip() for header, _, field in (one.rpartition("=") for one in given)}


async def _import(
    kind: str,
    file: Path,
    accounts: Path | None,
    options: dict[str, str],
    columns: dict[str, str],
    history: Path | None,
    *,
    dry_run: bool,
    skip_bad: bool,
    partial: bool,
) -> None:
    from bot import importing, schema

    db = _database()
    try:
        await schema.ensure(db)
        result = await importing.apply(
            db, kind, file, accounts=accounts, options=options, dry_run=dry_run, skip_bad=skip_bad, complete=not partial,
            now=datetime.now(UTC), policy=_policy(), columns=columns, history=history,
        )  # fmt: skip
    finally:
        await db.close()
    for line in importing.report(result, dry_run=dry_run):
        print(line)


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(help="where the local Slack listens; 0 is any free port")] = 4500,
    no_bot: Annotated[
        bool, typer.Option("--no-bot", help="the local Slack alone; start `cadence run` beside it")
    ] = False,
    bot_url: Annotated[
        str, typer.Option(help="with --no-bot: where the bot's own server listens")
    ] = "http://127.0.0.1:3000",
    http: Annotated[
        bool, typer.Option("--http", help="with --no-bot: deliver by signed HTTP instead of Socket Mode")
    ] = False,
    keep: Annotated[Path | None, typer.Option(help="keep the database in this file instead of a temporary one")] = None,
    seed: Annotated[int, typer.Option(help="the demo company's seed")] = 1,
) -> None:
    """A local Slack with a demo company, in your browser: no account, no network."""
    from bot import trying

    _log(os.environ.get("CADENCE_LOG_LEVEL", "WARNING"))
    options = trying.Trying(
        port=port, no_bot=no_bot, bot_url=bot_url, http=http, keep=keep, seed=seed, manifest=ROOT / "app_manifest.yml"
    )
    asyncio.run(_until_stopped(trying.run(options, say=lambda line: print(line, flush=True))))


def collect_seldom() -> None:
    """Look for garbage cycles less often: what a request leaves behind has none, and each look costs a pause."""
    gc.set_threshold(10_000, 20, 20)


async def _until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run until it ends or somebody stops us (Ctrl-C, SIGTERM), and let it close its doors."""
    collect_seldom()
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _database() -> Any:
    from bot import schema

    return schema.connect(os.environ.get("DATABASE_URL") or "sqlite:///cadence.db")


def _policy() -> Any:
    """The company's numbers without Slack's tokens: an import needs none."""
    from bot import settings as settings_of

    stand_in = {"slack_bot_token": "xoxb-none", "slack_app_token": "xapp-none"}
    return settings_of.load(**stand_in).policy()


def _log(level: str) -> None:
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # These say each request they make, with its arguments.
    for noisy in ("slack_sdk", "slack_bolt", "aiosqlite", "apscheduler", "aiohttp.access", "alembic"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLogger().level))


if __name__ == "__main__":
    main()
