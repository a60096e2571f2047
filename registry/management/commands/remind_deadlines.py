"""Tell organisations of certificates near their last day. Run it once a day."""

from typing import Any

from django.core.management.base import BaseCommand

from registry import services


class Command(BaseCommand):
    """Tells once per threshold; running it again on the same day tells nothing new."""

    help = (
        "Tell the people of organisations which of their certificates can be transferred, or used"
        " at all, for at most 90 or 30 days more."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Tell."""
        self.stdout.write(f"{services.tell_near_deadlines()} deadlines are near.")
