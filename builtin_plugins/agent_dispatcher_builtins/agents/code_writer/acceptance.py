"""Which tasks the code writer takes, and what its options ask of planning. Pure, and quick to import."""

from __future__ import annotations

from pathlib import Path

from attrs import field, frozen
from attrs.validators import and_, ge, gt, le, optional

from agent_dispatcher.extension.components import Available, Wishes
from agent_dispatcher.models import Specification, Task

from ...prompting.packaged import usable

__all__ = ["CodeWriterOptions", "accepts", "follows_from_behaviour", "generated_paths", "promised_paths", "wishes"]

#: What behaviour does not say anything about.
_BY_MODEL_ONLY = frozenset({"debugging", "refactoring"})


@frozen(kw_only=True)
class CodeWriterOptions:
    """``[options."agent_type:code-writer"]``; ``agent_factory.code_writer_config`` in the dict form.

    Attributes:
        default_language: the language to build in when the specification names none.
        include_tests: whether tasks of type ``testing`` are planned.
        include_docs: whether tasks of type ``documentation`` are planned.
        template: a Jinja2 file to use instead of the packaged prompt ``code.jinja``; relative to the current folder.
        model, rounds, max_input_tokens, max_output_tokens, timeout_s, test_timeout_s: how it uses a model, see
            :class:`agent_dispatcher_builtins.agents.by_model.options.ModelOptions`.
    """

    default_language: str = field(default="python", metadata={"project": True})
    include_tests: bool = field(default=True, metadata={"project": True})
    include_docs: bool = field(default=True, metadata={"project": True})
    template: Path | None = field(default=None, validator=usable("code.jinja"))
    model: str = ""
    rounds: int = field(default=4, validator=and_(ge(1), le(20)))
    max_input_tokens: int = field(default=12_000, validator=ge(1000))
    max_output_tokens: int = field(default=4096, validator=gt(0))
    timeout_s: float | None = field(default=None, validator=optional(gt(0.0)))
    test_timeout_s: float = field(default=60.0, validator=gt(0.0))


def wishes(options: CodeWriterOptions) -> Wishes:
    """What the options ask of planning."""
    left_out = set()
    if not options.include_tests:
        left_out.add("testing")
    if not options.include_docs:
        left_out.add("documentation")
    return Wishes(language=options.default_language, leave_out=frozenset(left_out))


def accepts(task: Task, available: Available) -> str | None:
    """Whether every file the task promises follows from declared behaviour, or a model can write it; else the reason why not."""
    if available.llm is not None and available.language:
        return None
    if available.language not in ("", "python"):
        return f"code is generated in Python only, and the language here is {available.language}"
    if task.type in _BY_MODEL_ONLY:
        return f"a task of type {task.type} needs a model: configure one, or use --allow-partial"
    promised = promised_paths(task)
    generated = generated_paths(available.specification)
    unknown = [path for path in promised if path not in generated]
    if promised and not unknown:
        return None
    if promised and generated:
        return f"{', '.join(unknown)} does not follow from the declared entities and operations"
    remedy = "declare entities and operations for it"
    if available.llm is None:
        remedy += ", configure a model"
    return f"{_what(task, available.specification)}: nothing is declared to derive code from; {remedy}, or use --allow-partial"


def follows_from_behaviour(task: Task, specification: Specification) -> bool:
    """Whether all files of the task can be generated, so that no model is needed."""
    promised = promised_paths(task)
    return task.type not in _BY_MODEL_ONLY and bool(promised) and generated_paths(specification).issuperset(promised)


def _what(task: Task, specification: Specification) -> str:
    """What the task is about, as its reader knows it."""
    if not task.requirements:
        return f"task {task.id} is prose only"
    known = {requirement.id: requirement.source for requirement in specification.requirements}
    named = [f"{name} ({known[name]})" if known.get(name) else name for name in task.requirements]
    if len(named) == 1:
        return f"requirement {named[0]} is prose only"
    return f"requirements {', '.join(named)} are prose only"


def generated_paths(specification: Specification) -> frozenset[str]:
    """The files the generator can write for ``specification``; none without behaviour."""
    from ...languages.python.layout import layout

    found = layout(specification)
    if found is None:
        return frozenset()
    return frozenset(path for module in found.modules if module.type != "testing" for path in module.paths)


def promised_paths(task: Task) -> tuple[str, ...]:
    """The files that a task promises."""
    return tuple(ref.name for ref in task.produces if ref.type == "path")
