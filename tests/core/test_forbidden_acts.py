"""The list of forbidden acts: the page prints exactly it, and every tier has something to keep."""

from __future__ import annotations

from pathlib import Path

from agent_dispatcher.forbidden_acts import FORBIDDEN, TIERS, USEFUL, table

PAGE = Path(__file__).parents[2] / "docs" / "sandbox.md"


def test_the_published_table_is_the_list() -> None:
    """What the page says each tier refuses is what sandboxes are tried with."""
    printed = PAGE.read_text(encoding="utf-8").partition("<!-- forbidden acts -->\n")[2].partition("<!-- end -->")[0]
    assert table() == printed


def test_every_act_has_a_name_and_known_tiers() -> None:
    """Names are unique, the strongest tier refuses everything, and ``none`` promises nothing."""
    acts = (*FORBIDDEN, *USEFUL)
    assert len({act.name for act in acts}) == len(acts)
    assert all("isolated" in act.tiers and set(act.tiers) <= set(TIERS) - {"none"} for act in acts)
