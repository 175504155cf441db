"""Which requests of a coding agent are granted."""

from __future__ import annotations

from typing import Any

import pytest

from agent_dispatcher_builtins.agents.coding.acp.permission import chosen, is_granted

FOLDER = "/srv/task"


def _at(*paths: str) -> dict[str, Any]:
    return {"locations": [{"path": path} for path in paths]}


@pytest.mark.parametrize(
    "call",
    [
        {"kind": "edit", **_at("/srv/task/a.py")},
        {"kind": "edit", **_at("src/a.py")},
        {"kind": "edit", "content": [{"type": "diff", "path": "/srv/task/a.py"}]},
        {"kind": "delete", "rawInput": {"file_path": "a.py"}},
        {"kind": "move", **_at("/srv/task/a.py", "/srv/task/b.py")},
        {"kind": "search", **_at("/srv/task")},
        {"kind": "execute", "rawInput": {"command": "make"}},
        {"kind": "think"},
    ],
)
def test_what_lies_in_the_folder_is_granted(call: dict[str, Any]) -> None:
    """Files of the task's folder, however they are named, and what the sandbox holds there anyway."""
    assert is_granted(FOLDER, call)


@pytest.mark.parametrize(
    "call",
    [
        {"kind": "edit", **_at("/etc/passwd")},
        {"kind": "edit", **_at("/srv/task/../other/a.py")},
        {"kind": "edit", **_at("/srv/taskforce/a.py")},
        {"kind": "edit", **_at("/srv/task/a.py", "/srv/b.py")},
        {"kind": "edit", **_at("/srv/task/a.py"), "rawInput": {"file_path": "/etc/passwd"}},
        {"kind": "edit", **_at("/srv/task/a.py"), "content": [{"type": "diff", "path": "/etc/passwd"}]},
        {"kind": "edit", **_at("/srv/task/.git/hooks/pre-commit")},
        {"kind": "edit", **_at("/srv/task/.dispatcher/state.db")},
        {"kind": "edit", **_at("/srv/task")},
        {"kind": "edit"},
        {"kind": "read", **_at("/home/ann/.ssh/id_rsa")},
        {"kind": "fetch", "rawInput": {"url": "https://example.org"}},
        {"kind": "switch_mode"},
        {"kind": "other", **_at("/srv/task/a.py")},
        {},
    ],
)
def test_everything_else_is_refused(call: dict[str, Any]) -> None:
    """One path elsewhere is enough, and so is not saying what it is about."""
    assert not is_granted(FOLDER, call)


def test_the_answer_is_for_this_once() -> None:
    """No is never turned into yes, and a yes for always only given where there is no other."""
    options = [{"optionId": each, "kind": each} for each in ("allow_always", "allow_once", "reject_always")]
    assert chosen(options, True) == "allow_once"
    assert chosen(options[:1], True) == "allow_always"
    assert chosen(options, False) == "reject_always"
    assert chosen(options[:2], False) is None
