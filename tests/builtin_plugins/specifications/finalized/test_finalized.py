"""The output of a refinement session means the same, however it comes in, and is refused while anything blocks it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from attrs import asdict

from agent_dispatcher import AgentDispatcher, FinalizedSpecification
from agent_dispatcher.errors import SpecificationError
from agent_dispatcher_builtins import default_plugins
from agent_dispatcher_builtins.specifications.finalized.options import FinalizedOptions
from agent_dispatcher_builtins.specifications.finalized.reader import FinalizedFormat

DOCUMENT: dict[str, Any] = {
    "requirements": [
        {"id": "R1", "content": "A loan has a due date.", "priority": "high", "confidence": 0.9},
        {"description": "A member returns a book.", "priority": "must"},
    ],
    "resolved_edge_cases": [
        {
            "description": "Due on a holiday",
            "handling": "next working day",
            "related_requirement": "R1",
            "resolved": True,
        },
        {"description": "Book is lost", "handling": "paid for", "related_requirement": "a member returns  a book."},
    ],
    "resolved_contradictions": [
        {"description": "Two or three weeks", "resolution": "three", "related_requirement": "R2", "resolved": True}
    ],
    "complete_requirement_set": True,
    "confidence_score": 0.95,
    "approval_timestamp": "2025-01-02T03:04:05Z",
    "refinement_session_id": "Library loans",
    "total_iterations": 3,
    "user_acceptance_rate": 1,
    "ready_for_dispatch": True,
    "tags": ["library"],
}


def dispatcher(**config: Any) -> AgentDispatcher:
    return AgentDispatcher(config, plugins=default_plugins(), discover=False)


def forms(folder: Path, document: dict[str, Any]) -> Iterator[Any]:
    """The same in every form that is taken."""
    for name, text in (("a.json", json.dumps(document, indent=2)), ("b.yaml", yaml.safe_dump(document))):
        own = folder / name.partition(".")[0]
        own.mkdir(exist_ok=True)
        (own / name).write_text(text, encoding="utf-8")
        yield own / name
        yield own
    yield document
    yield FinalizedSpecification(**document)


def test_all_forms_mean_the_same(tmp_path: Path) -> None:
    """A JSON file, a YAML file, a folder with either, a dict and the object give the same requirements, and a plan."""
    for form in forms(tmp_path, DOCUMENT):
        specification = dispatcher().plan(form).specification
        first, second = specification.requirements
        assert (specification.title, specification.format, specification.tags) == (
            "Library loans",
            "finalized",
            ("library",),
        )
        assert (first.id, first.text, first.priority) == ("R1", "A loan has a due date.", "high")
        assert first.edge_cases == ("Due on a holiday: next working day",)
        assert (second.id, second.priority) == ("R2", "critical")
        assert second.edge_cases == ("Book is lost: paid for",)
        assert second.constraints == ("Two or three weeks: three",)
        assert specification.warnings == ()


def test_places(tmp_path: Path) -> None:
    """A requirement remembers the line it stands in."""
    file = tmp_path / "f.json"
    file.write_text(json.dumps(DOCUMENT, indent=2), encoding="utf-8")
    lines = file.read_text(encoding="utf-8").splitlines()
    for requirement in FinalizedFormat().load(file).requirements:
        name, _, line = requirement.source.rpartition(":")
        assert name == "f.json"
        assert requirement.text in lines[int(line)] + lines[int(line) + 1]


def test_everything_that_blocks_it_is_told_at_once(tmp_path: Path) -> None:
    """One that is not ready is refused in every form with all its blockers; files say where each stands."""
    blocked = {
        **DOCUMENT,
        "ready_for_dispatch": False,
        "complete_requirement_set": False,
        "resolved_edge_cases": [{"description": "Fire", "resolved": False}],
        "resolved_contradictions": [{"description": "Both", "resolved": False}],
    }
    for form in forms(tmp_path, blocked):
        with pytest.raises(SpecificationError) as caught:
            dispatcher().plan(form)
        assert [problem.what for problem in caught.value.problems] == [
            "ready_for_dispatch is false",
            "complete_requirement_set is false",
            "edge case 'Fire' is not resolved",
            "contradiction 'Both' is not resolved",
        ]
        assert all(problem.where for problem in caught.value.problems)
        assert "option force" in str(caught.value)


def test_force_takes_it_with_warnings() -> None:
    """The option takes one that is not ready; each blocker becomes a warning."""
    finalized = FinalizedSpecification(requirements=[{"content": "A"}], ready_for_dispatch=False)
    forced = dispatcher(options={"specification_format:finalized": {"force": True}})
    [warning] = forced.plan(finalized).specification.warnings
    assert warning.startswith("taken although it is not ready: ") and "ready_for_dispatch is false" in warning
    with pytest.raises(SpecificationError):
        dispatcher().plan(finalized)


def test_one_without_requirements_is_refused() -> None:
    """There is nothing to dispatch in an empty one."""
    with pytest.raises(SpecificationError, match="it has no requirements"):
        dispatcher().plan(FinalizedSpecification())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"requirements": "one"}, "'requirements' must be a list, not a text"),
        ({"requirements": [3]}, "an entry of 'requirements' must be a mapping or a text, not an integer"),
        ({"requirements": [{"priority": "high"}]}, "requirement R1 says nothing"),
        ({"requirements": [{"id": "A", "content": "a"}, {"id": "A", "content": "b"}]}, "'A' is taken twice, first at"),
        ({"ready_for_dispatch": "yes"}, "'ready_for_dispatch' must be true or false, not a text"),
        ({"confidence_score": "high"}, "'confidence_score' must be a number, not a text"),
        ({"tags": "one"}, "'tags' must be a list of texts"),
        ({"refinement_session_id": ["x"]}, "'refinement_session_id' must be a text, not a list"),
    ],
    ids=str,
)
def test_what_is_malformed_is_refused_with_its_place(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    """A value of the wrong sort is an error that names file and line."""
    file = tmp_path / "f.json"
    file.write_text(json.dumps({**DOCUMENT, **change}, indent=2), encoding="utf-8")
    with pytest.raises(SpecificationError) as caught:
        FinalizedFormat().load(file)
    assert message in str(caught.value)
    assert all(problem.where.startswith("f.json:") for problem in caught.value.problems)


def test_nothing_is_lost_silently() -> None:
    """What relates to no requirement stays in the summary; unknown fields and priorities are told."""
    specification = FinalizedFormat().load_mapping(
        {
            **DOCUMENT,
            "requirements": ["A plain sentence.", {"content": "B", "priority": "someday"}],
            "resolved_edge_cases": [{"description": "Flood", "handling": "close", "related_requirement": "R99"}],
            "resolved_contradictions": [],
            "confidance_score": 1,
        }
    )
    assert [each.text for each in specification.requirements] == ["A plain sentence.", "B"]
    assert specification.summary == "Flood: close"
    said = "\n".join(specification.warnings)
    assert "'Flood: close' relates to 'R99', which is no requirement" in said
    assert "the field 'confidance_score' is not known" in said and "did you mean confidence_score?" in said
    assert "the priority 'someday' is not known" in said


def test_it_is_recognised_by_what_only_it_has(tmp_path: Path) -> None:
    """Two of its own fields make a file one; the dispatcher's own format and other documents are left alone, and a malformed file is its."""
    for name, text, expected in (
        ("a.json", json.dumps(DOCUMENT), 1.5),
        ("b.json", '{"ready_for_dispatch": true, "confidence_score": 1, "requirements": [', 1.5),
        ("c.json", '{"requirements": ["x"]}', 0),
        ("d.yaml", "format: agent-dispatcher/specification\nready_for_dispatch: true\nconfidence_score: 1\n", 0),
        ("e.md", "ready_for_dispatch confidence_score", 0),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert FinalizedFormat().matches(tmp_path / name) == expected, name
    assert FinalizedFormat().matches(tmp_path) == 0


def test_options_have_safe_defaults() -> None:
    """Nothing is forced unless the user says so, and a project's file cannot say it."""
    assert asdict(FinalizedOptions()) == {"force": False}
    from attrs import fields

    assert not fields(FinalizedOptions).force.metadata.get("project")
