"""A CRM's real export, joined and mapped, imported beside the bot: it ends in a Friday note that names its deals."""

from pathlib import Path

import pytest
from sqlalchemy import select

from bot.importing import Importer, Job, read
from models.imports.options import Options
from models.tables import Deal, DealVersion
from tests.journeys.support import journey, kinds, note_of, promise_two, shown, walk
from tests.world import MONDAY, Human, small_team

HERE = Path(__file__).resolve().parent.parent
GENERATED = HERE / "fixtures" / "salesforce_export"
REAL = HERE.parent.parent / "shared" / "data" / "salesforce_developer_edition"


@pytest.fixture(params=[GENERATED, REAL], ids=["generated export", "real export"])
def export(request):
    if not (request.param / "Opportunity.csv").exists():
        pytest.skip(f"{request.param} is not here")
    return request.param


async def bring(db, policy, export, options):
    job = Job(
        "deals", "Opportunity.csv", read(export / "Opportunity.csv"), MONDAY.replace(hour=7), options,
        accounts=read(export / "Account.csv"),
    )  # fmt: skip
    return await Importer(db, policy).apply(job)


async def test_a_salesforce_export_is_imported_with_its_mapping_and_ends_in_a_friday_note(sqlite_url, export):
    team = small_team(deals=[], reviews=False)

    async def prepared(db):
        options = Options(partner="Acme", owner=Human("Ann Seller").email, currency="USD")
        result = await bring(db, team.policy, export, options)
        assert result.created > 5
        assert result.owners == ()
        again = await bring(db, team.policy, export, Options())
        assert (again.created, again.changed) == (0, 0), "the mapping was saved, and twice is once"

    async with journey(team, sqlite_url, prepared=prepared) as local:
        await local.command("Pat Manager", "/cadence setup")
        assert (await local.submit("Pat Manager", {"partner": "Acme"}))["result"] == "closed"
        await local.to("Wed 10:00")
        assert await kinds(local, "Ann Seller") == ["prompt"]
        deals = await local.rows(
            select(DealVersion).join(Deal, Deal.id == DealVersion.deal_id).where(DealVersion.valid_to.is_(None))
        )
        open_ = [row for row in deals if row.category not in ("won", "lost")]
        assert f"0 of {len(open_)} answered" in shown(await local.card("Ann Seller", "Your deals"))
        if len(open_) <= 12:
            assert await walk(local, "Ann Seller", next_due="2026-03-20") == len(open_)
        await local.to("Thu 10:30")
        await promise_two(local, "Pat Manager", "2026-03-12")
        await local.to("Fri 15:00")
        root, below = await local.bot_messages("leadership")
        assert f"({len(open_)} deals" in root["text"]
        assert "CRM as of Mon 2 Mar, 07:00" in root["text"]
        biggest = max(open_, key=lambda row: row.amount or 0)
        assert biggest.name[:40] in below["text"]
        assert below["text"] == (await note_of(local, "p-acme"))["text"]
