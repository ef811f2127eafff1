"""People: who Slack's directory says they are, who left, who covers, and whom Cadence takes something from."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from models import people
from models.domain.errors import FieldErrors, NotAllowed
from models.people import SlackUser
from models.tables import Change
from tests import make
from tests.make import NOW, POLICY


def user(slack_id="UZED", email="zed@home.example", **more):
    return SlackUser(**{"slack_id": slack_id, "team_id": "T1", "name": "Zed", "email": email, "zone": "Europe/Paris",
                        "is_bot": False, "deleted": False, "guest": False, "stranger": False, **more})  # fmt: skip


@pytest.fixture
async def session(sqlite):
    async with sqlite.write() as session:
        yield session


async def sync(session, *users):
    return await people.sync(session, users, team_id="T1", now=NOW)


async def test_a_user_is_matched_by_e_mail_the_first_time_and_by_id_from_then_on(session):
    zed = await make.person(session, "Zed", slack_id=None, slack_team_id=None)
    assert (await sync(session, user(email="ZED@home.example"))).matched == 1
    assert (zed.slack_id, zed.slack_team_id, zed.zone) == ("UZED", "T1", "Europe/Paris")
    assert (await sync(session, user(email="new@home.example"))).matched == 1
    assert zed.email == "zed@home.example"


async def test_an_e_mail_never_takes_over_somebody_who_has_a_slack_id(session):
    zed = await make.person(session, "Zed")
    assert (await sync(session, user(slack_id="UOTHER"))).matched == 0
    assert zed.slack_id == "UZED"


async def test_an_e_mail_stored_in_capitals_is_found_too(session):
    zed = await make.person(session, "Zed", slack_id=None, email="Zed@Home.example")
    assert (await sync(session, user())).matched == 1
    assert zed.slack_id == "UZED"


@pytest.mark.parametrize("more", [{"team_id": "T9"}, {"stranger": True}, {"is_bot": True}, {"email": ""}])
async def test_whoever_is_not_of_our_workspace_never_becomes_one_of_ours(session, more):
    zed = await make.person(session, "Zed", slack_id=None)
    assert (await sync(session, user(**more))).matched == 0
    assert zed.slack_id is None


async def test_a_counterpart_is_matched_in_their_own_workspace_only(session):
    cal = await make.person(session, "Cal", side="theirs", slack_id=None, email="cal@acme.example")
    assert (await sync(session, user("UCAL", "cal@acme.example"))).matched == 0
    assert (await sync(session, user("UCAL", "cal@acme.example", team_id="T9"))).matched == 1
    assert cal.slack_id == "UCAL"


async def test_deactivation_is_noted_once_and_so_is_coming_back(session):
    zed = await make.person(session, "Zed")
    assert (await sync(session, user(deleted=True))).deactivated == (zed.id,)
    assert (await sync(session, user(deleted=True))).deactivated == ()
    assert not zed.active
    await sync(session, user())
    assert zed.active
    trail = list(await session.scalars(select(Change).order_by(Change.id)))
    assert [(row.field, row.before, row.after) for row in trail] == [("active", True, False), ("active", False, True)]


async def test_a_guest_is_marked_and_cannot_own_anything(session):
    zed = await make.person(session, "Zed")
    await sync(session, user(guest=True))
    assert people.why_no_owner(zed) == "Zed is a guest here. Choose one of our own people."


async def test_a_zone_from_the_people_file_is_kept(session):
    zed = await make.person(session, "Zed", zone="Asia/Tokyo")
    await sync(session, user())
    assert zed.zone == "Asia/Tokyo"


async def test_nobody_is_invented(session):
    assert (await sync(session, user())).matched == 0
    assert (await people.directory(session)).people == {}


async def test_only_a_known_active_person_of_ours_acts(session):
    await make.person(session, "Ann")
    await make.person(session, "Gone", active=False)
    await make.person(session, "Cal", side="theirs")
    assert (await people.acting(session, "UANN")).name == "Ann"
    for slack_id, words in {
        "UNOBODY": "does not know you yet",
        "UGONE": "deactivated",
        "UCAL": "our own company",
    }.items():
        with pytest.raises(NotAllowed, match=words):
            await people.acting(session, slack_id)


async def test_a_person_who_is_gone_from_the_database_is_said_so(session):
    with pytest.raises(NotAllowed, match="not known to Cadence any more"):
        await people.get(session, 99)


async def test_a_directory_names_everybody_and_never_shows_a_number(session):
    ann = await make.person(session, "Ann")
    book = await people.directory(session)
    assert [book.name(ann.id), book.name(None), book.name(99)] == ["Ann", "nobody", "nobody"]
    assert [book.slack_id(ann.id), book.slack_id(None), book.slack_id(99)] == ["UANN", None, None]


async def away(session, who, **more):
    given = {"first": NOW.date(), "last": NOW.date() + timedelta(days=3), "cover": None, "by": who} | more
    return await people.record_absence(session, who, **given, now=NOW, policy=POLICY)


async def test_an_absence_names_its_cover_and_ends(session):
    ann, bob = await make.person(session, "Ann"), await make.person(session, "Bob")
    absence = await away(session, ann, cover=bob)
    assert await people.covers(session, now=NOW, policy=POLICY) == {ann.id: bob.id}
    assert await people.covers(session, now=NOW + timedelta(days=4), policy=POLICY) == {}
    assert await people.absent_on(session, [ann.id, bob.id], NOW.date()) == {ann.id}
    assert await people.absences_of(session, ann.id, since=NOW.date()) == [absence]
    assert await people.standing_absences(session) == [(absence.first_day, absence.last_day, ann.id, bob.id)]
    reader = (await people.readers(session, [ann, bob], POLICY))[ann.id]
    assert len(reader.absences) == 1
    with pytest.raises(NotAllowed, match="Only the person who is away"):
        await people.cancel_absence(session, absence.id, by=bob, now=NOW)
    await people.cancel_absence(session, absence.id, by=ann, now=NOW)
    await people.cancel_absence(session, absence.id, by=bob, now=NOW)
    await people.cancel_absence(session, 99, by=ann, now=NOW)
    assert await people.covers(session, now=NOW, policy=POLICY) == {}
    assert [row.field for row in await session.scalars(select(Change))] == ["absence", "absence"]


async def test_the_day_of_an_absence_is_the_absent_persons_own(session):
    ann, bob = await make.person(session, "Ann", zone="Pacific/Auckland"), await make.person(session, "Bob")
    await away(session, ann, first=date(2026, 3, 3), last=date(2026, 3, 3), cover=bob)
    assert await people.covers(session, now=NOW.replace(hour=12), policy=POLICY) == {ann.id: bob.id}
    assert await people.covers(session, now=NOW.replace(hour=10), policy=POLICY) == {}


@pytest.mark.parametrize(
    ("more", "errors"),
    [
        ({"first": date(2026, 3, 9), "last": date(2026, 3, 8)}, {"last": "The last day is before the first day."}),
        ({"first": date(2026, 2, 1), "last": date(2026, 2, 2)}, {"last": "This absence is already over."}),
    ],
)
async def test_impossible_absences_are_refused_on_their_field(session, more, errors):
    ann = await make.person(session, "Ann")
    with pytest.raises(FieldErrors) as found:
        await away(session, ann, **more)
    assert found.value.errors == errors


async def test_a_cover_is_somebody_else_who_can_do_it(session):
    ann = await make.person(session, "Ann")
    cal = await make.person(session, "Cal", side="theirs")
    for cover, words in ((ann, "Somebody else has to cover for you."), (cal, people.why_no_owner(cal))):
        with pytest.raises(FieldErrors) as found:
            await away(session, ann, cover=cover)
        assert found.value.errors == {"cover": words}


async def test_who_can_mend_things_is_the_heads_and_the_admins_who_are_still_here(session):
    for name, roles, more in (("Hedda", ["head"], {}), ("Ada", ["admin"], {}), ("Old", ["head"], {"active": False}),
                              ("Pat", ["pm"], {})):  # fmt: skip
        await make.person(session, name, *roles, **more)
    assert {row.name for row in await people.heads_and_admins(session)} == {"Hedda", "Ada"}


@pytest.mark.parametrize("more", [{"team_id": "T9"}, {"stranger": True}, {"team_id": "T9", "enterprise_id": "E9"}])
async def test_one_of_ours_who_moved_to_another_company_has_left_and_may_come_back(session, more):
    zed = await make.person(session, "Zed", "head")
    assert (await sync(session, user(**more))).deactivated == (zed.id,)
    assert (zed.active, zed.side, zed.slack_team_id) == (False, "ours", more.get("team_id", "T1"))
    with pytest.raises(NotAllowed, match="deactivated"):
        people.admitted(zed)
    assert not people.is_ours(zed)
    assert (await sync(session, user(**more))).deactivated == ()
    await sync(session, user())
    assert (zed.active, zed.slack_team_id) == (True, "T1")


async def test_a_user_whose_workspace_slack_does_not_say_is_left_as_they_were(session):
    zed = await make.person(session, "Zed")
    assert (await sync(session, user(team_id="", deleted=False))).matched == 0
    assert zed.active


async def test_on_grid_people_of_every_workspace_of_our_enterprise_are_ours(session):
    zed = await make.person(session, "Zed", slack_id=None, slack_team_id=None)
    theirs = user(team_id="T2", enterprise_id="E1")
    assert (await sync(session, theirs)).matched == 0, (
        "without an enterprise of our own another workspace is another company"
    )
    found = await people.sync(session, [theirs], team_id="T1", enterprise_id="E1", now=NOW)
    assert (found.matched, zed.slack_id, zed.slack_team_id, zed.active) == (1, "UZED", "T2", True)
    gone = await people.sync(
        session, [user(team_id="T2", enterprise_id="E2")], team_id="T1", enterprise_id="E1", now=NOW
    )
    assert gone.deactivated == (zed.id,)


async def test_a_counterpart_who_moves_is_noted_nowhere_for_their_binding_says_it(session):
    cal = await make.person(session, "Cal", side="theirs", slack_team_id="T9")
    assert (await sync(session, user("UCAL", team_id="T8"))).matched == 1
    assert (cal.slack_team_id, cal.active, cal.side) == ("T9", True, "theirs")


async def test_a_guest_acts_for_nobody(session):
    zed = await make.person(session, "Zed", "head", guest=True)
    assert not people.as_actor(zed).active
    with pytest.raises(NotAllowed, match="guest"):
        people.admitted(zed)
