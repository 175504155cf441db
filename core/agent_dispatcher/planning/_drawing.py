"""A graph for other tools: as text that Mermaid and Graphviz draw, or as a value of networkx.

Titles are data: nothing in them can end a label or start markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..models import Dependency, Gate, Task

if TYPE_CHECKING:
    import networkx

__all__ = ["digraph", "dot", "mermaid"]

_LABEL_LENGTH = 60


def mermaid(tasks: Sequence[Task], dependencies: Sequence[Dependency], gates: Sequence[Gate]) -> str:
    """A Mermaid flowchart that ends with a newline."""
    node = {task.id: f"t{number}" for number, task in enumerate(tasks)}
    lines = ["flowchart LR"]
    lines += [f'    {node[task.id]}["{_entities(_label(task))}"]' for task in tasks]
    for edge in dependencies:
        arrow = "-->" if edge.strength == "binding" else "-.->"
        lines.append(f"    {node[edge.before]} {arrow} {node[edge.after]}")
    lines += [f"    {node[gate.test]} -. lands after .-> {node[gate.subject]}" for gate in gates]
    return "\n".join(lines) + "\n"


def dot(tasks: Sequence[Task], dependencies: Sequence[Dependency], gates: Sequence[Gate]) -> str:
    """A Graphviz digraph that ends with a newline."""
    lines = ["digraph plan {", "    rankdir=LR;", "    node [shape=box];"]
    lines += [f"    {_quoted(task.id)} [label={_quoted(_label(task))}];" for task in tasks]
    for edge in dependencies:
        style = "" if edge.strength == "binding" else " [style=dotted]"
        lines.append(f"    {_quoted(edge.before)} -> {_quoted(edge.after)}{style};")
    lines += [
        f'    {_quoted(gate.test)} -> {_quoted(gate.subject)} [style=dashed, constraint=false, label="gate"];'
        for gate in gates
    ]
    return "\n".join([*lines, "}"]) + "\n"


def digraph(tasks: Sequence[Task], dependencies: Sequence[Dependency], gates: Sequence[Gate]) -> networkx.DiGraph[Any]:
    """A ``networkx.DiGraph`` on the ids of the tasks; of a gate and a dependency for one pair the dependency counts."""
    import networkx

    graph: networkx.DiGraph[Any] = networkx.DiGraph()
    for task in tasks:
        graph.add_node(task.id, task=task)
    for gate in gates:
        graph.add_edge(gate.test, gate.subject, kind="gate")
    for edge in dependencies:
        graph.add_edge(edge.before, edge.after, kind="dependency", strength=edge.strength, reasons=edge.reasons)
    return graph


def _label(task: Task) -> str:
    text = " ".join(task.title.split()) or task.id
    if task.source_id:
        text = f"{task.source_id} {text}"
    return text if len(text) <= _LABEL_LENGTH else text[: _LABEL_LENGTH - 1] + "…"


def _entities(text: str) -> str:
    """Every character that could mean something to Mermaid (or to HTML in it) as a numeric entity."""
    return "".join(c if c.isalnum() or c in " .,:/-+()'…" else f"#{ord(c)};" for c in text)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'
