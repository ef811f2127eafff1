"""Ids of a CRM as keys: two spellings of one id are one."""

import re
import string

_SALESFORCE = re.compile(r"(00[16][A-Za-z0-9]{12})(?:[A-Za-z0-9]{3})?")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_PART = 5
_BITS = {
    **dict.fromkeys(map(ord, string.ascii_lowercase + string.digits), "0"),
    **dict.fromkeys(map(ord, string.ascii_uppercase), "1"),
}


def record_key(text: str) -> str:
    """The id with which a record is found again: of a Salesforce id the 18 characters, also where a report gives 15.

    The last three only repeat which of the first fifteen are capitals, for programs that do not tell them apart.
    """
    match = _SALESFORCE.fullmatch(text)
    return match[1] + _capitals(match[1]) if match else text


def _capitals(fifteen: str) -> str:
    bits = fifteen.translate(_BITS)
    return "".join(_LETTERS[int(bits[start : start + _PART][::-1], 2)] for start in (0, _PART, 2 * _PART))
