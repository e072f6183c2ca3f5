"""Whether this machine lets us make hosts."""

import os
import shutil
import subprocess
import sys

PROGRAMS = ("unshare", "nsenter", "ip", "mount", "sshd", "ssh", "ssh-keygen", "rsync", "iptables", "ss")
TRIAL = "ip link add fmswitch type bridge && ip link add fmnear type veth peer name fmfar"
"""Done in namespaces of its own, which end with it."""

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where a bare host finds its programs."""


def program(name: str) -> str:
    """Returns the full path of a system program, which must be there."""
    found = shutil.which(name, path=SYSTEM_PATH)
    assert found is not None, f"{name} is not installed"
    return found


def why_not() -> str | None:
    """Returns why hosts cannot be made here, or None where they can."""
    if sys.platform != "linux":
        return "namespaces are Linux's"
    if os.getuid() != 0:
        return "only root may make network namespaces"
    missing = [name for name in PROGRAMS if shutil.which(name, path=SYSTEM_PATH) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    apart = [program("unshare"), "--net", "--mount", "--uts", "--ipc", "--pid", "--fork"]
    tried = subprocess.run([*apart, "sh", "-c", TRIAL], capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"the kernel refuses: {tried.stderr.strip()}"
