"""What the world's pictures allow at the sizes of an image sweep: Bayes bounds, recorded once (SCIENCE rule 19)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fieldmark.config import BayesConfig, RunSpec, View
from fieldmark.data.observations import DataSet
from fieldmark.figures.trained_runs import information
from fieldmark.search.image_sweep.plan import Group, ImageSweepPlan
from fieldmark.search.image_sweep.result import Bound
from fieldmark.search.ledger import evaluation_id
from fieldmark.search.objective import Objective
from fieldmark.search.tasks import Task
from fieldmark.store.records import Trial

if TYPE_CHECKING:
    from fieldmark.store import Store


def bounds_of(plan: ImageSweepPlan, groups: Sequence[Group], dataset: DataSet, store: "Store") -> list[Bound]:
    """Returns the bounds of settings, by what is told and by size; runs the Bayes classifier where none is recorded.

    Args:
        plan: the sweep; real pictures have no bounds.
        groups: the settings.
        dataset: the world's records, split.
        store: where the bounds are recorded.
    """
    from fieldmark.search.training.bounds import commit_bound

    found = []
    for task in bound_tasks(plan, groups):
        commit_bound(task, dataset, plan.data, store)
        config = task.spec.config
        assert isinstance(config, BayesConfig)
        top1 = store.evaluation(evaluation_id(task.run_id, "test", "joint")).metrics["top1"]
        found.append(Bound(information=config.information, resolution=config.resolution, test=top1))
    return found


def bound_tasks(plan: ImageSweepPlan, groups: Sequence[Group]) -> list[Task]:
    """Returns the bounds' tasks; their ids are those that a training at the same size has.

    They are of pictures alone and of all that a setting looks at, at every training size and at the largest of every
    view.
    """
    if not plan.facts.is_world:
        return []
    told = dict.fromkeys(("image", *(information(group.config) for group in groups)))
    sizes = {size for group in groups for size in _sizes(group)}
    return [_task(plan, one, size) for one in told for size in sorted(sizes)]


def _sizes(group: Group) -> list[int]:
    side = group.config.resolution
    return [side, *(max(View.parse(text).sizes_of(side)) for text in group.views)]


def _task(plan: ImageSweepPlan, told: str, size: int) -> Task:
    card, config = plan.facts.card, BayesConfig.model_validate({"information": told, "resolution": size})
    return Task(
        spec=RunSpec(config=config, dataset=card.name, fingerprint=card.fingerprint, protocol=card.protocol, seed=0),
        scale=plan.scale_of(plan.base),
        trial=Trial(role="bound", group=config.config_id),
        objective=Objective(score="joint", metric="top1"),
    )
