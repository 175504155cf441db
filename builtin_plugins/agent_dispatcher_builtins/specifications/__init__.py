"""Formats of specifications, a folder or module for each."""
