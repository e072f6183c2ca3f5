"""Who gets how much of a node, a GPU and an object store; by made-up figures, for there was no GPU to measure on."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.config import ClassFrequencyConfig, ClassifierConfig, RunSpec, Scale
from fieldmark.errors import UserError
from fieldmark.search.executors.could_have import could_have, parse_maximum, read_bootstrap
from fieldmark.search.executors.gpu_share import (
    CONTEXT,
    MOST,
    GpuShares,
    kind_of,
    parse_memory,
    peaks_of,
    trials_per_gpu,
)
from fieldmark.search.executors.object_store import bytes_of, check_room
from fieldmark.search.executors.trial_room import TrialRoom
from fieldmark.search.training.room import Room
from fieldmark.store import Store
from fieldmark.store.records import Cost, RunRecord

GIB = 2**30
SMALL = ClassifierConfig(backbone="test_resnet", resolution=32)
LARGE = ClassifierConfig(backbone="test_resnet", resolution=64)
NODES = [{"CPU": 16.0, "GPU": 2.0}, {"CPU": 8.0, "GPU": 1.0}, {"CPU": 4.0}]


def unit(name: str, config: ClassifierConfig = SMALL):
    return SimpleNamespace(run_id=name, task=SimpleNamespace(spec=SimpleNamespace(config=config)))


@given(st.integers(1, 200 * GIB), st.integers(1, 200 * GIB))
def test_what_shares_a_gpu_fits_on_it_with_a_quarter_to_spare(peak: int, memory: int) -> None:
    together = trials_per_gpu(peak, memory)
    assert 1 <= together <= MOST
    assert together == 1 or together * (1.25 * peak + CONTEXT) <= memory
    assert together == MOST or (together + 1) * (1.25 * peak + CONTEXT) > memory - MOST


def test_what_is_not_known_has_a_gpu_to_itself() -> None:
    assert trials_per_gpu(None, 80 * GIB) == trials_per_gpu(GIB, 0) == 1
    assert trials_per_gpu(3 * GIB, 24 * GIB) == 5


def test_stored_runs_of_the_same_kind_tell_and_the_hungriest_counts() -> None:
    store = Store.open("memory://")
    for seed, (config, peak) in enumerate(
        [(SMALL, 2 * GIB), (SMALL, 3 * GIB), (LARGE, 0), (ClassFrequencyConfig(), 0)]
    ):
        spec = RunSpec(config=config, dataset="d", fingerprint="f", protocol="official:0", seed=seed)
        cost = Cost(peak_gpu_memory_bytes=peak)
        record = RunRecord(run_id=spec.run_id, spec=spec, scale=Scale(name="smoke"), status="completed", cost=cost)
        store.commit_run(record)
    assert peaks_of(store) == {kind_of(SMALL): 3 * GIB}


def test_the_first_trial_is_measured_alone_and_then_they_share() -> None:
    room = TrialRoom(NODES, shares=GpuShares(memory=24 * GIB, peaks={}))
    assert (room.capacity, room.begin(unit("a"))) == (3, {"CPU": 8.0, "GPU": 1.0})
    assert room.capacity == 3
    room.end(unit("a"), peak_gpu_memory=4 * GIB)
    assert room.capacity == 12
    asks = [room.begin(unit(f"b{number}")) for number in range(12)]
    assert all(one == {"CPU": 2.0, "GPU": 0.25} for one in asks) and room.capacity == 12
    assert room.begin(unit("c", LARGE))["GPU"] == 1.0, "of this kind nothing is known"
    assert room.capacity == 13, "nothing more is started before there is room for it"


def test_what_memory_ran_out_of_gets_a_whole_gpu() -> None:
    room = TrialRoom(NODES, shares=GpuShares(memory=24 * GIB, peaks={kind_of(SMALL): 4 * GIB}))
    assert room.begin(unit("a"))["GPU"] == 0.25
    room.end(unit("a"), short_of_memory=True)
    assert room.begin(unit("a"))["GPU"] == 1.0
    assert room.begin(unit("b"))["GPU"] == 0.25


@pytest.mark.parametrize("together", range(1, 9))
def test_as_many_shares_as_are_meant_fit_on_a_gpu(together: int) -> None:
    shares = GpuShares(memory=GIB * 80, peaks={kind_of(SMALL): int((80 * GIB / together - CONTEXT) / 1.25) - 1})
    assert 1 - 1e-3 < round(shares.of(kind_of(SMALL)) * together, 6) <= 1


def test_without_gpus_a_trial_has_a_cpu() -> None:
    room = TrialRoom(NODES, most=20)
    assert (room.capacity, room.begin(unit("a"))) == (20, {"CPU": 1.0})
    assert TrialRoom(NODES[2:], shares=GpuShares(memory=0, peaks={})).capacity == 4


def test_nvidia_smi_tells_the_memory() -> None:
    assert parse_memory(["81559", "24576", ""]) == 24576 * 2**20
    assert parse_memory(["[N/A]"]) == 0


def test_a_group_is_packed_on_one_node_where_it_fits() -> None:
    alone = Room.of([{"CPU": 4.0}, {"CPU": 4.0}, {"CPU": 1.0}], [4], 0, "")
    assert alone.strategy == "STRICT_PACK", "the other node can take it over"
    assert Room.of([{"CPU": 4.0}, {"CPU": 1.0}], [4], 0, "").strategy == "PACK", "else it has to be spread then"
    assert Room.of([{"CPU": 2.0}] * 3, [3], 0, "").strategy == "PACK"
    assert Room.of([{"CPU": 4.0}] * 2, [1, 2, 4], 0, "").strategy == "PACK", "an elastic one takes what there is"
    count, each = Room.of_groups([{"CPU": 3.0}] * 2, 2, "")
    assert (count, each.strategy) == (2, "STRICT_PACK"), "the third would lie on two nodes"
    assert Room.of_groups([{"CPU": 3.0}] * 2, 4, "")[0] == 1


def test_workers_share_the_cores_of_the_node_on_which_they_are_packed() -> None:
    found = Room.of([{"CPU": 8.0, "GPU": 4.0}] * 2, [4], 0, "")
    assert (found.threads, found.strategy) == (2, "STRICT_PACK")


def test_a_growing_cluster_is_known_by_the_launchers_file(tmp_path: Path) -> None:
    file = tmp_path / "ray_bootstrap_config.yaml"
    kinds = """
available_node_types:
  head: {resources: {CPU: 4}, max_workers: 9}
  worker: {resources: {CPU: 8, GPU: 1}, max_workers: 3}
head_node_type: head
"""
    file.write_text(f"provider: {{type: aws}}\nmax_workers: 2\n{kinds}")
    assert read_bootstrap(file) == [{"CPU": 4.0}, {"CPU": 8.0, "GPU": 1.0}, {"CPU": 8.0, "GPU": 1.0}]
    file.write_text(f"provider: {{type: local}}\nmax_workers: 2\n{kinds}")
    assert read_bootstrap(file) == [], "a fixed list of machines has no others"
    assert read_bootstrap(tmp_path / "none") == []


def test_or_by_the_environment() -> None:
    present = [
        {"Alive": True, "NodeID": "a", "Resources": {"CPU": 8.0, "GPU": 1.0}},
        {"Alive": False, "NodeID": "b", "Resources": {"CPU": 64.0}},
    ]
    found = could_have(present, {"FIELDMARK_CLUSTER_MAX": "3x(CPU=8,GPU=1) + 1x(CPU=64)"})
    assert found == [{"CPU": 8.0, "GPU": 1.0}] * 3 + [{"CPU": 64.0}]
    for text in (
        "64",
        "CPU=64,GPU=8",
        "8x(CPU=many)",
        "8x(CPU=-1)",
        "0x(CPU=1)",
        "8x()",
        "2x(CPU=1)+",
        "8x(CPU=1,GPU)",
    ):
        with pytest.raises(UserError, match=r"such as 8x\(CPU=8,GPU=1\)") as raised:
            parse_maximum(text)
        assert "\n" not in str(raised.value)


def test_workers_are_planned_for_nodes_that_can_come_not_for_their_total() -> None:
    head = [{"Alive": True, "NodeID": "a", "Resources": {"node:__internal_head__": 1.0}}]
    found = could_have(head, {"FIELDMARK_CLUSTER_MAX": "8x(CPU=8,GPU=1)"})
    for workers in (1, 2, 6):
        assert Room.of(found, [workers], 0, "").threads == 8, "no pod has more"
    assert Room.of_groups(found, 1, "")[1].threads == Room.of_groups(found, 3, "")[1].threads == 8
    assert TrialRoom(found, shares=GpuShares(memory=0, peaks={})).capacity == 8


def test_arrays_larger_than_a_nodes_object_store_are_refused_at_once() -> None:
    needed = bytes_of({"scores": np.zeros((1000, 1000), np.float32)})
    assert 4_000_000 <= needed < 4_010_000
    nodes = {"a": {"object_store_memory": 8e9}, "b": {"object_store_memory": 3e9}}
    check_room(4 * 10**9, "the arrays", {"a": nodes["a"]})
    with pytest.raises(UserError, match=r"the arrays take 4.00 GB .* node b has 3.00 GB: start Ray there with"):
        check_room(4 * 10**9, "the arrays", nodes)


def test_one_that_waits_for_a_whole_gpu_is_not_overtaken() -> None:
    room = TrialRoom(NODES, shares=GpuShares(memory=24 * GIB, peaks={kind_of(SMALL): 4 * GIB}))
    room.begin(unit("a"))
    assert not room.waits_for_whole({unit("a").run_id, unit("b").run_id})
    room.end(unit("a"), short_of_memory=True)
    assert room.waits_for_whole({unit("a").run_id})
    assert not room.waits_for_whole({unit("b").run_id}), "it has its GPU"
