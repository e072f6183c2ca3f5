"""A group of workers has only sizes that the configuration allows.

Ray's own policy takes as many workers as there is room for. Numbers do not depend on the size of the group, but a batch
can only be dealt in whole groups (SCIENCE rule 17), so that of 3 workers' room 2 are used where 1, 2 and 4 are allowed.
"""

from collections.abc import Sequence
from typing import Any

from ray.train import ScalingConfig
from ray.train.v2._internal.execution.scaling_policy import ElasticScalingPolicy


class AllowedSizes(ElasticScalingPolicy):
    """Rounds the group's size down to an allowed one."""

    def __init__(self, scaling_config: ScalingConfig, allowed: Sequence[int]) -> None:
        """Takes the sizes, ascending."""
        super().__init__(scaling_config)
        self._allowed = tuple(allowed)

    def _count_possible_workers(self, reserved_resources: Any) -> int:
        room = super()._count_possible_workers(reserved_resources)
        return max((size for size in self._allowed if size <= room), default=0)
