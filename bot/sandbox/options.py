"""What a local Slack is told at its start."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class SandboxOptions:
    """Settings of one local Slack. Durations are real seconds; only `start_at` is business time."""

    manifest: Path
    """The app's manifest: scopes, commands and events come from it."""
    port: int = 4500
    """0 takes any free port."""
    bot_token: str = "xoxb-local"  # noqa: S105 - opens nothing but this process
    app_token: str = "xapp-local"  # noqa: S105 - as above
    signing_secret: str = "local-signing-secret"  # noqa: S105 - as above
    bot_url: str | None = None
    """Base address of the bot's own HTTP server: control, health, and /slack/events in HTTP mode."""
    deliver: Literal["socket", "http"] = "socket"
    start_at: datetime | None = None
    """Business time at the start, aware; None is a real, running clock."""
    company_tz: str = ""
    """The zone of the clock bar, of "end of day" and of "Friday 16:00"; empty is the primary owner's."""
    ack_seconds: float = 3.0
    trigger_seconds: float = 3.0
    socket_retry_seconds: float = 4.0
    http_retry_delays: tuple[float, ...] = (0.0, 60.0, 300.0)
    retry_scale: float = 1.0
    """Multiplies the delays between retries that are over five seconds, so that tests do not wait for minutes."""
    connection_seconds: float = 3600.0
    """The life of a socket: ten seconds before its end it is warned, then asked to reconnect."""
    ping_seconds: float = 10.0
    """How often a socket is pinged: clients take a silent server for dead."""
    command_wait: float = 5.0
    """How long the person's client looks for what a command caused."""
    click_wait: float = 2.0
    control_timeout: float = 120.0
    heartbeat: float = 2.0
    rate_limits: bool = True
    """Refuse by Slack's tiers; `tiers` says which clock counts."""
    log_size: int = 40_000
