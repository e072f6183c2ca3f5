"""A classifier that nobody trained, recorded as if somebody had: real scores of random weights, in a second."""

import math
from typing import Any

import pyarrow as pa
import torch
from safetensors.torch import save

from fieldmark.config import ClassifierConfig, RunSpec, choose_scale
from fieldmark.data.images.prepare import prepare_images
from fieldmark.data.open import open_dataset
from fieldmark.models.build import build_classifier
from fieldmark.search.facts import dataset_card
from fieldmark.store import Cost, EvaluationRecord, Provenance, RunRecord, Store, Trial
from fieldmark.training.classifier.execution import Execution
from fieldmark.training.classifier.fit import FittedClassifier

WORLD = "world:species=6,group_size=2,per_category=4,val_per_category=3,test_per_category=4,full=2"
EPOCHS = 6


def record_trained_run(
    store: Store,
    data: str = WORLD,
    *,
    seed: int = 0,
    sharpness: float = 30.0,
    extension: str | None = None,
    **config: Any,
) -> str:
    """Records a run with weights, categories, curve and evaluations; returns its id.

    Args:
        store: where to.
        data: what would stand after `--data`.
        seed: of the run and its weights.
        sharpness: factor on the classifier's weights, so that scores are not all alike.
        extension: text of the user's file that defines the fusion.
        config: fields of the configuration; a tiny backbone at 32 pixels where they say nothing else.
    """
    settings = ClassifierConfig(**{"backbone": "test_resnet", "resolution": 32, "precision": "float32", **config})
    dataset = open_dataset(data)
    experiment, _ = prepare_images(
        dataset, resolution=settings.resolution, side=settings.picture_side, pack=False, say=lambda _: None
    )
    torch.manual_seed(seed)
    model = build_classifier(settings, len(experiment.categories)).eval()
    model.to(memory_format=torch.channels_last)
    with torch.no_grad():
        list(model.parameters())[-2].mul_(sharpness)
    card = dataset_card(dataset, data)
    spec = RunSpec(config=settings, dataset=card.name, fingerprint=card.fingerprint, protocol=card.protocol, seed=seed)
    scale = choose_scale("smoke", train_records=max(1, card.counts["train"]), category_size=card.category_size)
    fitted = FittedClassifier(model=model, config=settings, execution=Execution(), details={})
    store.put_card(card)
    store.put_categories(card.fingerprint, experiment.categories)
    if extension is not None:
        store.put_extension(spec.run_id, extension)
    for one in fitted.evaluate(experiment):
        record = EvaluationRecord(
            run_ids=(spec.run_id,),
            spec=spec,
            scale=scale,
            split=one.split,
            score=one.score,
            n=len(one.predictions),
            metrics=one.metrics,
            details=one.details,
            parameters=fitted.parameters,
        )
        store.commit_evaluation(record, predictions=one.predictions)
    store.put_weights(spec.run_id, save({name: tensor.contiguous() for name, tensor in model.state_dict().items()}))
    run = RunRecord(
        run_id=spec.run_id,
        spec=spec,
        scale=scale,
        status="completed",
        parameters=fitted.parameters,
        multiply_adds=1_000_000,
        epochs=EPOCHS,
        trial=Trial(role="single"),
        cost=Cost(seconds=3.0),
        provenance=Provenance(host="nowhere", ended=1.7e9),
    )
    store.commit_run(run, curve=_curve(seed))
    return spec.run_id


def _curve(seed: int) -> pa.Table:
    epochs = range(1, EPOCHS + 1)
    return pa.table(
        {
            "epoch": pa.array(epochs, pa.int32()),
            "loss": [1.2 * math.exp(-epoch / 3) + 0.5 + 0.05 * seed for epoch in epochs],
            "top1": [0.7 - 0.5 * math.exp(-epoch / 3) - 0.03 * seed for epoch in epochs],
        }
    )
