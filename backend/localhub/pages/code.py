"""The files of a repository, as they are on a branch or a commit."""

from urllib.parse import quote

from starlette.responses import PlainTextResponse, Response

from backend.errors import GitError
from backend.localhub import git
from backend.localhub.git import Bare, Entry
from backend.localhub.pages.door import place
from backend.localhub.pages.frame import repository_page
from backend.localhub.pages.html import Html, icon, markup, moment
from backend.localhub.pages.rich_text import rich_text
from backend.localhub.refusals import not_found
from backend.localhub.web import Call

LARGEST_SHOWN = 500_000  # bytes of a file


def repository(call: Call) -> Response:
    """GET /{owner}/{name}."""
    with call.hub.store.read() as db:
        where = place(call, db)
        bare = call.hub.repositories.of(where.repository.id)
        ref = where.repository.default_branch
        sha = bare.branch(ref)
        about = markup(
            '<p class="lede">{description}</p><p class="clone"><span class="muted">Clone</span>'
            '<code class="mono">{url}/{full_name}.git</code></p>',
            description=where.repository.description,
            url=call.hub.config.base_url,
            full_name=where.full_name,
        )
        if sha is None:
            empty = Html('<p class="empty">This repository is empty: nothing was pushed yet.</p>')
            return repository_page(call, db, where, "Files", "Files", markup("{a}{b}", a=about, b=empty))
        content = markup("{about}{folder}", about=about, folder=_folder(bare, where.full_name, ref, sha, ""))
        return repository_page(call, db, where, "Files", "Files", content)


def tree(call: Call) -> Response:
    """GET /{owner}/{name}/tree/{ref}/{path}."""
    with call.hub.store.read() as db:
        where = place(call, db)
        bare = call.hub.repositories.of(where.repository.id)
        ref, sha, path = resolve(bare, call.path["rest"])
        return repository_page(call, db, where, "Files", path or ref, _folder(bare, where.full_name, ref, sha, path))


def blob(call: Call) -> Response:
    """GET /{owner}/{name}/blob/{ref}/{path}."""
    with call.hub.store.read() as db:
        where = place(call, db)
        bare = call.hub.repositories.of(where.repository.id)
        ref, sha, path = resolve(bare, call.path["rest"])
        content = _content(bare, sha, path)
        crumbs = _crumbs(where.full_name, ref, path)
        shown = _shown(path, content)
        return repository_page(call, db, where, "Files", path, markup("{crumbs}{shown}", crumbs=crumbs, shown=shown))


def raw(call: Call) -> Response:
    """GET /{owner}/{name}/raw/{ref}/{path}: as plain text, whatever it is."""
    with call.hub.store.read() as db:
        where = place(call, db)
    bare = call.hub.repositories.of(where.repository.id)
    _, sha, path = resolve(bare, call.path["rest"])
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}
    return PlainTextResponse(_content(bare, sha, path), headers=headers)


def resolve(bare: Bare, rest: str) -> tuple[str, str, str]:
    """Branch or commit, its sha, and the path behind it. Branch names hold slashes: the longest that fits is meant."""
    branches = bare.branches()
    fitting = [name for name in branches if rest == name or rest.startswith(f"{name}/")]
    ref = max(fitting, key=len, default=rest.split("/", 1)[0])
    path = rest[len(ref) + 1 :].strip("/")
    if ref in branches:
        return ref, branches[ref], path
    if not git.is_sha(ref):
        raise not_found()
    try:
        return ref, bare.commit(ref).sha, path
    except (GitError, IndexError):
        raise not_found() from None


def _content(bare: Bare, sha: str, path: str) -> bytes:
    try:
        return bare.blob(sha, path)
    except GitError:
        raise not_found() from None


def _folder(bare: Bare, full_name: str, ref: str, sha: str, path: str) -> Html:
    try:
        entries = bare.folder(sha, path)
    except GitError:
        raise not_found() from None
    newest = bare.latest(sha, 1)[0]
    rows = [_entry(full_name, ref, path, entry) for entry in entries]
    readme = next(
        (one.name for one in entries if one.kind == "blob" and one.name.lower() in ("readme.md", "readme")), None
    )
    text = _shown(readme, _content(bare, sha, f"{path}/{readme}".lstrip("/"))) if readme else Html("")
    return markup(
        '{crumbs}<ul class="card"><li><a class="row newest" href="/{full_name}/commit/{sha}">{icon}'
        '<span class="grow trunc">{message}</span><span class="mono muted">{short}</span><span class="aside wide-only">'
        "{date}</span></a></li>{rows}</ul>{readme}",
        crumbs=_crumbs(full_name, ref, path),
        full_name=full_name,
        sha=newest.sha,
        icon=icon("commit"),
        message=newest.message.split("\n")[0],
        short=newest.sha[:7],
        date=moment(newest.committer.date),
        rows=rows,
        readme=text,
    )


def _entry(full_name: str, ref: str, path: str, entry: Entry) -> Html:
    inside = f"{path}/{entry.name}".lstrip("/")
    if entry.kind == "commit":
        line = '<li><span class="row">{icon}{name}<span class="aside">submodule</span></span></li>'
    else:
        line = '<li><a class="row" href="{link}">{icon}{name}<span class="aside num">{size}</span></a></li>'
    return markup(
        line,
        link=quote(f"/{full_name}/{entry.kind}/{ref}/{inside}"),
        icon=icon("tree" if entry.kind == "tree" else "blob"),
        name=markup('<span class="grow mono">{name}</span>', name=entry.name),
        size="" if entry.size is None else f"{entry.size:,} B",
    )


def _crumbs(full_name: str, ref: str, path: str) -> Html:
    steps, parts = [], [part for part in path.split("/") if part]
    for at, part in enumerate(parts):
        is_last = at == len(parts) - 1
        link = quote(f"/{full_name}/tree/{ref}/{'/'.join(parts[: at + 1])}")
        step = (
            '<span class="muted">/</span><b>{part}</b>'
            if is_last
            else '<span class="muted">/</span><a href="{link}">{part}</a>'
        )
        steps.append(markup(step, part=part, link=link))
    return markup(
        '<p class="crumbs mono"><a class="pill" href="{root}">{icon}{ref}</a> {steps}</p>',
        root=quote(f"/{full_name}/tree/{ref}"),
        icon=icon("branch"),
        ref=ref,
        steps=steps,
    )


def _shown(path: str, content: bytes) -> Html:
    name = path.rsplit("/", 1)[-1]
    if b"\0" in content or len(content) > LARGEST_SHOWN:
        body = markup('<p class="empty">{size} bytes, binary or too large to show.</p>', size=f"{len(content):,}")
    elif name.lower().endswith(".md"):
        body = rich_text(content.decode(errors="replace"))
    else:
        lines = content.decode(errors="replace").removesuffix("\n").split("\n")
        rows = [
            markup('<div class="line same"><span class="at">{at}</span><code>{text}</code></div>', at=at, text=text)
            for at, text in enumerate(lines, start=1)
        ]
        body = markup('<div class="lines plain" tabindex="0"><div class="sheet">{rows}</div></div>', rows=rows)
    return markup(
        '<section class="file"><header>{icon}<h3 class="mono">{name}</h3></header>{body}</section>',
        icon=icon("blob"),
        name=name,
        body=body,
    )
