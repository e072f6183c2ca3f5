"""`fieldmark export`: a trained model as a folder that needs no store."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fieldmark.cli.common import STORE, JsonFlag, StoreFlag, open_existing, print_json


def export(
    run: str,
    /,
    *,
    store: StoreFlag = STORE,
    out: Annotated[Path | None, Parameter(help="The folder to make; default: export-RUN here.")] = None,
    force: Annotated[bool, Parameter(negative=(), help="Replace an export that is there already.")] = False,
    json: JsonFlag = False,
) -> None:
    """Write weights, categories, preprocessing, configuration and a model card into a new folder.

    It is there whole or not at all. `fieldmark predict FOLDER PICTURES` asks it, without Ray and without a store.

    Args:
        run: The id of a trained classifier's run, or its first digits.
    """
    from fieldmark.export.folder import export_run
    from fieldmark.export.stored import find_classifier

    opened = open_existing(store)
    run_id = find_classifier(opened, run)
    folder = export_run(opened, run_id, out or Path(f"export-{run_id[:10]}"), force=force)
    names = sorted(path.name for path in folder.iterdir())
    if json:
        print_json({"run_id": run_id, "folder": str(folder), "files": names})
        return
    print(f"run {run_id} is in {folder}: {', '.join(names)}")
    print(f"read {folder / 'README.md'}; ask it with `fieldmark predict {folder} PICTURES --out scores.csv`")
