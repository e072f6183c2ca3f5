"""The real records beside the checkout."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fieldmark.data.describe import describe
from fieldmark.data.observations import Split
from fieldmark.data.open import open_dataset


@pytest.mark.parametrize(
    ("name", "counts", "categories", "observers"),
    [
        ("west_namerica_butterflies", (15_512, 1_869, 1_946), 15, 0),
        ("uk_citsci_anonymous", (7_765, 1_173, 1_062), 64, 2_035),
        ("finland_mlk_birdsound_10k", (7_269, 902, 904), 165, 7_343),
    ],
)
def test_occurrences(shared: Path, name: str, counts: tuple[int, ...], categories: int, observers: int) -> None:
    data = open_dataset(f"occurrences:{shared}/data/occurrences/{name}.csv.gz")
    assert not data.observations.report.bad_counts
    assert (data.observations.name, data.protocol) == (name, "official:0")
    assert tuple(len(data.indices(part)) for part in (Split.TRAIN, Split.TUNE, Split.TEST)) == counts
    assert len(data.observations.categories) == categories
    assert data.observations.place_time.observer_N.max() + 1 == observers
    assert len(set(data.observations.image_id.to_pylist())) == sum(counts)


def test_yfcc_zip(shared: Path) -> None:
    data = open_dataset(f"yfcc_inat2017:{shared}/data/yfcc/yfcc100m_geolocated_inat2017species.csv.zip")
    described = describe(data)
    assert (described.records, described.categories, described.protocol) == (36_143, 4_472, "coordinate:0")
    assert [check.agrees for check in described.published] == [True, True]
    assert described.field_shares["date"] == 0
    ids = data.observations.image_id.to_pylist()
    assert {len(key) for key in ids} == {32}
    where = data.observations.place_time
    places = np.stack([where.latitude_N, where.longitude_N], axis=1)
    assert len(places) - len(np.unique(places, axis=0)) == 11_741
    train = {tuple(place) for place in places[data.indices(Split.TRAIN)]}
    assert not train & {tuple(place) for place in places[data.indices(Split.TEST)]}


def test_opening_is_quick_and_light(shared: Path) -> None:
    """A dry run has three seconds for everything; a loaded test machine gets twice what reading may take of them."""
    spec = f"yfcc_inat2017:{shared}/data/yfcc/yfcc100m_geolocated_inat2017species.csv.zip"
    program = (
        "import sys; from fieldmark.data.open import open_dataset; from fieldmark.data.describe import describe; "
        f"describe(open_dataset({spec!r})); "
        "print([name for name in ('torch', 'ray', 'mlflow', 'scipy', 'matplotlib', 'sklearn') if name in sys.modules])"
    )
    # (Arrow itself imports pandas where that is installed.)
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert time.perf_counter() - started < 4
