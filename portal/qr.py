"""The code on a statement that leads a telephone to the page where it is checked. Pure."""

import io

import segno
from django.utils.safestring import SafeString, mark_safe

# Readable when a sixth of it is stained or folded.
DAMAGE = "m"


def as_svg(address: str) -> SafeString:
    """Draw a code for a page: attributes only, dark on light in every colour scheme."""
    drawn = segno.make(address, error=DAMAGE, micro=False).svg_inline(
        omitsize=True, dark="#000", light="#fff", svgclass=None, lineclass=None
    )
    # Made of numbers and of two colours; of the address only which squares are dark.
    return mark_safe(drawn)  # noqa: S308


def as_png(address: str) -> bytes:
    """Draw a code for paper."""
    drawn = io.BytesIO()
    segno.make(address, error=DAMAGE, micro=False).save(drawn, kind="png", scale=10)
    return drawn.getvalue()
