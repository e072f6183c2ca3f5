"""Two makers of the same pack at once: each picture is drawn by one of them."""

import threading
import time
from collections import Counter
from pathlib import Path

import torch

from fieldmark.data.images.pack import Layout, make


class Drawn:
    """Pictures that count how often each is asked for."""

    def __init__(self) -> None:
        self.asked: Counter[int] = Counter()

    def __len__(self) -> int:
        return 5

    def picture(self, position: int) -> torch.Tensor:
        self.asked[position] += 1
        time.sleep(0.01)  # so that the other maker comes meanwhile
        return torch.full((3, 8, 8), position, dtype=torch.uint8)


def test_the_second_maker_waits_for_the_first(tmp_path: Path) -> None:
    pictures = Drawn()
    layout = Layout(folder=tmp_path / "pack", pictures=pictures, size=8)
    assert layout.shards == 1
    found: list[int] = []

    def run() -> None:
        (shard,) = make(layout, processes=1, say=lambda _: None)
        found.append(int(shard.image(3).float().mean()))

    makers = [threading.Thread(target=run) for _ in range(3)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join(60)
    assert found == [3, 3, 3]
    assert set(pictures.asked.values()) == {2}, (
        "by one maker, which first looks at some to know the space that it needs"
    )
    assert [path.name for path in layout.folder.iterdir()] == ["000000.pack"], "no lock is left"
