"""What the user decides about JavaScript and TypeScript."""

from __future__ import annotations

from attrs import frozen

__all__ = ["JavaScriptOptions"]


@frozen(kw_only=True)
class JavaScriptOptions:
    """``[options."language:javascript"]`` and ``[options."language:typescript"]`` in the configuration.

    Attributes:
        packages: npm packages that a tree may ask for; what these need themselves comes with them. ``*`` allows all.
        install_timeout_s: seconds for one ``npm ci``.
    """

    packages: tuple[str, ...] = ()
    install_timeout_s: float = 300.0
