// The changed files as a tree: folders fold, files lead to their diff.
import { useState } from "react";
import { Check, ChevronDown, ChevronRight, TriangleAlert } from "lucide-react";
import { STATUS, treeOf } from "./diff_files.js";

function Leaf({ name, file, viewed, weakened, onGo }) {
  const [letter, word] = STATUS[file.status] || STATUS.modified;
  return (
    <li>
      <button type="button" className="leaf" onClick={() => onGo(file.path)} title={file.path}>
        <span className={`letter ${word}`} aria-hidden="true">{letter}</span>
        <span className="trunc">{name}</span>
        <span className="unseen">, {word}, {file.added} lines added, {file.removed} removed{viewed ? ", viewed" : ""}{weakened ? ", tests removed or skipped" : ""}</span>
        <span className="leaf-end num" aria-hidden="true">
          {weakened ? <TriangleAlert size={14} className="tone-bad" /> : null}
          {viewed ? <Check size={14} className="tone-ok" /> : <>{file.added ? <span className="added">+{file.added}</span> : null}{file.removed ? <span className="removed">−{file.removed}</span> : null}</>}
        </span>
      </button>
    </li>
  );
}

function Folder({ folder, shared }) {
  const [open, setOpen] = useState(true);
  const Arrow = open ? ChevronDown : ChevronRight;
  return (
    <li>
      <button type="button" className="leaf" aria-expanded={open} onClick={() => setOpen(!open)}><Arrow size={14} aria-hidden="true" /><span className="trunc muted">{folder.name}</span></button>
      {open ? <Branch node={folder} shared={shared} /> : null}
    </li>
  );
}

function Branch({ node, shared }) {
  return (
    <ul>
      {node.folders.map((folder) => <Folder key={folder.path} folder={folder} shared={shared} />)}
      {node.files.map(({ name, file }) => <Leaf key={file.path} name={name} file={file} viewed={shared.isViewed(file)} weakened={Boolean(shared.weakened[file.path])} onGo={shared.onGo} />)}
    </ul>
  );
}

export function Tree({ files, ...shared }) {
  const [query, setQuery] = useState("");
  const wanted = query.trim().toLowerCase();
  const found = wanted ? files.filter((file) => file.path.toLowerCase().includes(wanted)) : files;
  return (
    <nav className="tree" aria-label="Changed files">
      <input className="field" type="search" placeholder="Filter files…" aria-label="Filter files by name" value={query} onChange={(event) => setQuery(event.target.value)} />
      {found.length ? <Branch node={treeOf(found)} shared={shared} /> : <p className="tiny">No file has this in its name.</p>}
    </nav>
  );
}
