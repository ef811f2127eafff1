"""An effect happens once, however often Slack sends it: the answer is kept in the effect's own transaction."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.kit.deps import Body, Deps, user_id
from models import inbox

Effect = Callable[[AsyncSession], Awaitable[Mapping[str, Any]]]


async def once(deps: Deps, body: Body, key: str, effect: Effect) -> Mapping[str, Any]:
    """Run `effect` and keep its response under `key`; a repeat has no effect and gets the same response.

    Only a repeat by the same person: what somebody was answered is theirs, and whoever sends the same again with another
    name is judged anew.
    """
    mine = f"{user_id(body)}:{key}"
    async with deps.db.write_together() as session:
        stored = await inbox.begin_once(session, mine, now=deps.now())
        if stored is not None:
            return stored
        response = await effect(session)
        await inbox.keep_response(session, mine, response)
    return response
