"""One deal's attribution as it stands: what is in force, what waits, who has signed and who has to. Reads only."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import people
from models.attribution.terms import Ground, ground, kind_of
from models.deals import PRESENT, hold
from models.domain.attribution import Side, Signer, Who, has_to_sign, signer
from models.domain.deals import Attribution
from models.domain.errors import UserError
from models.domain.forecast.facts import AttributionState
from models.domain.policy import Policy
from models.domain.rights import Act, Actor, Subject, may, require
from models.tables import AttributionClaim, AttributionSignature, Deal, DealVersion, Partner, Person, Touch

GONE = "This deal does not exist any more."
DIRECT = "This deal has no partner, so there is nothing to attribute. Name its partner in the CRM and import it again."


class Signature(NamedTuple):
    """A name below a claim. `for_id`: whose side a cover signed for."""

    side: Side
    person_id: int
    for_id: int | None
    at: datetime


@dataclass(frozen=True)
class Claim:
    """A claim with the names below it."""

    row: AttributionClaim
    signatures: tuple[Signature, ...]

    @property
    def kind(self) -> Attribution:
        return Attribution(self.row.kind)

    @property
    def taken(self) -> frozenset[Side]:
        """The sides that have signed."""
        return frozenset(held.side for held in self.signatures)

    @property
    def missing(self) -> tuple[Side, ...]:
        return tuple(side for side in Side if side not in self.taken)

    def by(self, person_id: int) -> bool:
        return any(held.person_id == person_id for held in self.signatures)

    @property
    def live(self) -> bool:
        return self.row.replaced_at is None


@dataclass(frozen=True)
class Desk:
    """All of one deal that attribution goes by. `claims` and `touches` are every one there was, the oldest first.

    Those about a partner whom the deal has left are among them; they count again when it comes back to that partner.
    """

    deal: Deal
    version: DealVersion
    partner: Partner
    claims: tuple[Claim, ...]
    touches: tuple[Touch, ...]
    subject: Subject
    holders: Mapping[int, Person]
    ground: Ground
    partners: Mapping[int, str] = field(default_factory=dict)
    """The names of the partners that claims and touches are about."""

    def counts(self, claim: Claim) -> bool:
        """Whether a claim is about the primary partner, and no later one replaced it."""
        return claim.live and claim.row.partner_id == self.partner.id

    def partner_name(self, partner_id: int) -> str:
        return self.partner.name if partner_id == self.partner.id else self.partners.get(partner_id, "another partner")

    @property
    def in_force(self) -> Claim | None:
        """The claim about the primary partner that both have signed and no later one replaced."""
        return next((claim for claim in self.claims if self.counts(claim) and claim.row.in_force_at is not None), None)

    @property
    def waiting(self) -> Claim | None:
        """The claim about the primary partner that waits for its second signature."""
        return next((claim for claim in self.claims if self.counts(claim) and claim.row.in_force_at is None), None)

    @property
    def kind(self) -> Attribution:
        """The kind in force: signed for, else the CRM's."""
        return Attribution(kind_of(self.deal, self.version))

    @property
    def state(self) -> AttributionState:
        return self.ground.state(self.deal, self.version)

    def overrules(self, wanted: Attribution, person_id: int) -> bool:
        """Whether naming this kind takes back what somebody else has signed and what waits for the other side."""
        return self.waiting is not None and self.waiting.kind != wanted and not self.waiting.by(person_id)

    @property
    def print(self) -> str:
        """What a form shows of all this, in short: another one means that somebody was faster."""
        ids = (claim.row.id if claim is not None else 0 for claim in (self.in_force, self.waiting))
        touched = self.deal.touched_on.isoformat() if self.deal.touched_on else ""
        return ".".join([*(str(one) for one in ids), touched, str(self.partner.id)])

    def left(self, seen: str | None) -> int | None:
        """The partner that a form showed which remembers `seen`, where the deal has gone to another one since."""
        shown = seen.split(".")[3:] if seen else []  # a form of before partners were remembered is taken at its word
        return int(shown[0]) if shown and shown[0].isdecimal() and int(shown[0]) != self.partner.id else None

    def signer(self, actor: Actor) -> Signer | None:
        """The side this person could sign of what waits, or of a new claim where nothing waits."""
        waiting = self.waiting
        if waiting is None:
            return signer(actor, self.subject)
        return None if waiting.by(actor.id) else signer(actor, self.subject, waiting.taken)

    def who(self, side: Side) -> Who:
        """Who holds this side now."""
        held_id = self.subject.owner_id if side is Side.AE else self.subject.pm_id
        held = self.holders.get(held_id) if held_id is not None else None
        same = self.subject.owner_id is not None and self.subject.owner_id == self.subject.pm_id
        return Who(
            side=side,
            name=held.name if held else "",
            active=held.active if held else True,
            same=same,
            partner=self.partner.name,
        )

    def waits_for(self, claim: Claim) -> str:
        """Who has to sign this claim, in a sentence; empty when both have."""
        return " ".join(has_to_sign(self.who(side)) for side in claim.missing)

    def said(self, claim: Claim | None) -> str:
        """A claim in a few words, as a conflict shows it."""
        if claim is None:
            return "nobody had signed"
        names = {person.id: person.name for person in self.holders.values()}
        by = " and ".join(names.get(held.person_id, "somebody") for held in claim.signatures)
        return f"{kind_label(claim.kind)}, signed by {by}"


def kind_label(kind: Attribution) -> str:
    return kind.value.replace("_", "-")


_DEAL = (
    select(Deal, DealVersion, Partner)
    .join(DealVersion, PRESENT)
    .outerjoin(Partner, Partner.id == DealVersion.partner_id)
    .execution_options(populate_existing=True)
)
_CLAIMS = (
    select(AttributionClaim, AttributionSignature)
    .outerjoin(AttributionSignature, AttributionSignature.claim_id == AttributionClaim.id)
    .order_by(AttributionClaim.id, AttributionSignature.at, AttributionSignature.side)
    .execution_options(populate_existing=True)
)


async def desk_of(session: AsyncSession, deal_id: int, *, now: datetime, policy: Policy, held: bool = False) -> Desk:
    """A deal's attribution; `held` locks the deal first, until the transaction ends. Raises UserError where there is none."""
    if held:
        await hold(session, deal_id)
    found = (await session.execute(_DEAL.where(Deal.id == deal_id))).one_or_none()
    if found is None:
        raise UserError(GONE)
    deal, version, partner = found
    if partner is None:
        raise UserError(DIRECT)
    claims = await claims_of(session, deal_id)
    touches = tuple(await session.scalars(select(Touch).where(Touch.deal_id == deal_id).order_by(Touch.day, Touch.id)))
    named = {claim.row.partner_id for claim in claims} | {touch.partner_id for touch in touches}
    subject = await people.subject_of(session, owner_id=version.owner_id, partner=partner, now=now, policy=policy)
    wanted = {subject.owner_id, subject.pm_id, *(held_.person_id for claim in claims for held_ in claim.signatures)}
    holders = await session.scalars(select(Person).where(Person.id.in_([one for one in wanted if one is not None])))
    return Desk(
        deal=deal,
        version=version,
        partner=partner,
        claims=claims,
        touches=touches,
        subject=subject,
        holders={person.id: person for person in holders},
        ground=await ground(session, now=now, policy=policy),
        partners=await _names(session, named, partner),
    )


async def _names(session: AsyncSession, ids: Collection[int], known: Partner) -> Mapping[int, str]:
    """The names of these partners; no statement where there is only the one that is known."""
    if set(ids) <= {known.id}:
        return {known.id: known.name}
    rows = await session.execute(select(Partner.id, Partner.name).where(Partner.id.in_(ids)))
    return {row.id: row.name for row in rows}


async def claims_of(session: AsyncSession, deal_id: int) -> tuple[Claim, ...]:
    """Every claim about a deal with its signatures, the oldest first, in one statement."""
    rows = await session.execute(_CLAIMS.where(AttributionClaim.deal_id == deal_id))
    found: dict[int, tuple[AttributionClaim, list[Signature]]] = {}
    for claim, held in rows:
        _, signed = found.setdefault(claim.id, (claim, []))
        if held is not None:
            signed.append(Signature(Side(held.side), held.person_id, held.for_id, held.at))
    return tuple(Claim(claim, tuple(signed)) for claim, signed in found.values())


async def open_desk(session: AsyncSession, actor: Person, deal_id: int, *, now: datetime, policy: Policy) -> Desk:
    """The same, for somebody who may read it: whoever may record a touch of the deal. Raises NotAllowed."""
    found = await desk_of(session, deal_id, now=now, policy=policy)
    require(may(people.as_actor(actor), Act.RECORD_TOUCH, found.subject))
    return found
