"""Every CRM's shape: the generated files read as they are, equal to the list they were made from; and the survey."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from models.domain.deals import Category
from models.domain.errors import BadFile
from models.domain.files import (
    Bytes,
    File,
    Kind,
    Mapping,
    Survey,
    opened,
    parse_deals,
    parse_history,
    parse_targets,
    recognise,
    survey,
)
from models.domain.files.fields import DEALS
from models.domain.files.headers import suggestions
from models.domain.files.kinds import elsewhere
from tests.fixtures import make_crm_files as made
from tests.fixtures import make_salesforce_export

LIST = made.deals()
DEAL_SHAPES = sorted(set(made.SHAPES) - {"crossbeam.csv"})
REAL = Path(__file__).parents[2].parent / "shared" / "data" / "salesforce_developer_edition"
EXPORTS = [make_salesforce_export.HERE, REAL]


def shape(name):
    return opened(File(made.HERE / name))


def test_the_written_files_are_what_their_script_makes():
    for name, data in made.files().items():
        assert (made.HERE / name).read_bytes() == data, f"run {made.__name__} again for {name}"


@pytest.mark.parametrize("name", DEAL_SHAPES)
def test_a_crms_file_is_read_as_it_is_and_equals_the_list_it_was_made_from(name):
    parsed = parse_deals(shape(name), company_currency="EUR")
    assert parsed.problems == ()
    hubspot = name.startswith("hubspot")
    for deal, row in zip(LIST, parsed.rows, strict=True):
        assert row.crm_id[:15] in {deal.salesforce, deal.hubspot, str(deal.number)}
        assert row.name == deal.name
        assert row.account == ("" if name == "salesforce_export.csv" else deal.account)
        assert row.partners == (((deal.partner, "", 10_000),) if deal.partner else ())
        assert row.owner in deal.owner
        assert row.stage == (made.HUBSPOT if hubspot else made.STAGES)[deal.stage]
        assert (row.amount, row.currency) == (deal.cents, "EUR")
        assert row.close_date == deal.close
        assert row.created_date in {None, deal.created.date()}
        assert row.next_step in {"", " ".join(deal.next_step.split())}
        if not hubspot:
            assert row.category == made.CATEGORIES[deal.stage]


def test_hubspots_own_stages_have_categories():
    rows = parse_deals(shape("hubspot_view.csv"), company_currency="EUR").rows
    found = {row.stage: row.category.value for row in rows}
    assert found == {made.HUBSPOT[deal.stage]: made.CATEGORIES[deal.stage] for deal in LIST}


@pytest.mark.parametrize(
    ("stage", "found"),
    [
        ("contractsent", ("Contract Sent", Category.COMMIT)),
        ("Decision Maker Bought-In (New)", ("Decision Maker Bought-In", Category.BEST_CASE)),
        ("Qualification (Sales Pipeline)", ("Qualification", Category.PIPELINE)),
        ("closedwon", ("Closed Won", Category.WON)),
    ],
)
def test_hubspots_stages_come_by_internal_name_and_with_their_pipeline(stage, found):
    (row,) = parse_deals(f"Record ID,Deal Name,Deal Stage,Deal owner,Partner\n1,D,{stage},Ann,\n").rows
    assert (row.stage, row.category) == found
    refused = parse_deals(f"Record ID,Name,Stage,Owner,Partner\n1,D,{stage},Ann,\n")
    assert "is not a stage we know" in str(refused.problems[0])


def test_hubspots_companies_are_the_first_of_several_and_their_ids_numbers():
    text = (
        "Record ID,Deal Name,Deal Stage,Deal owner,Partner,Associated Company,Associated Company IDs\n"
        "1,D,Closed Won,Ann,,Alpha;Beta,123;456\n2,E,Closed Won,Ann,,;,Primary: 77\n3,F,Closed Won,Ann,,Solo,none\n"
    )
    parsed = parse_deals(text)
    assert [(row.account, row.account_id) for row in parsed.rows] == [("Alpha", "123"), ("", "77"), ("Solo", "none")]
    assert parsed.warnings == ("2 deals with several companies; the first of each was taken.",)


def test_a_report_with_15_and_an_export_with_18_characters_hold_the_same_deals():
    report = parse_deals(shape("salesforce_report.csv"), company_currency="EUR")
    export = parse_deals(shape("salesforce_export.csv"), company_currency="EUR")
    assert [row.crm_id for row in report.rows] == [row.crm_id for row in export.rows]
    both = "Id,Name,StageName,Owner,Partner\n006bm00000LKJNN,D,Closed Won,Ann,\n006bm00000LKJNNAA5,D,Closed Won,Ann,\n"
    assert [str(problem) for problem in parse_deals(both).problems] == [
        "line 3, Id: 006bm00000LKJNNAA5 stands on line 2 and on line 3. Keep one of the two."
    ]


def test_a_deleted_line_of_the_same_id_is_no_duplicate():
    text = "Id,IsDeleted,Name,StageName,Owner,Partner\n1,1,D,Closed Won,Ann,\n1,0,D,Closed Won,Ann,\n"
    assert len(parse_deals(text).rows) == 1


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ("crm_id,name,stage", Kind.TEMPLATE),
        ("Opportunity Name,Stage,Amount", Kind.SALESFORCE_REPORT),
        ("Id,Name,StageName", Kind.SALESFORCE_EXPORT),
        ("dealname,dealstage,hs_object_id", Kind.HUBSPOT),
        ("Deal - Title,Deal - Stage", Kind.DEALS),
        ("Record,Partner Populations", Kind.TARGETS),
        ("OpportunityId,StageName,CreatedDate", Kind.HISTORY),
        ("Opportunity Name,From Stage,To Stage", Kind.HISTORY),
        ("Id,OpportunityHistoryKey", Kind.HISTORY),
        ("Name,Email,Role", Kind.PEOPLE),
        ("Name,Tier", Kind.PARTNERS),
        ("Id,Name,Industry", Kind.ACCOUNTS),
        ("Nummer,Titel", Kind.UNKNOWN),
    ],
)
def test_the_kind_of_a_file_is_known_by_its_headers(headers, kind):
    assert recognise(headers.split(",")) == kind
    assert kind.label
    assert kind.has_deals is (kind.label.startswith(("our", "a Sales", "a HubSpot", "deals")))
    assert bool(elsewhere(kind)) is not (kind.has_deals or kind == Kind.UNKNOWN)


@pytest.mark.parametrize(
    ("name", "kind", "encoding", "delimiter", "line", "dates", "decimal"),
    [
        ("salesforce_report.csv", Kind.SALESFORCE_REPORT, "UTF-8", ",", 1, "mdy", "."),
        ("salesforce_titled.csv", Kind.SALESFORCE_REPORT, "UTF-8", ",", 5, "mdy", "."),
        ("salesforce_export.csv", Kind.SALESFORCE_EXPORT, "UTF-8", ",", 1, None, "."),
        ("hubspot_view.csv", Kind.HUBSPOT, "UTF-8", ",", 1, None, "."),
        ("hubspot_all.csv", Kind.HUBSPOT, "UTF-8", ",", 1, None, "."),
        ("european.csv", Kind.TEMPLATE, "Windows-1252", ";", 2, None, ","),
        ("utf16.txt", Kind.DEALS, "UTF-16", "\t", 1, "dmy", ","),
        ("crossbeam.csv", Kind.TARGETS, "UTF-8", ",", 1, None, None),
    ],
)
def test_a_survey_says_what_a_file_is_and_has_a_json_form(name, kind, encoding, delimiter, line, dates, decimal):
    found = survey(shape(name), company_currency="EUR")
    assert (found.kind, found.encoding, found.delimiter, found.header_line) == (kind, encoding, delimiter, line)
    assert (found.dates, found.decimal, found.rows, found.misfits) == (dates, decimal, 24, 0)
    assert found.questions == ()
    assert found.currencies == (() if name == "crossbeam.csv" else ("EUR",))
    assert Survey.model_validate_json(found.model_dump_json()) == found
    assert found.lines()[0].startswith(kind.label)


def test_a_survey_shows_the_match_and_offers_unknown_headers_with_samples():
    text = (
        "Deal ID;Deal Titel;Stage;Value (EUR);Partner;Owner;Lead Source;\n1;Renewal;Closed Won;5;;Ann;Web;\n"
        "2;Renewal;Closed Won;;;Ann;Web;\n3;Pumps;Closed Won;6;;Ann;Web;\n"
    )
    found = survey(text)
    assert found.lines() == (
        "a file of a kind we do not know (semicolons, 3 rows)",
        "columns: Deal ID → crm_id, Stage, Partner, Owner",
        'not known: Deal Titel (“Renewal”, “Pumps”). It may be name: --map "Deal Titel=name" reads it.',
        'not known: Value (EUR) (“5”, “6”). It may be amount: --map "Value (EUR)=amount" reads it.',
    )
    mapped = survey(text, Mapping(columns={"deal titel": "name", "Value (EUR)": ""}))
    assert mapped.unknown == ()
    parsed = parse_deals(text, mapping=Mapping(columns={"Deal Titel": "name", "Value (EUR)": "amount"}))
    assert [(row.name, row.amount) for row in parsed.rows] == [("Renewal", 500), ("Renewal", None), ("Pumps", 600)]
    assert survey("a,b\n1,2\n").lines()[1] == "columns: none"
    assert '(“1”). --map "a=FIELD"' in survey("a,b\n1,\n").lines()[2]
    assert survey("a,b\n1,\n").lines()[3] == 'not known: b. --map "b=FIELD" reads it.'


def test_a_column_that_is_left_out_is_not_read_by_its_alias():
    text = "crm_id,name,partner,owner,stage,amount\n1,D,,Ann,Closed Won,lots\n"
    assert parse_deals(text, mapping=Mapping(columns={"Amount": ""})).rows[0].amount is None


@pytest.mark.parametrize(
    ("header", "near"),
    [
        ("Opportunity Namme", ["name"]),
        ("Close Dt", ["close_date"]),
        ("Next  Stepp", ["next_step"]),
        ("Deal-Phase", []),
        ("Nummer", []),
        ("%%", []),
        ("Zzz", []),
    ],
)
def test_headers_near_an_alias_are_suggested(header, near):
    assert suggestions(header, DEALS)[:1] == near


def test_what_a_file_leaves_open_is_a_question_with_the_cells_that_raise_it():
    text = "crm_id;name;stage;amount;currency;close_date\n1;D;Won;12,500;EUR;02/03/26\n2;E;Won;;GBP;04/05/26\n3\n"
    found = survey(text)
    assert [question.said for question in found.questions] == [
        "The dates of this file have two readings.",
        "The amounts of this file have two readings.",
    ]
    assert found.questions[0].cells == ((2, "close_date", "02/03/26"), (3, "close_date", "04/05/26"))
    assert found.questions[0].options == ("--dates mdy", "--dates dmy")
    assert (found.dates, found.decimal, found.misfits, found.currencies) == (None, None, 1, ("EUR", "GBP"))
    told = survey(text, Mapping(dates="dmy", decimal=","))
    assert (told.dates, told.decimal, told.questions) == ("dmy", ",", ())
    assert "dates dmy, decimals “,”" in told.lines()[0]


def test_a_file_of_another_kind_says_how_to_import_it():
    with pytest.raises(BadFile) as caught:
        parse_deals(shape("crossbeam.csv"))
    assert str(caught.value).endswith(
        "It looks like an overlap of accounts: import it with --targets, for pursuit lists."
    )
    assert not any("not known" in problem for problem in caught.value.problems)


def test_an_overlap_is_read_as_targets():
    found = parse_targets(shape("crossbeam.csv"))
    assert found.problems == ()
    for deal, row in zip(LIST, found.rows, strict=True):
        assert (row.account, row.partner) == (deal.account, deal.partner or "Acme")
        assert (row.our_status, row.their_status) == ("Prospects, Open Opportunities", "Customers")
        assert (row.our_owner, row.their_owner, row.note) == (deal.owner[0], "Cy Dale", "")
    assert {column.header for column in survey(shape("crossbeam.csv")).columns if not column.known} == set()


def test_an_overlap_of_one_partner_takes_its_name_from_outside():
    text = "Account Name,Our Status,Their Status,Notes,Ours: X\nAlpha,Prospect,Customer,ask Bo,1\n,a,b,c,2\n"
    found = parse_targets(text, partner="Acme")
    assert [(row.account, row.partner, row.note) for row in found.rows] == [("Alpha", "Acme", "ask Bo")]
    assert [str(problem) for problem in found.problems] == [
        "line 3, Account Name: The account has no name. Give it one, or remove the line."
    ]
    with pytest.raises(BadFile) as caught:
        parse_targets(text)
    assert caught.value.problems == (
        "line 1, partner: Add a column with the partner, or name one for all with --partner NAME.",
    )
    half = parse_targets("Account,Partner,Our Status\nAlpha,,x\nBeta,Bolt,\nGamma", mapping=Mapping(columns={}))
    assert [str(problem) for problem in half.problems] == [
        "line 2, Partner: Nothing says which partner shares “Alpha”. Fill it in.",
        "line 4, Partner: The file ends in the middle of this line: it was cut. Export it again.",
    ]
    assert [row.partner for row in half.rows] == ["Bolt"]


HISTORY = "OpportunityId,StageName,Amount,CloseDate,ForecastCategory,CreatedDate,IsDeleted\n"


def test_a_stage_history_is_read_change_by_change():
    found = parse_history(
        HISTORY
        + "006bm00000LKJNN,Qualification,1500,2026-06-30,Pipeline,02/23/26 08:55 PM,FALSE\n"
        + "006bm00000LKJNNAA5,Closed Won,,,Closed,02/24/26 08:55 PM,FALSE\n"
        + "006bm00000LKJNN,Gone,,,,,TRUE\n",
        zone=ZoneInfo("Europe/London"),
        currencies={"006bm00000LKJNNAA5": "JPY"},
    )
    assert found.problems == ()
    first, second = found.rows
    assert (first.crm_id, first.at) == ("006bm00000LKJNNAA5", datetime(2026, 2, 23, 20, 55, tzinfo=UTC))
    assert (first.stage, first.category, first.amount) == ("Qualification", Category.PIPELINE, 1500)
    assert first.close_date == date(2026, 6, 30)
    assert replace(second, at=first.at, line=0).category == Category.WON
    assert (second.amount, second.close_date, found.carried) == (None, None, {"amount", "close_date"})
    assert found.survey.kind == Kind.HISTORY


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            ",Qualification,,,,2026-01-01,",
            "line 2, OpportunityId: The id of the deal is empty. Every change belongs to one.",
        ),
        (
            "1,Qualification,,,,,",
            "line 2, CreatedDate: The moment of the change is empty. Fill it in, or remove the line.",
        ),
        (
            "1,Qualification,lots,,,2026-01-01,",
            "line 2, Amount: “lots” is not an amount. Write a number such as 412000 or 412,000.50.",
        ),
        ("1,Qualification,,soon,,2026-01-01,", "line 2, CloseDate: “soon” is not a date. Write it as 2026-12-31."),
        ("1,,,,,2026-01-01,", "line 2, StageName: The stage is empty. Fill it in, or give a category."),
    ],
)
def test_a_bad_line_of_a_history_names_line_column_and_reason(line, problem):
    found = parse_history(HISTORY + line + "\n", currencies={"1": "?"})
    assert [str(one) for one in found.problems] == [problem]


def test_the_report_on_stage_history_is_read_by_its_labels():
    text = "Opportunity ID,Opportunity Name,From Stage,To Stage,Last Modified,Amount\n1,D,Prospecting,Closed Won,3/13/2026,EUR 5\n"
    (row,) = parse_history(text).rows
    assert (row.stage, row.at, row.amount) == ("Closed Won", datetime(2026, 3, 13, tzinfo=UTC), 500)


def test_hubspots_date_entered_columns_are_a_history():
    text = (
        'Record ID,Deal Name,"Date entered ""Closed Won (Sales Pipeline)""",Date entered Appointment Scheduled,'
        "Date entered Dreaming\n"
        "1,D,2026-03-13 09:30,2026-02-01 10:00,\n2,E,,x,2026-01-01\n,F,,,\n3\n"
    )
    found = parse_history(text)
    assert [(row.stage, row.at.date()) for row in found.rows] == [
        ("Appointment Scheduled", date(2026, 2, 1)),
        ("Closed Won", date(2026, 3, 13)),
    ]
    assert [(problem.line, problem.column) for problem in found.problems] == [
        (3, "Date entered Appointment Scheduled"),
        (3, "Date entered Dreaming"),
        (4, "Record ID"),
        (5, "Deal Name"),
    ]
    assert found.carried == frozenset()


def test_stages_of_the_crms_own_are_known_to_a_history_by_what_was_said_of_them():
    said = Mapping(stages={"Angebot": Category.BEST_CASE})
    changes = HISTORY + "1,angebot,,,,2026-02-01,\n1,Angebot,,,Commit,2026-02-02,\n1,Ende,,,,2026-02-03,\n"
    found = parse_history(changes, mapping=said)
    assert [(row.stage, row.category) for row in found.rows] == [
        ("angebot", Category.BEST_CASE),
        ("Angebot", Category.COMMIT),
    ]
    unknown = '“Ende” is not a stage we know. Say what it is with --stage "Ende=best case".'
    assert [problem.reason for problem in found.problems] == [unknown]
    columns = "Record ID,Deal Name,Date entered Angebot,Date entered Ende\n1,D,2026-02-01,2026-02-03\n"
    found = parse_history(columns, mapping=said)
    assert [(row.stage, row.category) for row in found.rows] == [("Angebot", Category.BEST_CASE)]
    assert [problem.reason for problem in found.problems] == [unknown]


def test_a_file_that_is_no_history_says_what_is_missing():
    with pytest.raises(BadFile) as caught:
        parse_history("Name,Email,Role\nA,a@b.cc,ae\n")
    assert str(caught.value).endswith("It looks like a people file: import it with --people.")
    assert len(caught.value.problems) == 3
    with pytest.raises(BadFile) as caught:
        parse_history("OpportunityId,StageName,Foo\n1,Closed Won,x\n")
    assert caught.value.problems == ("line 1, at: Add when each change was made (CreatedDate or Last Modified).",)


@pytest.mark.parametrize("folder", EXPORTS, ids=["made", "real"])
def test_the_history_of_an_export_is_read_whole(folder):
    if not folder.exists():
        pytest.skip(f"{folder.name} is not here")
    found = parse_history(opened(Bytes((folder / "OpportunityHistory.csv").read_bytes())))
    lines = (folder / "OpportunityHistory.csv").read_text(encoding="utf-8").splitlines()
    assert (len(found.rows), found.problems) == (len(lines) - 1, ())


def test_samples_are_those_of_the_first_rows_and_headers_are_found_by_field():
    text = (
        "crm_id,name,partner,owner,stage,Colour\n"
        + "".join(f"{n},D,,Ann,Closed Won,\n" for n in range(120))
        + "x,D,,Ann,Closed Won,red\n"
    )
    assert survey(text).columns[5].samples == ()
    parsed = parse_deals(text)
    assert (len(parsed.rows), parsed.header("owner"), parsed.header("amount")) == (121, "owner", "amount")


def test_options_become_part_of_a_mapping_and_columns_are_added():
    saved = Mapping(columns={"A": "name"}, decimal=",", owner="ann@us.com")
    told = saved.with_options(columns={"B": "stage"}, dates="dmy", decimal=None, owner="bo@us.com")
    assert (told.columns, told.dates, told.decimal, told.owner) == (
        {"A": "name", "B": "stage"},
        "dmy",
        ",",
        "bo@us.com",
    )
    assert Mapping.from_json(told.as_json()) == told
    assert Mapping.from_json(None) == Mapping()
