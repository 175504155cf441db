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


INDEX = "class Index:\n    {said}\n    def add(self, text: str) -> None:\n        pass\n"
BASES = {
    "a knowledge base": (INDEX.replace("Index", "KnowledgeBase"), True),
    "a baseline": (INDEX.replace("Index", "Baseline"), True),
    "a mention of subclasses": (INDEX.format(said='"""Search index; may be subclassed, see its subclasses."""'), True),
    "a base of knowledge": (INDEX.format(said='"""A knowledge base of articles."""'), True),
    "an interface to something": (INDEX.format(said='"""Interface to the payment service."""'), True),
    "a value that a base promises": (
        INDEX.format(said='"""Base class of indexes."""').replace("-> None:\n        pass", "-> list[str]: ..."),
        True,
    ),
    "a base by its docstring": (INDEX.format(said='"""Base class of indexes."""'), False),
    "a base whose subclasses are to do it": (INDEX.format(said='"""An index. Subclasses may override it."""'), False),
    "a base by its name": (INDEX.replace("Index", "BaseIndex"), False),
    "a base of the file": (INDEX.replace("Index", "IndexBase") + "\n\nclass Fast(IndexBase):\n    size = 1\n", False),
    "a base that says what is missing": (
        INDEX.format(said='"""Base of indexes."""').replace(
            "None:\n        pass", "int:\n        raise NotImplementedError"
        ),
        False,
    ),
}


@pytest.mark.parametrize(("text", "refused"), BASES.values(), ids=BASES)
def test_a_base_is_one_that_says_so(judge: Judge, text: str, refused: bool) -> None:
    """And leaves to others what promises no value, or says that it is missing; words that only hold the same letters excuse nothing."""
    assert [each.kind for each in judge({"src/a.py": text.replace("    {said}\n", "")})] == ["stub"] * refused


USES = {
    "another class of the name": ("class Order:\n    total = 1\n\n\nO = Order()\n", True),
    "a class of the name of another library": ("import lib\n\nX = lib.Order\n", True),
    "one taken from another module": ("from lib.orders import Order\n\nX = Order()\n", True),
    "a base of the name from elsewhere": ("from lib.orders import Order\n\n\nclass A(Order):\n    def f(self): return 1\n", True),
    "taken by name": ("from shop.order import Order\n\nX = Order()\n", False),
    "taken under another name": ("from shop.order import Order as O\n\nX = O()\n", False),
    "taken from beside it": ("from .order import Order\n\nX = Order()\n", False),
    "taken from its package": ("from shop import Order\n\nX = Order()\n", False),
    "taken from its own package": ("from . import Order\n\nX = Order()\n", False),
    "taken with the module": ("import shop.order\n\nX = shop.order.Order()\n", False),
    "taken with the module under another name": ("import shop.order as o\n\nX = o.Order()\n", False),
    "taken with the module of a package": ("from shop import order\n\nX = order.Order()\n", False),
    "taken with everything": ("from shop.order import *\n\n\nclass A(Order):\n    pass\n", False),
}  # fmt: skip


@pytest.mark.parametrize(("use", "refused"), USES.values(), ids=USES)
def test_only_who_takes_a_class_from_its_file_can_excuse_it(judge: Judge, use: str, refused: bool) -> None:
    """The same name elsewhere may be another class."""
    found = judge({"src/shop/order.py": "class Order:\n    pass\n", "src/shop/api.py": use}, {"src/shop/api.py": use})
    assert [each.subject for each in found] == ["class Order"] * refused


def test_a_method_is_implemented_by_who_derives_from_this_class(judge: Judge) -> None:
    """Not by who derives from another of the same name."""
    assert judge({"src/a.py": BASE, "src/b.py": DERIVED.replace("from a", "from lib.shapes")}) != ()
