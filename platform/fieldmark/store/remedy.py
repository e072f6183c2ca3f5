"""What a person sets where a bucket cannot be reached: obstore reads the environment of each process alone."""

import re

_AMAZON = "AWS_REGION and credentials (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)"
_GOOGLE = "GOOGLE_APPLICATION_CREDENTIALS"
_AZURE = "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY"
VARIABLES = {
    "s3": _AMAZON,
    "s3a": _AMAZON,
    "gs": _GOOGLE,
    "az": _AZURE,
    "azure": _AZURE,
    "abfs": _AZURE,
    "abfss": _AZURE,
}
PAGE = 'docs/how-to/other-clusters.md, "A bucket as store"'
_BUSY = re.compile(r"status code: (408|412|429|5\d\d)\b")


def remedy(name: str, reason: str) -> str:
    """Returns how a message on an object ends; empty for a folder's, and where the server answers that it is busy.

    Args:
        name: path or URL of the object.
        reason: why it cannot be used.
    """
    variables = VARIABLES.get(name.partition("://")[0]) if "://" in name else None
    if variables is None or _BUSY.search(reason):
        return ""
    return f"; set {variables} on every node ({PAGE})"
