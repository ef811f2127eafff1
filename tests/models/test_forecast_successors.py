"""A partner gets another manager: the old signature stands, the new one signs again within five working days."""

from datetime import timedelta

from handlers.notes.handover import handover_text
from models import managers
from models.forecast import asking, signing, successors
from models.people import directory
from models.tables import Change
from tests.models import forecast_team as f


async def signed(session):
    """Pat has signed for A; then A is Quinn's, on Thursday 2 April before a long weekend."""
    team = await f.team(session)
    a = team.partners["A"]
    await f.add(session, "Deal", a, owner=team.ann)
    await signing.sign(
        session, team.pat, f.Q2.label, [signing.Number(a.id, 50_000_00, 60_000_00)], {}, now=f.START, policy=f.POLICY
    )
    moved = f.START + timedelta(days=1)
    a.pm_id = team.quinn.id
    session.add(Change(at=moved, by_id=team.hedda.id, source="slack", entity="partner", entity_id=a.id, field="pm_id",
                       before=team.pat.id, after=team.quinn.id))  # fmt: skip
    await session.flush()
    return team, a, moved


async def test_the_new_manager_is_asked_to_sign_again_by_a_working_day(sqlite):
    policy = f.POLICY.model_copy(update={"holidays": "GB-ENG"})
    async with sqlite.write() as session:
        team, a, moved = await signed(session)
        (again,) = await successors.of_manager(session, team.quinn.id, now=moved, policy=policy)
        assert again.partner.id == a.id
        assert (again.due.month, again.due.day) == (4, 13), "Good Friday and Easter Monday are no working days"
        assert await successors.of_manager(session, team.pat.id, now=moved, policy=policy) == []
        (task,) = await asking.of_person(session, team.quinn.id, now=moved, policy=policy)
        assert (task.what, task.period, task.total, task.due) == (asking.What.SIGN_AGAIN, f.Q2.label, 1, again.due)


async def test_the_old_signature_stands_until_they_have(sqlite):
    async with sqlite.write() as session:
        team, a, moved = await signed(session)
        (mine,) = [
            one
            for one in await signing.mine(session, team.quinn, f.Q2, now=moved, policy=f.POLICY)
            if one.partner.id == a.id
        ]
        assert mine.signed is not None
        assert (mine.signed.commit, mine.signed.former) == (50_000_00, True)
        shown = {a.id: mine.signature_id}
        await signing.sign(
            session,
            team.quinn,
            f.Q2.label,
            [signing.Number(a.id, 50_000_00, 60_000_00)],
            shown,
            now=moved,
            policy=f.POLICY,
        )
        assert await successors.of_manager(session, team.quinn.id, now=moved, policy=f.POLICY) == []


async def test_the_handover_page_names_the_number_and_the_day(sqlite):
    async with sqlite.write() as session:
        team, a, moved = await signed(session)
        page = await managers.page(session, a.id, now=moved, policy=f.POLICY)
        text = handover_text(page, {"from_id": team.pat.id, "by_id": team.hedda.id}, await directory(session), f.POLICY)
    assert "*Signed commit of 2026Q2:* USD 50,000, best case USD 60,000, by Pat Manager" in text
    assert "It stands until you sign your own, by Thu 9 Apr: `/forecast`" in text


async def test_signing_the_same_number_on_another_day_is_a_signature(sqlite):
    async with sqlite.write() as session:
        team, a, _ = await signed(session)
        a.pm_id = team.pat.id
        number = signing.Number(a.id, 50_000_00, 60_000_00)
        (one,) = [
            one
            for one in await signing.mine(session, team.pat, f.Q2, now=f.START, policy=f.POLICY)
            if one.partner.id == a.id
        ]
        later = f.START + timedelta(hours=2)
        assert (
            await signing.sign(
                session, team.pat, f.Q2.label, [number], {a.id: one.signature_id}, now=later, policy=f.POLICY
            )
            == []
        )
        week = f.START + timedelta(days=28)
        (row,) = await signing.sign(
            session, team.pat, f.Q2.label, [number], {a.id: one.signature_id}, now=week, policy=f.POLICY
        )
        assert row.at == week
