"""Which words name a technology: written as a name, or given as a means; never a list of technologies."""

from __future__ import annotations

import pytest

from agent_dispatcher_builtins.agents.researcher.naming import asks_in_general, key, mentions, named_means, set_off
from agent_dispatcher_builtins.agents.researcher.reading import Document


def _document(text: str) -> Document:
    return Document("plan.md", tuple(text.split("\n")), True)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Research `attrs` and `@scope/kit` for values", ["attrs", "@scope/kit"]),
        ("Compare PostgreSQL with SQLite under load", ["PostgreSQL", "SQLite"]),
        ("Look at Retrofit, then decide", ["Retrofit"]),
        ("use markdown.it or C++ here", ["markdown.it", "C++"]),
        ("The loan is returned. Members see it.", []),
        ("Research how members borrow books", []),
        ("See FR-001 and T012 and US3", []),
        ("run `a b c` and `rm -rf /`", []),
    ],
)
def test_words_written_as_names(text: str, names: list[str]) -> None:
    """Backquotes, capitals inside, digits and dots set a word off; the begin of a sentence and ids of tasks do not."""
    assert set_off(text) == names


def test_means_stand_behind_labels_and_below_headings() -> None:
    """Values of labels about means, and the first words of items below such headings; not in fences, not elsewhere."""
    text = """# Plan
**Language/Version**: Kotlin 1.9+ (Java compatible)
**Primary Dependencies**: Retrofit 2, `okio[all]`, and Moshi
- **Storage**: N/A (stateless)
**Performance Goals**: Fast Enough
Dependency order: Models before Views
## Tech Stack
- **Redux Toolkit** - state
1. plain words
## Other
- Nothing Here
```
Storage: Fenced
```
"""
    assert list(named_means(_document(text))) == [
        ("Kotlin", 2),
        ("Retrofit", 3),
        ("okio", 3),
        ("Moshi", 3),
        ("Redux", 8),
    ]


def test_a_mention_is_a_whole_word() -> None:
    """In any case for longer names; very short ones as they are written; never a part of another word."""
    text = "Click it\nclicks\nuse CLICK!\nre-click\nclick-plus"
    assert list(mentions(_document(text), "click")) == [1, 3]
    assert list(mentions(_document("go\nuse Go here"), "Go")) == [2]


def test_spellings_of_one_name() -> None:
    """Case, hyphens, dots and underscores do not make another name."""
    assert key("Ruamel.Yaml") == key("ruamel_yaml") == key("`ruamel-yaml`") == "ruamel-yaml"


def test_general_questions() -> None:
    """A task about technologies as such names none and asks about all."""
    assert asks_in_general("Research the dependencies and their licences")
    assert not asks_in_general("Research how members borrow books")
