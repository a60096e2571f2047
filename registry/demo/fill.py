"""Lets the story happen: every record and every request through the services."""

import contextlib
import time as time_of_day
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Any

from django.contrib.auth.hashers import make_password

from registry import services
from registry.demo import cast, clock, desk, handed_in, inbox
from registry.demo.holdings import month_after
from registry.demo.plot import Event, Size
from registry.demo.story import tell
from registry.identity import id_of
from registry.models import Account, Commodity, Facility, Organisation, Region, Request, User
from registry.selectors import queue
from registry.services import notices
from registry.services.decisions import record_approval

# When, in which order at that moment, and what is done.
Step = tuple[datetime, int, int, Callable[[], object]]


def is_filled() -> bool:
    """Say whether anybody is registered here yet."""
    return Organisation.objects.exists()


def fill(
    now: datetime, size: Size, *, progress: Callable[[int, int], None] = lambda done, of: None
) -> int:
    """
    Fill an empty registry with the cast and two years of their requests.

    Does nothing where anybody is registered. Needs the logins ``portal_web`` and ``ledger_replay``
    and an open replay window.

    :param progress: called with the number of steps done and of all steps, after each
    :returns: the number of requests
    """
    if is_filled():
        return 0
    events = tell(now, size)
    _found(now, size)
    stage = Stage(told_since=now - inbox.RECENT)
    steps = _steps(stage, events, now)
    for done, (moment, *_, act) in enumerate(steps, start=1):
        with clock.at(moment):
            act()
        progress(done, len(steps))
    desk.work(now.date())
    handed_in.uploads(now)
    _people(now)
    inbox.settle(now)
    _look(stage.people[cast.REGISTRY.people[0].email])
    return len(events)


class Stage:
    """Where the requests are made and decided; remembers the records by their codes."""

    def __init__(self, told_since: datetime) -> None:
        """Fetch the records once; people are told of what happened since a moment."""
        self.told_since = told_since
        accounts: Any = {account.code: account for account in Account.objects.all()}
        facilities: Any = {facility.code: facility for facility in Facility.objects.all()}
        regions: Any = {region.code: region for region in Region.objects.all()}
        self.records: dict[str, dict[str, Any]] = {
            **dict.fromkeys(("source", "target"), accounts),
            **dict.fromkeys(("facility", "filter_facility"), facilities),
            **dict.fromkeys(("region", "filter_region"), regions),
        }
        self.people = {person.email: person for person in User.objects.all()}
        self.commodities = {commodity.code: commodity for commodity in Commodity.objects.all()}
        self.requests: dict[int, Request] = {}

    def ask(self, number: int, event: Event) -> None:
        """Draft the request of an event, and submit it."""
        submitter = self.people[event.submitter.email]
        # What reaches the ledger does so at its own time, with the replay's login.
        reaches = event.outcome in ("executed", "failed")
        draft = services.draft_request(
            id=id_of("request", f"demo-{number}"),
            kind=event.kind,
            submitter=submitter,
            commodity=self.commodities[event.commodity],
            **{name: self._record(name, value) for name, value in event.asks.items()},
            **handed_in.evidence(event, submitter),
            occurred_at=event.at if reaches else None,
        )
        self.requests[number] = draft
        if event.outcome != "draft":
            shown = _fingerprint(draft) if event.outcome == "submitted" else ""
            services.submit_request(request_id=draft.id, submitter=submitter, fingerprint=shown)

    def decide(self, number: int, event: Event) -> None:
        """Let the request of an event end as the story says."""
        request = self.requests.pop(number)
        if event.outcome == "withdrawn":
            services.withdraw_request(
                request_id=request.id, submitter=self.people[event.submitter.email]
            )
            return
        if event.approver is None:
            raise ValueError(f"nobody decides {event}")
        approver = self.people[event.approver.email]
        if event.outcome == "rejected":
            services.reject_request(request_id=request.id, approver=approver, reason=event.said)
            return
        record_approval(request_id=request.id, approver=approver)
        ended = services.execute_request(request_id=request.id, using="replay")
        if (ended.status, ended.failure_code) != (
            event.outcome,
            event.said if event.outcome == "failed" else "",
        ):
            raise RuntimeError(f"{event} ended as {ended.status} {ended.failure_code}")
        if event.at > self.told_since:
            notices.ended([ended], even_past=True)

    def _record(self, name: str, value: Any) -> Any:
        return self.records[name][value] if name in self.records else value


def _steps(stage: Stage, events: list[Event], now: datetime) -> list[Step]:
    """Return who does what when, in order: ask, decide, and tell what is not about requests."""
    steps: list[Step] = [
        *(
            (event.asked_at, 0, number, partial(stage.ask, number, event))
            for number, event in enumerate(events)
        ),
        *(
            (event.at, 1, number, partial(stage.decide, number, event))
            for number, event in enumerate(events)
            if event.outcome not in ("submitted", "draft")
        ),
        *((moment, 2, number, tell) for number, (moment, tell) in enumerate(inbox.moments(now))),
    ]
    return sorted(steps, key=lambda step: step[:3])


def _look(approver: User) -> None:
    """Let an approver have opened some of what waits, but not all, and decided none of it yet."""
    for request in list(queue.waiting())[1::2]:
        if request.submitter_id != approver.id:
            with contextlib.suppress(services.Refused):
                services.open_preview(request_id=request.id, person=approver)


def _fingerprint(draft: Request) -> str:
    """Return what the submitter was shown; nothing if the ledger would refuse."""
    try:
        return str(services.preview_request(draft.id)["fingerprint"])
    except services.Refused:
        return ""


def _found(now: datetime, size: Size) -> None:
    """Register the cast, some months before anything is issued."""
    founded = datetime.combine(month_after(now.date(), -size.months - 2), time(9), UTC)
    with clock.at(founded):
        _regions_and_commodities(founded)
        for organisation in cast.ORGANISATIONS:
            _organisation(organisation)
        for facility in cast.FACILITIES:
            _facility(facility)
        inbox.welcome()


def _regions_and_commodities(founded: datetime) -> None:
    regions = {
        code: services.add_region(code=code, name=name) for code, name in cast.REGIONS.items()
    }
    for commodity in cast.COMMODITIES:
        services.define_commodity(
            code=commodity.code,
            name=commodity.name,
            reassignable=True,
            months_transferable=commodity.months_transferable,
            months_to_expiry=commodity.months_to_expiry,
        )
    for code, here, there, ended in cast.REGION_RULES:
        services.allow_region_change(
            commodity=Commodity.objects.get(code=code),
            from_region=regions[here],
            to_region=regions[there],
            valid_from=founded.date(),
            valid_to=datetime.now(UTC).date() - timedelta(days=ended) if ended else None,
        )


def _organisation(organisation: cast.Organisation) -> None:
    kinds = {"registry": "registry", "regulator": "regulator"}
    added = services.add_organisation(
        id=id_of("organisation", organisation.code),
        code=organisation.code,
        name=organisation.name,
        kind=kinds.get(organisation.part, "participant"),
        country=organisation.country,
        registration_no=organisation.registration_no,
    )
    for person in organisation.people:
        services.add_person(
            id=id_of("person", person.email),
            organisation=added,
            role=person.role,
            name=person.name,
            email=person.email,
        )
    if added.kind != "participant":
        return
    for number, code in enumerate(organisation.trading, start=1):
        name = f"Trading {number}" if organisation.accounts > 1 else "Trading"
        services.open_account(id=id_of("account", code), organisation=added, code=code, name=name)
    services.open_account(
        id=id_of("account", organisation.retirement),
        organisation=added,
        code=organisation.retirement,
        type="retirement",
        name="Retirement",
    )


def _people(now: datetime) -> None:
    """Give people passwords; let them have signed in lately, set up an app, and invite others."""
    # Hashed once: it is the same for all, and hashing takes its time on purpose.
    User.objects.update(password=make_password(cast.PASSWORD))
    for number, person in enumerate(User.objects.order_by("email")):
        seen = now - timedelta(hours=5 + number * 17 % 190, minutes=number * 7 % 60)
        User.objects.filter(id=person.id).update(last_login=seen)
    for email, secret in cast.APPS.items():
        services.set_up_app(
            user=User.objects.get(email=email),
            secret=secret,
            code=services.code_at(secret, time_of_day.time()),
        )
    for inviter, code, email, role in cast.INVITED:
        services.invite(
            by=User.objects.get(email=inviter),
            organisation=Organisation.objects.get(code=code),
            email=email,
            role=role,
        )


def _facility(facility: cast.Facility) -> None:
    services.add_facility(
        id=id_of("facility", facility.code),
        organisation=Organisation.objects.get(code=facility.owner),
        region=Region.objects.get(code=facility.region),
        code=facility.code,
        name=facility.name,
        technology=facility.technology,
        capacity_kw=facility.capacity_kw,
        commissioned_on=facility.commissioned_on,
    )
