"""What people said against what the CRM says: who may read it, in values a CRM takes, harmless as a file."""

import csv
import io
from datetime import date

import pytest

from models import differences
from models.domain.zones import zone
from tests import make
from tests.make import NOW, POLICY

LONDON = zone("Europe/London")


def said(by, **values):
    return {name: {"value": value, "at": NOW.isoformat(), "by": by.id} for name, value in values.items()}


@pytest.fixture
async def team(db):
    async with db.write() as session:
        made = await make.small(session, deals=4)
        bob_says = await make.current(session, made.deals["Deal 1"])
        bob_says.said = said(made.bob, amount=1_234_550, close_date="2026-05-01")
        ann_says = await make.current(session, made.deals["Deal 0"])
        ann_says.said = said(made.ann, category="commit", stage="Negotiation/Review")
        elsewhere = await make.partner(session, "Elsewhere", await make.person(session, "Else Manager", "pm"))
        other = await make.deal(session, "=HYPERLINK(1)", elsewhere, made.bob)
        (await make.current(session, other)).said = said(made.bob, stage="+cmd")
    return made


async def listed(db, reader):
    async with db.read() as session:
        return await differences.list_differences(session, reader)


@pytest.mark.parametrize(
    ("who", "deals"),
    [("ann", {"Deal 0"}), ("bob", {"Deal 1", "=HYPERLINK(1)"}), ("pm", {"Deal 0", "Deal 1"}),
     ("head", {"Deal 0", "Deal 1", "=HYPERLINK(1)"}), (None, {"Deal 0", "Deal 1", "=HYPERLINK(1)"})],
)  # fmt: skip
async def test_owners_read_their_own_managers_their_partners_leaders_all(db, team, who, deals):
    reader = getattr(team, who) if who else None
    assert {row.deal for row in await listed(db, reader)} == deals
    if reader is not None:
        async with db.read() as session:
            assert await differences.count_deals(session, reader) == len(deals)


async def test_values_are_those_a_crm_takes(db, team):
    rows = {(row.deal, row.field): row for row in await listed(db, None)}
    amount = rows["Deal 1", "amount"]
    assert (amount.crm_value, amount.slack_value) == ("10000", "12345.50")
    assert (amount.crm_id, amount.account, amount.partner, amount.owner) == (
        "D-Deal 1", "Deal 1 Ltd", "Acme", "Bob Seller",
    )  # fmt: skip
    assert (amount.said_by, amount.said_at) == ("Bob Seller", NOW)
    close = rows["Deal 1", "close_date"]
    assert (close.crm_value, close.slack_value) == (date(2026, 3, 30).isoformat(), "2026-05-01")
    category = rows["Deal 0", "category"]
    assert category.crm_value != category.slack_value == "commit"


async def test_what_was_mended_or_replaced_is_not_listed(db, team):
    async with db.write() as session:
        version = await make.current(session, team.deals["Deal 0"])
        version.said = {}
        old = await make.current(session, team.deals["Deal 1"])
        old.valid_to = NOW
    assert {row.deal for row in await listed(db, None)} == {"=HYPERLINK(1)"}


async def test_the_file_opens_in_a_spreadsheet_and_runs_nothing(db, team):
    data = differences.as_csv(await listed(db, None), LONDON)
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert list(rows[0]) == list(differences.COLUMNS)
    assert len(rows) == 5
    hostile = next(row for row in rows if row["partner"] == "Elsewhere")
    assert (hostile["deal"], hostile["slack_value"]) == ("'=HYPERLINK(1)", "'+cmd")
    assert all(not cell.startswith(("=", "+", "@")) for row in rows for cell in row.values())


async def test_reading_takes_the_same_number_of_statements_however_many(tmp_path):
    found = []
    for number in (2, 60):
        async with make.opened(f"sqlite:///{tmp_path / f'{number}.db'}") as db:
            async with db.write() as session:
                team = await make.small(session, deals=number)
                for deal in team.deals.values():
                    (await make.current(session, deal)).said = said(team.ann, stage="Prospecting")
            with make.counting(db) as statements:
                assert len(await listed(db, team.head)) == number
            found.append(len(statements))
    assert found[0] == found[1], POLICY
