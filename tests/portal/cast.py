"""The people and accounts that the tests of the pages play with."""

import dataclasses
from datetime import date
from uuid import UUID, uuid4

from django.test import Client

from registry import services
from registry.models import Account, Commodity, Facility, Organisation, Request, User
from tests import make


@dataclasses.dataclass
class Cast:
    """Alder holds 1,000 SOL and sends to Cobalt; Dunmore looks on; the registry decides."""

    alder: Organisation
    cobalt: Organisation
    marsh: User
    cole: User
    outsider: User
    approver: User
    commodity: Commodity
    facility: Facility
    source: Account
    target: Account

    def draft(self, volume: int = 400, **asks: object) -> Request:
        """Draft a transfer from Alder to Cobalt."""
        return services.create_transfer_draft(
            submitter=self.marsh,
            source=self.source,
            target=self.target,
            commodity=self.commodity,
            volume=volume,
            **asks,
        )

    def submitted(self, volume: int = 400, **asks: object) -> Request:
        """Submit a transfer from Alder to Cobalt, as the pages do."""
        item = self.draft(volume, **asks)
        shown = services.preview_request(item.id)["fingerprint"]
        return services.submit_request(request_id=item.id, submitter=self.marsh, fingerprint=shown)

    def executed(self, volume: int = 400, **asks: object) -> Request:
        """Transfer from Alder to Cobalt."""
        item = self.submitted(volume, **asks)
        services.open_preview(request_id=item.id, person=self.approver)
        return services.approve_request(
            request_id=item.id, approver=self.approver, fingerprint=item.submitted_fingerprint
        )

    def holds_expired(self, held: int = 100, received: int = 50) -> Commodity:
        """Let Alder and Cobalt hold certificates past their last days, 28 July and August 2023."""
        commodity = make.commodity(code="OLD", name="Old wind", months_to_expiry=18)
        for account, volume, month in ((self.source, held, 1), (self.target, received, 2)):
            make.mint(
                account,
                volume,
                commodity=commodity,
                production_start=date(2022, month, 1),
                production_end=date(2022, month, 28),
            )
        return commodity

    def details(self, **answers: object) -> dict[str, object]:
        """Fill in the details of a transfer."""
        return {
            "source": f"{self.source.code}/{self.commodity.code}",
            "target": self.target.code,
            "volume": "400",
            "note": "",
            "numbers": "",
            "key": uuid4(),
            **answers,
        }


def assemble(**passwords: str) -> Cast:
    """Make everybody; ``password`` lets them sign in."""
    alder = make.organisation(code="ALD", name="Alder Wind")
    cobalt = make.organisation(code="COB", name="Cobalt Grid")
    dunmore = make.organisation(code="DUN", name="Dunmore Hydro")
    commodity = make.commodity(code="SOL", name="Solar")
    region = make.region(code="N", name="North region")
    facility = make.facility(alder, code="FG", name="Fieldgate Solar", region=region)
    marsh = make.person(alder, name="D. Marsh", email="marsh@alder.example", **passwords)
    source = make.account(organisation=alder, code="ALD-01", name="Trading")
    target = make.account(organisation=cobalt, code="COB-01", name="Trading")
    make.account(organisation=dunmore, code="DUN-01", name="Trading")
    approver = make.approver(name="M. Okafor", email="okafor@registry.example", **passwords)
    make.mint(source, 1000, facility=facility, commodity=commodity)
    return Cast(
        alder=alder,
        cobalt=cobalt,
        marsh=marsh,
        cole=make.person(cobalt, name="C. Cole"),
        outsider=make.person(dunmore, name="X. Outside"),
        approver=approver,
        commodity=commodity,
        facility=facility,
        source=source,
        target=target,
    )


def signed_in(person: User) -> Client:
    """Return a browser in which a person is signed in."""
    client = Client()
    client.force_login(person)
    return client


ROLES = {
    "viewer": "participant",
    "submitter": "participant",
    "team_admin": "participant",
    "operator": "registry",
    "approver": "registry",
    "auditor": "regulator",
}


def somebody(cast: Cast, role: str) -> User:
    """Return a person of each role: of Alder, of the registry, or of a regulator."""
    if ROLES[role] == "participant":
        return make.person(cast.alder, role)
    if ROLES[role] == "registry":
        return make.person(make.registry(), role)
    return make.person(make.organisation(ROLES[role]), role)


def send(asker: User, path: str, answers: dict[str, object]) -> Request:
    """Go through both screens of a request as a browser does, and submit it."""
    client = signed_in(asker)
    details = client.post(path, answers)
    assert details.status_code == 302, details.context["form"].errors
    check = client.get(details.headers["Location"])
    assert check.status_code == 200, check.context["refusal"]
    item = check.context["item"]
    shown = agreement(check)
    assert client.post(f"/requests/{item.number}/submit", shown).status_code == 302
    item.refresh_from_db()
    return item


def agreement(check: object) -> dict[str, str]:
    """Return what the check page sends: which blocks and which answers it showed."""
    context = check.context
    return {
        "fingerprint": context["preview"]["fingerprint"],
        "version": context["item"].version(),
    }


def decide(approver: User, item: Request) -> Request:
    """Approve a request on the blocks that its page shows."""
    client, path = signed_in(approver), f"/approvals/{item.number}"
    shown = client.get(path).context["preview"]["fingerprint"]
    client.post(f"{path}/decision", {"decision": "approve", "fingerprint": shown})
    item.refresh_from_db()
    return item


def last_request(submitter: User | None = None) -> Request:
    """Return the newest request."""
    found = Request.objects.filter(submitter=submitter) if submitter else Request.objects
    return found.latest("number")


def same_key() -> UUID:
    """Return a key to send twice."""
    return uuid4()
