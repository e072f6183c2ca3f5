"""The trainer of our groups of workers: it gives up what is hopeless, and takes only sizes that are allowed."""

from collections.abc import Sequence
from typing import Any

from ray.train import FailureConfig
from ray.train.torch import TorchTrainer
from ray.train.v2._internal.exceptions import RayTrainError
from ray.train.v2._internal.execution.failure_handling import DefaultFailurePolicy, FailureDecision

from fieldmark.search.executors.allowed_sizes import AllowedSizes
from fieldmark.search.training.worker import may_pass


class GivesUp(DefaultFailurePolicy):
    """Starts a group again where that may help; Ray's own policy would train into the same exception each time.

    The driver has heard of it by then. In a session of several groups nobody else would end this one.
    """

    def make_decision(self, training_failed_error: Exception) -> FailureDecision:
        """Returns whether to start again."""
        errors = getattr(training_failed_error, "worker_failures", {}).values()
        if not all(map(_helps, errors)):
            return FailureDecision.RAISE
        return super().make_decision(training_failed_error)


class GroupTrainer(TorchTrainer):
    """A `TorchTrainer` of a number of workers, or of a range in which only some numbers are allowed."""

    def __init__(self, *arguments: Any, allowed: Sequence[int], failures: int, **settings: Any) -> None:
        """Takes what a `TorchTrainer` takes, the allowed sizes, and how often it may start again."""
        super().__init__(*arguments, **settings)
        self._allowed = allowed
        self._failures = failures

    def _initialize_and_run_controller(self, **arguments: Any) -> Any:
        arguments["failure_policy"] = GivesUp(FailureConfig(max_failures=self._failures))
        if not isinstance(self.scaling_config.num_workers, int):
            arguments["scaling_policy"] = AllowedSizes(self.scaling_config, self._allowed)
        return super()._initialize_and_run_controller(**arguments)


def _helps(error: Exception) -> bool:
    """Whether starting again may help: a worker that is gone comes wrapped in what Train's health check says."""
    cause = getattr(error, "health_check_failure", error)
    return isinstance(cause, RayTrainError) or may_pass(cause)
