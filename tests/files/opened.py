"""The files of the tests, written once and opened by somebody else's program."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl

from handlers.files import deck
from handlers.files.workbook import Workbook
from models.domain.forecast.facts import Bands, RollUpFacts
from models.domain.minutes import Figure, MeetingFacts, Said, Section
from models.domain.policy import Policy
from tests.files import office, samples
from tests.files.samples import Quarter

BERLIN = ZoneInfo("Europe/Berlin")


def empty() -> Quarter:
    """A quarter in which nothing is, in a currency without decimals."""
    return Quarter(
        RollUpFacts(period="2026Q4", first=samples.FIRST, last=samples.LAST, label="Draft", cut_off=samples.NOW,
                    rate_day=samples.NOW.date(), currency="JPY", program=Bands())
    )  # fmt: skip


def lossy() -> Quarter:
    """A quarter of which one deal gets lost on the way to the workbook."""
    made = samples.quarter(1, 20)
    made.deals = made.deals[:-1]
    return made


QUARTERS = {
    "usual": lambda: samples.quarter(1),
    "hostile": lambda: samples.quarter(2, 60, partners=13, hostile=True),
    "one": lambda: samples.quarter(3, 1, partners=1),
    "empty": empty,
}


@dataclass
class Opened:
    facts: RollUpFacts
    cached: Any
    formulas: Any
    recalculated: Any
    stripped: int


def write(file: Any, made: Quarter) -> None:
    with Workbook(file, made.facts, samples.book(), zone=BERLIN, sign_offs=made.sign_offs) as workbook:
        for start in range(0, len(made.deals), 7):  # in chunks, as a database hands them over
            workbook.deals(iter(made.deals[start : start + 7]))
        workbook.parts(made.parts)
        workbook.changes(made.changes)
        workbook.signatures(made.signatures)
        workbook.adjustments(made.adjustments)
        workbook.attribution(made.claims)
        workbook.credit(made.credit)
        workbook.rates(made.rates)
        workbook.targets(made.targets)


def made_workbooks(folder: Path, profile: Path) -> dict[str, Opened]:
    found, stripped = {}, []
    (folder / "bare").mkdir()
    (folder / "out").mkdir()
    for name, make in (QUARTERS | {"lossy": lossy}).items():
        made, path, bare = make(), folder / f"{name}.xlsx", folder / "bare" / f"{name}.xlsx"
        write(str(path), made)
        found[name] = Opened(made.facts, openpyxl.load_workbook(path, data_only=True), openpyxl.load_workbook(path), None,
                             office.without_values(path, bare))  # fmt: skip
        stripped.append(bare)
    office.convert(stripped, "xlsx", folder / "out", profile)
    for name, workbook in found.items():
        workbook.recalculated = openpyxl.load_workbook(folder / "out" / f"{name}.xlsx", data_only=True)
    return found


def meetings() -> dict[str, MeetingFacts]:
    huge = tuple(samples.money(10**13 - 1, 3, currency) for currency in ("USD", "EUR", "JPY", "GBP"))
    long = tuple(
        item.model_copy(update={"text": "Wort" * 75}) for item in samples.commitments(*["new"] * 3, *["kept"] * 30)
    )
    hostile = samples.meeting(
        partner="W" * 300, sponsors=(), commitments=long, said=(Said(label="L" * 80, text="\n".join(samples.HOSTILE * 4)),),
        sections=(Section(title="2026Q4 to 15 Dec", figures=tuple(
            Figure(label=label, money=huge) for label in ("closed won", "of it sourced", "commit", "best case", "pipeline"))),),
    )  # fmt: skip
    nothing = samples.meeting(
        said=(), commitments=(), absent=(), crm_as_of=None,
        sections=(Section(title="2026Q4 to 15 Dec", figures=(Figure(label="closed won"), Figure(label="commit"))),
                  Section(title="Forecast of 2027Q1", figures=(Figure(label="commit"),))),
    )  # fmt: skip
    return {
        "partner": samples.meeting(),
        "program": samples.meeting(program=True),
        "hostile": hostile,
        "nothing": nothing,
    }


def made_decks(folder: Path, profile: Path) -> dict[str, Path]:
    for name, facts in meetings().items():
        (folder / f"{name}.pptx").write_bytes(
            deck.readout(facts, samples.book(), Policy(), partner_sponsor="Hélène Dubois")
        )
    office.convert(sorted(folder.glob("*.pptx")), "pdf", folder, profile)
    return {name: folder / f"{name}.pdf" for name in meetings()}
