"""Tries calls whose results are known, and writes a line of JSON about each. Runs in the sandbox, from its text.

Arguments: where the lines go, then the examples as JSON. This process imports nothing of the work: children call it, one all of them in order, as a text tells
them, and for each that does not hold one that calls nothing else. An example holds if it does in either.
"""

import ast
import asyncio
import contextlib
import enum
import importlib
import inspect
import io
import itertools
import json
import math
import numbers
import os
import select
import signal
import sys
import sysconfig
import types
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

ALONE_S = 60.0
MOST_HANGING = 2
MOST_TAKEN = 10_000
LONGEST = 300
TREE = Path.cwd().resolve()
STANDARD = tuple(Path(sysconfig.get_path(each)).resolve() for each in ("stdlib", "platstdlib"))
#: What goes wrong between a program and the world around it is no fault of an example.
OUTSIDE = ("sqlite3", "socket", "ssl", "urllib.error", "http.client", "subprocess")

Outcome = tuple[str, str]


def of_the_tree(path: str) -> bool:
    return (TREE / path).resolve().is_relative_to(TREE)


def shown(value: object) -> str:
    try:
        said = repr(value)
    except Exception as error:
        said = f"a {type(value).__name__} without a representation ({type(error).__name__})"
    return said if len(said) <= LONGEST else said[: LONGEST - 1] + "…"


def is_number(value: object) -> bool:
    return (isinstance(value, numbers.Number) or type(value).__name__ == "Decimal") and not isinstance(value, bool)


def same_number(got: Any, wanted: Any, places: int | None) -> bool:
    try:
        if places is not None:
            return math.isclose(float(got), float(wanted), rel_tol=0.01, abs_tol=10.0**-places)
        near = isinstance(wanted, float) and math.isclose(float(got), wanted, rel_tol=1e-6, abs_tol=1e-12)
        return bool(near or got == wanted)
    except (TypeError, ValueError, OverflowError):
        return False


def says_what_it_equals(value: object) -> bool:
    """Whether the work decides what its value is equal to."""
    equality = type(value).__eq__
    return isinstance(equality, types.FunctionType) and of_the_tree(equality.__code__.co_filename)


def stands_for(got: Any, text: object) -> bool:
    """Whether a path or a member of an enumeration stands for a text; nothing else does."""
    if not isinstance(text, str):
        return False
    member = isinstance(got, enum.Enum) and isinstance(got.value, str) and got.value == text
    return member or (isinstance(got, (PurePath, enum.Enum)) and str(got) == text)


def same(got: Any, wanted: Any, places: int | None = None) -> bool:
    """Whether a value is what a literal says, for all who read it."""
    if says_what_it_equals(got):
        return wanted.__class__.__eq__(wanted, got) is True or repr(got) == repr(wanted) or stands_for(got, wanted)
    if is_number(wanted) and is_number(got):
        return same_number(got, wanted, places)
    if isinstance(wanted, (list, tuple)) and not isinstance(got, (str, bytes, dict, set, frozenset)):
        try:
            listed = list(itertools.islice(got, MOST_TAKEN))
        except TypeError:
            return False
        return len(listed) == len(wanted) and all(same(*each, places) for each in zip(listed, wanted, strict=True))
    if isinstance(wanted, dict) and isinstance(got, dict):
        return got.keys() == wanted.keys() and all(same(got[key], wanted[key], places) for key in wanted)
    try:
        equal = bool(got == wanted)
    except Exception:
        equal = False
    return equal or stands_for(got, wanted) or repr(got) == repr(wanted)


def from_outside(error: BaseException) -> bool:
    """Whether an exception says that something is not there that the work needs: a package, a file, a service, a variable of the environment, somebody who types, an application that calls it."""
    if (isinstance(error, ImportError) and error.name) or (isinstance(error, OSError) and error.errno is not None):
        return True
    if isinstance(error, EOFError) or type(error).__module__ in OUTSIDE:
        return True
    last, module, trace = "", "", error.__traceback__
    while trace is not None:
        last, module = trace.tb_frame.f_code.co_filename, trace.tb_frame.f_globals.get("__name__", "")
        trace = trace.tb_next
    if isinstance(error, KeyError) and module == "os":
        return True
    path = Path(last).resolve()
    packaged = not {"site-packages", "dist-packages"}.isdisjoint(path.parts)
    return path.exists() and not of_the_tree(last) and (packaged or not any(map(path.is_relative_to, STANDARD)))


def called(function: Any, call: str) -> Any:
    node = ast.parse(call, mode="eval").body
    assert isinstance(node, ast.Call)
    given = [ast.literal_eval(each) for each in node.args]
    named = {str(each.arg): ast.literal_eval(each.value) for each in node.keywords}
    got = function(*given, **named)
    if inspect.isawaitable(got):

        async def awaited() -> Any:
            return await got

        got = asyncio.run(awaited())
    return list(itertools.islice(got, MOST_TAKEN)) if inspect.isgenerator(got) else got


def tried(example: dict[str, Any]) -> Outcome:
    """What became of it, and what came of the call."""
    try:
        function = getattr(importlib.import_module(example["module"]), example["function"])
    except BaseException as error:
        return "untried", f"{example['module']} cannot be had here: {type(error).__name__}: {str(error)[:LONGEST]}"
    try:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            got = called(function, example["call"])
        if example["raises"]:
            return "wrong", f"it gave {shown(got)}"
        places = len(example["result"].partition(".")[2]) if example["roughly"] else None
        wanted = ast.literal_eval(example["result"])
        if got is None and isinstance(wanted, str) and printed.getvalue().strip() == wanted.strip():
            return "holds", f"it printed {shown(wanted)}"
        return "holds" if same(got, wanted, places) else "wrong", f"it gave {shown(got)}"
    except BaseException as error:
        said = f"it raised {type(error).__name__}: {str(error)[:LONGEST]}".removesuffix(": ")
        if example["raises"] in [each.__name__ for each in type(error).__mro__]:
            return "holds", said
        return "untried" if isinstance(error, SystemExit) or from_outside(error) else "wrong", said


def child(examples: Sequence[dict[str, Any]]) -> tuple[int, int]:
    """Tries examples in a process of its own; gives its id, and where its answers are read."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    try:
        os.close(reading)
        silence = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silence, stream)
        folders = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        sys.path[:0] = [*filter(None, folders), str(TREE)]
        for example in examples:
            os.write(writing, json.dumps(tried(example)).encode() + b"\n")
    finally:
        os._exit(0)


def heard(examples: Sequence[dict[str, Any]]) -> tuple[list[Outcome], bool]:
    """The answers of one child, and whether it hung after the last of them."""
    pid, reading = child(examples)
    data, hung = b"", False
    while data.count(b"\n") < len(examples):
        hung = not select.select([reading], [], [], ALONE_S)[0]
        more = b"" if hung else os.read(reading, 65536)
        if not more:
            break
        data += more
    os.close(reading)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    answers = [json.loads(line) for line in data.split(b"\n")[: data.count(b"\n")]]
    return [(str(outcome), str(said)) for outcome, said in answers[: len(examples)]], hung


def outcomes_of(examples: Sequence[dict[str, Any]]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    hanging = 0
    while len(outcomes) < len(examples):
        if hanging == MOST_HANGING:
            outcomes.append(("untried", "there was no time left"))
            continue
        answers, hung = heard(examples[len(outcomes) :])
        outcomes += answers
        if len(outcomes) < len(examples):
            outcomes.append(("wrong", f"it did not end within {ALONE_S:g} s" if hung else "it ended the process"))
            hanging += hung
    if len(examples) > 1 and not hanging:
        for place, (outcome, _) in enumerate(outcomes):
            alone = heard([examples[place]])[0] if outcome == "wrong" else []
            if alone and alone[0][0] == "holds":
                outcomes[place] = alone[0]
    return outcomes


if __name__ == "__main__":
    results, given = sys.argv[1:]
    lines = [json.dumps({"outcome": outcome, "said": said}) + "\n" for outcome, said in outcomes_of(json.loads(given))]
    Path(results).write_text("".join(lines), encoding="utf-8")
