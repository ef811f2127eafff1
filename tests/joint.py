"""Rows of joint channels, in a few words: a mark, a channel that is approved, words for stages, what the partner said."""

from models.tables import JointAnswer, JointDeal, LossReason, StageName
from tests.make import NOW


async def mark(session, deal, partner, *, amount=False, at=NOW):
    """A mark that stands."""
    made = JointDeal(deal_id=deal.id, partner_id=partner.id, amount_shared=amount, valid_from=at)
    session.add(made)
    deal.joint, deal.amount_shared = True, deal.amount_shared or amount
    await session.flush()
    return made


async def channel(session, partner, name="joint-acme", *, approved=True):
    """A joint channel; nobody of another workspace is connected yet. `approved`: its manager looked at the first post."""
    partner.joint_channel = name
    partner.joint_approved, partner.joint_teams = (name, []) if approved else ("", [])
    await session.flush()


async def call(session, partner, stage="Qualification", words="Qualified"):
    session.add(StageName(partner_id=partner.id, stage=stage, joint=words, changed_at=NOW))
    await session.flush()


async def said(session, of, at=NOW, **more):
    """What the partner said of a joint deal."""
    made = JointAnswer(joint_deal_id=of.id, at=at, source="form", changed={}, **{"said_by": "Cora Counterpart", **more})
    session.add(made)
    await session.flush()
    return made


async def lost_because(session, deal, by, reason, *, shared=True, at=NOW):
    session.add(LossReason(deal_id=deal.id, reason=reason, shared=shared, at=at, by_id=by.id))
    await session.flush()
