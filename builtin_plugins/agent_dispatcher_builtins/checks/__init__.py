"""What is run on work before it lands: the file is well-formed, the tests pass, what was promised is there."""
