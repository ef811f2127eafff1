"""The desk's sections: one item after the other, each a few blocks with the buttons that decide it."""

from collections.abc import Sequence
from dataclasses import dataclass

from handlers.joint.ids import Action, Door, GuestRef, JointRef, Ref
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.pages import short
from models.boundary import Guest, Held, Lost, Offer, Opened
from models.domain.text import clip, count
from models.joint.answers import Said
from models.joint.replies import Proposed, print_of
from models.joint.waiting import Asking, Desk, FirstPost, ToCopy
from models.outbox import INTERNAL

LONGEST_NAME = 60
LONGEST_WORDS = 700
MOST_CANDIDATES = 8
HOW = {
    "clicked": "pressed a button of the check-in",
    "replied": "replied below the check-in (the reply was not read)",
    "named": "was named in a file",
    "joined": "joined the channel",
}
WAITS = "Once the channel is ours alone again, *Post it now* stands here."
FREE = "That was so when it was to be posted. By now nothing that Cadence knows speaks against the channel."
Item = list[b.Block]


@dataclass(frozen=True)
class Section:
    """A title, and one list of blocks for each thing that waits."""

    title: str
    items: Sequence[Item]


def of(desk: Desk) -> list[Section]:
    """What waits, what is most urgent first; sections with nothing in them are left out."""
    made = [
        Section("Internal channels that others read", [opened(one) for one in desk.opened]),
        Section("Held messages", [held(one) for one in desk.held]),
        Section("Replies from partners", [reply(one) for one in desk.replies]),
        Section("People who want to speak for a partner", [person(one) for one in desk.people]),
        Section("First posts", [first_post(one) for one in desk.first]),
        Section("Joint channels that are gone", [lost(one) for one in desk.lost]),
        Section("Guests in our own channels", [guest(one) for one in desk.guests]),
        Section("Partners without a joint channel", [to_copy(one) for one in desk.copies]),
    ]
    return [section for section in made if section.items]


def name(text: str) -> str:
    return w.escape(short(text, LONGEST_NAME))


def slack_user(slack_id: str, called: str) -> str:
    """`Cora Counterpart (@cora)`: Slack shows the mention as the person's own name; nobody is told by it in a DM."""
    if not called or called == slack_id:
        return f"<@{slack_id}>"
    return f"*{name(called)}* (<@{slack_id}>)"


def person(one: Asking) -> Item:
    row = one.row
    who = f"{slack_user(row.slack_id, row.name)} for *{name(one.partner.name)}*: {HOW.get(row.how, row.how)}"
    lines = [f"{who}.", f"Workspace {_workspace(one)}."]
    ref = Ref(c=row.id).dump()
    sure = (
        "Do they speak for this partner?",
        f"They see and answer for the joint deals of {name(one.partner.name)}, and for nothing else. You can revoke it.",
        "Confirm",
    )
    return [
        b.section("\n".join(lines)),
        b.actions(
            b.button("Confirm", Action.CONFIRM_PERSON, ref, style="primary", confirm=sure),
            b.button("Not theirs", Action.NOT_OURS, ref),
        ),
    ]


def _workspace(one: Asking) -> str:
    if not one.row.slack_team_id:
        return "not known yet: Slack is asked when you confirm"
    shown = f"`{w.escape(one.row.slack_team_id)}`"
    if one.like:
        return f"{shown}, as {name(one.like)}, who was confirmed"
    if one.unlike:
        return f"{shown} :warning: which is another one than that of the people confirmed so far"
    if one.connected and one.place is not None:
        return f"{shown}, connected to {w.escape(one.place.label)}"
    return f"{shown} :warning: which is not connected to the joint channel"


def first_post(one: FirstPost) -> Item:
    where, partner = w.escape(one.place.label), name(one.partner.name)
    text = f"*First post to {where}* ({partner}): nothing is posted there before you looked at it, and at who reads it."
    if one.again:
        text = f"*{where}* ({partner}): another workspace is connected since you looked. Nothing is posted until you look again."
    look = b.button("Look at it…", Action.LOOK, Ref(p=one.partner.id).dump(), style="primary")
    return [b.section(text, accessory=look)]


def reply(one: Proposed) -> Item:
    row = one.row
    quoted = "\n".join(f"> {w.escape(line)}" for line in clip(row.words, LONGEST_WORDS).split("\n"))
    made = [b.section(f"*{name(one.by.name)}* ({name(one.partner.name)}) wrote below the check-in:\n{quoted}")]
    made.append(b.context(understood(one)))
    edit = b.button("Edit…", Action.REPLY_EDIT, Ref(r=row.id).dump())
    drop = b.button("Drop", Action.REPLY_DROP, Ref(r=row.id).dump())
    chosen, shown = row.joint_deal_id if row.joint_deal_id in one.deals else None, print_of(row)
    if chosen is not None and chosen in one.said:
        yes = [b.button("Confirm", Action.REPLY_CONFIRM, Ref(r=row.id, d=chosen, k=shown).dump(), style="primary")]
    else:
        refs = [ref for ref in one.deals if ref in one.said][:MOST_CANDIDATES]
        yes = [
            b.button(f"It is {short(one.deals[ref], LONGEST_NAME)}", f"{Action.REPLY_CONFIRM}:{ref}", Ref(r=row.id, d=ref, k=shown).dump())
            for ref in refs
        ]  # fmt: skip
    return [*made, b.actions(*yes, edit, drop) if one.deals else b.actions(drop)]


def understood(one: Proposed) -> str:
    """What a click would record, and for which deal."""
    if not one.deals:
        return "None of the deals it could mean is joint any more."
    said = one.understood
    parts = said_parts(Said(said.stage, said.action, said.owner, said.due, said.ask))
    if len(one.deals) == 1:
        lead = f"Understood for *{name(next(iter(one.deals.values())))}*: "
    else:
        lead = f"It could mean {count(len(one.deals), 'deal')}: press the one it means. Understood: "
    return lead + (" · ".join(parts) if parts else "nothing. Press Edit… to say what they mean, or drop it.")


def said_parts(said: Said) -> list[str]:
    """What a partner said of a deal, in words."""
    made = []
    if said.stage:
        made.append(f"stage {w.escape(short(said.stage, 75))}")
    if said.action:
        made.append(f"next: {w.escape(short(said.action, 200))}")
    if said.owner:
        made.append(f"by {w.escape(short(said.owner, LONGEST_NAME))}")
    if said.due is not None:
        made.append(f"due {w.day(said.due)}")
    if said.ask:
        made.append(f"they ask: {w.escape(short(said.ask, 200))}")
    return made


def held(one: Held) -> Item:
    below = f", with {count(one.below, 'message')} below it" if one.below else ""
    # Most reasons name the channel: it is not said twice.
    where = below if one.where in one.why else f" for {w.escape(one.where)}{below}"
    text = f"*{name(one.what)}*{where}: {w.escape(short(one.why, 300))}"
    if one.audience == INTERNAL:
        text += f"\n{FREE if Offer.NOW in one.offers else WAITS}"
    ref = Ref(h=one.id).dump()
    sure_now = ("Post it after all?", f"Whoever reads {w.escape(short(one.where, 60))} reads it.", "Post it")
    sure_drop = ("Drop this message?", "It is sent nowhere. What it is about stays as it is.", "Drop it")
    offers = {
        Offer.NOW: b.button("Post it now", Action.HELD_NOW, ref, style="primary", confirm=sure_now),
        Offer.SAFE: b.button("Send the partner-safe version", Action.HELD_SAFE, ref),
        Offer.MOVE: b.button("Move to another channel…", Action.HELD_MOVE, ref),
        Offer.DROP: b.button("Drop", Action.HELD_DROP, ref, confirm=sure_drop),
    }
    buttons = [button for offer, button in offers.items() if offer in one.offers]
    return [b.section(text), *([b.actions(*buttons)] if buttons else [])]


def guest(one: Guest) -> Item:
    ref = GuestRef(ch=one.channel_id, u=one.slack_id).dump()
    sure = (
        "Allow this guest?",
        "They read everything that Cadence posts there from now on. What waits already is posted when its own manager says so.",
        "Allow",
    )
    allow = b.button("Allow", Action.ALLOW_GUEST, ref, confirm=sure)
    where = w.escape(one.channel or one.channel_id)
    text = (
        f"{slack_user(one.slack_id, one.name)} is in {where} and is no full member of our company. What was to be posted "
        "there waits until they leave, or you allow them."
    )
    return [b.section(text, accessory=allow)]


def lost(one: Lost) -> Item:
    page = b.button("Joint channel…", Door.JOINT, JointRef(p=one.partner_id).dump())
    return [
        b.section(f"*{w.escape(one.where)}* ({name(one.partner)}): {w.escape(short(one.why, 300))}", accessory=page)
    ]


def opened(one: Opened) -> Item:
    what = "is about to be shared" if one.pending else "is shared"
    reads = "could read" if one.pending else "can read"
    text = (
        f"*{w.escape(one.where)}*, the internal channel of {name(one.partner)}, {what} with another company: they {reads} what "
        "stands there. Nothing more of ours is posted. End it in Slack, or choose another internal channel: `/cadence start`."
    )
    return [b.section(text)]


def to_copy(one: ToCopy) -> Item:
    what = [f"its check-in before {w.day(one.day)}"] if one.occurrence is not None else []
    what += [short(page.title, 80) for page in one.pages]
    lines = "\n".join(f"• {w.escape(part)}" for part in what)
    ref = Ref(p=one.partner.id).dump()
    return [
        b.section(f"*{name(one.partner.name)}*: send it some other way\n{lines}"),
        b.actions(
            b.button("Copy the text…", Action.COPY, ref),
            b.button("Write down what they said…", Action.WRITE_DOWN, ref),
        ),
    ]
