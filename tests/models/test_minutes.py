"""The one page of every kind of meeting: figures by hand, what is missing said; and closing it, by whom and how."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from models import cadences, closing
from models.closing import Closing, Promise, Verdict
from models.domain.errors import FieldErrors, NotAllowed, UserError
from models.domain.fiscal import WeekModel
from models.domain.meetings import BUILT_IN, Ends, Leaves, Place
from models.domain.minutes import Figure, MeetingFacts
from models.domain.notes import MoneySum
from models.minutes import closing as minutes
from models.minutes import gather, sections
from models.minutes.figures import LONGEST_LIST
from models.tables import Absence, Artifact, Change, Commitment, ImportRun, Minutes, Outbox, Target
from scheduling.plan import StepKind
from tests import make, table
from tests.make import NOW, POLICY
from tests.table import at, days

SHORT = POLICY.model_copy(update={"team_channel": "team", "executive_channel": "execs"})
CALL = at(9, 9, 30)  # Monday of week 10
DUE = date(2026, 4, 20)
SOURCED, INFLUENCED, CO_SOLD = "sourced", "influenced", "co_sold"


@pytest.fixture
async def session(sqlite):
    async with sqlite.write() as session:
        yield session


async def deals(session, acme, beta, owner):
    """Deals of 2026Q1 and beyond, in whole dollars: won 800 and 300, commit 200, best case 70 EUR, pipeline 150 and more."""

    async def deal(name, of, amount, category, closes, attribution="", **more):
        return await make.deal(session, name, of, owner, amount=None if amount is None else amount * 100, category=category,
                               close_date=closes, attribution=attribution, created_date=date(2026, 1, 20), **more)  # fmt: skip

    return {
        row.crm_id[2:]: row
        for row in [
            await deal("Booked", acme, 500, "won", date(2026, 3, 4), SOURCED),
            await deal("Early", beta, 300, "won", date(2026, 1, 15), INFLUENCED),
            await deal("Due", acme, 100, "pipeline", date(2026, 3, 12)),
            await deal("Signed", acme, 200, "commit", date(2026, 3, 30), CO_SOLD),
            await deal("Euros", beta, 70, "best_case", date(2026, 3, 25), SOURCED, currency="EUR"),
            await deal("Late", beta, 50, "pipeline", date(2026, 3, 1)),
            await deal("Unknown", acme, None, "pipeline", date(2026, 3, 20), SOURCED),
            await deal("Next", acme, 900, "commit", date(2026, 4, 15), SOURCED),
            await deal("Someday", acme, 40, "pipeline", None),
            await deal("Gone", acme, 999, "lost", date(2026, 3, 3), SOURCED),
            await deal("Direct", None, 600, "won", date(2026, 3, 3)),
        ]
    }


class Room:
    """Leaders, a manager with Acme and Beta, and the deals above; a row is turned on when it is asked for."""

    def __init__(self, session, chiefs, pm, partners, found):
        self.session, self.chiefs, self.pm, self.deals = session, chiefs, pm, found
        self.acme, self.beta = partners
        self.head = chiefs["head"]
        self.on = set()

    async def meeting(self, key, slot, of=None):
        if key not in self.on:
            self.on.add(key)
            await table.turn(self.session, key, policy=SHORT)
        cadence = await table.series(self.session, key, of)
        return (await table.held(self.session, cadence))[slot], cadence

    async def page(self, key, slot, of=None, now=None):
        found, cadence = await self.meeting(key, slot, of)
        return await gather.page(self.session, found, cadence, now=now or found.ends_at, policy=SHORT)

    def promise(self, text="send the deck", owner=None, due=DUE, **more):
        return Promise(text, (owner or self.pm).id, due, **more)

    async def close(self, key, slot, *promises, of=None, by=None, held=True, side="", reason="", verdicts=None, said=None,
                    now=None):  # fmt: skip
        found, _ = await self.meeting(key, slot, of)
        form = Closing(found.id, held, side, reason, verdicts or {}, promises)
        artifact = await minutes.close(self.session, by or self.head, form, said or {}, now=now or found.ends_at,
                                       policy=SHORT)  # fmt: skip
        return MeetingFacts.model_validate(artifact.facts)

    async def refused(self, *args, **more):
        with pytest.raises(FieldErrors) as found:
            await self.close(*args, **more)
        return found.value.errors

    async def owed(self):
        return {row.key: row for row in await self.session.scalars(select(Outbox).where(Outbox.template == "minutes"))}


@pytest.fixture
async def room(session):
    chiefs, (pm,), partners = await table.company(session, 2)
    seller = await make.person(session, "Ann Seller", "ae")
    found = await deals(session, *partners, seller)
    return Room(session, chiefs, pm, partners, found)


def usd(amount, number, unknown=0):
    return MoneySum(currency="USD", amount=amount * 100, deals=number, unknown=unknown)


def eur(amount, number):
    return MoneySum(currency="EUR", amount=amount * 100, deals=number, unknown=0)


def section(facts, title):
    return next(part for part in facts.sections if part.title == title)


def money(part):
    return {figure.label: figure.money for figure in part.figures if not figure.said}


def said(part):
    return {figure.label: figure.said for figure in part.figures if figure.said}


def names(part):
    return [line.deal.name for line in part.deals]


BANDS = {
    "closed won": (usd(800, 2),), "commit": (usd(200, 1),), "best case": (eur(70, 1),), "pipeline": (usd(150, 3, 1),),
}  # fmt: skip


async def test_the_team_call_shows_bookings_what_is_due_the_quarter_risks_and_help(room):
    room.deals["Due"].help_needed = "a discount"
    facts = await room.page("team_call", "2026-W11")
    assert [part.title for part in facts.sections] == [
        "Last week's bookings", "Due to close this week", "2026Q1 by close date", "Risks: past their close date",
        "Help needed",
    ]  # fmt: skip
    assert names(section(facts, "Last week's bookings")) == ["Booked"], "neither what is lost nor what is direct"
    assert names(section(facts, "Due to close this week")) == ["Due"]
    assert money(section(facts, "2026Q1 by close date")) == BANDS
    assert names(section(facts, "Risks: past their close date")) == ["Late"]
    assert [(line.partner, line.deal.help_needed) for line in section(facts, "Help needed").deals] == [
        ("Partner 0", "a discount")
    ]
    assert (facts.kind, facts.leaves, facts.first, facts.partner_id) == ("team_call", "team", True, None)
    assert (facts.lead_id, facts.minutes, facts.agenda) == (room.head.id, 30, table.SPECS["team_call"].agenda)
    assert facts.absent == (sections.SUMS_OF_DEALS,)


async def test_a_call_in_a_week_without_anything_says_so(session):
    await table.company(session, 1)
    await table.turn(session, "team_call", policy=SHORT)
    cadence = await table.series(session, "team_call")
    found = (await table.held(session, cadence))["2026-W11"]
    facts = await gather.page(session, found, cadence, now=CALL, policy=SHORT)
    assert [part.nothing for part in facts.sections if part.empty] == [
        "Nothing was booked last week.", "No open deal closes this week.", "No open deal is past its close date.",
        "Nobody asks for help.",
    ]  # fmt: skip


async def test_a_forecast_one_to_one_shows_its_own_partners_quarter_alone(room):
    for name in ("Signed", "Due", "Unknown"):
        (await make.current(room.session, room.deals[name])).close_date = date(2026, 5, 20)
    facts = await room.page("forecast_one_on_one", "2026Q2-w01", room.acme)
    assert (facts.partner, facts.lead_id) == ("Partner 0", room.pm.id)
    assert money(section(facts, "2026Q2 by close date")) == {
        "closed won": (), "commit": (usd(1100, 2),), "best case": (), "pipeline": (usd(100, 2, 1),),
    }  # fmt: skip
    assert names(section(facts, "Deals that close this quarter")) == ["Next", "Signed", "Due", "Unknown"]
    assert facts.absent == (sections.SUMS_OF_DEALS,)


async def test_a_pipeline_one_to_one_shows_the_next_quarter_what_has_no_date_and_the_overlap(room):
    facts = await room.page("pipeline_one_on_one", "2026Q1-w11", room.acme)
    part = section(facts, "Pipeline of 2026Q2")
    assert money(part) == {
        "commit": (usd(900, 1),), "best case": (), "pipeline": (), "open without a close date": (usd(40, 1),),
    }  # fmt: skip
    assert said(part) == {"targets": "no overlap has been imported"}
    assert names(section(facts, "Deals that close next quarter")) == ["Next"]
    run = ImportRun(kind="targets", file_name="overlap.csv", digest="x", at=NOW)
    room.session.add(run)
    await room.session.flush()
    for number in range(3):
        room.session.add(
            Target(partner_id=room.acme.id, account=f"A{number}", key=f"a{number}", import_id=run.id,
                   gone_at=NOW if number == 2 else None)
        )  # fmt: skip
    await room.session.flush()
    facts = await room.page("pipeline_one_on_one", "2026Q1-w11", room.acme)
    assert said(section(facts, "Pipeline of 2026Q2")) == {"targets": "2 accounts both know"}


@pytest.mark.parametrize("key", ["leadership_roll_up", "executive_roll_up"])
async def test_a_roll_up_shows_the_total_by_kind_and_by_partner_and_ends_in_signatures(room, key):
    facts = await room.page(key, "2026Q1-w09")
    assert money(section(facts, "Partner forecast of 2026Q1")) == BANDS
    assert money(section(facts, "By attribution, 2026Q1")) == {
        "sourced": (usd(500, 2, 1), eur(70, 1)), "influenced": (usd(300, 1),), "co-sold": (usd(200, 1),),
        "without attribution": (usd(150, 2),), "of it legacy": (usd(1150, 6, 1), eur(70, 1)),
    }  # fmt: skip
    ranked = {line.partner: (line.won, line.commit, line.best_case, line.pipeline)
              for line in section(facts, "By partner").partners}  # fmt: skip
    assert ranked == {
        "Partner 0": ((usd(500, 1),), (usd(200, 1),), (), (usd(100, 2, 1),)),
        "Partner 1": ((usd(300, 1),), (), (eur(70, 1),), (usd(50, 1),)),
    }
    assert list(ranked) == ["Partner 0", "Partner 1"], "the most first"
    assert facts.absent == ()
    signers = {"leadership_roll_up": ["head"], "executive_roll_up": ["cro", "cfo"]}[key]
    assert [(item.role, item.person_id, item.at) for item in facts.signatures] == [
        (role, room.chiefs[role].id, None) for role in signers
    ]
    assert facts.ends_in == Ends.SIGNATURES


async def test_parts_of_a_roll_up_add_up_to_its_total(room):
    facts = await room.page("leadership_roll_up", "2026Q1-w09")
    signed, all_deals, by_kind, by_partner = facts.sections
    assert signed.nothing == "Nobody has signed yet; 2 numbers are expected."
    total = {(line.currency, label): line.amount for label, sums in money(all_deals).items() for line in sums}
    parts = dict.fromkeys(total, 0)
    for line in by_partner.partners:
        for label, sums in (("closed won", line.won), ("commit", line.commit), ("best case", line.best_case),
                            ("pipeline", line.pipeline)):  # fmt: skip
            for one in sums:
                parts[one.currency, label] += one.amount
    assert parts == total
    kinds = {}
    states = {}
    for label, sums in money(by_kind).items():
        of = states if label.startswith("of it ") else kinds
        for one in sums:
            of[one.currency] = of.get(one.currency, 0) + one.amount
    assert states == kinds == {"USD": 1150_00, "EUR": 70_00} == {
        currency: sum(amount for (found, _), amount in total.items() if found == currency) for currency in ("USD", "EUR")
    }  # fmt: skip


@pytest.mark.parametrize(("key", "slot"), [("qbr", "2026Q1-w12"), ("mbr", "2026Q2-w08")])
async def test_a_business_review_says_what_was_won_the_sourced_share_and_what_is_not_measured(room, key, slot):
    facts = await room.page(key, slot)
    assert facts.absent == (sections.NO_COSTS, sections.NO_SATISFACTION)
    if key == "mbr":
        assert money(section(facts, "Closed won in 2026Q2")) == {"closed won": ()}
        assert said(section(facts, "Program")) == {"partners": "2 partners, 0 new this quarter"}
        return
    assert money(section(facts, "Closed won in 2026Q1")) == {
        "closed won": (usd(800, 2),), "of it sourced": (usd(500, 1),), "of it influenced": (usd(300, 1),),
        "of it legacy": (usd(800, 2),),
    }  # fmt: skip
    part = section(facts, "Pipeline created in 2026Q1")
    # All deals were created on 20 January: sourced are Booked 500, Unknown, Next 900, Gone 999 and Euros.
    assert money(part) == {
        "new partner pipeline": (usd(3089, 9, 1), eur(70, 1)),
        "of it sourced by partners": (usd(2399, 4, 1), eur(70, 1)),
    }  # fmt: skip
    assert said(part) == {
        "sourced share of partner pipeline (USD)": "78%",  # 2,399 of 3,089
        "sourced share of total new pipeline (USD)": "65%",  # and 600 direct
        "sourced share of partner pipeline (EUR)": "100%",
    }
    assert said(section(facts, "Program")) == {"partners": "2 partners, 2 new this quarter"}


async def test_without_direct_deals_the_share_of_all_new_pipeline_cannot_be_said(room):
    (await make.current(room.session, room.deals["Direct"])).created_date = date(2025, 1, 1)
    facts = await room.page("qbr", "2026Q1-w12")
    shares = said(section(facts, "Pipeline created in 2026Q1"))
    assert shares["sourced share of total new pipeline"] == "needs direct deals, none are imported"


async def test_annual_goals_compare_with_the_same_days_a_year_ago(room):
    facts = await room.page("elt", "2026Q1-w10")  # Tuesday 10 March
    assert said(facts.sections[0]) == {
        "the same days a year ago": "nothing is recorded of them",
        "growth": "cannot be said without last year's deals",
    }
    assert money(facts.sections[0]) == {"this fiscal year to date": (usd(800, 2),)}
    assert facts.absent == (sections.NO_MARKET,)
    for name, day in (
        ("a", date(2025, 1, 1)),
        ("b", date(2025, 3, 10)),
        ("c", date(2025, 3, 11)),
        ("d", date(2024, 12, 31)),
    ):
        await make.deal(room.session, name, room.beta, room.pm, amount=200_00, category="won", close_date=day)
    facts = await room.page("elt", "2026Q1-w10")
    assert money(facts.sections[0])["the same days a year ago"] == (usd(400, 2),)
    assert said(facts.sections[0])["growth"] == "+100% in USD"


async def test_the_same_days_a_year_ago_are_the_same_dates_over_a_leap_year(session):
    """2029 begins 366 days after 2028 did."""
    now = at(2, 8, year=2029, month=1)
    _, (pm,), (acme,) = await table.company(session, 1, now=now)
    await table.turn(session, "elt", now=now)
    for name, day in (("a", date(2028, 1, 1)), ("b", date(2028, 3, 6)), ("c", date(2028, 3, 7))):
        await make.deal(session, name, acme, pm, amount=100_00, category="won", close_date=day)
    cadence = await table.series(session, "elt")
    found = (await table.held(session, cadence))["2029Q1-w10"]
    assert found.day == date(2029, 3, 6)
    facts = await gather.page(session, found, cadence, now=found.ends_at, policy=POLICY)
    assert money(facts.sections[0])["the same days a year ago"] == (usd(200, 2),)


async def test_a_readout_of_a_partner_shows_its_quarter_to_date_and_the_next_with_both_sponsors(room):
    facts = await room.page("readout", "2026Q1", room.acme, now=at(17, 13))
    assert facts.sponsors == (room.head.id, room.chiefs["cro"].id)
    assert money(section(facts, "2026Q1 to 17 Mar")) == {
        "closed won": (usd(500, 1),), "of it sourced": (usd(500, 1),), "commit": (usd(200, 1),), "best case": (),
        "pipeline": (usd(100, 2, 1),), "of it legacy": (usd(500, 1),),
    }  # fmt: skip
    assert money(section(facts, "Forecast of 2026Q2")) == {"commit": (usd(900, 1),), "best case": (), "pipeline": ()}
    assert [part.title for part in facts.sections] == ["2026Q1 to 17 Mar", "Forecast of 2026Q2"]


async def test_the_program_readout_adds_each_partner(room):
    facts = await room.page("program_readout", "2026Q1-w12")
    assert [line.partner for line in section(facts, "By partner").partners] == ["Partner 0", "Partner 1"]
    assert money(facts.sections[0])["closed won"] == (usd(800, 2),)
    assert facts.partner_id is None


async def test_every_built_in_row_has_a_page_and_office_hours_an_empty_one(room):
    for spec in BUILT_IN:
        if spec.leaves == Leaves.PULSE:
            continue
        of = room.acme if spec.per == "tier1" else None
        await table.turn(room.session, spec.key, policy=SHORT)
        cadence = await table.series(room.session, spec.key, of)
        found = next(iter((await table.held(room.session, cadence)).values()))
        facts = await gather.page(room.session, found, cadence, now=found.ends_at, policy=SHORT)
        assert MeetingFacts.model_validate_json(facts.model_dump_json()) == facts
        assert bool(facts.sections) is (spec.leaves != Leaves.NOTHING)


async def test_lists_are_ranked_and_what_is_beyond_them_is_counted_and_adds_up(room):
    for number in range(60):
        await make.deal(room.session, f"Many {number:02d}", room.acme, room.pm, amount=number * 100 or None,
                        close_date=date(2026, 3, 11), currency="USD" if number % 2 else "EUR")  # fmt: skip
    part = section(await room.page("team_call", "2026-W11"), "Due to close this week")
    assert len(part.deals) == LONGEST_LIST
    amounts = [line.deal.amount for line in part.deals]
    assert amounts == sorted(amounts, reverse=True)
    assert part.more == 61 - LONGEST_LIST
    shown = sum(amounts)
    assert shown + sum(line.amount for line in part.more_sum) == (sum(range(60)) + 100) * 100
    assert sum(line.deals for line in part.more_sum) == part.more
    assert sum(line.unknown for line in part.more_sum) == 1, "the one without an amount stands last"


async def test_what_was_compares_with_the_last_page_of_the_same_quarter_alone(room):
    first = await room.close("team_call", "2026-W10", room.promise(), room.promise("b"), now=at(2, 10))
    assert (first.first, {figure.before for part in first.sections for figure in part.figures}) == (True, {None})
    (await make.current(room.session, room.deals["Signed"])).amount = 700_00
    kept = {row.id: Verdict("kept") for row in await room.session.scalars(select(Commitment))}
    second = await room.close("team_call", "2026-W11", room.promise(), room.promise("b"), verdicts=kept)
    commit = next(figure for figure in second.sections[2].figures if figure.label == "commit")
    assert (commit.of, commit.before, commit.money) == ("2026Q1", (usd(200, 1),), (usd(700, 1),))
    later = await room.page("team_call", "2026-W15")  # Monday 6 April: another quarter
    assert not later.first
    assert {figure.before for figure in later.sections[2].figures} == {None}
    assert later.sections[2].figures[1] == Figure(label="commit", of="2026Q2", money=(usd(900, 1),))


async def test_a_page_compares_with_a_meeting_before_it_and_not_with_one_called_off_ahead(room):
    await room.close("team_call", "2026-W10", room.promise(), room.promise("b"), now=at(2, 10))
    (await make.current(room.session, room.deals["Signed"])).amount = 700_00
    await room.close("team_call", "2026-W12", held=False, side="holiday", reason="all away", now=at(3, 10))
    facts = await room.page("team_call", "2026-W11")
    assert facts.figure("commit", "2026Q1") == (usd(700, 1),)
    assert facts.sections[2].figures[1].before == (usd(200, 1),)


async def test_the_page_of_a_meeting_that_was_asked_for_before_its_row_became_longer_says_how_long_it_was(room):
    found, _ = await room.meeting("team_call", "2026-W10")
    found.state = "prompted"
    await table.save(room.session, table.SPECS["team_call"].model_copy(update={"minutes": 60}), policy=SHORT)
    assert (await room.page("team_call", "2026-W10")).minutes == 30
    assert (await room.page("team_call", "2026-W11")).minutes == 60


async def test_pages_take_as_many_statements_for_many_deals_as_for_few_once_their_lists_are_full(sqlite):
    async with sqlite.write() as session:
        _, (pm,), (acme,) = await table.company(session, 1)
        await table.turn(session, *table.SPECS, policy=SHORT)
        counted = []
        for number in (10, 4 * LONGEST_LIST, 5 * LONGEST_LIST):
            for place in range(number):
                made = await make.deal(session, f"{number}-{place}", acme, pm, close_date=date(2026, 3, 12), amount=place * 100,
                                       category=("pipeline", "commit", "won")[place % 3])  # fmt: skip
                made.help_needed = "x"
            await session.flush()
            found = {}
            for spec in BUILT_IN:
                if spec.leaves == Leaves.PULSE:
                    continue
                cadence = await table.series(session, spec.key)
                meeting = next(iter((await table.held(session, cadence)).values()))
                with make.counting(sqlite) as statements:
                    await gather.page(session, meeting, cadence, now=meeting.ends_at, policy=SHORT)
                found[spec.key] = len(statements)
            counted.append(found)
    few, many, more = counted
    assert many == more
    assert {key: many[key] - few[key] for key in many if many[key] != few[key]} == {
        "team_call": 1,
        "forecast_one_on_one": 1,
    }  # fmt: skip - what is beyond a full list is added up
    assert max(many.values()) < 30


# Closing.


async def test_the_head_closes_the_call_with_two_commitments_and_its_page_is_owed_to_the_channel(room):
    facts = await room.close("team_call", "2026-W10", room.promise(), room.promise("b"), said={"help": "a discount\nsoon "},
                             now=at(2, 10))  # fmt: skip
    found, _ = await room.meeting("team_call", "2026-W10")
    assert (found.state, found.closed_at, found.closed_by_id, found.published_at) == (
        "held",
        at(2, 10),
        room.head.id,
        at(2, 10),
    )
    assert [(item.label, item.text) for item in facts.said] == [("Help needed", "a discount\nsoon")]
    assert [(item.text, item.fate) for item in facts.commitments] == [("send the deck", "new"), ("b", "new")]
    assert (facts.state, facts.closed_by, facts.ends_in) == ("held", room.head.id, "commitments")
    (owed,) = (await room.owed()).values()
    assert (owed.channel_ref, owed.person_id, owed.due_at) == ("team", None, at(2, 10))
    assert owed.void_at == minutes.cutoff(found) == at(9, 10)
    assert facts.health.held == 1


@pytest.mark.parametrize(
    ("who", "may"),
    [("head", True), ("cro", False), ("pm", False), ("admin", False), ("seller", False)],
)
async def test_a_meeting_of_the_company_is_closed_by_who_leads_it_and_nobody_else(room, who, may):
    actor = {**room.chiefs, "pm": room.pm, "admin": await make.person(room.session, "Ada Admin", "admin"),
             "seller": await make.person(room.session, "Sam Seller", "ae")}[who]  # fmt: skip
    given = ("team_call", "2026-W10", room.promise(), room.promise("b"))
    if may:
        await room.close(*given, by=actor, now=at(2, 10))
        return
    with pytest.raises(
        NotAllowed, match=r"^You cannot close this meeting. Head Lead or the head of partnerships can\.$"
    ):
        await room.close(*given, by=actor, now=at(2, 10))
    assert await room.owed() == {}


async def test_who_covers_the_lead_closes_in_their_own_name(room):
    other = await make.person(room.session, "Cora Cover", "ae")
    args = ("pipeline_one_on_one", "2026Q1-w11", room.promise(), room.promise("b"))
    said_ = {"plan": "Halyard first"}
    with pytest.raises(NotAllowed, match="Pm0 Manager or the head of partnerships can"):
        await room.close(*args, of=room.acme, said=said_, by=other)
    room.session.add(Absence(person_id=room.pm.id, first_day=date(2026, 3, 16), last_day=date(2026, 3, 20),
                             cover_id=other.id, recorded_at=NOW))  # fmt: skip
    await room.session.flush()
    facts = await room.close(*args, of=room.acme, said=said_, by=other)
    assert (facts.closed_by, facts.lead_id) == (other.id, room.pm.id)


async def test_where_nobody_has_the_role_the_next_one_leads(room):
    elt = await room.page("executive_roll_up", "2026Q1-w09")
    assert elt.lead_id == room.head.id
    room.chiefs["head"].active = False
    admin = await make.person(room.session, "Ada Admin", "admin")
    await room.session.flush()
    assert (await room.page("executive_roll_up", "2026Q1-w09")).lead_id == admin.id


async def test_what_has_to_be_said_is_asked_for_on_its_field_and_an_essay_is_too_long(room):
    args = ("forecast_one_on_one", "2026Q1-w09", room.promise(), room.promise("b"))
    found, _ = await room.meeting("forecast_one_on_one", "2026Q1-w09", room.acme)
    for text in ("", " \n "):
        assert await room.refused(*args, of=room.acme, said={"validated": text}) == {
            "said_validated": "Say it in a line: forecast as validated stands on the page."
        }
    assert await room.refused(*args, of=room.acme, said={"validated": "x", "goals": "y" * 1501}) == {
        "said_goals": "1501 characters; one page has room for 1500."
    }
    assert found.closed_at is None
    facts = await room.close(*args, of=room.acme, said={"validated": "40 of 50", "nonsense": "z"})
    assert [item.text for item in facts.said] == ["40 of 50"]
    assert (await room.session.get_one(Minutes, found.id)).said == {"validated": "40 of 50"}


@pytest.mark.parametrize(("number", "missing"), [(0, 2), (1, 1)])
async def test_fewer_than_two_commitments_are_refused(room, number, missing):
    promises = [room.promise(f"p{place}") for place in range(number)]
    assert await room.refused("team_call", "2026-W10", *promises, now=at(2, 10)) == {
        f"text_{number}": f"A meeting ends in two or three commitments, carried ones included: add {missing} more."
    }


async def test_four_commitments_are_one_too_many(room):
    four = [room.promise(f"p{place}") for place in range(4)]
    assert "text_3" in await room.refused("team_call", "2026-W10", *four, now=at(2, 10))


async def test_a_roll_up_ends_in_signatures_and_needs_no_commitments(room):
    facts = await room.close("leadership_roll_up", "2026Q1-w09", now=at(4, 15))
    assert (facts.commitments, [item.role for item in facts.signatures]) == ((), ["head"])
    (owed,) = (await room.owed()).values()
    assert owed.channel_ref == "leadership"


async def test_a_meeting_that_was_not_held_needs_a_side_and_a_reason_and_nothing_else(room):
    assert set(await room.refused("qbr", "2026Q1-w12", held=False)) == {"side", "reason"}
    facts = await room.close("qbr", "2026Q1-w12", held=False, side="ours", reason="the CFO\nwas ill")
    assert (facts.state, facts.side, facts.reason) == ("skipped", "ours", "the CFO was ill")
    assert facts.said == ()
    found, _ = await room.meeting("qbr", "2026Q1-w12")
    assert found.closed_at is not None
    facts = await room.close(
        "readout", "2026Q1", of=room.acme, held=False, side="partner", reason="they were ill", now=at(17, 13)
    )
    assert facts.state == "no_meeting"


async def test_a_meeting_that_has_not_begun_was_not_held(room):
    with pytest.raises(UserError, match=r"The Partner team call has not begun yet. If it does not happen, skip it in"):
        await room.close("team_call", "2026-W11", room.promise(), room.promise("b"), now=at(9, 9, 29))


async def test_closing_twice_is_refused_and_writes_nothing(room):
    args = ("team_call", "2026-W10", room.promise(), room.promise("b"))
    await room.close(*args, now=at(2, 10))
    with pytest.raises(UserError, match="The Partner team call of 02 Mar is already closed"):
        await room.close(*args, now=at(2, 11))
    assert len(list(await room.session.scalars(select(Commitment)))) == 2
    assert len(list(await room.session.scalars(select(Artifact)))) == 1


async def test_after_its_week_nobody_can_close_it_any_more(room):
    found, _ = await room.meeting("team_call", "2026-W10")
    found.state, found.closed_at, found.skip_reason = "skipped", at(9, 10), "not closed"
    with pytest.raises(UserError, match="already closed"):
        await room.close("team_call", "2026-W10", room.promise(), room.promise("b"), now=at(9, 11))


async def test_a_moved_meeting_was_held_late(room):
    found, _ = await room.meeting("team_call", "2026-W10")
    await cadences.bump(room.session, found, day=date(2026, 3, 3), at=table.time(9), reason="ill", by=room.head, now=NOW,
                        policy=SHORT)  # fmt: skip
    facts = await room.close("team_call", "2026-W10", room.promise(), room.promise("b"))
    assert (facts.state, facts.moved_by, facts.moved_reason) == ("held_late", room.head.id, "ill")


async def test_commitments_are_judged_in_the_series_that_made_them(room):
    await room.close("team_call", "2026-W10", room.promise("call one"), room.promise("call two"), now=at(2, 10))
    await room.close("qbr", "2026Q1-w12", room.promise("qbr one"), room.promise("qbr two"), said={"decisions": "x"})
    found, cadence = await room.meeting("team_call", "2026-W11")
    assert found.slot == "2026-W11"
    standing = await closing.to_judge(room.session, cadence.id)
    assert [row.text for row in standing] == ["call one", "call two"]
    one, two = standing
    assert set(await room.refused("team_call", "2026-W11", room.promise(), room.promise("b"))) == {
        f"fate_{one.id}", f"fate_{two.id}",
    }  # fmt: skip
    facts = await room.close(
        "team_call", "2026-W11", verdicts={one.id: Verdict("carried"), two.id: Verdict("moved", DUE + days(7))}
    )
    assert [(item.text, item.fate, item.due) for item in facts.commitments] == [
        ("call one", "carried", DUE), ("call two", "moved", DUE + days(7)),
    ]  # fmt: skip
    mbr, series = await room.meeting("mbr", "2026Q2-w08")
    assert mbr.id
    assert await closing.to_judge(room.session, series.id) == []


async def test_one_partners_commitments_are_not_the_others(room):
    await room.close("pipeline_one_on_one", "2026Q1-w11", room.promise(), room.promise("b"), of=room.acme,
                     said={"plan": "x"})  # fmt: skip
    for of, number in ((room.acme, 2), (room.beta, 0)):
        assert (
            len(await closing.to_judge(room.session, (await table.series(room.session, "pipeline_one_on_one", of)).id))
            == number
        )
    assert {row.partner_id for row in await room.session.scalars(select(Commitment))} == {room.acme.id}


async def test_a_row_without_a_channel_hands_its_page_to_its_lead(room):
    room.acme.internal_channel = ""
    await room.close("pipeline_one_on_one", "2026Q1-w11", room.promise(), room.promise("b"), of=room.acme,
                     said={"plan": "x"})  # fmt: skip
    (owed,) = (await room.owed()).values()
    assert (owed.channel_ref, owed.person_id) == ("", room.pm.id)


async def test_a_page_that_somebody_else_closed_waits_for_a_lead_who_is_away(room):
    room.acme.internal_channel = ""
    room.session.add(
        Absence(person_id=room.pm.id, first_day=date(2026, 3, 16), last_day=date(2026, 3, 18), recorded_at=NOW)
    )
    await room.session.flush()
    await room.close("pipeline_one_on_one", "2026Q1-w11", room.promise(), room.promise("b"), of=room.acme,
                     said={"plan": "x"})  # fmt: skip
    (owed,) = (await room.owed()).values()
    assert (owed.person_id, owed.due_at) == (room.pm.id, at(19, 8))


@pytest.mark.parametrize(
    ("channel", "of", "goes_to"),
    [
        (Place.TEAM, False, "team"), (Place.LEADERSHIP, False, "leadership"), (Place.EXECUTIVE, False, "execs"),
        (Place.LEAD, False, ""), ("enablement", False, "enablement"), (Place.INTERNAL, True, "p-partner 0"),
    ],
)  # fmt: skip
async def test_a_page_goes_where_its_row_says(room, channel, of, goes_to):
    spec = table.own(channel=channel)
    _, cadence = await (room.meeting("readout", "2026Q1", room.acme) if of else room.meeting("team_call", "2026-W10"))
    assert await minutes.channel_of(room.session, cadence, spec, SHORT) == goes_to


async def test_a_meeting_closed_on_its_last_day_still_has_a_day_to_be_sent(room):
    found, _ = await room.meeting("team_call", "2026-W10")
    late = minutes.cutoff(found) - timedelta(minutes=1)
    await room.close("team_call", "2026-W10", room.promise(), room.promise("b"), now=late)
    (owed,) = (await room.owed()).values()
    assert owed.void_at == late + days(1)


async def test_what_is_no_meeting_of_the_table_is_refused(room):
    team = await make.review(room.session, room.acme)
    week = await make.occurrence(room.session, team)
    with pytest.raises(UserError, match="This meeting does not exist any more"):
        await minutes.close(
            room.session, room.head, Closing(week.id, False, "ours", "x", {}, ()), {}, now=NOW, policy=SHORT
        )


async def test_closing_owes_nothing_more_and_the_trail_says_who(room):
    found, _ = await room.meeting("team_call", "2026-W10")
    await table.plan(room.session, now=at(2, 10), policy=SHORT)
    assert (StepKind.CLOSE_REQUEST, f"p{room.head.id}") in await table.steps(room.session, found)
    await room.close("team_call", "2026-W10", room.promise(), room.promise("b"), now=at(2, 10))
    await table.plan(room.session, now=at(2, 10), policy=SHORT)
    assert await table.steps(room.session, found) == {}
    noted = (await room.session.scalars(select(Change).where(Change.field == "closed"))).one()
    assert (noted.entity_id, noted.by_id, noted.after) == (found.id, room.head.id, "held")


@pytest.mark.parametrize(
    ("slot", "day", "model", "quarter"),
    [
        ("2026Q4-w01", date(2026, 9, 30), WeekModel.ISO_THURSDAY, "2026Q4"),  # its week's Thursday is 1 October
        ("2026Q4-w01", date(2026, 10, 7), WeekModel.FIRST_MONDAY, "2026Q4"),
        ("2026Q3", date(2026, 9, 30), WeekModel.ISO_THURSDAY, "2026Q3"),  # no week of the quarter: its own day
        ("2026-W40", date(2026, 9, 30), WeekModel.FIRST_MONDAY, "2026Q3"),
    ],
)
def test_a_meeting_of_a_quarters_week_is_about_that_quarter(slot, day, model, quarter):
    found = make.a_week(slot=slot, day=day, nominal_day=day)
    policy = POLICY.model_copy(update={"fiscal_model": model})
    ground = sections.Ground(
        session=None, occurrence=found, cadence=make.a_cadence(), partners={}, now=NOW, policy=policy
    )
    assert ground.quarter.label == quarter
