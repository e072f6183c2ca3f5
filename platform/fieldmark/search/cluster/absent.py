"""Looks by plain ssh at machines that should be nodes and are not."""

import contextlib
import socket
from collections.abc import Sequence

from fieldmark.search.cluster.definition import GCS_PORT, ClusterFile
from fieldmark.search.cluster.seen import Absent
from fieldmark.search.cluster.ssh import Ssh

SSH_PORT = 22
CONNECT_S = 5.0
LOGIN_S = 30.0
QUESTION = """
pgrep -u "$(id -u)" raylet > /dev/null && echo raylet
test -s ~/.ray/auth_token && echo token
timeout 4 bash -c 'exec 3<>/dev/tcp/{head}/{port}' 2> /dev/null && echo head
true
"""


def look_at_absent(cluster: ClusterFile, addresses: Sequence[str]) -> tuple[Absent, ...]:
    """Returns what ssh tells of each of the machines, asked at the same time."""
    ssh = Ssh(cluster)
    found = ssh.on_all(addresses, lambda address: _look(cluster, ssh, address))
    return tuple(found[address] for address in addresses)


def _look(cluster: ClusterFile, ssh: Ssh, address: str) -> Absent:
    question = QUESTION.format(head=cluster.head, port=GCS_PORT)
    answer = ssh.run(address, question, seconds=LOGIN_S)
    if not answer.reached:
        return Absent(address=address, answers=_answers(cluster, address), login=answer.why)
    said = answer.out.split()
    return Absent(
        address=address, answers=True, raylet="raylet" in said, token="token" in said, sees_head="head" in said
    )


def _answers(cluster: ClusterFile, address: str) -> bool:
    where = cluster.reached_at if address == cluster.head else address
    with contextlib.suppress(OSError), socket.create_connection((where, SSH_PORT), timeout=CONNECT_S):
        return True
    return False
