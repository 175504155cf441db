"""How long questions to a model are watched while a plan is made: silence of minutes looks like a fault."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from attrs import define, field

if TYPE_CHECKING:
    from ..extension.llm import LlmRequest

__all__ = ["PlanningProgress"]

#: A question that is answered sooner is not spoken of.
_SOON_S = 2.0
#: How often a line on a terminal is rewritten.
_EVERY_S = 1.0
#: What a question is about, by its purpose.
_SUBJECTS = {"decompose": "requirement", "dependencies": "task"}
_CLEAR = "\r\x1b[K"


@define(eq=False)
class _Question:
    words: str
    began: float
    timer: asyncio.TimerHandle | None = None
    shown: bool = False

    def stop(self) -> None:
        if self.timer is not None:
            self.timer.cancel()


@define
class PlanningProgress:
    """A sign of life on stderr: on a terminal one line that counts seconds and goes away, elsewhere a line at the start and one at the end.

    It is called with each question (see :data:`agent_dispatcher.planning.model_calls.Watch`).

    Attributes:
        terminal: whether stderr is one.
        soon_s: only a question that takes longer is shown.
    """

    terminal: bool = field(factory=lambda: sys.stderr.isatty())
    soon_s: float = _SOON_S
    _open: list[_Question] = field(factory=list)

    @contextmanager
    def __call__(self, request: LlmRequest) -> Iterator[None]:
        """Show a question for the time of the ``with`` block, which stands in a running event loop."""
        question = _Question(_words(request), time.monotonic())
        loop = asyncio.get_running_loop()
        question.timer = loop.call_later(self.soon_s, self._tick, loop, question)
        self._open.append(question)
        answered = False
        try:
            yield
            answered = True
        finally:
            question.stop()
            self._open.remove(question)
            if question.shown:
                self._over(question, answered)

    def _tick(self, loop: asyncio.AbstractEventLoop, question: _Question) -> None:
        if not self.terminal:
            question.shown = True
            click.echo(f"{question.words} ...", err=True)
            return
        question.shown = True
        shown = [each for each in self._open if each.shown]
        oldest = shown[0]
        others = f" (and {len(shown) - 1} more)" if len(shown) > 1 else ""
        line = f"{oldest.words}{others} ... {time.monotonic() - oldest.began:.0f} s"
        self._write(f"{_CLEAR}{line[: shutil.get_terminal_size().columns - 1]}")
        question.timer = loop.call_later(_EVERY_S, self._tick, loop, question)

    def _over(self, question: _Question, answered: bool) -> None:
        if self.terminal:
            self._write(_CLEAR)
            return
        how = "the model answered" if answered else "no answer of the model"
        click.echo(f"{how} after {time.monotonic() - question.began:.0f} s", err=True)

    @staticmethod
    def _write(text: str) -> None:
        click.echo(text, err=True, nl=False, color=True)


def _words(request: LlmRequest) -> str:
    subject = _SUBJECTS.get(request.purpose)
    if subject is None or not request.about:
        return f"asking the model ({request.purpose})" if request.purpose else "asking the model"
    count = len(request.about)
    return f"asking the model about {count} {subject}{'s' if count > 1 else ''}"
