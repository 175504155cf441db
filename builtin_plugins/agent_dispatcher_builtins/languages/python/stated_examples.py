"""The literal examples of a text that can be read with certainty, and those that cannot, with the reason.

What is read here refuses work, so it has to be what the text means: a sentence with a condition, of a fault, with a denial, an example that needs what another
line made, or a call for which the text gives several results are found and left alone. The text is data: it is parsed, and nothing of it is evaluated but literals.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from attrs import evolve, frozen

from agent_dispatcher.extension.components import StatedExample

from .passages import Passage, passages
from .reading_literals import end_of_call, error_name, literal, literal_call

__all__ = ["stated_examples"]

_MOST = 60
_LONGEST_TEXT = 200_000
_LONGEST_PASSAGE = 6000
_LONGEST_VALUE = 400

_CALLED = re.compile(r"(?<![\w.@])[A-Za-z_]\w*\(")
_ARROW = re.compile(
    r"[`*_]*\s*(?:\#\s*)?(?:(?P<raises>(?:should |must |shall |will )?raises?\b(?: an?\b)?)"
    r"|==>|=>|===?|=|➞|→|⇒|⟶|->|returns\b|gives\b|equals\b|is equal to\b|evaluates to\b|is(?=\s*`)"
    r"|(?:should|must|shall|will) (?:return|be|equal|give|evaluate to)\b)\s*:?\s*"
    r"(?P<about>(?:about|approximately|approx\.|roughly|around|~|≈)\s*)?"
)
_DEMANDED = re.compile(r"\A[`*_]*\s*(?:should|must|shall)\b")
_COMMENT_VALUE = re.compile(r"`?\s*\#\s*(?=[-\d'\"\[({TFN])")
#: What may stand behind a value: the end, punctuation, or a word that goes on.
_AFTER = re.compile(
    r"\s*(?:\Z|[`'\"]*[.,;:!?)\]]+(?=\s|[`'\"]|\Z)|[*_]{1,2}(?=\W|\Z)|[#(—–|`]|(?:because|since|as|and|so|for|which|if|when|unless|while|or|but|only|not|instead|rather)\b)"
)
_ANOTHER = re.compile(
    r"\A[`\s]*(?:,?\s*(?:or|and|to|through)\s+`?[-\d'\"\[({]|,\s*`?[-\d'\"\[{]|or\b|but\b|\.\.\.|…|±)"
)
_VALUE_BEFORE = re.compile(
    r"(?P<verb>(?:\b(?:returns|gives|should return|must return|should give|must give|(?P<raises>raises|should raise|must raise)(?: an?)?)\s+|(?:,|\band)\s+))"
    r"(?P<value>`[^`]+`|\"[^\"]*\"|'[^']*'|-?\d+(?:\.\d+)?|True|False|None|\[[^\]]*\]|[A-Z]\w+)\s+(?:for|on)\s+`?\Z"
)

_DENIED = re.compile(
    r"\b(?:not|never|cannot|neither|nor|instead of|rather than|unlike|contrary|old|existing|legacy|current|present)\b|n't\b",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"\b(?:if|when|whenever|unless|assuming|provided|suppose|supposing|except)\b"
    r"|(?:\A|[,;:(\n]\s*|\b(?:and|but|then)\s+)(?:after|once|before|while|with|without|given|until|during|where|following|having)\b",
    re.IGNORECASE,
)
_FAULT = re.compile(
    r"\b(?:bugs?|buggy|currently|at the moment|right now|as of now|so far|actual|actually|incorrect(?:ly)?|wrongly|broken|regression|no longer|used to|"
    r"previously|formerly|defect|misbehaves?|faulty|mistakenly|unexpected(?:ly)?|fix(?:es)?|got|before the change|old behaviou?r|expected(?! to)|"
    r"(?:is|are|was|were) wrong|wrong (?:results?|values?|prices?|answers?|outputs?|totals?|numbers?)|"
    r"(?:it|this|that|which|but|and) should (?:return|be|give|equal|have))\b",
    re.IGNORECASE,
)
_SENTENCE_ENDS = re.compile(r"[.;!?](?=\s)")
_CLAUSE_ENDS = re.compile(r"[.,;!?](?=\s|\Z)|\band\b")
_SHORT = re.compile(r"\b(?:e\.g|i\.e|approx|vs|cf|etc)\.")
#: What may stand right before an example: nothing, punctuation of prose, or a word. An operator makes it a part of something else.
_BEFORE = re.compile(r"(?:\A|[\w\x00,;:.!?(\[)\]—–>→⇒'\"])[\s*_`]*\Z")
_TIMES = re.compile(r"[\w)\]]\*{1,2}\Z|[\w)\]]\s+\*{1,2}\s+\Z")
#: What is being defined is not called.
_DEFINED = re.compile(r"\b(?:def|function|func|fn)[\s`]+\Z")
_POINTS = re.compile(r"[-=]>|[➞→⇒⟶]")
_TYPE = re.compile(r"None|[A-Z]\w*|'[A-Z][\w.]*(?:\[.*\])?'")
_SIGNATURE = re.compile(r"\bsignatures?\b", re.IGNORECASE)
#: One of many results: what is not the same each time, and what is said to be only an instance of it.
_VARIES = re.compile(r"\b(?:random(?:ly)?|unique(?!\s+\w+s\b)|uuids?|arbitrary|var(?:y|ies))\b", re.IGNORECASE)
_ALIKE = re.compile(r"\b(?:like|such as|say|similar to)\b[\s,:(`*_]*\Z", re.IGNORECASE)
_INSTANCE = re.compile(r"\b(?:for example|for instance|e_g_)", re.IGNORECASE)
_TIME = re.compile(r"\b(?:times?|dates?|timestamps?|clock|today|now)\b", re.IGNORECASE)
_WORD_BEFORE = re.compile(r"\b(?:not|or|in|is|lambda|return|yield|else|del)\Z")
_SEVERAL = "it may be one of several results"
_IN_A_ROW = re.compile(r"\A[`\s]*(?:,|/|and|or|,\s*and)?[`\s]*\Z")

_CALL_HEADS = frozenset(("call", "example", "input", "expression", "invocation", "calling"))
_RESULT_HEADS = frozenset(
    ("result", "results", "returns", "return", "return value", "output", "value", "gives", "expected result")
)
_SILENT_HEADS = frozenset(("", "#", "no", "note", "notes", "why", "comment", "comments", "description", "name", "id"))


@frozen
class _Said:
    """Where a passage is read: its text, and the same with code and quotations blanked out, so that words are words."""

    text: str
    plain: str
    above: str

    def sentence_before(self, start: int) -> str:
        ends = [each.end() for each in _SENTENCE_ENDS.finditer(self.plain, 0, start)]
        return self.plain[ends[-1] if ends else 0 : start]

    def sentence_after(self, end: int) -> str:
        stop = _SENTENCE_ENDS.search(self.plain, end)
        return self.plain[end : stop.start() if stop else len(self.plain)]

    def clause_after(self, end: int) -> str:
        stop = _CLAUSE_ENDS.search(self.plain, end)
        found = self.plain[end : stop.start() if stop else len(self.plain)]
        rest = self.plain[stop.end() :].lstrip() if stop and self.plain[stop.start()] == "," else ""
        return found + (f", {rest.split(' ', 1)[0]}" if rest else "")


def stated_examples(text: str) -> tuple[StatedExample, ...]:
    """Each example once, in order. One that the text contradicts is not sure."""
    if "(" not in text:
        return ()
    text = text[:_LONGEST_TEXT]
    faulty = _FAULT.search(_plain(text)) is not None
    found: dict[tuple[str, str, str], StatedExample] = {}
    for example in _all_of(text):
        if faulty and not example.unsure and not example.demanded:
            example = evolve(example, unsure="the text speaks of a fault, and does not say that it should be so")
        known = found.get((example.call, example.result, example.raises))
        if known is None or (known.unsure and not example.unsure):
            found[example.call, example.result, example.raises] = example
    return _without_contradictions(list(found.values())[:_MOST])


def _without_contradictions(found: list[StatedExample]) -> tuple[StatedExample, ...]:
    several = "the text gives several results for this call"
    calls = [each.call for each in found]
    return tuple(
        evolve(each, unsure=several) if calls.count(each.call) > 1 and not each.unsure else each for each in found
    )


def _all_of(text: str) -> Iterator[StatedExample]:
    dirty = False
    for passage in passages(text):
        if passage.kind == "prose":
            yield from _prose(passage)
        elif passage.kind == "table":
            yield from _table(passage)
        else:
            read = _session if passage.kind == "session" else _code
            for example in read(passage):
                if example is None:
                    dirty = True
                elif dirty and not example.unsure:
                    yield evolve(example, unsure="lines above it may change its result")
                else:
                    yield example


def _plain(text: str) -> str:
    """The text with what is code or quoted blanked out, letter for letter."""

    def blank(found: re.Match[str]) -> str:
        return found[0][0] + "\x00" * (len(found[0]) - 2) + found[0][-1]

    plain = re.sub(r"`[^`\n]+`|\"[^\"\n]*\"", blank, text)
    return _SHORT.sub(lambda found: found[0].replace(".", "_"), plain)


# --- sentences --------------------------------------------------------------------------------------------------------


def _prose(passage: Passage) -> Iterator[StatedExample]:
    text = passage.text
    if len(text) <= _LONGEST_PASSAGE:
        yield from _sentences(text, passage.above)


def _sentences(text: str, above: str) -> Iterator[StatedExample]:
    said = _Said(text, _plain(text), _plain(above))
    last, alone = 0, True  # where the call before this one ends, and whether it had a result
    for match in _CALLED.finditer(text):
        start = match.start()
        if start < last:
            continue
        end = end_of_call(text, start)
        called = literal_call(text[start:end]) if end else None
        if called is None:
            continue
        if _DEFINED.search(text, max(0, start - _LONGEST_VALUE), start):
            last, alone = end, True
            continue
        row = not alone and _IN_A_ROW.match(said.plain[last:start]) is not None
        example = _forward(said, start, end, called) or _backward(said, start, called)
        last, alone = end, example is not None
        if example is not None:
            yield evolve(example, unsure="it stands in a row of calls") if row and not example.unsure else example


def _forward(said: _Said, start: int, end: int, called: tuple[str, str]) -> StatedExample | None:
    """``f(1) returns 2``, and the like."""
    arrow = _ARROW.match(said.text, end) or _COMMENT_VALUE.match(said.text, end)
    if arrow is None:
        return None
    groups = arrow.groupdict()
    rest = said.text[arrow.end() :].lstrip()
    value, after = _value(rest, raising=bool(groups.get("raises")))
    if not value:
        return None
    stop = len(said.text) - len(after)
    name, call = called
    if _is_signature(call, arrow[0], value):
        return None
    demanded = _DEMANDED.match(arrow[0]) is not None
    unsure = _doubt(said, start, stop, after, demanded=demanded) or _variety(said, start, stop, call)
    error = error_name(value)
    return StatedExample(
        function=name,
        call=call,
        result="" if error else value,
        raises=error,
        roughly=bool(groups.get("about")),
        demanded=demanded,
        unsure=unsure,
    )


def _backward(said: _Said, start: int, called: tuple[str, str]) -> StatedExample | None:
    """``returns 2 for f(1)``, and ``3 for f(2)`` after it."""
    found = _VALUE_BEFORE.search(said.text, max(0, start - _LONGEST_VALUE), start)
    if found is None or said.text[: found.start()].rstrip().endswith((")", ")`")) != (found["verb"][0] in ",a"):
        return None
    value, raised = found["value"].strip("`"), error_name(found["value"])
    result = None if raised else literal(value)
    if not raised and result is None:
        return None
    name, call = called
    end = start + len(said.text[start : end_of_call(said.text, start)])
    unsure = _doubt(said, found.start(), end, said.text[end:].lstrip("`"), last=True)
    unsure = unsure or _variety(said, found.start(), end, call)
    return StatedExample(function=name, call=call, result=result or "", raises=raised, unsure=unsure)


def _value(rest: str, *, raising: bool) -> tuple[str, str]:
    """The value that a text begins with, a literal in its plain form or the name of an exception, and what follows it; ``("", "")`` where that is not clear."""
    rest = rest[: _LONGEST_VALUE * 4]
    quoted = re.match(r"`([^`]+)`", rest)
    if quoted:
        inner, after = quoted[1].strip(), rest[quoted.end() :]
        value = error_name(inner) or (None if raising else literal(inner))
        counts = value is not None and re.match(r"-?[\d.]", value) and not _AFTER.match(after)
        return ("", "") if value is None or counts else (value, after)
    error = re.match(r"[A-Z]\w*", rest)
    if error and error_name(error[0]):
        return error[0], rest[error.end() :]
    if raising:
        return "", ""
    for end in range(min(len(rest), _LONGEST_VALUE), 0, -1):
        source = rest[:end].rstrip()
        value, after = None if source.endswith(".") else literal(source), rest[end:]
        if value is not None and _AFTER.match(after) and not _is_bare_row(rest[:end]):
            return value, after
    return "", ""


def _is_bare_row(source: str) -> bool:
    """``1, 2``: two sentences' worth of numbers sooner than a tuple."""
    return isinstance(ast.parse(source.strip(), mode="eval").body, ast.Tuple) and not source.lstrip().startswith("(")


def _is_signature(call: str, arrow: str, value: str) -> bool:
    """``main(argv=None) -> None``: no argument is given but what a parameter may have by itself, and a type stands where a result would."""
    node = ast.parse(call, mode="eval").body
    given = isinstance(node, ast.Call) and bool(node.args)
    return not given and _POINTS.search(arrow) is not None and _TYPE.fullmatch(value) is not None


def _doubt(said: _Said, start: int, stop: int, after: str, *, last: bool = False, demanded: bool = False) -> str:
    """Why an example may not be meant as it stands, ``""`` where nothing says so.

    Args:
        start, stop: where it begins and ends.
        last: the call stands last, and not the result.
    """
    before = said.sentence_before(start)
    if not _BEFORE.search(before) or _TIMES.search(before) or _WORD_BEFORE.search(before.rstrip("` ")):
        return "it is a part of a longer expression"
    if not last and _ANOTHER.match(after):
        return "it is not clear where its result ends"
    behind = said.clause_after(stop)
    contrary = not demanded and re.search(r"\b(?:instead of|rather than)\b", behind)
    if contrary or _DENIED.search(before) or _DENIED.search(said.above):
        return "it reads like a denial"
    if _CONDITION.search(before) or _CONDITION.search(said.above) or _CONDITION.search(f" {behind}"):
        return "it holds on a condition"
    if _SIGNATURE.search(before):
        return "it reads like a signature"
    return ""


def _variety(said: _Said, start: int, stop: int, call: str) -> str:
    """Why the result may be one of several, ``""`` where nothing says so."""
    before = said.sentence_before(start)
    around = f"{before} {said.sentence_after(stop)}"
    instance = _INSTANCE.search(before) and (call.endswith("()") or _TIME.search(before))
    if instance or _ALIKE.search(before) or _VARIES.search(around) or _VARIES.search(said.above):
        return _SEVERAL
    return ""


# --- tables, sessions, code -------------------------------------------------------------------------------------------


def _table(passage: Passage) -> Iterator[StatedExample]:
    """Rows of a table with a column of calls and one of results."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in passage.lines]
    if len(rows) < 3 or not all(re.fullmatch(r":?-+:?", cell) for cell in rows[1]):
        return
    heads = [cell.strip("*_` ").lower() for cell in rows[0]]
    calls = [place for place, head in enumerate(heads) if head in _CALL_HEADS]
    results = [place for place, head in enumerate(heads) if head in _RESULT_HEADS]
    if len(calls) != 1 or len(results) != 1:
        return
    unsure = (
        "" if all(head in _SILENT_HEADS | _CALL_HEADS | _RESULT_HEADS for head in heads) else "it has further columns"
    )
    above = _plain(passage.above)
    if _DENIED.search(above) or _CONDITION.search(above):
        unsure = "it holds on a condition"
    elif _VARIES.search(above):
        unsure = _SEVERAL
    for row in rows[2:]:
        called = literal_call(row[calls[0]].strip("`")) if len(row) == len(heads) else None
        said = re.sub(r"\A(?:raises|returns)\s+(?:an?\s+)?", "", row[results[0]]).strip("` ") if called else ""
        error = error_name(said)
        result = literal(said) or ""
        if called is not None and (error or result):
            yield StatedExample(
                function=called[0], call=called[1], result="" if error else result, raises=error, unsure=unsure
            )


def _session(passage: Passage) -> Iterator[StatedExample | None]:
    """Calls at a prompt with what they show; ``None`` for a line after which nothing is certain."""
    lines = [line.strip().lstrip("*> `" if ">>>" not in line else "*-` ") for line in passage.lines]
    above = _plain(passage.above)
    unsure = "it holds on a condition" if _DENIED.search(above) or _CONDITION.search(above) else ""
    if not unsure and _VARIES.search(above):
        unsure = _SEVERAL
    place = 0
    while place < len(lines):
        line = lines[place]
        place += 1
        if not line.startswith(">>>"):
            continue
        source = line[3:].strip().rstrip("`")
        shown = []
        while place < len(lines) and lines[place] and not lines[place].startswith((">>>", '"""', "'''", "```")):
            shown.append(lines[place].rstrip("`"))
            place += 1
        example = _at_prompt(source, shown)
        if example is not None:
            yield evolve(example, unsure=example.unsure or unsure)
        elif not re.match(r"(?:from|import)\s|#|\Z", source):
            yield None


def _at_prompt(source: str, shown: list[str]) -> StatedExample | None:
    if "doctest:" in source or any("..." in line for line in shown[:1]):
        return None
    called = literal_call(source)
    if called is not None:
        if shown and shown[0].startswith("Traceback"):
            error = next((name for line in shown[1:] if (name := error_name(line.partition(":")[0]))), "")
            return StatedExample(function=called[0], call=called[1], raises=error) if error else None
        result = literal("".join(shown)) if shown else None
        return StatedExample(function=called[0], call=called[1], result=result) if result is not None else None
    compared = [each for each in _sentences(source, "") if not each.unsure]
    return compared[0] if len(compared) == 1 and (not shown or shown == ["True"]) else None


def _code(passage: Passage) -> Iterator[StatedExample | None]:
    """Lines of code or of anything else that is fenced; ``None`` for a line after which nothing is certain."""
    for line in passage.lines:
        source = line.strip()
        if len(source) > _LONGEST_PASSAGE:
            continue
        found = list(_sentences(source, passage.above))
        yield from found
        if not found and _does_something(source):
            yield None


def _does_something(source: str) -> bool:
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return not all(_says_nothing(each) for each in body)


def _says_nothing(statement: ast.stmt) -> bool:
    """An import, a name, a constant, or the definition of a function that holds nothing else: a signature."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        return all(_says_nothing(each) for each in statement.body)
    named = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant | ast.Name)
    return named or isinstance(statement, ast.Import | ast.ImportFrom | ast.Pass)
