"""The API's description as a page: HTML in the product's looks, without scripts of its own or any other host.

The words and classes are those of the dashboard's stylesheets; `assets/handbook.css` only lays them out.
"""

import json
from collections.abc import Iterable
from html import escape
from typing import Any

Document = dict[str, Any]
_SHEETS = ("tokens.css", "asynccoder.css", "handbook.css", "narrow.css")
_TONES = {"get": "", "post": "ok", "put": "merged", "delete": "bad"}


def page(document: Document) -> str:
    """The whole page."""
    by_tag: dict[str, list[tuple[str, str, Document]]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            by_tag[operation["tags"][0]].append((method, path, operation))
    heads = "".join(f'<link rel="stylesheet" href="/{sheet}">' for sheet in _SHEETS)
    words = {tag["name"]: tag["description"] for tag in document["tags"]}
    parts = "".join(_part(name, words[name], listed, document) for name, listed in by_tag.items())
    paragraphs = "".join(f"<p>{_code(one)}</p>" for one in document["info"]["description"].split("\n\n"))
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>API · Async Coder</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">
<link rel="icon" href="/favicon.svg" type="image/svg+xml">{heads}<script src="/shell.js"></script></head>
<body><div class="handbook"><nav aria-label="API">{_contents(by_tag)}</nav><main>
<h1 class="headline">REST API</h1>{paragraphs}
<p><a class="btn" href="/api/openapi.json">OpenAPI 3.1</a> <a class="btn" href="/settings#tokens">Make a token</a></p>
{parts}</main></div></body></html>"""


def _contents(by_tag: dict[str, list[tuple[str, str, Document]]]) -> str:
    lines = ['<a class="logo" href="/home">Async Coder</a>']
    for name, listed in by_tag.items():
        lines.append(f'<p class="side-group">{escape(name)}</p>')
        lines += [
            f'<a class="nav-link" href="#{operation["operationId"]}">{escape(operation["summary"])}</a>'
            for _, _, operation in listed
        ]
    return "".join(lines)


def _part(name: str, words: str, listed: list[tuple[str, str, Document]], document: Document) -> str:
    operations = "".join(_operation(method, path, one, document) for method, path, one in listed)
    return f'<section><h2 class="title">{escape(name)}</h2><p class="soft">{escape(words)}</p>{operations}</section>'


def _operation(method: str, path: str, operation: Document, document: Document) -> str:
    scope = next((scheme["bearer"][0] for scheme in operation.get("security", ())), "")
    needs = f'<span class="pill line">{scope}</span>' if scope else ""
    good: Document = next((told for status, told in operation["responses"].items() if status.startswith("2")), {})
    pieces = (
        f"<p>{_code(operation.get('description', ''))}</p>",
        _parameters(operation.get("parameters", ()), document),
        _example("Body", operation.get("requestBody", {})),
        _example("Answer", good),
        _answers(operation["responses"], document),
    )
    return f"""<article class="card" id="{operation["operationId"]}"><h3 class="heading">
<span class="pill {_TONES[method]}">{method.upper()}</span> <code class="mono">{escape(path)}</code> {needs}</h3>
{"".join(pieces)}</article>"""


def _parameters(parameters: Iterable[Document], document: Document) -> str:
    return _table(
        (_mono(one["name"]), escape(_kind(one["schema"], document)), _code(one.get("description", "")) + _need(one))
        for one in parameters
    )


def _need(parameter: Document) -> str:
    return " Required." if parameter.get("required") else ""


def _kind(schema: Document, document: Document) -> str:
    """A parameter's type in a word, or the words that there are."""
    schema = schema.get("anyOf", [schema])[0]
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    words = map(str, schema["enum"]) if "enum" in schema else (schema.get("format") or schema.get("type", ""),)
    return " | ".join(words)


def _example(title: str, told: Document) -> str:
    examples = [content["example"] for content in told.get("content", {}).values() if "example" in content]
    if not examples:
        return ""
    text = escape(json.dumps(examples[0], indent=2, ensure_ascii=False))
    return _folded(title, f'<pre class="mono" tabindex="0">{text}</pre>')


def _answers(responses: Document, document: Document) -> str:
    told = ((status, _resolved(one, document)["description"]) for status, one in sorted(responses.items()))
    return _folded("Every answer", _table((_mono(status), _code(words)) for status, words in told))


def _folded(title: str, inside: str) -> str:
    return f'<details class="more"><summary>{title}</summary>{inside}</details>'


def _table(rows: Iterable[tuple[str, ...]]) -> str:
    lines = ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="table" tabindex="0"><table><tbody>{body}</tbody></table></div>' if lines else ""


def _mono(words: str) -> str:
    return f'<code class="mono">{escape(words)}</code>'


def _resolved(told: Document, document: Document) -> Document:
    name = told.get("$ref", "").rpartition("/")[2]
    found: Document = document["components"]["responses"][name] if name else told
    return found


def _code(words: str) -> str:
    """Words as HTML; what stands between backticks as code."""
    pieces = escape(words).split("`")
    return "".join(f'<code class="mono">{one}</code>' if number % 2 else one for number, one in enumerate(pieces))
