"""What a task says itself about the tasks it waits for."""

from __future__ import annotations

import pytest

from agent_dispatcher_builtins.specifications.checklist import read_checklist
from agent_dispatcher_builtins.specifications.stated_orders import StatedOrders, stated_orders

LIST = "- [ ] 1. a\n- [ ] 1.1 b\n- [ ] 1.2 c\n- [ ] 1.3 d\n- [ ] 2. e\n- [ ] 3. f\n- [ ] 4. g\n"


def said(line: str) -> StatedOrders:
    """What task 4 says with one line below it."""
    return stated_orders(read_checklist(f"{LIST}  - {line}\n", "t.md"))


def numbers(line: str) -> list[str]:
    entries = read_checklist(LIST, "t.md").entries
    return [entries[place].number for place in said(line).before.get(6, {})]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("_Depends: 1.2, 2_", "1.2 2"),
        ("_Depends: none_", ""),
        ("**Dependencies**: Task 1, Task 3", "1 3"),
        ("**Dependencies:** Tasks 1-3 (needs 9)", "1 2 3"),
        ("Dependencies: 1.1–1.3", "1.1 1.2 1.3"),
        ("Dependencies: 1.1 through 1.3 and 2", "1.1 1.2 1.3 2"),
        ("Depends on 3", "3"),
        ("Depends on Task 2 and Task 3", "2 3"),
        ("Blocked by: #2; `3`", "2 3"),
        ("依存: 1.1、1.2", "1.1 1.2"),
        ("依赖：任务 2 和 任务 3", "2 3"),
        ("의존: 1.1, 2", "1.1 2"),
        ("Зависит от: 1.1 и 2", "1.1 2"),
        ("Dependências: 1.1 e 2", "1.1 2"),
        ("Dependencies: None (independent of task 1)", ""),
        ("Dependencies: 3 new packages, node 2", ""),
        ("depends on the module of task force 1", ""),
        ("Uses what 1.2 made, and task 3", ""),
        ("Dependency injection for 1.1", ""),
    ],
)
def test_lines_that_declare(line: str, expected: str) -> None:
    """Numbers, lists and ranges in many languages; prose that mentions a number declares nothing."""
    assert numbers(line) == expected.split()


def test_a_parenthesis_in_the_title_declares() -> None:
    """As the task's own word; other parentheses do not."""
    found = stated_orders(read_checklist("- [ ] 1. a\n- [ ] 2. b (depends on 1)\n- [ ] 3. c (see 1)\n", "t.md"))
    assert found.before == {1: {0: 2}}


@pytest.mark.parametrize(
    ("line", "warning"),
    [
        ("_Depends: 9.9_", "t.md:8: 4 depends on 9.9, which is no task here: ignored"),
        ("_Depends: 4_", "t.md:8: 4 depends on itself (4): ignored"),
        ("_Depends: the other one_", "t.md:8: this names no task that 4 would wait for: _Depends: the other one_"),
    ],
)
def test_what_names_nothing_is_told(line: str, warning: str) -> None:
    """With the place; nothing else comes of it."""
    found = said(line)
    assert (found.before.get(6), found.warnings) == (None, [warning])
