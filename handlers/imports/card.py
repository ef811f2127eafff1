"""The card of a dropped file, edited in place: the look, the dry run, what it leaves open, the bar, the result."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from handlers.imports.form import amounts, readings, worth_asking
from handlers.imports.ids import Action, Door, DraftRef
from handlers.imports.words import ASK, DROP_ACCOUNTS, DROP_BOTH, field_name, in_slack, needed, only_ids
from handlers.kit import blocks as b
from handlers.kit import words as w
from handlers.kit.forms import Carried
from handlers.kit.message import Message
from models import first_run, owners, people
from models.domain.files.survey import Question, Survey
from models.domain.policy import Policy
from models.domain.rights import Act, Subject, may
from models.domain.text import clip
from models.domain.zones import zone
from models.drafts import State
from models.imports import crm_as_of
from models.imports.found import DEALS, HISTORY, PARTNERS, PEOPLE, TARGETS, Found
from models.imports.options import Options
from models.imports.result import ImportResult, Open
from models.tables import ImportDraft

MOST_LINES = 8
MOST_BAD = 10
MOST_NAMES = 6
MOST_WARNINGS = 5
LONGEST = 240
"""Characters of one line that came from a file."""
TEXT_LIMIT = 3500
TO_SAY = " Add it to the partners file, or use --partner NAME."
NO_PARTNER = "is not a partner we know"
NO_STAGE = "is not a stage we know"
BAR = 20
_SEVERAL = 2


@dataclass(frozen=True)
class CardPage:
    """All that the card shows. `open_owners` are the result's owners that still mean nobody."""

    draft_id: int
    look: int
    state: State
    name: str
    done: int
    total: int
    problem: str
    options: Options
    found: Found
    result: ImportResult | None
    open_owners: tuple[Open, ...]
    as_of: datetime | None
    clocks: ZoneInfo
    set_up: bool = False
    """Whether the first run goes on from here: it is not finished, and this person may finish it."""


async def render(session: AsyncSession, card_id: int, *, now: datetime, policy: Policy) -> Message | None:
    draft = await session.scalar(select(ImportDraft).where(ImportDraft.card_id == card_id))
    if draft is None:
        text = "This file was dropped once more; its newer message goes on with it."
        return Message(text, (b.section(text),))
    return card(await load(session, draft, now=now, policy=policy))


async def load(session: AsyncSession, draft: ImportDraft, *, now: datetime, policy: Policy) -> CardPage:
    result = ImportResult.from_json(draft.result) if draft.result is not None else None
    still: tuple[Open, ...] = ()
    if result is not None and result.owners:
        person = await people.get(session, draft.person_id)
        left = {one.said: one.deals for one in await owners.list_open(session, person, now=now, policy=policy)}
        still = tuple(one for one in result.owners if one.said in left)
    return CardPage(
        draft_id=draft.id,
        look=draft.fence,
        state=State(draft.state),
        name=draft.file_name,
        done=draft.done,
        total=draft.total,
        problem=draft.problem,
        options=Options.from_json(draft.options),
        found=Found.from_json(draft.found),
        result=result,
        open_owners=still,
        as_of=await crm_as_of(session),
        clocks=zone(policy.zone),
        set_up=State(draft.state) is State.DONE and await _goes_on(session, draft.person_id, now=now, policy=policy),
    )


async def _goes_on(session: AsyncSession, person_id: int, *, now: datetime, policy: Policy) -> bool:
    actor = people.as_actor(await people.get(session, person_id))
    if not may(actor, Act.SET_UP_COMPANY, Subject()).allowed:
        return False
    return not (await first_run.facts(session, now=now, policy=policy)).finished


def card(page: CardPage) -> Message:
    """The card's blocks, and the same in words for notifications and screen readers."""
    made, words = _SHOWN[page.state](page)
    return Message(clip("\n".join(line for line in words if line), TEXT_LIMIT), tuple(made[:50]))


Shown = tuple[list[b.Block], list[str]]


def _name(page: CardPage) -> str:
    return f"*{w.escape(clip(page.name, 100))}*"


def _waiting(page: CardPage) -> Shown:
    again = " again" if page.found.survey is not None else ""
    lead = f":hourglass_flowing_sand: Looking at {_name(page)}{again}…"
    if page.total:
        lead += f"\n{bar(page.done, page.total)}"
    return [b.section(lead), b.context("Nothing is imported before you say so.")], [lead]


def _under_way(page: CardPage) -> Shown:
    if page.state is State.APPROVED:
        lead = f":hourglass_flowing_sand: {_name(page)} is next: the import begins in a moment."
    else:
        lead = f":hourglass_flowing_sand: Importing {_name(page)}…\n{bar(page.done, page.total)}"
    return [
        b.section(lead),
        b.context("Everybody can go on working meanwhile: nobody sees any of it before it is whole."),
    ], [lead]


def bar(done: int, total: int) -> str:
    """`▓▓▓▓░░░░ 41,000 of 100,000 lines`."""
    most = max(total, done, 1)
    filled = BAR * done // most
    return f"{'▓' * filled}{'░' * (BAR - filled)} {done:,} of {max(total, done):,} lines"


def _refused(page: CardPage) -> Shown:
    said = w.escape(clip(in_slack(page.found.said).removeprefix(f"{page.name} was not imported: "), 1500))
    lead = f":x: {_name(page)} was not imported. {said}"
    lines = [f"• {_file_words(one)}" for one in page.found.problems[:MOST_BAD]]
    lines += _more(len(page.found.problems) - MOST_BAD, "problem")
    if lines:
        lines.append("Mend the file and drop it again.")
    return [b.section(lead), *b.paragraphs("\n".join(lines))], [lead, *lines]


def _failed(page: CardPage) -> Shown:
    lead = (
        f":warning: Something went wrong on our side with {_name(page)}; it is logged as {w.escape(page.problem)}. "
        "Try again, and if it happens again give that number to whoever runs Cadence."
    )
    again = b.button("Try again", Action.AGAIN, _ref(page), style="primary")
    return [b.section(lead), b.actions(again, _put_away(page), block_id=_block("again", page))], [lead]


def _withdrawn(page: CardPage) -> Shown:
    if page.found.is_accounts:
        lead = f"{_name(page)} was put away. Drop it again to take accounts' names from it."
    else:
        lead = f"{_name(page)} was put away; nothing was imported. Drop it again to import it."
    return [b.section(lead)], [lead]


def _kept(page: CardPage) -> Shown:
    """An accounts file: nothing of it is imported, and the deals are read with it."""
    found, seen = page.found, page.found.survey
    number = count_of(seen.rows, "account") if seen is not None else "accounts"
    what = "names and partners are" if found.tells_partners else "names are"
    words = [f"{_name(page)}: {number}, kept. Drop the deals now: their accounts' {what} taken from it."]
    made: list[b.Block] = [b.section(words[0])]
    if seen is not None:
        unfit = count_of(seen.misfits, "line does", "lines do")
        left = (f"{unfit} not fit the header and {'is' if seen.misfits == 1 else 'are'} left out.",)
        _warn(made, words, [*(left if seen.misfits else ()), *(in_slack(one) for one in seen.warnings[:MOST_WARNINGS])])
    away = b.button("Put it away", Action.WITHDRAW, _ref(page))
    return [*made, b.actions(away, block_id=_block("kept", page))], words


# The dry run


def _asked(page: CardPage) -> Shown:
    found, result = page.found, page.found.result
    words = [_headline(page)]
    made = [b.section(words[0])]
    if found.said:
        _add(made, words, [f":warning: {w.escape(clip(in_slack(found.said), 1500))}"])
        _add(made, words, _problems([one for one in found.problems if not _apart(one, found)]))
    _add(made, words, _open_questions(found))
    if result is not None:
        _add(made, words, _changes(result))
        _add(made, words, _bad(result, page))
    _add(made, words, _stages(found))
    _add(made, words, _partners(page))
    if result is not None:
        _add(made, words, _arrivals(found))
        _add(made, words, _owners(_nobody(found), later=True))
        if nothing(result) and result.kind == DEALS and result.unchanged:
            made.append(b.context("Importing it only renews the date “CRM as of”."))
    for line in _beside(found):
        made.append(_plain(line))
        words.append(w.escape(line))
    made += [_plain(line) for line in _read_as(page)]
    if result is None and found.account_ids:
        _warn(made, words, [only_ids(clip(found.account_ids, 60))])
    _warn(made, words, [one.replace("and were flagged", "and would be flagged") for one in _warnings(result)])
    made.append(b.actions(*_buttons(page), block_id=_block("decide", page)))
    return made, words


def _add(made: list[b.Block], words: list[str], lines: Sequence[str]) -> None:
    made += b.paragraphs("\n".join(lines))
    words += lines


def _warnings(result: ImportResult | None) -> list[str]:
    return [in_slack(one) for one in (result.warnings if result is not None else ())[:MOST_WARNINGS]]


def _warn(made: list[b.Block], words: list[str], warnings: Sequence[str]) -> None:
    lines = [f":warning: {_file_words(one, 600)}" for one in warnings]
    made += [b.context(line) for line in lines]
    words += lines


def _plain(text: str) -> b.Block:
    """A line in which no header of a file is a format: `crm_id` and `owner_email` hold what would be an italic."""
    return {
        "type": "context",
        "elements": [{"type": "plain_text", "text": clip(text, b.CONTEXT_LIMIT), "emoji": False}],
    }


def _headline(page: CardPage) -> str:
    found, result = page.found, page.found.result
    what = found.survey.kind.label if found.survey is not None else "a file"
    rows = count_of(found.survey.rows, "row") if found.survey is not None else ""
    shape = f", {found.survey.encoding}" if found.survey is not None and found.survey.encoding else ""
    lead = f"{_name(page)}: {what}, {rows}{shape}. Nothing is imported yet."
    return f"{lead}\n*{_would(result, found)}*" if result is not None else lead


NOUN = {DEALS: ("deal", "deals"), TARGETS: ("account", "accounts"), PEOPLE: ("person", "people"),
        PARTNERS: ("partner", "partners"), HISTORY: ("deal", "deals")}  # fmt: skip


def count_of(number: int, one: str, many: str | None = None) -> str:
    """`1 deal`, `1,204 deals`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _counted(number: int, kind: str) -> str:
    return count_of(number, *NOUN.get(kind, ("line", "lines")))


def _would(result: ImportResult, found: Found) -> str:
    """What would happen: `It would create 12 deals, change 30 and leave 400 as they are; 3 we know are missing from it.`."""
    if result.kind == HISTORY:
        past = f"It would give {_counted(result.changed, HISTORY)} their past"
        return f"{past}{f' and leave {result.unchanged:,} as they are' if result.unchanged else ''}."
    if nothing(result):
        if not result.unchanged:
            return "Nothing in it is yours to import." if result.outside else "Nothing would change."
        same = _counted(result.unchanged, result.kind)
        return f"Nothing would change: {same} {'is' if result.unchanged == 1 else 'are'} here as the file says."
    parts = []
    if result.created:
        parts.append(f"create {_counted(result.created, result.kind)}")
    if result.changed:
        parts.append(f"change {f'{result.changed:,}' if parts else _counted(result.changed, result.kind)}")
    if result.unchanged:
        parts.append(f"leave {result.unchanged:,} as {'it is' if result.unchanged == 1 else 'they are'}")
    would = f"It would {_and(parts)}" if parts else "It would change nothing of what it holds"
    return f"{would}{_missing(result, found)}."


def _missing(result: ImportResult, found: Found) -> str:
    if not result.missing:
        return ""
    of = f" of the {found.known:,}" if found.known else ""
    yours = " of your partners" if found.scoped and result.kind == DEALS else ""
    return f"; {result.missing:,}{of} we know{yours} {'is' if result.missing == 1 else 'are'} missing from it"


def _and(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


def nothing(result: ImportResult) -> bool:
    """Whether importing it changes nothing that people see."""
    return not (result.created or result.changed or result.missing)


def _changes(result: ImportResult) -> list[str]:
    if not result.lines:
        return []
    told = [line for line in result.lines if not line.startswith("… and ")]
    ranked = sorted(told, key=lambda line: ": new, " in line)  # what changes says more than what is new
    shown = [f"• {_file_words(line)}" for line in ranked[:MOST_LINES]]
    return [*shown, *_more(result.created + result.changed + result.missing - len(shown), "change", show=len(shown))]


def _more(number: int, one: str, *, show: int = 1) -> list[str]:
    return [f"… and {count_of(number, f'more {one}')}"] if number > 0 and show else []


def _bad(result: ImportResult, page: CardPage) -> list[str]:
    """The bad lines; those whose partner or stage is none are listed by its name instead."""
    found = page.found
    if not result.skipped:
        return []
    verb = "has a problem" if result.skipped == 1 else "have a problem"
    listed = [str(one) for one in result.problems if not _apart(one.reason, found)]
    apart = len(result.problems) - len(listed)
    if not listed and _left(page):
        return []
    open_ = [*(["stage"] if found.unknown_stages else []), *(["name of a partner"] if found.unknown_partners else [])]
    of = f", {apart:,} of them the {' or the '.join(open_)}, see below" if apart and listed else ""
    colon = ":" if listed else "."
    return [f"*{count_of(result.skipped, 'line')} {verb}{of}{colon}*", *_problems(listed)]


def _apart(problem: str, found: Found) -> bool:
    """Whether a problem is told by what is unknown, once for all its lines."""
    return bool((found.unknown_partners and NO_PARTNER in problem) or (found.unknown_stages and NO_STAGE in problem))


def _problems(problems: Sequence[str]) -> list[str]:
    shown = [f"• {_file_words(in_slack(one), 400)}" for one in problems[:MOST_BAD]]
    return [*shown, *_more(len(problems) - len(shown), "problem")]


def _open_questions(found: Found) -> list[str]:
    lines = [f"• {_question(question)}" for question in found.questions]
    lines += [f"• which column holds {needed(name)}" for name in found.missing]
    return ["*It cannot be read before you say:*", *lines] if lines else []


def _question(question: Question) -> str:
    """What is asked, with a cell of the file and its two readings."""
    line, header, cell = question.cells[0] if question.cells else (0, "", "")
    where = f"“{_file_words(cell, 30)}” (line {line:,}, {_file_words(header, 60)})"
    if any("--dates" in option for option in question.options):
        first, second = readings(cell)
        return f"the order of its dates: {where} is {first} or {second}"
    whole, about = amounts(cell)
    return f"the mark before the cents: {where} is {whole} or a little over {about}"


def _partners(page: CardPage) -> list[str]:
    """The names that are no partner, and what was said of them."""
    if page.options.create_partners:
        return _coming(page.found)
    left = _left(page)
    if not left:
        return _unknown(page.found)
    lines = sum(one.deals for one in left)
    return [f"*{count_of(lines, 'line is', 'lines are')} left out, as you said:* {_names_of(left)}."]


def _left(page: CardPage) -> tuple[Open, ...]:
    """The names whose lines are left out because somebody has said so."""
    said = page.options.leave_out and page.found.result is not None
    return page.found.unknown_partners if said else ()


def _coming(found: Found) -> list[str]:
    """The partners that are made for it, since somebody has said so."""
    listed = found.unknown_partners
    if not listed:
        return []
    comes = "partner comes" if len(listed) == 1 else "partners come"
    return [f"*{len(listed):,} {comes} with it*, Tier 2 until you say otherwise: {_names_of(listed)}."]


def _names_of(listed: Sequence[Open]) -> str:
    names = ", ".join(w.escape(clip(one.said, 60)) for one in listed[:MOST_NAMES])
    return names + (f" and {len(listed) - MOST_NAMES:,} more" if len(listed) > MOST_NAMES else "")


def _stages(found: Found) -> list[str]:
    """The stages nobody knows: `2 stages are not known: “Angebot” (12 lines), “Verhandlung” (1 line).`."""
    listed = found.unknown_stages
    if not listed:
        return []
    lead = f"*{len(listed):,} {'stage is' if len(listed) == 1 else 'stages are'} not known:*"
    shown = ", ".join(f"“{_file_words(one.said, 60)}” ({count_of(one.deals, 'line')})" for one in listed[:MOST_NAMES])
    more = f" and {len(listed) - MOST_NAMES:,} more" if len(listed) > MOST_NAMES else ""
    return [f"{lead} {shown}{more}."]


def _unknown(found: Found) -> list[str]:
    listed = found.unknown_partners
    if not listed:
        return []
    verb = "name is no partner" if len(listed) == 1 else "names are no partners"
    noun = "line"
    lines = [_open(one, noun) for one in listed[:MOST_NAMES]]
    return [f"*{len(listed):,} {verb} here:*", *lines, *_more(len(listed) - MOST_NAMES, "name")]


def _open(one: Open, noun: str) -> str:
    near = f"; perhaps {w.escape(clip(' or '.join(one.near), 120))}" if one.near else ""
    return f"• “{w.escape(clip(one.said, 80))}”: {count_of(one.deals, noun)}{near}"


def _nobody(found: Found) -> tuple[Open, ...]:
    """The owners that mean nobody, those aside who come in from Slack."""
    coming = {arrival.said for arrival in found.arrivals}
    return tuple(one for one in (found.result.owners if found.result else ()) if one.said not in coming)


def _arrivals(found: Found) -> list[str]:
    if not found.arrivals:
        return []
    names = _and([w.escape(clip(one.name or one.email, 60)) for one in found.arrivals[:MOST_NAMES]])
    more = f" and {len(found.arrivals) - MOST_NAMES} more" if len(found.arrivals) > MOST_NAMES else ""
    if len(found.arrivals) == 1:
        return [f"*1 owner is in Slack but not known here yet:* {names}. They come in as an AE."]
    return [
        f"*{len(found.arrivals):,} owners are in Slack but not known here yet:* {names}{more}. They come in as AEs."
    ]


def _owners(listed: Sequence[Open], *, later: bool) -> list[str]:
    if not listed:
        return []
    one = len(listed) == 1
    lead = f"*{len(listed):,} {'owner is' if one else 'owners are'} not known yet:*"
    lines = [_open(item, "deal") for item in listed[:MOST_NAMES]]
    lines += _more(len(listed) - MOST_NAMES, "owner")
    if later:
        lines.append("Their deals come in without an owner. You say who it is afterwards, without importing again.")
    return [lead, *lines]


def _read_as(page: CardPage) -> list[str]:
    """How the file is read: header → field; what stands for all lines; the columns nobody knows."""
    seen = page.found.survey
    if seen is None:
        return []
    matched = ", ".join(_matched(column.header, column.field) for column in seen.columns if column.field)
    lines = [f"Read as: {clip(matched, 1500)}"] if matched else []
    fixed = _fixed(page, seen)
    if fixed:
        lines.append(clip("For all lines: " + ", ".join(fixed), 500))
    if page.found.job in (DEALS, TARGETS) and not page.options.complete:
        lines.append("What is known and not in this file is left alone.")
    unknown = [column for column in seen.unknown if column.header]
    if unknown:
        named = [clip(column.header, 60) for column in unknown[:MOST_NAMES]]
        more = f" and {len(unknown) - MOST_NAMES} more" if len(unknown) > MOST_NAMES else ""
        how = (
            f" {ASK} names a field for them."
            if page.found.job in (DEALS, TARGETS) and not page.found.must_answer
            else ""
        )
        lines.append(f"Not read: {', '.join(named)}{more}.{how}")
    return lines


def _matched(header: str, name: str) -> str:
    same = header.replace("_", " ").strip().casefold() == field_name(name).casefold()
    shown = clip(header, 60)
    return shown if same else f"{shown} → {field_name(name)}"


def _beside(found: Found) -> list[str]:
    """What is taken from an accounts file, and whose the deals are that it does not know."""
    beside = found.beside
    if beside is None:
        return []
    what = _and([*(["names"] if beside.names else []), *(["partners"] if beside.partners else [])])
    others = f" Partner of accounts it does not have: {clip(found.partner, 60)}." if _others(found) else ""
    return [f"Accounts' {what} from {clip(beside.name, 60)}.{others}"]


def _others(found: Found) -> bool:
    """Whether a partner was named for all lines, and an accounts file knows better of most of them."""
    return bool(found.partner and found.beside is not None and found.beside.partners)


def _fixed(page: CardPage, seen: Survey) -> list[str]:
    options, fixed = page.options, []
    remembered = "" if options.partner else " (as said of an earlier file)"
    if page.found.partner and not _others(page.found):
        fixed.append(f"partner {clip(page.found.partner, 60)}{remembered}")
    if "@" in page.found.owner:
        fixed.append(f"owner {clip(page.found.owner, 60)}")
    if options.currency:
        fixed.append(f"currency {options.currency}")
    if seen.dates and options.dates:
        fixed.append("dates month first" if options.dates == "mdy" else "dates day first")
    if options.decimal:
        fixed.append(f"“{options.decimal}” before the cents")
    return fixed


def _buttons(page: CardPage) -> list[b.Block]:
    found, result = page.found, page.found.result
    made: list[b.Block] = []
    asks = worth_asking(found)
    if result is None:
        if asks:
            made.append(b.button("Answer the questions…", Action.ANSWER, _ref(page), style="primary"))
    else:
        names = bool(found.unknown_partners) and not (page.options.create_partners or _left(page))
        first = (names or bool(found.unknown_stages)) and asks
        if first:
            made.append(b.button("Answer the questions…", Action.ANSWER, _ref(page), style="primary"))
        made.append(_import(page, result, style=None if first or nothing(result) else "primary"))
        if asks and not first:
            made.append(b.button("Change how it is read…", Action.ANSWER, _ref(page)))
    return [*made, _put_away(page)]


def _import(page: CardPage, result: ImportResult, *, style: str | None) -> b.Block:
    label = "Import anyway" if nothing(result) else "Import"
    if result.skipped:
        label = f"Import without the {count_of(result.skipped, 'bad line')}"
    return b.button(
        label, Action.IMPORT, _ref(page, skip=bool(result.skipped)), style=style, confirm=_confirm(result, page.found)
    )


def _confirm(result: ImportResult, found: Found) -> tuple[str, str, str] | None:
    """Asked when the file lacks most of what is known: then it is seldom the whole export."""
    if not any("flagged as missing" in warning for warning in result.warnings):
        return None
    text = (
        f"{result.missing:,} of the {_counted(found.known, DEALS)} we know are not in this file. Their owners will be asked "
        f"what became of them. If it is not the whole export, cancel and say so with {ASK}."
    )
    return (f"Flag {_counted(result.missing, DEALS)} as missing?", clip(text, 290), "Import and flag them")


def _put_away(page: CardPage) -> b.Block:
    return b.button("Not now", Action.WITHDRAW, _ref(page))


def _ref(page: CardPage, *, skip: bool = False) -> str:
    return DraftRef(d=page.draft_id, n=page.look, skip=skip).dump()


def _block(what: str, page: CardPage) -> str:
    return f"{what}:{page.draft_id}:{page.look}"


# The result


def _done(page: CardPage) -> Shown:
    result = page.result
    if result is None:
        lead = f":white_check_mark: {_name(page)} is imported."
        return [b.section(lead)], [lead]
    words = [f":white_check_mark: {_name(page)} {_did(result)}"]
    made = [b.section(words[0])]
    _add(made, words, _changes(result))
    if result.skipped:
        left = "line was" if result.skipped == 1 else "lines were"
        gone = [str(one).replace(TO_SAY, "") for one in result.problems]
        _add(made, words, [f"*{result.skipped:,} {left} left out:*", *_problems(gone)])
    _warn(made, words, [_afterwards(one) for one in _warnings(result)])
    if page.open_owners:
        _add(made, words, _owners(page.open_owners, later=False))
        say = b.button("Say who they are…", Door.MATCH_OWNERS, Carried().dump(), style="primary")
        made.append(b.actions(say, block_id=_block("owners", page)))
    elif result.owners:
        _add(made, words, ["Every owner in it is known now."])
    if page.set_up and not page.open_owners:
        go_on = b.button("Set up Cadence", Door.FIRST_RUN, Carried().dump(), style="primary")
        made.append(b.actions(go_on, block_id=_block("set_up", page)))
    if page.as_of is not None and result.kind == DEALS:
        line = f"CRM as of {w.when(page.as_of, page.clocks)}"
        made.append(b.context(line))
        words.append(line)
    return made, words


def _afterwards(warning: str) -> str:
    """A warning of the dry run, of a file that is imported: what can be done about it now."""
    return warning.replace(f"say so with {ASK}", "drop it again and say so there").replace(DROP_ACCOUNTS, DROP_BOTH)


def _did(result: ImportResult) -> str:
    if result.kind == HISTORY:
        return f"is imported: {_counted(result.changed, HISTORY)} got their past."
    if nothing(result):
        same = f" {_counted(result.unchanged, result.kind)} were here as it says." if result.unchanged else ""
        return f"is imported: nothing had to change.{same}"
    counts = (
        (result.created, "created"),
        (result.changed, "changed"),
        (result.unchanged, "as they were"),
        (result.missing, "missing from it"),
    )
    there = [(number, what) for number, what in counts if number]
    first, *rest = [(_counted(number, result.kind) if not place else f"{number:,}", what)
                    for place, (number, what) in enumerate(there)]  # fmt: skip
    return f"is imported: {', '.join(f'{number} {what}' for number, what in (first, *rest))}."


def _file_words(text: str, longest: int = LONGEST) -> str:
    return w.escape(clip(text, longest))


_SHOWN = {
    State.WAITING: _waiting,
    State.ASKED: _asked,
    State.KEPT: _kept,
    State.APPROVED: _under_way,
    State.IMPORTING: _under_way,
    State.DONE: _done,
    State.REFUSED: _refused,
    State.FAILED: _failed,
    State.WITHDRAWN: _withdrawn,
}
