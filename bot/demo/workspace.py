"""The local Slack's seed for a cast: its people, the guests that are no owners, its channels and who is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.demo.build import Cast, Firm, Human

TEAM = "T0CADENCE"
BOT = "U0CADENCE"
TEAM_CHANNEL, EXECUTIVES = "partner-team", "executives"
Json = dict[str, Any]


def workspace(cast: Cast, *, owners: Mapping[str, set[str]]) -> Json:
    """As JSON. `owners`: partner name to the e-mails of the AEs on its deals."""
    users = [_user(human, place) for place, human in enumerate(cast.ours, 1)]
    theirs = [
        _user(human, 100 + 10 * number + place, team=_team(number))
        for number, firm in enumerate(cast.firms, 1)
        for place, human in enumerate(firm.counterparts if firm.joint else ())
    ]
    ids = {user["email"]: user["id"] for user in (*users, *theirs)}
    by_role = {role: [ids[human.email] for human in cast.ours if role in human.roles.split(";")] for role in _ROLES}
    return {
        "team": {"id": TEAM, "name": cast.name, "domain": cast.domain.split(".")[0]},
        "app": {"app_id": "A0CADENCE", "bot_user_id": BOT, "bot_id": "B0CADENCE", "name": "Cadence"},
        "users": [*users, *theirs, *_outsiders(cast)],
        "channels": [*_channels(cast, ids, by_role), *_partner_channels(cast, ids, by_role, owners)],
        "companies": [
            {"id": _team(number), "name": firm.name, "domain": firm.slug}
            for number, firm in enumerate(cast.firms, 1)
            if firm.joint
        ]
        + [{"id": "T0ELSEWHR", "name": "Elsewhere & Co", "domain": "elsewhere"}],
        "usergroups": [{"id": "S0SALES01", "handle": "sales", "name": "Sales", "users": by_role["ae"]}],
    }


_ROLES = ("ae", "pm", "head", "cro", "cfo", "ceo", "admin")


def _team(number: int) -> str:
    return f"T0PART{number:03d}"


def _user(human: Human, number: int, team: str = TEAM) -> Json:
    return {
        "id": f"U{number:08d}",
        "name": human.email.split("@")[0],
        "real_name": human.name,
        "email": human.email,
        "tz": human.zone,
        "title": human.title,
        "is_bot": False,
        "deleted": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "is_stranger": False,
        "team_id": team,
        "is_primary_owner": "admin" in human.roles.split(";"),
    }


def _outsiders(cast: Cast) -> list[Json]:
    """Who may be picked in a form and must be refused: a guest, a bot, somebody who left, somebody else's employee."""
    blank = {
        "tz": cast.zone,
        "is_bot": False,
        "deleted": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "is_stranger": False,
        "team_id": TEAM,
        "is_primary_owner": False,
    }
    return [
        {
            **blank,
            "id": "U90000001",
            "name": "guest.noor",
            "real_name": "Noor Haddad",
            "email": "noor@studio-haddad.example",
            "title": "Design contractor (guest)",
            "is_restricted": True,
        },
        {
            **blank,
            "id": "U90000002",
            "name": "deploybot",
            "real_name": "Deploybot",
            "email": "",
            "title": "Tells when something ships",
            "is_bot": True,
        },
        {
            **blank,
            "id": "U90000003",
            "name": "olafur.jonsson",
            "real_name": "Ólafur Jónsson",
            "email": f"olafur.jonsson@{cast.domain}",
            "title": "Account executive until last spring",
            "deleted": True,
        },
        {
            **blank,
            "id": "U90000004",
            "name": "sam.stranger",
            "real_name": "Sam Ferreira",
            "email": "sam@elsewhere.example",
            "title": "Works somewhere else",
            "team_id": "T0ELSEWHR",
            "is_stranger": True,
        },
    ]


def _channels(cast: Cast, ids: Mapping[str, str], by_role: Mapping[str, list[str]]) -> list[Json]:
    everybody = [ids[human.email] for human in cast.ours]
    leaders = _once([*by_role["head"], *by_role["cro"], *by_role["cfo"], *by_role["ceo"], *by_role["pm"]])
    return [
        _channel("C00000001", "general", [*everybody, "U90000001", BOT]),
        _channel("C00000002", "leadership", [*leaders, BOT], private=True),
        _channel("C00000003", "sales-floor", [*by_role["ae"], *by_role["pm"]]),
        _channel("C00000004", TEAM_CHANNEL, _once([*by_role["head"], *by_role["pm"], BOT])),
        _channel(
            "C00000005",
            EXECUTIVES,
            _once([*by_role["ceo"], *by_role["cfo"], *by_role["cro"], *by_role["head"], BOT]),
            private=True,
        ),
    ]


def _partner_channels(
    cast: Cast, ids: Mapping[str, str], by_role: Mapping[str, list[str]], owners: Mapping[str, set[str]]
) -> list[Json]:
    found: list[Json] = []
    for number, firm in enumerate(cast.firms, 1):
        ours = _once([ids[firm.pm], *(ids[email] for email in sorted(owners.get(firm.name, ()))), *by_role["head"]])
        if firm.internal:
            channel = _channel(f"C{100 + number:08d}", firm.internal_channel, [*ours, BOT], private=firm.private)
            found.append(channel)
        if firm.joint:
            found.append(_joint(firm, number, ours, [ids[human.email] for human in firm.counterparts]))
    return found


def _joint(firm: Firm, number: int, ours: list[str], theirs: list[str]) -> Json:
    channel = _channel(f"C{200 + number:08d}", firm.joint_channel, [*ours, *theirs, BOT])
    return channel | {"is_ext_shared": True, "is_shared": True, "connected_team_ids": [_team(number)]}


def _channel(channel_id: str, name: str, members: list[str], *, private: bool = False) -> Json:
    return {
        "id": channel_id,
        "name": name,
        "is_private": private,
        "members": members,
        "is_ext_shared": False,
        "is_shared": False,
    }


def _once(ids: list[str]) -> list[str]:
    return list(dict.fromkeys(ids))
