"""Manifests and imports are read with their lines; what is broken or hostile declares nothing."""

from __future__ import annotations

import pytest

from agent_dispatcher_builtins.agents.researcher.imports import imported
from agent_dispatcher_builtins.agents.researcher.manifests import declared, is_build_file, is_manifest, names_of
from agent_dispatcher_builtins.agents.researcher.reading import Document

PYPROJECT = """\
[build-system]
requires = ["hatchling>=1.27"]
[project]
name = "x"
requires-python = ">=3.11"
dependencies = [
    "attrs>=25.1,<27",
    "rich[all] ; python_version < '4'",
]
[project.optional-dependencies]
test = ["pytest"]
[tool.poetry.dependencies]
django = "^5"
"""
PACKAGE = """\
{
  "name": "react",
  "dependencies": {"react": "^18.2.0"},
  "devDependencies": {
    "@types/node": "20.1.0"
  },
  "engines": {"node": ">=20"}
}
"""
CARGO = """\
[package]
name = "serde"
[dependencies]
serde = { version = "1.0", features = ["derive"] }
[dev-dependencies.tokio]
version = "1"
"""
GO = """\
module example.org/app
go 1.22
require (
\tgithub.com/gin-gonic/gin v1.9.1 // indirect
\tgopkg.in/yaml/v3 v3.0.1
)
replace github.com/a/b v1.0.0 => ../b
require github.com/x/y v0.1.0
"""
REQUIREMENTS = (
    "# comment\n-r other.txt\nflask==3.0.0  # web\nboto3[crt]>=1 --hash=sha256:0\n\nhttps://example.org/x.whl\n"
)


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        (
            "pyproject.toml",
            PYPROJECT,
            [
                ("hatchling", "hatchling>=1.27", 2),
                ("python", 'requires-python = ">=3.11"', 5),
                ("attrs", "attrs>=25.1,<27", 7),
                ("rich", "rich[all] ; python_version < '4'", 8),
                ("pytest", "pytest", 11),
                ("django", 'django = "^5"', 13),
            ],
        ),
        (
            "web/package.json",
            PACKAGE,
            [
                ("react", '"dependencies": {"react": "^18.2.0"}', 3),
                ("@types/node", '"@types/node": "20.1.0"', 5),
                ("node", '"engines": {"node": ">=20"}', 7),
            ],
        ),
        (
            "Cargo.toml",
            CARGO,
            [
                ("serde", 'serde = { version = "1.0", features = ["derive"] }', 4),
                ("tokio", "[dev-dependencies.tokio]", 5),
            ],
        ),
        (
            "go.mod",
            GO,
            [
                ("go", "go 1.22", 2),
                ("github.com/gin-gonic/gin", "github.com/gin-gonic/gin v1.9.1", 4),
                ("gopkg.in/yaml/v3", "gopkg.in/yaml/v3 v3.0.1", 5),
                ("github.com/x/y", "require github.com/x/y v0.1.0", 8),
            ],
        ),
        ("requirements-dev.txt", REQUIREMENTS, [("flask", "flask==3.0.0", 3), ("boto3", "boto3[crt]>=1", 4)]),
    ],
)
def test_dependencies_with_their_lines(path: str, text: str, found: list[tuple[str, str, int]]) -> None:
    """Each manifest's dependencies, quoted from the line that declares them."""
    assert is_manifest(path)
    assert [
        (each.name, each.quotation, each.line) for each in declared(Document(path, tuple(text.split("\n"))))
    ] == found


@pytest.mark.parametrize("path", ["pyproject.toml", "package.json", "Cargo.toml", "go.mod", "requirements.txt"])
@pytest.mark.parametrize(
    "text",
    ["", "{", "[" * 100_000, '{"dependencies": []}', "dependencies = 3\n", "\ufffd\x00", '{"dependencies": {"a": 1}}'],
)
def test_broken_manifests_declare_nothing(path: str, text: str) -> None:
    """Whatever is in them."""
    assert declared(Document(path, tuple(text.split("\n")))) == ()


def test_a_name_means_the_last_part_of_a_path() -> None:
    """``gin`` is ``github.com/gin-gonic/gin``, also with a version behind it."""
    (_, gin, yaml, _) = declared(Document("go.mod", tuple(GO.split("\n"))))
    assert names_of(gin) == {"gin", "github-com/gin-gonic/gin"}
    assert names_of(yaml) == {"yaml", "gopkg-in/yaml/v3"}


def test_imports_are_read_from_the_syntax_tree() -> None:
    """Not from comments, strings or relative imports, and not those of Python itself."""
    text = '"""import fake"""\n# import no\nimport os, attrs as a\nfrom networkx.algorithms import dag\nfrom .near import far\ndef f():\n    import yaml\n'
    found = [(each.name, each.line) for each in imported(Document("a.py", tuple(text.split("\n"))))]
    assert sorted(found, key=lambda each: each[1]) == [("attrs", 3), ("networkx", 4), ("yaml", 7)]


@pytest.mark.parametrize("text", ["def (", "x = " + "(" * 20_000, "\x00", "-" * 100_000 + "1"])
def test_what_is_no_python_imports_nothing(text: str) -> None:
    """Hostile sources cost nothing but time."""
    assert list(imported(Document("a.py", tuple(text.split("\n"))))) == []


def test_other_build_files_are_known_by_name() -> None:
    """Their lines are quoted where they mention a name."""
    assert all(map(is_build_file, ["app/build.gradle.kts", "pom.xml", "src/X.csproj", "gradle/libs.versions.toml"]))
    assert not is_build_file("src/pom.xml.md")
