"""Texts are kept once, under their digests, without keys and within the limit; what is altered is not believed."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_dispatcher.errors import StoreError
from agent_dispatcher.extension import ChatMessage, LlmReply, LlmRequest
from agent_dispatcher.provenance import SECRET, Archive, Scrubber
from agent_dispatcher.provenance.archive import FOLDER, read_request, read_text

KEY = "value-of-a-key-17"


def archive(folder: Path, max_bytes: int = 100_000) -> tuple[Archive, list[str]]:
    warnings: list[str] = []
    return Archive(folder, Scrubber.of([KEY]), max_bytes, warnings.append), warnings


def conversation(*texts: str) -> LlmRequest:
    return LlmRequest(messages=[ChatMessage(role="user", content=text) for text in texts])


def test_a_conversation_is_kept_once_however_often_it_is_sent(tmp_path: Path) -> None:
    """The second question adds its own message and its frame, nothing else; both read as they were asked."""
    kept, _ = archive(tmp_path)
    first, second = kept.request(conversation("a" * 999)), kept.request(conversation("a" * 999, "b"))
    assert first is not None and second is not None
    assert len(list((tmp_path / FOLDER).iterdir())) == 4
    read = read_request(tmp_path, second)
    assert [message["content"] for message in read["messages"]] == ["a" * 999, "b"]


def test_no_key_is_written(tmp_path: Path) -> None:
    """In questions, answers and outputs there is a mark where it stood."""
    kept, _ = archive(tmp_path)
    kept.request(conversation(f"use {KEY}"))
    kept.reply(LlmReply(text=f"I use {KEY}"))
    kept.output(f"{KEY}\n")
    texts = [path.read_text() for path in (tmp_path / FOLDER).iterdir()]
    assert len(texts) == 4
    assert sum(SECRET in text for text in texts) == 3 and not any(KEY in text for text in texts)
    assert kept.words(("echo", KEY)) == ["echo", SECRET]


def test_what_does_not_fit_is_left_out_and_said_once(tmp_path: Path) -> None:
    """The limit holds for the run, also after a resume; what is kept already can be named again."""
    kept, warnings = archive(tmp_path, 50)
    digest = kept.output("x" * 40)
    assert kept.output("y" * 40) is None and kept.reply(LlmReply(text="z" * 40)) is None
    assert len(warnings) == 1 and "provenance.max_bytes" in warnings[0]
    again, _ = archive(tmp_path, 50)
    assert again.output("y" * 40) is None
    assert again.output("x" * 40) == digest


def test_of_a_long_output_beginning_and_end_are_kept(tmp_path: Path) -> None:
    """With a line that says how much is missing."""
    kept, _ = archive(tmp_path)
    digest = kept.output("a" * 70_000 + "z")
    assert digest
    text = read_text(tmp_path, digest)
    assert text.startswith("aaa") and text.endswith("az")
    assert "4465 characters left out" in text


def test_nothing_is_made_before_something_is_kept(tmp_path: Path) -> None:
    """A run without models and commands has no folder for them."""
    kept, _ = archive(tmp_path / "run")
    assert kept.output("") == ""
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("how", ["altered", "gone", "elsewhere"])
def test_only_what_was_said_is_read(tmp_path: Path, how: str) -> None:
    """A file that was altered or removed is named; a digest leads nowhere else."""
    kept, _ = archive(tmp_path)
    digest = kept.output("as it was") or ""
    path = tmp_path / FOLDER / digest.removeprefix("sha256:")
    if how == "altered":
        path.write_text("as it was not")
    elif how == "gone":
        path.unlink()
    else:
        digest = "sha256:../../../../../../../../../../../../../../../../../../etc/passwd"
    with pytest.raises(
        StoreError, match={"altered": "was altered", "gone": "cannot be read", "elsewhere": "no digest"}[how]
    ):
        read_text(tmp_path, digest)


def test_a_disk_that_cannot_be_written_costs_a_warning(tmp_path: Path) -> None:
    """The run goes on."""
    (tmp_path / FOLDER).write_text("a file is in the way")
    kept, warnings = archive(tmp_path)
    assert kept.output("text") is None
    assert "cannot be written" in warnings[0]
