"""What a model wants written is applied exactly or refused with a reason it can act on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_dispatcher_builtins.prompting.edits import apply_edits, edits_in

A = "src/a.py"
THERE = {A: "one\ntwo\nthree\ntwo\n"}


def applied(reply: str, *expected: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """The texts and faults of a reply, over the files that are there."""
    return apply_edits(edits_in(reply, expected), THERE.get)


def block(old: str, new: str) -> str:
    """One replacement."""
    return f"<<<<<<< SEARCH\n{old}=======\n{new}>>>>>>> REPLACE\n"


@pytest.mark.parametrize(
    "reply",
    [
        "FILE: src/b.py\n```python\nx = 1\n```\n",
        "Here it is.\n\n### FILE: `src/b.py`\n\n```\nx = 1\n```\nI hope it helps.",
        "**File: src/b.py**\n~~~py\nx = 1\n~~~",
        "<think>FILE: src/c.py\n```\nno\n```</think>FILE: src/b.py\r\n```\r\nx = 1\r\n```\r\n",
        "```python src/b.py\nx = 1\n```",
        "```\nFILE: src/b.py\n```\nx = 1\n```",
        "```python\nFILE: src/b.py\nx = 1\n```",
        "In `src/b.py`:\n```python\nx = 1\n```",
        "```python\nx = 1\n```",
    ],
)
def test_a_whole_file_is_found_in_what_models_write(reply: str) -> None:
    """By its header, by the fence, by the line before, or because nothing else can be meant."""
    assert applied(reply, "src/b.py") == ({"src/b.py": "x = 1\n"}, ())


def test_the_longest_block_is_the_file_where_one_is_expected() -> None:
    """Examples of how to use it come in blocks too."""
    assert applied("```\nx = 1\ny = 2\n```\nUse it:\n```\nx\n```", "src/b.py")[0] == {"src/b.py": "x = 1\ny = 2\n"}


def test_two_files_need_names() -> None:
    """With two expected nothing is guessed."""
    files, faults = applied("```\nx = 1\n```", "src/b.py", "src/c.py")
    assert files == {}
    assert "without 'FILE: <path>'" in faults[0]


def test_a_block_is_replaced_where_it_stands_once() -> None:
    """Several in a row apply one after the other, also inside a fence."""
    blocks = block("one\ntwo\n", "ONE\n") + block("three\n", "")
    reply = f"FILE: {A}\n```\n{blocks}```\n"
    assert applied(reply) == ({A: "ONE\ntwo\n"}, ())


@pytest.mark.parametrize(
    ("old", "why"),
    [
        ("two\n", "stands in the file 2 times"),
        ("four\n", "does not stand in the file exactly"),
        (" one\n", "exactly as it is"),
        ("\n", "SEARCH is empty"),
    ],
)
def test_what_is_not_there_exactly_once_is_refused(old: str, why: str) -> None:
    """Nothing of the file changes."""
    files, faults = applied(f"FILE: {A}\n" + block(old, "x\n"))
    assert why in faults[0]
    assert files.get(A, THERE[A]) == THERE[A]


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("FILE: src/b.py\n```python\nx = 1\n", "is not closed, the reply was cut off"),
        (f"FILE: {A}\n<<<<<<< SEARCH\none\n=======\n", "has no end"),
        (block("one\n", "x\n"), "does not say which file"),
        ("FILE: src/none.py\n" + block("one\n", "x\n"), "there is no such file to search in"),
        ("I would write a function.", "there is no file in the reply, which was cut off"),
        ("", "there is no file in the reply"),
    ],
)
def test_what_cannot_be_understood_is_told(reply: str, why: str) -> None:
    """In one sentence."""
    found = edits_in(reply, ("src/b.py",), cut_off=True)
    _, faults = apply_edits(found, THERE.get)
    assert why in faults[0]


def test_a_page_may_hold_fences() -> None:
    """It ends at the last fence before the next file."""
    page = "# A\n\n```sh\nls\n```\n\nEnd.\n"
    reply = f"FILE: README.md\n```markdown\n{page}```\nFILE: src/b.py\n```\nx = 1\n```\n"
    assert applied(reply) == ({"README.md": page, "src/b.py": "x = 1\n"}, ())


@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(["FILE: a.py", "```", "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE", "x", ""])).map(
        "\n".join
    )
)
def test_no_reply_breaks_it(reply: str) -> None:
    """Whatever comes, there are files or faults."""
    files, faults = apply_edits(edits_in(reply, ("a.py",)), lambda path: "x\n")
    assert files or faults
