"""`cadence file`: what is published as a file, and sentences where there is nothing."""

import pytest
from sqlalchemy import select

from bot import filing
from bot.filing import Kind, Wanted
from models.domain.errors import UserError
from models.tables import Artifact, JointDeal
from tests import make
from tests.files import office
from tests.models import forecast_team as t
from tests.models import test_shared_pages as shared_pages
from tests.models.test_forecast_mended import published


async def write(db, to, *args, **more):
    async with db.read() as session:
        return await filing.write(session, Wanted(*args, **more), to, t.POLICY)


async def test_a_published_roll_up_is_a_workbook_and_pictures(sqlite, tmp_path):
    async with sqlite.write() as session:
        made = await t.team(session)
        await t.add(session, "Deal", made.partners["A"])
        await published(session, made)
    place = await write(sqlite, tmp_path, Kind.ROLL_UP)
    assert (place.name, place.read_bytes()[:2]) == ("partner-forecast-2026Q2-week-5.xlsx", b"PK")
    assert (await write(sqlite, tmp_path / "weeks.png", Kind.WEEKS)).read_bytes().startswith(b"\x89PNG")
    with pytest.raises(UserError, match="is the first roll-up of 2026Q2: there is nothing it changed from"):
        await write(sqlite, tmp_path, Kind.CHANGES)
    with pytest.raises(UserError, match=r"There is no folder .*nowhere"):
        await write(sqlite, tmp_path / "nowhere" / "x.xlsx", Kind.ROLL_UP)
    with pytest.raises(UserError, match=r"No roll-up of 2026Q1 was published. There are roll-ups of 2026Q2."):
        await write(sqlite, tmp_path, Kind.ROLL_UP, period="2026Q1")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted(Kind.ROLL_UP), "None has been published yet"),
        (Wanted(Kind.NOTE), "Say whose note it is: --partner NAME"),
        (Wanted(Kind.PBR, partner="Partner X"), "No partner is called “Partner X”. Did you mean Partner D"),
        (Wanted(Kind.NOTE, partner="partner a"), "No note of partner a was published yet"),
        (Wanted(Kind.DECK), "No readout of the program .--partner names another's. was published yet"),
    ],
)
async def test_where_there_is_nothing_a_sentence_says_what_there_is(sqlite, tmp_path, wanted, said):
    async with sqlite.write() as session:
        await t.team(session)
    async with sqlite.read() as session:
        with pytest.raises(UserError, match=said):
            await filing.write(session, wanted, tmp_path, t.POLICY)


async def test_the_partner_safe_version_of_a_page_is_what_the_partner_may_still_read(sqlite, tmp_path):
    async with sqlite.write() as session:
        room = await shared_pages.Room(session, await make.small(session)).set_up()
        await room.close(room.promise("squeeze them", shared="send the deck"), room.promise("b"))
    place = await write(sqlite, tmp_path, Kind.NOTE, partner="Acme", shared=True)
    assert place.name == "Acme-our-review-of-Thu-5-Mar.pdf"
    text = " ".join(office.text_of(place.read_bytes()).split())
    assert "send the deck" in text
    assert "squeeze" not in text
    with pytest.raises(UserError, match="No partner-safe pbr of Acme was published yet"):
        await write(sqlite, tmp_path, Kind.PBR, partner="Acme", shared=True)
    async with sqlite.write() as session:
        for row in (await session.scalars(select(JointDeal))).all():
            row.valid_to = shared_pages.AFTER
        for row in (await session.scalars(select(Artifact).where(Artifact.audience == "partner"))).all():
            row.facts = row.facts | {"commitments": []}
    with pytest.raises(UserError, match="Nothing of this note may be read by the partner any more"):
        await write(sqlite, tmp_path, Kind.NOTE, partner="Acme", shared=True)
