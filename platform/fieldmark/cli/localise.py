"""`fieldmark localise`: whether a trained model looks at the marks that tell the world's categories apart."""

from typing import Annotated

from cyclopts import Parameter

from fieldmark.cli.common import STORE, JsonFlag, StoreFlag, open_existing, print_json
from fieldmark.cli.models import ImportFlag, run_extensions


def localise(
    run: str,
    /,
    *,
    tolerance: Annotated[
        float | None,
        Parameter(help="Pixels beside a mark that still hit; default: 15 at a side of 224, in proportion."),
    ] = None,
    data: Annotated[str | None, Parameter(help="Where the run's data set is now; default: where it was.")] = None,
    store: StoreFlag = STORE,
    device: Annotated[str, Parameter(help="cpu, cuda, cuda:1, ...; auto takes a GPU where there is one.")] = "auto",
    extensions: ImportFlag = (),
    json: JsonFlag = False,
) -> int:
    """Play the pointing game: how often the maximum of CAM and of Grad-CAM lies at the mark, on the world's test part.

    Args:
        run: The id of a trained classifier's run, or its first digits.
    """
    from fieldmark.cli.predict import chosen_device
    from fieldmark.evaluation.localisation import pointing_game
    from fieldmark.evaluation.stored import run_dataset
    from fieldmark.export.stored import read_run

    opened = open_existing(store)
    run_extensions(extensions)
    stored = read_run(opened, run)
    found = pointing_game(
        opened,
        stored.record.run_id,
        run_dataset(stored, data),
        tolerance=tolerance,
        device=chosen_device(device),
    )
    if json:
        print_json(
            [{**one.model_dump(mode="json"), "share": one.share, "standard_error": one.standard_error} for one in found]
        )
        return 0
    for one in found:
        print(
            f"{one.method:<9}{one.hits:>6,} of {one.n:,} at the mark: {one.share:.1%} ± {one.standard_error:.1%}, "
            f"chance {one.chance:.1%} (within {one.tolerance:.3g} pixels)"
        )
    if not found:
        print("neither CAM nor Grad-CAM can be drawn of this model")
    return 0
