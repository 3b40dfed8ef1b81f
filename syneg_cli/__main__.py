from syneg_cli.app import entry_point

entry_point()
