"""What agents that work with a language model share: what it is shown, what it is asked, how its answer is tried, and the rounds between."""
