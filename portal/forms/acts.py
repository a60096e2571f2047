"""Acts on a record that ask for a reason: changing its rules, its status, its end."""

from typing import Any

from django import forms

from portal.forms.records import (
    CommodityForm,
    Day,
    FacilityForm,
    OrganisationForm,
    Record,
)
from registry.dates import today


class Reason(Record):
    """Why, for the log; and the version that was seen."""

    reason = forms.CharField(
        label="Reason",
        max_length=500,
        help_text="It stays in the log.",
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Say why: it stays in the log."},
    )
    field_order: Any = ("reason",)


class WithReason(Record):
    """A form that changes a record: a reason may be given, and stands last."""

    fixed: tuple[str, ...] = ("code",)
    reason_needed = False

    def __init__(self, *args: Any, **kwargs: Any):
        """Leave out what can no longer change, and ask why."""
        super().__init__(*args, **kwargs)
        for name in self.fixed:
            del self.fields[name]
        self.fields["reason"] = forms.CharField(
            label="Reason",
            required=self.reason_needed,
            max_length=500,
            help_text="It stays in the log." if self.reason_needed else "Optional, for the log.",
            widget=forms.Textarea(attrs={"rows": 2}),
            error_messages={"required": "Say why: it stays in the log."},
        )


class EditOrganisation(WithReason, OrganisationForm):
    """Change the legal data; the kind decides what its people may do and stays."""

    fixed = ("code", "kind")


class EditFacility(WithReason, FacilityForm):
    """Change what is known of a facility; its owner stays."""

    fixed = ("code", "organisation")


class EditCommodity(WithReason, CommodityForm):
    """Change the rules of a commodity of which nothing was issued yet."""

    reason_needed = True


class EditIssuedCommodity(EditCommodity):
    """Change the rules of a commodity of which something was issued."""

    fixed = ("code", "unit", "unit_per_certificate", "time_zone")


class EndPolicy(Reason):
    """The last day on which a change of region is allowed."""

    valid_to = Day(label="Last day")
    field_order = ("valid_to", "reason")

    def clean_valid_to(self) -> Any:
        """See that the past stays as it was."""
        day = self.cleaned_data["valid_to"]
        if day < today():
            raise forms.ValidationError("Choose today or a later day: the past stays as it was.")
        return day
