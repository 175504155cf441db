"""What requirements themselves say about where the code goes: files, and the functions and classes in them.

Only what a sentence introduces is a promise: *`src/text.py` gets a function `slugify(text)`*, *must provide `c_to_f(celsius)`*, *`Store.add(title)` in
`store.py`*. What it merely mentions is none: *uses `parse(text)`*, *as in `old.py`*, and calls with values in them, which are examples. A promise is
checked, so that a wrong one would keep honest work from being done: where the words leave it open, nothing is promised. What is to go (*remove the
function `old`*, *`old.py` is replaced by `new.py`*) is none either.
"""

from .files import ModuleOf
from .requirements import Stated, common_rules, local_names, mentioned, read_statements

__all__ = ["ModuleOf", "Stated", "common_rules", "local_names", "mentioned", "read_statements"]
