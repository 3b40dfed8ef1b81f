"""The command line: thin commands, options made from the settings, live displays, tables."""
