"""What a person was told: the list, the badge of the header, and what comes by mail."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.forms.notices import Preferences
from registry import services
from registry.access import SignedIn
from registry.selectors import notices


@require_safe
def index(request: SignedIn) -> HttpResponse:
    """List a person's notices, unread first."""
    items, after = notices.listed(request.user, request.GET.get("after", ""))
    context = {
        "new": [item for item in items if item.notice.read_at is None],
        "earlier": [item for item in items if item.notice.read_at is not None],
        "after": after,
        "later_page": bool(request.GET.get("after")),
        "newest": notices.newest(request.user),
    }
    return render(request, "portal/notices/list.html", context)


@login_not_required
@never_cache
@require_safe
def badge(request: HttpRequest) -> HttpResponse:
    """Answer how many are unread; to who has signed out, what no longer asks."""
    context: dict[str, object] = {}
    if request.user.is_authenticated:
        context = {"unread": notices.unread(request.user), "polls": True}
    return render(request, "portal/notices/_badge.html", context)


@require_POST
def read(request: SignedIn, number: int) -> HttpResponse:
    """Mark one notice read."""
    notice = notices.own(request.user, number)
    services.mark_notice_read(person=request.user, notice_id=notice.pk)
    return redirect("portal:notices")


@require_POST
def dismiss(request: SignedIn, number: int) -> HttpResponse:
    """Take one notice off the list of what needs this person."""
    notice = notices.own(request.user, number)
    services.dismiss_notice(person=request.user, notice_id=notice.pk)
    return redirect("portal:notices")


@require_POST
def read_all(request: SignedIn) -> HttpResponse:
    """Mark everything read that was there when the page was shown."""
    newest = request.POST.get("newest", "")
    if newest.isascii() and newest.isdigit() and len(newest) < 19:
        services.mark_notices_read(person=request.user, up_to=int(newest))
    return redirect("portal:notices")


@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: SignedIn) -> HttpResponse:
    """Show which notices come by mail, and change it."""
    choices = notices.choices(request.user)
    form = Preferences(choices=choices)
    if request.method == "POST":
        # Nothing ticked is an answer too.
        form = Preferences(request.POST, choices=choices)
        if form.is_valid():
            services.choose_mails(person=request.user, mailed=form.answers())
            return redirect(f"{request.path}?saved=1")
    context = {"form": form, "choices": choices, "saved": "saved" in request.GET}
    status = 422 if form.is_bound else 200
    return render(request, "portal/notices/preferences.html", context, status=status)
