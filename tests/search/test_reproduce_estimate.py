"""What rows cost at paper scale: the published log by hand, stored runs, disk and missing data."""

import json
import subprocess
import sys

import pyarrow as pa
import pytest

from fieldmark.config import ClassifierConfig, RunSpec, Scale
from fieldmark.papers import MEASURED, WORLDS, Measurement, measurements
from fieldmark.search.reproduce.dryrun_rows import describe_dry_run
from fieldmark.search.reproduce.estimate import PaperEstimate, estimate_rows
from fieldmark.search.reproduce.published_data import PUBLISHED_DATA
from fieldmark.search.reproduce.speeds import GpuSpeeds
from fieldmark.store import Cost, RunRecord, Store

SEEDS = dict.fromkeys(MEASURED, 1)
EVERY = [one for table in MEASURED for one in measurements(table, "paper")]
A_PICTURE = 0.714 * 8 / 1024  # GPU-seconds


def estimate(rows: list[Measurement], store: Store | None = None, **seeds: int) -> PaperEstimate:
    return estimate_rows(rows, store, {}, {**SEEDS, **seeds})


def named(*cells: str) -> list[Measurement]:
    return [one for cell in cells for one in EVERY if one.cell == cell]


def resnet(**changes: object) -> ClassifierConfig:
    (one,) = named("S3:4:iNat2018")
    assert isinstance(one.config, ClassifierConfig)
    return one.config.model_copy(update=changes)


def record(
    store: Store, config: ClassifierConfig, *, gpus: int, rate: float, seed: int = 0, multiply_adds: int = 0
) -> None:
    spec = RunSpec(config=config, dataset="real", fingerprint="f", protocol="official", seed=seed)
    store.commit_run(
        RunRecord(
            run_id=spec.run_id,
            spec=spec,
            scale=Scale(name="paper"),
            status="completed",
            multiply_adds=multiply_adds,
            cost=Cost(seconds=100.0, gpu_seconds=100.0 * gpus),
        ),
        curve=pa.table({"epoch": [1, 2, 3], "images_per_second": [rate / 9, rate, rate]}),
    )


def test_the_published_logs_own_network_costs_what_its_log_says() -> None:
    speed = GpuSpeeds(None).of(resnet(fusion="image_only", fusion_settings={}), 4_107_616_256)
    assert speed.gpu_seconds == pytest.approx(A_PICTURE) and "published log" in speed.source


def test_a_resnet_row_by_hand() -> None:
    (row,) = estimate(named("S3:4:iNat2018")).rows
    train, tune, test = 0.9 * 437_513, 0.1 * 437_513, 24_426
    relative = 4_111_017_472 / 4_107_616_256
    assert row.train_gpu_hours == pytest.approx(90 * (train + tune / 3) * A_PICTURE * relative / 3600, rel=1e-3)
    assert row.evaluate_gpu_hours == pytest.approx((tune + test) / 3 * A_PICTURE * relative / 3600, rel=1e-3)
    assert 50 < row.gpu_hours < 65
    assert row.weights_bytes == 4 * 47_408_334 and row.checkpoint_bytes == 2 * row.weights_bytes


def test_runs_that_rows_share_are_counted_once() -> None:
    alone, shared = estimate(named("S1:1:iNat2021")), estimate(named("S1:1:iNat2021", "S1:3:iNat2021"))
    assert shared.rows[1].trained_for == "S1:1:iNat2021" and not shared.rows[1].weights_bytes
    views = sum((size / 224) ** 2 for size in (256, 288, 320, 352, 384))
    assert shared.rows[1].gpu_hours == pytest.approx(views * shared.rows[0].evaluate_gpu_hours)
    assert shared.gpu_hours == pytest.approx(alone.gpu_hours + shared.rows[1].evaluate_gpu_hours)


def test_a_row_with_more_seeds_than_the_one_that_shares_its_runs_pays_for_the_others() -> None:
    first, second = estimate(named("S2:11:iNat2021-mini", "S6:4:iNat2021-mini"), S2=2, S6=5).rows
    assert second.gpu_hours == pytest.approx(1.5 * first.gpu_hours)


def test_larger_pictures_larger_networks_and_ten_crops_cost_more() -> None:
    rows = {row.cell: row for row in estimate(EVERY).rows}
    assert 2.5 < rows["S1:4:iNat2021"].train_gpu_hours / rows["S1:1:iNat2021"].train_gpu_hours < 3.2
    assert 1.9 < rows["S4:8:iNat2018"].train_gpu_hours / rows["S4:4:iNat2018"].train_gpu_hours < 2.4
    swin = rows["S1:8:iNat2021"]
    tune, test = 0.1 * 2_686_843, 100_000
    epoch = 2_686_843 * 0.9 + tune / 3
    assert swin.evaluate_gpu_hours / swin.train_gpu_hours == pytest.approx(10 * (tune + test) / 3 / (60 * epoch))


def test_whole_probabilities_are_kept_where_an_ensemble_averages_them() -> None:
    with_ensemble = estimate(named("S1:1:iNat2021", "S1:10:iNat2021")).rows[0].predictions_bytes
    without = estimate(named("S1:1:iNat2021")).rows[0].predictions_bytes
    assert with_ensemble - without == round(0.1 * 2_686_843 + 100_000) * 10_000 * 2


def test_stored_runs_come_before_the_published_log() -> None:
    store = Store.open("memory://")
    record(store, resnet(resolution=448), gpus=1, rate=100.0, multiply_adds=16_000_000_000)
    row = estimate(named("S3:4:iNat2018"), store).rows[0]
    assert "by multiply-adds" in row.source and "published" not in row.source
    record(store, resnet(fusion="add_star", fusion_settings={"d": 256, "hidden": 0}), gpus=4, rate=2000.0)
    assert "resnet50 at 224 px" in estimate(named("S3:4:iNat2018"), store).rows[0].source
    record(store, resnet(), gpus=2, rate=500.0)
    own = estimate(named("S3:4:iNat2018"), store).rows[0]
    assert "this configuration" in own.source
    assert own.train_gpu_hours == pytest.approx(90 * (0.9 + 0.1 / 3) * 437_513 * 2 / 500 / 3600)


def test_runs_on_a_cpu_say_nothing_of_gpus() -> None:
    store = Store.open("memory://")
    record(store, resnet(), gpus=0, rate=1.0)
    assert "published log" in estimate(named("S3:4:iNat2018"), store).rows[0].source


def test_missing_data_are_named_with_where_they_come_from_and_how_they_lie() -> None:
    assert set(PUBLISHED_DATA) == set(WORLDS)
    found = estimate_rows(EVERY, None, {"iNat2018": "inat2018:/data"}, SEEDS)
    assert [one.name for one in found.missing] == ["iNat2021", "iNat2021-mini", "YFCC100M-GEO100"]
    assert found.missing[2].images == 88_986 and "photo2gps.txt" in found.missing[2].layout
    assert found.missing[0].flag == "--data iNat2021=inat2021:DIR"
    text = " ".join(describe_dry_run(found).split())
    assert "--data YFCC100M-GEO100=yfcc_geo100:DIR" in text and "train_mini.json" in text
    assert "assumed 8 GPUs" in text and "S1:10:iNat2021" in text and f"{found.gpu_hours:,.0f} GPU-hours" in text


def test_programs_get_the_same_figures() -> None:
    found = estimate(EVERY)
    assert json.loads(describe_dry_run(found, "json")) == json.loads(json.dumps(found.to_json()))
    assert len(found.rows) == 51 and found.gpu_hours == pytest.approx(sum(row.gpu_hours for row in found.rows))


def test_an_estimate_imports_nothing_heavy() -> None:
    code = (
        "import sys; from fieldmark.papers import MEASURED, measurements\n"
        "from fieldmark.search.reproduce.dryrun_rows import describe_dry_run\n"
        "from fieldmark.search.reproduce.estimate import estimate_rows\n"
        "rows = [one for table in MEASURED for one in measurements(table, 'paper')]\n"
        "describe_dry_run(estimate_rows(rows, None, {}, dict.fromkeys(MEASURED, 5)))\n"
        "print([name for name in ('torch', 'ray', 'matplotlib', 'pandas', 'scipy', 'optuna') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
