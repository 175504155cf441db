"""The rule that asks a language model which task needs which, and weighs what it says by what it can quote."""
