"""Every command and every Python snippet on a page works as it stands there.

``sh`` blocks are run line by line, those of one page in one folder, which holds a copy of ``docs``; a line ending in ``# exits N`` must exit with N.
``python`` blocks are run by themselves in such a folder. What is only to be looked at (synopses, output) stands in ``text`` blocks.
``mermaid`` blocks are drawn by the site.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]


@frozen
class Block:
    """A fenced block: ``language`` is its info string, ``line`` where its content begins."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """README and everything under docs that people read."""
    return [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path, language: str) -> Iterator[Block]:
    """The blocks of one language in a page."""
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        if token.type == "fence" and token.info.strip() == language and token.map is not None:
            yield Block(page.relative_to(ROOT).as_posix(), token.map[0] + 2, language, token.content)


#: The tutorial makes an environment of its own: test_tutorial.py runs it as one script.
TUTORIAL = ROOT / "docs" / "tutorial-agent-package.md"
PAGES = [page for page in pages() if page != TUTORIAL and any(blocks(page, "sh"))]
SNIPPETS = [block for page in pages() for block in blocks(page, "python")]
EXITS = re.compile(r"#.*\bexits (\d+)")


def environment(home: Path) -> dict[str, str]:
    """A user's environment: the installed commands first on the path, a home of its own."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "LANG": "C.UTF-8",
    }


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder as a user of a clone has it in front of them."""
    shutil.copytree(ROOT / "docs", tmp_path / "desk" / "docs")
    return tmp_path / "desk"


def is_setup(line: str) -> bool:
    """The README's two set-up lines install system packages: CI runs them as they stand."""
    return "apt-get" in line


def commands(text: str) -> Iterator[str]:
    """The commands of a block: its lines, a here-document kept in one piece."""
    lines = iter(text.splitlines())
    for line in lines:
        if found := re.search(r"<<'(\w+)'", line):
            body = [line]
            for more in lines:
                body.append(more)
                if more == found.group(1):
                    break
            line = "\n".join(body) + "\n"
        if line.strip():
            yield line


@pytest.mark.slow
@pytest.mark.sandbox
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_commands_of_a_page_work_in_order(page: Path, desk: Path, tmp_path: Path) -> None:
    """A reader who types what the page says gets no error."""
    for block in blocks(page, "sh"):
        for line in commands(block.text):
            command = line.split(" && ")[-1] if is_setup(line) else line
            if is_setup(line) and "agent-dispatcher run" not in command:
                continue
            command = command.replace(".venv/bin/", "")
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=desk,
                env=environment(tmp_path),
                capture_output=True,
                text=True,
                timeout=300,
            )
            expected = int(found.group(1)) if (found := EXITS.search(line)) else 0
            assert done.returncode == expected, f"{block}: {line}\n{done.stdout}\n{done.stderr}"
            assert "Traceback" not in done.stderr, f"{block}: {line}\n{done.stderr}"


@pytest.mark.parametrize("block", SNIPPETS, ids=str)
def test_a_python_snippet_runs(block: Block, desk: Path, tmp_path: Path) -> None:
    """A snippet can be pasted and run."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block.text],
        cwd=desk,
        env=environment(tmp_path) | {"PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", "")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"


def test_pages_link_only_to_what_exists() -> None:
    """No relative link on a page leads nowhere."""
    broken = []
    for page in pages():
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.name}: {target}")
    assert broken == []
