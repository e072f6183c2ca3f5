"""On a world a sweep stands beside what a Bayes classifier reaches at its sizes; real pictures have no bounds."""

import pytest

from fieldmark.data.observations import DataSet
from fieldmark.data.open import open_dataset
from fieldmark.figures.image_sweep_reading import read_image_sweep
from fieldmark.figures.resolution import resolution
from fieldmark.search.image_sweep.bounds import bound_tasks, bounds_of
from fieldmark.search.image_sweep.build import build_plan
from fieldmark.search.image_sweep.options import FusionSweepOptions, ResolutionSweepOptions
from fieldmark.search.image_sweep.plan import ImageSweepPlan
from fieldmark.search.image_sweep.stored import stored_plan
from fieldmark.search.training.facts import train_facts
from fieldmark.search.training.options import TrainOptions
from fieldmark.search.training.plan import build_plan as build_training
from fieldmark.testing.simulated_images import SimulatedImages, image_facts

WORLD = "world:species=6,group_size=2,per_category=40,val_per_category=4,test_per_category=40,full=2"
COARSE, FINE = 64, 96


@pytest.fixture(scope="module")
def dataset() -> DataSet:
    return open_dataset(WORLD)


@pytest.fixture(scope="module")
def plan(dataset: DataSet) -> ImageSweepPlan:
    flags = {"data": WORLD, "trials": 0, "seeds": 1, "batch": 16, "bn_batch": 16, "backbones": ("test_resnet",)}
    return build_plan(ResolutionSweepOptions.model_validate(flags), train_facts(dataset, WORLD))


def test_the_figure_of_sizes_has_the_bounds_at_every_size(plan: ImageSweepPlan, dataset: DataSet) -> None:
    bench = SimulatedImages()
    scheduler = bench.drive(plan)
    bounds = bounds_of(plan, scheduler.groups(), dataset, bench.store)
    trained = {56, 96, 112}
    sizes = sorted(trained | {round(side * factor) for side in trained for factor in (8 / 7, 12 / 7)})
    told = ("image", "image+place+date")
    assert [(one.information, one.resolution) for one in bounds] == [(one, size) for one in told for size in sizes]
    found = {(one.information, one.resolution): one.test for one in bounds}
    assert found["image", 56] < found["image", COARSE] < found["image", FINE], "marks show from these sizes"
    assert all(found["image", size] < found["image+place+date", size] for size in sizes)

    bench.store.put_plan(plan.sweep_id, stored_plan(plan, scheduler, ()))
    drawn = resolution(bench.store, read_image_sweep(bench.store, plan.sweep_id)).bounds
    assert drawn == {one: {size: found[one, size] for size in sizes} for one in told}
    recorded = len(bench.store.runs(["run_id"]))
    assert bounds_of(plan, scheduler.groups(), dataset, bench.store) == bounds
    assert len(bench.store.runs(["run_id"])) == recorded


def test_they_are_those_of_a_training_at_the_same_size(plan: ImageSweepPlan, dataset: DataSet) -> None:
    options = TrainOptions(data=WORLD, backbone="test_resnet", resolution=56, batch=16, bn_batch=16)
    training = build_training(options, train_facts(dataset, WORLD), None)
    assert {task.run_id for task in training.bounds} <= {task.run_id for task in bound_tasks(plan, plan.groups)}


def test_real_pictures_have_none() -> None:
    plan = build_plan(FusionSweepOptions(trials=0, seeds=1), image_facts())
    assert bound_tasks(plan, plan.groups) == []
