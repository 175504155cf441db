"""Compiles the files named as arguments; a line per fault, exit code 1 if there is one. Runs in the sandbox, from its text."""

import sys
import warnings

warnings.simplefilter("ignore")
faults = 0
for path in sys.argv[1:]:
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            compile(file.read(), path, "exec", dont_inherit=True)
    except SyntaxError as error:
        faults += 1
        print(f"{path}:{error.lineno or 1}: {error.msg}")
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        faults += 1
        print(f"{path}:1: {type(error).__name__}: {error}")
sys.exit(1 if faults else 0)
