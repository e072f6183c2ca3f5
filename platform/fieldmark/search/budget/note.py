"""Notes beside a sweep's plan why it was not run to its end, for tables and pages."""

import re
import shlex

from fieldmark.search.budget.amounts import Amount, parse_budget
from fieldmark.search.budget.limits import WOULD_TAKE
from fieldmark.search.budget.mine import Mine
from fieldmark.search.lease_keeper import this_command
from fieldmark.tables.limit_note import LimitNote, note_key

FLAG = "--budget"


def put_note(mine: Mine, note: LimitNote | None) -> None:
    """Notes a limit that was reached; None forgets an earlier one, which the sweep has gone beyond."""
    key = note_key(mine.sweep)
    if note is not None:
        mine.store.put(key, note.model_dump_json().encode())
    elif mine.store.get(key) is not None:
        mine.store.objects.delete(key)


def command_beyond(reason: str) -> str:
    """Returns the command that goes on after a limit: this one, with twice as much of what is used up.

    Time is of each command, so that the same one goes on unless a single run needs more of it; hours, money and bytes
    are of the whole sweep.
    """
    command = this_command()
    words = shlex.split(command)
    for place, word in enumerate(words):
        flag, equals, value = word.partition("=")
        if flag != FLAG or (not equals and place + 1 >= len(words)):
            continue
        at = place if equals else place + 1
        larger = _larger(value if equals else words[at], reason)
        words[at] = f"{FLAG}={larger}" if equals else larger
        return shlex.join(words)
    return command


def _larger(budget: str, reason: str) -> str:
    amounts = parse_budget(budget)
    return ",".join(_doubled(one) if _is_short(one, reason) else one.text for one in amounts)


def _is_short(amount: Amount, reason: str) -> bool:
    return f"budget of {amount.text} " in reason and (amount.kind != "seconds" or WOULD_TAKE in reason)


def _doubled(amount: Amount) -> str:
    number = re.match(r"[\d.]+", amount.text)
    assert number is not None
    return f"{2 * float(number[0]):g}{amount.text[number.end() :]}"
