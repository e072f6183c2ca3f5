"""From a configuration to a fitted prior."""

from collections.abc import Callable

from fieldmark.config import (
    ClassFrequencyConfig,
    Configuration,
    GridConfig,
    KernelDensityConfig,
    NearestNeighboursConfig,
    PriorsNetConfig,
    RadiusNeighboursConfig,
    TangConfig,
)
from fieldmark.data.experiment import ExperimentData
from fieldmark.data.observations import Split
from fieldmark.training.interfaces import Checkpoints, FittedPrior, Report

Fit = Callable[[Configuration, ExperimentData, int, Report, Checkpoints | None, str], FittedPrior]

_METHODS: dict[type[Configuration], Fit] = {}


def method(config_type: type[Configuration]) -> Callable[[Fit], Fit]:
    """Registers how configurations of a type are fitted. The method's own module is imported when it is used."""

    def register(fit_method: Fit) -> Fit:
        _METHODS[config_type] = fit_method
        return fit_method

    return register


def fit(
    config: Configuration,
    data: ExperimentData,
    seed: int,
    *,
    report: Report,
    checkpoints: Checkpoints | None = None,
    device: str = "cpu",
) -> FittedPrior:
    """Fits the prior that a configuration describes.

    Args:
        config: One of the methods that give a prior.
        data: The data; the tune part serves reports only.
        seed: Seed of everything random; priors that count records have nothing random.
        report: Told after every epoch; never called by methods without epochs.
        checkpoints: Where an unfinished training leaves its state.
        device: Torch device of methods that train.

    Raises:
        UserError: The data lack what the method needs.
        KeyError: The configuration's type is no prior.
    """
    return _METHODS[type(config)](config, data, seed, report, checkpoints, device)


@method(PriorsNetConfig)
def _priorsnet(
    config: Configuration,
    data: ExperimentData,
    seed: int,
    report: Report,
    checkpoints: Checkpoints | None,
    device: str,
) -> FittedPrior:
    from fieldmark.training.priorsnet import fit_priorsnet

    assert isinstance(config, PriorsNetConfig)
    return fit_priorsnet(config, data, seed, report=report, checkpoints=checkpoints, device=device)


@method(TangConfig)
def _tang(
    config: Configuration,
    data: ExperimentData,
    seed: int,
    report: Report,
    _checkpoints: Checkpoints | None,
    device: str,
) -> FittedPrior:
    from fieldmark.training.tang import fit_tang

    assert isinstance(config, TangConfig)
    return fit_tang(config, data, seed, report=report, device=device)


@method(ClassFrequencyConfig)
@method(GridConfig)
@method(NearestNeighboursConfig)
@method(RadiusNeighboursConfig)
@method(KernelDensityConfig)
def _counting(config: Configuration, data: ExperimentData, *_: object) -> FittedPrior:
    from fieldmark.models.priors.counting import fit_counting_prior

    return fit_counting_prior(config, data.parts[Split.TRAIN], data.num_categories)
