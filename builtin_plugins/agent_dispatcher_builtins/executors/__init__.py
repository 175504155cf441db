"""Where attempts are carried out: in this process."""
