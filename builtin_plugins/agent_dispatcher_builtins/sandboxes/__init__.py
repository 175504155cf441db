"""Where commands run that nobody vouches for, from isolated to unprotected."""
