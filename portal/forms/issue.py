"""The details of an issue."""

from datetime import date, timedelta
from typing import Any

from django import forms

from portal.forms.details import Details, Row
from portal.forms.fields import Choice, Days, Quantity, check_period
from portal.forms.files import EvidenceField
from registry import dates
from registry.models import Evidence, Request
from registry.selectors import evidence, offers


class Issue(Details):
    """For which facility, into which account, what it produced, and when."""

    field_order = (
        "facility",
        "target",
        "commodity",
        "volume",
        "production_start",
        "production_end",
        "source_serial",
        "evidence",
        "without",
    )

    facility = Choice(label="Facility")
    target = Choice(label="Into account")
    commodity = Choice(label="Commodity")
    volume = Quantity(label="Certificates", help_text="What was metered, in whole certificates.")
    production_start = Days(label="Produced from", help_text="A date, a month, or a year.")
    production_end = Days(
        label="Produced to", required=False, help_text="Not needed after a month or a year."
    )
    source_serial = forms.CharField(
        label="Number elsewhere",
        required=False,
        max_length=200,
        help_text="Optional. The number of the batch in the system that it comes from.",
        widget=forms.TextInput(attrs={"class": "wide", "autocomplete": "off"}),
    )

    evidence = EvidenceField(
        label="Evidence",
        required=False,
        help_text="Optional: meter readings, such as a PDF, CSV, XLSX, PNG or JPEG file of"
        " 10 MB at most. The approver opens it.",
    )
    without = forms.BooleanField(label="Leave this file out", required=False)
    kept = forms.UUIDField(required=False, widget=forms.HiddenInput)
    # The file that the request will have: handed in now, or before.
    file: Evidence | None = None

    def __init__(self, *args: Any, **kwargs: Any):
        """Offer the facilities and accounts that the person may issue for."""
        super().__init__(*args, **kwargs)
        self.file = self._kept()
        if self.file is None:
            del self.fields["without"]
        self.facilities = {each.code: each for each in offers.facilities(self.user)}
        self.targets = {each.code: each for each in offers.trading_accounts(self.user)}
        self.commodities = {each.code: each for each in offers.commodities()}
        account = self.initial.get("account", "")
        plants = {code: f"{each.name} ({code})" for code, each in self.facilities.items()}
        self.offer("facility", plants, prompt=True)
        targets = {code: str(each) for code, each in self.targets.items()}
        self.offer("target", targets, prompt=True, account=account)
        markets = {
            code: f"{each.name} ({code}), {each.unit_per_certificate:,} {each.unit} each"
            for code, each in self.commodities.items()
        }
        self.offer("commodity", markets, prompt=True)

    @property
    def possible(self) -> bool:
        """Say whether there is a facility to issue for, and an account to issue into."""
        return bool(self.facilities and self.targets)

    def _kept(self) -> Evidence | None:
        """Return the file that was handed in before, if it is one of the person's organisation."""
        try:
            found = self.fields["kept"].clean(self["kept"].value())
        except forms.ValidationError:
            return None
        return evidence.kept(self.user, found) if found else None

    def keep(self, file: Evidence) -> None:
        """Remember a file, so that it need not be chosen again."""
        self.file = file
        self.data = {**self.data.dict(), "kept": str(file.id)}  # type: ignore[attr-defined]
        self.data.pop("without", None)

    def clean(self) -> Row:
        """Put the period together; the ledger compares it with what was issued before."""
        answers: Row = super().clean() or {}
        self.handed = answers.get("evidence")
        if answers.get("kept") and self.file is None:
            self.add_error("evidence", "The file is no longer there. Choose it again.")
        check_period(self, "production_start", "production_end")
        self._check_ended(answers)
        return answers

    def _check_ended(self, answers: Row) -> None:
        """Name what is to come by its field; the ledger knows the commodity's own day."""
        end = answers.get("production_end")
        if isinstance(end, date) and end > dates.today() + timedelta(days=1):
            typed = "production_end" if self["production_end"].value() else "production_start"
            self.add_error(
                typed, "This period has not ended yet. Issue for days that were metered."
            )

    def asks(self) -> Row:
        """Return what the request asks for."""
        answers = self.cleaned_data
        return super().asks() | {
            "facility": self.facilities[answers["facility"]],
            "target": self.targets[answers["target"]],
            "commodity": self.commodities[answers["commodity"]],
            "volume": answers["volume"],
            "production_start": answers["production_start"],
            "production_end": answers["production_end"],
            "source_serial": answers["source_serial"],
            "evidence": None if answers.get("without") and not self.handed else self.file,
        }

    @classmethod
    def from_request(cls, item: Request) -> Row:
        """Return what the form shows for a request."""
        file = evidence.of(item)
        return super().from_request(item) | {
            "facility": item.facility.code if item.facility else "",
            "target": item.target.code if item.target else "",
            "commodity": item.commodity.code,
            "volume": item.volume,
            "production_start": dates.write_day(item.production_start),
            "production_end": dates.write_day(item.production_end),
            "source_serial": item.source_serial,
            "kept": file.id if file else None,
        }
