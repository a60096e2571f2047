"""Forms that ask for a second factor."""

import json
import re
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.webauthn.forms import AuthenticateWebAuthnForm
from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import cached_property

from portal import factors
from portal.sign_in import NEWEST
from registry import access
from registry.models import User

CODE = re.compile(r"[0-9 -]{1,20}", re.ASCII)


class Code(forms.CharField):
    """A code of an authenticator app, or a recovery code; digits, however grouped."""

    def __init__(self, **kwargs: Any):
        """Let the browser offer the newest code."""
        attrs = {"autocomplete": "one-time-code", "inputmode": "numeric", "size": 14}
        defaults = {
            "widget": forms.TextInput(attrs=attrs),
            "label": "Code",
            "max_length": 20,
            "error_messages": {"required": "Type the newest code.", "max_length": NEWEST},
        }
        super().__init__(**{**defaults, **kwargs})

    def clean(self, value: Any) -> str:
        """
        Return the code.

        :raises ValidationError: it is not one
        """
        text = str(self.to_python(value))
        if text and not CODE.fullmatch(text):
            raise ValidationError(NEWEST, code="incorrect_code")
        return str(super().clean(text))


class Credential(forms.CharField):
    """What a passkey answered, filled in by static/js/passkey.js."""

    widget = forms.HiddenInput

    def __init__(self, **kwargs: Any):
        """Leave room for an attestation, and for no more."""
        super().__init__(**{"max_length": 16_384, **kwargs})

    def clean(self, value: Any) -> Any:
        """
        Return it as a mapping.

        :raises ValidationError: it is not one
        """
        text = super().clean(value)
        if not text:
            return None
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValidationError(factors.PASSKEY_FAILED, code="passkey") from error
        if not isinstance(found, dict):
            raise ValidationError(factors.PASSKEY_FAILED, code="passkey")
        return found


class SecondFactor(forms.Form):
    """
    A form whose act needs a second factor, where the person has or must have one.

    The view calls ``take_factor`` right before the act: a code is used up by it.
    """

    code = Code(required=False)
    credential = Credential(required=False)

    def __init__(self, *args: Any, user: User, **kwargs: Any):
        """Ask only those who give one."""
        super().__init__(*args, **kwargs)
        self.user = user
        self.asks_factor = access.gives_code(user)
        if not self.asks_factor:
            del self.fields["code"], self.fields["credential"]

    @cached_property
    def passkey_options(self) -> str:
        """Return what the browser needs to ask for a passkey, nothing without one; asked once."""
        return factors.asking_options(self.user) if self.asks_factor else ""

    def clean(self) -> dict[str, Any]:
        """One of the two is given."""
        answers: dict[str, Any] = super().clean() or {}
        given = answers.get("code") or answers.get("credential")
        if self.asks_factor and not given and not {"code", "credential"} & set(self.errors):
            self.add_error("code", "Type the newest code.")
        return answers

    def take_factor(self, purpose: str) -> bool:
        """Use up what was given; say whether it was right, and on the form why not."""
        if not self.asks_factor:
            return True
        answers = self.cleaned_data
        try:
            if answers.get("credential"):
                factors.take_passkey(self.user, answers["credential"])
            else:
                factors.take_code(self.user, answers["code"], purpose)
        except ValidationError as error:
            self.add_error("code", error)
            return False
        return True


class Verify(AuthenticateForm):
    """The second step of signing in, by a code."""

    code = Code()

    def clean_code(self) -> str:
        """Use the code up."""
        code: str = self.cleaned_data["code"]
        self.authenticator = factors.take_code(self.user, code, "sign-in")
        return code


class VerifyPasskey(AuthenticateWebAuthnForm):
    """The second step of signing in, by a passkey."""

    credential = Credential()

    def clean_credential(self) -> Any:
        """Check what the passkey signed."""
        return factors.take_passkey(self.user, self.cleaned_data["credential"])


class Confirm(forms.Form):
    """Show who is there before something about a sign-in changes: by factor, or by password."""

    code = Code(required=False)
    credential = Credential(required=False)
    password = forms.CharField(
        required=False,
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any):
        """Ask for a factor where there is one, for the password where there is none."""
        super().__init__(*args, **kwargs)
        self.user = user
        self.by_factor = access.has_factor(user)
        for name in ("password",) if self.by_factor else ("code", "credential"):
            del self.fields[name]
        self.factor: Any = None

    @cached_property
    def passkey_options(self) -> str:
        """Return what the browser needs to ask for a passkey, nothing without one; asked once."""
        return factors.asking_options(self.user) if self.by_factor else ""

    def clean(self) -> dict[str, Any]:
        """Use up what was given."""
        answers: dict[str, Any] = super().clean() or {}
        if self.errors:
            return answers
        name = "code" if self.by_factor else "password"
        try:
            if answers.get("credential"):
                self.factor = factors.take_passkey(self.user, answers["credential"])
            elif not answers.get(name):
                raise ValidationError(f"Type your {name}.")
            elif self.by_factor:
                self.factor = factors.take_code(self.user, answers["code"], "confirm")
            elif not get_adapter().reauthenticate(self.user, answers["password"]):
                raise ValidationError("The password is not right.")
        except ValidationError as error:
            self.add_error(name, error)
        return answers


class NewApp(forms.Form):
    """The code that shows that an authenticator app has the secret."""

    code = Code(label="Code that the app shows")


class NewPasskey(forms.Form):
    """A passkey and what its owner calls it."""

    name = forms.CharField(
        label="Name",
        max_length=60,
        help_text="So that you know it again: the device or the key ring that keeps it.",
        error_messages={"required": "Give the passkey a name."},
    )
    credential = Credential(error_messages={"required": "The browser made no passkey. Try again."})

    def clean_credential(self) -> Any:
        """Check that it was made just now, for this page."""
        credential = self.cleaned_data["credential"]
        factors.new_passkey(credential)
        return credential
