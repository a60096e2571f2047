"""The runs of a replay: the list, one run, and starting another one."""

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from portal import refusals
from portal.views.numbers import number as read_number
from portal.views.replay.rejections import saved_before
from registry import access, services
from registry.access import Right, SignedIn
from registry.models import ReplayRun
from registry.replay.runner import sha256_of, size_of
from registry.selectors import checklist, rehearsals, rejections, variances

GOING = (ReplayRun.State.WAITING, ReplayRun.State.RUNNING)


@require_safe
@vary_on_headers("HX-Request")
def index(request: SignedIn) -> HttpResponse:
    """List the runs: how the last one went, whether they get better, and what is to do."""
    before = read_number(request.GET.get("before", ""))
    page, older = rehearsals.runs(request.user, before=before)
    moving = rehearsals.moving(request.user)
    last = rehearsals.latest(request.user, state=ReplayRun.State.FINISHED)
    source = last.source if last else page[0].source if page else ""
    may_sign = access.may(request.user, Right.SIGN_VARIANCE)
    worker = bool(moving) and rehearsals.has_worker()
    context = {
        "runs": page,
        "older": older,
        "first_page": before is None,
        "moving": [{"run": run, "pace": rehearsals.pace(run)} for run in moving],
        "polls": any(worker or run.state != ReplayRun.State.STOPPED for run in moving),
        "worker": worker,
        "last": last,
        "source": source,
        "trend": rehearsals.trend(request.user, source) if source else [],
        "counts": rejections.counts(last) if last else {},
        "next_open": rejections.next_open(last) if last else None,
        "to_sign": variances.to_sign(request.user).count() if may_sign else 0,
        "next_to_sign": variances.next_to_sign(request.user) if may_sign else None,
        "cutover": checklist.of(request.user, source) if source else None,
        "may_work": access.may(request.user, Right.MIGRATE),
        "again": rehearsals.repeatable(request.user),
        "fresh": uuid4(),
    }
    return render(request, "portal/replay/list.html", context)


@require_POST
def start(request: SignedIn) -> HttpResponse:
    """Ask for another run over a history that was replayed before; sent twice, it is one run."""
    access.require(request.user, Right.MIGRATE)
    number = read_number(request.POST.get("run", ""))
    try:
        key = UUID(request.POST.get("key", ""))
    except ValueError:
        key = uuid4()
    if number is None:
        raise Http404("No such run.")
    like = rehearsals.run(request.user, number)
    try:
        run = services.repeat_run(like=like, asked_by=request.user, key=key, **_as_it_is(like))
    except services.Refused as refused:
        return refusals.page(request, refused.code)
    return redirect("portal:replay-run", run.pk)


@require_safe
@vary_on_headers("HX-Request")
def show(request: SignedIn, number: int) -> HttpResponse:
    """Show one run: how far it is, what it was given, and what it rejected, by name and cause."""
    run = rehearsals.run(request.user, number)
    code = request.GET.get("code", "").replace("\x00", "")[:64]
    standing = request.GET.get("standing", "")
    standing = standing if standing in rejections.STANDINGS else ""
    after = read_number(request.GET.get("after", "")) or 0
    causes, following = rejections.by_cause(run, code=code, standing=standing, after=after)
    counts = rejections.counts(run)
    worker = run.state in rehearsals.MOVING and rehearsals.has_worker()
    context = {
        "run": run,
        "pace": rehearsals.pace(run),
        "codes": rejections.by_code(run),
        "causes": causes,
        "next": following,
        "first_page": not after,
        "code": code,
        "standing": standing,
        "standings": [(name, word) for name, word in rejections.STANDINGS.items() if counts[name]],
        "counts": counts,
        "open": sum(counts[name] for name in rejections.OPEN),
        "next_open": rejections.next_open(run),
        "polls": run.state in GOING or worker,
        "worker": worker,
        "may_work": access.may(request.user, Right.MIGRATE),
        "is_last": _is_last(request, run),
        "saved": saved_before(request, run.source),
    }
    return render(request, "portal/replay/show.html", context)


def _is_last(request: SignedIn, run: ReplayRun) -> bool:
    newest = rehearsals.latest(request.user, source=run.source)
    return newest is not None and newest.pk == run.pk


def _as_it_is(run: ReplayRun) -> dict[str, Any]:
    """Return hashes and size of a source as it is now; nothing if it is not on this machine."""
    path, balances = Path(run.path), Path(run.balances_path)
    try:
        found = {"sha256": sha256_of(path), "size": size_of(path)}
        return {**found, "balances_sha256": sha256_of(balances)} if run.balances_path else found
    except OSError:
        return {}
