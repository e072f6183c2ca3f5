"""The supplement's claims on printed and on measured values: what an interval leaves open is not decided."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from fieldmark.config import ClassifierConfig, RunSpec, choose_scale
from fieldmark.papers import PublishedRow, claims, published_accuracies
from fieldmark.store import EvaluationRecord, RunRecord, Store
from fieldmark.tables.claims import ClaimRow, claims_grid, claims_table, table_of
from fieldmark.tables.measured_claims import measured_verdict
from fieldmark.tables.render.terminal import render_terminal
from fieldmark.tables.reproduction import ReproductionPlan
from fieldmark.tables.statistics import Difference, ImageResampler
from fieldmark.testing.synthetic_reproduction import SyntheticReproduction, synthetic_reproduction
from fieldmark.testing.synthetic_sweep import synthetic_sweep


def made(**options: object) -> SyntheticReproduction:
    return synthetic_reproduction("memory://", **{"seeds": 3, "test_records": 400, **options})  # type: ignore[arg-type]


def judged(found: SyntheticReproduction, claim: str) -> ClaimRow:
    return next(row for row in claims_table(found.store, found.plan).rows if row.claim.id == claim)


def levels(table: str, best: float, rest: float, row: int = 4) -> Mapping[str, float]:
    names = [(f"{one.table}:{one.row}:{one.dataset}", one.row) for one in published_accuracies(table)]
    return {name: best if number == row else rest for name, number in names}


def test_every_claim_of_the_supplement_has_both_verdicts_and_says_why() -> None:
    found = made(tables=("S3",))
    table = claims_table(found.store, found.plan)
    assert {row.claim.id for row in table.rows} == {one.id for one in claims() if one.paper == "dynamic_mlp_supplement"}
    assert all(row.printed.reason and row.measured.reason for row in table.rows)
    states = {row.claim.id: row.measured.status for row in table.rows}
    assert states["s6-both"] == states["s2-dynamic"] == states["figs2-epochs"] == "not measured"
    assert states["s6-gains"] == states["s1-ten-crop"] == "not checkable"


def test_a_clear_lead_holds_and_a_clear_lag_does_not_follow() -> None:
    clear = judged(made(tables=("S3",), levels=levels("S3", 0.8, 0.5)), "s3-best")
    assert (clear.printed.status, clear.measured.status) == ("holds", "holds")
    assert clear.measured.reason.startswith("6 of 6 comparisons hold")
    lag = judged(made(tables=("S3",), levels=levels("S3", 0.5, 0.8)), "s3-best")
    assert (lag.printed.status, lag.measured.status) == ("holds", "does not follow")
    assert "Not: S3/4 YFCC100M-GEO100" in lag.measured.reason


def test_a_lead_whose_interval_contains_zero_decides_nothing() -> None:
    level = judged(made(tables=("S3",), levels=levels("S3", 0.701, 0.700)), "s3-best")
    assert level.measured.status == "undecided" and "Open: " in level.measured.reason


def test_one_clear_failure_is_enough_against_a_claim_about_all() -> None:
    one_ahead = {**levels("S3", 0.7, 0.5), "S3:2:iNat2018": 0.9}
    assert judged(made(tables=("S3",), levels=one_ahead), "s3-best").measured.status == "does not follow"


def test_rows_that_are_missing_leave_a_claim_undecided() -> None:
    found = made(tables=("S3",), levels=levels("S3", 0.8, 0.5), missing=("S3:1:iNat2018",))
    verdict = judged(found, "s3-best").measured
    assert verdict.status == "undecided" and "1 of its comparisons is not measured yet" in verdict.reason


def test_a_single_seed_is_said_to_be_one() -> None:
    assert "one seed" in judged(made(tables=("S3",), seeds=1), "s3-best").measured.reason


def test_gains_are_compared_as_sums_of_four_values() -> None:
    place = {"1": 0.5, "2": 0.8, "3": 0.55, "4": 0.82}
    cells = {f"S6:{row}:{name}": top1 for row, top1 in place.items() for name in ("iNat2018", "iNat2021-mini")}
    assert judged(made(tables=("S6",), levels=cells), "s6-geography").measured.status == "holds"
    swapped = {cell: place[{"2": "3", "3": "2"}.get(cell[3], cell[3])] for cell in cells}
    assert judged(made(tables=("S6",), levels=swapped), "s6-geography").measured.status == "does not follow"


def test_our_counts_stand_for_the_printed_ones() -> None:
    found = made(tables=("S4", "S5"), seeds=1)
    assert judged(found, "s4-complexity").measured.status == "holds"
    assert judged(found, "s5-complexity").measured.status == "holds"


def test_an_ensembles_members_are_held_against_the_limit_that_was_used_here() -> None:
    low = {f"S1:{row}:iNat2021": 0.85 for row in range(1, 10)}
    verdict = judged(made(tables=("S1",), levels=low), "s1-members").measured
    assert verdict.status == "holds" and "The limit here is 60 %" in verdict.reason


def test_priorsnets_rows_come_from_the_sweep_that_the_plan_names(tmp_path: Path) -> None:
    url = str(tmp_path / "store")
    sweep = synthetic_sweep(url, test_records=400)
    found = synthetic_reproduction(url, tables=("S2",), seeds=3, test_records=400, levels={"S2:11:iNat2021-mini": 0.9})
    plan = found.plan.model_copy(update={"priorsnet_sweep": sweep.sweep})
    states = {row.claim.id: row.measured for row in claims_table(Store.open(url), plan, "S2").rows}
    assert states["s2-dynamic"].status == "holds" and "10 of 10" in states["s2-dynamic"].reason
    assert "seed 0 of row 11 alone" in states["s2-dynamic"].reason
    assert "row 11" not in states["s2-starred"].reason and "multiply one image model" in states["s2-starred"].reason
    assert states["s2-starred"].status != "not measured"
    assert states["s2-range"].status in ("holds", "undecided") and "limit 0.1" in states["s2-range"].reason
    low = found.plan.model_copy(update={"priorsnet_sweep": ""})
    assert {one.status for one in (row.measured for row in claims_table(Store.open(url), low, "S2").rows)} == {
        "not measured",
        "not checkable",
    }


def test_row_11_meets_priorsnet_on_the_image_model_that_they_share(tmp_path: Path) -> None:
    """Seed 0 of row 11 is behind PriorsNet; its other seeds, on image models of their own, are far ahead."""
    url = str(tmp_path / "store")
    sweep = synthetic_sweep(url, test_records=400)
    found = synthetic_reproduction(
        url,
        tables=("S2",),
        seeds=5,
        test_records=400,
        levels={"S2:11:iNat2021-mini": 0.95},
        missing=("S2:11:iNat2021-mini:0",),
    )
    plan = found.plan.model_copy(update={"priorsnet_sweep": sweep.sweep})
    verdict = next(
        row for row in claims_table(found.store, plan, "S2").rows if row.claim.id == "s2-dynamic"
    ).measured  # fmt: skip
    assert verdict.status == "undecided", "without its seed 0 nothing is compared on one image model"
    synthetic_reproduction(url, tables=("S2",), seeds=1, test_records=400, levels={"S2:11:iNat2021-mini": 0.6})
    verdict = next(
        row for row in claims_table(Store.open(url), plan, "S2").rows if row.claim.id == "s2-dynamic"
    ).measured  # fmt: skip
    assert verdict.status == "does not follow" and "seed 0 of row 11 alone" in verdict.reason


def test_row_11_that_is_trained_whole_shares_nothing_with_priorsnet(tmp_path: Path) -> None:
    url = str(tmp_path / "store")
    sweep = synthetic_sweep(url, test_records=400)
    found = synthetic_reproduction(
        url, tables=("S2",), seeds=3, test_records=400, levels={"S2:11:iNat2021-mini": 0.9}, scale="paper"
    )
    plan = found.plan.model_copy(update={"priorsnet_sweep": sweep.sweep})
    rows = claims_table(Store.open(url), plan, "S2").rows
    reason = next(row.measured.reason for row in rows if row.claim.id == "s2-dynamic")
    assert "10 of 10" in reason and "no image model with the rows of PriorsNet" in reason


def range_of(levels_R: list[float], seeds: int = 5, images: int = 2000) -> tuple[str, str]:
    """Returns the verdict on Table S2's range for nine rows that scatter about these levels."""
    rows = [one for one in published_accuracies("S2") if one.row <= 9]
    random, hard_N = np.random.default_rng(1), np.random.default_rng(0).random(images)

    class Values:
        def __init__(self) -> None:
            scatter_RSN = random.normal(0, 0.02, (9, seeds, images))
            self.hits_RSN = (hard_N + scatter_RSN < np.array(levels_R)[:, None, None]).astype(np.float64)

        def value(self, row: PublishedRow) -> float:
            return 100 * float(self.hits_RSN[row.row - 1].mean())

        def seeds(self, row: PublishedRow) -> int:
            return seeds

        def contrast(self, terms: list[tuple[int, PublishedRow]]) -> Difference:
            gain_SN = sum(sign * self.hits_RSN[row.row - 1] for sign, row in terms)
            return ImageResampler(images).difference(gain_SN, np.zeros((1, images)))

        def remark(self, terms: object) -> str:
            return ""

    assert len(rows) == 9
    claim = next(one for one in claims() if one.id == "s2-range")
    found = measured_verdict(claim, Values())  # type: ignore[arg-type]
    return found.status, found.reason


def test_a_range_is_judged_by_all_pairs_not_by_the_two_that_chance_put_outside() -> None:
    """Nine rows that are all alike: their extremes alone would differ beyond the limit in many a draw."""
    status, reason = range_of([0.75] * 9)
    assert status == "undecided" and "of 36 comparisons hold" in reason
    status, reason = range_of([0.75] * 8 + [0.80])
    assert status == "does not follow" and "limit 0.1" in reason
    assert range_of([2.0] * 9)[0] == "holds", "every one names every picture rightly"


def test_chance_alone_makes_no_range_too_wide() -> None:
    random = np.random.default_rng(5)
    claim = next(one for one in claims() if one.id == "s2-range")

    class Values:
        """Nine rows without any difference, each measured with a standard error of half a point."""

        def __init__(self) -> None:
            self.found_R = 0.75 + random.normal(0, 0.005, 9)

        def value(self, row: PublishedRow) -> float:
            return 100 * float(self.found_R[row.row - 1])

        def seeds(self, row: PublishedRow) -> int:
            return 5

        def contrast(self, terms: list[tuple[int, PublishedRow]]) -> Difference:
            value, error = sum(sign * self.found_R[row.row - 1] for sign, row in terms), 0.005 * 2**0.5
            return Difference(value=value, low=value - 1.96 * error, high=value + 1.96 * error, error=error)

        def remark(self, terms: object) -> str:
            return ""

    states = [measured_verdict(claim, Values()).status for _ in range(200)]  # type: ignore[arg-type]
    assert states.count("does not follow") <= 10, "at most 5 %"


def test_no_plan_measures_nothing() -> None:
    table = claims_table(Store.open("memory://"), None)
    assert {row.measured.status for row in table.rows} == {"not measured"} and table.scale is None


@pytest.mark.parametrize("name", ["S1", "S4", "figS4"])
def test_the_claims_of_one_table_can_be_asked_for(name: str) -> None:
    found = claims_table(Store.open("memory://"), None, name)
    assert found.rows and {table_of(row.claim) for row in found.rows} == {name}


def test_the_grid_and_the_json_say_the_same() -> None:
    found = made(tables=("S3",))
    table = claims_table(found.store, found.plan)
    text = render_terminal(claims_grid(table), width=120)
    assert "scale smoke" in text and "undecided" in text and "On the printed rows" in text
    content = json.loads(json.dumps(table.to_json()))
    assert [one["measured"]["status"] for one in content["claims"]] == [row.measured.status for row in table.rows]
    assert content["claims"][0]["table"] == "S1" and content["claims"][-1]["table"] == "figS4"


# Figures


def spec_of(seed: int, fusion: str = "image_only") -> RunSpec:
    config = ClassifierConfig(fusion=fusion, resolution=28)
    return RunSpec(config=config, dataset="world", fingerprint="f", protocol="official", seed=seed)


def with_figures(**figures: dict[str, str]) -> ReproductionPlan:
    return made(tables=("S3",), seeds=1).plan.model_copy(update={"figures": figures})


def put_curve(store: Store, seed: int, top1: Sequence[float | None], images: int = 2700) -> str:
    spec = spec_of(seed)
    scale = choose_scale("smoke", train_records=3000, category_size=50)
    record = RunRecord(run_id=spec.run_id, spec=spec, scale=scale, status="completed", epochs=len(top1))
    curve = {"epoch": list(range(1, len(top1) + 1)), "top1": pa.array(top1, pa.float64())}
    store.commit_run(record, curve=pa.table(curve))
    values = {"run_ids": (spec.run_id,), "spec": spec, "scale": scale, "split": "tune", "score": "joint", "n": images}
    store.commit_evaluation(EvaluationRecord.model_validate({**values, "metrics": {"top1": top1[-1] or 0.0}}))
    return spec.run_id


def put_categories(store: Store, seed: int, fusion: str, top1_C: np.ndarray, images: int = 20) -> str:
    spec = spec_of(seed, fusion)
    hits_CN = np.arange(images)[None, :] < np.round(images * top1_C)[:, None]
    record = EvaluationRecord(
        run_ids=(spec.run_id,),
        spec=spec,
        scale=choose_scale("smoke", train_records=3000, category_size=50),
        split="test",
        score="image" if fusion == "image_only" else "joint",
        n=hits_CN.size,
        metrics={"top1": float(hits_CN.mean())},
    )
    rows = pa.table(
        {
            "image_id": [str(place) for place in range(hits_CN.size)],
            "true_category": np.repeat(np.arange(len(top1_C)), images).astype(np.int32),
            "hit1": hits_CN.ravel().astype(np.float32),
        }
    )
    store.commit_evaluation(record, predictions=rows)
    return spec.run_id


def verdict_of(store: Store, plan: ReproductionPlan, claim: str) -> tuple[str, str]:
    found = next(row for row in claims_table(store, plan).rows if row.claim.id == claim)
    return found.measured.status, found.measured.reason


EARLY, LATE = [0.1, 0.5, 0.4, 0.3, 0.3, 0.2], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]


def epochs_of(*curves: Sequence[float | None] | None, images: int = 2700) -> tuple[str, str]:
    store = Store.open("memory://")
    runs = {
        f"set {place}": "not there" if curve is None else put_curve(store, place, curve, images)
        for place, curve in enumerate(curves)
    }
    late = put_curve(store, 99, LATE, images)
    return verdict_of(store, with_figures(figS2={**runs, "set 0 image only": late}), "figs2-epochs")


def test_geonet_is_generally_best_before_two_thirds_of_the_epochs_or_is_not() -> None:
    status, reason = epochs_of(EARLY)
    assert status == "holds" and "after epoch 2 of 6" in reason
    assert epochs_of(EARLY, EARLY, LATE)[0] == "holds", "more than half, as the text says generally"
    assert epochs_of(EARLY, LATE, LATE)[0] == "does not follow"
    assert epochs_of(EARLY, LATE)[0] == "does not follow", "half is not more than half"
    status, reason = epochs_of(EARLY, None)
    assert status == "undecided" and "1 of its runs" in reason


def test_epochs_that_tunes_size_cannot_tell_apart_decide_nothing() -> None:
    flat = [0.1, 0.500, 0.502, 0.501, 0.499, 0.503]
    status, reason = epochs_of(flat, flat, EARLY)
    assert status == "undecided" and "points of sampling error" in reason
    assert epochs_of(flat, EARLY, EARLY)[0] == "holds"
    assert epochs_of(flat, images=10_000_000)[0] == "does not follow", "enough pictures tell them apart"
    assert epochs_of([0.1, 0.5, 0.5, 0.5, None, None])[0] == "undecided", "nothing is known of the last third"


def put_game(store: Store, hits: dict[str, tuple[int | None, int | None]], n: int | None = 900) -> ReproductionPlan:
    """Records a pointing game in the shape in which Figure S3 writes it: CAM's and Grad-CAM's hits by method."""
    plan = with_figures(figS3={label: f"run of {label}" for label in hits})
    rows = [
        {"label": label, "run_id": f"run of {label}", "resolution": 56, "cam_hits": cam, "grad_cam_hits": grad_cam,
         "n": n, "chance": 0.1, "tolerance_pixels": 3.75}
        for label, (cam, grad_cam) in hits.items()
    ]  # fmt: skip
    store.put(f"sweeps/{plan.plan_id}/figures/S3.json", json.dumps({"pointing_game": rows}).encode())
    return plan


@pytest.mark.parametrize(
    ("alone", "dynamic", "status"), [(540, 810, "holds"), (792, 810, "undecided"), (855, 540, "does not follow")]
)
def test_maps_are_judged_by_the_pointing_game_of_cam(alone: int, dynamic: int, status: str) -> None:
    store = Store.open("memory://")
    assert verdict_of(store, with_figures(), "figs3-cam")[0] == "not measured"
    plan = put_game(store, {"image-only": (alone, alone), "Dynamic MLP": (dynamic, 90)})
    found, reason = verdict_of(store, plan, "figs3-cam")
    assert found == status
    assert f"before the fusion: image-only {alone / 9:.1f} %, Dynamic MLP {dynamic / 9:.1f} %." in reason
    assert f"Grad-CAM, after it: image-only {alone / 9:.1f} %, Dynamic MLP 10.0 %." in reason
    stale = plan.model_copy(update={"figures": {"figS3": {"image-only": "another run", "Dynamic MLP": "yet another"}}})
    assert verdict_of(store, stale, "figs3-cam")[0] == "not measured", "the game of runs that are no longer planned"


def test_methods_without_a_map_are_named_and_prove_nothing() -> None:
    store = Store.open("memory://")
    plan = put_game(store, {"image-only": (540, 540), "Concatenation": (None, 300), "Dynamic MLP": (810, None)})
    status, reason = verdict_of(store, plan, "figs3-cam")
    assert status == "undecided" and "Concatenation none" in reason
    plan = put_game(store, {"image-only": (540, 540), "Dynamic MLP": (None, 300)})
    assert verdict_of(store, plan, "figs3-cam")[0] == "not checkable"
    plan = put_game(store, {"image-only": (None, None), "Dynamic MLP": (None, None)}, n=None)
    status, reason = verdict_of(store, plan, "figs3-cam")
    assert status == "not checkable" and "no mark is known" in reason


def categories(dynamic: np.ndarray) -> tuple[str, str]:
    store = Store.open("memory://")
    alone_C = np.linspace(0.1, 0.8, 40)
    runs = {
        "image-only": put_categories(store, 0, "image_only", alone_C),
        "image-only, second seed": put_categories(store, 1, "image_only", np.roll(alone_C, 0)),
        "Dynamic MLP": put_categories(store, 0, "dynamic_mlp_c", dynamic),
    }
    return verdict_of(store, with_figures(figS4=runs), "figs4-categories")


def test_help_for_most_categories_and_most_for_the_hard_ones() -> None:
    alone_C = np.linspace(0.1, 0.8, 40)
    status, reason = categories(alone_C + 0.15 * (1 - alone_C) + 0.05)
    assert status == "holds" and "40 of 40 categories gain and 0 lose" in reason
    assert categories(alone_C - 0.1)[0] == "does not follow"
    assert categories(alone_C + 0.1)[0] == "undecided", "all gain alike"
    assert categories(alone_C + 0.3 * alone_C)[0] == "does not follow", "the easy ones gain most"


def test_regression_to_the_mean_is_no_help_for_the_hard_ones() -> None:
    store, random = Store.open("memory://"), np.random.default_rng(0)
    true_C = np.full(60, 0.5)
    draws = [np.clip(true_C + random.normal(0, 0.15, 60), 0, 1) for _ in range(3)]
    runs = {
        "image-only": put_categories(store, 0, "image_only", draws[0]),
        "image-only, second seed": put_categories(store, 1, "image_only", draws[1]),
        "Dynamic MLP": put_categories(store, 0, "dynamic_mlp_c", np.clip(draws[2] + 0.2, 0, 1)),
    }
    status, _ = verdict_of(store, with_figures(figS4=runs), "figs4-categories")
    assert status == "undecided", "ranked by luck, the hard half gains without any help"


def test_a_method_that_shares_the_baselines_luck_helps_all_categories_alike() -> None:
    """Dynamic MLP starts from seed 0 and gains five points in each category, easy or hard."""
    store, random = Store.open("memory://"), np.random.default_rng(0)
    alone_C, control_C = (np.round(np.clip(0.5 + random.normal(0, 0.15, 60), 0, 0.9), 2) for _ in range(2))
    runs = {
        "image-only": put_categories(store, 0, "image_only", alone_C, images=100),
        "image-only, second seed": put_categories(store, 1, "image_only", control_C, images=100),
        "Dynamic MLP": put_categories(store, 0, "dynamic_mlp_c", alone_C + 0.05, images=100),
    }
    status, reason = verdict_of(store, with_figures(figS4=runs), "figs4-categories")
    assert status == "undecided" and "harder half gains +0.0 [" in reason, reason
    assert "second image-only seed ranks" in reason
