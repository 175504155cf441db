"""What stands where a key would stand and is none: what documentation, examples and servers that want no key have people write.

``sk-no-key-required``, ``<your-api-key>``, ``$OPENAI_API_KEY``, ``xxxxxxxx``, ``AKIAIOSFODNN7EXAMPLE`` and digests of locked packages give nothing away, and work is full of
them: taken out, they leave examples and tests that are broken.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["is_dummy"]

#: A variable, a placeholder of a template, a digest with the name of its sort, the keys of AWS's documentation.
_NONE: Final = re.compile(
    r"\$[A-Z][A-Z0-9_]*|\$\{[^{}]*\}|\$\([^()]*\)|%[A-Z][A-Z0-9_]*%|\{\{[^{}]*\}\}|\{[A-Za-z_]+\}|<[A-Za-z _-]+>|\[[A-Za-z _-]+\]"
    r"|(?:md5|sha\d{1,3})[:-][\w+/=-]+|(?:AKIA|ASIA)[0-9A-Z]{9}EXAMPLE|[\w/+]{28,31}EXAMPLEKEY"
)
_SEVERAL: Final = 3
#: What a dummy is put together from. A pass phrase of words that were drawn has others.
_VOCABULARY: Final = (
    "a abc access account add admin an and any anything api app auth aws azure bad bar be baz bearer change changeme ci client "
    "cohere credential credentials db deepseek default demo dev development do does dummy empty enter example expired fake "
    "file for foo from gemini github gitlab goes google groq here hidden host id ignored in input insecure insert invalid is "
    "it key keys lm local localhost me missing mistral mock mocked my name needed never no none not nothing null ollama only "
    "openai openrouter optional or our pass passphrase passwd password pk placeholder please postgres prod put real redacted "
    "redis removed replace replaceme required root sample secret secrets set sk some something string stub studio super "
    "test testing tests text the this to todo token type unit unset unused up used user username value vllm with wrong xxx you "
    "your yours anthropic"
)
_WORDS: Final = frozenset(_VOCABULARY.split())
_PART: Final = re.compile(r"[a-z]+|\d+")
_PLAIN: Final = re.compile(r"[A-Za-z0-9]+(?:[-_. ]+[A-Za-z0-9]+)*[-_. ]*")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_PREFIX: Final = re.compile(
    r"^(?:(?:sk|pk|rk|gh[pousr]|github_pat|glpat|hf|npm|pypi|key|xox[a-z])[-_](?:(?:proj|live|test|ant|api\d*)[-_])*)"
)
_RUNS: Final = ("01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "9876543210")
_LEAST_RUN: Final = 6


def is_dummy(value: str) -> bool:
    """Whether a value is a placeholder: a variable's name in place of its value, a digest, an example that everybody knows, words about keys, or a sign repeated."""
    value = value.strip()
    return bool(_NONE.fullmatch(value)) or _is_filled(value) or _is_of_words(value)


def _is_filled(value: str) -> bool:
    """``sk-xxxxxxxx``, ``00000000``, ``sk-1234567890``: one sign, or the signs in their order; numbers alone may be somebody's."""
    rest = re.sub(r"[-_. *]", "", _PREFIX.sub("", value.strip("\"'"))).lower()
    if not rest:
        return len(value) >= _LEAST_RUN
    in_order = not value.isdigit() and any(rest in run for run in _RUNS)
    return len(rest) >= _LEAST_RUN and (len(set(rest)) == 1 or in_order)


def _is_of_words(value: str) -> bool:
    """``your-api-key-here``, ``sk-no-key-required``, ``changeme123``: nothing but words about keys, and small numbers."""
    if not _PLAIN.fullmatch(value):
        return False
    parts = _PART.findall(_CAMEL.sub(" ", value).lower())
    words = [part for part in parts if part.isalpha()]
    numbers = [part for part in parts if part.isdigit()]
    small = all(len(part) <= _SEVERAL or part in _RUNS[0] for part in numbers) and len(numbers) <= 1
    return (
        bool(words)
        and small
        and all(word in _WORDS or (len(word) >= _SEVERAL and len(set(word)) == 1) for word in words)
    )
