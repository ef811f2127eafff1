"""What the database says of the installation: each finding where there is something to find, and none where there is not."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from models import checkup
from models.checkup import Check, Finding, Place, Severity
from models.tables import Cadence, CrmRecord, DealVersion, ImportRun, Outbox, Partner, Person
from tests import make
from tests.make import NOW, POLICY


async def a_well_team(session):
    """A head, a manager, a seller, one Tier 1 partner with its review, one deal, a fresh file."""
    await make.person(session, "Hedda Lead", "head")
    pat, ann = await make.person(session, "Pat Manager", "pm"), await make.person(session, "Ann Seller", "ae")
    acme = await make.partner(session, "Acme", pat)
    await make.review(session, acme)
    await make.deal(session, "Rockets", acme, ann)
    session.add(ImportRun(kind="deals", file_name="deals.csv", digest="x", at=NOW - timedelta(days=1)))
    await session.flush()


async def found_in(db, arrange=None, policy=POLICY):
    async with db.write() as session:
        await a_well_team(session)
        if arrange is not None:
            await arrange(session)
    async with db.read() as session:
        return await checkup.records(session, now=NOW, policy=policy)


async def test_a_well_team_has_good_findings_only(db):
    found = await found_in(db)
    assert [one.severity for one in found] == [Severity.GOOD] * len(found)
    assert [one.check for one in found] == [
        Check.PEOPLE, Check.PARTNERS, Check.REVIEWS, Check.DEALS, Check.CRM, Check.MESSAGES
    ]  # fmt: skip
    assert not any(one.mend for one in found)


def _set(table, where, **values):
    async def arrange(session):
        await session.execute(update(table).where(where).values(**values))

    return arrange


async def _unowned(session):
    acme = await session.scalar(select(Partner))
    for number in range(7):
        await make.deal(session, f"Stray {number}", acme, None, amount=None if number == 6 else 1000 - number)


async def _strangers(session):
    acme, ann = (
        await session.scalar(select(Partner)),
        await session.scalar(select(Person).where(Person.name == "Ann Seller")),
    )
    run_id = await session.scalar(select(ImportRun.id))
    for number, said in enumerate(("R. Sharma", "R. Sharma", "005bm00000NCJmQAAX")):
        one = await make.deal(session, f"Theirs {number}", acme, ann)
        session.add(CrmRecord(crm_id=f"c{number}", deal_id=one.id, import_id=run_id, values={}, owner_said=said))


async def _others_without_slack(session):
    await make.person(session, "Zoe New", slack_id=None)
    await make.person(session, "Gone Long", slack_id=None, active=False)


async def _second_tier(session):
    await make.partner(session, "Second", None, tier=2)


async def _never_set_up(session):
    pat = await session.scalar(select(Person).where(Person.name == "Pat Manager"))
    await make.partner(session, "Bolt", pat)


def _unsent(state, problem, number=2, **more):
    async def arrange(session):
        for place in range(number):
            session.add(
                Outbox(**{"key": f"{state}{place}", "nonce": "n", "template": "agenda", "due_at": NOW, "created_at": NOW,
                          "state": state, "problem": problem, **more})
            )  # fmt: skip

    return arrange


async def _no_file(session):
    await session.execute(delete(ImportRun))


TABLE = {
    "a seller with deals is not in Slack": (
        _set(Person, Person.name == "Ann Seller", slack_id=None), "wrong", Check.PEOPLE,
        "1 person is not in Slack and will be asked nothing, though deals or partners wait for them: Ann Seller.",
        "cadence import people.csv --people",
    ),
    "a manager is not in Slack": (
        _set(Person, Person.name == "Pat Manager", slack_id=None), "wrong", Check.PEOPLE, "Pat Manager", "slack_id",
    ),
    "somebody else is not in Slack; who left does not count": (
        _others_without_slack, "look", Check.PEOPLE, "1 person is not in Slack: Zoe New.", "e-mail address they use in Slack",
    ),
    "before the first start nobody is": (
        _set(Person, Person.id > 0, slack_id=None), "look", Check.PEOPLE,
        "None of 3 people has been looked up in Slack yet.", "cadence run",
    ),
    "the manager has left": (
        _set(Person, Person.name == "Pat Manager", active=False), "wrong", Check.PARTNERS,
        "1 Tier 1 partner without a partner manager who is here, so that no review can run: Acme.", "pm_email",
    ),
    "a Tier 1 partner has no manager": (
        _set(Partner, Partner.name == "Acme", pm_id=None), "wrong", Check.PARTNERS, "no review can run: Acme.", "pm_email",
    ),
    "another partner has none": (
        _second_tier, "look", Check.PARTNERS, "1 partner without a partner manager who is here: Second.", "pm_email",
    ),
    "no internal channel": (
        _set(Partner, Partner.name == "Acme", internal_channel=""), "look", Check.PARTNERS,
        "1 Tier 1 partner without an internal channel: Acme.", "internal_channel",
    ),
    "a review is paused": (
        _set(Cadence, Cadence.id > 0, state="paused"), "look", Check.REVIEWS, "1 weekly review is paused: Acme.", "/cadence setup",
    ),
    "a review was never set up": (
        _never_set_up, "look", Check.REVIEWS, "1 weekly review is not set up: Bolt.", "/cadence setup",
    ),
    "owners the CRM names are nobody here": (
        _strangers, "look", Check.DEALS,
        "2 owners in the CRM's file are nobody here: “R. Sharma” (2 deals), “005bm00000NCJmQAAX” (1 deal).", "cadence owners",
    ),
    "deals without owner, the largest five named": (
        _unowned, "look", Check.DEALS,
        "7 open deals have no owner: Stray 0, Stray 1, Stray 2, Stray 3, Stray 4 and 2 more.", "in the CRM",
    ),
    "an owner has left": (
        _set(Person, Person.name == "Ann Seller", active=False), "look", Check.DEALS,
        "1 open deal belongs to somebody who cannot answer: Ann Seller (has left, 1 deal).", "in the CRM",
    ),
    "an owner is the partner's": (
        _set(Person, Person.name == "Ann Seller", side="theirs"), "look", Check.DEALS, "Ann Seller (not one of ours, 1 deal)",
        "in the CRM",
    ),
    "the file is old": (
        _set(ImportRun, ImportRun.id > 0, at=NOW - timedelta(days=14)), "look", Check.CRM,
        "The newest CRM file is of 2026-02-16, more than 2 working days old.", "cadence import deals.csv",
    ),
    "no file yet": (
        _no_file, "look", Check.CRM, "No deals have been imported yet.", "cadence import deals.csv",
    ),
    "messages were held": (
        _unsent("held", "#p-acme is shared."), "look", Check.MESSAGES,
        "2 messages were held back and wait: #p-acme is shared (2).", "Decide about each",
    ),
    "messages were held long ago": (
        _unsent("held", "#p-acme is shared.", created_at=NOW - timedelta(days=60)), "look", Check.MESSAGES,
        "2 messages were held back and wait: #p-acme is shared (2).", "Decide about each",
    ),
    "messages failed": (
        _unsent("failed", "It is archived.", 1), "look", Check.MESSAGES, "1 message was not sent", "Mend what the reason says",
    ),
    "nobody knows": (
        _unsent("undetermined", "No answer."), "look", Check.MESSAGES, "2 messages were perhaps not sent", "before you post it",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", list(TABLE))
async def test_what_is_not_well_is_found_with_how_to_mend_it(empty, case):
    arrange, severity, check, what, mend = TABLE[case]
    found = await found_in(empty, arrange)
    bad = [one for one in found if one.severity is not Severity.GOOD and one.check is check]
    assert [(one.severity, one.check) for one in bad] == [(severity, check)]
    assert what in bad[0].what
    assert mend in bad[0].mend
    assert not [one for one in found if one.check is check and one.severity is Severity.GOOD]


@pytest.mark.parametrize(
    "arrange",
    [
        _unsent("failed", "x", created_at=NOW - timedelta(days=15)),
        _unsent("held", "x", template="report"),
        _unsent("sent", ""),
        _set(DealVersion, DealVersion.id > 0, owner_id=None, category="won"),
        _set(DealVersion, DealVersion.id > 0, owner_id=None, valid_to=NOW),
    ],
    ids=["long ago", "a report", "sent", "a won deal", "an old version"],
)
async def test_what_is_over_is_not_found(empty, arrange):
    assert {one.severity for one in await found_in(empty, arrange)} == {Severity.GOOD}


async def test_many_reasons_are_counted(empty):
    async def arrange(session):
        for place in range(8):
            await _unsent("failed", f"Reason {place}.", 1, key=f"k{place}")(session)

    (bad,) = [one for one in await found_in(empty, arrange) if one.severity is Severity.LOOK]
    assert bad.what.endswith("Reason 4 (1); and 3 other reasons.")


async def test_an_empty_database_says_what_comes_first(empty):
    async with empty.read() as session:
        found = await checkup.records(session, now=NOW, policy=POLICY)
    mends = [one.mend for one in found if one.severity is Severity.LOOK]
    assert [mend.rpartition("cadence import ")[2] for mend in mends] == [
        "people.csv --people", "partners.csv --partners", "deals.csv",
    ]  # fmt: skip


async def test_where_slack_is_the_truth_no_file_is_expected(empty):
    found = await found_in(empty, _no_file, POLICY.model_copy(update={"crm_is_truth": False}))
    assert [one.severity for one in found if one.check is Check.CRM] == [Severity.GOOD]


async def test_the_channels_are_leaderships_and_each_partners_each_once(empty):
    async with empty.write() as session:
        for name, channel in (("Acme", "#deals"), ("Bolt", "deals"), ("Cord", "C012"), ("Dust", "")):
            await make.partner(session, name, internal_channel=channel)
    async with empty.read() as session:
        assert await checkup.internal_channels(session, POLICY) == [
            Place("leadership", ("leadership",)), Place("deals", ("Acme", "Bolt")), Place("C012", ("Cord",)),
        ]  # fmt: skip
        without = POLICY.model_copy(update={"leadership_channel": ""})
        assert len(await checkup.internal_channels(session, without)) == 2


async def test_the_number_of_statements_does_not_grow(empty):
    async def count():
        async with empty.read() as session:
            with make.counting(empty) as ran:
                await checkup.records(session, now=NOW, policy=POLICY)
        return len(ran)

    await found_in(empty, _set(Person, Person.name == "Ann Seller", slack_id=None))
    few = await count()
    async with empty.write() as session:
        for number in range(30):
            person = await make.person(session, f"P{number} Many", slack_id=None)
            await make.deal(session, f"D{number}", await make.partner(session, f"Partner {number}", person), person)
    assert await count() == few


def test_findings_are_told_by_what_was_examined_the_worst_first():
    given = [checkup.good(Check.DEALS, "a"), checkup.wrong(Check.DEALS, "b", "c"), checkup.look(Check.TOKEN, "d", "e")]
    assert [one.what for one in checkup.ordered(given)] == ["d", "b", "a"]
    assert checkup.good(Check.TOKEN, "x") == Finding("x", "", Severity.GOOD, Check.TOKEN)
