"""Which runs an image sweep consists of before anything has been tried; pure."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from fieldmark.config import IMAGE_MODEL, ClassifierConfig, FrozenConfig, RunSpec, Scale, ScaleName, digest
from fieldmark.evaluation.record import score_of
from fieldmark.search.image_sweep.objectives import ObjectiveName, directions
from fieldmark.search.image_task import ImageTask
from fieldmark.search.objective import Objective
from fieldmark.search.plan import CONFIRMATION_SEED
from fieldmark.search.tasks import Task
from fieldmark.search.training.facts import TrainFacts
from fieldmark.store.records import Trial
from search_spaces.fusion import FusionSpace
from search_spaces.resolution import ResolutionSpace

KIND = "image_sweep"

Trained = ClassifierConfig | FrozenConfig
Role = Literal["baseline", "published", "search", "confirmation"]


class Group(BaseModel):
    """Runs that differ by the seed only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role
    config: Trained
    """As run."""
    start: ClassifierConfig | None = None
    """The image-only model that it starts from, or on whose features it works; of the same seed."""
    seeds: tuple[int, ...]
    number: int
    """Position in the plan; a confirmation has that of the setting that it repeats."""
    params: dict[str, Any] = {}
    """Optuna's; none where the setting is no part of the space."""
    distributions: dict[str, str] = {}
    """Parameter to Optuna's JSON of its distribution."""
    views: tuple[str, ...] = ()
    """Under which every run is evaluated beside its own."""

    @property
    def name(self) -> str:
        """The group's id: that of its configuration."""
        return self.config.config_id


class ImageSweepPlan(BaseModel):
    """A sweep's identity and the groups known beforehand, in the order in which they are run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    space: FusionSpace | ResolutionSpace
    base: ClassifierConfig
    """How models that look at pictures are trained; on frozen features, the image-only model that they come from."""
    facts: TrainFacts
    data: str
    """As typed after --data."""
    scale: ScaleName
    described: str
    """The scale in a sentence."""
    notes: tuple[str, ...]
    objectives: tuple[ObjectiveName, ...]
    sampler: str
    search_seed: int
    early_stopping: bool
    warm_start: str | None
    trials: int
    seeds: int
    workers: int
    groups: tuple[Group, ...]

    @property
    def sweep_id(self) -> str:
        """The digest of what makes two sweeps different; more trials or seeds extend the same sweep."""
        return digest(
            {
                "kind": KIND,
                "space": self.space.NAME,
                "choices": self._choices,
                "base": self.base.config_id,
                "searched_around": self.space.base.config_id,
                "frozen": self.frozen,
                "fingerprint": self.facts.card.fingerprint,
                "protocol": self.facts.card.protocol,
                "scale": self.scale,
                "objectives": self.objectives,
                "sampler": self.sampler,
                "seed": self.search_seed,
                "early_stopping": self.early_stopping,
                "warm_start": self.warm_start,
            }
        )

    @property
    def frozen(self) -> bool:
        """Whether fusions are trained on cached features."""
        return isinstance(self.space, FusionSpace) and self.space.frozen

    @property
    def directions(self) -> list[str]:
        """Optuna's word for which values of each objective are good."""
        return directions(self.objectives)

    @property
    def _choices(self) -> list[str]:
        return list(self.space.fusions if isinstance(self.space, FusionSpace) else self.space.backbones)

    def group(
        self, setting: ClassifierConfig, role: Role, number: int, params: Mapping[str, Any], texts: Mapping[str, str]
    ) -> Group:
        """Returns a setting of the space as it is run on this data.

        Args:
            setting: as the space gives it.
            role: of its runs.
            number: its position.
            params: Optuna's.
            texts: parameter to Optuna's JSON of its distribution.
        """
        from fieldmark.search.image_sweep.as_run import as_run

        config, start = as_run(setting, self.base, self.facts, frozen=self.frozen)
        return Group(
            role=role,
            config=config,
            start=start,
            seeds=tuple(range(self.seeds)),
            number=number,
            params=dict(params),
            distributions=dict(texts),
            views=self.space.views(setting),
        )

    def proposed(self, params: Mapping[str, Any], texts: Mapping[str, str], *, number: int) -> Group:
        """Returns the group of what Optuna proposes."""
        from optuna.trial import FixedTrial

        return self.group(self.space.suggest(FixedTrial(dict(params))), "search", number, params, texts)

    def confirmation(self, group: Group) -> Group:
        """Returns the group that repeats a setting on fresh seeds."""
        fresh = tuple(range(CONFIRMATION_SEED, CONFIRMATION_SEED + self.seeds))
        return group.model_copy(update={"role": "confirmation", "seeds": fresh})

    def spec(self, config: Trained, start: ClassifierConfig | None, seed: int) -> RunSpec:
        """Returns the run of a configuration and a seed."""
        card = self.facts.card
        return RunSpec(
            config=config,
            dataset=card.name,
            fingerprint=card.fingerprint,
            protocol=card.protocol,
            stages={} if start is None else {IMAGE_MODEL: self.spec(start, None, seed).run_id},
            seed=seed,
        )

    def unit(self, group: Group, seed: int) -> ImageTask:
        """Returns the unit of work of a group's run; seed 0 of a search is subject to early stopping."""
        early = self.early_stopping and group.role == "search" and seed == group.seeds[0]
        return self._unit(group.config, group.start, seed, group, early=early)

    def units(self, group: Group) -> list[ImageTask]:
        """Returns all that a group needs, seed by seed: before each run the one that it starts from."""
        return [unit for seed in group.seeds for unit in self.needed(group, seed)]

    def needed(self, group: Group, seed: int) -> list[ImageTask]:
        """Returns a group's run of a seed, and before it the image-only one that it starts from."""
        unit = self.unit(group, seed)
        if group.start is None:
            return [unit]
        reference = Group(role="baseline", config=group.start, seeds=(seed,), number=0)
        return [self._unit(group.start, None, seed, reference, early=False), unit]

    def _unit(
        self, config: Trained, start: ClassifierConfig | None, seed: int, group: Group, *, early: bool
    ) -> ImageTask:
        trial = Trial(
            sweep=self.sweep_id,
            number=group.number,
            group=config.config_id,
            role=group.role,
            params=group.params,
            distributions=group.distributions,
        )
        task = Task(
            spec=self.spec(config, start, seed),
            scale=self.scale_of(config),
            trial=trial,
            objective=Objective(score=score_of(config), metric="top1"),
            early_stopping=early,
        )
        workers = 1 if isinstance(config, FrozenConfig) else self.workers
        return ImageTask(task=task, data=self.data, views=group.views, workers=workers)

    def scale_of(self, config: Trained) -> Scale:
        """Returns the scale's record of a run."""
        return self.facts.scale(self.scale, config.batch)
