"""Who and what there is in the demonstration: invented, and the same at every start."""

from dataclasses import dataclass
from datetime import date

PASSWORD = "strata-demo"  # noqa: S105  printed on purpose

# Who has an authenticator app, and the key to type into one: printed too, so that anybody can try.
APPS = {"henrik@registry.example": "STRATADEMO234567"}
# Who is invited when the demonstration opens: by whom, where to, and as what.
INVITED = (
    ("paul@cobalt.example", "COB", "lena@cobalt.example", "submitter"),
    ("ines@registry.example", "REGISTRY", "tomas@registry.example", "approver"),
)


@dataclass(frozen=True)
class Person:
    """Somebody who can sign in; ``role`` as in ``registry.models.User``."""

    name: str
    role: str
    email: str


@dataclass(frozen=True)
class Organisation:
    """A legal entity with its people; ``part`` is what it does in the market."""

    code: str
    name: str
    country: str
    registration_no: str
    part: str
    people: tuple[Person, ...]
    accounts: int = 1

    @property
    def trading(self) -> tuple[str, ...]:
        """Return the codes of its trading accounts."""
        return tuple(f"{self.code}-{number:02}" for number in range(1, self.accounts + 1))

    @property
    def retirement(self) -> str:
        """Return the code of its retirement account."""
        return f"{self.code}-RET"

    def asks(self) -> Person:
        """Return who submits for it."""
        return next(person for person in self.people if person.role in ("submitter", "operator"))


@dataclass(frozen=True)
class Commodity:
    """A kind of certificate; months as in ``registry.models.Commodity``."""

    code: str
    name: str
    months_transferable: int | None
    months_to_expiry: int | None


@dataclass(frozen=True)
class Facility:
    """A plant: what it makes follows from its size and the seasons."""

    code: str
    name: str
    owner: str
    region: str
    commodity: str
    technology: str
    capacity_kw: int
    commissioned_on: date


REGIONS = {
    "NOR": "Nordic",
    "CEN": "Central Europe",
    "BEN": "Benelux",
    "IBE": "Iberia",
}

COMMODITIES = (
    Commodity("SOL", "Solar guarantee of origin", 12, 18),
    Commodity("WND", "Wind guarantee of origin", 12, 18),
    Commodity("BIO", "Biomethane certificate", None, None),
)

# Commodity, from, to, and how many days ago the permission ended (None: it stands).
REGION_RULES = (
    ("SOL", "IBE", "CEN", None),
    ("SOL", "IBE", "BEN", None),
    ("SOL", "CEN", "BEN", None),
    ("WND", "NOR", "CEN", None),
    ("WND", "NOR", "BEN", None),
    ("WND", "CEN", "NOR", 200),
    ("BIO", "CEN", "BEN", None),
)


def _people(domain: str, *people: tuple[str, str, str]) -> tuple[Person, ...]:
    return tuple(Person(name, role, f"{local}@{domain}.example") for local, name, role in people)


REGISTRY = Organisation(
    "REGISTRY",
    "Strata Registry",
    "NL",
    "NL-78120044",
    "registry",
    _people(
        "registry",
        ("maya", "Maya Okafor", "approver"),
        ("henrik", "Henrik Lund", "approver"),
        ("ines", "Inês Carvalho", "operator"),
    ),
)
REGULATOR = Organisation(
    "EMA",
    "Energy Market Authority",
    "BE",
    "BE-0400.118.220",
    "regulator",
    _people("ema", ("elena", "Elena Ricci", "auditor")),
)
PARTICIPANTS = (
    Organisation(
        "ALD",
        "Alder Wind AS",
        "NO",
        "NO-918244107",
        "producer",
        _people(
            "alder",
            ("david", "David Marsh", "submitter"),
            ("signe", "Signe Moen", "viewer"),
        ),
    ),
    Organisation(
        "VIN",
        "Vindholm Kraft A/S",
        "DK",
        "DK-40118823",
        "producer",
        _people("vindholm", ("mette", "Mette Kjær", "submitter")),
    ),
    Organisation(
        "WES",
        "Weserland Windkraft GmbH",
        "DE",
        "HRB 34417",
        "producer",
        _people(
            "weserland",
            ("jonas", "Jonas Brandt", "submitter"),
            ("lea", "Lea Hartwig", "team_admin"),
        ),
    ),
    Organisation(
        "SIE",
        "Sierra Clara Solar S.L.",
        "ES",
        "ES-B86401172",
        "producer",
        _people("sierra", ("lucia", "Lucía Ferrer", "submitter")),
    ),
    Organisation(
        "HEL",
        "Heliopol Energia Sp. z o.o.",
        "PL",
        "KRS 0000881420",
        "producer",
        _people("heliopol", ("piotr", "Piotr Zieliński", "submitter")),
    ),
    Organisation(
        "GRO",
        "Groengas Polder B.V.",
        "NL",
        "KvK 71440286",
        "producer",
        _people("groengas", ("sanne", "Sanne Vos", "submitter")),
    ),
    Organisation(
        "MET",
        "Méthavert de l'Aube SAS",
        "FR",
        "RCS 842 117 905",
        "producer",
        _people("methavert", ("camille", "Camille Roux", "submitter")),
    ),
    Organisation(
        "COB",
        "Cobalt Grid Trading GmbH",
        "AT",
        "FN 481207k",
        "trader",
        _people(
            "cobalt",
            ("nora", "Nora Steiner", "submitter"),
            ("paul", "Paul Egger", "team_admin"),
        ),
        accounts=2,
    ),
    Organisation(
        "MER",
        "Meridian Certificates Ltd",
        "IE",
        "IE-640187",
        "trader",
        _people("meridian", ("aoife", "Aoife Byrne", "submitter")),
    ),
    Organisation(
        "LIN",
        "Stadtwerke Lindenau AG",
        "DE",
        "HRB 9120",
        "supplier",
        _people(
            "lindenau",
            ("tobias", "Tobias Kern", "submitter"),
            ("anke", "Anke Voss", "viewer"),
        ),
    ),
    Organisation(
        "LAG",
        "Laguna Energie B.V.",
        "NL",
        "KvK 66120417",
        "supplier",
        _people("laguna", ("bram", "Bram Dekker", "submitter")),
        accounts=2,
    ),
    Organisation(
        "NOV",
        "Novaport Datacenters Oy",
        "FI",
        "FI-28840117",
        "consumer",
        _people("novaport", ("aino", "Aino Salmi", "submitter")),
    ),
)
ORGANISATIONS = (REGISTRY, REGULATOR, *PARTICIPANTS)


def _plants(
    owner: str, commodity: str, technology: str, *plants: tuple[str, str, str, int, int]
) -> tuple[Facility, ...]:
    return tuple(
        Facility(code, name, owner, region, commodity, technology, kilowatts, date(year, 4, 1))
        for code, name, region, kilowatts, year in plants
    )


FACILITIES = (
    *_plants(
        *("SIE", "SOL", "Photovoltaic"),
        ("SIE-S1", "Llanos del Cidacos", "IBE", 48_000, 2019),
        ("SIE-S2", "Cerro Moreno", "IBE", 31_500, 2020),
        ("SIE-S3", "Vega Baja", "IBE", 22_400, 2022),
    ),
    *_plants(
        *("HEL", "SOL", "Photovoltaic"),
        ("HEL-S1", "Wielki Młyn", "CEN", 19_800, 2021),
        ("HEL-S2", "Stara Łąka", "CEN", 12_600, 2022),
    ),
    *_plants("WES", "SOL", "Photovoltaic", ("WES-S1", "Hunteheide", "CEN", 9_900, 2021)),
    *_plants("GRO", "SOL", "Photovoltaic", ("GRO-S1", "Zonnedijk", "BEN", 14_200, 2020)),
    *_plants(
        *("ALD", "WND", "Onshore wind"),
        ("ALD-W1", "Storfjellet", "NOR", 86_400, 2017),
        ("ALD-W2", "Havrenes", "NOR", 54_600, 2019),
        ("ALD-W3", "Trollheia", "NOR", 33_000, 2021),
    ),
    *_plants(
        *("VIN", "WND", "Offshore wind"),
        ("VIN-W1", "Vindholm Banke", "NOR", 96_000, 2016),
        ("VIN-W2", "Læsgrund", "NOR", 42_000, 2020),
    ),
    *_plants(
        *("WES", "WND", "Onshore wind"),
        ("WES-W1", "Weserdeich", "CEN", 27_600, 2018),
        ("WES-W2", "Ottermoor", "CEN", 18_000, 2021),
    ),
    *_plants(
        *("GRO", "BIO", "Anaerobic digestion"),
        ("GRO-B1", "Vergister Noordpolder", "BEN", 5_200, 2018),
        ("GRO-B2", "Vergister Zuidpolder", "BEN", 3_100, 2021),
    ),
    *_plants(
        *("MET", "BIO", "Anaerobic digestion"),
        ("MET-B1", "Méthanisation de Brienne", "CEN", 4_400, 2019),
        ("MET-B2", "Méthanisation du Der", "CEN", 2_700, 2022),
    ),
)

# For whom certificates are retired, and where.
BENEFICIARIES = (
    ("Brauhaus Lindenau GmbH", "DE", "Lindenau"),
    ("Gemeente Westerhaven", "NL", "Westerhaven"),
    ("Klinikum Sankt Gereon", "DE", "Lindenau"),
    ("Havnbyen Kommune", "NO", "Havnbyen"),
    ("Atelier Roche & Fils", "FR", "Troyes"),
    ("Papierfabriek De Linde", "NL", "Almere"),
    ("Tramways of Norrby", "SE", "Norrby"),
    ("Universidade do Vale", "PT", "Vale de Cima"),
)
# They keep their claims to themselves.
DISCREET = {"Klinikum Sankt Gereon", "Atelier Roche & Fils"}
