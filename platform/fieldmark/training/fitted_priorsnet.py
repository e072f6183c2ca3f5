"""A trained PriorsNet as a prior: its scores of places and dates."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fieldmark.config import PriorsNetConfig
from fieldmark.data.observations import PlaceTime
from fieldmark.models.encoding import encode
from fieldmark.models.priorsnet import PriorsNet
from fieldmark.training.metrics import chunk_rows
from fieldmark.training.objective import positive_weight


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedPriorsNet:
    """Implements `FittedPrior`; the network is switched to evaluation while it is asked."""

    config: PriorsNetConfig
    model: PriorsNet
    training_class_prior_C: NDArray[np.float64]
    """What the sampler showed: n_c, or min(n_c, cap), over the records with the fields asked for; sums to 1."""
    left_out: int
    """Training records without a label or a field that the configuration asks for."""
    epochs: int
    """Epochs trained, fewer than configured where the report stopped it."""

    @property
    def parameters(self) -> int:
        """Trained parameters, the photographers' vectors among them."""
        return sum(p.numel() for p in self.model.parameters())

    @property
    def state_dict(self) -> dict[str, Tensor]:
        """The weights on the CPU under the official names."""
        return {name: value.detach().cpu() for name, value in self.model.state_dict().items()}

    def applies(self, where: PlaceTime) -> NDArray[np.bool_]:
        """Returns for N records whether they have the fields that the configuration asks for."""
        return encode(where, self.config).usable_N

    def raw(self, where: PlaceTime) -> NDArray[np.float32]:
        """Returns presence probabilities (N, C), sigmoid(logit), as published; rows where it does not apply are 1."""
        return self._scores(where, 0.0)

    def corrected(self, where: PlaceTime) -> NDArray[np.float32]:
        """Returns sigmoid(logit - log lambda) (N, C); rows where it does not apply are 1.

        At the loss's optimum, p / (1 - p) is lambda times the odds of meeting the category among observations and
        background at that place, so this is proportional to p(category | place, date) (SCIENCE rule 3).
        """
        return self._scores(where, math.log(positive_weight(self.config, len(self.training_class_prior_C))))

    def _scores(self, where: PlaceTime, shift: float) -> NDArray[np.float32]:
        encoded = encode(where, self.config)
        asked = np.flatnonzero(encoded.usable_N)
        scores_NC = np.ones((len(where), len(self.training_class_prior_C)), dtype=np.float32)
        device = self.model.class_emb.weight.device
        was_training = self.model.training
        self.model.eval()
        rows = chunk_rows(scores_NC.shape[1])
        with torch.inference_mode():
            for start in range(0, len(asked), rows):
                chunk = asked[start : start + rows]
                x_nF = torch.as_tensor(encoded.features_NF[chunk], dtype=torch.float32, device=device)
                scores_NC[chunk] = torch.sigmoid(self.model(x_nF) - shift).cpu().numpy()
        self.model.train(was_training)
        return scores_NC
