"""The JSON schema of `fieldmark runs --json`; as a program it prints what docs/reference/runs.schema.json holds."""

import json
from typing import Any

from pydantic import TypeAdapter

from fieldmark.store.records import RunRecord


def runs_schema_text() -> str:
    """Returns the schema as docs/reference/runs.schema.json holds it; keys may be added, so none is forbidden."""
    schema = TypeAdapter(list[RunRecord]).json_schema()
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "fieldmark runs --json"}
    return json.dumps(_open({**head, **schema}), indent=1) + "\n"


def _open(value: Any) -> Any:
    """Returns a schema without the bans on further keys."""
    if isinstance(value, list):
        return [_open(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _open(item) for key, item in value.items() if (key, item) != ("additionalProperties", False)}


if __name__ == "__main__":
    print(runs_schema_text(), end="")
