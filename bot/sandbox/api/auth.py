from __future__ import annotations

from bot.sandbox.api.base import Call, Json, Method


async def test(call: Call) -> Json:
    world = call.world
    grid = {"enterprise_id": world.team.enterprise_id} if world.team.enterprise_id else {}
    return {
        "url": f"https://{world.team.domain}.slack.com/",
        "team": world.team.name,
        "team_id": world.team.id,
        "user": world.app.name.lower(),
        "user_id": world.app.bot_user_id,
        "bot_id": world.app.bot_id,
        "is_enterprise_install": False,
        **grid,
    }


METHODS = {"auth.test": Method(test)}
