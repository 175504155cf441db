"""Python's collector of cycles, while a verb works on many values that live as long as the verb does.

By default it looks at the young values again after every 700 new ones, and at all there are when they have grown by a quarter. A run makes hundreds of
thousands that are no part of any cycle and are all kept: the looking took a fifth of its time.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["no_collections", "rare_collections"]

#: So many more values than before until the young ones are looked at: few enough to be at hand for the processor still.
_EVERY = 50_000
#: So many such looks until those that outlived one are looked at too: nearly all of them are the record of the run and live as long.
_LOOKS = 100

_lock = threading.Lock()
_users = 0
_before: tuple[int, int, int] = (0, 0, 0)
_pauses = 0
_paused = False


@contextmanager
def rare_collections() -> Iterator[None]:
    """Collect less often, in the whole process, until the last that asked for it is done. Memory that cycles hold is given back all the same."""
    global _users, _before
    with _lock:
        _users += 1
        if _users == 1:
            _before = gc.get_threshold()
            if 0 < _before[0] < _EVERY:  # 0: switched off by whoever this process belongs to
                gc.set_threshold(_EVERY, max(_LOOKS, _before[1]), _before[2])
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                gc.set_threshold(*_before)


@contextmanager
def no_collections() -> Iterator[None]:
    """Collect nothing, in the whole process, while a plan and a log are read that all last; only within :func:`rare_collections`, else as ever.

    What was made meanwhile counts as old at once, so that it is not looked at as if it were about to go.
    """
    global _pauses, _paused
    with _lock:
        _pauses += 1
        if _pauses == 1 and _users and gc.isenabled():
            _paused = True
            gc.disable()
    try:
        yield
    finally:
        with _lock:
            _pauses -= 1
            if not _pauses and _paused:
                _paused = False
                if not gc.get_freeze_count():  # else what somebody froze would be taken back
                    gc.freeze()
                    gc.unfreeze()
                gc.enable()
