"""The `fieldmark` command: thin, lazy, one module a group of commands."""
