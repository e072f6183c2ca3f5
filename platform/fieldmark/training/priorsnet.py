"""Fits PriorsNet (Mac Aodha et al. 2019; SPEC 2.2 and 2.3).

All inputs live on the device and a batch is a slice of an index. Every random draw of an epoch comes from the seed and
the epoch's number, so an interrupted fit goes on from its last checkpoint with the numbers of an unbroken one.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fieldmark.config import PriorsNetConfig
from fieldmark.data.background import draw_background
from fieldmark.data.experiment import ExperimentData
from fieldmark.data.observations import Split
from fieldmark.data.sampling import epoch_order, shown_counts
from fieldmark.models.encoding import UnitPlaceTime, encode_units, input_size
from fieldmark.models.priorsnet import PriorsNet
from fieldmark.training.fitted_priorsnet import FittedPriorsNet
from fieldmark.training.interfaces import Checkpoints, Report
from fieldmark.training.metrics import Scored, chunk_rows, metrics
from fieldmark.training.objective import background_points, batch_loss
from fieldmark.training.resident import Records, resident

INITIAL, BACKGROUND, STEPS = 1, 2, 3
"""Streams of randomness: the first weights, an epoch's background points, its dropout and drawn categories."""

RUNGS = tuple(3**i for i in range(1, 8))
"""Epochs after which the tune part is scored, besides the last: where a search may stop a run."""


def fit_priorsnet(
    config: PriorsNetConfig,
    data: ExperimentData,
    seed: int,
    *,
    report: Report,
    checkpoints: Checkpoints | None = None,
    device: str = "cpu",
) -> FittedPriorsNet:
    """Trains on the part that the configuration names.

    Args:
        config: the settings, as run.
        data: the parts; `tune`, where it has records, is scored after the epochs of `RUNGS` and the last.
        seed: decides all randomness, together with the epoch.
        report: told the mean training `loss` after every epoch, with the metrics of tune where it was scored: of the
            product with image scores where the part has them, else of the prior alone. Its False stops the training.
        checkpoints: where the state is kept between epochs.
        device: a torch device.

    Raises:
        UserError: when no training record has the fields asked for, or the photographer terms find under two observers.
        FloatingPointError: when the loss stops being a number.
    """
    records = resident(config, data.training_part(config.train_on), device)
    with _randomness(seed, 0, INITIAL, device):
        model = _network(config, data.num_categories, records.users).to(device)
    optimiser = torch.optim.Adam(model.parameters(), lr=config.lr, fused=True)
    finished = _restore(checkpoints, model, optimiser)
    shown_C = shown_counts(records.host_category_N, config.images_per_class, data.num_categories)

    def fitted() -> FittedPriorsNet:
        prior_C = shown_C / shown_C.sum()
        return FittedPriorsNet(
            config=config, model=model, training_class_prior_C=prior_C, left_out=records.left_out, epochs=finished
        )

    while finished < config.epochs:
        alive = (lambda: None) if checkpoints is None else checkpoints.due
        loss = _train_epoch(config, records, model, optimiser, seed, finished, alive)
        if not math.isfinite(loss):
            raise FloatingPointError(f"the training loss is {loss} in epoch {finished + 1}: try a smaller lr")
        finished += 1
        scored = finished in RUNGS or finished == config.epochs
        if not report(finished, {"loss": loss} | (tune_metrics(fitted(), data) if scored else {})):
            break
        if checkpoints is not None and finished < config.epochs and checkpoints.due():
            checkpoints.save({"epoch": finished, "model": model.state_dict(), "optimiser": optimiser.state_dict()})
    return fitted()


def tune_metrics(prior: FittedPriorsNet, data: ExperimentData) -> dict[str, float]:
    """Returns the tune part's metrics of the product with image scores, or of the prior alone; none without records."""
    part = data.parts.get(Split.TUNE)
    if part is None or not len(part):
        return {}
    chunks: list[Scored] = []
    rows = chunk_rows(data.num_categories)
    for start in range(0, len(part), rows):
        at_n = np.arange(start, min(start + rows, len(part)))
        scores_nC = prior.raw(part.place_time.take(at_n))
        if part.image_scores is not None:
            scores_nC = scores_nC * part.image_scores.rows(at_n)
        chunks.append(metrics(scores_nC, part.category_N[at_n]))
    return Scored.join(chunks).metrics()


def _network(config: PriorsNetConfig, categories: int, users: int) -> PriorsNet:
    return PriorsNet(
        input_size(config), categories, users=users, width=config.width, blocks=config.blocks, dropout=config.dropout
    )


def _train_epoch(
    config: PriorsNetConfig,
    records: Records,
    model: PriorsNet,
    optimiser: torch.optim.Optimizer,
    seed: int,
    epoch: int,
    alive: Callable[[], object],
) -> float:
    """Makes one pass of the sampler and returns the mean loss of its records; an epoch may take an hour."""
    model.train()
    for group in optimiser.param_groups:
        group["lr"] = config.lr * config.decay**epoch
    device = records.x_NF.device
    order = epoch_order(records.host_category_N, config.images_per_class, seed=seed, epoch=epoch)
    background_NF = _background(config, records.has_date_N[order], seed, epoch).to(device)
    order_N = torch.as_tensor(order, device=device)
    total = torch.zeros((), dtype=torch.float64, device=device)
    with _randomness(seed, epoch, STEPS, str(device)):
        for start in range(0, len(order_N), config.batch):
            at_B = order_N[start : start + config.batch]
            background_RF = background_NF[start : start + background_points(config, len(at_B))]
            user_B = None if records.user_N is None else records.user_N[at_B]
            loss = batch_loss(model, records.x_NF[at_B], background_RF, records.category_N[at_B], user_B, config)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += loss.detach() * len(at_B)
            alive()
    return float(total) / len(order_N)


def _background(config: PriorsNetConfig, has_date_N: NDArray[np.bool_], seed: int, epoch: int) -> Tensor:
    """Returns the inputs of as many background points as the epoch has records, float32 (N, F).

    A point lacks its date where the record it stands beside does. Were background points always dated, a missing date
    would itself tell records from background, and the network would learn that undated means present.
    """
    lon_N, lat_N, date_N = draw_background(
        config.background, len(has_date_N), np.random.default_rng((seed, epoch, BACKGROUND))
    )
    units = UnitPlaceTime(lon_N=lon_N, lat_N=lat_N, date_N=np.where(has_date_N, date_N, np.nan))
    return torch.as_tensor(encode_units(units, config).features_NF, dtype=torch.float32)


@contextmanager
def _randomness(seed: int, epoch: int, stream: int, device: str) -> Iterator[None]:
    """Seeds torch's generators within the block and leaves them as they were after it."""
    state = np.random.SeedSequence((seed, epoch, stream)).generate_state(1, np.uint64)[0] >> np.uint64(1)
    gpus = [torch.device(device)] if torch.device(device).type == "cuda" else []
    with torch.random.fork_rng(devices=gpus):
        torch.manual_seed(int(state))
        yield


def _restore(checkpoints: Checkpoints | None, model: PriorsNet, optimiser: torch.optim.Optimizer) -> int:
    """Loads the last saved state, if any, and returns the number of finished epochs."""
    state: dict[str, Any] | None = None if checkpoints is None else checkpoints.load()
    if state is None:
        return 0
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["epoch"])
