"""What can be configured of the researcher."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_network
from pathlib import Path
from shutil import which
from typing import Any
from urllib.parse import urlsplit

from attrs import field, frozen
from attrs.validators import and_, deep_iterable, deep_mapping, ge, gt, le, optional

from ...prompting.packaged import usable

__all__ = ["McpServer", "ResearcherOptions"]


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


def _network(_: Any, attribute: Any, value: str) -> None:
    try:
        ip_network(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is no network, as in '10.1.0.0/16': {error}") from error


def _registry(_: Any, attribute: Any, value: str) -> None:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or "{name}" not in parts.path or "{" in parts.netloc:
        raise ValueError(f"{value!r} is no address of a registry: it begins with https:// and has {{name}} in its path")


@frozen(kw_only=True)
class McpServer:
    """A server of the Model Context Protocol that is started beside the dispatcher, on its standard input and output.

    Attributes:
        command: the program and its arguments.
        env: environment variables it gets besides ``PATH``, ``HOME``, ``LANG``, ``SHELL``, ``TERM``, ``USER`` and ``LOGNAME``. Nothing else of the
            dispatcher's environment reaches it.
        tools: names of the tools that may be called; empty: all it offers.
    """

    command: tuple[str, ...] = field(converter=_texts)
    env: Mapping[str, str] = field(factory=dict, repr=False)
    tools: tuple[str, ...] = field(default=(), converter=_texts)

    @command.validator
    def _is_named(self, _: Any, command: tuple[str, ...]) -> None:
        if not command:
            raise ValueError("it names no program")

    @property
    def is_there(self) -> bool:
        """Whether its program is installed."""
        return which(self.command[0], path=self.env.get("PATH")) is not None


@frozen(kw_only=True)
class ResearcherOptions:
    """``[options."agent_type:researcher"]``. What is said of a model counts only where a backend is configured.

    Attributes:
        answer: let the model answer questions; ``false``: only facts are gathered, as without a model.
        template: a Jinja2 file to use instead of the packaged prompt; relative to the current folder.
        model: the model to ask, ``""`` for the backend's.
        max_input_tokens: how long one question may be, in tokens estimated at three bytes each.
        max_output_tokens: how long one reply may be.
        rounds: how often the model may ask for more to read before it answers; 0: it answers from what was chosen for it.
        repairs: how often an answer that cannot be used is sent back, 0 to 2.
        timeout_s: seconds for one reply; without it the backend's own limit.
        fetch: hosts from which pages may be read (``docs.python.org``, ``*.readthedocs.io``); none by default, so nothing is fetched.
        fetch_networks: networks that are not public (``10.1.0.0/16``) in which such a host may lie; none by default. ``localhost`` and addresses in numbers
            that ``fetch`` names itself need none.
        registries: name to the address of a registry of packages, with ``{name}`` where the package's goes; none by default. It is asked where
            ``fetch`` allows its host.
        mcp: name to the server whose tools the model may call; none by default. Needs the extra ``mcp``.
    """

    answer: bool = True
    template: Path | None = field(default=None, validator=usable("research.jinja"))
    model: str = ""
    max_input_tokens: int = field(default=16_000, validator=ge(1_000))
    max_output_tokens: int = field(default=4096, validator=ge(64))
    rounds: int = field(default=4, validator=and_(ge(0), le(20)))
    repairs: int = field(default=2, validator=and_(ge(0), le(2)))
    timeout_s: float | None = field(default=None, validator=optional(gt(0.0)))
    fetch: tuple[str, ...] = field(default=(), converter=_texts)
    fetch_networks: tuple[str, ...] = field(default=(), converter=_texts, validator=deep_iterable(_network))
    registries: Mapping[str, str] = field(factory=dict, validator=deep_mapping(value_validator=_registry))
    mcp: Mapping[str, McpServer] = field(factory=dict)

    def lacks(self, *, with_model: bool) -> str:
        """The servers that are to be started for a model and whose program is not there; ``""`` where none is missing, or none would be started."""
        asked = self.mcp.items() if self.answer and with_model else ()
        missing = [f"{each.command[0]!r} (mcp.{name})" for name, each in asked if not each.is_there]
        return f"there is no program {', '.join(missing)}: install it, or write its whole path" if missing else ""
