"""A cluster on hosts of our own, launched from their laptop as docs/how-to/three-hosts.md says."""

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

from fieldmark.testing.hosts import Hosts

KEY = "~/.ssh/fieldmark_cluster"
CHECKOUT = "checkout"
PARTS = ("platform", "search_spaces", "jobs", "pyproject.toml", "constraints.txt", "Makefile", "README.md")
INSTALLED = "~/fieldmark-project/.venv/.installed"
ON_A_NODE = ". ~/.fieldmark/environment.sh && "
UP_S = 900.0


class Launched:
    """A cluster of all the hosts, the first of them its head."""

    def __init__(self, hosts: Hosts) -> None:
        """Writes the checkout and its filled-in cluster.yaml on the laptop, and lets the laptop's key in everywhere."""
        self.hosts = hosts
        self.store = f"{hosts.shared}/runs"
        checkout = hosts.laptop.home / CHECKOUT
        checkout.mkdir()
        for name in PARTS:
            part = hosts.source / name
            if part.is_dir():
                shutil.copytree(part, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(part, checkout)
        (checkout / "cluster.yaml").write_text(self._filled((hosts.source / "cluster.yaml").read_text()))
        hosts.laptop.run(f"ssh-keygen -q -t ed25519 -N '' -f {KEY}")
        for host in hosts.machines:
            hosts.laptop.run(f"ssh-copy-id -i {KEY}.pub root@{host.address}")
            host.run(f"touch {INSTALLED}")  # the environment is there, and make has nothing to fetch

    def _filled(self, text: str) -> str:
        head, *workers = (host.address for host in self.hosts.machines)
        text = text.replace("head_ip: HEAD", f"head_ip: {head}").replace("ssh_user: ubuntu", "ssh_user: root")
        text = text.replace("[WORKER, WORKER]", f"[{', '.join(workers)}]")
        return text.replace("--store STORE", f"--store {self.store}")

    def up(self) -> None:
        """Runs `fieldmark cluster up`, until every host has joined.

        Ray gives a node 30 s to start and has no setting for it. A machine that is busy with other tests may need more:
        then the same command goes on.
        """
        for last in (False, True):
            command = f"cd ~/{CHECKOUT} && fieldmark cluster up --wait 10m"
            done = self.hosts.laptop.run(command, check=last, timeout=UP_S)
            if done.returncode == 0:
                return

    def laptop(self, command: str, *, check: bool = True) -> str:
        """Runs a command in the laptop's checkout and returns its output."""
        return self.hosts.laptop.run(f"cd ~/{CHECKOUT} && {command}", check=check, timeout=UP_S).stdout

    def node(self, number: int, command: str, *, env: dict[str, str] | None = None) -> str:
        """Runs a command on host 1, 2, ... as a shell of the cluster's user, and returns its output."""
        return self.hosts[number].run(ON_A_NODE + command, env=env, timeout=UP_S).stdout

    def check(self, *flags: str) -> dict[str, Any]:
        """Runs `fieldmark cluster check --json` on the laptop and returns what it says."""
        said = self.laptop(shlex.join(["fieldmark", "cluster", "check", "cluster.yaml", "--json", *flags]), check=False)
        assert said.startswith("{"), "it looked"
        found: dict[str, Any] = json.loads(said)
        return found


def project_on(hosts: Hosts, number: int) -> Path:
    """Returns the project's folder on host 1, 2, ... as this program sees it."""
    return Path(f"/proc/{hosts[number].pid}/root{Path.home()}/fieldmark-project")
