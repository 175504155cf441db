"""The prompts that are packaged: where each lies, who uses it, and how a file of the user's is tried in its place.

Quick to import: templates are read, and Jinja2 is imported, only when one is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
    from .templates import Prompt

__all__ = ["PACKAGED", "PackagedPrompt", "packaged", "usable"]

_ROOT = __package__.rpartition(".")[0]
_VALUES = re.compile(r"\{#\s*Values:\s*(.*?)\s*-?#\}", re.DOTALL)


@frozen(kw_only=True)
class PackagedPrompt:
    """One of them.

    Attributes:
        name: its file's; what a template of the user's extends.
        package: where it lies, below this distribution's builtins.
        sample: the attribute of a module of that package with values to try a template with, as ``module:name``; ``""``: whoever uses it tries it.
        component: who uses it, as in ``[options."..."]``.
        option: the option that names a file to use instead.
        summary: what it is for.
    """

    name: str
    package: str
    component: str
    summary: str
    option: str = "template"
    sample: str = ""

    @property
    def text(self) -> str:
        """The template as it is packaged."""
        return (files(f"{_ROOT}.{self.package}") / "templates" / self.name).read_text(encoding="utf-8")

    @property
    def values(self) -> str:
        """The variables it is rendered with, in words; every template says that itself."""
        found = _VALUES.search(self.text)
        return " ".join(found[1].split()) if found else ""

    def load(self, own: Path | None = None) -> Prompt:
        """The prompt, or the user's in its place, tried with the sample.

        Raises:
            ConfigError: it cannot be used; with file and line.
        """
        from .templates import Prompt

        module, _, attribute = self.sample.partition(":")
        sample: Mapping[str, Any] = getattr(import_module(f"{_ROOT}.{self.package}.{module}"), attribute)
        return Prompt(f"{_ROOT}.{self.package}", self.name, own, sample, option=self.option)


PACKAGED = (
    PackagedPrompt(
        name="decompose.jinja",
        package="decomposers.llm",
        component="decomposer:llm",
        summary="makes tasks of requirements in prose",
    ),
    PackagedPrompt(
        name="dependencies.jinja",
        package="dependency_rules.llm",
        component="dependency_rule:llm",
        summary="finds orders between tasks",
    ),
    PackagedPrompt(
        name="code.jinja",
        package="agents.by_model",
        component="agent_type:code-writer",
        summary="writes and mends code and documents",
        sample="briefing:SAMPLE",
    ),
    PackagedPrompt(
        name="tests.jinja",
        package="agents.by_model",
        component="agent_type:tester",
        summary="writes tests from the specification",
        sample="briefing:SAMPLE",
    ),
    PackagedPrompt(
        name="review.jinja",
        package="agents.tester.reviewing",
        component="agent_type:tester",
        option="review_template",
        summary="reviews finished work",
        sample="reviewer:SAMPLE",
    ),
    PackagedPrompt(
        name="research.jinja",
        package="agents.researcher.answering",
        component="agent_type:researcher",
        summary="answers a question from sources",
        sample="answerer:SAMPLE",
    ),
)


def packaged(name: str) -> PackagedPrompt:
    """The prompt of that file name."""
    return next(each for each in PACKAGED if each.name == name)


def usable(name: str) -> Callable[[Any, Any, Path | None], None]:
    """A validator for options: a file that is to stand for prompt ``name`` is tried when the configuration is read, not in the middle of a run."""

    def tried(_: Any, attribute: Any, value: Path | None) -> None:
        if value is not None:
            packaged(name).load(value)

    return tried
