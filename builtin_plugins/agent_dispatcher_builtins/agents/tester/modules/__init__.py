"""The test modules that are written, one Python module for each kind."""
