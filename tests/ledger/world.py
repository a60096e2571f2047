"""A small registry for the property test, and the same registry as the model knows it."""

import dataclasses
from datetime import UTC, date, datetime, timedelta
from typing import Any

from registry import services
from registry.models import Account, Commodity, Facility, Region, User
from tests import make, model

# What the model calls a thing is its primary key; these fields of a request are things.
THINGS = ("source", "target", "facility", "region", "filter_facility", "filter_region")


@dataclasses.dataclass
class World:
    """Everything that requests may name."""

    today: date
    regions: list[Region]
    accounts: list[Account]
    facilities: list[Facility]
    commodities: list[Commodity]
    submitters: list[User]
    approvers: list[User]
    participant: User
    rules: dict[int, model.Commodity]
    ledger: model.Ledger

    def of_type(self, type_: str) -> list[Account]:
        """Return the accounts of one type."""
        return [account for account in self.accounts if account.type == type_]

    def open_trading(self) -> list[Account]:
        """Return the trading accounts that are not suspended."""
        return [a for a in self.of_type("trading") if self.ledger.accounts[a.pk].active]

    def request(self, kind: str, commodity: Commodity, asks: dict[str, Any]) -> model.Request:
        """Say to the model what is asked of the registry."""
        known = {
            name: (value.pk if value else None) if name in THINGS else value
            for name, value in asks.items()
            if name not in ("beneficiary", "reason")
        }
        for side in ("source", "target"):
            if side in known:
                known[side] = self.ledger.accounts.get(known[side])
        return model.Request(kind, self.rules[commodity.pk], **known)

    def may_submit(self, who: User, kind: str, asks: dict[str, Any]) -> bool:
        """Tell whether somebody may ask for this: the registry always, others for their own."""
        if who.organisation.kind == "registry":
            return True
        if kind == "mint":
            return asks["facility"].organisation_id == who.organisation_id
        return kind != "expire" and asks["source"].organisation_id == who.organisation_id

    def period(self, months_ago: int, day: int) -> dict[str, date]:
        """Return a production period of three days, some whole months ago."""
        first = model.months_later(self.today.replace(day=1), -months_ago)
        start = first + timedelta(days=day)
        return {"production_start": start, "production_end": start + timedelta(days=2)}


def three_kinds_of(regions: list) -> list:
    """Define a commodity that changes regions, one that expires, and one that stays where it is."""
    commodities = [
        make.commodity(reassignable=True, periods_may_overlap=True),
        make.commodity(months_transferable=12, months_to_expiry=18),
        make.commodity(transferable=False, retirable=False, periods_may_overlap=True),
    ]
    for here, there in ((0, 1), (1, 2)):
        services.allow_region_change(
            commodity=commodities[0],
            from_region=regions[here],
            to_region=regions[there],
            valid_from=date(2020, 1, 1),
        )
    return commodities


def build() -> World:
    """Make the registry through its services, and tell the model of it."""
    regions = [make.region() for _ in range(3)]
    owners = [make.organisation() for _ in range(3)]
    # One organisation has two trading accounts, one keeps its only one suspended.
    trading = [make.account(organisation=owner) for owner in (*owners, owners[0])]
    for owner in owners:
        make.account(organisation=owner, type="retirement")
    Account.objects.filter(pk=trading[2].pk).update(status="suspended")
    facilities = [
        make.facility(owner, region=region)
        for owner, region in zip((*owners[:2], owners[0]), regions, strict=True)
    ]
    Facility.objects.filter(pk=facilities[2].pk).update(status="suspended")
    commodities = three_kinds_of(regions)
    accounts = list(Account.objects.all())
    approvers = [make.approver(email=f"approver{n}@example.org") for n in range(2)]
    people = [make.person(owner) for owner in owners]
    today = datetime.now(UTC).date()
    return World(
        today=today,
        regions=regions,
        accounts=accounts,
        facilities=facilities,
        commodities=commodities,
        submitters=[make.operator(), *people, approvers[0]],
        approvers=approvers,
        participant=people[0],
        rules={each.pk: rules_of(each) for each in commodities},
        ledger=model.Ledger(
            today,
            [known(account, suspended={trading[2].pk}) for account in accounts],
            {plant.pk: plant.region_id for plant in facilities},
            {facilities[2].pk},
        ),
    )


def known(account: Account, suspended: set) -> model.Account:
    """Describe an account to the model; a system account is its commodity's."""
    owner = account.organisation_id or account.commodity_id
    return model.Account(account.pk, owner, account.type, account.pk not in suspended)


def rules_of(commodity: Commodity) -> model.Commodity:
    """Describe a commodity's rules to the model."""
    return model.Commodity(
        commodity.pk,
        transferable=commodity.transferable,
        retirable=commodity.retirable,
        reassignable=commodity.reassignable,
        overlap=commodity.periods_may_overlap,
        months_transferable=commodity.months_transferable,
        months_to_expiry=commodity.months_to_expiry,
        region_rules=frozenset(
            commodity.region_rules.values_list("from_region_id", "to_region_id")
        ),
    )
