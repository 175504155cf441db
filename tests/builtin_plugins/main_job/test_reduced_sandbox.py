"""The main job where there are no namespaces: the sandbox of tier ``reduced``, chosen by the user."""

from __future__ import annotations

import asyncio
import json

import pytest

from agent_dispatcher.errors import SandboxUnavailable
from agent_dispatcher_builtins.sandboxes.reduced import Reduced

pytestmark = [pytest.mark.slow, pytest.mark.sandbox, pytest.mark.main_job]


@pytest.fixture(scope="module", autouse=True)
def works_here() -> None:
    """Kernels without Landlock skip this page with the reason."""
    try:
        asyncio.run(Reduced().probe())
    except SandboxUnavailable as error:
        if "does not hold" in str(error):
            pytest.fail(str(error))
        pytest.skip(str(error))


def test_the_main_job_completes(dispatch, tmp_path) -> None:
    """Code and tests of a small specification are written, run and land; the record says in which tier."""
    from pathlib import Path

    library = Path(__file__).parents[3] / "docs" / "examples" / "lending-library"
    ended = dispatch("run", library, "--output", tmp_path / "out", "--sandbox", "reduced", "--json")
    assert ended.code == 0, ended.stderr
    assert ended.document["status"] == "completed"
    assert {each["verdict"] for each in ended.document["requirements"]} == {"met"}
    (final,) = [each for each in ended.document["final_evidence"] if each["details"].get("tests")]
    assert final["passed"] and final["details"]["tests"] > 100


def test_bubblewrap_may_be_missing(dispatch, small, tmp_path) -> None:
    """Where bubblewrap is taken away nothing runs by itself and the message names the choice; with the choice it completes."""
    hidden = (
        "for f in /usr/bin/bwrap /usr/local/bin/bwrap /bin/bwrap; do [ ! -e $f ] || mount --bind /dev/null $f; done"
    )
    ended = dispatch("run", small, "--output", tmp_path / "a", "--json", mounts=hidden)
    assert (ended.code, ended.stdout) == (3, "")
    assert "reduced (tier reduced)" in ended.stderr and "--sandbox" in ended.stderr
    assert not (tmp_path / "a").exists()
    chosen = dispatch(
        "run",
        small,
        "--output",
        tmp_path / "b",
        "--json",
        mounts=hidden,
        env={"AGENT_DISPATCHER_USE_SANDBOX": "reduced"},
    )
    assert chosen.code == 0, chosen.stderr
    assert json.loads(chosen.stdout)["status"] == "completed"


def test_a_project_cannot_choose_it(dispatch, small, tmp_path) -> None:
    """The file a clone brings along is passed over: without bubblewrap nothing runs."""
    hidden = (
        "for f in /usr/bin/bwrap /usr/local/bin/bwrap /bin/bwrap; do [ ! -e $f ] || mount --bind /dev/null $f; done"
    )
    (tmp_path / "agent-dispatcher.toml").write_text('[use]\nsandbox = "reduced"\n')
    ended = dispatch("run", small, "--output", tmp_path / "a", "--json", mounts=hidden, cwd=tmp_path)
    assert ended.code == 3 and "use.sandbox" in ended.stderr
    assert not (tmp_path / "a").exists()
