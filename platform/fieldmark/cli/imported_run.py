"""Keeps an imported log in a results store, where it can be looked at but never meets a measured run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from fieldmark.store.records import RunRecord
    from fieldmark.training.logged_run import LoggedRun

DATASET = "iNat2021-mini (imported log)"


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a log is kept."""

    run_id: str
    store: str
    is_new: bool

    def __str__(self) -> str:
        return f"{self.run_id[:10]} in {self.store}" + ("" if self.is_new else ", where it was already")


def keep(log: "LoggedRun", url: str, report: Sequence[str]) -> Kept:
    """Records a log as a run of its own, once, with its curve.

    Args:
        log: as read.
        url: of the store, which is made where there is none.
        report: kept as the run's log.

    Raises:
        UserError: the store cannot be written.
    """
    from fieldmark.store import Store

    store = Store.open(url)
    record = imported_record(log)
    is_new = not store.has_run(record.run_id)
    if is_new:
        store.append_log(record.run_id, "\n".join(report) + "\n")
        store.commit_run(record, curve=_curve(log))
    return Kept(record.run_id, url, is_new)


def imported_record(log: "LoggedRun") -> "RunRecord":
    """Returns a log as a run.

    Its fingerprint is no data set's, so that no table joins it with measured runs (SCIENCE rule 8); its role says
    `imported`. There is no evaluation: the log does not say how many pictures were scored. What else it does not say
    (the weights that training began with, the machine) is left unknown.
    """
    from fieldmark.config import ClassifierConfig, Recipes, RunSpec, Scale
    from fieldmark.store.records import Cost, Provenance, RunRecord, Trial

    recipe = {**Recipes.NAMES["released_log"].model_dump(), "epochs": log.epochs}
    config = ClassifierConfig(**recipe, backbone="resnet50", weights="unknown", fusion="image_only")
    spec = RunSpec(config=config, dataset=DATASET, fingerprint=f"imported:{log.digest}", protocol="official")
    last = log.last
    return RunRecord(
        run_id=spec.run_id,
        spec=spec,
        scale=Scale(name="paper"),
        status="completed" if log.is_whole else "stopped",
        message=f"imported from {log.name}, not measured here",
        metrics={"top1": last.top1, "top5": last.top5, "validation_loss": last.loss},
        epochs=last.epoch + 1,
        trial=Trial(role="imported"),
        cost=Cost(seconds=log.running_seconds),
        provenance=Provenance(host="unknown", device="unknown"),
    )


def _curve(log: "LoggedRun") -> "pa.Table":
    """Returns the curve as our own runs keep theirs: epochs from 1, `loss` is that of training."""
    import pyarrow as pa

    rows = log.curve()
    epochs = pa.array([int(row["epoch"]) + 1 for row in rows], pa.int32())
    names = {"loss": "train_loss", **{name: name for name in ("lr", "top1", "top5", "validation_loss")}}
    return pa.table({"epoch": epochs, **{name: [row[source] for row in rows] for name, source in names.items()}})
