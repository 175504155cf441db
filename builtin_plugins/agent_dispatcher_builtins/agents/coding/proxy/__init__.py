"""The dispatcher as a model server for a program in the sandbox: counted, within the budget, without a key."""
