"""Which runs a sweep consists of before anything has been tried; pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from fieldmark.config import (
    ImageStageConfig,
    MethodConfig,
    PriorsNetConfig,
    RunSpec,
    TangConfig,
    at_scale,
    digest,
    effective,
)
from fieldmark.errors import UserError
from fieldmark.search.facts import DataFacts
from fieldmark.search.objective import Objective
from fieldmark.search.options import SweepOptions
from fieldmark.search.stages.keys import IMAGE_STAGE
from fieldmark.search.tasks import Task
from fieldmark.store.records import Trial
from search_spaces import priorsnet as space

CONFIRMATION_SEED = 1000
"""The first of the fresh seeds on which the best setting is repeated."""

GroupRole = Literal["published", "baseline", "confirmation"]


class Group(BaseModel):
    """Runs that differ by the seed only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: GroupRole
    config: MethodConfig
    """As run: at scale, and the simplest one with the same numbers."""
    seeds: tuple[int, ...]
    number: int
    """Position in the plan."""
    serves: dict[str, dict[str, Any]] = {}
    """The published rows that this group measures, e.g. `S2:1`, with their settings in the paper's units; without
    settings for a row that stands apart from the search."""
    params: dict[str, Any] = {}
    """The first of these settings, or Optuna's."""

    @property
    def name(self) -> str:
        """The group's id: that of its configuration."""
        return self.config.config_id


class SweepPlan(BaseModel):
    """A sweep's identity and the groups known beforehand, in the order in which they are run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    facts: DataFacts
    objective: Objective
    stages: dict[str, str]
    """Stage name to the hash of its inputs, consumed by every run."""
    image_stage: ImageStageConfig = IMAGE_STAGE
    """The classifier that the image scores come from; of given scores only the resolution is known."""
    loss: Literal["exact", "sampled"]
    sampler: str
    search_seed: int
    vary: tuple[str, ...]
    early_stopping: bool
    trials: int
    seeds: int
    confirm_exact: bool
    groups: tuple[Group, ...]

    @property
    def sweep_id(self) -> str:
        """The digest of what makes two sweeps different; more trials or seeds extend the same sweep."""
        return digest(
            {
                "space": space.NAME,
                "vary": sorted(self.vary),
                "fingerprint": self.facts.card.fingerprint,
                "protocol": self.facts.card.protocol,
                "scale": self.facts.scale.model_dump(mode="json"),
                "loss": self.loss,
                "sampler": self.sampler,
                "seed": self.search_seed,
                "objective": self.objective.text,
                "early_stopping": self.early_stopping,
                "stages": self.stages,
            }
        )

    def with_baselines(self, configs: Iterable[MethodConfig]) -> "SweepPlan":
        """Returns the plan with reference priors: once each where they are deterministic, on every seed where not."""
        known = [group for group in self.groups if group.role != "baseline"]
        groups = [
            Group(
                role="baseline",
                config=config,
                seeds=tuple(range(self.seeds)) if isinstance(config, TangConfig) else (0,),
                number=len(known) + position,
            )
            for position, config in enumerate(configs)
        ]
        return self.model_copy(update={"groups": (*known, *groups)})

    def brought_to_data(self, config: PriorsNetConfig) -> PriorsNetConfig:
        """Returns a setting in the paper's units as it is run on this data."""
        facts = self.facts
        config = at_scale(config.model_copy(update={"loss": self.loss, "date": facts.has_dates}), facts.scale)
        superset = facts.card.superset_largest_category or 0
        return effective(config, superset if config.train_on == "superset" else facts.card.largest_category)

    def spec(self, config: MethodConfig, seed: int) -> RunSpec:
        """Returns the run of a configuration and a seed."""
        card = self.facts.card
        stages = dict(self.stages)
        if isinstance(config, PriorsNetConfig) and config.train_on == "superset":
            stages["superset"] = card.superset_fingerprint or ""
        return RunSpec(
            config=config,
            dataset=card.name,
            fingerprint=card.fingerprint,
            protocol=card.protocol,
            stages=stages,
            seed=seed,
        )

    def task(self, config: MethodConfig, seed: int, trial: Mapping[str, Any], *, may_stop: bool = False) -> Task:
        """Returns the task of a run.

        Args:
            config: as run.
            seed: the run's seed.
            trial: the fields of its `Trial` beside sweep and group.
            may_stop: whether it is subject to early stopping, where the plan has it.
        """
        return Task(
            spec=self.spec(config, seed),
            scale=self.facts.scale,
            trial=Trial(sweep=self.sweep_id, group=config.config_id, **trial),
            objective=self.objective,
            early_stopping=self.early_stopping and may_stop,
        )

    def tasks(self, group: Group) -> list[Task]:
        """Returns a group's tasks, one a seed."""
        fields = {"number": group.number, "role": group.role, "params": group.params}
        return [self.task(group.config, seed, fields) for seed in group.seeds]


def build_plan(options: SweepOptions, facts: DataFacts, stages: Mapping[str, str]) -> SweepPlan:
    """Returns a sweep's plan, without the baselines, whose settings are chosen on the data.

    Args:
        options: the flags.
        facts: of the data set.
        stages: name and input hash of the stages that every run consumes.
    """
    images = "image_scores" in stages
    plan = SweepPlan(
        facts=facts,
        objective=Objective.parse(options.objective) if options.objective else Objective.default(images=images),
        stages=dict(stages),
        image_stage=_image_stage(options),
        loss=options.loss,
        sampler=options.sampler,
        search_seed=options.search_seed,
        vary=options.vary,
        early_stopping=options.scheduler == "asha",
        trials=options.trials,
        seeds=options.seeds,
        confirm_exact=options.confirm_exact and options.loss == "sampled",
        groups=(),
    )
    if plan.early_stopping and plan.objective.score != (rung_score := "product_raw" if images else "prior_raw"):
        raise UserError(
            f"--scheduler asha judges runs by {rung_score} while they train, but the objective is "
            f"{plan.objective.text}: add --objective {rung_score}:{plan.objective.metric}"
        )
    return plan.model_copy(update={"groups": _published(plan, space.published())})


def _image_stage(options: SweepOptions) -> ImageStageConfig:
    if options.image_scores is None:
        return IMAGE_STAGE
    return ImageStageConfig(backbone="given", resolution=options.image_resolution or IMAGE_STAGE.resolution)


def _published(plan: SweepPlan, configured: Sequence[tuple[Any, PriorsNetConfig]]) -> tuple[Group, ...]:
    """Returns the published rows in the paper's order; rows with the same numbers on this data share a group."""
    served: dict[str, dict[str, dict[str, Any]]] = {}
    configs: dict[str, PriorsNetConfig] = {}
    for row, config in configured:
        if config.train_on == "superset" and plan.facts.card.superset_fingerprint is None:
            continue
        run = plan.brought_to_data(config)
        params = space.parameters(config, plan.vary) if config.train_on == "train" else {}
        served.setdefault(run.config_id, {})[f"{row.table}:{row.row}"] = params
        configs[run.config_id] = run
    return tuple(
        Group(
            role="published",
            config=run,
            seeds=tuple(range(plan.seeds)),
            number=number,
            serves=served[name],
            params=next(iter(served[name].values())),
        )
        for number, (name, run) in enumerate(configs.items())
    )
