"""The pages of a readout's deck: one a topic, both sponsors' names, asks of each side, commitments last.

The words and numbers are those of the meeting's page; the speaker's notes say where they come from.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from pptx.slide import Slide

from handlers.files import slides as s
from handlers.files.slides import Deck, Said
from handlers.files.words import plain
from handlers.kit import words as w
from handlers.kit.pages import MARKS, STANDING, crm_as_of, fate_note, status_of
from models.domain.meetings import THEIR_SPONSOR
from models.domain.minutes import Figure, MeetingFacts, PartnerFigures, Section
from models.domain.money import minor_digits, short_money
from models.domain.notes import CommitmentFact, MoneySum
from models.domain.policy import Policy
from models.domain.text import clean, clip, count
from models.people import Directory

TO_BE_NAMED: Final = "to be named"
OF_IT: Final = "of it "
SHADE: Final = {"closed won": s.SHADES[0], "commit": s.SHADES[1], "best case": s.SHADES[2], "pipeline": s.SHADES[3],
                "sourced": s.SHADES[0], "influenced": s.SHADES[1], "co-sold": s.SHADES[2], "without attribution": s.SHADES[3]}  # fmt: skip
MOST_CHARTS: Final = 2
MOST_PARTNERS: Final = 9
_TWO = 2


def readout(facts: MeetingFacts, book: Directory, policy: Policy, *, partner_sponsor: str = "") -> bytes:
    """The deck as PPTX bytes. `partner_sponsor`: the partner's own sponsor; "to be named" where nobody is known."""
    crm = plain(crm_as_of(facts.crm_as_of, policy, stale=facts.crm_stale))
    deck = Deck(f"{_about(facts)}: {facts.name} {facts.slot}", f"Internal · {clip(clean(_about(facts)), 40)} · {facts.slot} · {crm}",
                facts.starts_at)  # fmt: skip
    sources = [f"Source: the page of “{facts.name}” {facts.slot}, {w.day(facts.day)}. {crm}.", *facts.absent]
    _front(deck, facts, book, partner_sponsor, sources)
    figured = [part for part in facts.sections if part.figures]
    for number, section in enumerate(figured):
        _figures(deck, section, "Revenue produced" if number == 0 else "Pipeline and forecast", sources)
        if number == 0:
            following = figured[1] if len(figured) > 1 else None
            if following is not None:
                _figures(deck, following, "Pipeline and forecast", sources)
            _attribution(deck, section, facts, sources)
            break
    for section in (part for part in facts.sections if part.partners):
        _partners(deck, section, sources)
    _asks(deck, facts, sources)
    _commitments(deck, facts, book, sources)
    return deck.saved()


def _about(facts: MeetingFacts) -> str:
    return facts.partner or "Partner program"


def _front(deck: Deck, facts: MeetingFacts, book: Directory, partner_sponsor: str, sources: Sequence[str]) -> None:
    """Whose readout it is, of when, both sponsors' names, and the numbers it is about."""
    slide = deck.slide(_about(facts), [*sources, *(f"On the agenda: {topic}" for topic in facts.agenda)], size=40)
    s.line(slide, (s.LEFT, 1.75, 11.8, 0.5), Said(f"{facts.name} · {facts.slot}", color=s.HEAD), (24, 18))
    s.line(slide, (s.LEFT, 2.35, 11.8, 0.4), Said(plain(status_of(facts, book)), color=s.QUIET), (16, 13))
    ours = [book.name(who) for who in facts.sponsors] or [TO_BE_NAMED]
    columns = [("Our sponsors" if len(ours) > 1 else "Our sponsor", ours)]
    if facts.partner:
        columns.append((f"Sponsor at {clean(facts.partner)}", [clean(partner_sponsor) or TO_BE_NAMED]))
    for number, (label, names) in enumerate(columns):
        x = s.LEFT + number * 6
        s.rule(slide, x, 3.3, 0.05, s.HEAD, 1.3)
        s.line(slide, (x + 0.2, 3.28, 5.4, 0.35), Said(label, color=s.QUIET), (15,))
        for place, name in enumerate(names[:_TWO]):
            named = Said(name, bold=name != TO_BE_NAMED, color=s.QUIET if name == TO_BE_NAMED else s.INK)
            s.line(slide, (x + 0.2, 3.68 + place * 0.45, 5.4, 0.45), named, (20, 16, 13))
    _headlines(slide, facts)


def _headlines(slide: Slide, facts: MeetingFacts) -> None:
    """What was closed, and what the quarters hold: three numbers at most."""
    figured = [part for part in facts.sections if part.figures]
    first = [(figure, part) for part in figured[:_TWO] for figure in part.figures[:1]]
    for number, (figure, part) in enumerate(first):
        s.figure(
            slide,
            s.LEFT + number * 6,
            5.2,
            5.4,
            f"{part.title}: {figure.label}",
            _value(figure),
            _was(figure),
            28,
        )


def _figures(deck: Deck, section: Section, title: str, sources: Sequence[str]) -> None:
    """One topic: the sums as a native chart for each of the two main currencies, the first as a number beside what it was."""
    main = [figure for figure in section.figures if not figure.label.startswith(OF_IT)]
    slide = deck.slide(f"{title}: {section.title}", [*_in_full(section.figures), *sources])
    first = next((figure for figure in main if figure.money or figure.before), main[0] if main else None)
    if first is not None:
        s.figure(slide, s.LEFT, 1.75, 5.6, _cap(first.label), _value(first), _was(first))
    total = _total(main)
    if len(total) and len(main) > 1:
        words = " + ".join(short_money(part.amount, part.currency) for part in total[:_TWO])
        s.figure(
            slide,
            7.0,
            1.75,
            5.4,
            "Closed won and open" if any(figure.label == "closed won" for figure in main) else "All open categories",
            words,
            count(sum(part.deals for part in total), "deal"),
        )
    _charts(slide, title, main, (s.LEFT, 3.05, s.RIGHT - s.LEFT, 3.55))


def _charts(slide: Slide, name: str, figures: Sequence[Figure], box: tuple[float, float, float, float]) -> None:
    x, y, width, height = box
    currencies = [part.currency for part in _total(figures)]
    if not currencies:
        s.text(slide, (x, y + 0.5, width, 0.5), [Said("Nothing yet.", color=s.QUIET)], 20)
        return
    shown = currencies[:MOST_CHARTS]
    each = width / len(shown)
    for number, currency in enumerate(shown):
        cells = [(_cap(figure.label.removeprefix(OF_IT)), _of(figure, currency), SHADE.get(figure.label.removeprefix(OF_IT), s.SHADES[1]))
                 for figure in figures]  # fmt: skip
        left = x + number * each
        s.text(slide, (left, y, each - 0.3, 0.3), [Said(currency, bold=True, color=s.QUIET)], 13)
        s.chart(slide, (left, y + 0.25, each - 0.3, height - 0.25), name, cells, currency)
    if len(currencies) > MOST_CHARTS:
        more = f"and {count(len(currencies) - MOST_CHARTS, 'more currency', 'more currencies')}: see the page"
        s.text(slide, (x + width - 4, y, 4, 0.3), [Said(more, color=s.QUIET)], 12)


def _attribution(deck: Deck, section: Section, facts: MeetingFacts, sources: Sequence[str]) -> None:
    """Closed won by kind of attribution, and what the page says about how far it is signed."""
    kinds = [figure for figure in section.figures if figure.label.startswith(OF_IT)]
    slide = deck.slide(f"Attribution of closed won: {section.title}", [*_in_full(kinds), *sources])
    if kinds:
        _charts(slide, "Closed won by attribution", kinds, (s.LEFT, 1.75, s.RIGHT - s.LEFT, 4.1))
    else:
        s.text(slide, (s.LEFT, 2.2, 11, 0.5), [Said("Nothing is closed won yet.", color=s.QUIET)], 20)
    said = [text for text in facts.absent if "ttribution" in text]
    if said:
        s.text(slide, (s.LEFT, 6.1, s.RIGHT - s.LEFT, 0.6), [Said(clip(" ".join(said), 240), color=s.QUIET)], 14)


def _partners(deck: Deck, section: Section, sources: Sequence[str]) -> None:
    """The partners with the most, as a table; the others are counted."""
    slide = deck.slide(section.title, sources)
    shown = section.partners[:MOST_PARTNERS]
    rows = [[clip(clean(line.partner), 44), *(_sums(money) if money else "–" for money in (line.won, line.commit, line.best_case, line.pipeline))]
            for line in shown]  # fmt: skip
    rest = section.partners[MOST_PARTNERS:]
    s.table(slide, (s.LEFT, 1.75, s.RIGHT - s.LEFT, 0.44 * (len(rows) + 1)),
            ("Partner", "Closed won", "Commit", "Best case", "Pipeline"), rows, (3.4, 2, 2, 2, 2))  # fmt: skip
    if rest:
        s.text(
            slide,
            (s.LEFT, 6.3, 11, 0.35),
            [Said(f"and {count(len(rest), 'more partner')}: {_rest(rest)}", color=s.QUIET)],
            14,
        )


def _rest(lines: Sequence[PartnerFigures]) -> str:
    """What the partners that are not shown add up to, closed won and open."""
    total = _added(
        part for line in lines for money in (line.won, line.commit, line.best_case, line.pipeline) for part in money
    )
    return _sums(total)


def _asks(deck: Deck, facts: MeetingFacts, sources: Sequence[str]) -> None:
    """What each side asks of the other, in two columns; for the program what was decided or asked."""
    slide = deck.slide("What each side asks of the other" if facts.partner else "Asks and decisions", sources)
    said = [item for item in facts.said if item.label != THEIR_SPONSOR]  # the front has the name
    if facts.partner and len(said) < _TWO:
        labels = [item.label for item in said]
        blanks = [label for label in ("What we ask of them", "What they ask of us") if label not in labels]
        columns = [(item.label, item.text) for item in said] + [(label, "") for label in blanks]
    else:
        columns = [(item.label, item.text) for item in said] or [("Asks", "")]
    shown = columns[: _TWO + 1]
    width = (s.RIGHT - s.LEFT) / len(shown)
    for number, (label, typed) in enumerate(shown):
        x = s.LEFT + number * width
        s.line(slide, (x, 1.7, width - 0.4, 0.42), Said(label, bold=True, color=s.HEAD), (18, 14, 12))
        s.rule(slide, x, 2.15, width - 0.4)
        lines = [Said(clip(clean(line), 400)) for line in typed.splitlines() if clean(line)] or [
            Said("nothing was said", color=s.QUIET)
        ]
        s.listed(slide, (x, 2.35, width - 0.4, 4.2), lines, rest=lambda hidden: f"and {hidden} more")


def _commitments(deck: Deck, facts: MeetingFacts, book: Directory, sources: Sequence[str]) -> None:
    """The page it ends in: what each side promised, who and by when; what became of the last ones beside it."""
    standing = sorted(
        (item for item in facts.commitments if item.fate in STANDING), key=lambda item: item.fate != "new"
    )
    judged = [item for item in facts.commitments if item.fate != "new"]
    slide = deck.slide("Commitments", [*sources, facts.ends_in] if facts.ends_in else sources)
    width = (s.RIGHT - s.LEFT) if not judged else 7.2
    said = [_promise(item, book) for item in standing] or [Said(facts.ends_in or "No commitments.", color=s.QUIET)]
    s.listed(
        slide, (s.LEFT, 1.8, width - 0.3, 4.85), said, rest=lambda hidden: f"and {hidden} more", numbered=bool(standing)
    )
    if judged:
        x = s.LEFT + width + 0.2
        s.text(slide, (x, 1.75, 4.2, 0.35), [Said("Last commitments", bold=True, color=s.HEAD)], 16)
        s.rule(slide, x, 2.15, 4.2)
        s.listed(
            slide,
            (x, 2.3, 4.2, 4.3),
            [_judged(item, book) for item in judged],
            rest=lambda hidden: f"and {hidden} more",
        )


def _promise(item: CommitmentFact, book: Directory) -> Said:
    carried = "" if item.fate == "new" else ", carried"
    return Said(clip(clean(item.text), 160), f"{book.name(item.owner_id)}, by {w.day(item.due)}{carried}")


def _judged(item: CommitmentFact, book: Directory) -> Said:
    mark = plain(MARKS.get(item.fate, ""))
    return Said(f"{mark} {clip(clean(item.text), 90)}".strip(), f"{book.name(item.owner_id)}{fate_note(item)}",
                color=s.WARN if item.fate == "dropped" else s.INK)  # fmt: skip


def _in_full(figures: Iterable[Figure]) -> list[str]:
    """The figures to the last cent, for the speaker."""
    return [f"{_cap(figure.label)}: {figure.said or w.sums(figure.money)}" + (f" (was {w.sums(figure.before)})" if figure.before else "")
            for figure in figures]  # fmt: skip


def _value(figure: Figure) -> str:
    return figure.said or _sums(figure.money)


def _was(figure: Figure) -> str:
    return f"was {_sums(figure.before)} on the last page" if figure.before is not None else ""


def _sums(money: Sequence[MoneySum]) -> str:
    """The two largest currencies in short; the others counted."""
    more = f" + {len(money) - _TWO} more" if len(money) > _TWO else ""
    return w.sums(money[:_TWO], short=True) + more


def _of(figure: Figure, currency: str) -> float:
    minor = sum(part.amount for part in figure.money if part.currency == currency)
    return float(minor / 10 ** minor_digits(currency))


def _total(figures: Iterable[Figure]) -> list[MoneySum]:
    """The currencies of several figures with their sums, the one with the most deals first."""
    return _added(part for figure in figures for part in figure.money)


def _added(parts: Iterable[MoneySum]) -> list[MoneySum]:
    found: dict[str, MoneySum] = {}
    for part in parts:
        before = found.get(part.currency, MoneySum(currency=part.currency, amount=0, deals=0, unknown=0))
        found[part.currency] = MoneySum(currency=part.currency, amount=before.amount + part.amount, deals=before.deals + part.deals,
                                        unknown=before.unknown + part.unknown)  # fmt: skip
    return sorted(found.values(), key=lambda part: (-part.deals, part.currency))


def _cap(words: str) -> str:
    return words[:1].upper() + words[1:]
