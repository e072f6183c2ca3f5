"""A classifier small enough for tests: a backbone of three convolutions with batch norm, and pictures by formula."""

import io

import numpy as np
import torch
from torch import nn

from fieldmark.config.classifier import ClassifierConfig
from fieldmark.data.experiment import Part
from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.data.observations import PlaceTime, Split
from fieldmark.models.backbones import Backbone, backbone
from fieldmark.training.classifier.execution import Execution
from fieldmark.training.classifier.fit import fit_classifier

CATEGORIES = 5
SIDE = 16


@backbone("tiny")
class Tiny(Backbone):
    """Three convolutions with batch norm; `drop_path` is plain dropout here."""

    def __init__(self, settings):
        super().__init__()
        self.width = 12
        layers = []
        for inputs, outputs, stride in ((3, 8, 2), (8, 8, 2), (8, self.width, 1)):
            layers += [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.dropout = nn.Dropout(settings.drop_path)

    def map(self, image_B3HW):
        return self.layers(image_B3HW)

    def pool(self, map_BFHW):
        return self.dropout(map_BFHW.mean(dim=(2, 3)))


class Pictures:
    """Pictures (N, 3, H, W) in memory."""

    def __init__(self, image_N3HW):
        self.image_N3HW = image_N3HW

    def __len__(self):
        return len(self.image_N3HW)

    def image(self, position):
        return self.image_N3HW[position]


def part(n, offset):
    """Records laid out by formula; every fifth has no date, every seventh no place, every eleventh no category."""
    i = np.arange(n) + offset
    category_N = np.floor(CATEGORIES * ((i * 0.618034) % 1)).astype(np.int32)
    missing_N = i % 7 == 3
    date_N = np.datetime64("2020-01-01") + (i * 37) % 366
    where = PlaceTime(
        latitude_N=np.where(missing_N, np.nan, 50 * np.sin(1.3 * i)),
        longitude_N=np.where(missing_N, np.nan, 60.0 * category_N - 120 + 20 * np.sin(2.1 * i)),
        date_N=np.where(i % 5 == 0, np.datetime64("NaT"), date_N).astype("datetime64[D]"),
        observer_N=np.full(n, -1, np.int32),
    )
    labels_N = np.where(i % 11 == 10, -1, category_N).astype(np.int32)
    return Part(image_id=i.astype(str), category_N=labels_N, place_time=where), category_N


def pictures(category_N, offset):
    """Waves of a phase of their own, in the category's colour."""
    i = (np.arange(len(category_N)) + offset)[:, None, None]
    row, column = np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij")
    wave = np.sin(0.7 * row + 0.3 * column + 1.7 * i)
    hue = category_N[:, None, None] / CATEGORIES
    channels = [127 + 90 * np.cos(2 * np.pi * (hue + channel / 3)) * wave for channel in range(3)]
    return Pictures(torch.from_numpy(np.stack(channels, axis=1).astype(np.uint8)))


def experiment(train=152, tune=40, test=44):
    """152 training records, of which 138 have a category."""
    parts, images = {}, {}
    for split, n, offset in ((Split.TRAIN, train, 0), (Split.TUNE, tune, 1000), (Split.TEST, test, 2000)):
        parts[split], category_N = part(n, offset)
        images[split] = pictures(category_N, offset)
    names = tuple(f"category {c}" for c in range(CATEGORIES))
    return ImageExperiment(categories=names, parts=parts, images=images)


SMALL = {
    "backbone": "tiny",
    "resolution": SIDE,
    "fusion_settings": {"d": 8, "h": 4},
    "location_width": 8,
    "location_blocks": 1,
    "batch": 32,
    "bn_batch": 4,
    "mixup_group": 8,
    "epochs": 5,
    "warmup_epochs": 1,
    "lr": 0.1,
    "drop_path": 0.1,
    "crop_area": (0.5, 1.0),
    "precision": "float64",
}
"""Four steps an epoch; eight batch-norm groups, four mixup groups and so at most four workers a step."""

CASES = {
    "float64": {},
    "float32": {"precision": "float32"},
    "augmented": {
        "precision": "float32",
        "optimizer": "adamw",
        "lr": 1e-2,
        "weight_decay": 0.05,
        "decay_all": False,
        "clip_norm": 1.0,
        "cutmix": 1.0,
        "rand_augment": 27,
        "random_erasing": 0.5,
        "epochs": 2,
    },
    "scaled": {"precision": "float16", "epochs": 2},
}
"""Trainings that give the same numbers on any number of workers."""


def config(**changes):
    fusion = {} if changes.get("fusion", "dynamic_mlp_c") == "dynamic_mlp_c" else {"fusion_settings": {}}
    return ClassifierConfig(**(SMALL | fusion | changes))


class Memory:
    """Checkpoints as bytes, the way a store keeps them; due before given steps, and raising after some saves."""

    def __init__(self, due_at=(), stop_after=None, stop_with=KeyboardInterrupt):
        self.saved = None
        self.saves = 0
        self.asked = 0
        self.due_at = due_at
        self.stop_after = stop_after
        self.stop_with = stop_with

    def load(self):
        return None if self.saved is None else torch.load(io.BytesIO(self.saved), weights_only=True)

    def due(self):
        self.asked += 1
        return self.asked in self.due_at

    def save(self, state):
        buffer = io.BytesIO()
        torch.save(state, buffer)
        self.saved = buffer.getvalue()
        self.saves += 1
        if self.saves == self.stop_after:
            raise self.stop_with


class Trained:
    """What a training said: `loss` of every step, the report's `curve`, and the `fitted` classifier."""

    def __init__(self):
        self.loss = {}
        self.infos = []
        self.curve = {}
        self.fitted = None
        self._before = 0.0

    def on_step(self, info):
        self.infos.append(info)
        total = info.loss * info.step
        self.loss[info.epoch, info.step] = total - (self._before if info.step > 1 else 0.0)
        self._before = total

    def report(self, epoch, metrics):
        self.curve[epoch] = dict(metrics)
        return True

    @property
    def losses(self):
        return [self.loss[key] for key in sorted(self.loss)]


def train(config, data=None, seed=3, trained=None, execution=None, **arguments):
    """Trains and returns what it said."""
    trained = trained or Trained()
    settings = Execution(on_step=trained.on_step, on_step_every=0.0, **(execution or {}))
    arguments = {"report": trained.report} | arguments
    trained.fitted = fit_classifier(config, data or experiment(), seed, execution=settings, **arguments)
    return trained
