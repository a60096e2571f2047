"""One rejected event: what the source says, what was asked, what the ledger said, what becomes."""

from collections.abc import Sequence
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from portal import refusals
from portal.forms.outcome import CHOICES, HINTS, SKIP, Outcome
from portal.views.numbers import number as read_number
from registry import access, services
from registry.access import Right, SignedIn
from registry.models import ReplayRejection, ReplayVariance
from registry.replay import written
from registry.selectors import rejections, together, variances

# So many consequences are named on the page of their cause.
NAMED = 50


@require_safe
def show(request: SignedIn, number: int, rejection: int) -> HttpResponse:
    """Show a rejection, and ask what is to become of it."""
    item = rejections.get(request.user, number, rejection)
    return _show(request, item, Outcome(rejection=item))


@require_POST
def decide(request: SignedIn, number: int, rejection: int) -> HttpResponse:
    """Save what is to become of a rejected event, and lead to the next one."""
    access.require(request.user, Right.MIGRATE)
    item = rejections.get(request.user, number, rejection)
    if not item.event_id:
        raise Http404("A line that cannot be read is no event.")
    form = Outcome(request.POST, rejection=item)
    if not form.is_valid():
        return _show(request, item, form, status=422)
    also = _also(item) if form.cleaned_data["also"] and form.outcome["action"] == SKIP else []
    try:
        saved = services.decide_events(
            rejections=[item], author=request.user, also=also, **form.outcome
        )
    except services.Refused as refused:
        return _show(request, item, form, refusal=refusals.explain(refused.code))
    following = rejections.next_open(item.run, after=item)
    if following is None:
        return said(reverse("portal:replay-run", args=[item.run_id]), saved)
    return said(reverse("portal:replay-event", args=[item.run_id, following.pk]), saved)


@require_POST
def take(request: SignedIn, number: int, rejection: int) -> HttpResponse:
    """Note who looks into a rejection and what follows from it, or that nobody does any more."""
    access.require(request.user, Right.MIGRATE)
    item = rejections.get(request.user, number, rejection)
    lets_go = request.POST.get("act") == "let-go"
    services.assign_rejection(rejection=item, assignee=None if lets_go else request.user)
    return redirect("portal:replay-event", number, rejection)


def said(address: str, saved: Sequence[ReplayVariance], **query: str) -> HttpResponse:
    """Lead to a page that says what was decided, signed or sent back: one, and how many others."""
    query["saved"] = str(saved[0].pk)
    if len(saved) > 1:
        query["others"] = str(len(saved) - 1)
    return redirect(f"{address}?{urlencode(query)}")


def saved_before(request: SignedIn, source: str = "") -> Any:
    """Return what was decided right before and how many others, as the address says."""
    number = read_number(request.GET.get("saved", ""))
    saved: Any = variances.find(source, number) if number else None
    if saved is not None:
        # No more than there are: anybody can write an address.
        others = read_number(request.GET.get("others", "")) or 0
        saved.others = min(others, together.like_it(saved)) if others else 0
    return saved


def _also(item: ReplayRejection) -> list[ReplayRejection]:
    return list(rejections.consequences(item)) if item.root_event == item.event_id else []


def _show(
    request: SignedIn,
    item: Any,
    form: Outcome,
    *,
    refusal: refusals.Refusal | None = None,
    status: int = 200,
) -> HttpResponse:
    run, may_work = item.run, access.may(request.user, Right.MIGRATE)
    readable = bool(item.event_id)
    live = variances.live(run.source, item.event_id) if readable else None
    followers = rejections.consequences(item)
    open_again = live is None or live.signed_at is not None
    context = {
        "item": item,
        "run": run,
        "form": form,
        "refusal": refusal,
        "choices": [(value, label, HINTS[value]) for value, label in CHOICES],
        "error": rejections.error(item.code),
        "standing": rejections.STANDINGS[item.standing],
        "source": written.facts(written.in_order(item.source)),
        "call": written.facts(item.call),
        "facts": written.facts(item.facts),
        "cause": rejections.cause(item),
        "followers": list(followers[:NAMED]),
        "more": max(followers.count() - NAMED, 0),
        "live": live,
        "history": variances.history(run.source, item.event_id),
        "place": rejections.place(item),
        "saved": saved_before(request, run.source),
        "may_work": may_work,
        "may_sign": access.may(request.user, Right.SIGN_VARIANCE),
        "readable": readable,
        "asks": may_work and open_again and readable,
        "own": live is not None and access.is_same_person(request.user, live.author),
    }
    if refusal:
        status = refusal.status
    return render(request, "portal/replay/rejection.html", context, status=status)
