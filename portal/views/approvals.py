"""The approvers' queue and the decision."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from portal import checks, kinds, refusals
from portal.forms.decision import APPROVE, Decision
from portal.views.numbers import number as read_number
from registry import access, services
from registry.access import SignedIn
from registry.models import PreviewOpening, Request
from registry.selectors import accounts, evidence, openings, previews, queue, requests
from registry.services.previews import HEAVY_BLOCKS, Standing

STALE = ("PREVIEW_CHANGED", "PREVIEW_NOT_OPENED")


@require_safe
@vary_on_headers("HX-Request")
def index(request: SignedIn) -> HttpResponse:
    """List what waits for a decision, oldest first; own requests are shown and locked."""
    access.require(request.user, access.Right.SEE_QUEUE)
    kind = request.GET.get("kind", "")
    kind = kind if kind in Request.Kind.values else ""
    since = read_number(request.GET.get("since", ""))
    if since is not None and request.headers.get("HX-Request") == "true":
        return _news(request, kind, since)
    after = read_number(request.GET.get("after", ""))
    waiting, following = queue.page(kind, after)
    may_decide = access.may(request.user, access.Right.DECIDE)
    rows = _rows(request, waiting) if may_decide else [{"item": item} for item in waiting]
    context = {
        "rows": rows,
        "any_box": any(row.get("current") and not row["own"] for row in rows),
        "waiting": waiting,
        "total": queue.count(kind),
        "first_page": after is None,
        "next": following,
        "kind": kind,
        "kinds": kinds.KINDS,
        "newest": queue.newest(kind),
        "last_decision": None if waiting else requests.last_decision(),
        "may_decide": may_decide,
    }
    return render(request, "portal/approvals/list.html", context)


def _news(request: SignedIn, kind: str, since: int) -> HttpResponse:
    """Tell a queue that is open how many came since; silence when it has been told already."""
    count = queue.count_after(kind, since)
    if count == (read_number(request.GET.get("told", "")) or 0):
        return HttpResponse(status=204)
    context = {"count": count, "newest": since, "kind": kind, "most": queue.PAGE}
    return render(request, "portal/approvals/_news.html", context)


def _rows(request: SignedIn, waiting: list[Request]) -> list[dict[str, Any]]:
    """Say of each row whether it may be ticked, and whether its blocks have changed."""
    seen = openings.last_of(request.user, waiting)
    looked_at = [item for item in waiting if item.submitted_fingerprint or item.id in seen]
    standings = services.standings(looked_at, openings.heavy(looked_at, HEAVY_BLOCKS))
    return [
        {
            "item": item,
            "own": access.is_same_person(request.user, item.submitter),
            "seen": seen.get(item.id),
            "flag": _flag(item, standings.get(item.id)),
            "current": _is_current(seen.get(item.id), standings.get(item.id)),
        }
        for item in waiting
    ]


def _flag(item: Request, standing: Standing | None) -> str:
    if standing is None:
        return "none"
    if standing == Standing():
        return "heavy"
    if standing.refusal:
        return "refused"
    if not item.submitted_fingerprint:
        return "none"
    return "same" if standing.fingerprint == item.submitted_fingerprint else "changed"


def _is_current(seen: PreviewOpening | None, standing: Standing | None) -> bool:
    """Say whether what was opened is what would happen now; the decision looks once more."""
    if seen is None or standing is None:
        return False
    if standing == Standing():
        return True
    return (seen.fingerprint, seen.refusal) == (standing.fingerprint, standing.refusal)


@require_safe
def show(request: SignedIn, number: int) -> HttpResponse:
    """Show what would change, and ask for the decision; that it was opened is recorded."""
    access.require(request.user, access.Right.DECIDE)
    item = requests.get(request.user, number)
    if item.status != Request.Status.SUBMITTED:
        return redirect("portal:request", number)
    return _show(request, item, Decision(user=request.user))


@require_POST
def decide(request: SignedIn, number: int) -> HttpResponse:
    """Take the decision on the blocks that were shown, and show what came of it."""
    access.require(request.user, access.Right.DECIDE)
    item = requests.get(request.user, number)
    if access.is_same_person(request.user, item.submitter):
        return refusals.page(request, "SELF_APPROVAL")
    waits = item.status == Request.Status.SUBMITTED
    if waits and access.must_set_up_factor(request.user):
        return redirect("portal:app")
    form = Decision(request.POST, user=request.user)
    if not form.is_valid():
        return _show(request, item, form) if waits else moved_on(request, item)
    try:
        if not _decide(request, item, form):
            return _show(request, item, form)
    except services.Refused as refused:
        return _refused(request, number, form, refused)
    return redirect("portal:request", number)


def moved_on(request: SignedIn, item: Request) -> HttpResponse:
    """Say who did what meanwhile, and that this came too late."""
    return render(request, "portal/approvals/decided.html", {"item": item}, status=409)


def _decide(request: SignedIn, item: Request, form: Decision) -> bool:
    """Record the decision, unless the second factor is not right."""
    answers = form.cleaned_data
    approves = answers["decision"] == APPROVE
    if not _is_backed(request, item, form, approves=approves):
        return False
    if approves:
        services.approve_seen(
            request_id=item.id, approver=request.user, fingerprint=answers["fingerprint"]
        )
    else:
        services.reject_once(request_id=item.id, approver=request.user, reason=answers["reason"])
    return True


def _is_backed(request: SignedIn, item: Request, form: Decision, *, approves: bool) -> bool:
    """Use up the code that goes with a decision; where none is left to take, no code is needed."""
    if item.status != Request.Status.SUBMITTED or not form.asks_factor:
        return True
    shown = form.cleaned_data["fingerprint"]
    if approves and services.preview_request(item.id)["fingerprint"] != shown:
        # Before the code is used up: the decision will be asked for again.
        raise services.Refused("PREVIEW_CHANGED")
    if form.take_factor("decision"):
        return True
    # The same form, sent twice at once: the first has used the code, and decided.
    return requests.get(request.user, item.number).status != Request.Status.SUBMITTED


def _refused(
    request: SignedIn, number: int, form: Decision, refused: services.Refused
) -> HttpResponse:
    """Show what is true now; a decision by somebody else is shown as that."""
    item = requests.get(request.user, number)
    if item.status != Request.Status.SUBMITTED:
        return moved_on(request, item)
    if refused.code in ("SELF_APPROVAL", "ACTOR_NOT_AUTHORISED"):
        return refusals.page(request, refused.code)
    return _show(request, item, form, refused)


def _show(
    request: SignedIn,
    item: Request,
    form: Decision,
    refused: services.Refused | None = None,
) -> HttpResponse:
    seen = _seen(request, item, form)
    # What has changed is shown, not offered: it counts as opened when the page is opened again.
    stale = refused is not None and refused.code in STALE
    now, stopped = _look(request, item, record=not stale)
    refusal = refusals.explain(refused.code) if refused else None
    preview = previews.describe(request.user, item, now) if now else None
    done = checks.of(request.user, item, preview, stopped, _available(item))
    context = {
        "item": item,
        "form": form,
        "preview": preview,
        "refusal": refusal,
        "stale": stale,
        "differences": _differences(request, item, now, seen),
        "checks": done,
        "all_passed": checks.passed(done),
        "is_own": access.is_same_person(request.user, item.submitter),
        "needs_factor": access.must_set_up_factor(request.user),
        "queue": queue.place(item),
        "evidence": evidence.of_issue(item),
    }
    status = refusal.status if refusal else 422 if form.is_bound else 200
    return render(request, "portal/approvals/show.html", context, status=status)


def _available(item: Request) -> int:
    return accounts.available(item.source_id, item.commodity_id) if item.source_id else 0


def _look(
    request: SignedIn, item: Request, *, record: bool
) -> tuple[dict[str, Any] | None, refusals.Refusal | None]:
    """Preview a request, on record when its page is opened; or say why there is no preview."""
    try:
        if record:
            return services.open_preview(request_id=item.id, person=request.user), None
        return services.preview_request(item.id), None
    except services.Refused as error:
        return None, refusals.explain(error.code)


def _seen(request: SignedIn, item: Request, form: Decision) -> PreviewOpening | None:
    """Return what this approver saw: with this form, or when the page was opened before."""
    if form.is_bound:
        fingerprint = form.cleaned_data.get("fingerprint", "")
        return openings.shown(item, fingerprint, request.user)
    return openings.last(request.user, item)


def _differences(
    request: SignedIn, item: Request, now: dict[str, Any] | None, seen: PreviewOpening | None
) -> list[dict[str, Any]]:
    """Put now beside what the submitter agreed to, and beside what this approver saw."""
    found = []
    who = item.submitter.name
    for heading, title, then in (
        (f"What is different since {who} agreed", f"{who} agreed to", openings.agreed(item)),
        ("What is different since you looked", "You saw", seen),
    ):
        if then is None or now is None or then.fingerprint == now["fingerprint"]:
            continue
        sides = openings.difference(request.user, item, then.preview, now)
        if sides:
            found.append({"heading": heading, "title": title, "at": then.opened_at, "sides": sides})
    return found
