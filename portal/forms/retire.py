"""The details of a retirement."""

from django import forms

from portal.forms.details import FromAccount, Row
from portal.forms.fields import Country, Days, check_period
from registry.dates import write_day
from registry.models import Request
from registry.selectors import accounts

CONTENT = ("beneficiary", "beneficiary_country", "beneficiary_place", "reason")
PUBLISHED = {
    "yes": "Yes: whoever has the statement's reference can read for whom and why",
    "no": "No: they can read what was retired, and not for whom or why",
}


class Retire(FromAccount):
    """From, how many or which, and the claim: for whom, why, and when it was consumed."""

    rule = "retirable"
    field_order = (
        *("source", "volume", "numbers", *CONTENT, "consumption_start", "consumption_end"),
        *("claim_published", "note"),
    )

    beneficiary = forms.CharField(
        label="Beneficiary",
        max_length=200,
        help_text="Who may claim the energy: the name as it should stand on the statement.",
        error_messages={"required": "Say for whom it is."},
        widget=forms.TextInput(attrs={"class": "wide", "autocomplete": "off"}),
    )
    beneficiary_country = Country(
        label="Country",
        required=False,
        help_text="Optional. Two letters, such as DE.",
        widget=forms.TextInput(attrs={"class": "half", "autocomplete": "off"}),
    )
    beneficiary_place = forms.CharField(
        label="Place",
        required=False,
        max_length=200,
        help_text="Optional. Where it was consumed.",
        widget=forms.TextInput(attrs={"class": "half", "autocomplete": "off"}),
    )
    reason = forms.CharField(
        label="Purpose",
        max_length=500,
        help_text="Such as disclosure of supply 2026.",
        error_messages={"required": "Say what it is for, such as disclosure of supply 2026."},
        widget=forms.TextInput(attrs={"class": "wide", "autocomplete": "off"}),
    )
    consumption_start = Days(
        label="Consumed from", required=False, help_text="Optional. A date, a month, or a year."
    )
    consumption_end = Days(
        label="Consumed to", required=False, help_text="Not needed after a month or a year."
    )
    claim_published = forms.TypedChoiceField(
        label="Publish the claim",
        choices=PUBLISHED,
        initial="yes",
        required=False,
        coerce=lambda answer: answer == "yes",
    )

    def clean(self) -> Row:
        """Find where the account's owner retires to, and put the period together."""
        answers = super().clean()
        row = self.sources.get(answers.get("source", ""))
        self.target = accounts.retirement_account(row["account"]) if row else None
        if row and self.target is None:
            self.add_error(
                "source", "There is no retirement account for it. Ask the registry to open one."
            )
        check_period(self, "consumption_start", "consumption_end", begun=True)
        return answers

    def asks(self) -> Row:
        """Return what the request asks for."""
        answers = self.cleaned_data
        return super().asks() | {
            "target": self.target,
            **{name: answers[name] for name in CONTENT},
            "consumption_start": answers["consumption_start"],
            "consumption_end": answers["consumption_end"],
            # Whoever was not asked has not agreed.
            "claim_published": bool(answers["claim_published"]),
        }

    @classmethod
    def from_request(cls, item: Request) -> Row:
        """Return what the form shows for a request."""
        return super().from_request(item) | {
            **{name: getattr(item, name) for name in CONTENT},
            "consumption_start": write_day(item.consumption_start),
            "consumption_end": write_day(item.consumption_end),
            "claim_published": "yes" if item.claim_published else "no",
        }
