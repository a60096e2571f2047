"""The kinds of request that a form asks for: address, form, who may ask, and the words."""

from dataclasses import dataclass

from portal.forms.details import Details
from portal.forms.expiry import Expiry
from portal.forms.issue import Issue
from portal.forms.region import RegionChange
from portal.forms.retire import Retire
from portal.forms.transfer import Transfer
from registry import access
from registry.models import Request, User

CHOSEN_AGAIN = (
    "If holdings change before the approval, the ledger chooses again and the approver sees the"
    " difference."
)


@dataclass(frozen=True)
class Kind:
    """One kind of request."""

    of: Request.Kind
    slug: str
    form: type[Details]
    title: str
    noun: str
    # What cannot be undone, said where it is sent.
    final: str
    # What is said above the details, and where there is nothing to ask for.
    notice: str = ""
    impossible: str = ""
    # What may still be different when it is executed.
    forecast: str = CHOSEN_AGAIN
    on_submit: str = "The quantity is then reserved"
    right: access.Right = access.Right.SUBMIT

    @property
    def route(self) -> str:
        """Name the page that asks for the details."""
        return f"portal:{self.slug}"


KINDS = (
    Kind(
        of=Request.Kind.TRANSFER,
        slug="transfer",
        form=Transfer,
        title="Transfer certificates",
        noun="transfer",
        final="Once executed, a transfer cannot be undone: the receiver would have to send the"
        " certificates back.",
        impossible="None of your accounts holds certificates that can be transferred.",
    ),
    Kind(
        of=Request.Kind.RETIRE,
        slug="retire",
        form=Retire,
        title="Retire certificates",
        noun="retirement",
        final="Once executed, a retirement cannot be undone.",
        notice="A retirement is for good: the certificates can never be transferred or used again.",
        impossible="None of your accounts holds certificates that can be retired.",
    ),
    Kind(
        of=Request.Kind.MINT,
        slug="issue",
        form=Issue,
        title="Issue certificates",
        noun="issue",
        final="Once executed, an issue cannot be undone: the registry would retire what is wrong.",
        impossible="You have no active facility to issue for, or no account to issue into. The"
        " registry registers both.",
        forecast="These numbers are the next ones now. If another batch is issued first, they move"
        " up.",
        on_submit="Nothing is issued before the approval",
    ),
    Kind(
        of=Request.Kind.REASSIGN_REGION,
        slug="region",
        form=RegionChange,
        title="Change region",
        noun="change of region",
        final="Once executed, it can only be changed back where a rule allows the way back.",
        impossible="None of your accounts holds certificates that may move to another region"
        " today.",
    ),
    Kind(
        of=Request.Kind.EXPIRE,
        slug="expiry",
        form=Expiry,
        title="Prepare an expiry run",
        noun="expiry run",
        final="Once executed, an expiry cannot be undone.",
        notice="What has expired is for good: its holders can never use it again.",
        impossible="No commodity has certificates that expire.",
        forecast="If holdings change before the approval, the list changes and the approver sees"
        " the difference.",
        on_submit="Nothing is reserved: holders may still act",
        right=access.Right.PREPARE_EXPIRY,
    ),
)
BY_KIND = {kind.of: kind for kind in KINDS}


def of(item: Request) -> Kind:
    """Return the kind of a request."""
    return BY_KIND[Request.Kind(item.kind)]


def offered(user: User) -> list[Kind]:
    """Return what a person may ask for."""
    if access.is_suspended(user):
        return []
    return [kind for kind in KINDS if access.may(user, kind.right)]
