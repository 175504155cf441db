"""Colours can be told from their ground by people who see little contrast, in both themes."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

CSS = files("agent_dispatcher_builtins.reporters.html").joinpath("templates", "report.css").read_text(encoding="utf-8")
TONES = ("good", "bad", "warn", "busy", "plain")
TYPES = ("code", "test", "doc", "research", "review", "mend", "deploy", "other")
#: Foreground, ground, least ratio: 4.5 for text, 3 for shapes that carry meaning.
PAIRS = [
    *[("text", ground, 4.5) for ground in ("ground", "raised", *TYPES)],
    *[(colour, ground, 4.5) for colour in ("soft", "link") for ground in ("ground", "raised")],
    *[(tone, ground, 4.5) for tone in TONES for ground in (f"{tone}-ground", "ground", "raised")],
    *[(f"bar-{kind}", ground, 3.0) for kind in TYPES for ground in ("ground", "raised")],
    *[(colour, ground, 3.0) for colour in ("critical", "edge", "gate", "landing", "final") for ground in ("ground",)],
]


def themes() -> dict[str, dict[str, str]]:
    light, dark = re.findall(r":root\{([^}]*--ground[^}]*)\}", CSS)
    read = [dict(re.findall(r"--([a-z-]+):(#[0-9a-f]{6})", block)) for block in (light, dark)]
    return {"light": read[0], "dark": read[1]}


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast_is_enough(theme: str) -> None:
    """Text has 4.5 : 1, shapes have 3 : 1 (WCAG 2.2, level AA)."""
    colours = themes()[theme]
    weak = []
    for front, ground, least in PAIRS:
        high, low = sorted((luminance(colours[front]), luminance(colours[ground])), reverse=True)
        ratio = (high + 0.05) / (low + 0.05)
        if ratio < least:
            weak.append(f"{front} on {ground}: {ratio:.2f}")
    assert weak == []


def test_both_themes_have_every_colour() -> None:
    """A colour that only one theme defines would be unreadable in the other."""
    found = themes()
    assert found["light"].keys() == found["dark"].keys()


def test_nothing_is_loaded_by_the_style() -> None:
    """No address and no import."""
    assert "url(" not in CSS and "@import" not in CSS and "<" not in CSS
