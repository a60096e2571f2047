"""Commodities and their rules, regions, and which changes of region are allowed."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from portal.forms.acts import EditCommodity, EditIssuedCommodity, EndPolicy
from portal.forms.records import CommodityForm, PolicyForm, RegionForm, initial_of
from portal.views.desk import acts
from portal.views.desk.acts import Act
from registry import access, dates
from registry.access import Right, SignedIn
from registry.models import Commodity
from registry.selectors import log, records
from registry.services import desk

FROM_NOW_ON = (
    "Rules apply to what happens from now on. Certificates that were issued keep the dates that"
    " they were issued with."
)


@require_safe
def index(request: SignedIn) -> HttpResponse:
    """List the commodities with their rules, and the regions: everybody may read them."""
    context = {
        "commodities": records.commodities(),
        "regions": records.regions(),
        "may_keep": access.may(request.user, Right.KEEP_RECORDS),
        "sees_all": access.may(request.user, Right.SEE_EVERYTHING),
    }
    return render(request, "portal/commodities/list.html", context)


@require_safe
def show(request: SignedIn, code: str) -> HttpResponse:
    """Show the rules of a commodity."""
    item = records.get(records.commodities(), code)
    sees_all = access.may(request.user, Right.SEE_EVERYTHING)
    context = {
        "item": item,
        "rules": records.rules_of(item),
        "today": dates.today(),
        "total": records.minted(item) if sees_all else None,
        "history": log.history(item) if sees_all else [],
        "may_keep": access.may(request.user, Right.KEEP_RECORDS),
        "sees_all": sees_all,
    }
    return render(request, "portal/commodities/show.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: SignedIn) -> HttpResponse:
    """Define a commodity."""
    access.require(request.user, Right.KEEP_RECORDS)
    return acts.add(
        request,
        Act(
            "Define a commodity",
            "Define commodity",
            [_all()],
            note="Its issuance and its expiry account are opened with it.",
        ),
        CommodityForm,
        do=desk.register_commodity,
        find=lambda answers: records.commodities().filter(code=answers["code"]).first(),
        to=lambda answers: _address(answers["code"]),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: SignedIn, code: str) -> HttpResponse:
    """Change the rules of a commodity; once something was issued, some stay."""
    item = _kept(request, code)
    facts = [("Code", item.code)]
    issued = bool(records.minted(item)["minted"])
    if issued:
        facts += [
            ("1 certificate", f"{item.unit_per_certificate:,} {item.unit}"),
            ("Time zone", item.time_zone),
        ]
    return acts.change(
        request,
        Act(f"Edit {item}", "Save", _above(item), facts=facts, note=FROM_NOW_ON),
        EditIssuedCommodity if issued else EditCommodity,
        item,
        do=lambda **answers: desk.edit_commodity(commodity=item, **answers),
        to=_address(item.code),
        initial=initial_of(item),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def new_policy(request: SignedIn, code: str) -> HttpResponse:
    """Allow certificates of a commodity to change from one region to another."""
    item = _kept(request, code)

    def known(answers: dict[str, Any]) -> Any:
        key = {name: answers[name] for name in ("from_region", "to_region", "valid_from")}
        return item.region_rules.filter(**key).first()

    off = [] if item.reassignable else [f"{item} may not change region: edit its rules first."]
    return acts.add(
        request,
        Act(f"Allow a change of region, {item}", "Allow change", _above(item), effects=off),
        PolicyForm,
        do=lambda **answers: desk.register_region_rule(commodity=item, **answers),
        find=known,
        to=lambda answers: _address(item.code),
        initial={"valid_from": dates.today()},
    )


@require_http_methods(["GET", "HEAD", "POST"])
def end_policy(request: SignedIn, code: str, rule_id: int) -> HttpResponse:
    """Say on which day a change of region is allowed for the last time."""
    item = _kept(request, code)
    rule = records.get_rule(item, rule_id)
    over = rule.valid_to is not None and rule.valid_to < dates.today()
    return acts.change(
        request,
        Act(
            f"End {rule.from_region} to {rule.to_region}, {item}",
            "Set last day",
            _above(item),
            effects=["After this day the ledger refuses it, also for requests that are open then."],
            obstacles=["This policy has ended: the past stays as it was."] if over else [],
        ),
        EndPolicy,
        rule,
        do=lambda **answers: desk.end_region_rule(rule=rule, **answers),
        to=_address(item.code),
        initial={"valid_to": rule.valid_to},
    )


@require_http_methods(["GET", "HEAD", "POST"])
def new_region(request: SignedIn) -> HttpResponse:
    """Add a region."""
    access.require(request.user, Right.KEEP_RECORDS)
    return acts.add(
        request,
        Act("Add a region", "Add region", [_all()]),
        RegionForm,
        do=desk.register_region,
        find=lambda answers: next(
            (each for each in records.regions() if each.code == answers["code"]), None
        ),
        to=lambda answers: _all()[1],
    )


def _kept(request: SignedIn, code: str) -> Commodity:
    access.require(request.user, Right.KEEP_RECORDS)
    return records.get(records.commodities(), code)


def _all() -> tuple[str, str]:
    return "Commodities", reverse("portal:commodities")


def _above(item: Commodity) -> list[tuple[str, str]]:
    return [_all(), (str(item), _address(item.code))]


def _address(code: str) -> str:
    return reverse("portal:commodity", args=[code])
