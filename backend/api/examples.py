"""An example of whatever a JSON schema describes: its own where it has one, else one of its type."""

from typing import Any

Schema = dict[str, Any]
_TEXTS = {
    "uuid": "7a0e3b52-9f0c-4f0e-8a51-2d6f1c0b9e44",
    "date-time": "2026-01-31T09:30:00Z",
    "date": "2026-01-31",
}


def example(schema: Schema, schemas: Schema) -> Any:
    """A value that fits the schema, of which `schemas` holds what it refers to."""
    schema = _resolved(schema, schemas)
    if schema.get("examples"):
        return schema["examples"][0]
    for word in ("const", "default"):
        if word in schema:
            return schema[word]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return None if {"type": "null"} in schema["anyOf"] else example(schema["anyOf"][0], schemas)
    match schema.get("type"):
        case "object":
            return {name: example(one, schemas) for name, one in schema.get("properties", {}).items()}
        case "array":
            return [example(schema["items"], schemas)]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return False
        case "null":
            return None
    return _TEXTS.get(schema.get("format", ""), "text")


def _resolved(schema: Schema, schemas: Schema) -> Schema:
    while "$ref" in schema:
        schema = {**schemas[schema["$ref"].rpartition("/")[2]], **{k: v for k, v in schema.items() if k != "$ref"}}
    return schema
