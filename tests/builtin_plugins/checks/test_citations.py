"""The check ``citations``: a claim without a source, or with one that does not say so, does not pass."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_dispatcher.extension import Change, CheckContext, Tree
from agent_dispatcher.models import ArtifactRef, Evidence, ExecutionPlan, Specification, Task
from agent_dispatcher_builtins.checks.citations import CitationsCheck
from agent_dispatcher_builtins.checks.citing import (
    Claim,
    FileLine,
    MetadataField,
    code_span,
    parse_claim,
    shown,
    source_text,
    visible,
)
from agent_dispatcher_builtins.checks.kept_sources import INDEX, KeptSource, index_text
from agent_dispatcher_builtins.checks.quotations import says_enough, stands_in

NOTE = "docs/research/T1.md"


def _check(tmp_path: Path, note: str | None, *, changed: bool = False) -> Evidence:
    tree, spec = tmp_path / "tree", tmp_path / "spec"
    for folder in (tree / "docs" / "research", spec):
        folder.mkdir(parents=True, exist_ok=True)
    (tree / "a.py").write_text("import os\nimport attrs\n")
    (tree / "b").mkdir(exist_ok=True)
    (tree / "b" / "a.py").write_text("import attrs\n")
    (tree / "driver.md").write_text(DRIVER)
    (spec / "plan.md").write_text("# Plan\n**Storage**:  SQLite\n")
    (tmp_path / "outside.py").write_text("import attrs\n")
    if not (tree / "link.py").is_symlink():
        (tree / "link.py").symlink_to(tmp_path / "outside.py")
    if note is not None:
        (tree / NOTE).write_text(note)
    promised = () if changed else (ArtifactRef(type="path", name=NOTE),)
    task = Task(id="T1", title="Research", type="research", produces=promised)
    own = Change(task="T1", attempt=1, ref="r", commit="c", base="b", paths=(NOTE,))
    other = Change(task="T2", attempt=1, ref="r", commit="c", base="b", paths=("README.md",))
    (tree / "README.md").write_text("No claims here.\n")
    context = CheckContext(
        tree=Tree(tree="t", commit="c", tip="c", path=tree, changes=(own, other) if changed else ()),
        sandbox=None,
        language=None,
        plan=ExecutionPlan(specification=Specification(id="s", title="s", path=str(spec)), tasks=(task,)),
        landed=frozenset(),
        log_dir=tmp_path / "logs",
        run_dir=tmp_path,
    )
    check = CitationsCheck()
    assert check.applies(task, context.plan)
    return asyncio.run(check.check(task, context))


DRIVER = """Windows is unsupported by this driver.
It can't lock files.
It needs version 3.11 or later.
The feature is now here.
Only non-blocking calls are used.
"""

GOOD = """# Facts

> Quotations of this sort claim nothing.

- Imported: `import attrs` (`a.py:2`)
- Stored: `**Storage**: SQLite` (`specification:plan.md:2`)
- Installed: `attrs` (`distribution attrs: Name`)
- Twice: `import attrs` (`a.py:2`, `b/a.py:1`)
- Windows: `is unsupported by this` (`driver.md:1`)

## Not found

- `Zork`: nowhere
"""


@pytest.mark.parametrize("changed", [False, True])
def test_claims_with_sources_pass(tmp_path: Path, changed: bool) -> None:
    """The promised note, or the one the task changed, and no other task's pages."""
    evidence = _check(tmp_path, GOOD, changed=changed)
    assert evidence.passed, evidence.summary
    assert evidence.details["claims"] == 5 and evidence.details["notes"] == [NOTE]
    assert not evidence.proof


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("- attrs is the best choice", "names no source"),
        ("A plain sentence.", "names no source"),
        ("- It is (trust me)", "names no source"),
        ("- Imported: `import attrs` (`a.py:3000`)", "the file has 3 lines"),
        ("- Imported: `import attrs` (`a.py:0`)", "is no source"),
        ("- Imported: `import attrs` (`b.py:1`)", "there is no such file"),
        ("- Imported: `import attrs` (`a.py:1`)", "a.py:1 does not say 'import attrs'"),
        ("- Twice: `import attrs` (`a.py:2`, `a.py:1`)", "a.py:1 does not say"),
        ("- Imported: `import attrs` (`../outside.py:1`)", "refused"),
        ("- Imported: `import attrs` (`link.py:1`)", "refused"),
        ("- Passwords: `root` (`/etc/passwd:1`)", "refused"),
        ("- Stored: `MySQL` (`specification:plan.md:2`)", "does not say 'MySQL'"),
        ("- Stored: `x` (`specification:../tree/a.py:1`)", "refused"),
        ("- Installed: `0` (`distribution no-such-thing: Version`)", "no such distribution"),
        ("- Installed: `x` (`distribution attrs: Nothing`)", "no such field"),
        ("- The moon is cheese (`a.py:2`)", "quotes nothing"),
        ("- The moon is cheese: `i` (`a.py:2`)", "does not say 'i'"),
        ("- The moon is cheese: `…` (`a.py:2`)", "does not say ''"),
        ("- The moon is cheese: `is` (`driver.md:1`)", "proves nothing: quote 3 words or more"),
        ("- The moon is cheese: `The moon is cheese` (`docs/research/T1.md:11`)", "a note of research is no source"),
        ("- The moon is cheese: `moon is cheese` (`docs/./research/T1.md:11`)", "refused"),
        ("- Windows is supported: `supported by this driver` (`driver.md:1`)", "does not say"),
        ("- It may: `It can` `lock files` (`driver.md:2`)", "does not say 'It can'"),
        ("- Old: `needs version 3` (`driver.md:3`)", "does not say 'needs version 3'"),
        ("- Gone: `The feature is nowhere` (`driver.md:4`)", "does not say"),
        ("- It blocks: `blocking calls are used` (`driver.md:5`)", "does not say"),
        ("- Seen: `import attrs` `a.py:2`", "names no source"),
        ("- Seen: `import attrs` x`a.py:2`)", "not stand in brackets"),
    ],
)
def test_other_claims_do_not(tmp_path: Path, line: str, fault: str) -> None:
    """What is wrong is told with the note's line."""
    evidence = _check(tmp_path, GOOD.replace("## Not found", f"{line}\n\n## Not found"))
    assert not evidence.passed
    assert f"{NOTE}:11: " in evidence.summary and fault in evidence.summary
    assert (tmp_path / evidence.log).read_text().count("\n") == 0


def _landed(tmp_path: Path, line: str, files: Mapping[str, str]) -> Evidence:
    """What the check says of a line of T1 when T0, a research task before it, wrote these files."""
    for name, text in files.items():
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / name).write_text(text)
    (tmp_path / "tree" / NOTE).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "tree" / NOTE).write_text(line + "\n")
    before = Task(id="T0", title="Research", type="research")
    task = Task(id="T1", title="Research", type="research", produces=(ArtifactRef(type="path", name=NOTE),))
    change = Change(task="T0", attempt=1, ref="r", commit="c", base="b", paths=tuple(files))
    context = CheckContext(
        tree=Tree(tree="t", commit="c", tip="c", path=tmp_path / "tree", changes=(change,)),
        sandbox=None,
        language=None,
        plan=ExecutionPlan(specification=Specification(id="s", title="s"), tasks=(before, task)),
        landed=frozenset(),
        log_dir=tmp_path / "logs",
        run_dir=tmp_path,
    )
    return asyncio.run(CitationsCheck().check(task, context))


PAGE = "From https://example.org/\n\nRedis is ten times faster than SQLite.\n"
CLAIM = "- Fast: `Redis is ten times faster` (`docs/research/{}:3`)"


def test_what_another_note_removed_is_no_proof(tmp_path: Path) -> None:
    """A note is no source, also where nothing but its text says that it is one; nor is any other file that a research task wrote."""
    note = "# Answer\n\n> Task `T0`: `t`\n\n## Not found\n\n- removed: Redis is ten times faster.\n"
    old = _landed(tmp_path, "- Fast: `Redis is ten times faster` (`docs/old.md:7`)", {})
    assert "no such file" in old.summary
    (tmp_path / "tree" / "docs" / "old.md").write_text(note)
    assert (
        "a note of research is no source"
        in _landed(tmp_path, "- Fast: `Redis is ten times faster` (`docs/old.md:7`)", {}).summary
    )
    said = _landed(tmp_path, CLAIM.format("made-up.txt"), {"docs/research/made-up.txt": PAGE})
    assert "a research task wrote it" in said.summary


@pytest.mark.parametrize(("text", "fault"), [(PAGE, ""), (PAGE.replace("ten", "two"), "its digest differs")])
def test_a_text_that_was_kept_is_a_source(tmp_path: Path, text: str, fault: str) -> None:
    """As long as it is what was read: the index beside it holds its digest."""
    kept = KeptSource("https://example.org/", "2026-01-31T12:00:00Z", sha256(PAGE.encode()).hexdigest())
    files = {"docs/research/s/a.txt": text, f"docs/research/s/{INDEX}": index_text({"a.txt": kept})}
    said = _landed(tmp_path, CLAIM.format("s/a.txt"), files)
    assert (fault in said.summary and not said.passed) if fault else said.passed, said.summary


@pytest.mark.parametrize(
    ("quotation", "text", "stands"),
    [
        ("no server", "it needs no servers", False),
        ("no server", "it needs no server.", True),
        ("server", "the web-server", False),
        ("the server", "the server-side", False),
        ("version 3", "version 3.", True),
        ("version 3", "version 3.1", False),
        ("1 file", "11 file, 1 file", True),
        ("snake", "snake_case", False),
        ("snake", "snake__case", False),
        ("snake_", "snake_case", False),
        ("requires Python three", "_requires Python three_", True),
        ("only the release", "Install __only the release__ please", True),
        ("一つのファイル", "それは一つのファイルです", True),
        ("", "anything", False),
        ("x" * 230, "x" * 400, True),
    ],
)
def test_a_quotation_stands_in_whole_words(quotation: str, text: str, stands: bool) -> None:
    """Not in parts of words; scripts without spaces have no such parts; one that was cut to be shown may end anywhere."""
    assert stands_in(quotation, text) is stands


@pytest.mark.parametrize(
    ("quotation", "whole", "enough"),
    [
        ("a b c", "", True),
        ("a b", "a b c", False),
        ("MIT", "MIT", True),
        ("—", "—", False),
        ("ab", "ab", False),
        ("六个汉字在此", "", True),
    ],
)
def test_a_quotation_has_several_words_or_is_all_there_is(quotation: str, whole: str, enough: bool) -> None:
    """Otherwise it would prove anything."""
    assert says_enough(quotation, whole) is enough


def test_a_note_must_claim_something(tmp_path: Path) -> None:
    """An empty note, one that only says what was not found, and none at all."""
    assert "claims nothing" in _check(tmp_path, "# Facts\n\n## Not found\n\n- `x`: nowhere\n").summary
    assert not _check(tmp_path, "").passed
    (tmp_path / "tree" / NOTE).unlink()
    assert "left no note" in _check(tmp_path, None).summary


def test_not_found_ends_with_the_next_heading(tmp_path: Path) -> None:
    """Claims cannot hide behind it."""
    assert not _check(tmp_path, GOOD + "\n## More\n\n- hidden\n").passed


def test_it_looks_at_research_only(tmp_path: Path) -> None:
    """Pages of other tasks need no sources."""
    plan = ExecutionPlan(specification=Specification(id="s", title="s"), tasks=())
    kinds = ("research", "analysis", "documentation", "code_writing")
    assert [CitationsCheck().applies(Task(id="x", title="x", type=kind), plan) for kind in kinds] == [
        True,
        True,
        False,
        False,
    ]
    assert not CitationsCheck().applies(None, plan)


_SOURCES = st.one_of(
    st.builds(
        FileLine,
        st.text(
            st.characters(exclude_categories=["Cc", "Cf", "Cs", "Co", "Zl", "Zp"], exclude_characters=":"), min_size=1
        )
        .map(str.strip)
        .filter(bool),
        st.integers(1, 10**6),
        st.booleans(),
    ),
    st.just(MetadataField("ruamel.yaml", "Requires-Dist")),
)


@given(st.text(), _SOURCES)
def test_any_text_survives_being_quoted(text: str, source: FileLine | MetadataField) -> None:
    """Written and read again it is the same text, and the same source, whatever ticks and brackets are in it."""
    quotation = shown(text)
    parsed = parse_claim(f"- Said: {code_span(quotation)} ({code_span(source_text(source))})")
    assert isinstance(parsed, Claim), parsed
    assert parsed.sources == (source,)
    if quotation:
        assert parsed.quotations == (quotation.removesuffix("…"),)
        assert parsed.quotations[0] in visible(text)
