"""A training that ended in an exception."""

from typing import Literal


class TrainingFailed(Exception):
    """Training raised, or its workers died too often; the attempt is recorded, and the same command tries again."""

    def __init__(self, message: str, attempt: str, kind: Literal["failed", "out_of_memory"] = "failed") -> None:
        """Takes what happened, the id under which the attempt is recorded, and whether memory ran out."""
        super().__init__(message)
        self.attempt = attempt
        self.kind = kind
