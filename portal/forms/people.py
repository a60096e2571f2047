"""Forms about people: an invitation, its acceptance, a role, a clock."""

import zoneinfo
from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError

from registry import access
from registry.models import Organisation, User

WORDS = {
    User.Role.VIEWER: "Sees what the organisation holds and asks for.",
    User.Role.SUBMITTER: "Asks for transfers, retirements and issues.",
    User.Role.TEAM_ADMIN: "Does what a submitter does, and looks after the team.",
    User.Role.OPERATOR: "Runs the registry and looks after every team.",
    User.Role.APPROVER: "Decides requests.",
    User.Role.AUDITOR: "Sees everything and changes nothing.",
}


class Invite(forms.Form):
    """Whom to invite, and as what."""

    email = forms.EmailField(
        label="E-mail address",
        max_length=64,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "class": "wide"}),
        error_messages={
            "required": "Type the address to invite.",
            "invalid": "Type an address such as name@example.org.",
        },
    )
    role = forms.ChoiceField(
        widget=forms.RadioSelect, error_messages={"required": "Choose a role."}
    )
    same_person_as = forms.ModelChoiceField(
        User.objects.none(),
        label="Second sign-in of",
        required=False,
        empty_label="Nobody: a new person",
        help_text="Somebody with two sign-ins is one person: they never decide their own request.",
    )

    def __init__(self, *args: Any, organisation: Organisation, **kwargs: Any):
        """Offer the roles and the people of the organisation."""
        super().__init__(*args, **kwargs)
        kind = Organisation.Kind(organisation.kind)
        self.fields["role"].choices = [  # type: ignore[attr-defined]
            (role.value, role.label) for role in access.ROLES_OF[kind]
        ]
        people = self.fields["same_person_as"]
        people.queryset = organisation.people.order_by("name")  # type: ignore[attr-defined]
        people.label_from_instance = lambda person: f"{person.name}, {person.email}"  # type: ignore[attr-defined]

    @property
    def roles(self) -> list[dict[str, Any]]:
        """Return the roles with what they mean."""
        chosen = self["role"].value()
        return [
            {
                "value": value,
                "label": label,
                "words": WORDS[User.Role(value)],
                "on": value == chosen,
            }
            for value, label in self.fields["role"].choices  # type: ignore[attr-defined]
        ]


class Role(forms.Form):
    """Another role for somebody."""

    role = forms.ChoiceField(error_messages={"required": "Choose a role."})

    def __init__(self, *args: Any, person: User, **kwargs: Any):
        """Offer the roles that this sign-in may have."""
        super().__init__(*args, **kwargs)
        roles = access.roles_for(person)
        self.fields["role"].choices = [  # type: ignore[attr-defined]
            (role.value, role.label) for role in roles
        ]


class Accept(forms.Form):
    """The name and the password of somebody who was invited."""

    name = forms.CharField(
        label="Your name",
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "name", "class": "wide"}),
        error_messages={"required": "Type your name."},
    )
    password = forms.CharField(
        label="Password",
        max_length=256,
        strip=False,
        help_text="At least 12 characters; a few words that do not belong together do well.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "wide"}),
        error_messages={"required": "Type a password."},
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any):
        """Remember whose password it is: it must not be like the address."""
        super().__init__(*args, **kwargs)
        self.email = email

    def clean(self) -> dict[str, Any]:
        """Check the password as everywhere."""
        answers: dict[str, Any] = super().clean() or {}
        if answers.get("password"):
            person = User(email=self.email, name=answers.get("name", ""))
            try:
                password_validation.validate_password(answers["password"], person)
            except ValidationError as error:
                self.add_error("password", error)
        return answers


class Clock(forms.Form):
    """The time zone of somebody's own clock."""

    time_zone = forms.ChoiceField(
        label="Time zone",
        required=False,
        choices=lambda: [
            ("", "UTC alone"),
            *((name, name.replace("_", " ")) for name in _zones()),
        ],
        error_messages={"invalid_choice": "Choose a time zone from the list."},
    )


def _zones() -> list[str]:
    return sorted(
        name for name in zoneinfo.available_timezones() if "/" in name and name[:3] != "Etc"
    )
