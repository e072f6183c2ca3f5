"""What every fusion must do: `check_fusion` is called by our tests and by whoever writes a fusion."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import torch.distributed as dist
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from fieldmark.config.fusions import Fusions, FusionValues, NoSettings
from fieldmark.models.fusions import Fusion
from fieldmark.models.fusions.registry import fusion_class, registered_as
from fieldmark.testing.fusion_subject import Subject


def check_fusion(name_or_class: str | type[Fusion], *, settings: FusionValues | None = None) -> None:
    """Raises AssertionError, which says what fails, where a fusion does not keep the contract; takes seconds.

    Args:
        name_or_class: a fusion's name, or its class (which need not be registered if it has no settings).
        settings: its settings; those left out have their defaults.

    Raises:
        UserError: for an unknown fusion or setting.
    """
    cls = fusion_class(name_or_class) if isinstance(name_or_class, str) else name_or_class
    name = name_or_class if isinstance(name_or_class, str) else registered_as(cls)
    found = Fusions.settings(name, settings or {}) if name else NoSettings.model_validate(settings or {})
    for features, date in ((32, True), (48, False)):
        subject = Subject(cls=cls, settings=found, features=features, date=date)
        for title, check in CHECKS.items():
            with _told_for(f"{name or cls.__name__}, {title} (feature width {features})"):
                check(subject)


def check_shapes(subject: Subject) -> None:
    """Logits are (B, C) for one record and for several, and a modulated map keeps its shape."""
    model, batch = subject.trained().eval(), subject.batch()
    for rows in (batch.row(0), batch):
        if subject.cls.reads_map:
            shape = model.fusion.modulate(rows.map_BFHW, rows.metadata()).shape
            expected_map = rows.map_BFHW.shape
            assert shape == expected_map, f"modulate gives a map of shape {tuple(shape)} for {tuple(expected_map)}"
        logits_BC = model(*rows.inputs())
        expected = (len(rows.known), subject.categories)
        assert logits_BC.shape == expected, f"logits have shape {tuple(logits_BC.shape)}; expected {expected}"


def check_missing_metadata(subject: Subject) -> None:
    """Whatever is missing, logits and gradients are finite (SCIENCE rule 1)."""
    model, batch = subject.trained().train(), subject.batch()
    batch.map_BFHW.requires_grad_()
    logits_BC = model(*batch.inputs())
    for known, logits_C in zip(batch.known, logits_BC, strict=True):
        assert torch.isfinite(logits_C).all(), f"logits are not finite where {known}"
    _backward(logits_BC)
    gradients = _gradients(model) | {"the image feature": batch.map_BFHW.grad}
    for name, gradient in gradients.items():
        assert gradient is None or torch.isfinite(gradient).all(), (
            f"the gradient of {name} is not finite where something is missing (a NaN that is only masked?)"
        )


def check_records_apart(subject: Subject) -> None:
    """A record has the same logits alone as in a batch, so that they do not depend on how many go together."""
    model, batch = subject.trained().eval(), subject.batch()
    alone_BC = torch.cat([model(*batch.row(index).inputs()) for index in range(len(batch.known))])
    assert _near(model(*batch.inputs()), alone_BC), "a record's logits depend on the other records of its batch"


def check_looks(subject: Subject) -> None:
    """Place and date change the logits where `looks_at_location`, and only there."""
    model, batch = subject.trained().eval(), subject.batch()
    same_BFHW = batch.map_BFHW[:1].expand_as(batch.map_BFHW)
    logits_BC = model(same_BFHW, batch.encoded_BM, batch.place_B2)
    if subject.cls.looks_at_location:
        assert not _near(logits_BC[0], logits_BC[1]), "two places and dates give one image the same logits"
    else:
        assert _near(logits_BC, logits_BC[:1]), "looks_at_location is False, but place or date changes the logits"


def check_parameters(subject: Subject) -> None:
    """All parameters train (unless the image is frozen), and using the fusion makes no new ones."""
    model, batch = subject.model().eval(), subject.batch()
    before = _count(model.parameters())
    trainable = _count(parameter for parameter in model.parameters() if parameter.requires_grad)
    assert subject.cls.frozen_image or trainable == before, (
        f"{trainable:,} of {before:,} parameters are trainable; what does not train belongs into a buffer"
    )
    for rows in (batch.row(0), batch):
        model(*rows.inputs())
        after = _count(model.parameters())
        assert after == before, f"{before:,} parameters became {after:,} by a batch of {len(rows.known)}"


def check_gradients(subject: Subject) -> None:
    """Every trainable parameter gets a gradient, and so does the image feature unless the image is frozen."""
    model, batch = subject.trained().train(), subject.batch()
    batch.map_BFHW.requires_grad_()
    _backward(model(*batch.inputs()))
    for name, gradient in _gradients(model).items():
        assert gradient is not None, f"{name} takes no part in the forward pass, on which DistributedDataParallel fails"
        assert gradient.any(), f"the gradient of {name} is zero: it cannot learn"
    image_gradient = batch.map_BFHW.grad
    assert subject.cls.frozen_image or (image_gradient is not None and image_gradient.any()), (
        "no gradient reaches the image feature; if it shall stay as it is, set frozen_image"
    )


def check_precision(subject: Subject) -> None:
    """Under bfloat16 autocast the logits are finite, and near those of float32."""
    model, batch = subject.trained().float().eval(), subject.batch(torch.float32)
    expected_BC = model(*batch.inputs())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits_BC = model(*batch.inputs()).float()
    assert torch.isfinite(logits_BC).all(), "logits are not finite under bfloat16 autocast"
    off = ((logits_BC - expected_BC).abs() / (1 + expected_BC.abs())).max().item()
    assert off < 0.1, f"logits under bfloat16 autocast are {off:.0%} off those of float32"


def check_state(subject: Subject) -> None:
    """Saved and loaded into a new fusion, the state gives the same logits: nothing is kept beside it."""
    model, batch = subject.trained().eval(), subject.batch()
    state = load(save({name: tensor.contiguous() for name, tensor in model.state_dict().items()}))
    other = subject.model().eval()
    other.load_state_dict(state)
    assert torch.equal(other(*batch.inputs()), model(*batch.inputs())), (
        "logits differ after saving and loading: something that they need is no parameter or buffer"
    )


def check_start(subject: Subject) -> None:
    """A fusion that begins as the image-only model gives exactly its logits before it is trained."""
    if subject.cls.start_from is Fusion.start_from:
        assert not subject.cls.frozen_image, "frozen_image is set, but start_from does not take the classifier over"
        return
    fusion, classifier, batch = subject.fusion(), subject.image_classifier(), subject.batch()
    fusion.start_from(classifier)
    expected_BC = classifier.double()(batch.map_BFHW.mean(dim=(2, 3)))
    nn.init.zeros_(classifier.weight)
    logits_BC = subject.model(fusion).eval()(*batch.inputs())
    assert _near(logits_BC, expected_BC), "after start_from, the logits are not those of the image-only model"


def check_distributed(subject: Subject) -> None:
    """Two steps of plain DistributedDataParallel, which refuses parameters that a step did not use."""
    model, batch = subject.trained().train(), subject.batch()
    if not any(parameter.requires_grad for parameter in model.parameters()):
        return
    with _process_group():
        parallel = DistributedDataParallel(model)
        for _ in range(2):
            _backward(parallel(*batch.inputs()))


CHECKS = {
    "shapes": check_shapes,
    "missing metadata": check_missing_metadata,
    "records apart": check_records_apart,
    "looks at location": check_looks,
    "parameters": check_parameters,
    "gradients": check_gradients,
    "mixed precision": check_precision,
    "state dict": check_state,
    "start from an image-only model": check_start,
    "DistributedDataParallel": check_distributed,
}
"""What is checked, in this order."""


@contextmanager
def _told_for(what: str) -> Iterator[None]:
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            yield
    except Exception as error:
        kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
        raise AssertionError(f"fusion {what}: {kind}{error}") from error


@contextmanager
def _process_group() -> Iterator[None]:
    if dist.is_initialized():
        yield
        return
    with TemporaryDirectory() as folder:
        dist.init_process_group("gloo", init_method=Path(folder, "group").as_uri(), rank=0, world_size=1)
        try:
            yield
        finally:
            dist.destroy_process_group()


def _backward(logits_BC: Tensor) -> None:
    """Of a sum with fixed weights, none of which is special; nothing where nothing trains."""
    weights_C = torch.linspace(-1, 2, logits_BC.shape[1], dtype=logits_BC.dtype)
    if logits_BC.requires_grad:
        torch.autograd.backward((logits_BC * weights_C).sum())


def _gradients(model: nn.Module) -> dict[str, Tensor | None]:
    return {name: parameter.grad for name, parameter in model.named_parameters() if parameter.requires_grad}


def _count(parameters: Iterator[nn.Parameter]) -> int:
    return sum(parameter.numel() for parameter in parameters)


def _near(ours: Tensor, theirs: Tensor) -> bool:
    return bool(torch.allclose(ours, theirs.expand_as(ours), rtol=1e-9, atol=1e-9))
