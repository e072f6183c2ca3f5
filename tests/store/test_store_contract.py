"""The contract of a store, on local disk and in memory."""

from itertools import count

from fieldmark.store import Store
from fieldmark.testing.store import check_store


def test_a_store_on_local_disk_keeps_the_contract(tmp_path):
    numbers = count()
    check_store(lambda: Store.open(str(tmp_path / "deep" / str(next(numbers)))))


def test_a_store_in_memory_keeps_the_contract():
    check_store(lambda: Store.open("memory://"))
