"""The details of an expiry run."""

from typing import Any

from django import forms

from portal.forms.details import Details, Row
from portal.forms.fields import Choice, Quantity
from registry.models import Request
from registry.selectors import offers

# The check lists every block.
MOST = 1000


class Expiry(Details):
    """Of which commodity, and how many blocks at most."""

    field_order = ("commodity", "max_blocks")

    commodity = Choice(label="Commodity")
    max_blocks = Quantity(
        label="Blocks at most",
        initial=500,
        help_text=f"Oldest first; {MOST:,} at most in one run. The rest is left for the next run.",
    )

    def __init__(self, *args: Any, **kwargs: Any):
        """Offer the commodities that expire."""
        super().__init__(*args, **kwargs)
        self.commodities = {each.code: each for each in offers.expiring_commodities()}
        markets = {
            code: f"{each.name} ({code}), {each.months_to_expiry} months after production"
            for code, each in self.commodities.items()
        }
        self.offer("commodity", markets, prompt=True)

    @property
    def possible(self) -> bool:
        """Say whether there is anything that expires."""
        return bool(self.commodities)

    def clean_max_blocks(self) -> int:
        """
        Keep the run small enough to be looked at.

        :raises ValidationError: when it is not
        """
        blocks: int = self.cleaned_data["max_blocks"]
        if blocks > MOST:
            raise forms.ValidationError(f"Choose {MOST:,} at most.", code="many")
        return blocks

    def asks(self) -> Row:
        """Return what the request asks for."""
        answers = self.cleaned_data
        return super().asks() | {
            "commodity": self.commodities[answers["commodity"]],
            "max_blocks": answers["max_blocks"],
        }

    @classmethod
    def from_request(cls, item: Request) -> Row:
        """Return what the form shows for a request."""
        return super().from_request(item) | {
            "commodity": item.commodity.code,
            "max_blocks": item.max_blocks,
        }
