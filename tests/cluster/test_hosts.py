"""Hosts of our own on this machine are apart as real ones are, and leave nothing behind (slow: needs root)."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fieldmark.testing.hosts import Hosts, why_not

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ENVIRONMENT = "~/fieldmark-project/.venv"
OWNER = """
import sys
from pathlib import Path
from fieldmark.testing.hosts import Hosts

hosts = Hosts(1, Path(sys.argv[1]), source=Path(sys.argv[2])).__enter__()
host = hosts[1].popen("exec sleep 1000")
print(hosts.laptop.pid, hosts[1].pid, host.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Hosts]:
    if reason := why_not():
        pytest.skip(reason)
    with Hosts(2, tmp_path_factory.mktemp("hosts"), source=root) as made:
        yield made


def reaches(hosts: Hosts, host: str, port: int = 22) -> bool:
    """Whether the laptop gets a connection within two seconds."""
    tried = f"timeout 2 bash -c '< /dev/tcp/{host}/{port}'"
    return hosts.laptop.run(tried, check=False).returncode == 0


def test_the_laptop_logs_in_by_key_and_every_host_is_another(hosts: Hosts) -> None:
    for host in hosts.machines:
        seen = hosts.laptop.run(f"ssh -o BatchMode=yes {host.name} 'hostname; hostname --ip-address; echo $$'").stdout
        name, address, _ = seen.split()
        assert (name, address) == (host.name, host.address)
    refused = hosts[1].run("ssh -o BatchMode=yes host2 true", check=False)
    assert refused.returncode == 255, "only the laptop has the key"
    assert "Permission denied" in refused.stderr


def test_files_are_a_hosts_own_and_the_shared_folder_is_everybodys(hosts: Hosts) -> None:
    first, second = hosts.machines
    first.run(f"touch ~/mine /tmp/mine /dev/shm/mine {hosts.shared}/ours")
    assert second.run("ls ~/mine /tmp/mine /dev/shm/mine", check=False).stdout == ""
    assert not any(Path(folder, "mine").exists() for folder in (Path.home(), "/tmp", "/dev/shm"))
    assert second.run(f"ls {hosts.shared}").stdout.split() == ["ours"]
    assert (hosts.shared_here / "ours").exists()


def test_a_host_has_the_environment_and_imports_the_copy_in_its_home(hosts: Hosts, root: Path) -> None:
    hosts.laptop.run(f"rsync -a --exclude .venv --exclude __pycache__ {root}/platform host1:fieldmark-project/")
    look = f"{ENVIRONMENT}/bin/python -c 'import fieldmark, yaml; print(fieldmark.__file__)'"
    assert hosts[1].run(look).stdout.strip().endswith("/fieldmark-project/platform/fieldmark/__init__.py")
    assert hosts[2].run(look, check=False).returncode == 1, "nothing was copied there"
    assert Path(hosts.laptop.run(look.replace(f"{ENVIRONMENT}/bin/", "")).stdout.strip()).is_relative_to(root)


def test_what_is_installed_on_a_host_stays_there(hosts: Hosts, root: Path) -> None:
    hosts[1].run(f"touch {ENVIRONMENT}/added {root}/.venv/too")
    assert hosts[1].run(f"ls {root}/.venv/added {ENVIRONMENT}/too").returncode == 0
    assert not (root / ".venv" / "added").exists()
    assert hosts[2].run(f"ls {ENVIRONMENT}/added", check=False).returncode == 2


def test_processes_are_listed_reaped_and_killed_with_their_host(hosts: Hosts) -> None:
    host = hosts[1]
    before = host.processes()
    host.run("(setsid sleep 4321 &); (setsid true &); while pgrep -x true; do sleep 0.05; done", timeout=10)
    (number, command), *others = [one for one in host.processes() if one not in before]
    assert (command, others) == ("sleep 4321", [])
    host.run(f"kill {number}")
    long = host.popen("exec sleep 1234")
    host.run("touch /tmp/lost ~/kept")
    host.kill()
    assert long.wait(timeout=5) != 0
    assert not reaches(hosts, "host1")
    host.boot()
    assert host.run("ls ~/kept /tmp/lost", check=False).stdout.split() == [str(Path.home() / "kept")]
    assert host.processes() == []
    assert reaches(hosts, "host1")


def test_a_command_that_takes_too_long_is_killed(hosts: Hosts) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        hosts[2].run("sleep 777; true", timeout=0.5)
    assert not [command for _, command in hosts[2].processes() if "777" in command]
    with pytest.raises(subprocess.CalledProcessError, match="what it said"):
        hosts[2].run("echo what it said >&2; exit 3")


def test_a_cut_and_a_blocked_port_are_mended(hosts: Hosts) -> None:
    hosts[1].cut()
    assert not reaches(hosts, "host1")
    assert reaches(hosts, "host2")
    assert hosts[1].run("timeout 2 bash -c '< /dev/tcp/host1/22'").returncode == 0, "it still reaches itself"
    hosts[1].mend()
    assert reaches(hosts, "host1")
    hosts[2].block(22)
    assert not reaches(hosts, "host2")
    hosts[2].unblock(22)
    assert reaches(hosts, "host2")


def test_a_small_disk_is_full_on_that_host_alone(hosts: Hosts) -> None:
    hosts[1].mount_small("/tmp", 4)
    fill = "head -c 5000000 /dev/zero > /tmp/filler"
    assert "No space left" in hosts[1].run(fill, check=False).stderr
    hosts[2].run(fill)
    hosts[1].unmount("/tmp")
    hosts[1].run(fill)


def test_listening_ports_are_seen(hosts: Hosts) -> None:
    assert {(port.port, port.process) for port in hosts[1].listening()} == {(22, "sshd")}
    server = hosts[2].popen("exec python3 -m http.server 8123 --bind 127.0.0.1", stderr=subprocess.DEVNULL)
    hosts[2].run("until (< /dev/tcp/127.0.0.1/8123) 2> /dev/null; do sleep 0.05; done", timeout=10)
    assert [port.address for port in hosts[2].listening() if port.port == 8123] == ["127.0.0.1"]
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def test_a_shared_disk_of_its_own_fills_and_turns_read_only(tmp_path: Path, root: Path) -> None:
    if reason := why_not():
        pytest.skip(reason)
    with Hosts(2, tmp_path, source=root, shared_megabytes=4) as hosts:
        full = hosts[1].run(f"head -c 5000000 /dev/zero > {hosts.shared}/filler", check=False)
        assert "No space left" in full.stderr
        assert "No space left" in hosts[2].run(f"echo 1 > {hosts.shared}/other", check=False).stderr
        (hosts.shared_here / "filler").unlink()
        hosts.read_only()
        assert "Read-only" in hosts[2].run(f"touch {hosts.shared}/more", check=False).stderr
        hosts.read_only(False)
        hosts[2].run(f"touch {hosts.shared}/more")
        hosts[1].kill()
        hosts[1].boot()
        assert hosts[1].run(f"ls {hosts.shared}").stdout.split() == ["more", "other"]
    assert list(hosts.shared.iterdir()) == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_a_killed_owner(tmp_path: Path, root: Path, how: signal.Signals) -> None:
    if reason := why_not():
        pytest.skip(reason)
    mounts = Path("/proc/self/mounts").read_text()
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path), str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert owner.stdin is not None
    assert owner.stdout is not None
    of_hosts = [os.pidfd_open(int(pid)) for pid in owner.stdout.readline().split()]
    owner.send_signal(how)
    owner.communicate()
    # A process's descriptor can be read from once it has ended.
    left = [one for one in of_hosts if not select.select([one], [], [], 10)[0]]
    for one in of_hosts:
        os.close(one)
    assert left == []
    assert Path("/proc/self/mounts").read_text() == mounts
    links = subprocess.run(["ip", "-oneline", "link"], capture_output=True, text=True, check=True).stdout
    assert "fmswitch" not in links
    assert "fmport" not in links
