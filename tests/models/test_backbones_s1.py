"""The backbones of Table S1 (and ResNet-50) each train one step, at their size and at another where they can.

A fixed-window Swin takes no other size once it is made; the others take any.
"""

import pytest
import torch
from torch.nn import functional

from fieldmark.config import ClassifierConfig
from fieldmark.models.build import build_classifier

TABLE_S1 = {
    "resnet50": (224, 96),
    "sk2res2net101": (224, 256),
    "botnet152": (224, 256),
    "swin_large_patch4_window7_224": (224,),
    "pvt_large_v1": (224, 256),
}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", TABLE_S1)
def test_one_step(name: str) -> None:
    torch.manual_seed(0)
    at, *others = TABLE_S1[name]
    model = build_classifier(ClassifierConfig(backbone=name, resolution=at, drop_path=0.0), 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    for side in (at, *others):
        metadata, places = torch.randn(2, 6), torch.zeros(2, 2)
        logits_BC = model(torch.randn(2, 3, side, side), metadata, places)
        loss = functional.cross_entropy(logits_BC, torch.tensor([1, 2]))
        optimizer.zero_grad()
        loss.backward()
        for key, parameter in model.named_parameters():
            assert parameter.grad is not None and bool(parameter.grad.isfinite().all()), key
        optimizer.step()
        assert bool(loss.isfinite())
    moved = sum(
        int(parameter.grad is not None and bool((parameter.grad != 0).any())) for parameter in model.parameters()
    )
    assert moved >= 0.95 * len(list(model.parameters()))


@pytest.mark.slow
def test_swin_refuses_another_size() -> None:
    with torch.device("meta"):
        model = build_classifier(ClassifierConfig(backbone="swin_large_patch4_window7_224", fusion="image_only"), 10)
        with pytest.raises(AssertionError):
            model(torch.zeros(1, 3, 256, 256), torch.zeros(1, 6), torch.zeros(1, 2))
