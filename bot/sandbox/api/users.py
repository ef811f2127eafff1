from __future__ import annotations

from bot.sandbox.api.base import ApiError, Call, Json, Method, page


async def everyone(call: Call) -> Json:
    """users.list: people of other companies are not in it."""
    members = [call.world.user_api(user) for user in call.world.users.values() if user.team_id == call.world.team.id]
    rows, following = page(call, members, max(len(members), 1), 1000)
    return {"members": rows, "cache_ts": int(call.world.clock.now().timestamp()), **cursor(following)}


async def info(call: Call) -> Json:
    """users.info: people of other companies too, as far as they are visible."""
    user = call.world.users.get(call.text("user"))
    if user is None:
        raise ApiError("user_not_found")
    return {"user": call.world.user_api(user)}


def cursor(following: str) -> Json:
    return {"response_metadata": {"next_cursor": following}}


METHODS = {"users.info": Method(info, ("users:read",)), "users.list": Method(everyone, ("users:read",))}
