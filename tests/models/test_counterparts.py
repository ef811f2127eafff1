"""Counterparts: proposed by what they do or by a file, bound by the partner's manager to one workspace, revocable."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.domain.errors import FieldErrors, NotAllowed, UserError
from models.imports import import_people
from models.joint import binding, counterparts, desk
from models.people import SlackUser
from models.tables import Card, Change, Counterpart, Outbox, Person, ReplyProposal
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
    return await make.small(session)


async def propose(session, of, slack_id="UCORA", team_id="T2", name="cora", how="clicked", now=NOW):
    return await counterparts.propose(
        session, slack_id=slack_id, team_id=team_id, name=name, partner_id=of.id, how=how, now=now, policy=POLICY
    )


def user(slack_id="UCORA", team_id="T2", name="Cora Counterpart", **more):
    return SlackUser(**{
        "slack_id": slack_id, "team_id": team_id, "name": name, "email": "", "zone": "", "is_bot": False,
        "deleted": False, "guest": False, "stranger": False, **more,
    })  # fmt: skip


async def rows(session, table=Counterpart):
    return list(await session.scalars(select(table).order_by(table.id)))


async def test_whoever_acts_is_proposed_once_and_nothing_opens_for_them(session, team):
    first = await propose(session, team.acme)
    again = await propose(session, team.acme, now=LATER)
    assert first.id == again.id
    assert first.state == "proposed"
    assert await counterparts.speaking(session, "UCORA", "T2") is None
    cards = await rows(session, Card)
    assert [(card.kind, card.person_id) for card in cards if card.kind == desk.CARD] == [("joint", team.pm.id)]
    assert [row.person_id for row in await rows(session, Outbox) if row.template == desk.CARD] == [team.pm.id]


async def test_somebody_of_no_known_company_is_not_proposed(session, team):
    assert await propose(session, team.acme, team_id="") is None
    assert await rows(session) == []


async def test_the_managers_confirmation_binds_person_partner_and_workspace(session, team):
    row = await propose(session, team.acme)
    person = await binding.confirm(session, team.pm, row.id, user=user(), our_team="T1", **HOW)
    assert (person.name, person.side, person.partner_id) == ("Cora Counterpart", "theirs", team.acme.id)
    assert (await counterparts.speaking(session, "UCORA", "T2")).id == person.id
    assert await counterparts.speaking(session, "UCORA", "T3") is None, (
        "the same person in another company is a stranger"
    )
    assert await counterparts.speaking(session, "UCORA", "") is None
    noted = [change for change in await rows(session, Change) if change.entity == "counterpart"]
    assert [(one.before, one.after, one.by_id) for one in noted] == [
        (None, "proposed", None), ("proposed", "confirmed", team.pm.id),
    ]  # fmt: skip


@pytest.mark.parametrize("act", ["confirm", "decline", "revoke"])
async def test_only_the_partners_manager_or_the_head_decides(session, team, act):
    row = await propose(session, team.acme)
    other = await make.person(session, "Olga Other", "pm")
    theirs = await make.person(session, "Tess Theirs", side="theirs", partner_id=team.acme.id)
    for actor in (team.ann, other, theirs):
        with pytest.raises(NotAllowed):
            await getattr(binding, act)(session, actor, row.id, **HOW)
    await getattr(binding, act)(session, team.head, row.id, **HOW)


async def test_a_person_who_moved_to_another_workspace_is_not_confirmed_for_the_old_one(session, team):
    row = await propose(session, team.acme)
    with pytest.raises(UserError, match="another workspace now"):
        await binding.confirm(session, team.pm, row.id, user=user(team_id="T9"), **HOW)
    assert row.state == "proposed"


async def test_whoever_comes_back_from_another_workspace_is_bound_there_instead(session, team):
    row = await propose(session, team.acme)
    person = await binding.confirm(session, team.pm, row.id, user=user(), **HOW)
    moved = await propose(session, team.acme, team_id="T9")
    assert moved.id != row.id
    same = await binding.confirm(session, team.pm, moved.id, user=user(team_id="T9"), **HOW)
    assert same.id == person.id
    assert row.state == "revoked"
    assert await counterparts.speaking(session, "UCORA", "T2") is None
    assert (await counterparts.speaking(session, "UCORA", "T9")).id == person.id


async def test_one_person_speaks_for_one_partner(session, team):
    beta = await make.partner(session, "Beta", team.pm)
    await binding.confirm(session, team.pm, (await propose(session, team.acme)).id, user=user(), **HOW)
    second = await propose(session, beta)
    with pytest.raises(UserError, match="speaks for Acme already"):
        await binding.confirm(session, team.pm, second.id, user=user(), **HOW)


async def test_nobody_of_ours_and_no_app_becomes_a_counterpart(session, team):
    row = await propose(session, team.acme, slack_id="UANN")
    with pytest.raises(UserError, match="one of our own people"):
        await binding.confirm(session, team.pm, row.id, **HOW)
    guest = await propose(session, team.acme, slack_id="UGUEST", team_id="T1")
    with pytest.raises(UserError, match="in our own workspace"):
        await binding.confirm(session, team.pm, guest.id, our_team="T1", **HOW)
    app = await propose(session, team.acme, slack_id="UAPP")
    with pytest.raises(UserError, match="an app"):
        await binding.confirm(session, team.pm, app.id, user=user("UAPP", is_bot=True), **HOW)


async def test_revoking_ends_it_at_once_and_forgets_what_was_not_confirmed(session, team):
    person = await make.counterpart(session, team.acme)
    row = (await rows(session))[0]
    deal = await make.joint(session, team.deals["Deal 0"], team.acme)
    session.add(ReplyProposal(
        partner_id=team.acme.id, counterpart_id=row.id, channel_id="C1", message_ts="1.1", words="We slip", at=NOW,
        candidates=[deal.id], joint_deal_id=deal.id, state="open",
    ))  # fmt: skip
    await session.flush()
    await binding.revoke(session, team.pm, row.id, **HOW)
    assert await counterparts.speaking(session, person.slack_id or "UCORA", "T2") is None
    assert person.slack_id is None
    reply = (await rows(session, ReplyProposal))[0]
    assert (reply.state, reply.words) == ("dropped", "")
    await binding.confirm(session, team.pm, row.id, user=user(), **HOW)
    assert (await counterparts.speaking(session, "UCORA", "T2")).id == person.id, "they are who they were"


async def test_whoever_was_declined_is_not_asked_about_again_and_can_still_be_confirmed(session, team):
    row = await propose(session, team.acme)
    await binding.decline(session, team.pm, row.id, **HOW)
    assert (await propose(session, team.acme, now=LATER)).state == "declined"
    assert await counterparts.waiting(session, [team.acme.id]) == []
    await binding.confirm(session, team.pm, row.id, user=user(), **HOW)
    assert await counterparts.speaking(session, "UCORA", "T2") is not None


async def test_a_contact_of_the_same_name_or_address_is_who_they_are(session, team):
    by_name = await make.person(session, "Cora Counterpart", side="theirs", partner_id=team.acme.id, slack_id=None)
    found = await binding.confirm(session, team.pm, (await propose(session, team.acme)).id, user=user(), **HOW)
    assert found.id == by_name.id
    by_mail = await make.person(
        session, "C. Two", side="theirs", partner_id=team.acme.id, slack_id=None, email="two@acme.example"
    )
    row = await propose(session, team.acme, slack_id="UTWO")
    found = await binding.confirm(
        session, team.pm, row.id, user=user("UTWO", name="Carl Two", email="Two@acme.example"), **HOW
    )
    assert found.id == by_mail.id


async def test_a_slack_id_that_an_old_file_gave_to_somebody_else_binds_nobody(session, team):
    beta = await make.partner(session, "Beta", team.pm)
    stale = await make.person(session, "Stale", side="theirs", partner_id=beta.id, slack_id="UCORA")
    person = await binding.confirm(session, team.pm, (await propose(session, team.acme)).id, user=user(), **HOW)
    assert (person.slack_id, stale.slack_id) == ("UCORA", None)


async def test_the_manager_names_somebody_which_is_a_confirmation(session, team):
    person = await binding.name_user(session, team.pm, team.acme.id, user(), ours=False, **HOW)
    assert (await counterparts.speaking(session, "UCORA", "T2")).id == person.id
    for refused, ours, words in (
        (user("UX", is_bot=True), False, "app"),
        (user("UX", deleted=True), False, "deactivated"),
        (user("UX", guest=True), False, "guest"),
        (user("UX"), True, "our own company"),
        (user("UX", team_id=""), False, "which company"),
    ):
        with pytest.raises(FieldErrors, match=words):
            await binding.name_user(session, team.pm, team.acme.id, refused, ours=ours, **HOW)


PEOPLE = """name,email,role,partner,slack_id
Cora Counterpart,cora@acme.example,counterpart,Acme,UCORA
"""


async def test_a_file_names_a_counterpart_and_never_confirms_them(session, team):
    found = await import_people(session, PEOPLE, file_name="people.csv", now=NOW, policy=POLICY)
    assert any("asked whether they speak for Acme" in line for line in found.lines)
    row = (await rows(session))[0]
    assert (row.how, row.state, row.slack_team_id, row.name) == ("named", "proposed", "", "Cora Counterpart")
    person = (await session.scalars(select(Person).where(Person.email == "cora@acme.example"))).one()
    assert person.slack_id is None, "no file says whose Slack user a partner's person is"
    assert await counterparts.speaking(session, "UCORA", "") is None
    await import_people(session, PEOPLE, file_name="people.csv", now=LATER, policy=POLICY)
    assert len(await rows(session)) == 1
    with pytest.raises(UserError, match="which company"):
        await binding.confirm(session, team.pm, row.id, **HOW)
    bound = await binding.confirm(session, team.pm, row.id, user=user(), our_team="T1", **HOW)
    assert bound.id == person.id
    assert (await counterparts.speaking(session, "UCORA", "T2")).id == person.id


async def test_a_click_of_whom_a_file_named_says_the_workspace(session, team):
    await import_people(session, PEOPLE, file_name="people.csv", now=NOW, policy=POLICY)
    row = await propose(session, team.acme)
    assert (row.how, row.slack_team_id, len(await rows(session))) == ("named", "T2", 1)


async def test_an_outsider_who_joins_the_joint_channel_is_proposed_and_one_of_ours_is_not(session, team):
    await make.joint_channel(session, team.acme)
    joined = {"channel_id": "CACME", "our_team": "T1", **HOW}
    assert await counterparts.joined(session, slack_id="UANN", team_id="T1", **joined) is None
    assert await counterparts.joined(session, slack_id="UANN", team_id="T2", **joined) is None, "a known person of ours"
    row = await counterparts.joined(session, slack_id="UNEW", team_id="T2", **joined)
    assert (row.how, row.partner_id) == ("joined", team.acme.id)
    elsewhere = {**joined, "channel_id": "COTHER"}
    assert await counterparts.joined(session, slack_id="UNEW2", team_id="T2", **elsewhere) is None


async def test_an_absent_managers_cover_is_asked_and_without_a_manager_the_head_or_an_admin(session, team):
    from models import people

    cover = await make.person(session, "Carla Cover")
    await people.record_absence(session, team.pm, first=NOW.date(), last=NOW.date(), cover=cover, by=team.pm, **HOW)
    asked = [one.id for one in await desk.keepers(session, team.acme, **HOW)]
    assert asked == [cover.id]
    row = await propose(session, team.acme)
    await binding.confirm(session, cover, row.id, user=user(), **HOW)
    nobody = await make.partner(session, "Nobody")
    assert [one.id for one in await desk.keepers(session, nobody, **HOW)] == [team.head.id]
    team.head.active = False
    admin = await make.person(session, "Adam Admin", "admin")
    await session.flush()
    assert [one.id for one in await desk.keepers(session, nobody, **HOW)] == [admin.id]
    mine = await propose(session, nobody, slack_id="UNINA")
    await binding.confirm(session, admin, mine.id, user=user("UNINA", name="Nina"), **HOW)
    with pytest.raises(NotAllowed):
        await binding.revoke(session, admin, row.id, **HOW)
