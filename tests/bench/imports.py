"""A hundred thousand rows imported while forms are being submitted, against stock SQLAlchemy Core inserting the same rows.

Run as a program it imports one file into one database in a process of its own, whose memory can be looked at:
`python -m tests.bench.imports ours|bare ROWS FOLDER` prints its figures as JSON.
"""

import asyncio
import csv
import json
import resource
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import event, insert, select
from sqlalchemy.ext.asyncio import create_async_engine

from bot.cli import collect_seldom
from bot.importing import Importer, Job
from models.db import Database
from models.deals import Source, append_version, lock
from models.domain.files import File, opened
from models.domain.policy import Policy
from models.tables import Base, CrmRecord, Deal, DealPartner, DealVersion, ImportRun, Partner, Person
from models.tables.base import table_of

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
ROWS, FEW = 100_000, 10_000
PARTNERS, PEOPLE = 30, 200
HEADER = (
    "crm_id", "name", "account", "partner", "owner_email", "stage", "category", "amount", "currency", "close_date",
    "created_date", "next_step", "attribution",
)  # fmt: skip
STAGES = (("Qualification", "pipeline"), ("Proposal/Price Quote", "best_case"), ("Negotiation/Review", "commit"))
FORMS = 50
"""Deals that people answer for while the file comes in."""


def write_file(path: Path, rows: int, step: int) -> None:
    """A deals file in our template; another `step` changes every stage and amount."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for n in range(rows):
            stage, category = STAGES[(n + step) % 3]
            writer.writerow((
                f"006{n:012d}", f"Deal number {n}", f"Account {n % 5000}", f"Partner {n % PARTNERS}",
                f"p{n % PEOPLE}@home.example", stage, category, n * 10 + step, "USD", "2026-12-31", "2026-06-01",
                "send pricing", "sourced",
            ))  # fmt: skip


async def company(url: str) -> Database:
    """People, partners, and a few deals that forms are about."""
    db = Database(url)
    async with db.writer.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with db.write() as session:
        session.add_all(
            Person(id=n + 1, name=f"P {n}", email=f"p{n}@home.example", created_at=NOW) for n in range(PEOPLE)
        )
        await session.flush()
        session.add_all(
            Partner(id=n + 1, name=f"Partner {n}", key=f"partner {n}", pm_id=1, created_at=NOW) for n in range(PARTNERS)
        )
        for n in range(1, FORMS + 1):
            session.add(Deal(id=n, first_seen_at=NOW, version_id=n))
        await session.flush()
        session.add_all(
            DealVersion(id=n, deal_id=n, valid_from=NOW, reported_at=NOW, source="slack", name=f"Form {n}",
                        category="pipeline", currency="USD", amount=1, owner_id=1, partner_id=1)
            for n in range(1, FORMS + 1)
        )  # fmt: skip
    return db


class Locks:
    """How long each write transaction held the database."""

    def __init__(self, db: Database) -> None:
        self.held: list[float] = []
        engine = db.writer.sync_engine
        event.listen(engine, "begin", lambda connection: connection.info.update(since=time.perf_counter()))
        for end in ("commit", "rollback"):
            event.listen(engine, end, self._ended)

    def _ended(self, connection: Any) -> None:
        since = connection.info.pop("since", None)
        if since is not None:
            self.held.append(time.perf_counter() - since)


@asynccontextmanager
async def forms(db: Database) -> AsyncIterator[list[float]]:
    """Somebody saves a form twenty times a second; the seconds each of them took."""
    took: list[float] = []

    async def submit() -> None:
        n = 0
        while True:
            n += 1
            began = time.perf_counter()
            async with db.write_together() as session:
                deal, current = await lock(session, 1 + n % FORMS)
                await append_version(
                    session, deal, current, {"amount": n}, Source(NOW + timedelta(seconds=n), 1, "slack")
                )
            took.append(time.perf_counter() - began)
            await asyncio.sleep(0.05)

    task = asyncio.create_task(submit())
    try:
        yield took
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def ours(folder: Path, rows: int) -> dict[str, Any]:
    """The file imported, imported again with every row changed, and its figures."""
    db = await company(f"sqlite:///{folder / 'ours.db'}")
    path, figures, locks = folder / "deals.csv", {}, Locks(db)
    for name, step in (("first", 0), ("changed", 1)):
        write_file(path, rows, step)
        cpu, wall = time.process_time(), time.perf_counter()
        locks.held.clear()
        job = Job("deals", "deals.csv", opened(File(path)), NOW + timedelta(days=step))
        async with forms(db) as took:
            result = await Importer(db, Policy()).apply(job)
        assert (result.created, result.changed) == ((rows, 0) if step == 0 else (0, rows))
        figures |= {
            f"{name}_cpu": time.process_time() - cpu, f"{name}_wall": time.perf_counter() - wall,
            f"{name}_lock": max(locks.held), f"{name}_form": max(took, default=0.0), f"{name}_forms": len(took),
        }  # fmt: skip
    await db.close()
    return figures | memory()


async def alone(folder: Path, rows: int) -> dict[str, Any]:
    """The first import with nobody else at work: what is compared with the floor."""
    db = await company(f"sqlite:///{folder / 'alone.db'}")
    path = folder / "deals.csv"
    write_file(path, rows, 0)
    cpu, wall = time.process_time(), time.perf_counter()
    result = await Importer(db, Policy()).apply(Job("deals", "deals.csv", opened(File(path)), NOW))
    assert result.created == rows
    figures = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    await db.close()
    return figures | memory()


async def bare(folder: Path, rows: int) -> dict[str, Any]:
    """Stock SQLAlchemy Core: the file decoded by the standard library, the same rows in one transaction."""
    db = await company(f"sqlite:///{folder / 'bare.db'}")
    await db.close()
    path = folder / "deals.csv"
    write_file(path, rows, 0)
    engine = create_async_engine(f"sqlite+aiosqlite:///{folder / 'bare.db'}")
    cpu, wall = time.process_time(), time.perf_counter()
    async with engine.begin() as connection:
        people = {row.email: row.id for row in await connection.execute(select(Person.email, Person.id))}
        partners = {row.key: row.id for row in await connection.execute(select(Partner.key, Partner.id))}
        run_id = (await connection.execute(
            insert(table_of(ImportRun)).returning(table_of(ImportRun).c.id),
            {"kind": "deals", "file_name": "deals.csv", "digest": "", "at": NOW},
        )).scalar_one()  # fmt: skip
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            while chunk := list(islice(reader, 5000)):
                await _insert(connection, chunk, people, partners, run_id)
    figures = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    await engine.dispose()
    return figures | memory()


async def _insert(
    connection: Any, chunk: list[dict[str, str]], people: dict[str, int], partners: dict[str, int], run_id: int
) -> None:
    deal, version, link, record = map(table_of, (Deal, DealVersion, DealPartner, CrmRecord))
    made = await connection.execute(
        insert(deal).returning(deal.c.crm_id, deal.c.id),
        [{"crm_id": row["crm_id"], "first_seen_at": NOW} for row in chunk],
    )
    ids = dict(made.all())
    values = [
        {
            "name": row["name"], "account": row["account"], "owner_id": people[row["owner_email"]], "stage": row["stage"],
            "category": row["category"], "amount": int(Decimal(row["amount"]) * 100), "currency": row["currency"],
            "close_date": date.fromisoformat(row["close_date"]), "created_date": date.fromisoformat(row["created_date"]),
            "next_step": row["next_step"], "attribution": row["attribution"],
            "partner_id": partners[row["partner"].casefold()],
        }
        for row in chunk
    ]  # fmt: skip
    common = {"valid_from": NOW, "reported_at": NOW, "source": "import", "import_id": run_id, "said": {}, "moves": []}
    await connection.execute(
        insert(version),
        [{"deal_id": ids[row["crm_id"]], **common, **held} for row, held in zip(chunk, values, strict=True)],
    )
    await connection.execute(
        insert(link),
        [
            {"deal_id": ids[row["crm_id"]], "partner_id": held["partner_id"], "valid_from": NOW}
            for row, held in zip(chunk, values, strict=True)
        ],
    )
    await connection.execute(
        insert(record),
        [
            {
                "crm_id": row["crm_id"], "deal_id": ids[row["crm_id"]], "import_id": run_id,
                "values": {**held, "close_date": row["close_date"], "created_date": row["created_date"]},
            }
            for row, held in zip(chunk, values, strict=True)
        ],
    )  # fmt: skip


def memory() -> dict[str, Any]:
    """The peak of this program alone; a child's `ru_maxrss` begins with what its parent had when it was started."""
    status = Path("/proc/self/status")
    if not status.exists():
        return {"megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return {"megabytes": int(peak.split()[1]) / 1024}


async def _child(how: str, rows: int, folder: Path) -> dict[str, Any]:
    """The figures of one run in a process of its own, so that its memory is its own."""
    place = folder / f"{how}-{rows}"
    place.mkdir()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.imports", how, str(rows), str(place), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return dict(json.loads(out))


async def hundred_thousand(folder: Path, _api: str) -> list[dict[str, Any]]:
    """The rows of the table: CPU to the floor's, memory, locks, and what people who save forms notice."""
    floor = await _child("bare", ROWS, folder)
    quiet = await _child("alone", ROWS, folder)
    few = await _child("alone", FEW, folder)
    busy = await _child("ours", ROWS, folder)
    million = f"{ROWS:,} rows"
    return [
        {"what": f"CPU of importing {million}, history included, to bare Core", "unit": "s", "value": quiet["cpu"],
         "floor": floor["cpu"], "limit": 3.5},
        {"what": "wall time of the same, nobody else at work, to bare Core", "unit": "s", "value": quiet["wall"],
         "floor": floor["wall"], "limit": 3.5},
        {"what": f"peak memory of {million}, to {FEW:,}", "unit": "MB", "value": quiet["megabytes"],
         "floor": few["megabytes"], "limit": 1.5},
        {"what": f"longest write lock, {million} new, forms saved meanwhile", "unit": "s", "value": busy["first_lock"], "limit": 0.5},
        {"what": f"longest write lock, {million} changed, forms saved meanwhile", "unit": "s", "value": busy["changed_lock"], "limit": 0.5},
        {"what": f"longest wait of {busy['first_forms'] + busy['changed_forms']} forms saved meanwhile", "unit": "s",
         "value": max(busy["first_form"], busy["changed_form"]), "limit": None},
        {"what": f"wall time of {million}, all changed, forms saved meanwhile", "unit": "s", "value": busy["changed_wall"], "limit": None},
    ]  # fmt: skip


if __name__ == "__main__":
    collect_seldom()  # as `cadence run` does
    measure = {"ours": ours, "bare": bare, "alone": alone}[sys.argv[1]]
    print(json.dumps(asyncio.run(measure(Path(sys.argv[3]), int(sys.argv[2])))))
