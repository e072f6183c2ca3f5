"""deploy/slurm.sbatch under a real Slurm: two hosts of their own, munge, slurmctld and slurmd (slow)."""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fieldmark.store import Store
from fieldmark.testing.hosts import Hosts, why_not

Evidence = Callable[[str, str, dict[str, Any]], None]
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
PROJECT = "fieldmark-project"
WORLD = "world:species=9,per_category=20,val_per_category=8,test_per_category=10,full=2"
FLAGS = f"--data {WORLD} --trials 1 --seeds 1 --json"

# No control groups, no accounting; ten seconds in place of two minutes before a job that was put back starts again.
SLURM_CONF = """
ClusterName=fieldmark
SlurmctldHost=host1
SlurmUser=root
AuthType=auth/munge
AuthInfo=cred_expire=10
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/builtin
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
SlurmdParameters=config_overrides
StateSaveLocation=/tmp/slurmctld
SlurmdSpoolDir=/tmp/slurmd
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmctldLogFile={shared}/slurmctld.log
SlurmdLogFile={shared}/slurmd-%h.log
NodeName=host[1-2] CPUs=2 RealMemory=2000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""

# Slurm's own signal before the time limit, at a known moment: when the first run of the sweep is recorded.
STOPPED_ONCE = """
import os
import signal
import subprocess
import sys
import threading

from fieldmark.cli.main import main
from fieldmark.search.under_way import UnderWay

tell = UnderWay.tell


def tell_and_be_stopped(self, outcome):
    tell(self, outcome)
    UnderWay.tell = tell  # what ends while the sweep stops is told, too, and the job is stopped once only
    if "SLURM_RESTART_COUNT" not in os.environ:
        # What the job makes of it, SIGINT, may come before scancel has returned: what waits for it is there first.
        come, handle = threading.Event(), signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, lambda *said: (come.set(), handle(*said)))
        subprocess.run(["scancel", "--batch", "--signal=TERM", os.environ["SLURM_JOB_ID"]], check=True)
        while not come.wait(0.1):
            pass


UnderWay.tell = tell_and_be_stopped
print("token mode", oct(os.stat(os.environ["RAY_AUTH_TOKEN_PATH"]).st_mode & 0o777))
main(["sweep", "priorsnet", *sys.argv[1:]])
"""


@pytest.fixture
def slurm(root: Path, tmp_path: Path) -> Iterator[Hosts]:
    missing = [name for name in PROGRAMS if shutil.which(name) is None and not Path("/usr/sbin", name).exists()]
    if missing:
        pytest.skip(f"Slurm is not installed: {', '.join(missing)} (Debian: slurmctld slurmd slurm-client munge)")
    if reason := why_not():
        pytest.skip(reason)
    with Hosts(2, tmp_path / "hosts", source=root) as hosts:
        for host in hosts.machines:
            _sync(root, host.home / PROJECT)
        (hosts.shared / "munge.key").write_bytes(bytes(range(128)))
        (hosts.shared / "munge.key").chmod(0o600)
        (hosts.shared / "slurm.conf").write_text(SLURM_CONF.format(shared=hosts.shared))
        for host in hosts.machines:
            host.run(
                f"mkdir -p /run/munge /tmp/munge && munged --force --key-file {hosts.shared}/munge.key"
                " --log-file /tmp/munge/log --seed-file /tmp/munge/seed --pid-file /tmp/munge/pid"
            )
        hosts[1].run(f"slurmctld -f {hosts.shared}/slurm.conf")
        for host in hosts.machines:
            host.run(f"slurmd -f {hosts.shared}/slurm.conf")
        yield hosts


def _sync(root: Path, project: Path) -> None:
    for name in ("platform", "search_spaces", "jobs", "deploy"):
        shutil.copytree(root / name, project / name, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    (project / "jobs" / "stopped_once.py").write_text(STOPPED_ONCE)


class _Slurm:
    """What a person on the first host types."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self.store = hosts.shared / "runs"
        self._environment = {
            "SLURM_CONF": f"{hosts.shared}/slurm.conf",
            "FIELDMARK_STORE": str(self.store),
            "FIELDMARK_TOKENS": f"{hosts.shared}/tokens",
            "OMP_NUM_THREADS": "1",
            "SLURM_CPUS_PER_TASK": "1",
        }

    def __call__(self, command: str) -> str:
        line = f"cd {PROJECT} && {command}"
        return self._hosts[1].run(line, env=self._environment, timeout=500).stdout.strip()

    def submit_and_wait(self, job: str) -> tuple[int, str]:
        """Returns the exit code and the log, of all times that the job ran."""
        line = f"sbatch --wait --parsable --cpus-per-task=1 deploy/slurm.sbatch {job}"
        done = self._hosts[1].run(f"cd {PROJECT} && {line}", env=self._environment, timeout=500, check=False)
        return done.returncode, self.log(done.stdout.split()[0])

    def log(self, number: str) -> str:
        path = self._hosts[1].home / PROJECT / f"fieldmark-{number}.log"
        return path.read_text() if path.exists() else ""


def _results(log: str) -> list[dict[str, Any]]:
    """Returns what each run of the command printed as its JSON object."""
    decoder, found = json.JSONDecoder(), []
    at = log.find("\n{\n")
    while at >= 0:
        value, end = decoder.raw_decode(log, at + 1)
        found.append(value)
        at = log.find("\n{\n", end)
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_sweep_on_two_nodes_and_the_same_command_again(slurm: Hosts, write_evidence: Evidence) -> None:
    lab = _Slurm(slurm)
    code, log = lab.submit_and_wait(f"jobs/sweep_priorsnet.py {FLAGS}")
    assert code == 0, log
    (first,) = _results(log)
    assert first["failed_runs"] == 0 and first["new_runs"] == first["planned_runs"]
    hosts = Counter(record.provenance.host for record in Store.open(str(lab.store)).run_records())
    assert set(hosts) == {"host1", "host2"}

    lab("scontrol requeue 1")
    lab("sbatch --wait --nodes=1 --dependency=afterany:1 --output=/dev/null --wrap=true")
    _, again = _results(lab.log("1"))
    assert (again["new_runs"], again["done_runs"]) == (0, first["planned_runs"])
    figures = {"slurm": lab("slurmd -V"), "runs_by_host": dict(hosts), "new_runs_of_the_same_command_again": 0}
    write_evidence("slurm", "pytest -m slow tests/cluster/test_slurm.py", figures)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_sigterm_puts_the_job_back_and_it_goes_on(slurm: Hosts, write_evidence: Evidence) -> None:
    lab = _Slurm(slurm)
    code, log = lab.submit_and_wait(f"jobs/stopped_once.py {FLAGS}")
    assert code == 0 and "back into the queue" in log and log.count("token mode 0o600") == 2, log
    ended = _results(log)[-1]
    assert 0 < ended["done_runs"] < ended["planned_runs"] == ended["done_runs"] + ended["new_runs"]
    # Nothing is left: no token, no process of Ray's, no folder of its.
    assert list((slurm.shared / "tokens").iterdir()) == []
    for host in slurm.machines:
        assert [line for _, line in host.processes() if "ray" in line] == []
        assert host.run("ls -d /tmp/ray-* || true").stdout == ""
    figures = {key: ended[key] for key in ("planned_runs", "done_runs", "new_runs")}
    write_evidence(
        "slurm_stopped", "pytest -m slow tests/cluster/test_slurm.py", {"slurm": lab("slurmd -V"), **figures}
    )
