"""Where attempts work and how finished work lands: the guarded folder, the checks, and the train that brings several changes in at once."""
