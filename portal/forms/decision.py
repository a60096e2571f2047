"""An approver's decision: on one request, or on several at once."""

from typing import Any
from uuid import uuid4

from django import forms
from django.http import QueryDict

from portal.forms.factors import SecondFactor

APPROVE, REJECT = "approve", "reject"
# A page of the queue.
MOST = 50


class Answer(SecondFactor):
    """What every decision asks: approve, or reject with a reason. Asked once, also for several."""

    decision = forms.ChoiceField(
        choices=[(APPROVE, "Approve and execute"), (REJECT, "Reject")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose to approve or to reject."},
    )
    reason = forms.CharField(
        required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 2})
    )

    def clean(self) -> dict[str, Any]:
        """A rejection says why, and no field is answered twice."""
        answers: dict[str, Any] = super().clean() or {}
        if answers.get("decision") == REJECT and not answers.get("reason", "").strip():
            self.add_error("reason", "Say why: the submitter will see it.")
        if isinstance(self.data, QueryDict) and len(self.data.getlist("decision")) > 1:
            self.add_error("decision", "Choose one of the two.")
        return answers


class Decision(Answer):
    """The decision on one request; the fingerprint says which blocks were shown."""

    fingerprint = forms.RegexField(r"^[0-9a-f]{0,64}$", required=False, widget=forms.HiddenInput)


class Several(Answer):
    """One decision on several requests, on the blocks that were opened one by one."""

    # Sent again with the same key, the form leads to the first results.
    key = forms.UUIDField(widget=forms.HiddenInput)
    number = forms.TypedMultipleChoiceField(
        coerce=int,
        widget=forms.MultipleHiddenInput,
        error_messages={
            "required": "Tick at least one request.",
            "invalid_choice": "Tick requests from the queue.",
        },
    )

    def __init__(self, *args: Any, numbers: list[int], **kwargs: Any):
        """Take the numbers that were sent: each is refused or decided by name, not here."""
        super().__init__(*args, **{"initial": {"key": uuid4(), "number": numbers}, **kwargs})
        field: Any = self.fields["number"]
        field.choices = [(number, number) for number in numbers]
