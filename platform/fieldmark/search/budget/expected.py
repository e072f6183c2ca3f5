"""What a run will take, by stored runs like it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median

from fieldmark.config import ClassifierFields, MethodConfig, PriorsNetConfig
from fieldmark.search.budget.spending import Spent
from fieldmark.store.records import RunRecord


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a run takes."""

    seconds: float
    """Of wall clock."""
    spent: Spent


class Expected:
    """The median of stored runs of the same kind, by the work that they did."""

    def __init__(self, records: Iterable[RunRecord], cost: Callable[[RunRecord], Spent]) -> None:
        """Takes completed runs on the same data.

        Args:
            records: others among them are passed over.
            cost: what a run has used.
        """
        self._known: dict[tuple[object, ...], list[tuple[float, Spent]]] = {}
        for one in records:
            work = _work(one.spec.config, one.epochs)
            if one.status == "completed" and one.cost.seconds > 0 and work:
                paces = self._known.setdefault(_likeness(one.spec.config), [])
                paces.append((one.cost.seconds / work, cost(one).times(1 / work)))

    def of(self, config: MethodConfig) -> Usage | None:
        """Returns what a run of a configuration takes; None where none like it is stored."""
        known = self._known.get(_likeness(config))
        if not known:
            return None
        work = _work(config, None)
        paces = [pace for _, pace in known]
        spent = Spent(
            cpu_seconds=median(one.cpu_seconds for one in paces),
            gpu_seconds=median(one.gpu_seconds for one in paces),
            money=median(one.money for one in paces),
        )
        return Usage(seconds=work * median(seconds for seconds, _ in known), spent=spent.times(work))


def _likeness(config: MethodConfig) -> tuple[object, ...]:
    if isinstance(config, ClassifierFields):
        return config.method, config.backbone, config.resolution
    if isinstance(config, PriorsNetConfig):
        return config.method, config.loss, config.train_on, config.sampler
    return (config.method,)


def _work(config: MethodConfig, epochs: int | None) -> float:
    """Returns about how much work a run is beside others like it; 1 for a method without epochs."""
    if isinstance(config, ClassifierFields):
        return config.epochs if epochs is None else epochs
    if isinstance(config, PriorsNetConfig):
        return (config.epochs if epochs is None else epochs) * (config.images_per_class or 1)
    return 1
