"""The other priors of the PriorsNet code (SPEC 2.5), one configuration each."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from fieldmark.config.base import Configuration


class ClassFrequencyConfig(Configuration):
    """(1 + n_c) / sum: the training set's category frequencies."""

    numerics_version: ClassVar[int] = 1
    method: Literal["class_frequency"] = "class_frequency"


class GridConfig(Configuration):
    """A histogram over longitude and latitude with a pseudo-count."""

    numerics_version: ClassVar[int] = 1
    method: Literal["grid"] = "grid"
    lon_cells: int = Field(180, ge=1)
    lat_cells: int = Field(60, ge=1)
    pseudo_count: float = Field(2.0, ge=1)


class NearestNeighboursConfig(Configuration):
    """(1 + neighbours of the category) / sum over the k nearest training records."""

    numerics_version: ClassVar[int] = 1
    method: Literal["nearest_neighbours"] = "nearest_neighbours"
    k: int = Field(100, ge=1)
    metric: Literal["euclidean", "haversine"] = "haversine"
    """Degrees of longitude and latitude, or the great circle in radians."""
    season: float = Field(0.0, ge=0)
    """Radius, in the metric's unit, of the circle on which the year is laid; 0 ignores the date."""
    pseudo_count: float = Field(1.0, gt=0)


class RadiusNeighboursConfig(Configuration):
    """The same over all training records within a radius."""

    numerics_version: ClassVar[int] = 1
    method: Literal["radius_neighbours"] = "radius_neighbours"
    radius: float = Field(2.0, gt=0)
    """In the metric's unit: degrees, or radians."""
    metric: Literal["euclidean", "haversine"] = "euclidean"
    pseudo_count: float = Field(1.0, gt=0)


class KernelDensityConfig(Configuration):
    """Adaptive Gaussian kernels (Berg et al. without time)."""

    numerics_version: ClassVar[int] = 1
    method: Literal["kernel_density"] = "kernel_density"
    quantum: float = Field(0.001, gt=0)
    """Locations are merged on a grid of this many degrees."""
    neighbours: int = Field(500, ge=1)
    """The bandwidth is half the distance to this neighbour."""


class TangConfig(Configuration):
    """Tang et al. 2015 as re-implemented by the PriorsNet authors: place code beside the image feature."""

    numerics_version: ClassVar[int] = 1
    method: Literal["tang"] = "tang"
    location: Literal["gps", "grid", "none"] = "gps"
    lr: float = Field(1e-4, gt=0)
    decay: float = Field(0.98, gt=0, le=1)
    epochs: int = Field(30, ge=1)
    batch: int = Field(1024, ge=1)
    width: int = Field(256, ge=1)


BaselineConfig = Annotated[
    ClassFrequencyConfig
    | GridConfig
    | NearestNeighboursConfig
    | RadiusNeighboursConfig
    | KernelDensityConfig
    | TangConfig,
    Field(discriminator="method"),
]
