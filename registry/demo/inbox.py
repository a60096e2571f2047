"""What people of the demonstration find in their notices: read and unread, for each role."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.core.mail import get_connection
from django.db.models import Max, Q

from registry import services
from registry.demo import cast, clock
from registry.models import Notice, NoticeKind, User
from registry.selectors.notices import DISMISSIBLE
from registry.services import notices

# What is older is history: nobody is told of it.
RECENT = timedelta(days=45)
# What is older has been read; what was left undone for longer is done with.
READ, DONE = timedelta(days=4), timedelta(days=20)


def moments(now: datetime) -> list[tuple[datetime, Callable[[], object]]]:
    """Return when people are told what is not about requests, and what tells them."""

    def about_sign_in(email: str, kind: NoticeKind, **facts: str) -> None:
        notices.security(User.objects.get(email=email), kind, facts)

    seller, operator = cast.PARTICIPANTS[0].asks(), cast.REGISTRY.asks()
    approver, auditor = cast.REGISTRY.people[1], cast.REGULATOR.people[0]
    told = (
        (19, partial(about_sign_in, approver.email, NoticeKind.PASSWORD)),
        (12, partial(about_sign_in, seller.email, NoticeKind.ROLE, role=seller.role)),
        (3, partial(about_sign_in, operator.email, NoticeKind.PASSWORD)),
        (3, partial(about_sign_in, auditor.email, NoticeKind.PASSWORD)),
        (2, partial(about_sign_in, seller.email, NoticeKind.PASSWORD)),
        (0, services.tell_near_deadlines),
    )
    return [(now - timedelta(days=days, hours=6), tell) for days, tell in told]


def settle(now: datetime) -> None:
    """Let people have read what is old, and the mails of the past be gone."""
    with clock.at(now):
        services.tell_changed_previews()
        notices.close(Q(told_at__lt=now - DONE, awaits__in=DISMISSIBLE))
        old = Notice.objects.filter(told_at__lt=now - READ).values("person")
        for row in old.annotate(newest=Max("id")):
            person = User.objects.get(id=row["person"])
            services.mark_notices_read(person=person, up_to=row["newest"])
        services.send_mails(
            connection=get_connection("django.core.mail.backends.dummy.EmailBackend")
        )


def welcome() -> None:
    """Tell everybody that they have access."""
    for person in User.objects.select_related("organisation"):
        notices.security(person, NoticeKind.INVITED)
