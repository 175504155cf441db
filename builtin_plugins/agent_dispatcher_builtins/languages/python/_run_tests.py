"""Runs pytest with results as JUnit XML and, if wanted, coverage as JSON. Runs in the sandbox, from its text.

Arguments: where the XML goes, where the JSON goes (empty for none), then paths of tests. The tools are imported while nothing of the work can be.
"""

import contextlib
import os
import sys

import pytest

results, measured, *paths = sys.argv[1:]
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
        *paths,
    ]
)
if measuring is not None:
    measuring.stop()
    with contextlib.suppress(coverage.exceptions.NoDataError):
        measuring.json_report(outfile=measured)
sys.exit(int(code))
