"""The roll-up of random histories: it equals the same worked out deal by deal, and every level adds up to the next."""

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from models.domain.forecast.changes import Ledger, split
from models.domain.forecast.facts import Bands
from models.forecast import finding, lines, publishing, reading
from models.tables import Deal, Partner, SnapshotLine, SnapshotPart
from tests import table
from tests.models import forecast_team as t

DAYS = (None, date(2026, 3, 31), date(2026, 4, 1), date(2026, 5, 5), date(2026, 6, 30), date(2026, 7, 1))
AMOUNTS = (None, 0, 1, 333, 100_001, 5_000_050, -70_003)
CURRENCIES = ("USD", "USD", "USD", "EUR", "JPY", "KWD")
CATEGORIES = ("won", "commit", "best_case", "pipeline", "lost")
LINKS = (None, ((0, 5000), (1, 5000)), ((0, 3333), (2, 3333)), ((2, 7000), (0, 2999), (3, 1)), ((3, 2500),))

deal = st.fixed_dictionaries({
    "partner": st.integers(-1, 3), "links": st.sampled_from(LINKS), "amount": st.sampled_from(AMOUNTS),
    "currency": st.sampled_from(CURRENCIES), "category": st.sampled_from(CATEGORIES), "close_date": st.sampled_from(DAYS),
    "attribution": st.sampled_from(("", "sourced", "influenced", "co_sold")), "owner": st.integers(-1, 1),
})  # fmt: skip
step = st.one_of(
    st.tuples(st.just("category"), st.integers(0, 9), st.sampled_from(CATEGORIES)),
    st.tuples(st.just("amount"), st.integers(0, 9), st.sampled_from(AMOUNTS)),
    st.tuples(st.just("currency"), st.integers(0, 9), st.sampled_from(CURRENCIES)),
    st.tuples(st.just("close_date"), st.integers(0, 9), st.sampled_from(DAYS)),
    st.tuples(st.just("partner"), st.integers(0, 9), st.integers(-1, 3)),
    st.tuples(st.just("links"), st.integers(0, 9), st.sampled_from(LINKS[1:])),
    st.tuples(st.just("kind"), st.integers(0, 9), st.sampled_from(("sourced", "co_sold"))),
    st.tuples(st.just("merge"), st.integers(0, 9), st.none()),
    st.tuples(st.just("manager"), st.integers(0, 3), st.integers(-1, 1)),
    st.tuples(st.just("rate"), st.sampled_from(("EUR", "JPY", "KWD")), st.sampled_from(("0.5", "1.0825", "3"))),
    st.tuples(st.just("new"), deal, st.none()),
)
history = st.lists(step, max_size=14)


async def start(session, deals):
    made = await t.team(session)
    for currency, text in (("EUR", "1.0825"), ("JPY", "0.0067"), ("KWD", "3.2555")):
        await t.rate(session, currency, date(2026, 1, 1), text)
    for number, one in enumerate(deals):
        await new(session, made, f"Deal {number}", one, t.START)
    return made


async def new(session, made, name, one, at):
    partners = list(made.partners.values())
    values = {key: one[key] for key in ("amount", "currency", "category", "close_date", "attribution")}
    owner = (made.ann, made.bob)[one["owner"]] if one["owner"] >= 0 else None
    links = one["links"]
    primary = partners[one["partner"]] if one["partner"] >= 0 else None
    if primary is not None and links is not None:
        primary = partners[links[0][0]]
        links = [(partners[place], share) for place, share in links]
    else:
        links = None
    await t.add(session, name, primary, at=at, owner=owner, links=links, created_date=date(2026, 4, 2), **values)


async def take(session, made, what, which, value, at):
    """One thing that happens."""
    partners, people = list(made.partners.values()), (made.pat, made.quinn)
    if what == "manager":
        partners[which].pm_id = people[value].id if value >= 0 else None
        await session.flush()
        return
    if what == "rate":
        await t.rate(session, which, at.date(), value, at=at)
        return
    if what == "new":
        await new(session, made, f"New {at}", which, at)
        return
    there = list(await session.scalars(select(Deal).where(Deal.version_id.is_not(None)).order_by(Deal.id)))
    if not there:
        return
    one = there[which % len(there)]
    if what == "merge":
        await t.merged_away(session, one, at=at)
    elif what == "kind":
        one.attribution, one.attribution_state = value, "one_sided"
        await session.flush()
    elif what == "partner":
        await t.change(session, one, at=at, partner_id=partners[value].id if value >= 0 else None)
    elif what == "links":
        await t.change(session, one, at=at, partner_id=partners[value[0][0]].id)
        await t.relink(session, one, [(partners[place], share) for place, share in value], at=at)
    else:
        await t.change(session, one, at=at, **{what: value})


async def live(session, made, events, after):
    for number, (what, which, value) in enumerate(events):
        await take(session, made, what, which, value, after + timedelta(hours=number + 1))
    return after + timedelta(days=5, hours=len(events))


def agree(facts, found):
    """The facts are what the deals add up to, worked out one by one."""
    deals = list(found.deals.values())
    assert facts.program == t.program_of(deals, t.Q2)
    parts = t.partners_of(deals, t.Q2)
    told = {(pm.pm_id, part.partner_id): part.bands for pm in facts.pms for part in pm.partners}
    assert {key: bands for key, bands in told.items() if bands != Bands()} == {
        key: bands for key, bands in parts.items() if bands != Bands()
    }
    kinds = t.kinds_of(deals, t.Q2, found.names)
    assert {(part.kind.value, one.state.value): one.bands for part in facts.by_kind for one in part.states} == kinds
    originals = {}
    for one in deals:
        if one.counts(t.Q2):
            key = one.currency
            originals[key] = originals.get(key, Bands()) + t.cell(one, one.amount) + t.count(one)
    assert {part.currency: part.original for part in facts.by_currency} == originals


def adds_up(facts):
    """Program, managers, partners, kinds and currencies are the same money."""
    assert Bands.sum(pm.bands for pm in facts.pms) == facts.program
    for pm in facts.pms:
        money = Bands.sum(part.bands for part in pm.partners)
        for band in ("won", "commit", "best_case", "pipeline"):
            assert getattr(money, band) == getattr(pm.bands, band)
    assert Bands.sum(part.bands for part in facts.by_kind) == facts.program
    assert Bands.sum(part.converted for part in facts.by_currency) == facts.program
    for part in facts.by_kind:
        assert Bands.sum(state.bands for state in part.states) == part.bands
    if facts.changes is not None:
        told = facts.changes
        assert told.before + Bands.sum(line.bands for line in told.lines) == told.after == facts.program


def changed(before, after, base):
    """The lines of what changed, of every deal for itself."""
    ledger = Ledger()
    old = {currency: before.rates.on(currency, base.rate_day) for currency in ("EUR", "JPY", "KWD", "USD")}
    pms = {one.partner_id: one.pm_id for one in after.deals.values()}
    for deal_id in {*before.deals, *after.deals}:
        was, now = before.deals.get(deal_id), after.deals.get(deal_id)
        if was is not None and not was.counts(t.Q2):  # nobody keeps who managed what did not count
            pm_id = pms.get(was.partner_id, was.pm_id)
            was = replace(was, pm_id=pm_id, parts=now.parts if now and now.partner_id == was.partner_id else was.parts)
        ledger.add(split(was, now, t.Q2, old))
    return ledger


async def frozen(session, snapshot_id):
    rows = await session.execute(select(SnapshotLine.__table__).where(SnapshotLine.snapshot_id == snapshot_id))
    parts = await session.execute(select(SnapshotPart.__table__).where(SnapshotPart.snapshot_id == snapshot_id))
    return sorted(map(tuple, rows), key=str), sorted(map(tuple, parts), key=str)


@table.examples(20)
@given(deals=st.lists(deal, max_size=8), before=history, after=history)
async def test_the_roll_up_is_what_its_deals_add_up_to_and_what_changed_adds_up_to_the_difference(
    sqlite, deals, before, after
):
    async with sqlite.read() as session:
        made = await start(session, deals)
        now = await live(session, made, before, t.START)
        first = await t.whole(session, t.Q2, now=now)
        agree(await reading.draft(session, t.Q2, now=now, policy=t.POLICY), first)
        base = await publishing.publish(session, made.hedda, t.Q2, now=now, policy=t.POLICY)
        kept, held = dict(base.facts), await frozen(session, base.id)
        adds_up(finding.facts_of(base))
        assert (
            sum(row.value or 0 for row in await session.scalars(select(SnapshotLine)))
            == finding.facts_of(base).program.total
        )

        now = await live(session, made, after, now)
        second = await t.whole(session, t.Q2, now=now)
        facts = await reading.draft(session, t.Q2, now=now, policy=t.POLICY)
        agree(facts, second)
        adds_up(facts)
        ledger = changed(first, second, base)
        assert facts.changes.lines == ledger.program()
        assert {pm.pm_id: pm.changes for pm in facts.pms if pm.changes} == ledger.by_pm()
        by_partner = {part.partner_id: part.changes for part in facts.partners if part.changes and part.partner_id}
        assert by_partner == {partner: told for partner, told in ledger.by_partner().items() if partner}

        newest = await publishing.publish(session, made.hedda, t.Q2, now=now, policy=t.POLICY)
        assert finding.facts_of(newest).changes == facts.changes
        await traced(session, newest)
        assert (dict(base.facts), await frozen(session, base.id)) == (kept, held)


SIMPLE = st.fixed_dictionaries({
    "partner": st.integers(0, 3), "links": st.none(), "amount": st.sampled_from((None, 0, 500, 2_000, -700)),
    "currency": st.just("USD"), "category": st.sampled_from(("won", "commit", "lost")),
    "close_date": st.sampled_from((None, t.IN, date(2026, 7, 1))), "attribution": st.just(""), "owner": st.integers(-1, 0),
})  # fmt: skip
TOLD = ("partner", "amount", "category", "close_date")


@table.examples(8)
@given(ways=st.lists(st.tuples(SIMPLE, SIMPLE), min_size=2, max_size=12), alike=st.integers(2, 3))
async def test_deals_that_change_alike_are_added_up_as_if_each_were_looked_at(sqlite, ways, alike):
    """Simple deals are split once for each way in which they change: twins of every way show what that would lose."""
    async with sqlite.read() as session:
        made = await start(session, [before for before, _ in ways for _ in range(alike)])
        partners = list(made.partners.values())
        now = t.START + timedelta(days=5)
        first = await t.whole(session, t.Q2, now=now)
        base = await publishing.publish(session, made.hedda, t.Q2, now=now, policy=t.POLICY)
        deals = list(await session.scalars(select(Deal).order_by(Deal.id)))
        at = now + timedelta(hours=1)
        for place, (before, after) in enumerate(ways):
            for one in deals[place * alike : (place + 1) * alike]:
                changes = {key: after[key] for key in TOLD if after[key] != before[key]}
                if "partner" in changes:
                    changes["partner_id"] = partners[changes.pop("partner")].id
                await t.change(session, one, at=at, **changes)
        now += timedelta(days=7)
        second = await t.whole(session, t.Q2, now=now)
        facts = await reading.draft(session, t.Q2, now=now, policy=t.POLICY)
        ledger = changed(first, second, base)
        assert facts.changes.lines == ledger.program()
        assert {pm.pm_id: pm.changes for pm in facts.pms if pm.changes} == ledger.by_pm()
        by_partner = {part.partner_id: part.changes for part in facts.partners if part.changes and part.partner_id}
        assert by_partner == {partner: told for partner, told in ledger.by_partner().items() if partner}


async def traced(session, snapshot):
    """Every number of the snapshot follows from its rows."""
    facts = finding.facts_of(snapshot)
    rows = [row async for chunk in lines.deals(session, snapshot, 3) for row in chunk]
    for band in ("won", "commit", "best_case", "pipeline"):
        assert sum(row.value or 0 for row in rows if row.category == band) == getattr(facts.program, band)
    assert len(rows) == facts.program.deals
    sums = {}
    async for chunk in lines.changes(session, snapshot, 3):
        for row in chunk:
            bands, deals = sums.get(row.line.kind, (Bands(), 0))
            sums[row.line.kind] = (bands + row.line.bands, deals + row.line.deals)
    told = {line.kind: (line.bands, line.deals) for line in facts.changes.lines}
    assert {kind: of for kind, of in sums.items() if of != (Bands(), 0)} == told
    credit = {}
    async for chunk in lines.credit(session, snapshot, 2):
        for row in chunk:
            won, given, unsigned, number = credit.get(row.owner_id, (0, 0, 0, 0))
            loose = 0 if row.state in ("signed", "late") else row.credit
            credit[row.owner_id] = (won + row.value, given + row.credit, unsigned + loose, number + 1)
    assert credit == {one.person_id: (one.won, one.credit, one.unsigned, one.deals) for one in facts.credit}
    shares = [row async for chunk in lines.parts(session, snapshot, 3) for row in chunk]
    alone = sum(row.value or 0 for row in rows if row.plain)
    assert alone + sum(row.value or 0 for row in shares) == facts.program.total


@table.examples(15)
@given(deals=st.lists(deal, max_size=8), after=history, mine=st.sets(st.integers(0, 3), min_size=1, max_size=2))
async def test_who_sees_some_partners_sees_their_parts_as_in_the_whole_and_nothing_more(sqlite, deals, after, mine):
    async with sqlite.read() as session:
        made = await start(session, deals)
        await publishing.publish(session, made.hedda, t.Q2, now=t.later(2), policy=t.POLICY)
        now = await live(session, made, after, t.later(3))
        ids = {list(made.partners.values())[place].id for place in mine}
        everything = await reading.draft(session, t.Q2, now=now, policy=t.POLICY)
        some = await reading.draft(session, t.Q2, now=now, policy=t.POLICY, partner_ids=ids, pictured=True)
        adds_up(some)
        whole = {part.partner_id: part for part in everything.partners if part.partner_id in ids}
        seen = {part.partner_id: part for part in some.partners if part.partner_id}
        assert seen == whole
        assert set(some.missing) <= {part.name for part in whole.values()}
        names = {partner.name for partner in await session.scalars(select(Partner).where(Partner.id.not_in(ids)))}
        assert not names & {*some.not_expected, *some.missing, *(part.name for part in some.partners)}
        assert (some.credit, some.restatements, some.total_share, some.quota) == ((), (), None, None)
        pms = {pm.pm_id: pm for pm in some.pms}
        for pm in everything.pms:
            own = {part.partner_id for part in pm.partners if part.partner_id}
            if own and own <= ids and pm.pm_id in pms:
                assert pms[pm.pm_id].bands == pm.bands
        assert some.weeks[-1].bands == some.program
