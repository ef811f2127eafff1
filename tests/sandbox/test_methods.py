"""The local Slack knows the methods that the bot calls, and no other."""

import re
from pathlib import Path

from bot.sandbox.api.dispatch import methods

ROOT = Path(__file__).parents[2]
FAMILIES = (
    "admin|api|apps|auth|bookmarks|bots|calls|canvases|chat|conversations|dnd|emoji|files|functions|pins|reactions|"
    "reminders|search|slackLists|team|usergroups|users|views|workflows"
)
BY_NAME = re.compile(rf'"((?:{FAMILIES})\.[A-Za-z.]+)"')
BY_CLIENT = re.compile(rf"client\.((?!api_call)(?:{FAMILIES})_[A-Za-z_]+)\(")


def sources():
    for folder in ("bot", "handlers"):
        for path in (ROOT / folder).rglob("*.py"):
            if "sandbox" not in path.parts:
                yield path.read_text(encoding="utf-8")


def called():
    """What the bot's sources call, by name or as methods of the SDK's client."""
    found = set()
    for text in sources():
        found |= set(BY_NAME.findall(text))
        found |= {name.replace("_", ".") for name in BY_CLIENT.findall(text)}
    return found


async def test_what_the_bot_calls_is_there(slack):
    assert len(called()) > 10
    assert called() - set(methods(slack.sandbox.world, None)) == set()


async def test_what_is_there_is_called(slack):
    assert set(methods(slack.sandbox.world, None)) - called() == set()
