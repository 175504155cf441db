"""What every conformance suite is made of: promises that hold or say what broke them, a loop for what awaits, and a runner without pytest.

A suite is an ordinary class whose ``test_`` methods pytest collects once it is subclassed under a name that begins with ``Test``. Nothing here needs
pytest: a promise that is not kept is an :class:`AssertionError`, one that does not apply an :class:`unittest.SkipTest`, which pytest takes for a skip.
"""

from __future__ import annotations

import asyncio
import inspect
import unittest
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, NoReturn, TypeVar

from attrs import frozen

__all__ = ["Contract", "Outcome", "check_contract"]

_T = TypeVar("_T")


class Contract:
    """Base of the suites: subclass one of them and override its ``make_`` method.

    Attributes:
        limit_s: seconds any one step of the component may take before it counts as hanging.
    """

    limit_s: ClassVar[float] = 30.0

    def go(self, work: Coroutine[Any, Any, _T], *, limit_s: float | None = None) -> _T:
        """The result of ``work`` on an event loop of its own; a failure when it takes longer than the limit."""
        __tracebackhide__ = True
        limit = limit_s or self.limit_s

        async def bounded() -> _T:
            task = asyncio.ensure_future(work)
            done, _ = await asyncio.wait({task}, timeout=limit)
            if not done:
                task.cancel()
                await asyncio.wait({task}, timeout=1.0)
                self.broken(f"it did not come to an end within {limit:g} seconds", "every call ends")
            return task.result()

        return asyncio.run(bounded())

    def promise(self, kept: object, wrong: str, asked: str) -> None:
        """Fail unless ``kept``.

        Args:
            wrong: what the component did, as a sentence without a full stop.
            asked: what the contract asks for.
        """
        __tracebackhide__ = True
        if not kept:
            self.broken(wrong, asked)

    def broken(self, wrong: str, asked: str) -> NoReturn:
        """Fail; arguments as in :meth:`promise`."""
        __tracebackhide__ = True
        raise AssertionError(f"{wrong}. The contract asks: {asked}.")

    def raises(self, kind: type[BaseException], call: Callable[[], object], when: str, asked: str) -> BaseException:
        """The exception of class ``kind`` that ``call`` raises; a failure when it raises another or none.

        Args:
            when: the situation, to go on a sentence that begins with "when".
        """
        __tracebackhide__ = True
        try:
            answer = call()
        except kind as error:
            return error
        except Exception as error:
            self.broken(f"when {when}, it raised {type(error).__name__}: {error}", asked)
        self.broken(f"when {when}, it raised nothing and gave {answer!r:.200}", asked)

    def skip(self, why: str) -> NoReturn:
        """This promise does not apply to the component, or cannot be tried here."""
        __tracebackhide__ = True
        raise unittest.SkipTest(why)

    def to_override(self, method: str) -> NoReturn:
        """Tell the author of a suite what is missing."""
        raise NotImplementedError(f"{type(self).__name__} must override {method}: see its docstring in the suite")


@frozen
class Outcome:
    """What became of one promise: ``status`` is ``kept``, ``broken`` or ``skipped``; ``why`` says why it is not kept."""

    status: str
    why: str = ""


def check_contract(suite: type[Contract], folder: Path, only: Collection[str] = ()) -> Mapping[str, Outcome]:
    """Run a suite without pytest.

    Args:
        suite: a subclass of one of the suites with its ``make_`` method overridden.
        folder: an empty folder; each test gets one of its own in it as ``tmp_path``.
        only: names of the tests to run; all when empty.

    Returns:
        Name of each test method to its outcome, in the order of the suite.
    """
    outcomes: dict[str, Outcome] = {}
    for name in _tests(suite):
        if only and name not in only:
            continue
        place = folder / name
        place.mkdir(parents=True)
        test = getattr(suite(), name)
        arguments = {"tmp_path": place} if "tmp_path" in inspect.signature(test).parameters else {}
        try:
            test(**arguments)
        except unittest.SkipTest as reason:
            outcomes[name] = Outcome("skipped", str(reason))
        except Exception as error:
            said = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
            outcomes[name] = Outcome("broken", said)
        else:
            outcomes[name] = Outcome("kept")
    return outcomes


def _tests(suite: type) -> Iterator[str]:
    """Names of the test methods, those of base classes first, in the order in which they stand."""
    seen: set[str] = set()
    for cls in reversed(suite.__mro__):
        for name in vars(cls):
            if name.startswith("test_") and name not in seen:
                seen.add(name)
                yield name
