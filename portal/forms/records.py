"""What the forms of the registry's desk ask for, and their fields. Shape only."""

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError

from portal.forms.fields import Choice, Country
from registry.dates import today, write_day
from registry.models import (
    Account,
    Commodity,
    Facility,
    FacilityAudit,
    Organisation,
    RegionRule,
)
from registry.selectors import records

CODE = re.compile(r"[A-Z0-9](?:[A-Z0-9-]*[A-Z0-9])?", re.ASCII)
DAYS = ("%d %B %Y", "%d %b %Y", "%Y-%m-%d")
FIRST_YEAR, LAST_YEAR = 1850, 2200
TYPES = (Account.Type.TRADING, Account.Type.RETIREMENT)
# Those of the machine and of PostgreSQL's own, which the database refuses too.
ZONES = sorted(
    zone for zone in available_timezones() if zone not in ("localtime", "posixrules", "Factory")
)


class Code(forms.CharField):
    """A code in capital letters, digits and hyphens; small letters are taken as capitals."""

    default_error_messages = {"required": "Type a code, such as ALD-01."}

    def __init__(self, **kwargs: Any):
        """Say what a code is made of."""
        widget = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "size": 20})
        words = "Capital letters, digits and hyphens. It never changes."
        super().__init__(**{"label": "Code", "widget": widget, "help_text": words, **kwargs})

    def clean(self, value: Any) -> str:
        """
        Return the code.

        :raises ValidationError: when it has other characters
        """
        text: str = super().clean(value).upper()
        if text and not CODE.fullmatch(text):
            raise ValidationError("Use capital letters A to Z, digits and hyphens.", code="code")
        return text


class Whole(forms.CharField):
    """A whole number in ASCII digits, up to a largest one."""

    default_error_messages = {"required": "Type a whole number."}

    def __init__(self, *, least: int = 0, most: int, **kwargs: Any):
        """Remember the limits."""
        widget = forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "size": 10})
        super().__init__(**{"widget": widget, "max_length": 20, **kwargs})
        self.least, self.most = least, most

    def clean(self, value: Any) -> int | None:
        """
        Return the number; nothing typed is None.

        :raises ValidationError: when it is no such number, too small or too large
        """
        text = super().clean(value).replace(",", "")
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and self.least <= int(text) <= self.most):
            raise ValidationError(
                f"Type a whole number from {self.least:,} to {self.most:,}.", code="digits"
            )
        return int(text)


class Day(forms.CharField):
    """One day, typed: ``31 May 2026``."""

    default_error_messages = {"required": "Type a date such as 31 May 2026."}

    def __init__(self, **kwargs: Any):
        """Ask for text: a date field of the browser writes months and days in its own order."""
        widget = forms.TextInput(attrs={"class": "half", "autocomplete": "off"})
        super().__init__(**{"widget": widget, "max_length": 40, **kwargs})

    def prepare_value(self, value: Any) -> Any:
        """Write a day so that it reads back."""
        return write_day(value) if isinstance(value, date) else value

    def clean(self, value: Any) -> date | None:
        """
        Return the day; nothing typed is None.

        :raises ValidationError: when it is no date, or one that could be read in two ways
        """
        text = " ".join(super().clean(value).split())
        for form in DAYS if text.isascii() else ():
            try:
                day = datetime.strptime(text, form).date()  # noqa: DTZ007
            except ValueError:
                continue
            if FIRST_YEAR <= day.year <= LAST_YEAR:
                return day
        if text:
            raise ValidationError("Type a date such as 31 May 2026.", code="date")
        return None


def line(label: str, most: int, **kwargs: Any) -> forms.CharField:
    """Make a field for one line of text."""
    widget = forms.TextInput(attrs={"class": "wide", "autocomplete": "off"})
    words = {"required": f"Type the {label.lower()}."}
    return forms.CharField(
        label=label, max_length=most, **{"widget": widget, "error_messages": words, **kwargs}
    )


class Record(forms.Form):
    """A form about one record; ``version`` is that of the record when it was shown."""

    version = Whole(most=2**63 - 1, required=False, widget=forms.HiddenInput)

    def fields_of(self) -> dict[str, Any]:
        """Return the answers, without what is not a field of the record."""
        kept = dict(self.cleaned_data)
        kept.pop("version", None)
        return kept


class Choosing(Record):
    """A form in which other records are chosen by their codes."""

    # Field to what returns the records.
    offers: dict[str, Callable[[], list[Any]]] = {}

    def __init__(self, *args: Any, **kwargs: Any):
        """Offer what there is."""
        super().__init__(*args, **kwargs)
        self.offered: dict[str, dict[str, Any]] = {}
        for name, field in self.fields.items():
            if name in self.offers and isinstance(field, forms.ChoiceField):
                known = self.offered[name] = {each.code: each for each in self.offers[name]()}
                named = [(code, f"{each.name} ({code})") for code, each in known.items()]
                field.choices = [("", "Choose"), *named]

    def fields_of(self) -> dict[str, Any]:
        """Return the answers, with the records that were chosen."""
        answers = super().fields_of()
        chosen = {
            name: self.offered[name][answers[name]] for name in answers if name in self.offered
        }
        return answers | chosen


class OrganisationForm(Record):
    """The legal data of an organisation."""

    code = Code(max_length=32)
    name = line("Legal name", 200)
    kind = Choice(label="Kind", choices=Organisation.Kind.choices)
    country = Country(
        label="Country",
        required=False,
        help_text="Optional. Two letters, such as NL.",
        widget=forms.TextInput(attrs={"size": 4, "autocomplete": "off"}),
    )
    registration_no = line("Registration number", 64, required=False)
    vat_no = line("VAT number", 32, required=False)
    address = line("Address", 300, required=False)
    contact = forms.EmailField(
        label="Contact address",
        required=False,
        max_length=254,
        widget=forms.EmailInput(attrs={"class": "wide", "autocomplete": "off"}),
        error_messages={"invalid": "Type an e-mail address such as office@example.org."},
    )


class AccountForm(Record):
    """A new account of an organisation."""

    code = Code(max_length=32)
    type = Choice(
        label="Type",
        choices=[(each.value, each.label) for each in TYPES],
        help_text="A trading account holds and trades. What enters a retirement account stays.",
    )
    name = line("Name", 200, required=False, help_text="Optional. Such as Trading.")


class FacilityForm(Choosing):
    """What is known of a facility."""

    offers = {"organisation": records.participants, "region": records.regions}

    organisation = Choice(label="Owner")
    code = Code(max_length=32)
    name = line("Name", 200)
    region = Choice(label="Region")
    technology = line("Technology", 64, required=False)
    capacity_kw = Whole(label="Capacity in kW", least=1, most=100_000_000, required=False)
    commissioned_on = Day(label="Commissioned on", required=False)


class AuditForm(Record):
    """What an auditor found at a facility."""

    audited_on = Day(label="Audited on", help_text="A date such as 31 May 2026.")
    auditor = line("Auditor", 200)
    outcome = Choice(label="Outcome", choices=FacilityAudit.Outcome.choices)
    valid_until = Day(label="Valid until", required=False, help_text="Empty: without an end.")
    document = line("Document", 500, required=False, help_text="Where the report is filed.")

    def clean(self) -> dict[str, Any]:
        """Put the two days in order, and catch a mistyped year."""
        answers: dict[str, Any] = super().clean() or {}
        start, end = answers.get("audited_on"), answers.get("valid_until")
        if start and start > today():
            self.add_error("audited_on", "This date is in the future. Type when the audit was.")
        if start and end and end < start:
            self.add_error("valid_until", "This is before the audit.")
        return answers


class CommodityForm(Record):
    """A commodity and its rules."""

    code = Code(max_length=16)
    name = line("Name", 100)
    unit = forms.CharField(
        label="Unit",
        max_length=16,
        initial="MWh",
        error_messages={"required": "Type the unit, such as MWh."},
    )
    unit_per_certificate = Whole(
        label="Units per certificate", least=1, most=2_147_483_647, initial=1
    )
    time_zone = Choice(
        label="Time zone",
        choices=[(zone, zone) for zone in ZONES],
        initial="UTC",
        help_text="Decides on which instant a production day ends.",
    )
    months_transferable = Whole(
        label="Transferable for",
        most=1200,
        required=False,
        help_text="Whole months after the production period ends. Empty: for ever.",
    )
    months_to_expiry = Whole(
        label="Expires after",
        most=1200,
        required=False,
        help_text="Whole months after the production period ends. Empty: never.",
    )
    transferable = forms.BooleanField(label="May be transferred", required=False, initial=True)
    retirable = forms.BooleanField(label="May be retired", required=False, initial=True)
    reassignable = forms.BooleanField(
        label="May change region, where a policy allows it", required=False
    )
    periods_may_overlap = forms.BooleanField(
        label="Issues for one facility may overlap in time", required=False
    )

    def clean(self) -> dict[str, Any]:
        """See that transfers end before the certificates expire."""
        answers: dict[str, Any] = super().clean() or {}
        ends, expires = answers.get("months_transferable"), answers.get("months_to_expiry")
        if ends is not None and expires is not None and ends > expires:
            self.add_error("months_transferable", "Transfers end before the certificate expires.")
        return answers


class RegionForm(Record):
    """A region."""

    code = Code(max_length=16)
    name = line("Name", 100)


class PolicyForm(Choosing):
    """From which region to which, and when."""

    offers = {"from_region": records.regions, "to_region": records.regions}

    from_region = Choice(label="From region")
    to_region = Choice(label="To region")
    valid_from = Day(label="Allowed from", help_text="A date such as 31 May 2026.")
    valid_to = Day(label="Allowed until", required=False, help_text="Empty: without an end.")

    def clean(self) -> dict[str, Any]:
        """See that it leads somewhere else, and ends after it starts."""
        answers: dict[str, Any] = super().clean() or {}
        if answers.get("from_region") and answers["from_region"] == answers.get("to_region"):
            self.add_error("to_region", "Choose another region than the one it starts from.")
        start, end = answers.get("valid_from"), answers.get("valid_to")
        if start and end and end < start:
            self.add_error("valid_to", "This is before it starts.")
        return answers


def initial_of(record: Organisation | Facility | Commodity | RegionRule) -> dict[str, Any]:
    """Return what a form shows for a record."""
    shown = {field.name: getattr(record, field.name) for field in record._meta.concrete_fields}
    return {
        name: getattr(value, "code", value) if name in ("organisation", "region") else value
        for name, value in shown.items()
    }
