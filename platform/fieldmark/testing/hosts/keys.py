"""Keys, sshd's configuration, and the home folder of a new host."""

import os
import subprocess
from pathlib import Path

from fieldmark.testing.hosts.kernel import program
from fieldmark.testing.hosts.mounts import OWN

SSHD = """\
Port 22
HostKey {key}
PidFile /run/sshd.pid
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
MaxStartups 100
MaxSessions 100
PrintMotd no
Subsystem sftp internal-sftp
"""


def make_key(file: Path) -> str:
    """Makes a key pair unless it is there; returns the public half."""
    if not file.exists():
        command = [program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", file.name, "-f", str(file)]
        subprocess.run(command, check=True)
    return file.with_name(f"{file.name}.pub").read_text().strip()


def sshd(folder: Path) -> list[str]:
    """Writes a host's sshd configuration; returns the command that runs it."""
    make_key(folder / "host_key")
    configuration = folder / "sshd_config"
    configuration.write_text(SSHD.format(key=f"{OWN}/host_key"))
    return [program("sshd"), "-D", "-e", "-f", f"{OWN}/sshd_config"]


def make_home(home: Path, *, may_log_in: str, known: str, key: Path | None, path: str) -> None:
    """Fills a bare home: shell start-up files and .ssh. What is there already stays.

    Args:
        home: the folder.
        may_log_in: the public key that opens this host.
        known: lines of known_hosts.
        key: the private key that this home's user has; none on a host that nobody works on.
        path: what its shells put before PATH; "" for nothing.
    """
    ssh = home / ".ssh"
    ssh.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)
    ssh.chmod(0o700)
    (home / ".profile").write_text('[ -r "$HOME/.bashrc" ] && . "$HOME/.bashrc"\n')
    (home / ".bashrc").write_text(f'export PATH="{path}:$PATH"\n' if path else "")
    files = {"authorized_keys": may_log_in + "\n", "known_hosts": known}
    if key is not None:
        files |= {"id_ed25519": key.read_text(), "id_ed25519.pub": may_log_in + "\n"}
    for name, text in files.items():
        # Created closed: a private key is at no moment readable by others.
        handle = os.open(ssh / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(text)
