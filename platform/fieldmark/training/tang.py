"""Tang et al. 2015 as in the PriorsNet code: a place code beside the image feature, classified together (SPEC 2.5)."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fieldmark.config import TangConfig
from fieldmark.data.experiment import ExperimentData, Part
from fieldmark.data.observations import Indices, PlaceTime, Split
from fieldmark.errors import UserError
from fieldmark.training.interfaces import Report
from fieldmark.training.metrics import metrics

GRID = (180, 360)
RUNGS = (3, 9, 27, 81)


class TangClassifier(nn.Module):
    """Linear classifier of [image feature ; sigmoid(Linear(place))].

    The place is (longitude / 180, latitude / 90), a one-hot cell of a 180 x 360 grid, or left out. A missing place is
    a code of zeros, which no place has, so every image can be classified (SCIENCE rule 1).
    """

    def __init__(self, config: TangConfig, features: int, num_categories: int) -> None:
        super().__init__()
        self.location = config.location
        self.width = 0 if config.location == "none" else config.width
        # A linear layer on a one-hot vector is a table look-up, with the bias added to every entry.
        self.place: nn.Module = (
            nn.Linear(2, config.width) if config.location == "gps" else nn.Embedding(GRID[0] * GRID[1], self.width)
        )
        self.classify = nn.Linear(features + self.width, num_categories)

    def forward(self, feature_BF: torch.Tensor, place_B2: torch.Tensor) -> torch.Tensor:
        """Returns logits (B, C) of features (B, F) and places (B, 2): x, y in [-1, 1], NaN where missing."""
        if self.location == "none":
            return self.classify(feature_BF)  # type: ignore[no-any-return]
        known_B1 = torch.isfinite(place_B2).all(dim=1, keepdim=True)
        place_B2 = torch.where(known_B1, place_B2, 0.0)
        inputs = place_B2 if self.location == "gps" else _cell(place_B2)
        code_BW = torch.sigmoid(self.place(inputs)) * known_B1
        return self.classify(torch.cat([feature_BF, code_BW], dim=1))  # type: ignore[no-any-return]


class FittedTang:
    """A trained classifier of image and place together; `joint` replaces the image scores.

    It is no prior: it applies nowhere, and its prior scores are all ones.

    Attributes:
        training_class_prior_C: Uniform, since the loss weighs categories inversely to their frequency.
        parameters: Trained numbers.
    """

    def __init__(self, network: TangClassifier, num_categories: int, device: str) -> None:
        self._network = network.eval()
        self._device = device
        self._num_categories = num_categories
        self.training_class_prior_C: NDArray[np.float64] = np.full(num_categories, 1 / num_categories)
        self.parameters = sum(one.numel() for one in network.parameters())

    def joint(self, part: Part, indices: Indices) -> NDArray[np.float32]:
        """Returns probabilities (n, C) of these records of a part with image features."""
        with torch.no_grad():
            feature_NF, place_N2 = _inputs(part, indices, self._device)
            probability_NC: NDArray[np.float32] = self._network(feature_NF, place_N2).softmax(dim=1).cpu().numpy()
            return probability_NC

    def applies(self, where: PlaceTime) -> NDArray[np.bool_]:
        """Returns False for all N records."""
        return np.zeros(len(where), dtype=np.bool_)

    def raw(self, where: PlaceTime) -> NDArray[np.float32]:
        """Returns ones (N, C)."""
        return np.ones((len(where), self._num_categories), dtype=np.float32)

    def corrected(self, where: PlaceTime) -> NDArray[np.float32]:
        """Returns ones (N, C)."""
        return self.raw(where)


def fit_tang(config: TangConfig, data: ExperimentData, seed: int, *, report: Report, device: str = "cpu") -> FittedTang:
    """Trains the classifier by Adam and the weighted negative log-likelihood, as published but for the last epoch.

    The authors keep the epoch with the best validation accuracy; this keeps the last (SCIENCE rule 5).

    Args:
        config: Place code, rate, decay, epochs and batch.
        data: Parts with image features.
        seed: Of the initial weights and the order of the records.
        report: Told the loss after every epoch, and the tune part's metrics after epochs 3, 9, 27, ... and
            the last; False stops.
        device: Torch device.

    Raises:
        UserError: The data set has no image features.
    """
    train = data.parts[Split.TRAIN]
    if train.image_features_NF is None:
        raise UserError("method tang: the data set has no image features; it needs images, or stored features")
    labelled = np.flatnonzero(train.category_N >= 0)
    feature_NF, place_N2 = _inputs(train, labelled, device)
    category_N = torch.from_numpy(train.category_N[labelled].astype(np.int64)).to(device)
    weight_C = _balancing_weights(category_N, data.num_categories)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = TangClassifier(config, feature_NF.shape[1], data.num_categories).to(device)
    order = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=config.lr)
    fitted = FittedTang(network, data.num_categories, device)
    for epoch in range(1, config.epochs + 1):
        optimizer.param_groups[0]["lr"] = config.lr * config.decay**epoch
        network.train()
        losses = []
        for rows in torch.split(torch.randperm(len(category_N), generator=order).to(device), config.batch):
            logits_BC = network(feature_NF[rows], place_N2[rows])
            loss = nn.functional.cross_entropy(logits_BC, category_N[rows], weight=weight_C)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(loss.detach())
        network.eval()
        figures = {"loss": float(torch.stack(losses).mean())}
        if epoch in RUNGS or epoch == config.epochs:
            figures |= _on_tune(fitted, data)
        if not report(epoch, figures):
            break
    return fitted


def _on_tune(fitted: FittedTang, data: ExperimentData) -> dict[str, float]:
    tune = data.parts.get(Split.TUNE)
    if tune is None or tune.image_features_NF is None:
        return {}
    return metrics(fitted.joint(tune, np.arange(len(tune))), tune.category_N).metrics()


def _inputs(part: Part, indices: Indices, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    assert part.image_features_NF is not None, "every part has image features, or none"
    where = part.place_time.take(indices)
    place_N2 = np.column_stack([where.longitude_N / 180, where.latitude_N / 90]).astype(np.float32)
    feature_NF = np.ascontiguousarray(part.image_features_NF[indices], dtype=np.float32)
    return torch.from_numpy(feature_NF).to(device), torch.from_numpy(place_N2).to(device)


def _cell(place_B2: torch.Tensor) -> torch.Tensor:
    rows, columns = GRID
    column_B = ((place_B2[:, 0] + 1) / 2 * columns).long().clamp(0, columns - 1)
    row_B = ((place_B2[:, 1] + 1) / 2 * rows).long().clamp(0, rows - 1)
    return row_B * columns + column_B


def _balancing_weights(category_N: torch.Tensor, num_categories: int) -> torch.Tensor:
    """Returns sum(n) / (C n_c) with n_c one more than the category's records (C)."""
    count_C = 1.0 + torch.bincount(category_N, minlength=num_categories)
    return count_C.sum() / (num_categories * count_C)
