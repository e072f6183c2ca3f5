"""From a configuration to the prior that counts training records."""

from fieldmark.config import (
    ClassFrequencyConfig,
    Configuration,
    GridConfig,
    KernelDensityConfig,
    NearestNeighboursConfig,
    RadiusNeighboursConfig,
)
from fieldmark.data.experiment import Part
from fieldmark.models.priors.base import CountingPrior
from fieldmark.models.priors.class_frequency import fit_class_frequency
from fieldmark.models.priors.grid import fit_grid
from fieldmark.models.priors.kernel_density import fit_kernel_density
from fieldmark.models.priors.neighbours import fit_nearest_neighbours, fit_radius_neighbours


def fit_counting_prior(config: Configuration, train: Part, num_categories: int) -> CountingPrior:
    """Returns the prior that a configuration describes, counted on the training part."""
    match config:
        case ClassFrequencyConfig():
            return fit_class_frequency(config, train, num_categories)
        case GridConfig():
            return fit_grid(config, train, num_categories)
        case NearestNeighboursConfig():
            return fit_nearest_neighbours(config, train, num_categories)
        case RadiusNeighboursConfig():
            return fit_radius_neighbours(config, train, num_categories)
        case KernelDensityConfig():
            return fit_kernel_density(config, train, num_categories)
        case _:
            raise TypeError(f"{type(config).__name__} describes no prior that counts records")
