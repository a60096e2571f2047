"""The details of a transfer."""

from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError

from portal.forms.fields import NumberRanges, Numbers, Quantity, count, take, write_ranges
from registry.models import Account, Request
from registry.selectors import accounts

Row = dict[str, Any]


class Transfer(forms.Form):
    """
    From, to, how many; hand-picked numbers and the key travel along unseen.

    ``sources`` are the pairs of account and commodity that the person may send from.
    """

    source = forms.ChoiceField(label="From")
    target = forms.CharField(
        label="To account",
        max_length=32,
        help_text="The account's code, such as COB-01. Ask the receiver for it.",
        widget=forms.TextInput(attrs={"list": "known-accounts", "autocomplete": "off", "size": 24}),
    )
    volume = Quantity(label="Certificates")
    note = forms.CharField(
        label="Note",
        required=False,
        max_length=2000,
        help_text="Optional. The registry and the receiver can read it.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    numbers = NumberRanges(required=False)
    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, sources: list[Row], **kwargs: Any):
        """Offer what the person may send from."""
        super().__init__(*args, **kwargs)
        self.sources = {source_value(row): row for row in sources}
        cast(forms.ChoiceField, self.fields["source"]).choices = [
            (value, _choice(row)) for value, row in self.sources.items()
        ]

    def clean_target(self) -> Account:
        """
        Find the account by its code.

        :raises ValidationError: when no trading account has it
        """
        found = accounts.trading_account(self.cleaned_data["target"].strip())
        if found is None:
            raise ValidationError("No trading account has this code.", code="unknown")
        return found

    def clean(self) -> Row:
        """Compare the answers with each other; the ledger compares them with its books."""
        answers: Row = super().clean() or {}
        row, target = self.sources.get(answers.get("source", "")), answers.get("target")
        if row and target and row["account"].id == target.id:
            self.add_error("target", "Choose another account: this is the one you send from.")
        volume, picked = answers.get("volume"), answers.get("numbers")
        if volume and picked and volume > count(picked):
            self.add_error("volume", f"The chosen blocks hold {count(picked):,}.")
        elif row and volume and volume > row["sum"].available:
            available = row["sum"].available
            self.add_error(
                "volume", f"You asked for {volume:,}; {max(available, 0):,} are available."
            )
            self.usable = max(available, 0)
        return answers

    def asks(self) -> Row:
        """Return what the request asks for."""
        answers, row = self.cleaned_data, self.sources[self.cleaned_data["source"]]
        return {
            "source": row["account"],
            "commodity": row["market"],
            "target": answers["target"],
            "volume": answers["volume"],
            "ranges": take(answers["numbers"], answers["volume"]) or None,
            "note": answers["note"],
        }


def _choice(row: Row) -> str:
    return f"{row['account'].code}: {row['commodity']}, {row['sum'].available:,} available"


def source_value(row: Row) -> str:
    """Name an account and a commodity in one choice."""
    return f"{row['account'].code}/{row['commodity']}"


def from_request(item: Request) -> Row:
    """Return what the form shows for a draft."""
    return {
        "source": f"{item.source.code if item.source else ''}/{item.commodity.code}",
        "target": item.target.code if item.target else "",
        "volume": item.volume,
        "note": item.note,
        "numbers": write_ranges(item.ranges or ()),
        "key": item.idempotency_key,
    }


def from_blocks(blocks: list[Row]) -> Row:
    """Return what the form shows for blocks that were ticked: the numbers, and their sum."""
    if not blocks:
        return {}
    pairs = tuple((block["first"], block["last"]) for block in blocks)
    return {
        "source": f"{blocks[0]['account']}/{blocks[0]['commodity']}",
        "volume": count(pairs),
        "numbers": write_ranges(pairs),
    }


def shown_numbers(form: Transfer) -> Numbers:
    """Return the hand-picked numbers that a form carries, for the person to see."""
    try:
        return NumberRanges(required=False).clean(form["numbers"].value() or "")
    except ValidationError:
        return ()
