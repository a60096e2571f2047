"""Which notices come by mail."""

from typing import Any

from django import forms

from registry.models import NoticeKind
from registry.selectors.notices import Choice


class Preferences(forms.Form):
    """One box a kind; what is about security is not asked."""

    mailed = forms.MultipleChoiceField(label="By mail", required=False)

    def __init__(self, *args: Any, choices: list[Choice], **kwargs: Any):
        """Offer a person's own kinds."""
        super().__init__(*args, **kwargs)
        self.kinds = [choice.kind for choice in choices if not choice.fixed]
        self.fields["mailed"].choices = [(kind.value, kind.label) for kind in self.kinds]  # type: ignore[attr-defined]

    def answers(self) -> dict[NoticeKind, bool]:
        """Return for each kind whether it was ticked."""
        return {kind: kind.value in self.cleaned_data["mailed"] for kind in self.kinds}
