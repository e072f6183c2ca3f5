"""A fusion under test: made small, on a backbone that does nothing, with records of which not everything is known."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from fieldmark.config.classifier import ClassifierConfig
from fieldmark.config.fusions import FusionSettings
from fieldmark.data.experiment import Part
from fieldmark.data.observations import PlaceTime
from fieldmark.models.backbones import Backbone
from fieldmark.models.classifier import Classifier
from fieldmark.models.fusions import Fusion, Metadata, Sizes
from fieldmark.models.metadata import encode_metadata, metadata_size, places

NAN = float("nan")
KNOWN = {
    "everything is known": (52.5, 13.4, "2021-05-05"),
    "everything is known, elsewhere": (-33.9, 151.2, "2020-11-30"),
    "the date is missing": (52.5, 13.4, "NaT"),
    "the place is missing": (NAN, NAN, "2021-05-05"),
    "nothing is known": (NAN, NAN, "NaT"),
}
"""What is known of the records of a batch: latitude and longitude in degrees, and the date."""


class Pictures(Backbone):
    """A backbone without layers: a picture of F channels is its own map, whose mean is the feature."""

    def __init__(self, width: int) -> None:
        """Takes F."""
        super().__init__()
        self.width = width

    def map(self, image_B3HW: Tensor) -> Tensor:
        """Returns the picture."""
        return image_B3HW

    def pool(self, map_BFHW: Tensor) -> Tensor:
        """Returns the mean over the map (B, F)."""
        return map_BFHW.mean(dim=(2, 3))


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A model's inputs, and what is known of each record."""

    map_BFHW: Tensor
    encoded_BM: Tensor
    place_B2: Tensor
    known: tuple[str, ...]

    def inputs(self) -> tuple[Tensor, Tensor, Tensor]:
        """Returns what a `Classifier` is called with."""
        return self.map_BFHW, self.encoded_BM, self.place_B2

    def metadata(self) -> Metadata:
        """Returns what a fusion is told."""
        return Metadata(encoded_BM=self.encoded_BM, place_B2=self.place_B2)

    def row(self, index: int) -> "Batch":
        """Returns the batch of one record alone."""
        map_1FHW, encoded_1M, place_12 = (tensor[index : index + 1] for tensor in self.inputs())
        return Batch(map_BFHW=map_1FHW, encoded_BM=encoded_1M, place_B2=place_12, known=self.known[index : index + 1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A fusion's class with its settings, at one size of the feature and under one choice of metadata."""

    cls: type[Fusion]
    settings: FusionSettings
    features: int
    date: bool
    categories: int = 7

    @property
    def config(self) -> ClassifierConfig:
        """How places and dates are encoded."""
        return ClassifierConfig(date=self.date)

    def fusion(self) -> Fusion:
        """Returns a new fusion, as initialised."""
        sizes = Sizes(
            features=self.features,
            categories=self.categories,
            metadata=metadata_size(self.config),
            location_width=32,
            location_blocks=1,
        )
        return self.cls(sizes, self.settings)

    def model(self, fusion: Fusion | None = None) -> Classifier:
        """Returns a fusion (else a new one) as the product runs it; in float64, which tells wrong from imprecise."""
        return Classifier(Pictures(self.features), fusion or self.fusion()).double()

    def trained(self) -> Classifier:
        """Returns a model as if trained: it has seen the records, and no weight is where it was initialised."""
        fusion = self.fusion()
        fusion.start_from(self.image_classifier())
        fusion.observe(self._records())
        with torch.no_grad():
            for parameter in fusion.parameters():
                if parameter.requires_grad:
                    parameter.add_(0.1 * torch.randn_like(parameter))
        return self.model(fusion)

    def image_classifier(self) -> nn.Linear:
        """Returns the classifier of a trained image-only model."""
        return nn.Linear(self.features, self.categories)

    def batch(self, dtype: torch.dtype = torch.float64) -> Batch:
        """Returns five different pictures, one for each entry of `KNOWN`."""
        where = _where(list(KNOWN.values()))
        return Batch(
            map_BFHW=torch.randn(len(where), self.features, 2, 3, dtype=dtype),
            encoded_BM=torch.from_numpy(encode_metadata(where, self.config)).to(dtype),
            place_B2=torch.from_numpy(places(where)).to(dtype),
            known=tuple(KNOWN),
        )

    def _records(self) -> Part:
        where = _where(list(KNOWN.values()) * 3)
        ids = np.array([str(position) for position in range(len(where))])
        return Part(image_id=ids, category_N=np.arange(len(where), dtype=np.int32) % self.categories, place_time=where)


def _where(rows: list[tuple[float, float, str]]) -> PlaceTime:
    latitude, longitude, date = zip(*rows, strict=True)
    return PlaceTime(
        latitude_N=np.array(latitude, dtype=np.float64),
        longitude_N=np.array(longitude, dtype=np.float64),
        date_N=np.array(date, dtype="datetime64[D]"),
        observer_N=np.full(len(rows), -1, dtype=np.int32),
    )
