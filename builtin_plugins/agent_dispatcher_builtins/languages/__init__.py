"""Programming languages: where files go, and which commands compile, test and look through them."""
