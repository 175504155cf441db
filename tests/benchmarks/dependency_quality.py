"""How good the dependencies are that the offline rules find in bare task texts, against the orders that people wrote down for them.

Run it as a program: ``python tests/benchmarks/dependency_quality.py [--scorer PATH] [--seeds 1 2 3] [--json]``. It asks the scorer for tasks in random order under
new ids and without any dependency (``blind --shuffle SEED``), plans each list like a user's task list (the real registry, resolver and planner, no model, no
network), and gives the scorer the edges of the plan, once the binding ones alone and once all. A third row counts the advisory ones too that the plan left out
because they would have made it longer.

Feature folders of spec-kit, where the samples beside the scorer have some, are read a second time with the real reader, headings and all: there the phases
and the marks for parallel work are the truth.
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.models import ExecutionPlan, Reason
from agent_dispatcher.planning.dependency_resolver import BINDING_THRESHOLD

SCORER = Path(__file__).parents[3] / "shared" / "tools" / "dependency_score.py"
SEEDS = (1, 2, 3, 4, 5)
VIEWS = ("binding", "all", "found")
#: What a task list of our own calls the texts of a task, and what the scorer's formats call more of them.
_TEXTS = ("id", "title", "description", "details", "testStrategy")
_MORE = ("design", "acceptance_criteria", "notes")

Edges = dict[str, dict[str, list[list[str]]]]


@frozen
class Scorer:
    """The program that knows the truth."""

    path: Path

    def blind(self, seed: int) -> list[dict[str, Any]]:
        """The units of a seed: ``unit`` (its name), ``kind``, ``tasks``."""
        return json.loads(self._run("blind", "--shuffle", str(seed)))

    def score(self, predictions: Mapping[str, Sequence[Sequence[str]]], *options: str) -> dict[str, Any]:
        """The scorer's summary by kind of unit."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "predictions.json"
            file.write_text(json.dumps(predictions), encoding="utf-8")
            return json.loads(self._run("score", str(file), "--json", *options))["summary"]

    def features(self) -> list[tuple[str, Path]]:
        """Names of units and folders of the spec-kit samples beside the scorer."""
        specs = self.path.resolve().parents[1] / "specs"
        if not (specs / "manifest.json").is_file():
            return []
        listed = json.loads((specs / "manifest.json").read_text(encoding="utf-8"))
        found = (
            (f"spec-kit/{each['name']}", specs.parent / each["sample"])
            for each in listed
            if each["format"] == "spec-kit"
        )
        return [(name, folder) for name, folder in found if folder.is_dir()]

    def _run(self, *arguments: str) -> str:
        done = subprocess.run([sys.executable, str(self.path), *arguments], check=True, capture_output=True, text=True)
        return done.stdout


def document(tasks: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A task list as a user would have it: ids, texts, priorities in words, and no dependency."""
    listed = []
    for task in tasks:
        entry = {key: task[key] for key in _TEXTS if task.get(key)}
        if isinstance(task.get("priority"), str):
            entry["priority"] = task["priority"]
        more = [str(task[key]) for key in _MORE if task.get(key)]
        if more:
            entry["details"] = "\n\n".join([str(entry.get("details") or ""), *more]).strip()
        listed.append(entry)
    return {"tasks": listed}


def views(plan: ExecutionPlan) -> dict[str, list[list[str]]]:
    """The edges of a plan by :data:`VIEWS`, by the tasks' own ids. What paths imply is in each of them, as leaving it out changes no order."""
    names = {task.id: task.source_id or task.id for task in plan.tasks}
    found: dict[str, list[list[str]]] = {view: [] for view in VIEWS}
    for each in plan.dependencies:
        _put(found, [names[each.before], names[each.after]], binding=each.strength == "binding", kept=True)
    for each in plan.dropped:
        if each.kind in ("redundant", "parallelism"):
            kept = each.kind == "redundant"
            _put(
                found,
                [names[each.before], names[each.after]],
                binding=kept and _surety(each.reasons) >= BINDING_THRESHOLD,
                kept=kept,
            )
    return found


def _put(found: dict[str, list[list[str]]], edge: list[str], *, binding: bool, kept: bool) -> None:
    found["found"].append(edge)
    if kept:
        found["all"].append(edge)
    if binding:
        found["binding"].append(edge)


def _surety(reasons: Iterable[Reason]) -> float:
    """As the resolver counts it: the surest sighting of each rule, the rules as independent."""
    by_rule: dict[str, float] = {}
    for reason in reasons:
        by_rule[reason.rule] = max(by_rule.get(reason.rule, 0.0), reason.confidence)
    doubt = 1.0
    for value in by_rule.values():
        doubt *= 1 - value
    return 1 - doubt


def predict(units: Iterable[Mapping[str, Any]]) -> Edges:
    """The edges of each unit, by view."""
    dispatcher = AgentDispatcher()
    found: Edges = {view: {} for view in VIEWS}
    for unit in units:
        if len(unit["tasks"]) > 1:
            for view, edges in views(dispatcher.plan(document(unit["tasks"]))).items():
                found[view][unit["unit"]] = edges
    return found


def measure(scorer: Scorer, seeds: Sequence[int]) -> dict[str, dict[str, dict[str, list[float]]]]:
    """kind -> view -> ``closure`` and ``reduction`` -> precision, recall and F1 (micro), each the mean over the seeds."""
    sums: dict[str, dict[str, dict[str, list[float]]]] = {}
    for seed in seeds:
        predicted = predict(scorer.blind(seed))
        for view in VIEWS:
            for kind, summary in scorer.score(predicted[view], "--shuffle", str(seed)).items():
                if not summary["with_edges"]:
                    continue
                for what in ("closure", "reduction"):
                    own = sums.setdefault(kind, {}).setdefault(view, {}).setdefault(what, [0.0, 0.0, 0.0])
                    for at, key in enumerate(("p", "r", "f1")):
                        own[at] += summary[what]["micro"][key] / len(seeds)
    return sums


def arranged(scorer: Scorer) -> dict[str, float]:
    """What the scorer says of spec-kit folders read with their headings: shares of ordered pairs kept and of parallel pairs violated."""
    dispatcher = AgentDispatcher()
    predicted = {name: views(dispatcher.plan(folder))["all"] for name, folder in scorer.features()}
    if not predicted:
        return {}
    summary = scorer.score(predicted).get("spec-kit", {})
    return {key: summary[key]["share"] for key in ("ordered_recall", "parallel_violated") if key in summary}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the scores; 0 also where there is no scorer."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scorer", type=Path, default=SCORER, help="the scoring program (default: %(default)s)")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS), help="orders to try (default: 1 to 5)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    chosen = parser.parse_args(arguments)
    if not chosen.scorer.is_file():
        print(f"skipped: there is no scorer at {chosen.scorer}; name one with --scorer", file=sys.stderr)
        return 0
    logging.disable(logging.WARNING)
    scorer = Scorer(chosen.scorer)
    scores, folders = measure(scorer, chosen.seeds), arranged(scorer)
    if chosen.json:
        print(json.dumps({"seeds": chosen.seeds, "scores": scores, "spec-kit with headings": folders}, indent=1))
        return 0
    print(f"{'kind':<16} {'edges':<8} {'closure P/R/F1':>18} {'reduction P/R/F1':>20}")
    for kind, by_view in scores.items():
        for view in VIEWS:
            texts = ["/".join(f"{value:.2f}" for value in by_view[view][what]) for what in ("closure", "reduction")]
            print(f"{kind:<16} {view:<8} {texts[0]:>18} {texts[1]:>20}")
    if folders:
        print(
            f"spec-kit with headings: ordered {folders['ordered_recall']:.3f}, parallel violated {folders['parallel_violated']:.3f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
