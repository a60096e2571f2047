"""The forms of a new password, in the words of these pages."""

from typing import Any

from allauth.account.forms import ChangePasswordForm, ResetPasswordKeyForm

EMPTY = {
    "oldpassword": "Type your present password.",
    "password1": "Type a new password.",
    "password2": "Type the new password once more.",
}


def _say(form: Any) -> None:
    for name in EMPTY.keys() & form.fields.keys():
        form.fields[name].error_messages["required"] = EMPTY[name]


class ChangePassword(ChangePasswordForm):
    """The present password, and a new one twice."""

    def __init__(self, *args: Any, **kwargs: Any):
        """Say what belongs in each field."""
        super().__init__(*args, **kwargs)
        _say(self)


class SetPassword(ResetPasswordKeyForm):
    """A new password twice, for whoever has the link."""

    def __init__(self, *args: Any, **kwargs: Any):
        """Say what belongs in each field."""
        super().__init__(*args, **kwargs)
        _say(self)
