"""The reference records as the registry's desk shows them: lists, one record, what hangs on it."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Count, Model, Q, QuerySet
from django.http import Http404

from ledgerdb import batches, pages
from registry import access
from registry.models import (
    Account,
    Commodity,
    Facility,
    Organisation,
    Region,
    RegionRule,
    Request,
    User,
)
from registry.selectors.accounts import Sum

Row = dict[str, Any]
Record = TypeVar("Record", bound=Model)
PAGE = 50
FEW = 8
OPEN = (Request.Status.SUBMITTED, Request.Status.APPROVED)


def organisations(user: User) -> QuerySet[Organisation]:
    """Return the organisations whose records a person may open."""
    own = access.sees_only(user)
    found = Organisation.objects.all()
    return found.filter(id=own) if own else found


def facilities(user: User) -> QuerySet[Facility]:
    """Return the facilities that a person may open."""
    own = access.sees_only(user)
    found = Facility.objects.select_related("organisation", "region")
    return found.filter(organisation_id=own) if own else found


def get(found: QuerySet[Record], code: str) -> Record:
    """
    Return one record by its code.

    :raises Http404: absent, or somebody else's
    """
    record = found.filter(code=code.replace("\x00", "")).first()
    if record is None:
        raise Http404("No such record.")
    return record


def get_rule(commodity: Commodity, rule_id: int) -> RegionRule:
    """
    Return a region policy of a commodity.

    :raises Http404: absent
    """
    rules = commodity.region_rules.select_related("from_region", "to_region")
    rule = rules.filter(id=rule_id).first() if rule_id < 2**31 else None
    if rule is None:
        raise Http404("No such policy.")
    return rule


def listed(
    found: QuerySet[Record], *, text: str = "", after: str = "", chosen: Mapping[str, str]
) -> tuple[list[Record], str, int]:
    """
    Return a page of records by code, where the next one starts, and how many there are in all.

    :param text: part of the code or the name
    :param chosen: field to value; an empty value means any
    """
    for name, value in chosen.items():
        if value:
            found = found.filter(**{name: value})
    if text:
        found = found.filter(Q(code__icontains=text) | Q(name__icontains=text))
    page = list(found.filter(code__gt=after).order_by("code")[: PAGE + 1])
    return (
        page[:PAGE],
        getattr(page[PAGE - 1], "code", "") if len(page) > PAGE else "",
        found.count(),
    )


def search(text: str) -> list[tuple[str, list[Any]]]:
    """Return the first records of each kind whose code or name has this text."""
    kinds: tuple[tuple[str, QuerySet[Any]], ...] = (
        ("organisation", Organisation.objects.all()),
        ("account", Account.objects.select_related("organisation")),
        ("facility", Facility.objects.select_related("organisation")),
        ("commodity", Commodity.objects.all()),
    )
    groups = [(kind, listed(found, text=text, chosen={})[0][:FEW]) for kind, found in kinds]
    return [(kind, found) for kind, found in groups if found]


def counts() -> Row:
    """Return how many records there are of each kind, and how many of them are not active."""
    return {
        "organisations": _count(Organisation.objects.all()),
        "accounts": _count(Account.objects.exclude(organisation=None)),
        "facilities": _count(Facility.objects.all()),
        "commodities": {"all": Commodity.objects.count(), "stopped": 0},
        "regions": {"all": Region.objects.count(), "stopped": 0},
        "policies": {"all": RegionRule.objects.count(), "stopped": 0},
    }


def _count(found: QuerySet[Any]) -> Row:
    return found.aggregate(all=Count("pk"), stopped=Count("pk", filter=~Q(status="active")))


def account_codes(ids: Iterable[str]) -> list[str]:
    """Return the codes of accounts."""
    return list(Account.objects.filter(id__in=ids).order_by("code").values_list("code", flat=True))


def people(organisation: Organisation) -> list[User]:
    """Return the people of an organisation."""
    return list(organisation.people.order_by("name", "code"))


def accounts_of(organisation: Organisation) -> list[Row]:
    """Return the accounts of an organisation, each with what it holds."""
    found = list(organisation.accounts.order_by("code"))
    sums = sums_of(found)
    return [{"account": account, "sums": sums.get(account.id, [])} for account in found]


def sums_of(found: list[Account]) -> dict[UUID, list[Row]]:
    """Return what accounts hold of each commodity, by account."""
    sums: dict[UUID, list[Row]] = {}
    for row in pages.sums([account.id for account in found]):
        sums.setdefault(row["account_id"], []).append(
            {**row, "sum": Sum(row["held"], row["reserved"])}
        )
    return sums


def open_requests(organisation: Organisation) -> list[Request]:
    """Return the open requests by an organisation, from its accounts and to them, oldest first."""
    party = (
        Q(organisation=organisation)
        | Q(source__organisation=organisation)
        | Q(target__organisation=organisation)
    )
    return _open(party)


def open_requests_of(account: Account) -> list[Request]:
    """Return the open requests from an account and to it, oldest first."""
    return _open(Q(source=account) | Q(target=account))


def open_issues(facility: Facility) -> list[Request]:
    """Return the open requests to issue for a facility, oldest first."""
    return _open(Q(facility=facility))


def _open(party: Q) -> list[Request]:
    requests = Request.objects.select_related(
        "commodity", "submitter", "source__organisation", "target__organisation", "region"
    )
    return list(requests.filter(party, status__in=OPEN).order_by("number"))


def batches_of(facility: Facility, *, before: int | None = None) -> tuple[list[Row], int | None]:
    """Return a page of a facility's batches, newest first, and where the next one starts."""
    found = batches.of_facility(facility.id, before=before, limit=PAGE + 1)
    return found[:PAGE], found[PAGE - 1]["batch_id"] if len(found) > PAGE else None


def minted(commodity: Commodity) -> Row:
    """Return how much of a commodity was minted, and what became of it."""
    none = {"minted": 0, "held": 0, "retired": 0, "expired": 0}
    found = [row for row in pages.totals() if row["commodity"] == commodity.code]
    return found[0] if found else none


def rules_of(commodity: Commodity) -> list[RegionRule]:
    """Return the region policies of a commodity."""
    rules = commodity.region_rules.select_related("from_region", "to_region")
    return list(rules.order_by("from_region__code", "to_region__code", "valid_from"))


def commodities() -> QuerySet[Commodity]:
    """Return all commodities: everybody may read the rules."""
    return Commodity.objects.annotate(policies=Count("region_rules")).order_by("code")


def regions() -> list[Region]:
    """Return all regions, each with how many facilities stand in it."""
    return list(Region.objects.annotate(plants=Count("facilities")).order_by("code"))


def participants() -> list[Organisation]:
    """Return the organisations that may own facilities."""
    return list(Organisation.objects.filter(kind=Organisation.Kind.PARTICIPANT).order_by("code"))


def is_as(record: Model | None, answers: Mapping[str, Any]) -> bool:
    """Say whether a record is, by now, as somebody's answers want it."""
    if record is None:
        return False
    now = type(record)._default_manager.get(pk=record.pk)
    return all(getattr(now, name) == value for name, value in answers.items())
