"""A quarter from its first signature to its restatement; and what no order of events can break."""

import asyncio
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from models import people
from models.domain.errors import NotAllowed, UserError
from models.domain.forecast.facts import Bands, ChangeKind, Terms
from models.forecast import (
    adjusting,
    closing,
    finding,
    lines,
    publishing,
    quotas,
    reading,
    signing,
    signing_off,
    team,
    terms,
)
from models.forecast.signing import Number
from models.people import record_absence
from models.tables import (
    Adjustment,
    QuarterClose,
    SignedCommit,
    SignOff,
    Snapshot,
    SnapshotLine,
    SnapshotPart,
)
from tests import make, table
from tests.models import forecast_team as t

WEEK5 = t.later(24 * 33)
AFTER = t.later(24 * 93)  # 3 July
RATES = (("EUR", date(2026, 1, 1), "1.10"), ("EUR", date(2026, 5, 1), "1.20"))


async def publish(session, made, quarter=t.Q2, *, now=WEEK5):
    return await publishing.publish(session, made.hedda, quarter, now=now, policy=t.POLICY)


async def draft(session, quarter=t.Q2, *, now=WEEK5, **more):
    return await reading.draft(session, quarter, now=now, policy=t.POLICY, **more)


async def test_a_quarter_from_its_first_number_to_its_restatement(db):
    async with db.write() as session:
        made = await t.team(session)
        a, b, c = (made.partners[letter] for letter in "ABC")
        for currency, day, text in RATES:
            await t.rate(session, currency, day, text)
        await quotas.set_quota(session, made.carl, "2026Q2", None, "10,000", now=t.START, policy=t.POLICY)
        won = await t.add(session, "won", a, category="won", amount=2_000_00, currency="EUR", owner=made.ann,
                          close_date=date(2026, 4, 20), attribution="influenced", created_date=date(2026, 4, 2))  # fmt: skip
        both = await t.add(session, "both", a, amount=1_000_01, links=[(a, 5000), (c, 3000)], owner=made.ann)
        small = await t.add(session, "small", b, category="pipeline", amount=None, owner=None)
        await t.add(session, "direct", None, created_date=date(2026, 4, 3), amount=700_00)
        await t.add(session, "undated", b, close_date=None)
        await signing.sign(
            session, made.pat, "2026Q2", [Number(a.id, 3_000_00, 4_000_00)], {}, now=WEEK5, policy=t.POLICY
        )
        first = await publish(session, made)
    async with db.write() as session:
        facts = finding.facts_of(await finding.snapshot(session, first.id))
        # EUR 2,000 at April's 1.10 are 2,200; of 1,000.01 half is 500.00 or .01, three tenths 300.00, the rest 200.00.
        assert facts.program == Bands(won=2_200_00, commit=1_000_01, deals=3, unknown=1)
        told = {(part.name, part.pm_id): part.bands.total for part in facts.partners}
        assert told == {
            ("Partner A", made.pat.id): 2_700_01, ("Partner B", made.pat.id): 0,
            (team.REST_NAME, made.pat.id): 200_00, ("Partner C", made.quinn.id): 300_00,
        }  # fmt: skip
        assert [(pm.pm_id, pm.bands.deals) for pm in facts.pms] == [(made.pat.id, 3), (made.quinn.id, 0)]
        assert (facts.number, facts.kind, facts.label, facts.attainment) == (1, "roll_up", "week 5", 2200)
        assert facts.coverage.basis_points == 1282  # 1,000.01 of the 7,800 that are missing
        assert [(one.what, one.names) for one in facts.gaps] == [
            ("amount", ("small",)), ("close date", ("undated",)), ("owner", ("small",)), ("attribution", ("both", "small")),
        ]  # fmt: skip
        (credit,) = facts.credit
        assert (credit.person_id, credit.won, credit.credit, credit.unsigned) == (
            made.ann.id,
            2_200_00,
            1_100_00,
            1_100_00,
        )
        assert (facts.partner_share.part, facts.partner_share.whole) == (0, 2_200_00)
        assert (facts.total_share.part, facts.total_share.whole) == (0, 2_900_00)
        assert facts.missing == ("Partner B", "Partner C")
        assert [week.day for week in facts.weeks] == [date(2026, 4, 12), date(2026, 4, 19), date(2026, 4, 26),
                                                      date(2026, 5, 3), date(2026, 5, 4)]  # fmt: skip
        assert {week.bands for week in facts.weeks} == {facts.program}
        assert [(one.currency, one.day, one.from_day, one.rate) for one in facts.rates] == [
            ("EUR", date(2026, 4, 20), date(2026, 1, 1), "1.1")
        ]
        assert (facts.landing.shown, facts.accuracy) == (False, ())

        at = WEEK5 + timedelta(days=20)
        await t.change(session, await session.merge(both), at=at, category="won", amount=1_200_01)
        await t.change(session, await session.merge(small), at=at, amount=50_00)
        facts = await draft(session, now=at)
        assert {line.kind: (line.bands, line.deals) for line in facts.changes.lines} == {
            ChangeKind.WON: (Bands(won=1_000_01, commit=-1_000_01), 1),
            ChangeKind.BIGGER: (Bands(won=200_00, pipeline=50_00, unknown=-1), 2),
        }
        with pytest.raises(UserError, match="ends on 30 Jun 2026: it can be closed from the day after it"):
            await closing.close(session, made.fay, t.Q2, now=at, policy=t.POLICY)
        with pytest.raises(NotAllowed, match="The CFO can"):
            await closing.close(session, made.carl, t.Q2, now=AFTER, policy=t.POLICY)
        assert await closing.before_closing(session, t.Q2, now=AFTER, policy=t.POLICY) == [
            (
                "1 deal is still open with a close date in 2026Q2: small. Win, lose or move each in the CRM first, or it "
                "stays open in the closed quarter."
            ),
            "No number was signed for Partner B, Partner C.",
            "The last roll-up (week 5) is not signed off by the CRO and the CFO.",
        ]
        assert closing.due(t.Q2, t.POLICY, Terms()) == date(2026, 7, 7)
        made_close = await closing.close(session, made.fay, t.Q2, now=AFTER, policy=t.POLICY)
        with pytest.raises(UserError, match="was closed by Fay Finance on 3 Jul 2026"):
            await closing.close(session, made.fay, t.Q2, now=AFTER, policy=t.POLICY)
    async with db.write() as session:
        closed = await finding.snapshot(session, made_close.snapshot_id)
        assert (closed.kind, closed.number, finding.facts_of(closed).program.won) == ("closing", 2, 3_400_01)
        assert await closing.restatements(session, t.Q3, now=AFTER, policy=t.POLICY) == ()
        later = AFTER + timedelta(days=4)
        await t.change(session, await session.merge(won), at=later, category="lost")
        await t.add(session, "forgotten", c, category="won", amount=10_00, at=later)
        await t.change(session, await session.merge(small), at=later, close_date=date(2026, 8, 1))
        (stated,) = await closing.restatements(session, t.Q3, now=later, policy=t.POLICY)
        assert (stated.before, stated.after) == (3_400_01, 1_210_01)
        assert {line.kind: line.bands for line in stated.lines} == {
            ChangeKind.NEW: Bands(won=10_00), ChangeKind.LOST: Bands(won=-2_200_00),
        }  # fmt: skip
        third = await publish(session, made, t.Q3, now=later)
        facts = finding.facts_of(third)
        assert facts.restatements == (stated,)
        assert [(one.person_id, one.signed, one.closed, one.partners) for one in facts.accuracy] == [
            (made.pat.id, 3_000_00, 2_200_00 + 600_01, 1)
        ]
    async with db.write() as session:
        assert (await draft(session, t.Q3, now=later)).restatements == ()
        restated = await finding.latest(session, "2026Q2")
        assert (restated.kind, finding.facts_of(restated).program.won) == ("restatement", 1_210_01)
        assert (await draft(session, now=later)).closed
        rows = [row async for chunk in lines.deals(session, closed) for row in chunk]
        assert [(row.name, row.value, row.rate) for row in rows] == [
            ("won", 2_200_00, "1.1"), ("both", 1_200_01, ""), ("small", 50_00, ""),
        ]  # fmt: skip
        parts = [(row.partner, row.share, row.value) async for chunk in lines.parts(session, closed) for row in chunk]
        assert parts == [("Partner A", 5000, 600_01), ("Partner C", 3000, 360_00), ("", 2000, 240_00)]
        (signature,) = await lines.signatures(session, closed)
        assert (signature.partner, signature.by, signature.row.deals_commit) == ("Partner A", "Pat Manager", 2_700_01)
        (target,) = await lines.quotas(session, closed)
        assert (target.partner, target.row.amount, target.by) == ("", 1_000_000, "Carl Revenue")
        assert await lines.adjustments(session, closed) == await lines.sign_offs(session, closed) == []
        assert [row async for chunk in lines.claims(session, closed) for row in chunk] == []


async def test_no_number_slips_past_the_closing_of_its_quarter(db):
    async with db.write() as session:
        made = await t.team(session)
        a = made.partners["A"].id
        await t.add(session, "won", made.partners["A"], category="won")

    async def sign(commit):
        async with db.write() as session:
            pat = await people.get(session, made.pat.id)
            await signing.sign(session, pat, "2026Q2", [Number(a, commit, commit)], {}, now=AFTER, policy=t.POLICY)

    async def close():
        async with db.write() as session:
            fay = await people.get(session, made.fay.id)
            await closing.close(session, fay, t.Q2, now=AFTER, policy=t.POLICY)

    outcomes = await asyncio.gather(sign(1), close(), sign(2), return_exceptions=True)
    assert all(one is None or isinstance(one, UserError) for one in outcomes)
    async with db.read() as session:
        stored = [row.commit for row in await session.scalars(select(SignedCommit).order_by(SignedCommit.id))]
        closed = finding.facts_of(await finding.latest(session, "2026Q2"))
        assert closed.kind == "closing"
        assert closed.signed_commit == (stored[-1] if stored else 0)


async def test_two_different_people_sign_off_the_latest_roll_up(sqlite):
    async with sqlite.write() as session:
        made = await t.team(session)
        old = await publish(session, made)
        new = await publish(session, made, now=WEEK5 + timedelta(days=1))

        async def off(actor, snapshot=new):
            return await signing_off.sign_off(session, actor, snapshot.id, now=WEEK5 + timedelta(days=2))

        with pytest.raises(NotAllowed, match="The CRO and the CFO sign it off"):
            await off(made.hedda)
        with pytest.raises(
            UserError, match=r"There is a newer one, number 2 .week 5, no. 2.: that is the one to sign off"
        ):
            await off(made.carl, old)
        row = await off(made.both)
        assert row.role == "cro"
        with pytest.raises(
            UserError, match=r"You have signed it off already, as CRO on 6 May 2026. Another person signs as CFO"
        ):
            await off(made.both)
        with pytest.raises(UserError, match="Bo Two has signed it off already, as CRO on 6 May 2026"):
            await off(made.carl)
        assert await signing_off.still_open(session, new.id) == ("cfo",)
        assert (await off(made.fay)).role == "cfo"
        with pytest.raises(UserError, match="You have signed it off already, as CFO"):
            await off(made.fay)
        assert [(one.role, one.person_id) for one in await signing_off.sign_offs(session, new.id)] == [
            ("cro", made.both.id), ("cfo", made.fay.id),
        ]  # fmt: skip
        with pytest.raises(UserError, match="This roll-up does not exist"):
            await signing_off.sign_off(session, made.fay, 999, now=WEEK5)


async def test_somebody_who_is_both_signs_the_line_nobody_else_could(sqlite):
    async with sqlite.write() as session:
        made = await t.team(session)
        made.fay.active = False
        snapshot = await publish(session, made)
        row = await signing_off.sign_off(session, made.both, snapshot.id, now=WEEK5)
        assert row.role == "cfo"


async def test_only_the_head_publishes_and_nothing_far_ahead(sqlite):
    async with sqlite.write() as session:
        made = await t.team(session)
        for somebody in (made.pat, made.fay, made.root):
            with pytest.raises(NotAllowed, match="The head of partnerships can"):
                await publishing.publish(session, somebody, t.Q2, now=WEEK5, policy=t.POLICY)
        with pytest.raises(UserError, match="2026Q4 is too far ahead: 2026Q2 and the quarter after it"):
            await publish(session, made, t.POLICY.fiscal.next(t.Q3))
        assert (await publish(session, made, t.Q3)).label == "4 May 2026"
        assert await closing.before_closing(session, t.Q2, now=WEEK5, policy=t.POLICY) == [
            "No roll-up of 2026Q2 was ever published."
        ]
        assert [row.number for row in await finding.snapshots(session, "2026Q3")] == [1]


async def test_after_a_change_of_the_reporting_currency_nothing_is_compared_or_added_across(sqlite):
    async with sqlite.write() as session:
        made = await t.team(session)
        a = made.partners["A"]
        await t.add(session, "open", a)
        await t.rate(session, "USD", date(2026, 1, 1), "0.9", into="EUR")
        await signing.sign(session, made.pat, "2026Q2", [Number(a.id, 5, 5)], {}, now=WEEK5, policy=t.POLICY)
        await publish(session, made)
        policy = t.POLICY.model_copy(update={"currency": "EUR"})
        facts = await reading.draft(session, t.Q2, now=WEEK5, policy=policy)
        assert (facts.program.commit, facts.changes, facts.signed_commit, facts.missing) == (
            90_000,
            None,
            0,
            ("Partner A",),
        )
        (mine, *_) = await signing.mine(session, made.pat, t.Q2, now=WEEK5, policy=policy)
        assert (mine.signature_id, mine.deals_commit) == (0, 90_000)


async def test_a_landing_rests_on_past_quarters_that_are_known(sqlite):
    async with sqlite.write() as session:
        made = await t.team(session)
        a = made.partners["A"]
        seen = t.START - timedelta(days=640)
        fiscal, quarter = t.POLICY.fiscal, t.Q2
        for _ in range(6):
            quarter = fiscal.previous(quarter)
            for number in range(10):
                deal = await t.add(session, f"{quarter.label} {number}", a, at=seen, amount=1_000_00 + number,
                                   close_date=quarter.last - timedelta(days=3))  # fmt: skip
                won = number % 2 == 0
                at = make.datetime.combine(quarter.last - timedelta(days=3), make.time(9), make.UTC)
                await t.change(session, deal, at=at, category="won" if won else "lost")
        for number in range(8):
            await t.add(session, f"open {number}", a, amount=1_000_00)
        landing = (await draft(session)).landing
        assert (landing.shown, landing.quarters, landing.deals) == (True, 6, 60)
        assert 0 <= landing.p10 <= landing.p50 <= landing.p90 <= 12_000_00
        stored = await terms.current(session)
        wanted = stored.model_copy(update={"landing_quarters": 9})
        await terms.change(session, made.fay, wanted, "more to rest on", now=WEEK5)
        landing = (await draft(session)).landing
        assert not landing.shown
        assert "the quarter is over" in (await draft(session, now=AFTER)).landing.why


ACTORS = ("pat", "quinn", "hedda", "carl", "fay", "both", "ann", "root")
event = st.one_of(
    st.tuples(st.just("sign"), st.sampled_from(ACTORS), st.sampled_from("ABCD"), st.integers(-1, 5)),
    st.tuples(st.just("adjust"), st.sampled_from(ACTORS), st.sampled_from("ABCD"), st.sampled_from((None, 3, 4))),
    st.tuples(
        st.sampled_from(("publish", "close", "off", "off", "off")), st.sampled_from(ACTORS), st.just("A"), st.just(0)
    ),
    st.tuples(st.sampled_from(("win", "manager", "cover")), st.just("pat"), st.sampled_from("AB"), st.just(0)),
)
TABLES = (SignedCommit, Adjustment, Snapshot, SnapshotLine, SnapshotPart, SignOff, QuarterClose)


async def everything(session):
    """Every row that must never change, by its table and key."""
    found = {}
    for one in TABLES:
        for row in await session.execute(select(one.__table__)):
            key = tuple(getattr(row, column.name) for column in one.__table__.primary_key)
            found[one.__tablename__, key] = tuple(row)
    return found


async def act(session, made, what, actor, letter, value, now):
    who, partner, period = made.people[actor], made.partners[letter], "2026Q1"
    if what == "sign":
        latest = (await session.scalars(select(SignedCommit.id).where(SignedCommit.partner_id == partner.id))).all()
        shown = {partner.id: max(latest, default=0)}
        await signing.sign(session, who, period, [Number(partner.id, value, 5)], shown, now=now, policy=t.POLICY)
    elif what == "adjust":
        await adjusting.adjust(session, who, period, partner.id, value, f"why {value}", now=now, policy=t.POLICY)
    elif what == "publish":
        await publishing.publish(session, who, t.Q1, now=now, policy=t.POLICY)
    elif what == "close":
        await closing.close(session, who, t.Q1, now=now, policy=t.POLICY)
    elif what == "off":
        newest = await finding.latest(session, period)
        await signing_off.sign_off(session, who, newest.id if newest else 0, now=now)
    elif what == "win":
        await t.add(session, f"won {now}", partner, category="won", close_date=date(2026, 3, 3), at=now)
    elif what == "manager":
        partner.pm_id = made.quinn.id if partner.pm_id == made.pat.id else made.pat.id
        await session.flush()
    else:
        day = now.date()
        await record_absence(
            session, made.pat, first=day, last=day, cover=made.quinn, by=made.pat, now=now, policy=t.POLICY
        )


@table.examples(30)
@given(events=st.lists(event, max_size=22))
async def test_no_order_of_events_breaks_the_trail(sqlite, events):
    async with sqlite.read() as session:
        made = await t.team(session)
        await t.add(session, "deal", made.partners["A"], close_date=date(2026, 3, 3), links=[
            (made.partners["A"], 5000), (made.partners["C"], 2500)])  # fmt: skip
        now = WEEK5
        for what, actor, letter, value in events:
            now += timedelta(hours=1)
            before = await everything(session)
            was_closed = await closing.closed(session, "2026Q1")
            try:
                await act(session, made, what, actor, letter, value, now)
            except UserError:
                assert await everything(session) == before
            after = await everything(session)
            assert {key: row for key, row in after.items() if key in before} == before
            new = {key[0] for key in after if key not in before}
            if was_closed is not None:
                assert not new & {"signed_commit", "adjustment", "quarter_close"}
            if "signed_commit" in new:
                row = (await session.scalars(select(SignedCommit).order_by(SignedCommit.id.desc()))).first()
                covered = {made.quinn.id} if row.pm_id == made.pat.id else set()
                assert row.by_id in {row.pm_id, made.hedda.id} | covered
                assert row.by_id == made.people[actor].id
                assert row.for_id == (None if row.by_id == row.pm_id else row.pm_id)
        for snapshot in await session.scalars(select(Snapshot)):
            names = [row.person_id for row in await signing_off.sign_offs(session, snapshot.id)]
            assert len(names) == len(set(names)) <= 2
            facts = finding.facts_of(snapshot)
            rows = await session.scalars(select(SnapshotLine.value).where(SnapshotLine.snapshot_id == snapshot.id))
            assert facts.program.total == sum(value or 0 for value in rows)
        assert len(list(await session.scalars(select(QuarterClose)))) <= 1
