"""Replies below a check-in: whose words are read, which deal they mean, and what becomes of them."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from models.domain.errors import FieldErrors, NotAllowed, UserError
from models.domain.replies import Understood
from models.joint import answers, binding, hearing, replies, stages
from models.joint.answers import Said
from models.joint.hearing import Reply
from models.tables import Card, CardOccurrence, Counterpart, JointAnswer, ReplyProposal
from tests import make
from tests.make import NOW, POLICY

HOW = {"now": NOW, "policy": POLICY}
LATER = NOW + timedelta(hours=1)


@pytest.fixture
async def session(db):
    async with db.write() as session:
        yield session


@pytest.fixture
async def team(session):
    """Acme with two joint deals, its counterpart Cora, and a check-in that stands in its channel."""
    made = await make.small(session, deals=3)
    made.cora = await make.counterpart(session, made.acme)
    await make.joint_channel(session, made.acme)
    made.marks = [await make.joint(session, made.deals[f"Deal {n}"], made.acme) for n in (0, 1)]
    card = Card(
        kind="checkin", person_id=made.pm.id, partner_id=made.acme.id, created_at=NOW, channel_id="CACME", ts="100.1"
    )
    session.add(card)
    await session.flush()
    session.add(CardOccurrence(card_id=card.id, occurrence_id=made.week.id))
    await session.flush()
    return made


def reply(words="Deal 0: Cora will send the contract by 12 March", ts="100.2", **more):
    return Reply(**{
        "channel_id": "CACME", "ts": ts, "thread_ts": "100.1", "slack_id": "UCORA", "team_id": "T2", "words": words, **more,
    })  # fmt: skip


async def hear(session, words="Deal 0: Cora will send the contract by 12 March", **more):
    return await hearing.heard(session, reply(words, **more), **HOW)


async def only(session, table=ReplyProposal):
    return (await session.scalars(select(table))).one()


async def test_a_confirmed_counterparts_reply_waits_with_whose_words_it_is_and_what_it_says(session, team):
    row = await hear(session)
    assert row.joint_deal_id == team.marks[0].id
    (one,) = await replies.waiting(session, [team.acme], **HOW)
    assert one.by.name == "Cora Counterpart"
    assert one.understood == Understood("", "Cora will send the contract by 12 March", "Cora", date(2026, 3, 12), "")
    assert one.said[team.marks[0].id].due == date(2026, 3, 12)


async def test_the_same_message_told_twice_is_one_proposal(session, team):
    await hear(session)
    await hear(session)
    assert (await only(session)).state == "open"


async def test_a_reply_of_somebody_unconfirmed_is_never_read_and_proposes_them(session, team):
    assert await hear(session, "Our secret plan", slack_id="UNEW") is None
    assert (await session.scalars(select(ReplyProposal))).all() == []
    row = (await session.scalars(select(Counterpart).where(Counterpart.slack_id == "UNEW"))).one()
    assert (row.state, row.how, row.partner_id) == ("proposed", "replied", team.acme.id)


@pytest.mark.parametrize("more", [{"team_id": "T3"}, {"team_id": ""}, {"thread_ts": "1.1"}, {"channel_id": "COTHER"}])
async def test_the_right_person_elsewhere_or_of_another_workspace_is_not_read(session, team, more):
    assert await hear(session, **more) is None
    assert (await session.scalars(select(ReplyProposal))).all() == []


async def test_the_counterpart_of_another_partner_is_not_read_here(session, team):
    beta = await make.partner(session, "Beta", team.pm)
    await make.counterpart(session, beta, "Boris Beta")
    card = await hearing.check_in_of(session, "CACME", "100.1")
    assert (await hearing.speaker(session, card, "UCORA", "T2")).id == team.cora.id
    assert await hearing.speaker(session, card, "UBORIS", "T2") is None
    assert await hear(session, slack_id="UBORIS") is None
    assert (await session.scalars(select(ReplyProposal))).all() == []


async def test_our_own_peoples_replies_are_nobodys_proposal(session, team):
    assert await hear(session, slack_id="UANN", team_id="T1") is None
    assert [row.slack_id for row in await session.scalars(select(Counterpart))] == ["UCORA"]


async def test_confirming_takes_it_as_the_partners_word_with_both_names(session, team):
    row = await hear(session)
    answer = await replies.confirm(session, team.pm, row.id, **HOW)
    assert (answer.source, answer.by_id, answer.recorded_by_id) == ("reply", team.cora.id, team.pm.id)
    assert (answer.action, answer.owner, answer.due) == (
        "Cora will send the contract by 12 March", "Cora", date(2026, 3, 12),
    )  # fmt: skip
    assert (answer.occurrence_id, row.state, row.answer_id) == (team.week.id, "confirmed", answer.id)
    with pytest.raises(UserError, match="Pat Manager has confirmed this reply already"):
        await replies.confirm(session, team.head, row.id, **HOW)


async def test_a_reply_that_could_mean_several_deals_asks_which(session, team):
    row = await hear(session, "Cora will send the contract by 12 March")
    assert (row.joint_deal_id, row.candidates) == (None, [mark.id for mark in team.marks])
    with pytest.raises(UserError, match="Say which deal"):
        await replies.confirm(session, team.pm, row.id, **HOW)
    other = await make.joint(session, team.deals["Deal 2"], await make.partner(session, "Beta", team.pm))
    with pytest.raises(UserError, match="Say which deal"):
        await replies.confirm(session, team.pm, row.id, mark_id=other.id, **HOW)
    answer = await replies.confirm(session, team.pm, row.id, mark_id=team.marks[1].id, **HOW)
    assert answer.joint_deal_id == team.marks[1].id


async def test_what_a_reply_does_not_mention_stays_as_it_was(session, team):
    await stages.set_names(session, team.pm, team.acme.id, {"Qualification": "Discovery"}, **HOW)
    await answers.record(
        session, mark_id=team.marks[0].id, by=team.cora, said_by="", recorded_by=None, source="form",
        said=Said("Discovery", "call the CIO", "Carl", date(2026, 3, 9), "a reference"), shown=None, occurrence_id=None, **HOW,
    )  # fmt: skip
    row = await hear(session, "Deal 0: due: 20 March")
    answer = await replies.confirm(session, team.pm, row.id, **HOW)
    assert (answer.stage, answer.action, answer.owner, answer.due, answer.ask) == (
        "Discovery", "call the CIO", "Carl", date(2026, 3, 20), "a reference",
    )  # fmt: skip


async def test_another_next_step_does_not_keep_the_last_ones_owner_and_day():
    before = Said("Discovery", "call the CIO", "Carl", date(2026, 3, 9), "a reference")
    after = replies.merged(before, Understood(action="send the contract"))
    assert after == Said("Discovery", "send the contract", "", None, "a reference")


@pytest.mark.parametrize("words", ["Deal 0: due: 2026-01-05", "Deal 0: owner: Carl", "Deal 0: thanks!"])
async def test_what_is_no_whole_answer_is_not_confirmed_in_one_click(session, team, words):
    row = await hear(session, words)
    (one,) = await replies.waiting(session, [team.acme], **HOW)
    assert dict(one.said) == {}
    with pytest.raises(UserError, match="Edit"):
        await replies.confirm(session, team.pm, row.id, **HOW)
    await replies.confirm(session, team.pm, row.id, said=Said(action="sign"), **HOW)
    assert (await only(session, JointAnswer)).action == "sign"


async def test_what_is_corrected_is_judged_as_every_answer(session, team):
    row = await hear(session)
    with pytest.raises(FieldErrors) as wrong:
        await replies.confirm(session, team.pm, row.id, said=Said(action="call", due=date(2026, 1, 1)), **HOW)
    assert list(wrong.value.errors) == ["due"]
    assert row.state == "open"


async def test_dropping_forgets_the_words(session, team):
    row = await hear(session)
    await replies.drop(session, team.pm, row.id, **HOW)
    assert (row.state, row.words) == ("dropped", "")
    assert await replies.waiting(session, [team.acme], **HOW) == []
    with pytest.raises(UserError, match="dropped this reply already"):
        await replies.drop(session, team.pm, row.id, **HOW)


@pytest.mark.parametrize("act", ["confirm", "drop", "one"])
async def test_only_the_partners_manager_or_the_head_decides(session, team, act):
    row = await hear(session)
    other = await make.person(session, "Olga Other", "pm")
    for actor in (team.ann, team.cora, other):
        with pytest.raises(NotAllowed):
            await getattr(replies, act)(session, actor, row.id, **HOW)
    await getattr(replies, act)(session, team.head, row.id, **HOW)


async def test_an_edit_before_confirming_changes_the_proposal(session, team):
    row = await hear(session)
    await hearing.edited(session, reply("Deal 1: Carl will send it by 13 March"), **HOW)
    await session.refresh(row)
    assert (row.joint_deal_id, row.words) == (team.marks[1].id, "Deal 1: Carl will send it by 13 March")
    await hearing.edited(session, reply("Hijacked", slack_id="UNEW"), **HOW)
    await session.refresh(row)
    assert row.words == "Deal 1: Carl will send it by 13 March", "only its author edits a message"


async def test_words_that_changed_since_they_were_read_are_not_confirmed(session, team):
    row = await hear(session)
    read = replies.print_of(row)
    await hearing.edited(session, reply("Deal 0: Cora will send nothing"), **HOW)
    with pytest.raises(UserError, match="changed their reply meanwhile"):
        await replies.confirm(session, team.pm, row.id, shown=read, **HOW)
    await replies.confirm(session, team.pm, row.id, shown=replies.print_of(row), **HOW)


async def test_a_deleted_reply_is_withdrawn_and_a_confirmed_one_stands(session, team):
    row = await hear(session)
    await hearing.deleted(session, "CACME", "100.2", **HOW)
    assert (row.state, row.words) == ("dropped", "")
    with pytest.raises(UserError, match="author has deleted"):
        await replies.confirm(session, team.pm, row.id, **HOW)
    second = await hear(session, ts="100.3")
    await replies.confirm(session, team.pm, second.id, **HOW)
    await hearing.deleted(session, "CACME", "100.3", **HOW)
    await hearing.edited(session, reply("Other words", ts="100.3"), **HOW)
    assert (second.state, second.words[:6]) == ("confirmed", "Deal 0")


async def test_a_deal_that_is_not_joint_any_more_cannot_be_meant(session, team):
    from models.joint import marks

    row = await hear(session)
    await marks.take_back(session, team.pm, team.marks[0].id, **HOW)
    (one,) = await replies.waiting(session, [team.acme], **HOW)
    assert dict(one.deals) == {}
    with pytest.raises(UserError, match="Say which deal"):
        await replies.confirm(session, team.pm, row.id, **HOW)


async def test_words_of_a_partner_without_a_joint_deal_are_not_kept(session, team):
    from models.joint import marks

    for mark in team.marks:
        await marks.take_back(session, team.pm, mark.id, **HOW)
    assert await hear(session) is None
    assert (await session.scalars(select(ReplyProposal))).all() == []


async def test_a_reply_after_a_revocation_is_not_read(session, team):
    bound = (await session.scalars(select(Counterpart).where(Counterpart.slack_id == "UCORA"))).one()
    await binding.revoke(session, team.pm, bound.id, **HOW)
    assert await hear(session) is None
    assert (await session.scalars(select(ReplyProposal))).all() == []
