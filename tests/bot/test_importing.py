"""`cadence import` with any CRM's file, in this process: what is said, what is asked, what stays as it was."""

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


def test_options_that_mean_nothing_are_usage_errors(cadence, tmp_path):
    file = made.HERE / "european.csv"
    for options, sentence in (
        (["--map", "Nummer"], "Header=field"),
        (["--decimal", ";"], "--decimal is . or ,"),
        (["--dates", "ymd"], "--dates is mdy or dmy"),
        (["--people", "--map", "A=name"], "belong to a deals file"),
        (["--partners", "--history", file], "belong to a deals file"),
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
