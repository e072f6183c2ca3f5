"""What a cluster opens is what docs/how-to/three-hosts.md lists, and all of it refuses who has no token (slow)."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fieldmark.testing.hosts import Hosts, why_not
from fieldmark.testing.launched import ON_A_NODE, Launched

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

HIGHEST = 65535
WORKERS = set(range(10002, 11000))
LOOPBACK = ("127.", "[::1]", "[::ffff:127.")
# The only answers that a stranger may get: that something is up, and the page that asks for the token.
MAY_ANSWER = {
    "grpc": {"/grpc.health.v1.Health/Check OK"},
    "http": {"/api/healthz", "/api/local_raylet_healthz"},
}
STRANGER = "HOME=/nonexistent"  # where no token lies
DASHBOARD_ANSWERS = MAY_ANSWER["http"] | {"/", "/api/authentication_mode", "/api/version"}
WORKING = """
import ray, sys
from datetime import timedelta
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On

class Worker:
    def join(self, rank, workers, address, port):
        import torch
        from torch import distributed
        url = f"tcp://{address}:{port}"
        limit = timedelta(minutes=20)
        distributed.init_process_group("gloo", init_method=url, rank=rank, world_size=workers, timeout=limit)
        one = torch.ones(1)
        distributed.all_reduce(one)
        return float(one)

    def port(self):
        import socket
        with socket.socket() as free:
            free.bind(("", 0))
            return free.getsockname()[1]

ray.init(address="auto", log_to_driver=False)
nodes = [node for node in ray.nodes() if node["Alive"]]
actors = [ray.remote(num_cpus=0)(Worker).options(scheduling_strategy=On(n["NodeID"], False)).remote() for n in nodes]
address, port = nodes[0]["NodeManagerAddress"], ray.get(actors[0].port.remote())
if sys.argv[1:] == ["train"]:
    ray.get([actor.join.remote(rank, len(nodes), address, port) for rank, actor in enumerate(actors)])
print(address, port, flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class Row:
    """A line of the page's table of ports."""

    ports: range
    head_only: bool
    loopback_only: bool
    refuses: bool


SSHD = Row(range(22, 23), head_only=False, loopback_only=False, refuses=True)


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Launched]:
    if reason := why_not():
        pytest.skip(reason)
    with Hosts(3, tmp_path_factory.mktemp("hosts"), source=root) as hosts:
        cluster = Launched(hosts)
        cluster.up()
        (hosts.shared / "working.py").write_text(WORKING)
        yield cluster


@pytest.fixture(scope="module")
def rows(root: Path) -> list[Row]:
    """Reads the page's table."""
    text = (root / "docs" / "how-to" / "three-hosts.md").read_text()
    table = re.search(r"^\| port \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", text, flags=re.MULTILINE)
    assert table is not None, "the page has the table"
    found = []
    for line in table[1].splitlines():
        port, machines, address, _, without = (cell.strip() for cell in line.strip("|").split("|"))
        numbers = [int(number) for number in re.findall(r"\d+", port)]
        last = HIGHEST if port.startswith("above") else numbers[-1]
        first = numbers[0] + port.startswith("above")
        found.append(Row(range(first, last + 1), machines == "head", address == "loopback", without == "refused"))
    return found


def row_of(rows: list[Row], port: int) -> Row:
    named = [row for row in rows if port in row.ports]
    assert len(named) == 1, f"port {port} is listed {len(named)} times by the page"
    return named[0]


def at_work(launched: Launched, *flags: str) -> tuple[subprocess.Popen[str], str, int]:
    """Starts a driver on the head with an actor on every node; returns it, and where its first actor meets others."""
    command = f"{ON_A_NODE} exec python {launched.hosts.shared}/working.py {' '.join(flags)}"
    driver = launched.hosts[1].popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert driver.stdout is not None
    address, port = driver.stdout.readline().split()
    return driver, address, int(port)


def stop(driver: subprocess.Popen[str]) -> None:
    driver.communicate(timeout=60)


def test_nothing_listens_that_is_not_listed_and_no_port_serves_a_stranger(
    launched: Launched, rows: list[Row], write_evidence: Callable[[str, str, dict[str, Any]], None]
) -> None:
    hosts = launched.hosts
    driver, _, _ = at_work(launched)
    addresses = " ".join(host.address for host in hosts.machines)
    listening = {host.address: host.listening() for host in hosts.machines}
    udp = [
        line
        for host in hosts.machines
        for line in host.run("tail -qn +2 /proc/net/udp /proc/net/udp6").stdout.split("\n")
    ]
    said = hosts.laptop.run(f"{STRANGER} python -m fieldmark.testing.stranger {addresses}", timeout=900)
    stop(driver)

    assert not any(udp), "no UDP"
    heard = {
        address: {int(port): answer for port, answer in ports.items()}
        for address, ports in json.loads(said.stdout).items()
    }
    for host in hosts.machines:
        everywhere = {one.port for one in listening[host.address] if not one.address.startswith(LOOPBACK)}
        for one in listening[host.address]:
            row = SSHD if one.port in SSHD.ports else row_of(rows, one.port)
            assert host is hosts[1] or not row.head_only, f"{host.name}: {one} is the head's"
            assert one.port not in everywhere or not row.loopback_only, f"{host.name}: {one} is for loopback"
        assert heard[host.address].keys() - WORKERS == everywhere - WORKERS, "the stranger found what there is"
        assert heard[host.address].keys() & WORKERS, "actors were at work on every host"
        for port, answer in heard[host.address].items():
            if port not in SSHD.ports:
                assert row_of(rows, port).refuses, f"{host.name}: port {port} is listed as open"
                assert set(answer["answered"]) <= MAY_ANSWER[answer["protocol"]], f"{host.name}: port {port}"
                assert sum(answer["refused"].values()) > 0, f"{host.name}: port {port} refused nothing"

    ask = "import json; from fieldmark.testing.stranger import ask; print(json.dumps(ask('127.0.0.1', 8265)))"
    page = json.loads(launched.node(1, f'python -c "{ask}"'))
    assert set(page["answered"]) <= DASHBOARD_ANSWERS
    assert page["refused"]["401"] >= 5

    with_torch = torch_rendezvous(launched)
    write_evidence(
        "cluster_ports",
        "python -m pytest -m slow tests/cluster/test_cluster_ports.py",
        {
            "hosts": 3,
            "scanned_tcp_ports_of_each": HIGHEST,
            "udp_listeners": 0,
            "without_the_token": heard,
            "dashboard_on_loopback_without_the_token": page,
            "torch_while_workers_train_together": with_torch,
        },
    )


def torch_rendezvous(launched: Launched) -> dict[str, Any]:
    """Shows what the page says is open: torch's own ports, while several workers train one model."""
    driver, address, port = at_work(launched, "train")
    opened = {
        host.address: sorted(one.port for one in host.listening() if one.port > 32767)
        for host in launched.hosts.machines
    }
    stranger = (
        "from datetime import timedelta; from torch.distributed import TCPStore; "
        f"store = TCPStore('{address}', {port}, None, False, timedelta(seconds=20)); "
        "store.set('stranger', 'was here'); print(store.get('stranger').decode())"
    )
    answer = launched.hosts.laptop.run(f'{STRANGER} python -c "{stranger}"').stdout.strip()
    stop(driver)
    assert all(opened.values())
    assert answer == "was here", "torch has learned to refuse: the page may say so"
    return {
        "ports_above_32767": {where: len(ports) for where, ports in opened.items()},
        "rendezvous": "answers a stranger",
    }


@pytest.mark.parametrize("token", [None, "0" * 64], ids=["none", "another"])
def test_a_driver_without_the_token_cannot_join(launched: Launched, token: str | None) -> None:
    join = f"import ray; ray.init(address='{launched.hosts[1].address}:6379', log_to_driver=False)"
    mode = f"RAY_AUTH_MODE=token RAY_AUTH_TOKEN={token}" if token else "RAY_AUTH_MODE=disabled"
    refused = launched.hosts.laptop.run(f'{STRANGER} {mode} timeout 60 python -c "{join}"', check=False)
    assert refused.returncode not in (0, 124)
    assert re.search("token|Unauthenticated", refused.stderr, flags=re.IGNORECASE)
