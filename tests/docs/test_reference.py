"""The generated reference says what the code says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from agent_dispatcher.config import values
from agent_dispatcher.extension import hookspecs
from agent_dispatcher.models import EVENT_TYPES


def generator() -> ModuleType:
    path = Path(__file__).with_name("generate_reference.py")
    spec = importlib.util.spec_from_file_location("generate_reference", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = generator()


@pytest.mark.parametrize("name", GENERATOR.pages())
def test_a_generated_page_is_up_to_date(name: str) -> None:
    """A changed docstring, hook, key or event is a changed page: run tests/docs/generate_reference.py."""
    assert (GENERATOR.REFERENCE / name).read_text(encoding="utf-8") == GENERATOR.pages()[name]


def test_every_hook_stands_with_its_signature() -> None:
    """Every hook specification has a heading that is its exact signature."""
    page = GENERATOR.pages()["hooks.md"]
    specified = [name for name in vars(hookspecs.DispatcherSpecs) if name.startswith("dispatcher_")]
    headings = [line.removeprefix("## ").partition("(")[0] for line in page.splitlines() if line.startswith("## ")]
    assert headings == specified


def test_every_event_and_section_stands_there() -> None:
    """No event type and no section of the configuration is undocumented."""
    assert [name for name in EVENT_TYPES if f"| `{name}` |" not in GENERATOR.pages()["events.md"]] == []
    configuration = GENERATOR.pages()["configuration.md"]
    assert [key for key, cls in values.SECTIONS.items() if cls and f"## [{key}]" not in configuration] == []


def test_every_described_key_exists() -> None:
    """No row of a table of fields is without a word on what the field is, except sections (they have tables of their own) and kinds of component."""
    page = GENERATOR.pages()["configuration.md"]
    silent = [line for line in page.splitlines() if line.startswith("| `") and line.rstrip().endswith("|  |")]
    sections = {f"| `{name}` |" for name in (*values.SECTIONS, *values.USE_KEYS.values())}
    assert [line for line in silent if line[: line.index("|", 2) + 1] not in sections] == []
