"""What a file's reader says, in Slack's words: the sentences of `models` name options of the command line.

One place translates them. What is left over and still names an option loses that sentence: nobody in Slack can use it.
"""

import re

ASK = "“Change how it is read…”"

DROP_ACCOUNTS = "Drop the accounts file too, and their names are shown."
DROP_BOTH = "Drop the accounts file and then this one again, and their names are shown."
"""The same of deals that are imported already."""

_OPTION = re.compile(r"(?<![\w-])--[a-z]+")
_SENTENCE = re.compile(r"(?<=[.!?”])\s+(?=[“A-Z])")
_SAID: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"^--[a-z]+: ", ""),
        (r' Say what it is with --stage "[^\n]*?=best case"\.', ""),
        (r" \(--dates (?:mdy|dmy)\)", ""),
        (r": --decimal . reads thousands, --decimal . reads decimals\.", "."),
        (r", by --dates (?:mdy|dmy) or the file before\.", ", as you said or as in the file before."),
        (r"If (?:that is wrong|this file is not), (?:use|import it with) “?--(?:dates \w+|decimal .)”?\.",
         f"If that is wrong, say so with {ASK}."),
        (r"Mend it, or use “?--(?:dates \w+|decimal .)”?\.", f"Mend it, or say how it is written with {ASK}."),
        (r", or name one for all with --owner EMAIL\.", ", or name one for all lines in the form."),
        (r"Fill it in, or name one with --owner EMAIL\.", "Fill it in, or name one for all such lines in the form."),
        (r", or name one for all with --partner NAME\.", ", or choose one for all lines in the form."),
        (r", name one for all with --partner NAME, or give an accounts file with a column Partner by --accounts FILE\.",
         ", choose one for all lines in the form, or drop an accounts file with a column Partner."),
        (r" Name one with --partner NAME\.", " Fill it in, or choose one for all lines in the form."),
        (r" Add it to the partners file, or use --partner NAME\.", " Say in the form which one it is, or add it first."),
        (r"Give the accounts file with --accounts FILE to see the accounts' names\.",
         DROP_ACCOUNTS),
        (r"If it is not a complete export, import it with --partial\.",
         f"If it is not a complete export, say so with {ASK}."),
        (r' If it is one that is missing, add --map "[^\n]*"\.', " If it is one that is missing, say so in the form."),
    )
)  # fmt: skip


def in_slack(text: str) -> str:
    """A sentence of the reader, for somebody who has buttons and a form instead of options."""
    for pattern, words in _SAID:
        text = pattern.sub(words.replace("\\", r"\\"), text)
    if not _OPTION.search(text):
        return text
    kept = [sentence for sentence in _SENTENCE.split(text) if not _OPTION.search(sentence)]
    return " ".join(kept)


def only_ids(header: str) -> str:
    """What the reader warns of after a dry run, said before there can be one."""
    return f"The column {header} holds ids. {DROP_ACCOUNTS}"


FIELDS = {
    "crm_id": "CRM id", "name": "deal", "account": "account", "account_id": "account's id", "partner": "partner",
    "partner_role": "partner's role", "share": "partner's share", "owner": "owner", "stage": "stage",
    "category": "forecast category", "amount": "amount", "currency": "currency", "close_date": "close date",
    "created_date": "created", "next_step": "next step", "attribution": "attribution", "lost_reason": "lost reason",
    "is_deleted": "deleted", "at": "changed at", "our_status": "our status", "their_status": "their status",
    "our_owner": "our owner", "their_owner": "their owner", "slack_id": "Slack id", "time_zone": "time zone",
    "pm_email": "partner manager", "internal_channel": "internal channel", "joint_channel": "joint channel",
}  # fmt: skip


def field_name(name: str) -> str:
    return FIELDS.get(name, name.replace("_", " "))


NEEDED = {
    "crm_id": "the CRM's id of each deal",
    "name": "the name of each deal",
    "stage": "the stage of each deal",
    "owner": "the owner of each deal",
    "partner": "the partner",
    "account": "the account",
}


def needed(name: str) -> str:
    """What a missing column would say."""
    return NEEDED.get(name, field_name(name))
