"""A trained classifier, ready to be asked: from an export or from a store. Needs neither Ray nor MLflow."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from fieldmark.config import ClassifierConfig, RunSpec
from fieldmark.errors import UserError
from fieldmark.export import files
from fieldmark.export.configuration import classifier_of
from fieldmark.export.preprocessing import Preprocessing
from fieldmark.models.classifier import Classifier

if TYPE_CHECKING:
    from fieldmark.export.stored import StoredRun
    from fieldmark.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A trained classifier."""

    model: Classifier
    """In evaluation mode, on the CPU."""
    config: ClassifierConfig
    categories: tuple[str, ...]
    """Names, in the order of the model's outputs."""
    center_share: float
    """Share of a picture's shorter side that it is shown: 1.0 where it learned from whole pictures."""
    run_id: str


def load_trained(source: "str | Path | Store", run: str | None = None) -> Trained:
    """Loads a trained classifier; only safetensors are read, and no code that lies beside them is run.

    A model with a part of a user's own needs that part registered before (`fieldmark.models.fusions.load_extension`).

    Args:
        source: an export's folder; or a store (or where it is), with `run`.
        run: a run's id or its first digits.

    Raises:
        UserError: nothing to load there, it is damaged, or its fusion or backbone is not known.
    """
    if run is None:
        assert isinstance(source, str | Path), "a store needs a run"
        return _from_export(Path(source))
    from fieldmark.export.stored import read_run
    from fieldmark.store import Store

    store = source if isinstance(source, Store) else Store.open(str(source), create=False)
    return load_stored(read_run(store, run))


def load_stored(stored: "StoredRun") -> Trained:
    """Returns a stored classifier, ready to be asked.

    Raises:
        UserError: as `load_trained`.
    """
    return Trained(
        model=_model(
            stored.config,
            len(stored.categories),
            stored.weights,
            what=f"run {stored.record.run_id}",
            code=stored.extension_name,
        ),
        config=stored.config,
        categories=stored.categories,
        center_share=1.0 if stored.exact else stored.config.center_share,
        run_id=stored.record.run_id,
    )


def check_export(folder: Path) -> Any:
    """Returns the configuration of an export whose other files, apart from its weights, are what was exported.

    Raises:
        UserError: it is no export, of a newer release, or changed; names the file.
    """
    if not folder.exists():
        raise UserError(f"{folder}: no such folder, so no export")
    if not files.is_export(folder):
        raise UserError(f"{folder}: no export (expected {files.WEIGHTS}, {files.CONFIGURATION} and what belongs there)")
    described = _json(folder / files.CONFIGURATION)
    try:
        if described["format"] > files.FORMAT:
            raise UserError(f"{folder}: written by a newer release (fieldmark {described['fieldmark']}); update")
        expected = described["files_sha256"]
        for name in (files.CATEGORIES, files.PREPROCESSING, files.EXTENSION):
            _check_file(folder / name, expected.get(name))
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{folder / files.CONFIGURATION}: {_changed(error)}") from error
    return described


def _check_file(path: Path, expected: str | None) -> None:
    if path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() != expected:
        raise UserError(f"{path}: changed, or not what was exported; export the run again")


def _from_export(folder: Path) -> Trained:
    described = check_export(folder)
    weights = (folder / files.WEIGHTS).read_bytes()
    try:
        config = classifier_of(RunSpec.model_validate(described["spec"]).config)
        inputs = Preprocessing.model_validate(_json(folder / files.PREPROCESSING))
        categories = tuple(str(name) for name in _json(folder / files.CATEGORIES))
        run_id, expected = str(described["run_id"]), described["weights_sha256"]
    except (KeyError, TypeError, ValidationError) as error:
        raise UserError(f"{folder / files.CONFIGURATION}: {_changed(error)}") from error
    if hashlib.sha256(weights).hexdigest() != expected:
        raise UserError(f"{folder / files.WEIGHTS}: damaged, or not the weights that were exported")
    code = str(folder / files.EXTENSION) if (folder / files.EXTENSION).exists() else None
    return Trained(
        model=_model(config, len(categories), weights, what=str(folder), code=code),
        config=config,
        categories=categories,
        center_share=inputs.center_share,
        run_id=run_id,
    )


def _model(config: ClassifierConfig, categories: int, weights: bytes, *, what: str, code: str | None) -> Classifier:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    from fieldmark.models.build import build_classifier
    from fieldmark.training.classifier.precision import Precision

    unknown = _unknown_parts(config)
    if unknown:
        where = f"its code is in {code} and is never run by itself: read it, and " if code else ""
        raise UserError(f"{what}: {' and '.join(unknown)} of a user's own; {where}name its file with --import")
    # What it started from no longer matters, and must not be fetched.
    model = build_classifier(config.model_copy(update={"weights": "none"}), categories)
    Precision(config, "cpu").convert(model)
    try:
        model.load_state_dict(load(weights))
    except (SafetensorError, RuntimeError) as error:
        raise UserError(f"{what}: its weights do not fit its configuration ({_line(error)})") from error
    model.to(memory_format=torch.channels_last)  # as it was trained
    model.eval()
    return model


def _unknown_parts(config: ClassifierConfig) -> list[str]:
    import timm

    from fieldmark.models import backbones, fusions

    unknown = [f"fusion {config.fusion}"] * (config.fusion not in fusions.names())
    found = config.backbone in backbones.names() or timm.is_model(config.backbone)
    return unknown if found else [*unknown, f"backbone {config.backbone}"]


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise UserError(f"{path}: damaged ({error})") from error


def _changed(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    else:
        why = f"no {error.args[0]!r} in it" if isinstance(error, KeyError) else "not in its form"
    return f"not written by this program, or changed ({why})"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
