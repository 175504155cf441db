"""What registries say of packages: two shapes, hostile ones, and no name that leads elsewhere."""

from __future__ import annotations

import json

import pytest

from agent_dispatcher_builtins.agents.researcher.answering.packages import address_of, facts_of
from agent_dispatcher_builtins.agents.researcher.options import ResearcherOptions

PYTHON = {
    "info": {
        "name": "attrs",
        "version": "25.1.0",
        "summary": "Classes\nwithout boilerplate",
        "license_expression": "MIT",
        "requires_python": ">=3.9",
        "project_urls": {"Documentation": "https://docs.example/attrs"},
        "requires_dist": ["tomli; python_version < '3.11'"],
        "home_page": None,
    },
    "releases": {"24.1.0": [], "25.1.0": []},
}
JAVASCRIPT = {
    "name": "left-pad",
    "dist-tags": {"latest": "1.3.0"},
    "versions": {"1.2.0": {}, "1.3.0": {"engines": {"node": ">=18"}, "license": "WTFPL", "dependencies": {"a": "^1"}}},
    "description": "Pads",
    "repository": {"url": "git+https://docs.example/x.git"},
}


def test_both_shapes_are_told_in_lines() -> None:
    """Version, summary, licence, what it needs, where its documentation is; one line each, and nothing empty."""
    assert facts_of(json.dumps(PYTHON)).split("\n") == [
        "Name: attrs",
        "Version: 25.1.0",
        "Summary: Classes without boilerplate",
        "License: MIT",
        "Requires-Python: >=3.9",
        "Project-URL, Documentation: https://docs.example/attrs",
        "Requires-Dist: tomli; python_version < '3.11'",
        "Known releases: 24.1.0, 25.1.0",
    ]
    assert facts_of(json.dumps(JAVASCRIPT)).split("\n") == [
        "Name: left-pad",
        "Version: 1.3.0",
        "Description: Pads",
        "License: WTFPL",
        "Engine, node: >=18",
        "Repository: git+https://docs.example/x.git",
        "Dependency, a: ^1",
        "Known releases: 1.2.0, 1.3.0",
    ]


@pytest.mark.parametrize("answer", ["", "[]", "{}", "[" * 100_000, '{"name": 3}', '{"info": []}'])
def test_other_answers_are_refused(answer: str) -> None:
    """Whatever a registry sends, the model is told."""
    with pytest.raises(ValueError, match="the registry"):
        facts_of(answer)
    assert facts_of('{"info": {"name": [1], "project_urls": 3, "requires_dist": {"a": 1}}, "releases": "x"}') == ""


@pytest.mark.parametrize("name", ["", "../admin", "a/b", "a?x=1", "a#b", "@a/../b", "a b", "é", "x" * 200])
def test_a_name_leads_nowhere_else(name: str) -> None:
    """What is no name of a package is asked of nobody."""
    with pytest.raises(ValueError, match="no name of a package"):
        address_of("https://registry.example/{name}/json", name)


def test_names_are_written_into_the_address() -> None:
    """Also those with a scope."""
    assert (
        address_of("https://registry.example/{name}/json", "ruamel.yaml") == "https://registry.example/ruamel.yaml/json"
    )
    assert address_of("https://registry.example/{name}", "@types/node") == "https://registry.example/@types%2Fnode"


@pytest.mark.parametrize("address", ["https://registry.example/", "file:///{name}", "https://{name}.example/{name}"])
def test_a_registry_has_an_address(address: str) -> None:
    """The name stands in its path, not in its host."""
    with pytest.raises(ValueError, match="no address of a registry"):
        ResearcherOptions(registries={"own": address})
