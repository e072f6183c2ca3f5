"""Real separate hosts on one machine, for tests of clusters: own network, processes, files, sshd. See `Hosts`."""

from fieldmark.testing.hosts.host import Host
from fieldmark.testing.hosts.hosts import Hosts
from fieldmark.testing.hosts.kernel import why_not
from fieldmark.testing.hosts.listening import Port

__all__ = ["Host", "Hosts", "Port", "why_not"]
