"""Several rejections decided with one form, and what says the same signed with one."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from portal import refusals
from portal.forms.outcome import HINTS, SKIP
from portal.forms.together import TOGETHER, SignTogether, Together
from portal.views.numbers import numbers as read_numbers
from portal.views.replay.rejections import said, saved_before
from registry import access, services
from registry.access import Right, SignedIn
from registry.models import ReplayRun, ReplayVariance
from registry.selectors import rehearsals, rejections, together, variances


@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: SignedIn, number: int) -> HttpResponse:
    """Ask once what is to become of several rejections of one refusal, and write it of each."""
    access.require(request.user, Right.MIGRATE)
    run = rehearsals.run(request.user, number)
    asked = {name: _text(request, name) for name in ("code", "kind", "holds")}
    if request.method != "POST":
        return _ask(request, run, asked)
    items = together.chosen(run, read_numbers(request.POST.getlist("number"), together.MOST))
    if not items:
        # Nothing was ticked: what else was answered stays.
        items = [row["item"] for row in _rows(run, asked)[0]]
    if not items:
        return _ask(request, run, asked)
    form = Together(request.POST, items=items)
    if not form.is_valid():
        return _ask(request, run, asked, form=form)
    skips = form.cleaned_data["also"] and form.outcome["action"] == SKIP
    also = together.followers(run, form.ticked) if skips else []
    try:
        saved = services.decide_events(
            rejections=form.ticked, author=request.user, also=also, **form.outcome
        )
    except services.Refused as refused:
        return _ask(request, run, asked, form=form, refusal=refusals.explain(refused.code))
    of = {"code": asked["code"], "kind": asked["kind"]}
    if together.is_any_left(run, **of):
        return said(reverse("portal:replay-together", args=[run.pk]), saved, **of)
    return said(reverse("portal:replay-run", args=[run.pk]), saved)


@require_http_methods(["GET", "HEAD", "POST"])
def sign(request: SignedIn, number: int) -> HttpResponse:
    """Show the decisions that say the same as one, and sign the ticked ones, or send them back."""
    access.require(request.user, Right.SIGN_VARIANCE)
    item = variances.get(request.user, number)
    rows, total = together.to_sign(request.user, item)
    shown = [row["item"].pk for row in rows]
    if request.method != "POST":
        form = SignTogether(numbers=shown, user=request.user)
        return _sign(request, item, rows, total, form)
    numbers = read_numbers(request.POST.getlist("number"), together.MOST)
    if done := together.done(item.source, numbers):
        # Sent again: nothing of it waits any more.
        return said(reverse("portal:replay-variances"), done)
    if access.must_set_up_factor(request.user):
        return redirect("portal:app")
    form = SignTogether(request.POST, numbers=shown, user=request.user)
    if not form.is_valid() or not (form.sends_back or form.take_factor("variance")):
        return _sign(request, item, rows, total, form)
    chosen = {"variance_ids": form.cleaned_data["number"]}
    try:
        if form.sends_back:
            reason = form.cleaned_data["reason"]
            done = services.withdraw_variances(**chosen, by=request.user, reason=reason)
        else:
            done = services.sign_variances(**chosen, signer=request.user)
    except services.Refused as refused:
        return _sign(request, item, rows, total, form, refusal=refusals.explain(refused.code))
    return said(reverse("portal:replay-variances"), done)


def _text(request: SignedIn, name: str) -> str:
    values = request.POST if request.method == "POST" else request.GET
    return values.get(name, "").replace("\x00", "")[:64]


def _ask(
    request: SignedIn,
    run: ReplayRun,
    asked: dict[str, str],
    *,
    form: Together | None = None,
    refusal: refusals.Refusal | None = None,
) -> HttpResponse:
    kinds = together.kinds(run, asked["code"])
    if asked["kind"] not in [kind for kind, _ in kinds]:
        asked["kind"] = kinds[0][0] if kinds else ""
    rows, total = _rows(run, asked)
    if form is None and rows:
        form = Together(items=[row["item"] for row in rows])
    context: dict[str, Any] = {
        "run": run,
        **asked,
        "error": rejections.error(asked["code"]),
        "kinds": kinds,
        "rows": rows,
        "total": total,
        "followers": sum(row["followers"] for row in rows),
        "form": form,
        "ticked": _ticked(form),
        "choices": [(value, label, HINTS[value]) for value, label in TOGETHER],
        "refusal": refusal,
        "saved": saved_before(request, run.source),
    }
    status = refusal.status if refusal else 422 if form and form.is_bound else 200
    return render(request, "portal/replay/together.html", context, status=status)


def _rows(run: ReplayRun, asked: dict[str, str]) -> tuple[list[together.Row], int]:
    return together.to_decide(run, code=asked["code"], kind=asked["kind"], text=asked["holds"])


def _ticked(form: Together | SignTogether | None) -> list[int]:
    """Return what is ticked: everything at first, then what was sent."""
    return read_numbers(map(str, form["number"].value() or ()), together.MOST) if form else []


def _sign(
    request: SignedIn,
    item: ReplayVariance,
    rows: list[together.Row],
    total: int,
    form: SignTogether,
    *,
    refusal: refusals.Refusal | None = None,
) -> HttpResponse:
    context = {
        "item": item,
        "rows": rows,
        "total": total,
        "form": form,
        "ticked": _ticked(form),
        "refusal": refusal,
        "needs_factor": access.must_set_up_factor(request.user),
    }
    status = refusal.status if refusal else 422 if form.is_bound else 200
    return render(request, "portal/replay/sign_together.html", context, status=status)
