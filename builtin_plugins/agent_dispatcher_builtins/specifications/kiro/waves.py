"""The section "Task Dependency Graph": waves of tasks as JSON, or arrows between them.

Waves are a schedule that a tool has computed; arrows are what somebody says about two tasks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from attrs import define, field, frozen

from agent_dispatcher.errors import SpecificationError
from agent_dispatcher.safe_load import Located, load_json

from ..checklist import Checklist
from ..page import Block
from ..stated_orders import Names, StatedOrders

__all__ = ["Schedule", "Wave", "read_schedule"]

_SECTION = re.compile(
    r"dependenc\w*\s+graph|依存(?:関係)?グラフ|依赖(?:关系)?图|依賴(?:關係)?圖|의존성?\s*그래프|grafo\s+de\s+depend|граф\s+зависимост|^[\W_]*(?:execution\s+)?waves?\b",
    re.IGNORECASE,
)
_NODE = re.compile(
    r"(?:^|(?<=[\s&,;(]))(?:task[\s_-]?|T)?(?P<id>\d{1,4}(?:[._]\d{1,4})*[a-z]?)(?=$|[\s\[({&,;.:])(?:\s*[\[({]+[^\n]*?[\])}]+)?",
    re.IGNORECASE,
)
_ARROW = re.compile(r"\s*(?:-{1,3}>|={1,2}>|-\.->|→|⟶|⇒|─+[▶>])(?:\|[^|\n]*\|)?\s*")
_LABEL = re.compile(r"\[[^\]\n]*\]|\([^)\n]*\)|\{[^}\n]*\}|\"[^\"\n]*\"")
_MOST_LINES = 2000


@frozen(kw_only=True)
class Wave:
    """One wave.

    Attributes:
        name: as the file calls it.
        tasks: places in the list.
        after: places of the waves it names as those before it; ``None`` where it names none.
        line: where it stands.
    """

    name: str
    tasks: tuple[int, ...]
    after: tuple[int, ...] | None = None
    line: int


@define
class Schedule:
    """What the section says.

    Attributes:
        waves: in their order.
        arrows: what is declared to come before what.
    """

    waves: list[Wave] = field(factory=list)
    arrows: StatedOrders = field(factory=StatedOrders)
    warnings: list[str] = field(factory=list)


def read_schedule(checklist: Checklist, names: Names) -> Schedule:
    """Read every fence of the section that can be understood."""
    page, found = checklist.page, Schedule()
    for index, block in enumerate(page.blocks):
        under = any(_SECTION.search(page.blocks[each].flat) for each in page.above(index))
        if block.kind != "fence" or not (under or _looks_like_waves(block)):
            continue
        text = block.text.lstrip()
        if text.startswith(("{", "[")):
            _waves(checklist, names, block, found)
        elif under:
            for line, arrow in _arrows(block):
                _take_arrow(checklist, names, line, arrow, found.arrows)
    return found


def _looks_like_waves(block: Block) -> bool:
    return block.kind == "fence" and '"waves"' in block.text[:200]


# --- waves ----------------------------------------------------------------------------------------------------------


def _waves(checklist: Checklist, names: Names, block: Block, found: Schedule) -> None:
    where = checklist.page.where
    try:
        root = load_json(block.text, checklist.page.name)
    except SpecificationError as error:
        first = error.problems[0]
        inside = re.search(r":(\d+)(?::\d+)?$", first.where)
        place = where(block.line + int(inside[1])) if inside else where(block.line)
        found.warnings.append(f"{place}: the task graph is no JSON ({first.what}): not used")
        return
    listed = root.value.get("waves") if isinstance(root.value, dict) else root
    if listed is None or not isinstance(listed.value, tuple):
        found.warnings.append(f"{where(block.line)}: the task graph has no list of waves: not used")
        return
    known: dict[str, int] = {}
    seen: dict[int, str] = {}
    for number, node in enumerate(listed.value):
        line = block.line + node.place.line
        wave = _wave(checklist, names, node, number, line, known, found.warnings)
        if wave is None:
            continue
        for task in wave.tasks:
            if seen.setdefault(task, wave.name) != wave.name:
                called = checklist.entries[task].called
                found.warnings.append(f"{where(line)}: {called} is in wave {seen[task]} and in wave {wave.name}")
        known[wave.name] = len(found.waves)
        found.waves.append(wave)


def _wave(
    checklist: Checklist,
    names: Names,
    node: Located,
    number: int,
    line: int,
    known: dict[str, int],
    warnings: list[str],
) -> Wave | None:
    where = checklist.page.where(line)
    keys = node.value if isinstance(node.value, dict) else {}
    tasks = node if isinstance(node.value, tuple) else keys.get("tasks")
    if tasks is None or not isinstance(tasks.value, tuple):
        warnings.append(f"{where}: wave {number} has no list of tasks: not used")
        return None
    label = next((keys[key] for key in ("id", "wave", "number", "name") if key in keys), None)
    name = label.text.strip() if label is not None and label.text.strip() else str(number)
    places: list[int] = []
    for each in tasks.value:
        said = each.value.get("id") if isinstance(each.value, dict) else each
        text = said.text.strip() if said is not None else ""
        found = names.find(text) if text else []
        if not found:
            warnings.append(f"{where}: wave {name} names {text or each.kind}, which is no task here: ignored")
        places += found
    waits = next((keys[key] for key in ("depends_on", "dependsOn", "dependencies", "after") if key in keys), None)
    after: tuple[int, ...] | None = None
    if waits is not None and isinstance(waits.value, tuple):
        after = tuple(known[each.text.strip()] for each in waits.value if each.text.strip() in known)
    return Wave(name=name, tasks=tuple(dict.fromkeys(places)), after=after, line=line)


# --- arrows ---------------------------------------------------------------------------------------------------------


def _arrows(block: Block) -> Iterator[tuple[int, list[str]]]:
    """Lines with arrows, each as the texts between them."""
    for number, line in enumerate(block.text.split("\n")[:_MOST_LINES], block.line + 1):
        if len(line) <= 500 and len(parts := _ARROW.split(line)) > 1:
            yield number, parts


def _take_arrow(checklist: Checklist, names: Names, line: int, parts: list[str], orders: StatedOrders) -> None:
    sides = [_nodes(names, part) for part in parts]
    for before, after in pairwise(sides):
        for later in after:
            for first in before:
                if first != later:
                    orders.before.setdefault(later, {}).setdefault(first, line)


def _nodes(names: Names, text: str) -> list[int]:
    plain = _LABEL.sub(" ", text)
    found: list[int] = []
    for match in _NODE.finditer(plain):
        found += names.find(match["id"].replace("_", "."))
    return found
