"""The roster by hand: who may be one of us, what is added and never taken, and the trail of each change."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from models import cadences, roster
from models.domain.errors import FieldErrors, NotAllowed, UserError
from models.people import SlackUser
from models.roster import Alike, NewPartner
from models.tables import Change, Partner, Person
from tests import make
from tests.make import NOW, POLICY

TEAM = "T1"
ANN = SlackUser("U1", TEAM, "Ann Seller", "Ann@Home.example", "Europe/London", is_bot=False, deleted=False, guest=False,
                stranger=False)  # fmt: skip


async def admit(session, user=ANN, *roles, by=None):
    return await roster.admit(session, user, roles=roles or ["ae"], by=by, now=NOW, team_id=TEAM)


async def trail(session, entity="person"):
    await session.flush()
    rows = await session.scalars(select(Change).where(Change.entity == entity).order_by(Change.id))
    return [(row.field, row.before, row.after, row.source) for row in rows]


def roles(person):
    return sorted(held.role for held in person.roles)


async def test_somebody_new_becomes_one_of_us_with_a_trail(db):
    async with db.write() as session:
        ada = await make.person(session, "Ada", "admin")
        ann = await admit(session, ANN, "ae", "pm", by=ada)
        assert (ann.name, ann.email, ann.slack_id, ann.slack_team_id, ann.zone, ann.side) == (
            "Ann Seller", "ann@home.example", "U1", TEAM, "Europe/London", "ours",
        )  # fmt: skip
        assert roles(ann) == ["ae", "pm"]
        assert await trail(session) == [
            ("name", None, "Ann Seller", "slack"), ("roles", [], ["ae", "pm"], "slack"),
        ]  # fmt: skip
        assert {row.by_id for row in await session.scalars(select(Change))} == {ada.id}


async def test_who_is_known_is_found_by_slack_id_then_by_address_and_roles_are_only_added(db):
    async with db.write() as session:
        by_id = await make.person(session, "Ann", "pm", slack_id="U1", email="other@home.example")
        assert (await admit(session)).id == by_id.id
        assert roles(by_id) == ["ae", "pm"]
    async with db.write() as session:
        by_mail = await make.person(session, "Bob", "ae", slack_id=None, email="bob@home.example", zone="")
        bob = replace(ANN, slack_id="U2", email="BOB@home.example")
        assert (await admit(session, bob)).id == by_mail.id
        assert (by_mail.slack_id, by_mail.slack_team_id, by_mail.zone, by_mail.name) == (
            "U2",
            TEAM,
            "Europe/London",
            "Bob",
        )
    async with db.write() as session:
        before = len(await trail(session))
        assert (await admit(session, bob)).id == by_mail.id
        assert len(await trail(session)) == before, "the same again changes nothing"
        assert len(list(await session.scalars(select(Person)))) == 2


async def test_who_came_back_is_active_again(db):
    async with db.write() as session:
        ann = await make.person(session, "Ann", "ae", slack_id="U1", active=False)
        await admit(session)
        assert ann.active
        assert ("active", False, True, "slack") in await trail(session)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"is_bot": True}, "Ann Seller is an app, not a person. Choose one named person."),
        ({"deleted": True}, "Ann Seller is deactivated in Slack. Choose somebody who is here."),
        (
            {"guest": True},
            "Ann Seller is a guest in this workspace. Only full members of our own company can be added.",
        ),
        ({"stranger": True}, "Ann Seller is not of this Slack workspace. Only people of our own company can be added."),
        ({"team_id": "T2"}, "Ann Seller is not of this Slack workspace. Only people of our own company can be added."),
        ({"team_id": ""}, "Ann Seller is not of this Slack workspace. Only people of our own company can be added."),
    ],
)
async def test_who_cannot_be_one_of_us_is_refused_in_words(empty, changed, words):
    async with empty.write() as session:
        with pytest.raises(FieldErrors) as refused:
            await admit(session, replace(ANN, **changed))
        assert refused.value.errors == {"person": words}
        assert list(await session.scalars(select(Person))) == []


async def test_on_grid_somebody_of_another_workspace_of_our_enterprise_is_one_of_us(empty):
    sister = replace(ANN, team_id="T2", enterprise_id="E1")
    async with empty.write() as session:
        made = await roster.admit(session, sister, roles=["ae"], by=None, now=NOW, team_id=TEAM, enterprise_id="E1")
        assert (made.side, made.slack_team_id) == ("ours", "T2")
        with pytest.raises(FieldErrors, match="not of this Slack workspace"):
            await roster.admit(session, replace(sister, enterprise_id="E2"), roles=["ae"], by=None, now=NOW,
                               team_id=TEAM, enterprise_id="E1")  # fmt: skip


async def test_an_address_proves_nothing_about_somebody_elses_account_or_side(empty):
    async with empty.write() as session:
        await make.person(session, "Ann", "ae", slack_id="U9", email="ann@home.example")
        acme = await make.partner(session)
        await make.person(session, "Cal", slack_id="U3", email="cal@acme.example", side="theirs", partner_id=acme.id)
        with pytest.raises(FieldErrors) as refused:
            await admit(session)
        assert "belongs to Ann, who has another Slack account here" in refused.value.errors["person"]
        with pytest.raises(FieldErrors) as refused:
            await admit(session, replace(ANN, slack_id="U3", email=""))
        assert "Cal is known as somebody who works for a partner" in refused.value.errors["person"]


async def test_a_role_there_is_none_of_is_a_mistake_of_the_caller_and_no_name_is_no_obstacle(empty):
    async with empty.write() as session:
        with pytest.raises(ValueError, match="king"):
            await admit(session, ANN, "king")
        assert (await admit(session, replace(ANN, name="", email=""))).name == "U1"


async def test_only_those_who_may_add_people(empty):
    async with empty.write() as session:
        pat, ada = await make.person(session, "Pat", "pm"), await make.person(session, "Ada", "admin")

        async def add(actor, holidays="", given=("ae",)):
            return await roster.add_person(session, actor, ANN, roles=given, holidays=holidays, now=NOW, team_id=TEAM)

        with pytest.raises(
            NotAllowed, match=r"You cannot add people or change their roles\. The head of partnerships and"
        ):
            await add(pat)
        with pytest.raises(FieldErrors) as refused:
            await add(ada, given=())
        assert "roles" in refused.value.errors
        with pytest.raises(FieldErrors) as refused:
            await add(ada, holidays="Narnia")
        assert "holidays" in refused.value.errors
        assert (await add(ada, holidays=" gb-eng ")).calendar == "GB-ENG"


async def test_roles_are_set_but_never_so_that_nobody_could_act(empty):
    async with empty.write() as session:
        ada, pat = await make.person(session, "Ada", "admin"), await make.person(session, "Pat", "pm")
        for name in ("Acme", "Beta", "Cobalt", "Dune"):
            await make.partner(session, name, pat)

        async def change(person, *wanted, holidays=""):
            return await roster.change_person(session, ada, person.id, roles=wanted, holidays=holidays, now=NOW)

        for person, wanted, words in (
            (pat, (), "Choose at least one role."),
            (pat, ("ae",), "Pat manages Acme, Beta, Cobalt and 1 more. Name another partner manager there first."),
            (ada, ("head",), "Ada is the only admin. Make somebody else one first."),
        ):
            with pytest.raises(FieldErrors) as refused:
                await change(person, *wanted)
            assert refused.value.errors["roles"].startswith(words)
        assert roles(await change(pat, "pm", "admin", holidays="US")) == ["admin", "pm"]
        assert roles(await change(ada, "head")) == ["head"], "there is another admin now"
        assert ("calendar", "", "US", "slack") in await trail(session)
        theirs = await make.person(session, "Cal", side="theirs")
        with pytest.raises(UserError, match="not one of ours any more"):
            await change(theirs, "ae")


async def world(session):
    ada, pat = await make.person(session, "Ada", "admin"), await make.person(session, "Pat", "pm")

    async def add(name, tier=1, **more):
        return await roster.add_partner(session, ada, NewPartner(name, tier, pm=pat, **more), now=NOW, policy=POLICY)

    return ada, pat, add


async def test_a_partner_is_added_once_with_its_trail(db):
    async with db.write() as session:
        _, pat, add = await world(session)
        acme = await add("  Acme  Inc ", archetype="MSP")
        assert (acme.name, acme.key, acme.tier, acme.tier_in_force, acme.pm_id) == (
            "Acme Inc",
            "acme inc",
            1,
            1,
            pat.id,
        )
        assert await trail(session, "partner") == [
            ("name", None, "Acme Inc", "slack"), ("tier", None, 1, "slack"), ("archetype", None, "MSP", "slack"),
            ("pm_id", None, pat.id, "slack"),
        ]  # fmt: skip
        for name in ("acme inc", "ACME\u00a0INC"):
            with pytest.raises(FieldErrors) as refused:
                await add(name)
            assert "is there already. Press “Change…” beside it" in refused.value.errors["name"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "Name the company."),
        ("  ", "Name the company."),
        ("A;B", "A semicolon separates"),
        ("x" * 81, "at most 80 characters"),
    ],
)
async def test_a_name_that_cannot_be_one_is_refused_on_the_field(empty, name, words):
    async with empty.write() as session:
        _, _, add = await world(session)
        with pytest.raises(FieldErrors) as refused:
            await add(name)
        assert words in refused.value.errors["name"]


async def test_all_that_is_wrong_is_said_at_once(empty):
    async with empty.write() as session:
        ada, pat, _ = await world(session)
        pat.active = False
        with pytest.raises(FieldErrors) as refused:
            wanted = NewPartner("", 7, "cult", pat)
            await roster.add_partner(session, ada, wanted, now=NOW, policy=POLICY)
        assert set(refused.value.errors) == {"name", "tier", "archetype", "manager"}
        with pytest.raises(NotAllowed, match=r"You cannot add partners or change their tier\."):
            bob = await make.person(session, "Bob", "ae", "pm")
            await roster.add_partner(session, bob, NewPartner("Acme", 1, pm=bob), now=NOW, policy=POLICY)


@pytest.mark.parametrize(
    ("name", "there", "like"),
    [
        ("Acme Corp", ["Acme"], ["Acme"]),
        ("Acme", ["Acme GmbH", "Acmeville"], ["Acme GmbH"]),
        ("Norhtwind", ["Northwind"], []),
        ("Northwnd", ["Northwind"], ["Northwind"]),
        ("Northwinds", ["Northwind"], ["Northwind"]),
        ("Southwind", ["Northwind"], []),
        ("Blue-Sky", ["Blue Sky", "BlueSky"], ["Blue Sky", "BlueSky"]),
        ("SAP", ["SAS"], []),
        ("Acme", [], []),
    ],
)
def test_which_names_are_alike(name, there, like):
    assert sorted(roster.alike(name, there)) == like


async def test_a_name_like_another_is_added_when_somebody_is_sure(empty):
    async with empty.write() as session:
        _, _, add = await world(session)
        await add("Acme")
        with pytest.raises(Alike) as asked:
            await add("Acme Corp")
        assert str(asked.value) == "Acme is there already, and “Acme Corp” looks like it."
        assert (await add("Acme Corp", sure=True)).key == "acme corp"


async def change(session, actor, partner, tier, now=NOW, pm=None):
    return await roster.change_partner(
        session, actor, partner.id, tier=tier, archetype="", pm=pm, now=now, policy=POLICY
    )  # fmt: skip


async def test_a_change_of_tier_counts_at_once_while_the_partner_is_new_and_next_week_afterwards(db):
    async with db.write() as session:
        ada, _, add = await world(session)
        acme = await add("Acme", 2)
        await cadences.ensure_standing(session, now=NOW, policy=POLICY)  # as the planner does within seconds
        await change(session, ada, acme, 1, NOW + timedelta(days=4))
        assert (acme.tier, acme.tier_in_force) == (1, 1)
        await change(session, ada, acme, 3, NOW + timedelta(days=7))
        assert (acme.tier, acme.tier_in_force) == (3, 1)
        assert [row[:3] for row in await trail(session, "partner")][-2:] == [("tier", 2, 1), ("tier", 1, 3)]


async def test_a_review_that_runs_is_not_cut_short_in_its_week(db):
    async with db.write() as session:
        ada, pat, add = await world(session)
        acme = await add("Acme")
        await cadences.set_up_review(
            session, acme, weekday=3, at=POLICY.review_at, minutes=30, by=pat, now=NOW, policy=POLICY
        )
        await change(session, ada, acme, 2)
        assert (acme.tier, acme.tier_in_force) == (2, 1)


async def test_the_first_manager_is_named_here_and_a_partner_that_is_gone_says_so(empty):
    async with empty.write() as session:
        ada, pat, _ = await world(session)
        acme = await make.partner(session, pm=None, tier=2)
        await change(session, ada, acme, 2, pm=pat)
        assert acme.pm_id == pat.id
        assert await trail(session, "partner") == [("pm_id", None, pat.id, "slack")]
        with pytest.raises(UserError, match="not there any more"):
            await change(session, ada, Partner(id=99), 1)


async def test_more_than_the_ceiling_is_taken_and_named(empty):
    async with empty.write() as session:
        _, _, add = await world(session)
        for name in ("Acme", "Birch", "Cobalt", "Dune", "Ember", "Fjord"):
            await add(name)
        assert await roster.breaches(session, POLICY) == []
        await add("Granite")
        [breach] = await roster.breaches(session, POLICY)
        assert breach.startswith("Pat: 7 Tier 1 partners for one partner manager; the ceiling is 6. More than that")


def test_the_ceiling_is_explained_with_the_companys_own_number():
    assert roster.ceiling_words(POLICY).startswith(
        "Tier 1 gets a weekly review: 4 to 6 for each partner manager. More than 6 is"
    )
    assert "up to 3 for each" in roster.ceiling_words(POLICY.model_copy(update={"tier1_ceiling": 3}))
