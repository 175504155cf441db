"""Repositories that are tested with vitest: their tests are run by it, with their own configuration, and mean the same to every check."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_dispatcher.errors import Unavailable
from agent_dispatcher.models import ArtifactRef
from agent_dispatcher.runs.index import state_home
from agent_dispatcher_builtins.checks.junit import Results, parse_junit
from agent_dispatcher_builtins.doneness.hollow import unmoved
from agent_dispatcher_builtins.languages.javascript.language import JavaScript
from agent_dispatcher_builtins.languages.javascript.options import JavaScriptOptions

PACKAGES = Path(__file__).with_name("vitest")
HEAD = "import { describe, expect, it } from 'vitest'\n"
TREE = {
    "vitest.config.ts": "import { defineConfig } from 'vitest/config'\n\nexport default defineConfig({\n  test: { include: ['src/**/*.test.{ts,tsx}'] },\n  resolve: { alias: { '@': '/src' } },\n})\n",
    "src/prices.ts": "export enum Kind { Net, Gross }\nexport function total(prices: number[]): number {\n  return prices.reduce((sum, price) => sum + price, 0)\n}\n",
    "src/prices.test.ts": HEAD
    + "import { total } from '@/prices'\n\ndescribe('total', () => {\n  it('adds', () => {\n    expect(total([1, 2])).toBe(3)\n  })\n  it('is wrong', () => {\n    expect(total([1])).toBe(2)\n  })\n  it.skip('later', () => {})\n})\n",
    "src/constant.test.ts": HEAD
    + "import { total } from './prices'\n\nit('proves nothing', () => {\n  expect(typeof total).toBeDefined()\n})\n",
    "src/gone.test.ts": HEAD
    + "import { label } from './label'\n\nit('labels', () => {\n  expect(label('a')).toBe('A')\n})\n",
    "src/half.test.tsx": HEAD
    + "import { rebate } from './prices'\n\nit('gives less', () => {\n  expect(rebate(2)).toBe(1)\n})\n",
    "src/own.test.mjs": "import test from 'node:test'\n\ntest('of node', () => {})\n",
    "other/outside.test.ts": HEAD + "it('is not one of the project', () => {\n  expect(1).toBe(2)\n})\n",
}


@pytest.fixture
def language(node: tuple[int, int], write: Callable[..., Path]) -> JavaScript:
    """With vitest from the registry of this machine's npm."""
    language = JavaScript("javascript", JavaScriptOptions(packages=("vitest",)), state_home() / "components")
    try:
        asyncio.run(language.environment(write(_packages())))
    except Unavailable as error:
        pytest.skip(str(error))
    return language


def _packages() -> dict[str, str]:
    return {path.name: path.read_text() for path in PACKAGES.iterdir()}


def _run(language: JavaScript, tree: Path, command: tuple[str, ...], results: Path) -> tuple[int, Results]:
    env = asyncio.run(language.environment(tree)).env
    done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, check=False, timeout=300)
    assert results.is_file(), done.stdout + done.stderr
    found = parse_junit(results.read_bytes())
    results.unlink()
    return done.returncode, found


def test_tests_for_vitest_are_run_by_it(language: JavaScript, write: Callable[..., Path], tmp_path: Path) -> None:
    """With the project's aliases and its choice of files, beside tests of node; what is absent is told as by node; the tree stays as it was."""
    tree = write({**TREE, **_packages()})
    results, before = tmp_path / "r.xml", sorted(tree.rglob("*"))
    code, found = _run(language, tree, language.test_command([], results=str(results)), results)
    assert code == 1
    assert {case.name: case.outcome for case in found.cases} == {
        "src/prices.test.ts::total > adds": "passed",
        "src/prices.test.ts::total > is wrong": "failed",
        "src/prices.test.ts::total > later": "skipped",
        "src/constant.test.ts::proves nothing": "passed",
        "src/gone.test.ts::src/gone.test.ts": "error",
        "src/half.test.tsx::gives less": "failed",
        "src/own.test.mjs::of node": "passed",
    }
    said = {case.name.partition("::")[0]: case.message for case in found.red()}
    assert said["src/prices.test.ts"].startswith("AssertionError: expected 1 to be 2")
    promised = (
        ArtifactRef(type="path", name="src/label.ts"),
        ArtifactRef(type="symbol", name="src/prices:rebate"),
    )
    assert language.absence(said["src/gone.test.ts"], promised) == "module label is not there yet"
    assert language.absence(said["src/half.test.tsx"], promised) == "prices:rebate is not there yet"
    assert language.absence(said["src/gone.test.ts"], promised[1:]) is None
    assert sorted(tree.rglob("*")) == before
    green = ["src/constant.test.ts"]
    coverage = tmp_path / "c.json"
    command = language.test_command(green, results=str(results), coverage=str(coverage))
    code, found = _run(language, tree, command, results)
    assert coverage.read_text() == '{"totals": {}}\n'
    assert (code, [case.outcome for case in found.cases]) == (0, ["passed"])


def test_tests_for_vitest_show_that_they_need_their_subject(
    language: JavaScript, write: Callable[..., Path], tmp_path: Path
) -> None:
    """Their subject is made hollow, however it is imported; a test that passes all the same proves nothing."""
    tree = write({**TREE, **_packages()})
    results, files = tmp_path / "r.xml", ["src/prices.test.ts", "src/constant.test.ts"]
    command = language.hollow_test_command([f"./{each}" for each in files], ["src/prices.ts"], results=str(results))
    _, found = _run(language, tree, command, results)
    assert [case.name for case in found.cases if "SubjectIsHollow" in case.message] == [
        "src/prices.test.ts::total > adds",
        "src/prices.test.ts::total > is wrong",
    ]
    assert ["src/constant.test.ts" in str(each) for each in unmoved(found, files)] == [True]


@pytest.mark.usefixtures("typed")
def test_what_vitest_compiles_is_well_formed(language: JavaScript, write: Callable[..., Path]) -> None:
    """An enum needs a compiler, and there is one; what is no TypeScript stays a fault."""
    typed = JavaScript("typescript", JavaScriptOptions(packages=("vitest",)), state_home() / "components")
    tree = write({**TREE, **_packages(), "src/broken.ts": "export enum Kind {\n", "src/wrong.ts": "export const = 1\n"})
    paths = ["src/prices.ts", "src/broken.ts", "src/wrong.ts"]
    env = asyncio.run(typed.environment(tree)).env
    done = subprocess.run(
        typed.compile_command(paths), cwd=tree, env=env, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert {line.partition(":")[0] for line in done.stdout.splitlines()} == {"src/broken.ts", "src/wrong.ts"}


def test_a_configuration_that_fails_is_told(language: JavaScript, write: Callable[..., Path], tmp_path: Path) -> None:
    """It is no pass, and what vitest says about it is in the output."""
    tree = write({**TREE, **_packages(), "vitest.config.ts": "throw new Error('no such setting')\n"})
    env = asyncio.run(language.environment(tree)).env
    command = language.test_command([], results=str(tmp_path / "r.xml"))
    done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 3 and not (tmp_path / "r.xml").exists()
    assert "no such setting" in done.stdout + done.stderr
