"""A quick way to read a document."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from agent_dispatcher.models import Specification
from agent_dispatcher_builtins.specifications.markdown.reader import MarkdownFormat


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], Specification]:
    """Write a text to ``garden.md`` and load it."""

    def load(text: str) -> Specification:
        (tmp_path / "garden.md").write_text(dedent(text), encoding="utf-8", newline="")
        return MarkdownFormat().load(tmp_path / "garden.md")

    return load
