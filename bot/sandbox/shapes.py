"""People and channels as Slack's API shows them to the app; what it withholds of people of other companies is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from bot.sandbox import outsiders
from bot.sandbox.models import Channel, User

if TYPE_CHECKING:
    from bot.sandbox.world import World

Json = dict[str, Any]


def user(world: World, one: User, *, everything: bool = False) -> Json:
    """As users.info shows it; `everything`: as who runs this Slack sees it, all e-mail addresses included."""
    outside = outsiders.is_outsider(world, one)
    stranger = outsiders.is_stranger(world, one)
    withheld = not everything and (
        "users:read.email" not in world.manifest.scopes or stranger or (outside and not world.switches.outsiders_emails)
    )
    shown: Json = {
        "id": one.id,
        "team_id": one.team_id,
        "name": one.name,
        "real_name": one.label,
        "deleted": one.deleted,
        "is_bot": one.is_bot,
        "is_app_user": False,
        "updated": int(world.clock.now().timestamp()),
        "profile": _profile(one) | ({"email": one.email} if one.email and not one.is_bot and not withheld else {}),
    }
    company = world.company(one.team_id)
    if company.enterprise_id:
        shown["enterprise_user"] = {
            "id": one.id,
            "enterprise_id": company.enterprise_id,
            "enterprise_name": company.name,
            "is_admin": False,
            "is_owner": False,
            "teams": [one.team_id],
        }
    if outside:
        return shown | {"is_stranger": stranger}
    return shown if one.deleted else shown | _of_ours(world, one)


def _profile(one: User) -> Json:
    return {
        "real_name": one.label,
        "real_name_normalized": one.label,
        "display_name": one.name,
        "display_name_normalized": one.name,
        "title": one.title,
        "team": one.team_id,
    }


def _of_ours(world: World, one: User) -> Json:
    local = world.clock.now().astimezone(ZoneInfo(one.tz))
    offset = local.utcoffset()
    return {
        "tz": one.tz,
        "tz_label": local.tzname() or one.tz,
        "tz_offset": int(offset.total_seconds()) if offset else 0,
        "is_admin": one.is_admin,
        "is_owner": one.is_owner,
        "is_primary_owner": one.is_primary_owner,
        "is_restricted": one.is_restricted,
        "is_ultra_restricted": one.is_ultra_restricted,
        "is_email_confirmed": True,
    }


def small_user(world: World, one: User | None) -> Json:
    """As the events of invitations name a person."""
    if one is None:
        return {}
    shown = user(world, one)
    return {name: shown[name] for name in ("id", "team_id", "name", "updated", "profile")}


def team(world: World, team_id: str) -> Json:
    """As the events of invitations name a company."""
    one = world.company(team_id)
    return {
        "id": team_id,
        "name": one.name,
        "icon": {"image_default": True},
        "avatar_base_url": "https://ca.slack-edge.com/",
        "is_verified": False,
        "domain": one.domain,
        "date_created": 1_500_000_000,
    }


def channel(world: World, one: Channel, *, full: bool) -> Json:
    """As conversations.info shows it; not `full` as conversations.list does, which does not say who is connected."""
    home = world.team.id
    if one.is_im:
        return {
            "id": one.id,
            "created": one.created,
            "is_archived": False,
            "is_im": True,
            "is_org_shared": False,
            "context_team_id": home,
            "user": one.im_user,
            "is_user_deleted": False,
        }
    shown: Json = {
        "id": one.id,
        "name": one.name,
        "name_normalized": one.name,
        "is_channel": not one.is_private,
        "is_group": one.is_private,
        "is_im": False,
        "is_mpim": False,
        "is_private": one.is_private,
        "is_archived": one.is_archived,
        "is_general": one.name == "general",
        "is_member": world.app.bot_user_id in one.members,
        "is_shared": one.is_shared or one.is_ext_shared or one.is_org_shared,
        "is_ext_shared": one.is_ext_shared,
        "is_org_shared": one.is_org_shared,
        "is_pending_ext_shared": one.is_pending_ext_shared,
        "pending_shared": list(one.pending_connected_team_ids),
        "pending_connected_team_ids": list(one.pending_connected_team_ids),
        "shared_team_ids": [home, *one.org_team_ids, *one.connected_team_ids],
        "context_team_id": home,
        "created": one.created,
        "creator": one.creator,
        "unlinked": 0,
        "previous_names": [],
        "topic": {"value": one.topic, "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
        "num_members": len(one.members),
    }
    grid = {"enterprise_id": world.team.enterprise_id} if world.team.enterprise_id else {}
    return shown | grid | (_connections(world, one) if full else {})


def _connections(world: World, one: Channel) -> Json:
    """Who is connected; Slack counts our own company among them."""
    home = outsiders.connection(world, world.team.id)
    host = one.host_team_id or world.team.id
    connected = [home, *one.connected_team_ids] if one.connected_team_ids else []
    internal = [world.team.id, *one.org_team_ids] if one.is_org_shared else []
    return {"connected_team_ids": connected, "internal_team_ids": internal, "conversation_host_id": host}
