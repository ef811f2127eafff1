"""Deals born in Slack: making them, finding them in what an import brings, and making two deals one."""

import asyncio
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from models import answers, births, differences, merging, notes, people, reviews
from models.births import Birth, Doubled
from models.domain.errors import FieldErrors, NotAllowed, UserError
from models.domain.files.encoding import document
from models.imports import import_deals, records
from models.imports.activating import activate, settle
from models.imports.deals import BATCH, batched, missing
from models.imports.ground import survey_ground
from models.imports.options import Options
from models.imports.planning import plan
from models.imports.result import Tally
from models.imports.staging import begin, stage, stage_missing
from models.joint import marks
from models.tables import (
    Answer,
    Card,
    Change,
    CrmRecord,
    Deal,
    DealMatch,
    DealPartner,
    DealVersion,
    ImportChange,
    ImportRun,
    NextAction,
    Outbox,
    Partner,
)
from tests import make
from tests.make import NOW, POLICY, TODAY
from tests.world import deal as row
from tests.world import deals_csv

LATER = NOW + timedelta(hours=2)
GIVEN = {"name": "Halyard – Pumps", "account": "Halyard", "stage": "Qualification", "amount": "40,000", "currency": "usd",
         "close_date": date(2026, 3, 30)}  # fmt: skip


@pytest.fixture
async def session(db):
    async with db.write() as session:
        yield session


async def create(session, actor, of, *, now=NOW, policy=POLICY, **more):
    birth = Birth(**GIVEN | {"partner_id": of.id} | more)
    return await births.create(session, actor, birth, now=now, policy=policy)


async def born(session, actor, of, **more):
    """A deal made by the form, as its row."""
    made = await create(session, actor, of, **more)
    return await session.get_one(Deal, made.deal_id)


def crm(number=77, **more):
    return row(number, "Ann", **{"name": "Pumps", "account": "Halyard Ltd", "amount": "42000", "close_date": "2026-03-28",
                                 "attribution": "", **more})  # fmt: skip


async def brings(session, *rows, now=LATER, policy=POLICY, **options):
    return await import_deals(session, deals_csv(list(rows)), file_name="deals.csv", now=now, policy=policy, **options)


async def matches(session, state=None):
    query = select(DealMatch).order_by(DealMatch.id)
    return list(await session.scalars(query if state is None else query.where(DealMatch.state == state)))


async def by_crm(session, number=77):
    record = await session.get_one(CrmRecord, f"D-{number:04d}", populate_existing=True)
    return await session.get_one(Deal, record.deal_id, populate_existing=True)


async def same(session, actor, match, *, now=LATER, policy=POLICY):
    await merging.say_same(session, actor, match.id, now=now, policy=policy)


async def different(session, actor, match, *, now=LATER):
    await births.say_different(session, actor, match.id, now=now, policy=POLICY)


async def doubled(session, **more):
    """A team with one deal born here, and an import that has brought it too."""
    team = await make.small(session, deals=0)
    deal = await born(session, team.ann, team.acme, **more)
    await brings(session, crm())
    [match] = await matches(session)
    return team, deal, await session.get_one(Deal, match.other_id), match


async def lines(session, entity_id, field):
    rows = await session.scalars(
        select(Change).where(Change.entity == "deal", Change.entity_id == entity_id, Change.field == field)
    )
    return [(one.before, one.after, one.by_id) for one in rows]


# Making one.


async def test_a_deal_is_made_with_all_that_was_typed_and_is_under_review_at_once(session):
    team = await make.small(session, deals=0)
    made = await create(
        session, team.pm, team.acme, owner=team.bob, next_text=" send  the offer ", next_due=date(2026, 3, 12)
    )
    deal = await session.get_one(Deal, made.deal_id)
    version = await make.current(session, deal)
    assert (deal.crm_id, deal.first_seen_at, deal.moved_at, deal.version_id) == (None, NOW, None, version.id)
    assert (version.name, version.account, version.partner_id, version.owner_id) == (
        "Halyard – Pumps", "Halyard", team.acme.id, team.bob.id,
    )  # fmt: skip
    assert (version.stage, version.category, version.amount, version.currency, version.close_date) == (
        "Qualification", "pipeline", 40_000_00, "USD", date(2026, 3, 30),
    )  # fmt: skip
    assert (version.source, version.by_id, version.created_date, version.said) == ("slack", team.pm.id, TODAY, {})
    [link] = await session.scalars(select(DealPartner).where(DealPartner.deal_id == deal.id))
    assert (link.partner_id, link.role, link.share, link.is_primary) == (team.acme.id, "", 10_000, True)
    act = await make.open_action(session, deal)
    assert (act.text, act.owner_id, act.due, act.opened_by_id) == (
        "send the offer", team.bob.id, date(2026, 3, 12), team.pm.id,
    )  # fmt: skip
    assert await lines(session, deal.id, "name") == [(None, "Halyard – Pumps", team.pm.id)]
    listed = await reviews.under_review(session, [team.week.id], now=NOW, policy=POLICY)
    assert [view.id for view in listed[team.week.id]] == [deal.id]


async def test_what_nobody_knows_yet_stays_unknown_and_whoever_makes_it_owns_it(session):
    team = await make.small(session, deals=0)
    deal = await born(session, team.ann, team.acme, amount=" ", close_date=None, currency="")
    version = await make.current(session, deal)
    assert (version.amount, version.currency, version.close_date, version.owner_id) == (None, "USD", None, team.ann.id)
    assert await make.open_action(session, deal) is None


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", " \x00 ", "Give the deal a name"),
        ("account", "", "Name the customer"),
        ("partner_id", 0, "Choose the partner"),
        ("partner_id", 999, "Choose the partner"),
        ("stage", "", "Choose the stage"),
        ("stage", "Closed Won", "A new deal is an open one"),
        ("stage", "Nonsense", "Choose the stage"),
        ("amount", "forty", "is not an amount"),
        ("amount", "-5", "below zero"),
        ("amount", "EUR 5", "is not in USD"),
        ("currency", "DOL", "“DOL” is not a currency code"),
        ("close_date", date(2026, 3, 1), "01 Mar 2026 is in the past"),
        ("next_text", "call", "Choose the day it is due"),
        ("next_due", date(2026, 3, 1), "is in the past"),
        ("next_due", date(2026, 3, 12), "Say what happens next"),
    ],
)
async def test_what_is_wrong_stands_on_its_field(session, field, value, words):
    team = await make.small(session, deals=0)
    with pytest.raises(FieldErrors) as refused:
        await create(session, team.ann, team.acme, **{field: value})
    named = {"partner_id": "partner"}.get(field, field)
    found = refused.value.errors
    at = {("next_text", "call"): "next_due"}.get((field, value), "next_text" if "Say what" in words else named)
    assert words in found[at], found
    assert await session.scalar(select(func.count()).select_from(Deal)) == 0


@pytest.mark.parametrize("field", ["owner", "next_owner"])
@pytest.mark.parametrize("who", ["stranger", "gone", "theirs", "guest"])
async def test_an_owner_is_one_named_person_who_is_here(session, field, who):
    team = await make.small(session, deals=0)
    given = {
        "stranger": {"strangers": frozenset({field})},
        "gone": {field: await make.person(session, "Gone", active=False)},
        "theirs": {field: await make.person(session, "Cal", side="theirs")},
        "guest": {field: await make.person(session, "Gus", guest=True)},
    }[who]
    with pytest.raises(FieldErrors) as refused:
        await create(session, team.pm, team.acme, next_text="call", next_due=date(2026, 3, 12), **given)
    assert list(refused.value.errors) == [field]


async def test_everything_wrong_is_said_at_once(session):
    team = await make.small(session, deals=0)
    with pytest.raises(FieldErrors) as refused:
        await create(
            session, team.ann, team.acme, name="", account="", stage="", amount="x", close_date=date(2020, 1, 1)
        )
    assert set(refused.value.errors) == {"name", "account", "stage", "amount", "close_date"}


async def test_who_may_make_a_deal_of_whom(session):
    team = await make.small(session, deals=0)
    quinn = await make.person(session, "Quinn", "pm")
    beta = await make.partner(session, "Beta", quinn, tier=2)
    await create(session, team.ann, beta)  # any partner, for herself
    await create(session, team.pm, team.acme, owner=team.bob)
    await create(session, team.head, beta, owner=team.bob, name="Valves")
    with pytest.raises(FieldErrors) as refused:
        await create(session, team.ann, team.acme, owner=team.bob)
    assert refused.value.errors == {
        "owner": "You can create deals of your own only. Pat Manager (partner manager) or the head of partnerships can for "
        "Bob Seller."
    }
    for actor in (team.pm, await make.person(session, "Cora", "cro"), await make.person(session, "Ada", "admin")):
        with pytest.raises(FieldErrors) as refused:
            await create(session, actor, beta)
        assert refused.value.errors == {
            "partner": "You cannot create this deal. An AE for themselves, Quinn (partner manager) or the head of "
            "partnerships can."
        }
    outsider = await make.person(session, "Cal", "ae", side="theirs")
    with pytest.raises(FieldErrors, match="only people of our own company"):
        await create(session, outsider, beta)
    pia = await make.person(session, "Pia", "pm")
    await people.record_absence(session, quinn, first=TODAY, last=TODAY, cover=pia, by=quinn, now=NOW, policy=POLICY)
    await create(session, pia, beta, owner=team.bob, name="Tanks")


async def test_which_partners_are_offered(session):
    team = await make.small(session, deals=0)
    quinn = await make.person(session, "Quinn", "pm")
    beta, gamma = (
        await make.partner(session, "Beta", quinn, tier=2),
        await make.partner(session, "gamma", quinn, tier=2),
    )
    await make.deal(session, "Hers", gamma, team.ann)

    async def names(actor):
        return [one.name for one in await births.offered(session, actor, now=NOW, policy=POLICY)]

    assert await names(team.ann) == ["gamma", "Acme"], "those of her deals first, then Tier 1"
    assert await names(team.bob) == ["Acme"]
    assert await names(quinn) == ["Beta", "gamma"]
    assert await names(team.head) == ["Acme", "Beta", "gamma"]
    assert await births.may_name_owner(session, quinn, now=NOW, policy=POLICY)
    assert not await births.may_name_owner(session, team.ann, now=NOW, policy=POLICY)
    with pytest.raises(NotAllowed, match="You cannot create this deal"):
        await names(await make.person(session, "Cora", "cfo"))
    await session.execute(update(Partner).values(tier=3, tier_now=None))
    with pytest.raises(UserError, match="There is no partner here yet"):
        await names(team.bob)
    assert beta.name == "Beta"


async def test_a_near_deal_is_pointed_out_once_and_only_to_whom_may_read_it(session):
    team = await make.small(session, deals=0)
    deal = await born(session, team.ann, team.acme)
    await make.deal(session, "Pumps", team.acme, team.bob, account="Halyard", category="won")
    with pytest.raises(Doubled) as refused:
        await create(session, team.ann, team.acme, name="halyard pumps", amount="1")
    [near] = refused.value.near
    assert (near.deal_id, near.owner_id, near.traits.amount) == (deal.id, team.ann.id, 40_000_00)
    with pytest.raises(Doubled) as refused:
        await create(session, team.bob, team.acme, name="halyard pumps")
    assert refused.value.near[0].traits is None
    again = await create(session, team.ann, team.acme, name="halyard pumps", seen=frozenset({deal.id}))
    with pytest.raises(Doubled) as refused:
        await create(session, team.ann, team.acme, seen=frozenset({deal.id}))
    assert {one.deal_id for one in refused.value.near} == {deal.id, again.deal_id}, "another one that was not shown"
    await create(session, team.ann, team.acme, account="Northwind")


async def test_what_is_ours_changes_itself_and_is_never_to_be_mended(session):
    team = await make.small(session, deals=0)
    deal = await born(session, team.ann, team.acme, next_text="call", next_due=date(2026, 3, 12))
    given = make.typed(await make.shown(session, deal, team.week), stage="Negotiation/Review", amount=5_00)
    await answers.record(session, team.ann, given, now=LATER, policy=POLICY)
    version = await make.current(session, deal)
    assert (version.stage, version.category, version.amount, version.said) == ("Negotiation/Review", "commit", 5_00, {})
    assert {move["field"] for move in version.moves} == {"stage", "category", "amount"}
    assert await differences.list_differences(session, None) == []
    week = await notes.gather(session, [team.week.id], now=LATER, policy=POLICY)
    facts = notes.weekly_facts(week, team.week, team.cadence, uncounted=(), late=False)
    assert [(one.amount, one.deals) for one in facts.not_in_crm] == [(5_00, 1)]
    assert [(one.amount, one.deals) for one in facts.joint] == [(5_00, 1)]


# Finding it.


async def test_an_import_asks_the_partners_manager_once(session):
    team, deal, twin, match = await doubled(session)
    assert (match.deal_id, match.state, match.made_at) == (deal.id, "open", LATER)
    assert twin.crm_id == "D-0077"
    [owed] = await session.scalars(select(Outbox).where(Outbox.template == births.CARD))
    card = await session.get_one(Card, owed.card_id)
    assert (owed.person_id, owed.due_at, owed.args, card.kind) == (
        team.pm.id,
        LATER,
        {"matches": [match.id]},
        "same_deal",
    )
    run = await session.scalar(select(func.max(ImportRun.id)))
    assert await births.propose(session, run, now=LATER, policy=POLICY) == 0
    await brings(session, crm(), now=LATER + timedelta(hours=1))
    await brings(session, crm(amount="43000"), now=LATER + timedelta(hours=2))
    assert len(await matches(session)) == 1, "what an import only changes is no new deal"
    assert len(list(await session.scalars(select(Outbox).where(Outbox.template == births.CARD)))) == 1


async def test_nothing_is_asked_where_nothing_is_alike_or_nothing_was_born_here(session):
    team = await make.small(session, deals=0)
    await make.partner(session, "Beta", team.pm)
    await brings(session, crm(1))
    assert await matches(session) == []
    await born(session, team.ann, team.acme, seen=frozenset(range(99)))
    lost = await born(session, team.ann, team.acme, seen=frozenset(range(99)))
    await session.execute(update(DealVersion).where(DealVersion.deal_id == lost.id).values(category="lost"))
    await brings(session, crm(1), crm(2, partner="Beta"), crm(3, name="Valves", account="Northwind"), now=LATER)
    assert await matches(session) == [], "another partner's, another customer's, and one that was here before"


async def test_three_candidates_at_most_the_likeliest_first(session):
    team = await make.small(session, deals=0)
    deal = await born(session, team.ann, team.acme)
    await brings(session, crm(1), crm(2, name="Halyard – Pumps", amount="40000"), crm(3, name="Other thing"), crm(4, name="Pump"),
                 crm(5, name="Halyard pumps"))  # fmt: skip
    found = await matches(session)
    assert [match.deal_id for match in found] == [deal.id] * 3
    names = [(await session.get_one(Deal, match.other_id)).crm_id for match in found]
    assert names[0] == "D-0002"
    assert set(names) == {"D-0002", "D-0001", "D-0005"}
    assert [pair.match.id for pair in await births.pairs(session, [match.id for match in found])] == [
        one.id for one in found
    ]


@pytest.mark.parametrize(("gone", "asked"), [((), "Pat"), (("Pat",), "Hedda"), (("Pat", "Hedda"), "Ada")])
async def test_who_is_asked_and_may_say_where_the_manager_has_left(session, gone, asked):
    team = await make.small(session, deals=0)
    ada = await make.person(session, "Ada", "admin")
    who = {"Pat": team.pm, "Hedda": team.head, "Ada": ada}
    for name in gone:
        who[name].active = False
    await born(session, team.ann, team.acme)
    await brings(session, crm())
    [owed] = await session.scalars(select(Outbox).where(Outbox.template == births.CARD))
    assert owed.person_id == who[asked].id
    [match] = await matches(session)
    for name, person in who.items():
        waiting = await births.waiting_for(session, person, now=LATER, policy=POLICY)
        assert len(waiting) == (1 if name == asked else 0), name
    await same(session, who[asked], match)
    assert (await matches(session))[0].state == "same"


async def test_the_cover_is_asked_and_may_say_and_a_question_waits_for_working_hours(session):
    team = await make.small(session, deals=0)
    pia = await make.person(session, "Pia", "pm")
    await people.record_absence(
        session, team.pm, first=TODAY, last=TODAY, cover=pia, by=team.pm, now=NOW, policy=POLICY
    )
    await born(session, team.ann, team.acme)
    evening = NOW.replace(hour=21)
    await brings(session, crm(), now=evening)
    [owed] = await session.scalars(select(Outbox).where(Outbox.template == births.CARD))
    assert (owed.person_id, owed.due_at) == (pia.id, datetime.fromisoformat("2026-03-03T08:00+00:00"))
    await different(session, pia, (await matches(session))[0], now=evening)


# Saying so.


async def test_two_deals_become_one_and_nothing_anybody_said_is_lost(session):
    team, deal, twin, match = await doubled(session, next_text="send the offer", next_due=date(2026, 3, 12))
    said_at = NOW + timedelta(hours=1)
    given = make.typed(await make.shown(session, deal, team.week), stage="Proposal/Price Quote")
    await answers.record(session, team.ann, given, now=said_at, policy=POLICY)
    await answers.record(
        session, team.bob, await forged_owner(session, twin, team.bob, team.week), now=LATER, policy=POLICY
    )
    twin.partner_owner, deal.help_needed, twin.help_needed = "Cal", "a discount", "legal"
    await session.flush()
    await same(session, team.pm, match, now=LATER + timedelta(hours=1))
    version = await make.current(session, deal)
    assert (deal.crm_id, twin.crm_id, twin.version_id) == ("D-0077", None, None)
    assert (version.name, version.account, version.amount, version.close_date, version.stage, version.category) == (
        "Pumps", "Halyard Ltd", 42_000_00, date(2026, 3, 28), "Qualification", "pipeline",
    )  # fmt: skip
    assert (version.source, version.by_id, version.created_date, version.owner_id) == (
        "import", team.pm.id, date(2026, 1, 5), team.bob.id,
    )  # fmt: skip
    assert version.said == {
        "amount": {"value": 40_000_00, "at": NOW.isoformat(), "by": team.ann.id},
        "close_date": {"value": "2026-03-30", "at": NOW.isoformat(), "by": team.ann.id},
        "stage": {"value": "Proposal/Price Quote", "at": said_at.isoformat(), "by": team.ann.id},
        "category": {"value": "best_case", "at": said_at.isoformat(), "by": team.ann.id},
    }
    assert (version.movement, version.moves) == ("none", []), "being found in the CRM is no movement"
    assert deal.moved_at == said_at
    assert (deal.first_seen_at, deal.partner_owner, deal.help_needed) == (NOW, "Cal", "a discount / legal")
    rows = list(await session.scalars(select(Answer).order_by(Answer.id)))
    assert [one.deal_id for one in rows] == [deal.id] * 2
    actions = list(await session.scalars(select(NextAction).order_by(NextAction.id)))
    assert [(one.deal_id, one.text, one.state) for one in actions] == [
        (deal.id, "send the offer", "open"), (deal.id, "their step", "dropped"),
    ]  # fmt: skip
    assert "whose next action stands" in actions[1].close_note
    old = list(await session.scalars(select(DealVersion).where(DealVersion.deal_id == twin.id)))
    assert old
    assert all(one.valid_to is not None for one in old)
    links = await session.scalars(
        select(DealPartner).where(DealPartner.deal_id == twin.id, DealPartner.valid_to.is_(None))
    )
    assert list(links) == []
    assert await lines(session, deal.id, "crm_id") == [(None, "D-0077", team.pm.id)]
    assert await lines(session, twin.id, "merged_into") == [(None, deal.id, team.pm.id)]
    listed = await reviews.under_review(session, [team.week.id], now=LATER, policy=POLICY)
    assert [view.id for view in listed[team.week.id]] == [deal.id]
    assert {one.field for one in await differences.list_differences(session, None)} == {
        "amount", "close_date", "stage", "category",
    }  # fmt: skip


async def forged_owner(session, deal, owner, week):
    """An answer of somebody who was given the deal meanwhile."""
    await session.execute(update(DealVersion).where(DealVersion.id == deal.version_id).values(owner_id=owner.id))
    await session.refresh(await make.current(session, deal))
    return make.typed(
        await make.shown(session, deal, week), next_text="their step", next_owner=owner.id, next_due=date(2026, 3, 12)
    )


async def test_what_was_joint_of_the_twin_is_joint_of_the_deal_that_lives_on_and_no_more_than_that(session):
    team, deal, twin, match = await doubled(session)
    mark = await make.joint(session, twin, team.acme, amount_shared=True)
    await same(session, team.pm, match)
    assert [one.id for one in await marks.standing(session, team.acme.id)] == [mark.id]
    assert (mark.deal_id, deal.joint, deal.amount_shared, twin.joint) == (deal.id, True, True, False)


async def test_of_two_joint_deals_made_one_the_amount_is_shared_only_if_both_shared_it(session):
    team, deal, twin, match = await doubled(session)
    kept = await make.joint(session, deal, team.acme)
    spare = await make.joint(session, twin, team.acme, amount_shared=True)
    await same(session, team.pm, match)
    assert [one.id for one in await marks.standing(session, team.acme.id)] == [kept.id]
    assert (spare.ended_why, kept.amount_shared, deal.joint, deal.amount_shared) == ("merged", False, True, False)


async def test_the_only_next_action_stays_open_whosever_it_was(session):
    team, deal, twin, match = await doubled(session)
    act = await make.action(session, twin, team.ann, "call")
    await same(session, team.pm, match)
    await session.refresh(act)
    assert (act.deal_id, act.state) == (deal.id, "open")


async def test_what_agrees_or_was_never_said_is_no_statement(session):
    team = await make.small(session, deals=0)
    deal = await born(session, team.ann, team.acme, amount="", close_date=None, stage="Prospecting")
    await brings(session, crm(stage="Prospecting", category="commit", owner_email="nobody@else.example"))
    await same(session, team.pm, (await matches(session))[0])
    version = await make.current(session, deal)
    assert version.said == {}, "an unknown amount, no day, and a category that only followed from the stage"
    assert (version.amount, version.category) == (42_000_00, "commit")
    assert version.owner_id == team.ann.id, "the CRM names nobody we know"


async def test_an_amount_in_another_currency_is_kept_in_the_trail(session):
    team, deal, _, match = await doubled(session, currency="EUR")
    await same(session, team.pm, match)
    version = await make.current(session, deal)
    assert "amount" not in version.said
    [(before, after, _)] = await lines(session, deal.id, "amount")
    assert before == {"amount": 40_000_00, "currency": "EUR"}
    assert after == {"amount": 42_000_00, "currency": "USD"}


async def test_what_was_said_of_the_twin_later_is_the_statement(session):
    team, deal, twin, match = await doubled(session)
    await make.action(session, twin, team.ann, "call")
    given = make.typed(await make.shown(session, twin, team.week), amount=50_000_00)
    await answers.record(session, team.ann if (await make.current(session, twin)).owner_id == team.ann.id else team.pm, given,
                         now=LATER, policy=POLICY)  # fmt: skip
    await same(session, team.pm, match)
    assert (await make.current(session, deal)).said["amount"]["value"] == 50_000_00


async def test_where_slack_is_the_truth_what_was_said_here_stands(session):
    team, deal, _, match = await doubled(session)
    await same(session, team.pm, match, policy=POLICY.model_copy(update={"crm_is_truth": False}))
    version = await make.current(session, deal)
    assert (version.name, version.amount, version.close_date, version.said) == (
        "Pumps",
        40_000_00,
        date(2026, 3, 30),
        {},
    )


async def test_a_second_click_has_no_effect_and_the_other_answer_is_refused(session):
    team, deal, _, match = await doubled(session)
    await same(session, team.pm, match)
    versions = await session.scalar(select(func.count()).select_from(DealVersion))
    await same(session, team.head, match)
    assert await session.scalar(select(func.count()).select_from(DealVersion)) == versions
    with pytest.raises(UserError, match="they are one now"):
        await different(session, team.pm, match)
    assert (await matches(session))[0].decided_by_id == team.pm.id
    assert deal.crm_id == "D-0077"


async def test_different_is_never_asked_again(session):
    team, deal, twin, match = await doubled(session)
    await different(session, team.pm, match)
    await different(session, team.pm, match)
    assert (match.state, match.decided_by_id, match.decided_at) == ("different", team.pm.id, LATER)
    with pytest.raises(UserError, match="different deals"):
        await same(session, team.pm, match)
    run = await session.scalar(select(func.max(ImportRun.id)))
    assert await births.propose(session, run, now=LATER, policy=POLICY) == 0
    assert await births.waiting_for(session, team.pm, now=LATER, policy=POLICY) == []
    assert (deal.crm_id, twin.crm_id) == (None, "D-0077")
    assert len(await lines(session, deal.id, "not_same_as")) == 1


async def test_two_that_claim_one_deal_of_the_crm_and_the_second_is_refused(session):
    team = await make.small(session, deals=0)
    first = await born(session, team.ann, team.acme)
    second = await born(session, team.bob, team.acme, name="Pumps", seen=frozenset({first.id}))
    await brings(session, crm(1), crm(2, name="Halyard pumps"))
    found = {(one.deal_id, one.other_id): one for one in await matches(session)}
    twin = await by_crm(session, 1)
    spare = await by_crm(session, 2)
    await same(session, team.pm, found[first.id, twin.id])
    assert found[second.id, twin.id].state == "different", "settled with it"
    assert found[first.id, spare.id].state == "different"
    with pytest.raises(UserError, match="matched with another one already"):
        await same(session, team.pm, found[second.id, twin.id])
    with pytest.raises(UserError, match="is a deal of the CRM already"):
        await same(session, team.pm, found[first.id, spare.id])
    await same(session, team.pm, found[second.id, spare.id])
    assert (first.crm_id, second.crm_id) == ("D-0001", "D-0002")


async def test_who_may_not_say_is_told_who_can_and_a_forged_question_is_none(session):
    team, deal, _, match = await doubled(session)
    for actor in (team.ann, team.bob, await make.person(session, "Quinn", "pm"), await make.person(session, "Ada", "admin"),
                  await make.person(session, "Cora", "cro")):  # fmt: skip
        for say in (same, different):
            with pytest.raises(NotAllowed, match=r"Pat Manager \(partner manager\) or the head of partnerships can"):
                await say(session, actor, match)
    assert (await matches(session))[0].state == "open"
    match.id = 999
    session.expunge(match)
    for say in (same, different):
        with pytest.raises(UserError, match="does not exist any more"):
            await say(session, team.head, match)
    assert deal.crm_id is None


async def test_a_deal_that_went_to_another_manager_is_not_taken_away_from_them(session):
    team, _, twin, match = await doubled(session)
    quinn = await make.person(session, "Quinn", "pm")
    beta = await make.partner(session, "Beta", quinn)
    await session.execute(update(DealVersion).where(DealVersion.id == twin.version_id).values(partner_id=beta.id))
    with pytest.raises(NotAllowed, match="Quinn"):
        await same(session, team.pm, match)
    await same(session, team.head, match)


# The imports after that.


async def test_a_later_import_changes_the_deal_as_any_of_the_crms(session):
    team, deal, _, match = await doubled(session)
    await same(session, team.pm, match)
    done = await brings(session, crm(), now=LATER + timedelta(hours=1))
    assert (done.created, done.changed, done.unchanged, done.missing) == (0, 0, 1, 0)
    await brings(session, crm(amount="45000", stage="Proposal/Price Quote", category="", partner="Acme"),
                 now=LATER + timedelta(hours=2))  # fmt: skip
    version = await make.current(session, deal)
    assert (version.amount, version.stage) == (45_000_00, "Proposal/Price Quote")
    assert set(version.said) == {"close_date"}, "the CRM's amount stands over what was said"
    done = await brings(session, crm(1, name="Other", account="Else"), now=LATER + timedelta(hours=3))
    assert done.missing == 1
    await session.refresh(deal)
    assert deal.missing_since == LATER + timedelta(hours=3)
    await brings(
        session, crm(amount="45000", stage="Proposal/Price Quote", category=""), now=LATER + timedelta(hours=4)
    )
    await session.refresh(deal)
    assert deal.missing_since is None


async def staged(session, text, now):
    """A file staged, and not yet shown: what a long import looks like to everybody else."""
    given = document(text)
    ground = await survey_ground(session, given, Options(), now=now, file_name="deals.csv")
    file = ground.reader(given)
    header, tally = {field: found for found, field in file.columns.names().items()}, Tally()
    batches = [await plan(session, ground, rows, header, tally) for rows in batched(file.rows(), BATCH)]
    under_way = await begin(
        session, "deals", digest=given.digest(), file_name="deals.csv", now=now, real_now=now, by_id=None
    )
    for batch in batches:
        await stage(session, under_way, batch, ground)
    async for gone in missing(session, ground, file, tally):
        await stage_missing(session, under_way, gone)
    return under_way, tally, ground


async def shown(session, under_way, tally, ground):
    await activate(session, under_way, tally, ground.words, POLICY.stages)
    while await settle(session, under_way.run_id):
        pass


@pytest.mark.parametrize("when", ["staging", "activated"])
async def test_a_match_confirmed_while_an_import_is_under_way_follows_the_record(session, when):
    team, deal, twin, match = await doubled(session)
    beta = await make.partner(session, "Beta", team.pm)
    text = deals_csv([crm(amount="50000", partner="Acme;Beta", share="60;40")])
    work = await staged(session, text, LATER + timedelta(hours=1))
    if when == "activated":
        await activate(session, work[0], work[1], work[2].words, POLICY.stages)
    await same(session, team.pm, match, now=LATER + timedelta(hours=2))
    if when == "activated":
        while await settle(session, work[0].run_id):
            pass
    else:
        await shown(session, *work)
    version = await make.current(session, deal)
    assert (version.amount, twin.version_id) == (50_000_00, None)
    assert records.links((await session.get_one(CrmRecord, "D-0077", populate_existing=True)).values) == {
        team.acme.id: ("", 6000, True), beta.id: ("", 4000, False),
    }  # fmt: skip
    links = await session.scalars(select(DealPartner).where(DealPartner.valid_to.is_(None)).order_by(DealPartner.id))
    assert {(link.deal_id, link.partner_id, link.share) for link in links} == {
        (deal.id, team.acme.id, 6000), (deal.id, beta.id, 4000),
    }  # fmt: skip
    assert await session.scalar(select(func.count()).select_from(ImportChange)) == 0
    stands = await session.scalars(select(DealVersion).where(DealVersion.valid_to.is_(None)))
    assert [one.deal_id for one in stands] == [deal.id], "nothing that was staged for the other one is left over"


@pytest.mark.parametrize("kind", ["links", "missing", "returned"])
async def test_what_an_import_under_way_only_marks_reaches_the_one_deal_too(session, kind):
    team, deal, twin, match = await doubled(session)
    at = LATER + timedelta(hours=1)
    beta = await make.partner(session, "Beta", team.pm)
    if kind == "returned":
        await brings(session, crm(1, name="Other", account="Else"), now=at)
        assert (await by_crm(session)).missing_since == at
    text = {
        "links": deals_csv([crm(partner="Acme;Beta", share="60;40")]),
        "missing": deals_csv([crm(1, name="Other", account="Else")]),
        "returned": deals_csv([crm(), crm(1, name="Other", account="Else")]),
    }[kind]
    work = await staged(session, text, at + timedelta(hours=1))
    await same(session, team.pm, match, now=at + timedelta(hours=2))
    await shown(session, *work)
    await session.refresh(deal)
    await session.refresh(twin)
    assert twin.missing_since is None
    assert deal.missing_since == (at + timedelta(hours=1) if kind == "missing" else None)
    links = await session.scalars(
        select(DealPartner).where(DealPartner.deal_id == deal.id, DealPartner.valid_to.is_(None))
    )
    assert {link.partner_id for link in links} == ({team.acme.id, beta.id} if kind == "links" else {team.acme.id})


async def test_two_managers_click_at_once_and_it_happens_once(db):
    async with db.write() as session:
        team, deal, _, match = await doubled(session)

    async def click(person_id):
        async with db.write() as session:
            actor = await people.get(session, person_id)
            await merging.say_same(session, actor, match.id, now=LATER, policy=POLICY)

    await asyncio.gather(click(team.pm.id), click(team.head.id))
    async with db.read() as session:
        found = await session.scalars(select(DealVersion).where(DealVersion.deal_id == deal.id))
        assert len(list(found)) == 2
        assert (await session.get_one(Deal, deal.id)).crm_id == "D-0077"
        assert len(await lines(session, deal.id, "crm_id")) == 1


async def test_looking_takes_the_same_statements_for_any_number_of_deals(sqlite):
    async with sqlite.write() as session:
        team = await make.small(session, deals=0)
        rows = [
            crm(number, name=f"Thing {'abcdefghij'[number % 10]}{number}", account=f"Firm {number}")
            for number in range(1, 301)
        ]
        await brings(session, *rows)
        run = await session.scalar(select(func.max(ImportRun.id)))
    with make.counting(sqlite) as none:
        async with sqlite.write() as session:
            await births.propose(session, run, now=LATER, policy=POLICY)
    assert len(none) <= 2, "nothing born here: one look, and BEGIN"
    async with sqlite.write() as session:
        for number in range(20):
            name = f"Alone {'abcdefghijklmnopqrst'[number]}"
            await births.create(session, team.ann, Birth(**GIVEN | {"partner_id": team.acme.id, "name": name, "account": name,
                                                                   "seen": frozenset(range(1000))}),
                                now=NOW, policy=POLICY)  # fmt: skip
    with make.counting(sqlite) as some:
        async with sqlite.write() as session:
            await births.propose(session, run, now=LATER, policy=POLICY)
    assert len(some) <= 8
