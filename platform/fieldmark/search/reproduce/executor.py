"""Where the runs of a reproduction run: single ones on warm actors, groups of workers after them."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from fieldmark.search.executors.base import Executor
from fieldmark.search.executors.groups import GroupExecutor
from fieldmark.search.executors.local import LocalExecutor
from fieldmark.search.executors.routed import RoutedExecutor
from fieldmark.search.executors.tune import TuneExecutor
from fieldmark.search.interruption import KeepGoing
from fieldmark.search.reproduce.options import ReproduceOptions
from fieldmark.search.training.image_bench import ImageBench

if TYPE_CHECKING:
    from fieldmark.store import Store


def make_executor(
    options: ReproduceOptions,
    store: "Store",
    *,
    workers: int,
    budget: int,
    keep_going: KeepGoing,
    say: Callable[[str], None],
) -> Executor:
    """Returns the executor that the flags ask for.

    Args:
        options: the flags.
        store: where runs are recorded.
        workers: the most that any run asks for.
        budget: bytes that kept probabilities may take.
        keep_going: asked between steps, in this process.
        say: shows a line.
    """
    cache, bad, place = options.cache, options.max_bad_share, options.address
    maker = partial(ImageBench, cache=cache, max_bad_share=bad, probabilities_budget=budget)
    if options.executor == "local":
        return LocalExecutor(maker, store, keep_going)
    return RoutedExecutor(
        lambda: TuneExecutor(maker, store, address=place, max_concurrent=options.max_concurrent, say=say, gpus=True),
        lambda: GroupExecutor(
            store,
            address=place,
            say=say,
            workers=workers,
            cache=cache,
            max_bad_share=bad,
            probabilities_budget=budget,
        ),
    )
