"""What the registry's desk did: audits, a plant at rest, a frozen account, a late comer."""

from datetime import date, timedelta

from registry.demo import cast
from registry.models import Account, Commodity, Facility, Organisation, Region, RegionRule, User
from registry.selectors import log
from registry.services import desk

AUDITORS = ("Kontrola Energia Audit s.r.o.", "Norrland Metering AB", "Prüfhaus Bergmann GmbH")
NEW = {
    "code": "TAR",
    "name": "Tarnava Energy Trading S.A.",
    "kind": "participant",
    "country": "RO",
    "registration_no": "J12/2481/2019",
    "address": "Strada Salcâmilor 14, Sibiu",
    "contact": "office@tarnava.example",
}


def work(today: date) -> None:
    """Let the operator do what an operator does, through the same services as the pages."""
    operator = next(person for person in cast.REGISTRY.people if person.role == "operator")
    ines = User.objects.get(email=operator.email)
    _audits(ines, today)
    _resting_plant(ines)
    _frozen_account(ines)
    _late_comer(ines)
    _rules(ines, today)


def _audits(ines: User, today: date) -> None:
    plants = list(Facility.objects.select_related("organisation").order_by("code"))
    for number, plant in enumerate(plants):
        auditor = AUDITORS[number % len(AUDITORS)]
        first = today - timedelta(days=700 - 17 * number)
        # One audit has lapsed, one was passed with a condition.
        lasts = 400 if number == 4 else 1095
        desk.record_audit(
            actor=ines,
            facility=plant,
            audited_on=first,
            auditor=auditor,
            outcome="conditions" if number == 2 else "passed",
            valid_until=first + timedelta(days=lasts),
            document=f"AUD-{first.year}-{plant.code}.pdf, archive of the registry",
        )


def _resting_plant(ines: User) -> None:
    """Suspend a plant for which nothing more is waiting."""
    plant = Facility.objects.select_related("organisation").get(code="VIN-W2")
    desk.edit_facility(
        actor=ines,
        facility=plant,
        version=log.version_of(plant),
        reason="Two turbines were taken down.",
        capacity_kw=36_000,
    )
    desk.set_facility_status(
        actor=ines,
        facility=plant,
        version=log.version_of(plant),
        status=Facility.Status.SUSPENDED,
        reason="The main meter is out of order since the storm.",
    )


def _frozen_account(ines: User) -> None:
    """Freeze an account and let it go again, as its owner asked."""
    account = Account.objects.select_related("organisation").get(code="LAG-02")
    for status, reason in (
        (Account.Status.SUSPENDED, "The owner reports a lost security key."),
        (Account.Status.ACTIVE, "The owner has named new signatories."),
    ):
        desk.set_account_status(
            actor=ines,
            account=account,
            version=log.version_of(account),
            status=status,
            reason=reason,
        )


def _late_comer(ines: User) -> None:
    """Register an organisation, open its accounts, and suspend it again."""
    trader: Organisation = desk.register_organisation(actor=ines, **NEW)
    for code, type_, name in (
        ("TAR-01", "trading", "Trading"),
        ("TAR-RET", "retirement", "Retirement"),
    ):
        desk.register_account(actor=ines, organisation=trader, code=code, type=type_, name=name)
    desk.edit_organisation(
        actor=ines,
        organisation=trader,
        version=log.version_of(trader),
        reason="Moved, as the trade register says.",
        address="Bulevardul Victoriei 3, Sibiu",
        vat_no="RO38115207",
    )
    desk.suspend_organisation(
        actor=ines,
        organisation=trader,
        version=log.version_of(trader),
        reason="The Energy Market Authority has withdrawn its licence.",
    )


def _rules(ines: User, today: date) -> None:
    """Add a policy, and set the last day of another one."""
    biomethane = Commodity.objects.get(code="BIO")
    regions = {each.code: each for each in Region.objects.all()}
    desk.register_region_rule(
        actor=ines,
        commodity=biomethane,
        from_region=regions["BEN"],
        to_region=regions["CEN"],
        valid_from=today + timedelta(days=40),
    )
    rule = RegionRule.objects.get(
        commodity=biomethane, from_region=regions["CEN"], to_region=regions["BEN"]
    )
    desk.end_region_rule(
        actor=ines,
        rule=rule,
        version=log.version_of(rule),
        valid_to=today + timedelta(days=39),
        reason="From then on the exchange goes the other way.",
    )
