"""What somebody types from a statement."""

from django import forms
from django.core.exceptions import ValidationError

from registry.reference import NotAReference, tidy


class Reference(forms.CharField):
    """The reference of a statement, whatever its case and grouping."""

    default_error_messages = {"required": "Type the reference of the statement."}

    def clean(self, value: object) -> str:
        """
        Return its symbols alone.

        :raises ValidationError: when no statement can have it
        """
        text: str = super().clean(value)
        try:
            return tidy(text)
        except NotAReference as error:
            raise ValidationError(str(error), code="reference") from error


class Verify(forms.Form):
    """Which statement to check."""

    reference = Reference(
        label="Reference",
        max_length=60,
        help_text="It stands at the top of the statement, such as 7K3M-QX9D-F200-006C. Capitals and"
        " dashes do not matter.",
        widget=forms.TextInput(
            attrs={"class": "wide", "autocomplete": "off", "autocapitalize": "characters"}
            | {"spellcheck": "false"}
        ),
    )
