"""`python -m fieldmark` is the `fieldmark` command."""

from fieldmark.cli.main import main

if __name__ == "__main__":
    main()
