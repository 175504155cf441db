"""Which task needs which: by what is declared, named, produced and consumed, or as a language model sees it."""
