"""The tester: derives tests from declared behaviour, sharing with the code writer nothing but the specification and the interface."""
