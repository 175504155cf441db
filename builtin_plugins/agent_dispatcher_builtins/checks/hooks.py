"""What this folder offers: the checks ``citations``, ``compile``, ``contract``, ``doneness``, ``examples``, ``pytest``, ``red-first``; by name ``quality``,
``security``, ``timing``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent_dispatcher.extension import Component, Services, hookimpl

from .options import QualityOptions, SecurityOptions, TimingOptions

__all__ = [
    "citations_check",
    "compile_check",
    "contract_check",
    "doneness_check",
    "examples_check",
    "pytest_check",
    "quality_check",
    "red_first_check",
    "security_check",
    "timing_check",
]


def _make_citations(options: Any, services: Services) -> Any:
    from .citations import CitationsCheck

    return CitationsCheck()


def _make_compile(options: Any, services: Services) -> Any:
    from .compiling import CompileCheck

    return CompileCheck()


def _make_contract(options: Any, services: Services) -> Any:
    from .contract import ContractCheck

    return ContractCheck()


def _make_doneness(options: Any, services: Services) -> Any:
    from .doneness import DonenessCheck

    return DonenessCheck()


def _make_examples(options: Any, services: Services) -> Any:
    from .examples import ExamplesCheck

    return ExamplesCheck()


def _make_pytest(options: Any, services: Services) -> Any:
    from .testing import PytestCheck

    return PytestCheck()


def _make_red_first(options: Any, services: Services) -> Any:
    from .red_first import RedFirstCheck

    return RedFirstCheck()


def _make_quality(options: Any, services: Services) -> Any:
    from .auditing import QualityCheck

    return QualityCheck(options)


def _make_security(options: Any, services: Services) -> Any:
    from .auditing import SecurityCheck

    return SecurityCheck(options)


def _make_timing(options: Any, services: Services) -> Any:
    from .timing import TimingCheck

    return TimingCheck(options)


class _Citations:
    @hookimpl
    def dispatcher_checks(self) -> Iterable[Component]:
        """Offer ``citations``."""
        yield Component(
            "citations",
            "Every claim of a research note names a source that is there and says what is quoted.",
            _make_citations,
            default_rank=15,
        )


class _Compile:
    @hookimpl
    def dispatcher_checks(self) -> Iterable[Component]:
        """Offer ``compile``."""
        yield Component("compile", "Every changed source file is well-formed.", _make_compile, default_rank=10)


class _Contract:
    @hookimpl
    def dispatcher_checks(self) -> Iterable[Component]:
        """Offer ``contract``."""
        yield Component(
            "contract",
            "What a task promised is there, and no other task's tests were touched.",
            _make_contract,
            default_rank=20,
        )


class _Doneness:
    @hookimpl
    def dispatcher_checks(self) -> Iterable[Component]:
        """Offer ``doneness``."""
        yield Component(
            "doneness",
            "What was handed in is work: no empty result, no stub, no weakened test, no test that cannot fail.",
            _make_doneness,
            default_rank=25,
        )


class _Examples:
    @hookimpl
    def dispatcher_checks(self) -> Iterable[Component]:
        """Offer ``examples``."""
        yield Component(
            "examples",
            "What a requirement gives as an example of a call and its result is so.",
            _make_examples,
            default_rank=28,
        )


class _Pytest:
    @hookimpl
    def dispatcher_checks(self) -> Iterable[Component]:
        """Offer ``pytest``."""
        yield Component(
            "pytest", "The tests that concern a task pass; at the end all of them.", _make_pytest, default_rank=30
        )


class _RedFirst:
    @hookimpl
    def dispatcher_checks(self) -> Iterable[Component]:
        """Offer ``red-first``."""
        yield Component("red-first", "Tests fail without the code they are about.", _make_red_first, default_rank=35)


class _Quality:
    @hookimpl
    def dispatcher_checks(self) -> Iterable[Component]:
        """Offer ``quality``, by name only."""
        yield Component(
            "quality",
            "Changed files have no mistakes that a linter knows and no function that is too complex.",
            _make_quality,
            options=QualityOptions,
        )


class _Security:
    @hookimpl
    def dispatcher_checks(self) -> Iterable[Component]:
        """Offer ``security``, by name only."""
        yield Component(
            "security",
            "Changed files have nothing that a security scanner objects to.",
            _make_security,
            options=SecurityOptions,
        )


class _Timing:
    @hookimpl
    def dispatcher_checks(self) -> Iterable[Component]:
        """Offer ``timing``, by name only."""
        yield Component(
            "timing", "No test that concerns a task takes longer than is allowed.", _make_timing, options=TimingOptions
        )


citations_check = _Citations()
compile_check = _Compile()
contract_check = _Contract()
doneness_check = _Doneness()
examples_check = _Examples()
pytest_check = _Pytest()
quality_check = _Quality()
red_first_check = _RedFirst()
security_check = _Security()
timing_check = _Timing()
