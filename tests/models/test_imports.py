"""Files applied to a database: what becomes true, what stays, and what a refused file leaves behind (nothing)."""

import csv
import io
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, select

from models import changes
from models.deals import Source, append_version, current_version
from models.domain.deals import Category
from models.domain.errors import BadFile, UserError
from models.domain.files import Mapping
from models.domain.text import clean, key
from models.imports import crm_as_of, import_deals, import_partners, import_people
from models.imports.deals import BATCH, saved_mapping
from models.imports.options import Options
from models.imports.result import Open
from models.tables import (
    Base,
    Change,
    CrmRecord,
    Deal,
    DealPartner,
    DealVersion,
    ImportRun,
    Partner,
    Person,
    PersonRole,
    Setting,
)
from tests.fixtures import make_salesforce_export

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
LATER = NOW + timedelta(days=7)
REAL = Path(__file__).parents[2].parent / "shared" / "data" / "salesforce_developer_edition"
MADE = make_salesforce_export.HERE

PEOPLE = """name,email,role,partner,slack_id,time_zone,holidays
Ann Lee,ann@us.com,ae,,,Europe/London,
Bo Berg,bo@us.com,ae,,,,
Pia Moss,pia@us.com,pm,,,,
Cy Dale,cy@acme.com,counterpart,Acme,,,
"""
PARTNERS = """name,tier,archetype,stage,pm_email,internal_channel,joint_channel
Acme,1,MSP,manage,pia@us.com,#partner-acme,#joint-acme
Bolt & Co,2,SI,,pia@us.com,,
"""
DEALS = """crm_id,name,account,partner,partner_role,share,owner_email,stage,category,amount,currency,close_date,created_date,next_step,attribution
1,Pumps,Alpha,Acme,co-sell,,ann@us.com,Qualification,,1000,USD,2026-06-30,2026-01-01,Call,sourced
2,Valves,Beta,bolt & CO;Acme,,70;30,Bo Berg,Negotiation/Review,,5000,USD,2026-05-31,2026-01-02,,
3,Tanks,Gamma,,,,ann@us.com,Prospecting,,,USD,,,,
"""


@pytest.fixture
async def db(empty):
    async with empty.write() as session:
        await import_people(session, PEOPLE, file_name="people.csv", now=NOW)
    async with empty.write() as session:
        await import_partners(session, PARTNERS, file_name="partners.csv", now=NOW)
    return empty


async def deals(db, text=DEALS, *, now=NOW, **options):
    async with db.write() as session:
        return await import_deals(session, text, file_name="deals.csv", now=now, **options)


async def people(db, text, *, now=LATER, **options):
    async with db.write() as session:
        return await import_people(session, text, file_name="people.csv", now=now, **options)


async def partners(db, text, *, now=LATER, **options):
    async with db.write() as session:
        return await import_partners(session, text, file_name="partners.csv", now=now, **options)


async def dump(db, *, without=()):
    """Every row of every table, to see that nothing changed."""
    async with db.read() as session:
        return {
            table.name: sorted(map(repr, await session.execute(select(table))))
            for table in Base.metadata.sorted_tables
            if table.name not in without
        }


async def version(db, crm_id):
    async with db.read() as session:
        deal = await session.scalar(select(Deal).where(Deal.crm_id == crm_id))
        return deal, await current_version(session, deal.id)


async def say(db, crm_id, field, value, *, at=NOW + timedelta(days=1)):
    async with db.write() as session:
        deal = await session.scalar(select(Deal).where(Deal.crm_id == crm_id))
        current = await current_version(session, deal.id)
        said = {**current.said, field: {"value": value, "at": at.isoformat(), "by": 1}}
        await append_version(session, deal, current, {"said": said}, Source(at, 1, "slack"))


async def refused(db, text, **options):
    """The problems of a file that is refused; the database stays as it was."""
    before = await dump(db)
    with pytest.raises(BadFile) as caught:
        await deals(db, text, **options)
    assert await dump(db) == before
    return caught.value


async def test_the_first_file_makes_deals_versions_links_and_records(db):
    result = await deals(db)
    assert result.summary == "deals.csv: 3 created, 0 changed, 0 unchanged."
    assert result.lines == (
        "Pumps: new, USD 1,000, Acme",
        "Valves: new, USD 5,000, Bolt & Co",
        "Tanks: new, amount unknown, direct",
    )
    deal, valves = await version(db, "2")
    assert (deal.first_seen_at, deal.moved_at, deal.missing_since) == (NOW, None, None)
    assert (valves.name, valves.category, valves.amount, valves.close_date) == (
        "Valves",
        "commit",
        500_000,
        date(2026, 5, 31),
    )
    assert (valves.source, valves.movement, valves.valid_to) == ("import", "none", None)
    async with db.read() as session:
        owners = dict((await session.execute(select(Person.id, Person.name))).all())
        names = dict((await session.execute(select(Partner.id, Partner.name))).all())
        links = list(await session.scalars(select(DealPartner).where(DealPartner.deal_id == deal.id)))
        assert await crm_as_of(session) == NOW
        run = await session.scalar(select(ImportRun).where(ImportRun.kind == "deals"))
    assert owners[valves.owner_id] == "Bo Berg"
    assert names[valves.partner_id] == "Bolt & Co"
    assert sorted((names[link.partner_id], link.share, link.is_primary) for link in links) == [
        ("Acme", 3000, False),
        ("Bolt & Co", 7000, True),
    ]
    assert (run.created, run.changed, run.unchanged, len(run.digest)) == (3, 0, 0, 64)


async def test_the_same_file_twice_changes_nothing_but_the_date_of_the_crm(db):
    await deals(db)
    before = await dump(db, without=("import_run", "crm_record"))
    async with db.read() as session:
        records = (await session.execute(select(CrmRecord.crm_id, CrmRecord.values, CrmRecord.import_id))).all()
    result = await deals(db, now=LATER)
    assert result.summary == "deals.csv: 0 created, 0 changed, 3 unchanged."
    assert result.lines == ()
    assert await dump(db, without=("import_run", "crm_record")) == before
    async with db.read() as session:
        assert (await session.execute(select(CrmRecord.crm_id, CrmRecord.values, CrmRecord.import_id))).all() == records
        assert await crm_as_of(session) == LATER


async def test_a_changed_file_adds_versions_for_what_changed_and_says_so(db):
    await deals(db)
    text = DEALS.replace("Qualification,,1000", "Needs Analysis,,1250.50").replace("bo berg", "Ann Lee")
    text = text.replace("Bo Berg", "ann@us.com").replace("2026-05-31", "2026-07-15").replace(";Acme,,70;30", ",,")
    result = await deals(db, text, now=LATER)
    assert result.lines == (
        "Pumps: stage Qualification → Needs Analysis; amount USD 1,000 → USD 1,250.50",
        "Valves: owner Bo Berg → Ann Lee; close date 2026-05-31 → 2026-07-15; partners' parts",
    )
    deal, pumps = await version(db, "1")
    assert (pumps.movement, deal.moved_at, pumps.valid_from) == ("forward", LATER, LATER)
    deal, valves = await version(db, "2")
    assert (valves.movement, deal.moved_at) == ("slip", None)
    async with db.read() as session:
        links = list(await session.scalars(select(DealPartner).where(DealPartner.deal_id == deal.id)))
    assert sorted((link.share, link.valid_to) for link in links if link.valid_to is None) == [(10_000, None)]
    assert [link.valid_to for link in links if link.valid_to] == [LATER, LATER]


async def test_what_was_changed_here_stays_until_the_crm_itself_changes_it(db):
    await deals(db)
    async with db.write() as session:
        deal = await session.scalar(select(Deal).where(Deal.crm_id == "1"))
        current = await current_version(session, deal.id)
        change = {"next_step": "Mended here", "account": "Alpha GmbH"}
        await append_version(session, deal, current, change, Source(NOW + timedelta(days=1), 1, "slack"))
    await deals(db, DEALS.replace("Call", "Visit"), now=LATER)
    _, pumps = await version(db, "1")
    assert (pumps.next_step, pumps.account) == ("Visit", "Alpha GmbH")


async def test_when_the_crm_comes_to_say_what_is_here_already_no_version_is_added(db):
    await deals(db)
    async with db.write() as session:
        deal = await session.scalar(select(Deal).where(Deal.crm_id == "1"))
        current = await current_version(session, deal.id)
        await append_version(session, deal, current, {"next_step": "Visit"}, Source(NOW, 1, "slack"))
    result = await deals(db, DEALS.replace("Call", "Visit"), now=LATER)
    assert (result.changed, result.unchanged) == (0, 3)
    assert (await deals(db, DEALS.replace("Call", "Visit"), now=LATER)).unchanged == 3


@pytest.mark.parametrize(
    ("field", "value", "old", "new", "kept"),
    [
        ("stage", "Value Proposition", "Qualification", "Qualification", True),
        ("stage", "Value Proposition", "Qualification", "Needs Analysis", False),
        ("stage", "Value Proposition", "Qualification", "Value Proposition", False),
        ("stage", "Value Proposition", "2026-06-30", "2026-07-30", True),
        ("amount", 250_000, "1000,USD", "2500,USD", False),
        ("amount", 250_000, "1000,USD", "1000,EUR", False),
        ("amount", 250_000, "Call", "Visit", True),
        ("close_date", "2026-04-30", "2026-06-30", "2026-05-30", False),
    ],
)
async def test_a_statement_made_in_slack_lives_until_the_crms_field_changes(db, field, value, old, new, kept):
    await deals(db)
    await say(db, "1", field, value)
    first, rest = DEALS.split("\n", 2)[:2], DEALS.split("\n", 2)[2]
    result = await deals(db, "\n".join([first[0], first[1].replace(old, new), rest]), now=LATER)
    _, pumps = await version(db, "1")
    assert (field in pumps.said) is kept
    if kept:
        assert pumps.said[field]["value"] == value
    else:
        assert "the CRM's" in result.lines[0]


async def test_a_statement_moves_the_stall_clock_once_not_again_when_the_crm_agrees(db):
    await deals(db)
    await say(db, "1", "stage", "Needs Analysis")
    deal, _ = await version(db, "1")
    assert deal.moved_at == NOW + timedelta(days=1)
    await deals(db, DEALS.replace("Qualification", "Needs Analysis"), now=LATER)
    deal, pumps = await version(db, "1")
    assert (deal.moved_at, pumps.movement, pumps.stage) == (NOW + timedelta(days=1), "none", "Needs Analysis")


async def test_a_deal_that_is_missing_is_flagged_and_welcomed_back(db):
    await deals(db)
    without = "".join(line for line in DEALS.splitlines(keepends=True) if not line.startswith("2,"))
    result = await deals(db, without, now=LATER)
    assert (result.missing, result.lines) == (1, ("Valves: is missing from the file",))
    assert (await version(db, "2"))[0].missing_since == LATER
    again = await deals(db, without, now=LATER + timedelta(days=1))
    assert (again.missing, again.lines) == (1, ())
    assert (await version(db, "2"))[0].missing_since == LATER
    back = await deals(db, now=LATER + timedelta(days=2))
    assert (back.missing, back.changed, back.lines) == (0, 1, ("Valves: is in the export again",))
    assert (await version(db, "2"))[0].missing_since is None


async def test_a_partial_file_flags_nothing_and_a_thin_one_warns(db):
    await deals(db, DEALS + "4,D,,,,,ann@us.com,Prospecting,,,,,,,\n")
    thin = "\n".join(DEALS.splitlines()[:2]) + "\n"
    assert (await deals(db, thin, now=LATER, complete=False)).missing == 0
    result = await deals(db, thin, now=LATER)
    assert result.warnings == (
        (
            "3 deals of the 4 we know are not in this file and were flagged as missing. If it is not a complete export, "
            "import it with --partial."
        ),
    )


async def test_a_deal_deleted_in_the_crm_is_flagged_as_missing(db):
    await deals(db, "Id,IsDeleted,Name,Partner,Owner,Stage\n1,FALSE,D,,Ann Lee,Prospecting\n")
    text = "Id,IsDeleted,Name,Partner,Owner,Stage\n1,TRUE,D,,Ann Lee,Prospecting\n2,,E,,Ann Lee,Prospecting\n"
    result = await deals(db, text, now=LATER)
    assert (result.created, result.missing) == (1, 1)
    assert result.warnings == ("1 line left out: deleted in the CRM.",)


async def test_columns_a_file_does_not_have_leave_what_is_known_alone(db):
    await deals(db)
    text = "crm_id,name,partner,owner_email,stage\n1,Pumps,Acme,ann@us.com,Qualification\n"
    text += "2,Valves,Bolt & Co;Acme,bo@us.com,Negotiation/Review\n3,Tanks,,ann@us.com,Prospecting\n"
    result = await deals(db, text, now=LATER)
    assert (result.changed, result.unchanged) == (0, 3)


async def test_every_problem_is_told_and_nothing_is_imported(db):
    await deals(db)
    text = DEALS.replace("Qualification", "Wishing").replace("Bo Berg", "Bo Burg").replace("5000", "lots")
    error = await refused(db, text.replace("bolt & CO", "Bolt"), now=LATER)
    assert str(error) == "deals.csv was not imported: 2 problems. Nothing was changed."
    assert [problem.split(": ", 1)[0] for problem in error.problems] == ["line 2, stage", "line 3, amount"]


async def test_an_unknown_partner_says_how_to_mend_the_line(db):
    error = await refused(db, DEALS.replace("bolt & CO", "Bolt"))
    sentence = "line 3, partner: “Bolt” is not a partner we know. Did you mean Bolt & Co? Add it to the partners file, "
    assert error.problems == (sentence + "or use --partner NAME.",)


@pytest.mark.parametrize(
    ("said", "why", "near"),
    [
        ("Bo Burg", "“Bo Burg” is nobody we know. Did you mean Bo Berg?", ("Bo Berg",)),
        ("bo.berg@old.example", "“bo.berg@old.example” is nobody we know. Did you mean Bo Berg?", ("Bo Berg",)),
        ("ghost@us.com", "“ghost@us.com” is nobody we know.", ()),
        ("cy@acme.com", "Cy Dale works for a partner. The owner of a deal is one of our people.", ()),
        ("@sales", "“@sales” is a group, not a person. The owner of a deal is one named person.", ()),
        (
            "ann@us.com; bo@us.com",
            "“ann@us.com; bo@us.com” names several people. The owner of a deal is one named person.",
            ("Ann Lee",),
        ),
        (
            "005bm00000NCJmQAAX",
            "“005bm00000NCJmQAAX” is a user id of the CRM, not a person we know. Export the owner's e-mail, or say who it is.",
            (),
        ),
    ],
)
async def test_an_owner_who_means_nobody_stays_open_and_is_asked_about_with_the_likeliest(db, said, why, near):
    result = await deals(db, DEALS.replace("Bo Berg", said))
    assert (result.created, result.skipped) == (3, 0)
    assert result.owners == (Open(said=said, deals=1, why=why, near=near),)
    async with db.read() as session:
        record = await session.scalar(select(CrmRecord).where(CrmRecord.crm_id == "2"))
        assert (record.owner_said, record.values["owner_said"], record.values["owner_id"]) == (said, said, None)
        version = await current_version(session, record.deal_id)
        assert (version.name, version.owner_id) == ("Valves", None)
    again = await deals(db, DEALS.replace("Bo Berg", said), now=LATER)
    assert (again.unchanged, again.changed) == (3, 0)


async def test_an_owner_who_becomes_known_gets_the_deal_with_the_next_file(db):
    await deals(db, DEALS.replace("Bo Berg", "Cal Orr"))
    await people(db, PEOPLE + "Cal Orr,cal@us.com,ae,,,,\n", now=LATER)
    result = await deals(db, DEALS.replace("Bo Berg", "Cal Orr"), now=LATER)
    assert (result.changed, result.lines, result.owners) == (1, ("Valves: owner none → Cal Orr",), ())
    async with db.read() as session:
        record = await session.scalar(select(CrmRecord).where(CrmRecord.crm_id == "2"))
        assert (record.owner_said, "owner_said" in record.values) == ("", False)


async def test_somebody_who_left_cannot_be_given_a_deal_but_keeps_the_old_ones_until_mended(db):
    await deals(db)
    async with db.write() as session:
        bo = await session.scalar(select(Person).where(Person.email == "bo@us.com"))
        bo.active = False
    result = await deals(db, now=LATER)
    assert result.warnings == ("Bo Berg is deactivated and still owns 1 deal.",)
    result = await deals(db, DEALS.replace("Acme,co-sell,,ann@us.com", "Acme,co-sell,,bo@us.com"), now=LATER)
    assert [one.why for one in result.owners] == [
        "Bo Berg is deactivated and cannot own a deal. Name somebody who is here."
    ]
    assert result.lines == (), "who had the deal keeps it until somebody says who has it"


async def test_which_of_two_people_of_one_name_is_asked(db):
    await people(db, PEOPLE + "Bo Berg,bo2@us.com,ae,,,,\n", now=NOW)
    result = await deals(db)
    assert [one.why for one in result.owners] == ["2 people are called “Bo Berg”. Say which of them it is."]


async def test_names_that_are_no_partner_become_partners_when_asked_for(db):
    text = DEALS.replace("bolt & CO", "Cork").replace("3,Tanks,Gamma,", "3,Tanks,Gamma,CORK")
    result = await deals(db, text, create_partners=True)
    assert [(one.said, one.deals) for one in result.partners] == [("Cork", 2)]
    assert "Valves: new, USD 5,000, Cork" in result.lines
    async with db.read() as session:
        [cork] = await session.scalars(select(Partner).where(Partner.name == "Cork"))
        assert (cork.tier, cork.pm_id) == (2, None)
        links = await session.scalars(select(DealPartner.partner_id).where(DealPartner.partner_id == cork.id))
        assert len(list(links)) == 2
        current = await session.scalars(select(DealVersion.partner_id).where(DealVersion.partner_id == cork.id))
        assert len(list(current)) == 2
    again = await deals(db, text, now=LATER, create_partners=True)
    assert (again.unchanged, again.partners) == (3, ())


async def test_a_known_deal_can_go_to_a_partner_that_is_made_for_it(db):
    await deals(db)
    result = await deals(db, DEALS.replace("1,Pumps,Alpha,Acme", "1,Pumps,Alpha,Dock"), now=LATER, create_partners=True)
    assert result.lines == ("Pumps: partner Acme → Dock",)
    async with db.read() as session:
        dock = await session.scalar(select(Partner).where(Partner.name == "Dock"))
        record = await session.scalar(select(CrmRecord).where(CrmRecord.crm_id == "1"))
        version = await current_version(session, record.deal_id)
        assert (version.partner_id, record.values["partners"][0][0]) == (dock.id, dock.id)


async def test_a_partner_manager_brings_the_deals_of_their_own_partners_alone(db):
    await deals(db)
    async with db.read() as session:
        acme = await session.scalar(select(Partner).where(Partner.name == "Acme"))
    text = DEALS.replace("Qualification", "Needs Analysis").replace("Negotiation/Review", "Closed Won")
    mine = (
        "\n".join(line for line in text.splitlines() if not line.startswith("3,"))
        + "\n9,Own,,Acme,,,ann@us.com,Prospecting,,,,,,,\n"
    )
    result = await deals(db, mine, now=LATER, allowed=[acme.id])
    assert (result.created, result.changed, result.outside, result.missing) == (1, 1, 1, 0)
    assert "1 line left out: deals of partners that are not yours to import." in result.warnings
    assert all("Valves" not in line for line in result.lines)
    gone = await deals(
        db, DEALS.splitlines()[0] + "\n9,Own,,Acme,,,ann@us.com,Prospecting,,,,,,,\n", now=LATER, allowed=[acme.id]
    )
    assert (gone.missing, gone.lines) == (1, ("Pumps: is missing from the file",))


async def test_stand_ins_are_remembered_for_the_next_file(db):
    text = DEALS.replace("Bo Berg", "Ghost").replace("bolt & CO", "Blot")
    result = await deals(db, text, owner="bo@us.com", partner="BOLT & co")
    assert result.warnings == (
        "“Ghost” cannot own a deal here; Bo Berg stands in for 1 deal.",
        "“Blot” is not a partner we know; Bolt & Co stands in for 1 deal.",
    )
    again = await deals(db, text, now=LATER)
    assert (again.unchanged, again.warnings) == (3, ())
    async with db.read() as session:
        mapping = await saved_mapping(session)
    assert (mapping.owners, mapping.partners) == ({"Ghost": "bo@us.com"}, {"Blot": "Bolt & Co"})
    other = await deals(db, text.replace("Ghost", "Another"), now=LATER)
    assert [one.said for one in other.owners] == ["Another"]


async def test_stages_nobody_knows_are_counted_and_what_was_said_of_them_is_saved_for_the_next_file(db):
    text = (
        DEALS.replace("Qualification", "Angebot").replace("Negotiation/Review", "angebot") + "4,Zoo,,,,,Bo Berg,Ende\n"
    )
    text = text.replace("4,Zoo,,,,,Bo Berg,Ende", "4,Zoo,,,,,Bo Berg,Ende,,,USD,,,,")
    result = await deals(db, text, skip_bad=True)
    assert (result.created, result.skipped) == (1, 3)
    assert result.stages == (Open(said="Angebot", deals=2), Open(said="Ende", deals=1))
    assert result.problems[0].reason == (
        '“Angebot” is not a stage we know. Say what it is with --stage "Angebot=best case".'
    )
    said = Options.from_json({"stages": {"Angebot": "best_case", "Ende": "lost"}})
    assert Options.from_json(said.as_json()) == said
    used = said.mapping(Mapping(stages={"Anfang": Category.PIPELINE, "Ende": Category.WON}))
    assert used.stages == {"Anfang": "pipeline", "Angebot": "best_case", "Ende": "lost"}
    result = await deals(db, text, now=LATER, mapping=used)
    assert (result.created, result.skipped, result.stages) == (3, 0, ())
    _, pumps = await version(db, "1")
    _, valves = await version(db, "2")
    assert [(one.stage, one.category) for one in (pumps, valves)] == [
        ("Angebot", "best_case"),
        ("angebot", "best_case"),
    ]
    async with db.read() as session:
        assert (await saved_mapping(session)).stages == used.stages
    again = await deals(db, text, now=LATER)
    assert (again.unchanged, again.skipped) == (4, 0)


async def test_a_stand_in_that_makes_one_partner_stand_twice_is_refused(db):
    error = await refused(db, DEALS.replace("bolt & CO", "Blot"), partner="Acme")
    assert error.problems == ("line 3, partner: Two names on this line mean the same partner. Name it once.",)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"owner": "ghost@us.com"}, "--owner: “ghost@us.com” is nobody we know."),
        ({"partner": "Acne"}, "--partner: “Acne” is not a partner we know. Did you mean Acme?"),
        ({"currency": "usd"}, "--currency: “usd” is not a currency code. Use one like USD, EUR or JPY."),
    ],
)
async def test_an_option_that_means_nothing_is_refused(db, options, sentence):
    before = await dump(db)
    with pytest.raises(UserError) as caught:
        await deals(db, **options)
    assert str(caught.value).startswith(sentence)
    assert await dump(db) == before


async def test_skip_bad_takes_the_good_lines_and_flags_no_bad_one_as_missing(db):
    await deals(db)
    text = DEALS.replace("Negotiation/Review", "Wishing").replace("1000", "2000")
    result = await deals(db, text, now=LATER, skip_bad=True)
    assert (result.changed, result.unchanged, result.skipped, result.missing) == (1, 1, 1, 0)
    assert [problem.column for problem in result.problems] == ["stage"]
    misfit = DEALS.replace("3,Tanks,Gamma,,,,", "3,Tanks,Gamma,")
    result = await deals(db, misfit, now=LATER + timedelta(days=1), skip_bad=True)
    assert result.missing == 0
    assert result.warnings == ("Some lines could not be read at all, so no deal was flagged as missing.",)


async def test_skip_bad_with_nothing_good_is_refused_all_the_same(db):
    header = DEALS.splitlines()[0]
    error = await refused(db, header + "\n1,D,,,,,ann@us.com,Wishing,,,,,,,\n", skip_bad=True)
    assert len(error.problems) == 1


async def test_a_file_of_an_earlier_time_is_refused(db):
    await deals(db, now=LATER)
    error = await refused(db, DEALS, now=NOW)
    assert str(error) == "deals.csv was not imported: a file of a later time (17 Mar 2026 09:00 UTC) already is."


async def test_a_dry_run_is_the_same_call_rolled_back(db):
    before = await dump(db)
    async with db._write() as session:
        result = await import_deals(session, DEALS, file_name="deals.csv", now=NOW)
        await session.rollback()
    assert result.created == 3
    assert await dump(db) == before


async def test_a_mapping_given_is_used_and_saved_unless_told_otherwise(db):
    text = "Id,Title,Account,Stage\n1,D,Alpha,Prospecting\n"
    mapping = Mapping(columns={"Title": "name"}, accounts={"alpha": "Acme"}, owner="ann@us.com")
    await deals(db, text, mapping=mapping, save_mapping=False)
    async with db.read() as session:
        assert await session.get(Setting, "mapping:deals") is None
    await deals(db, text, mapping=mapping, now=LATER)
    assert (await deals(db, text, now=LATER)).unchanged == 1


async def test_an_order_of_dates_that_one_file_showed_reads_the_next(db):
    text = "crm_id,name,partner,owner,stage,close_date\n1,D,,Ann Lee,Prospecting,{}\n"
    await deals(db, text.format("02/23/26"))
    await deals(db, text.format("03/04/26"), now=LATER)
    assert (await version(db, "1"))[1].close_date == date(2026, 3, 4)


async def test_reading_takes_the_same_number_of_statements_for_few_deals_and_for_many(db):
    header = DEALS.splitlines()[0]
    statements = []

    def heard(*arguments):
        statements.append(arguments[2])

    counts = []
    for day, number in ((1, 3), (2, BATCH - 1)):
        text = header + "\n" + "".join(f"{n},D,,Acme,,,ann@us.com,Prospecting,,5,,,,,\n" for n in range(number))
        await deals(db, text, now=NOW + timedelta(days=day))
        statements.clear()
        event.listen(db.writer.sync_engine, "before_cursor_execute", heard)
        await deals(db, text, now=NOW + timedelta(days=day, hours=1))
        event.remove(db.writer.sync_engine, "before_cursor_execute", heard)
        counts.append(len(statements))
    assert counts[0] == counts[1]


async def test_ten_thousand_unchanged_rows_are_fast(db):
    header = DEALS.splitlines()[0]
    text = header + "\n" + "".join(f"{n},D,A,Acme,,,ann@us.com,Prospecting,,5,,2026-05-01,,x,\n" for n in range(10_000))
    await deals(db, text)
    begin = perf_counter()
    result = await deals(db, text, now=LATER)
    took = perf_counter() - begin
    assert result.unchanged == 10_000
    assert took < 10, took


FRESH = count(1_000)
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["say", "import"]),
        st.sampled_from(["stage", "amount", "close_date"]),
        st.integers(0, 3),
    ),
    max_size=8,
)
SAID = {
    "stage": ["Prospecting", "Qualification", "Needs Analysis", "Value Proposition"],
    "amount": [10_000, 20_000, 30_000, 40_000],
    "close_date": ["2026-05-01", "2026-06-01", "2026-07-01", "2026-08-01"],
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(steps=CHANGES)
async def test_a_statement_is_never_lost_unless_the_crm_changed_the_field(db, steps):
    """Against a model of five lines: what the file last said, and what people said since."""
    number = next(FRESH)  # the database is one for all examples
    crm = {"stage": 0, "amount": 0, "close_date": 0}
    said = {}
    at = LATER
    async with db.read() as session:
        at = max(at, await crm_as_of(session) or at)

    def text():
        stage, amount, close = (SAID[field][crm[field]] for field in ("stage", "amount", "close_date"))
        return f"crm_id,name,partner,owner,stage,amount,close_date\n{number},D,Acme,Ann Lee,{stage},{amount // 100},{close}\n"

    await deals(db, text(), now=at, complete=False)
    for how, field, pick in steps:
        at += timedelta(minutes=1)
        if how == "say":
            await say(db, str(number), field, SAID[field][pick], at=at)
            said[field] = SAID[field][pick]
        else:
            if crm[field] != pick:
                said.pop(field, None)
            crm[field] = pick
            await deals(db, text(), now=at, complete=False)
        _, current = await version(db, str(number))
        assert {name: statement["value"] for name, statement in current.said.items()} == said
        assert current.stage == SAID["stage"][crm["stage"]]
        assert current.amount == SAID["amount"][crm["amount"]]


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.text(
                st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), min_size=1, max_size=20
            ).filter(clean),
            "partner": st.sampled_from(["", "Acme", "ACME ", "Bolt & Co"]),
            "owner_email": st.sampled_from(["ann@us.com", "Bo Berg", "ANN@us.com"]),
            "stage": st.sampled_from(["Prospecting", "closed won", "Negotiation/Review"]),
            "amount": st.one_of(st.just(""), st.integers(0, 10**9).map(str)),
            "close_date": st.one_of(st.just(""), st.dates(date(2000, 1, 1), date(2100, 1, 1)).map(str)),
        }
    ),
    min_size=1,
    max_size=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(rows=ROWS)
async def test_what_is_imported_is_what_an_independent_reader_reads(db, rows):
    prefix = next(FRESH)
    rows = [{"crm_id": f"{prefix}-{number}", **row} for number, row in enumerate(rows)]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    result = await deals(db, text.getvalue(), complete=False)
    assert result.created == len(rows)
    assert (await deals(db, text.getvalue(), complete=False)).unchanged == len(rows)
    async with db.read() as session:
        names = dict((await session.execute(select(Partner.id, Partner.key))).all())
        emails = {person.id: {person.email, person.name} for person in await session.scalars(select(Person))}
    for wanted in csv.DictReader(io.StringIO(text.getvalue(), newline="")):
        _, found = await version(db, wanted["crm_id"])
        assert found.name == clean(wanted["name"])
        assert names.get(found.partner_id, "") == key(wanted["partner"])
        assert wanted["owner_email"] in emails[found.owner_id] | {mail.upper() for mail in emails[found.owner_id]} or (
            wanted["owner_email"].lower() in emails[found.owner_id]
        )
        assert found.stage.lower() == wanted["stage"].lower()
        assert found.amount == (int(wanted["amount"]) * 100 if wanted["amount"] else None)
        assert str(found.close_date or "") == wanted["close_date"]


async def salesforce(db, folder, **options):
    return await deals(
        db,
        (folder / "Opportunity.csv").read_text(encoding="utf-8"),
        accounts=(folder / "Account.csv").read_text(encoding="utf-8"),
        partner="Acme",
        owner="ann@us.com",
        currency="USD",
        **options,
    )


@pytest.mark.parametrize("folder", [MADE, REAL], ids=["made", "real"])
async def test_a_salesforce_export_is_imported_with_its_mapping_and_agrees_with_an_independent_reader(db, folder):
    if not folder.exists():
        pytest.skip(
            f"the real export is not here ({folder.name} in ../shared/data); the made one of its shape is tested"
        )
    result = await salesforce(db, folder)
    with (folder / "Opportunity.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with (folder / "Account.csv").open(encoding="utf-8", newline="") as file:
        accounts = {row["Id"]: row["Name"] for row in csv.DictReader(file)}
    assert (result.created, result.problems) == (len(rows), ())
    async with db.read() as session:
        found = dict((await session.execute(select(CrmRecord.crm_id, CrmRecord.values))).all())
        total = await session.scalar(select(func.sum(DealVersion.amount)).where(DealVersion.valid_to.is_(None)))
        by_category = Counter(await session.scalars(select(DealVersion.category)))
    assert total == sum(int(row["Amount"] or 0) * 100 for row in rows)
    assert by_category["won"] == sum(row["IsWon"] == "TRUE" for row in rows)
    assert by_category["lost"] == sum(row["IsClosed"] == "TRUE" and row["IsWon"] == "FALSE" for row in rows)
    for row in rows:
        values = found[row["Id"]]
        assert values["name"] == row["Name"]
        assert values["account"] == accounts[row["AccountId"]]
        assert values["stage"] == row["StageName"]
        assert (
            values["close_date"]
            == datetime.strptime(row["CloseDate"], "%m/%d/%y").replace(tzinfo=UTC).date().isoformat()
        )
    again = await deals(db, (folder / "Opportunity.csv").read_text(encoding="utf-8"), now=LATER)
    assert (again.unchanged, again.changed) == (len(rows), 0)


def test_the_made_export_is_what_its_script_makes():
    for name, text in make_salesforce_export.files().items():
        assert (MADE / name).read_bytes() == text.encode(), f"run {make_salesforce_export.__name__} again for {name}"


async def test_people_are_made_changed_and_noted(db):
    result = await people(db, PEOPLE)
    assert (result.created, result.changed, result.unchanged, result.lines) == (0, 0, 4, ())
    text = PEOPLE.replace("Bo Berg,bo@us.com,ae,,,,", "Bo B. Berg,BO@us.com,ae;head,,U0BO,Asia/Tokyo,JP")
    result = await people(db, text)
    assert result.lines == (
        (
            "Bo B. Berg: name Bo Berg → Bo B. Berg; Slack ID none → U0BO; time zone none → Asia/Tokyo; holidays none → JP; "
            "role ae → ae, head"
        ),
    )
    async with db.read() as session:
        bo = await session.scalar(select(Person).where(Person.email == "bo@us.com"))
        assert (bo.zone, bo.calendar, bo.has("ae"), bo.has("head"), bo.has("pm")) == (
            "Asia/Tokyo",
            "JP",
            True,
            True,
            False,
        )
        notes = list(await session.scalars(select(Change).where(Change.entity == "person", Change.at == LATER)))
    assert [(note.field, note.before, note.source) for note in notes] == [
        ("name", "Bo Berg", "import"),
        ("slack_id", None, "import"),
        ("zone", "", "import"),
        ("calendar", "", "import"),
        ("roles", ["ae"], "import"),
    ]
    result = await people(db, PEOPLE.replace("Cy Dale", "Cy Dahl"))
    assert result.lines[-1] == "Cy Dahl: name Cy Dale → Cy Dahl"


async def test_an_empty_cell_says_nothing(db):
    await people(db, PEOPLE.replace("Europe/London", ""))
    async with db.read() as session:
        assert (await session.scalar(select(Person).where(Person.email == "ann@us.com"))).zone == "Europe/London"
    await partners(db, "name,pm_email\nAcme,\nBolt & Co,\n")
    async with db.read() as session:
        acme = await session.scalar(select(Partner).where(Partner.name == "Acme"))
    assert (acme.tier, acme.internal_channel, acme.pm_id is None) == (1, "partner-acme", False)


async def test_counterparts_make_their_partner_only_before_the_first_partners_file(empty):
    result = await people(empty, PEOPLE, now=NOW)
    assert result.lines[0] == "Acme: new partner; the partners file says its tier and manager"
    result = await partners(empty, PARTNERS.replace("Acme", "Axme"), now=NOW)
    assert result.warnings == ("Not in this file and without a partner manager: 1 partner, Acme first.",)
    before = await dump(empty)
    with pytest.raises(BadFile) as caught:
        await people(empty, PEOPLE + "Di Ray,di@other.com,counterpart,Bold & Co,,,\n")
    assert caught.value.problems == (
        "line 6, partner: “Bold & Co” is not a partner we know. Did you mean Bolt & Co? Add it to the partners file.",
    )
    assert await dump(empty) == before


async def test_a_person_known_by_slack_id_alone_is_recognised(db):
    async with db.write() as session:
        session.add(Person(name="di", slack_id="U0DI", created_at=NOW, roles=[]))
    result = await people(db, PEOPLE + "Di Ray,di@us.com,ae,,U0DI,,\n")
    assert (result.created, result.changed) == (0, 1)
    with pytest.raises(BadFile) as caught:
        await people(db, PEOPLE + "Ed Orr,ed@us.com,ae,,U0DI,,\n")
    assert caught.value.problems == ("line 6, slack_id: U0DI is Di Ray (di@us.com). Each person has one of their own.",)


async def test_a_partner_manager_cannot_lose_the_role_while_managing(db):
    with pytest.raises(BadFile) as caught:
        await people(db, PEOPLE.replace("pia@us.com,pm", "pia@us.com,ae"))
    assert caught.value.problems == (
        "line 4, role: Pia Moss manages 2 partners. Keep the role pm, or give these partners to somebody else first.",
    )
    result = await people(db, PEOPLE.replace("pia@us.com,pm", "pia@us.com,ae") + "E,e@us.com,ae,,,,\n", skip_bad=True)
    assert (result.created, result.unchanged, result.skipped) == (1, 3, 1)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "New,2,,,pio@us.com,,",
            (
                "line 4, pm_email: “pio@us.com” is nobody we know. Did you mean pia@us.com? Import the people file "
                "first, with them in it."
            ),
        ),
        (
            "New,2,,,cy@acme.com,,",
            "line 4, pm_email: Cy Dale works for a partner. A partner manager is one of our people.",
        ),
        (
            "New,2,,,ann@us.com,,",
            "line 4, pm_email: Ann Lee does not have the role pm. Add it in the people file, or name a partner manager.",
        ),
        ("New,2,,,gone@us.com,,", "line 4, pm_email: Gone is deactivated. Name a partner manager who is here."),
        (
            "New,2,,,,,joint-acme",
            "line 4, joint_channel: #joint-acme is the joint channel of Acme. Each has one of its own.",
        ),
        ("New,2,,,,joint-acme,", "line 4, internal_channel: #joint-acme is the joint channel of Acme. Name another."),
    ],
)
async def test_partners_are_refused_with_what_to_mend(db, line, sentence):
    async with db.write() as session:
        session.add(Person(name="Gone", email="gone@us.com", active=False, created_at=NOW, roles=[]))
    before = await dump(db)
    with pytest.raises(BadFile) as caught:
        await partners(db, PARTNERS + line + "\n")
    assert caught.value.problems == (sentence,)
    assert await dump(db) == before
    assert (await partners(db, PARTNERS + line + "\n", skip_bad=True)).skipped == 1


async def test_a_joint_channel_cannot_be_another_partners_internal_one(db):
    with pytest.raises(BadFile) as caught:
        await partners(db, "name,joint_channel\nNew,partner-acme\n")
    assert caught.value.problems == (
        "line 2, joint_channel: #partner-acme is the internal channel of Acme. Name another.",
    )


async def test_partners_are_changed_with_a_trail(db):
    text = PARTNERS.replace("Bolt & Co,2,SI,,pia@us.com", "BOLT & CO,1,SI,expand,")
    result = await partners(db, text)
    assert result.lines == ("BOLT & CO: name Bolt & Co → BOLT & CO; tier 2 → 1; stage none → expand",)
    async with db.read() as session:
        notes = list(await session.scalars(select(Change).where(Change.entity == "partner", Change.at == LATER)))
    assert [(note.field, note.before, note.after) for note in notes] == [
        ("name", "Bolt & Co", "BOLT & CO"),
        ("tier", 2, 1),
        ("stage", "", "expand"),
    ]


async def test_more_than_six_tier_1_partners_are_a_warning_that_names_the_manager(db):
    header = PARTNERS.splitlines()[0]
    text = header + "\n" + "".join(f"P{number},1,,,pia@us.com,,\n" for number in range(6)) + "Lone,1,,,,,\n"
    result = await partners(db, text)
    assert result.warnings == (
        "Pia Moss has 7 Tier 1 partners, more than the 6 one person can give weekly attention.",
        "Lone is Tier 1 and has no partner manager.",
    )


async def test_a_long_description_is_capped_and_counted(db):
    header = DEALS.splitlines()[0]
    text = header + "\n" + "".join(f"{n},D{n},,Acme,,,ann@us.com,Prospecting,,5,,,,,\n" for n in range(50))
    result = await deals(db, text)
    assert (len(result.lines), result.lines[-1]) == (41, "… and 10 more")


async def test_accounts_without_names_keep_those_of_the_file_before(db):
    await salesforce(db, MADE)
    text = (MADE / "Opportunity.csv").read_text(encoding="utf-8").replace("Needs Analysis", "Value Proposition")
    await deals(db, text, now=LATER)
    async with db.read() as session:
        accounts = set(await session.scalars(select(DealVersion.account)))
    assert "" not in accounts


async def test_a_deactivated_namesake_does_not_stand_in_the_way(db):
    async with db.write() as session:
        session.add(Person(name="Bo Berg", email="old@us.com", active=False, created_at=NOW, roles=[]))
    assert (await deals(db)).created == 3


async def test_the_partner_of_a_person_is_changed_in_words(db):
    result = await people(db, PEOPLE.replace("counterpart,Acme", "counterpart,Bolt & Co"))
    assert result.lines == ("Cy Dale: partner Acme → Bolt & Co",)


async def test_a_partners_file_that_says_what_it_said_before_leaves_what_was_set_in_slack(db):
    async with db.write() as session:
        acme = await session.scalar(select(Partner).where(Partner.name == "Acme"))
        for tier in (2, 3):
            changes.note(session, "partner", acme.id, "tier", acme.tier, tier, by_id=None, source="slack", at=NOW)
            acme.tier = tier
    same = await partners(db, PARTNERS)
    assert (same.changed, same.warnings) == (
        0,
        ("Acme: the file still says tier 1; 3 was set in Slack since, and stays.",),
    )
    other = await partners(db, PARTNERS.replace("Acme,1", "Acme,2"))
    assert other.lines == ("Acme: tier 3 → 2",)
    assert (await partners(db, PARTNERS)).lines == ("Acme: tier 2 → 1",), "now the file has said something else"


async def test_a_people_file_that_says_what_it_said_before_leaves_the_roles_given_in_slack(db):
    async with db.write() as session:
        ann = await session.scalar(select(Person).where(Person.name == "Ann Lee"))
        ann.roles.append(PersonRole(role="pm"))
        changes.note(session, "person", ann.id, "roles", ["ae"], ["ae", "pm"], by_id=None, source="slack", at=NOW)
        acme = await session.scalar(select(Partner).where(Partner.name == "Acme"))
        acme.pm_id = ann.id
    result = await people(db, PEOPLE)
    assert result.warnings == ("Ann Lee: the file still says role ae; what was set in Slack since stays.",)
    changed = await people(db, PEOPLE.replace("Ann Lee,ann@us.com,ae", "Ann Lee,ann@us.com,head;pm"))
    assert changed.lines == ("Ann Lee: role ae, pm → head, pm",)
