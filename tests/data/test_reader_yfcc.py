"""The two YFCC100M sets."""

import zipfile
from pathlib import Path

import pytest

from fieldmark.data.open import open_dataset
from fieldmark.data.readers import read
from fieldmark.errors import UserError

FG_GEO = """yfcc100m ID,yfcc100m line number,label,latitude,longitude,Flickr URL,mmcommons URL
da6fd9a9c5666e7b561b842a8c97774f,1,Tiarella cordifolia,36.1,-81.8,http://a,https://b
6c9f3f2f1e2a21ca34e8cbd4e87f7e5,2,Strongylocentrotus purpuratus,37.2,-122.4,http://a,https://b
"""


def test_fg_geo_csv_and_zip(tmp_path: Path) -> None:
    (tmp_path / "y.csv").write_text(FG_GEO)
    with zipfile.ZipFile(tmp_path / "y.csv.zip", "w") as archive:
        archive.writestr("__MACOSX/._y.csv", b"\0\5\x16\7")
        archive.writestr("y.csv", FG_GEO)
    for name in ("y.csv", "y.csv.zip"):
        observations = read(f"yfcc_inat2017:{tmp_path / name}")
        assert observations.image_id.to_pylist() == [
            "da6fd9a9c5666e7b561b842a8c97774f",
            "06c9f3f2f1e2a21ca34e8cbd4e87f7e5",
        ]
        assert observations.place_time.longitude_N.tolist() == [-81.8, -122.4]
        assert not observations.place_time.has_date_N.any()
        assert observations.given_split is None


def test_fg_geo_broken(tmp_path: Path) -> None:
    (tmp_path / "y.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="no column yfcc100m ID, label, latitude, longitude; found a, b"):
        read(f"yfcc_inat2017:{tmp_path / 'y.csv'}")
    with pytest.raises(UserError, match="no such file"):
        read(f"yfcc_inat2017:{tmp_path / 'z.zip'}")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as archive:
        archive.writestr("readme.txt", "")
    with pytest.raises(UserError, match="no CSV file in the zip"):
        read(f"yfcc_inat2017:{tmp_path / 'empty.zip'}")


def geo100(folder: Path) -> str:
    lines = [f"{name}/{number}.jpg {number / 3:.4f} {-number / 2}" for name in ("bear", "road") for number in range(90)]
    (folder / "photo2gps.txt").write_text("\n".join(lines) + "\n\nbroken line\n")
    return f"yfcc_geo100:{folder}"


def test_geo100_takes_the_class_from_the_path(tmp_path: Path) -> None:
    data = open_dataset(geo100(tmp_path))
    assert data.observations.categories == ("bear", "road")
    assert data.observations.image_id[91].as_py() == "road/1.jpg"
    assert data.observations.place_time.latitude_N[3] == 1.0
    assert data.protocol == "per_class_20:0"
    assert data.class_counts().tolist() == [50, 50]
    assert data.observations.report.bad_counts == {"row: expected path, latitude, longitude": 1}
    assert data.observations.report.bad[0].row == 182


def test_geo100_with_the_split_of_geo_prior(tmp_path: Path) -> None:
    rows = [
        f"{number % 2}/{number}.jpg,{number},1,{part},{number % 2}.0\n" for number, part in enumerate(["train"] * 30)
    ]
    rows += ["0/v.jpg,1,1,val,0.0\n", "1/t.jpg,nan,1,test,1.0\n"]
    (tmp_path / "train_test_split.csv").write_text("path,lat,lon,split,class\n" + "".join(rows))
    (tmp_path / "class_names.csv").write_text("id,name\n1,bear\n0,road\n")
    data = open_dataset(f"yfcc_geo100:{tmp_path}")
    assert data.protocol == "official:0"
    assert data.observations.categories == ("bear", "road")
    assert data.observations.category_N[:3].tolist() == [1, 0, 1]
    assert not data.observations.place_time.has_place_N[-1]


def test_geo100_broken(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"neither photo2gps\.txt nor train_test_split\.csv"):
        read(f"yfcc_geo100:{tmp_path}")
    (tmp_path / "photo2gps.txt").write_bytes(bytes(range(256)))
    with pytest.raises(UserError, match="not UTF-8 text"):
        read(f"yfcc_geo100:{tmp_path}")
    (tmp_path / "photo2gps.txt").write_text("")
    with pytest.raises(UserError, match="no records in it"):
        read(f"yfcc_geo100:{tmp_path}")
    (tmp_path / "train_test_split.csv").write_text("path,lat,lon,split\n")
    with pytest.raises(UserError, match="no column class"):
        read(f"yfcc_geo100:{tmp_path}")
