"""The modal “Set up Cadence”: six steps, each one line of state and the button that goes on with it."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from handlers.first_run.ids import Action, CrmRef, Door, Row, SetUpRef, View
from handlers.kit import blocks as b
from handlers.kit import words as w
from models import cadences, first_run, people
from models.cadences import WEEKDAYS
from models.domain.errors import NotAllowed
from models.domain.policy import Policy
from models.domain.rights import Act, Subject, may, require
from models.domain.text import clip, count
from models.domain.zones import zone
from models.first_run import Asked, Facts, PartnerFact, ReviewFact, Room, Step
from models.roster import listed
from models.tables import Person

TITLE = "Set up Cadence"
SHORT = 60
NAMES = {
    Step.FILE: "The CRM's file",
    Step.PARTNERS: "Partners and tiers",
    Step.PEOPLE: "People and roles",
    Step.CHANNELS: "Channels",
    Step.REVIEW: "Day and hour",
    Step.PREVIEW: "The first prompt",
}
ROLES = {
    "ae": "AE",
    "pm": "partner manager",
    "head": "head of partnerships",
    "cro": "CRO",
    "cfo": "CFO",
    "ceo": "CEO",
    "admin": "admin",
}
MANY = {"ae": "AEs", "pm": "partner managers", "head": "heads of partnerships", "admin": "admins"}


@dataclass(frozen=True)
class SetUpPage:
    """What the modal shows. `all_`: the person sets up the company; `mine`: the partners they may choose channels for."""

    facts: Facts
    policy: Policy
    all_: bool
    mine: frozenset[int]
    asked: tuple[Asked, ...] = ()


async def load(session: AsyncSession, actor: Person, *, now: datetime, policy: Policy) -> SetUpPage:
    """Raises NotAllowed for whoever may do nothing here; the sentence says who sets Cadence up."""
    found = await first_run.facts(session, now=now, policy=policy)
    covers = await people.covers(session, now=now, policy=policy)
    who = people.as_actor(actor)
    mine = frozenset(
        one.id for one in found.partners if may(who, Act.SET_CHANNEL, Subject(pm_id=one.pm_id, covers=covers)).allowed
    )
    verdict = may(who, Act.SET_UP_COMPANY, Subject())
    if not mine:
        _require(found, verdict.allowed, verdict.reason)
    asked = await first_run.first_prompts(session, now=now, policy=policy) if found.reviews else []
    return SetUpPage(found, policy, verdict.allowed, mine, tuple(asked))


def _require(found: Facts, allowed: bool, reason: str) -> None:
    if not allowed:
        names = found.setting_up
        here = f" Here that is {listed(names)}." if names else ""
        raise NotAllowed(reason + here)


async def view(session: AsyncSession, actor: Person, *, now: datetime, policy: Policy) -> dict[str, Any]:
    """The modal for one person. Raises NotAllowed."""
    return modal(await load(session, actor, now=now, policy=policy))


def require_all(actor: Person, act: Act) -> None:
    """Raise NotAllowed unless the actor may do this for the whole company."""
    require(may(people.as_actor(actor), act, Subject()))


def modal(page: SetUpPage) -> dict[str, Any]:
    made: list[b.Block] = [b.section(_lead(page))]
    lines = {
        Step.FILE: file_line,
        Step.PARTNERS: partners_line,
        Step.PEOPLE: people_line,
        Step.CHANNELS: channels_line,
        Step.REVIEW: review_line,
        Step.PREVIEW: preview_line,
    }
    for step in Step:
        text = f"{_mark(step, page.facts)} *{int(step)}. {NAMES[step]}*\n{lines[step](page)}"
        made.append(b.section(text, accessory=_button(step, page), block_id=f"step:{step.name.lower()}"))
    made.append(b.context("Leave whenever you like: what is done stays done. `/cadence start` brings you back here."))
    return b.modal(View.PAGE, TITLE, made)


def _lead(page: SetUpPage) -> str:
    found = page.facts
    if found.finished:
        onwards = "Cadence goes on by itself: `/cadence` and its Home tab show what comes next."
        nobody = "Nobody is asked until there is an open deal of a partner under review."
        return f"*All six steps are done.* {onwards if page.asked else nobody}"
    if page.all_:
        start = "From nothing to the first weekly review: six steps, about ten minutes."
        return f"*{found.tally}.* {start}" if found.done else f"*{start}*"
    names = w.escape(listed(found.setting_up)) or "An admin"
    return f"*{found.tally}.* You choose the channels of your partners and plan their reviews; {names} does the rest."


def _mark(step: Step, found: Facts) -> str:
    if step in found.done:
        return ":white_check_mark:"
    return ":arrow_right:" if step == found.next_step else ":white_circle:"


def _button(step: Step, page: SetUpPage) -> b.Block | None:
    """The button that goes on with a step; none where there is nothing to press yet, or not for this person."""
    found = page.facts
    style = "primary" if step == next((one for one in Step if one not in found.done | {Step.FILE}), None) else None
    if step == Step.FILE:
        return _crm_button(page)
    if step == Step.REVIEW:
        return _review_button(page, style)
    if step == Step.CHANNELS:
        there = any(one.id in page.mine for one in found.tier1)
        return b.button("Channels…", Action.CHANNELS, Row().dump(), style=style) if there else None
    if not page.all_:
        return None
    if step == Step.PREVIEW:
        return b.button("Preview…", Action.PREVIEW, Row().dump()) if found.reviews else None
    label, action = ("Partners…", Action.PARTNERS) if step == Step.PARTNERS else ("People…", Action.PEOPLE)
    return b.button(label, action, Row().dump(), style=style)


def _crm_button(page: SetUpPage) -> b.Block | None:
    found = page.facts
    if not page.all_ or found.crm_as_of is not None or not found.crm_stands:
        return None
    label = "We have a CRM" if found.without_crm else "We have no CRM"
    return b.button(label, Action.CRM, CrmRef(without=not found.without_crm).dump())


def _review_button(page: SetUpPage, style: str | None) -> b.Block | None:
    ready = [one for one in page.facts.tier1 if one.manager and one.id in page.mine]
    if not ready:
        return None
    idle = next((one for one in ready if not one.runs), None)
    label = "Set up…" if not page.facts.reviews else "Another…" if idle else "Change…"
    return b.button(label, Door.SET_UP, SetUpRef(p=(idle or ready[0]).id, first_run=True).dump(), style=style)


def file_line(page: SetUpPage) -> str:
    found = page.facts
    if found.crm_as_of is not None:
        deals = (
            f"{count(found.deals, 'open deal')} of {count(found.deal_partners, 'partner')}"
            if found.deals
            else "No open deal"
        )
        return f"{deals}, CRM as of {w.when(found.crm_as_of, zone(page.policy.zone))}."
    known = f" {count(found.deals, 'open deal')} so far." if found.deals else ""
    if not found.crm_stands:
        return f"None is needed: what people say in Slack is the truth here.{known}"
    if found.without_crm:
        return f"You work without a CRM: deals are added here in Slack.{known}"
    return (
        "Drop the CRM's export (CSV) into your direct messages with Cadence, under *Messages*. "
        "You can also go on without it, and do this later."
    )


def partners_line(page: SetUpPage) -> str:
    found = page.facts
    if not found.partners:
        return "No partner yet. Begin with one, as Tier 1: one weekly review is enough to start."
    all_, first = len(found.partners), len(found.tier1)
    if not first:
        return f"{count(all_, 'partner')}, none of them Tier 1. Weekly reviews are for Tier 1: choose the one that matters most."
    number = "it is" if all_ == 1 else f"{first} {'is' if first == 1 else 'are'}"
    line = (
        f"{count(all_, 'partner')}; {number} Tier 1, of at most {page.policy.tier1_ceiling} for each partner manager."
    )
    bare = [one.name for one in found.tier1 if not one.manager]
    if bare:
        line += f"\n:warning: {w.escape(listed(bare))} {'has' if len(bare) == 1 else 'have'} no partner manager yet."
    others = sum(1 for one in found.partners if not one.manager) - len(bare)
    if others:
        verb = "has" if others == 1 else "have"
        line += (
            f"\n:warning: {count(others, 'other partner')} {verb} no partner manager, so nobody is asked about their deals: "
            "*Change…* names one for all of them."
        )
    return "\n".join([line, *(f":warning: {w.escape(words)}" for words in breaches(page))])


def breaches(page: SetUpPage) -> list[str]:
    """Who manages more Tier 1 partners than the ceiling, a sentence each."""
    counts = Counter(one.manager for one in page.facts.tier1 if one.manager)
    return [
        f"{clip(name, SHORT)}: {sentence}"
        for name, number in counts.items()
        if (sentence := cadences.ceiling_breach(number, page.policy))
    ]


def people_line(page: SetUpPage) -> str:
    found = page.facts
    counts = Counter(role for one in found.people for role in one.roles)
    parts = [
        count(counts[role], words, MANY.get(role)) if role in MANY else words
        for role, words in ROLES.items()
        if counts[role]
    ]
    line = f"{count(len(found.people), 'person', 'people')}: {', '.join(parts)}." if parts else "Nobody yet."
    missing = []
    if not counts["pm"]:
        missing.append("a partner manager")
    if not counts["ae"] and not found.owned:
        missing.append("an AE")
    if missing:
        line += f" Still missing: {listed(missing)}."
    if not counts["head"]:
        line += " Nobody is head of partnerships yet."
    if found.unmatched:
        owners = count(found.unmatched, "owner")
        line += f"\n:warning: {owners} in the CRM's file {'is' if found.unmatched == 1 else 'are'} nobody here yet."
    return line


def channels_line(page: SetUpPage) -> str:
    found = page.facts
    first = found.tier1
    if not first:
        return "Agenda and note of a Tier 1 partner go to a channel of ours. It needs a Tier 1 partner."
    having = [one for one in first if one.room is not None]
    lead = leadership_words(found.leadership)
    if not having:
        name = w.escape(listed([one.name for one in first]))
        return f"{name}: no internal channel yet. {lead}"
    if len(first) == 1:
        line = f"{w.escape(clip(first[0].name, SHORT))}: {room_name(having[0].room)}. {lead}"
    else:
        line = f"{len(having)} of {len(first)} Tier 1 partners have their internal channel. {lead}"
    rooms = [one.room for one in having if one.room is not None]
    trouble = [
        words for room in [*rooms, *([found.leadership] if found.leadership else [])] if (words := trouble_words(room))
    ]
    if trouble:
        more = f" And {len(trouble) - 1} more: press *Channels…*." if len(trouble) > 1 else ""
        line += f"\n:warning: {trouble[0]}{more}"
    return line


def room_name(room: Room | None) -> str:
    return w.escape(clip(room.label, SHORT + 25)) if room is not None else "no internal channel yet"


def leadership_words(room: Room | None) -> str:
    return f"Leadership: {room_name(room)}." if room is not None else "Leadership: no channel is set."


def trouble_words(room: Room) -> str:
    """What is wrong with a channel and how to mend it, as mrkdwn; empty when nothing is known to be."""
    name = room_name(room)
    if not room.seen or room.well:
        return ""
    if room.is_shared:
        return f"{name} is shared with another company, so nothing internal is posted there. Choose another."
    if room.is_archived:
        return f"{name} is archived. Unarchive it in Slack, or choose another."
    if room.absent:
        return "Cadence cannot see the private channel that was chosen. Type `/invite @Cadence` there."
    return f"Cadence is not in {name} yet. Type `/invite @Cadence` there."


def review_line(page: SetUpPage) -> str:
    found = page.facts
    if found.reviews:
        first, more = found.reviews[0], len(found.reviews) - 1
        rest = f"\n{count(more, 'more review runs', 'more reviews run')}." if more else ""
        return f"{review_words(first)}{rest}"
    if not any(one.manager for one in found.tier1):
        return "It needs a Tier 1 partner with a partner manager."
    return "No weekly review runs yet. Start with one partner; the next one takes a minute."


def review_words(fact: ReviewFact) -> str:
    """Such as `Acme: Thursday 10:00, 30 minutes (Europe/London). The next one is Thu 5 Mar, 10:00`."""
    line = f"{w.escape(clip(fact.partner, SHORT))}: {WEEKDAYS[fact.weekday]} {fact.at:%H:%M}, {fact.minutes} minutes ({fact.zone})."
    return f"{line} The next one is {w.when(fact.next_at, zone(fact.zone))}." if fact.next_at else line


def preview_line(page: SetUpPage) -> str:
    found = page.facts
    if not found.reviews:
        return "What the first owner will be asked, and when. It needs a weekly review."
    if not page.asked:
        return "No open deal is under review yet, so nobody will be asked."
    first, more = page.asked[0], len(page.asked) - 1
    rest = f" {count(more, 'other person is', 'other people are')} asked as well." if more else ""
    return f"{when_words(first)}{rest}"


def when_words(asked: Asked) -> str:
    """Such as `Scheduled: Ann Seller is asked about 3 deals on Wed 4 Mar, 10:00 (Europe/London)`."""
    name, deals = w.escape(clip(asked.name, SHORT)), count(asked.deals, "deal")
    if asked.out:
        return f"Sent: {name} has been asked about {deals}."
    return f"Scheduled: {name} is asked about {deals} on {w.when(asked.at, zone(asked.zone))} ({asked.zone})."


def partner_state(one: PartnerFact) -> str:
    """Such as `Tier 1 · Pat Manager · MSP`."""
    parts = [f"Tier {one.tier}"]
    if one.starts is not None:
        parts[0] += f" from {w.day(one.starts)} on"
    parts.append(w.escape(clip(one.manager, SHORT)) if one.manager else ":warning: no partner manager")
    if one.archetype:
        parts.append(w.escape(one.archetype))
    if one.runs:
        parts.append(f"review {one.runs}")
    return " · ".join(parts)
