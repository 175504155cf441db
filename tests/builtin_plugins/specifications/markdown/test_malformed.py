"""Broken and hostile documents: read, or refused with the place, in no time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from agent_dispatcher.errors import SpecificationError
from agent_dispatcher_builtins.specifications.markdown.reader import MarkdownFormat


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"# A\n- [ ] \xff\n", "a.md:2: byte 0xff is not UTF-8"),
        (b"# A\n\n- [ ] a\0b\n", "a.md:3:8: a NUL"),
        (b"", "a.md:1: the document asks for nothing"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    """With the line."""
    (tmp_path / "a.md").write_bytes(data)
    with pytest.raises(SpecificationError) as caught:
        MarkdownFormat().load(tmp_path / "a.md")
    assert said in str(caught.value)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(tmp_path: Path, end: str) -> None:
    """All of them part lines, with and without a byte order mark."""
    (tmp_path / "a.md").write_bytes(("\ufeff# A" + end + "- [ ] 1. dig" + end + "- [x] 2. sow, depends on #1").encode())
    found = MarkdownFormat().load(tmp_path / "a.md")
    assert [(task.source_id, task.source) for task in found.tasks] == [("1", "a.md:2"), ("2", "a.md:3")]


def test_an_unclosed_fence_and_unclosed_front_matter(tmp_path: Path) -> None:
    """What stands in a fence that does not end is no task; a line of dashes that does not end is only a line."""
    (tmp_path / "a.md").write_text("---\ntitle: x\n\n# A\n- [ ] dig\n```\n- [ ] no\n")
    assert [task.title for task in MarkdownFormat().load(tmp_path / "a.md").tasks] == ["dig"]


HOSTILE = {
    "a long word": "# A\n- [ ] " + "x" * 4_900_000,
    "spaces": "# A\n- [ ] depends on" + " " * 4_900_000 + "x",
    "many mentions": "# A\n- [ ] 1. a\n- [ ] b depends on " + "#1, " * 1_000_000,
    "half mentions": "# A\n- [ ] a " + "depends on " * 400_000,
    "sentences": "# A\nIt must grow. " * 60_000,
    "boxes": "# A\n" + "- [ ] dig\n" * 8_000,
    "numbered boxes": "# A\n" + "".join(f"- [ ] {n}. dig (depends on #{n - 1})\n" for n in range(1, 4_000)),
    "nesting": "# A\n" + "".join("  " * n + "- [ ] dig\n" for n in range(90)),
    "headings": "# A\n" + "".join(f"## Task {n}: dig\ndepends on {n - 1}\n" for n in range(1, 2_500)),
    "deep headings": "".join("#" * (1 + n % 6) + f" H{n}\nIt must {n} be.\n" for n in range(3_000)),
    "stars": "# A\n- [ ] " + "*" * 1_000_000,
    "brackets": "# A\n- [ ] " + "[(" * 500_000,
    "strikes": "# A\n- [ ] " + "~~a" * 400_000,
    "quotes": "# A\n- [ ] " + "`" * 1_000_000,
    "dashes": "---\n" * 60_000 + "- [ ] a\n",
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_hostile_documents_cost_no_time(tmp_path: Path, name: str) -> None:
    """Five megabytes of anything are read, or refused, in seconds; recognising looks at the beginning only."""
    file = tmp_path / "a.md"
    file.write_text(HOSTILE[name])
    begun = time.process_time()
    assert MarkdownFormat().matches(file) > 0
    assert time.process_time() - begun < 1
    try:
        found = MarkdownFormat().load(file)
        assert found.tasks or found.requirements
        MarkdownFormat().write_status(file, {task.source_id or task.id: "completed" for task in found.tasks[:50]})
    except SpecificationError as error:
        assert "a.md" in str(error)
    assert time.process_time() - begun < 20
