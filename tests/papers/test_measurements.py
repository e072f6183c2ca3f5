"""Which configuration stands for each published accuracy, and which runs rows share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.config import ClassifierConfig, FrozenConfig, RunSpec, View
from fieldmark.errors import UserError
from fieldmark.papers import (
    MEASURED,
    WORLDS,
    Measurement,
    configuration,
    dataset_counts,
    figure_runs,
    measurements,
    rows,
    select,
)
from fieldmark.search.training.facts import TrainFacts
from fieldmark.search.training.options import train_options
from fieldmark.search.training.plan import build_plan
from fieldmark.store import DatasetCard

SCALES = ("smoke", "paper")
CELLS = select("all").cells


def at(cell: str, scale: str) -> Measurement:
    return next(one for table in MEASURED for one in measurements(table, scale) if one.cell == cell)


@pytest.mark.parametrize("scale", SCALES)
def test_all_41_rows_are_measured_once_and_in_the_order_of_print(scale: str) -> None:
    cells = [one.cell for table in MEASURED for one in measurements(table, scale)]
    sweep = [f"S2:{row.row}:{row.dataset}" for row in rows("S2") if configuration(row) is not None]
    assert len(sweep) == 10 and len(cells) == len(set(cells)) == 51
    assert set(cells) | set(sweep) == set(CELLS) and not set(cells) & set(sweep)
    assert len({cell.rpartition(":")[0] for cell in CELLS}) == 41
    assert cells == [cell for cell in CELLS if cell not in sweep]


def test_no_other_table_is_measured_here() -> None:
    with pytest.raises(UserError, match="S1, S2, S3"):
        measurements("7", "smoke")


@pytest.mark.parametrize("scale", SCALES)
def test_rows_that_print_one_number_are_one_run(scale: str) -> None:
    def same(*cells: str) -> bool:
        return len({at(cell, scale).config.config_id for cell in cells}) == 1

    assert same("S2:11:iNat2021-mini", "S6:4:iNat2021-mini")
    assert same("S3:4:iNat2018", "S4:4:iNat2018", "S5:4:iNat2018")
    assert same("S1:1:iNat2021", "S1:2:iNat2021", "S1:3:iNat2021")
    assert not same("S4:8:iNat2018", "S6:4:iNat2018"), "variant B and variant C, as a footnote says"
    assert any("S4 row 8 and S6 row 4 print one number" in note for note in at("S6:4:iNat2018", scale).notes)


def test_fusions_of_a_backbone_share_one_image_model_which_is_a_row_itself() -> None:
    frozen = [one for table in MEASURED for one in measurements(table, "smoke") if one.image_model is not None]
    assert {one.table for one in frozen} == {"S2", "S3", "S4", "S5", "S6"}
    assert all(isinstance(one.config, FrozenConfig) for one in frozen)
    assert len({one.image_model.config_id for one in frozen if one.image_model is not None}) == 2
    assert at("S6:1:iNat2018", "smoke").config == at("S6:4:iNat2018", "smoke").image_model
    assert all(one.image_model is None for table in MEASURED for one in measurements(table, "paper"))


def test_what_a_row_looks_at() -> None:
    for scale in SCALES:
        inputs = {row: at(f"S6:{row}:iNat2018", scale).config for row in (2, 3, 4)}
        assert [(one.encoding, one.date) for one in inputs.values()] == [
            ("wrap", False),
            ("none", True),
            ("wrap", True),
        ]
        yfcc = [one for table in MEASURED for one in measurements(table, scale) if one.dataset.startswith("YFCC")]
        assert len(yfcc) == 16 and not any(one.config.date for one in yfcc)
        assert all(any("place alone" in note for note in one.notes) for one in yfcc)


def test_sizes_are_the_papers_or_an_eighth_of_them() -> None:
    assert [one.view for one in measurements("S1", "paper")][:3] == ["", "center:384", "center:256+288+320+352+384"]
    assert [one.view for one in measurements("S1", "smoke")] == [
        "",
        "center:48",
        "center:32+36+40+44+48",
        "center:56+60+64+68+72",
        "center:64+68+72+76+80",
        "center:32+36+40+44+48",
        "center:56+60+64+68+72",
        "ten",
        "center:32+36+40+44+48",
        "",
    ]
    for table in MEASURED:
        for small, large in zip(measurements(table, "smoke"), measurements(table, "paper"), strict=True):
            assert View.parse(small.view).text == small.view
            if small.config is not None:
                assert 8 * small.config.resolution == large.config.resolution == small.full.resolution
                assert large.config == large.full == small.full


def test_the_ten_crop_marks_that_the_text_contradicts_are_named() -> None:
    named = {one.row for one in measurements("S1", "smoke") if any("ten-crop mark" in note for note in one.notes)}
    assert named == {3, 4, 5, 6, 7, 9}


def test_pictures_above_what_smoke_trains_on_are_named() -> None:
    smoke, paper = ({one.row: one for one in measurements("S1", scale)} for scale in SCALES)
    said = {row: note for row, one in smoke.items() for note in one.notes if "tested at up to" in note}
    assert set(said) == {4, 5, 7}
    assert all(note.startswith(f"trained at {smoke[row].config.resolution} px, ") for row, note in said.items())
    assert "up to 72 px" in said[4] and "up to 80 px" in said[5] and "up to 72 px" in said[7]
    assert not any("tested at up to" in note for one in paper.values() for note in one.notes)
    assert max(one.config.resolution for one in smoke.values() if one.config is not None) == 56


def test_the_papers_recipes() -> None:
    assert at("S1:1:iNat2021", "paper").config.epochs == 60
    table = {one.row: one.config for one in measurements("S1", "paper") if one.config is not None}
    assert {row for row, config in table.items() if config.optimizer == "adamw"} == {8, 9}
    resnet = at("S3:4:iNat2018", "paper").config
    assert (resnet.backbone, resnet.weights, resnet.epochs, resnet.batch, resnet.lr) == (
        "resnet50",
        "timm:resnet50.tv_in1k",
        90,
        512,
        0.04,
    )
    assert (resnet.fusion, resnet.fusion_settings) == ("dynamic_mlp_b", {"d": 256, "h": 64, "blocks": 2})


def test_one_row_trains_on_two_workers_and_one_is_an_ensemble() -> None:
    all_rows = [one for table in MEASURED for one in measurements(table, "smoke")]
    assert [one.cell for one in all_rows if one.workers == 2] == ["S1:1:iNat2021"]
    (ensemble,) = (one for one in all_rows if one.config is None)
    assert ensemble.cell == "S1:10:iNat2021" and 0.5 <= ensemble.ensemble_above < 0.91
    assert any("not above 91 %" in note for note in ensemble.notes)
    assert at("S1:10:iNat2021", "paper").ensemble_above == 0.91


def test_every_stand_in_is_named() -> None:
    for table in MEASURED:
        for one in measurements(table, "smoke"):
            if one.config is not None:
                assert f"-> {one.config.backbone}" in one.notes[0]
                assert isinstance(one.config, ClassifierConfig) or any("frozen backbone" in note for note in one.notes)


FACTS = TrainFacts(
    card=DatasetCard(
        name="world",
        spec="world",
        fingerprint="f",
        protocol="official:0",
        categories=60,
        counts={"train": 3000, "tune": 600, "test": 2700},
        largest_category=50,
        category_size=50,
        has_images=True,
    ),
    has_places=True,
    has_dates=True,
    is_world=True,
)


def named_here(config: ClassifierConfig) -> str:
    card = FACTS.card
    return RunSpec(
        config=config, dataset=card.name, fingerprint=card.fingerprint, protocol=card.protocol, seed=1
    ).run_id


SMALL = {"resolution": 28, "epochs": 8, "seed": 1}
DYNAMIC = {"fusion": "dynamic_mlp_c", "fusion_settings": ("d=32", "h=8"), "changes": ("location_width=32",)}


@pytest.mark.parametrize(
    ("cell", "flags"),
    [
        ("S1:1:iNat2021", {"backbone": "sk_res2net_smoke", **DYNAMIC}),
        ("S1:4:iNat2021", {"backbone": "sk_res2net_smoke", "resolution": 48, **DYNAMIC}),
        ("S1:8:iNat2021", {"backbone": "swin_smoke", **DYNAMIC}),
        ("S6:1:iNat2018", {"backbone": "sk_res2net_smoke", "fusion": "image_only"}),
    ],
)
def test_runs_have_the_names_that_train_gives_them(cell: str, flags: dict[str, object]) -> None:
    plan = build_plan(train_options(**{**SMALL, **flags}), FACTS, None)
    assert named_here(at(cell, "smoke").config) == plan.main.run_id


def test_full_runs_have_the_names_that_train_gives_them() -> None:
    real = FACTS.model_copy(update={"is_world": False})
    asked = {"backbone": "resnet50", "weights": "timm:resnet50.tv_in1k", "scale": "paper", "seed": 1}
    plan = build_plan(train_options(**asked, fusion="add_star"), real, None)
    assert named_here(at("S4:2:iNat2018", "paper").config) == plan.main.run_id
    place_alone = build_plan(train_options(**asked, fusion="add_star", changes=("date=false",)), real, None)
    assert named_here(at("S4:2:YFCC100M-GEO100", "paper").config) == place_alone.main.run_id


@pytest.mark.parametrize(("cell", "changes"), [("S6:4:iNat2018", ()), ("S6:2:iNat2018", ("date=false",))])
def test_fusions_on_frozen_features_are_configured_as_train_does(cell: str, changes: tuple[str, ...]) -> None:
    flags = {**DYNAMIC, "changes": (*DYNAMIC["changes"], *changes)}
    plan = build_plan(train_options(backbone="sk_res2net_smoke", resolution=28, frozen=True, **flags), FACTS, None)
    assert plan.main.spec.config == at(cell, "smoke").config


def test_geonets_runs_start_as_train_starts_them() -> None:
    real = FACTS.model_copy(update={"is_world": False})
    asked = {"backbone": "resnet50", "weights": "timm:resnet50.tv_in1k", "scale": "paper", "recipe": "geonet"}
    plan = build_plan(train_options(**asked, fusion="geonet_post_add"), real, None)
    run = next(one for one in figure_runs("paper") if one.figure == "figS2")
    assert (run.config, run.image_model) == (plan.config, plan.reference.spec.config)


@pytest.mark.parametrize("scale", SCALES)
def test_figures_have_a_control_and_start_from_image_models(scale: str) -> None:
    runs = figure_runs(scale)
    assert {one.dataset for one in runs} <= set(WORLDS) <= set(dataset_counts())
    assert [one.label for one in runs if one.figure == "figS2"] == ["iNat2017", "iNat2018", "iNat2021"]
    alone, control = (one for one in runs if one.figure == "figS4" and one.label.startswith("image-only"))
    assert alone.config == control.config and (alone.seed, control.seed) == (0, 1)
    assert [one.label for one in runs if one.config is None] == ["PriorsNet"]
    for one in runs:
        starts = one.config is not None and (one.config.method == "frozen" or one.config.fusion.startswith("geonet"))
        assert (one.image_model is not None) == starts
    assert min(one.config.epochs for one in runs if one.figure == "figS2") >= 60


def test_figures_share_runs_with_the_tables() -> None:
    runs = {one.label: one for one in figure_runs("smoke") if one.figure == "figS4"}
    assert runs["image-only"].config == at("S6:1:iNat2021-mini", "smoke").config
    assert runs["Dynamic MLP"].config == at("S6:4:iNat2021-mini", "smoke").config


def test_rows_can_be_chosen() -> None:
    assert select("S3", "1-2,4").cells == tuple(
        f"S3:{row}:{dataset}" for row in (1, 2, 4) for dataset in ("YFCC100M-GEO100", "iNat2018")
    )
    assert select(("S6", "S3"), "S6:2 S3:1:iNat2018").cells == (
        "S3:1:iNat2018",
        "S6:2:iNat2018",
        "S6:2:iNat2021-mini",
    )
    assert len(select("all").cells) == len(select(MEASURED, " ").cells) == 61
    chosen = select(("S2",), "1-3")
    assert chosen("S2", 3, "iNat2021-mini") and not chosen("S2", 4, "iNat2021-mini")


@pytest.mark.parametrize(
    ("tables", "text", "said"),
    [
        ("all", "1", r"expected \[TABLE:\]ROWS"),
        ("S3", "9", "rows 1-4, on YFCC100M-GEO100 and iNat2018"),
        ("S3", "1:iNat2021", "rows 1-4, on YFCC100M-GEO100 and iNat2018"),
        ("S3", "S4:1", "expected a row of S3"),
        ("S3", "2-1", "the smaller number first"),
        ("S3", "S3:x", r"expected \[TABLE:\]ROWS"),
        ("S9", "1", "expected all or one of S1"),
    ],
)
def test_a_wrong_row_is_answered_with_what_there_is(tables: str, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        select(tables, text)


@given(st.sets(st.sampled_from(CELLS), min_size=1))
def test_any_rows_named_in_full_are_what_is_chosen(cells: set[str]) -> None:
    assert set(select("all", " ".join(sorted(cells))).cells) == cells
