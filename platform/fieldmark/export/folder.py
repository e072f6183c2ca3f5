"""Writes a trained classifier into a folder that needs no store: all of it, or nothing."""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow.compute as pc

from fieldmark import __version__
from fieldmark.errors import UserError
from fieldmark.export import files
from fieldmark.export.card import model_card
from fieldmark.export.preprocessing import Preprocessing
from fieldmark.export.stored import StoredRun, read_run
from fieldmark.store import Store


def export_run(store: Store, run: str, folder: Path, *, force: bool = False) -> Path:
    """Writes a trained classifier's weights, categories, inputs, configuration and card into a new folder.

    Everything is written beside the folder first and put in place by one rename: whoever kills it leaves the folder
    absent, or as it was. (With `force` there is an instant at which the former export has another name.)

    Args:
        store: holds the run.
        run: its id or the first digits.
        folder: where to; `NAME.export-...` beside it is used while writing.
        force: replaces an export that is there already.

    Returns:
        The folder.

    Raises:
        UserError: no such run, or the folder is taken (`force` replaces exports only, no other folder).
    """
    _check_target(folder, force)
    stored = read_run(store, run)
    contents = _contents(store, stored)
    with _beside(folder) as draft:
        for name, data in contents.items():
            (draft / name).write_bytes(data)
        _put_in_place(draft, folder, force)
    return folder


def _contents(store: Store, run: StoredRun) -> Mapping[str, bytes]:
    inputs = Preprocessing.of(run.config, center_share=1.0 if run.exact else run.config.center_share)
    mine = (pc.field("run_id") == run.record.run_id) & (pc.field("split") == "test") & (pc.field("runs") == 1)
    told = {files.CATEGORIES: _json(list(run.categories)), files.PREPROCESSING: _json(inputs.model_dump(mode="json"))}
    if run.extension is not None:
        told[files.EXTENSION] = run.extension.encode()
    configuration = {
        "format": files.FORMAT,
        "fieldmark": __version__,
        "run_id": run.record.run_id,
        "spec": run.record.spec.model_dump(mode="json"),
        "weights_sha256": hashlib.sha256(run.weights).hexdigest(),
        "files_sha256": {name: hashlib.sha256(data).hexdigest() for name, data in told.items()},
    }
    return {
        files.WEIGHTS: run.weights,
        **told,
        files.CONFIGURATION: _json(configuration),
        files.CARD: model_card(run, store.evaluation_records(mine), inputs).encode(),
    }


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def _check_target(folder: Path, force: bool) -> None:
    if not os.path.lexists(folder):
        return
    if not force:
        raise UserError(f"--out {folder}: is there already; choose another, or --force replaces an export")
    if not files.is_export(folder):
        raise UserError(f"--out {folder}: is no export, so --force does not replace it")


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """Makes a folder on the same disk, and takes it away if it is still there in the end."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = folder.parent / f"{folder.name}.export-{uuid.uuid4().hex[:12]}"
    draft.mkdir()
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _put_in_place(draft: Path, folder: Path, force: bool) -> None:
    if not force or not folder.exists():
        _rename(draft, folder)
        return
    former = folder.parent / f"{folder.name}.former-{uuid.uuid4().hex[:12]}"
    os.rename(folder, former)
    _rename(draft, folder)
    shutil.rmtree(former)


def _rename(draft: Path, folder: Path) -> None:
    try:
        os.rename(draft, folder)
    except OSError as error:  # somebody was quicker: renaming does not replace a folder that holds something
        raise UserError(f"--out {folder}: is there already; choose another, or --force replaces an export") from error
