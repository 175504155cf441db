"""Packages that a Python tree asks for: only what the user allows, only wheels of the registry, nothing of the dispatcher's own; nothing of them is run."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import http.server
import importlib.metadata
import io
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent_dispatcher.errors import Unavailable
from agent_dispatcher.extension import Environment
from agent_dispatcher_builtins.languages.provisioning import made_once
from agent_dispatcher_builtins.languages.python import installing
from agent_dispatcher_builtins.languages.python.language import Python
from agent_dispatcher_builtins.languages.python.options import PythonOptions

Write = Callable[..., Path]
_CODE = "def add(a, b):\n    return a + b\n"


class Registry:
    """A simple index on this machine; says what it was asked for."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        self.url = ""
        self._folder = folder

    def wheel(
        self, name: str, files: dict[str, str], version: str = "1.0", needs: tuple[str, ...] = (), **more: str
    ) -> str:
        """Publish a wheel; returns its digest."""
        about = f"{name}-{version}.dist-info"
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(
            f"Requires-Dist: {each}\n" for each in needs
        )
        tag = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        entries = {**files, f"{about}/METADATA": metadata, f"{about}/WHEEL": tag}
        entries |= {f"{about}/{key}.txt": text for key, text in more.items()}
        entries[f"{about}/RECORD"] = "".join(f"{path},,\n" for path in entries)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for path, text in entries.items():
                archive.writestr(path, text)
        return self._publish(name, f"{name}-{version}-py3-none-any.whl", packed.getvalue())

    def source(self, name: str, files: dict[str, str], version: str = "1.0") -> str:
        """Publish an archive of sources; returns its digest."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for path, text in files.items():
                info = tarfile.TarInfo(f"{name}-{version}/{path}")
                info.size = len(text)
                archive.addfile(info, io.BytesIO(text.encode()))
        return self._publish(name, f"{name}-{version}.tar.gz", packed.getvalue())

    def _publish(self, name: str, file: str, data: bytes) -> str:
        place = self._folder / "simple" / name.replace("_", "-")
        place.mkdir(parents=True, exist_ok=True)
        (place / file).write_bytes(data)
        digests = {
            each.name: hashlib.sha256(each.read_bytes()).hexdigest()
            for each in place.iterdir()
            if each.name != "index.html"
        }
        links = [f'<a href="{each}#sha256={digest}">{each}</a>' for each, digest in digests.items()]
        (place / "index.html").write_text(f"<!DOCTYPE html><html><body>{' '.join(links)}</body></html>")
        return f"sha256:{digests[file]}"


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Registry]:
    """The one registry that pip is configured for."""
    found = Registry(tmp_path / "registry")
    (tmp_path / "registry").mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            super().do_GET()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    for name in [name for name in os.environ if name.startswith("PIP_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    handler = functools.partial(Handler, directory=str(tmp_path / "registry"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        found.url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_INDEX_URL", f"{found.url}/simple")
        monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "pip"))
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def environment(tmp_path: Path) -> Callable[..., Environment]:
    """What a tree gets where ``allowed`` packages are allowed."""

    def found(tree: Path, *allowed: str) -> Environment:
        return asyncio.run(Python(PythonOptions(packages=allowed), tmp_path / "cache").environment(tree))

    return found


def _python(environment: Environment, code: str, *, code_expected: int = 0) -> str:
    """What a child of a test would see: Python by its name, without the flags that tests are run with."""
    done = subprocess.run(["python", "-c", code], env=environment.env, capture_output=True, text=True, check=False)
    assert done.returncode == code_expected, done.stderr
    return done.stdout + done.stderr


def _tests(environment: Environment, tree: Path) -> subprocess.CompletedProcess[str]:
    command = Python().test_command([], results=str(tree / "r.xml"), coverage=str(tree / "c.json"))
    return subprocess.run(command, cwd=tree, env=environment.env, capture_output=True, text=True, check=False)


# --- what is there ----------------------------------------------------------------------------------------------------


def test_what_the_dispatcher_needs_itself_is_not_there(environment: Callable[..., Environment], write: Write) -> None:
    """Its own packages cannot be imported by a tree that does not declare them, nor by programs its tests start; the tools for tests can."""
    tree = write(
        {
            "tests/test_a.py": "import subprocess, sys\nimport pluggy, hypothesis, coverage, packaging, json\n\n"
            "def test_gone():\n    for name in ('attrs', 'networkx', 'click', 'agent_dispatcher', 'pip'):\n"
            "        try:\n            __import__(name)\n        except ModuleNotFoundError:\n            continue\n        raise AssertionError(name)\n\n"
            "def test_child():\n    assert subprocess.run([sys.executable, '-c', 'import attr']).returncode == 1\n"
        }
    )
    __import__("attrs"), __import__("networkx"), __import__("click")
    found = environment(tree)
    done = _tests(found, tree)
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'tests="2"' in (tree / "r.xml").read_text()
    assert "No module named 'attr'" in _python(found, "import attr", code_expected=1)
    assert (
        _python(found, "import importlib.metadata as m, pytest; print(m.version('pytest') == pytest.__version__)")
        == "True\n"
    )
    assert found.read_only[-1] in Path(found.env["PATH"].split(":")[0]).parents


def test_allowed_packages_are_installed_once_from_the_registry(
    environment: Callable[..., Environment], write: Write, registry: Registry, tmp_path: Path
) -> None:
    """They come with what they need, are kept outside of the tree, and tests, their children and commands find them; a second time nothing is asked for."""
    registry.wheel("adder", {"adder.py": "from helper import add\n"}, needs=("helper>=1", "pytest>=7"))
    registry.wheel("helper", {"helper.py": _CODE}, entry_points="[console_scripts]\nhelp-me = helper:add\n")
    tree = write(
        {
            "pyproject.toml": "[project]\nname = 'shop'\ndependencies = [\n  'Adder>=1',\n]\n",
            "src/shop.py": "from adder import add\n",
            "tests/test_a.py": "import subprocess, sys\nfrom shop import add\n\ndef test_add():\n    assert add(1, 2) == 3\n"
            "    assert subprocess.run([sys.executable, '-m', 'shop']).returncode == 0\n",
            "pip.conf": "[global]\nindex-url = http://192.0.2.1/simple\n",
        }
    )
    first = environment(tree, "adder")
    asked = list(registry.asked)
    assert environment(tree, "adder") == first
    assert registry.asked == asked
    assert not any("pytest" in path for path in asked)
    done = _tests(first, tree)
    assert done.returncode == 0, done.stdout + done.stderr
    script = Path(first.env["PATH"].split(":")[0]) / "help-me"
    assert script.read_text().startswith(f"#!{script.with_name('python')}\n")
    assert not list(tmp_path.glob("cache/python/.making-*"))


@pytest.mark.parametrize(
    ("files", "where"),
    [
        ({"pyproject.toml": "[project]\nname = 'x'\ndependencies = ['adder>=1']\n"}, r"pyproject\.toml:3"),
        ({"pyproject.toml": "[project.optional-dependencies]\ntest = [\n'pytest',\n'adder']\n"}, r"pyproject\.toml:4"),
        (
            {"pyproject.toml": "[dependency-groups]\nmore = ['adder']\ntest = [{include-group = 'more'}]\n"},
            r"pyproject\.toml:2",
        ),
        (
            {
                "pyproject.toml": "[project]\nname = 'x'\n[project.optional-dependencies]\ntest = ['X[math]']\nmath = ['adder']\n"
            },
            r"pyproject\.toml:5",
        ),
        ({"requirements.txt": "# what it needs\nadder  # sums\n"}, r"requirements\.txt:2"),
        (
            {"requirements-test.txt": "-r more/base.txt\n", "more/base.txt": "\nadder==1.0 \\\n  --hash=sha256:00\n"},
            r"more/base\.txt:2",
        ),
    ],
)
def test_a_package_that_nobody_allowed_is_refused_with_its_line(
    environment: Callable[..., Environment], write: Write, registry: Registry, files: dict[str, str], where: str
) -> None:
    """Wherever a tree asks for it; nothing is fetched, and the message says how to allow it."""
    with pytest.raises(
        Unavailable,
        match=rf'{where} asks for adder, which is not allowed .*\[options\."language:python"\] packages = \["adder"\]',
    ):
        environment(write(files), "other")
    assert registry.asked == []


def test_all_that_is_not_allowed_is_named_at_once(environment: Callable[..., Environment], write: Write) -> None:
    """With the lines; what does not apply on this machine, what nobody asked for, and the tools for tests are not."""
    tree = write(
        {
            "pyproject.toml": "[project]\nname = 'x'\ndependencies = [\n'bee', \"win-only; sys_platform == 'win32'\"]\n"
            "[project.optional-dependencies]\ntest = ['pytest', 'coverage[toml]', 'adder']\ndocs = ['never-asked-for']\n",
            "requirements-docs.txt": "never-asked-for\n",
            "requirements.txt": "cat\n",
        }
    )
    with pytest.raises(Unavailable) as caught:
        environment(tree)
    assert str(caught.value).startswith(
        "pyproject.toml:4 asks for bee; pyproject.toml:6 asks for adder; requirements.txt:1 asks for cat, which are not allowed"
    )
    assert 'packages = ["adder", "bee", "cat"]' in str(caught.value)


def test_what_generated_projects_declare_needs_no_registry_and_no_leave(
    environment: Callable[..., Environment], write: Write, registry: Registry
) -> None:
    """It is there for a tree that declares it, from beside the dispatcher, and for no other; another version needs leave like any package."""
    tree = write({"pyproject.toml": "[project]\nname = 'x'\ndependencies = ['click>=8.1.8,<9']\n"})
    assert _python(environment(tree), "import click; print('there')") == "there\n"
    assert registry.asked == []
    write({"pyproject.toml": "[project]\nname = 'x'\ndependencies = []\n"})
    assert "No module named 'click'" in _python(environment(tree), "import click", code_expected=1)
    write({"pyproject.toml": "[project]\nname = 'x'\ndependencies = ['click<2']\n"})
    with pytest.raises(Unavailable, match="asks for click, which is not allowed"):
        environment(tree)


@pytest.mark.parametrize("line", ["pytest<2", "pytest==2.0.0 --hash=sha256:00", "coverage[toml]<2"])
def test_another_version_of_a_tool_is_said_and_not_used(
    write: Write, registry: Registry, tmp_path: Path, caplog: pytest.LogCaptureFixture, line: str
) -> None:
    """Tests are run by the dispatcher's own tools, whichever a tree pins; it is said once, however many commands there are."""
    tree = write({"requirements.txt": f"{line}\n"})
    language = Python(PythonOptions(), tmp_path / "cache")
    for _ in range(2):
        assert _python(asyncio.run(language.environment(tree)), f"import {re.split(r'[^a-z]', line)[0]}") == ""
    (said,) = caplog.messages
    assert re.match(
        r"requirements\.txt:1 asks for (pytest|coverage).*2.*, and tests are run by (pytest|coverage) \d", said
    )
    assert registry.asked == []


@pytest.mark.parametrize("locked", [False, True])
def test_what_only_helps_the_tools_is_there_as_the_tree_asks_for_it(
    environment: Callable[..., Environment], write: Write, registry: Registry, locked: bool
) -> None:
    """Where the user allows it, a lock file's version or another one that is asked for is installed, as far as the tools can do with it."""
    digests = {
        version: registry.wheel("sortedcontainers", {"sortedcontainers.py": f"V = {version!r}\n"}, version=version)
        for version in ("1.0", "2.2", "99.0")
    }
    there = importlib.metadata.version("sortedcontainers")
    asked = "sortedcontainers>=2" if locked else f"sortedcontainers!={there}"
    tree = write(
        {"pyproject.toml": f"[project]\ndependencies = ['{asked}']\n", "test_a.py": "def test_a():\n    pass\n"}
    )
    if locked:
        write({"uv.lock": _uv("sortedcontainers", "2.2", digests["2.2"])})
    code = "import sortedcontainers as found; print(getattr(found, 'V', ''))"
    assert _python(environment(tree), code) == "\n"
    assert registry.asked == []
    found = environment(tree, "sortedcontainers")
    assert _python(found, code) == "2.2\n"
    assert _tests(found, tree).returncode == 0


@pytest.mark.parametrize(
    "files",
    [
        {"requirements.txt": "-e .\n"},
        {"requirements.txt": ".\n"},
        {"requirements-dev.txt": "--editable=./[sums, gone]\npytest\n"},
        {"requirements.txt": "-e '.[sums]'\n"},
        {"test-requirements.txt": "Shop[sums]\n"},
    ],
)
def test_the_tree_itself_is_no_package(
    environment: Callable[..., Environment], write: Write, registry: Registry, files: dict[str, str]
) -> None:
    """Its own code is there, also where it is not below ``src``; what its extras ask for is asked for."""
    registry.wheel("adder", {"adder.py": _CODE})
    manifest = "[project]\nname = 'shop'\n[project.optional-dependencies]\nsums = ['adder']\n"
    code = {"shop/__init__.py": "def test() -> int:\n    return 1\n", "tests/test_a.py": "from shop import test\n"}
    tree = write({"pyproject.toml": manifest, **code, **files})
    extra = "sums" in "".join(files.values())
    if extra and "requirements-dev.txt" not in files:
        with pytest.raises(Unavailable, match=r"pyproject\.toml:4 asks for adder, which is not allowed"):
            environment(tree)
    found = environment(tree, *(["adder"] if extra else []))
    done = _tests(found, tree)
    assert done.returncode == 0, done.stdout + done.stderr
    _python(found, "import adder", code_expected=0 if extra else 1)


def test_what_is_for_development_only_is_passed_over(
    environment: Callable[..., Environment],
    write: Write,
    registry: Registry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Formatters and hooks that no test imports need no leave, wherever they come from; of all that, what the user names is installed."""
    registry.wheel("adder", {"adder.py": _CODE})
    manifest = "[project]\nname = 'shop'\n[project.optional-dependencies]\ndev = ['pre-commit', 'own-tools @ git+https://elsewhere.invalid/tools', 'shop[docs]']\ndocs = ['sphinx']\n"
    groups = "[dependency-groups]\ndev = ['mypy', 'adder', {include-group = 'lint'}]\nlint = ['ruff']\n"
    lines = "-e ../shared\nhttps://elsewhere.invalid/x.whl\nblack\n-e .[dev]\n"
    tree = write({"pyproject.toml": manifest + groups, "requirements-dev.txt": lines})
    about = environment(tree).about
    assert registry.asked == []
    assert about.endswith(
        'not installed (what [options."language:python"] packages names is): adder, black, mypy, pre-commit, ruff, sphinx'
    )
    assert [each.partition(": ")[0] for each in caplog.messages] == [
        "pyproject.toml:4",
        "requirements-dev.txt:1",
        "requirements-dev.txt:2",
    ]
    assert _python(environment(tree, "adder"), "import adder") == ""
    assert not [path for path in registry.asked if "adder" not in path]


def test_another_registry_is_not_used(
    environment: Callable[..., Environment], write: Write, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    """What a tree says about registries is passed over, and said: packages come from the user's."""
    registry.wheel("adder", {"adder.py": _CODE})
    address = "http://192.0.2.1/simple"
    options = [f"--index-url {address}", f"-i {address}", f"--extra-index-url={address}", f"-f {address}"]
    options += ["--trusted-host 192.0.2.1", "--no-index", "--pre"]
    found = environment(write({"requirements.txt": "\n".join([*options, "adder"])}), "adder")
    assert _python(found, "import adder") == ""
    assert "/simple/adder/" in registry.asked
    expected = [f"requirements.txt:{n}: {re.split('[= ]', line)[0]}" for n, line in enumerate(options, 1)]
    assert [each.partition(" is passed over")[0] for each in caplog.messages] == expected


@pytest.mark.parametrize(
    ("text", "named", "version"),
    [
        ("", "adder<2", "1.0"),
        ("[tool.poetry.dependencies]\nadder = '*'\n", "adder<2", "1.0"),
        ("[tool.poetry.dependencies]\nadder = '1.0 || 2.0'\n", "adder", "2.0"),
        ("[tool.poetry.dependencies]\nadder = '1.0 || 2.0'\n", "adder==1.0", "1.0"),
    ],
)
def test_what_the_user_names_is_there_for_every_tree(
    environment: Callable[..., Environment],
    write: Write,
    registry: Registry,
    caplog: pytest.LogCaptureFixture,
    text: str,
    named: str,
    version: str,
) -> None:
    """Also where the tree says nowhere what it needs; with a version, if one is named. Of a choice that pip cannot be told it is that, or the newest."""
    for each in ("1.0", "2.0", "3.0"):
        registry.wheel("adder", {"adder.py": f"VERSION = {each!r}\n"}, version=each)
    tree = write({"pyproject.toml": text, "README": "pip install adder\n"})
    assert _python(environment(tree, named, "pytest"), "import adder; print(adder.VERSION)") == f"{version}\n"
    told = "pyproject.toml:2: of adder 1.0 || 2.0, which pip cannot be told, ==2.0 is taken"
    assert caplog.messages == ([told] if version == "2.0" else [])


def test_what_the_user_names_is_a_package_of_a_registry(environment: Callable[..., Environment], write: Write) -> None:
    """A path is none."""
    with pytest.raises(Unavailable, match=r"packages in the configuration: '\./adder' is not a package of a registry"):
        environment(write({}), "./adder")


def test_what_the_user_names_and_a_lock_file_does_not_have_is_not_installed(
    environment: Callable[..., Environment], write: Write, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    """A lock file stays the promise of what may be there: what is named for other trees is passed over, and said."""
    tree = write({"uv.lock": _uv("adder", "1.0", registry.wheel("adder", {"adder.py": _CODE}))})
    found = environment(tree, "adder", "other")
    assert _python(found, "import adder") == ""
    assert caplog.messages == [
        "packages in the configuration asks for other, which uv.lock does not have: not installed"
    ]


def test_a_declared_plugin_of_pytest_is_used(
    environment: Callable[..., Environment], write: Write, registry: Registry
) -> None:
    """What a tree declares for its tests works as it does elsewhere."""
    plugin = "import pytest\n\n@pytest.fixture\ndef three():\n    return 3\n"
    registry.wheel(
        "pytest_three",
        {"pytest_three.py": plugin},
        needs=("pytest",),
        entry_points="[pytest11]\nthree = pytest_three\n",
    )
    tree = write(
        {
            "pyproject.toml": "[dependency-groups]\ndev = ['pytest', 'pytest-three']\n",
            "test_a.py": "def test_three(three):\n    assert three == 3\n",
        }
    )
    done = _tests(environment(tree, "pytest-three"), tree)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_plugin_that_goes_with_another_pytest_brings_it(
    environment: Callable[..., Environment], write: Write, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    """From the registry, in a version the tree asks for; the other tools are those that are there, and it is said."""
    for version in ("6.9", "7.0", "8.0"):
        registry.wheel("pytest", {"pytest.py": f"__version__ = {version!r}\n"}, version=version)
    registry.wheel("pytest_old", {"pytest_old.py": ""}, needs=("pytest<8",))
    tree = write({"pyproject.toml": "[dependency-groups]\ntest = ['pytest>=6.5', 'pytest-old', 'coverage']\n"})
    code = (
        "import coverage, pytest, pytest_old, importlib.metadata as m; print(pytest.__version__, m.version('pytest'))"
    )
    assert _python(environment(tree, "pytest-old"), code) == "7.0 7.0\n"
    assert caplog.messages == [
        f"pytest 7.0 is used, which goes with what the tree asks for: {pytest.__version__} does not"
    ]


@pytest.mark.parametrize("manifest", ["pyproject.toml", "setup.py", ""])
def test_code_beside_the_tests_is_imported(
    environment: Callable[..., Environment], write: Write, manifest: str
) -> None:
    """A tree without ``src`` is a tree like others, whether or not it is a project."""
    text = {"pyproject.toml": "[project]\nname = 'shop'\n", "setup.py": "from setuptools import setup\nsetup()\n"}
    code = {"shop/__init__.py": "", "shop/a.py": _CODE, "tests/test_a.py": "from shop.a import add\n\n\ndef test_add():\n    assert add(1, 1) == 2\n"}  # fmt: skip
    tree = write({**code, **({manifest: text[manifest]} if manifest else {})})
    done = _tests(environment(tree), tree)
    assert done.returncode == 0, done.stdout + done.stderr


# --- only from the registry, and nothing is run -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (
            {"requirements.txt": "\nadder @ https://elsewhere.invalid/adder-1.0-py3-none-any.whl\n"},
            r"requirements\.txt:2: adder does not come from",
        ),
        (
            {"requirements.txt": "adder @ git+https://elsewhere.invalid/adder\n"},
            r"requirements\.txt:1: adder does not come from a registry",
        ),
        (
            {"requirements.txt": "git+https://elsewhere.invalid/adder\n"},
            r"requirements\.txt:1: .* is not a package of a registry",
        ),
        (
            {"requirements.txt": "./adder-1.0-py3-none-any.whl\n"},
            r"requirements\.txt:1: .* is not a package of a registry",
        ),
        ({"requirements.txt": "-e ./other\n"}, r"requirements\.txt:1: -e is not followed"),
        ({"requirements.txt": "-e ..\n"}, r"requirements\.txt:1: -e is not followed"),
        ({"requirements.txt": "--proxy=http://elsewhere.invalid\n"}, r"requirements\.txt:1: --proxy is not followed"),
        (
            {"requirements.txt": "adder --config-settings=x=y\n"},
            r"requirements\.txt:1: .* is not a package of a registry",
        ),
        ({"requirements.txt": "adder===$HOME\n"}, r"requirements\.txt:1: .* compares versions as text"),
        ({"requirements.txt": "-r ../outside.txt\n"}, r"path '\.\./outside\.txt' is refused"),
        ({"requirements.txt": "-c gone.txt\n"}, r"there is no gone\.txt"),
        (
            {"pyproject.toml": "[project]\ndependencies = [\n'adder @ file:///tmp/adder.whl']\n"},
            r"pyproject\.toml:3: adder does not come from a registry",
        ),
        (
            {
                "pyproject.toml": "[project]\ndependencies = ['adder']\n[tool.uv.sources]\nAdder = {git = 'https://elsewhere.invalid/adder'}\n"
            },
            r"pyproject\.toml:2: adder does not come from the registry: \[tool\.uv\.sources\]",
        ),
        (
            {"pyproject.toml": "[project]\ndependencies = [\n\"adder; 'dev' in extras\"]\n"},
            r"pyproject\.toml:3: the condition \"dev\" in extras cannot be judged",
        ),
    ],
)
def test_what_leads_elsewhere_than_to_the_registry_is_refused_with_its_line(
    environment: Callable[..., Environment], write: Write, registry: Registry, files: dict[str, str], why: str
) -> None:
    """Addresses, repositories, paths, other registries and options of pip, also where everything is allowed; nothing is fetched."""
    with pytest.raises(Unavailable, match=why):
        environment(write(files), "*")
    assert registry.asked == []


def _builds(canary: Path) -> dict[str, str]:
    """Sources that leave a trace when anything of them is run, with a build system of their own."""
    trace = f"open({str(canary)!r}, 'w')\n"
    return {
        "setup.py": trace,
        "backend.py": trace,
        "pyproject.toml": "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n",
        "PKG-INFO": "Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n",
    }


@pytest.mark.parametrize("how", ["sources", "address", "repository"])
def test_nothing_is_built(
    environment: Callable[..., Environment], write: Write, registry: Registry, tmp_path: Path, how: str
) -> None:
    """A package without a wheel is not installed, and none that an allowed wheel wants from an address: no line of them is run here."""
    canary = tmp_path / "canary"
    registry.source("evil", _builds(canary))
    address = f"{registry.url}/simple/evil/evil-1.0.tar.gz"
    needs = {"sources": "evil", "address": f"evil @ {address}", "repository": f"evil @ git+{registry.url}/evil"}[how]
    registry.wheel("adder", {"adder.py": _CODE}, needs=(needs,))
    with pytest.raises(Unavailable, match=r"pip install ended with code [12]"):
        environment(write({"requirements.txt": "adder\n"}), "adder")
    assert not canary.exists()
    assert not (tmp_path / "cache/python").exists() or list((tmp_path / "cache/python").iterdir()) == []


def test_a_wheel_from_an_address_is_not_used(
    environment: Callable[..., Environment], write: Write, registry: Registry, tmp_path: Path
) -> None:
    """What an allowed package wants from somewhere else than the registry is refused, also where nothing has to be built."""
    registry.wheel("evil", {"evil.py": _CODE})
    address = f"{registry.url}/simple/evil/evil-1.0-py3-none-any.whl"
    registry.wheel("adder", {"adder.py": _CODE}, needs=(f"evil @ {address}",))
    with pytest.raises(Unavailable, match=r"evil 1\.0 does not come from a registry"):
        environment(write({"requirements.txt": "adder\n"}), "*")
    assert list((tmp_path / "cache/python").iterdir()) == []


def test_a_package_cannot_take_the_place_of_a_tool(
    environment: Callable[..., Environment], write: Write, registry: Registry, tmp_path: Path
) -> None:
    """One that brings a module of pytest's is refused, and what is installed beside the dispatcher stays as it is."""
    registry.wheel("adder", {"adder.py": _CODE, "pytest/__init__.py": "raise SystemExit(0)\n"})
    before = Path(pytest.__file__).read_bytes()
    environment(write({}))
    with pytest.raises(Unavailable, match=r"a package brings pytest, which belongs to pytest"):
        environment(write({"requirements.txt": "adder\n"}), "*")
    assert Path(pytest.__file__).read_bytes() == before
    assert len(list((tmp_path / "cache/python").iterdir())) == 1


# --- lock files -------------------------------------------------------------------------------------------------------


def _uv(name: str, version: str, digest: str, **more: object) -> str:
    source = more.pop("source", '{ registry = "https://elsewhere.invalid/simple" }')
    return (
        f'[[package]]\nname = "{name}"\nversion = "{version}"\nsource = {source}\n'
        f'wheels = [{{ url = "https://elsewhere.invalid/{name}.whl", hash = "{digest}", size = 1 }}]\n'
        + "".join(f"{key.replace('_', '-')} = {value}\n" for key, value in more.items())
    )


def _pylock(name: str, version: str, digest: str, **more: object) -> str:
    wheel = f'{{ name = "{name}.whl", url = "https://elsewhere.invalid/{name}.whl", hashes = {{ sha256 = "{digest.removeprefix("sha256:")}" }} }}'
    return f'[[packages]]\nname = "{name}"\nversion = "{version}"\nwheels = [{wheel}]\n' + "".join(
        f"{key} = {value}\n" for key, value in more.items()
    )


def _poetry(name: str, version: str, digest: str, **more: object) -> str:
    source = more.pop("source", "")
    files = (
        f'files = [{{ file = "{name}.tar.gz", hash = "sha256:11" }}, {{ file = "{name}.whl", hash = "{digest}" }}]\n'
    )
    rest = "".join(f"{key.replace('_', '-')} = {value}\n" for key, value in more.items())
    return (
        f'[[package]]\nname = "{name}"\nversion = "{version}"\noptional = false\n{files}{rest}'
        + (f"[package.source]\n{source}\n" if source else "")
    )  # fmt: skip


def _pipenv(packages: dict[str, object], develop: dict[str, object] | None = None) -> str:
    return json.dumps({"_meta": {}, "default": packages, "develop": develop or {}})


_SELF = '[[package]]\nname = "shop"\nversion = "0.1"\nsource = { editable = "." }\ndependencies = [{ name = "adder" }, { name = "forged" }]\n'


@pytest.mark.parametrize(
    "kind", ["uv.lock", "pylock.toml", "requirements.txt", "poetry.lock", "poetry.lock 1.1", "Pipfile.lock"]
)
def test_a_lock_holds_versions_and_digests(
    environment: Callable[..., Environment], write: Write, registry: Registry, kind: str
) -> None:
    """What it names is installed though the registry has something newer, from the registry whatever address it names; what no allowed package needs is not."""
    needed = {"adder": registry.wheel("adder", {"adder.py": "import helper\n"}, needs=("helper",))}
    needed["helper"] = registry.wheel("helper", {"helper.py": "VERSION = 1\n"})
    forged = registry.wheel("forged", {"forged.py": "\n"})
    registry.wheel("helper", {"helper.py": "VERSION = 2\n"}, version="2.0")
    manifest = "[project]\nname = 'shop'\ndependencies = ['adder']\n"
    files = {
        "uv.lock": "version = 1\n" + _SELF + "".join(_uv(name, "1.0", digest) for name, digest in needed.items())
        + _uv("forged", "1.0", forged)
        + _uv("helper", "2.0", "sha256:00", resolution_markers=["sys_platform == 'win32'"]),
        "pylock.toml": "lock-version = '1.0'\ncreated-by = 'tests'\n" + "".join(_pylock(name, "1.0", digest) for name, digest in needed.items())
        + _pylock("forged", "1.0", forged)
        + _pylock("helper", "2.0", "sha256:00", marker="\"'docs' in dependency_groups\""),
        "requirements.txt": "".join(f"{name}==1.0 \\\n    --hash={digest}\n" for name, digest in needed.items()),
        "poetry.lock": "".join(_poetry(name, "1.0", digest) for name, digest in needed.items())
        + _poetry("forged", "1.0", forged)
        + _poetry("elsewhere", "1.0", "", source='type = "git"\nurl = "https://elsewhere.invalid/x"')
        + _poetry("helper", "2.0", "sha256:00", python_versions='"<3.4"')
        + _poetry("helper", "3.0", "sha256:00", markers={"main": "sys_platform == 'win32'"}).replace(": ", " = "),
        "poetry.lock 1.1": "".join(f'[[package]]\nname = "{name}"\nversion = "1.0"\npython-versions = "*"\n' for name in needed)
        + "[metadata.files]\n" + "".join(f'{name} = [{{ file = "{name}.whl", hash = "{digest}" }}]\n' for name, digest in needed.items()),
        "Pipfile.lock": _pipenv(
            {name: {"version": "==1.0", "hashes": ["sha256:11", digest], "index": "pypi"} for name, digest in needed.items()},
            {"forged": {"version": "==1.0", "hashes": [forged]}, "elsewhere": {"git": "https://elsewhere.invalid/x"}, "win": {"version": "==1.0", "markers": "sys_platform == 'win32' and 'dev' in dependency_groups"}},
        ),
    }  # fmt: skip
    allowed = ("adder", "helper") if kind == "requirements.txt" else ("adder",)
    found = environment(write({"pyproject.toml": manifest, kind.partition(" ")[0]: files[kind]}), *allowed)
    assert _python(found, "import adder; print(adder.helper.VERSION)") == "1\n"
    assert "No module named 'forged'" in _python(found, "import forged", code_expected=1)


@pytest.mark.parametrize(
    ("kind", "lock", "why"),
    [
        ("uv.lock", lambda digest: _uv("adder", "1.0", "sha256:" + "0" * 64), "has the digest sha256:.*, which uv.lock does not name"),
        ("pylock.toml", lambda digest: _pylock("adder", "1.0", "0" * 64), "has the digest sha256:.*, which pylock.toml does not name"),
        ("uv.lock", lambda digest: _uv("other", "1.0", digest), r"pyproject\.toml:3 asks for adder>=1, and uv\.lock does not have it .*uv lock"),
        ("uv.lock", lambda digest: _uv("adder", "0.5", digest), r"pyproject\.toml:3 asks for adder>=1, and uv\.lock has 0\.5"),
        ("uv.lock", lambda digest: _uv("adder", "1.0", digest), r"helper 1\.0 is needed, and uv\.lock does not have it"),
        ("uv.lock", lambda digest: _uv("adder", "1.0", digest, source='{ git = "https://elsewhere.invalid/adder" }'), r"uv\.lock: adder does not come from a registry"),
        ("pylock.toml", lambda digest: _pylock("adder", "1.0", digest, vcs='{ type = "git" }'), r"pylock\.toml: adder does not come from a registry"),
        ("uv.lock", lambda digest: _uv("adder", "1.0", ""), r"uv\.lock: adder has no digest"),
        ("uv.lock", lambda digest: _uv("adder", "1.0", digest) + _uv("adder", "1.1", digest), r"uv\.lock: adder is there in several versions"),
        ("uv.lock", lambda digest: "[[package]]\nname = 3\n", r"uv\.lock: KeyError"),
        ("pylock.toml", lambda digest: "packages = 3\n", r"pylock\.toml: TypeError"),
        ("pylock.toml", lambda digest: "[", r"pylock\.toml: TOMLDecodeError"),
        ("poetry.lock", lambda digest: _poetry("adder", "1.0", "sha256:" + "0" * 64), "has the digest sha256:.*, which poetry.lock does not name"),
        ("poetry.lock", lambda digest: _poetry("adder", "0.5", digest), r"pyproject\.toml:3 asks for adder>=1, and poetry\.lock has 0\.5 .*poetry lock"),
        ("poetry.lock", lambda digest: _poetry("adder", "1.0", digest), r"helper 1\.0 is needed, and poetry\.lock does not have it"),
        ("poetry.lock", lambda digest: _poetry("adder", "1.0", digest, source='type = "git"'), r"pyproject\.toml:3 asks for adder>=1, and poetry\.lock does not have it"),
        ("poetry.lock", lambda digest: "[[package]]\nname = 3\n", r"poetry\.lock: KeyError"),
        ("Pipfile.lock", lambda digest: _pipenv({"adder": {"version": "==1.0", "hashes": ["sha256:" + "0" * 64]}}), "has the digest sha256:.*, which Pipfile.lock does not name"),
        ("Pipfile.lock", lambda digest: _pipenv({"adder": {"version": "==1.0"}}), r"Pipfile\.lock: adder has no digest"),
        ("Pipfile.lock", lambda digest: "[]", r"Pipfile\.lock: AttributeError"),
        ("requirements.txt", lambda digest: f"adder==1.0 --hash=sha256:{'0' * 64}\n", "which the requirement file does not name"),
        ("requirements.txt", lambda digest: f"adder>=1.0 --hash={digest}\n", r"requirements\.txt:1: adder has digests and no version"),
    ],
)  # fmt: skip
def test_a_lock_that_does_not_hold_is_refused(
    environment: Callable[..., Environment],
    write: Write,
    registry: Registry,
    tmp_path: Path,
    kind: str,
    lock: Callable[[str], str],
    why: str,
) -> None:
    """Another digest, a package or version it does not have, one from elsewhere, no digest, nonsense: nothing is used, and it is said why."""
    digest = registry.wheel("adder", {"adder.py": _CODE}, needs=("helper",))
    registry.wheel("helper", {"helper.py": ""})
    manifest = "[project]\nname = 'shop'\ndependencies = ['adder>=1']\n"
    with pytest.raises(Unavailable, match=why):
        environment(write({"pyproject.toml": manifest, kind: lock(digest)}), "*")
    assert not (tmp_path / "cache/python").exists() or list((tmp_path / "cache/python").iterdir()) == []


# --- when it cannot be had --------------------------------------------------------------------------------------------


def test_without_a_registry_one_line_says_so(
    environment: Callable[..., Environment], write: Write, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names pip, what it said and what to look at; nothing half made stays."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(Unavailable, match=r"^pip install ended with code 1: .*adder.*registry") as caught:
        environment(write({"requirements.txt": "adder\n"}), "adder")
    assert "\n" not in str(caught.value)


def test_without_pip_the_message_says_how_to_get_it(
    environment: Callable[..., Environment], write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only where something has to be installed."""
    monkeypatch.setattr(installing.importlib.util, "find_spec", lambda name: None)
    assert environment(write({})).digest
    with pytest.raises(Unavailable, match=r"pip is not installed in .*ensurepip"):
        environment(write({"requirements.txt": "adder\n"}), "adder")


def test_an_installation_that_hangs_is_ended(write: Write, registry: Registry, tmp_path: Path) -> None:
    """After the time that the user gives it."""
    language = Python(PythonOptions(packages=("*",), install_timeout_s=0.01), tmp_path / "cache")
    with pytest.raises(Unavailable, match=r"pip install did not end within 0\.01 s"):
        asyncio.run(language.environment(write({"requirements.txt": "adder\n"})))
    assert list((tmp_path / "cache/python").iterdir()) == []


def test_what_a_killed_process_left_is_removed_at_the_next_making(tmp_path: Path) -> None:
    """And what another process is still filling is not."""
    code = (
        "import asyncio, sys, pathlib\nfrom agent_dispatcher_builtins.languages.provisioning import made_once\n"
        "async def make(made):\n    (made / 'half').touch()\n    print(made, flush=True)\n    await asyncio.sleep(600)\n"
        "asyncio.run(made_once(pathlib.Path(sys.argv[1]), make))\n"
    )

    def filling(name: str) -> tuple[subprocess.Popen[str], Path]:
        process = subprocess.Popen([sys.executable, "-c", code, tmp_path / name], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        return process, Path(process.stdout.readline().strip())

    async def nothing(made: Path) -> None:
        """Makes an empty folder."""

    (killed, left), (running, kept) = filling("a"), filling("b")
    with killed, running:
        try:
            killed.send_signal(signal.SIGKILL)
            killed.wait()
            assert left.is_dir()
            asyncio.run(made_once(tmp_path / "c", nothing))
            assert not left.exists()
            assert (kept / "half").exists()
        finally:
            running.kill()
    asyncio.run(made_once(tmp_path / "d", nothing))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "d"]


def test_many_who_ask_at_once_wait_for_one_installation(write: Write, registry: Registry, tmp_path: Path) -> None:
    """The registry is asked for each file once."""
    registry.wheel("adder", {"adder.py": _CODE})
    tree = write({"requirements.txt": "adder\n"})
    language = Python(PythonOptions(packages=("adder",)), tmp_path / "cache")

    async def many() -> set[str]:
        return {each.digest for each in await asyncio.gather(*(language.environment(tree) for _ in range(5)))}

    assert len(asyncio.run(many())) == 1
    assert sorted(registry.asked) == ["/simple/adder/", "/simple/adder/adder-1.0-py3-none-any.whl"]


def test_the_registry_of_this_machine_has_what_is_asked_for(
    environment: Callable[..., Environment], write: Write
) -> None:
    """With the real pip, its real configuration and a real package."""
    try:
        found = environment(write({"requirements.txt": "tomli-w>=1\n"}), "tomli-w")
    except Unavailable as error:
        pytest.skip(f"the registry that pip is configured for cannot be had: {str(error)[:200]}")
    printed = _python(found, "import json, sys, tomli_w; print(json.dumps([tomli_w.dumps({'a': 1}), sys.executable]))")
    text, executable = json.loads(printed)
    assert text == "a = 1\n"
    assert Path(executable).parent == Path(found.env["PATH"].split(":")[0]) != Path(sys.executable).parent


def test_plugins_that_measure_or_run_tests_elsewhere_do_not_get_in_the_way(
    environment: Callable[..., Environment], write: Write
) -> None:
    """With the real pytest-cov and pytest-xdist: a part of the tests is not red because it covers little, and coverage is that of the tests."""
    tree = write(
        {
            "pyproject.toml": "[dependency-groups]\ndev = ['pytest-cov', 'pytest-xdist']\n"
            "[tool.pytest.ini_options]\naddopts = '--cov=shop --cov-fail-under=100 -n 2'\nfilterwarnings = ['error']\n",
            "src/shop.py": _CODE + "\n\ndef other():\n    return 2\n",
            "tests/test_a.py": "from shop import add\n\n\ndef test_add():\n    assert add(1, 1) == 2\n",
        }
    )
    try:
        found = environment(tree, "pytest-cov", "pytest-xdist")
    except Unavailable as error:
        pytest.skip(f"the registry that pip is configured for cannot be had: {str(error)[:200]}")
    done = _tests(found, tree)
    assert done.returncode == 0, done.stdout + done.stderr
    measured = json.loads((tree / "c.json").read_text())["totals"]
    assert (measured["covered_lines"], measured["num_statements"]) == (3, 4)
    hollow = Python().hollow_test_command(["tests/test_a.py"], ["shop"], results=str(tree / "h.xml"))
    subprocess.run(hollow, cwd=tree, env=found.env, capture_output=True, check=False)
    assert "the code under test is not there in this run" in (tree / "h.xml").read_text()
