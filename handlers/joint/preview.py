"""The first post to a joint channel before it is posted: what it says, and who would read it."""

from collections.abc import Iterator, Mapping
from typing import Any

from handlers.joint.ids import PreviewRef, View
from handlers.joint.sections import name
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.message import Message
from models.joint.approving import Place

MOST_BLOCKS = 80
NOBODY: Mapping[str, str] = {}


def modal(
    partner: str, partner_id: int, channel: str, place: Place, post: Message | None, *, under: str,
    known: Mapping[str, str] = NOBODY,
) -> dict[str, Any]:  # fmt: skip
    """The post, with its buttons as words, and “Post it here” for somebody who has seen who reads it.

    `known`: by workspace, somebody of it who was confirmed for this partner.
    """
    made = [b.section(f"*{w.escape(place.label)}*, with {name(partner)}\n{readers(place, known)}"), b.divider()]
    if post is None:
        made.append(b.section("No deal is joint with this partner yet, so there is nothing to post. Mark one first."))
    else:
        made += list(_still(post))[:MOST_BLOCKS]
        made += [
            b.divider(),
            b.context(
                "So it would look now; what is in `[ ]` are its buttons. With your yes it is posted as soon as it is due, and so "
                "are the partner-safe notes, until another workspace is connected: then you are asked again."
            ),
        ]
    ready = (
        post is not None and place.seen and place.is_member and not (place.gone or place.is_archived or place.unsaid)
    )
    metadata = PreviewRef(p=partner_id, ch=channel, teams=tuple(sorted(place.teams)), under=under).dump()
    return b.modal(
        View.PREVIEW,
        "What they would read",
        made,
        metadata=metadata,
        submit="Post it here" if ready else "",
        close="Not yet",
    )


def readers(place: Place, known: Mapping[str, str] = NOBODY) -> str:
    """Who reads the channel, as Slack says just now."""
    if place.gone or place.is_archived:
        return ":warning: The channel is gone or archived. Choose another one on the partner's page."
    if not place.seen:
        return ":warning: Cadence does not see this channel. `/invite @Cadence` there, then look again."
    if not place.is_member:
        return ":warning: Cadence is not in this channel. `/invite @Cadence` there, then look again."
    if place.unsaid:
        return ":warning: It is shared, and Slack does not say with which workspaces. Nothing is posted before that is known."
    lines = [f"• `{w.escape(team)}`, connected {whose(team, known)}" for team in place.connected]
    lines += [f"• `{w.escape(team)}`, invited and not there yet {whose(team, known)}" for team in place.pending]
    if not lines:
        return "Who reads it: our own workspace alone so far. When another one is connected, you are asked again."
    return "\n".join(["Who reads it, besides our own workspace:", *lines])


def whose(team: str, known: Mapping[str, str]) -> str:
    """Slack tells of a workspace its id alone: somebody who is known to be of it says more."""
    return f"(that of {name(known[team])})" if team in known else "(nobody of it is confirmed yet)"


def _still(card: Message) -> Iterator[b.Block]:
    """The post's blocks with nothing to press."""
    for block in card.blocks:
        still = {key: value for key, value in block.items() if key not in ("accessory", "block_id")}
        if block["type"] == "actions":
            yield b.context("   ".join(f"`[ {w.escape(one['text']['text'])} ]`" for one in block["elements"]))
        elif block["type"] == "section" and block.get("accessory", {}).get("type") == "button":
            label = w.escape(block["accessory"]["text"]["text"])
            yield {**still, "text": {**block["text"], "text": f"{block['text']['text']}\n`[ {label} ]`"}}
        else:
            yield still
