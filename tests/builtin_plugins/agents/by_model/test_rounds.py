"""What the rounds leave of the files that were there: everything, to the byte, but what the answer that is kept has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from agent_dispatcher.extension import LlmReply
from agent_dispatcher.testing import ScriptedBackend
from agent_dispatcher.workspace.agent_workspace import GuardedWorkspace
from agent_dispatcher_builtins.agents.by_model.folder import Files, WorkFolder
from agent_dispatcher_builtins.agents.by_model.options import ModelOptions
from agent_dispatcher_builtins.agents.by_model.rounds import Best, Rounds
from agent_dispatcher_builtins.agents.by_model.trying import Tried

PATH = "src/rules.py"
LATIN = b"# -*- coding: latin-1 -*-\nNAME = '\xe9'\n"
GOOD, BAD = f"FILE: {PATH}\n```\nA = 1\n```\n", f"FILE: {PATH}\n```\ndef p(:\n```\n"


def whole(path: str, text: str = "X = 1\n") -> str:
    """One whole file."""
    return f"FILE: {path}\n```\n{text}```\n"


def played(folder: Path, there: Mapping[str, bytes], replies: Sequence[str | LlmReply]) -> tuple[Best, ScriptedBackend]:
    """Play rounds in ``folder``; an answer is good when it compiles. Whatever is tried leaves something of its own in the files."""
    for path, data in there.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)

    async def attempt(files: Files, before: Files) -> Tried:
        try:
            compile(files.get(PATH) or "", PATH, "exec")
        except SyntaxError:
            (folder / PATH).write_bytes(b"\xff left by a test")
            return Tried(faults=("does not compile",), stage=1)
        return Tried(stage=5)

    llm = ScriptedBackend(replies)
    rounds = Rounds(
        llm=llm,
        options=ModelOptions(),
        purpose="code_writing",
        opening=(),
        repair="; ".join,
        expected=(PATH,),
        folder=WorkFolder(workspace=GuardedWorkspace(folder)),
        attempt=attempt,
    )
    return asyncio.run(rounds.play()), llm


def left(folder: Path) -> dict[str, bytes]:
    """All files, by path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "touching",
    [whole("src/old.py"), "FILE: src/old.py\n<<<<<<< SEARCH\n=======\nX\n>>>>>>> REPLACE\n", "DELETE: src/old.py\n"],
)
@pytest.mark.parametrize("data", [LATIN, b"\x89PNG\r\n\xff\x00"])
def test_a_file_that_is_no_text_is_never_touched(tmp_path: Path, touching: str, data: bytes) -> None:
    """Neither by an answer that is refused nor by one that would be good; the model is told why."""
    best, llm = played(tmp_path, {"src/old.py": data}, [touching + BAD, touching + GOOD, GOOD])
    assert best.good
    assert left(tmp_path) == {"src/old.py": data, PATH: b"A = 1\n"}
    assert "not UTF-8 text" in llm.requests[1].messages[-1].content


def test_what_an_answer_changed_or_removed_is_put_back(tmp_path: Path) -> None:
    """To the byte, whatever was made of it while it was tried; the answer that is kept is made of the files as they were."""
    there = {PATH: b"A = 0\r\n", "src/old.py": b"\xef\xbb\xbfX = 0\r\n", "src/gone.py": b"G = 0"}
    first = BAD + "RENAME: src/old.py -> src/new.py\nDELETE: src/gone.py\n"
    best, _ = played(tmp_path, there, [first, first, first, first])
    assert not best.good
    kept = {PATH: b"def p(:\r\n", "src/new.py": there["src/old.py"]}
    assert left(tmp_path) == kept

    for path in kept:
        (tmp_path / path).unlink()
    best, _ = played(tmp_path, there, [first, "no", GOOD])
    assert best.good
    assert left(tmp_path) == {**there, PATH: b"A = 1\r\n"}


def test_an_answer_that_would_leave_a_link_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    """What lies behind a link was not shown, so it is not written, nor is the link."""
    (tmp_path / "real.py").write_bytes(b"R = 1\n")
    (tmp_path / "link.py").symlink_to("real.py")
    best, llm = played(tmp_path, {}, [whole("link.py") + GOOD, GOOD])
    assert best.good
    assert (tmp_path / "link.py").is_symlink()
    assert left(tmp_path) == {"real.py": b"R = 1\n", "link.py": b"R = 1\n", PATH: b"A = 1\n"}
    assert "symbolic link" in llm.requests[1].messages[-1].content


MARKED = whole(PATH, "\nKEY = '<secret>'\n")


def test_the_mark_of_a_hidden_key_is_not_written(tmp_path: Path) -> None:
    """Neither where the model wrote a key, nor over one that was there; the model is told what to write instead."""
    there = {PATH: b"KEY = 'one-that-the-model-never-saw'\n"}
    best, llm = played(tmp_path, there, [LlmReply(text=MARKED, keys_hidden=True), MARKED, GOOD])
    assert best.good and left(tmp_path) == {PATH: b"A = 1\n"}
    assert (
        f"({PATH} line 2): write code that reads it from an environment variable"
        in llm.requests[1].messages[-1].content
    )
    assert len(llm.requests) == 3


def test_a_mark_that_hides_nothing_is_a_text_like_any_other(tmp_path: Path) -> None:
    """Where no key was hidden it is what the work is about; where one was, those that stood in the files before may stay, also in a file that moved."""
    best, _ = played(tmp_path / "one", {}, [MARKED])
    assert best.good and left(tmp_path / "one")[PATH] == b"\nKEY = '<secret>'\n"
    there = {"src/old.py": b"TAG = '<secret>'\n"}
    moving = LlmReply(text=GOOD + "RENAME: src/old.py -> src/new.py\n", keys_hidden=True)
    best, _ = played(tmp_path / "two", there, [moving])
    assert best.good and left(tmp_path / "two")["src/new.py"] == there["src/old.py"]


def test_what_a_try_leaves_behind_is_gone_before_the_next(tmp_path: Path) -> None:
    """A database or a report that tests of a refused answer made is not there when the next one is tried, nor at the end."""
    (tmp_path / "kept.txt").write_text("there\n")
    seen: list[tuple[str, ...]] = []

    async def attempt(files: Files, before: Files) -> Tried:
        workspace = GuardedWorkspace(tmp_path)
        seen.append(workspace.files())
        workspace.write_text("reports/coverage.json", "{}")
        return Tried(stage=5) if len(seen) > 1 else Tried(faults=("a test fails",), stage=4)

    rounds = Rounds(
        llm=ScriptedBackend([GOOD, GOOD]),
        options=ModelOptions(),
        purpose="code_writing",
        opening=(),
        repair="; ".join,
        expected=(PATH,),
        folder=WorkFolder(workspace=GuardedWorkspace(tmp_path)),
        attempt=attempt,
    )
    assert asyncio.run(rounds.play()).good
    assert seen == [("kept.txt", PATH)] * 2
    assert set(left(tmp_path)) == {"kept.txt", PATH}
