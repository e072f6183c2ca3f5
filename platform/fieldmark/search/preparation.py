"""What trials need beside their settings, made at most once, and only when something is to be run."""

from functools import cached_property
from typing import TYPE_CHECKING

from fieldmark.data.experiment import ExperimentData, experiment_data
from fieldmark.data.observations import DataSet
from fieldmark.search.options import SweepOptions
from fieldmark.search.plan import SweepPlan
from fieldmark.search.stages.baselines import choose_baselines, stored_baselines
from fieldmark.search.stages.bounds import commit_bounds, missing_bounds
from fieldmark.search.stages.commit import stage_task
from fieldmark.search.stages.images import GivenScores, Say, with_image_scores
from fieldmark.search.stages.keys import baselines_key

if TYPE_CHECKING:
    from fieldmark.store import Store


class Preparation:
    """The stages of one sweep."""

    def __init__(
        self,
        options: SweepOptions,
        dataset: DataSet,
        plan: SweepPlan,
        store: "Store",
        given_scores: GivenScores | None,
        say: Say,
    ) -> None:
        self._options = options
        self._dataset = dataset
        self._plan = plan
        self._store = store
        self._given_scores = given_scores
        self._say = say

    @cached_property
    def data(self) -> ExperimentData:
        """The arrays, image scores joined; the image stage is made where the store lacks it."""
        arrays = experiment_data(self._dataset)
        return with_image_scores(arrays, self._dataset, self._plan, self._store, self._given_scores, self._say)

    @property
    def image_run(self) -> str | None:
        """The id of the image-only run, or None without images."""
        if "image_scores" not in self._plan.stages:
            return None
        return stage_task(self._plan, self._plan.image_stage, "stage").run_id

    def whole_plan(self) -> SweepPlan:
        """Returns the plan with the baselines, whose settings are chosen where the store lacks them."""
        key = baselines_key(self._dataset, self._plan.stages)
        configs = stored_baselines(self._store, key)
        if configs is None:
            configs = choose_baselines(self._store, key, self.data, self._say)
        return self._plan.with_baselines(configs)

    def references(self) -> None:
        """Records the image-only run and the bounds, where they are missing."""
        if self.image_run is not None and not self._store.has_run(self.image_run):
            _ = self.data
        if missing_bounds(self._plan, self._store):
            self._say("bounds: running the world's Bayes classifier on the test records")
            commit_bounds(self.data, self._dataset, self._plan, self._store)
