"""The page on the native format and its JSON Schema say what the reader does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from agent_dispatcher.behaviour import FUNCTIONS
from agent_dispatcher.models import FIELD_TYPES
from agent_dispatcher.safe_load import Located, load_yaml
from agent_dispatcher_builtins.agents.tester.examples import contradictions
from agent_dispatcher_builtins.specifications.native import NativeFormat, read_document
from agent_dispatcher_builtins.specifications.native.document import KEYS

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "native-format.md").read_text()
SCHEMA: dict[str, Any] = json.loads((DOCS / "native-format.schema.json").read_text())
HEAD = "format: agent-dispatcher/specification\nversion: 1\ntitle: Page\n"


def snippets() -> list[tuple[str, str]]:
    """Section and text of every YAML block that is not within the Markdown example."""
    return re.findall(r"^```yaml ?(\w*)\n(.*?)^```$", PAGE.partition("````markdown")[0], re.MULTILINE | re.DOTALL)


def documents() -> list[Located]:
    """The whole document of the page, and the one its sections make together."""
    whole = [load_yaml(text, "page") for section, text in snippets() if not section]
    joined = HEAD
    for section, text in snippets():
        if section:
            joined += f"{section}:\n" + "".join(f"  {line}\n" for line in text.splitlines())
    return [*whole, load_yaml(joined, "page")]


def test_every_snippet_is_read() -> None:
    """All YAML of the page is loaded without a problem, and its examples follow from its operations."""
    assert {section for section, _ in snippets()} == {"", "requirements", "tasks", "entities", "operations", "examples"}
    for document in documents():
        behaviour = read_document(document).behaviour
        assert behaviour is not None
        assert behaviour.examples
        assert contradictions(behaviour) == []


def test_markdown_snippet(tmp_path: Path) -> None:
    """The page's Markdown example is a specification."""
    (text,) = re.findall(r"^````markdown\n(.*?)^````$", PAGE, re.MULTILINE | re.DOTALL)
    file = tmp_path / "page.md"
    file.write_text(text)
    found = NativeFormat().load(file)
    (requirement,) = found.requirements
    assert (requirement.priority, len(requirement.scenarios), len(requirement.edge_cases)) == ("high", 1, 1)
    assert found.behaviour is not None


def test_every_key_and_function_is_named() -> None:
    """The page names every key of the format, every type and every function."""
    for name in {key for keys in KEYS.values() for key in keys if key != "*"} | set(FIELD_TYPES) | set(FUNCTIONS):
        assert re.search(rf"\b{name}\b", PAGE), name


def _properties(kind: str) -> tuple[set[str], set[str]]:
    found = SCHEMA if kind == "specification" else SCHEMA["$defs"][kind]
    shapes = found.get("oneOf", [found]) if "properties" not in found else [found]
    (shape,) = [shape for shape in shapes if "properties" in shape]
    assert shape["additionalProperties"] is False
    return set(shape["properties"]), set(shape.get("required", ()))


@pytest.mark.parametrize("kind", KEYS)
def test_schema_has_the_readers_keys(kind: str) -> None:
    """The schema allows and requires exactly the keys that the reader does."""
    keys = list(KEYS[kind])
    required = set(keys[: keys.index("*")]) if "*" in keys else set(keys)
    assert _properties(kind) == (set(keys) - {"*"}, required)


def test_schema_accepts_what_is_read() -> None:
    """The examples and the page's documents are valid under the schema, which is a valid schema itself."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    files = sorted((DOCS / "examples").glob("*/specification.yaml"))
    assert len(files) >= 2
    for document in [*documents(), *(load_yaml(file.read_text()) for file in files)]:
        assert [error.message for error in validator.iter_errors(document.plain())] == []


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\ntitle: x\n",
        HEAD + "unknown: 1\n",
        HEAD + "requirements: [{id: R1}]\n",
        HEAD + "entities: {lower: {fields: {}}}\n",
        HEAD + "entities: {Book: {fields: {title: {type: text, size: 3}}}}\n",
        HEAD + "operations: {lend: {changes: [{set: a, delete: b}]}}\n",
        HEAD + "examples: [{name: x, call: y, given: {Book: {}}}]\n",
    ],
)
def test_schema_refuses_what_is_refused(text: str) -> None:
    """What the reader refuses for its shape, the schema refuses too."""
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(load_yaml(text).plain())
