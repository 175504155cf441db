"""Running tests and hearing what came of them; in parts where all together leave no results.

A single test file that ends the process or cannot be configured silences a whole suite, and then nothing could be told about any work. So the test
files are parted until it is known which of them are silent, and what all others say is heard. A suite whose time is over is not run in parts: it is slow,
or hangs, and that cannot be told apart in less time than it takes.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from attrs import evolve, frozen

from agent_dispatcher.extension import CheckContext, Completed, Limits
from agent_dispatcher.extension.components import Language
from agent_dispatcher.workspace.path_guard import read_untrusted

from .junit import Case, Results, parse_junit

__all__ = ["ALL_PASSED", "Heard", "hear", "hear_in_parts", "run_tests"]

_RESULTS, _COVERAGE = "results.xml", "coverage.json"
_MAX_RESULT_BYTES = 64 * 1024**2
_LIMITS = Limits(timeout_s=600.0, output_bytes=4 * 1024**2)
ALL_PASSED, SOME_FAILED, _INTERRUPTED, _NO_TESTS = 0, 1, 2, 5

#: So often tests are run in parts, and for so long may parts last that leave nothing because their time was over; files that are still in a silent part
#: then are taken to be silent.
_MOST_PARTS = 32
_MOST_LOST_S = 1200.0
_LEAST_S = 30.0
_SILENT = "it leaves no results"
_OUT_OF_TIME = "timeout_s"


@frozen(kw_only=True)
class Heard:
    """What came of a run of tests.

    Attributes:
        results: ``None`` where there are none that can be trusted.
        why: the reason for that.
        log: what was printed.
        measured: coverage, as it was written.
        silent: files that leave no results.
    """

    done: Completed
    results: Results | None
    why: str
    log: str
    measured: bytes | None = None
    silent: tuple[str, ...] = ()

    @property
    def timed_out(self) -> bool:
        """Whether there are no results because the time was over."""
        return self.done.limit_hit == _OUT_OF_TIME


async def hear(
    context: CheckContext, language: Language, files: Sequence[str], *, coverage: bool = False, timeout_s: float = 600.0
) -> Heard:
    """Run ``files`` (all tests where there are none) once."""
    done, data, measured = await run_tests(context, language, files, coverage=coverage, timeout_s=timeout_s)
    log = done.stdout + ("\n" + done.stderr if done.stderr else "")
    try:
        results = parse_junit(data) if data is not None else None
        why = "the tests left no results"
    except ValueError as error:
        results, why = None, f"the results cannot be read: {error}"
    if done.limit_hit:
        results, why = None, f"the tests were stopped ({done.limit_hit})"
    elif results is not None and done.code not in (ALL_PASSED, SOME_FAILED, _INTERRUPTED, _NO_TESTS):
        results, why = None, f"the test command ended with code {done.code}"
    said = [line for line in log.strip().splitlines() if line.strip()][-3:]
    return Heard(done=done, results=results, why=": ".join([why, " | ".join(said)])[:2000], log=log, measured=measured)


async def hear_in_parts(context: CheckContext, language: Language, files: Sequence[str], whole: Heard) -> Heard:
    """What all of ``files`` say that say anything; the silent ones are errors in its results.

    Each part has its share of the time that a whole suite has, so that a file that hangs costs no more than twice that. Which files are run together
    goes by a digest of their paths: a file that is new moves no other one.

    Args:
        whole: what came of them together, which is the answer where not one part is heard either.
    """
    parts = deque(_parted(files))
    cases: list[Case] = []
    silent: dict[str, str] = {} if parts else dict.fromkeys(files, whole.why)
    logs, runs, lost, heard = [whole.log], 0, 0.0, False
    while parts:
        part = parts.popleft()
        if runs == _MOST_PARTS or lost >= _MOST_LOST_S:
            silent |= dict.fromkeys(part, _SILENT)
            continue
        runs += 1
        share = max(_LEAST_S, _LIMITS.timeout_s * len(part) / len(files))
        found = await hear(context, language, part, timeout_s=share)
        logs.append(f"--- {len(part)} files by themselves: {part[0]} ...\n{found.log}")
        if found.results is not None:
            heard = True
            cases += found.results.cases
        elif len(part) == 1:
            silent[part[0]] = found.why
        else:
            parts += _parted(part)
        if found.timed_out:
            lost += share
    if not heard:
        return whole
    cases += [Case(name=file, outcome="error", message=why) for file, why in sorted(silent.items())]
    return evolve(
        whole,
        done=evolve(whole.done, code=SOME_FAILED, limit_hit=None),
        results=Results(cases=tuple(cases)),
        log="\n".join(logs),
        measured=None,
        silent=tuple(sorted(silent)),
    )


def _parted(files: Sequence[str]) -> list[list[str]]:
    """Two parts of several files, by the first bit in which the digests of their paths differ; none of a single one."""
    if len(files) < 2:
        return []
    digests = {file: int.from_bytes(hashlib.sha256(file.encode("utf-8", "surrogatepass")).digest()) for file in files}
    bit = 1 << ((min(digests.values()) ^ max(digests.values())).bit_length() - 1)
    return [[file for file in files if bool(digests[file] & bit) == side] for side in (False, True)]


async def run_tests(
    context: CheckContext, language: Language, files: Sequence[str], *, coverage: bool, timeout_s: float = 600.0
) -> tuple[Completed, bytes | None, bytes | None]:
    """Run ``files`` (all where there are none): the command's end, and the bytes of its two result files, which are written outside the tree."""
    tree = context.tree.path
    environment = await language.environment(tree)
    context.log_dir.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".results-", dir=context.log_dir))
    try:
        command = language.test_command(
            [f"./{file}" if file.startswith("-") else file for file in files],
            results=str(scratch / _RESULTS),
            coverage=str(scratch / _COVERAGE) if coverage else None,
        )
        done = await context.sandbox.run(
            command,
            cwd=tree,
            writable=(scratch,),
            read_only=(tree, *environment.read_only),
            env=environment.env,
            limits=evolve(_LIMITS, timeout_s=min(timeout_s, _LIMITS.timeout_s)),
        )
        return (
            done,
            read_untrusted(scratch, _RESULTS, max_bytes=_MAX_RESULT_BYTES),
            read_untrusted(scratch, _COVERAGE, max_bytes=_MAX_RESULT_BYTES) if coverage else None,
        )
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
