"""Finds the evaluations that measure a setting, and keeps apart what must not be averaged."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from fieldmark.config import ImageStageConfig, MethodConfig, RunSpec, Scale
from fieldmark.store.records import METRICS, DatasetCard, EvaluationRecord
from fieldmark.tables.scope import IMAGE_STAGE, LATEST
from fieldmark.tables.sources import Results

Row = dict[str, Any]
"""One evaluation of the catalogue."""
Group = tuple[EvaluationRecord, list[Row]]
"""Evaluations that differ by the seed only, and one record of them."""
MOST_SEEDS = 500
"""Seeds of one setting that enter a table."""
MOST_STAGES = 16
"""Records that are read to tell a setting's stages apart."""
CLASSIFIERS = ("classifier", "frozen")
"""Methods of trained classifiers, which are no priors and have tables of their own."""
OTHER_STAGE = "Runs on another image stage exist; they are left out."
_MATCHED = ("evaluation_id", "run_id", "method", "config_id", "seed", "score", "role")
_OF_A_RECORD = ("n", "sweep", "parameters", "seconds", "scale", "scale_k", "category_size")
COLUMNS = (*_MATCHED, *_OF_A_RECORD, "config.resolution")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Evaluations of one setting under one score source, one a seed, in the order of the seeds."""

    record: EvaluationRecord
    """Of the first seed; the others differ by seed and numbers only."""
    evaluation_ids: tuple[str, ...]
    run_ids: tuple[str, ...]
    seeds: tuple[int, ...]
    metrics: dict[str, tuple[float, ...]]
    """Each metric over the seeds, where every seed has it."""
    seconds: float
    """Mean time of a run."""
    notes: tuple[str, ...] = ()

    @property
    def config_id(self) -> str:
        """Id of the setting as run."""
        return self.record.spec.config.config_id

    @property
    def n(self) -> int:
        """Number of seeds."""
        return len(self.seeds)


@dataclass(kw_only=True)
class Evidence:
    """The test evaluations of PriorsNet, its baselines and its references on one data set and protocol."""

    store: Results
    catalogue: pa.Table
    runs: pa.Table
    stage: str | None = None
    """The image stage that every table keeps to: runs that consumed another one are left out."""
    _specs: list[RunSpec] = field(default_factory=list)
    """One run for each set of stages met so far."""
    _found: dict[tuple[str, str | None, tuple[str, ...]], Measured | None] = field(default_factory=dict)

    @classmethod
    def of(
        cls, store: Results, card: DatasetCard, more: pc.Expression | None = None, stage: str | None = LATEST
    ) -> "Evidence":
        """Reads the catalogue once: single runs that were completed, on the test part of this data set.

        Trained classifiers and fusions are left out, and so are bounds at another resolution than the image stage's.

        Args:
            store: the results.
            card: the data set and its protocol.
            more: a further condition.
            stage: hash of the image stage to keep to; `LATEST` for that of the latest run.
        """
        here = (pc.field("fingerprint") == card.fingerprint) & (pc.field("protocol") == card.protocol)
        where = here & (pc.field("split") == "test") & (pc.field("runs") == 1)
        where = where & ~pc.field("method").isin(pa.array(CLASSIFIERS))
        if more is not None:
            where = where & more
        found = store.evaluations(columns=[*COLUMNS, *METRICS], where=where)
        runs = store.runs(
            columns=["run_id", "status", "seconds", "started", "top1"], where=here if more is None else here & more
        )
        cut_off = runs.filter(pc.not_equal(runs.column("status"), "completed")).column("run_id")
        if len(cut_off):
            found = found.filter(pc.invert(pc.is_in(found.column("run_id"), value_set=_whole(cut_off))))
        evidence = cls(store=store, catalogue=found, runs=runs)
        evidence.stage = evidence.latest_stage() if stage == LATEST else stage
        evidence._keep_to_resolution()
        return evidence

    def _keep_to_resolution(self) -> None:
        """Leaves out bounds on pictures of another size than the image stage sees: less or more can be told there."""
        image = self.first(("image_only",), "image")
        stage = ImageStageConfig() if image is None else image.record.spec.config
        assert isinstance(stage, ImageStageConfig), stage
        seen = pc.equal(self.catalogue.column("config.resolution"), stage.resolution)
        self.catalogue = self.catalogue.filter(
            pc.or_kleene(pc.not_equal(self.catalogue.column("method"), "bayes"), seen)
        )

    def latest_stage(self) -> str | None:
        """Returns the image stage of the run that was started last among those that consumed one, or None."""
        images = self.catalogue.filter(pc.invert(pc.starts_with(self.catalogue.column("score"), "prior_")))
        images = images.filter(pc.not_equal(images.column("method"), "bayes"))
        apart = pc.equal(images.column("method"), "image_only")
        last = self.last_started(images.filter(pc.invert(apart))) or self.last_started(images.filter(apart))
        return None if last is None else self._record(last, None).spec.stages.get(IMAGE_STAGE)

    def last_started(self, rows: pa.Table) -> Row | None:
        """Returns the evaluation among these rows whose run was started last, or None."""
        met = self.runs.filter(pc.is_in(self.runs.column("run_id"), value_set=_whole(rows.column("run_id"))))
        if not len(met):
            return None
        first = pc.max(met.column("started"))
        last = pc.min(met.filter(pc.equal(met.column("started"), first)).column("run_id"))
        found: Row = rows.filter(pc.equal(rows.column("run_id"), last)).slice(0, 1).to_pylist()[0]
        return found

    def started(self, measured: Measured) -> float:
        """Returns when the last of a setting's seeds was started, Unix time."""
        return float(pc.max(self._runs_of(measured.run_ids).column("started")).as_py() or 0.0)

    def tune_top1(self, measured: Measured) -> float | None:
        """Returns the mean top-1 on tune under the score that its sweep judged by, or None where it was not kept."""
        value = pc.mean(self._runs_of(measured.run_ids).column("top1")).as_py()
        return None if value is None else float(value)

    def _runs_of(self, run_ids: Sequence[str]) -> pa.Table:
        return self.runs.filter(pc.is_in(self.runs.column("run_id"), value_set=pa.array(run_ids, pa.string())))

    def settings(self, methods: Iterable[str], score: str | None = None, roles: Sequence[str] = ()) -> list[str]:
        """Returns the config ids of these methods, in the order of the store."""
        keep = pc.is_in(self.catalogue.column("method"), value_set=pa.array(list(methods)))
        if score is not None:
            keep = pc.and_(keep, pc.equal(self.catalogue.column("score"), score))
        if roles:
            keep = pc.and_(keep, pc.is_in(self.catalogue.column("role"), value_set=pa.array(list(roles))))
        return list(dict.fromkeys(self.catalogue.filter(keep).column("config_id").to_pylist()))

    def first(self, methods: Iterable[str], score: str) -> Measured | None:
        """Returns the first setting of these methods under a score source that has runs on the table's image stage."""
        found = (self.measured(config_id, score) for config_id in self.settings(methods, score))
        return next((one for one in found if one is not None), None)

    def scores(self) -> set[str]:
        """Returns the score sources there are."""
        return set(pc.unique(self.catalogue.column("score")).to_pylist())

    def measured(
        self, config_id: str, score: str | None, roles: Sequence[str] = (), config: MethodConfig | None = None
    ) -> Measured | None:
        """Returns a setting's seeds under a score source (None: the only one it has), or None where there is no run.

        Runs of an older version of the method are left out, and so are runs on another image stage than the table's.
        Both are said in `notes`.

        Args:
            config_id: the setting.
            score: the score source.
            roles: only runs with one of these roles; empty for all.
            config: the setting itself, where it is known: spares reading a record.
        """
        key = (config_id, score, tuple(roles))
        if key in self._found:
            return self._found[key]
        rows = self.catalogue.filter(pc.equal(self.catalogue.column("config_id"), config_id))
        if score is not None:
            rows = rows.filter(pc.equal(rows.column("score"), score))
        if roles:
            rows = rows.filter(pc.is_in(rows.column("role"), value_set=pa.array(list(roles))))
        rows = rows.sort_by([("seed", "ascending"), ("evaluation_id", "ascending")]).slice(0, MOST_SEEDS)
        self._found[key] = self._one_version(rows.to_pylist(), config)
        return self._found[key]

    def _one_version(self, rows: list[Row], config: MethodConfig | None) -> Measured | None:
        groups, old = self._by_stages(rows, config)
        here = [group for group in groups if group[0].spec.stages.get(IMAGE_STAGE) in (self.stage, None)]
        if not here:
            return None
        record, best = max(here, key=lambda group: (IMAGE_STAGE in group[0].spec.stages, len(group[1])))
        notes = []
        if old:
            notes.append(f"Left out: {old} run{'s' * (old > 1)} of an older version of the method.")
        if len(groups) > 1:
            notes.append(OTHER_STAGE)
        return _measured(record, best, notes, self._seconds(best))

    def _seconds(self, rows: list[Row]) -> float:
        """Returns the mean time of these rows' runs."""
        times = self._runs_of([row["run_id"] for row in rows]).column("seconds")
        return float(pc.mean(times).as_py() or 0.0)

    def _by_stages(
        self, rows: list[Row], config: MethodConfig | None
    ) -> tuple[list[tuple[EvaluationRecord, list[Row]]], int]:
        """Groups rows by the stages that their run ids prove, reading one record a group; and counts what is left out.

        A run's id is the digest of its inputs and its method's version. So one record gives the ids that all other
        seeds on its stages have, and a record whose own id does not follow from its inputs is of an older version.
        """
        groups, old, left = [], 0, rows
        for turn in range(MOST_STAGES):
            if not left:
                break
            record = self._record(left[0], config)
            alike = self._on_stage(record, left) if turn == 0 else []
            if alike:  # the table's own stage is found at once, however many others there are
                record = self._record(alike[0], config)
            ids = {record.spec.model_copy(update={"seed": row["seed"]}).run_id for row in left}
            alike = [row for row in left if row["run_id"] in ids]
            if alike:
                groups.append((record, alike))
            old += not alike
            left = [row for row in left if row["run_id"] not in ids] if alike else left[1:]
        return groups, old + len(left)

    def _on_stage(self, record: EvaluationRecord, rows: list[Row]) -> list[Row]:
        """Returns the rows that differ from a record by the seed and are on the table's image stage."""
        if self.stage is None or IMAGE_STAGE not in record.spec.stages:
            return []
        spec = record.spec.model_copy(update={"stages": {**record.spec.stages, IMAGE_STAGE: self.stage}})
        ids = {spec.model_copy(update={"seed": row["seed"]}).run_id for row in rows}
        return [row for row in rows if row["run_id"] in ids]

    def _record(self, row: Row, config: MethodConfig | None) -> EvaluationRecord:
        """Returns a row's record: told from its columns where the run id proves the stages, else read."""
        for spec in self._specs if config is not None else ():
            guess = spec.model_copy(update={"config": config, "seed": row["seed"]})
            if guess.run_id == row["run_id"]:
                return _record_of(row, guess)
        record = self.store.evaluation(row["evaluation_id"])
        if record.spec.stages not in [spec.stages for spec in self._specs]:
            self._specs.append(record.spec)
        return record


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks()


def _record_of(row: Row, spec: RunSpec) -> EvaluationRecord:
    return EvaluationRecord(
        run_ids=(row["run_id"],),
        spec=spec,
        scale=Scale(name=row["scale"], k=row["scale_k"], category_size=row["category_size"]),
        split="test",
        score=row["score"],
        metrics={name: row[name] for name in METRICS if row[name] is not None},
        **{name: row[name] for name in ("n", "role", "sweep", "parameters", "seconds")},
    )


def _measured(record: EvaluationRecord, rows: list[Row], notes: list[str], seconds: float) -> Measured:
    def columns(name: str) -> tuple[Any, ...]:
        return tuple(row[name] for row in rows)

    whole = {name: columns(name) for name in METRICS if all(row[name] is not None for row in rows)}
    return Measured(
        record=record,
        evaluation_ids=columns("evaluation_id"),
        run_ids=columns("run_id"),
        seeds=columns("seed"),
        metrics=whole,
        seconds=seconds,
        notes=tuple(notes),
    )
