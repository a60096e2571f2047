"""The details of a transfer."""

from typing import Any

from django.core.exceptions import ValidationError

from portal.forms import search
from portal.forms.details import FromAccount, Row
from registry.models import Account, Request
from registry.selectors import parties


class Transfer(FromAccount):
    """From, to, how many or which."""

    rule = "transferable"
    field_order = ("source", "target", "volume", "numbers", "note")

    target = search.field(
        "target",
        "To account",
        "The receiver's account code, such as COB-01, or a part of its name.",
        "portal:receivers",
    )

    def __init__(self, *args: Any, **kwargs: Any):
        """Say who reads the note, and who was sent to before."""
        super().__init__(*args, **kwargs)
        self.fields["note"].help_text = "Optional. The registry and the receiver can read it."
        found = parties.receivers(self.user, search.typed(self, "target"))
        # Nobody sends to the one account that they have.
        sources = {row["account"].id for row in self.sources.values()}
        found = [each for each in found if sources != {each.id}]
        self.searches["target"] = search.Search(
            name="target",
            text=search.typed(self, "target"),
            options=[search.of_receiver(account) for account in found],
            picked=search.picked(self, "target"),
        )

    def clean_target(self) -> Account:
        """
        Find the account by its code; a name is only a way to find the code.

        :raises ValidationError: none that is open to receive has it
        """
        text = search.named(self, "target")
        if not text:
            raise ValidationError("Say who receives the certificates.", code="required")
        found = parties.receiver(text)
        if found is None:
            nothing = "No account that is open to receive has this code or name."
            raise search.refuse(self.searches["target"].options, nothing)
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
