"""A field that finds an account by code or name: typed, or chosen among those found."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse_lazy

from registry.models import Account


@dataclass(frozen=True)
class Option:
    """One account that was found."""

    value: str
    label: str
    hint: str = ""


@dataclass(frozen=True)
class Search:
    """What a search found: the choices below the field that it was typed into."""

    name: str
    text: str
    options: list[Option]
    picked: str = ""

    @property
    def sentence(self) -> str:
        """Say what is offered."""
        if self.text:
            found = len(self.options)
            return f"{found} account{'' if found == 1 else 's'} found" if found else "Nothing found"
        return "Sent to before, or yours" if self.options else ""


def field(name: str, label: str, hint: str, route: str, **parameters: str) -> forms.CharField:
    """Make a field that searches as one types, and says on submission what it found."""
    query = "".join(f"?{name}={value}" for name, value in parameters.items())
    widget = forms.TextInput(
        attrs={
            "autocomplete": "off",
            "spellcheck": "false",
            "class": "wide",
            "hx-trigger": "input changed delay:300ms",
            "hx-sync": "this:replace",
            "hx-swap": "innerHTML",
        }
    )
    made = forms.CharField(
        label=label, help_text=hint, required=False, max_length=64, widget=widget
    )
    # The address is only known once the pages are.
    made.widget.attrs |= {"hx-get": _Address(route, query), "hx-target": f"#{name}-found"}
    return made


class _Address:
    """An address that is made when it is written."""

    def __init__(self, route: str, query: str):
        """Remember the page."""
        self.path, self.query = reverse_lazy(route), query

    def __str__(self) -> str:
        return f"{self.path}{self.query}"


def typed(form: forms.Form, name: str) -> str:
    """Return what stands in a search field."""
    return str(form[name].value() or "").strip()


def picked(form: forms.Form, name: str) -> str:
    """Return which of the accounts found was chosen; what was found for another text is not."""
    data: Any = form.data
    same = form.is_bound and data.get(f"{name}_for", "").strip() == typed(form, name)
    return str(data.get(f"{name}_pick", "")) if same else ""


def named(form: forms.Form, name: str) -> str:
    """Return what a search field means: the chosen account, else what was typed."""
    return picked(form, name) or typed(form, name)


def refuse(options: list[Option], nothing: str) -> ValidationError:
    """Return why a text is not enough: several accounts, or none."""
    if not options:
        return ValidationError(nothing, code="unknown")
    return ValidationError("Choose one of the accounts below.", code="several")


def of_receiver(account: Account) -> Option:
    """Offer an account to send to: its code and its name, and nothing else."""
    owner = account.organisation.name if account.organisation else ""
    return Option(account.code, account.code, ", ".join(filter(None, (owner, account.name))))
