"""How a run that is asked to stop leaves: after saving its state, where the method can."""

from collections.abc import Callable

KeepGoing = Callable[[], bool]
"""Asked between epochs; False asks the run to stop and to be taken up later."""


class CutOff(Exception):
    """Raised inside a run that was asked to stop; nothing is recorded, its checkpoint stays."""
