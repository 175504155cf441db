"""``spec.json`` of cc-sdd: whether requirements, design and tasks were approved."""

from __future__ import annotations

from pathlib import Path

from attrs import field, frozen

from agent_dispatcher.errors import SpecificationError, UsageError
from agent_dispatcher.safe_load import Located, load_json, read_text

__all__ = ["FILE", "Approvals", "read_approvals"]

FILE = "spec.json"
_STAGES = ("requirements", "design", "tasks")


@frozen(kw_only=True)
class Approvals:
    """What the file says.

    Attributes:
        there: whether there is such a file, and it speaks of approvals.
        blockers: what is not approved, each with its place.
        warnings: what cannot be understood.
    """

    there: bool = False
    name: str = ""
    blockers: tuple[str, ...] = ()
    warnings: list[str] = field(factory=list)


def read_approvals(folder: Path) -> Approvals:
    """Read it, if it is there. A damaged one is a warning: it says nothing about the work."""
    path = folder / FILE
    if not path.is_file():
        return Approvals()
    try:
        root = load_json(read_text(path, name=FILE), FILE)
    except UsageError as error:
        return Approvals(warnings=[f"{error}: not used"])
    except SpecificationError as error:
        return Approvals(warnings=[f"{problem}: not used" for problem in error.problems])
    if not isinstance(root.value, dict):
        return Approvals(warnings=[f"{root.where}: this is {root.kind}, not a mapping: not used"])
    warnings: list[str] = []
    keys = root.value
    name = keys.get("feature_name")
    ready = _flag(keys.get("ready_for_implementation"), "ready_for_implementation", warnings)
    stages = keys.get("approvals")
    if stages is not None and not isinstance(stages.value, dict):
        warnings.append(f"{stages.where}: approvals is {stages.kind}, not a mapping: not used")
        stages = None
    blockers = [] if ready else list(_not_approved(stages, warnings))
    if ready is False and not blockers:
        blockers.append(f"{keys['ready_for_implementation'].where}: the specification is not ready for implementation")
    return Approvals(
        there=stages is not None or ready is not None,
        name=name.value.strip() if name is not None and isinstance(name.value, str) else "",
        blockers=tuple(blockers),
        warnings=warnings,
    )


def _not_approved(stages: Located | None, warnings: list[str]) -> list[str]:
    found: list[str] = []
    for stage in _STAGES:
        node = stages.value.get(stage) if stages is not None and isinstance(stages.value, dict) else None
        if node is None:
            continue
        if not isinstance(node.value, dict):
            warnings.append(f"{node.where}: approvals.{stage} is {node.kind}, not a mapping: not used")
            continue
        flag = node.value.get("approved")
        if _flag(flag, f"approvals.{stage}.approved", warnings) is False:
            verb = "is" if stage == "design" else "are"
            found.append(f"{(flag or node).where}: the {stage} {verb} not approved")
    return found


def _flag(node: Located | None, called: str, warnings: list[str]) -> bool | None:
    if node is None or node.value is None:
        return None
    if isinstance(node.value, bool):
        return node.value
    warnings.append(f"{node.where}: {called} is {node.kind}, neither true nor false: not used")
    return None
