"""What a person was told, for tests."""

from registry.models import Notice
from registry.selectors import notices as selectors


def told(person, *kinds):
    """Return the kinds that a person was told, oldest first, perhaps only some."""
    found = Notice.objects.filter(person=person).order_by("id").values_list("kind", flat=True)
    return [kind for kind in found if not kinds or kind in kinds]


def needs(person):
    """Return the kinds of what needs a person."""
    return [item.notice.kind for item in selectors.needing(person)]
