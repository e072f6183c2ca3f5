"""The supplement's claims on printed and on measured values: what an interval leaves open is not decided."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from fieldmark.config import ClassifierConfig, RunSpec, choose_scale
from fieldmark.papers import claims, published_accuracies
from fieldmark.store import EvaluationRecord, RunRecord, Store
from fieldmark.tables.claims import ClaimRow, claims_grid, claims_table, table_of
from fieldmark.tables.render.terminal import render_terminal
from fieldmark.tables.reproduction import ReproductionPlan
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
    assert verdict.status == "undecided" and "1 of the values it compares is not measured yet" in verdict.reason


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
    assert states["s2-starred"].status != "not measured"
    assert states["s2-range"].status in ("holds", "undecided") and "limit 0.1" in states["s2-range"].reason
    low = found.plan.model_copy(update={"priorsnet_sweep": ""})
    assert {one.status for one in (row.measured for row in claims_table(Store.open(url), low, "S2").rows)} == {
        "not measured",
        "not checkable",
    }


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


def put_curve(store: Store, seed: int, top1: list[float]) -> str:
    spec = spec_of(seed)
    scale = choose_scale("smoke", train_records=3000, category_size=50)
    record = RunRecord(run_id=spec.run_id, spec=spec, scale=scale, status="completed", epochs=len(top1))
    store.commit_run(record, curve=pa.table({"epoch": list(range(1, len(top1) + 1)), "top1": top1}))
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


def test_geonet_is_best_before_two_thirds_of_the_epochs_or_is_not() -> None:
    store = Store.open("memory://")
    early = put_curve(store, 0, [0.1, 0.5, 0.4, 0.3, 0.3, 0.2])
    late = put_curve(store, 1, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    status, reason = verdict_of(store, with_figures(figS2={"a": early, "a image only": late}), "figs2-epochs")
    assert status == "holds" and "after epoch 2 of 6" in reason
    assert verdict_of(store, with_figures(figS2={"a": early, "b": late}), "figs2-epochs")[0] == "does not follow"
    status, reason = verdict_of(store, with_figures(figS2={"a": early, "b": "not there"}), "figs2-epochs")
    assert status == "undecided" and "1 of its runs" in reason


@pytest.mark.parametrize(
    ("hits", "status"), [((60, 90), "holds"), ((88, 90), "undecided"), ((95, 60), "does not follow")]
)
def test_maps_are_judged_by_the_pointing_game(hits: tuple[int, int], status: str) -> None:
    store, plan = Store.open("memory://"), with_figures()
    assert verdict_of(store, plan, "figs3-cam")[0] == "not measured"
    methods = dict(zip(("image-only", "Dynamic MLP"), ({"hits": one, "pictures": 100} for one in hits), strict=True))
    store.objects.put(f"sweeps/{plan.plan_id}/figures/S3.json", json.dumps({"methods": methods}).encode())
    assert verdict_of(store, plan, "figs3-cam")[0] == status


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
