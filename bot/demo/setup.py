"""Put a made company into a database, by the import everybody else uses."""

from bot.demo.company import Company
from models.db import Database


async def load(db: Database, company: Company) -> None:
    raise NotImplementedError
