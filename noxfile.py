"""Everything that is run on this project, by people and by CI: ``nox -l`` lists it."""

from __future__ import annotations

import shutil
from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["tests", "typing", "lint"]

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
ROOT = Path(__file__).parent
#: The versions that were tried; they run on Node 20.
CODING_AGENTS = (
    *("@qwen-code/qwen-code@0.15.10", "opencode-ai@1.18.33", "@openai/codex@0.169.0"),
    "@mariozechner/pi-coding-agent@0.73.1",
)


def group(name: str) -> list[str]:
    """The requirements of a dependency group, included groups resolved."""
    return list(nox.project.dependency_groups(PROJECT, name))


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """All tests, against the built wheel, a process for each core; the tests of one file stay together."""
    wheel = _build_wheel(session)
    session.install(f"{wheel}[all]", *group("test"))
    session.run("python", "-m", "pytest", "--numprocesses=auto", "--dist=loadfile", *session.posargs)


@nox.session
def typing(session: nox.Session) -> None:
    """mypy --strict over core and builtins."""
    session.install("-e", ".[all]", *group("typing"))
    session.run("mypy")


@nox.session
def lint(session: nox.Session) -> None:
    """ruff: rules and formatting."""
    session.install(*group("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def docs(session: nox.Session) -> None:
    """Every command and snippet of README and docs; then the site, in ./build/site."""
    wheel = _build_wheel(session)
    session.install(f"{wheel}[all]", *group("test"), *group("docs"))
    session.run("python", "-m", "pytest", "tests/docs", *session.posargs)
    session.run("mkdocs", "build", "--strict", "-f", "docs/_site/mkdocs.yml", env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def examples(session: nox.Session) -> None:
    """The example packages as their users have them: each one's own tests and types, against the built wheel."""
    wheel = _build_wheel(session)
    session.install(f"{wheel}[all]", *group("test"), *group("typing"))
    for project in sorted(path.parent for path in (ROOT / "plugin_examples").glob("*/pyproject.toml")):
        session.install("--no-deps", "--no-build-isolation", str(project))
        with session.chdir(project):
            session.run("python", "-m", "pytest", "-p", "no:cacheprovider", *session.posargs)
            session.run("mypy")
    session.run("python", "-m", "pytest", "tests/plugin_examples")


@nox.session
def local_model(session: nox.Session) -> None:
    """What needs a real language model, with a small one on this machine (1.1 GB, once). It takes minutes, so it is run alone."""
    tool = ROOT.parent / "shared" / "tools" / "local_model.py"
    if not tool.exists():
        session.skip(f"{tool} brings the model, and is not there")
    model = Path(str(session.run("python", str(tool), "1.5b", silent=True, success_codes=[0, 3]) or "").strip())
    if model.suffix != ".gguf":
        session.skip(f"the model cannot be had here: {model}")
    wheel = _build_wheel(session)
    session.install(f"{wheel}[all,local]", *group("test"))
    session.run(
        "python",
        "-m",
        "pytest",
        "-m",
        "local_model",
        "--timeout=3600",
        *session.posargs,
        env={"LOCAL_MODEL": str(model)},
    )


@nox.session
def coding_agents(session: nox.Session) -> None:
    """Coding agents that others make, from npm (1 GB, once), in the sandbox against a model server of the tests, and one with a real model."""
    npm = shutil.which("npm")
    if npm is None:
        session.skip("npm is not there, which brings the agents")
    folder = Path(session.cache_dir) / "coding-agents"
    folder.mkdir(exist_ok=True)
    last = folder / "node_modules" / CODING_AGENTS[-1].rpartition("@")[0] / "package.json"
    if not last.exists():
        options = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(folder))
        session.run(npm, "install", *options, *CODING_AGENTS, external=True, success_codes=range(256))
    if not last.exists():
        session.skip("npm cannot bring the agents here")
    wheel = _build_wheel(session)
    session.install(f"{wheel}[all,local]", *group("test"))
    env = {"CODING_AGENTS": str(folder.resolve())}
    tool = ROOT.parent / "shared" / "tools" / "local_model.py"
    if tool.exists():
        model = str(session.run("python", str(tool), "1.5b", silent=True, success_codes=[0, 3]) or "").strip()
        env |= {"LOCAL_MODEL": model} if model.endswith(".gguf") else {}
    tests = "tests/builtin_plugins/agents/coding"
    session.run("python", "-m", "pytest", "--timeout=3600", tests, *session.posargs, env=env)


@nox.session
def benchmarks(session: nox.Session) -> None:
    """What things cost, one JSON line per measure, beside their floors; ``-- MEASURE`` for one. It takes minutes; on a machine that does nothing else."""
    wheel = _build_wheel(session)
    session.install(f"{wheel}[all]", "networkx", "rustworkx>=0.15")
    session.run("python", "tests/benchmarks/engine.py", *session.posargs)
    if not session.posargs:
        session.run("python", "tests/benchmarks/planning.py", "--others")


@nox.session
def faults(session: nox.Session) -> None:
    """What the tests try of crashes, interleavings and races, at length: it takes half an hour. `-- 500` tries the first 500 seeds of 20,000."""
    wheel = _build_wheel(session)
    session.install(f"{wheel}[all]", *group("test"))
    seeded = "tests/core/coordination/seeded/driver.py"
    session.run("python", seeded, "seeds", "0", session.posargs[0] if session.posargs else "20000")
    for mode, last in (("kills", "1000"), ("nth", "40"), ("tails", "200")):
        session.run("python", seeded, mode, "0", last)
    folder = Path(session.create_tmp())
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    session.run("python", "tests/core/coordination/crashing/driver.py", str(folder), "kill-every-hit")
    writers = "tests/builtin_plugins/workspaces/writers/driver.py"
    for mode in (("seeds", "0", "10"), ("kill",)):
        (folder / mode[0]).mkdir()
        session.run("python", writers, str(folder / mode[0]), *mode)
    races = ("-k", "two_processes", "tests/core/coordination/test_store_trouble.py")
    session.run("python", "-m", "pytest", "--timeout=1800", *races, env={"AD_RACES": "200"})
    calls = "tests/core/coordination/test_system_calls.py"
    session.run("python", "-m", "pytest", "--timeout=1800", calls, env={"AD_SYSTEM_CALLS_STEP": "1"})


@nox.session
def demo(session: nox.Session) -> None:
    """The main job: the lending library, from specification to tested package, in ./build/lending-library."""
    session.install(".[all]")
    output = ROOT / "build" / "lending-library"
    shutil.rmtree(output, ignore_errors=True)
    session.run("agent-dispatcher", "run", "docs/examples/lending-library", "--output", str(output))


def _build_wheel(session: nox.Session) -> Path:
    # not in session.create_tmp(): that would move the tests' temporary folders below this project and its pytest configuration
    folder = Path(session.cache_dir) / f"wheel-{session.name}"
    shutil.rmtree(folder, ignore_errors=True)
    session.run("python", "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), ".", silent=True)
    (wheel,) = folder.glob("*.whl")
    return wheel
