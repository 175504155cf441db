"""Prompt templates: Jinja2 files of this package, which a user may replace, rendered in Jinja2's sandbox.

A template is the text of whoever configured it. What a specification says only ever enters as a value: it is never compiled, and inside a
``{% filter data("name") %}`` block it stands between two marks that it cannot contain itself.

Every template has three parts, chosen by the variable ``part``: ``system``, ``request`` and ``repair``. One that begins with ``{% extends "decompose.jinja" %}``
(or another packaged name) replaces single blocks of those names and keeps the rest. No other file can be read from a template.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from agent_dispatcher.errors import ConfigError, Problem

if TYPE_CHECKING:
    import jinja2

__all__ = ["PARTS", "Prompt", "as_data", "without_turns"]

PARTS = ("system", "request", "repair")

_LARGEST = 1024 * 1024

#: What chat templates of models take for the end of a turn or the beginning of another, wherever it stands in a text.
_TURNS = re.compile(r"<(?=\||/?s>|/?(?:start|end)_of_turn>)|\[(?=/?INST\])", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def without_turns(text: str) -> str:
    """``text`` in which what models take for the mark of a turn is broken up, and control characters are blanks."""
    return _TURNS.sub(lambda found: f"{found.group()} ", _CONTROL.sub(" ", text))


def as_data(text: str, name: str) -> str:
    """``text`` between two marks that say what it is, and that it does not contain; as :func:`without_turns` has it."""
    text = without_turns(text).strip("\n")
    digest = sha256(text.encode("utf-8", "replace")).hexdigest()
    length = 8
    while f"{name}-{digest[:length]}" in text and length < len(digest):
        length += 8
    mark = f"{name}-{digest[:length]}"
    return f"<{mark}>\n{text}\n</{mark}>"


class Prompt:
    """A template that is known to work.

    Args:
        package: where the packaged template lies, in the folder ``templates``.
        name: its file name.
        own: a file to use instead.
        sample: values like those of :meth:`render`; every part is rendered with them at once.
        option: the option that ``own`` comes from, for errors.

    Raises:
        ConfigError: the template cannot be read, is malformed, or fails with the sample; with its ``file:line``.
    """

    def __init__(
        self, package: str, name: str, own: Path | None, sample: Mapping[str, Any], *, option: str = "template"
    ) -> None:
        self._option = option
        self._packaged = {
            "base.jinja": files(__package__) / "templates" / "base.jinja",
            name: files(package) / "templates" / name,
        }
        self._own = own
        self._environment = self._make_environment()
        self._file = str(own if own is not None else self._packaged[name])
        self._name = self._file if own is not None else name
        for part in PARTS:
            self.render(part, sample)

    def render(self, part: str, values: Mapping[str, Any]) -> str:
        """The text of one of :data:`PARTS`."""
        import jinja2

        try:
            return self._environment.get_template(self._name).render(part=part, **values).strip()
        except jinja2.TemplateSyntaxError as error:
            raise self._wrong(str(error.message), error.filename or self._file, error.lineno) from error
        except jinja2.TemplateNotFound as error:
            known = ", ".join(sorted(self._packaged))
            what = f"there is no template {error.name!r} to extend or include (there are: {known})"
            raise self._wrong(what, *self._place(error.__traceback__)) from error
        except Exception as error:  # whatever a template does wrong while it is rendered
            raise self._wrong(f"{type(error).__name__}: {error}", *self._place(error.__traceback__)) from error

    def _make_environment(self) -> jinja2.Environment:
        import jinja2
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        environment = ImmutableSandboxedEnvironment(
            loader=jinja2.FunctionLoader(self._load),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,
        )
        environment.filters["data"] = as_data
        environment.filters["line"] = lambda value: " ".join(str(value).split())
        return environment

    def _load(self, name: str) -> tuple[str, str, None] | None:
        """Source and file name of a template, for Jinja2."""
        if self._own is not None and name == str(self._own):
            return self._read_own(self._own), name, None
        packaged = self._packaged.get(name)
        return None if packaged is None else (packaged.read_text(encoding="utf-8"), str(packaged), None)

    def _read_own(self, path: Path) -> str:
        try:
            with path.open("rb") as file:
                content = file.read(_LARGEST + 1)
            text = content.decode("utf-8")
        except OSError as error:
            raise ConfigError(
                Problem(
                    f"the prompt template cannot be read: {error.strerror or error}",
                    str(path),
                    f"mend option {self._option}",
                )
            ) from error
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            raise ConfigError(
                Problem("the prompt template is not UTF-8", f"{path}:{line}", "save it as UTF-8")
            ) from error
        if len(content) > _LARGEST:
            raise ConfigError(Problem(f"the prompt template is larger than {_LARGEST} bytes", str(path)))
        return text

    def _place(self, trace: TracebackType | None) -> tuple[str, int]:
        """File and line of the innermost frame that is a template's; Jinja2 gives such frames their places."""
        ours = {self._file, *map(str, self._packaged.values())}
        place = (self._file, 1)
        while trace is not None:
            name = trace.tb_frame.f_code.co_filename
            if name in ours:
                place = (name, trace.tb_lineno)
            trace = trace.tb_next
        return place

    def _wrong(self, what: str, file: str, line: int) -> ConfigError:
        return ConfigError(
            Problem(
                f"the prompt template is wrong: {what}", f"{file}:{line}", f"mend it, or remove option {self._option}"
            )
        )
