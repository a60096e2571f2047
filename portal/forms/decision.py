"""An approver's decision."""

from typing import Any

from django import forms

APPROVE, REJECT = "approve", "reject"


class Decision(forms.Form):
    """Approve, or reject with a reason; the fingerprint says which blocks were shown."""

    decision = forms.ChoiceField(
        choices=[(APPROVE, "Approve and execute"), (REJECT, "Reject")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose to approve or to reject."},
    )
    reason = forms.CharField(
        required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 2})
    )
    fingerprint = forms.RegexField(r"^[0-9a-f]{0,64}$", required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """A rejection says why."""
        answers: dict[str, Any] = super().clean() or {}
        if answers.get("decision") == REJECT and not answers.get("reason", "").strip():
            self.add_error("reason", "Say why: the submitter will see it.")
        return answers
