"""Pictures in a folder."""

from pathlib import Path

import numpy as np
from PIL import Image

from fieldmark.data.image_files import ImageFiles, find_files
from fieldmark.data.select import SelectedImages


def test_the_middle_of_the_picture_at_the_asked_size(tmp_path: Path) -> None:
    wide = np.zeros((40, 100, 3), np.uint8)
    wide[:, 30:70] = (200, 100, 50)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    Image.fromarray(wide[:, :, 0].T.copy()).save(tmp_path / "grey.png")
    Image.fromarray(wide).convert("CMYK").save(tmp_path / "ink.jpg", quality=95)
    source = ImageFiles(str(tmp_path), ["wide.png", "grey.png", "ink.jpg"])
    pixels = source.pixels(np.array([1, 0, 2]), 20)
    assert pixels.shape == (3, 20, 20, 3)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels[1, 5:15, 5:15].astype(int) - [200, 100, 50]).max() <= 2
    assert np.abs(pixels[2, 5:15, 5:15].astype(int) - [200, 100, 50]).max() <= 6
    assert np.abs(pixels[0, 5:15, 5:15].astype(int) - 200).max() <= 2
    assert not source.broken
    np.testing.assert_array_equal(SelectedImages(source, np.array([1])).pixels(np.array([0]), 20)[0], pixels[0])


def test_a_broken_picture_is_grey_and_counted(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "noise.jpg").write_bytes(b"\xff\xd8 noise")
    source = ImageFiles(str(tmp_path), ["empty.jpg", "noise.jpg", "absent.jpg"])
    assert (source.pixels(np.arange(3), 8) == 128).all()
    assert source.broken == {0, 1, 2}


def test_only_listed_files_below_the_folder_are_found(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "1.jpg").write_bytes(b"123")
    (root / "a" / "2.jpg").write_bytes(b"1")
    (root / "3.jpg").write_bytes(b"12")
    (tmp_path / "outside.jpg").touch()
    wanted = {"a/b/1.jpg", "3.jpg", "absent/4.jpg", "../outside.jpg", str(tmp_path / "outside.jpg")}
    assert find_files(str(root), wanted) == {"a/b/1.jpg": 3, "3.jpg": 2}


def test_a_loop_of_links_has_an_end(tmp_path):
    (tmp_path / "A").mkdir()
    (tmp_path / "A" / "one.jpg").write_bytes(b"1")
    (tmp_path / "A" / "loop").symlink_to(tmp_path)
    assert find_files(str(tmp_path), {"A/one.jpg", "A/none.jpg"}) == {"A/one.jpg": 1}
