"""What is to become of a rejected event: the form of the operator, and of who signs."""

from typing import Any

from django import forms

from portal.forms.factors import SecondFactor
from registry.models import ReplayRejection, ReplayVariance
from registry.replay import written
from registry.replay.format import EVENTS, EVERY_EVENT

FIX = ReplayVariance.Outcome.FIX_AT_SOURCE.value
SKIP, AMEND, SPLIT, INSERT = (action.value for action in ReplayVariance.Action)
CHOICES = [
    (FIX, "Fix it at the source"),
    (SKIP, "Leave the event out"),
    (AMEND, "Change fields of the event"),
    (SPLIT, "Send several events instead"),
    (INSERT, "Send other events before it"),
]
HINTS = {
    FIX: "The old platform corrects its record. Nothing changes here.",
    SKIP: "The next run does not send it.",
    AMEND: "The next run sends it with other values.",
    SPLIT: "The next run sends these instead of it.",
    INSERT: "The next run sends these, then the event as it is.",
}
# So many fields of one event are changed at once.
PAIRS = (1, 2, 3)


class Reason(forms.CharField):
    """Why, in words that an auditor reads in ten years."""

    def __init__(self, **kwargs: Any):
        """Leave room for a paragraph."""
        defaults = {
            "label": "Reason",
            "max_length": 2000,
            "widget": forms.Textarea(attrs={"rows": 3}),
            "error_messages": {"required": "Say why: it stands in the report of every run."},
        }
        super().__init__(**{**defaults, **kwargs})


class Outcome(forms.Form):
    """How one rejection is closed; only the fields of what is chosen are looked at."""

    choice = forms.ChoiceField(
        choices=CHOICES,
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose what is to become of the event.",
            "invalid_choice": "Choose one of the five.",
        },
    )
    expected = forms.CharField(
        label="What the source is expected to say",
        required=False,
        max_length=8000,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
    )
    instead = forms.CharField(
        label="Events to send instead, one a line",
        required=False,
        max_length=60_000,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
    )
    before = forms.CharField(
        label="Events to send before it, one a line",
        required=False,
        max_length=60_000,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
    )
    also = forms.BooleanField(label="Also what followed from it", required=False)
    reason = Reason()
    # Looked at whatever is chosen.
    ALWAYS: tuple[str, ...] = ("choice", "reason")

    def __init__(self, *args: Any, rejection: ReplayRejection, **kwargs: Any):
        """Offer the fields of the event, and its text to begin with."""
        event = written.in_order(rejection.source)
        line = written.as_line(event)
        initial = {"expected": line, "instead": written.parts(event), "also": True}
        super().__init__(*args, **{"initial": initial, **kwargs})
        self.event = event
        self.content: dict[str, Any] = {}
        for number in PAIRS:
            self.fields[f"field_{number}"] = forms.ChoiceField(
                label="Field", required=False, choices=_names(event)
            )
            self.fields[f"value_{number}"] = forms.CharField(
                label="New value", required=False, max_length=4000
            )

    @property
    def outcome(self) -> dict[str, Any]:
        """Return what was decided, as ``services.decide_event`` takes it."""
        choice = self.cleaned_data["choice"]
        fixed = choice == FIX
        return {
            "outcome": FIX if fixed else ReplayVariance.Outcome.VARIANCE.value,
            "action": "" if fixed else choice,
            "content": self.content,
            "reason": self.cleaned_data["reason"],
        }

    @property
    def pairs(self) -> list[tuple[Any, Any]]:
        """Return the fields to change with their new values, to show."""
        return [(self[f"field_{number}"], self[f"value_{number}"]) for number in PAIRS]

    def clean(self) -> dict[str, Any]:
        """Read what belongs to the choice; the rest stays as it was typed, and is ignored."""
        answers: dict[str, Any] = super().clean() or {}
        read = {FIX: self._expected, AMEND: self._amended, SPLIT: self._parts, INSERT: self._extra}
        choice = answers.get("choice", "")
        # What was typed for another choice is in nobody's way.
        for name in [name for name in self.errors if name in self.fields]:
            if name not in (*self.ALWAYS, *_fields_of(choice)):
                del self.errors[name]
        if choice in read and not set(_fields_of(choice)) & set(self.errors):
            try:
                self.content = read[choice](answers)
            except written.WrittenError as wrong:
                self.add_error(_fields_of(choice)[0], str(wrong))
        return answers

    def _expected(self, answers: dict[str, Any]) -> dict[str, Any]:
        text = answers.get("expected", "").strip()
        if not text:
            raise written.WrittenError("Write what the source is expected to say.")
        return {"expected": text}

    def _amended(self, answers: dict[str, Any]) -> dict[str, Any]:
        pairs = [(answers.get(f"field_{n}", ""), answers.get(f"value_{n}", "")) for n in PAIRS]
        chosen = [(name, text.strip()) for name, text in pairs if name]
        if not chosen:
            raise written.WrittenError("Choose a field and type its new value.")
        if len({name for name, _ in chosen}) < len(chosen):
            raise written.WrittenError("Choose each field once.")
        return written.amended(self.event, dict(chosen))

    def _parts(self, answers: dict[str, Any]) -> dict[str, Any]:
        return {"events": written.events(answers.get("instead", ""), beside=self.event)}

    def _extra(self, answers: dict[str, Any]) -> dict[str, Any]:
        return {"events": written.events(answers.get("before", ""), beside=self.event)}


class Signature(SecondFactor):
    """The signature of the second person; a code goes with it as with every decision."""


class SendBack(forms.Form):
    """Why a decision is not signed, or is taken back."""

    reason = Reason(
        max_length=500,
        error_messages={"required": "Say why: its author reads it."},
        widget=forms.Textarea(attrs={"rows": 2}),
    )


def _fields_of(choice: str) -> tuple[str, ...]:
    amend = tuple(f"{part}_{number}" for number in PAIRS for part in ("field", "value"))
    return {FIX: ("expected",), AMEND: amend, SPLIT: ("instead",), INSERT: ("before",)}.get(
        choice, ()
    )


def _names(event: dict[str, Any]) -> list[tuple[str, str]]:
    """Offer the fields that the event has, then those that it could have."""
    known = {**EVERY_EVENT, **EVENTS.get(str(event.get("kind", "")), {})}
    there = [name for name in event if name in known]
    names = [*there, *(name for name in known if name not in there)]
    return [("", "Choose a field"), *((name, name) for name in names if name != "event_id")]
