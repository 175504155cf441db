"""Suites as projects have them: an honest test of each shape is let be, one that cannot fail is refused, and both beside tests that were there already."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent_dispatcher.extension import Objection
from agent_dispatcher_builtins.languages.javascript.inspection import inspect

Judge = Callable[..., tuple[Objection, ...]]

#: Shape to the head of the file, an honest test, and one that cannot fail.
PYTHON = {
    "plain functions": (
        "from shop import total\n",
        "def test_total():\n    expected = 5\n    result = total(2, 3)\n    assert result == expected\n",
        "def test_total():\n    result = total(2, 3)\n    expected = 5\n    assert expected == 5\n",
    ),
    "classes": (
        "from shop import Cart\n\n\nclass TestOld:\n    def test_o(self):\n        assert Cart().total() == 0\n",
        "class TestCart:\n    def setup_method(self):\n        self.cart = Cart()\n\n    def test_add(self):\n        self.cart.add(2)\n        assert self.cart.total() == 2\n",
        "class TestCart:\n    def test_add(self):\n        cart = [2]\n        cart.append(3)\n        assert cart == [2, 3]\n",
    ),
    "unittest": (
        "import unittest\n\nfrom shop import total\n",
        "class TotalTest(unittest.TestCase):\n    def test_total(self):\n        with self.assertRaises(ValueError):\n            total(-1)\n        self.assertCountEqual(total(1), [1])\n",
        "class TotalTest(unittest.TestCase):\n    def test_total(self):\n        values = [1, 2]\n        self.assertEqual(len(values), 2)\n        self.assertIn(1, values)\n",
    ),
    "unittest with assertions of its own": (
        "import unittest\n\nfrom shop import total\n",
        "class TotalTest(unittest.TestCase):\n    def assertTotal(self, of, want):\n        self.assertEqual(total(*of), want)\n\n    def test_total(self):\n        self.assertTotal((1, 2), 3)\n",
        "class TotalTest(unittest.TestCase):\n    def test_total(self):\n        self.assertIsNotNone((1, 2))\n",
    ),
    "parametrised": (
        "import pytest\n\nfrom shop import total\n",
        "@pytest.mark.parametrize(('of', 'want'), [(1, 2), pytest.param(2, 3, id='two')])\ndef test_total(of, want):\n    assert total(of) == want\n",
        "@pytest.mark.parametrize('of, want', [(1, 1), (2, 2)])\ndef test_total(of, want):\n    assert of == want\n",
    ),
    "parametrised with nothing": (
        "import pytest\n\nfrom shop import total\n",
        "@pytest.mark.parametrize('of', range(3))\ndef test_total(of):\n    assert total(of) == of\n",
        "@pytest.mark.parametrize('of', [])\ndef test_total(of):\n    assert total(of) == of\n",
    ),
    "hypothesis": (
        "from hypothesis import given, strategies as st\n\nfrom shop import total\n",
        "@given(st.lists(st.integers()), st.integers())\ndef test_total(values, one):\n    assert total([*values, one]) == total(values) + one\n",
        "@given(values=st.lists(st.integers()))\ndef test_total(values):\n    assert sorted(values) == sorted(sorted(values))\n",
    ),
    "fixtures only": (
        "import pytest\n\nfrom shop import Cart\n\n\n@pytest.fixture\ndef cart():\n    return Cart()\n",
        "def test_empty(cart):\n    assert not cart.items\n",
        "def test_empty(cart):\n    assert cart is cart\n",
    ),
    "snapshots": (
        "from shop import render\n",
        "def test_page(snapshot):\n    assert render() == snapshot\n",
        "def test_page(snapshot):\n    assert {'price': 1} == snapshot\n",
    ),
    "doctests": (
        "import doctest\n\nimport shop\n",
        "def test_examples():\n    assert doctest.testmod(shop).failed == 0\n",
        "def test_examples():\n    doctest.testmod(shop)\n",
    ),
    "async": (
        "import asyncio\n\nimport pytest\n\nfrom shop import fetch\n",
        "@pytest.mark.asyncio\nasync def test_fetch():\n    async with fetch('a') as page:\n        assert await page.text() == 'a'\n",
        "@pytest.mark.asyncio\nasync def test_fetch():\n    pages = ['a']\n    await asyncio.sleep(0)\n    assert pages == ['a']\n",
    ),
    "approximately": (
        "import pytest\n\nfrom shop import share\n",
        "def test_share():\n    assert [share(3), 0.5] == pytest.approx([0.333, 0.5], rel=1e-2)\n",
        "def test_share():\n    third = 1 / 3\n    assert third == pytest.approx(0.333, rel=1e-2)\n",
    ),
    "raises": (
        "import pytest\n\nfrom shop import NotThere, find\n",
        "def test_find():\n    with pytest.raises(NotThere, match='a') as caught:\n        find('a')\n    assert caught.value.name == 'a'\n",
        "def test_find():\n    with pytest.raises(ValueError):\n        raise ValueError('a')\n",
    ),
    "subtests": (
        "import unittest\n\nfrom shop import total\n",
        "class TotalTest(unittest.TestCase):\n    def test_total(self):\n        for of in range(3):\n            with self.subTest(of=of):\n                self.assertEqual(total(of), of)\n",
        "class TotalTest(unittest.TestCase):\n    def test_total(self):\n        cases = []\n        for of in cases:\n            with self.subTest(of=of):\n                self.assertEqual(total(of), of)\n",
    ),
    "doubles": (
        "from unittest.mock import Mock, patch\n\nfrom shop import buy\n",
        "def test_buy():\n    send = Mock(return_value=True)\n    buy('a', send=send)\n    send.assert_called_once_with('a')\n",
        "def test_buy():\n    send = Mock()\n    send('a')\n    send.assert_called_once_with('a')\n",
    ),
    "patched": (
        "from unittest import mock\n\nimport shop\n",
        "def test_buy():\n    with mock.patch.object(shop, 'send') as send:\n        shop.buy('a')\n    send.assert_called_once_with('a')\n",
        "def test_buy():\n    with mock.patch('shop.send') as send:\n        send('a')\n        send.assert_called_once_with('a')\n",
    ),
    "doubles asked by the wrong name": (
        "from unittest.mock import Mock\n\nfrom shop import buy\n",
        "def test_buy():\n    send = Mock()\n    buy('a', send=send)\n    assert send.call_count == 1\n",
        "def test_buy():\n    send = Mock()\n    buy('a', send=send)\n    send.assert_called_once\n    assert send.called_with('a')\n",
    ),
    "observers": (
        "from shop import Bus\n",
        "def test_bus():\n    seen = []\n    bus = Bus()\n    bus.on('a', seen.append)\n    bus.send('a', 1)\n    assert seen == [1]\n",
        "def test_bus():\n    bus = Bus()\n    seen = []\n    seen.append(1)\n    assert seen == [1]\n",
    ),
    "what is collected in the file": (
        "from shop import each\n\nfailed = []\nNONE = ()\n\n\ndef run(name):\n    if not each(name):\n        failed.append(name)\n",
        "def test_each():\n    run('a')\n    assert failed == []\n",
        "def test_each():\n    run('a')\n    assert NONE == ()\n",
    ),
    "calls that are to fail": (
        "from pytest import raises as assert_raises\n\nfrom shop import find\n",
        "def test_find():\n    assert_raises(ValueError, find, 'a')\n",
        "def test_find():\n    find\n",
    ),
    "closures": (
        "from shop import each\n",
        "def test_each():\n    seen = []\n\n    def look(x):\n        seen.append(x)\n\n    each([1], look)\n    assert seen == [1]\n",
        "def test_each():\n    seen = []\n    if False:\n        each([1], seen.append)\n        assert seen == [1]\n",
    ),
    "counting": (
        "from shop import names, save\n",
        "def test_names():\n    found = 0\n    failed = []\n    for name in names():\n        found += 1\n        if name != 'a':\n            failed.append(name)\n    assert found == 1\n    assert failed == []\n",
        "def test_names():\n    found = 0\n    for name in ('a', 'b'):\n        found += 1\n    assert found == 2\n    names()\n",
    ),
    "trying": (
        "from shop import find\n",
        "def test_find():\n    try:\n        find('a')\n    except KeyError:\n        there = False\n    else:\n        there = True\n    assert not there\n",
        "def test_find():\n    find('a')\n    try:\n        there = int('1')\n    except ValueError:\n        there = 2\n    assert there == 1\n",
    ),
    "files": (
        "from shop import save\n",
        "def test_save(tmp_path, monkeypatch, capsys):\n    monkeypatch.chdir(tmp_path)\n    save('a')\n    assert (tmp_path / 'a').read_text() == 'a'\n    assert 'saved' in capsys.readouterr().out\n",
        "def test_save(tmp_path):\n    save('a')\n    return\n    assert (tmp_path / 'a').exists()\n",
    ),
    "smoke": (
        "import pytest\n",
        "def test_import():\n    import shop.cli\n",
        "def test_import():\n    import os\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", PYTHON)
def test_honest_tests_are_let_be_and_those_that_cannot_fail_refused(judge: Judge, shape: str) -> None:
    """As a new file, and as an addition to one that somebody else owns."""
    head, honest, phantom = PYTHON[shape]
    path = "tests/test_shop.py"
    for before in ({}, {path: head}):
        owner = {"type": "debugging"} if before else {"type": "testing", "promises": (path,)}
        assert judge({path: f"{head}\n\n{honest}"}, before, **owner) == ()
        assert [each.kind for each in judge({path: f"{head}\n\n{phantom}"}, before, **owner)] == ["idle"]


#: What runs code of others without a call, while ``shop.load`` is patched as ``load``.
WITHOUT_A_CALL = (
    "cart.total = 5", "cart.total += 5", "cart.total", "del cart['a']", "cart['a']", "del cart.total", "import shop.main", "from shop import main",
    "cart << 1", "cart += 1", "-cart", "cart == 3", "for each in cart:\n            pass", "with cart:\n            pass", "[each for each in cart]", "f'{cart}'",
)  # fmt: skip
#: ... and what runs none.
NOTHING_RUN = ("load(1)", "load.total = 5", "shop.RATE", "import unittest.mock", "from pytest import raises", "cart is load", "1 + 2")  # fmt: skip


@pytest.mark.parametrize(("doing", "honest"), [*((each, True) for each in WITHOUT_A_CALL), *((each, False) for each in NOTHING_RUN)])  # fmt: skip
def test_a_patch_may_be_reached_without_a_call(judge: Judge, doing: str, honest: bool) -> None:
    """By an attribute, an item, an operator, a loop, an import; not by the test itself."""
    head = "import shop\nfrom unittest.mock import patch\n\n\ndef test_a(cart):\n    with patch('shop.load') as load:\n"
    text = f"{head}        {doing}\n    load.assert_called_once()\n"
    found = judge({"tests/test_a.py": text}, {}, type="testing", promises=("tests/test_a.py",))
    assert [each.kind for each in found] == ([] if honest else ["idle"])


@pytest.mark.parametrize(
    ("doing", "honest"),
    [("bus << seen", True), ("seen >> bus", True), ("bus | 1", False), ("bus + want", False), ("seen + [1]", False)],
)
def test_what_is_handed_over_by_an_operator_is_reached(judge: Judge, doing: str, honest: bool) -> None:
    """Other than a constant, which nothing can change."""
    asked = "want == 5" if "want" in doing else "seen == [1]"
    text = f"def test_a(bus):\n    seen = [1]\n    want = 5\n    {doing}\n    assert {asked}\n"
    found = judge({"tests/test_a.py": text}, {}, type="testing", promises=("tests/test_a.py",))
    assert [each.kind for each in found] == ([] if honest else ["idle"])


NODE = (
    'import test from "node:test";\nimport assert from "node:assert/strict";\nimport { total } from "../src/shop.js";\n'
)
VITEST = 'import { describe, expect, it, test, vi } from "vitest";\nimport { total } from "../src/shop";\n'
JEST = 'const { total } = require("../src/shop");\n'
CHAI = 'import { expect, should } from "chai";\nimport { total } from "../src/shop.js";\n'

#: The same of JavaScript.
JAVASCRIPT = {
    "vitest": (
        VITEST,
        'describe("total", () => {\n  it("adds", async () => {\n    await expect(total(1)).resolves.toBe(1);\n  });\n});\n',
        'describe("total", () => {\n  it("adds", () => {\n    expect(total(1));\n  });\n});\n',
    ),
    "vitest, soft": (
        VITEST,
        'it("adds", () => {\n  expect.soft(total(1)).toBe(1);\n});\n',
        'it("adds", () => {\n  expect(total(1)).toBe;\n});\n',
    ),
    "jest": (
        JEST,
        'test("calls", () => {\n  const done = jest.fn();\n  total(1, done);\n  expect(done).toHaveBeenCalledWith(1);\n});\n',
        'test("calls", () => {\n  expect("done").toBe("done");\n});\n',
    ),
    "a table": (
        VITEST,
        'test.each([\n  [1, 2],\n  [2, 3],\n])("total %i", (of, want) => {\n  expect(total(of)).toBe(want);\n});\n',
        'test.each([\n  [1, 2],\n])("total %i", (of, want) => {\n  total(of);\n});\n',
    ),
    "a written table": (
        JEST,
        "test.each`\n  of | want\n  ${1} | ${2}\n`('total $of', ({ of, want }) => {\n  expect(total(of)).toBe(want);\n});\n",
        "test.each`\n  of | want\n  ${1} | ${2}\n`('total $of', ({ of, want }) => {\n  expect(want).toBe(want);\n});\n",
    ),
    "a table without rows": (
        VITEST,
        'it.each(CASES)("total %i", (of) => {\n  expect(total(of)).toBe(of);\n});\n',
        'it.each([])("total %i", (of) => {\n  expect(total(of)).toBe(of);\n});\n',
    ),
    "a table of groups": (
        VITEST,
        'describe.each([1, 2])("of %i", (of) => {\n  it("adds", () => {\n    expect(total(of)).toBe(of);\n  });\n});\n',
        'describe.each([1, 2])("of %i", (of) => {\n  it("adds", () => {\n    expect(true).toBe(true);\n  });\n});\n',
    ),
    "a loop": (
        NODE,
        "for (const [of, want] of [[1, 2], [2, 3]]) {\n  test(`total of ${of}`, () => {\n    assert.equal(total(of), want);\n  });\n}\n",
        "for (const c of [[1, 2], [2, 3]]) test(c.name, () => { total(c.of); });\n",
    ),
    "for each": (
        NODE,
        '[1, 2].forEach((of) => {\n  const want = of;\n  test("total " + of, () => {\n    assert.equal(total(of), want);\n  });\n});\n',
        '[1, 2].forEach((of) => {\n  test("total " + of, () => {\n    assert.ok(true);\n  });\n});\n',
    ),
    "node": (
        NODE,
        'test("adds", async (t) => {\n  await t.test("one", () => {\n    assert.rejects(total(-1), /negative/);\n  });\n});\n',
        'test("adds", () => {\n  assert.deepEqual(1, 1);\n});\n',
    ),
    "mocha and chai": (
        CHAI,
        'describe("total", function () {\n  it("adds", function () {\n    expect(total(1)).to.be.true;\n  });\n});\n',
        'describe("total", function () {\n  it("adds", function () {\n    expect(1).to.equal(1);\n  });\n});\n',
    ),
    "should": (
        CHAI,
        'specify("adds", () => {\n  total(1).should.equal(1);\n});\n',
        'specify("adds", () => {\n  total(1).should;\n});\n',
    ),
    "testing-library": (
        'import { render, screen } from "@testing-library/react";\nimport { Total } from "../src/total";\n',
        'test("shows", async () => {\n  render(<Total of={1} />);\n  await screen.findByText("1");\n});\n',
        'test("shows", async () => {\n  render(<Total of={1} />);\n  screen.queryByText("1");\n});\n',
    ),
    "snapshots": (
        VITEST,
        'it("looks", () => {\n  expect(total(1)).toMatchInlineSnapshot(`1`);\n});\n',
        'it("looks", () => {\n  expect(1).toMatchSnapshot();\n});\n',
    ),
    "requests": (
        'import request from "supertest";\nimport { app } from "../src/app.js";\n',
        'it("answers", async () => {\n  await request(app).get("/").expect(200);\n});\n',
        'it("answers", async () => {\n  await request(app).get("/");\n});\n',
    ),
    "callbacks": (
        NODE,
        'test("tells", (t, done) => {\n  total(1, (sum) => {\n    if (sum === 1) done();\n  });\n});\n',
        'test("tells", (t, done) => {\n  total(1);\n  done();\n});\n',
    ),
    "helpers of other files": (
        'import { expectTotal } from "./help.js";\nimport { total } from "../src/shop.js";\n',
        'test("adds", () => {\n  expectTotal(total(1), 1);\n});\n',
        'test("adds", () => {\n  total(1);\n});\n',
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", JAVASCRIPT)
def test_the_same_holds_for_javascript(shape: str) -> None:
    """Tests in loops and tables count as tests, and may be added by anybody."""
    head, honest, phantom = JAVASCRIPT[shape]
    for before in (None, head):
        assert inspect("tests/shop.test.tsx", before, f"{head}\n{honest}", is_test=True) == ()
        found = inspect("tests/shop.test.tsx", before, f"{head}\n{phantom}", is_test=True)
        assert [each.kind for each in found] == ["idle"]


TABLE = 'test.each([\n  [1, 2],\n  [2, 3],\n])("total %i", (of, want) => {\n  expect(total(of)).toBe(want);\n});\n'


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("  [2, 3],\n", "", "has 1 cases, and had 2"),
        ("expect(total(of)).toBe(want);", "expect(total(of)).toBeDefined();", "asserts less"),
        ("test.each", "test.skip.each", "left out"),
        ("test.each", "test.fails.each", "left out"),
    ],
)
def test_a_table_of_tests_may_not_be_weakened(old: str, new: str, told: str) -> None:
    """Fewer rows, weaker assertions, or none that is run."""
    found = inspect("tests/shop.test.ts", VITEST + TABLE, VITEST + TABLE.replace(old, new), is_test=True)
    assert told in "; ".join(map(str, found))


def test_a_loop_that_does_more_than_make_tests_is_no_addition() -> None:
    """It is run while the file is read, for all of its tests."""
    for text in (
        "for (const c of [1]) { test('a', () => { assert.equal(total(c), c); }); total.x = c; }",
        "[1].forEach((c) => { total(c); });",
    ):
        found = inspect("tests/shop.test.js", NODE, f"{NODE}\n{text}\n", is_test=True)
        assert [each.kind for each in found] == ["touched"], text


@pytest.mark.parametrize("name", ["onClose", "clickHandler", "callback", "noop"])
def test_handlers_that_do_nothing_are_no_stubs(name: str) -> None:
    """Nobody has to listen; what is to be computed is another matter."""
    assert inspect("src/a.js", None, f"export class A {{\n  {name}() {{}}\n}}\n", is_test=False) == ()
    assert inspect("src/a.js", None, f"export const options = {{ size: 1, {name}() {{}} }};\n", is_test=False) == ()
    assert inspect("src/a.js", None, "export class A {\n  once() {}\n}\n", is_test=False) != ()
