"""Whom and what a file means: its words for owners and partners, resolved to rows, or a sentence that mends them."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.domain.errors import UserError
from models.domain.files.mapping import Mapping
from models.domain.text import count, key, near
from models.tables import Partner, Person

_CRM_USER = re.compile(r"005[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?")
_GROUP = re.compile(r"@|<!|S[A-Z0-9]{8,}$")
_ASKED = "Add them to the people file, or say who stands in with --owner EMAIL."


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


@dataclass
class Owners:
    """Finds owners by e-mail, then by exact name; `stand_in` is the person named by the option for this import.

    `learnt` collects which words of the file the stand-in took over, so that the mapping can remember them.
    """

    people: tuple[Human, ...]
    mapping: Mapping
    stand_in: Human | None = None
    learnt: dict[str, str] = field(default_factory=dict)
    replaced: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.by_email = {human.email.lower(): human for human in self.people if human.email}
        self.by_name: dict[str, list[Human]] = {}
        for human in self.people:
            self.by_name.setdefault(key(human.name), []).append(human)
        self.aliases = {key(said): email for said, email in self.mapping.owners.items()}

    def find(self, said: str, *, before: int | None) -> int:
        """The person's id. `before` is the owner of the previous file: one who left since then stays until mended.

        Raises:
            Unresolved: nobody, or nobody who can own a deal.
        """
        try:
            human = self._able(self.aliases.get(key(said), said), before)
        except Unresolved:
            if self.stand_in is None:
                raise
            self.replaced[said] += 1
            self.learnt[said] = self.stand_in.email
            return self.stand_in.id
        if not human.active:
            self.left[human.name] += 1
        return human.id

    def _able(self, said: str, before: int | None) -> Human:
        human = self._known(said)
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
            raise Unresolved(f"{count(len(ours), 'person', 'people')} are called “{said}”. Name the owner by e-mail.")
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
                f"“{said}” is a user id of the CRM, not a person we know. Export the owner's e-mail, "
                "or say who stands in with --owner EMAIL."
            )
        alike = near(said, [human.name for human in self.people if human.side == "ours" and human.active])
        hint = f" Did you mean {' or '.join(alike)}?" if alike else ""
        return f"“{said}” is nobody we know.{hint} {_ASKED}"

    def warnings(self) -> list[str]:
        name = self.stand_in.name if self.stand_in else ""
        found = [
            f"“{said}” cannot own a deal here; {name} stands in for {count(times, 'deal')}."
            for said, times in self.replaced.items()
        ]
        return found + [
            f"{who} is deactivated and still owns {count(times, 'deal')}." for who, times in self.left.items()
        ]


@dataclass
class Partners:
    """Finds partners by the key of their name; `stand_in` is the one named by the option for this import."""

    by_key: dict[str, tuple[int, str]]
    mapping: Mapping
    stand_in: tuple[int, str] | None = None
    learnt: dict[str, str] = field(default_factory=dict)
    replaced: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.aliases = {key(said): name for said, name in self.mapping.partners.items()}

    def find(self, said: str) -> int:
        """The partner's id; Unresolved with the nearest names when there is none."""
        found = self.by_key.get(key(self.aliases.get(key(said), said)))
        if found is not None:
            return found[0]
        if self.stand_in is None:
            raise Unresolved(unknown_partner(said, (name for _, name in self.by_key.values())))
        self.replaced[said] += 1
        self.learnt[said] = self.stand_in[1]
        return self.stand_in[0]

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
        return owners.find(said, before=None)
    except Unresolved as error:
        raise UserError(f"--owner: {error}") from None


async def read_partners(session: AsyncSession, mapping: Mapping, stand_in: str | None) -> Partners:
    """Every partner, in one statement. UserError when the stand-in is none of them."""
    rows = await session.execute(select(Partner.key, Partner.id, Partner.name))
    by_key = {row.key: (row.id, row.name) for row in rows}
    partners = Partners(by_key, mapping)
    if stand_in is not None:
        found = by_key.get(key(stand_in))
        if found is None:
            raise UserError(f"--partner: {unknown_partner(stand_in, (name for _, name in by_key.values()))}")
        partners.stand_in = found
    return partners
