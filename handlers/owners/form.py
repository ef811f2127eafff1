"""Who the CRM's owners are: a few words a page, each with the likeliest person chosen. The modal and its parser."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from handlers.kit import blocks as b
from handlers.kit.forms import Values
from handlers.owners.ids import Field, FormState, View
from models.domain.text import clip, count, key
from models.owners import OpenOwner

A_PAGE = 5
MOST_PASSED = 150
"""Words passed over that a form remembers; whoever passes over more begins with the first of them again."""


def print_of(said: str) -> str:
    """What a form carries of a word, which may be long: enough to find it again."""
    return hashlib.blake2b(key(said).encode(), digest_size=5).hexdigest()


def page_of(listed: Sequence[OpenOwner], state: FormState) -> list[OpenOwner]:
    """The next few words that nobody has passed over in this walk."""
    past = set(state.past)
    return [one for one in listed if print_of(one.said) not in past][:A_PAGE]


def modal(
    shown: Sequence[OpenOwner], left: int, slack_ids: Mapping[int, str | None], state: FormState
) -> dict[str, Any]:
    """One page. `left` counts all words that mean nobody; `slack_ids` are those of the likeliest people."""
    lead = f"{count(left, 'owner')} in the CRM's file {'is' if left == 1 else 'are'} nobody here yet."
    made: list[b.Block] = []
    if state.named:
        made.append(b.context(f":white_check_mark: {_said(state)}"))
    made.append(
        b.section(f"*{lead}* Say who each is: their deals get that owner at once, and later files are read so.")
    )
    for place, one in enumerate(shown):
        made.append(_question(place, one, slack_ids, state))
    made.append(b.context("What you leave empty stays open. Somebody Cadence does not know yet comes in as an AE."))
    kept = state.model_copy(update={"w": tuple(print_of(one.said) for one in shown)})
    more = left - len(shown) - len(state.past)
    submit = "Save and go on" if more > 0 else "Save"
    return b.modal(View.MATCH, "Who owns these deals?", made, metadata=kept.dump(), submit=submit, close="Close")


def _question(place: int, one: OpenOwner, slack_ids: Mapping[int, str | None], state: FormState) -> b.Block:
    label = f"“{clip(one.said, 150)}” owns {count(one.deals, 'deal')}. Who is it?"
    # Chosen for them only where there is one candidate: a guess among several would be saved unread.
    initial = slack_ids.get(one.near[0].id) if len(one.near) == 1 else None
    names = " or ".join(clip(human.name, 60) for human in one.near)
    hint = f"Perhaps {names}." if names else ""
    return b.user_input(f"{Field.OWNER}_{place}:{state.page}", label, initial, optional=True, hint=hint)


def _said(state: FormState) -> str:
    verb = "has" if state.deals == 1 else "have"
    return f"{count(state.named, 'owner')} named: {count(state.deals, 'deal')} {verb} an owner now."


def chosen(view: Mapping[str, Any]) -> dict[int, str]:
    """Place on the page → the Slack id that was chosen."""
    values, state = Values(view), FormState.load(view["private_metadata"])
    found = {place: values.user(f"{Field.OWNER}_{place}") for place in range(len(state.w))}
    return {place: slack_id for place, slack_id in found.items() if slack_id}


def done(state: FormState, left: int) -> dict[str, Any]:
    """The receipt: what was settled, and what stays open for later."""
    lead = f":white_check_mark: {_said(state)}" if state.named else "Nobody was named."
    rest = (
        f"{count(left, 'owner')} {'stays' if left == 1 else 'stay'} open. `/cadence` leads back here any time."
        if left
        else "Every owner the CRM names is somebody here."
    )
    return b.modal(View.DONE, "Who owns these deals?", [b.section(lead), b.context(rest)])
