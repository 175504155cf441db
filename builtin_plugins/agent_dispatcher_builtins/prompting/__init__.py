"""Asking a language model for data: what every component that plans with a model shares.

``templates`` renders prompts, ``reply`` finds the data in what comes back, ``asking`` holds the conversation (ask, check, have mended), ``quoting``
says what a model's word is worth.
"""
