"""Who is in the demo: Halyard Systems, its partners and their people, its customers. All of them made up."""

from bot.demo.build import Cast, Firm, Human

_DOMAIN = "halyard.example"
_LONDON, _NEW_YORK, _SINGAPORE = "Europe/London", "America/New_York", "Asia/Singapore"


def _ours(name: str, local: str, zone: str, title: str, roles: str) -> Human:
    return Human(name, f"{local}@{_DOMAIN}", zone, title, roles)


AMARA = _ours("Amara Okafor", "amara.okafor", _LONDON, "Partner manager, EMEA", "pm")
DIEGO = _ours("Diego Hernández", "diego.hernandez", _NEW_YORK, "Partner manager, Americas and APAC", "pm")
SIOBHAN = _ours("Siobhán Ní Bhriain", "siobhan.nibhriain", _LONDON, "Account executive, UK and Ireland", "ae")
TOMASZ = _ours("Tomasz Wójcik", "tomasz.wojcik", _LONDON, "Account executive, Central Europe", "ae")
MAYA = _ours("Maya Goldstein", "maya.goldstein", _NEW_YORK, "Account executive, East", "ae")
JAMAL = _ours("Jamal Carter", "jamal.carter", _NEW_YORK, "Account executive, Enterprise", "ae")
WEI_LING = _ours("Tan Wei Ling", "weiling.tan", _SINGAPORE, "Account executive, ASEAN", "ae")
PRIYA = _ours("Priya Raghunathan", "priya.raghunathan", _SINGAPORE, "Account executive, India and ANZ", "ae")
INGRID = _ours("Ingrid Sørensen", "ingrid.sorensen", _LONDON, "Head of partnerships", "head")
MARCUS = _ours("Marcus Adeyemi", "marcus.adeyemi", _NEW_YORK, "Chief revenue officer", "cro")
YUKO = _ours("Yūko Tanaka", "yuko.tanaka", _LONDON, "Chief financial officer", "cfo")
ELEANOR = _ours("Eleanor Whitcombe", "eleanor.whitcombe", _LONDON, "Chief executive officer", "ceo")
KOFI = _ours("Kofi Mensah", "kofi.mensah", _LONDON, "Revenue systems", "admin")


def _firm(
    name: str,
    slug: str,
    pm: Human,
    archetype: str,
    counterparts: tuple[tuple[str, str, str], ...] = (),
    *,
    tier: int = 1,
    stage: str = "manage",
    joint: bool = True,
    private: bool = False,
) -> Firm:
    """A partner; counterparts are (name, title, time zone), their addresses at the partner's own domain."""
    people = tuple(
        Human(who, f"{_local(slug, place)}@{slug}.example", zone, title, "counterpart", name)
        for place, (who, title, zone) in enumerate(counterparts)
    )
    weekly = tier == 1
    return Firm(
        name, slug, tier, archetype, stage, pm.email, weekly, weekly and joint, private=private, counterparts=people
    )


def _local(slug: str, place: int) -> str:
    return f"{('partnerships', 'sales')[place]}.{slug}"


def _pulse(name: str, slug: str, pm: Human, archetype: str, tier: int, stage: str) -> Firm:
    return _firm(name, slug, pm, archetype, tier=tier, stage=stage)


_BERLIN, _OSLO, _JERUSALEM, _ISTANBUL = "Europe/Berlin", "Europe/Oslo", "Asia/Jerusalem", "Europe/Istanbul"
_MEXICO, _NAIROBI, _BOSTON, _DENVER = "America/Mexico_City", "Africa/Nairobi", _NEW_YORK, "America/Denver"

TIER1 = (
    _firm(
        "Müller & Söhne Systemhaus",
        "mueller-soehne",
        AMARA,
        "SI",
        (("Jörg Müller", "Head of alliances", _BERLIN), ("Anneliese Groß", "Sales lead", _BERLIN)),
    ),
    _firm(
        "Acme",
        "acme",
        AMARA,
        "MSP",
        (("Cora Counterpart", "Partnerships", _LONDON), ("Zainab Ahmed", "Account director", _LONDON)),
        private=True,
    ),
    _firm(
        "Nordlys Konsult",
        "nordlys",
        AMARA,
        "SI",
        (("Bjørn Håkonsen", "Managing partner", _OSLO), ("Åse Lindqvist", "Sales lead", _OSLO)),
    ),
    _firm(
        "גלים מערכות",
        "galim",
        AMARA,
        "reseller",
        (("נועה לוי", "Alliances", _JERUSALEM), ("Eitan Mizrahi", "Sales lead", _JERUSALEM)),
        private=True,
    ),
    _firm(
        "Çelik Yazılım",
        "celik",
        AMARA,
        "ISV",
        (("Elif Çelik", "Founder", _ISTANBUL), ("Oğuz Şahin", "Sales lead", _ISTANBUL)),
        stage="activate",
        joint=False,
    ),
    _firm(
        "Quetzal Consultores",
        "quetzal",
        DIEGO,
        "SI",
        (("Ximena Ibáñez", "Directora de alianzas", _MEXICO), ("Iñigo Peña", "Ventas", _MEXICO)),
        stage="expand",
    ),
    _firm(
        "Baobab Networks",
        "baobab",
        DIEGO,
        "MSP",
        (("Wanjikũ Kamau", "Partnerships", _NAIROBI), ("Chukwuemeka Eze", "Sales lead", _NAIROBI)),
    ),
    _firm(
        "Harbor & Finch",
        "harbor-finch",
        DIEGO,
        "agency",
        (("Grace O'Malley", "Principal", _BOSTON), ("Theo van der Berg", "Account lead", _BOSTON)),
        private=True,
    ),
    _firm(
        "Rocketship 🚀 Labs",
        "rocketship",
        DIEGO,
        "ISV",
        (("Skyler Nguyễn", "Alliances", _DENVER), ("Devon Park", "Sales", _DENVER)),
        stage="activate",
    ),
)
PULSE = (
    _pulse("Sakura Data 桜", "sakura", DIEGO, "reseller", 2, "manage"),
    _pulse("Kestrel MSP", "kestrel", AMARA, "MSP", 2, "manage"),
    _pulse("O'Neill <IT> Services", "oneill", AMARA, "MSP", 2, "activate"),
    _pulse("Ātea Pacific", "atea-pacific", DIEGO, "SI", 2, "manage"),
    _pulse("Zielona Chmura", "zielona", AMARA, "reseller", 2, "onboard"),
    _pulse("Lotus Bridge Advisory", "lotus-bridge", DIEGO, "referral", 2, "activate"),
    _pulse("Vega Referral Network", "vega", DIEGO, "referral", 2, "manage"),
    _pulse("Papaya Digital", "papaya", DIEGO, "agency", 2, "onboard"),
    _pulse("Granite Peak Resellers", "granite-peak", DIEGO, "reseller", 3, "manage"),
    _pulse("Tuğra Bilişim", "tugra", AMARA, "reseller", 3, "activate"),
    _pulse("Delta-V Systems", "delta-v", DIEGO, "ISV", 3, "recruit"),
    _pulse("Mistral Conseil", "mistral", AMARA, "SI", 3, "onboard"),
    _pulse("Umoja Works", "umoja", DIEGO, "agency", 3, "recruit"),
    _pulse("Coral Reef IT", "coral-reef", DIEGO, "MSP", 3, "off-board"),
)

COMPANY = Cast(
    name="Halyard Systems",
    domain=_DOMAIN,
    zone=_LONDON,
    holidays="GB-ENG",
    ours=(AMARA, DIEGO, SIOBHAN, TOMASZ, MAYA, JAMAL, WEI_LING, PRIYA, INGRID, MARCUS, YUKO, ELEANOR, KOFI),
    firms=(*TIER1, *PULSE),
)

_EMEA, _AMERICAS, _ASIA = (SIOBHAN, TOMASZ), (MAYA, JAMAL), (WEI_LING, PRIYA)
DESKS = tuple(
    tuple(human.email for human in desk)
    for desk in (
        (TOMASZ, SIOBHAN),
        (SIOBHAN, WEI_LING),
        _EMEA,
        (MAYA, TOMASZ),
        (PRIYA, SIOBHAN),
        _AMERICAS,
        (JAMAL, PRIYA),
        (MAYA, JAMAL),
        _ASIA,
    )
)
"""Who sells with which partner, in the order of the plots."""

PLOTS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("Müller & Söhne Systemhaus",), ("moved", "stalled", "slipped", "won", "committed", "no amount")),
    (("Acme",), ("moved", "stalled", "committed", "pulled in", "no close date")),
    (("Nordlys Konsult",), ("slipped", "raised", "lost", "moved")),
    (("גלים מערכות",), ("stalled", "moved", "past close", "lowered")),
    (("Çelik Yazılım",), ("new", "stalled", "moved")),
    (("Quetzal Consultores",), ("moved", "slipped", "stalled", "won long ago", "reassigned")),
    (("Baobab Networks",), ("stalled", "committed", "moved", "new", "shrunk")),
    (("Harbor & Finch",), ("moved", "past close", "slipped", "won")),
    (("Rocketship 🚀 Labs",), ("stalled", "moved", "raised", "gone")),
    (("Baobab Networks", "Kestrel MSP"), ("pulled in",)),
    (("Sakura Data 桜",), ("moved", "stalled")),
    (("Kestrel MSP",), ("slipped",)),
    (("O'Neill <IT> Services",), ("stalled", "new")),
    (("Ātea Pacific",), ("moved", "committed")),
    (("Zielona Chmura",), ("no amount",)),
    (("Lotus Bridge Advisory",), ("won long ago", "stalled")),
    (("Vega Referral Network",), ("pulled in",)),
    (("Papaya Digital",), ("lost",)),
    (("Granite Peak Resellers",), ("stalled",)),
    (("Tuğra Bilişim",), ("slipped",)),
    (("Mistral Conseil",), ("moved",)),
    ((), ("moved", "stalled", "won", "slipped", "new")),
)
"""Whose deals, and what happens to each of them."""

ACCOUNTS = (
    "Aldwych Press",
    "Astral Foods <Europe>",
    "Banco del Altiplano",
    "Bergström Papper",
    "Bluebonnet Health",
    "Boulangerie Lefèvre",
    "Cafés São Bento",
    "Canal & Lock Properties",
    "Cedar Hollow Schools",
    "Chesapeake Ferries",
    "Clínica Santa Lucía",
    "Copperfield Insurance",
    "Crescent Bay Port",
    "Dhaka Textile Mills",
    "Drukarnia Gdańska",
    "Eastgate Mutual",
    "Elbe Logistik",
    "Fenwick & Rowe",
    "Fiordland Dairy",
    "Galata Lojistik",
    "Garuda Air Cargo",
    "Glasshouse Hotels",
    "Greenwood County",
    "Hanseatic Shipping",
    "Helvetia Feinmechanik",
    "Hōkū Solar",
    "Ibis Pharma",
    "Ikebukuro Stores",
    "Jacaranda Mining",
    "Kaveri Bank",
    "Keystone Rail",
    "Kiwi Orchards",
    "Krakowskie Szkło",
    "Lagos Energy Supply",
    "Lakeshore Clinics",
    "Łódź Medical",
    "Maple & Main Grocers",
    "Marigold Media",
    "Merlion Freight",
    "Nile Delta Foods",
    "Nusantara Retail",
    "Öresund Bryggeri",
    "Orchard Street Hospital",
    "Pacific Timber",
    "Pampas Seguros",
    "Pomona College Press",
    "Queensferry Water",
    "Red Mesa Utilities",
    "Rhône Chimie",
    "Saffron Hospitality",
    "Sahel Telecom",
    "Silk Road Garments",
    "Straits Semiconductors",
    "Tamarind Foods",
    "Thistle & Kelp",
    "Universidad del Pacífico Norte",
    "Vistula Steel",
    "Walnut Creek Brewing",
    "Yarra Valley Wines",
    "Zambezi Beverages",
    "مصرف الخليج المتحد",
)
