"""Where the runs of image sweeps and reproductions run: single ones on warm actors, groups of workers after them."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from fieldmark.evaluation.limits import BUDGET
from fieldmark.search.executors.base import Executor
from fieldmark.search.executors.local import LocalExecutor
from fieldmark.search.executors.pulse import HANG_AFTER
from fieldmark.search.interruption import KeepGoing
from fieldmark.search.training.image_bench import ImageBench

if TYPE_CHECKING:
    from fieldmark.store import Store


def image_executor(
    store: "Store",
    *,
    local: bool,
    address: str | None,
    workers: int,
    cache: str | None,
    max_concurrent: int | None,
    max_bad_share: float,
    keep_going: KeepGoing,
    say: Callable[[str], None],
    probabilities_budget: int = BUDGET,
    hang_after: float = HANG_AFTER,
) -> Executor:
    """Returns the executor that the flags ask for.

    Args:
        store: where runs are recorded; on a cluster every node must reach it.
        local: in this process, one after the other.
        address: of the cluster (see `RaySession`).
        workers: the most that any run asks for.
        cache: folder of packed pictures; None: the user's of every node.
        max_concurrent: runs, or groups of workers, at a time; None: as many as there is room for.
        max_bad_share: of records or pictures that may be left out.
        keep_going: asked between steps, in this process.
        say: shows a line.
        probabilities_budget: bytes that all kept probabilities of the store may take.
        hang_after: seconds without a sign of life after which a run is ended and tried again; here it is only said.
    """
    maker = partial(ImageBench, cache=cache, max_bad_share=max_bad_share, probabilities_budget=probabilities_budget)
    if local:
        return LocalExecutor(maker, store, keep_going, say=say, hang_after=hang_after)
    from fieldmark.search.executors.groups import GroupExecutor
    from fieldmark.search.executors.routed import RoutedExecutor
    from fieldmark.search.executors.tune import TuneExecutor

    return RoutedExecutor(
        lambda: TuneExecutor(
            maker,
            store,
            address=address,
            max_concurrent=max_concurrent,
            say=say,
            gpus=True,
            hang_after=hang_after,
        ),
        lambda: GroupExecutor(
            store,
            address=address,
            say=say,
            workers=workers,
            cache=cache,
            max_concurrent=max_concurrent,
            max_bad_share=max_bad_share,
            probabilities_budget=probabilities_budget,
            hang_after=hang_after,
        ),
    )
