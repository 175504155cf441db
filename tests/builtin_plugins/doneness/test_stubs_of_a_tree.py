"""What a class leaves to others may be found in another file."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent_dispatcher.extension import Objection
from agent_dispatcher_builtins.languages.python.language import Python

Judge = Callable[..., tuple[Objection, ...]]

BASE = "class Shape:\n    def area(self):\n        raise NotImplementedError\n"
DERIVED = "from a import Shape\n\n\nclass Square(Shape):\n    def area(self):\n        return 1\n"


def test_a_method_that_a_derived_class_implements_is_no_stub(judge: Judge) -> None:
    """In a file that is new or that was there; a derived class without a body of its own implements nothing."""
    assert [each.subject for each in judge({"src/a.py": BASE})] == ["Shape.area"]
    assert judge({"src/a.py": BASE, "src/b.py": DERIVED}) == ()
    assert judge({"src/a.py": BASE, "src/b.py": DERIVED}, {"src/b.py": DERIVED}) == ()
    empty = DERIVED.replace("return 1", "raise NotImplementedError")
    assert {each.subject for each in judge({"src/a.py": BASE, "src/b.py": empty})} == {"Shape.area", "Square.area"}


def test_an_empty_class_that_others_use_is_no_stub(judge: Judge) -> None:
    """A base, or a value that stands for something; tests, and what only says of what type something is, do not use it."""
    event = {"src/a.py": "class Event:\n    pass\n"}
    assert [each.subject for each in judge(event)] == ["class Event"]
    for use in ("class Sold(Event):\n    price = 1\n", "NOTHING = Event\n", "def f(x):\n    return x is Event\n"):
        assert judge({**event, "src/b.py": f"from a import Event\n\n{use}"}) == (), use
    for none in ("def f(x: Event) -> Event:\n    return x\n", "__all__ = ['Event']\n"):
        assert judge({**event, "src/b.py": f"from a import Event\n\n{none}"}) != (), none
    assert judge({**event, "tests/test_b.py": "def test_b():\n    assert Event() == 1\n"}) != ()


def test_a_function_that_is_used_elsewhere_is_still_a_stub(judge: Judge) -> None:
    """Being called makes it no work."""
    assert [each.subject for each in judge({"src/a.py": "def f():\n    pass\n", "src/b.py": "G = f()\n"})] == ["f"]


def test_hooks_of_a_base_and_handlers_may_be_empty(judge: Judge) -> None:
    """The class says that it is a base; nobody has to listen; a placeholder may be a word of the subject."""
    base = 'class Handler:\n    """Base class of handlers."""\n\n    def on_start(self):\n        pass\n'
    assert judge({"src/a.py": base}) == ()
    assert judge({"src/a.py": base.replace("Base class of h", "H")}) != ()
    assert judge({"src/a.py": "on_error = lambda e: None\n"}) == ()
    assert judge({"src/a.py": "price = lambda e: None\n"}) != ()
    assert judge({"src/a.py": "HINT = 'Name'  # Placeholder\n\n\n# Placeholder\nROOM = 3\n"}) == ()


def test_the_tree_is_read_once_and_only_where_it_may_matter(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not without a stub that other files may excuse, and not again for the same texts."""
    asked: list[str] = []
    told = Python.overrides
    monkeypatch.setattr(Python, "overrides", lambda self, text: (asked.append(text), told(self, text))[1])
    other = "COUNTED_BY_THIS_TEST = 1\n"
    assert judge({"src/a.py": "def f():\n    pass\n", "src/b.py": other}) != ()
    assert asked == []
    for _ in range(2):
        assert judge({"src/a.py": BASE, "src/b.py": other}) != ()
    assert asked.count(other) == 1
