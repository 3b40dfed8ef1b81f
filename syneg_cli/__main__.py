from syneg_cli.cli.app import entry_point

entry_point()
