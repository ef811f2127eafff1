"""A deals file of any length: staged where nobody sees it, made visible at once, taken back without a trace."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, select, update

from bot.importing import Importer, Job, no_progress
from models import differences, owners
from models.deals import PRESENT, Source, append_version, lock
from models.domain.errors import BadFile, UserError
from models.domain.files import document
from models.domain.policy import Policy
from models.imports import crm_as_of, import_partners, import_people, staging
from models.imports.options import Options
from models.tables import (
    Change,
    CrmRecord,
    Deal,
    DealMatch,
    DealPartner,
    DealVersion,
    ImportChange,
    ImportRun,
    Partner,
    Person,
    Target,
)
from tests import make
from tests.models.test_imports import DEALS, LATER, NOW, PARTNERS, PEOPLE, dump

HEADER = "crm_id,name,partner,owner,stage,amount,close_date"
POLICY = Policy()
MEANWHILE = LATER + timedelta(minutes=5)


@pytest.fixture
async def company(db):
    async with db.write() as session:
        await import_people(session, PEOPLE, file_name="people.csv", now=NOW)
    async with db.write() as session:
        await import_partners(session, PARTNERS, file_name="partners.csv", now=NOW)
    return db


def file(*rows, header=HEADER):
    return "\n".join([header, *rows]) + "\n"


def many(number, stage="Prospecting", start=0):
    return [f"{n},D{n},Acme,Ann Lee,{stage},{n},2026-06-30" for n in range(start, start + number)]


async def bring(db, text, *, now=NOW, progress=no_progress, batch=2, **options):
    job = Job("deals", "deals.csv", document(text), now, Options(**options))
    return await Importer(db, POLICY, progress, batch=batch).apply(job)


async def look(db, text, *, now=NOW, **options):
    return await Importer(db, POLICY, batch=2).look(Job("deals", "deals.csv", document(text), now, Options(**options)))


async def standing(db):
    """What everybody sees: CRM id to (stage, owner, what was said) of the version that stands."""
    async with db.read() as session:
        rows = await session.execute(
            select(Deal.crm_id, DealVersion.stage, DealVersion.owner_id, DealVersion.said).join(DealVersion, PRESENT)
        )
        return {
            crm_id: (stage, owner, {name: held["value"] for name, held in said.items()})
            for crm_id, stage, owner, said in rows
        }


async def say(db, crm_id, field, value, *, at=MEANWHILE):
    async with db.write() as session:
        deal_id = await session.scalar(select(Deal.id).where(Deal.crm_id == crm_id))
        deal, current = await lock(session, deal_id)
        said = {**current.said, field: {"value": value, "at": at.isoformat(), "by": 1}}
        await append_version(session, deal, current, {"said": said}, Source(at, 1, "slack"))


async def whole(db):
    """Nothing is left of the staging: one open version a deal, the one that stands; no changes, no lease."""
    async with db.read() as session:
        open_ = sorted(await session.scalars(select(DealVersion.id).where(DealVersion.valid_to.is_(None))))
        stand = sorted(await session.scalars(select(Deal.version_id).where(Deal.version_id.is_not(None))))
        left = await session.scalar(select(func.count()).select_from(ImportChange))
        states = set(await session.scalars(select(ImportRun.state)))
        nobody = await session.scalar(select(func.count()).select_from(Deal).where(Deal.version_id.is_(None)))
    assert (open_, left, states, nobody) == (stand, 0, {"applied"}, 0)


async def test_nobody_sees_anything_of_a_file_until_all_of_it_is_there(company):
    seen = []

    async def watch(done, total):
        async with company.read() as session:
            staged = await session.scalar(select(func.count()).select_from(Deal))
            seen.append((done, total, staged, len(await standing(company)), await crm_as_of(session)))

    await bring(company, file(*many(5)), progress=watch)
    assert seen == [(2, 5, 2, 0, None), (4, 5, 4, 0, None), (5, 5, 5, 0, None)]
    assert len(await standing(company)) == 5
    await whole(company)


async def test_what_changes_goes_and_comes_appears_at_once_too(company):
    await bring(company, file(*many(6)))
    before = await standing(company)
    seen = []

    async def watch(_done, _total):
        seen.append(await standing(company) == before)

    text = file(*many(3), *many(2, "Qualification", 3), *many(2, start=7))
    result = await bring(company, text, now=LATER, progress=watch)
    assert seen == [True] * 4
    assert (result.created, result.changed, result.unchanged, result.missing) == (2, 2, 3, 1)
    after = await standing(company)
    assert {crm_id for crm_id, held in after.items() if held[0] == "Qualification"} == {"3", "4"}
    async with company.read() as session:
        gone = await session.scalars(select(Deal.crm_id).where(Deal.missing_since == LATER))
        assert list(gone) == ["5"]
        moved = await session.scalars(select(Deal.crm_id).where(Deal.moved_at == LATER).order_by(Deal.crm_id))
        assert list(moved) == ["3", "4"]
        [trail] = await session.scalars(select(Change).where(Change.field == "missing_since"))
        assert (trail.before, trail.after) == (None, LATER.isoformat())
    await whole(company)
    back = await bring(company, file(*many(6), *many(2, start=7)), now=LATER + timedelta(days=1))
    assert (back.changed, back.missing) == (3, 0)
    await whole(company)


async def test_a_bad_line_at_the_end_leaves_the_database_as_it_was(company):
    await bring(company, file(*many(4)))
    before = await dump(company)
    rows = [*many(4, "Qualification"), "x,New,Cork,Ann Lee,Prospecting,1,", "y,Bad,Acme,Ann Lee,Wishing,1,"]
    with pytest.raises(BadFile) as refused:
        await bring(company, file(*rows), now=LATER, create_partners=True)
    assert len(refused.value.problems) == 1
    assert "Wishing" in refused.value.problems[0]
    assert await dump(company) == before


async def test_all_problems_are_told_not_only_those_of_the_first_batch(company):
    rows = [f"{n},D,Acme,Ann Lee,Wishing,1," for n in range(5)]
    with pytest.raises(BadFile) as refused:
        await bring(company, file(*rows))
    assert len(refused.value.problems) == 5


async def test_a_short_file_that_is_refused_was_never_written_at_all(company):
    written = []
    event.listen(company.writer.sync_engine, "before_cursor_execute", lambda *arguments: written.append(arguments[2]))
    with pytest.raises(BadFile):
        await bring(company, file("1,D,Acme,Ann Lee,Wishing,1,"))
    assert [line for line in written if line.startswith(("INSERT", "UPDATE", "DELETE"))] == []


async def test_a_dry_run_says_what_an_import_does_and_writes_nothing(company):
    await bring(company, file(*many(4)))
    before = await dump(company)
    text = file(*many(2), *many(1, "Qualification", 2), "9,New,Dock,Ghost,Prospecting,1,")
    told = await look(company, text, now=LATER, create_partners=True)
    assert await dump(company) == before
    done = await bring(company, text, now=LATER, create_partners=True)
    assert told == done.model_copy(update={"run_id": None})
    assert (done.created, done.changed, done.unchanged, done.missing) == (1, 1, 2, 1)
    assert [one.said for one in done.owners] == ["Ghost"]
    assert [one.said for one in done.partners] == ["Dock"]


async def test_what_is_said_while_a_file_is_staged_stays(company):
    """Also about the very field that the file changes: what was said is younger than the file."""
    await bring(company, file(*many(3)))
    await say(company, "0", "amount", 700, at=NOW + timedelta(days=1))
    await say(company, "1", "stage", "Value Proposition", at=NOW + timedelta(days=1))

    async def answer(done, _total):
        if done == 3:
            await say(company, "0", "close_date", "2026-08-01")
            await say(company, "2", "stage", "Needs Analysis")

    await bring(company, file(*many(3, "Qualification")), now=LATER, progress=answer)
    found = await standing(company)
    assert found["0"][::2] == ("Qualification", {"amount": 700, "close_date": "2026-08-01"})
    assert found["1"][::2] == ("Qualification", {}), "said before the file, and the CRM has changed it since"
    assert found["2"][::2] == ("Qualification", {"stage": "Needs Analysis"})
    await whole(company)


async def test_nobody_says_who_an_owner_is_while_a_file_is_being_read_that_names_them(company):
    def text(stage):
        return file(*(f"{n},D{n},Acme,C. Orr,{stage},{n},2026-06-30" for n in range(4)))

    async def settle():
        async with company.write() as session:
            bo = await session.scalar(select(Person).where(Person.name == "Bo Berg"))
            return await owners.settle(session, None, "C. Orr", bo, now=MEANWHILE, policy=POLICY)

    async def refused(_done, _total):
        with pytest.raises(UserError, match=r"deals\.csv is being imported at this moment"):
            await settle()

    await bring(company, text("Prospecting"))
    await bring(company, text("Qualification"), now=LATER, progress=refused)
    assert await settle() == 4
    again = await bring(company, text("Qualification"), now=LATER + timedelta(days=1))
    assert (again.changed, again.unchanged, again.owners) == (0, 4, ())
    await whole(company)


async def test_a_deal_handed_over_while_a_file_is_staged_stays_handed_over(company):
    await bring(company, file(*many(2)))
    async with company.read() as session:
        bo = await session.scalar(select(Person.id).where(Person.name == "Bo Berg"))

    async def hand_over(_done, _total):
        async with company.write() as session:
            deal_id = await session.scalar(select(Deal.id).where(Deal.crm_id == "1"))
            deal, current = await lock(session, deal_id)
            await append_version(session, deal, current, {"owner_id": bo}, Source(MEANWHILE, 1, "slack"))

    await bring(company, file(*many(2, "Qualification")), now=LATER, progress=hand_over)
    found = await standing(company)
    assert found["1"][:2] == ("Qualification", bo)
    await whole(company)


async def test_an_answer_between_the_showing_and_the_tidying_up_is_kept(company, monkeypatch):
    await bring(company, file(*many(3)))
    importer = Importer(company, POLICY, batch=2)
    job = Job("deals", "deals.csv", document(file(*many(3, "Qualification"))), LATER)
    settle = importer._settle

    async def answer_first(*told):
        assert {held[0] for held in (await standing(company)).values()} == {"Qualification"}
        await say(company, "1", "stage", "Needs Analysis")
        await settle(*told)

    importer._settle = answer_first
    await importer.apply(job)
    assert (await standing(company))["1"][::2] == ("Qualification", {"stage": "Needs Analysis"})
    await whole(company)


async def test_parts_of_partners_follow(company):
    await bring(company, DEALS)
    await bring(company, DEALS.replace("70;30", "60;40"), now=LATER)
    async with company.read() as session:
        shares = await session.scalars(
            select(DealPartner.share).join(Deal, Deal.id == DealPartner.deal_id)
            .where(Deal.crm_id == "2", DealPartner.valid_to.is_(None)).order_by(DealPartner.share)
        )  # fmt: skip
        assert list(shares) == [4000, 6000]
    await whole(company)


class Died(BaseException):
    """The process ends here."""


async def die(importer, job, monkeypatch, *, where):
    """Run an import whose process dies: nothing is taken back, nothing is tidied."""

    async def fall(*_):
        raise Died

    importer._take_back = _nothing
    if where == "shown":
        importer._settle = fall
    else:
        importer.progress = fall
    with pytest.raises(Died):
        await importer.apply(job)


async def _nothing(*_):
    return None


async def age(db):
    """The lease of whoever died runs out."""
    async with db.write() as session:
        await session.execute(update(ImportRun).values(lease_until=datetime(2026, 1, 1, tzinfo=UTC)))


async def test_an_import_whose_process_died_is_taken_back_by_the_next_one(company, monkeypatch):
    await bring(company, file(*many(3)))
    before = await standing(company)
    job = Job("deals", "deals.csv", document(file(*many(5, "Qualification"))), LATER)
    await die(Importer(company, POLICY, batch=2), job, monkeypatch, where="staged")
    assert await standing(company) == before
    with pytest.raises(UserError, match=r"deals\.csv is being imported at this moment\. Try again"):
        await bring(company, file(*many(3)), now=LATER)
    await age(company)
    result = await bring(company, file(*many(5, "Qualification")), now=LATER)
    assert (result.created, result.changed) == (2, 3)
    await whole(company)


async def test_an_import_that_everybody_sees_is_tidied_up_by_the_next_one(company, monkeypatch):
    await bring(company, file(*many(3)))
    job = Job("deals", "deals.csv", document(file(*many(5, "Qualification"))), LATER)
    await die(Importer(company, POLICY, batch=2), job, monkeypatch, where="shown")
    assert len(await standing(company)) == 5
    await age(company)
    result = await bring(company, file(*many(5, "Qualification")), now=LATER)
    assert (result.created, result.changed, result.unchanged) == (0, 0, 5)
    await whole(company)


async def test_somebody_taken_for_dead_notices_and_changes_nothing(company):
    async def taken_back(done, _total):
        if done == 2:
            async with company.read() as session:
                run_id = await session.scalar(select(ImportRun.id).where(ImportRun.state == "staging"))
            async with company.write() as session:
                assert await staging.give_up(session, run_id)
            more = True
            while more:
                async with company.write() as session:
                    more = await staging.abandon(session, run_id)

    before = await dump(company)
    with pytest.raises(UserError, match="silent for too long"):
        await bring(company, file(*many(4)), progress=taken_back)
    assert await dump(company) == before


async def test_what_everybody_sees_is_never_taken_back(company):
    """Whoever took it for dead comes too late: its maker has shown it meanwhile."""
    await bring(company, file(*many(3)))
    importer = Importer(company, POLICY, batch=2)
    settle = importer._settle

    async def too_late(*told):
        async with company.write() as session:
            await session.execute(update(ImportRun).where(ImportRun.state == "activated").values(lease_until=NOW))
        await Importer(company, POLICY)._abandon(told[0], silent_since=datetime.now(UTC))
        assert len(await standing(company)) == 4
        await settle(*told)

    importer._settle = too_late
    job = Job("deals", "deals.csv", document(file(*many(4, "Qualification"))), LATER)
    await importer.apply(job)
    assert {held[0] for held in (await standing(company)).values()} == {"Qualification"}
    await whole(company)


async def test_what_was_given_up_cannot_be_shown_half(company):
    before = None

    async def give_up(done, _total):
        if done == 2:
            async with company.read() as session:
                run_id = await session.scalar(select(ImportRun.id).where(ImportRun.state == "staging"))
            async with company.write() as session:
                await staging.give_up(session, run_id)
            async with company.write() as session:
                await staging.abandon(session, run_id, most=1)

    before = await dump(company)
    with pytest.raises(UserError, match="silent for too long"):
        await bring(company, file(*many(4)), progress=give_up)
    assert await dump(company) == before


async def test_two_imports_that_begin_at_once_come_one_after_the_other(company):
    jobs = [Job("deals", f"{n}.csv", document(file(*many(6))), NOW) for n in range(2)]
    done = await asyncio.gather(
        *(Importer(company, POLICY, batch=2).apply(job) for job in jobs), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in done) in (
        ["ImportResult", "UserError"],
        ["ImportResult", "ImportResult"],
    )
    assert len(await standing(company)) == 6
    await whole(company)


async def test_a_partner_that_somebody_used_meanwhile_stays_when_the_file_is_refused(company):
    async def use(done, _total):
        if done == 2:
            async with company.write() as session:
                cork = await session.scalar(select(Partner).where(Partner.name == "Cork"))
                session.add(Target(partner_id=cork.id, key="x", account="X", import_id=1))

    rows = ["1,D,Cork,Ann Lee,Prospecting,1,", "2,D,Dock,Ann Lee,Prospecting,1,", "3,D,Acme,Ann Lee,Wishing,1,"]
    with pytest.raises(BadFile, match="1 problem"):
        await bring(company, file(*rows), progress=use, create_partners=True)
    async with company.read() as session:
        assert sorted(await session.scalars(select(Partner.name))) == ["Acme", "Bolt & Co", "Cork"]


async def test_whether_deals_are_the_same_is_asked_also_after_a_crash(company):
    async with company.write() as session:
        ann = await session.scalar(select(Person).where(Person.name == "Ann Lee"))
        acme = await session.scalar(select(Partner).where(Partner.name == "Acme"))
        (await make.deal(session, "D1", acme, ann)).crm_id = None
    job = Job("deals", "deals.csv", document(file("7,D1,Acme,Ann Lee,Prospecting,1,2026-06-30")), LATER)
    await die(Importer(company, POLICY, batch=2), job, None, where="shown")
    await age(company)
    await Importer(company, POLICY).tidy()
    async with company.read() as session:
        assert len((await session.scalars(select(DealMatch))).all()) == 1
    await whole(company)


async def test_forms_are_saved_while_a_file_is_staged(company):
    """Twenty people answer at once between two batches; none waits for the import, none is lost."""
    await bring(company, file(*many(20)))

    async def answers(done, _total):
        if done == 10:
            await asyncio.gather(*(say(company, str(n), "amount", 5) for n in range(20)))

    await bring(company, file(*many(20, "Qualification")), now=LATER, progress=answers)
    found = await standing(company)
    assert {held[::2] for held in [(one[0], one[1], one[2].get("amount")) for one in found.values()]} == {
        ("Qualification", 5)
    }
    async with company.read() as session:
        assert len(await differences.list_differences(session, None)) == 20
    await whole(company)


async def test_a_history_comes_with_its_deals_or_not_at_all(company):
    past = "Opportunity ID,To Stage,Last Modified\n{},Prospecting,2026-01-05 09:00\n"
    before = await dump(company)
    job = Job(
        "deals", "deals.csv", document(file(*many(1))), NOW, history=document(past.format("0").replace("2026-01", "soon")),
        history_name="past.csv",
    )  # fmt: skip
    with pytest.raises(BadFile):
        await Importer(company, POLICY, batch=2).apply(job)
    assert await dump(company) == before
    good = Job(
        "deals", "deals.csv", document(file(*many(1))), NOW, history=document(past.format("0")), history_name="past.csv"
    )
    told = await Importer(company, POLICY, batch=2).look(good)
    assert (told.after.changed, told.after.warnings) == (1, ()), "a deal that comes with the file is no stranger"
    result = await Importer(company, POLICY, batch=2).apply(good)
    assert result.after is not None
    assert (result.created, result.after.changed) == (1, 1)


STEPS = st.lists(
    st.tuples(st.sampled_from(["said", "staged"]), st.sampled_from(["stage", "amount"]), st.integers(0, 3)), max_size=6
)
STAGES = ["Prospecting", "Qualification", "Needs Analysis", "Value Proposition"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
@given(first=STEPS, second=STEPS)
async def test_two_imports_and_answers_in_any_order_never_lose_an_answer(company, first, second):
    """`said` before the file is read, `staged` while it is: only the first may be overtaken by what the CRM changed."""
    async with company.read() as session:
        at = max(NOW, await crm_as_of(session) or NOW) + timedelta(days=1)
        number = await session.scalar(select(func.count()).select_from(CrmRecord)) or 0
    crm, said = [0, 0], {}

    def text():
        return file(f"n{number},D,Acme,Ann Lee,{STAGES[crm[0]]},{crm[1]},2026-06-30")

    await bring(company, text(), now=at, complete=False)
    for place, steps in enumerate((first, second)):
        before = [step for step in steps if step[0] == "said"]
        during = [step for step in steps if step[0] == "staged"]
        at += timedelta(days=1)
        for _, field, pick in before:
            said[field] = STAGES[pick] if field == "stage" else pick
            await say(company, f"n{number}", field, said[field], at=at)
        changed = [(place + len(steps)) % 4, len(before)]
        for spot, field in enumerate(("stage", "amount")):
            if changed[spot] != crm[spot]:
                said.pop(field, None)
        crm = changed

        async def meanwhile(_done, _total, during=during, at=at):
            for _, field, pick in during:
                said[field] = STAGES[pick] if field == "stage" else pick
                await say(company, f"n{number}", field, said[field], at=at + timedelta(hours=1))

        await bring(company, text(), now=at, progress=meanwhile, complete=False)
        assert (await standing(company))[f"n{number}"][::2] == (STAGES[crm[0]], said)
    await whole(company)


async def test_partners_that_were_made_for_a_file_are_named_in_the_trail(company):
    await bring(company, file("1,D,Cork,Ann Lee,Prospecting,1,"), create_partners=True)
    async with company.read() as session:
        cork = await session.scalar(select(Partner).where(Partner.name == "Cork"))
        [line] = await session.scalars(select(Change).where(Change.entity == "partner", Change.entity_id == cork.id))
        assert (line.field, line.after, line.source) == ("name", "Cork", "import")
