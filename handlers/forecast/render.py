"""The roll-up as one page: the words of the message, of the draft and of what is kept. Frozen facts in, mrkdwn out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from handlers.forecast import words as f
from handlers.kit import words as w
from handlers.kit.fit import cut, fit
from handlers.kit.pages import crm_as_of, short
from models.domain.forecast.facts import AttributionState, Bands, KindPart, PartnerPart, PmPart, RollUpFacts
from models.domain.policy import Policy
from models.domain.text import count
from models.domain.zones import local_date, zone
from models.people import Directory
from models.tables import SignOff

ENV = w.environment("handlers.forecast")
SIGNERS = ("cro", "cfo")
MOST_NAMES = 6


def title(facts: RollUpFacts) -> str:
    return f"Partner forecast {facts.period}, {facts.label}"


def page_text(
    facts: RollUpFacts, book: Directory, policy: Policy, *, signers: Mapping[str, int | None] | None = None,
    offs: Sequence[SignOff] = (), partners: bool = True,
) -> str:  # fmt: skip
    """At most 40 lines and 3,800 characters.

    `signers`: who has the roles that sign it off; None for a draft. Without `partners` their lines stand elsewhere.
    """
    template = ENV.get_template("roll_up.j2")
    ranked = sorted(facts.partners, key=rank)
    changes = facts.changes if facts.changes is not None and facts.changes.lines else None
    currency = facts.currency
    clocks = zone(policy.zone)

    def render(room: int, side: int) -> str:
        shown = cut(ranked, room)
        return template.render(
            facts=facts,
            listed=partners,
            stage=_stage(facts),
            period=f"{w.full_day(facts.first)} to {w.full_day(facts.last)}",
            as_of=w.when(facts.cut_off, clocks),
            crm=w.safe(crm_as_of(facts.crm_as_of, policy, stale=facts.crm_stale)),
            blocked=facts.blocked,
            amount=lambda minor: f.amount(minor, currency),
            bands=lambda found: f.bands(found, currency),
            deals=f.deals,
            headline=_headline(facts),
            definitions=_definitions(facts, side),
            target=_target(facts),
            landing=_landing(facts),
            changes=changes,
            lines=cut(changes.lines if changes else (), 3 + 2 * side),
            change=lambda line: f.change(line, currency),
            kinds=[part for part in facts.by_kind if part.bands.deals],
            kind=lambda part: _kind(part, currency),
            pms=cut(sorted(facts.pms, key=lambda pm: -pm.bands.total) if len(facts.pms) > 1 else (), 1 + 2 * side),
            pm=lambda pm: _pm(pm, currency, book),
            partners=shown,
            partner=lambda part: _partner(part, currency, book, clocks, detailed=side > 2),  # noqa: PLR2004 - a middling page
            hidden=f.bands(Bands.sum(part.bands for part in shown.items[shown.room :]), currency),
            missing=cut([short(name, 40) for name in facts.missing], MOST_NAMES + 4 * side),
            quiet=cut([short(name, 40) for name in facts.not_expected], 1 + 2 * side),
            rest=[w.safe(text) for text in rest(facts, book, side)],
            terms=f.terms(facts.terms),
            signatures=[w.safe(text) for text in _signatures(signers, offs, book, policy)],
        )

    return fit(render, len(ranked))


def _stage(facts: RollUpFacts) -> str:
    if facts.kind != "draft":
        return facts.label
    return "closed" if facts.closed else f"draft, {facts.label}"


def rank(part: PartnerPart) -> tuple[bool, bool, int, str]:
    """Partners a number is expected of first, the most first; what is nobody's share stands last."""
    return not part.partner_id, not part.expected, -max(part.bands.total, part.commit or 0), part.name.casefold()


def _headline(facts: RollUpFacts) -> w.Mrkdwn:
    """The number that counts, the raw one beside it, and of how many partners it is."""
    named = [part for part in facts.partners if part.commit is not None]
    expected = sum(1 for part in facts.partners if part.expected and part.partner_id)
    if not named:
        return w.safe(f"*Nobody has signed a commit yet*: {count(expected, 'number')} expected")
    signed = sum(1 for part in facts.partners if part.signed is not None)
    raw = " signed"
    if facts.adjusted_commit != facts.signed_commit:
        by = f.difference(facts.adjusted_commit - facts.signed_commit, facts.currency)
        raw = f", signed {f.amount(facts.signed_commit, facts.currency)}, adjusted by {by}"
    return w.safe(
        f"*Commit {f.amount(facts.adjusted_commit, facts.currency)}*{raw} · best case {f.amount(facts.best_case, facts.currency)} "
        f"({signed} of {count(expected, 'partner')} signed, closed won included)"
    )


def _definitions(facts: RollUpFacts, side: int) -> str:
    """What the three kinds mean, in writing; on the fullest pages in short."""
    terms, room = facts.terms, 120 if side else 40
    kinds = (("Sourced", terms.sourced), ("influenced", terms.influenced), ("co-sold", terms.co_sold))
    return " ".join(f"{name}: {short(words, room)}" for name, words in kinds)


def _target(facts: RollUpFacts) -> str:
    if facts.quota is None:
        return "Target: none is set"
    parts = [f"Target {f.amount(facts.quota, facts.currency)}"]
    if facts.attainment is not None:
        parts.append(f"{f.percent(facts.attainment)} attained")
    if words := f.coverage(facts.coverage):
        parts.append(words)
    return " · ".join(parts)


def _landing(facts: RollUpFacts) -> str:
    """The range in a line, or why there is none."""
    found = facts.landing
    if not found.shown:
        return f"Predicted landing: not shown, {found.why}"
    money = [f.amount(value, facts.currency) for value in (found.p10, found.p50, found.p90)]
    held = f"; {found.held} of {found.tried} past ranges held" if found.tried else ""
    return (
        f"Predicted landing: {money[0]} to {money[2]}, middle {money[1]} (8 of 10 outcomes; rests on "
        f"{count(found.deals, 'past deal')} of {count(found.quarters, 'quarter')}{held})"
    )


def _kind(part: KindPart, currency: str) -> str:
    """`sourced 200,000 (6 deals): 150,000 signed in time, 50,000 overdue`."""
    states = [f"{f.amount(one.bands.total, currency)} {one.state.label}" for one in part.states if one.bands.deals]
    tail = f": {', '.join(states)}" if len(states) > 1 or (states and part.states[0].state != "signed") else ""
    if len(states) == 1:
        found = next(one.state for one in part.states if one.bands.deals)
        tail = ", all signed in time" if found == AttributionState.SIGNED else f", all {found.label}"
    return f"{f.KINDS[part.kind]} {f.amount(part.bands.total, currency)} ({f.deals(part.bands)}){tail}"


def _pm(part: PmPart, currency: str, book: Directory) -> w.Mrkdwn:
    """`Pat: commit 410,000 signed, 1 missing · won … `: the sum of a manager's partners."""
    name = w.escape(book.name(part.pm_id)) if part.pm_id is not None else "no partner manager"
    counts = [one.commit for one in part.partners if one.commit is not None]
    missing = f", {part.missing} missing" if part.missing else ""
    if not counts:
        said = f"nothing signed{missing}"
    elif sum(counts) == part.signed_commit:
        said = f"commit {f.amount(part.signed_commit, currency)} signed{missing}"
    else:
        said = f"commit {f.amount(sum(counts), currency)}, signed {f.amount(part.signed_commit, currency)}{missing}"
    return w.safe(f"*{name}*: {said} · deals: {f.bands(part.bands, currency)}")


def _partner(part: PartnerPart, currency: str, book: Directory, clocks: ZoneInfo, *, detailed: bool) -> w.Mrkdwn:
    """`*Acme* (Pat): commit 210,000 signed by Pat · won … (deals …)`."""
    name = short(part.name, 50) if part.partner_id else f"No partner's share, {book.name(part.pm_id)}"
    said = f"*{w.escape(name)}*: {number(part, currency, book, clocks, detailed=detailed)}"
    return w.safe(f"{said} · deals: {f.bands(part.bands, currency)}")


def number(
    part: PartnerPart, currency: str, book: Directory, clocks: ZoneInfo, *, detailed: bool = True
) -> str:  # fmt: skip
    """The partner's number and whose it is; mrkdwn."""
    if not part.partner_id:
        return "nobody signs it"
    if part.signed is None and part.adjusted is None:
        return "*not submitted*" if part.expected else "not expected"
    words = []
    if part.signed is not None:
        signed = part.signed
        on_behalf = f" for {w.escape(book.name(signed.for_id))}" if signed.for_id else ""
        when = w.day(local_date(signed.at, clocks))
        who = f" by {w.escape(book.name(signed.by_id))}{on_behalf}, {when}" if detailed else f" {when}"
        former = ", who no longer manages it: to be signed again" if signed.former else ""
        best = f", best case {f.amount(signed.best_case, currency)}" if detailed else ""
        words.append(f"commit {f.amount(signed.commit, currency)}{best} signed{who}{former}")
    if part.adjusted is not None:
        by, when = w.escape(book.name(part.adjusted.by_id)), w.day(local_date(part.adjusted.at, clocks))
        why = f" by {by}, {when} ({w.escape(short(part.adjusted.reason, 80))})" if detailed else ""
        words.append(f"adjusted to *{f.amount(part.adjusted.commit, currency)}*{why}")
    return ", ".join(words)


def rest(facts: RollUpFacts, book: Directory, side: int) -> list[str]:
    """What stands below the partners, a line each; mrkdwn."""
    room = 1 + side
    made = []
    shares = [
        f.share(one, of, facts.currency)
        for one, of in ((facts.partner_share, "partner pipeline"), (facts.total_share, "total new pipeline"))
        if one is not None
    ]
    if shares:
        made.append(f"*Sourced by partners*, of what was created in the quarter: {'; '.join(shares)}")
    if facts.credit:
        listed = [
            f"{w.escape(book.name(one.person_id)) if one.person_id else 'nobody'} {f.amount(one.credit, facts.currency)}"
            + (f" ({f.amount(one.unsigned, facts.currency)} not fully signed)" if one.unsigned else "")
            for one in facts.credit[:room]
        ]
        more = f" and {len(facts.credit) - room} more" if len(facts.credit) > room else ""
        made.append(f"*Quota credit*: {', '.join(listed)}{more}")
    if facts.accuracy:
        listed = [
            f"{w.escape(book.name(one.person_id))} "
            + (f.percent(one.basis_points) if one.basis_points is not None else "not rated")
            for one in facts.accuracy[:room]
        ]
        more = f" and {len(facts.accuracy) - room} more" if len(facts.accuracy) > room else ""
        made.append(f"*Accuracy of {facts.accuracy[0].period}*: {', '.join(listed)}{more}")
    for one in facts.restatements[:room]:
        lines = ", ".join(
            f"{line.kind.label} {f.difference(line.bands.won, facts.currency)}" for line in one.lines if line.bands.won
        )
        made.append(
            f":warning: *Restated {one.period}*: closed won {f.amount(one.before, facts.currency)} → "
            f"{f.amount(one.after, facts.currency)}{f' ({lines})' if lines else ''}"
        )
    gaps = [
        f"{count(gap.deals, 'deal')} without {gap.what}"
        + (f" ({', '.join(w.escape(short(name, 40)) for name in gap.names[:side])})" if side and gap.names else "")
        for gap in facts.gaps
    ]
    if gaps:
        made.append(f"_Lacking: {'; '.join(gaps)}_")
    return made


def _signatures(
    signers: Mapping[str, int | None] | None, offs: Sequence[SignOff], book: Directory, policy: Policy
) -> list[str]:
    if signers is None:
        return []
    signed = {off.role: off for off in offs}
    made = []
    for role in SIGNERS:
        off = signed.get(role)
        if off is not None:
            when = w.when(off.at, zone(policy.zone))
            made.append(f":white_check_mark: {f.ROLES[role]}: signed by {w.escape(book.name(off.person_id))}, {when}")
        else:
            person = signers.get(role)
            who = w.escape(book.name(person)) if person is not None else "nobody has this role"
            made.append(f"{f.ROLES[role]}, {who}: not signed")
    return made


def published_at(at: datetime, policy: Policy) -> str:
    return w.when(at, zone(policy.zone))
