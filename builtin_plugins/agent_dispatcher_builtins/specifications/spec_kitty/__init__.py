"""The format of Spec Kitty: missions under ``kitty-specs/``, a file for each work package. What becomes of them stands in ``docs/formats-spec-kitty.md``."""
