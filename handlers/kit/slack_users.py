"""Slack's user object, reduced to what Cadence decides by: one reading of it for events, the directory and forms."""

from collections.abc import Mapping
from typing import Any

from models.people import SlackUser


def slack_user(user: Mapping[str, Any]) -> SlackUser:
    """What Slack says of one user. What is withheld counts against, never for."""
    profile = user.get("profile") or {}
    grid = user.get("enterprise_user") or {}
    return SlackUser(
        slack_id=str(user["id"]),
        team_id=str(user.get("team_id") or ""),
        name=str(user.get("real_name") or profile.get("real_name") or user.get("name") or ""),
        email=str(profile.get("email") or ""),
        zone=str(user.get("tz") or ""),
        is_bot=bool(user.get("is_bot")) or user["id"] == "USLACKBOT",
        deleted=bool(user.get("deleted")),
        guest=bool(user.get("is_restricted") or user.get("is_ultra_restricted")),
        stranger=bool(user.get("is_stranger")),
        enterprise_id=str(grid.get("enterprise_id") or ""),
    )
