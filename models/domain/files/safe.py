"""Cells we write out: what a spreadsheet would run as a formula stays text."""

import re

_LIVE = re.compile(r"[\s\x00-\x1f]*[=+\-@＝＋－＠]|[\t\r\n\x00]")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


def safe_cell(text: str) -> str:
    """The text as a cell of a CSV file that no spreadsheet runs: a leading apostrophe before = + - @, tab and return.

    A plain negative number stays what it is. Doing it twice adds nothing.
    """
    if _NUMBER.fullmatch(text) or _LIVE.match(text) is None:
        return text
    return f"'{text}"
