"""The tokens, whatever a browser makes of them: text can be read in both schemes."""

import re
from pathlib import Path

import pytest

CSS = Path(__file__).parents[2] / "static" / "css"
TOKENS = dict(
    re.findall(r"--([a-z-]+): light-dark\((#\w+, #\w+)\)", (CSS / "tokens.css").read_text())
)
STATES = [
    "draft",
    "submitted",
    "waiting",
    "approved",
    "settled",
    "rejected",
    "failed",
    "spent",
    "retired",
    "expired",
]
TEXT = [
    *((state, f"{state}-back") for state in STATES),
    *((text, back) for text in ("ink", "muted", "link") for back in ("page", "surface")),
    ("ink", "sunken"),
    ("rejected", "surface"),
    ("button-ink", "button"),
    ("button-ink", "button-hover"),
    ("from-ink", "from"),
    ("from-tint-ink", "from-tint"),
    ("to-ink", "to"),
    ("to-tint-ink", "to-tint"),
    ("third-ink", "third"),
    ("third-tint-ink", "third-tint"),
    ("fourth-ink", "fourth"),
    ("fourth-tint-ink", "fourth-tint"),
    ("surface", "spent"),
    ("gone-ink", "gone"),
    ("gone-ink", "gone-line"),
    ("past-ink", "past"),
    ("page", "ink"),
]
SHAPES = [("control", "page"), ("control", "surface"), ("focus", "page"), ("from", "from-tint")]


def luminance(colour):
    short = colour.lstrip("#")
    digits = short if len(short) == 6 else "".join(each * 2 for each in short)
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(front, back, scheme):
    one, other = (luminance(TOKENS[name].split(", ")[scheme]) for name in (front, back))
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back"), TEXT)
def test_text_can_be_read(front, back, scheme):
    assert contrast(front, back, scheme) >= 4.5


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back"), SHAPES)
def test_shapes_can_be_seen(front, back, scheme):
    assert contrast(front, back, scheme) >= 3


def test_colours_are_written_down_once():
    for sheet in CSS.glob("*.css"):
        if sheet.name not in ("tokens.css", "print.css"):
            assert not re.search(r"#[0-9a-f]{3,6}\b", sheet.read_text()), sheet.name


def test_every_token_that_is_used_exists():
    used = {
        name
        for sheet in CSS.glob("*.css")
        for name in re.findall(r"var\(--([a-z-]+)", sheet.read_text())
    }

    assert used <= set(TOKENS)
