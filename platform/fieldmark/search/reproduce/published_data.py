"""Where the published data sets come from, and how they must lie on disk."""

from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from fieldmark.papers import dataset_counts


class PublishedData(NamedTuple):
    """How one data set is got."""

    source: str
    """Where from."""
    spec: str
    """What --data takes for it."""
    layout: str
    """What the folder holds."""


class MissingData(BaseModel):
    """A published data set that is not at hand."""

    model_config = ConfigDict(extra="forbid")

    name: str
    images: int | None
    """Training and test pictures."""
    source: str
    flag: str
    layout: str


_INAT = "iNaturalist competition {0}: https://github.com/visipedia/inat_comp/tree/master/{0}"
_OLDER = (
    "train{0}.json and val{0}.json, categories{0}.json, train{0}_locations.json and val{0}_locations.json (places and "
    "dates are a download of their own), pictures under {1}/"
)
PUBLISHED_DATA: dict[str, PublishedData] = {
    "iNat2017": PublishedData(_INAT.format(2017), "inat2017:DIR", _OLDER.format(2017, "train_val_images")),
    "iNat2018": PublishedData(_INAT.format(2018), "inat2018:DIR", _OLDER.format(2018, "train_val2018")),
    "iNat2021": PublishedData(
        _INAT.format(2021), "inat2021:DIR", "train.json and val.json, pictures under train/ and val/"
    ),
    "iNat2021-mini": PublishedData(
        _INAT.format(2021), "inat2021mini:DIR", "train_mini.json and val.json, pictures under train_mini/ and val/"
    ),
    "YFCC100M-GEO100": PublishedData(
        "the list of photographs of Tang et al. 2015; the photographs from Flickr or the YFCC100M mirror",
        "yfcc_geo100:DIR",
        "photo2gps.txt (CLASS/PHOTO LATITUDE LONGITUDE a line), or train_test_split.csv and class_names.csv; pictures "
        "under CLASS/",
    ),
}
"""By published name. What they take on disk is not stated in the papers."""


def missing_data(name: str) -> MissingData:
    """Returns how a data set that is not at hand is got."""
    counts, known = dataset_counts()[name], PUBLISHED_DATA[name]
    images = counts.train + counts.val if counts.train is not None and counts.val is not None else None
    flag = f"--data {name}={known.spec}"
    return MissingData(name=name, images=images, source=known.source, flag=flag, layout=known.layout)
