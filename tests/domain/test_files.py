"""Files people bring: what is read, and the exact sentence for what cannot be."""

import csv
import io
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.domain.deals import Category
from models.domain.errors import BadFile
from models.domain.files import Mapping, deal_file, decode, parse_accounts, parse_deals, parse_partners, parse_people
from models.domain.text import clean

TEMPLATE = (
    "crm_id,name,account,partner,partner_role,share,owner_email,stage,category,amount,currency,close_date,created_date,"
    "next_step,attribution\n"
)
GOOD = "1,Deal,Acc,Acme,,,ann@us.com,Qualification,,100,USD,2026-12-31,2026-01-01,Call,sourced\n"


def one(text, **options):
    parsed = parse_deals(text, **options)
    assert parsed.problems == ()
    (row,) = parsed.rows
    return row


def test_our_template_is_read_field_by_field():
    row = one(TEMPLATE + GOOD)
    assert row.model_dump() == {
        "line": 2,
        "crm_id": "1",
        "name": "Deal",
        "account": "Acc",
        "account_id": "",
        "partners": (("Acme", "", 10_000),),
        "owner": "ann@us.com",
        "stage": "Qualification",
        "category": Category.PIPELINE,
        "amount": 10_000,
        "currency": "USD",
        "close_date": date(2026, 12, 31),
        "created_date": date(2026, 1, 1),
        "next_step": "Call",
        "attribution": "sourced",
        "lost_reason": "",
    }


def test_a_partner_column_that_is_empty_makes_a_direct_deal():
    assert one("crm_id,name,partner,owner,stage\n1,D,,Ann,Qualification\n").partners == ()


@pytest.mark.parametrize(
    ("cells", "partners"),
    [
        ("Acme,,", (("Acme", "", 10_000),)),
        ("Acme;Bolt,,", (("Acme", "", 5_000), ("Bolt", "", 5_000))),
        ("A;B;C,,", (("A", "", 3_334), ("B", "", 3_333), ("C", "", 3_333))),
        ("Acme; Bolt ,co-sell;delivery,60;40", (("Acme", "co-sell", 6_000), ("Bolt", "delivery", 4_000))),
        ("Acme;Bolt,;delivery,12.5 %;50", (("Acme", "", 1_250), ("Bolt", "delivery", 5_000))),
        ("Acme,resell,100%", (("Acme", "resell", 10_000),)),
        ("Acme,,0.6%", (("Acme", "", 60),)),
        ("Acme,,0", (("Acme", "", 0),)),
    ],
)
def test_several_partners_share_a_deal_and_the_first_is_primary(cells, partners):
    text = f"crm_id,name,partner,partner_role,share,owner,stage\n1,D,{cells},Ann,Qualification\n"
    assert one(text).partners == partners


def test_salesforce_api_names_and_us_dates_are_read_as_the_rows_make_the_order_clear():
    row = one(
        "Id,IsDeleted,AccountId,Name,StageName,Amount,CloseDate,CreatedDate,NextStep,OwnerId,ForecastCategoryName,"
        "CurrencyIsoCode,Partner__c\n"
        "006,FALSE,001,Deal,Id. decision makers,15000,02/03/24,02/23/26 08:55 PM,Call,005000000000001AAA,Best Case,EUR,Acme\n"
    )
    assert (row.crm_id, row.account_id, row.owner) == ("006", "001", "005000000000001AAA")
    assert (row.close_date, row.created_date) == (date(2024, 2, 3), date(2026, 2, 23))
    assert (row.stage, row.category) == ("Id. Decision Makers", Category.BEST_CASE)
    assert (row.amount, row.currency) == (1_500_000, "EUR")
    assert row.partners == (("Acme", "", 10_000),)


def test_salesforce_report_labels_and_their_footer_are_read():
    parsed = parse_deals(
        '"Opportunity ID","Opportunity Owner","Account Name","Opportunity Name","Stage","Fiscal Period","Amount",'
        '"Amount Currency","Close Date","Partner Account"\n'
        '"006","Ann Lee","Acc","Deal","Qualification","Q1","1,234.50","EUR","31.12.2026","Acme"\n'
        "\n"
        '"Grand Totals (1 records)","","","","","","","","",""\n'
        '"Confidential Information - Do Not Distribute"\n'
        '"Copyright © 2000-2026 salesforce.com, inc. All rights reserved."\n'
    )
    assert parsed.problems == ()
    assert [(row.owner, row.amount, row.close_date) for row in parsed.rows] == [
        ("Ann Lee", 123_450, date(2026, 12, 31))
    ]
    assert parsed.ignored == ("Fiscal Period",)


def test_hubspot_names_are_read():
    row = one(
        "Record ID,Deal Name,Deal Stage,Pipeline,Amount,Close Date,Create Date,Deal owner,Associated Company,Partner\n"
        "77,Deal,Closed Won,Sales,5,2026-01-02 10:00,2026-01-01T09:00:00Z,Ann Lee,Acc,\n"
    )
    assert (row.crm_id, row.account, row.owner, row.category) == ("77", "Acc", "Ann Lee", Category.WON)
    assert (row.close_date, row.created_date) == (date(2026, 1, 2), date(2026, 1, 1))


def test_a_byte_order_mark_semicolons_and_windows_lines_are_no_obstacle():
    text = decode("\ufeffcrm_id;name;partner;owner;stage;amount\r\n1;D;Acme;Ann;Qualification;1.234,50\r\n".encode())
    assert one(text).amount == 123_450


def test_an_empty_amount_and_close_date_are_unknown():
    row = one("crm_id,name,partner,owner,stage,amount,close_date\n1,D,,Ann,Qualification,,\n")
    assert (row.amount, row.close_date) == (None, None)


def test_cells_are_cleaned_of_what_would_turn_a_page_around():
    row = one('crm_id,name,partner,owner,stage\n1,"  A \u202eevil\n  deal ",,Ann,Qualification\n')
    assert row.name == "A evil deal"


def test_line_numbers_are_physical_lines_of_the_file():
    parsed = parse_deals(
        'crm_id,name,partner,owner,stage,next_step\n\n1,"two\nlines",,Ann,Qualification,"a\nb\nc"\n2,D,,Ann,Nope,\n'
    )
    assert [row.line for row in parsed.rows] == [3]
    assert [problem.line for problem in parsed.problems] == [7]


def test_deleted_deals_are_left_out_and_counted():
    parsed = parse_deals("Id,IsDeleted,Name,Partner,Owner,Stage\n1,TRUE,,,,\n2,false,D,,Ann,Qualification\n")
    assert (parsed.deleted, [row.crm_id for row in parsed.rows], parsed.seen) == (1, ["2"], frozenset({"2"}))


def test_defaults_and_mappings_fill_what_the_file_does_not_say():
    mapping = Mapping(
        columns={"Topic": "name"},
        accounts={"ACC": "Acme", "House": ""},
        partner="Rest",
        owner="ann@us.com",
        currency="EUR",
    )
    text = (
        "Id,Topic,Account,Stage,Amount\n1,A,Acc,Qualification,5\n2,B,House,Qualification,5\n3,C,Other,Qualification,5\n"
    )
    rows = parse_deals(text, mapping=mapping).rows
    assert [row.partners for row in rows] == [(("Acme", "", 10_000),), (), (("Rest", "", 10_000),)]
    assert {row.owner for row in rows} == {"ann@us.com"}
    assert {row.currency for row in rows} == {"EUR"}
    assert [row.name for row in rows] == ["A", "B", "C"]


def test_an_accounts_file_names_accounts_and_partners():
    accounts = parse_accounts("Id,Name,Partner\n01,Alpha,Acme\n02,Beta,\n")
    parsed = parse_deals(
        "Id,AccountId,Name,Owner,Stage\n1,01,A,Ann,Qualification\n2,02,B,Ann,Qualification\n3,09,C,Ann,Qualification\n",
        accounts=accounts,
        mapping=Mapping(partner="Rest"),
    )
    assert [(row.account, [name for name, _, _ in row.partners]) for row in parsed.rows] == [
        ("Alpha", ["Acme"]),
        ("Beta", []),
        ("", ["Rest"]),
    ]
    assert parsed.warnings == ("1 account id of the deals not in the accounts file; their account stays empty.",)


def test_two_accounts_of_one_name_are_told_apart_by_id_only():
    accounts = parse_accounts("Id,Name,Partner\n01,Alpha,Acme\n02,Alpha,Bolt\n")
    assert accounts.find("02", "").partner == "Bolt"
    assert accounts.find("", "Alpha") is None


def test_what_a_file_carries_and_ignores_is_told():
    parsed = parse_deals("Id,AccountId,Name,Owner,Stage,LeadSource,Partner\n1,01,A,Ann,Qualification,Web,\n")
    assert parsed.ignored == ("LeadSource",)
    assert parsed.columns == {
        "Id": "crm_id",
        "Name": "name",
        "AccountId": "account_id",
        "Partner": "partner",
        "Owner": "owner",
        "Stage": "stage",
    }
    assert "account" not in parsed.carried
    assert "next_step" not in parsed.carried
    assert parsed.warnings == (
        "The column AccountId holds ids. Give the accounts file with --accounts FILE to see the accounts' names.",
    )


CELLS = {
    "crm_id": "1",
    "name": "D",
    "partner": "Acme",
    "partner_role": "",
    "share": "",
    "owner": "Ann",
    "stage": "Qualification",
    "category": "",
    "amount": "",
    "currency": "",
    "close_date": "",
    "attribution": "",
}


@pytest.mark.parametrize(
    ("column", "cell", "sentence"),
    [
        ("crm_id", "", "The CRM's id is empty. Every deal needs one."),
        ("name", " ", "The deal has no name. Give it one."),
        ("owner", "", "The deal has no owner. Fill it in, or name one with --owner EMAIL."),
        ("stage", "", "The stage is empty. Fill it in, or give a category."),
        (
            "stage",
            "Wishing",
            '“Wishing” is not a stage we know. Say what it is with --stage "Wishing=best case".',
        ),
        ("category", "maybe", "“maybe” is not a category. Use pipeline, best case, commit, won or lost."),
        ("category", "won", "“won” contradicts the stage “Qualification”, which is pipeline. Mend one."),
        ("amount", "lots", "“lots” is not an amount. Write a number such as 412000 or 412,000.50."),
        ("currency", "ZZZ", "“ZZZ” is not a currency code. Use one like USD, EUR or JPY."),
        ("close_date", "soon", "“soon” is not a date. Write it as 2026-12-31."),
        ("close_date", "2026-02-30", "“2026-02-30” is not a day of the calendar."),
        ("attribution", "bought", "“bought” is not a kind of attribution. Use sourced, influenced or co-sold."),
        ("partner", "Acme;ACME", "“Acme;ACME” names a partner twice. Name each once."),
        ("partner_role", "a;b", "“a;b” has more roles than the deal has partners."),
        ("share", "60;40", "“60;40” has 2 shares for 1 partner. Give one for each, or none."),
        ("share", "0.6", "“0.6” could mean 60 % or 0.6 %. Write a percentage such as 60 or 0.6 %."),
        ("share", "half", "“half” is not a share. Write a percentage such as 60."),
        ("share", "120", "“120” is more than 100 %."),
    ],
)
def test_a_bad_cell_is_a_problem_with_line_column_and_reason(column, cell, sentence):
    cells = CELLS | {column: cell}
    parsed = parse_deals(",".join(cells) + "\n" + ",".join(cells.values()) + "\n")
    assert [str(problem) for problem in parsed.problems] == [f"line 2, {column}: {sentence}"]
    assert parsed.rows == ()


def test_shares_over_the_whole_are_refused():
    parsed = parse_deals("crm_id,name,partner,share,owner,stage\n1,D,A;B,60;50,Ann,Qualification\n")
    assert [str(problem) for problem in parsed.problems] == ["line 2, share: “60;50” adds up to more than 100 %."]


GERMAN = "crm_id,name,partner,owner,stage,category\n"


@pytest.mark.parametrize(
    ("stage", "category", "found"),
    [
        ("Angebot", "", ("Angebot", Category.BEST_CASE)),
        ("ANGEBOT", "", ("ANGEBOT", Category.BEST_CASE)),
        ("Angebot", "commit", ("Angebot", Category.COMMIT)),
        ("Angebot", "lost", ("Angebot", Category.LOST)),
        ("Angebot", "closed", ("Angebot", Category.WON)),
        ("Angebot", "omitted", ("Angebot", Category.BEST_CASE)),
        ("prospecting", "", ("Prospecting", Category.PIPELINE)),
    ],
)
def test_a_stage_of_the_crms_own_is_what_somebody_said_unless_the_file_says_it_itself(stage, category, found):
    said = Mapping(stages={"Angebot": Category.BEST_CASE, "Prospecting": Category.LOST})
    row = one(f"{GERMAN}1,D,,Ann,{stage},{category}\n", mapping=said)
    assert (row.stage, row.category) == found


def test_stages_nobody_knows_are_counted_by_their_first_spelling():
    file = deal_file(
        f"{GERMAN}1,D,,Ann,Angebot,\n2,E,,Ann,angebot,\n3,F,,Ann,Verhandlung,\n4,G,,Ann,,\n5,H,,Ann,Won,won\n"
    )
    assert file.unknown_stages == {}
    assert len(list(file.rows())) == 5
    assert file.unknown_stages == {"Angebot": 2, "Verhandlung": 1}


def test_a_stage_nobody_knows_is_fine_where_the_file_gives_the_category():
    row = one("crm_id,name,partner,owner,stage,category\n1,D,,Ann,Wishing,best case\n")
    assert (row.stage, row.category) == ("Wishing", Category.BEST_CASE)


@pytest.mark.parametrize(
    ("stage", "category", "found"),
    [
        ("Closed Lost", "Omitted", Category.LOST),
        ("Closed Won", "Closed", Category.WON),
        ("Qualification", "Omitted", Category.PIPELINE),
        ("Qualification", "Forecast", Category.COMMIT),
        ("Qualification", "BestCase", Category.BEST_CASE),
        ("Shaken Hands", "Closed", Category.WON),
    ],
)
def test_salesforce_categories_are_read_by_their_stage(stage, category, found):
    assert one(f"crm_id,name,partner,owner,stage,category\n1,D,,Ann,{stage},{category}\n").category == found


def test_the_same_id_twice_names_both_lines_and_takes_neither():
    text = "crm_id,name,partner,owner,stage\n1,D,,Ann,Qualification\n2,E,,Ann,Qualification\n1,F,,Ann,Qualification\n"
    parsed = parse_deals(text)
    assert [str(problem) for problem in parsed.problems] == [
        "line 4, crm_id: 1 stands on line 2 and on line 4. Keep one of the two."
    ]
    assert [row.crm_id for row in parsed.rows] == ["2"]
    assert parsed.seen == {"1", "2"}


def test_lines_with_too_many_or_too_few_cells_are_bad_lines():
    parsed = parse_deals("crm_id,name,partner,owner,stage\n1,D\n2,D,,Ann,Qualification,,\n3,a,b,c,d,e\n")
    assert [str(problem) for problem in parsed.problems] == [
        (
            "line 2, partner: This line has 2 cells, fewer than the 5 of the header. A cell with a comma or a line break in "
            'it needs quotes (") around it.'
        ),
        (
            "line 4, stage: This line has 6 cells, more than the 5 of the header. A cell with a comma or a line break in it "
            'needs quotes (") around it.'
        ),
    ]
    assert [row.crm_id for row in parsed.rows] == ["2"]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            '2,"D,,Ann,Qualification',
            (
                'line 3, name: A quote (") opens a cell here and is never closed. Close it, or double it if it belongs to '
                "the text. Nothing below was read."
            ),
        ),
        (
            '2,"D"x,,Ann,Qualification',
            (
                'line 3, name: A quote (") stands inside a quoted cell. Double it if it belongs to the text. Nothing below '
                "was read."
            ),
        ),
        (
            '2,"a ""b"" c",,"D"x,Qualification',
            (
                'line 3, owner: A quote (") stands inside a quoted cell. Double it if it belongs to the text. Nothing below '
                "was read."
            ),
        ),
        (
            "2,D," + "x" * 140_000 + ",Ann,Qualification",
            (
                'line 3, partner: A cell is longer than 131,072 characters; is a closing quote (") missing? Nothing below '
                "was read."
            ),
        ),
    ],
)
def test_what_breaks_the_format_names_line_and_column_and_ends_the_reading(line, sentence):
    parsed = parse_deals(f"crm_id,name,partner,owner,stage\n1,D,,Ann,Qualification\n{line}\n4,D,,Ann,Qualification\n")
    assert [str(problem) for problem in parsed.problems] == [sentence]
    assert [row.crm_id for row in parsed.rows] == ["1"]
    assert parsed.problems[0].lost


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "This file is empty. It needs a header line and a line for each record."),
        ("\n \n", "This file is empty. It needs a header line and a line for each record."),
        (TEMPLATE, "This file has a header line and nothing below it. It needs a line for each record."),
        ("a\x00b", "This is no text file. Export the list as CSV (UTF-8) and import that."),
        ('"a', "This file has no header line that can be read."),
        ("crm_id,crm_id,name\n1,2,3\n", "The header line cannot be read."),
    ],
)
def test_files_without_anything_to_read_say_so(text, sentence):
    with pytest.raises(BadFile) as caught:
        parse_deals(text)
    assert str(caught.value) == sentence


def test_a_file_that_lacks_columns_asks_for_all_of_them_at_once():
    with pytest.raises(BadFile) as caught:
        parse_deals("foo,bar\n1,2\n")
    assert str(caught.value) == "This file cannot be read as deals: 5 columns missing."
    assert caught.value.problems == (
        "line 1, crm_id: Add the CRM's id of each deal (crm_id, Opportunity ID or Record ID): it is how the next file finds it again.",
        "line 1, name: Add the name of each deal (name, Opportunity Name or Deal Name).",
        "line 1, stage: Add the stage of each deal (stage, StageName or Deal Stage).",
        "line 1, owner: Add a column with each deal's owner (owner_email), or name one for all with --owner EMAIL.",
        (
            "line 1, partner: Nothing says which partner these deals belong to. Add a column partner (empty for a direct "
            "deal), name one for all with --partner NAME, or give an accounts file with a column Partner by --accounts FILE."
        ),
        'line 1, foo: This header is not known, with “1”. If it is one that is missing, add --map "foo=FIELD".',
        'line 1, bar: This header is not known, with “2”. If it is one that is missing, add --map "bar=FIELD".',
    )


def test_a_line_whose_account_has_no_partner_asks_for_one():
    text = "Id,Name,Account,Owner,Stage\n1,A,Alpha,Ann,Qualification\n2,B,,Ann,Qualification\n"
    parsed = parse_deals(text, mapping=Mapping(accounts={"Other": "Acme"}))
    assert [str(problem) for problem in parsed.problems] == [
        "line 2, partner: Nothing says whose partner the account “Alpha” is. Name one with --partner NAME.",
        "line 3, partner: Nothing says whose partner this deal is. Name one with --partner NAME.",
    ]


def test_a_saved_column_that_means_nothing_names_what_it_can_mean():
    with pytest.raises(BadFile) as caught:
        parse_deals(TEMPLATE + GOOD, mapping=Mapping(columns={"x": "colour"}))
    assert str(caught.value).startswith("The saved column mapping names “colour”. It can be one of: crm_id, name, ")


DATED = "crm_id,name,partner,owner,stage,close_date,created_date\n"


def dated(*pairs):
    return DATED + "".join(f"{n},D,,Ann,Qualification,{close},{made}\n" for n, (close, made) in enumerate(pairs))


@pytest.mark.parametrize(
    ("pairs", "order", "first"),
    [
        ([("02/03/26", ""), ("02/23/26 08:55 PM", "")], None, date(2026, 2, 3)),
        ([("02/03/26", "1/31/2026 8:00")], None, date(2026, 2, 3)),
        ([("02/03/26", ""), ("23/02/2026", "")], None, date(2026, 3, 2)),
        ([("02-03-26", "")], "dmy", date(2026, 3, 2)),
        ([("02/03/26", "")], "mdy", date(2026, 2, 3)),
        ([("02.03.26", "")], None, date(2026, 3, 2)),
        ([("2026/3/2", "")], None, date(2026, 3, 2)),
        ([("01/02/69", "")], "mdy", date(1969, 1, 2)),
        ([("01/02/68", "")], "mdy", date(2068, 1, 2)),
        ([("", "")], None, None),
    ],
)
def test_the_order_of_dates_is_told_or_shown_by_the_rows(pairs, order, first):
    parsed = parse_deals(dated(*pairs), mapping=Mapping(dates=order))
    assert parsed.problems == ()
    assert parsed.rows[0].close_date == first


def test_dates_that_could_be_read_both_ways_are_refused_with_the_option_that_settles_it():
    with pytest.raises(BadFile) as caught:
        parse_deals(dated(("02/03/26", "2026-01-01"), ("04/05/26", "")))
    assert caught.value.problems == (
        "line 2, close_date: “02/03/26” could be 3 Feb 2026 (--dates mdy) or 2 Mar 2026 (--dates dmy). Say which.",
        "line 3, close_date: “04/05/26” could be 5 Apr 2026 (--dates mdy) or 4 May 2026 (--dates dmy). Say which.",
    )


def test_dates_in_both_orders_name_both_lines():
    with pytest.raises(BadFile) as caught:
        parse_deals(dated(("02/23/26", ""), ("23/02/26", "")))
    assert caught.value.problems == (
        "line 3, close_date: “23/02/26” has day and month the other way round than “02/23/26” on line 2. Use one order.",
    )


def test_a_date_against_the_order_told_is_a_bad_line():
    parsed = parse_deals(dated(("02/23/26", "")), mapping=Mapping(dates="dmy"))
    assert [str(problem) for problem in parsed.problems] == [
        "line 2, close_date: “02/23/26” is not day/month/year, the order this file is read in. Mend it, or use --dates mdy."
    ]


PEOPLE = "name,email,role,partner,slack_id,time_zone,holidays\n"


def test_people_are_read_with_their_roles_and_sides():
    rows, problems, _ = parse_people(
        PEOPLE
        + "Ann,ANN@us.com,ae; Partner Manager,,U012AB3CD,Europe/London,GB-SCT\n"
        + "Bo,bo@acme.com,counterpart,Acme,,,\n"
        + "Cy,cy@acme.com,,Acme,,,\n"
    )
    assert problems == ()
    assert [(row.name, row.email, row.side, row.roles, row.partner) for row in rows] == [
        ("Ann", "ann@us.com", "ours", ("ae", "pm"), ""),
        ("Bo", "bo@acme.com", "theirs", (), "Acme"),
        ("Cy", "cy@acme.com", "theirs", (), "Acme"),
    ]
    assert (rows[0].slack_id, rows[0].time_zone, rows[0].holidays) == ("U012AB3CD", "Europe/London", "GB-SCT")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (",a@us.com,ae,,,,", "line 3, name: The person has no name. Give one."),
        ("A,,ae,,,,", "line 3, email: The e-mail address is empty. Each person needs one of their own."),
        ("A,sales,ae,,,,", "line 3, email: “sales” is not an e-mail address. Each person needs one of their own."),
        ("A,ann@US.com,ae,,,,", "line 3, email: ann@US.com stands on line 2 and on line 3. Keep one of the two."),
        (
            "A,a@us.com,boss,,,,",
            "line 3, role: “boss” is not a role. Use ae, pm, head, cro, cfo, ceo, admin or counterpart.",
        ),
        ("A,a@us.com,,,,,", "line 3, role: The role is empty. Use ae, pm, head, cro, cfo, ceo, admin or counterpart."),
        (
            "A,a@us.com,counterpart,,,,",
            "line 3, role: A counterpart needs the partner they work for. Fill in the column partner.",
        ),
        (
            "A,a@us.com,counterpart;ae,Acme,,,",
            (
                "line 3, role: Somebody who works for a partner cannot hold a role of ours. Use counterpart, or leave partner "
                "empty."
            ),
        ),
        (
            "A,a@us.com,ae,,S012345678,,",
            (
                "line 3, slack_id: “S012345678” is not a Slack member ID. It looks like U012AB3CD; a group (S…) or a bot cannot "
                "be a person."
            ),
        ),
        ("A,a@us.com,ae,,U0ANN,,", "line 3, slack_id: U0ANN stands on line 2 too. Each person has one of their own."),
        (
            "A,a@us.com,ae,,,Mars/Olympus,",
            "line 3, time_zone: “Mars/Olympus” is not a time zone. Use a name like Europe/London or America/New_York.",
        ),
        (
            "A,a@us.com,ae,,,,XQ",
            "line 3, holidays: There is no holiday calendar “XQ”. Use a country code like US, or GB-SCT.",
        ),
    ],
)
def test_bad_people_are_named_by_line_column_and_reason(line, sentence):
    rows, problems, _ = parse_people(PEOPLE + "Ann,ann@us.com,ae,,U0ANN,,\n" + line + "\n")
    assert [str(problem) for problem in problems] == [sentence]
    assert [row.name for row in rows] == ["Ann"]


PARTNERS = "name,tier,archetype,stage,pm_email,internal_channel,joint_channel\n"


def test_partners_are_read_in_the_words_people_use():
    rows, problems, _ = parse_partners(
        PARTNERS + "Acme,Tier 1,msp,Off board,PM@us.com,#partner-acme,joint-acme\nBolt,,,,,,\nCy,3,Reseller,manage,,,\n"
    )
    assert problems == ()
    assert rows[0].model_dump(exclude={"line"}) == {
        "name": "Acme",
        "tier": 1,
        "archetype": "MSP",
        "stage": "off-board",
        "pm_email": "pm@us.com",
        "internal_channel": "partner-acme",
        "joint_channel": "joint-acme",
    }
    assert [(row.tier, row.archetype) for row in rows[1:]] == [(None, ""), (3, "reseller")]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (",1,,,,,", "line 3, name: The partner has no name. Give one."),
        (
            "A;B,1,,,,,",
            "line 3, name: “A;B” has a semicolon, which separates the partners of a deal. Leave it out of the name.",
        ),
        ("ACME ,1,,,,,", "line 3, name: “ACME” stands on line 2 and on line 3. Keep one of the two."),
        ("A,4,,,,,", "line 3, tier: “4” is not a tier. Use 1, 2 or 3."),
        (
            "A,,friend,,,,",
            "line 3, archetype: “friend” is not an archetype. Use one of: reseller, MSP, SI, ISV, referral, agency.",
        ),
        (
            "A,,,gone,,,",
            (
                "line 3, stage: “gone” is not a stage of the journey. Use one of: recruit, onboard, activate, manage, expand, "
                "off-board."
            ),
        ),
        ("A,,,,Pia,,", "line 3, pm_email: “Pia” is not an e-mail address. Name one partner manager by theirs."),
        (
            "A,,,,,Big Room,",
            (
                "line 3, internal_channel: “Big Room” is not a channel name. It has no spaces or capital letters, such as "
                "partner-acme."
            ),
        ),
        (
            "A,,,,,#one,one",
            "line 3, joint_channel: #one cannot be both: what is internal must never reach the partner.",
        ),
    ],
)
def test_bad_partners_are_named_by_line_column_and_reason(line, sentence):
    rows, problems, _ = parse_partners(PARTNERS + "Acme,1,,,,,\n" + line + "\n")
    assert [str(problem) for problem in problems] == [sentence]
    assert [row.name for row in rows] == ["Acme"]


def test_people_partners_and_accounts_files_ask_for_the_columns_they_need():
    for parse, text, missing in (
        (parse_people, "foo\n1\n", 3),
        (parse_partners, "foo\n1\n", 1),
        (parse_accounts, "foo\n1\n", 2),
    ):
        with pytest.raises(BadFile) as caught:
            parse(text)
        assert str(caught.value) == "The header line lacks what the file must say."
        assert len(caught.value.problems) == missing


WORDS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00;"), max_size=30)
NAMES = WORDS.filter(lambda text: clean(text) != "")
DEALS = st.lists(
    st.fixed_dictionaries(
        {
            "crm_id": st.uuids().map(str),
            "name": NAMES,
            "account": WORDS,
            "partner": WORDS,
            "owner_email": st.emails(),
            "stage": st.sampled_from(["Qualification", "Closed Won", "Proposal/Price Quote"]),
            "amount": st.one_of(st.just(""), st.integers(0, 10**12).map(str)),
            "close_date": st.one_of(st.just(""), st.dates().map(str)),
            "next_step": WORDS,
        }
    ),
    min_size=1,
    max_size=8,
)


@given(DEALS)
def test_a_written_file_reads_back_as_an_independent_reader_sees_it(deals):
    text = io.StringIO()
    writer = csv.DictWriter(text, list(deals[0]))
    writer.writeheader()
    writer.writerows(deals)
    parsed = parse_deals(text.getvalue())
    assert parsed.problems == ()
    for row, wanted in zip(parsed.rows, csv.DictReader(io.StringIO(text.getvalue(), newline="")), strict=True):
        assert row.crm_id == wanted["crm_id"]
        assert row.name == clean(wanted["name"])
        assert row.account == clean(wanted["account"])
        assert [name for name, _, _ in row.partners] == ([clean(wanted["partner"])] if clean(wanted["partner"]) else [])
        assert row.owner == wanted["owner_email"]
        assert row.amount == (int(wanted["amount"]) * 100 if wanted["amount"] else None)
        assert str(row.close_date or "") == wanted["close_date"]
        assert row.next_step == clean(wanted["next_step"])


@given(st.text(max_size=300))
def test_no_text_at_all_breaks_the_reader(text):
    for parse in (parse_deals, parse_people, parse_partners, parse_accounts):
        try:
            parse(text)
        except BadFile as error:
            assert str(error).endswith(".")
