"""What a class leaves to others may be found in another file."""

from __future__ import annotations

from collections.abc import Callable

from agent_dispatcher.extension import Objection

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
