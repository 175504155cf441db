"""Two distributions of plugins, really installed by pip into a folder, that do everything wrong that a plugin can."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

HEADER = """
from agent_dispatcher.extension import AgentType, Component, Decomposition, Fail, Retry, hookimpl

def make(options, services):
    return (options, services)
"""

GOOD = """
from attrs import field, frozen
import click

@frozen(kw_only=True)
class Options:
    level: int = 1
    style: str = field(default="plain", metadata={"project": True})

@hookimpl
def dispatcher_decomposers():
    yield Component("splitter", "Splits.", make, default_rank=50)

@hookimpl
def dispatcher_agent_types():
    yield AgentType(name="reviewer", summary="Reviews.", factory=make, task_types={"review"}, options=Options, default_rank=5)

@hookimpl
def dispatcher_commands():
    yield click.Command("greet", callback=lambda: click.echo("hello"))
"""

MODULES = {
    "acme_plugins/__init__.py": "",
    "acme_plugins/good.py": HEADER + GOOD,
    "acme_plugins/import_fails.py": "import acme_dependency_that_is_missing\n",
    "acme_plugins/exits.py": "raise SystemExit('no licence')\n",
    "acme_plugins/bad_signature.py": HEADER
    + "@hookimpl\ndef dispatcher_decomposers(specification):\n    yield Component('bad-signature', '', make)\n",
    "acme_plugins/misspelt.py": HEADER
    + "@hookimpl\ndef dispatcher_decomposer():\n    yield Component('misspelt', '', make)\n",
    "acme_plugins/unmarked.py": HEADER + "def dispatcher_decomposers():\n    yield Component('unmarked', '', make)\n",
    "acme_plugins/raising_offer.py": HEADER
    + "@hookimpl\ndef dispatcher_decomposers():\n    yield Component('half', '', make, default_rank=1)\n    raise RuntimeError('out of ideas')\n",
    "acme_plugins/wrong_type.py": HEADER
    + "@hookimpl\ndef dispatcher_agent_types():\n    yield Component('wrong-type', '', make)\n",
    "acme_plugins/foreign_api.py": HEADER
    + "@hookimpl\ndef dispatcher_decomposers():\n    yield Component('from-the-future', '', make, api=99)\n",
    "acme_plugins/noisy.py": HEADER
    + "print('noise on stdout')\n@hookimpl\ndef dispatcher_decomposers():\n    yield Component('noisy', '', make)\n",
    "acme_plugins/hangs.py": "import time\ntime.sleep(600)\n",
}
BOLT = {
    "bolt_plugins.py": HEADER
    + "@hookimpl\ndef dispatcher_agent_types():\n"
    + "    yield AgentType(name='reviewer', summary='Also reviews.', factory=make, task_types={'review'}, default_rank=6)\n",
}


def build_wheel(folder: Path, name: str, version: str, entry_points: dict[str, str], modules: dict[str, str]) -> Path:
    """A wheel with those modules and entry points, as a build backend would write it."""
    stem = f"{name.replace('-', '_')}-{version}"
    lines = "".join(f"{entry} = {value}\n" for entry, value in entry_points.items())
    files = {
        **modules,
        f"{stem}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: A fixture.\n",
        f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{stem}.dist-info/entry_points.txt": f"[agent_dispatcher.plugins]\n{lines}",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text.encode())}\n"
    wheel = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{stem}.dist-info/RECORD", f"{record}{stem}.dist-info/RECORD,,\n")
    return wheel


@pytest.fixture(scope="session")
def fixture_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which ``acme-agents`` and ``bolt-agents`` are installed."""
    folder = tmp_path_factory.mktemp("wheels")
    site = tmp_path_factory.mktemp("site")
    names = [path.removeprefix("acme_plugins/").removesuffix(".py") for path in MODULES]
    entry_points = {name.replace("_", "-"): f"acme_plugins.{name}" for name in names if name != "__init__"}
    wheels = [
        build_wheel(folder, "acme-agents", "1.2", entry_points, MODULES),
        build_wheel(folder, "bolt-agents", "0.9", {"good": "bolt_plugins", "nowhere": "bolt_plugins:absent"}, BOLT),
    ]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*command, "--target", str(site), *map(str, wheels)], check=True)
    return site


@pytest.fixture
def installed(fixture_site: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The fixture distributions are installed for this process and its children; the user has no configuration."""
    monkeypatch.syspath_prepend(str(fixture_site))
    monkeypatch.setenv("PYTHONPATH", str(fixture_site), prepend=os.pathsep)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield fixture_site
    for name in [name for name in sys.modules if name.partition(".")[0] in ("acme_plugins", "bolt_plugins")]:
        del sys.modules[name]
