"""The details of a transfer."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from portal.forms.details import FromAccount, Row
from registry.models import Account, Request
from registry.selectors import accounts


class Transfer(FromAccount):
    """From, to, how many or which."""

    rule = "transferable"
    field_order = ("source", "target", "volume", "numbers", "note")

    target = forms.CharField(
        label="To account",
        max_length=32,
        help_text="The account's code, such as COB-01. Ask the receiver for it.",
        widget=forms.TextInput(attrs={"list": "known-accounts", "autocomplete": "off", "size": 24}),
    )

    def __init__(self, *args: Any, **kwargs: Any):
        """Suggest the accounts that were sent to before."""
        super().__init__(*args, **kwargs)
        self.fields["note"].help_text = "Optional. The registry and the receiver can read it."
        self.known = accounts.known_targets(self.user)

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
        """Compare the two accounts as well."""
        answers = super().clean()
        row, target = self.sources.get(answers.get("source", "")), answers.get("target")
        if row and target and row["account"].id == target.id:
            self.add_error("target", "Choose another account: this is the one you send from.")
        return answers

    def asks(self) -> Row:
        """Return what the request asks for."""
        return super().asks() | {"target": self.cleaned_data["target"]}

    @classmethod
    def from_request(cls, item: Request) -> Row:
        """Return what the form shows for a request."""
        target = item.target.code if item.target else ""
        return super().from_request(item) | {"target": target}
