"""What can be configured of coding agents: ``[options."agent_type:acp"]`` and ``[options."agent_type:command-line"]``.

Nothing of it may come from a project's own file that nobody trusts: it names programs that are started.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import Attribute, field, frozen
from attrs.validators import deep_iterable, deep_mapping, ge, gt, instance_of, matches_re, min_len, optional

from agent_dispatcher.extension.variables import variable_name

__all__ = ["MAX_CALLS", "MAX_REQUEST_BYTES", "AcpOptions", "CodingAgentOptions", "CommandLineOptions", "EventRule"]

#: To the metered model server in one attempt, where nothing else is configured.
MAX_CALLS: Final = 200
#: Of a request to the model server; a whole conversation is in it.
MAX_REQUEST_BYTES: Final = 4 * 1024**2

_SOME: Any = optional(gt(0))
_NAME: Any = matches_re(r"[A-Za-z_][A-Za-z0-9_]*")


def _relative(instance: object, attribute: Attribute[Any], files: dict[str, str]) -> None:
    for name in files:
        path = Path(name)
        if path.is_absolute() or not path.parts or ".." in path.parts:
            raise ValueError(f"'{attribute.name}' names files below the agent's own home folder: {name!r}")


def _absolute(instance: object, attribute: Attribute[Any], folders: tuple[Path, ...]) -> None:
    for folder in folders:
        if not folder.is_absolute():
            raise ValueError(f"'{attribute.name}' must name folders from the root: {str(folder)!r}")


def _url(instance: object, attribute: Attribute[Any], url: str) -> None:
    parts = urlsplit(url)
    plain = url.isascii() and url.isprintable() and not set(url) & set(" \\%?#@")
    if url and not (parts.scheme in ("http", "https") and parts.hostname and plain):
        raise ValueError(f"'{attribute.name}' must be http(s)://host[:port][/path], without a user, query or fragment")


@frozen(kw_only=True)
class CodingAgentOptions:
    """What every coding agent has.

    In ``command``, ``env`` and ``home`` stand ``{base_url}`` for the address of the model server inside the sandbox (without ``/v1``),
    ``{folder}`` for the folder of the task and ``{home}`` for the agent's own home folder.

    Attributes:
        command: the program and its arguments. It is looked for where the sandbox has programs: give a path for one that is elsewhere.
        read_only: folders it is installed in, to be readable in the sandbox.
        env: its environment. Nothing of the dispatcher's own is passed on: there are no keys in the sandbox.
        home: files in its home folder, which is new for each attempt; relative path to text.
        timeout_s: seconds one attempt may take, where its deadline does not come sooner.
        memory_bytes: that each of its processes, and of the commands it wants run, may have for itself; addresses that are only reserved do not count.
        processes: processes and threads it may have at once.
        max_output_tokens: the most that one call to the model may write; reserved with each call that does not ask for less.
        max_calls: requests to the model server in one attempt, whatever they ask and whether they can be passed on or not; those that only look (``GET``) are none.
            ``None`` means 200, and past the count no limit.
        max_request_bytes: of one call; a larger one is refused.
        unmetered_url: a model server that is asked as it is, past count and budget; only where ``budget.allow_unmetered`` is set.
        unmetered_key_env: the environment variable with the key for it. The key goes to this origin and to no other.
    """

    command: tuple[str, ...] = field(validator=min_len(1))
    read_only: tuple[Path, ...] = field(default=(), validator=_absolute)
    env: dict[str, str] = field(factory=dict, validator=deep_mapping(_NAME, instance_of(str)))
    home: dict[str, str] = field(factory=dict, validator=_relative)
    timeout_s: float = field(default=3600.0, validator=gt(0.0))
    memory_bytes: int | None = field(default=4 * 1024**3, validator=_SOME)
    processes: int = field(default=512, validator=ge(1))
    max_output_tokens: int = field(default=8192, validator=ge(1))
    max_calls: int | None = field(default=None, validator=optional(ge(1)))
    max_request_bytes: int = field(default=MAX_REQUEST_BYTES, validator=ge(1024))
    unmetered_url: str = field(default="", validator=_url)
    unmetered_key_env: str | None = field(default=None, validator=variable_name)

    @property
    def wants_model(self) -> bool:
        """Whether the program is told where a model server answers."""
        return any("{base_url}" in text for text in (*self.command, *self.env.values(), *self.home.values()))


@frozen(kw_only=True)
class AcpOptions(CodingAgentOptions):
    """Options of ``acp``.

    Attributes:
        auth_method: how the agent is to be told to authenticate, by the name it gives the method; most need none.
        mode: the session's mode to switch to, by the name the agent gives it.
    """

    auth_method: str = ""
    mode: str = ""


@frozen(kw_only=True)
class EventRule:
    """What lines of one sort mean. Places in a line are names with dots between (``item.text``, ``content.0.text``).

    Attributes:
        when: place to text: the lines that the rule is for; all of them where it is empty.
        progress: where they say what is going on.
        result: where they say how it ended.
        error: where they say what went wrong; a line that has it there makes the attempt a failed one.
        input_tokens, output_tokens: where they count tokens. They are believed only where calls are not metered.
    """

    when: dict[str, str] = field(factory=dict)
    progress: str = ""
    result: str = ""
    error: str = ""
    input_tokens: str = ""
    output_tokens: str = ""


@frozen(kw_only=True)
class CommandLineOptions(CodingAgentOptions):
    """Options of ``command-line``. ``{prompt}`` stands for what is to be done in ``command``; without it the program reads that from its input.

    Attributes:
        events: what the lines of its output mean; for each line the first rule whose ``when`` fits. Without rules, output that is no JSON is the result.
        good_codes: exit codes that mean success.
    """

    events: tuple[EventRule, ...] = ()
    good_codes: tuple[int, ...] = field(default=(0,), validator=deep_iterable(instance_of(int)))
