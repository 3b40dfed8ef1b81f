"""Records as a person reads them in a terminal: a file per step."""
