"""When people change: what a leaver leaves, who is asked about it once, to whom it goes, and who manages a partner."""

import asyncio
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import select, update

from models import cadences, handover, health, managers, orphans, outbox, people, reviews
from models.domain.errors import FieldErrors, NotAllowed, UserError
from models.handover import EVERYTHING, Give, What
from models.imports import import_partners
from models.managers import NewManager
from models.tables import (
    Answer,
    Card,
    CardOccurrence,
    Change,
    Commitment,
    CrmRecord,
    DealVersion,
    ImportRun,
    NextAction,
    Occurrence,
    Outbox,
    Partner,
    Person,
)
from scheduling import plan
from tests import make
from tests.make import NOW, POLICY

LATER = NOW + timedelta(hours=2)


@pytest.fixture
async def session(sqlite):
    async with sqlite.write() as session:
        yield session


async def world(session, *, deals=2, promised=True):
    """Ann owns even deals, Bob odd ones; each deal has an action of its owner; Ann owes a commitment."""
    team = await make.small(session, deals=deals)
    for number, deal in enumerate(team.deals.values()):
        await make.action(session, deal, team.ann if number % 2 == 0 else team.bob, f"step {number}")
    if promised:
        await promise(session, team, team.ann)
    return team


async def promise(session, team, owner, text="joint plan", of=None):
    made = Commitment(partner_id=(of or team.acme).id, text=text, owner_id=owner.id, due=date(2026, 3, 12),
                      made_in_id=team.week.id, made_at=NOW, made_by_id=team.pm.id)  # fmt: skip
    session.add(made)
    await session.flush()
    return made


async def leaves(session, *who):
    for person in who:
        person.active = False
    await session.flush()


async def ask(session, now=LATER):
    return await orphans.ask_about_orphans(session, now=now, policy=POLICY)


async def give(session, actor, person, to, *, now=LATER, **more):
    return await handover.give(session, actor, Give(person, to, **more), now=now, policy=POLICY)


async def name(session, actor, partner, to, *, now=LATER, **more):
    return await managers.name_manager(session, actor, NewManager(partner.id, to, **more), now=now, policy=POLICY)


async def owed(session, template):
    return list(await session.scalars(select(Outbox).where(Outbox.template == template).order_by(Outbox.id)))


async def trail(session, field="owner_id"):
    rows = await session.scalars(select(Change).where(Change.field == field).order_by(Change.id))
    return [(row.entity, row.before, row.after, row.by_id, row.source, row.reason) for row in rows]


# Asking.


async def test_nobody_is_asked_while_everybody_is_here_or_a_leaver_left_nothing(session):
    team = await world(session)
    assert await ask(session) == 0
    await leaves(session, await make.person(session, "Idle", "ae"))
    assert await ask(session) == 0
    assert await owed(session, "orphaned") == []
    assert (await orphans.question(session, team.ann.id, team.pm.id)) is None, "who is here is nobody's question"


async def test_the_partner_manager_is_asked_once_about_each_leaver(session):
    team = await world(session, deals=4)
    await leaves(session, team.ann)
    for _ in range(3):
        await ask(session)
    [row] = await owed(session, "orphaned")
    assert (row.key, row.person_id, row.due_at) == (f"orphaned:{team.ann.id}:{team.pm.id}", team.pm.id, LATER)
    asked = await orphans.question(session, team.ann.id, team.pm.id)
    assert [(item.what, item.words) for item in asked.held.items] == [
        ("deals", "Deal 0"), ("deals", "Deal 2"), ("actions", "step 0"), ("actions", "step 2"), ("commitments", "joint plan"),
    ]  # fmt: skip
    await leaves(session, team.bob)
    await ask(session)
    assert len(await owed(session, "orphaned")) == 2, "another leaver is another question"


@pytest.mark.parametrize(("gone", "asked"), [((), "Hedda"), (("Hedda",), "Ada"), (("Hedda", "Ada"), None)])
async def test_the_head_or_else_an_admin_is_asked_where_the_manager_has_left(session, gone, asked):
    team = await world(session)
    ada = await make.person(session, "Ada", "admin")
    by_name = {"Hedda": team.head, "Ada": ada}
    await leaves(session, team.pm, team.ann, *(by_name[one] for one in gone))
    await ask(session)
    who = by_name.get(asked)
    rows = await owed(session, "orphaned")
    assert {row.person_id for row in rows} == ({who.id} if who else set())
    assert len(rows) == (2 if who else 0), "one question for Ann's work, one for Pat's partner"
    if who is not None:
        assert [one.name for one in (await orphans.question(session, team.pm.id, who.id)).held.partners] == ["Acme"]


async def test_a_deal_without_a_partner_is_the_heads_to_give(session):
    team = await world(session)
    await make.deal(session, "Direct", None, team.ann)
    await leaves(session, team.ann)
    await ask(session)
    assert {row.person_id for row in await owed(session, "orphaned")} == {team.pm.id, team.head.id}
    mine = await orphans.question(session, team.ann.id, team.head.id)
    assert [item.words for item in mine.held.items] == ["Direct"]


async def test_the_cover_is_asked_while_the_manager_is_away_and_nobody_twice_when_they_are_back(session):
    team = await world(session)
    pia = await make.person(session, "Pia", "pm")
    await people.record_absence(session, team.pm, first=NOW.date(), last=NOW.date(), cover=pia, by=team.pm, now=NOW,
                                policy=POLICY)  # fmt: skip
    await leaves(session, team.ann)
    await ask(session)
    await ask(session, NOW + timedelta(days=1))
    assert [row.person_id for row in await owed(session, "orphaned")] == [pia.id]
    await give(session, pia, team.ann, team.bob)  # and may give it away today


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (datetime.fromisoformat("2026-03-06T18:30+00:00"), "2026-03-09T08:00+00:00"),  # Friday evening
        (datetime.fromisoformat("2026-03-08T12:00+00:00"), "2026-03-09T08:00+00:00"),
        (datetime.fromisoformat("2026-03-09T12:00+00:00"), "2026-03-09T12:00+00:00"),
    ],
)
async def test_the_question_waits_for_working_hours(session, now, due):
    team = await world(session)
    await leaves(session, team.ann)
    await ask(session, now)
    assert (await owed(session, "orphaned"))[0].due_at == datetime.fromisoformat(due)


async def test_a_question_that_found_its_answer_before_it_was_sent_says_nothing(session):
    team = await world(session)
    await leaves(session, team.ann)
    await ask(session)
    await give(session, team.pm, team.ann, team.bob)
    assert await orphans.question(session, team.ann.id, team.pm.id) is None
    assert await orphans.question(session, 999, team.pm.id) is None


async def test_slack_says_that_somebody_left_and_somebody_is_asked(session):
    await world(session)
    user = people.SlackUser("UANN", "T1", "Ann", "ann@home.example", "", is_bot=False, deleted=True, guest=False,
                            stranger=False)  # fmt: skip
    for policy in (None, POLICY, POLICY):
        await orphans.sync(session, [user], team_id="T1", now=LATER, policy=policy)
    assert await owed(session, "orphaned") == [], "before business time is known nobody is asked"
    await orphans.sync(
        session, [user, replace(user, slack_id="UX", email="x@x")], team_id="T1", now=LATER, policy=POLICY
    )
    assert len(await owed(session, "orphaned")) == 1, "the hourly look finds it"
    await orphans.sync(session, [replace(user, slack_id="UBOB", email="bob@home.example")], team_id="T1", now=LATER,
                        policy=POLICY)  # fmt: skip
    assert len(await owed(session, "orphaned")) == 2


# Giving.


async def test_all_that_was_theirs_is_the_successors_with_its_trail(session):
    team = await world(session, deals=4)
    won = await make.deal(session, "Won", team.acme, team.ann, category="won")
    moved = team.deals["Deal 0"].moved_at
    await leaves(session, team.ann)
    done = await give(session, team.pm, team.ann, team.bob, reason=" she  left ")
    assert [item.what for item in done.items] == ["deals", "deals", "actions", "actions", "commitments"]
    deal = team.deals["Deal 0"]
    version = await make.current(session, deal)
    assert (version.owner_id, version.by_id, version.source, version.movement, version.moves) == (
        team.bob.id, team.pm.id, handover.SOURCE, "none", [],
    )  # fmt: skip
    assert (version.name, version.amount, version.close_date) == ("Deal 0", 1_000_000, date(2026, 3, 30))
    assert deal.moved_at == moved, "a new owner is no movement: it must not hide a dead deal"
    old = (
        await session.scalars(select(DealVersion).where(DealVersion.deal_id == deal.id).order_by(DealVersion.id))
    ).first()
    assert (old.owner_id, old.valid_to) == (team.ann.id, LATER), "what was, stays"
    act = await make.open_action(session, deal)
    assert (act.owner_id, act.revision) == (team.bob.id, 2)
    assert (await session.scalars(select(Commitment))).one().owner_id == team.bob.id
    assert (await make.current(session, won)).owner_id == team.ann.id, "what is over stays hers"
    line = (team.ann.id, team.bob.id, team.pm.id, handover.SOURCE, "she left")
    assert await trail(session) == [
        ("deal", *line), ("deal", *line), ("next_action", *line), ("next_action", *line), ("commitment", *line),
    ]  # fmt: skip


async def test_a_button_drawn_before_does_not_say_no_change_for_an_action_that_changed_hands(session):
    team = await world(session)
    before = (await make.open_action(session, team.deals["Deal 0"])).revision
    await give(session, team.pm, team.ann, team.bob)
    assert (await make.open_action(session, team.deals["Deal 0"])).revision > before


@pytest.mark.parametrize("what", list(What))
async def test_only_what_is_ticked_goes_over(session, what):
    team = await world(session)
    await give(session, team.pm, team.ann, team.bob, what=frozenset({what}))
    left = (await handover.in_hand(session, [team.ann.id]))[team.ann.id]
    assert {item.what for item in left.items} == EVERYTHING - {what}


async def test_somebody_who_is_still_here_can_give_up_their_work_too(session):
    team = await world(session)
    await give(session, team.head, team.ann, team.bob)
    assert (await handover.in_hand(session, [team.ann.id]))[team.ann.id].empty


async def test_a_second_time_there_is_nothing_left_to_give(session):
    team = await world(session)
    await give(session, team.pm, team.ann, team.bob)
    versions = len(list(await session.scalars(select(DealVersion))))
    with pytest.raises(UserError, match="Nothing of Ann Seller's is open"):
        await give(session, team.pm, team.ann, team.head)
    assert len(list(await session.scalars(select(DealVersion)))) == versions


@pytest.mark.parametrize(
    ("to", "field", "words"),
    [
        ("nobody", "to", "Choose one named person"),
        ("gone", "to", "has left or is deactivated"),
        ("theirs", "to", "not one of our people"),
        ("guest", "to", "is a guest"),
        ("ann", "to", "It is Ann Seller's already"),
        ("bob", "what", "nothing is ticked"),
    ],
)
async def test_a_successor_is_one_named_person_who_is_here(session, to, field, words):
    team = await world(session)
    who = {
        "nobody": None, "ann": team.ann, "bob": team.bob,
        "gone": await make.person(session, "Gone", active=False),
        "theirs": await make.person(session, "Cal", side="theirs"),
        "guest": await make.person(session, "Gus", guest=True),
    }[to]  # fmt: skip
    with pytest.raises(FieldErrors) as refused:
        await give(session, team.pm, team.ann, who, what=frozenset() if field == "what" else EVERYTHING)
    assert words in refused.value.errors[field]
    assert await trail(session) == []
    assert (await handover.in_hand(session, [team.ann.id]))[team.ann.id].items


async def test_the_form_asks_whose_work_it_is(session):
    team = await world(session)
    with pytest.raises(FieldErrors) as refused:
        await give(session, team.head, None, team.bob)
    assert refused.value.errors == {"person": "Choose whose work it is."}


async def test_a_manager_gives_what_belongs_to_their_partners_and_leaves_the_rest(session):
    team = await world(session)
    quinn = await make.person(session, "Quinn", "pm")
    beta = await make.partner(session, "Beta", quinn)
    other = await make.deal(session, "Beta deal", beta, team.ann)
    await promise(session, team, team.ann, "sponsor", of=beta)
    await leaves(session, team.ann)
    await give(session, team.pm, team.ann, team.bob)
    assert (await make.current(session, other)).owner_id == team.ann.id
    with pytest.raises(NotAllowed, match=r"You cannot hand over this work\. Quinn \(partner manager\), the head"):
        await give(session, team.pm, team.ann, team.bob)
    await give(session, await make.person(session, "Ada", "admin"), team.ann, quinn)
    assert (await handover.in_hand(session, [team.ann.id]))[team.ann.id].empty


@pytest.mark.parametrize("who", ["ann", "bob", "cro"])
async def test_an_owner_or_a_leader_may_not_give_work_away(session, who):
    team = await world(session)
    actor = {"ann": team.ann, "bob": team.bob}.get(who) or await make.person(session, "Cora", "cro")
    with pytest.raises(NotAllowed, match=r"Pat Manager \(partner manager\), the head of partnerships or an admin can"):
        await give(session, actor, team.ann, team.bob)
    with pytest.raises(NotAllowed, match="You cannot hand over this work"):
        await handover.require_any(session, actor, now=NOW, policy=POLICY)
    assert await trail(session) == []


async def test_whoever_may_give_something_may_open_the_form(session):
    team = await world(session)
    for actor in (team.pm, team.head, await make.person(session, "Ada", "admin")):
        await handover.require_any(session, actor, now=NOW, policy=POLICY)


async def test_the_successor_is_told_once_of_all_that_came_in_their_hours(session):
    team = await world(session, deals=4)
    evening = NOW.replace(hour=21)
    await give(session, team.pm, team.ann, team.bob, now=evening, reason="left")
    [row] = await owed(session, "handed_over")
    assert (row.person_id, row.due_at) == (team.bob.id, NOW + timedelta(days=1))
    found = await handover.received(session, team.bob.id, row.args, policy=POLICY)
    assert len(found.held.items) == 5
    assert [item.words for item in found.held.of(What.DEALS)] == ["Deal 0", "Deal 2"], "not what was theirs before"


async def test_whoever_takes_the_work_themselves_is_not_told_of_it(session):
    team = await world(session)
    await give(session, team.pm, team.ann, team.pm)
    assert await owed(session, "handed_over") == []


async def test_deals_whose_owner_in_the_crm_is_somebody_else_are_listed_for_mending(session):
    team = await world(session, deals=4)
    run = ImportRun(kind="deals", file_name="deals.csv", digest="x", at=NOW)
    session.add(run)
    await session.flush()
    for number, owner in ((0, team.ann), (2, team.bob)):
        deal = team.deals[f"Deal {number}"]
        session.add(CrmRecord(crm_id=deal.crm_id, deal_id=deal.id, import_id=run.id,
                              values={"owner_id": owner.id}))  # fmt: skip
    await give(session, team.pm, team.ann, team.bob)
    [row] = await owed(session, "handed_over")
    found = await handover.received(session, team.bob.id, row.args, policy=POLICY)
    assert found.to_mend == {team.deals["Deal 0"].id}
    ours = POLICY.model_copy(update={"crm_is_truth": False})
    assert (await handover.received(session, team.bob.id, row.args, policy=ours)).to_mend == frozenset()


async def test_the_cards_and_homes_of_both_want_to_be_shown_anew(session):
    team = await world(session)
    team.week.state = "prompted"
    card = Card(kind="prompt", person_id=team.bob.id, day=NOW.date(), created_at=NOW)
    home = Card(kind="home", person_id=team.ann.id, day=NOW.date(), created_at=NOW)
    session.add_all([card, home])
    await session.flush()
    session.add(CardOccurrence(card_id=card.id, occurrence_id=team.week.id))
    await session.flush()
    await give(session, team.pm, team.ann, team.bob)
    await session.refresh(card)
    await session.refresh(home)
    assert (card.wanted, home.wanted) == (2, 2)


async def test_from_then_on_the_successor_is_asked(session):
    team = await world(session)
    await leaves(session, team.ann)
    staff = await reviews.staff(session, POLICY)
    listed = (await reviews.owned(session, [team.week.id], now=NOW, policy=POLICY))[team.week.id]
    assert {duty.responder_id for duty in reviews.duties(team.week, team.pm.id, listed, staff)} == {
        team.pm.id,
        team.bob.id,
    }
    await give(session, team.pm, team.ann, team.bob)
    listed = (await reviews.owned(session, [team.week.id], now=NOW, policy=POLICY))[team.week.id]
    assert {duty.responder_id for duty in reviews.duties(team.week, team.pm.id, listed, staff)} == {team.bob.id}


@pytest.mark.parametrize("what", ["ask", "give", "page"])
async def test_the_statements_do_not_grow_with_the_work(tmp_path, what):
    found = []
    for number in (4, 120):
        async with make.opened(f"sqlite:///{tmp_path / f'{number}.db'}") as db:
            async with db.write() as session:
                team = await world(session, deals=number)
                for place in range(number):
                    await promise(session, team, team.ann, f"promise {place}")
                await leaves(session, team.ann)
            with make.counting(db) as statements:
                async with db.write() as session:
                    team = replace(team, **{key: await session.get_one(Person, getattr(team, key).id)
                                            for key in ("pm", "ann", "bob")})  # fmt: skip
                    if what == "ask":
                        await ask(session)
                    elif what == "give":
                        await give(session, team.pm, team.ann, team.bob)
                    else:
                        await managers.page(session, team.acme.id, now=NOW, policy=POLICY)
            found.append(len(statements))
    assert found[0] == found[1] <= 40


async def test_giving_and_asking_work_on_both_databases(db):
    async with db.write() as session:
        team = await world(session)
        await leaves(session, team.ann)
        await ask(session)
        await give(session, team.pm, team.ann, team.bob)
        quinn = await make.person(session, "Quinn", "pm")
        await name(session, team.head, team.acme, quinn)
        assert (await managers.page(session, team.acme.id, now=NOW, policy=POLICY)).orphans == ()
    async with db.read() as session:
        assert len(await owed(session, "orphaned")) == 1
        assert {row.owner_id for row in await session.scalars(select(NextAction))} == {team.bob.id}


async def test_two_who_give_at_once_give_once(db):
    async with db.write() as session:
        team = await world(session, deals=6)

    async def one(to):
        async with db.write() as session:
            people_ = [await session.get_one(Person, who.id) for who in (team.head, team.ann, to)]
            await give(session, *people_)

    done = await asyncio.gather(one(team.bob), one(team.pm), return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["NoneType", "UserError"]
    async with db.read() as session:
        current = list(await session.scalars(select(DealVersion).where(DealVersion.valid_to.is_(None))))
        assert len(current) == 6
        assert len(list(await session.scalars(select(DealVersion)))) == 9
        assert (
            len({row.owner_id for row in await session.scalars(select(NextAction).where(NextAction.revision == 2))})
            == 1
        )


# A new partner manager.


async def test_a_new_manager_has_the_partner_its_review_and_the_old_ones_open_things(session):
    team = await world(session)
    quinn = await make.person(session, "Quinn", "pm")
    mine = await promise(session, team, team.pm, "name a sponsor")
    named = await name(session, team.head, team.acme, quinn, reason="rotation")
    assert (named.partner, named.before, named.breach) == (team.acme, team.pm, "")
    assert (team.acme.pm_id, team.cadence.pm_id) == (quinn.id, quinn.id)
    await session.refresh(mine)
    assert mine.owner_id == quinn.id
    assert (await make.current(session, team.deals["Deal 0"])).owner_id == team.ann.id, "sellers keep their deals"
    assert await trail(session, "pm_id") == [
        ("partner", team.pm.id, quinn.id, team.head.id, handover.SOURCE, "rotation")
    ]
    [row] = await owed(session, "handover_page")
    assert (row.person_id, row.due_at) == (quinn.id, LATER)
    assert await owed(session, "handed_over") == [], "the page names it"


async def test_a_manager_named_by_the_partners_file_gets_the_page_and_the_reviews_too(session):
    team = await world(session)
    quinn = await make.person(session, "Quinn", "pm")
    mine = await promise(session, team, team.pm)
    text = "name,tier,pm_email\nAcme,1,quinn@home.example\n"
    result = await import_partners(session, text, file_name="partners.csv", now=LATER)
    assert result.lines == ("Acme: partner manager Pat Manager → Quinn",)
    assert await managers.follow_file(session, by_id=None, now=LATER, policy=POLICY) == 1
    [row] = await owed(session, "handover_page")
    assert (row.person_id, row.args["from_id"], row.args["by_id"]) == (quinn.id, team.pm.id, None)
    assert (team.cadence.pm_id, mine.owner_id) == (quinn.id, team.pm.id), (
        "a file says nothing of what somebody promised"
    )
    again = await import_partners(session, text, file_name="partners.csv", now=LATER + timedelta(hours=1))
    assert (
        again.changed,
        await managers.follow_file(session, by_id=None, now=LATER + timedelta(hours=1), policy=POLICY),
    ) == (0, 0)


async def test_a_new_partner_with_its_first_manager_is_no_handover(session):
    team = await world(session)
    text = f"name,tier,pm_email\nNewco,2,{team.pm.email}\n"
    await import_partners(session, text, file_name="partners.csv", now=LATER)
    assert await managers.follow_file(session, by_id=None, now=LATER, policy=POLICY) == 0
    assert await owed(session, "handover_page") == []


async def test_what_is_not_ticked_stays_with_the_old_manager(session):
    team = await world(session)
    mine = await promise(session, team, team.pm)
    await name(session, team.head, team.acme, await make.person(session, "Quinn", "pm"), what=frozenset())
    assert mine.owner_id == team.pm.id


async def test_only_what_belongs_to_the_partner_goes_along(session):
    team = await world(session)
    beta = await make.partner(session, "Beta", team.pm)
    other = await promise(session, team, team.pm, of=beta)
    await name(session, team.head, team.acme, await make.person(session, "Quinn", "pm"))
    assert other.owner_id == team.pm.id


async def test_a_partner_that_had_no_manager_gets_its_first(session):
    team = await world(session)
    beta = await make.partner(session, "Beta")
    named = await name(session, team.head, beta, team.pm)
    assert named.before is None
    assert beta.pm_id == team.pm.id


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("nobody", "Choose one named person"),
        ("gone", "has left"),
        ("ann", "Ann Seller is no partner manager. Add the role in `/cadence start`"),
        ("pm", "Pat Manager is the partner manager of Acme already."),
    ],
)
async def test_a_manager_is_somebody_here_with_the_role(session, to, words):
    team = await world(session)
    gone = await make.person(session, "Gone", "pm", active=False)
    with pytest.raises(FieldErrors) as refused:
        await name(session, team.head, team.acme, {"nobody": None, "gone": gone, "ann": team.ann, "pm": team.pm}[to])
    assert words in refused.value.errors["manager"]
    assert team.acme.pm_id == team.pm.id


async def test_a_partner_nobody_knows_is_refused_on_its_field(session):
    team = await world(session)
    with pytest.raises(FieldErrors) as refused:
        await managers.name_manager(session, team.head, NewManager(999, team.pm), now=NOW, policy=POLICY)
    assert refused.value.errors == {"partner": "Choose a partner."}


@pytest.mark.parametrize("who", ["ann", "another pm", "cro"])
async def test_who_may_not_name_a_manager_changes_nothing(session, who):
    team = await world(session)
    quinn = await make.person(session, "Quinn", "pm")
    actor = {"ann": team.ann, "another pm": quinn}.get(who) or await make.person(session, "Cora", "cro")
    with pytest.raises(
        NotAllowed, match=r"You cannot name the partner manager\. Pat Manager \(partner manager\), the head"
    ):
        await name(session, actor, team.acme, quinn)
    with pytest.raises(NotAllowed, match="You cannot name the partner manager"):
        await managers.may_name(session, actor, None if actor is not quinn else [team.acme.id], now=NOW, policy=POLICY)
    assert (team.acme.pm_id, await owed(session, "handover_page")) == (team.pm.id, [])


async def test_one_may_choose_among_the_partners_one_answers_for(session):
    team = await world(session)
    quinn = await make.person(session, "Quinn", "pm")
    await make.partner(session, "Beta", quinn)
    await make.partner(session, "Able", team.pm, tier=2)
    names = {
        actor.name: [row.name for row in await managers.may_name(session, actor, None, now=NOW, policy=POLICY)]
        for actor in (team.pm, quinn, team.head)
    }
    assert names == {"Pat Manager": ["Acme", "Able"], "Quinn": ["Beta"], "Hedda Lead": ["Acme", "Beta", "Able"]}


async def test_without_any_partner_there_is_nothing_to_choose(session):
    head = await make.person(session, "Hedda", "head")
    with pytest.raises(UserError, match="There is no partner yet"):
        await managers.may_name(session, head, None, now=NOW, policy=POLICY)


async def test_meetings_of_a_manager_never_overlap_and_free_hours_are_named(session):
    team = await world(session, promised=False)
    quinn = await make.person(session, "Quinn", "pm")
    await make.review(session, await make.partner(session, "Beta", quinn))
    with pytest.raises(FieldErrors) as refused:
        await name(session, team.head, team.acme, quinn)
    words = refused.value.errors["manager"]
    assert "overlaps with the Beta review at 10:00 of Quinn" in words
    assert words.endswith("Change its day or hour in `/cadence` first; free on Thursday: 10:30, 11:00, 11:30, 12:00.")
    await make.review(session, team.acme, at=time(11))
    await name(session, team.head, team.acme, quinn)
    assert team.cadence.pm_id == quinn.id


async def test_a_single_review_that_was_moved_onto_another_is_an_overlap_too(session):
    team = await world(session)
    quinn = await make.person(session, "Quinn", "pm")
    await make.review(session, await make.partner(session, "Beta", quinn), weekday=4)
    await cadences.bump(session, team.week, day=date(2026, 3, 6), at=time(10, 15), reason="x", by=team.pm, now=NOW,
                        policy=POLICY)  # fmt: skip
    with pytest.raises(FieldErrors, match="overlaps with the Beta review at 10:00"):
        await name(session, team.head, team.acme, quinn)


async def test_an_hour_outside_the_new_managers_day_is_refused(session):
    team = await world(session)
    tam = await make.person(session, "Tam", "pm", zone="Asia/Tokyo")
    with pytest.raises(FieldErrors, match="is at 19:00 for Tam, outside working hours"):
        await name(session, team.head, team.acme, tam)


async def test_a_paused_review_goes_along_without_a_question(session):
    team = await world(session, promised=False)
    await cadences.pause(session, team.cadence, reason="x", by=team.pm, now=NOW)
    tam = await make.person(session, "Tam", "pm", zone="Asia/Tokyo")
    await name(session, team.head, team.acme, tam)
    assert team.cadence.pm_id == tam.id


async def test_the_new_managers_holidays_count_from_the_next_review_on(session):
    team = await world(session, promised=False)
    pia = await make.person(session, "Pia", "pm", calendar="GB-NIR")  # 17 March is a holiday there: a Tuesday
    await make.review(session, team.acme, weekday=1)
    before = set(await session.scalars(select(Occurrence.day).where(Occurrence.cadence_id == team.cadence.id)))
    assert date(2026, 3, 17) in before
    await name(session, team.head, team.acme, pia)
    days = set(await session.scalars(select(Occurrence.day).where(Occurrence.cadence_id == team.cadence.id)))
    assert date(2026, 3, 17) not in days
    assert date(2026, 3, 10) in days


async def test_more_tier_1_partners_than_the_ceiling_are_named_and_not_refused(session):
    team = await world(session)
    quinn = await make.person(session, "Quinn", "pm")
    for number in range(6):
        await make.partner(session, f"Partner {number}", quinn)
    named = await name(session, team.head, team.acme, quinn)
    assert named.breach.startswith("7 Tier 1 partners for one partner manager; the ceiling is 6.")
    beta = await make.partner(session, "Beta", team.pm, tier=2)
    assert (await name(session, team.head, beta, quinn)).breach == ""


async def test_a_review_that_is_over_and_not_closed_is_the_new_managers_to_close(session):
    team = await world(session)
    after = team.week.ends_at + timedelta(minutes=30)
    quinn = await make.person(session, "Quinn", "pm")
    await plan.replan(session, now=after, policy=POLICY)
    await leaves(session, team.pm)
    staff = await reviews.staff(session, POLICY)
    assert reviews.closer_for(team.pm.id, after, staff) == team.head.id, "until somebody is named"
    await name(session, team.head, team.acme, quinn, now=after)
    assert (await managers.page(session, team.acme.id, now=after, policy=POLICY)).unclosed == (team.week.day,)
    await plan.replan(session, now=after, policy=POLICY)
    steps = await session.scalars(select(plan.Step).where(plan.Step.kind == "close_request"))
    assert {row.person_id for row in steps if row.occurrence_id == team.week.id} == {quinn.id}


@pytest.mark.parametrize("first", [False, True], ids=["had partners", "first partner"])
async def test_what_was_answered_this_week_is_not_asked_again_for_another_manager(session, first):
    team = await world(session)
    quinn = await make.person(session, "Quinn", "pm")
    if not first:
        await make.partner(session, "Gamma", quinn, tier=2)
    beta = await make.partner(session, "Beta", team.pm, tier=2)
    deal = await make.deal(session, "Beta deal", beta, team.ann)
    await cadences.ensure_standing(session, now=NOW, policy=POLICY)
    await cadences.fill(session, now=NOW, policy=POLICY)

    async def other(pm):
        query = select(cadences.Cadence).where(
            cadences.Cadence.kind == "other_partners", cadences.Cadence.pm_id == pm.id
        )
        return await make.occurrence(session, (await session.scalars(query)).one())

    session.add(Answer(occurrence_id=(await other(team.pm)).id, deal_id=deal.id, by_id=team.ann.id, at=NOW, kind="form",
                       changed={"x": 1}))  # fmt: skip
    await session.flush()
    await name(session, team.head, beta, quinn)
    theirs = await other(quinn)
    done = (await reviews.answered(session, [theirs.id]))[theirs.id]
    assert [(row.by_id, row.changed, row.source) for row in done.values()] == [(team.ann.id, {"x": 1}, handover.SOURCE)]
    listed = (await reviews.owned(session, [theirs.id], now=LATER, policy=POLICY))[theirs.id]
    assert {row.id for row in listed} == set(done) == {deal.id}


async def test_without_a_head_the_closing_request_still_has_somebody(session):
    team = await world(session)
    await leaves(session, team.pm, team.head)
    assert reviews.closer_for(team.pm.id, NOW, await reviews.staff(session, POLICY)) == team.pm.id


async def test_the_page_says_all_that_is_true_of_the_partner(session):
    team = await world(session, deals=3)
    await make.person(session, "Cal Counterpart", side="theirs", partner_id=team.acme.id)
    await leaves(session, team.ann)
    page = await managers.page(session, team.acme.id, now=NOW, policy=POLICY)
    assert [deal.name for deal in page.deals] == ["Deal 0", "Deal 1", "Deal 2"]
    assert [item.text for item in page.commitments] == ["joint plan"]
    assert page.counterparts == ("Cal Counterpart",)
    assert page.review == "Thursday 10:00, 30 minutes, Europe/London"
    assert page.next_at == team.week.starts_at
    assert len(page.orphans) == 5
    assert (page.last_note, page.unclosed, page.crm_as_of, page.crm_stale) == (None, (), None, False)
    bare = await managers.page(session, (await make.partner(session, "Beta")).id, now=NOW, policy=POLICY)
    assert (bare.deals, bare.review, bare.next_at) == ((), "", None)
    assert await managers.page(session, 999, now=NOW, policy=POLICY) is None


async def test_owing_a_message_twice_is_one(session):
    """The key of what is owed is unique, whoever enqueues it."""
    team = await world(session)
    await leaves(session, team.ann)
    await ask(session)
    await session.execute(update(Outbox).values(state="sent"))
    await ask(session)
    assert [row.state for row in await owed(session, "orphaned")] == ["sent"]
    assert await outbox.anything(session, now=LATER, real_now=LATER) is False
    assert (await session.get(Partner, team.acme.id)).pm_id == team.pm.id


# A change of tier.


async def scope(session, team, now, week="2026-W10"):
    """How many deals the manager's *other partners* of a week carry, by the deal's name."""
    other = (await session.scalars(select(cadences.Cadence).where(cadences.Cadence.kind == "other_partners"))).one()
    row = await make.occurrence(session, other, week)
    found = await reviews.under_review(session, [row.id], now=now, policy=POLICY)
    owned = await reviews.owned(session, [row.id], now=now, policy=POLICY)
    assert {view.id for view in found[row.id]} == {view.id for view in owned[row.id]}
    return sorted(view.version.name for view in found[row.id])


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1), (3, 1)])
async def test_a_change_of_tier_starts_next_monday_by_the_companys_clock(session, before, after):
    team = await world(session)
    beta = await make.partner(session, "Beta", team.pm, tier=before)
    await make.deal(session, "Soon", beta, team.ann)
    await make.deal(session, "Next year", beta, team.ann, close_date=date(2027, 3, 30))
    expected = {1: ["Next year", "Soon"], 2: ["Soon"], 3: ["Soon"]}
    await cadences.ensure_standing(session, now=NOW, policy=POLICY)
    await cadences.fill(session, now=NOW, policy=POLICY)
    beta.tier = after
    friday = datetime.fromisoformat("2026-03-06T15:00+00:00")
    for now in (NOW, friday, datetime.fromisoformat("2026-03-08T23:59+00:00")):
        await cadences.ensure_standing(session, now=now, policy=POLICY)
        await session.flush()
        assert await scope(session, team, now) == expected[before]
        assert (beta.tier_in_force, beta.tier) == (before, after)
    monday = datetime.fromisoformat("2026-03-09T00:00+00:00")
    await cadences.ensure_standing(session, now=monday, policy=POLICY)
    await session.flush()
    assert beta.tier_in_force == after
    assert await scope(session, team, monday, "2026-W11") == expected[after]


async def test_a_new_partner_counts_at_once_and_back_and_forth_in_one_week_is_nothing(session):
    team = await world(session)
    await cadences.ensure_standing(session, now=NOW, policy=POLICY)
    assert make.a_partner(9, tier=3).tier_in_force == 3
    for tier in (2, 1):
        team.acme.tier = tier
        await cadences.ensure_standing(session, now=LATER, policy=POLICY)
    monday = NOW + timedelta(days=7)
    await cadences.ensure_standing(session, now=monday, policy=POLICY)
    assert (team.acme.tier_in_force, team.cadence.state) == (1, "active")


async def test_a_partner_that_is_not_tier_1_any_more_ends_its_weekly_review_with_the_week(session):
    team = await world(session, promised=False)
    await cadences.ensure_standing(session, now=NOW, policy=POLICY)
    beta = await make.partner(session, "Beta", team.pm)
    await cadences.ensure_standing(session, now=NOW, policy=POLICY)
    team.acme.tier, beta.tier = 2, 3
    team.week.state = "prompted"
    await cadences.ensure_standing(session, now=team.week.starts_at, policy=POLICY)
    assert team.cadence.state == "active", "this week's review is held"
    for _ in range(2):
        await cadences.ensure_standing(session, now=NOW + timedelta(days=7), policy=POLICY)
    await cadences.fill(session, now=NOW + timedelta(days=7), policy=POLICY)
    assert team.cadence.state == "paused"
    left = list(await session.scalars(select(Occurrence.slot).where(Occurrence.cadence_id == team.cadence.id)))
    assert left == ["2026-W10"]
    lines = await trail(session, "state")
    assert lines == [("cadence", "active", "paused", None, "system", "Tier 2 from this week on")]


async def test_what_is_orphaned_is_named_in_cadence_until_it_is_not(session):
    team = await world(session)
    assert await health.problems(session, now=NOW, policy=POLICY) == []
    direct = await make.deal(session, "Direct", None, team.ann)
    await leaves(session, team.ann, team.pm)
    found = {problem.sentence: problem.partner_id for problem in await health.problems(session, now=NOW, policy=POLICY)}
    assert found == {
        "Acme: its partner manager Pat Manager has left. Name a new one.": team.acme.id,
        "Acme: 3 open things of Ann Seller, who has left: hand them over.": team.acme.id,
        "1 open thing of Ann Seller, who has left: hand it over.": None,
    }
    await give(session, team.head, team.ann, team.bob)
    await name(session, team.head, team.acme, await make.person(session, "Quinn", "pm"))
    assert (await make.current(session, direct)).owner_id == team.bob.id
    assert await health.problems(session, now=NOW, policy=POLICY) == []
