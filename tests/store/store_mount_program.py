"""What the patience tests run in a mount namespace of its own: a small file system that fails for a while."""

import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa

from fieldmark.errors import UserError
from fieldmark.store import Store
from fieldmark.store.lease import Lease
from fieldmark.testing.store import sample_run

OUTAGE_S = 1.2
CURVE = pa.table({"loss": np.random.default_rng(0).random(20_000)})


def mount(folder, *options):
    subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(("size=1m", *options)), "tmpfs", folder], check=True)


def remount(folder, how):
    subprocess.run(["mount", "-o", f"remount,{how}", folder], check=True)


def fill(folder):
    handle = os.open(folder / "filler", os.O_WRONLY | os.O_CREAT)
    with suppress(OSError):
        while True:
            os.write(handle, bytes(4096))
    os.close(handle)


def during(outage_ends, store):
    """Commits a run while the store fails, until the outage ends."""
    timer = threading.Timer(OUTAGE_S, outage_ends)
    timer.start()
    recorded = store.commit_run(sample_run(1), curve=CURVE)
    timer.join()
    whole = store.curve(sample_run(1).run_id).equals(CURVE)
    found = f"conflicts {len(store.conflicts())}, problems {len(store.problems())}"
    print(f"recorded {recorded}, {found}, curve {'whole' if whole else 'torn'}")


def read_only_for_a_while(folder):
    store = Store.open(str(folder / "store"))
    remount(folder, "ro")
    during(lambda: remount(folder, "rw"), store)


def full_for_a_while(folder):
    store = Store.open(str(folder / "store"))
    fill(folder)
    during((folder / "filler").unlink, store)


def full_for_good(folder):
    store = Store.open(str(folder / "store"))
    store.commit_run(sample_run(0))
    fill(folder)
    try:
        store.commit_run(sample_run(1), curve=CURVE)
    except UserError as error:
        print(error)
    temporary = [name for _, _, names in os.walk(folder) for name in names if "#" in name]
    print(f"runs {store.runs().num_rows}, problems {len(store.problems())}, temporary files {len(temporary)}")


def read_only_at_the_start(folder):
    store = Store.open(str(folder / "store"))
    held = Lease(store, "s1", "far")
    held.acquire()
    remount(folder, "ro")
    opened = Store.open(str(folder / "store"))
    for action in (
        opened.probe,
        lambda: Lease(opened, "s2", "me").acquire(),
        lambda: Lease(opened, "s1", "me").acquire(takeover=True),
        lambda: Store.open(str(folder / "other")),
    ):
        try:
            action()
        except UserError as error:
            print(error)


if __name__ == "__main__":
    scene, place = sys.argv[1], Path(sys.argv[2])
    mount(place)
    globals()[scene](place)
    sys.stdout.flush()
    os._exit(0)  # Arrow's threads abort one in ten of such short processes when they end
