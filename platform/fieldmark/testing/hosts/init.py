"""Process 1 of a namespaced host (and of the switch): does what its first line of input says, starts, reaps.

Run as a file, with the standard library alone, so that it starts at once. Its standard input is its lifeline: it is
held open by the program that made the hosts, and at its end (also of a killed owner) this process exits, whereupon
the kernel ends every process of the host and drops its network, mounts and temporary files.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time

LIFELINE = 0
START_SECONDS = 20.0


def listening(port: int) -> bool:
    """Whether something answers on this port of this host."""
    with socket.socket() as tried:
        tried.settimeout(1.0)
        return tried.connect_ex(("127.0.0.1", port)) == 0


def start(command: list[str], port: int) -> None:
    """Starts a service and waits until it listens."""
    subprocess.Popen(command, stdin=subprocess.DEVNULL)
    deadline = time.monotonic() + START_SECONDS
    while not listening(port):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing listens on port {port}: {command}")
        time.sleep(0.01)


def reap() -> None:
    """Takes note of every child that has ended, adopted ones too."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def serve() -> None:
    """Reaps until the lifeline is cut."""
    read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        reap()
        ready, _, _ = select.select([LIFELINE, read], [], [])
        if read in ready:
            os.read(read, 4096)
        if LIFELINE in ready and not os.read(LIFELINE, 4096):
            return


def main() -> None:
    """Becomes the host."""
    line = b""
    while not line.endswith(b"\n"):  # unbuffered: the lifeline itself is watched later
        byte = os.read(LIFELINE, 1)
        if not byte:
            return
        line += byte
    orders = json.loads(line)
    # Seen from the machine, before this host gets a /proc of its own.
    outer = int(os.readlink("/proc/self"))
    for command in orders["commands"]:
        subprocess.run(command, check=True)
    if orders["service"]:
        start(orders["service"], orders["port"])
    sys.stdout.write(f"{outer}\n")
    sys.stdout.flush()
    serve()


if __name__ == "__main__":
    main()
