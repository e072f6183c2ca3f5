"""PriorsNet's training records as tensors on the device."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fieldmark.config import PriorsNetConfig
from fieldmark.data.experiment import Part
from fieldmark.errors import UserError
from fieldmark.models.encoding import encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """The usable training records, resident on the device."""

    x_NF: Tensor
    """float32 inputs."""
    category_N: Tensor
    """int64."""
    user_N: Tensor | None
    """int64 index among the photographers present, or None without the photographer terms."""
    host_category_N: NDArray[np.int32]
    has_date_N: NDArray[np.bool_]
    users: int
    """Photographers present; 0 without the terms."""
    left_out: int


def resident(config: PriorsNetConfig, part: Part, device: str) -> Records:
    """Returns the records that have a label and what the configuration asks for, on the device.

    Raises:
        UserError: when there are none, or the photographer terms find under two observers.
    """
    encoded = encode(part.place_time, config)
    kept_N = encoded.usable_N & (part.category_N >= 0)
    if config.photographer:
        kept_N &= part.place_time.observer_N >= 0
    kept = np.flatnonzero(kept_N)
    if not len(kept):
        raise UserError(f"none of the {len(part)} training records has a label and all fields that the prior asks for")
    observers, user_N = np.unique(part.place_time.observer_N[kept], return_inverse=True)
    if config.photographer and len(observers) < 2:
        raise UserError("photographer needs training records of at least two observers; set photographer to false")
    category_N = part.category_N[kept]
    return Records(
        x_NF=torch.as_tensor(encoded.features_NF[kept], dtype=torch.float32, device=device),
        category_N=torch.as_tensor(category_N, dtype=torch.int64, device=device),
        user_N=torch.as_tensor(user_N, dtype=torch.int64, device=device) if config.photographer else None,
        host_category_N=category_N,
        has_date_N=part.place_time.has_date_N[kept],
        users=len(observers) if config.photographer else 0,
        left_out=len(part) - len(kept),
    )
