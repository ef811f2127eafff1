"""Marks: sharing is somebody's act per deal and partner, can be taken back, and is kept."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.domain.errors import FieldErrors, NotAllowed, UserError
from models.joint import marks, stages
from models.tables import Absence, Card, CardOccurrence, Change, Counterpart, DealPartner, JointAnswer, ReplyProposal
from tests import make
from tests.make import NOW, POLICY

LATER = NOW + timedelta(hours=1)


@pytest.fixture
async def session(db):
    async with db.write() as session:
        yield session


async def mark(session, actor, deal, partner, *, amount=False, now=NOW):
    return await marks.mark(session, actor, deal.id, partner.id, amount_shared=amount, now=now, policy=POLICY)


async def trail(session, deal, *fields):
    await session.flush()
    rows = await session.scalars(
        select(Change).where(Change.entity == "deal", Change.entity_id == deal.id, Change.field.in_(fields))
        .order_by(Change.id)
    )  # fmt: skip
    return [(row.field, row.before, row.after, row.by_id, row.reason) for row in rows]


async def test_a_deal_is_marked_by_its_partner_manager_and_that_is_kept(session):
    team = await make.small(session)
    deal = team.deals["Deal 0"]
    row = await mark(session, team.pm, deal, team.acme)
    assert [one.id for one in await marks.standing(session, team.acme.id)] == [row.id]
    assert (deal.joint, deal.amount_shared) == (True, False)
    said = {"partner": team.acme.id, "amount_shared": False}
    assert await trail(session, deal, "joint") == [("joint", None, said, team.pm.id, "")]


async def test_marking_again_makes_no_second_mark_and_changes_the_amount_if_asked(session):
    team = await make.small(session)
    deal = team.deals["Deal 0"]
    first, again = (
        await mark(session, team.pm, deal, team.acme),
        await mark(session, team.pm, deal, team.acme, amount=True),
    )
    assert again.id == first.id
    assert again.amount_shared
    assert deal.amount_shared
    assert len(await trail(session, deal, "joint")) == 1
    assert len(await trail(session, deal, "amount_shared")) == 1


@pytest.mark.parametrize("who", ["ann", "other pm", "admin", "cro", "counterpart"])
async def test_nobody_but_manager_and_head_decides_what_a_partner_sees(session, who):
    team = await make.small(session)
    actor = {
        "ann": team.ann,
        "other pm": await make.person(session, "Quinn Manager", "pm"),
        "admin": await make.person(session, "Ada Admin", "admin"),
        "cro": await make.person(session, "Cleo Cro", "cro"),
        "counterpart": await make.counterpart(session, team.acme),
    }[who]
    row = await mark(session, team.pm, team.deals["Deal 0"], team.acme)
    with pytest.raises(NotAllowed):
        await mark(session, actor, team.deals["Deal 1"], team.acme)
    with pytest.raises(NotAllowed):
        await marks.take_back(session, actor, row.id, now=NOW, policy=POLICY)
    with pytest.raises(NotAllowed):
        await marks.share_amount(session, actor, row.id, True, now=NOW, policy=POLICY)
    with pytest.raises(NotAllowed):
        await stages.set_names(session, actor, team.acme.id, {"Qualification": "Q"}, now=NOW, policy=POLICY)
    assert not row.amount_shared
    assert row.valid_to is None


async def test_the_head_and_the_managers_cover_may(session):
    team = await make.small(session)
    cover = await make.person(session, "Cole Cover", "pm")
    session.add(
        Absence(person_id=team.pm.id, first_day=NOW.date(), last_day=NOW.date(), cover_id=cover.id, recorded_at=NOW)
    )
    await mark(session, team.head, team.deals["Deal 0"], team.acme)
    await mark(session, cover, team.deals["Deal 1"], team.acme)
    assert len(await marks.standing(session, team.acme.id)) == 2


async def test_taking_back_ends_it_at_once_keeps_who_and_when_and_has_no_effect_twice(session):
    team = await make.small(session)
    deal = team.deals["Deal 0"]
    row = await mark(session, team.pm, deal, team.acme, amount=True)
    for _ in range(2):
        await marks.take_back(session, team.head, row.id, now=LATER, policy=POLICY)
    assert await marks.standing(session, team.acme.id) == []
    assert await marks.one_standing(session, row.id) is None
    assert (row.valid_to, row.ended_by_id, row.ended_why) == (LATER, team.head.id, "taken_back")
    assert (deal.joint, deal.amount_shared) == (False, False)
    assert [(before, after, by) for _, before, after, by, _ in await trail(session, deal, "joint")][-1] == (
        {"partner": team.acme.id, "amount_shared": True}, None, team.head.id,
    )  # fmt: skip
    with pytest.raises(UserError, match="not joint any more"):
        await marks.share_amount(session, team.pm, row.id, True, now=LATER, policy=POLICY)


async def test_a_deal_marked_anew_has_a_mark_of_its_own(session):
    team = await make.small(session)
    row = await mark(session, team.pm, team.deals["Deal 0"], team.acme, amount=True)
    await marks.take_back(session, team.pm, row.id, now=LATER, policy=POLICY)
    again = await mark(session, team.pm, team.deals["Deal 0"], team.acme, now=LATER)
    assert again.id != row.id
    assert not again.amount_shared, "what was shared once is not shared again by itself"


async def test_an_amount_is_shared_and_kept_back_by_an_act_of_its_own(session):
    team = await make.small(session)
    deal = team.deals["Deal 0"]
    row = await mark(session, team.pm, deal, team.acme)
    for shared in (True, True, False):
        await marks.share_amount(session, team.pm, row.id, shared, now=NOW, policy=POLICY)
    of = {"partner": team.acme.id}
    assert [(before, after) for _, before, after, _, _ in await trail(session, deal, "amount_shared")] == [
        ({**of, "shared": False}, {**of, "shared": True}), ({**of, "shared": True}, {**of, "shared": False}),
    ]  # fmt: skip
    assert not deal.amount_shared


async def test_only_a_deal_of_the_partner_can_be_joint_with_it(session):
    team = await make.small(session)
    beta = await make.partner(session, "Beta", team.pm)
    direct = await make.deal(session, "Direct", None, team.ann)
    for deal in (team.deals["Deal 0"], direct):
        with pytest.raises(UserError, match="is not a deal of Beta"):
            await mark(session, team.pm, deal, beta)


async def test_a_deal_in_which_a_partner_has_a_part_can_be_joint_with_each_by_itself(session):
    team = await make.small(session)
    beta = await make.partner(session, "Beta", team.pm)
    deal = team.deals["Deal 0"]
    session.add(DealPartner(deal_id=deal.id, partner_id=beta.id, is_primary=False, share=2000, valid_from=NOW))
    with_beta = await mark(session, team.pm, deal, beta, amount=True)
    assert await marks.standing(session, team.acme.id) == []
    assert [one.id for one in await marks.standing(session, beta.id)] == [with_beta.id]
    with_acme = await mark(session, team.pm, deal, team.acme)
    assert not with_acme.amount_shared
    await marks.take_back(session, team.pm, with_beta.id, now=LATER, policy=POLICY)
    assert deal.joint, "joint with Acme still"
    assert not deal.amount_shared
    assert {view.id for view in await marks.candidates(session, beta.id, now=NOW, policy=POLICY)} == {deal.id}
    assert len(await marks.candidates(session, team.acme.id, now=NOW, policy=POLICY)) == 2


async def leave(session, deal, partner_id):
    """The deal goes to another primary partner, and its part of the first one ends."""
    version = await make.current(session, deal)
    version.partner_id = partner_id
    for link in await session.scalars(select(DealPartner).where(DealPartner.deal_id == deal.id)):
        link.valid_to = LATER
    await session.flush()


async def test_a_deal_that_leaves_its_partner_crosses_no_more_from_that_moment(session):
    team = await make.small(session)
    beta = await make.partner(session, "Beta", team.pm)
    deal = team.deals["Deal 0"]
    row = await mark(session, team.pm, deal, team.acme)
    await leave(session, deal, beta.id)
    assert await marks.standing(session, team.acme.id) == [], "before anybody has tidied up"
    assert await marks.standing(session, beta.id) == [], "a mark is with one partner"
    assert await marks.one_standing(session, row.id) is None
    assert await marks.end_unlinked(session, now=LATER) == 1
    assert await marks.end_unlinked(session, now=LATER) == 0
    assert (row.valid_to, row.ended_why, row.ended_by_id) == (LATER, "unlinked", None)
    assert not deal.joint
    await leave(session, deal, team.acme.id)
    assert await marks.standing(session, team.acme.id) == [], "it does not come to life again with the link"


async def test_a_mark_stands_while_the_partner_has_any_part(session):
    team = await make.small(session)
    beta = await make.partner(session, "Beta", team.pm)
    deal = team.deals["Deal 0"]
    row = await mark(session, team.pm, deal, team.acme)
    (await make.current(session, deal)).partner_id = beta.id  # Acme's part stays, as the one of a second partner
    await session.flush()
    assert await marks.end_unlinked(session, now=LATER) == 0
    assert [one.id for one in await marks.standing(session, team.acme.id)] == [row.id]


async def test_a_deal_that_is_merged_away_or_staged_lets_nothing_cross(session):
    team = await make.small(session)
    deal = team.deals["Deal 0"]
    await mark(session, team.pm, deal, team.acme)
    deal.version_id = None
    await session.flush()
    assert await marks.standing(session, team.acme.id) == []
    assert await marks.end_unlinked(session, now=LATER) == 1


async def test_the_marks_of_a_twin_become_the_surviving_deals_with_all_that_was_said(session):
    team = await make.small(session)
    ours, twin = team.deals["Deal 0"], team.deals["Deal 1"]
    row = await mark(session, team.pm, twin, team.acme, amount=True)
    session.add(JointAnswer(joint_deal_id=row.id, at=NOW, source="form", action="call", changed={}))
    await marks.move_to(session, twin.id, ours.id, by_id=team.pm.id, at=LATER)
    assert row.deal_id == ours.id
    assert row.valid_to is None
    assert (ours.joint, ours.amount_shared, twin.joint) == (True, True, False)


async def test_of_two_marks_with_one_partner_one_is_left_and_shares_the_amount_only_if_both_did(session):
    team = await make.small(session)
    ours, twin = team.deals["Deal 0"], team.deals["Deal 1"]
    kept, spare = (
        await mark(session, team.pm, ours, team.acme, amount=True),
        await mark(session, team.pm, twin, team.acme),
    )
    said = JointAnswer(joint_deal_id=spare.id, at=NOW, source="form", action="call", changed={})
    session.add(said)
    await marks.move_to(session, twin.id, ours.id, by_id=team.pm.id, at=LATER)
    assert (spare.ended_why, spare.valid_to) == ("merged", LATER)
    assert kept.valid_to is None
    assert not kept.amount_shared
    assert said.joint_deal_id == kept.id
    assert (ours.joint, ours.amount_shared) == (True, False)


async def test_a_reply_that_waits_could_mean_the_deal_that_is_left_of_two(session):
    team = await make.small(session, deals=3)
    ours, twin, third = (team.deals[f"Deal {number}"] for number in range(3))
    kept, spare, other = [await mark(session, team.pm, one, team.acme) for one in (ours, twin, third)]
    cora = await make.counterpart(session, team.acme)
    by = await session.scalar(select(Counterpart.id).where(Counterpart.person_id == cora.id))
    replies = [
        ReplyProposal(partner_id=team.acme.id, counterpart_id=by, channel_id="C1", message_ts=str(place), words="we sent it",
                      joint_deal_id=refs[0] if len(refs) == 1 else None, candidates=refs, at=NOW)
        for place, refs in enumerate([[spare.id], [spare.id, kept.id, other.id], [other.id]])
    ]  # fmt: skip
    session.add_all(replies)
    await marks.move_to(session, twin.id, ours.id, by_id=team.pm.id, at=LATER)
    assert [one.candidates for one in replies] == [[kept.id], [kept.id, other.id], [other.id]]
    assert replies[0].joint_deal_id == kept.id


async def test_what_a_mark_changes_is_drawn_anew_wherever_it_is_shown_old_check_ins_too(session):
    team = await make.small(session)
    row = await mark(session, team.pm, team.deals["Deal 0"], team.acme)
    card = Card(
        kind="checkin", person_id=team.pm.id, partner_id=team.acme.id, created_at=NOW, ts="1.1", channel_id="C1"
    )
    prompt = Card(kind="prompt", person_id=team.ann.id, day=NOW.date(), created_at=NOW)
    other = Card(kind="checkin", person_id=team.pm.id, partner_id=None, created_at=NOW)
    session.add_all([card, prompt, other])
    await session.flush()
    session.add_all(CardOccurrence(card_id=one.id, occurrence_id=team.week.id) for one in (card, prompt))
    team.week.closed_at = LATER  # the review is over
    await session.flush()
    await marks.take_back(session, team.pm, row.id, now=LATER, policy=POLICY)
    for one in (card, prompt, other):
        await session.refresh(one)
    assert (card.wanted, other.wanted) == (2, 1)


async def test_stages_get_the_partners_words_and_lose_them_again(session):
    team = await make.small(session)
    wanted = {"Qualification": " Qualified ", "Proposal/Price Quote": "Offer"}
    await stages.set_names(session, team.pm, team.acme.id, wanted, now=NOW, policy=POLICY)
    found = await stages.names(session, team.acme.id)
    assert found == {"Qualification": "Qualified", "Proposal/Price Quote": "Offer"}
    assert stages.said_as("qualification ", found) == "Qualified"
    assert stages.said_as("Prospecting", found) == "", "no word, nothing crosses"
    assert stages.said_as("", {"": "x"}) == ""
    await stages.set_names(session, team.pm, team.acme.id, {"Qualification": ""}, now=LATER, policy=POLICY)
    assert await stages.names(session, team.acme.id) == {"Proposal/Price Quote": "Offer"}
    rows = await session.scalars(select(Change).where(Change.field == "joint_stage"))
    assert len(list(rows)) == 3
    with pytest.raises(FieldErrors) as refused:
        await stages.set_names(session, team.pm, team.acme.id, {"Prospecting": "x" * 76}, now=NOW, policy=POLICY)
    assert list(refused.value.errors) == ["Prospecting"]


def test_the_partners_words_are_offered_in_the_order_of_our_stages():
    words = {"Negotiation/Review": "Closing", "Our own stage": "Odd", "Prospecting": "New", "Qualification": "New"}
    assert stages.in_order(words, POLICY.stages) == ("New", "Closing", "Odd")


async def test_a_partner_that_is_gone_and_a_mark_nobody_knows_are_said(session):
    team = await make.small(session)
    with pytest.raises(UserError, match="does not exist"):
        await marks.mark(session, team.pm, 1, 99, amount_shared=False, now=NOW, policy=POLICY)
    with pytest.raises(UserError, match="does not exist"):
        await stages.set_names(session, team.pm, 99, {}, now=NOW, policy=POLICY)
    with pytest.raises(UserError, match="Nobody knows"):
        await marks.take_back(session, team.pm, 99, now=NOW, policy=POLICY)


async def test_partners_with_something_to_check_in_about_have_an_open_joint_deal(session):
    team = await make.small(session)
    beta = await make.partner(session, "Beta", team.pm)
    won = await make.deal(session, "Won", beta, team.ann, category="won")
    await mark(session, team.pm, won, beta)
    assert await marks.partners_with_any(session) == frozenset()
    await mark(session, team.pm, team.deals["Deal 0"], team.acme)
    assert await marks.partners_with_any(session) == {team.acme.id}
    assert {one.deal_id for one in await marks.standing(session, beta.id)} == {won.id}, "a won deal stays marked"
