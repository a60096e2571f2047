"""One answer for several rejected events, and one signature for what says the same."""

from collections.abc import Sequence
from typing import Any

from django import forms

from portal.forms.outcome import AMEND, CHOICES, FIX, SKIP, Outcome, Reason, Signature
from registry.models import ReplayRejection
from registry.replay import written
from registry.selectors.rejections import OPEN

TOGETHER = [each for each in CHOICES if each[0] in (FIX, SKIP, AMEND)]
SIGN, SEND_BACK = "sign", "send-back"


class Ticked(forms.TypedMultipleChoiceField):
    """The ticked rows; each must be one that was offered."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, **kwargs: Any):
        """Read numbers."""
        messages = {
            "required": "Tick at least one.",
            "invalid_choice": "One of them is no longer here. Look again at what is ticked.",
        }
        super().__init__(coerce=int, error_messages=messages, **kwargs)


class Together(Outcome):
    """What is to become of several events of one kind, with one reason."""

    choice = forms.ChoiceField(
        choices=TOGETHER,
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose what is to become of the events.",
            "invalid_choice": "Choose one of the three.",
        },
    )
    number = Ticked(label="Events")
    ALWAYS = ("choice", "reason", "number")

    def __init__(self, *args: Any, items: Sequence[Any], **kwargs: Any):
        """Offer these rejections, as ``judged`` returns them, all of them ticked."""
        first: dict[str, Any] = {"also": True, "number": [item.pk for item in items]}
        super().__init__(*args, rejection=items[0], **{"initial": first, **kwargs})
        # What takes the place of an event is written for that event.
        del self.fields["instead"], self.fields["before"]
        field: Any = self.fields["number"]
        # Sent twice, it finds its own decisions; what was signed meanwhile is not for it.
        field.choices = [(item.pk, item.event_id) for item in items if _is_answerable(item)]
        self.items = {item.pk: item for item in items}

    @property
    def ticked(self) -> list[ReplayRejection]:
        """Return the rejections that were ticked."""
        return [self.items[number] for number in self.cleaned_data.get("number", ())]

    def _amended(self, answers: dict[str, Any]) -> dict[str, Any]:
        content: dict[str, Any] = {}
        for item in self.ticked:
            self.event = written.in_order(item.source)
            try:
                content = super()._amended(answers)
            except written.WrittenError as wrong:
                raise written.WrittenError(f"{item.event_id}: {wrong}") from wrong
        return content


def _is_answerable(item: Any) -> bool:
    waits = item.standing in ("waits", "source") and item.decided_signed_at is None
    return item.standing in OPEN or waits


class SignTogether(Signature):
    """The signature under several decisions that say the same, or why they are sent back."""

    number = Ticked(label="Decisions")
    act = forms.ChoiceField(choices=[(SIGN, SIGN), (SEND_BACK, SEND_BACK)], required=False)
    reason = Reason(required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, numbers: Sequence[int], **kwargs: Any):
        """Offer these decisions, all of them ticked."""
        super().__init__(*args, **{"initial": {"number": list(numbers)}, **kwargs})
        field: Any = self.fields["number"]
        field.choices = [(number, number) for number in numbers]

    @property
    def sends_back(self) -> bool:
        """Say whether they are sent back, and not signed."""
        return bool(self.cleaned_data.get("act") == SEND_BACK)

    def clean(self) -> dict[str, Any]:
        """Sending back needs a reason and no code."""
        answers: dict[str, Any] = super().clean() or {}
        if self.sends_back:
            self.errors.pop("code", None)
            if not answers.get("reason") and "reason" not in self.errors:
                self.add_error("reason", "Say why: their author reads it.")
        else:
            self.errors.pop("reason", None)
        return answers
