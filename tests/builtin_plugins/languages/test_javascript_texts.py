"""JavaScript as text: what a file exports, and whether it is work, is told without running it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.models import ArtifactRef, Specification, Task
from agent_dispatcher_builtins.languages.javascript.exports import exported, imports, missing_symbols, outline
from agent_dispatcher_builtins.languages.javascript.inspection import inspect
from agent_dispatcher_builtins.languages.javascript.language import JavaScript
from agent_dispatcher_builtins.languages.javascript.options import JavaScriptOptions
from agent_dispatcher_builtins.languages.javascript.text import masked

EXPORTS = r"""
// export const comment = 1;
const text = "export const literal = 1;", pattern = /export const ["'`{] p = 1/;
const page = `export const template = ${ (() => { const inner = "}"; return `${inner}`; })() } export const after = 1;`;
export const a = 1, b = f(1, c1), { c, d: e, ...rest } = text;
export let [g, , h = 2] = [1];
export const chained = page
  .trim()
export async function* many() { const local = 1; }
export class Shop { #own = 1; static open = true; sell(price) { this.inner(); } get size() { return 1; } }
export default function main() {}
export { a as renamed, b as "quoted" } from "./x.js";
export * as all from "./y.js";
export type Price = number; export interface Item { name: string } export enum Kind { One }
export abstract class Base { abstract run(): void; }
"""

FOUND = set(re.findall(r"\w+", "a b c e rest g h chained many Shop default renamed all Price Item Kind Base"))
NOT_FOUND = set(re.findall(r"\w+", "comment literal p template after inner local c1 d own trim"))


def test_exports_are_found_and_text_is_not_taken_for_them() -> None:
    """Every form of export counts; comments, literals, templates, patterns and what stands inside of functions do not."""
    assert exported(EXPORTS) >= FOUND
    assert not exported(EXPORTS) & NOT_FOUND
    assert exported("exports.a = 1;\nmodule.exports = { b, c: 2, d() { return { e: 1 }; } };\n") == set("abcd")


def test_masking_keeps_every_place() -> None:
    """What is blanked leaves all other characters where they were."""
    code = masked(EXPORTS)
    assert len(code) == len(EXPORTS)
    assert [i for i, c in enumerate(code) if c == "\n"] == [i for i, c in enumerate(EXPORTS) if c == "\n"]
    assert masked("a = b / c / d; e = /x\\/[/]y/g; f") == "a = b / c / d; e = /       /g; f"


def test_missing_symbols_follow_what_is_exported_again(tmp_path: Path) -> None:
    """Members, folders with an index, other endings and ``export *``, also in a circle."""
    (tmp_path / "src/shop").mkdir(parents=True)
    (tmp_path / "src/shop/index.ts").write_text('export * from "./prices.js";\n')
    (tmp_path / "src/shop/prices.js").write_text(f'export * from "./index.ts";\n{EXPORTS}')
    names = ["shop:many", "shop/index:a", "shop.prices:Shop.sell", "src/shop/prices.js:Shop.size", "shop/prices:"]
    absent = ["shop:gone", "shop/prices:Shop.gone", "shop/prices:Shop.inner", "shop:default", "other:a"]
    promised = [ArtifactRef(type="symbol", name=name) for name in (*names, *absent)]
    assert missing_symbols(tmp_path, promised) == tuple(absent)


def test_imports_and_outlines_are_read() -> None:
    """What is taken is named with its module; bodies are left out."""
    text = 'import x, { a as b } from "../src/shop/prices.js";\nconst fs = require("node:fs");\nexport function f(a) {\n  return 1;\n}\n'
    assert imports(text) >= {"shop/prices", "shop/prices.a", "shop/prices.x", "node:fs"}
    assert "export function f(a) { … }" in outline(text)
    assert "return 1" not in outline(text)


HEAD = 'import test from "node:test";\nimport assert from "node:assert/strict";\n'


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("export function f() {}\n", "stub"),
        ("export const f = async (a, b) => {\n  // later\n};\n", "stub"),
        ("export class A {\n  run() {\n  }\n}\n", "stub"),
        ('export function f() { throw new Error("Not implemented"); }\n', "stub"),
        ("export const a = 1; // TODO: the rest\n", "stub"),
        ("// nothing yet\n", "stub"),
        ("export function f(x) { return undefined; }\n", "stub"),
        ("export function f(x) {\n  return null;\n}\n", "stub"),
        ("export const f = x => {};\n", "stub"),
        ("export const f = (x) => undefined;\n", "stub"),
        ("export default function (x) {}\n", "stub"),
        ("export class Loan {}\n", "stub"),
        ("export function f(x: number): { a: number } { return undefined as any; }\n", "stub"),
        ("export function f(x) { throw 'not implemented'; }\n", "stub"),
        ('export function f(x) { if (!x) throw new Error("nothing to do"); return x; }\n', ""),
        ("// items of the TODO list\nexport const a = 1;\n", ""),
        ("const noop = () => {};\nexport function on(f = noop) { f(); }\n", ""),
        ("export class A extends B {\n  close() {}\n}\n", ""),
        ("export function on(f = function () {}) { return f(); }\n", ""),
        ("export function close() {\n  // Does nothing: there is nothing to close.\n}\n", ""),
        ("export class A { constructor() {} run() { return () => {}; } }\n", ""),
        ('export const a = "TODO: not implemented";\nexport function f() { throw new Error("no such loan"); }\n', ""),
    ],
)
def test_stubs_are_told_from_code(text: str, kind: str) -> None:
    """Empty bodies, code that says it is not there, and marks in comments; an empty constructor or callback is none."""
    assert [each.kind for each in inspect("src/a.js", None, text, is_test=False)] == ([kind] if kind else [])
    assert inspect("src/a.js", text, text, is_test=False) == ()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('test("a", () => { f(1); });', "idle"),
        ('test("a", () => { assert.ok(true); });', "idle"),
        ('test("a", () => { assert.equal(1, 1); });', "idle"),
        ('it("a", () => { expect(true).toBe(true); });', "idle"),
        ('it("a", () => { expect(true).toBeTruthy(); });', "idle"),
        ('test("a", { "skip": true }, () => { assert.equal(f(1), 1); });', "weakened"),
        ('test("a", () => { assert.deepEqual(f({ only: 1 }), 2); });', ""),
        ('import { strictEqual as same } from "node:assert";\ntest("a", () => { same(f(1), 1); });', ""),
        ('import { equal } from "assert/strict";\ntest("a", () => { equal(1, 1); });', "idle"),
        ('import a from "node:assert";\ntest("a", () => { a.equal(f(1), 1); });', ""),
        ('const { ok } = require("node:assert");\ntest("a", () => { ok(f(1)); });', ""),
        ('test.skip("a", () => { assert.equal(f(1), 1); });', "weakened"),
        ('test("a", { skip: true }, () => { assert.equal(f(1), 1); });', "weakened"),
        ('const check = (x) => assert.equal(f(x), x);\n\ntest("a", () => { check(1); });', ""),
        ('describe("g", () => { it("a", async (t) => { t.assert.equal(await f(1), 1); }); });', ""),
    ],
)
def test_tests_that_cannot_fail_are_seen(body: str, kind: str) -> None:
    """A test asserts something that may be false, itself or through a function of its file, and is not left out."""
    assert [each.kind for each in inspect("a.test.js", None, HEAD + body, is_test=True)] == ([kind] if kind else [])


@pytest.mark.parametrize(
    ("after", "kind"),
    [
        (None, "weakened"),
        ('test("b", () => { assert.equal(f(1), 1); assert.equal(f(2), 2); });', "weakened"),
        ('test("a", () => { assert.equal(f(1), 1); });', "weakened"),
        ('test("a", () => { assert.equal(f(1), 1); assert.equal(f(2), 3); });', "changed"),
        ('test("a", () => { assert.equal(f(1), 1); assert.ok(f(2)); });', "weakened"),
        ('test("a", () => {\n  assert.equal( f(1), 1 );\n  assert.equal(f(2), 2);\n  assert.equal(f(3), 3);\n});', ""),
    ],
)
def test_weaker_tests_are_refused(after: str | None, kind: str) -> None:
    """A file, a test or an assertion that is gone weakens; another value changes; more of them, or another layout, is fine."""
    before = HEAD + 'test("a", () => { assert.equal(f(1), 1); assert.equal(f(2), 2); });'
    found = inspect("a.test.js", before, None if after is None else HEAD + after, is_test=True)
    assert [each.kind for each in found if each.kind != "touched"] == ([kind] if kind else [])


SUITE = (
    HEAD
    + """
import { f } from "../src/a.js";
const CASES = [[1, 2], [2, 3]];
for (const [n, m] of CASES) {
  test(`case ${n}`, () => { assert.equal(f(n), m); });
}
function check(x, y) { assert.equal(f(x), y); }
test("plain", () => {
  const got = f(5);
  assert.equal(got, 6);
});
describe("group", () => {
  test("inner", () => { check(1, 2); });
});
"""
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[[1, 2], [2, 3]]", "[]"),
        ("assert.equal(f(x), y); }", "assert.ok(true); }"),
        ("  const got", "  return;\n  const got"),
        ("const got = f(5)", "const got = 6"),
        ('test("plain", ()', 'test("plain", opts, ()'),
        ("const CASES", "process.exit(0);\nconst CASES"),
        ('test("plain"', 'if (false) test("plain"'),
        ("{ check(1, 2); }", "{ check(1, 2) || check(2, 2); }"),
        ('test("plain"', 'before(() => { stop(); });\ntest("plain"'),
        ('import { f } from "../src/a.js";', 'import { f } from "./double.js";'),
        ("const CASES", 'import { g as check } from "./double.js";\nconst CASES'),
        ('test("plain"', 'import "./double.js";\ntest("plain"'),
    ],
)
def test_who_does_not_own_a_file_only_adds_to_it(old: str, new: str) -> None:
    """Anything that is not there as it was, or reaches into what was, is said to be touched; it is for the judge to know whose file it is."""
    assert old in SUITE
    assert "touched" in [each.kind for each in inspect("a.test.js", SUITE, SUITE.replace(old, new), is_test=True)]


def test_additions_are_welcome() -> None:
    """Tests of the file and of a group, imports, helpers, and another layout."""
    more = SUITE.replace('  test("inner"', '  test("first", () => { check(2, 3); });\n  test("inner"')
    more = more.replace("{ f }", "{ f, g }").replace("const got = f(5);", "// five\n  const got =\n    f(5);")
    more += (
        'import { h } from "../src/b.js";\nconst MORE = [1];\n\ntest("more", () => { assert.equal(h(MORE[0]), 1); });\n'
    )
    assert inspect("a.test.js", SUITE, more, is_test=True) == ()


WORDS = """import test from 'node:test';
import assert from 'node:assert/strict';
import { add } from '../src/cart.js';

test('adds items and the total grows', () => {
  assert.equal(add({ price: 1 }, 'a "b"').size, 3);
});
"""
MORE = "\ntest('t', () => {\n  assert.equal(add(1), 1);\n});\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{ add }", "{ add, total }"),
        ("{ add }", "{ add, price, size }"),
        ("{ add }", "{\n  total,\n  add,\n}"),
        ("import test from", "import test, { describe } from"),
        (MORE, f"\nconst items = [1, 2];\n{MORE}"),
        ("'node:test'", '"node:test"'),
        ("'a \"b\"'", '"a \\"b\\""'),
        ("'adds items and the total grows'", '"adds items and the total grows"'),
    ],
)
def test_a_word_in_a_text_and_a_member_are_no_names(old: str, new: str) -> None:
    """What tests only say in a title, or ask of an object, may be imported; quotation marks of the other kind are layout."""
    assert old in WORDS + MORE
    assert inspect("a.test.js", WORDS, (WORDS + MORE).replace(old, new), is_test=True) == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{ add }", "{ add, assert }"),
        ("{ add }", "{ sum as add }"),
        ("import test", "import type test"),
        ("'../src", "'./src"),
    ],
)
def test_an_import_that_binds_anew_is_touched(old: str, new: str) -> None:
    """A name that tests use, from elsewhere or another thing."""
    assert "touched" in [each.kind for each in inspect("a.test.js", WORDS, WORDS.replace(old, new), is_test=True)]


COMPONENTS = {
    "a function": ("export function Cart(props) {\n  return null;\n}\n", "src/a.jsx", False),
    "the same as an arrow": ("export const Cart = (props) => {\n  return null;\n};\n", "src/a.tsx", False),
    "the same in short": ("export const Cart = () => null;\n", "src/a.jsx", False),
    "a function in a file without JSX": ("export function ParseInvoice(text) {\n  return null;\n}\n", "src/a.js", True),
    "an arrow in a file without JSX": ("export const Cart = () => null;\n", "src/a.ts", True),
    "a small name": ("export const cart = () => null;\n", "src/a.jsx", True),
    "an asynchronous function": ("export async function Load(id) {\n  return null;\n}\n", "src/a.jsx", True),
    "an asynchronous arrow": ("export const Load = async (id) => {\n  return null;\n};\n", "src/a.jsx", True),
    "the same in short, asynchronous": ("export const Load = async (id) => null;\n", "src/a.jsx", True),
    "a method": ("export class A {\n  Total() { return null; }\n}\n", "src/a.jsx", True),
    "nothing at all": ("export function Cart() {\n}\n", "src/a.jsx", True),
}


@pytest.mark.parametrize(("text", "path", "refused"), COMPONENTS.values(), ids=COMPONENTS)
def test_a_component_may_show_nothing(text: str, path: str, refused: bool) -> None:
    """A component is a plain function with a capital in a file of JSX, in whichever form; anything else that gives ``null`` is still to be written."""
    assert [each.kind for each in inspect(path, None, text, is_test=False)] == ["stub"] * refused


def test_files_of_tests_are_told_by_name_and_by_folder(tmp_path: Path) -> None:
    """Node takes every file in ``test`` for tests; JSX is looked at, and not parsed."""
    language = JavaScript("javascript", JavaScriptOptions(), tmp_path)
    for path in ("a.test.js", "src/a.spec.ts", "test/a.js", "lib/__tests__/a.mjs", "a.test.tsx"):
        assert language.is_test(path), path
    for path in ("tests/helpers.js", "src/a.js", "test/data.json", "contest/a.js"):
        assert not language.is_test(path), path
    assert language.is_source("src/View.tsx") and language.module("src/View.tsx") == "View"
    assert [each for each in language.compile_command(["a.js", "b.jsx"]) if each.startswith(("a.", "b."))] == ["a.js"]


@pytest.mark.parametrize(
    ("manifest", "test", "framework", "line"),
    [
        (None, "", "node:test", "../src/shop/prices.ts"),
        ("[]", "tests/prices.test.ts", "node:test", "../src/shop/prices.ts"),
        ("{", "tests/deep/prices.test.ts", "node:test", "../../src/shop/prices.ts"),
        ('{"devDependencies": {"vitest": "3"}}', "src/shop/prices.test.ts", "vitest", "./prices"),
        ('{"dependencies": {"vitest": "3"}}', "test/prices.test.ts", "vitest", "../src/shop/prices"),
    ],
)
def test_tests_are_written_as_the_repository_does(
    tmp_path: Path, manifest: str | None, test: str, framework: str, line: str
) -> None:
    """With vitest where it asks for it, and imported from where the test is."""
    language = JavaScript("typescript", JavaScriptOptions(), tmp_path)
    tools = language.test_tools({"package.json": manifest}.get, test)
    assert framework in tools.test_framework
    assert tools.import_line("shop/prices", "total", ["src/shop/prices.ts"]) == f'import {{ total }} from "{line}"'
    assert tools.import_line("shop/prices", "", []) == f'import * as subject from "{line}"'
    assert tools.test_path("prices") == language.test_path("prices")


@pytest.mark.parametrize(
    ("language", "paths", "warned"),
    [
        ("", ("src/a.ts", "src/b.ts", "README.md"), ["src/a.ts and 1 more: set [use] language to javascript or typescript"]),
        ("", ("src/a.ts", "tools/b.py"), []),
        ("", ("README.md",), []),
        ("typescript", ("src/a.ts",), []),
        ("python", ("src/a.ts",), []),
    ],
)  # fmt: skip
def test_a_language_that_nobody_named_is_asked_for(language: str, paths: tuple[str, ...], warned: list[str]) -> None:
    """Files that Python can neither compile nor test would land unchecked."""
    tasks = tuple(
        Task(id=path, title=f"Write {path}", produces=(ArtifactRef(type="path", name=path),)) for path in paths
    )
    plan = AgentDispatcher().plan(Specification(id="shop", title="Shop", language=language, tasks=tasks))
    told = [
        each.partition("neither compiles nor tests ")[2] for each in plan.warnings if "no language is named" in each
    ]
    assert told == warned
