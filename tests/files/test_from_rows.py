"""From the database's rows to the workbook that finance opens: what LibreOffice works out is what was published."""

from datetime import timedelta

import openpyxl
import pytest

from handlers.forecast import book
from models import attribution
from models.forecast import finding, publishing, quotas, signing, signing_off
from models.forecast.adjusting import adjust
from tests.files import office
from tests.models import forecast_team as f

LATER = f.START + timedelta(days=21)


async def published(session):
    """Two roll-ups of a quarter with two currencies, shared deals, won and lost ones, signatures and an adjustment."""
    team = await f.team(session)
    a, b, c = (team.partners[letter] for letter in "ABC")
    await f.rate(session, "EUR", f.START.date(), "1.0825")
    await f.rate(session, "JPY", f.START.date(), "0.0067")
    won = await f.add(session, "Won in euro", a, owner=team.ann, currency="EUR", amount=333_33, category="won", attribution="sourced",
                      close_date=f.START.date())  # fmt: skip
    pushed = await f.add(session, "Pushed", a, owner=team.bob, category="pipeline", amount=70_001_00)
    await f.add(
        session, "Shared", a, owner=team.ann, amount=100_01, links=[(a, 3_333), (c, 3_333)], attribution="influenced"
    )
    lost = await f.add(session, "Lost", b, owner=team.ann, category="best_case", currency="JPY", amount=1_234_567)
    await f.add(session, "Unknown", c, owner=None, amount=None)
    await quotas.set_quota(session, team.fay, f.Q2.label, None, "500,000", now=f.START, policy=f.POLICY)
    await quotas.set_quota(session, team.fay, f.Q2.label, a.id, "EUR 100,000", now=f.START, policy=f.POLICY)
    await attribution.claim(session, team.ann, won.id, "sourced", now=f.START, policy=f.POLICY)
    numbers = [signing.Number(a.id, 1_500_00, 2_500_00), signing.Number(b.id, 0, 9_000_00)]
    await signing.sign(session, team.pat, f.Q2.label, numbers, {}, now=f.START, policy=f.POLICY)
    first = await publishing.publish(session, team.hedda, f.Q2, now=f.START, policy=f.POLICY)
    await signing_off.sign_off(session, team.carl, first.id, now=f.START)
    await f.change(session, pushed, at=LATER - timedelta(days=1), close_date=f.Q3.last)
    await f.change(session, lost, at=LATER - timedelta(days=1), category="lost")
    await f.add(session, "Fresh", c, at=LATER - timedelta(days=2), owner=team.bob, amount=12_345_67)
    await f.rate(session, "EUR", (LATER - timedelta(days=2)).date(), "1.11")
    await adjust(session, team.hedda, f.Q2.label, a.id, 1_000_00, "One of them hangs", now=LATER, policy=f.POLICY)
    return await publishing.publish(session, team.hedda, f.Q2, now=LATER, policy=f.POLICY)


@pytest.fixture
async def workbooks(database, tmp_path, profile):
    """As it was written, and recalculated without what its formulas are said to come to."""
    office.soffice()
    place, bare = tmp_path / "roll-up.xlsx", tmp_path / "bare" / "roll-up.xlsx"
    bare.parent.mkdir()
    async with database.write() as session:
        snapshot = await published(session)
        await book.write(session, snapshot, place, f.POLICY)
        facts = finding.facts_of(snapshot)
    assert office.without_values(place, bare) > 50
    office.convert([bare], "xlsx", tmp_path / "out", profile)
    return facts, openpyxl.load_workbook(tmp_path / "out" / "roll-up.xlsx", data_only=True)


@pytest.fixture
def database(sqlite):
    return sqlite


async def test_the_workbook_of_the_databases_rows_recalculates_to_what_was_published(workbooks):
    facts, workbook = workbooks
    sheet = {row[0].value: row for row in workbook["Roll-up"].iter_rows(max_col=19)}
    assert sheet["Program"][1].value == facts.program.won / 100
    assert round(sheet["Program"][6].value * 100) == facts.program.total
    checks = [
        row
        for row in workbook["Check"].iter_rows(min_row=2, values_only=True)
        if any(isinstance(one, float | int) for one in row)
    ]
    assert len(checks) > 30
    wrong = [row for row in checks if isinstance(row[-1], float | int) and round(row[-1], 4)]
    assert not wrong, wrong[:3]
    assert facts.changes is not None
    assert {line.kind for line in facts.changes.lines} >= {"new", "lost", "pushed_out"}


async def test_every_deal_that_counts_stands_in_it_with_its_parts(workbooks):
    facts, workbook = workbooks
    names = [row[2] for row in workbook["Deals"].iter_rows(values_only=True) if isinstance(row[0], int)]
    assert len(names) == facts.program.deals
    parts = [row for row in workbook["Parts"].iter_rows(values_only=True) if isinstance(row[0], int)]
    shared = [row[7] for row in parts if row[1] == "Shared"]
    assert len(shared) == 3, "two partners and the rest"
