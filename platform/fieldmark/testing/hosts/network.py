"""The switch that joins the hosts: a bridge in a network namespace of its own, so that the machine's is untouched."""

from pathlib import Path

from fieldmark.testing.hosts.kernel import program
from fieldmark.testing.hosts.machine import Machine

BRIDGE = "fmswitch"
NETWORK = "10.71.5"
"""Nothing leaves the switch, so that the same addresses serve any number of sets of hosts."""


def address_of(number: int) -> str:
    """Returns the address of a host (0 to 250)."""
    assert 0 <= number <= 250
    return f"{NETWORK}.{number + 2}"


class Switch:
    """Ends with everything that is plugged into it."""

    def __init__(self, shared: Path, megabytes: int | None, log: Path) -> None:
        """Makes the bridge, and a small file system over the shared folder where a size is given (in MiB)."""
        ip, mount = program("ip"), program("mount")
        commands = [[ip, "link", "add", BRIDGE, "type", "bridge"], [ip, "link", "set", BRIDGE, "up"]]
        if megabytes is not None:
            commands.append([mount, "-t", "tmpfs", "-o", f"size={megabytes}m", "shared", str(shared)])
        # No process namespace: a host is started from here, and keeps its number in the machine's.
        self.machine = Machine(("net", "mount"), commands, log=log)

    def plug(self, host: Machine, number: int) -> None:
        """Joins a host by a cable and gives it its address."""
        near, ip = _near(number), program("ip")
        # The same card after a boot: the others may still have its address in mind.
        card = ["name", "eth0", "address", f"02:00:00:00:00:{number:02x}", "netns", str(host.pid)]
        self.machine.do(ip, "link", "add", near, "type", "veth", "peer", *card, kinds=["net"])
        self.machine.do(ip, "link", "set", near, "master", BRIDGE, "up", kinds=["net"])
        host.do(ip, "address", "add", f"{address_of(number)}/24", "dev", "eth0", kinds=["net"])
        host.do(ip, "link", "set", "eth0", "up", kinds=["net"])
        # Ray asks for the address from which it would reach the outer world; packets for it go nowhere.
        host.do(ip, "route", "add", "default", "dev", "eth0", kinds=["net"])

    def pull(self, number: int) -> None:
        """Takes a host's cable out: packets are lost both ways, nobody is told."""
        self.machine.do(program("ip"), "link", "set", _near(number), "down", kinds=["net"])

    def push(self, number: int) -> None:
        """Puts the cable back."""
        self.machine.do(program("ip"), "link", "set", _near(number), "up", kinds=["net"])

    def unplug(self, number: int) -> None:
        """Takes a host's cable away for good: it may be plugged in anew."""
        self.machine.do(program("ip"), "link", "delete", _near(number), kinds=["net"])

    def end(self) -> None:
        """Removes it; the cables go with it."""
        self.machine.end()


def _near(number: int) -> str:
    return f"fmport{number}"
