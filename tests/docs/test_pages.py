"""No kind, hook or page is forgotten by the pages for authors and by the site."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent_dispatcher.extension.hookspecs import OFFERS, DispatcherSpecs

DOCS = Path(__file__).parents[2] / "docs"
HOOKS = [name for name in vars(DispatcherSpecs) if name.startswith("dispatcher_")]
#: Kinds of plugin that offer no component.
OTHERS = {"policies", "observers", "commands"}


def page_of(hook: str) -> Path:
    """The page about what an offering hook offers."""
    return DOCS / "plugins" / f"{hook.removeprefix('dispatcher_').replace('_', '-')}.md"


@pytest.mark.parametrize("hook", OFFERS)
def test_every_kind_has_a_page_that_answers(hook: str) -> None:
    """When, how often, in which process, what happens when it raises, what conflicts; its hook, and an example that is run."""
    text = page_of(hook).read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([A-Z][a-z ]+?) \|", text, re.MULTILINE)
    assert rows == ["When", "How often", "Process", "When it raises", "Conflicts", "Suite"]
    assert f"[`{hook}`](../reference/hooks.md)" in text
    assert text.count("```python\n") == 1


def test_every_page_is_of_a_kind() -> None:
    """There are no pages but those of the kinds, and the list of them names all."""
    pages = {path.stem for path in (DOCS / "plugins").glob("*.md")} - {"index"}
    assert pages == {page_of(hook).stem for hook in OFFERS} | OTHERS
    index = (DOCS / "plugins" / "index.md").read_text(encoding="utf-8")
    assert [name for name in sorted(pages) if f"]({name}.md)" not in index] == []


def test_the_lifecycle_names_every_hook() -> None:
    """No hook is missing from the diagram and what is said about it, and none is named that does not exist."""
    named = set(re.findall(r"dispatcher_\w+", (DOCS / "lifecycle.md").read_text(encoding="utf-8")))
    assert named == set(HOOKS)


def test_the_site_has_every_page() -> None:
    """Every page under docs stands in the site's navigation, and nothing else does."""
    lines = (DOCS / "_site" / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2].splitlines()
    listed = [line.split()[-1] for line in lines if line.endswith(".md")]
    assert sorted(listed) == sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
