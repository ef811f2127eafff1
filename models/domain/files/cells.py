"""Cells of a deals file that need more than reading: shares, stages, kinds of attribution."""

import re
from collections.abc import Mapping

from models.domain.deals import Attribution, Category, StageTable
from models.domain.errors import UserError
from models.domain.text import count, key

WHOLE = 10_000
"""A whole deal in basis points."""

_CATEGORIES = {
    "pipeline": Category.PIPELINE,
    "best case": Category.BEST_CASE,
    "bestcase": Category.BEST_CASE,
    "commit": Category.COMMIT,
    "forecast": Category.COMMIT,  # Salesforce's API name of the category people see as Commit
    "won": Category.WON,
    "closed won": Category.WON,
    "lost": Category.LOST,
    "closed lost": Category.LOST,
    "most likely": Category.BEST_CASE,  # between best case and commit: counted as the one that promises less
}
_BY_STAGE = frozenset({"closed", "omitted", "not forecasted"})
"""Categories of Salesforce and HubSpot that the stage explains: closed is won, omitted mostly lost."""

HUBSPOT_STAGES = StageTable(
    stages=(
        ("Appointment Scheduled", Category.PIPELINE),
        ("Qualified To Buy", Category.PIPELINE),
        ("Presentation Scheduled", Category.PIPELINE),
        ("Decision Maker Bought-In", Category.BEST_CASE),
        ("Contract Sent", Category.COMMIT),
        ("Closed Won", Category.WON),
        ("Closed Lost", Category.LOST),
    )
)
"""The stages HubSpot's own pipeline begins with, for its exports where our table does not know them."""
_PIPELINE = re.compile(r"\s*\([^()]*\)$")
_ADDRESSED = re.compile(r".*[(<]\s*([^\s()<>@]+@[^\s()<>@]+)\s*[)>]")

_ATTRIBUTIONS = {
    "": Attribution.NONE,
    "none": Attribution.NONE,
    "sourced": Attribution.SOURCED,
    "partner sourced": Attribution.SOURCED,
    "influenced": Attribution.INFLUENCED,
    "partner influenced": Attribution.INFLUENCED,
    "co sold": Attribution.CO_SOLD,
    "cosold": Attribution.CO_SOLD,
    "co sell": Attribution.CO_SOLD,
}


class CellError(UserError):
    """A cell that cannot be read; `field` is the field it belongs to."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


class UnknownStage(CellError):
    """A stage that no table knows and nobody has said the category of."""

    def __init__(self, stage: str) -> None:
        super().__init__("stage", no_stage(stage))
        self.stage = stage


def is_true(text: str) -> bool:
    return text.casefold() in {"true", "1", "yes"}


def words(text: str) -> str:
    """`Best_Case`, `best-case` and `Best Case` are the same words."""
    return key(text.replace("_", " ").replace("-", " "))


def find_stage(stage: str, stages: StageTable, *, hubspot: bool = False) -> tuple[str, Category] | None:
    """The table's own spelling and category; HubSpot's stages by its own table too.

    Those come by name, by internal name (`closedwon`) and with their pipeline behind them: `Closed Won (Sales Pipeline)`.
    """
    found = stages.find(stage) if stage else None
    if found is not None or not hubspot:
        return found
    bare = _PIPELINE.sub("", stage)
    spelled = _squeezed(bare)
    alike = ((name, category) for name, category in HUBSPOT_STAGES.stages if _squeezed(name) == spelled)
    return stages.find(bare) or next(alike, None)


def _squeezed(stage: str) -> str:
    return words(stage).replace(" ", "")


def category_of(text: str) -> Category | None:
    """The forecast category people mean by `Best Case`, `best_case` or `won`; None when it is none."""
    return _CATEGORIES.get(words(text))


def owner(text: str) -> str:
    """The e-mail address of `Ann Lee (ann@us.com)`, else the text as it is."""
    match = _ADDRESSED.fullmatch(text)
    return match[1] if match else text


def stage_and_category(
    stage: str, category: str, stages: StageTable, *, mapped: Mapping[str, Category], hubspot: bool = False
) -> tuple[str, Category]:
    """The stage in the table's spelling, and the category: the file's own, else the stage's.

    `mapped` are the categories of stages that no table knows (`Mapping.categories`); those keep the file's spelling.

    Raises:
        CellError: neither is known, or the two contradict each other about the deal being open, won or lost.
    """
    known = find_stage(stage, stages, hubspot=hubspot)
    said = category_of(category)
    if said is None and category and words(category) not in _BY_STAGE:
        raise CellError("category", f"“{category}” is not a category. Use pipeline, best case, commit, won or lost.")
    if known is None:
        return stage, said or _unlisted(stage, category, mapped)
    name, by_stage = known
    if said is None:
        return name, by_stage
    if said != by_stage and not (said.is_open and by_stage.is_open):
        raise CellError(
            "category", f"“{category}” contradicts the stage “{name}”, which is {by_stage.label}. Mend one."
        )
    return name, said


def _unlisted(stage: str, category: str, mapped: Mapping[str, Category]) -> Category:
    """The category of a stage that no table knows."""
    if words(category) == "closed":
        return Category.WON
    if not stage:
        raise CellError("stage", "The stage is empty. Fill it in, or give a category.")
    found = mapped.get(key(stage))
    if found is None:
        raise UnknownStage(stage)
    return found


def no_stage(stage: str) -> str:
    """What is said of a stage that nobody knows, and how to say what it is."""
    return f'“{stage}” is not a stage we know. Say what it is with --stage "{stage}=best case".'


def attribution(text: str) -> str:
    found = _ATTRIBUTIONS.get(words(text))
    if found is None:
        raise CellError("attribution", f"“{text}” is not a kind of attribution. Use sourced, influenced or co-sold.")
    return found.value


def partners(names: str, roles: str, shares: str) -> tuple[tuple[str, str, int], ...]:
    """(name, role, share in basis points) of each partner of a deal, the primary one first; `;` separates several.

    Without shares the deal is split evenly, what cannot be split going to the first.
    """
    listed = _several(names)
    if not listed:
        return ()
    if len({key(name) for name in listed}) < len(listed):
        raise CellError("partner", f"“{names}” names a partner twice. Name each once.")
    given = [role.strip() for role in roles.split(";")]
    if len([role for role in given if role]) > len(listed) or any(given[len(listed) :]):
        raise CellError("partner_role", f"“{roles}” has more roles than the deal has partners.")
    given += [""] * (len(listed) - len(given))
    return tuple(zip(listed, given, _shares(shares, len(listed)), strict=False))


def _several(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _shares(text: str, number: int) -> list[int]:
    listed = _several(text)
    if not listed:
        even, rest = divmod(WHOLE, number)
        return [even + rest, *([even] * (number - 1))]
    if len(listed) != number:
        raise CellError(
            "share",
            f"“{text}” has {count(len(listed), 'share')} for {count(number, 'partner')}. Give one for each, or none.",
        )
    found = [_share(part) for part in listed]
    if sum(found) > WHOLE:
        raise CellError("share", f"“{text}” adds up to more than 100 %.")
    return found


def _share(text: str) -> int:
    """A percentage with at most two decimals. 0.6 is refused: it is more likely meant as 60 % than as 0.6 %."""
    number = text.removesuffix("%").strip().replace(",", ".")
    whole, _, fraction = number.partition(".")
    plain = whole.isascii() and whole.isdigit() and (not fraction or (fraction.isascii() and fraction.isdigit()))
    if not plain or len(whole) > len("100") or len(fraction) > len("00"):
        raise CellError("share", f"“{text}” is not a share. Write a percentage such as 60.")
    points = int(whole) * 100 + int(fraction.ljust(2, "0"))
    if points > WHOLE:
        raise CellError("share", f"“{text}” is more than 100 %.")
    if whole == "0" and points and not text.endswith("%"):
        raise CellError("share", f"“{text}” could mean {points} % or {text} %. Write a percentage such as 60 or 0.6 %.")
    return points
