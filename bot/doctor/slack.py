"""Slack: whether it knows us, what it lets us do, how it reaches us, what time it has. Two calls."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import real_now
from bot.delivery.calls import INSTALLATION, RATE_LIMITS
from bot.settings import Settings
from models.checkup import Check, Finding, good, look, wrong

MANIFEST = Path(__file__).resolve().parent.parent.parent / "app_manifest.yml"
SCOPES_HEADER = "x-oauth-scopes"
APART = timedelta(seconds=60)
REFUSED_AFTER = timedelta(minutes=5)
"""Slack's own rule: a signature older than this is to be refused."""
REINSTALL = (
    "At api.slack.com/apps paste app_manifest.yml under App Manifest, save, and install the app to the workspace again."
)

TAKE_BACK = (
    "Nothing breaks. To take it back, remove it under OAuth & Permissions at api.slack.com/apps, uninstall the app from the "
    "workspace, install it again and copy the new token: installing alone only ever adds."
)
IMPLIED = frozenset({"identify"})
"""What Slack lists for older tokens without having been asked."""


@dataclass(frozen=True)
class Answer:
    """What came back: the body, or Slack's word for a refusal (`error`), or the kind of silence (`silence`)."""

    data: dict[str, Any]
    headers: dict[str, str]
    error: str = ""
    silence: str = ""


async def examine(
    client: AsyncWebClient, settings: Settings, *, running: bool, manifest: Path = MANIFEST
) -> tuple[list[Finding], bool]:
    """What was found, and whether Slack knows us. `running`: a bot asks that Slack reaches already."""
    before = real_now()
    answer = await _ask(client.auth_test())
    between = before + (real_now() - before) / 2
    token, known = _token(answer, settings)
    if not known:
        return [token], False
    return [
        token,
        _scopes(answer.headers.get(SCOPES_HEADER), manifest),
        _clock(answer.headers.get("date"), between, settings),
        await _delivery(client, settings, running=running),
    ], True


async def _ask(call: Any) -> Answer:
    try:
        response = await call
    except SlackApiError as error:
        held = error.response
        if not hasattr(held, "get") or not hasattr(held, "headers"):
            return Answer({}, {}, silence="an answer that is not Slack's")
        return Answer({}, _small(held.headers), error=str(held.get("error") or f"HTTP {held.status_code}"))
    except (SlackClientError, aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        return Answer({}, {}, silence=type(error).__name__)
    if not isinstance(response.data, dict):
        return Answer({}, {}, silence="an answer that is not Slack's")
    return Answer(response.data, _small(response.headers))


def _small(headers: Any) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in dict(headers or {}).items()}


def _token(answer: Answer, settings: Settings) -> tuple[Finding, bool]:
    if answer.silence:
        return wrong(
            Check.TOKEN,
            f"Slack does not answer at {settings.slack_api_url} ({answer.silence}).",
            "Look whether this machine reaches the network (HTTPS_PROXY names a proxy), and whether SLACK_API_URL is right.",
        ), False
    if answer.error in RATE_LIMITS:
        return look(Check.TOKEN, "Slack asks us to wait before the next question.", "Look again in a minute."), False
    if answer.error in INSTALLATION:
        return wrong(
            Check.TOKEN,
            f"Slack refuses SLACK_BOT_TOKEN ({answer.error}).",
            "At api.slack.com/apps install the app again and copy the Bot User OAuth Token, which begins with xoxb-.",
        ), False
    if answer.error:
        return wrong(
            Check.TOKEN,
            f"Slack does not say who we are ({answer.error}).",
            "Look again in a few minutes; if it stays, look at slack-status.com and at SLACK_API_URL.",
        ), False
    name, team = str(answer.data.get("user") or "the app"), str(answer.data.get("team") or "the workspace")
    return good(Check.TOKEN, f"Slack knows us as {name} in {team}."), True


def wanted_scopes(manifest: Path) -> frozenset[str] | None:
    """The bot's scopes of the manifest; None where there is no manifest beside the program."""
    try:
        read = yaml.safe_load(manifest.read_text(encoding="utf-8"))
        return frozenset(read["oauth_config"]["scopes"]["bot"])
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        return None


def _scopes(header: str | None, manifest: Path) -> Finding:
    wanted = wanted_scopes(manifest)
    if wanted is None:
        return look(
            Check.SCOPES,
            f"There is no manifest at {manifest} to compare the granted scopes with.",
            "Run the doctor from Cadence's own folder, where app_manifest.yml lies.",
        )
    if header is None:
        return look(
            Check.SCOPES,
            "Slack did not say which scopes were granted.",
            "Compare them by hand: OAuth & Permissions at api.slack.com/apps, and app_manifest.yml.",
        )
    granted = {name.strip() for name in header.split(",") if name.strip()}
    missing, extra = wanted - granted, granted - wanted - IMPLIED
    if missing:
        more = f" It has {_named(extra)} instead, which the manifest does not ask for." if extra else ""
        return wrong(Check.SCOPES, f"The app lacks {_named(missing)}.{more}", REINSTALL)
    if extra:
        return look(Check.SCOPES, f"The app was granted {_named(extra)}, which Cadence does not use.", TAKE_BACK)
    return good(Check.SCOPES, f"All {len(wanted)} scopes of the manifest are granted, and no other.")


def _named(scopes: Collection[str]) -> str:
    return f"the scope{'s' if len(scopes) != 1 else ''} {', '.join(sorted(scopes))}"


def _clock(header: str | None, ours: datetime, settings: Settings) -> Finding:
    if settings.simulated_clock:
        return good(Check.CLOCK, "The clock is the local Slack's, which is moved by hand: it was not compared.")
    theirs = _instant(header)
    if theirs is None:
        return look(
            Check.CLOCK,
            "Slack did not say what time it is.",
            "Look whether this machine's clock is set by the network (timedatectl, or your system's settings).",
        )
    apart = ours - theirs
    if abs(apart) > APART:
        way = "fast" if apart > timedelta(0) else "slow"
        return wrong(
            Check.CLOCK,
            f"This machine's clock is {round(abs(apart).total_seconds())} seconds {way}: prompts come at the wrong time, and "
            f"signatures fail from {round(REFUSED_AFTER.total_seconds())} seconds on.",
            "Have the clock set by the network: timedatectl set-ntp true, or your system's settings.",
        )
    return good(Check.CLOCK, "This machine's clock agrees with Slack's.")


def _instant(header: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


async def _delivery(client: AsyncWebClient, settings: Settings, *, running: bool) -> Finding:
    """How Slack reaches the bot: what can be known of it from here."""
    token = settings.slack_app_token
    way = "Socket Mode" if token else "HTTP"
    if running:
        return good(Check.DELIVERY, f"Slack reaches the bot by {way}: your click came that way.")
    if token is None:
        return good(Check.DELIVERY, "HTTP: SLACK_SIGNING_SECRET is set; the first request of Slack proves it right.")
    answer = await _ask(client.apps_connections_open(app_token=token.get_secret_value()))
    if not answer.error and not answer.silence:
        return good(Check.DELIVERY, "Socket Mode: Slack accepts SLACK_APP_TOKEN.")
    if answer.silence or answer.error in RATE_LIMITS:
        return look(
            Check.DELIVERY,
            f"Slack did not say whether it accepts SLACK_APP_TOKEN ({answer.silence or answer.error}).",
            "Look again in a minute.",
        )
    return wrong(
        Check.DELIVERY,
        f"Slack refuses SLACK_APP_TOKEN ({answer.error}).",
        "At api.slack.com/apps, Basic Information, App-Level Tokens: generate one with connections:write and copy it (xapp-…). "
        "Socket Mode must be switched on there.",
    )
