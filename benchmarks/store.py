"""What the store costs: committing, querying a million runs, syncing new records, packing and merging.

    python benchmarks/store.py [--runs 1000000] [--new 10000] [--json]

The stored runs are written straight into segments, as compaction would have left them: one run and one evaluation each,
with full record JSON, spread over data sets, splits, scores and settings, 20 files of each kind. Among them are the
settings of Table S2 with five seeds each, the image-only classifier, and their predictions on 1,000 images. Nothing is
kept.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fieldmark.config import ImageStageConfig, MethodConfig, PriorsNetConfig, RunSpec, Scale, effective
from fieldmark.papers import configuration, rows
from fieldmark.store import METRICS, DatasetCard, EvaluationRecord, RunRecord, Store
from fieldmark.store.commit import encode
from fieldmark.store.flat import EVALUATIONS, RUNS, Kind, flat_row
from fieldmark.store.segments import write_segment

DATASETS, SETTINGS, SEEDS = 4, 100, 25
PUBLISHED_SEEDS, IMAGES, CATEGORIES = 5, 1000, 100
SPLIT_SCORES = [("tune", "joint"), ("test", "product_calibrated"), ("test", "prior_raw"), ("test", "joint")]
FILES = 20
FIGURES = dict.fromkeys(METRICS, 0.5)
SCALE = Scale(name="paper")

TABLE = """
import json, sys, time
begin = time.perf_counter()
from fieldmark.store import Store
from fieldmark.tables.compare import comparison_table
from fieldmark.tables.render import render
imported, cpu = time.perf_counter(), time.process_time()
store = Store.open(sys.argv[1])
table = comparison_table(store, "S2", dataset="data0")
text = render(table, "md")
done, cpu = time.perf_counter(), time.process_time() - cpu
measured = sum(row.top1.n for row in table.rows if row.top1)
comparison_table(store, "S2", dataset="data0")
print(json.dumps({"import_s": imported - begin, "query_s": done - imported, "query_cpu_s": cpu,
                  "again_s": time.perf_counter() - done, "rows": measured, "groups": len(table.rows)}))
"""

QUERY = """
import json, sys, time
begin = time.perf_counter()
import pyarrow.compute as pc
from fieldmark.store import Store
imported, cpu = time.perf_counter(), time.process_time()
store = Store.open(sys.argv[1])
conditions = dict(zip(sys.argv[2::2], sys.argv[3::2]))
where = None
for name, value in conditions.items():
    where = pc.field(name) == value if where is None else where & (pc.field(name) == value)
rows = store.evaluations(["config_id", "seed", "top1"], where)
table = rows.group_by("config_id").aggregate([("top1", "mean"), ("top1", "stddev"), ("top1", "count")])
done, cpu = time.perf_counter(), time.process_time() - cpu
again = store.evaluations(["config_id", "seed", "top1"], where).num_rows
print(json.dumps({"import_s": imported - begin, "query_s": done - imported, "query_cpu_s": cpu,
                  "again_s": time.perf_counter() - done, "rows": rows.num_rows, "groups": table.num_rows}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1_000_000, help="stored runs to query")
    parser.add_argument("--new", type=int, default=10_000, help="loose records to commit, sync, pack and merge")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = {"machine": machine(), **measure(Path(folder), options.runs, options.new)}
    if options.json:
        print(json.dumps(figures))
    else:
        show(figures)


def measure(folder: Path, runs: int, new: int) -> dict[str, Any]:
    """Returns all figures."""
    big = str(folder / "big")
    fill(Store.open(big), runs)
    one = {"dataset": "data0", "fingerprint": "f0", "scale": "paper", "split": "test", "score": "product_calibrated"}
    size = sum(path.stat().st_size for path in Path(big).rglob("*.parquet"))
    return {
        "stored_runs": runs,
        "stored_bytes": size,
        "table_s2": fresh_process(TABLE, big),
        "table_query": fresh_query(big, one),
        "query_of_every_row": fresh_query(big, {"scale": "paper"}),
        **loose_figures(folder, new),
    }


def fill(store: Store, runs: int) -> None:
    """Writes `runs` runs with an evaluation each into segments."""
    random = np.random.default_rng(0)
    for part in np.array_split(np.arange(runs), FILES):
        for kind in (RUNS, EVALUATIONS):
            write_segment(store.objects, kind, synthetic_rows(kind, len(part), random))
    for dataset in range(DATASETS):
        publish(store, dataset, random)
    store.compact()


def publish(store: Store, dataset: int, random: np.random.Generator) -> None:
    """Records the settings of Table S2 and the image-only classifier on one data set, with predictions."""
    card = DatasetCard.model_validate(
        {"name": f"data{dataset}", "spec": f"inat2021mini:/data{dataset}", "fingerprint": f"f{dataset}"}
        | {"protocol": "official", "categories": CATEGORIES, "counts": {"train": 100_000, "test": IMAGES}}
        | {"largest_category": 1000, "category_size": 1000, "has_images": True}
    )
    store.put_card(card)
    settings = [configuration(row) for row in rows("S2")]
    for config in [ImageStageConfig(), *(effective(config, card.largest_category) for config in settings if config)]:
        score = "image" if isinstance(config, ImageStageConfig) else "product_raw"
        for seed in range(1 if score == "image" else PUBLISHED_SEEDS):
            spec = spec_of(config, dataset, seed)
            hits = (random.random(IMAGES) < 0.7).astype(np.float32)
            store.commit_run(run_record(spec))
            record = evaluation_record(spec, "test", score).model_copy(update={"metrics": {"top1": float(hits.mean())}})
            store.commit_evaluation(record, predictions=predictions(hits))


def predictions(hits: np.ndarray) -> pa.Table:
    """Returns the rows of an evaluation."""
    return pa.table(
        {
            "image_id": [f"image{index}" for index in range(IMAGES)],
            "true_category": pa.array(np.arange(IMAGES) % CATEGORIES, pa.int32()),
            "true_probability": pa.array(hits),
            "true_rank": pa.array(2 - hits),
            "hit1": pa.array(hits),
        }
    )


def synthetic_rows(kind: Kind, count: int, random: np.random.Generator) -> pa.Table:
    """Returns flat rows that vary as a year of sweeps would, each with an id, a figure and JSON of its own."""
    templates = [template(kind, index) for index in range(DATASETS * SETTINGS * len(SPLIT_SCORES))]
    drawn = pa.array(random.integers(len(templates), size=count))
    table = pa.Table.from_pylist([row for row, _ in templates], schema=kind.schema).take(drawn)
    digits = random.bytes(16 * count).hex()
    ids = pa.array([digits[32 * index : 32 * index + 32] for index in range(count)])
    top1 = pa.array(random.random(count).round(6))
    texts = pa.array([text for _, text in templates]).take(drawn)
    texts = pc.binary_join_element_wise(texts, ids, top1.cast(pa.string()), "}", "")
    own = {kind.id: ids, "top1": top1, "seed": pa.array(random.integers(SEEDS, size=count)), "record": texts}
    for name, values in own.items():
        table = table.set_column(table.column_names.index(name), name, values)
    return table


def template(kind: Kind, index: int) -> tuple[dict[str, Any], str]:
    """Returns the columns and the JSON of one kind of row."""
    rest, dataset = divmod(index, DATASETS)
    where, setting = divmod(rest, SETTINGS)
    record = sample(kind, dataset, setting, 0, *SPLIT_SCORES[where])
    text = encode(record).decode()
    return flat_row(record, text), text


def sample(kind: Kind, dataset: int, setting: int, seed: int, split: str, score: str) -> RunRecord | EvaluationRecord:
    """Returns one record."""
    spec = spec_of(PriorsNetConfig(lr=1e-5 * (1 + setting), width=128), dataset, seed)
    return run_record(spec) if kind is RUNS else evaluation_record(spec, split, score)


def spec_of(config: MethodConfig, dataset: int, seed: int) -> RunSpec:
    """Returns a run on one of the data sets."""
    return RunSpec(config=config, dataset=f"data{dataset}", fingerprint=f"f{dataset}", protocol="official", seed=seed)


def run_record(spec: RunSpec) -> RunRecord:
    """Returns a completed run."""
    return RunRecord(run_id=spec.run_id, spec=spec, scale=SCALE, status="completed", metrics=FIGURES)


def evaluation_record(spec: RunSpec, split: str, score: str) -> EvaluationRecord:
    """Returns its evaluation."""
    return EvaluationRecord.model_validate(
        {"run_ids": [spec.run_id], "spec": spec, "scale": SCALE, "split": split, "score": score, "n": IMAGES}
        | {"metrics": FIGURES}
    )


def fresh_query(url: str, conditions: dict[str, str]) -> dict[str, float]:
    """Returns the times of a new process's first query: filter, then mean, std and n of top-1 by setting."""
    return fresh_process(QUERY, url, *(word for pair in conditions.items() for word in pair))


def fresh_process(program: str, *arguments: str) -> dict[str, float]:
    """Returns the figures that a program prints, and how long its process took."""
    begin = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True, check=True)
    return {**json.loads(done.stdout), "process_s": time.perf_counter() - begin}


def loose_figures(folder: Path, new: int) -> dict[str, float]:
    """Returns the figures of `new` loose records: commit, sync by another reader, merge, pack."""
    store, reader = Store.open(str(folder / "loose")), Store.open(str(folder / "loose"))
    records = [sample(RUNS, 0, index, 0, "", "") for index in range(new)]
    curve = pa.table({"epoch": range(30), "loss": [0.5] * 30})
    figures = {}
    figures["commit_per_s"] = new / timed(lambda: [store.commit_run(record) for record in records])  # type: ignore[arg-type]
    with_curve = [sample(RUNS, 1, index, 0, "", "") for index in range(new // 10)]
    seconds = timed(lambda: [store.commit_run(record, curve=curve) for record in with_curve])  # type: ignore[arg-type]
    figures["commit_with_curve_per_s"] = len(with_curve) / seconds
    figures["sync_records"] = len(records) + len(with_curve)
    figures["sync_s"] = timed(lambda: reader.runs(["run_id"]))
    figures["sync_nothing_new_s"] = timed(lambda: reader.runs(["run_id"]))
    other = Store.open(str(folder / "other"))
    figures["merge_s"] = timed(lambda: other.merge(store))
    figures["merge_again_s"] = timed(lambda: other.merge(store))
    figures["pack_s"] = timed(store.compact)
    return figures


def timed(action: Any) -> float:
    """Returns the seconds an action takes."""
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def machine() -> dict[str, Any]:
    """Returns what the figures were taken on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "pyarrow": pa.__version__,
        "load": round(os.getloadavg()[0], 1),
    }


def show(figures: dict[str, Any]) -> None:
    """Prints the figures as text."""
    host = figures["machine"]
    print(f"machine: {host['cpu']}, {host['cores']} cores, load {host['load']} at the start")
    print(f"stored runs: {figures['stored_runs']:,} with an evaluation each ({figures['stored_bytes'] / 1e6:.0f} MB)")
    titles = {"table_s2": "Table S2", "table_query": "query of one table", "query_of_every_row": "query of every row"}
    for name, title in titles.items():
        query = figures[name]
        print(
            f"{title}: {query['rows']:,} runs into {query['groups']:,} rows: {query['query_s']:.2f} s in a fresh "
            f"process (opening, listing, filter, statistics; {query['query_cpu_s']:.2f} s of CPU), "
            f"then {query['again_s']:.2f} s; imports {query['import_s']:.2f} s; process {query['process_s']:.2f} s"
        )
    print(f"commit: {figures['commit_per_s']:,.0f} records/s, with a curve {figures['commit_with_curve_per_s']:,.0f}")
    print(
        f"sync of {figures['sync_records']:,} new loose records: {figures['sync_s']:.2f} s, "
        f"when nothing is new {figures['sync_nothing_new_s']:.3f} s"
    )
    print(
        f"merge of them: {figures['merge_s']:.2f} s, again {figures['merge_again_s']:.2f} s; "
        f"packing: {figures['pack_s']:.2f} s"
    )


if __name__ == "__main__":
    main()
