"""A file that is imported step by step, as the command line and a dropped file do it, asks about deals born here too."""

from datetime import timedelta

from sqlalchemy import select

from bot.importing import Importer, Job
from models import births
from models.births import Birth
from models.domain.files.encoding import document
from models.tables import CrmRecord, DealMatch, Outbox
from tests import make
from tests.make import NOW, POLICY
from tests.world import deal, deals_csv


async def test_the_importer_asks_once_after_what_it_brought_is_settled(db):
    async with db.write() as session:
        team = await make.small(session, deals=0)
        given = Birth("Halyard – Pumps", "Halyard", team.acme.id, team.ann, "Qualification")
        born = await births.create(session, team.ann, given, now=NOW, policy=POLICY)
    rows = [deal(1, "Ann", name="Pumps", account="Halyard"), *(deal(number, "Ann") for number in range(2, 30))]
    importer = Importer(db, POLICY, batch=10)
    for hours in (1, 2):
        job = Job("deals", "deals.csv", document(deals_csv(rows)), NOW + timedelta(hours=hours))
        await importer.apply(job)
    async with db.read() as session:
        [match] = await session.scalars(select(DealMatch))
        record = await session.get_one(CrmRecord, "D-0001")
        assert (match.deal_id, match.other_id, match.state) == (born.deal_id, record.deal_id, "open")
        [owed] = await session.scalars(select(Outbox).where(Outbox.template == births.CARD))
        assert (owed.person_id, owed.due_at) == (team.pm.id, NOW + timedelta(hours=1))
