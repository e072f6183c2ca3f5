"""The one exception that is shown to a user as a line, not as a traceback."""


class UserError(ValueError):
    """A mistake the user can mend: the command line prints its one line and exits with code 2.

    The message names the file, row and field (or the flag) and says what was expected.
    """


class StoreConflict(UserError):
    """Another process holds what was asked for (a sweep's lease), or two records of one id disagree."""
