"""The details of a change of region."""

from typing import Any

from django import forms

from portal.forms.details import FromAccount, Row
from registry.dates import write_day
from registry.models import RegionRule, Request
from registry.selectors import offers


class RegionChange(FromAccount):
    """From which account, how many or which, and one of the changes that the rules allow."""

    rule = "reassignable"
    field_order = ("source", "region", "volume", "numbers")

    region = forms.ChoiceField(
        label="Change of region",
        help_text="What the rules allow today. Owner, numbers and quantity stay as they are.",
    )

    def __init__(self, *args: Any, **kwargs: Any):
        """Offer the rules for what the person may take."""
        super().__init__(*args, **kwargs)
        held = {row["commodity"] for row in self.sources.values()}
        self.rules = {
            _value(rule): rule for rule in offers.region_rules() if rule.commodity.code in held
        }
        offered = {value: _words(rule) for value, rule in self.rules.items()}
        self.offer("region", offered, prompt=True)

    @property
    def possible(self) -> bool:
        """Say whether a rule allows something today."""
        return bool(self.rules)

    def clean(self) -> Row:
        """Compare the rule with the account's commodity as well."""
        answers = super().clean()
        row = self.sources.get(answers.get("source", ""))
        rule = self.rules.get(answers.get("region", ""))
        if row and rule and rule.commodity_id != row["market"].id:
            self.add_error(
                "region",
                f"This change is for {rule.commodity.code}. You chose {row['commodity']}.",
            )
        return answers

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
