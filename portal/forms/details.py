"""What the first screens of the requests have in common."""

from typing import Any, cast

from django import forms

from portal.forms import search
from portal.forms.fields import Choice, NumberRanges, Share, count, take, write_ranges
from portal.forms.files import Handed
from registry.models import Evidence, Request, User
from registry.selectors import accounts, parties

Row = dict[str, Any]
SEARCHED = (
    "source",
    "From",
    "The code of the account, or a part of its or its owner's name; then choose the commodity.",
)


class Details(forms.Form):
    """The details of one kind of request; the key travels along unseen."""

    note = forms.CharField(
        label="Note",
        required=False,
        max_length=2000,
        help_text="Optional. The registry can read it.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    key = forms.UUIDField(widget=forms.HiddenInput)
    # The largest quantity that would have done, when too many were asked for.
    usable = 0
    # A file that came with the answers, if it is one that is taken.
    handed: Handed | None = None
    # Whether the form was opened with something that cannot be asked for here.
    misfit = False

    def __init__(self, *args: Any, user: User, **kwargs: Any):
        """Remember who asks: it decides what is offered."""
        super().__init__(*args, **kwargs)
        self.user = user
        # What was found for the fields that search.
        self.searches: dict[str, search.Search] = {}

    def keep(self, file: Evidence) -> None:
        """Remember a file, so that it need not be chosen again."""

    @property
    def possible(self) -> bool:
        """Say whether there is anything to ask for."""
        return True

    def asks(self) -> Row:
        """Return what the request asks for, in the fields of ``Request``."""
        return {"note": self.cleaned_data["note"]}

    @classmethod
    def from_request(cls, item: Request) -> Row:
        """Return what the form shows for a request."""
        return {"note": item.note, "key": item.idempotency_key}

    @classmethod
    def from_blocks(cls, blocks: list[Row]) -> Row:
        """Return what the form shows for blocks that were ticked."""
        return {}

    def offer(
        self, name: str, choices: dict[str, str], *, prompt: bool = False, account: str = ""
    ) -> None:
        """Offer choices, with a prompt if one must be made; of an account, its first is chosen."""
        chosen = [value for value in choices if account and value.split("/")[0] == account]
        if chosen:
            self.initial.setdefault(name, chosen[0])
        blank = [("", "Choose")] if prompt and len(choices) > 1 else []
        cast(forms.ChoiceField, self.fields[name]).choices = [*blank, *choices.items()]


class FromAccount(Details):
    """The details of a request that takes certificates from an account, by quantity or number."""

    source = Choice(label="From")
    volume = Share(
        label="Certificates",
        required=False,
        help_text="How many, such as 5,000; or the word all.",
    )
    numbers = NumberRanges(
        label="Certificate numbers",
        required=False,
        help_text="Such as 101-150, 200. Leave the quantity empty to use all of them;"
        " with a smaller quantity the lowest are used.",
    )
    # The rule of the commodity that allows it.
    rule = ""

    def __init__(self, *args: Any, **kwargs: Any):
        """Offer each account with each commodity that the person may take from it."""
        super().__init__(*args, **kwargs)
        self.many = parties.are_many(self.user)
        if self.many:
            self.initial.setdefault("source", self.initial.get("account", ""))
            self.fields["source"] = search.field(*SEARCHED, "portal:senders", rule=self.rule)
        found = (
            parties.senders(self.user, search.named(self, "source"))
            if self.many
            else accounts.sources(self.user)
        )
        self.sources = {
            source_value(row): row for row in found if getattr(row["market"], self.rule)
        }
        self._offer_sources()
        chosen = self.initial.get("source") or ""
        self.misfit = "/" in chosen and chosen not in self.sources
        if self.misfit and self.initial.get("numbers"):
            # The numbers of one commodity mean nothing in another.
            self.initial.update(volume=None, numbers="")

    def _offer_sources(self) -> None:
        if not self.many:
            offered = {value: choice(row) for value, row in self.sources.items()}
            self.offer("source", offered, account=self.initial.get("account", ""))
            return
        self.searches["source"] = search.Search(
            name="source",
            text=search.typed(self, "source"),
            options=[of_sender(row) for row in self.sources.values()],
            picked=search.picked(self, "source"),
        )

    @property
    def possible(self) -> bool:
        """Say whether any account holds something to take."""
        return self.many or bool(self.sources)

    def clean_source(self) -> str:
        """
        Return which account and commodity are meant, where one was searched for.

        :raises ValidationError: several are, or none
        """
        text: str = search.named(self, "source") if self.many else self.cleaned_data["source"]
        of_account = [value for value in self.sources if value.split("/")[0] == text]
        if self.many and len(of_account) == 1:
            return of_account[0]
        if self.many and text not in self.sources:
            nothing = "No account that holds something to take has this code or name."
            raise search.refuse(self.searches["source"].options, nothing)
        return text

    def clean(self) -> Row:
        """Compare the answers with each other; the ledger compares them with its books."""
        answers: Row = super().clean() or {}
        if not {"volume", "numbers"} & set(self.errors):
            self._compare_quantity(answers)
        return answers

    def _compare_quantity(self, answers: Row) -> None:
        volume, picked = answers.get("volume"), answers.get("numbers") or ()
        row = self.sources.get(answers.get("source", ""))
        if volume == Share.ALL:
            if row is None:
                return
            volume = answers["volume"] = count(picked) or max(row["sum"].available, 0)
        wanted = volume or count(picked)
        if volume == 0:
            self.add_error("volume", "None is available: open requests reserve what is held.")
        elif not wanted:
            self.add_error("volume", "Say how many certificates, or choose their numbers.")
        elif picked and wanted > count(picked):
            self.add_error("volume", f"The chosen numbers are {count(picked):,}.")
        elif row and wanted > row["sum"].available:
            self.usable = max(row["sum"].available, 0)
            self.add_error("volume", f"You asked for {wanted:,}; {self.usable:,} are available.")

    def asks(self) -> Row:
        """Return the account, the commodity, and how many or which certificates."""
        answers, row = self.cleaned_data, self.sources[self.cleaned_data["source"]]
        volume = answers["volume"] or count(answers["numbers"])
        return super().asks() | {
            "source": row["account"],
            "commodity": row["market"],
            "volume": volume,
            "ranges": take(answers["numbers"], volume) or None,
        }

    @classmethod
    def from_request(cls, item: Request) -> Row:
        """Return what the form shows for a request."""
        source = f"{item.source.code}/{item.commodity.code}" if item.source else ""
        return super().from_request(item) | {
            "source": source,
            "volume": item.volume,
            "numbers": write_ranges(item.ranges or ()),
        }

    @classmethod
    def from_blocks(cls, blocks: list[Row]) -> Row:
        """Return the numbers of the ticked blocks, and their sum."""
        if not blocks:
            return {}
        pairs = tuple((block["first"], block["last"]) for block in blocks)
        return {
            "source": f"{blocks[0]['account']}/{blocks[0]['commodity']}",
            "volume": count(pairs),
            "numbers": write_ranges(pairs),
        }


def choice(row: Row) -> str:
    """Describe an account and a commodity in one line."""
    return f"{row['account'].code}: {row['commodity']}, {row['sum'].available:,} available"


def of_sender(row: Row) -> search.Option:
    """Offer an account and a commodity to take from."""
    owner = row["account"].organisation
    return search.Option(source_value(row), choice(row), owner.name if owner else "")


def source_value(row: Row) -> str:
    """Name an account and a commodity in one choice."""
    return f"{row['account'].code}/{row['commodity']}"
