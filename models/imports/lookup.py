"""Whom and what a file means: its words for owners and partners, resolved to rows, or a sentence that mends them."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.domain.errors import UserError
from models.domain.files.mapping import Mapping
from models.domain.text import clean, count, key, near
from models.tables import Partner, Person

_CRM_USER = re.compile(r"005[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?")
_GROUP = re.compile(r"@|<!|S[A-Z0-9]{8,}$")
_BY_ID = "id:"


class Unresolved(UserError):
    """A name in a file that means nobody or nothing we know."""


@dataclass(frozen=True)
class Human:
    """What an import needs to know of a person."""

    id: int
    name: str
    email: str
    side: str
    active: bool


@dataclass(frozen=True)
class Found:
    """Whom a line means: a person, or nobody yet (`id` None), and then the file's word for them."""

    id: int | None
    said: str = ""


@dataclass
class Owners:
    """Finds owners by e-mail, then by exact name; `stand_in` is the person named by the option for this import.

    Whoever cannot be found stays open: `open` counts the deals of each word that means nobody, `why` says what about it.
    `learnt` collects which words of the file the stand-in took over, so that the mapping can remember them.
    """

    people: tuple[Human, ...]
    mapping: Mapping
    stand_in: Human | None = None
    learnt: dict[str, str] = field(default_factory=dict)
    replaced: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    open: Counter[str] = field(default_factory=Counter)
    why: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.by_id = {human.id: human for human in self.people}
        self.by_email = {human.email.lower(): human for human in self.people if human.email}
        self.by_name: dict[str, list[Human]] = {}
        for human in self.people:
            self.by_name.setdefault(key(human.name), []).append(human)
        self.aliases = {key(said): email for said, email in self.mapping.owners.items()}

    def find(self, said: str, *, before: int | None) -> Found:
        """The person. `before` is the owner of the previous file: one who left since then stays until mended."""
        try:
            human = self.person(said, before=before)
        except Unresolved as error:
            if self.stand_in is None:
                self.open[said] += 1
                self.why.setdefault(said, str(error))
                return Found(None, said)
            self.replaced[said] += 1
            self.learnt[said] = alias_of(self.stand_in)
            return Found(self.stand_in.id)
        if not human.active:
            self.left[human.name] += 1
        return Found(human.id)

    def person(self, said: str, *, before: int | None = None) -> Human:
        """Who is meant. Raises Unresolved: nobody, or nobody who can own a deal."""
        alias = self.aliases.get(key(said), said)
        human = self.by_id.get(_id_in(alias)) or self._known(alias)
        if not human.active and human.id != before:
            raise Unresolved(f"{human.name} is deactivated and cannot own a deal. Name somebody who is here.")
        return human

    def _known(self, said: str) -> Human:
        found = [self.by_email[said.lower()]] if said.lower() in self.by_email else self.by_name.get(key(said), [])
        ours = [human for human in found if human.side == "ours"]
        if len(ours) == 1:
            return ours[0]
        active = [human for human in ours if human.active]
        if len(active) == 1:
            return active[0]
        if active or ours:
            raise Unresolved(f"{count(len(ours), 'person', 'people')} are called “{said}”. Say which of them it is.")
        if found:
            raise Unresolved(f"{found[0].name} works for a partner. The owner of a deal is one of our people.")
        raise Unresolved(self._nobody(said))

    def _nobody(self, said: str) -> str:
        if _GROUP.match(said):
            return f"“{said}” is a group, not a person. The owner of a deal is one named person."
        if ";" in said or said.count("@") > 1:
            return f"“{said}” names several people. The owner of a deal is one named person."
        if _CRM_USER.fullmatch(said):
            return (
                f"“{said}” is a user id of the CRM, not a person we know. Export the owner's e-mail, or say who it is."
            )
        alike = [human.name for human in self.near(said)]
        hint = f" Did you mean {' or '.join(alike)}?" if alike else ""
        return f"“{said}” is nobody we know.{hint}"

    def near(self, said: str) -> list[Human]:
        """The likeliest of our people for a word that means nobody, best first: by name, then by e-mail."""
        able = [human for human in self.people if human.side == "ours" and human.active]
        named = {human.name: human for human in able}
        if "@" in said:
            local = {human.email.partition("@")[0].replace(".", " "): human for human in able if human.email}
            named = {**named, **local}
        found = near(said.partition("@")[0].replace(".", " "), named)
        return list({named[name].id: named[name] for name in found}.values())

    def warnings(self) -> list[str]:
        """Stand-ins and leavers; what is open is told apart, since it is asked about."""
        name = self.stand_in.name if self.stand_in else ""
        found = [
            f"“{said}” cannot own a deal here; {name} stands in for {count(times, 'deal')}."
            for said, times in self.replaced.items()
        ]
        return found + [
            f"{who} is deactivated and still owns {count(times, 'deal')}." for who, times in self.left.items()
        ]


def alias_of(human: Human) -> str:
    """How a mapping remembers a person: by e-mail, or by our own id where we know none."""
    return human.email or f"{_BY_ID}{human.id}"


def _id_in(alias: str) -> int:
    number = alias.removeprefix(_BY_ID)
    return int(number) if alias.startswith(_BY_ID) and number.isascii() and number.isdigit() else 0


@dataclass
class Partners:
    """Finds partners by the key of their name; `stand_in` is the one named by the option for this import.

    `unknown` counts the lines of each name that is none; with `create` such a name becomes a new partner: `made` are
    those, by key, with ids below zero until they are rows.
    """

    by_key: dict[str, tuple[int, str]]
    mapping: Mapping
    stand_in: tuple[int, str] | None = None
    create: bool = False
    learnt: dict[str, str] = field(default_factory=dict)
    replaced: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    made: dict[str, str] = field(default_factory=dict)
    rows: dict[int, int] = field(default_factory=dict)
    ours: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.aliases = {key(said): name for said, name in self.mapping.partners.items()}

    def find(self, said: str) -> int:
        """The partner's id; Unresolved with the nearest names when there is none."""
        meant = key(self.aliases.get(key(said), said))
        found = self.by_key.get(meant)
        if found is not None:
            self.unknown.update([self.made[meant]] if meant in self.made else ())
            return found[0]
        if self.create:
            return self._make(said)
        self.unknown[said] += 1
        if self.stand_in is None:
            raise Unresolved(unknown_partner(said, (name for _, name in self.by_key.values())))
        self.replaced[said] += 1
        self.learnt[said] = self.stand_in[1]
        return self.stand_in[0]

    def _make(self, said: str) -> int:
        name = clean(said)
        self.unknown[name] += 1
        self.made[key(name)] = name
        self.by_key[key(name)] = (-len(self.made), name)
        return -len(self.made)

    def near(self, said: str) -> list[str]:
        """The likeliest of the partners there are, best first."""
        return near(said, [name for known, (_, name) in self.by_key.items() if known not in self.made])

    def made_names(self) -> dict[int, str]:
        """The names of those that were made, by the ids they have now."""
        return {self.by_key[made][0]: name for made, name in self.made.items()} if self.made else {}

    def warnings(self) -> list[str]:
        name = self.stand_in[1] if self.stand_in else ""
        return [
            f"“{said}” is not a partner we know; {name} stands in for {count(times, 'deal')}."
            for said, times in self.replaced.items()
        ]


def unknown_partner(said: str, names: Iterable[str]) -> str:
    alike = near(said, names)
    hint = f" Did you mean {' or '.join(alike)}?" if alike else ""
    return f"“{said}” is not a partner we know.{hint} Add it to the partners file, or use --partner NAME."


async def read_owners(session: AsyncSession, mapping: Mapping, stand_in: str | None) -> Owners:
    """Every person, in one statement. UserError when the stand-in cannot own deals."""
    rows = await session.execute(select(Person.id, Person.name, Person.email, Person.side, Person.active))
    people = tuple(Human(row.id, row.name, row.email or "", row.side, row.active) for row in rows)
    owners = Owners(people, mapping)
    if stand_in is not None:
        found = next((human for human in people if human.id == _stand_in(owners, stand_in)), None)
        owners.stand_in = found
    return owners


def _stand_in(owners: Owners, said: str) -> int:
    try:
        return owners.person(said).id
    except Unresolved as error:
        raise UserError(f"--owner: {error} Add them to the people file, or name somebody else.") from None


async def read_partners(
    session: AsyncSession, mapping: Mapping, stand_in: str | None, *, create: bool = False
) -> Partners:
    """Every partner, in one statement. UserError when the stand-in is none of them."""
    rows = await session.execute(select(Partner.key, Partner.id, Partner.name))
    by_key = {row.key: (row.id, row.name) for row in rows}
    partners = Partners(by_key, mapping, create=create)
    if stand_in is not None:
        found = by_key.get(key(stand_in))
        if found is None:
            raise UserError(f"--partner: {unknown_partner(stand_in, (name for _, name in by_key.values()))}")
        partners.stand_in = found
    return partners
