"""Runs pytest with results as JUnit XML and, if wanted, coverage as JSON. Runs in the sandbox, from its text.

Arguments: where the XML goes, where the JSON goes (empty for none), then paths of tests. The tools are imported while nothing of the work can be.
"""

import contextlib
import importlib.util
import os
import re
import sys
from pathlib import Path

import pytest


def plain_options(*, one_process: bool) -> list[str]:
    """Options that have plugins of the tree not measure as well, and fail for it, nor run tests in processes that are not looked at."""
    files = [Path(name) for name in ("pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")]
    configured = "".join(file.read_text("utf-8", "replace") for file in files if file.is_file())
    options = {"pytest_cov": ("--no-cov", "cov"), **({"xdist": ("-n0", "xdist")} if one_process else {})}
    return [
        option
        for module, (option, name) in options.items()
        if importlib.util.find_spec(module) is not None and not re.search(rf"no:(pytest_)?{name}\b", configured)
    ]


results, measured, *paths = sys.argv[1:]
options = plain_options(one_process=bool(measured))
measuring = None
if measured:
    import coverage

    measuring = coverage.Coverage(data_file=None, branch=True, source=["src"], config_file=False, messages=False)
sys.path[:0] = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
if measuring is not None:
    measuring.start()
code = pytest.main(
    [
        "-q",
        "-ra",
        "-p",
        "no:cacheprovider",
        "--continue-on-collection-errors",
        "--junitxml=" + results,
        "-o",
        "junit_family=xunit1",
        "-o",
        "junit_logging=no",
        *options,
        *paths,
    ]
)
if measuring is not None:
    measuring.stop()
    with contextlib.suppress(coverage.exceptions.NoDataError):
        measuring.json_report(outfile=measured)
sys.exit(int(code))
