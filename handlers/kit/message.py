"""What a renderer gives to delivery."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Attached:
    """A file that a message brings: its name, what it is called in Slack, its bytes, and words for who cannot see it."""

    name: str
    title: str
    data: bytes = field(repr=False)
    alt: str = ""


@dataclass(frozen=True)
class Message:
    """One message: `text` is what notifications and screen readers say; `blocks` what the eye sees.

    With a `file` Slack shows the text above it and no blocks.
    """

    text: str
    blocks: tuple[dict[str, Any], ...] = ()
    file: Attached | None = None
