"""Put a made company into a database, by the import everybody else uses."""

from datetime import UTC, date, datetime, time

from bot.demo.build import Company
from bot.demo.generated import random_company
from models.db import Database
from models.imports import import_deals, import_partners, import_people

__all__ = ["load", "random_company"]


async def load(db: Database, company: Company) -> None:
    """Import people, partners, and the deals twice: as they were, and as they are today. Four transactions.

    A company without deals has no deals file to import: a file with nothing below its header is refused.
    """
    then = _at(company.before, time(9))
    async with db.write() as session:
        await import_people(session, company.people_csv, file_name="people.csv", now=then)
    async with db.write() as session:
        await import_partners(session, company.partners_csv, file_name="partners.csv", now=then)
    for text, now in ((company.deals_csv_before, then), (company.deals_csv, _at(company.today, time(7)))):
        if text.count("\n") > 1:
            async with db.write() as session:
                await import_deals(session, text, file_name="deals.csv", now=now)


def _at(day: date, hour: time) -> datetime:
    return datetime.combine(day, hour, tzinfo=UTC)
