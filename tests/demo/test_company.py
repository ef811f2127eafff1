"""The demo company: as many of everything as it says, through the real import, the same for one seed and day."""

import csv
import io
import json
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import func, select

from bot.demo.company import make_company
from bot.demo.generated import random_company
from bot.demo.joint import share
from bot.demo.setup import load
from bot.demo.signing import sign
from bot.sandbox.seed import Seed
from models import attribution
from models.attribution import sql
from models.db import Database
from models.deals import PRESENT
from models.domain.forecast.facts import AttributionState
from models.domain.policy import Policy
from models.domain.workdays import WorkCalendar
from models.joint.counterparts import speaking
from models.tables import Base, Deal, DealVersion, ImportRun, JointDeal, Partner, Person

TODAY = date(2026, 11, 18)
DAYS = [TODAY, date(2026, 1, 1), date(2027, 3, 29), date(2028, 2, 29), date(2026, 12, 31), date(2026, 8, 30)]


@pytest.fixture
async def db(tmp_path):
    db = Database(f"sqlite:///{tmp_path / 'demo.db'}")
    async with db.writer.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield db
    await db.close()


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_the_cast_is_as_large_as_promised():
    company = make_company(TODAY)
    partners = rows(company.partners_csv)
    people = rows(company.people_csv)
    assert len(partners) == 23
    assert sorted(Counter(row["pm_email"] for row in partners if row["tier"] == "1").values()) == [4, 5]
    roles = Counter(row["role"] for row in people)
    assert roles == {"ae": 6, "pm": 2, "head": 1, "cro": 1, "cfo": 1, "ceo": 1, "admin": 1, "counterpart": 18}
    assert {row["time_zone"] for row in people if row["role"] == "ae"} == {
        "Europe/London",
        "America/New_York",
        "Asia/Singapore",
    }
    tier1 = {row["name"] for row in partners if row["tier"] == "1"}
    assert Counter(row["partner"] for row in people if row["partner"]) == dict.fromkeys(tier1, 2)
    assert all(row["internal_channel"] for row in partners if row["tier"] == "1")
    deals = rows(company.deals_csv)
    assert len(deals) == 60
    primary = Counter(row["partner"].split(";")[0] for row in deals)
    assert {name: primary[name] for name in tier1 if not 3 <= primary[name] <= 6} == {}
    assert 1 <= sum(not row["amount"] for row in deals) <= 3
    assert {row["currency"] for row in deals} == {"USD"}
    names = "".join(row["name"] for row in partners)
    for mark in ("&", "<", "🚀", "ג", "ü"):
        assert mark in names


async def test_it_loads_through_the_real_import_with_a_history_of_its_own(db):
    company = make_company(TODAY)
    await load(db, company)
    async with db.read() as session:
        runs = list(await session.scalars(select(ImportRun).order_by(ImportRun.id)))
        assert [run.kind for run in runs] == ["people", "partners", "deals", "deals"]
        assert [run.skipped for run in runs] == [0, 0, 0, 0]
        assert runs[2].at == datetime.combine(company.before, time(9), UTC)
        assert runs[3].at == datetime.combine(TODAY, time(7), UTC)
        assert await session.scalar(select(func.count()).select_from(Person)) == 31
        assert await session.scalar(select(func.count()).select_from(Partner)) == 23
        current = list(await session.scalars(select(DealVersion).where(DealVersion.valid_to.is_(None))))
        deals = {deal.id: deal for deal in await session.scalars(select(Deal))}
    open_ones = [version for version in current if version.category in ("pipeline", "best_case", "commit")]
    stalled = [
        version
        for version in open_ones
        if (deals[version.deal_id].moved_at or deals[version.deal_id].first_seen_at).date()
        <= TODAY - timedelta(days=14)
    ]
    moves = Counter(version.movement for version in current)
    assert len(stalled) >= 10
    assert moves["forward"] >= 10
    assert moves["slip"] >= 5
    assert sum(version.close_date is None for version in open_ones) >= 1
    assert sum(version.close_date is not None and version.close_date < TODAY for version in open_ones) >= 2
    assert {"commit", "best_case", "pipeline", "won", "lost"} == {version.category for version in current}
    assert sum(deal.missing_since is not None for deal in deals.values()) == 1


async def test_attribution_is_in_every_state_it_can_be_in(db):
    company = make_company(TODAY)
    await load(db, company)
    await sign(db, company)
    policy = Policy.model_validate(company.settings)
    now = datetime.combine(TODAY, time(8), UTC)
    async with db.read() as session:
        here = await attribution.ground(session, now=now, policy=policy)
        state = sql.state(here.today, here.installed_on, here.days, policy)
        found = list(await session.scalars(select(state).select_from(Deal).join(DealVersion, PRESENT)
                                           .where(DealVersion.partner_id.is_not(None))))  # fmt: skip
    assert set(found) == {state.value for state in AttributionState}
    assert Counter(found)["legacy"] > len(found) // 2, "most are older than the installation"


@pytest.mark.parametrize("day", DAYS, ids=str)
async def test_any_day_will_do(db, day):
    company = make_company(day)
    assert timedelta(days=17) <= day - company.before <= timedelta(days=26)
    assert WorkCalendar(code="GB-ENG").is_business_day(company.before)
    await load(db, company)
    await sign(db, company)


def test_one_seed_and_day_make_one_company():
    assert make_company(TODAY) == make_company(TODAY)
    assert make_company(TODAY, seed=2).deals_csv != make_company(TODAY).deals_csv
    assert random_company(7, TODAY) == random_company(7, TODAY)


def test_the_workspace_is_a_seed_of_the_local_slack():
    company = make_company(TODAY)
    seed = Seed.from_dict(json.loads(json.dumps(company.workspace)))
    emails = {user.email for user in seed.users}
    people = rows(company.people_csv)
    ours = {row["email"] for row in people if not row["partner"]}
    assert ours <= emails
    home = {user.id: user for user in seed.users if user.team_id == seed.team.id}
    channels = {channel.name: channel for channel in seed.channels}
    for row in rows(company.partners_csv):
        internal, joint = row["internal_channel"].removeprefix("#"), row["joint_channel"].removeprefix("#")
        if internal:
            assert set(channels[internal].members) <= {*home, "U0CADENCE"}
            assert not channels[internal].is_ext_shared
            assert "U0CADENCE" in channels[internal].members
        if joint:
            assert channels[joint].is_ext_shared
            assert set(channels[joint].members) - {*home, "U0CADENCE"}
    assert channels[company.settings["leadership_channel"]].is_private
    by_email = {user.email: user.id for user in seed.users}
    members = set(channels["leadership"].members)
    leaders = {by_email[row["email"]] for row in people if row["role"] in ("head", "cro", "cfo", "ceo", "pm")}
    assert members == {*leaders, "U0CADENCE"}
    assert len({user.id for user in seed.users}) == len(seed.users)
    assert len({channel.id for channel in seed.channels}) == len(seed.channels)
    assert sum(user.is_restricted for user in seed.users) == 1
    assert sum(user.is_bot for user in seed.users) == 1
    assert sum(user.deleted for user in seed.users) == 1
    assert sum(user.is_stranger for user in seed.users) == 1
    assert [user.title for user in seed.users if user.is_primary_owner] == ["Revenue systems"]
    assert [group.handle for group in seed.usergroups] == ["sales"]


def test_acme_is_a_company_of_its_own_with_a_channel_that_is_shared_with_it():
    seed = Seed.from_dict(make_company(TODAY).workspace)
    companies = {one.name: one for one in seed.companies}
    acme = companies["Acme"]
    theirs = {one.real_name for one in seed.users if one.team_id == acme.id}
    assert len(theirs) == 2
    assert "Cora Counterpart" in theirs
    joint = next(one for one in seed.channels if one.name == "joint-acme")
    assert (joint.is_ext_shared, joint.connected_team_ids) == (True, [acme.id])
    inside = {one.real_name for one in seed.users if one.id in joint.members}
    assert theirs <= inside
    assert "Amara Okafor" in inside
    assert {one.team_id for one in seed.users} == {seed.team.id, *(one.id for one in seed.companies)}, "all have a name"


async def test_some_of_acmes_deals_are_joint_and_cora_speaks_for_it(db):
    company = make_company(TODAY)
    await load(db, company)
    await share(db, company)
    async with db.read() as session:
        acme = await session.scalar(select(Partner).where(Partner.name == "Acme"))
        marked = list(await session.scalars(select(JointDeal).where(JointDeal.valid_to.is_(None))))
        assert {one.partner_id for one in marked} == {acme.id}
        assert sorted(one.amount_shared for one in marked) == [False, False, True]
        its = select(func.count()).select_from(DealVersion).where(DealVersion.valid_to.is_(None))
        assert await session.scalar(its.where(DealVersion.partner_id == acme.id)) > len(marked), "some stay ours alone"
        cora = next(one for one in company.workspace["users"] if one["real_name"] == "Cora Counterpart")
        speaks = await speaking(session, cora["id"], cora["team_id"])
        assert (speaks.name, speaks.partner_id) == ("Cora Counterpart", acme.id)
        assert await speaking(session, cora["id"], "T0PART003") is None
        assert not acme.joint_approved, "the first post is the manager's to look at"


async def test_a_company_without_acme_stays_as_it_is(db):
    company = random_company(3, TODAY)
    await load(db, company)
    await share(db, company)
    async with db.read() as session:
        assert await session.scalar(select(func.count()).select_from(JointDeal)) == 0


@pytest.mark.parametrize("seed", range(12))
async def test_a_generated_company_loads_too(db, seed):
    company = random_company(seed, TODAY)
    Seed.from_dict(company.workspace)
    people = rows(company.people_csv)
    roles = Counter(row["role"] for row in people)
    assert 1 <= roles["pm"] <= 3
    assert 3 <= roles["ae"] <= 8
    assert 3 <= len(rows(company.partners_csv)) <= 12
    assert 0 <= len(rows(company.deals_csv)) <= 40
    await load(db, company)


async def test_a_company_without_deals_loads_without_a_deals_file(db):
    seed = next(seed for seed in range(1000) if not rows(random_company(seed, TODAY).deals_csv))
    await load(db, random_company(seed, TODAY))
    async with db.read() as session:
        assert set(await session.scalars(select(ImportRun.kind))) <= {"people", "partners", "deals"}
        assert await session.scalar(select(func.count()).select_from(Partner)) >= 3
