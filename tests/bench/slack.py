"""A Slack that says yes: a process of its own, so that its work is not counted as ours."""

import asyncio
import sys

from aiohttp import web

ANSWERS = {
    "auth.test": {"ok": True, "team_id": "T0HOME", "user_id": "U0BOT", "bot_id": "B0BOT"},
    "users.list": {"ok": True, "members": []},
    "views.open": {"ok": True, "view": {"id": "V1"}},
    "conversations.open": {"ok": True, "channel": {"id": "D1"}},
    "chat.postMessage": {"ok": True, "channel": "D1", "ts": "1.1"},
}


async def answer(request: web.Request) -> web.Response:
    await request.read()
    return web.json_response(ANSWERS.get(request.match_info["method"], {"ok": True}))


async def main() -> None:
    app = web.Application(client_max_size=8 * 1024 * 1024)
    app.router.add_route("*", "/api/{method}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
