"""Mounts the two faces, by string."""

from django.urls import include, path

urlpatterns = [
    path("", include("portal.urls")),
    path("", include("audit.urls")),
]
handler400 = "portal.views.errors.bad_request"
handler403 = "portal.views.errors.forbidden"
handler404 = "portal.views.errors.not_found"
handler429 = "portal.views.errors.too_many"
handler500 = "portal.views.errors.server_error"
