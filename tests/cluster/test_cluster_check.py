"""`fieldmark cluster check` on three hosts: what is made wrong is found and named, and nothing else (slow: needs root).

The clock an hour off is injected, by libfaketime under all of Ray's processes on one host: hosts of one machine share
its clock.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fieldmark.testing.hosts import Hosts, why_not
from fieldmark.testing.launched import Launched

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
RECORDS = "/srv/records"
DATA = f"table:{RECORDS}/records.csv"
CACHE = "~/.cache/fieldmark"
METADATA = "~/fieldmark-project/.venv/lib/python3.11/site-packages/optuna-5.0.0.dist-info/METADATA"
END_RAY = "python -m fieldmark.search.cluster.leftovers --end --port 6379"
# Where libfaketime leaves the monotonic clock alone, time.sleep fails; only the starting program needs it.
START = (
    "python -c 'import select, time; time.sleep = lambda s: select.select([], [], [], s); "
    "from ray.scripts.scripts import main; main()' start --address={head}:6379 --node-manager-port=6380 "
    "--object-manager-port=6381 --runtime-env-agent-port=6382 --dashboard-agent-grpc-port=6383 "
    "--dashboard-agent-listen-port=6384 --min-worker-port=10002 --max-worker-port=10999"
)
HOUR = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": "+1h", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

Found = dict[str, Any]


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Launched]:
    if reason := why_not():
        pytest.skip(reason)
    if not FAKETIME.exists():
        pytest.skip("no libfaketime here (Debian: apt-get install libfaketime)")
    with Hosts(3, tmp_path_factory.mktemp("hosts"), source=root) as hosts:
        cluster = Launched(hosts)
        for host in hosts.machines:
            host.mount_small(RECORDS, 8)
            rows = "".join(f"{n},{'ab'[n % 2]},{n % 80},{n % 170},2020-05-01\n" for n in range(200))
            host.run(f"cat > {RECORDS}/records.csv <<'END'\nid,category,latitude,longitude,date\n{rows}END")
        cluster.up()
        yield cluster


def found(look: Found) -> set[tuple[str, str]]:
    """Returns (what kind, which host) of each finding."""
    return {(one["check"], one["node"].partition(" ")[0]) for one in look["findings"]}


def restart_ray(launched: Launched, number: int, variables: dict[str, str]) -> None:
    """Starts Ray on a host anew, with more variables."""
    exports = "".join(f"export {name}={value}; " for name, value in variables.items())
    start = START.format(head=launched.hosts[1].address)
    launched.node(number, f"{END_RAY} && {{ {exports}{start}; }}")


def test_each_fault_is_found_with_its_host_and_a_healthy_cluster_has_none(
    launched: Launched, write_evidence: Callable[[str, str, dict[str, Any]], None]
) -> None:
    hosts = launched.hosts
    started = time.monotonic()
    healthy = launched.check("--data", DATA)
    seconds = time.monotonic() - started
    assert healthy["findings"] == []
    nodes = healthy["seen"]["nodes"]
    assert [node["address"] for node in nodes] == [host.address for host in hosts.machines]
    assert all(node["store"]["problem"] == "" and node["reached"] >= 11 for node in nodes)
    assert [sums["workers"] for sums in healthy["seen"]["all_reduce"]] == [3, 3, 3]

    hosts[2].run(f"sed -i 's/^Version: .*/Version: 4.9.0/' {METADATA}")
    hosts[2].mount_small(Path.home() / ".cache" / "fieldmark", 4)
    hosts[2].run(f"dd if=/dev/zero of={CACHE}/full bs=1M", check=False)
    hosts[3].unmount(RECORDS)
    hosts[3].block(6381)
    restart_ray(launched, 2, HOUR)
    broken = launched.check("--data", DATA)
    assert found(broken) == {
        ("versions", "host2"),
        ("disk", "host2"),
        ("clock", "host2"),
        ("data", "host3"),
        ("network", "host3"),
    }
    said = {one["check"]: f"{one['what']} | {one['mend']}" for one in broken["findings"]}
    assert "optuna 4.9.0, expected 5.0.0" in said["versions"]
    assert ".cache/fieldmark: 0 MB of 4 MB free" in said["disk"]
    assert "its clock is 3,600" in said["clock"]
    assert f"{RECORDS}/records.csv" in said["data"]
    assert "port 6381 (object manager) is not reached from host1, host2" in said["network"]

    hosts[2].run(f"sed -i 's/^Version: .*/Version: 5.0.0/' {METADATA}")
    hosts[2].unmount(Path.home() / ".cache" / "fieldmark")
    hosts[3].unblock(6381)
    restart_ray(launched, 2, {})
    launched.node(3, END_RAY)
    mended = launched.check()
    assert [(one["check"], one["node"]) for one in mended["findings"]] == [("joined", hosts[3].address)]
    assert "Ray does not run there" in mended["findings"][0]["what"]

    write_evidence(
        "cluster_check",
        "python -m pytest -m slow tests/cluster/test_cluster_check.py",
        {
            "hosts": 3,
            "hosts_are": "network namespaces of one machine",
            "injected": "the clock, by libfaketime under one host's Ray",
            "seconds_of_a_check": round(seconds, 1),
            "findings_when_healthy": 0,
            "findings": [*broken["findings"], *mended["findings"]],
            "all_reduce": [
                {**sums, "gb_s": round(sums["bytes"] / sums["seconds"] / 1e9, 3)}
                for sums in healthy["seen"]["all_reduce"]
            ],
            "clock_bounds_s": [round(node["clock"]["bound"], 5) for node in nodes],
        },
    )
