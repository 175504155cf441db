"""What a language must keep to: its commands tell good from bad, files are read and never run, and its layout fits together."""

from __future__ import annotations

import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from ..errors import PathRefused
from ..extension.components import Environment, Language, Layout
from ..models import ArtifactRef, Specification
from ..workspace.path_names import split_path
from .contract import Contract
from .samples import sample_specification

__all__ = ["LanguageContract", "SourceSample"]


@frozen(kw_only=True)
class SourceSample:
    """Texts in the language.

    Attributes:
        path: where a source file lies, relative to the repository.
        text: a well-formed one that defines ``symbol``.
        malformed: one that no compiler takes.
        symbol: name of a symbol artifact that ``text`` defines (``package.module:Name``).
        absent: name of one that it does not define, in the same file.
        test_path: where a test file lies.
        passing, failing: texts of a test file with one test each; the passing one uses the source file.
        with_side_effect: a source text that defines ``symbol`` and, if it were run or imported, would write the file ``touched`` into the current folder.
    """

    path: str
    text: str
    malformed: str
    symbol: str
    absent: str
    test_path: str
    passing: str
    failing: str
    with_side_effect: str = ""


class LanguageContract(Contract):
    """Subclass it and override :meth:`make_language` and :meth:`sample`. The suite runs the commands on the sample's own texts, without a sandbox."""

    def make_language(self) -> Language:
        """A fresh instance."""
        self.to_override("make_language(self)")

    def sample(self) -> SourceSample:
        """Texts in the language."""
        self.to_override("sample(self)")

    def specification(self) -> Specification | None:
        """One that declares behaviour, for the promises about the layout; ``None`` (the default) skips them."""
        return None

    # --- files --------------------------------------------------------------------------------------------------------

    def test_it_has_a_name(self) -> None:
        """The name is a plain lower-case word."""
        name = self.make_language().name
        self.promise(
            isinstance(name, str) and name and name == name.lower() and " " not in name,
            f"the name is {name!r}",
            "a language has a name, as specifications write it",
        )

    def test_sources_and_tests_are_told_by_name(self) -> None:
        """Source and test files are recognised by their path alone; a picture is neither, a plain source is no test."""
        language, sample = self.make_language(), self.sample()
        told = (language.is_source(sample.path), language.is_test(sample.path), language.is_test(sample.test_path))
        self.promise(
            told == (True, False, True),
            f"(source is source, source is test, test is test) were {told}",
            "is_source and is_test go by the name",
        )
        strangers = [
            path for path in ("picture.png", "LICENSE", "") if language.is_source(path) or language.is_test(path)
        ]
        self.promise(not strangers, f"it takes {strangers} for its own", "other files are not the language's")

    def test_missing_symbols_are_named(self, tmp_path: Path) -> None:
        """Of the promised symbols exactly those that no file defines are named, in order; other artifacts are not looked at."""
        sample = self.sample()
        self._write(tmp_path, sample.path, sample.text)
        promised = [ArtifactRef(type="symbol", name=name) for name in (sample.absent, sample.symbol)]
        promised.append(ArtifactRef(type="path", name="no/such/file"))
        missing = tuple(self.make_language().missing_symbols(tmp_path, promised))
        self.promise(
            missing == (sample.absent,),
            f"missing_symbols gave {missing}",
            "exactly the promised symbols that are not defined",
        )
        nothing = tuple(self.make_language().missing_symbols(tmp_path / "empty", promised[1:]))
        self.promise(
            nothing == (sample.symbol,),
            f"in an empty tree missing_symbols gave {nothing}",
            "a symbol without a file is missing, and no error",
        )

    def test_files_are_read_and_never_run(self, tmp_path: Path) -> None:
        """Looking for symbols runs and imports nothing; a malformed file is no error."""
        sample = self.sample()
        promised = [ArtifactRef(type="symbol", name=sample.symbol)]
        self._write(tmp_path / "bad", sample.path, sample.malformed)
        try:
            self.make_language().missing_symbols(tmp_path / "bad", promised)
        except Exception as error:
            self.broken(f"a malformed file raised {type(error).__name__}: {error}", "files are looked at as they are")
        if not sample.with_side_effect:
            self.skip("the sample has no text with a side effect")
        self._write(tmp_path / "side", sample.path, sample.with_side_effect)
        here = Path.cwd() / "touched"
        self.make_language().missing_symbols(tmp_path / "side", promised)
        touched = [path for path in (here, tmp_path / "side" / "touched") if path.exists()]
        for path in touched:
            path.unlink()
        self.promise(not touched, "looking for symbols ran the file", "files are read, never imported")

    # --- commands -----------------------------------------------------------------------------------------------------

    def test_the_compiler_tells_good_from_bad(self, tmp_path: Path) -> None:
        """The compile command ends with 0 for a well-formed file and with another code, saying something, for a malformed one; it writes nothing."""
        sample = self.sample()
        for name, text in (("good", sample.text), ("bad", sample.malformed)):
            tree = tmp_path / name
            self._write(tree, sample.path, text)
            done = self._command(self.make_language().compile_command([sample.path]), tree)
            if name == "good":
                self.promise(
                    done.returncode == 0,
                    f"a well-formed file ended with {done.returncode}: {done.stderr}",
                    "0 for well-formed files",
                )
            else:
                self.promise(
                    done.returncode != 0, "a malformed file ended with 0", "another code than 0 for malformed files"
                )
                self.promise(
                    (done.stdout + done.stderr).strip(),
                    "the compiler said nothing about a malformed file",
                    "it says what is wrong",
                )
            left = sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file())
            self.promise(
                left == [sample.path],
                f"compiling left {left}",
                "compiling leaves the tree as it is: trees are read-only",
            )

    def test_the_test_command_tells_good_from_bad(self, tmp_path: Path) -> None:
        """The test command ends with 0 exactly when the tests pass, and writes JUnit XML that says so."""
        sample = self.sample()
        for name, text in (("passing", sample.passing), ("failing", sample.failing)):
            tree, results = tmp_path / name, tmp_path / f"{name}.xml"
            self._write(tree, sample.path, sample.text)
            self._write(tree, sample.test_path, text)
            done = self._command(self.make_language().test_command([sample.test_path], results=str(results)), tree)
            said = f"{done.stdout}{done.stderr}"[-500:]
            self.promise(
                (done.returncode == 0) == (name == "passing"),
                f"{name} tests ended with {done.returncode}: {said}",
                "0 exactly when all tests passed",
            )
            if not results.is_file():
                self.broken(f"{name} tests wrote no results", "JUnit XML is written to results")
            root = ElementTree.parse(results).getroot()
            cases, red = (
                len(root.findall(".//testcase")),
                len(root.findall(".//failure")) + len(root.findall(".//error")),
            )
            expected = (1, 0) if name == "passing" else (1, 1)
            self.promise(
                (cases, red) == expected,
                f"of {name} tests the results say {cases} cases, {red} red",
                "the results say what ran and what failed",
            )

    def test_coverage_is_written_when_wanted(self, tmp_path: Path) -> None:
        """With ``coverage`` the command writes a JSON file there."""
        sample = self.sample()
        self._write(tmp_path / "tree", sample.path, sample.text)
        self._write(tmp_path / "tree", sample.test_path, sample.passing)
        wanted = tmp_path / "coverage.json"
        command = self.make_language().test_command([], results=str(tmp_path / "r.xml"), coverage=str(wanted))
        done = self._command(command, tmp_path / "tree")
        self.promise(
            wanted.is_file(),
            f"no coverage was written: {(done.stdout + done.stderr)[-500:]}",
            "coverage JSON is written when it is wanted",
        )

    def test_the_environment_is_named(self, tmp_path: Path) -> None:
        """The environment has folders that exist, variables that are text, and a digest that is the same for the same tree."""
        sample = self.sample()
        self._write(tmp_path, sample.path, sample.text)
        first, second = (self._environment(tmp_path) for _ in range(2))
        self.promise(
            first == second,
            "the same tree gave two environments",
            "an environment depends on the tree and the machine only",
        )
        absent = [str(path) for path in first.read_only if not path.exists()]
        self.promise(
            not absent, f"read_only names folders that do not exist: {absent}", "read_only folders can be bound"
        )
        odd = {key: value for key, value in first.env.items() if not isinstance(value, str)}
        self.promise(not odd, f"env holds {odd}", "env holds text")

    # --- layout -------------------------------------------------------------------------------------------------------

    def test_without_behaviour_there_is_no_layout(self) -> None:
        """A specification that declares no behaviour has no layout."""
        found = self.make_language().layout(sample_specification())
        self.promise(
            found is None,
            f"a specification without behaviour got the layout {found!r:.200}",
            "layout is None without behaviour",
        )

    def test_the_layout_fits_together(self) -> None:
        """Module names and paths are unique and safe, ``verifies`` names modules, test modules hold test files, and it is repeatable."""
        specification = self.specification()
        if specification is None:
            self.skip("the suite gives no specification with behaviour")
        language = self.make_language()
        layout = language.layout(specification)
        if not isinstance(layout, Layout):
            self.broken(f"declared behaviour got the layout {layout!r}", "declared behaviour is laid out")
        self.promise(
            layout == language.layout(specification),
            "two layouts of one specification differ",
            "a layout is repeatable",
        )
        names = [module.name for module in layout.modules]
        paths = [path for module in layout.modules for path in module.paths]
        for what, values in (("module names", names), ("paths", paths)):
            twice = sorted({value for value in values if values.count(value) > 1})
            self.promise(not twice, f"{what} are there twice: {twice}", f"{what} are unique")
        for path in paths:
            try:
                split_path(path)
            except PathRefused as error:
                self.broken(f"the layout has the path {path!r}: {error}", "paths are relative, '/' separated and safe")
        for module in layout.modules:
            unknown = sorted(set(module.verifies) - set(names))
            self.promise(
                not unknown,
                f"module {module.name} verifies {unknown}, which are no modules",
                "verifies names modules of the layout",
            )
            if module.verifies:
                tests = [path for path in module.paths if language.is_test(path)]
                self.promise(
                    tests,
                    f"module {module.name} verifies others and holds no test file",
                    "who verifies writes test files",
                )

    # --- inside -------------------------------------------------------------------------------------------------------

    @staticmethod
    def _write(tree: Path, path: str, text: str) -> None:
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text, encoding="utf-8")

    def _environment(self, tree: Path) -> Environment:
        found = self.go(self.make_language().environment(tree), limit_s=120.0)
        if not isinstance(found, Environment):
            self.broken(f"environment gave a {type(found).__name__}", "environment gives an Environment")
        return found

    def _command(self, argv: Sequence[str], tree: Path) -> subprocess.CompletedProcess[str]:
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8", **self._environment(tree).env}
        return subprocess.run(list(argv), cwd=tree, env=env, capture_output=True, text=True, timeout=120, check=False)
