"""Ten writers at work on one repository at once, with overlaps that were planned; also killed and resumed. A program of its own, started by
``../test_ten_writers.py``. Prints one JSON line per case.

Usage: ``driver.py FOLDER seeds FIRST LAST``: runs, each with its own order, timing and size of batches.
``driver.py FOLDER kill [train]``: one run killed at the first and last hit of every failpoint that stands in the way of landing (or of
those of batches only), and resumed.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))  # for killed_runs

from judge import judge, what_happened
from shop import RUN, complete, make_repository

from killed_runs import end_of, fork, last_hits, log_of, sealed_refs


def process(output: Path, seed: int, failpoints: str = "") -> int:
    """Carry the run out in a child; its exit status (0: it is over, -9: killed)."""
    return end_of(fork(lambda: complete(output, seed), failpoints))


def seeds(folder: Path, first: int, last: int) -> bool:
    bad = False
    for seed in range(first, last):
        case = folder / f"seed-{seed}"
        make_repository(case / "out")
        code = process(case / "out", seed)
        found = [f"the run ends with {code}"] if code else judge(case / "out", seed, {}, Counter())
        print(json.dumps({"seed": seed, "faults": found, **what_happened(case / "out")}), flush=True)
        bad = bad or bool(found)
        shutil.rmtree(case)
    return not bad


def kill_everywhere(folder: Path, only: str = "") -> bool:
    """Kill a run at failpoints of landing, the first and the last hit; whether nothing broke a promise."""
    seed, trace = 6, folder / "trace"
    make_repository(folder / "reference" / "out")
    if process(folder / "reference" / "out", seed, f"trace={trace}") != 0:
        raise SystemExit("the run without faults does not end")
    hits = last_hits(trace)
    bad = False
    for name in sorted(hits):
        if not name.startswith(
            only or ("train.", "workspace.", "landing.", "integration.", "seal.", "final.", "finish.")
        ):
            continue
        for hit in sorted({1, hits[name]}):
            case = folder / f"{name}-{hit}"
            output = case / "out"
            make_repository(output)
            first = process(output, seed, f"{name}:{hit}:kill")
            while first == 0 and hit > 1:  # fewer hits this time: the last one is an earlier one
                shutil.rmtree(case)
                make_repository(output)
                hit -= 1
                first = process(output, seed, f"{name}:{hit}:kill")
            sealed = sealed_refs(output)
            started = Counter(event.task or "" for event in log_of(output, RUN) if event.type == "attempt.started")
            second = process(output, seed)
            found = [f"resume ends with {second}"] if second else judge(output, seed, sealed, started)
            report = {"point": f"{name}:{hit}", "first": first, "sealed": len(sealed), "faults": found}
            print(json.dumps(report), flush=True)
            bad = bad or bool(found)
            shutil.rmtree(case)
    return not bad


if __name__ == "__main__":
    where, mode, *rest = sys.argv[1:]
    folder = Path(where).resolve()
    good = seeds(folder, int(rest[0]), int(rest[1])) if mode == "seeds" else kill_everywhere(folder, *rest)
    sys.exit(not good)
