"""Slack's directory in people: teams and guests, who is not listed any more, and the first admin."""

from types import SimpleNamespace

import pytest
from slack_sdk.errors import SlackApiError
from sqlalchemy import select

from bot import directory
from models.tables import Person, PersonRole
from tests import make
from tests.make import NOW, POLICY


def user(slack_id, team="T1", **more):
    return {"id": slack_id, "team_id": team, "name": slack_id.lower(), "real_name": slack_id, "profile": {}, **more}


class Client:
    """`users.list` and `users.info`."""

    def __init__(self, *listed, others=()):
        self.listed, self.others, self.asked = list(listed), {one["id"]: one for one in others}, []

    async def users_list(self, *, limit, cursor):
        return {"members": self.listed, "response_metadata": {}}

    async def users_info(self, *, user):
        self.asked.append(user)
        if user not in self.others:
            raise SlackApiError("refused", SimpleNamespace(get=lambda _name: "user_not_found"))
        return {"user": self.others[user]}


async def sync(db, client, *, admin="", **how):
    return await directory.sync(db, client, team_id="T1", admin=admin, now=NOW, policy=POLICY, **how)


async def active(db):
    async with db.read() as session:
        return {row.slack_id: row.active for row in await session.scalars(select(Person))}


async def test_one_of_ours_who_is_listed_no_more_and_works_elsewhere_has_left(sqlite):
    async with sqlite.write() as session:
        for name in ("Ann", "Bob", "Cal", "Dan"):
            await make.person(session, name)
        await make.person(session, "Eve", side="theirs")
    client = Client(user("UANN"), others=[user("UBOB", "T9"), user("UCAL", "T1")])
    found = await sync(sqlite, client)
    assert len(found.deactivated) == 1
    assert await active(sqlite) == {"UANN": True, "UBOB": False, "UCAL": True, "UDAN": True, "UEVE": True}
    assert sorted(client.asked) == ["UBOB", "UCAL", "UDAN"], (
        "those who are listed, and the partners' people, are not asked about"
    )


async def test_of_many_who_are_not_listed_a_few_are_asked_about_at_a_time(sqlite):
    async with sqlite.write() as session:
        for number in range(30):
            await make.person(session, f"P{number:02d}")
    client = Client()
    await sync(sqlite, client)
    await directory.sync(sqlite, client, team_id="T1", admin="", now=NOW.replace(hour=9), policy=POLICY)
    assert len(client.asked) == 2 * directory.MOST_ASKED
    assert len(set(client.asked)) == 30


async def test_guests_are_marked_and_people_of_our_enterprise_are_ours(sqlite):
    async with sqlite.write() as session:
        await make.person(session, "Ann")
        await make.person(session, "Bob", slack_team_id="T2")
    sister = user("UBOB", "T2", enterprise_user={"enterprise_id": "E1"})
    await sync(sqlite, Client(user("UANN", is_restricted=True), sister), enterprise_id="E1")
    async with sqlite.read() as session:
        rows = {row.slack_id: (row.active, row.guest) for row in await session.scalars(select(Person))}
    assert rows == {"UANN": (True, True), "UBOB": (True, False)}
    await sync(sqlite, Client(user("UANN"), sister))
    assert (await active(sqlite))["UBOB"] is False, "without an enterprise of ours T2 is another company"


@pytest.mark.parametrize(
    "who",
    [
        user("UEVE", "T9", is_primary_owner=True), user("UEVE", is_stranger=True, is_primary_owner=True),
        user("UEVE", "", is_primary_owner=True), user("UEVE", is_restricted=True, is_primary_owner=True),
        user("UEVE", "T2", is_primary_owner=True, enterprise_user={"enterprise_id": "E2"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("admin", ["", "UEVE"])
async def test_nobody_from_outside_becomes_the_first_admin(sqlite, who, admin):
    await sync(sqlite, Client(who), admin=admin, enterprise_id="E1")
    async with sqlite.read() as session:
        assert list(await session.scalars(select(PersonRole))) == []


async def test_the_first_admin_may_be_of_another_workspace_of_our_enterprise(sqlite):
    sister = user("UBOB", "T2", is_primary_owner=True, enterprise_user={"enterprise_id": "E1"})
    await sync(sqlite, Client(sister), enterprise_id="E1")
    async with sqlite.read() as session:
        assert [held.role for held in await session.scalars(select(PersonRole))] == ["admin"]
