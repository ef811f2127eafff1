"""What the app may do and hears, read from its manifest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]


@dataclass(frozen=True)
class Manifest:
    name: str
    scopes: frozenset[str]
    commands: dict[str, Json]
    shortcuts: dict[str, Json]
    """Those on messages, by callback id."""
    events: frozenset[str]
    home_enabled: bool
    messages_enabled: bool

    @classmethod
    def read(cls, path: Path) -> Manifest:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        features = data.get("features", {})
        home = features.get("app_home", {})
        subscriptions = data.get("settings", {}).get("event_subscriptions", {})
        return cls(
            name=data["display_information"]["name"],
            scopes=frozenset(data.get("oauth_config", {}).get("scopes", {}).get("bot", [])),
            commands={row["command"]: row for row in features.get("slash_commands", [])},
            shortcuts={row["callback_id"]: row for row in features.get("shortcuts", []) if row["type"] == "message"},
            events=frozenset(subscriptions.get("bot_events", [])),
            home_enabled=bool(home.get("home_tab_enabled")),
            messages_enabled=bool(home.get("messages_tab_enabled")),
        )

    def hears(self, event: Json) -> bool:
        """Whether the app subscribes to this event. Messages are subscribed by kind of conversation."""
        kind = event["type"]
        if kind != "message":
            return kind in self.events
        plural = {"im": "im", "mpim": "mpim", "channel": "channels", "group": "groups"}
        return f"message.{plural[event['channel_type']]}" in self.events
