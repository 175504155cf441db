"""The shelf: a specification small enough to be worked on many times."""

from __future__ import annotations

import pytest

from agent_dispatcher.models import Specification
from agent_dispatcher_builtins.specifications.native import NativeFormat

#: With behaviour to generate code and tests from.
BEHAVIOUR = """\
format: agent-dispatcher/specification
version: 1
title: Shelf
package: shelf
requirements:
  - id: R1
    text: Books can be added to the shelf.
tasks: []
entities:
  Book:
    fields:
      isbn: {type: text, unique: true}
      title: {type: text}
operations:
  add_book:
    requirements: [R1]
    inputs:
      isbn: text
      title: text
    changes:
      - create: Book
        with: {isbn: isbn, title: title}
"""


@pytest.fixture(scope="session")
def shelf_text() -> str:
    """The shelf as its native file has it."""
    return BEHAVIOUR


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Specification:
    """The shelf with its behaviour."""
    file = tmp_path_factory.mktemp("shelf") / "shelf.yaml"
    file.write_text(BEHAVIOUR)
    return NativeFormat().load(file)
