"""Overlaps of accounts: kept for pursuit lists, renewed by a later one, each partner's apart."""

import pytest
from sqlalchemy import select

from models.domain.errors import BadFile, UserError
from models.imports import import_targets
from models.imports.options import Options
from models.tables import ImportRun, Target
from tests import make
from tests.make import NOW

OVERLAP = """Record Name,Our Populations,Partner Populations,Bolt Customers: Account Owner Name,Partner
Alpha GmbH,Prospects,Customers,Uma,Acme
Beta Ltd,Customers,Prospects,,ACME
Gamma,Prospects,Customers,,Bolt
"""


@pytest.fixture
async def partners(db):
    async with db.write() as session:
        pat = await make.person(session, "Pat Manager", "pm")
        return {name: (await make.partner(session, name, pat)).id for name in ("Acme", "Bolt")}


async def bring(db, text, **more):
    async with db.write() as session:
        return await import_targets(session, text, file_name="overlap.csv", now=NOW, **more)


async def kept(db):
    async with db.read() as session:
        rows = await session.scalars(select(Target).order_by(Target.key))
        return {(row.partner_id, row.account): row for row in rows}


async def test_an_overlap_is_kept_by_partner_and_twice_is_once(db, partners):
    first = await bring(db, OVERLAP)
    assert (first.created, first.lines) == (
        3,
        ("Acme: 2 accounts both of you know", "Bolt: 1 account both of you know"),
    )
    rows = await kept(db)
    assert set(rows) == {(partners["Acme"], "Alpha GmbH"), (partners["Acme"], "Beta Ltd"), (partners["Bolt"], "Gamma")}
    alpha = rows[partners["Acme"], "Alpha GmbH"]
    assert (alpha.our_status, alpha.their_status, alpha.their_owner) == ("Prospects", "Customers", "Uma")
    again = await bring(db, OVERLAP)
    assert (again.created, again.changed, again.unchanged, again.missing) == (0, 0, 3, 0)


async def test_a_later_overlap_renews_its_partners_list_and_no_other(db, partners):
    await bring(db, OVERLAP)
    text = OVERLAP.replace("Alpha GmbH,Prospects", "ALPHA gmbh,Customers").replace(
        "Beta Ltd,Customers,Prospects,,ACME\n", ""
    )
    later = await bring(db, text.replace("Gamma,Prospects,Customers,,Bolt\n", ""))
    assert (later.changed, later.missing) == (1, 1)
    rows = await kept(db)
    assert rows[partners["Acme"], "ALPHA gmbh"].our_status == "Customers"
    assert rows[partners["Acme"], "Beta Ltd"].gone_at == NOW
    assert rows[partners["Bolt"], "Gamma"].gone_at is None, "the file says nothing of this partner"
    back = await bring(db, OVERLAP)
    assert (back.changed, (await kept(db))[partners["Acme"], "Beta Ltd"].gone_at) == (2, None)


async def test_a_part_of_a_list_takes_nothing_away(db, partners):
    await bring(db, OVERLAP)
    await bring(db, OVERLAP.replace("Beta Ltd,Customers,Prospects,,ACME\n", ""), options=Options(complete=False))
    assert (await kept(db))[partners["Acme"], "Beta Ltd"].gone_at is None


async def test_a_partner_manager_brings_the_overlaps_of_their_own_partners(db, partners):
    found = await bring(db, OVERLAP, allowed={partners["Bolt"]})
    assert (found.created, found.outside) == (1, 2)
    assert found.warnings == ("2 lines left out: accounts of partners that are not yours to import.",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (OVERLAP.replace("ACME", "Acne"), "line 3, Partner: “Acne” is not a partner we know. Did you mean Acme?"),
        (OVERLAP.replace("Gamma,", ","), "line 4, Record Name: The account has no name."),
    ],
)
async def test_a_bad_line_refuses_the_overlap_and_is_named(db, partners, text, sentence):
    with pytest.raises(BadFile) as refused:
        await bring(db, text)
    assert refused.value.problems[0].startswith(sentence)
    async with db.read() as session:
        assert (await session.scalars(select(Target))).all() == []
        assert (await session.scalars(select(ImportRun))).all() == []
    found = await bring(db, text, options=Options(skip_bad=True))
    assert (found.created, found.skipped) == (2, 1)


async def test_one_partner_can_be_named_for_a_file_without_the_column(db, partners):
    text = "Record Name,Our Populations,Partner Populations\nAlpha,Prospects,Customers\n"
    with pytest.raises(BadFile, match=r"^The header line lacks what the file must say\.$"):
        await bring(db, text)
    with pytest.raises(UserError, match="Acne"):
        await bring(db, text, options=Options(partner="Acne"))
    assert (await bring(db, text, options=Options(partner="acme"))).created == 1


async def test_names_that_are_no_partner_become_partners_when_asked_for(db, partners):
    text = OVERLAP.replace("ACME", "Cork")
    found = await bring(db, text, options=Options(create_partners=True))
    assert (found.created, [one.said for one in found.partners]) == (3, ["Cork"])
    assert "Cork: 1 account both of you know" in found.lines
    assert (await bring(db, text)).unchanged == 3
