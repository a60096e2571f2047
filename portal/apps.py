"""Pages that change something."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Requests, decisions and the registry staff's desk."""

    name = "portal"
    verbose_name = "Portal"
