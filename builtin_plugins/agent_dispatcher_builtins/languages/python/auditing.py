"""Looking through Python: mistakes and complexity with ruff, security with bandit. Both read files and run nothing of them.

Neither heeds what work says about itself: no ``# noqa``, no ``# nosec``, and the project's own settings for ruff only if the work has not touched them.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

from agent_dispatcher.errors import Unavailable
from agent_dispatcher.extension import Finding

from .tools import ruff

__all__ = ["audit_command", "findings", "may_settle", "settled_audit_command", "settles"]

#: Mistakes that pyflakes and pylint know, likely bugs, and complexity.
_QUALITY = "E9,F,B,PLE,C901"
_LONGEST = 300
_HIGH = "high"


def audit_command(kind: str, paths: Sequence[str], *, results: str, max_complexity: int = 10) -> tuple[str, ...]:
    """See :meth:`agent_dispatcher.extension.components.Auditing.audit_command`."""
    if kind == "security":
        if not _has_bandit():
            raise Unavailable(
                f"bandit is not installed in {sys.prefix}", "pip install 'agent-dispatcher[security]', or leave it out"
            )
        options = ("--ignore-nosec", "--quiet", "--format", "json", "--output", results)
        return (sys.executable, "-I", "-B", "-m", "bandit", *options, *map(_plain, paths))
    tool = _ruff()
    options = ("--isolated", "--no-cache", "--ignore-noqa", "--quiet", "--output-format", "json")
    limit = f"lint.mccabe.max-complexity={max_complexity}"
    chosen = ("--select", _QUALITY, "--config", limit, "--output-file", results)
    return (tool, "check", *options, *chosen, "--", *paths)


def settled_audit_command(
    paths: Sequence[str], *, results: str, max_complexity: int = 10, before: str = ""
) -> tuple[str, ...]:
    """See :meth:`agent_dispatcher.extension.components.AuditingAsSettled.settled_audit_command`."""
    script = Path(__file__).with_name("_audit_files.py").read_text(encoding="utf-8")
    given = (_ruff(), results, str(max_complexity), _QUALITY, before)
    return (sys.executable, "-I", "-S", "-c", script, *given, *map(_plain, paths))


def may_settle(path: str) -> bool:
    """TOML: what ruff reads, and what that may extend."""
    return path.endswith(".toml")


def settles(path: str, before: bytes | None, after: bytes | None) -> bool:
    """Whether settings for ruff are other ones after the change of a file; so it is held where that cannot be read."""
    if PurePosixPath(path).name != "pyproject.toml":
        return before != after
    try:
        was, now = (tomllib.loads((data or b"").decode()).get("tool", {}) for data in (before, after))
        return bool(was.get("ruff") != now.get("ruff"))
    except (ValueError, AttributeError, RecursionError):
        return True


def findings(kind: str, data: bytes) -> tuple[Finding, ...]:
    """See :meth:`agent_dispatcher.extension.components.Auditing.findings`."""
    try:
        return tuple(_of_bandit(json.loads(data)) if kind == "security" else _of_ruff(json.loads(data)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"it is not what the tool writes: {type(error).__name__}: {error}") from None


def _of_ruff(found: Any) -> Iterator[Finding]:
    for each in found:
        rule = str(each["code"] or "invalid-syntax")
        yield Finding(
            path=str(each["filename"]),
            line=int(each["location"]["row"]),
            rule=rule,
            severity=_HIGH if rule == "invalid-syntax" else "medium",
            what=_line(each["message"]),
        )


def _of_bandit(found: Any) -> Iterator[Finding]:
    for each in found["errors"]:
        yield Finding(
            path=str(each["filename"]), line=0, rule="unread", severity=_HIGH, what=f"not read: {_line(each['reason'])}"
        )
    for each in found["results"]:
        severity = str(each["issue_severity"]).lower()
        yield Finding(
            path=str(each["filename"]),
            line=int(each["line_number"]),
            rule=str(each["test_id"]),
            severity=severity if severity in ("low", "medium") else _HIGH,
            what=_line(each["issue_text"]),
        )


def _plain(path: str) -> str:
    """A path that is no option."""
    return f"./{path}" if path.startswith("-") else path


def _line(text: object) -> str:
    return " ".join(str(text).split())[:_LONGEST]


def _ruff() -> str:
    tool = ruff()
    if tool is None:
        raise Unavailable(
            f"ruff is not installed in {sys.prefix}", "pip install 'agent-dispatcher[quality]', or leave it out"
        )
    return tool


@cache
def _has_bandit() -> bool:
    try:
        metadata.distribution("bandit")
    except metadata.PackageNotFoundError:
        return False
    return True
