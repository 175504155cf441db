"""The collector of cycles is asked less often, and only for as long as somebody wants it so."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import pytest

from agent_dispatcher.collecting import no_collections, rare_collections


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_it_is_as_before_when_the_last_is_done() -> None:
    """Also when two overlap, one inside the other or side by side in threads, and when one raises."""
    gc.set_threshold(600, 9, 8)
    entered, leave = threading.Event(), threading.Event()

    def beside() -> None:
        with rare_collections():
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=beside)
    with pytest.raises(KeyError), rare_collections(), rare_collections():
        thread.start()
        assert entered.wait(10)
        assert gc.get_threshold()[0] > 600
        assert gc.get_threshold()[1] > 9
        raise KeyError
    assert gc.get_threshold()[0] > 600
    leave.set()
    thread.join(10)
    assert gc.get_threshold() == (600, 9, 8)


def test_a_process_that_never_collects_goes_on_so() -> None:
    """Whoever switched it off by its threshold knows why."""
    gc.set_threshold(0, 9, 8)
    with rare_collections():
        assert gc.get_threshold() == (0, 9, 8)
    assert gc.get_threshold() == (0, 9, 8)


def test_cycles_are_collected_meanwhile() -> None:
    """Memory does not grow without bound."""
    gone = []

    class Cycle:
        def __init__(self) -> None:
            self.self = self

        def __del__(self) -> None:
            gone.append(1)

    with rare_collections():
        for _ in range(200_000):
            Cycle()
        assert len(gone) > 100_000


def test_nothing_is_collected_while_lasting_values_are_made() -> None:
    """One inside the other, also where reading raises; what was made is old afterwards, and looked at no sooner than other old values."""
    with rare_collections():
        with pytest.raises(KeyError), no_collections():
            with no_collections():
                made = [[number] for number in range(1000)]
            assert not gc.isenabled()
            raise KeyError
        assert gc.isenabled()
        old = {id(each) for each in gc.get_objects(2)}
        assert all(id(each) in old for each in made)


def test_whoever_asked_for_nothing_is_collected_for_as_ever() -> None:
    """Without a verb at work the collector is left alone, and so is one that is switched off; what somebody froze stays frozen."""
    with no_collections():
        assert gc.isenabled()
    gc.disable()
    try:
        with rare_collections(), no_collections():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
    gc.freeze()
    try:
        with rare_collections(), no_collections():
            pass
        assert gc.get_freeze_count()
    finally:
        gc.unfreeze()


def test_what_a_process_set_higher_itself_stays() -> None:
    """Nobody who looks less often than a verb would is made to look more often."""
    gc.set_threshold(600, 5000, 8)
    with rare_collections():
        assert gc.get_threshold()[1:] == (5000, 8)
