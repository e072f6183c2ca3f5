"""What a look at a cluster saw is judged: each thing wrong is found, named by its node, and can be mended."""

from typing import Any

import pytest

from fieldmark.search.cluster.expected import expected, needed
from fieldmark.search.cluster.finding import Finding
from fieldmark.search.cluster.findings import judge
from fieldmark.search.cluster.report import print_check
from fieldmark.search.cluster.seen import (
    Absent,
    AllReduce,
    Clock,
    ClusterSeen,
    Disk,
    Gpu,
    Look,
    NodeSeen,
    Refusal,
    Software,
)

SOFTWARE = Software(python="3.11.7", libraries={"torch": "2.14.1", "optuna": "5.0.0"}, source="abc")
GB = 10**9


def node(number: int, **changes: Any) -> NodeSeen:
    """A node with nothing wrong."""
    disks = tuple(
        Disk(what=what, path=f"/{what}", free=50 * GB, total=100 * GB) for what in ("store", "Ray's files", "cache")
    )
    fields = {
        "address": f"10.0.0.{number}",
        "name": f"host{number}",
        "head": number == 1,
        "gpus_of_ray": 0,
        "software": SOFTWARE.model_copy(update={"libraries": {"torch": "2.14.1+cpu", "optuna": "5.0.0"}}),
        "disks": disks,
        "memory_free": 8 * GB,
        "memory_total": 16 * GB,
        "named_by": f"10.0.0.{number}",
        "clock": Clock(offset=0.01 * number, bound=0.02),
        "store": Look(),
        "data": Look(fingerprint="f1"),
        "reached": 10,
    }
    return NodeSeen.model_validate({**fields, **changes})


def cluster(second: NodeSeen, **changes: Any) -> tuple[Finding, ...]:
    """Returns the findings on three nodes of which the second is the given one."""
    fields = {
        "nodes": (node(1), second, node(3)),
        "reference": SOFTWARE,
        "reference_name": "constraints.txt",
        "store": "/nfs/runs",
        "data": "inat2018:/data/inat2018",
        "fingerprint": "f1",
        "all_reduce": (AllReduce(backend="gloo", workers=3, bytes=16_000_000, seconds=0.1),),
    }
    return judge(ClusterSeen.model_validate({**fields, **changes}))


def test_a_healthy_cluster_has_no_findings() -> None:
    assert cluster(node(2)) == ()


CASES = {
    "another version": (
        {"software": {**SOFTWARE.model_dump(), "libraries": {"torch": "2.14.1", "optuna": "4.9.0"}}},
        "versions",
        "optuna 4.9.0, expected 5.0.0",
        "pip install optuna==5.0.0",
    ),
    "a library that is missing": (
        {"software": {**SOFTWARE.model_dump(), "libraries": {"torch": "2.14.1"}}},
        "versions",
        "optuna none, expected 5.0.0",
        "pip install optuna==5.0.0",
    ),
    "other source": ({"software": {**SOFTWARE.model_dump(), "source": "xyz"}}, "versions", "source xyz", "cluster up"),
    "another Python": (
        {"software": {**SOFTWARE.model_dump(), "python": "3.11.2"}},
        "versions",
        "Python 3.11.2; expected 3.11.7",
        "cluster up",
    ),
    "clock": ({"clock": {"offset": 3600.5, "bound": 0.1}}, "clock", "3,600.5 s ahead", "timedatectl set-ntp true"),
    "full disk": (
        {"disks": [{"what": "cache", "path": "/c", "free": 10**6, "total": 10**10}]},
        "disk",
        "cache, /c: 1 MB of 10.0 GB free",
        "FIELDMARK_CACHE",
    ),
    "disk that Ray calls full": (
        {"disks": [{"what": "Ray's files", "path": "/t", "free": 4 * GB, "total": 100 * GB}]},
        "disk",
        "Ray's files, /t: 4.0 GB of 100.0 GB free",
        "du -sh /t/session_*",
    ),
    "memory": ({"memory_free": GB}, "memory", "1.0 GB of 16.0 GB free", "ps -eo"),
    "a GPU that has gone": ({"gpus_of_ray": 1}, "gpu", "Ray counts 1 GPUs, its driver 0", "nvidia-smi"),
    "store": ({"store": {"problem": "no such folder"}}, "store", "no such folder", "mount /nfs/runs"),
    "data not mounted": (
        {"data": {"problem": "/data/inat2018: no such folder"}},
        "data",
        "no such folder",
        "ls /data/inat2018",
    ),
    "other data": ({"data": {"fingerprint": "f2"}}, "data", "fingerprint f2", "same files"),
    "a hosts file of Debian's": ({"named_by": "127.0.1.1"}, "network", "means 127.0.1.1", "10.0.0.2 host2"),
    "no answer": ({"silent": {"data": "no answer within 300 s"}}, "answer", "no answer within 300 s", "logs on host2"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_named_with_its_node_and_a_command(case: str) -> None:
    changes, check, what, mend = CASES[case]
    (finding,) = cluster(node(2, **changes))
    assert (finding.check, finding.node) == (check, "host2 (10.0.0.2)")
    assert what in finding.what
    assert mend in finding.mend


def test_a_gpu_that_torch_cannot_use_and_an_old_driver_are_found() -> None:
    gpu = {"name": "H100", "memory": 80 * GB, "driver": "580.10.1"}
    fine = node(2, gpus_of_ray=1, gpus=[gpu], torch_cuda="13.0")
    assert cluster(fine) == ()
    (finding,) = cluster(fine.model_copy(update={"torch_cuda": ""}))
    assert "without CUDA" in finding.what
    old = node(2, gpus_of_ray=1, gpus=[{**gpu, "driver": "580.9.5"}], torch_cuda="13.0")
    new = node(1, gpus_of_ray=1, gpus=[Gpu(**gpu)], torch_cuda="13.0")
    (finding,) = cluster(old, nodes=(new, old))
    assert (finding.node, finding.severity) == ("host2 (10.0.0.2)", "warning")
    assert "driver 580.9.5; others have 580.10.1" in finding.what


def test_a_blocked_port_is_the_node_s_that_has_it_not_of_those_that_knock() -> None:
    knocked = Refusal(address="10.0.0.2", port=6381, what="object manager", why="no answer within 4 s")
    nodes = (node(1, unreachable=[knocked]), node(2), node(3, unreachable=[knocked]))
    (finding,) = cluster(node(2), nodes=nodes)
    assert finding.node == "host2 (10.0.0.2)"
    assert "port 6381 (object manager) is not reached from host1, host3" in finding.what
    assert "--dport 6381" in finding.mend


def test_a_node_that_reaches_nobody_is_one_finding_of_its_own() -> None:
    out = [Refusal(address=f"10.0.0.{n}", port=6380, what="node manager", why="no answer") for n in (1, 3)]
    (finding,) = cluster(node(2, unreachable=out, reached=0))
    assert finding.node == "host2 (10.0.0.2)"
    assert "reaches no port of any other node" in finding.what


def test_the_clock_of_the_head_itself_may_be_the_wrong_one() -> None:
    nodes = [node(n, clock={"offset": offset, "bound": 0.1}) for n, offset in ((1, 0.0), (2, 3600.0), (3, 3600.1))]
    (finding,) = cluster(nodes[1], nodes=nodes)
    assert finding.node == "host1 (10.0.0.1)"
    assert "behind" in finding.what


def test_an_unsure_clock_is_not_a_wrong_one() -> None:
    assert cluster(node(2, clock={"offset": 1.5, "bound": 0.8})) == ()


ABSENT = {
    "switched off": ({"answers": False}, "port 22 does not answer", "switch it on"),
    "no key": ({"answers": True, "login": "Permission denied"}, "no login by ssh", "ssh-copy-id"),
    "no token": ({"answers": True, "sees_head": True}, "auth_token is missing", "cluster up"),
    "no way to the head": ({"answers": True, "token": True}, "does not reach the head", "iptables"),
    "Ray has ended": ({"answers": True, "token": True, "sees_head": True}, "Ray does not run", "cluster up"),
}


@pytest.mark.parametrize("case", ABSENT)
def test_a_machine_that_has_not_joined_is_told_why(case: str) -> None:
    fields, what, mend = ABSENT[case]
    (finding,) = cluster(node(2), absent=(Absent.model_validate({"address": "10.0.0.9", **fields}),))
    assert (finding.check, finding.node) == ("joined", "10.0.0.9")
    assert what in finding.what
    assert mend in finding.mend


def test_a_slow_or_broken_network_is_found() -> None:
    slow = AllReduce(backend="gloo", workers=3, bytes=1_000_000, seconds=0.2)
    (finding,) = cluster(node(2), all_reduce=(slow,))
    assert "5.0 MB/s over 3 nodes" in finding.what
    (finding,) = cluster(node(2), all_reduce=(), all_reduce_problems={"gloo": "no answer within 90 s"})
    assert "gloo over 3 nodes failed" in finding.what


def test_what_is_expected_is_pinned_and_has_all_that_runs_but_no_tools() -> None:
    software, name = expected()
    assert name == "constraints.txt"
    assert {"ray", "torch", "optuna", "numpy", "aiohttp"} <= set(software.libraries), "aiohttp: by ray's extra"
    assert not {"pytest", "ruff", "mypy"} & set(software.libraries)
    assert needed("no-such-distribution") == {"no-such-distribution"}


def test_what_was_seen_survives_the_way_to_the_laptop() -> None:
    seen = ClusterSeen(nodes=(node(1), node(2)), reference=SOFTWARE, reference_name="constraints.txt")
    assert ClusterSeen.model_validate_json(seen.model_dump_json()) == seen


def test_addresses_and_commands_are_whole_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    named = node(2, name="192.168.100.102", address="192.168.100.102", disks=())
    away = Absent(address="192.168.100.103", answers=True, login="", token=True, sees_head=False)
    seen = ClusterSeen(nodes=(node(1), named), reference=SOFTWARE, reference_name="", absent=(away,))
    findings = judge(seen)
    print_check(seen, findings)
    said = capsys.readouterr().out
    table = said[: said.index("all-reduce") if "all-reduce" in said else said.index("store not")]
    assert "192.168.100.102" in table and "192.168.100.103" in table and "host1 (head)" in table
    assert "…" not in table and "+0.01 s" in table and "versions" in table and "10/10" in table
    (mend,) = (finding.mend for finding in findings if finding.node == away.address)
    assert mend in said and "-s 192.168.100.103 -p tcp --dport 6379 -j ACCEPT" in mend and "until reboot" in mend
