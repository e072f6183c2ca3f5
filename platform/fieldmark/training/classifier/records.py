"""The training records as tensors on the device."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fieldmark.config.classifier import ClassifierConfig
from fieldmark.data.experiment import Part
from fieldmark.data.observations import Indices
from fieldmark.models.metadata import encode_metadata, places


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What is known of a part's records besides their pictures; encoded once."""

    encoded_NM: Tensor
    place_N2: Tensor
    category_N: Tensor
    """int64."""

    @classmethod
    def of(cls, part: Part, config: ClassifierConfig, dtype: torch.dtype, device: str) -> "Records":
        """Encodes a part."""
        where = part.place_time
        return cls(
            encoded_NM=torch.as_tensor(encode_metadata(where, config)).to(device, dtype),
            place_N2=torch.as_tensor(places(where)).to(device, dtype),
            category_N=torch.as_tensor(part.category_N.astype(np.int64), device=device),
        )

    def at(self, record_n: Indices) -> tuple[Tensor, Tensor, Tensor]:
        """Returns encoded metadata (n, M), places (n, 2) and categories (n) of these records, as copies."""
        at_n = torch.as_tensor(record_n).to(self.category_N.device, non_blocking=True)
        return self.encoded_NM[at_n], self.place_N2[at_n], self.category_N[at_n]
