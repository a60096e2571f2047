"""The addresses of the pages that change something, and of signing in."""

from django.urls import include, path, re_path

from portal.kinds import KINDS
from portal.views import (
    approvals,
    asking,
    errors,
    health,
    home,
    me,
    notices,
    passwords,
    reconciliation,
    requests,
    session,
    several,
    statements,
)
from portal.views.desk import accounts, commodities, facilities, log, organisations, overview

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
    path("me", me.show, name="me"),
    path("me/app", me.app, name="app"),
    path("me/passkeys/new", me.passkey, name="passkey"),
    path("me/factors/<int:factor>/remove", me.remove, name="remove-factor"),
    path("me/recovery-codes", me.recovery_codes, name="recovery-codes"),
    path("me/sessions/end", me.end_sessions, name="end-sessions"),
    path("me/clock", me.clock, name="clock"),
    path("errors", errors.index, name="errors"),
    path("errors/", errors.index),
    path("errors/<str:code>", errors.show, name="error"),
    path("health/live", health.live, name="live"),
    path("health/ready", health.ready, name="ready"),
]

# The registry's desk.
records = [
    path("registry", overview.index, name="registry"),
    path("log", log.index, name="log"),
    path("log.csv", log.sheet, name="log-sheet"),
    path("organisations", organisations.index, name="organisations"),
    path("organisations/new", organisations.new, name="new-organisation"),
    path("organisations/<str:code>", organisations.show, name="organisation"),
    path("organisations/<str:code>/edit", organisations.edit, name="edit-organisation"),
    path("organisations/<str:code>/suspend", organisations.suspend, name="suspend-organisation"),
    path(
        "organisations/<str:code>/reactivate",
        organisations.reactivate,
        name="reactivate-organisation",
    ),
    path("organisations/<str:code>/account", organisations.open_account, name="new-account"),
    path("accounts/<str:code>", accounts.show, name="account"),
    path("accounts/<str:code>/suspend", accounts.suspend, name="suspend-account"),
    path("accounts/<str:code>/reopen", accounts.reopen, name="reopen-account"),
    path("accounts/<str:code>/close", accounts.close, name="close-account"),
    path("facilities", facilities.index, name="facilities"),
    path("facilities/new", facilities.new, name="new-facility"),
    path("facilities/<str:code>", facilities.show, name="facility"),
    path("facilities/<str:code>/edit", facilities.edit, name="edit-facility"),
    path("facilities/<str:code>/audit", facilities.audit, name="audit-facility"),
    path("facilities/<str:code>/suspend", facilities.suspend, name="suspend-facility"),
    path("facilities/<str:code>/reactivate", facilities.reactivate, name="reactivate-facility"),
    path("facilities/<str:code>/close", facilities.close, name="close-facility"),
    path("commodities", commodities.index, name="commodities"),
    path("commodities/new", commodities.new, name="new-commodity"),
    path("commodities/<str:code>", commodities.show, name="commodity"),
    path("commodities/<str:code>/edit", commodities.edit, name="edit-commodity"),
    path("commodities/<str:code>/policy", commodities.new_policy, name="new-policy"),
    path(
        "commodities/<str:code>/policy/<int:rule_id>/end",
        commodities.end_policy,
        name="end-policy",
    ),
    path("regions/new", commodities.new_region, name="new-region"),
]

# allauth looks its pages up by these names; none of its own are mounted. There is no sign-up.
urlpatterns = [
    path("", include((pages + records, APP))),
    path("sign-in", session.sign_in, name="account_login"),
    path("sign-in/verify", session.verify, name="mfa_authenticate"),
    path("sign-out", session.sign_out, name="account_logout"),
    path("sign-up", session.closed, name="account_signup"),
    path("me/confirm", session.confirm, name="account_reauthenticate"),
    path("me/password", passwords.change, name="account_change_password"),
    path("reset-password", passwords.reset, name="account_reset_password"),
    path("reset-password/sent", passwords.reset_sent, name="account_reset_password_done"),
    path("reset-password/done", passwords.reset_done, name="account_reset_password_from_key_done"),
    re_path(
        r"^reset-password/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[0-9A-Za-z-]+)$",
        passwords.reset_link,
        name="account_reset_password_from_key",
    ),
]
