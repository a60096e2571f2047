"""The addresses of the pages that change something, and of signing in."""

from django.urls import include, path

from portal.kinds import KINDS
from portal.views import (
    approvals,
    asking,
    errors,
    health,
    home,
    notices,
    reconciliation,
    requests,
    session,
    several,
    statements,
)

APP = "portal"

pages = [
    path("", home.show, name="home"),
    path("requests", requests.index, name="requests"),
    *(path(f"requests/new/{kind.slug}", asking.new, {"kind": kind}, kind.slug) for kind in KINDS),
    path("requests/<int:number>", requests.show, name="request"),
    path("requests/<int:number>/details", asking.change, name="change"),
    path("requests/<int:number>/check", asking.check, name="check"),
    path("requests/<int:number>/submit", asking.submit, name="submit"),
    path("requests/<int:number>/withdraw", requests.withdraw, name="withdraw"),
    path("requests/<int:number>/discard", requests.discard, name="discard"),
    path("requests/<int:number>/statement", statements.show, name="statement"),
    path("requests/<int:number>/statement.pdf", statements.pdf, name="statement_pdf"),
    path("verify", statements.ask, name="ask"),
    path("verify/<str:reference>", statements.verify, name="verify"),
    path("approvals", approvals.index, name="approvals"),
    path("approvals/several", several.decide, name="several"),
    path("approvals/several/<uuid:key>", several.show, name="several-done"),
    path("approvals/<int:number>", approvals.show, name="approval"),
    path("approvals/<int:number>/decision", approvals.decide, name="decide"),
    path("notifications", notices.index, name="notices"),
    path("notifications/badge", notices.badge, name="badge"),
    path("notifications/read", notices.read_all, name="notices_read"),
    path("notifications/preferences", notices.preferences, name="notice_preferences"),
    path("notifications/<int:number>/read", notices.read, name="notice_read"),
    path("notifications/<int:number>/dismiss", notices.dismiss, name="notice_dismiss"),
    path("reconciliation/start", reconciliation.start, name="reconcile"),
    path("errors", errors.index, name="errors"),
    path("errors/", errors.index),
    path("errors/<str:code>", errors.show, name="error"),
    path("health/live", health.live, name="live"),
    path("health/ready", health.ready, name="ready"),
]

# allauth looks its pages up by these names. There is no sign-up: the registry opens accounts.
urlpatterns = [
    path("", include((pages, APP))),
    path("sign-in", session.sign_in, name="account_login"),
    path("sign-out", session.sign_out, name="account_logout"),
    path("sign-up", session.closed, name="account_signup"),
    path("reset-password", session.closed, name="account_reset_password"),
]
