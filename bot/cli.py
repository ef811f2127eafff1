"""The command line: run, sandbox, import, file, migrate, doctor. Settings come from the environment."""

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
    from bot.app import build, kept_quarters

    bot = build(settings, kept=await kept_quarters(settings))
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
    targets: Annotated[bool, typer.Option("--targets", help="it is an overlap of accounts, for pursuit lists")] = False,
    quotas: Annotated[bool, typer.Option("--quotas", help="it is a file of targets by quarter and partner")] = False,
    rates: Annotated[bool, typer.Option("--rates", help="it is a file of exchange rates")] = False,
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
    stages: Annotated[
        list[str] | None,
        typer.Option("--stage", help="“Stage=category” for a stage we do not know; may stand again"),
    ] = None,
    history: Annotated[
        Path | None, typer.Option(help="the stage history of the same deals: how long they stand where", exists=True)
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="not the whole: deals (or accounts) it lacks are not missing")
    ] = False,
    create_partners: Annotated[
        bool, typer.Option("--create-partners", help="names that are no partner yet become one, Tier 2")
    ] = False,
) -> None:
    """Import a CSV file: deals, or with an option people, partners, targets, quotas or rates. What was chosen is saved."""
    _log("WARNING")
    kinds = {"people": people, "partners": partners, "targets": targets, "quotas": quotas, "rates": rates}
    chosen = [name for name, given in kinds.items() if given]
    if len(chosen) > 1:
        raise typer.BadParameter("choose one of --people, --partners, --targets, --quotas and --rates")
    kind = chosen[0] if chosen else "deals"
    if kind != "deals" and history:
        raise typer.BadParameter("--history belongs to a deals file")
    if kind != "deals" and stages:
        raise typer.BadParameter("--stage belongs to a deals file")
    if kind in ("people", "partners", "quotas", "rates") and columns:
        raise typer.BadParameter("--map belongs to a deals file or an overlap")
    for option, value, allowed in (("--dates", dates, ("mdy", "dmy")), ("--decimal", decimal, (".", ","))):
        if value and value not in allowed:
            raise typer.BadParameter(f"{option} is {' or '.join(allowed)}, not {value}")
    options = {
        "partner": partner, "owner": owner, "currency": currency, "dates": dates, "decimal": decimal,
        "columns": _mapped(columns or []), "stages": _staged(stages or []), "skip_bad": skip_bad, "complete": not partial,
        "create_partners": create_partners,
    }  # fmt: skip
    asyncio.run(_import(kind, file, accounts, history, options, dry_run=dry_run))


def _mapped(given: list[str]) -> dict[str, str]:
    """`Header=field` of each `--map`; the last `=` divides, since a header may have one."""
    for one in given:
        if "=" not in one:
            raise typer.BadParameter(f"--map is “Header=field”, not “{one}”")
    return {header.strip(): field.strip() for header, _, field in (one.rpartition("=") for one in given)}


def _staged(given: list[str]) -> dict[str, str]:
    """`Stage=category` of each `--stage`; the last `=` divides, since a stage may have one."""
    from models.domain.files.cells import category_of

    found = {}
    for one in given:
        stage, _, said = one.rpartition("=")
        category = category_of(said)
        if not stage.strip():
            raise typer.BadParameter(f"--stage is “Stage=category”, not “{one}”")
        if category is None:
            raise typer.BadParameter(
                f"--stage: “{said.strip()}” is not a category. Use pipeline, best case, commit, won or lost."
            )
        found[stage.strip()] = category.value
    return found


async def _import(
    kind: str, file: Path, accounts: Path | None, history: Path | None, options: dict[str, Any], *, dry_run: bool
) -> None:
    from bot import importing, schema
    from models.imports.options import Options

    db = _database()
    bar = Bar(sys.stderr)
    try:
        await schema.ensure(db)
        job = importing.Job(
            kind, file.name, importing.read(file), datetime.now(UTC),
            Options.from_json({name: value for name, value in options.items() if value not in ("", None)}),
            accounts=importing.read(accounts) if accounts else None,
            history=importing.read(history) if history else None, history_name=history.name if history else "",
        )  # fmt: skip
        importer = importing.Importer(db, _policy(), bar.show)
        result = await (importer.look(job) if dry_run else importer.apply(job))
    finally:
        bar.clear()
        await db.close()
    for line in importing.report(result, dry_run=dry_run):
        print(line)


class Bar:
    """A progress bar on a terminal; nothing where nobody watches, and nothing for what is over at once."""

    WIDTH = 40
    FEWEST = 2000

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._shown = False

    async def show(self, done: int, total: int) -> None:
        """`done` lines of `total`."""
        if not self._stream.isatty() or total < self.FEWEST:
            return
        filled = self.WIDTH * done // total
        self._stream.write(f"\r[{'#' * filled}{'.' * (self.WIDTH - filled)}] {done:,} of {total:,}")
        self._stream.flush()
        self._shown = True

    def clear(self) -> None:
        if self._shown:
            self._stream.write("\r\033[K")
            self._stream.flush()


@app.command()
def owners(
    settled: Annotated[
        list[str] | None, typer.Argument(help="“Name in the CRM=name or e-mail here”; without any, the list")
    ] = None,
) -> None:
    """List the owners of the CRM's deals whom nobody here is known by, or say who they are: no file is imported again."""
    _log("WARNING")
    for one in settled or []:
        if "=" not in one:
            raise typer.BadParameter(f"say “Name in the CRM=name or e-mail here”, not “{one}”")
    asyncio.run(
        _owners([(said.strip(), who.strip()) for said, _, who in (one.rpartition("=") for one in settled or [])])
    )


async def _owners(settled: list[tuple[str, str]]) -> None:
    from bot import schema
    from models import owners as open_owners
    from models.domain.text import count
    from models.imports.ground import saved_mapping
    from models.imports.lookup import read_owners
    from models.tables import Person

    db, now, policy = _database(), datetime.now(UTC), _policy()
    try:
        await schema.ensure(db)
        for said, who in settled:
            async with db.write() as session:
                human = (await read_owners(session, await saved_mapping(session), None)).person(who)
                person = await session.get_one(Person, human.id)
                deals = await open_owners.settle(session, None, said, person, now=now, policy=policy)
            print(f"“{said}” is {person.name}: {count(deals, 'deal')}.")
        async with db.read() as session:
            found = await open_owners.list_open(session, None, now=now, policy=policy)
    finally:
        await db.close()
    for one in found:
        near = f" Perhaps {' or '.join(human.name for human in one.near)}." if one.near else ""
        print(f"“{one.said}” owns {count(one.deals, 'deal')} and is nobody here.{near}")
    if not found:
        print("Every owner the CRM names is somebody here.")


@app.command()
def file(
    kind: Annotated[str, typer.Argument(help="roll-up, changes, weeks, note, pbr or deck")],
    period: Annotated[str, typer.Option(help="the quarter of a roll-up, as 2026Q3; else the newest")] = "",
    partner: Annotated[str, typer.Option(help="whose note, PBR or readout; a deck without one is the program's")] = "",
    slot: Annotated[str, typer.Option(help="which one, as 2026-W48 or 2026-10; else the newest")] = "",
    to: Annotated[Path | None, typer.Option(help="a file or a folder; else the working folder")] = None,
    shared: Annotated[
        bool, typer.Option("--shared", help="the partner-safe version of a note, a PBR or a deck")
    ] = False,
) -> None:
    """Write what was published as a file: a roll-up's workbook or pictures, a note or PBR as PDF, a readout's deck."""
    from bot import filing

    _log("WARNING")
    if kind not in tuple(filing.Kind):
        raise typer.BadParameter(f"“{kind}” is none of {', '.join(filing.Kind)}")
    of_a_quarter = kind in filing.OF_A_QUARTER
    if of_a_quarter and (slot or partner or shared):
        raise typer.BadParameter(
            f"--slot, --partner and --shared belong to a note, a PBR or a deck; of {kind} say --period"
        )
    if period and not of_a_quarter:
        raise typer.BadParameter(f"--period belongs to a roll-up and its pictures; of a {kind} say --slot")
    asyncio.run(_file(filing.Wanted(filing.Kind(kind), period, partner, slot, shared), to))


async def _file(wanted: Any, to: Path | None) -> None:
    from bot import filing, schema

    db = _database()
    try:
        await schema.ensure(db)
        async with db.read() as session:
            print(await filing.write(session, wanted, to, _policy()))
    finally:
        await db.close()


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
    empty: Annotated[
        bool, typer.Option("--empty", help="the first day: the people are in Slack, and Cadence knows nobody yet")
    ] = False,
    quarter: Annotated[
        bool, typer.Option("--quarter", help="the next quarter from its first Monday on, every meeting of it turned on")
    ] = False,
) -> None:
    """A local Slack with a demo company, in your browser: no account, no network."""
    from bot import trying

    _log(os.environ.get("CADENCE_LOG_LEVEL", "WARNING"))
    options = trying.Trying(
        port=port, no_bot=no_bot, bot_url=bot_url, http=http, keep=keep, seed=seed, manifest=ROOT / "app_manifest.yml",
        empty=empty, quarter=quarter and not empty,
    )  # fmt: skip
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
