"""What a model is shown of a repository: what matters first, as much as fits, and what was left out is listed."""

from __future__ import annotations

from pathlib import Path

from agent_dispatcher.models import ArtifactRef, Task
from agent_dispatcher.workspace.agent_workspace import GuardedWorkspace
from agent_dispatcher_builtins.agents.by_model.repository import Shown, look_around
from agent_dispatcher_builtins.languages.python.language import Python

TASK = Task(
    id="t",
    title="Discounts for loyal customers",
    produces=(ArtifactRef(type="path", name="src/shop/discount.py"),),
)
FILES = {
    "src/shop/discount.py": "from shop.money import rounded\n\ndef discount(price):\n    return price\n",
    "src/shop/money.py": "def rounded(amount):\n    '''To cents.'''\n    return round(amount, 2)\n"
    + "# filler\n" * 300,
    "src/shop/customer.py": "class Customer:\n    loyal = True\n    discounts = ()\n    customers = ()\n",
    "src/shop/unrelated.py": "def rain():\n    return 'wet'\n",
    "tests/test_discount.py": "from shop.discount import discount\n\ndef test_it():\n    assert discount(1) == 1\n",
    "node_modules/x/index.js": "discount customers loyal",
    "image.png": "no text",
}


def shown(folder: Path, tokens: int, **more: object) -> Shown:
    """What is chosen for the task."""
    for path, text in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return look_around(TASK, GuardedWorkspace(folder), Python(), said=TASK.title, most_tokens=tokens, **more)  # type: ignore[arg-type]


def test_the_best_come_first_and_the_rest_not_at_all(tmp_path: Path) -> None:
    """What is to be written, its tests, what it imports, what shares the task's words; nothing that has nothing to do with it."""
    found = shown(tmp_path, 10_000)
    assert [(each.path, each.why) for each in found.parts] == [
        ("src/shop/discount.py", "is to be written"),
        ("tests/test_discount.py", "tests it"),
        ("src/shop/money.py", "is imported"),
        ("src/shop/customer.py", "shares words"),
    ]
    assert all(each.whole for each in found.parts)
    assert (found.left_out, found.others) == ((), 1)


def test_what_does_not_fit_is_outlined_or_listed(tmp_path: Path) -> None:
    """A long file is shown by its signatures; what does not even fit so is named with its size."""
    found = shown(tmp_path, 220)
    outlined = [each for each in found.parts if not each.whole]
    assert [each.path for each in outlined] == ["src/shop/money.py"]
    assert "def rounded(amount): ..." in outlined[0].text and "filler" not in outlined[0].text
    assert [each.path for each in shown(tmp_path, 60).left_out] == [
        "tests/test_discount.py",
        "src/shop/money.py",
        "src/shop/customer.py",
    ]


def test_what_is_hidden_is_never_shown(tmp_path: Path) -> None:
    """Also when it would be the best."""
    found = shown(tmp_path, 10_000, hidden=lambda path: path == "src/shop/discount.py")
    assert "src/shop/discount.py" not in {each.path for each in found.parts}
    assert "return price" not in "".join(each.text for each in found.parts)


def test_what_is_known_to_be_needed_comes_before_what_only_sounds_alike(tmp_path: Path) -> None:
    """A module another task provides is shown though it shares no word."""
    found = shown(tmp_path, 10_000, needed=("shop.unrelated",))
    assert [each.path for each in found.parts][1] == "src/shop/unrelated.py"
