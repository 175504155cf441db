"""Drawn trees of files."""

from __future__ import annotations

import pytest

from agent_dispatcher_builtins.decomposers.file_tree import is_manifest, is_test, read_tree

DRAWN = """\
service/
├── go.mod
├── cmd/server/
│   └── main.go          # entry (existing, modify)
├── internal/
│   ├── store/
│   │   ├── store.go     <- tables
│   │   └── ...
│   └── old.go           # existing
└── README.md
"""


def test_paths_are_put_together_from_the_branches() -> None:
    """With what is said about them, and their lines."""
    assert [(each.path, each.about, each.source) for each in read_tree(DRAWN, "plan.md", 10)] == [
        ("service/go.mod", "", "plan.md:11"),
        ("service/cmd/server/main.go", "entry (existing, modify)", "plan.md:13"),
        ("service/internal/store/store.go", "tables", "plan.md:16"),
        ("service/internal/old.go", "existing", "plan.md:18"),
        ("service/README.md", "", "plan.md:19"),
    ]


def test_what_exists_stays_unless_it_is_to_be_changed() -> None:
    """So the document says."""
    assert [each.stem for each in read_tree(DRAWN, "plan.md", 1) if each.stays] == ["old"]


@pytest.mark.parametrize("root", [".", "repo/", "project-root/", "./"])
def test_a_root_that_is_the_repository_is_no_folder(root: str) -> None:
    """Nor is one of the specification's own name."""
    assert [each.path for each in read_tree(f"{root}\n├── src/\n│   └── a.py", "p", 1)] == ["src/a.py"]
    assert [each.path for each in read_tree("shop/\n└── a.py", "p", 1, repository="shop")] == ["a.py"]


def test_trees_of_plain_letters() -> None:
    """As some draw them."""
    assert [each.path for each in read_tree("src/\n|-- a.py\n|   \n`-- b/\n    `-- c.py", "p", 1)] == [
        "src/a.py",
        "src/b/c.py",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    return 1",
        "a -> b",
        "",
        "# [REMOVE IF UNUSED] Option 1\nsrc/\n├── a.py",
        "src/\n├── ../../etc/passwd.txt",
        "├── models/\n├── views/",
    ],
)
def test_nothing_else_is_a_tree_of_files(text: str) -> None:
    """Code, alternatives to choose from, ways out of the repository, folders alone."""
    assert read_tree(text, "p", 1) == []


def test_sorts_of_files() -> None:
    """By the habits of many languages."""
    assert all(map(is_test, ("tests/a.py", "a_test.go", "src/x.spec.ts", "src/FooTest.java", "test_a.py")))
    assert not any(map(is_test, ("src/contest.py", "latest.go", "src/inspect.ts")))
    assert all(map(is_manifest, ("a/package.json", "pyproject.toml", "Shop.csproj", "vite.config.ts")))
    assert not any(map(is_manifest, ("src/config.py", "data.json")))
