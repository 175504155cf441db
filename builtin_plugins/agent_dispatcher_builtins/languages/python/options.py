"""What the user decides about Python."""

from __future__ import annotations

from attrs import frozen

__all__ = ["PythonOptions"]


@frozen(kw_only=True)
class PythonOptions:
    """``[options."language:python"]`` in the configuration.

    Attributes:
        packages: packages that a tree may ask for; what these need themselves comes with them. ``*`` allows all.
        install_timeout_s: seconds for one ``pip install``.
    """

    packages: tuple[str, ...] = ()
    install_timeout_s: float = 300.0
