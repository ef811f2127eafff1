"""What a renderer gives to delivery."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Message:
    """One message: `text` is what notifications and screen readers say; `blocks` what the eye sees."""

    text: str
    blocks: tuple[dict[str, Any], ...]
