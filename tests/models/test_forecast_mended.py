"""What a review found: snapshots that stay as they were, restatements stated once, refusals that say the truth."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from models.domain.errors import FieldErrors, UserError
from models.domain.forecast.rates import MissingRate
from models.forecast import closing, finding, lines, publishing, quotas, rates, reading, signing, signing_off
from models.tables import Partner, Quota
from tests.models import forecast_team as t

WEEK5 = t.START + timedelta(days=35)
OVER = datetime(2026, 7, 2, 9, tzinfo=UTC)  # the day after the second quarter


async def published(session, made, quarter=t.Q2, *, now=WEEK5):
    return await publishing.publish(session, made.hedda, quarter, now=now, policy=t.POLICY)


async def changed(session, snapshot):
    rows = [row async for chunk in lines.changes(session, snapshot) for row in chunk]
    return [(row.name, str(row.line.kind), row.pm_id, row.line.bands.total, row.line.deals) for row in rows]


async def test_what_a_workbook_is_made_of_stays_as_it_was_published(sqlite):
    """A rate corrected and a partner handed over afterwards change nothing in it."""
    async with sqlite.write() as session:
        made = await t.team(session)
        c = made.partners["C"]
        await t.rate(session, "EUR", date(2026, 1, 1), "1.10")
        await t.add(session, "Euro", made.partners["A"], currency="EUR", amount=1_000_00)
        gone = await t.add(session, "Gone", c, amount=700_00)
        await published(session, made)
        come = await t.add(session, "Come", c, amount=900_00, close_date=date(2026, 8, 1))
        await t.change(session, gone, at=WEEK5 + timedelta(hours=1), close_date=date(2026, 8, 1))
        await t.change(session, come, at=WEEK5 + timedelta(hours=1), close_date=date(2026, 5, 30))
        second = await published(session, made, now=WEEK5 + timedelta(days=2))
        before = await changed(session, second)
        known = [(row.day, row.rate) for row in await rates.list_rates(session, "USD", until=second.cut_off)]
        await rates.set_rate(
            session, made.carl, "EUR", date(2026, 1, 1), "1.30", now=WEEK5 + timedelta(days=5), policy=t.POLICY
        )
        c.pm_id = made.pat.id
        await session.flush()
        assert await changed(session, second) == before
        assert {(kind, pm) for _, kind, pm, _, _ in before} == {
            ("pushed_out", made.quinn.id),
            ("pulled_in", made.quinn.id),
        }
        assert (
            [(row.day, row.rate) for row in await rates.list_rates(session, "USD", until=second.cut_off)]
            == known
            == [(date(2026, 1, 1), "1.10")]
        )


async def test_a_restatement_that_a_closing_has_stated_is_not_stated_again(sqlite):
    async with sqlite.write() as session:
        made = await t.team(session)
        a = made.partners["A"]
        won = await t.add(session, "First quarter", a, category="won", amount=100_00, close_date=date(2026, 2, 1))
        await t.add(session, "Second", a, category="won", amount=100_00)
        await t.add(session, "Third", a, amount=100_00, close_date=date(2026, 8, 1))
        await closing.close(session, made.fay, t.Q1, now=t.START + timedelta(days=1), policy=t.POLICY)
        await t.change(session, won, at=t.START + timedelta(days=60), amount=150_00)
        closed = await closing.close(session, made.fay, t.Q2, now=OVER, policy=t.POLICY)
        stated = finding.facts_of(await finding.snapshot(session, closed.snapshot_id)).restatements
        assert [(one.period, one.before, one.after) for one in stated] == [("2026Q1", 100_00, 150_00)]
        following = await published(session, made, t.Q3, now=OVER + timedelta(days=2))
        assert finding.facts_of(following).restatements == ()


async def test_a_draft_says_what_would_keep_it_from_being_published(sqlite):
    """The open deal of a closed and restated quarter has no rate: the page says so before anybody presses Publish."""
    async with sqlite.write() as session:
        made = await t.team(session)
        a = made.partners["A"]
        won = await t.add(session, "Won", a, category="won", amount=100_00)
        await closing.close(session, made.fay, t.Q2, now=OVER, policy=t.POLICY)
        at = OVER + timedelta(days=1)
        await t.change(session, won, at=at, amount=150_00)
        await t.add(
            session, "Yen", a, category="pipeline", currency="JPY", amount=100, at=at, close_date=date(2026, 6, 20)
        )
        await t.add(session, "Third", a, amount=100_00, close_date=date(2026, 8, 20), at=at)
        assert "which the deal “Yen” needs" in (await reading.draft(session, t.Q3, now=at, policy=t.POLICY)).blocked
        with pytest.raises(MissingRate, match="Yen"):
            await published(session, made, t.Q3, now=at)


async def test_a_manager_does_not_wait_for_the_rate_of_anothers_target(sqlite):
    async with sqlite.write() as session:
        made = await t.team(session)
        a, c = made.partners["A"], made.partners["C"]
        await t.add(session, "Deal", a)
        with pytest.raises(
            FieldErrors, match="There is no exchange rate from CHF for 1 Apr 2026, the quarter's first day"
        ):
            await quotas.set_quota(session, made.fay, t.Q2.label, c.id, "CHF 500,000", now=t.START, policy=t.POLICY)
        session.add(
            Quota(period=t.Q2.label, partner_id=c.id, currency="CHF", amount=500_000_00, at=t.START, by_id=made.fay.id)
        )
        await session.flush()
        mine = await reading.draft(session, t.Q2, now=t.START, policy=t.POLICY, partner_ids=[a.id])
        assert (mine.blocked, mine.program.commit) == ("", 1_000_00)
        everything = await reading.draft(session, t.Q2, now=t.START, policy=t.POLICY)
        assert "from CHF into USD for 1 Apr 2026, which the target of Partner C needs" in everything.blocked


async def test_neither_a_closing_nor_a_closed_quarters_roll_up_is_signed_off(sqlite):
    async with sqlite.write() as session:
        made = await t.team(session)
        await t.add(session, "Won", made.partners["A"], category="won")
        roll_up = await published(session, made)
        closed = await closing.close(session, made.fay, t.Q2, now=OVER, policy=t.POLICY)
        with pytest.raises(UserError, match="Fay Finance closed 2026Q2 on 2 Jul 2026: its roll-ups are not signed off"):
            await signing_off.sign_off(session, made.carl, roll_up.id, now=OVER)
        with pytest.raises(UserError, match="it is the closing of 2026Q2, which stands as it is"):
            await signing_off.sign_off(session, made.carl, closed.snapshot_id, now=OVER)


async def test_accuracy_rests_on_what_was_signed_within_the_quarter(sqlite):
    """A number that is amended when everybody knows what closed is no forecast."""
    async with sqlite.write() as session:
        made = await t.team(session)
        a = made.partners["A"]
        await t.add(session, "Won", a, category="won", amount=100_00)
        await t.add(session, "Third", a, amount=100_00, close_date=date(2026, 8, 20))
        await signing.sign(
            session, made.pat, t.Q2.label, [signing.Number(a.id, 400_00, 500_00)], {}, now=WEEK5, policy=t.POLICY
        )
        (mine,) = [
            one
            for one in await signing.mine(session, made.pat, t.Q2, now=OVER, policy=t.POLICY)
            if one.partner.id == a.id
        ]
        await signing.sign(session, made.pat, t.Q2.label, [signing.Number(a.id, 100_00, 100_00)], {a.id: mine.signature_id},
                           now=OVER, policy=t.POLICY)  # fmt: skip
        (found,) = (await reading.draft(session, t.Q3, now=OVER, policy=t.POLICY)).accuracy
        assert (found.signed, found.closed, found.basis_points) == (400_00, 100_00, 2_500)


async def test_a_partner_that_changes_hands_meanwhile_is_one_managers_in_facts_and_lines(db):
    """The roll-up waits for who gives the partner away, or the other way round: never half of each."""
    async with db.write() as session:
        made = await t.team(session)
        a = made.partners["A"]
        await t.add(session, "Deal", a)
    taken = asyncio.Event()

    async def hand_over():
        async with db.write() as session:
            (await session.get_one(Partner, a.id)).pm_id = made.quinn.id
            await session.flush()
            taken.set()
            await asyncio.sleep(0.3)

    async def publish():
        await taken.wait()
        async with db.write() as session:
            return await published(session, made)

    _, snapshot = await asyncio.gather(hand_over(), publish())
    async with db.read() as session:
        (row,) = [row async for chunk in lines.deals(session, snapshot) for row in chunk]
    assert [pm.pm_id for pm in finding.facts_of(snapshot).pms if pm.bands.deals] == [row.pm_id] == [made.quinn.id]
