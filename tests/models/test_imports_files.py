"""Any CRM's file applied to a database: each shape as it is, twice a no-op, a bad line a file refused; and histories."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from models.db import Database
from models.deals import current_version
from models.domain.errors import BadFile, UserError
from models.domain.files import Bytes, File, opened
from models.imports import import_deals, import_history, import_partners, import_people
from models.imports.deals import saved_mapping
from models.tables import Base, CrmRecord, Deal, DealVersion, ImportRun
from tests.fixtures import make_crm_files as made
from tests.fixtures import make_salesforce_export

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
LATER = NOW + timedelta(days=7)
LIST = made.deals()
SHAPES = sorted(set(made.SHAPES) - {"crossbeam.csv"})
REAL = Path(__file__).parents[2].parent / "shared" / "data" / "salesforce_developer_edition"
EXPORTS = pytest.mark.parametrize("folder", [make_salesforce_export.HERE, REAL], ids=["made", "real"])
PEOPLE = "name,email,role\nAnn Lee,ann@us.com,ae\nBo Berg,bo@us.com,ae\nPia Moss,pia@us.com,pm\n"
PARTNERS = "name,tier,pm_email\nAcme,1,pia@us.com\nBolt & Co,2,pia@us.com\n"


@pytest.fixture
async def db(empty):
    async with empty.write() as session:
        await import_people(session, PEOPLE, file_name="people.csv", now=NOW)
        await import_partners(session, PARTNERS, file_name="partners.csv", now=NOW)
    return empty


async def deals(db, text, *, now=NOW, **options):
    async with db.write() as session:
        return await import_deals(session, text, file_name="deals.csv", now=now, **options)


async def history(db, text, *, now=LATER, zone=UTC, **options):
    async with db.write() as session:
        return await import_history(session, text, file_name="history.csv", now=now, zone=zone, **options)


async def dump(db, *, without=()):
    async with db.read() as session:
        return {
            table.name: sorted(map(repr, await session.execute(select(table))))
            for table in Base.metadata.sorted_tables
            if table.name not in without
        }


async def versions(db, crm_id):
    async with db.read() as session:
        deal = await session.scalar(select(Deal).where(Deal.crm_id == crm_id))
        rows = await session.scalars(
            select(DealVersion).where(DealVersion.deal_id == deal.id).order_by(DealVersion.valid_from, DealVersion.id)
        )
        return deal, list(rows)


@pytest.mark.parametrize("name", SHAPES)
async def test_every_shape_is_imported_as_it_is_and_twice_is_once(db, name):
    document = opened(File(made.HERE / name))
    result = await deals(db, document, company_currency="EUR")
    assert (result.created, result.problems) == (len(LIST), ())
    assert result.match[0].endswith(")")
    async with db.read() as session:
        total = await session.scalar(select(func.sum(DealVersion.amount)).where(DealVersion.valid_to.is_(None)))
        records = list(await session.scalars(select(CrmRecord.values)))
    assert total == sum(deal.cents or 0 for deal in LIST)
    assert sorted(row["close_date"] for row in records) == sorted(deal.close.isoformat() for deal in LIST)
    before = await dump(db, without=("import_run", "crm_record"))
    again = await deals(db, opened(File(made.HERE / name)), now=LATER, company_currency="EUR")
    assert (again.created, again.changed, again.unchanged) == (0, 0, len(LIST))
    assert await dump(db, without=("import_run", "crm_record")) == before


async def test_the_encoding_that_was_taken_is_among_the_warnings(db):
    result = await deals(db, opened(File(made.HERE / "european.csv")), company_currency="EUR")
    assert result.warnings[0].startswith("This file is no UTF-8 and was read as Windows-1252")
    people = opened(Bytes("name,email,role\nJosé,jose@us.com,ae\n".encode("cp1252")))
    partners = opened(Bytes("name,tier,pm_email\nAcme,1,\nBolt & Co,2,\nCafé,3,\n".encode("cp1252")))
    async with db.write() as session:
        assert "“José”" in (await import_people(session, people, file_name="p.csv", now=LATER)).warnings[0]
        assert "“Café”" in (await import_partners(session, partners, file_name="q.csv", now=LATER)).warnings[0]


async def test_a_report_and_an_export_of_one_org_are_the_same_deals(db):
    await deals(db, opened(File(made.HERE / "salesforce_report.csv")), company_currency="EUR")
    result = await deals(db, opened(File(made.HERE / "salesforce_export.csv")), now=LATER, company_currency="EUR")
    assert (result.created, result.missing) == (0, 0)


async def test_a_deal_is_found_by_15_characters_and_by_18(db):
    text = "Id,Name,StageName,Owner,Partner\n{},D,Closed Won,Ann Lee,\n006bm00000LKJNO,E,Closed Won,Ann Lee,\n"
    await deals(db, text.format("006bm00000LKJNN"))
    result = await deals(db, text.format("006bm00000LKJNNAA5"), now=LATER)
    assert (result.created, result.unchanged, result.missing) == (0, 2, 0)


HEADER = "Opportunity ID,Opportunity Name,Account Name,Opportunity Owner,Stage,Amount,Close Date,Partner Account\n"
BROKEN = {
    1: ["", '"D"x'],
    2: [""],
    4: [""],
    5: ["Wishing", ""],
    6: ["lots", "1.2e6", "EUR EUR 5"],
    7: ["soon", "2026-02-30", "46000"],
    8: ["Acne", "Acme;Acme"],
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(data=st.data())
async def test_any_bad_line_leaves_the_database_as_it_was_and_is_named(db, data):
    number = data.draw(st.integers(0, 9))
    place = data.draw(st.sampled_from(sorted(BROKEN)))
    cells = data.draw(st.sampled_from(BROKEN[place]))
    lines = [[str(n), f"D{n}", "A", "Ann Lee", "Prospecting", "5", "2026-06-30", "Acme"] for n in range(10)]
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    written = text.getvalue().splitlines()
    parts = list(lines[number])
    parts[place - 1] = cells
    written[number] = ",".join(parts)
    before = await dump(db)
    with pytest.raises(BadFile) as caught:
        await deals(db, HEADER + "\n".join(written) + "\n")
    assert await dump(db) == before
    header = HEADER.strip().split(",")[place - 1]
    assert [problem for problem in caught.value.problems if problem.startswith(f"line {number + 2}, {header}: ")]


async def test_headers_are_mapped_once_and_remembered_for_the_team(db):
    text = "Nummer;Titel;Phase;Wert;Partner;Owner\n1;Pumpen;Prospecting;1.500,00;Acme;Ann Lee\n"
    with pytest.raises(BadFile) as caught:
        await deals(db, text)
    assert any("line 1, Titel: This header is not known, with “Pumpen”" in problem for problem in caught.value.problems)
    columns = {"nummer": "crm_id", "Titel": "name", "Phase": "stage", "Wert": "amount"}
    result = await deals(db, text, columns=columns)
    assert result.match[1] == "columns: Nummer → crm_id, Titel → name, Phase → stage, Wert → amount, Partner, Owner"
    assert (await deals(db, text, now=LATER)).unchanged == 1
    async with db.read() as session:
        assert (await saved_mapping(session)).columns == columns


async def test_how_amounts_are_read_is_told_once_and_remembered(db):
    text = "crm_id;name;stage;amount;currency;partner;owner\n1;D;Prospecting;12,500;EUR;Acme;Ann Lee\n"
    with pytest.raises(BadFile):
        await deals(db, text)
    await deals(db, text, decimal=".")
    assert (await deals(db, text, now=LATER)).unchanged == 1
    assert (await versions(db, "1"))[1][0].amount == 1_250_000


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"name": "colour"}, "--map: “colour” is no field of a deal. It can be one of: crm_id, name, account,"),
        ({"Nmae": "name"}, "--map: this file has no column “Nmae”. Did you mean “name”?"),
        ({"Zzz": ""}, "--map: this file has no column “Zzz”."),
    ],
)
async def test_a_mapping_that_means_nothing_is_refused(db, columns, sentence):
    before = await dump(db)
    with pytest.raises(UserError) as caught:
        await deals(db, "crm_id,name,stage,partner,owner\n1,D,Prospecting,,Ann Lee\n", columns=columns)
    assert str(caught.value).startswith(sentence)
    assert await dump(db) == before


DEALS = """crm_id,name,partner,owner,stage,amount,currency,close_date
1,Pumps,Acme,Ann Lee,Needs Analysis,1000,EUR,2026-06-30
2,Valves,,Bo Berg,Prospecting,,USD,
"""
PAST = """OpportunityId,StageName,Amount,CloseDate,CreatedDate
1,Needs Analysis,1000,2026-07-31,2026-02-20 10:00
1,Prospecting,1000,2026-06-30,2026-01-05 10:00
1,Qualification,1000,2026-06-30,2026-02-01 10:00
9,Prospecting,1,2026-06-30,2026-02-01 10:00
"""


async def test_a_history_gives_a_deal_its_past_and_leaves_the_present_alone(db):
    await deals(db, DEALS)
    _, (present,) = await versions(db, "1")
    result = await history(db, PAST, zone=ZoneInfo("Europe/Berlin"))
    assert (result.changed, result.unchanged, result.lines) == (1, 0, ("1 deal with a past from history.csv",))
    assert result.warnings == ("1 deal of the history not known here: import the deals first.",)
    deal, (first, second, third, current) = await versions(db, "1")
    assert [version.stage for version in (first, second, third)] == ["Prospecting", "Qualification", "Needs Analysis"]
    assert [version.movement for version in (first, second, third)] == ["none", "forward", "both"]
    assert (first.valid_from, first.valid_to) == (datetime(2026, 1, 5, 9, tzinfo=UTC), second.valid_from)
    assert (third.valid_to, third.source, third.name, third.close_date) == (NOW, "history", "Pumps", date(2026, 7, 31))
    assert repr(vars(current)).count("history") == 0
    assert (current.id, current.valid_from, current.movement) == (present.id, NOW, "none")
    assert (deal.first_seen_at, deal.moved_at) == (first.valid_from, third.valid_from)
    async with db.read() as session:
        assert (await current_version(session, deal.id)).id == present.id


async def test_a_history_twice_changes_nothing_and_a_fuller_one_replaces_it(db):
    await deals(db, DEALS)
    await history(db, PAST)
    before = await dump(db, without=("import_run",))
    again = await history(db, PAST, now=LATER + timedelta(days=1))
    assert (again.changed, again.unchanged, again.lines) == (0, 1, ())
    assert await dump(db, without=("import_run",)) == before
    fuller = PAST + "1,Prospecting,900,2026-06-30,2025-12-24 10:00\n"
    assert (await history(db, fuller, now=LATER + timedelta(days=2))).changed == 1
    deal, rows = await versions(db, "1")
    assert (len(rows), rows[0].amount, rows[1].movement) == (5, 90_000, "forward")
    assert deal.first_seen_at == rows[0].valid_from


async def test_what_moved_here_since_stays_the_last_movement(db):
    await deals(db, DEALS)
    await deals(db, DEALS.replace("Needs Analysis", "Negotiation/Review"), now=LATER)
    await history(db, PAST)
    deal, rows = await versions(db, "1")
    assert (deal.moved_at, len(rows)) == (LATER, 5)
    assert rows[0].valid_to == rows[1].valid_from
    assert [row.valid_to for row in rows][-2:] == [LATER, None]


async def test_a_history_of_what_is_younger_than_we_are_changes_nothing(db):
    await deals(db, DEALS)
    before = await dump(db, without=("import_run",))
    result = await history(db, PAST.replace("2026-0", "2027-0"))
    assert (result.changed, result.unchanged) == (0, 1)
    assert await dump(db, without=("import_run",)) == before


async def test_a_history_is_applied_on_every_database(database_url):
    db = Database(database_url)
    async with db.writer.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with db.write() as session:
        await import_people(session, PEOPLE, file_name="people.csv", now=NOW)
        await import_partners(session, PARTNERS, file_name="partners.csv", now=NOW)
    await deals(db, DEALS)
    assert (await history(db, PAST)).changed == 1
    assert (await history(db, PAST, now=LATER + timedelta(days=1))).unchanged == 1
    assert [row.stage for row in (await versions(db, "1"))[1]] == [
        "Prospecting",
        "Qualification",
        "Needs Analysis",
        "Needs Analysis",
    ]
    await db.close()


async def test_changes_of_one_minute_are_one(db):
    await deals(db, DEALS)
    text = "OpportunityId,StageName,CreatedDate\n2,Prospecting,2026-01-05\n2,Qualification,2026-01-05\n"
    await history(db, text)
    deal, (only, current) = await versions(db, "2")
    assert (only.stage, only.amount, deal.moved_at, deal.first_seen_at) == (
        "Qualification",
        None,
        None,
        only.valid_from,
    )
    assert current.stage == "Prospecting"


async def test_a_bad_line_of_a_history_refuses_it_unless_told_to_skip(db):
    await deals(db, DEALS)
    bad = PAST + "2,Wishing,1,,2026-01-01\n"
    before = await dump(db)
    with pytest.raises(BadFile) as caught:
        await history(db, bad)
    assert caught.value.problems[0].startswith("line 6, StageName: “Wishing” is not a stage we know.")
    assert await dump(db) == before
    result = await history(db, bad, skip_bad=True)
    assert (result.changed, result.skipped, len(result.problems)) == (1, 1, 1)
    with pytest.raises(BadFile):
        await history(db, "OpportunityId,StageName,CreatedDate\n2,Wishing,2026-01-05\n", skip_bad=True)


@EXPORTS
async def test_the_history_of_an_export_agrees_with_an_independent_reader(db, folder):
    if not folder.exists():
        pytest.skip(f"{folder.name} is not here")
    options = {"accounts": (folder / "Account.csv").read_text(), "partner": "Acme", "owner": "ann@us.com"}
    await deals(db, opened(File(folder / "Opportunity.csv")), **options)
    result = await history(db, opened(File(folder / "OpportunityHistory.csv")))
    assert result.problems == ()
    with (folder / "OpportunityHistory.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    by_deal = {}
    for row in rows:
        at = datetime.strptime(row["CreatedDate"], "%m/%d/%y %I:%M %p").replace(tzinfo=UTC)
        by_deal.setdefault(row["OpportunityId"], {})[at] = row["StageName"]
    assert result.changed == len(by_deal)
    for crm_id, stages in by_deal.items():
        deal, found = await versions(db, crm_id)
        assert {version.valid_from: version.stage for version in found[:-1]} == stages
        assert deal.first_seen_at == min(stages)
        assert [one.valid_to for one in found[:-1]] == [two.valid_from for two in found[1:]]
        assert found[-1].valid_to is None
    async with db.read() as session:
        assert await session.scalar(
            select(func.count()).select_from(DealVersion).where(DealVersion.valid_to.is_(None))
        ) == await session.scalar(select(func.count()).select_from(Deal))
        run = await session.scalar(select(ImportRun).where(ImportRun.kind == "history"))
    assert (run.changed, len(run.digest)) == (len(by_deal), 64)
