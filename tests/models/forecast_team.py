"""A team with partners, deals and rates for the tests of the forecast, and the roll-up worked out again, deal by deal."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select, update

from models import attribution
from models.deals import PRESENT
from models.domain.forecast.changes import BANDS, DealAt
from models.domain.forecast.facts import Bands
from models.domain.forecast.parts import Part, divide, parts_with_rest
from models.domain.forecast.rates import Rates, convert
from models.domain.policy import Policy
from models.forecast import rates
from models.tables import Deal, DealPartner, DealVersion, ExchangeRate, Partner
from tests import make

POLICY = Policy(zone="Europe/London", currency="USD")
START = datetime(2026, 4, 1, 8, tzinfo=UTC)  # the first day of 2026Q2, a Wednesday
Q2 = POLICY.fiscal.quarter_of(START.date())
Q1, Q3 = POLICY.fiscal.previous(Q2), POLICY.fiscal.next(Q2)
COUNTED = {str(band) for band in BANDS}
IN = date(2026, 5, 20)


@dataclass
class Team:
    """People by role, partners by letter: A and B are Pat's, C is Quinn's, D nobody's."""

    people: dict = field(default_factory=dict)
    partners: dict = field(default_factory=dict)

    def __getattr__(self, name):
        return self.people[name]


async def team(session) -> Team:
    made = Team()
    for key, name, roles in (
        ("pat", "Pat Manager", ("pm",)), ("quinn", "Quinn Manager", ("pm",)), ("hedda", "Hedda Lead", ("head",)),
        ("carl", "Carl Revenue", ("cro",)), ("fay", "Fay Finance", ("cfo",)), ("both", "Bo Two", ("cro", "cfo")),
        ("ann", "Ann Seller", ("ae",)), ("bob", "Bob Seller", ("ae",)), ("root", "Root Admin", ("admin",)),
    ):  # fmt: skip
        made.people[key] = await make.person(session, name, *roles, created_at=START)
    for letter, pm in (("A", made.pat), ("B", made.pat), ("C", made.quinn), ("D", None)):
        made.partners[letter] = await make.partner(session, f"Partner {letter}", pm)
    return made


async def rate(session, currency, day, text, into="USD", at=START):
    session.add(ExchangeRate(currency=currency, into=into, day=day, rate=text, at=at))
    await session.flush()


async def add(session, name, partner, *, at=START, owner=None, links=None, **more):
    """A deal that counts in the second quarter unless told otherwise. `links`: (partner, share), the first is primary."""
    values = {"category": "commit", "amount": 1_000_00, "currency": "USD", "close_date": IN, **more}
    made = await make.deal(session, name, partner, owner, seen=at, **values)
    if links is not None:
        await relink(session, made, links, at=at, first=True)
    return made


async def relink(session, deal, links, *, at, first=False):
    if first:
        await session.execute(DealPartner.__table__.delete().where(DealPartner.deal_id == deal.id))
    else:
        await session.execute(
            update(DealPartner)
            .where(DealPartner.deal_id == deal.id, DealPartner.valid_to.is_(None))
            .values(valid_to=at)
        )
    for place, (partner, share) in enumerate(links):
        session.add(
            DealPartner(deal_id=deal.id, partner_id=partner.id, share=share, is_primary=place == 0, valid_from=at)
        )
    await session.flush()


async def change(session, deal, *, at, **values):
    """Another version stands from `at` on."""
    current = await session.get_one(DealVersion, deal.version_id)
    copied = {column.name: getattr(current, column.name) for column in DealVersion.__table__.columns}
    copied |= {"id": None, "valid_from": at, "reported_at": at, **values}
    current.valid_to = at
    fresh = DealVersion(**copied)
    session.add(fresh)
    await session.flush()
    deal.version_id = fresh.id
    if "partner_id" in values:
        links = [] if values["partner_id"] is None else [(await session.get_one(Partner, values["partner_id"]), 10_000)]
        await relink(session, deal, links, at=at)
    await session.flush()


async def merged_away(session, deal, *, at):
    """The deal was a duplicate: no version of it stands any more."""
    current = await session.get_one(DealVersion, deal.version_id)
    current.valid_to, deal.version_id, deal.crm_id = at, None, None
    await relink(session, deal, [], at=at)


# The same again, deal by deal, in Python.


@dataclass
class Whole:
    """Every deal there is, as `DealAt`, with its kind and state and owner; and what rates there are."""

    deals: dict
    rates: Rates
    names: dict


async def whole(session, quarter, *, now, policy=POLICY) -> Whole:
    """Everything as it stands, whether it counts or not."""
    pms = dict((await session.execute(select(Partner.id, Partner.pm_id))).all())
    found = await rates.read(session, policy.currency)
    ground = await attribution.ground(session, now=now, policy=policy)
    links = {}
    for link in await session.scalars(select(DealPartner).where(DealPartner.valid_to.is_(None))):
        links.setdefault(link.deal_id, []).append(Part(link.partner_id, pms[link.partner_id], link.share))
    deals, extra = {}, {}
    for deal, version in await session.execute(select(Deal, DealVersion).join(DealVersion, PRESENT)):
        parts = ()
        if version.partner_id is not None:
            own = links.get(deal.id) or [Part(version.partner_id, pms[version.partner_id], 10_000)]
            parts = parts_with_rest(own, pms[version.partner_id])
        day = version.close_date if version.category == "won" and version.close_date else ground.today
        one = found.on(version.currency, day)
        at = DealAt(
            deal_id=deal.id, category=version.category, kind=deal.attribution or version.attribution,
            close_date=version.close_date, currency=version.currency, amount=version.amount, rate=one,
            value=None if version.amount is None or one is None else convert(version.amount, one), parts=parts,
            partner_id=version.partner_id, pm_id=pms.get(version.partner_id),
        )  # fmt: skip
        deals[deal.id], extra[deal.id] = at, (version.owner_id, str(ground.state(deal, version)))
    return Whole(deals, found, extra)


def cell(deal, value) -> Bands:
    return Bands(**{deal.category: value or 0})


def count(deal) -> Bands:
    return Bands(deals=1, unknown=int(deal.amount is None))


def program_of(deals, quarter) -> Bands:
    return Bands.sum(cell(one, one.value) + count(one) for one in deals if one.counts(quarter))


def partners_of(deals, quarter) -> dict:
    """Bands by (manager, partner)."""
    found = {}
    for one in deals:
        if one.counts(quarter):
            for part, value in zip(one.parts, divide(one.value or 0, one.parts), strict=True):
                key = (part.pm_id, part.partner_id)
                found[key] = found.get(key, Bands()) + cell(one, value) + count(one)
    return found


def kinds_of(deals, quarter, extra) -> dict:
    found = {}
    for one in deals:
        if one.counts(quarter):
            key = (one.kind, extra[one.deal_id][1])
            found[key] = found.get(key, Bands()) + cell(one, one.value) + count(one)
    return found


def later(hours: int) -> datetime:
    return START + timedelta(hours=hours)
