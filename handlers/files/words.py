"""The words of files: those of the messages, without what only Slack needs."""

import re
import unicodedata
from typing import Final

from handlers.kit import words as w

KINDS: Final = {"sourced": "sourced", "influenced": "influenced", "co_sold": "co-sold", "": "no attribution"}
ROLL_UP_KINDS: Final = KINDS | {"": "without attribution"}
"""As the roll-up's message says them."""
ROLES: Final = {"head": "Head of partnerships", "cro": "CRO", "cfo": "CFO", "ceo": "CEO", "pm": "Partner manager"}
_EMOJI = re.compile(r":[a-z_]+: ?")
_LONG = re.compile(r"\S{19,}")
_GLUED = re.compile(
    r"\b([A-Z]{3}) (?=[−-]?\d)|\b((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)) (\d{1,2}) (?=[A-Z])|\b(\d{1,2}) (?=[A-Z][a-z]{2}\b)"
)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ADDED = str.maketrans("", "", w.ZERO_WIDTH + w.LEFT_TO_RIGHT + w.ISOLATE + w.END_ISOLATE)


def plain(mrkdwn: str) -> str:
    """A line of a message as it reads: no marks, emoji codes or escapes."""
    text = _EMOJI.sub("", mrkdwn) if mrkdwn.startswith(":") else mrkdwn
    for code, char in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(code, char)
    return text.translate(_ADDED)


def soft(text: str) -> str:
    """Words that are longer than a column may be broken, invisibly, after every tenth letter."""
    return _LONG.sub(
        lambda found: w.ZERO_WIDTH.join(found.group()[at : at + 10] for at in range(0, len(found.group()), 10)), text
    )


def isolated(text: str) -> str:
    """A right-to-left name turns nothing of the line around it."""
    if any(unicodedata.bidirectional(char) in ("R", "AL") for char in text):
        return f"{w.ISOLATE}{text}{w.END_ISOLATE}"
    return text


def glued(text: str) -> str:
    """An amount stays with its currency, a day with its month: no line ends between them."""
    return _GLUED.sub(lambda found: found.group().replace(" ", "\u00a0"), text)


def stored(text: str) -> str:
    """Text as an office file can hold it: a letter that XML forbids is left out."""
    return _NOT_XML.sub("", text)
