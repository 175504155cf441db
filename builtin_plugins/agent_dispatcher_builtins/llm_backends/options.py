"""What can be configured of the backends: ``[options."llm:<name>"]``. Nothing of it may come from a project's own file that nobody trusts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import Attribute, field, frozen
from attrs.validators import and_, ge, gt, in_, le, lt, matches_re, min_len

from agent_dispatcher.extension.variables import variable_name

__all__ = [
    "ANTHROPIC_URL",
    "OPENAI_URL",
    "AnthropicOptions",
    "KeyedOptions",
    "LocalOptions",
    "OpenAIOptions",
    "RecordedOptions",
    "ScriptedOptions",
    "ServerOptions",
    "is_loopback",
]

ANTHROPIC_URL = "https://api.anthropic.com"
OPENAI_URL = "https://api.openai.com/v1"

_a_day: Any = and_(gt(0.0), lt(86_400.0))


def _server(instance: object, attribute: Attribute[str], url: str) -> None:
    """``http(s)://host[:port][/path]`` and nothing that could make one program see another host than the next."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"'{attribute.name}' is no address of a server ({error}): {_shown(url)}") from None
    plain = url.isascii() and url.isprintable() and not set(url) & set(" \\%")
    if parts.scheme not in ("http", "https") or not host or not plain:
        raise ValueError(f"'{attribute.name}' must be http(s)://host[:port][/path]: {_shown(url)}")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError(
            f"'{attribute.name}' must have no user, query or fragment: name the variable with the key in api_key_env"
        )


def _place(instance: object, attribute: Attribute[str], value: str) -> None:
    if not re.fullmatch(r"|[^:\s]+:[^:\s]+", value):
        raise ValueError(
            f"'{attribute.name}' must be service:user, as in keyring set service user; what stands there is not shown"
        )


def _shown(url: str) -> str:
    """An address as a message may show it: not with what may be a password in it."""
    return "what stands there is not shown, for it may hold a key" if set(url) & set("@?#") else repr(url)


def is_loopback(url: str) -> bool:
    """Whether a server's address is on this machine, by its name alone."""
    from ipaddress import ip_address  # not before somebody asks: this module is loaded with the offers

    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@frozen(kw_only=True)
class ScriptedOptions:
    """Options of ``scripted``.

    Attributes:
        file: the replies, JSON lines or YAML; relative to the current folder.
    """

    file: Path


@frozen(kw_only=True)
class RecordedOptions:
    """Options of ``recorded``.

    Attributes:
        file: the recording, JSON lines; relative to the current folder.
        backend: name of the backend that is recorded; not needed to play back.
        mode: ``replay`` answers from the recording only; ``record`` always asks and records anew; ``auto`` asks what is not recorded yet.
    """

    file: Path
    backend: str = ""
    mode: str = field(default="auto", validator=in_(("auto", "record", "replay")))


@frozen(kw_only=True)
class ServerOptions:
    """What every backend that talks to a server has.

    Attributes:
        connect_s: seconds until the connection stands.
        first_byte_s: seconds until the first piece of the reply; a model on a slow machine reads the request in that time.
        idle_s: seconds between two pieces.
        total_s: seconds for the whole exchange, where the request does not ask for fewer.
        max_reply_bytes: a reply that is longer on the wire is cut off, and refused.
    """

    connect_s: float = field(default=10.0, validator=_a_day)
    first_byte_s: float = field(default=120.0, validator=_a_day)
    idle_s: float = field(default=60.0, validator=_a_day)
    total_s: float = field(default=600.0, validator=_a_day)
    max_reply_bytes: int = field(default=8_000_000, validator=ge(1))


@frozen(kw_only=True)
class KeyedOptions(ServerOptions):
    """What every backend has that asks a model of a server that may want a key.

    Attributes:
        model: the model to ask, as the server names it.
        api_key_env: the environment variable with the key. Without a value the usual one for the maker's own server, and no key for any other.
        api_key_keyring: ``service:user`` of the key in the system's keyring, instead.
    """

    model: str = field(validator=min_len(1))
    api_key_env: str | None = field(default=None, validator=variable_name)
    api_key_keyring: str = field(default="", validator=_place)

    def __attrs_post_init__(self) -> None:
        if self.api_key_env and self.api_key_keyring:
            raise ValueError("'api_key_env' and 'api_key_keyring' both name a key: give one of them")


@frozen(kw_only=True)
class AnthropicOptions(KeyedOptions):
    """Options of ``anthropic``.

    Attributes:
        base_url: the server, with the path before ``/v1/messages``. The key goes to this origin and to no other.
        structured: how a schema is asked for; ``auto`` finds out what the server understands.
    """

    base_url: str = field(default=ANTHROPIC_URL, validator=_server)
    structured: str = field(default="auto", validator=in_(("auto", "json_schema", "prompt")))


@frozen(kw_only=True)
class OpenAIOptions(KeyedOptions):
    """Options of ``openai``.

    Attributes:
        base_url: the server, with the path before ``/chat/completions``. The key goes to this origin and to no other.
        structured: how a schema is asked for; ``auto`` finds out what the server understands.
    """

    base_url: str = field(default=OPENAI_URL, validator=_server)
    structured: str = field(default="auto", validator=in_(("auto", "json_schema", "json_object", "prompt")))


@frozen(kw_only=True)
class LocalOptions(ServerOptions):
    """Options of ``local``: a model file (``model``), or where to get one (``repository``, ``file``, ``sha256``).

    Attributes:
        model: path of a GGUF file, relative to the current folder.
        repository: ``owner/name`` on the hub.
        file: the GGUF file in the repository.
        sha256: what the file must have, 64 hexadecimal digits; a file without it is never used.
        revision: branch, tag or commit of the repository.
        hub: the hub's address.
        max_bytes: a file that is larger is not downloaded.
        context_tokens: what the model can read and write in one call; more needs more memory.
        parallel: how many calls are computed at once. Together they are written faster, each of them slower, and each needs memory of its own.
        threads: how many threads compute; 0 for one per core.
    """

    model: Path | None = None
    repository: str = field(default="", validator=matches_re(r"|[\w][\w.-]*/[\w][\w.-]*"))
    file: str = field(default="", validator=matches_re(r"|[\w][\w.-]*(/[\w][\w.-]*)*\.gguf"))
    sha256: str = field(default="", validator=matches_re(r"|[0-9a-fA-F]{64}"))
    revision: str = field(default="main", validator=matches_re(r"[\w][\w.-]*"))
    hub: str = field(default="https://huggingface.co", validator=_server)
    max_bytes: int = field(default=64 * 1024**3, validator=ge(1))
    context_tokens: int = field(default=8192, validator=ge(512))
    parallel: int = field(default=1, validator=and_(ge(1), le(64)))
    threads: int = field(default=0, validator=ge(0))
    first_byte_s: float = field(default=600.0, validator=_a_day)
    idle_s: float = field(default=120.0, validator=_a_day)
    total_s: float = field(default=3600.0, validator=_a_day)

    def __attrs_post_init__(self) -> None:
        named = [name for name in ("repository", "file", "sha256") if getattr(self, name)]
        if self.model is not None and named:
            raise ValueError(f"'model' names a file, {named[0]!r} one to be downloaded: give one of them")
        if self.model is None and len(named) < 3:
            raise ValueError("give 'model' (a GGUF file), or 'repository', 'file' and 'sha256' of one to be downloaded")
