"""A company nobody has seen before, from a seed: other names, zones and numbers, for journeys that must not know."""

from datetime import date
from itertools import product
from random import Random

from bot.demo.build import Cast, Company, Firm, Human, build
from bot.demo.deals import PLOTS, Story, tell
from models.domain.files.partners import ARCHETYPES, JOURNEY
from models.domain.zones import known_zones

_GIVEN = (
    "Ada",
    "Bao",
    "Chiara",
    "Dmitri",
    "Éloïse",
    "Farid",
    "Gül",
    "Hana",
    "Ines",
    "João",
    "Kwame",
    "Liv",
    "Mei",
    "Nils",
)
_FAMILY = (
    "Abebe",
    "Brandt",
    "Castaño",
    "Dvořák",
    "Eriksen",
    "Fonseca",
    "García",
    "Hoàng",
    "Ito",
    "Jokinen",
    "Kaya",
    "Ó Sé",
)
_FIRST = ("Amber", "Birch", "Copper", "Dune", "Ember", "Fjord", "Grove", "Heron", "Indigo", "Jade")
_LAST = (
    "Analytics",
    "& Partners",
    "Bilişim",
    "Cloud",
    "Consulting ☁️",
    "<Labs>",
    "Netzwerke",
    "Systems",
    "מערכות",
    "Works",
)
_CUSTOMERS = ("Bank", "Foods", "Freight", "Health", "Hotels", "Insurance", "Mills", "Power", "Rail", "Stores")
_CALENDARS = ("", "US", "GB-SCT", "DE", "JP", "BR")


def random_company(seed: int, today: date) -> Company:
    """1-3 partner managers, 3-8 AEs anywhere on earth, 3-12 partners, 0-40 deals; one seed, one company."""
    rng = Random(seed)
    zones = sorted(name for name in known_zones() if "/" in name and not name.startswith("Etc/"))
    names = [f"{given} {family}" for given, family in product(_GIVEN, _FAMILY)]
    rng.shuffle(names)
    domain = f"company{seed}.example"

    def human(roles: str, title: str, partner: str = "", at: str = domain) -> Human:
        return Human(names.pop(), f"person{len(names)}@{at}", rng.choice(zones), title, roles, partner)

    pms = [human("pm", "Partner manager") for _ in range(rng.randint(1, 3))]
    aes = [human("ae", "Account executive") for _ in range(rng.randint(3, 8))]
    leaders = [human(role, role.upper()) for role in ("head", "cro", "cfo", "ceo", "admin")]
    firms: list[Firm] = []
    firm_names = [f"{first} {last}" for first, last in product(_FIRST, _LAST)]
    rng.shuffle(firm_names)
    for number in range(rng.randint(3, 12)):
        name, slug = firm_names.pop(), f"p{seed}-{number}"
        tier = 1 if number == 0 else rng.choice((1, 1, 2, 3))
        weekly = tier == 1
        theirs = [human("counterpart", "Partnerships", name, f"{slug}.example") for _ in range(rng.randint(0, 2))]
        firms.append(
            Firm(
                name,
                slug,
                tier,
                rng.choice(ARCHETYPES),
                rng.choice(JOURNEY),
                pms[number % len(pms)].email,
                internal=weekly,
                joint=weekly and rng.random() < 0.7,  # noqa: PLR2004 (most have one)
                private=rng.random() < 0.5,  # noqa: PLR2004 (a coin)
                counterparts=tuple(theirs),
            )
        )
    # With one partner manager and bad luck the Tier 1 ceiling is broken: that is a state the bot has to name.
    stories = _stories(rng, firms, aes)
    cast = Cast(
        f"Company {seed}", domain, rng.choice(zones), rng.choice(_CALENDARS), (*pms, *aes, *leaders), tuple(firms)
    )
    return build(cast, today=today, deals=tell(stories, today=today, rng=rng))


def _stories(rng: Random, firms: list[Firm], aes: list[Human]) -> list[Story]:
    found: list[Story] = []
    for number in range(rng.randint(0, 40)):
        partners = tuple(firm.name for firm in rng.sample(firms, rng.choice((0, 1, 1, 1, 1, 1, 1, 2))))
        owner, other = rng.sample(aes, 2)
        account = f"{rng.choice(_FIRST)} {rng.choice(_CUSTOMERS)} {number + 1}"
        found.append(Story(rng.choice(sorted(PLOTS)), account, partners, owner.email, other.email))
    return found
