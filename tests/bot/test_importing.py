"""`cadence import` with any CRM's file, in this process: what is said, what is asked, what stays as it was."""

import io

import pytest
from sqlalchemy import create_engine, func, select
from typer.testing import CliRunner

from bot import cli
from models.domain.errors import BadFile, UserError
from models.tables import Deal, DealVersion
from tests.fixtures import make_crm_files as made
from tests.fixtures import make_salesforce_export

PEOPLE = "name,email,role\nAnn Lee,ann@us.com,ae\nBo Berg,bo@us.com,ae\nPia Moss,pia@us.com,pm\n"
PARTNERS = "name,tier,pm_email\nAcme,1,pia@us.com\nBolt & Co,2,pia@us.com\n"


@pytest.fixture
def cadence(tmp_path):
    """`cadence import …` against a database with people and partners; what it printed, or its error raised."""
    environment = {"DATABASE_URL": f"sqlite:///{tmp_path / 'cadence.db'}", "CADENCE_CURRENCY": "EUR"}

    def run(*arguments, code=0):
        done = CliRunner().invoke(cli.app, ["import", *map(str, arguments)], env={**environment, "COLUMNS": "200"})
        if isinstance(done.exception, UserError):
            raise done.exception
        assert done.exit_code == code, done.output
        return done.output.splitlines()

    for name, text in (("people", PEOPLE), ("partners", PARTNERS)):
        (tmp_path / f"{name}.csv").write_text(text)
        run(tmp_path / f"{name}.csv", f"--{name}")
    return run


@pytest.fixture
def settle(cadence, tmp_path):
    """`cadence owners …` against the same database; what it printed, or its error raised."""

    def run(*arguments):
        url = {"DATABASE_URL": f"sqlite:///{tmp_path / 'cadence.db'}"}
        done = CliRunner().invoke(cli.app, ["owners", *arguments], env=url)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.output.splitlines()

    return run


def stored(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'cadence.db'}")
    with engine.connect() as connection:
        found = (
            connection.execute(select(func.count()).select_from(Deal)).scalar(),
            connection.execute(select(func.count()).select_from(DealVersion)).scalar(),
        )
    engine.dispose()
    return found


def test_a_dry_run_shows_how_the_file_is_read_and_changes_nothing(cadence, tmp_path):
    said = cadence(made.HERE / "salesforce_export.csv", "--dry-run")
    assert said[0] == "  read as: a Salesforce data export (UTF-8, commas, 24 rows, decimals “.”)"
    assert said[1].startswith("  columns: Id → crm_id, IsDeleted, AccountId, Name, StageName → stage")
    assert said[2] == '  not known: Region_Code__c (“EMEA”). --map "Region_Code__c=FIELD" reads it.'
    assert said[-1].startswith("Dry run, nothing was changed. salesforce_export.csv: 24 created")
    assert stored(tmp_path) == (0, 0)


def test_unknown_headers_are_mapped_from_the_command_line_and_remembered(cadence, tmp_path):
    file = tmp_path / "deals.csv"
    file.write_text("Nummer;Titel=A;Phase;Partner;Owner\n1;Pumps;Prospecting;Acme;Ann Lee\n")
    with pytest.raises(BadFile):
        cadence(file)
    cadence(file, "--map", "Nummer=crm_id", "--map", "Titel=A=name", "--map", "Phase=stage")
    assert cadence(file)[-1] == "deals.csv: 0 created, 0 changed, 1 unchanged."
    with pytest.raises(UserError):
        cadence(file, "--map", "Number=crm_id")


def test_stages_of_the_crms_own_are_said_on_the_command_line_and_remembered(cadence, tmp_path):
    file = tmp_path / "deals.csv"
    stages = ("Angebot", "Verhandlung", "A=B", "Gewonnen", "Verloren")
    lines = [f"{number},D{number},Acme,Ann Lee,{stage}" for number, stage in enumerate(stages)]
    file.write_text("\n".join(["crm_id,name,partner,owner,stage", *lines, ""]))
    with pytest.raises(BadFile) as refused:
        cadence(file)
    assert refused.value.problems[0] == (
        'line 2, stage: “Angebot” is not a stage we know. Say what it is with --stage "Angebot=best case".'
    )
    assert stored(tmp_path) == (0, 0)
    said = ["Angebot=best case", "Verhandlung=commit", "A=B=Pipeline", "Gewonnen=Closed won", "Verloren=lost"]
    told = [part for one in said for part in ("--stage", one)]
    assert cadence(file, *told)[-1] == "deals.csv: 5 created, 0 changed, 0 unchanged."
    assert cadence(file)[-1] == "deals.csv: 0 created, 0 changed, 5 unchanged."


def test_options_that_mean_nothing_are_usage_errors(cadence, tmp_path):
    file = made.HERE / "european.csv"
    for options, sentence in (
        (["--map", "Nummer"], "Header=field"),
        (["--decimal", ";"], "--decimal is . or ,"),
        (["--dates", "ymd"], "--dates is mdy or dmy"),
        (["--people", "--map", "A=name"], "--map belongs to a deals file or an overlap"),
        (["--stage", "Angebot"], "--stage is “Stage=category”, not “Angebot”"),
        (["--stage", "Angebot=maybe"], "Use pipeline, best case, commit, won or lost."),
        (["--people", "--stage", "Angebot=won"], "--stage belongs to a deals file"),
        (["--partners", "--history", file], "--history belongs to a deals file"),
    ):
        assert sentence in "\n".join(cadence(file, *options, code=2))


def test_deals_come_with_their_history_and_a_history_that_is_refused_takes_the_deals_with_it(cadence, tmp_path):
    folder = make_salesforce_export.HERE
    options = ["--accounts", folder / "Account.csv", "--partner", "Acme", "--owner", "ann@us.com", "--history"]
    bad = tmp_path / "history.csv"
    bad.write_text("OpportunityId,StageName,CreatedDate\n1,Wishing,2026-01-01\n")
    with pytest.raises(BadFile):
        cadence(folder / "Opportunity.csv", *options, bad)
    assert stored(tmp_path) == (0, 0)
    bad.write_text((folder / "OpportunityHistory.csv").read_text().replace("02/23/26", "02/23/21"))  # before any clock
    said = cadence(folder / "Opportunity.csv", *options, bad)
    assert said[-1] == "Opportunity.csv: 40 created, 0 changed, 0 unchanged."
    assert said[-2] == "history.csv: 0 created, 40 changed, 0 unchanged."
    assert stored(tmp_path) == (40, 80)


def test_an_owner_nobody_knows_stays_open_and_is_settled_without_another_import(cadence, tmp_path, settle):
    text = "crm_id,name,partner,owner_email,stage\n1,Pumps,Acme,A. Lee,Prospecting\n2,Tanks,Acme,A. Lee,Prospecting\n"
    (tmp_path / "deals.csv").write_text(text)
    said = cadence(tmp_path / "deals.csv")
    assert said[-2] == (
        '  nobody yet: “A. Lee” is nobody we know. Did you mean Ann Lee? 2 deals. Say who it is: cadence owners "A. Lee=NAME OR '
        'E-MAIL"'
    )
    assert settle() == ["“A. Lee” owns 2 deals and is nobody here. Perhaps Ann Lee."]
    assert settle("A. Lee=ann@us.com") == [
        "“A. Lee” is Ann Lee: 2 deals.",
        "Every owner the CRM names is somebody here.",
    ]
    assert cadence(tmp_path / "deals.csv")[-1] == "deals.csv: 0 created, 0 changed, 2 unchanged."
    with pytest.raises(UserError, match="settled already"):
        settle("A. Lee=ann@us.com")
    with pytest.raises(UserError, match="“Nobody” is nobody we know"):
        settle("A. Lee=Nobody")


def test_partners_that_are_none_yet_are_made_when_asked_for(cadence, tmp_path):
    (tmp_path / "deals.csv").write_text("crm_id,name,partner,owner_email,stage\n1,Pumps,Cork,ann@us.com,Prospecting\n")
    with pytest.raises(BadFile) as refused:
        cadence(tmp_path / "deals.csv")
    assert "“Cork” is not a partner we know" in refused.value.problems[0]
    assert "  Pumps: new, amount unknown, Cork" in cadence(tmp_path / "deals.csv", "--create-partners")


def test_an_overlap_is_kept_for_pursuit_lists(cadence, tmp_path):
    overlap = made.HERE / "crossbeam.csv"
    with pytest.raises(BadFile, match="overlap of accounts"):
        cadence(overlap, "--partner", "Acme")
    said = cadence(overlap, "--targets", "--partner", "Acme", "--dry-run")
    assert said[-1].startswith("Dry run, nothing was changed. ")
    first = cadence(overlap, "--targets", "--partner", "Acme")
    again = cadence(overlap, "--targets", "--partner", "Acme")
    assert "0 created, 0 changed" in again[-1]
    assert first[-1].split(": ")[1].split()[0] == again[-1].split("changed, ")[1].split()[0]


async def test_the_bar_shows_long_files_on_a_terminal_alone():
    class Terminal(io.StringIO):
        def __init__(self, tty):
            super().__init__()
            self.tty = tty

        def isatty(self):
            return self.tty

    for tty, total, shown in ((True, 10_000, "[####################....................] 5,000 of 10,000"),
                              (True, 100, ""), (False, 10_000, "")):  # fmt: skip
        terminal = Terminal(tty)
        bar = cli.Bar(terminal)
        await bar.show(total // 2, total)
        assert terminal.getvalue().strip() == shown
        bar.clear()
