"""The page of a partner's joint channel, and the list of partners that leads to it."""

import re
from collections.abc import Sequence
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from handlers.joint import sections
from handlers.joint.ids import Action, JointRef, Ref, View
from handlers.joint.preview import whose
from handlers.joint.sections import name, said_parts
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.pages import short
from models.domain.deals import DEFAULT_STAGES, StageTable
from models.domain.text import count
from models.joint.answers import said_in
from models.joint.counterparts import People
from models.joint.page import Happening, JointPage
from models.joint.waiting import Asking
from models.reviews import DealView
from models.tables import Counterpart, JointDeal, Partner

MOST_LISTED = 45
MOST_DEALS = 25
MOST_PEOPLE = 15
MOST_PROPOSED = 6
MOST_REFUSED = 5
MOST_WORDS = 12
MOST_NAMES = 10
WORDS = {
    "joint": "{name} became joint", "not_joint": "{name} is not joint any more", "amount": "{name}: the amount is shared",
    "no_amount": "{name}: the amount is not shared any more", "stage": "a stage got another word",
    "approved": "the first post was looked at: posting is on", "withdrawn": "posting was stopped",
    "channel": "the joint channel was chosen", "proposed": "{name} wants to speak for them",
    "named": "{name} was named",
    "confirmed": "{name} was confirmed", "declined": "{name} was declined", "revoked": "{name} was revoked",
}  # fmt: skip

PEOPLE = ("proposed", "confirmed", "declined", "revoked")
IS_USER = re.compile(r"[UW][A-Z0-9]{3,}")
"""Whoever only replied is known by no name yet, and Slack shows a mention as one."""


def listed(partners: Sequence[Partner]) -> dict[str, Any]:
    """The partners whose page somebody may open."""
    if not partners:
        text = "You manage no partner, so there is no joint channel of yours. `/cadence` shows what you may see."
        return b.modal(View.LIST, "Joint channels", [b.section(text)])
    made: list[b.Block] = []
    for partner in partners[:MOST_LISTED]:
        where = "" if partner.joint_channel else " · no joint channel"
        button = b.button("Open", Action.PAGE, Ref(p=partner.id).dump())
        made.append(b.section(f"*{name(partner.name)}*{where}", accessory=button))
    if len(partners) > MOST_LISTED:
        made.append(b.context(f"… and {len(partners) - MOST_LISTED} more. `/cadence acme` leads to one partner."))
    return b.modal(View.LIST, "Joint channels", made)


def modal(page: JointPage, clocks: ZoneInfo, table: StageTable = DEFAULT_STAGES) -> dict[str, Any]:
    """Channel, deals, stages (in the order of `table`), people, history; each with the button that changes it."""
    made = [b.header(short(page.partner.name, b.HEADER_LIMIT)), *_channel(page)]
    made += [b.divider(), *_deals(page, clocks), *_stages(page, table)]
    made += [b.divider(), *_people(page)]
    made += _history(page, clocks)
    return b.modal(View.PAGE, "Joint channel", made, metadata=JointRef(p=page.partner.id).dump())


def _channel(page: JointPage) -> list[b.Block]:
    ref = Ref(p=page.partner.id).dump()
    change = b.button("Choose the channel…" if page.place is None else "Another channel…", Action.CHANNEL, ref)
    tell = [
        b.button("Write down what they said…", Action.WRITE_DOWN, ref),
        b.button("Copy the text…", Action.COPY, ref),
    ]
    if page.place is None:
        text = "*No joint channel.* Nothing is posted: send them the text some other way, and write down what they say."
        return [b.section(text), b.actions(change, *tell)]
    place = page.place
    lines = [f"*{w.escape(place.label)}* · {_readers(page)}"]
    if place.gone or place.is_archived:
        lines.append(":warning: It is gone or archived: choose another one.")
    elif place.seen and not place.is_member:
        lines.append(":warning: Cadence is not in it: `/invite @Cadence` there.")
    by = page.book.name(page.partner.joint_approved_by_id)
    if page.approved:
        lines.append(f"Posting is on: {w.escape(by)} looked at the first post and at who reads it.")
        post = b.button("Stop posting", Action.WITHDRAW, ref)
    else:
        lines.append("Nothing is posted there yet: somebody has to look at the first post, and at who reads it.")
        post = b.button("Look at the first post…", Action.LOOK, ref, style="primary")
    return [b.section("\n".join(lines)), b.actions(post, change, *tell)]


def _readers(page: JointPage) -> str:
    place = page.place
    if place is None or not place.seen:
        return "Slack was not asked yet who reads it"
    known = workspaces(page.people)
    parts = [f"`{w.escape(team)}` {whose(team, known)}" for team in place.connected]
    parts += [f"`{w.escape(team)}`, invited and not there yet {whose(team, known)}" for team in place.pending]
    return f"read by the workspace{'s' if len(parts) > 1 else ''} {', '.join(parts)}" if parts else "not shared yet"


def workspaces(found: People) -> dict[str, str]:
    """By workspace, the first of those who were confirmed from it: Slack tells an id, and people know people."""
    return {row.slack_team_id: row.name for row in reversed(found.confirmed) if row.slack_team_id and row.name}


def _deals(page: JointPage, clocks: ZoneInfo) -> list[b.Block]:
    ref = Ref(p=page.partner.id).dump()
    lines = [_deal_line(mark, view, page, clocks) for mark, view in page.deals[:MOST_DEALS]]
    if len(page.deals) > MOST_DEALS:
        lines.append(f"… and {len(page.deals) - MOST_DEALS} more")
    title = f"*Joint deals* ({len(page.deals)} of {count(len(page.candidates), 'open deal')})"
    if not page.candidates:
        return [b.section(f"{title}\nNo open deal is linked to this partner, so there is nothing to share.")]
    if not lines:
        lines = ["None yet: the partner sees no deal at all."]
    button = b.button("What they see…", Action.CHOOSE_DEALS, ref)
    return [b.section(title, accessory=button), *b.paragraphs("\n".join(lines))]


def _deal_line(mark: JointDeal, view: DealView, page: JointPage, clocks: ZoneInfo) -> str:
    amount = w.money(view.version.amount, view.version.currency)
    shared = "shared" if mark.amount_shared else "not shared"
    line = f"• *{w.escape(short(view.version.name, 80))}* · {amount}, {shared}"
    said = page.said.get(mark.id)
    parts = said_parts(said_in(said))
    if said is not None and parts:
        who = w.escape(page.book.name(said.by_id)) if said.by_id is not None else name(said.said_by)
        how = ""
        if said.source == "reported":
            how = f", written down by {w.escape(page.book.name(said.recorded_by_id))}"
        line += f"\n    {who}, {w.day(said.at.astimezone(clocks).date())}{how}: {' · '.join(parts)}"
    return line


def _stages(page: JointPage, table: StageTable) -> list[b.Block]:
    button = b.button("Stages in their words…", Action.STAGES, Ref(p=page.partner.id).dump())
    if not page.words:
        text = "*Stages*: none has a word agreed with them, so they see no stage of ours."
    else:
        ranks = {ours: table.rank(ours) for ours in page.words}
        ordered = sorted(page.words, key=lambda ours: (ranks[ours] is None, ranks[ours] or 0))
        shown = [f"{name(ours)} → {name(page.words[ours])}" for ours in ordered[:MOST_WORDS]]
        more = f" · and {len(ordered) - MOST_WORDS} more" if len(ordered) > MOST_WORDS else ""
        text = f"*Stages in their words*: {' · '.join(shown)}{more}"
    return [b.section(text, accessory=button)]


def _people(page: JointPage) -> list[b.Block]:
    ref = Ref(p=page.partner.id).dump()
    found = page.people
    made: list[b.Block] = [
        b.section(
            f"*Who speaks for them* ({len(found.confirmed)})",
            accessory=b.button("Name somebody…", Action.NAME_PERSON, ref),
        )
    ]
    for row in found.proposed[:MOST_PROPOSED]:
        made += sections.person(Asking(row, page.partner, page.place))
    made += [_confirmed(row, page) for row in found.confirmed[:MOST_PEOPLE]]
    made += [_refused(row) for row in found.refused[:MOST_REFUSED]]
    left = sum(
        max(0, len(rows) - most)
        for rows, most in (
            (found.proposed, MOST_PROPOSED),
            (found.confirmed, MOST_PEOPLE),
            (found.refused, MOST_REFUSED),
        )
    )
    if left:
        made.append(b.context(f"… and {count(left, 'more person', 'more people')}"))
    others = [*(person.name for person in found.contacts if found.is_unbound(person)), *page.owners]
    if others:
        names = ", ".join(name(one) for one in others[:MOST_NAMES])
        more = " and others" if len(others) > MOST_NAMES else ""
        made.append(b.context(f"Known by name only, tied to nobody in Slack: {names}{more}"))
    return made


def _confirmed(row: Counterpart, page: JointPage) -> b.Block:
    by = w.escape(page.book.name(row.decided_by_id))
    text = (
        f"{sections.slack_user(row.slack_id, row.name)} · workspace `{w.escape(row.slack_team_id)}` · confirmed by {by}"
    )
    sure = ("Revoke?", f"{name(row.name)} sees and answers nothing any more, from this moment on.", "Revoke")
    return b.section(text, accessory=b.button("Revoke", Action.REVOKE, Ref(c=row.id).dump(), confirm=sure))


def _refused(row: Counterpart) -> b.Block:
    word = "declined" if row.state == "declined" else "revoked"
    text = f"{sections.slack_user(row.slack_id, row.name)} · {word}"
    return b.section(text, accessory=b.button("Confirm", Action.CONFIRM_PERSON, Ref(c=row.id).dump()))


def _history(page: JointPage, clocks: ZoneInfo) -> list[b.Block]:
    if not page.history:
        return []
    lines = [_happening(one, page, clocks) for one in page.history]
    lines = [line if times == 1 else f"{line} ({times} times)" for line, times in _runs(lines)]
    return [b.divider(), b.section("*What happened*"), b.context("\n".join(lines))]


def _runs(lines: Sequence[str]) -> list[tuple[str, int]]:
    """Each line once, with how often it stands in a row: a form that sets ten words is not ten things."""
    return [(line, len(list(same))) for line, same in groupby(lines)]


def _happening(one: Happening, page: JointPage, clocks: ZoneInfo) -> str:
    who = f"<@{one.name}>" if one.what in PEOPLE and IS_USER.fullmatch(one.name) else name(one.name)
    what = "named" if one.what == "proposed" and one.by_id is not None else one.what
    words = WORDS.get(what, what).format(name=who)
    by = f" · {w.escape(page.book.name(one.by_id))}" if one.by_id is not None else ""
    return f"{w.day(one.at.astimezone(clocks).date())}: {words}{by}"
