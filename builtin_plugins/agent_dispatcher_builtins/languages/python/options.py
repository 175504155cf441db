"""What the user decides about Python."""

from __future__ import annotations

from attrs import frozen

__all__ = ["PythonOptions"]


@frozen(kw_only=True)
class PythonOptions:
    """``[options."language:python"]`` in the configuration.

    Attributes:
        packages: packages that a tree may ask for and that are there for every tree, also where it does not say that it needs them; what these
            need themselves comes with them. ``*`` allows all that a tree asks for.
        install_timeout_s: seconds for one ``pip install``.
    """

    packages: tuple[str, ...] = ()
    install_timeout_s: float = 300.0
