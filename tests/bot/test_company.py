"""Who is of our company: from the user's own workspace, on Grid from the enterprise; what nobody says counts against."""

import pytest

from bot.company import Company
from bot.delivery import Identity, Refused
from tests import make

US = Identity("T1", "U0BOT", "B0BOT")
GRID = Identity("T1", "U0BOT", "B0BOT", "E1")


def user(slack_id="UANN", team="T1", enterprise="", **more):
    grid = {"enterprise_user": {"enterprise_id": enterprise}} if enterprise else {}
    return {"id": slack_id, "team_id": team, **grid, **more}


class Slack:
    """What `users.info` says."""

    def __init__(self, *users, refuses=""):
        self.users, self.refuses, self.asked = {one["id"]: one for one in users}, refuses, []

    async def __call__(self, method, **arguments):
        assert method == "users.info"
        self.asked.append(arguments["user"])
        if self.refuses:
            raise Refused(self.refuses)
        return {"ok": True, "user": self.users.get(arguments["user"])}


def company(us, slack, db=None):
    async def identify():
        return us

    return Company(identify, slack, db)


@pytest.mark.parametrize(
    ("us", "team", "ours"),
    [
        (US, "T1", True), (US, "T2", False), (US, "", False), (US, "E1", False),
        (GRID, "T1", True), (GRID, "E1", True), (GRID, "E2", False), (GRID, "", False),
    ],
)  # fmt: skip
async def test_the_users_own_team_decides(us, team, ours):
    slack = Slack()
    assert await company(us, slack).ours("UANN", team) is ours
    assert slack.asked == []


async def test_nobody_is_not_ours_in_whatever_team():
    assert not await company(US, Slack()).ours("", "T1")


@pytest.mark.parametrize(
    ("said", "ours"),
    [
        (user(team="T2", enterprise="E1"), True),
        (user(team="T2", enterprise="E2"), False),
        (user(team="T2"), False),
        (user(team="T2", enterprise="E1", is_stranger=True), False),
        (user(team="T3", enterprise="E1"), False),
        (user("UBOB", team="T2", enterprise="E1"), False),
        (None, False),
    ],
)
async def test_on_grid_another_workspace_is_ours_when_slack_says_that_its_user_is_of_our_enterprise(said, ours):
    slack = Slack(*([said] if said is not None else []))
    slack.users = {"UANN": said}
    assert await company(GRID, slack).ours("UANN", "T2") is ours


async def test_a_workspace_of_our_enterprise_is_asked_about_once_and_a_stranger_teaches_nothing():
    slack = Slack(user(team="T2", enterprise="E1"), user("UEVE", team="T2", is_stranger=True))
    found = company(GRID, slack)
    assert not await found.ours("UEVE", "T2")
    for _ in range(3):
        assert await found.ours("UANN", "T2")
    assert slack.asked == ["UEVE", "UANN"]


@pytest.mark.parametrize("code", ["user_not_found", "ratelimited", "missing_scope"])
async def test_what_slack_does_not_say_counts_against_and_is_asked_again(code, sqlite):
    slack = Slack(user(team="T2", enterprise="E1"), refuses=code)
    found = company(GRID, slack, sqlite)
    assert not await found.ours("UANN", "T2")
    assert await found.team_of("UANN") == ""
    slack.refuses = ""
    assert await found.ours("UANN", "T2")
    assert await found.team_of("UANN") == "T2"


async def test_where_a_payload_names_no_team_the_row_says_it_and_else_slack(sqlite):
    async with sqlite.write() as session:
        await make.person(session, "Ann")
        await make.person(session, "Bob", slack_team_id=None)
    slack = Slack(user("UBOB", "T9"), user("UEVE", "T8", is_stranger=True))
    found = company(US, slack, sqlite)
    assert [await found.team_of(one) for one in ("UANN", "UBOB", "UEVE", "UNOBODY")] == ["T1", "T9", "", ""]
    assert slack.asked == ["UBOB", "UEVE", "UNOBODY"]
    assert [await found.team_of(one) for one in ("UANN", "UBOB")] == ["T1", "T9"]
    assert slack.asked == ["UBOB", "UEVE", "UNOBODY"], "what was found is remembered for a moment"
