"""Table S2's PriorsNet rows: a sweep without own trials, on the image scores that the other rows share."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from fieldmark.config import ClassifierConfig
from fieldmark.data.observations import DataSet, Split
from fieldmark.errors import UserError
from fieldmark.search.ledger import evaluation_id
from fieldmark.search.options import SweepOptions, sweep_options
from fieldmark.search.reproduce.options import ReproduceOptions, usual_seeds

if TYPE_CHECKING:
    from fieldmark.search.budget.limits import Larger
    from fieldmark.search.result import SweepResult
    from fieldmark.store import Store


def sweep_rows(
    options: ReproduceOptions, spec: str, dataset: DataSet, store: "Store", image_run: str, larger: "Larger"
) -> "SweepResult":
    """Runs the rows of Table S2, or goes on with them; with nothing left it takes seconds.

    Args:
        options: the flags of the reproduction.
        spec: the data set that stands for iNat2021-mini, as typed after --data.
        dataset: the same, opened.
        store: holds the image-only run's probabilities.
        image_run: the run whose scores the priors are multiplied with.
        larger: the reproduction, whose budget is of its runs and of these.

    Raises:
        UserError: its probabilities are not there.
    """
    from fieldmark.search.dryrun import DryRun
    from fieldmark.search.sweep import sweep_priorsnet

    with tempfile.TemporaryDirectory(prefix="fieldmark-scores-") as folder:
        path = Path(folder) / "image_scores.npy"
        _write_scores(path, dataset, store, image_run)
        result = sweep_priorsnet(_options(options, spec, path, _resolution(store, image_run)), larger=larger)
    assert not isinstance(result, DryRun)
    return result


def _resolution(store: "Store", run_id: str) -> int:
    config = store.run(run_id).spec.config
    assert isinstance(config, ClassifierConfig)
    return config.resolution


def _options(options: ReproduceOptions, spec: str, path: Path, resolution: int) -> SweepOptions:
    return sweep_options(
        data=spec,
        trials=0,
        seeds=options.seeds or usual_seeds("S2"),
        scale=options.scale,
        store=options.store,
        address=options.address,
        executor=options.executor,
        image_scores=str(path),
        image_resolution=resolution,
        max_bad_share=options.max_bad_share,
        max_concurrent=options.max_concurrent,
        takeover=options.takeover,
        budget=options.budget,
        at_limit=options.at_limit,
        prices=options.prices,
        checkpoint_budget=options.checkpoint_budget,
        hang_after=options.hang_after,
    )


def _write_scores(path: Path, dataset: DataSet, store: "Store", run_id: str) -> None:
    """Writes the probabilities of tune and test in the order of the records, which is how a matrix is read."""
    import numpy as np

    rows, scores = [], []
    for split, name in ((Split.TUNE, "tune"), (Split.TEST, "test")):
        key = evaluation_id(run_id, name, "image")
        kept, predictions = store.probabilities(key), store.predictions(key)
        if kept is None or predictions is None:
            raise UserError(f"run {run_id}: its image scores were not kept; run the reproduction of S2 again")
        place = {image: index for index, image in enumerate(dataset.observations.image_id.to_pylist())}
        rows.append(np.array([place[image] for image in predictions["image_id"].to_pylist()], np.int64))
        scores.append(kept.astype(np.float32))
        missing = len(dataset.indices(split)) - len(kept)
        if missing:
            raise UserError(
                f"Table S2: {missing} {name} pictures have no image score, as they are bad or without a name"
            )
    whole_NC = np.concatenate(scores)[np.argsort(np.concatenate(rows))]
    np.save(path, whole_NC / whole_NC.sum(axis=1, keepdims=True))
