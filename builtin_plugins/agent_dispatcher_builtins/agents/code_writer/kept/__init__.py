"""Modules that every generated package gets a copy of: real code, so that it is typed and tested here.

Lines are at most 100 characters, the width of generated code.
"""
