"""Reviews: finished work is read against its requirements, and what is said against it is believed when it quotes what stands there."""
