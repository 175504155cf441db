"""What a model wants written is applied exactly or refused with a reason it can act on."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent_dispatcher_builtins.prompting.edit_form import ONLY_HEADED
from agent_dispatcher_builtins.prompting.edits import apply_edits, edits_in

A = "src/a.py"
THERE = {A: "one\ntwo\nthree\ntwo\n"}


def applied(
    reply: str, *expected: str, there: Mapping[str, str] = THERE
) -> tuple[dict[str, str | None], tuple[str, ...]]:
    """The texts and faults of a reply, over the files that are there."""
    return apply_edits(edits_in(reply, expected), there.get)


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


@pytest.mark.parametrize(
    ("there", "old", "hint"),
    [
        ("max = 1\n", "x = 1\n", "give whole lines, not a part of 'max = 1'"),
        ("base_rate = 1\nz = 2\n", "rate = 1\nz = 2\n", "give whole lines, not a part of 'base_rate = 1'"),
        ("def f():\n    return 1\n", "return 1\n", "its line 1 is '    return 1' there, with that indentation"),
        ("a = 1\nb = 2\n", "a = 1\nb = 3\n", "its line 2 is 'b = 2' there"),
        ("return a\n", "return\n", "give whole lines"),
    ],
)
def test_only_whole_lines_are_replaced(there: str, old: str, hint: str) -> None:
    """A block that is part of a line changes nothing, and is told what to write instead."""
    files, faults = applied(f"FILE: {A}\n" + block(old, "y = 1\n"), there={A: there})
    assert files.get(A, there) == there
    assert hint in faults[0]


@pytest.mark.parametrize(
    ("there", "then"),
    [
        ("one\r\ntwo\r\n", "one\r\n2\r\nII\r\n"),
        ("one\ntwo", "one\n2\nII"),
        ("one\r\ntwo", "one\r\n2\r\nII"),
        ("\ufeffone\r\ntwo\r\n", "\ufeffone\r\n2\r\nII\r\n"),
    ],
)
def test_line_ends_stay_as_they_are(there: str, then: str) -> None:
    """Those of the file, by a block as by the whole text; a mark at its beginning stays, and nothing is put behind a last line that has no end."""
    blocks = f"FILE: {A}\n" + block("one\ntwo\n", "one\n2\nII\n")
    assert applied(blocks, there={A: there}) == ({A: then}, ())
    assert applied(f"FILE: {A}\n```\none\n2\nII\n```\n", there={A: there}) == ({A: then}, ())


def test_lines_that_are_not_touched_stay_to_the_byte() -> None:
    """Also in a file whose lines end in two ways, which the model does not see."""
    there = {A: "one\r\ntwo\nthree\r\nfour\n"}
    reply = f"FILE: {A}\n" + block("one\ntwo\nthree\n", "one\nTWO\nthree\n")
    assert applied(reply, there=there) == ({A: "one\r\nTWO\nthree\r\nfour\n"}, ())
    whole = f"FILE: {A}\n```\none\ntwo\nthree\n4\nfour\n```\n"
    assert applied(whole, there=there)[0] == {A: "one\r\ntwo\nthree\r\n4\nfour\n"}


def test_headings_of_a_page_are_no_dividers() -> None:
    """A divider has exactly seven signs; where the text has such a line too, the block is read in the way that fits the file, or stands between longer marks."""
    page = {"a.rst": "Title\n=====\n\nOld.\n\nExample\n=======\n\nOld.\n"}
    reply = "FILE: a.rst\n" + block("Title\n=====\n\nOld.\n", "Title\n=====\n\nNew.\n")
    assert applied(reply, there=page)[0] == {"a.rst": page["a.rst"].replace("Old", "New", 1)}
    reply = "FILE: a.rst\n" + block("Example\n=======\n\nOld.\n", "Example\n=======\n\nNew.\n")
    assert applied(reply, there=page)[0] == {"a.rst": "New".join(page["a.rst"].rsplit("Old", 1))}
    reply = f"FILE: a.rst\n{'<' * 9} SEARCH\nExample\n{'=' * 9}\nTitle 2\n{'>' * 9} REPLACE\n"
    assert applied(reply, there=page)[0] == {"a.rst": page["a.rst"].replace("Example", "Title 2")}


def test_a_name_in_the_code_is_a_comment() -> None:
    """The header before the fence counts, whatever the first line or another one looks like."""
    code = "# File: b.py\nx = 1\n# File: other.py\ny = 2\n"
    assert applied(f"FILE: src/b.py\n```python\n{code}```\n") == ({"src/b.py": code}, ())


def test_a_name_in_the_block_that_is_the_end_of_an_expected_path_is_that_path() -> None:
    """Where no header stands."""
    assert applied("```python\n# File: b.py\nx = 1\n```", "src/b.py", "src/c.py")[0] == {"src/b.py": "x = 1\n"}


@pytest.mark.parametrize(
    "code",
    [
        'def f():\n    """Doc.\n\n    ```\n    f()\n    ```\n    """\n    return 1\n',
        "cat <<EOF\n```sh\ncode\n```\nEOF\necho done\n",
    ],
)
def test_fences_inside_of_code_do_not_cut_it(code: str) -> None:
    """Those that are indented or say what they hold."""
    files = {"src/b.py": code, "src/c.py": "x = 1\n"}
    reply = "\n".join(f"FILE: {path}\n```\n{text}```\n" for path, text in files.items())
    assert applied(reply) == (files, ())


def test_what_may_end_in_two_places_is_refused() -> None:
    """Code is never cut in silence; the way out that is told works."""
    code = "Run:\n```\ncode\n```\nand {{ done }}\n"
    files, faults = applied(f"FILE: page.j2\n```jinja\n{code}```\n")
    assert files == {}
    assert "put four backticks" in faults[0]
    assert applied(f"FILE: page.j2\n````jinja\n{code}````\n") == ({"page.j2": code}, ())


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("src/b.py", "x = 1\n"),
        ("src/b.py", 'def f():\n    """\n```\nf()\n```\n\n    """\n'),
        ("src/b.ts", "const a = { b: `\n` };\n"),
        ("src/b.js", "/* Use:\n```\nf()\n```\n\n*/\nf();\n"),
        ("package.json", '{\n  "name": "x"\n}\n'),
        ("pyproject.toml", "[project]\n"),
    ],
)
@pytest.mark.parametrize("behind", ["Run it:\n```\npytest\n```\n", "Use:\n```\na\n```\nIt says:\n```\nb\n```\n", ""])
def test_code_ends_where_it_is_complete(path: str, code: str, behind: str) -> None:
    """Explanations right behind it may have blocks of their own, and a blank line in it is not its end."""
    assert applied(f"FILE: {path}\n```\n{code}```\n{behind}") == ({path: code}, ())


@pytest.mark.parametrize(
    "named", ["FILE: {}\nNo changes needed.\n\n", "Files:\n- FILE: {}\n- FILE: src/b.py\n\n", "FILE: {}\n\n"]
)
def test_a_file_that_is_there_may_be_named_only(named: str) -> None:
    """Beside another one that changes; not when there is nothing else, nor when the reply was cut off or what follows is the lost text."""
    changed = "FILE: src/b.py\n```\nx = 1\n```\n"
    assert applied(named.format(A) + changed) == ({"src/b.py": "x = 1\n"}, ())
    assert "src/none.py: its text does not stand" in applied(named.format("src/none.py") + changed)[1][0]
    assert applied(named.format(A))[1]
    for lost in ("x = 1\n", "def f():\n", "print(1)\n", "f();\n"):
        assert "its text does not stand" in applied(f"{changed}FILE: {A}\n{lost}")[1][0]
    assert "cut off" in apply_edits(edits_in(f"{changed}FILE: {A}\n", cut_off=True), THERE.get)[1][0]


@pytest.mark.parametrize(
    ("path", "lost"),
    [
        ("ci.yml", "on: push\n"),
        ("page.html", "<h1>Shop</h1>\n"),
        ("requirements.txt", "pytest\nhttpx\n"),
        ("README.md", "The new text of the page.\n"),
        (A, "It is as it was, and nothing has to be done.\n"),
    ],
)
def test_a_file_is_not_lost_in_silence(path: str, lost: str) -> None:
    """What looks like no code may be the text of a file all the same; one that has to be written is never only mentioned."""
    reply = f"FILE: {path}\n{lost}FILE: src/b.py\n```\nx = 1\n```\n"
    files, faults = apply_edits(edits_in(reply, [A]), {**THERE, path: "old\n"}.get)
    assert f"{path}: its text does not stand between fences (```)" in faults, files
    if path == A:
        assert apply_edits(edits_in(reply), THERE.get) == ({"src/b.py": "x = 1\n"}, ())


@pytest.mark.parametrize(
    ("old", "new", "then"),
    [
        ("\none\n", "\n1\n", "1\ntwo\nthree\ntwo\n"),
        ("one\n\n", "1\n\n", "1\ntwo\nthree\ntwo\n"),
        ("\none\n \n", "1\n", "1\ntwo\nthree\ntwo\n"),
        ("one\n\n", "one\n\n1\n", "one\n\n1\ntwo\nthree\ntwo\n"),
        ("\none\n", "", "two\nthree\ntwo\n"),
        ("\none\n\n", "\n", "two\nthree\ntwo\n"),
    ],
)
def test_blank_lines_around_a_block_do_not_hinder(old: str, new: str, then: str) -> None:
    """Where the file has none there; as many are taken off what is to stand instead."""
    assert applied(f"FILE: {A}\n" + block(old, new)) == ({A: then}, ())


def test_blank_lines_that_are_there_belong_to_a_block() -> None:
    """They may be what tells its place; without them it has to stand there once as well."""
    there = {A: "a\n\nb\na\nb\n"}
    assert applied(f"FILE: {A}\n" + block("\nb\n", "\nB\n"), there=there)[0] == {A: "a\n\nB\na\nb\n"}
    assert "2 times" in applied(f"FILE: {A}\n" + block("\ntwo\n", "\n2\n"))[1][0]


@pytest.mark.parametrize(
    ("line", "form"),
    [
        ("- DELETE: src/a.py", "DELETE: src/a.py"),
        ("1. DELETE: `src/a.py`", "DELETE: src/a.py"),
        ("DELETE: src/a.py (not needed)", "DELETE: src/a.py"),
        ("RENAME: src/a.py to src/b.py", "RENAME: src/a.py -> src/b.py"),
        ("- RENAME: `src/a.py` -> `src/b.py`", "RENAME: src/a.py -> src/b.py"),
        ("RENAME: src/a.py -> src/b.py (clearer)", "RENAME: src/a.py -> src/b.py"),
        ("RENAME: src/a.py (clearer)", "RENAME: src/a.py -> <new path>"),
    ],
)
def test_what_nearly_moves_a_file_is_told(line: str, form: str) -> None:
    """It was meant, and is not passed over beside another file; a list of what is done in the form besides says nothing, and so does what is no file."""
    other = "FILE: src/c.py\n```\nx = 1\n```\n"
    assert [f"write '{form}' on a line of its own" in fault for fault in applied(f"{other}{line}\n")[1]] == [True]
    assert applied(f"{other}{line}\n", there={})[1] == ()
    assert applied(f"DELETE: src/a.py\n{other}{line}\n") == ({A: None, "src/c.py": "x = 1\n"}, ())


@pytest.mark.parametrize("between", ["", "\n", "\nThe next one:\n\n"])
@pytest.mark.parametrize(
    "form",
    [
        "FILE: {}\n```\n{}```\n",
        "```\nFILE: {}\n```\n{}```\n",
        "```py\nFILE: {}\n{}```\n",
        "```\nFILE: {}\n```py\n{}```\n```\n",
    ],
)
def test_files_are_told_apart(form: str, between: str) -> None:
    """Wherever the name stands, and whatever stands between two of them."""
    files = {"src/b.py": "x = 1\n", "src/c.py": "y = 1\n"}
    assert applied(between.join(form.format(*each) for each in files.items())) == (files, ())


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (
            "FILE: src/b.py\n```\nx = 1\n```\nFILE: src/c.py\ny = 1\n",
            "src/c.py: its text does not stand between fences",
        ),
        (f"FILE: {A}\n<<<<<<< SEARCH\none\n=======\n1\n" + block("two\n", "2\n"), "has no end"),
        ("```\n" * 1000, "more than 400 fences"),
        (f"FILE: {A}\n```\nall:\n" + block("one\n", "1\n") + "```\n", "give one or the other"),
        (f"FILE: {A}\n" + block("one\n", "1\n") + "two\n>>>>>>> REPLACE\n", "where no SEARCH block is open"),
        (f"FILE: {A}\n<<<<<<< SEARCH\none\n======\n1\n>>>>>>> REPLACE\n", "exactly seven ="),
    ],
)
def test_nothing_is_passed_over_in_silence(reply: str, why: str) -> None:
    """What would be lost is a fault."""
    assert why in applied(reply)[1][0]


@pytest.mark.parametrize("heading", ["### src/h.py", "## `src/h.py`:\n", "#### **./src/h.py**"])
def test_a_file_under_a_heading_is_not_lost(heading: str) -> None:
    """Beside another file, where nobody expects it: it may be one or an example, and the model is asked which."""
    _, faults = applied(
        f"FILE: src/b.py\n```python\nfrom h import y\n```\n{heading}\n```python\ny = 1\n```\n", "src/b.py"
    )
    assert faults == (f"src/h.py: {ONLY_HEADED}",)


@pytest.mark.parametrize(
    ("heading", "language"),
    [
        ("### src/b.py", "bash"),
        ("### b.py", "python"),
        ("### Node.js", "js"),
        ("### How to use src/h.py", "python"),
        ("### src/h.py", ""),
    ],
)
def test_what_is_said_under_a_heading_is_no_file(heading: str, language: str) -> None:
    """Of a file that is given already, in another language or in none, or under more than a path."""
    reply = f"FILE: src/b.py\n```python\nx = 1\n```\n{heading}\n```{language}\ny = 1\n```\n"
    assert applied(reply, "src/b.py") == ({"src/b.py": "x = 1\n"}, ())


def test_what_a_service_offers_is_no_file_to_delete() -> None:
    """Explanations of an interface look much like it."""
    reply = "- DELETE: users\n\nDELETE: /users/1\nFILE: src/b.py\n```\nx = 1\n```\n"
    assert applied(reply) == ({"src/b.py": "x = 1\n"}, ())


@pytest.mark.parametrize(
    "reply",
    [
        "```\nRENAME: src/a.py -> src/b.py\n```\n",
        "```\nRENAME: src/a.py -> src/b.py\n```\n\nFILE: src/b.py\n```\nNEW\n```\n",
        "```\nRENAME: src/a.py -> src/b.py\n\nFILE: src/b.py\n```python\nNEW\n```\n```\n",
        "```python\nFILE: src/a.py\n\n<<<<<<< SEARCH\none\n=======\n1\n>>>>>>> REPLACE\n```\n",
        "FILE: src/a.py\n```\n\n<<<<<<< SEARCH\none\n=======\n1\n>>>>>>> REPLACE\n```\n",
    ],
)
def test_a_fence_around_what_is_no_file_says_nothing(reply: str) -> None:
    """The lines inside are read as they are outside of it, and are never the text of the file that is expected."""
    files, faults = applied(reply, "src/b.py")
    assert faults == ()
    moved = {A: None, "src/b.py": "NEW\n" if "NEW" in reply else THERE[A]}
    assert files == (moved if "RENAME" in reply else {A: THERE[A].replace("one", "1")})


def test_one_file_has_one_name() -> None:
    """``./a.py`` is ``a.py``; a whole text outdoes the blocks before it, and is what those behind it are found in."""
    reply = "FILE: ./src/a.py\n" + block("one\n", "1\n") + f"FILE: {A}\n" + block("three\n", "3\n")
    assert applied(reply) == ({A: "1\ntwo\n3\ntwo\n"}, ())
    whole = f"FILE: {A}\n```\none\nx\n```\n"
    assert applied(f"FILE: {A}\n" + block("one\n", "1\n") + whole) == ({A: "one\nx\n"}, ())
    assert applied(whole + f"FILE: {A}\n" + block("one\n", "1\n")) == ({A: "1\nx\n"}, ())


def test_files_are_removed_and_renamed() -> None:
    """And what is renamed may be changed under its new name, with another file in its old place."""
    assert applied("DELETE: src/a.py\n") == ({A: None}, ())
    assert applied("RENAME: `src/a.py` -> `src/b.py`\n") == ({A: None, "src/b.py": THERE[A]}, ())
    changed = "RENAME: src/a.py -> src/b.py\nFILE: src/b.py\n" + block("one\n", "1\n")
    assert applied(changed) == ({A: None, "src/b.py": "1\ntwo\nthree\ntwo\n"}, ())
    kept = applied(f"{changed}FILE: {A}\n```\nfrom b import one\n```\n")[0]
    assert kept == {A: "from b import one\n", "src/b.py": "1\ntwo\nthree\ntwo\n"}
    both = {A: "a\n", "src/b.py": "b\n"}
    assert applied("DELETE: src/b.py\nRENAME: src/a.py -> src/b.py\n", there=both)[0] == {A: None, "src/b.py": "a\n"}


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("DELETE: src/none.py\n", "no such file to delete"),
        ("RENAME: src/none.py -> src/b.py\n", "no such file to rename"),
        (f"RENAME: {A} -> src/there.py\n", "src/there.py is there already"),
        (f"DELETE: {A}\nFILE: {A}\n```\nx\n```\n", "to be deleted, and written"),
        (f"RENAME: {A} -> src/b.py\nFILE: {A}\n" + block("one\n", "1\n"), "it is renamed: write FILE: src/b.py"),
    ],
)
def test_what_cannot_be_moved_is_told(reply: str, why: str) -> None:
    """In one sentence."""
    assert why in applied(reply, there={**THERE, "src/there.py": "x\n"})[1][0]


LINES = st.lists(
    st.sampled_from(["a", " a", "b", "", "é ☃", "=======", "======", "-------", "```", "# File: x.py", "FILE: x.py"]),
    max_size=12,
)


def written(before: list[str], after: list[str]) -> str:
    """The difference as blocks whose SEARCH text stands in the file once, between marks as long as it takes."""
    width = max([6, *(len(line) for line in before + after if set(line) == {"="})]) + 1
    blocks = []
    groups = list(difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_grouped_opcodes(0))
    now, shift = list(before), 0
    for group in groups:
        (_, i1, _, j1, _), (_, _, i2, _, j2) = group[0], group[-1]
        first, last = i1 + shift, i2 + shift
        low, high = first, last
        while True:
            old = now[low:high]
            places = sum(now[at : at + len(old)] == old for at in range(len(now) - len(old) + 1))
            if any(line.strip() for line in old) and places == 1:
                break
            low, high = max(0, low - 1), min(len(now), high + 1)
        new = [*now[low:first], *after[j1:j2], *now[last:high]]
        text = "".join(
            f"{line}\n" for line in (f"{'<' * width} SEARCH", *old, "=" * width, *new, f"{'>' * width} REPLACE")
        )
        blocks.append(text)
        now[low:high] = new
        shift += (j2 - j1) - (i2 - i1)
    return f"FILE: {A}\n{''.join(blocks)}"


@given(LINES, LINES, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.sampled_from(["", "\ufeff"]))
@example(["=======", "a"], ["=======", "b"], "\r\n", False, "")
def test_any_difference_can_be_written_and_is_applied_to_the_byte(
    before: list[str], after: list[str], end: str, ended: bool, mark: str
) -> None:
    """As blocks: whatever the lines look like, end with, or have in front of them."""
    before, after = ["first", *before, "last"], ["first", *after, "last"]

    def text(lines: list[str]) -> str:
        return mark + end.join(lines) + (end if ended else "")

    if before == after:
        return
    assert applied(written(before, after), there={A: text(before)}) == ({A: text(after)}, ())


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
