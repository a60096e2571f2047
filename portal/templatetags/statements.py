"""How a statement is written."""

from typing import Any

from django import template

from portal import wording
from portal.forms.verify import Verify
from registry import reference

register = template.Library()
register.filter(wording.sentence)
register.filter(wording.for_whom)
register.filter(wording.energy)
register.filter(reference.grouped)


@register.simple_tag
def how_to_check() -> str:
    """Say how anybody checks a statement."""
    return wording.HOW


@register.inclusion_tag("portal/statements/_form.html")
def ask_for_reference() -> dict[str, Any]:
    """Ask for a reference on a page that is about something else."""
    return {"form": Verify(), "second": True}


@register.filter
def vintage(part: dict[str, Any]) -> str:
    """Write the production period of a range."""
    return wording.vintage(part["production_start"], part["production_end"])
