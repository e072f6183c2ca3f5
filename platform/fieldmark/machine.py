"""What this machine lets the process use."""

import os


def cores() -> int:
    """Returns the cores that this process may use; a cluster's scheduler may give it fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
