"""The page tells of each task what was asked of models and run for it, and names the command that shows the texts."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

from attrs import evolve

from agent_dispatcher.reporting import build_result
from agent_dispatcher_builtins.reporters.markdown_report import MarkdownReporter


def body_of(page: str, anchor: str) -> str:
    """The text of a task's part of the page, without tags, in one line."""
    found = re.split('<div class="body"|</section>', page[page.index(f'id="{anchor}">') :])[0]
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", found)).split())


def test_calls_and_commands_are_told_attempt_by_attempt(asked_run: Any, tmp_path: Path) -> None:
    """With model, purpose, tools, tokens, price, seconds, digests, words of the command, exit code; and the command that shows all."""
    text = body_of(asked_run.write(tmp_path), "task-1")
    assert "Attempt 1 2 questions to a model, 2 468 tokens, $0.0050; 1 command from commit bbbbbbbbbb" in text
    first = "1 asked coder-1 (code_writing); it wants called: read_file (2 times), list question 2222222222 , answer 3333333333"
    assert f"{first} ✓ answered 1 234 $0.0025 3.5 s" in text
    assert "2 asked coder-1 (code_writing) question 2222222222 ✗ failed (timeout)" in text
    assert """3 ran python -c 'print('"'"'a b'"'"')' output 4444444444 ✗ exit code 2 0.2 s""" in text
    assert "Attempt 2 103 commands from commit bbbbbbbbbb ; its work is aaaaaaaaaa , landed as dddddddddd" in text
    assert "agent-dispatcher explain r1 'write it' --said" in text


def test_planning_is_told_of_the_tasks_it_was_about(asked_run: Any, tmp_path: Path) -> None:
    """Before the attempts, with what came to nothing marked so and an unknown price said."""
    text = body_of(asked_run.write(tmp_path), "task-1")
    assert "Planning 2 questions to a model, 1 700 tokens, $0.5000, 1 of unknown price" in text
    assert "1 asked planner-1 (decompose) ○ came to nothing 900 unknown" in text
    assert "2 asked planner-1 (dependencies) question 1111111111 ✓ answered 800 $0.5000" in text
    assert text.index("Planning 2") < text.index("Attempt 1 2 questions")


def test_an_answer_that_was_reused_is_called_so(asked_run: Any, tmp_path: Path) -> None:
    """It is no answer to a question of this plan."""
    vain, good = asked_run.plan.planning_calls
    reused = evolve(asked_run.plan, planning_calls=(vain, evolve(good, reused=True, tokens=0, cost_usd=0.0)))
    text = body_of(evolve(asked_run, plan=reused).write(tmp_path), "task-1")
    assert "2 asked planner-1 (dependencies) question 1111111111 ↺ reused 0" in text


def test_of_many_the_first_and_the_last_are_shown(asked_run: Any, tmp_path: Path) -> None:
    """And it is said how many are not."""
    text = body_of(asked_run.write(tmp_path), "task-1")
    assert "command-49" in text and "command-53" in text and "command-102" in text
    assert "command-50" not in text and "command-52" not in text
    assert "3 in the middle are left out here." in text and "✗ limit: time" in text


def test_a_task_for_which_nothing_was_asked_has_no_such_part(asked_run: Any, tmp_path: Path) -> None:
    """Though others of the run have."""
    assert "What was asked and run" not in body_of(asked_run.write(tmp_path), "task-2")


def test_a_run_without_models_and_commands_has_none(small_run: Any, tmp_path: Path) -> None:
    """Nor has one whose landings were each checked alone anything about the whole."""
    page = small_run.write(tmp_path)
    assert "asked and run" not in page and "while it grew" not in page and "--said" not in page


def test_checks_of_the_whole_name_what_is_new_in_it(asked_run: Any, tmp_path: Path) -> None:
    """In both reports, with tree and outcome."""
    page = asked_run.write(tmp_path)
    outcome = page[page.index('id="outcome"') : page.index('id="requirements"')]
    text = " ".join(html.unescape(re.sub("<[^>]*>", " ", outcome)).split())
    assert "With Write the cart , Do it alone tree ffffffffff pytest ✓ passed proof 31 passed together" in text
    result = build_result(asked_run.plan, "r1", asked_run.events)
    (path,) = MarkdownReporter().write(result, asked_run.plan, asked_run.events, tmp_path)
    told = path.read_text()
    assert "| Write the cart, Do it alone | `ffffffffff` | pytest: 31 passed together |" in told
    assert "| Write the cart | 1 | 2 | 2468 | 0.005000 | 1 (1 failed) | failed |  |" in told
    assert "| Write the cart | 2 |  |  |  | 103 | landed | `aaaaaaaaaa`, `dddddddddd` |" in told
