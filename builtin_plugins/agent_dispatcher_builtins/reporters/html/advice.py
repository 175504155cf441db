"""The first thing a reader wants: how it ended in one sentence, the figures, and what to do now."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence

from attrs import frozen

from agent_dispatcher.models import Event, ExecutionPlan, ExecutionResult
from agent_dispatcher.reporting.history import History
from agent_dispatcher.reporting.stated_examples import UNPROVEN, examples_in_words

from .text import clean, line, money, number, seconds

__all__ = ["Advice", "Tile", "next_steps", "sentence", "tiles"]


@frozen
class Tile:
    """A figure with its name and what it means."""

    name: str
    figure: str
    note: str = ""


@frozen
class Advice:
    """Something to do: a sentence, maybe with the command that does it."""

    text: str
    command: str = ""


def sentence(result: ExecutionResult) -> str:
    """The outcome in one sentence."""
    counts = Counter([task.status for task in result.task_results])
    total = len(result.task_results)
    met = sum(requirement.verdict == "met" for requirement in result.requirements)
    wanted = len(result.requirements)
    if not total:
        return "There was nothing to do."
    if counts["completed"] == total:
        done = "The only task is completed" if total == 1 else f"All {total} tasks are completed"
    else:
        done = f"{counts['completed']} of {total} tasks are completed"
        rest = [
            f"{counts[status]} {status}" for status in ("failed", "blocked", "skipped", "cancelled") if counts[status]
        ]
        done += f" ({', '.join(rest)})" if rest else ""
    if not wanted:
        return f"{done}; the specification has no numbered requirements."
    if met == wanted:
        every = "its only requirement is met" if wanted == 1 else f"each of the {wanted} requirements is met"
        return f"{done}, and {every} by checks that passed; {UNPROVEN}: read them.{_examples(result)}"
    return f"{done}; {met} of {wanted} requirements are met by checks that passed.{_examples(result)}"


def _examples(result: ExecutionResult) -> str:
    said = examples_in_words(result)
    return f" {said[0].upper()}{said[1:]}." if said else ""


def tiles(result: ExecutionResult, events: Sequence[Event]) -> Iterator[Tile]:
    """The figures of the run."""
    completed = [task.status for task in result.task_results].count("completed")
    metrics = result.metrics
    yield Tile(
        "Tasks completed", f"{completed} of {len(result.task_results)}", f"{result.success_rate():.0f} % success"
    )
    if result.requirements:
        met = sum(requirement.verdict == "met" for requirement in result.requirements)
        yield Tile(
            "Requirements met", f"{met} of {len(result.requirements)}", "by checks that passed; read what they look at"
        )
    kinds = Counter([event.type for event in events])
    tries = kinds["attempt.started"]
    yield Tile("Time", seconds(metrics.wall_s), f"{seconds(metrics.work_s)} of work by agents and checks")
    most = f"at most {metrics.max_speedup:.2f} for this plan"
    yield Tile("Speed-up", f"{metrics.speedup:.2f}", most)
    if tries:
        again = kinds["attempt.rejected"] + kinds["attempt.failed"]
        yield Tile("Attempts", str(tries), f"{again} rejected or failed" if again else "none rejected, none failed")
    yield _cost(result)


def _cost(result: ExecutionResult) -> Tile:
    metrics = result.metrics
    if not metrics.tokens and metrics.cost_usd is None:
        return Tile("Cost", "none", "no language model was called")
    tokens = f"{number(metrics.tokens)} tokens"
    if metrics.cost_usd is None:
        return Tile("Cost", "unknown", f"{tokens}, no price is known")
    if metrics.unpriced_calls:
        tokens += f", {metrics.unpriced_calls} calls of unknown price left out"
    return Tile("Cost", money(metrics.cost_usd), tokens)


def next_steps(result: ExecutionResult, plan: ExecutionPlan, history: History) -> Iterator[Advice]:
    """What to do now, most useful first."""
    output = clean(result.output)
    branch = clean(result.branch)
    folder = shlex.quote(output)
    match result.status:
        case "completed":
            yield from _take_over(history, output, branch)
        case "partial":
            yield Advice(
                "Read below what was left out and why; install or configure an agent type that does it, then run again."
            )
            yield _again(result, folder)
            yield from _take_over(history, output, branch)
        case "failed":
            yield Advice("Read below what went wrong, mend the specification or the configuration, and run again.")
            yield _again(result, folder)
            if branch:
                yield Advice(
                    f"What landed before is kept on the branch {branch}.", f"git -C {folder} log {shlex.quote(branch)}"
                )
        case "paused" | "executing":
            yield Advice(
                "Go on where it stopped; what is finished stays finished.",
                f"agent-dispatcher resume {shlex.quote(clean(result.run))}",
            )
        case _:
            yield Advice("Start again when you like; what landed is kept.", _again(result, folder).command)


def _take_over(history: History, output: str, branch: str) -> Iterator[Advice]:
    folder = shlex.quote(output)
    if not branch:
        yield Advice("The work is in the output folder.", f"ls {folder}" if output else "")
        return
    merge = f"git -C {folder} merge {shlex.quote(branch)}"
    match history.facts.get("new"):
        case True:
            yield Advice("The work is checked out on the main branch of a new repository.", f"cd {folder}")
        case False:
            yield Advice("Nothing was merged into your own branches. Look at the work, then take it over.", merge)
        case _:
            yield Advice("The work is on a branch of its own. In a repository that was there before, merge it.", merge)


def _again(result: ExecutionResult, folder: str) -> Advice:
    path = line(result.specification.path, 4000)
    if not path:
        return Advice("Run it again in the same folder.")
    return Advice("Run it again in the same folder.", f"agent-dispatcher run {shlex.quote(path)} --output {folder}")
