"""The details of a change of region."""

from typing import Any

from django.core.exceptions import ValidationError
from django.urls import reverse

from portal.forms.details import FromAccount, Row
from portal.forms.fields import Choice, Numbers, Quantity
from registry.dates import write_day
from registry.models import RegionRule, Request
from registry.selectors import offers, regions

# Another account has other changes: the choices are fetched anew, and nothing else.
SWAPPED = {
    "hx-trigger": "change",
    "hx-include": "[name=region]",
    "hx-target": "#id_region",
    "hx-select": "#id_region",
    "hx-swap": "outerHTML",
}


class RegionChange(FromAccount):
    """From which account, how many or which, and one of the changes that the rules allow."""

    rule = "reassignable"
    field_order = ("source", "region", "volume", "numbers")

    region = Choice(
        label="Change of region",
        help_text="What the rules allow today. Owner, numbers and quantity stay as they are.",
    )

    def __init__(self, *args: Any, **kwargs: Any):
        """Offer the rules for what the person holds where; of one account, if it is known."""
        super().__init__(*args, **kwargs)
        # All of an account may be in several regions.
        self.fields["volume"] = Quantity(label="Certificates", required=False)
        self.held = regions.held({row["account"].id for row in self.sources.values()})
        # Known from the address alone: what is sent is compared with the account that was chosen.
        row = None if self.is_bound else self.sources.get(self.initial.get("source") or "")
        self.rules = {_value(rule): rule for rule in self._rules(row)}
        offered = {value: _words(rule) for value, rule in self.rules.items()}
        self.offer("region", offered, prompt=True)
        if not self.many:
            self.fields["source"].widget.attrs |= SWAPPED | {"hx-get": reverse("portal:region")}

    @property
    def possible(self) -> bool:
        """Say whether a rule allows something today."""
        return bool(self.rules)

    def _rules(self, row: Row | None) -> list[RegionRule]:
        """Return the rules that apply to what is held: by one account, or by any of them."""
        if self.many and not self.sources:
            # Nothing was found yet to apply them to.
            return offers.region_rules()
        held = (
            set(self.held)
            if row is None
            else {key for key in self.held if key[:2] == (row["account"].id, row["market"].id)}
        )
        there = {(commodity, region) for _, commodity, region in held}
        return [
            rule
            for rule in offers.region_rules()
            if (rule.commodity_id, rule.from_region_id) in there
        ]

    def clean(self) -> Row:
        """Compare the rule with what the account holds, and where."""
        answers = super().clean()
        row = self.sources.get(answers.get("source", ""))
        rule = self.rules.get(answers.get("region", ""))
        if row and rule and rule.commodity_id != row["market"].id:
            self.add_error(
                "region",
                f"This change is for {rule.commodity.code}. You chose {row['commodity']}.",
            )
        elif row and rule:
            self._compare_region(row, rule, answers.get("numbers") or ())
        return answers

    def _compare_region(self, row: Row, rule: RegionRule, numbers: Numbers) -> None:
        here = (row["account"].id, rule.commodity_id, rule.from_region_id)
        if here not in self.held:
            self.add_error(
                "region",
                f"{row['account'].code} holds no {row['commodity']} in {rule.from_region}.",
            )
            return
        astray = regions.elsewhere(row["account"], rule.commodity, rule.from_region, numbers)
        if astray:
            named = ", ".join(f"{one['first']}-{one['last']} in {one['region']}" for one in astray)
            error = ValidationError(
                f"These numbers are not in {rule.from_region}: {named}.",
                code="NUMBERS_OUTSIDE_FILTER",
            )
            self.add_error("numbers", error)

    def asks(self) -> Row:
        """Return what the request asks for."""
        rule = self.rules[self.cleaned_data["region"]]
        return super().asks() | {"filter_region": rule.from_region, "region": rule.to_region}

    @classmethod
    def from_request(cls, item: Request) -> Row:
        """Return what the form shows for a request."""
        regions = (each.code if each else "" for each in (item.filter_region, item.region))
        return super().from_request(item) | {"region": "/".join((item.commodity.code, *regions))}


def _value(rule: RegionRule) -> str:
    return f"{rule.commodity.code}/{rule.from_region.code}/{rule.to_region.code}"


def _words(rule: RegionRule) -> str:
    until = f", until {write_day(rule.valid_to)}" if rule.valid_to else ""
    return f"{rule.commodity.code}: {rule.from_region} to {rule.to_region}{until}"
