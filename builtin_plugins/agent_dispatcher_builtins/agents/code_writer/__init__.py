"""The writer of code: from declared behaviour by generation, else with a language model."""
