"""The languages ``javascript`` and ``typescript``: commands that tell good from bad, tests without their subject, and packages only from where they may come."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import http.server
import io
import json
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent_dispatcher.errors import Unavailable
from agent_dispatcher.models import ArtifactRef
from agent_dispatcher.testing.languages import LanguageContract, SourceSample
from agent_dispatcher_builtins.checks.junit import Results, coverage_by_file, coverage_percent, parse_junit
from agent_dispatcher_builtins.doneness.hollow import unmoved
from agent_dispatcher_builtins.languages.javascript.language import JavaScript
from agent_dispatcher_builtins.languages.javascript.options import JavaScriptOptions

Write = Callable[..., Path]
HEAD = 'import test from "node:test";\nimport assert from "node:assert/strict";\n'
TEST = 'import test from "node:test";\nimport assert from "node:assert/strict";\nimport {{ {names} }} from "../src/prices.{ending}";\n{body}\n'


def sample(ending: str, of_number: str = "") -> SourceSample:
    """The contract's texts, in either language."""
    text = f"export function total(prices{of_number}) {{\n  return prices[0] + prices[1];\n}}\n"
    test = 'test("total", () => { assert.equal(total([1, 2]), %s); });'
    return SourceSample(
        path=f"src/prices.{ending}",
        text=text,
        malformed="export function total( {\n",
        symbol="prices:total",
        absent="prices:rebate",
        test_path=f"tests/prices.test.{ending}",
        passing=TEST.format(names="total", ending=ending, body=test % 3),
        failing=TEST.format(names="total", ending=ending, body=test % 4),
        with_side_effect=f'import fs from "node:fs";\nfs.writeFileSync("touched", "");\n{text}',
    )


class TestJavaScript(LanguageContract):
    """What every language keeps to."""

    @pytest.fixture(autouse=True)
    def place(self, node: tuple[int, int], tmp_path_factory: pytest.TempPathFactory) -> None:
        self.cache = tmp_path_factory.mktemp("cache")

    def make_language(self) -> JavaScript:
        return JavaScript("javascript", JavaScriptOptions(), self.cache)

    def sample(self) -> SourceSample:
        return sample("mjs")


class TestTypeScript(TestJavaScript):
    """The same for TypeScript."""

    @pytest.fixture(autouse=True)
    def place(self, typed: Path) -> None:
        self.cache = typed

    def make_language(self) -> JavaScript:
        return JavaScript("typescript", JavaScriptOptions(), self.cache)

    def sample(self) -> SourceSample:
        return sample("mts", ": number[]")


def _run(language: JavaScript, tree: Path, command: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    environment = asyncio.run(language.environment(tree))
    return subprocess.run(command, cwd=tree, env=environment.env, capture_output=True, text=True, check=False)


def _results(language: JavaScript, tree: Path, command: tuple[str, ...]) -> Results:
    done = _run(language, tree, command)
    results = tree / "r.xml"
    assert results.is_file(), done.stdout + done.stderr
    return parse_junit(results.read_bytes())


def test_results_say_what_happened_to_each_test(javascript: JavaScript, write: Write) -> None:
    """Groups are named, skipped tests are no passed ones, a file without tests proves nothing, and code no test loads counts as not covered."""
    body = """
test.describe("a group", () => {
  test("is < right & \\u0001", () => { assert.equal(total([1, 2]), 3); });
  test("is wrong", () => { assert.equal(total([1, 2]), 4); });
});
test.skip("later", () => {});"""
    tree = write(
        {
            "src/prices.mjs": "export const total = (prices) => prices[0] + prices[1];\n",
            "src/unused.mjs": "export const a = 1;\n",
            "tests/prices.test.mjs": TEST.format(names="total", ending="mjs", body=body),
            "tests/empty.test.mjs": "export {};\n",
            "tests/helper.mjs": "throw new Error('it is no file of tests');\n",
        }
    )
    found = _results(javascript, tree, javascript.test_command([], results="r.xml", coverage="c.json"))
    assert [(case.name, case.outcome) for case in found.cases] == [
        ("tests/prices.test.mjs::a group > is < right & ?", "passed"),
        ("tests/prices.test.mjs::a group > is wrong", "failed"),
        ("tests/prices.test.mjs::later", "skipped"),
    ]
    assert found.cases[1].message.startswith("AssertionError: Expected values to be strictly equal: 3 !== 4")
    measured = (tree / "c.json").read_bytes()
    assert sorted(json.loads(measured)["files"]) == ["src/prices.mjs", "src/unused.mjs"]
    percent = coverage_percent(measured)
    assert percent is not None and 0 < percent < 100
    by_file = coverage_by_file(measured)
    assert by_file["src/prices.mjs"][0] > 0 and by_file["src/unused.mjs"] == (0, 1)


def test_what_is_promised_and_not_there_explains_a_failure(javascript: JavaScript, write: Write) -> None:
    """A file or an export that another task promises is told from one that nobody does, in what node itself says."""
    tree = write(
        {
            "src/prices.mjs": "export const total = 1;\n",
            "tests/a.test.mjs": 'import { x } from "../src/shop/labels.mjs";\n',
            "tests/b.test.mjs": TEST.format(names="rebate", ending="mjs", body=""),
        }
    )
    found = _results(javascript, tree, javascript.test_command([], results="r.xml"))
    said = {case.name.split("::")[0]: case.message for case in found.red()}
    labels, prices = (
        ArtifactRef(type="path", name="src/shop/labels.mjs"),
        ArtifactRef(type="symbol", name="prices:rebate"),
    )
    assert javascript.absence(said["tests/a.test.mjs"], [labels]) == "module shop/labels is not there yet"
    assert javascript.absence(said["tests/a.test.mjs"], [prices]) is None
    assert javascript.absence(said["tests/b.test.mjs"], [prices]) == "prices:rebate is not there yet"
    assert javascript.absence(said["tests/b.test.mjs"], [labels]) is None


def test_a_test_that_passes_without_its_subject_is_found(javascript: JavaScript, write: Write) -> None:
    """Hollow code fails whatever is asked of it, loaded by ``import`` or ``require``, also where the file is not there yet."""
    body = """
test("calls it", () => { assert.equal(total([1, 2]), 3); });
test("expects a refusal", () => { assert.throws(() => total(null), TypeError); });
test("any error will do", () => { assert.throws(() => total(null)); });
test("looks at a value", () => { assert.equal(RATE, 3); });"""
    tree = write(
        {
            "tests/prices.test.mjs": TEST.format(names="total, RATE", ending="mjs", body=body),
            "tests/old.test.cjs": 'const test = require("node:test");\nconst { total } = require("../src/prices.mjs");\n'
            'test("old", () => { require("node:assert").equal(total([1]), 1); });\n',
        }
    )
    found = _results(javascript, tree, javascript.hollow_test_command([], ["prices"], results="r.xml"))
    assert len(found.cases) == 5, found
    assert [each.what.split(" passes")[0] for each in unmoved(found, ["t"])] == ["any error will do"]


# --- TypeScript -------------------------------------------------------------------------------------------------------


def _typed_tree() -> dict[str, str]:
    """Modules and scripts of every ending that find each other, with types in all of them."""
    test = HEAD + 'import { total } from "../src/prices.ts";\nimport { half } from "../src/half.cts";\n'
    return {
        "src/prices.ts": 'import { rounded } from "./rounded.mts";\n\ninterface Price {\n  cents: number;\n}\n\n'
        "export function total(prices: Price[]): number {\n  return rounded(prices.reduce((sum, each) => sum + each.cents, 0) as number);\n}\n",
        "src/rounded.mts": "export const rounded = <T extends number>(value: T): number => Math.round(value);\n",
        "src/half.cts": 'const { twice } = require("./twice.cts");\nexports.half = (value: number): number => twice(value) / 4;\n',
        "src/twice.cts": "exports.twice = (value: number): number => 2 * value;\n",
        "tests/prices.test.ts": f"{test}"
        'test("total", (): void => {\n  assert.equal(total([{ cents: 1 }, { cents: 2 }]), 3);\n});\n'
        'test("half", (): void => {\n  assert.equal(half(4), 3);\n});\n',
    }


def test_typescript_of_every_ending_is_run_and_measured(write: Write, typed: Path) -> None:
    """Modules and scripts, with types; lines stay where they were, so that failures and coverage name the right ones."""
    language, tree = JavaScript("typescript", JavaScriptOptions(), typed), write(_typed_tree())
    found = _results(language, tree, language.test_command([], results="r.xml", coverage="c.json"))
    assert [(case.name, case.outcome) for case in found.cases] == [
        ("tests/prices.test.ts::total", "passed"),
        ("tests/prices.test.ts::half", "failed"),
    ]
    assert "prices.test.ts:9" in (tree / "r.xml").read_text()
    measured = json.loads((tree / "c.json").read_text())["files"]
    assert {name: (each["covered_lines"], each["lines"]) for name, each in measured.items()} == {
        name: (text.count("\n"), text.count("\n")) for name, text in _typed_tree().items() if name.startswith("src/")
    }
    hollow = _results(language, tree, language.hollow_test_command([], ["prices", "half"], results="r.xml"))
    assert ([case.outcome for case in hollow.cases], unmoved(hollow, ["t"])) == (["failed", "failed"], ())


def test_a_file_from_which_types_cannot_be_taken_fails_its_own_tests_only(write: Write, typed: Path) -> None:
    """With the reason, also while others of the tree are run."""
    broken = {
        "src/colour.ts": "export enum Colour {\n  Red,\n}\n",
        "tests/colour.test.ts": f'{HEAD}import {{ Colour }} from "../src/colour.ts";\ntest("red", () => assert.equal(Colour.Red, 0));\n',
    }
    language, tree = JavaScript("typescript", JavaScriptOptions(), typed), write({**_typed_tree(), **broken})
    found = _results(language, tree, language.test_command([], results="r.xml"))
    cases = {case.name: case for case in found.cases}
    refused = cases["tests/colour.test.ts::tests/colour.test.ts"]
    assert (refused.outcome, cases["tests/prices.test.ts::total"].outcome) == ("error", "passed")
    assert "enum is not supported" in refused.message and "src/colour.ts:1" in refused.text


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("export const a: number = 1;\nenum B {\n  C,\n}\n", "src/a.ts:2: "),
        ("export const a: number = 1;\n\nexport function f(: string) {}\n", "src/a.ts:3: "),
    ],
    ids=["enum", "types"],
)
def test_typescript_that_cannot_run_is_not_well_formed(
    write: Write, node: tuple[int, int], typed: Path, text: str, fault: str
) -> None:
    """Forms that only a compiler understands, and faults of types; with their line, where node does not take the types out itself."""
    language, tree = JavaScript("typescript", JavaScriptOptions(), typed), write({"src/a.ts": text})
    done = _run(language, tree, language.compile_command(["src/a.ts"]))
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.startswith(fault if node < (22, 13) else "src/a.ts:"), done.stdout


def test_an_old_node_without_a_registry_says_what_is_missing(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package, and the ways out; nothing is left in the cache."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, says in (("node", "echo v20.15.1"), ("npm", "echo no registry; exit 1")):
        (programs / name).write_text(f"#!/bin/sh\n{says}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    language = JavaScript("typescript", JavaScriptOptions(), tmp_path / "cache")
    with pytest.raises(
        Unavailable, match=r"with node 20\.15, and it cannot be installed: .*no registry.*install node 22"
    ):
        asyncio.run(language.environment(write({})))
    assert list((tmp_path / "cache" / "node").iterdir()) == []


# --- packages ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """A registry on this machine with one package, whose script would leave a trace; gives the digest, and what is asked for."""
    asked: list[str] = []
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        manifest = {"name": "adder", "version": "1.0.0", "main": "main.js", "scripts": {"postinstall": "touch RAN"}}
        texts = {"package.json": json.dumps(manifest), "main.js": "exports.add = (a, b) => a + b;\n"}
        for name, text in texts.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            here = f"http://{self.headers['Host']}/adder/-/adder-1.0.0.tgz"
            one = {**manifest, "dist": {"tarball": here}}
            told = {"name": "adder", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": one}}
            data = packed.getvalue() if self.path.endswith(".tgz") else json.dumps(told).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
        try:
            yield "sha512-" + base64.b64encode(hashlib.sha512(packed.getvalue()).digest()).decode(), asked
        finally:
            server.shutdown()
            thread.join()


def _manifest(digest: str, **more: object) -> dict[str, str]:
    entry = {"version": "1.0.0", "resolved": "https://elsewhere.invalid/adder/-/adder-1.0.0.tgz", "integrity": digest}
    root = {"name": "shop", "version": "1.0.0", "dependencies": {"adder": "1.0.0"}}
    lock = {"name": "shop", "version": "1.0.0", "lockfileVersion": 3, "requires": True}
    packages = {"": root, "node_modules/adder": {**entry, **more}}
    return {"package.json": json.dumps(root), "package-lock.json": json.dumps({**lock, "packages": packages})}


def test_allowed_packages_are_installed_once_and_run_nothing(
    node: tuple[int, int], write: Write, tmp_path: Path, registry: tuple[str, list[str]]
) -> None:
    """They come from the configured registry whatever the lock file says, are kept outside of the tree, and tests find them."""
    integrity, asked = registry
    body = 'import test from "node:test";\nimport assert from "node:assert";\nimport { add } from "adder";\ntest("adds", () => assert.equal(add(1, 2), 3));\n'
    tree = write(
        {
            **_manifest(integrity, hasInstallScript=True),
            "tests/a.test.mjs": body,
            ".npmrc": "registry=http://192.0.2.1/\n",
        }
    )
    language = JavaScript("javascript", JavaScriptOptions(packages=("adder",)), tmp_path / "cache")
    first, second = (asyncio.run(language.environment(tree)) for _ in range(2))
    assert first == second
    assert len(asked) == 1
    assert not (tree / "node_modules").exists()
    assert not list((tmp_path / "cache").rglob("RAN"))
    found = _results(language, tree, language.test_command([], results="r.xml"))
    assert [case.outcome for case in found.cases] == ["passed"], found


@pytest.mark.parametrize("bundled", [False, True])
def test_lock_files_as_npm_writes_them_are_read(
    node: tuple[int, int], write: Write, tmp_path: Path, registry: tuple[str, list[str]], bundled: bool
) -> None:
    """Without the registry's address, if npm is configured so; and what an archive has inside needs no digest of its own."""
    files = _manifest(registry[0])
    lock = json.loads(files["package-lock.json"])
    if bundled:
        inside = {"version": "1.0.0", "inBundle": True, "optional": True}
        lock["packages"]["node_modules/adder/node_modules/inside"] = inside
    else:
        del lock["packages"]["node_modules/adder"]["resolved"]
    tree = write({**files, "package-lock.json": json.dumps(lock)})
    language = JavaScript("javascript", JavaScriptOptions(packages=("adder",)), tmp_path / "cache")
    modules = Path(asyncio.run(language.environment(tree)).env["AGENT_DISPATCHER_NODE_MODULES"])
    assert (modules / "adder").is_dir()


def test_tools_of_development_are_passed_over(
    node: tuple[int, int],
    write: Write,
    tmp_path: Path,
    registry: tuple[str, list[str]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nobody has to allow a linter to have tests run; it is not installed, which the evidence says and nobody else. What is needed at run time is never passed over."""
    files = _manifest(registry[0])
    manifest, lock = (json.loads(files[name]) for name in ("package.json", "package-lock.json"))
    tools = {"eslint": "9.0.0", "@types/node": "22.0.0", "typescript": "5.0.0"}
    for each in (manifest, lock["packages"][""]):
        each["devDependencies"] = tools
    for name, version in tools.items():
        entry = {"version": version, "resolved": f"https://r.invalid/{name}.tgz", "integrity": "sha512-x", "dev": True}
        lock["packages"][f"node_modules/{name}"] = entry
    tree = write({"package.json": json.dumps(manifest), "package-lock.json": json.dumps(lock)})
    language = JavaScript("javascript", JavaScriptOptions(packages=("adder",)), tmp_path / "cache")
    environment = asyncio.run(language.environment(tree))
    modules = Path(environment.env["AGENT_DISPATCHER_NODE_MODULES"])
    assert sorted(each.name for each in modules.iterdir() if not each.name.startswith(".")) == ["adder"]
    assert environment.about.endswith(
        '(what [options."language:javascript"] packages names is): @types/node, eslint, typescript'
    )
    assert caplog.records == []
    assert asyncio.run(language.environment(write({"package.json": json.dumps({"devDependencies": tools})})))
    (tree / "package.json").write_text(json.dumps({"dependencies": tools, "devDependencies": {"left-pad": "1"}}))
    with pytest.raises(Unavailable, match="asks for @types/node, eslint, left-pad, typescript, which are not allowed"):
        asyncio.run(language.environment(tree))


@pytest.mark.parametrize(
    ("allowed", "more", "why"),
    [
        ((), {}, r'asks for adder, which is not allowed .*\[options\."language:javascript"\] packages = \["adder"\]'),
        (("*",), {"resolved": "git+ssh://git@elsewhere.invalid/adder.git"}, "does not come from a registry"),
        (("*",), {"resolved": "../adder", "link": True}, "does not come from a registry"),
        (("*",), {"integrity": None}, "has no digest"),
        (("*",), {"integrity": None, "inBundle": True}, "has no digest"),
        (("*",), {"resolved": None}, "does not come from a registry"),
    ],
)
def test_what_may_not_be_installed_is_refused_by_name(
    node: tuple[int, int], write: Write, tmp_path: Path, allowed: tuple[str, ...], more: dict[str, object], why: str
) -> None:
    """A package nobody allowed, a repository, a folder, an archive without digest: nothing is fetched, and it is said why."""
    tree = write(_manifest("sha512-x", **more))
    language = JavaScript("javascript", JavaScriptOptions(packages=allowed), tmp_path / "cache")
    with pytest.raises(Unavailable, match=why):
        asyncio.run(language.environment(tree))
    assert not (tmp_path / "cache").exists()
