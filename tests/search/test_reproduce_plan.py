"""Which runs a reproduction plans, and what a later command adds to an earlier plan."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from fieldmark.errors import UserError
from fieldmark.papers.worlds import WORLDS
from fieldmark.search.reproduce.build import build_reproduction
from fieldmark.search.reproduce.extend import extended
from fieldmark.search.reproduce.options import ReproduceOptions, whole_command, with_subjects
from fieldmark.search.reproduce.plan import Reproduction
from fieldmark.search.reproduce.room import probabilities_budget
from fieldmark.search.reproduce.selection import select_work
from fieldmark.search.reproduce.sources import Source, open_sources

TINY = "world:species=6,group_size=3,per_category=6,val_per_category=3,test_per_category=3,full=1,mark_resolution=24"


@pytest.fixture(scope="module")
def options() -> ReproduceOptions:
    return ReproduceOptions(data=tuple(f"{name}={TINY}" for name in WORLDS))


@pytest.fixture(scope="module")
def sources(options: ReproduceOptions) -> Mapping[str, Source]:
    return open_sources(options, select_work(options).specs)


@pytest.fixture(scope="module")
def whole(options: ReproduceOptions, sources: Mapping[str, Source]) -> Reproduction:
    return build_reproduction(options, select_work(options), sources, None)


def test_all_means_every_value_with_its_seeds(options: ReproduceOptions, whole: Reproduction) -> None:
    selection = select_work(options)
    assert len(selection.cells) == len(whole.plan.cells) == 51
    seeds = {cell.measurement.table: {len(cell.runs)} for cell in whole.plan.cells}
    assert seeds == {"S1": {2}, **{f"S{number}": {5} for number in range(2, 7)}}
    assert selection.priorsnet
    assert not selection.missing()


def test_a_run_that_others_start_from_stands_before_them(whole: Reproduction) -> None:
    seen: set[str] = set()
    for run_id, unit in whole.units.items():
        assert unit.start is None or unit.start in seen
        seen.add(run_id)


def test_rows_that_share_a_model_share_the_run(whole: Reproduction) -> None:
    runs = {cell.measurement.cell: [run.run_id for run in cell.runs] for cell in whole.plan.cells}
    assert runs["S1:1:iNat2021"] == runs["S1:2:iNat2021"] == runs["S1:3:iNat2021"], "one model, three test sizes"
    assert len(whole.units[runs["S1:1:iNat2021"][0]].views) == 2
    assert runs["S3:4:iNat2018"] == runs["S4:4:iNat2018"] == runs["S5:4:iNat2018"]
    starts = {whole.units[run].start for cell, found in runs.items() if cell[:2] in ("S3", "S5") for run in found[:1]}
    assert len(starts) == 1, "these tiny data sets are one, and so is their image-only model"


def test_one_row_is_trained_by_two_workers(whole: Reproduction) -> None:
    groups = [run for run, unit in whole.units.items() if unit.workers > 1]
    row = next(cell for cell in whole.plan.cells if cell.measurement.cell == "S1:1:iNat2021")
    assert groups == [row.runs[0].run_id]


def test_an_ensemble_needs_the_probabilities_of_all_other_rows(whole: Reproduction) -> None:
    ensemble = next(cell for cell in whole.plan.cells if cell.measurement.ensemble_above is not None)
    needed = set(whole.cells[ensemble.measurement.cell])
    views = [
        (unit.run_id, view) for unit in whole.units.values() if unit.run_id in needed for view in unit.probabilities
    ]
    assert len(views) == 9 * 2, "nine rows, two seeds"
    assert len({run.test for run in ensemble.runs}) == 2


def test_the_image_scores_of_table_s2_are_kept(whole: Reproduction) -> None:
    assert whole.scores_of_s2 is not None
    assert "" in whole.units[whole.scores_of_s2].probabilities


def test_some_rows_need_some_runs_of_the_same_reproduction(
    options: ReproduceOptions, sources: Mapping[str, Source], whole: Reproduction
) -> None:
    some = with_subjects(options.model_copy(update={"rows": "1-2:iNat2018", "seeds": 1}), ("S6",))
    part = build_reproduction(some, select_work(some), sources, None)
    assert part.plan.plan_id == whole.plan.plan_id
    assert {len(cell.runs) for cell in part.plan.cells} == {1, 2, 5}, "seeds of what is asked for alone"
    units = part.needed(select_work(some))
    assert [unit.task.spec.config.method for unit in units] == ["classifier", "frozen"]


def test_a_later_command_with_fewer_seeds_loses_none(
    options: ReproduceOptions, sources: Mapping[str, Source], whole: Reproduction
) -> None:
    few = options.model_copy(update={"seeds": 1})
    fewer = build_reproduction(few, select_work(few), sources, None)
    before = whole.plan.model_copy(update={"priorsnet_sweep": "abc"}).model_dump(mode="json")
    found = extended(fewer.plan, before)
    assert [len(cell.runs) for cell in found.cells] == [len(cell.runs) for cell in whole.plan.cells]
    assert found.priorsnet_sweep == "abc"
    more = extended(whole.plan, fewer.plan.model_dump(mode="json"))
    assert more.cells == whole.plan.cells
    assert extended(whole.plan, None) == whole.plan


def test_seeds_that_were_planned_once_are_planned_again(
    options: ReproduceOptions, sources: Mapping[str, Source], tmp_path: Path
) -> None:
    from fieldmark.store import Store

    store = Store.open(str(tmp_path / "store"))
    more = with_subjects(options.model_copy(update={"rows": "4:iNat2018", "seeds": 7}), ("S3",))
    plan = build_reproduction(more, select_work(more), sources, store).plan
    store.put_plan(plan.plan_id, plan.model_dump(mode="json"))
    again = build_reproduction(options, select_work(options), sources, store).plan
    seeds = {cell.measurement.cell: len(cell.runs) for cell in again.cells}
    assert (seeds["S3:4:iNat2018"], seeds["S3:3:iNat2018"]) == (7, 5), "and the whole command completes the table"


def test_the_priors_of_table_s2_need_an_image_model(options: ReproduceOptions, sources: Mapping[str, Source]) -> None:
    priors = with_subjects(options.model_copy(update={"rows": "1-4"}), ("S2",))
    work = build_reproduction(priors, select_work(priors), sources, None)
    assert [unit.run_id for unit in work.needed(select_work(priors))] == [work.scores_of_s2]


def test_probabilities_that_do_not_fit_are_refused_before_training(
    whole: Reproduction, sources: Mapping[str, Source]
) -> None:
    units, card = whole.units.values(), sources["iNat2021"].facts.card
    needed = 2 * (9 * 2 + 1) * (card.counts["tune"] + card.counts["test"]) * card.categories
    assert probabilities_budget(units, sources, 0, None) == needed
    assert probabilities_budget(units, sources, 5, None) == needed + 5
    with pytest.raises(UserError, match=f"--probabilities-budget 7: .* {needed:,} bytes"):
        probabilities_budget(units, sources, 0, 7)


def test_more_workers_train_what_is_trained_whole(options: ReproduceOptions, sources: Mapping[str, Source]) -> None:
    wide = options.model_copy(update={"workers": 4})
    units = build_reproduction(wide, select_work(wide), sources, None).units.values()
    workers = {(unit.task.spec.config.method, unit.workers) for unit in units}
    assert workers == {("classifier", 4), ("frozen", 1)}


def test_the_command_that_fills_the_tables_is_the_whole_one(options: ReproduceOptions) -> None:
    assert whole_command(ReproduceOptions(store="s", what=("S3",), rows="1")) == (
        "fieldmark reproduce all --scale smoke --store s"
    )
    assert whole_command(options).count("--data ") == len(WORLDS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"what": ("S7",)}, "S7: expected S1"),
        ({"seeds": 0}, "--seeds 0"),
        ({"what": ("figS2",), "rows": "1"}, "--rows: name the tables"),
        ({"budget": "soon"}, "--budget"),
    ],
)
def test_flags_that_make_no_sense_are_refused(changes: dict[str, object], message: str) -> None:
    what = changes.pop("what", ("all",))
    with pytest.raises(UserError, match=message):
        with_subjects(ReproduceOptions.model_construct(**{**ReproduceOptions().model_dump(), **changes}), what)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": ("iNat2019=world",)}, "iNat2019.*expected one of"),
        ({"data": ("world",)}, "expected KEY=VALUE"),
        ({"what": ("S6",), "rows": "9"}, "rows 1-4"),
        ({"what": ("S6",), "rows": "S3:1"}, "expected a row of S6"),
    ],
)
def test_data_and_rows_that_there_are_not_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        select_work(ReproduceOptions.model_validate(changes))


def test_a_figure_without_its_data_is_named() -> None:
    selection = select_work(ReproduceOptions(scale="paper", what=("figS2",), data=("iNat2018=inat2018:DIR",)))
    assert [line.partition(":")[0] for line in selection.missing()] == ["iNat2017", "iNat2021"]


def test_at_paper_scale_the_data_that_are_not_at_hand_are_named() -> None:
    selection = select_work(ReproduceOptions(scale="paper", what=("S6",), data=("iNat2018=inat2018:DIR",)))
    assert selection.missing() == ["iNat2021-mini: not at hand, name it with --data iNat2021-mini=SPEC"]
    assert len(selection.cells) == 4
