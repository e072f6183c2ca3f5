"""A training that ended in an exception."""


class TrainingFailed(Exception):
    """Training raised, or its workers died too often; the attempt is recorded, and the same command tries again."""

    def __init__(self, message: str, attempt: str) -> None:
        """Takes what happened, and the id under which the attempt is recorded."""
        super().__init__(message)
        self.attempt = attempt
