"""The project's own documents and tools: what they say is what the code does."""

import ast
import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.settings import Settings, environment_name
from handlers.features import CARD_RENDERERS, FEATURES, RENDERERS
from models import births, cards, drafts, pulses
from models.forecast import announcing

ROOT = Path(__file__).resolve().parent.parent
CODE = [path for room in ("bot", "handlers", "scheduling", "models") for path in sorted((ROOT / room).rglob("*.py"))]
BOT_CODE = [path for path in CODE if "sandbox" not in path.parts and "demo" not in path.parts]
MANIFEST: dict[str, Any] = yaml.safe_load((ROOT / "app_manifest.yml").read_text())

#: Web API methods and the bot scopes each needs, from Slack's documentation (slack-facts, section 5). A conversation
#: method needs the scope of each kind of channel it is used on; the bot has public and private channels and DMs.
SCOPES: dict[str, set[str]] = {
    "auth.test": set(),
    "chat.postMessage": {"chat:write"},
    "chat.update": {"chat:write"},
    "chat.postEphemeral": {"chat:write"},
    "conversations.history": {"channels:history", "groups:history", "im:history"},
    "conversations.replies": {"channels:history", "groups:history", "im:history"},
    "conversations.info": {"channels:read", "groups:read"},
    "conversations.list": {"channels:read", "groups:read"},
    "conversations.members": {"channels:read", "groups:read"},
    "conversations.open": {"im:write"},
    "conversations.create": {"channels:manage", "groups:write"},
    "conversations.invite": {"channels:manage", "groups:write"},
    "files.getUploadURLExternal": {"files:write"},
    "files.completeUploadExternal": {"files:write"},
    "files.info": {"files:read"},
    "users.list": {"users:read", "users:read.email"},
    "users.info": {"users:read", "users:read.email"},
    "views.open": set(),
    "views.push": set(),
    "views.update": set(),
    "views.publish": set(),
    "apps.connections.open": set(),  # the app-level token's connections:write
}
EVENT_SCOPES: dict[str, set[str]] = {
    "app_home_opened": set(),
    "channel_archive": {"channels:read"},
    "channel_unarchive": {"channels:read"},
    "channel_rename": {"channels:read"},
    "channel_shared": {"channels:read", "groups:read"},
    "channel_unshared": {"channels:read", "groups:read"},
    "channel_id_changed": {"channels:read", "groups:read"},
    "group_archive": {"groups:read"},
    "group_unarchive": {"groups:read"},
    "group_rename": {"groups:read"},
    "group_left": {"groups:read"},
    "channel_left": {"channels:read"},
    "channel_deleted": {"channels:read"},
    "group_deleted": {"groups:read"},
    "member_joined_channel": {"channels:read", "groups:read"},
    "member_left_channel": {"channels:read", "groups:read"},
    "message.channels": {"channels:history"},
    "message.groups": {"groups:history"},
    "message.im": {"im:history"},
    "team_join": {"users:read"},
    "user_change": {"users:read"},
}


def nodes(path: Path, word: str = "") -> Iterator[ast.AST]:
    """Everything in a module, if this word stands in it at all: reading a module as a tree is slow."""
    text = path.read_text()
    if word in text:
        yield from ast.walk(ast.parse(text))


class Bolt:
    """An app that notes what is registered with it."""

    def __init__(self) -> None:
        self.found: defaultdict[str, list[Any]] = defaultdict(list)

    def __getattr__(self, kind: str) -> Any:
        def register(what: Any) -> Any:
            self.found[kind].append(what if isinstance(what, dict) else str(what))
            return lambda listener: listener

        return register


@pytest.fixture(scope="module")
def registered() -> dict[str, list[Any]]:
    app = Bolt()
    for feature in FEATURES:
        feature.register(app)  # type: ignore[arg-type]
    return app.found


@cache
def methods_called() -> frozenset[str]:
    """The Web API methods the bot calls: attributes of slack_sdk's client, and names given to `api_call`."""
    known = {name.replace(".", "_"): name for name in SCOPES}
    found: set[str] = set()
    for path in BOT_CODE:
        for node in nodes(path):
            if (
                isinstance(node, ast.Attribute)
                and re.match(
                    r"(auth|chat|conversations|users|views|files|reactions|pins|team|usergroups|bookmarks|canvases)_[a-z]\w+$",
                    node.attr,
                )
                and isinstance(node.value, ast.Name | ast.Attribute)
                and "client" in ast.unparse(node.value)
            ):
                found.add(known.get(node.attr, node.attr))
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and re.fullmatch(r"(auth|chat|conversations|users|views|files)\.[a-zA-Z]+", node.value)
            ):
                found.add(node.value)
    return frozenset(found)  # fmt: skip


def test_every_slash_command_stands_in_the_manifest_and_the_other_way_round(registered):
    assert sorted(registered["command"]) == sorted(row["command"] for row in MANIFEST["features"]["slash_commands"])


def test_every_shortcut_stands_in_the_manifest_and_the_other_way_round(registered):
    shortcuts = MANIFEST["features"]["shortcuts"]
    assert sorted(registered["shortcut"]) == sorted(row["callback_id"] for row in shortcuts)
    for row in shortcuts:
        assert len(row["name"]) <= 24
        assert row["type"] in ("message", "global")
        assert row["description"]


def test_every_event_stands_in_the_manifest_and_the_other_way_round(registered):
    subscribed = {name.split(".")[0] for name in MANIFEST["settings"]["event_subscriptions"]["bot_events"]}
    assert set(registered["event"]) == subscribed


def test_nothing_is_registered_twice(registered):
    for kind in ("command", "event", "action", "view", "shortcut", "options"):
        assert len(registered[kind]) == len(set(registered[kind])), kind


def test_every_scope_is_needed_by_a_method_a_command_or_an_event_and_nothing_lacks_one():
    called = methods_called()
    assert called <= set(SCOPES), f"say which scopes {called - set(SCOPES)} needs"
    needed = {"commands"}.union(*(SCOPES[name] for name in called))
    for event in MANIFEST["settings"]["event_subscriptions"]["bot_events"]:
        needed |= EVENT_SCOPES[event]
    assert set(MANIFEST["oauth_config"]["scopes"]["bot"]) == needed


def test_the_methods_of_the_table_are_found_by_reading_the_code():
    assert {"chat.postMessage", "chat.update", "views.open", "views.push", "users.list"} <= methods_called()


def test_the_manifest_keeps_slacks_limits():
    about, features = MANIFEST["display_information"], MANIFEST["features"]
    assert len(about["name"]) <= 35
    assert len(about["description"]) <= 140
    assert re.fullmatch(r"#[0-9a-f]{6}", about["background_color"])
    assert len(features["bot_user"]["display_name"]) <= 80
    assert len(features["slash_commands"]) <= 50
    for row in features["slash_commands"]:
        assert re.fullmatch(r"/[a-z]{1,31}", row["command"])
        assert row["description"]
        assert "url" not in row
    assert len(features.get("shortcuts", [])) <= 10
    assert len(MANIFEST["settings"]["event_subscriptions"]["bot_events"]) <= 100
    assert set(MANIFEST["settings"]["event_subscriptions"]) == {"bot_events"}
    assert MANIFEST["settings"]["socket_mode_enabled"] is True
    assert MANIFEST["settings"]["interactivity"] == {"is_enabled": True}
    assert MANIFEST["_metadata"]["major_version"] == 2


def readme() -> str:
    return (ROOT / "README.md").read_text()


def test_every_setting_stands_in_the_readme_and_none_that_does_not_exist():
    names = {environment_name(field) for field in Settings.model_fields}
    text = readme()
    assert sorted(name for name in names if f"`{name}`" not in text) == []
    said = set(re.findall(r"`(CADENCE_[A-Z0-9_]+)`", text))
    assert said - names <= {"CADENCE_REQUIRE_ALL"}


def test_every_command_of_the_command_line_stands_in_the_readme():
    from typer.main import get_command

    from bot.cli import app

    text = readme()
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert sorted(name for name in commands if f"cadence {name}" not in text) == []
    options = {
        opt for opt in (opt for param in commands["import"].params for opt in param.opts) if opt.startswith("--")
    }
    assert sorted(opt for opt in options if opt not in text) == []


def test_every_slash_command_stands_in_the_readme():
    assert [
        row["command"] for row in MANIFEST["features"]["slash_commands"] if f"`{row['command']}" not in readme()
    ] == []


def test_every_make_target_stands_in_the_readme_and_makes_something():
    makefile = (ROOT / "Makefile").read_text()
    phony = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())  # type: ignore[index]
    rules = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    assert phony == rules
    text = readme()
    assert (
        sorted(target for target in phony - {"help", "lint", "types", "imports"} if f"make {target}" not in text) == []
    )
    for target in re.findall(r"`make ([a-z-]+)", text):
        assert target in phony


def test_what_the_readme_links_to_exists():
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", readme())
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_template_that_is_owed_and_every_kind_of_card_has_a_renderer():
    owed = {found for path in CODE for found in _templates(path)}
    assert owed <= set(RENDERERS) | set(CARD_RENDERERS)
    kinds = {value for name, value in vars(cards).items() if name.isupper() and isinstance(value, str)}
    assert kinds | {births.CARD, drafts.CARD, pulses.REPORT, announcing.CARD} == set(CARD_RENDERERS)


def _templates(path: Path) -> Iterator[str]:
    for node in nodes(path, "template"):
        if isinstance(node, ast.keyword) and node.arg == "template" and isinstance(node.value, ast.Constant):
            yield str(node.value.value)


@pytest.mark.parametrize("name", ["run.txt", "dev.txt"])
def test_requirements_are_locked_with_hashes_and_name_no_index(name):
    text = (ROOT / "requirements" / name).read_text()
    entries = [entry.replace("\\\n", " ") for entry in re.split(r"\n(?=[a-z0-9])", text.strip())]
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==[\w.!+]+", entry, re.IGNORECASE), entry[:80]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry[:80]
    assert not re.search(r"https?://|--index|--extra|--find-links|^-", text, re.MULTILINE)


def test_the_lock_of_the_node_tests_has_checksums_and_no_address():
    text = (ROOT / "tests" / "node" / "package-lock.json").read_text()
    assert not re.search(r'"resolved"|://', text)
    packages = {name: entry for name, entry in json.loads(text)["packages"].items() if name}
    assert packages
    assert [name for name, entry in packages.items() if not entry["integrity"].startswith("sha512-")] == []
    wanted = json.loads((ROOT / "tests" / "node" / "package.json").read_text())["dependencies"]
    assert wanted == {name: packages[f"node_modules/{name}"]["version"] for name in wanted}, "exact versions"


INSIDE = {"world", "people", "log", "events"}
"""What a local Slack has in memory, and the driver tells."""


def test_no_test_of_the_bot_looks_into_the_memory_of_the_local_slack():
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if path.relative_to(ROOT / "tests").parts[0] not in ("sandbox", "browser", "node")
        for node in nodes(path, "sandbox")
        if isinstance(node, ast.Attribute) and node.attr in INSIDE and ast.unparse(node.value).endswith("sandbox")
    ]
    assert found == [], "the driver is enough"


def test_the_tools_of_a_user_are_a_part_of_those_of_a_developer():
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[a-z0-9._-]+==\S+", (ROOT / "requirements" / name).read_text(), re.MULTILINE))

    assert pins("run.txt") <= pins("dev.txt")


TOOLS = {
    "lint": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "types": ["mypy"],
    "import rules": ["lint-imports"],
}


@pytest.mark.parametrize("tool", list(TOOLS))
def test_the_tree_is_clean_by(tool):
    name, *arguments = TOOLS[tool]
    done = subprocess.run(
        [str(Path(sys.executable).parent / name), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
