"""What was decided about rejected events: the list, one decision, signing and sending back."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from portal import refusals
from portal.forms.outcome import SendBack, Signature
from portal.views.numbers import number as read_number
from portal.views.replay.rejections import said, saved_before
from registry import access, services
from registry.access import Right, SignedIn
from registry.models import ReplayVariance
from registry.replay import written
from registry.selectors import effects, together, variances


@require_safe
def index(request: SignedIn) -> HttpResponse:
    """List what was decided, what waits for a signature first."""
    counts = variances.counts(request.user)
    show = request.GET.get("show", "")
    if show not in variances.SHOWN:
        show = variances.WAITING if counts[variances.WAITING] else variances.SIGNED
    after = read_number(request.GET.get("after", "")) or 0
    page, following = variances.page(request.user, show, after=after)
    may_sign = access.may(request.user, Right.SIGN_VARIANCE)
    context = {
        "variances": page,
        "next": following,
        "first_page": not after,
        "show": show,
        "tabs": [(name, word, counts[name]) for name, word in variances.SHOWN.items()],
        "next_to_sign": variances.next_to_sign(request.user) if may_sign else None,
        "to_sign": variances.to_sign(request.user).count() if may_sign else 0,
        "groups": together.groups(request.user) if may_sign and show == variances.WAITING else [],
        "saved": saved_before(request),
    }
    return render(request, "portal/replay/variances.html", context)


@require_safe
def show(request: SignedIn, number: int) -> HttpResponse:
    """Show one decision: what the source says, what would be sent, why, and who."""
    item = variances.get(request.user, number)
    return _show(request, item, Signature(user=request.user), SendBack())


@require_POST
def sign(request: SignedIn, number: int) -> HttpResponse:
    """Sign a decision that somebody else wrote, and lead to the next one."""
    access.require(request.user, Right.SIGN_VARIANCE)
    item = variances.get(request.user, number)
    if access.is_same_person(request.user, item.author):
        return refusals.page(request, "SELF_APPROVAL")
    waits = item.signed_at is None and item.withdrawn_at is None
    if waits and access.must_set_up_factor(request.user):
        return redirect("portal:app")
    form = Signature(request.POST, user=request.user)
    if waits and not (form.is_valid() and form.take_factor("variance")):
        return _show(request, item, form, SendBack(), status=422)
    try:
        services.sign_variance(variance_id=item.pk, signer=request.user)
    except services.Refused as refused:
        return _refused(request, number, refused.code)
    following = variances.next_to_sign(request.user, after=item.pk)
    number = following.pk if following else number
    return said(reverse("portal:replay-variance", args=[number]), [item])


@require_POST
def send_back(request: SignedIn, number: int) -> HttpResponse:
    """Take back a decision that nobody signed, or send it back to its author, with the reason."""
    if not access.may(request.user, Right.MIGRATE):
        access.require(request.user, Right.SIGN_VARIANCE)
    item = variances.get(request.user, number)
    form = SendBack(request.POST)
    if not form.is_valid():
        return _show(request, item, Signature(user=request.user), form, status=422)
    try:
        services.withdraw_variance(
            variance_id=item.pk, by=request.user, reason=form.cleaned_data["reason"]
        )
    except services.Refused as refused:
        return _refused(request, number, refused.code)
    return said(reverse("portal:replay-variance", args=[number]), [item])


def _refused(request: SignedIn, number: int, code: str) -> HttpResponse:
    item = variances.get(request.user, number)
    forms = (Signature(user=request.user), SendBack())
    return _show(request, item, *forms, refusal=refusals.explain(code))


def _show(
    request: SignedIn,
    item: ReplayVariance,
    form: Signature,
    back: SendBack,
    *,
    refusal: refusals.Refusal | None = None,
    status: int = 200,
) -> HttpResponse:
    waits = item.signed_at is None and item.withdrawn_at is None
    own = access.is_same_person(request.user, item.author)
    may_sign = access.may(request.user, Right.SIGN_VARIANCE)
    may_send_back = waits and (may_sign or access.may(request.user, Right.MIGRATE))
    asks = waits and may_sign and not own
    rejection = variances.rejection_of(item)
    context: dict[str, Any] = {
        "item": item,
        "rejection": rejection,
        "source": written.facts(written.in_order(rejection.source)) if rejection else [],
        "effect": effects.of(item, rejection.source if rejection else {}),
        "form": form,
        "back": back,
        "refusal": refusal,
        "waits": waits,
        "own": own,
        "asks": asks,
        "may_send_back": may_send_back,
        "needs_factor": access.must_set_up_factor(request.user),
        "saved": saved_before(request, item.source),
        "alike": together.waiting(request.user, item).count() if asks else 0,
        "history": variances.history(item.source, item.event_id),
    }
    return render(
        request,
        "portal/replay/variance.html",
        context,
        status=refusal.status if refusal else status,
    )
