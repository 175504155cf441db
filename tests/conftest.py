"""Whoever runs the tests: their own runs change no test's plan, and no test's runs change their plans. And how tests measure growth."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

# A loaded machine is no fault of an example. (Where CI is set, Hypothesis has a profile of its own that says so too.)
if not os.environ.get("CI"):
    settings.register_profile("here", deadline=None)
    settings.load_profile("here")


@pytest.fixture(scope="session", autouse=True)
def no_history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The state folder is a fresh one, and nothing is learned from what other tests did or models answered them, for this process and its children."""
    with pytest.MonkeyPatch.context() as patch:
        if "XDG_STATE_HOME" not in os.environ:
            patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.setenv("AGENT_DISPATCHER_PLANNING_LEARN_FROM_RUNS", "0")
        patch.setenv("AGENT_DISPATCHER_PLANNING_REUSE_REPLIES", "false")
        yield


Growth = Callable[[Callable[[int], Callable[[], object]], int, int], float]


@pytest.fixture(scope="session")
def growth() -> Growth:
    """``growth(prepare, small, large)``: how much more CPU time each of ``large`` things costs than each of ``small``; 1 is linear.

    ``prepare(size)`` gives the work to measure, which is done three times at each size. The quickest turns are compared, without the garbage
    collector: what other processes do to the caches of a machine is no growth.
    """

    def seconds(work: Callable[[], object]) -> float:
        gc.collect()
        gc.disable()
        try:
            began = time.process_time()
            work()
            return time.process_time() - began
        finally:
            gc.enable()

    def measure(prepare: Callable[[int], Callable[[], object]], small: int, large: int) -> float:
        works = prepare(small), prepare(large)
        turns = [tuple(seconds(work) for work in works) for _ in range(3)]
        quickest = [max(min(turn[which] for turn in turns), 1e-4) for which in (0, 1)]
        return (quickest[1] / large) / (quickest[0] / small)

    return measure
