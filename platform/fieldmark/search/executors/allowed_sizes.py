"""A Ray Train trainer whose group has only sizes that the configuration allows.

Ray's own policy takes as many workers as there is room for. Numbers do not depend on the size of the group, but a batch
can only be dealt in whole groups (SCIENCE rule 17), so that of 3 workers' room 2 are used where 1, 2 and 4 are allowed.
"""

from collections.abc import Sequence
from typing import Any

from ray.train import ScalingConfig
from ray.train.torch import TorchTrainer
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


class AllowedSizesTrainer(TorchTrainer):
    """A `TorchTrainer` over a range of workers that asks `AllowedSizes`."""

    def __init__(self, *arguments: Any, allowed: Sequence[int], **settings: Any) -> None:
        """Takes what a `TorchTrainer` takes, and the allowed sizes."""
        super().__init__(*arguments, **settings)
        self._allowed = allowed

    def _initialize_and_run_controller(self, **arguments: Any) -> Any:
        arguments["scaling_policy"] = AllowedSizes(self.scaling_config, self._allowed)
        return super()._initialize_and_run_controller(**arguments)
