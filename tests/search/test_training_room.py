"""Whether a group of workers can be placed is known before Ray is asked, which would wait for ever."""

import pytest

from fieldmark.errors import UserError
from fieldmark.search.training.room import Room

TWO = [{"CPU": 2.0}]
LAB = [{"CPU": 8.0, "GPU": 2.0}, {"CPU": 8.0, "GPU": 2.0}, {"CPU": 4.0}]


def room(nodes, allowed, threads=0):
    return Room.of(nodes, allowed, threads, "2 CPUs")


def test_cores_are_divided_among_the_workers():
    assert (room(TWO, [2]).threads, room(TWO, [1]).threads) == (1, 1), "as many a worker, whatever their number"
    assert room([{"CPU": 9.0, "GPU": 4.0}], [4]).threads == 2
    assert room([{"CPU": 3.0, "GPU": 2.0}, {"CPU": 3.0, "GPU": 2.0}], [4]).threads == 1, "a worker does not span nodes"


def test_gpus_are_used_where_there_is_one_for_each_worker():
    found = room(LAB, [4])
    assert (found.gpu, found.threads, found.resources) == (True, 4, {"CPU": 4, "GPU": 1})
    assert not room(LAB, [8]).gpu
    assert not room(TWO, [2]).gpu


def test_an_elastic_group_keeps_its_range():
    assert room(TWO, [1, 2, 4]).workers == (1, 4)
    assert room(TWO, [2]).workers == 2


def test_what_cannot_be_placed_is_refused_with_what_is_asked_for_and_what_is_there():
    with pytest.raises(UserError, match=r"--workers 4: each asks for 1 CPU; the cluster has 2 CPUs, room for 2"):
        room(TWO, [4])
    with pytest.raises(UserError, match="each asks for 3 CPUs"):
        room(TWO, [1], threads=3)
    with pytest.raises(UserError, match="room for 0"):
        room([], [1])


def test_an_elastic_group_has_allowed_sizes_only():
    from ray.train import ScalingConfig

    from fieldmark.search.executors.allowed_sizes import AllowedSizes

    policy = AllowedSizes(ScalingConfig(num_workers=(1, 4), resources_per_worker={"CPU": 1}), (1, 2, 4))
    sizes = [policy._count_possible_workers({"node": {"CPU": cpus}}) for cpus in range(6)]
    assert sizes == [0, 1, 2, 2, 4, 4]


def groups(nodes, workers, most=None):
    return Room.of_groups(nodes, workers, "2 CPUs", most)


def test_there_are_as_many_groups_at_once_as_can_be_placed():
    assert groups(TWO, 2)[0] == 1
    count, each = groups([{"CPU": 5.0}, {"CPU": 4.0}], 2)
    assert (count, each.workers, each.threads, each.gpu) == (4, 2, 1, False)
    assert groups([{"CPU": 9.0}], 2, most=3)[0] == 3
    with pytest.raises(UserError, match=r"--workers 3: each asks for 1 CPU; the cluster has 2 CPUs, room for 2"):
        groups(TWO, 3)


def test_groups_share_the_cores_beside_the_gpus():
    count, each = groups(LAB, 2)
    assert (count, each.gpu, each.threads) == (2, True, 4)
    assert groups(LAB, 2, most=1)[1].threads == 4, "on one node"
    assert groups(LAB, 4)[0] == 1
    count, each = groups(LAB, 8)
    assert (count, each.gpu) == (2, False), "on the CPUs, where there are too few GPUs for one group"
