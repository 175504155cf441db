"""Whether tests in JavaScript and TypeScript could notice an added file: in doubt they could."""

from __future__ import annotations

import json
import posixpath
import random
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from agent_dispatcher.extension import components
from agent_dispatcher_builtins.languages.javascript import reach as reach_module
from agent_dispatcher_builtins.languages.javascript.globbing import covers
from agent_dispatcher_builtins.languages.javascript.language import JavaScript
from agent_dispatcher_builtins.languages.javascript.literals import References
from agent_dispatcher_builtins.languages.javascript.options import JavaScriptOptions
from agent_dispatcher_builtins.languages.javascript.references import references

Growth = Callable[[Callable[[int], Callable[[], object]], int, int], float]

THERE = {
    "package.json": '{"name": "shop", "type": "module", "main": "./src/index.js", "scripts": {"build": "node tools/build.js extra"}}',
    "vitest.config.ts": 'export default { test: { include: ["src/**/*.check.ts"], coverage: { include: ["src/**/*.js"] } } };\n',
    "eslint.config.js": 'export default [{ files: ["**/*.js"] }];\n',
    "src/index.js": 'export { total } from "./prices.js";\n',
    "src/prices.js": 'import { round } from "./deep/utils.js"; // extra\nexport const total = round;\n',
    "src/deep/utils.js": 'export const round = (x) => x / 2;\nthrow new Error("no extra, sorry");\n',
    "src/notes.json": '{"extra": 1}',
    "tools/build.js": 'import fs from "node:fs";\nfs.readdirSync("src");\n',
    "tests/prices.test.js": 'import { total } from "../src/index.js";\ntest("extra", () => assert.equal(total(2), 1));\n',
    "README.md": "extra",
}


def reach(folder: Path, *added: str, **others: str) -> str:
    """In a tree that has ``THERE`` and others."""
    given = {name.replace("__", "/").replace("_DOT_", "."): text for name, text in others.items()}
    return reach_in(folder, {**THERE, **given}, *added)


def reach_in(folder: Path, there: Mapping[str, str], *added: str) -> str:
    for path, text in {**there, **dict.fromkeys(added, "export const one = 1;\n")}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode("utf-8", "surrogateescape"))
    language = JavaScript("javascript", JavaScriptOptions(), folder)
    assert isinstance(language, components.Reaching)
    return language.reaches_tests(added, folder)


@pytest.mark.parametrize(
    "path",
    ["src/extra.js", "src/deep/extra.mjs", "src/other/extra.js", "src/utils.js", "src/new/index.js", "docs/extra.md", "src/extra.json", "src/extra.css", "src/deep/latest.js"],
)  # fmt: skip
def test_what_nothing_that_tests_reach_refers_to_is_out_of_reach(tmp_path: Path, path: str) -> None:
    """Also where a script for building lists files, a title, a comment or a message has its name, and another folder has a file of that name."""
    assert reach(tmp_path, path) == ""


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("package.json5", ""),
        ("src/package.json", "what it is called"),
        ("jest.config.js", "what it is called"),
        ("vitest.setup.js", "what it is called"),
        ("tsconfig.json", "what it is called"),
        ("src/globals.d.ts", "what it is called"),
        ("src/.env", "what it is called"),
        ("node_modules/extra/extra.js", "what it is called"),
        ("src/fast.node", "what it is called"),
        ("src/__mocks__/axios.js", "other tests"),
        ("src/__snapshots__/extra.txt", "the folder it is in"),
        ("src/extra.test.js", "other tests"),
        ("tests/helpers.js", "other tests"),
        ("index.js", "what a package is loaded by"),
        ("src/a b.js", "cannot be looked for"),
        ("src/[id].js", "cannot be looked for"),
    ],
)
def test_what_is_noticed_for_its_name_or_place(tmp_path: Path, path: str, why: str) -> None:
    """Configuration, mocks, declarations, tests and what a package begins with."""
    found = reach(tmp_path, path)
    assert why in found and bool(found) == bool(why)


def test_the_first_file_of_typescript_is_noticed(tmp_path: Path) -> None:
    """It changes how node is started; the next one does not."""
    there = {path: text for path, text in THERE.items() if not path.endswith(".ts")}
    assert "first of TypeScript" in reach_in(tmp_path, there, "src/extra.ts")
    assert reach(tmp_path, "src/more.ts") == ""


NAMING = [
    'import { extra } from "./extra.js";',
    'import type { Extra } from "./extra";',
    'import "./extra";',
    'export * from "./extra.js";',
    'export { one as two } from "./extra.js?raw";',
    'const { one } = require("./extra");',
    "const { one } = await import('./extra.js');",
    "const it = await import(/* webpackChunkName: 'x' */ `./extra.js`, { with: { type: 'json' } });",
    'import.meta.resolve("./extra.js"); require.resolve("./extra");',
    'vi.mock("./extra", async () => ({ ...(await vi.importActual<typeof import("./extra")>("./extra")) }));',
    "vi.mock(import('./extra.js'));",
    'import { one } from "@/extra";',
    'import { one } from "#src/extra.js";',
    'import { one } from "shop/extra";',
    'const it = load(new URL("./extra.js", import.meta.url));',
    '/// <reference path="extra.js" />',
    'fs.readFileSync("src/extra.js");',
    'spin("node src/extra.js");',
]
FINDING = [
    'fs.readdirSync("other");',
    'import { readdir } from "node:fs/promises";',
    'import { execFile } from "node:child_process";',
    "const it = await import(`./${name}.js`);",
    'const it = await import("./" + name);',
    "const it = require(name);",
    "const load = require;",
    'const load = createRequire(import.meta.url); load("./" + name);',
    'import { createRequire, register } from "node:module"; register("./loader.js");',
    'import.meta.glob("./*.js");',
    'import.meta.glob(["./**/*.{js,ts}", "!./x.js"], { eager: true });',
    "require.context('./', true);",
    'glob("**/*.js");',
    'load(path.join(here, "src"));',
    "fs.readFileSync(`${name}.js`);",
    "new Worker(name);",
    'import vm from "node:vm";',
    "eval(code);",
    "jest.requireActual(name);",
    "const text = `never closed ${name};\nimport './extra.js';",
    'import "./%65xtra.js";',
]
HARMLESS = [
    'import fs from "node:fs"; fs.writeFileSync(path.join(dir, "out.txt"), "");',
    'import.meta.glob("./other/*.js");',
    'const require = createRequire(import.meta.url); require("./prices.js");',
    'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    'if (typeof require !== "undefined" && require.main === module) main();',
    'import { extra } from "../other/extra.js";',
    'throw new TypeError(`no extra for ${name}`);',
    'describe("extra", () => {}); it.each([1])("extra", () => {}); t.test("extra", () => {});',
    'const half = a / b; const ratio = "x" / 2; /* ./extra.js */ // ./extra.js',
    'const pattern = /["\'`]extra/g; const own = x.match(/`/);',
    'i18n.import(name); loader.require(name); const o = { require: true };',
    'fetch(`/api/${id}`); headers({ accept: "*/*", type: "image/*" }); app.get("*", handler);',
    'vi.fn(); vi.clearAllMocks(); jest.mocked(name).mockReset(); vi.spyOn(it, "call");',
    'el.innerHTML = `<a href="#">${`${deep}`}</a>`;',
]  # fmt: skip


@pytest.mark.parametrize("code", NAMING)
def test_whoever_is_reached_and_names_a_file_reaches_it(tmp_path: Path, code: str) -> None:
    """By every form of import and by every way around one, through whatever alias."""
    assert reach(tmp_path, "src/extra.js", src__prices_DOT_js=code) == "src/prices.js names src/extra.js"


@pytest.mark.parametrize("code", FINDING)
def test_whoever_is_reached_and_may_come_upon_files_reaches_them(tmp_path: Path, code: str) -> None:
    """Listing, running, making up names, and what cannot be told."""
    found = reach(tmp_path, "src/extra.js", src__prices_DOT_js=code)
    assert found.startswith("src/prices.js may ")


@pytest.mark.parametrize("code", HARMLESS)
def test_what_only_looks_like_it_is_passed_over(tmp_path: Path, code: str) -> None:
    """Texts that are said to somebody, patterns for other folders, methods of that name."""
    there = {"src/prices.js": code, "other/extra.js": "", "src/other/one.js": ""}
    assert reach_in(tmp_path, {**THERE, **there}, "src/extra.js") == ""


@pytest.mark.parametrize(
    ("path", "others", "hit"),
    [
        ("src/shop.js", {"src/shop/index.js": "", "src/prices.js": 'import "./shop";'}, True),
        ("src/shop/index.js", {"src/prices.js": 'import "./shop";'}, True),
        ("src/shop/index.js", {"src/prices.js": 'import "@/shop";'}, True),
        ("src/shop/index.js", {"src/shop/one.js": 'import ".";', "src/prices.js": 'import "./shop/one.js";'}, True),
        ("src/shop/index.ts", {"src/shop/one.js": 'import "..";', "src/prices.js": 'import "./shop/one.js";'}, False),
        ("src/a.ts", {"src/prices.js": 'import "./a.js";'}, True),
        ("src/a.mts", {"src/prices.js": 'import "./a.mjs";'}, True),
        ("src/a.ios.js", {"src/a.js": "", "src/prices.js": 'import "./a";'}, True),
        ("src/data.json", {"src/prices.js": 'import data from "./data.json" with { type: "json" };'}, True),
        ("src/look.css", {"src/prices.js": 'import "./look.css";'}, True),
        ("src/other.css", {"src/prices.js": 'import "./look.css";', "src/look.css": '@import "other.css";'}, True),
        ("src/a.js", {"src/prices.js": 'import "./card.vue";', "src/card.vue": '<script>import "./a"</script>'}, True),
        ("src/a.js", {"src/prices.js": 'import "./data.json";', "src/data.json": '{"module": "src/a"}'}, True),
        ("src/data/a.json", {"src/prices.js": 'read(join(here, "data"), name);'}, True),
        ("src/a.check.ts", {}, True),
        ("src/setup/a.ts", {"vitest.config.ts": 'export default { test: { setupFiles: "./src/setup/a.ts" } };'}, True),
        ("src/a.js", {"vitest.config.ts": 'import base from "./src/base.js";', "src/base.js": 'import "./a.js";'}, True),
        ("src/a.js", {"jest.config.json": '{"globalSetup": "<rootDir>/src/a.js"}'}, True),
        ("src/a.js", {"tools/build.js": 'import "../src/a.js";'}, False),
        ("src/a.js", {"src/prices.js": 'import "eslint";', "eslint.config.js": 'import "./src/a.js";'}, True),
        ("lib/a.js", {"tsconfig.json": '{ // ways\n "compilerOptions": {"paths": {"~x": ["lib/a"],}} }'}, True),
        ("lib/a.js", {"tsconfig.json": '{"include": ["lib/*"], "compilerOptions": {"target": "a"}}'}, False),
        ("lib/a.js", {"tsconfig.json": '{"compilerOptions": {"rootDirs": ["src", "lib"]}}'}, True),
        ("lib/some-a.js", {"tsconfig.json": '{"compilerOptions": {"paths": {"~*": ["lib/some-*"]}}}'}, True),
        ("lib/a.js", {"lib/package.json": '{"name": "lib", "exports": {".": {"import": "./a.js"}}}'}, True),
        ("lib/b.js", {"lib/package.json": '{"name": "lib", "exports": {"./*": "./*.js"}}', "src/prices.js": 'import "lib/b";'}, True),
        ("lib/a.js", {"lib/package.json": "{"}, True),
        ("src/a.js", {"src/prices.js": 'import "./b.js";', "src/b.js": "\udcff"}, True),
        ("src/a.js", {"src/prices.js": 'import "./b.png";', "src/b.png": "\udcff"}, False),
        ("src/a.js", {"__mocks__/fs.js": 'import "../src/a.js";'}, True),
        ("src/a.js", {".mocharc.js": 'module.exports = { require: ["./src/a.js"] };'}, True),
    ],
)  # fmt: skip
def test_ways_of_files_that_configure_or_are_no_code(
    tmp_path: Path, path: str, others: dict[str, str], hit: bool
) -> None:
    """Index files, endings that stand for others, data, styles, components, setup files, and what maps names."""
    found = reach_in(tmp_path, {**THERE, **others}, path)
    assert bool(found) is hit, found


def test_a_link_is_not_mistaken_for_a_folder(tmp_path: Path) -> None:
    """A relative name that leads through a link could mean any file of its name."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "src").mkdir()
    (tmp_path / "src/link").symlink_to("../deep")
    assert "names deep/extra.js" in reach(tmp_path, "deep/extra.js", src__prices_DOT_js='import "./link/extra.js";')


def test_a_text_is_looked_through_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the next landing nearly all files are as they were: only what changed is read again, and its change is noticed."""
    looked = list[str]()

    def counting(name: str, text: str) -> References:
        looked.append(name)
        return references(name, text)

    monkeypatch.setattr(reach_module, "references", counting)
    monkeypatch.setattr(reach_module, "_remembered", {})
    assert reach(tmp_path, "src/extra.js") == ""
    assert sorted(looked) == ["index.js", "package.json", "prices.js", "prices.test.js", "utils.js", "vitest.config.ts"]
    looked.clear()
    assert reach(tmp_path, "src/more.js") == "" and looked == []
    assert "names src/last.js" in reach(tmp_path, "src/last.js", src__prices_DOT_js='import "./last.js";')
    assert looked == ["prices.js"]


class Slow:
    """What tests load, by resolving every specifier as node, TypeScript and bundlers do; the forms are those of :func:`graph`."""

    ENDINGS = (".ts", ".js", ".mjs", ".json", ".css")
    FORM = re.compile(r"""(?:from|import|import\(|require\(|mock\()\s*["'](.+?)["']""")

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files

    def loaded(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """Who asks for what, and what is taken for it, beginning with the tests."""
        found: dict[tuple[str, str], tuple[str, ...]] = {}
        waiting, seen = [path for path in self.files if ".test." in path], set[str]()
        while waiting:
            path = waiting.pop()
            if path in seen or not path.endswith((".ts", ".js", ".mjs")):
                continue
            seen.add(path)
            for match in self.FORM.finditer(self.files[path]):
                found[path, match[1]] = self.resolved(path, match[1])
                waiting += found[path, match[1]]
            for match in re.finditer(r'glob\("\./(.*?)\*(\.\w+)"\)', self.files[path]):
                folder = posixpath.join(posixpath.dirname(path), match[1])
                hits = [each for each in self.files if re.fullmatch(rf"{folder}[^/]*\{match[2]}", each)]
                found[path, match[0]] = tuple(sorted(hits))
                waiting += hits
        return found

    def resolved(self, path: str, specifier: str) -> tuple[str, ...]:
        if specifier.startswith("."):
            bases = [posixpath.normpath(posixpath.join(posixpath.dirname(path), specifier))]
        elif specifier.startswith("@/"):
            bases = [f"src/{specifier[2:]}"]
        elif specifier.startswith("#"):
            bases = [f"src/{specifier[1:]}.js"]
        elif specifier == "core":
            bases = ["packages/core"]
        else:
            bases = [f"packages/{specifier}", f"lib/{specifier}"]
        for base in bases:
            known = posixpath.splitext(base)[0] if base.endswith((".js", ".mjs")) else base
            swapped = [f"{known}.ts"] if known != base else []
            main = [f"{base}/main.js"] if base == "packages/core" else []
            inside = [*main, *(f"{base}/index{ending}" for ending in self.ENDINGS)]
            for each in (base, *swapped, *(f"{base}{ending}" for ending in self.ENDINGS), *inside):
                if each.removeprefix("./") in self.files:
                    return (each.removeprefix("./"),)
        return ()


FOLDERS = ("src", "src/shop", "src/ui", "packages/core", "packages/core/deep", "lib", "tests")
STEMS = ("index", "main", "utils", "prices", "cart-list", "shop", "ui", "total")
SETTLED = {
    "package.json": json.dumps({"name": "all", "workspaces": ["packages/*"], "imports": {"#*": "./src/*.js"}}),
    "packages/core/package.json": '{"name": "core", "main": "main.js"}',
    "tsconfig.json": '{"compilerOptions": {"baseUrl": "lib", "paths": {"@/*": ["../src/*"]}}}',
}


def graph(dice: random.Random) -> tuple[dict[str, str], str]:
    """A tree of modules that refer to each other and to what is not there, and the path of a file to add."""

    def path() -> str:
        return (
            f"{dice.choice(FOLDERS)}/{dice.choice(STEMS)}{dice.choice(('.js', '.js', '.ts', '.mjs', '.json', '.css'))}"
        )

    paths = dict.fromkeys(path() for _ in range(dice.randint(3, 14)))
    tests = [f"tests/t{number}.test.{dice.choice(('js', 'ts'))}" for number in range(dice.randint(1, 2))]
    everything = [*paths, *(path() for _ in range(2))]

    def specifier(source: str) -> str:
        target = dice.choice(everything)
        bare = target if dice.random() < 0.4 else posixpath.splitext(target)[0]
        if dice.random() < 0.3:
            bare = bare.removesuffix("/index")
        ways = [posixpath.relpath(bare, posixpath.dirname(source))] * 4
        ways = [way if way.startswith(".") else f"./{way}" for way in ways]
        if bare.startswith("src/"):
            ways += [f"@/{bare[4:]}", f"#{posixpath.splitext(bare)[0][4:]}"]
        if bare.startswith("packages/"):
            ways += [bare.removeprefix("packages/"), "core"]
        if bare.startswith("lib/"):
            ways.append(bare[4:])
        return dice.choice(ways)

    def text(source: str) -> str:
        lines = []
        for _ in range(dice.randint(1, 4)):
            forms = ('import x from "{}";', "export * from '{}';", 'const x = require("{}");', 'await import("{}");')
            lines.append(dice.choice((*forms, 'vi.mock("{}");', 'import "{}"')).format(specifier(source)))
        if dice.random() < 0.05:
            lines.append(f'import.meta.glob("./{dice.choice(("", "shop/", "ui/"))}*{dice.choice((".js", ".ts"))}");')
        return "\n".join((*lines, f'log("about {dice.choice(STEMS)}");\n'))

    files = dict(SETTLED)
    for each in (*paths, *tests):
        files[each] = text(each) if each.endswith((".js", ".ts", ".mjs")) else "{}"
    added = everything[-1] if dice.random() < 0.5 else path()
    while added in files:
        added = path()
    return files, added


def test_nothing_that_resolving_notices_is_overlooked(tmp_path: Path) -> None:
    """On random graphs: whatever a slow resolver takes otherwise because of the new file is told, and of what it does not most is left alone."""
    noticed = alone = passed = 0
    for seed in range(400):
        files, added = graph(random.Random(seed))
        folder = tmp_path / str(seed)
        why = reach_in(folder, files, added)
        before, after = Slow(files).loaded(), Slow({**files, added: ""}).loaded()
        if before != after:
            noticed += 1
            assert why, (
                seed,
                added,
                {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)},
            )
        elif not added.startswith("tests/"):
            alone += 1
            passed += why == ""
    assert noticed > 100 and alone > 150 and passed / alone > 0.4, (noticed, alone, passed)


def test_a_pattern_with_many_stars_is_matched_without_looking_back() -> None:
    """Nothing else could run meanwhile."""
    assert not covers("*a" * 40 + "*b", "src/" + "a" * 60 + ".js")
    assert not covers("{a,a}" * 40 + "b", "a" * 60)
    assert covers("**/*.{test,spec}.?(c|m)[jt]s?(x)", "src/a.spec.mts")
    assert not covers("src/*.[!j]s", "src/deep/a.js")


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.js", "=/[a"), ("a.js", "=/a["), ("vitest.config.js", "coverage:{},")],
)
def test_a_text_without_an_end_is_read_in_time(growth: Growth, name: str, text: str) -> None:
    """Patterns that do not end, and what is left out of a configuration."""
    assert growth(lambda size: lambda: references(name, text * (size // len(text))), 4_000, 40_000) < 4


def test_patterns_behind_one_that_does_not_end_are_read() -> None:
    """A quotation mark in one begins no text."""
    assert "shop" in references("a.js", "x = y =/[a; z =/'/; import('shop');").modules
