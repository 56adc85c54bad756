// The changed files. They come over the log's socket when asked for, are drawn as they scroll into view, and large, binary
// and lock files stay folded until the reader wants them: the viewer does not virtualise (5,000 lines take two seconds).
import { useEffect, useRef, useState } from "react";
import { DiffModeEnum, DiffView } from "@git-diff-view/react";
import "@git-diff-view/react/styles/diff-view.css";
import { ChevronDown, ChevronRight, Copy, Download, FileDiff } from "lucide-react";
import { borrow, giveBack } from "./socket.js";

const LARGE = 400;
const LOCK = /(^|\/)(package-lock\.json|pnpm-lock\.yaml|yarn\.lock|bun\.lock|uv\.lock|poetry\.lock|Cargo\.lock|go\.sum|Gemfile\.lock|composer\.lock)$/;
const MODE_KEY = "asynccoder-diff-mode";
const STATUS = { added: "new", deleted: "deleted", renamed: "renamed", removed: "deleted" };

const remembered = () => { try { return localStorage.getItem(MODE_KEY) || ""; } catch { return ""; } };
const appearance = () => {
  const chosen = document.documentElement.dataset.theme;
  return chosen || (window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
};

function useAppearance() {
  const [current, setCurrent] = useState(appearance);
  useEffect(() => {
    const follow = () => setCurrent(appearance());
    const system = window.matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", follow);
    window.addEventListener("asynccoder-theme", follow);
    return () => { system.removeEventListener("change", follow); window.removeEventListener("asynccoder-theme", follow); };
  }, []);
  return current;
}

function whyFolded(file) {
  if (file.is_binary) return "A binary file: there is nothing to read.";
  if (!file.patch) return file.status === "renamed" ? "Renamed without changes." : "Nothing to show.";
  if (LOCK.test(file.path)) return "A lock file, made by a tool.";
  if (file.added + file.removed > LARGE) return `${(file.added + file.removed).toLocaleString()} changed lines.`;
  return "";
}

function useSeen() {
  const ref = useRef(null);
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    if (seen) return undefined;
    const watcher = new IntersectionObserver(([entry]) => entry.isIntersecting && setSeen(true), { rootMargin: "600px" });
    watcher.observe(ref.current);
    return () => watcher.disconnect();
  }, [seen]);
  return [ref, seen];
}

function Body({ file, mode, theme }) {
  const [ref, seen] = useSeen();
  const [wanted, setWanted] = useState(false);
  useEffect(() => { // lines wider than the page scroll by keyboard too
    ref.current?.querySelectorAll(".diff-table-scroll-container").forEach((one) => { one.tabIndex = 0; });
  }, [ref, seen, wanted, mode]);
  const folded = whyFolded(file);
  const showable = !file.is_binary && file.patch;
  if (folded && !wanted) {
    return <div className="patch-body patch-note" ref={ref}><span>{folded}</span>{showable ? <button type="button" className="btn sm" onClick={() => setWanted(true)}>Show it</button> : null}</div>;
  }
  const data = { oldFile: { fileName: file.old_path }, newFile: { fileName: file.path }, hunks: [file.patch] };
  return (
    <div className="patch-body" ref={ref} style={seen ? undefined : { minHeight: 24 * Math.min(40, file.added + file.removed + 6) }}>
      {seen ? <DiffView data={data} diffViewMode={mode === "split" ? DiffModeEnum.Split : DiffModeEnum.Unified} diffViewTheme={theme} diffViewHighlight diffViewFontSize={12} diffViewWrap={false} /> : null}
    </div>
  );
}

function File({ file, mode, theme }) {
  const [open, setOpen] = useState(true);
  const Arrow = open ? ChevronDown : ChevronRight;
  const moved = file.old_path && file.old_path !== file.path;
  return (
    <section className="patch" id={`file-${file.path}`} aria-label={file.path}>
      <div className="row">
        <button type="button" className="patch-head" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Arrow size={16} aria-hidden="true" />
          <span className="mono trunc">{moved ? `${file.old_path} → ` : ""}{file.path}</span>
          {STATUS[file.status] ? <span className="pill">{STATUS[file.status]}</span> : null}
          {file.added ? <span className="num added">+{file.added}</span> : null}{file.removed ? <span className="num removed">−{file.removed}</span> : null}
        </button>
        <button type="button" className="btn quiet icon sm" aria-label={`Copy the path ${file.path}`} title="Copy path" onClick={() => navigator.clipboard?.writeText(file.path)}><Copy size={14} aria-hidden="true" /></button>
      </div>
      {open ? <Body file={file} mode={mode} theme={theme} /> : null}
    </section>
  );
}

function useFiles(task, version) {
  const [answer, setAnswer] = useState(null);
  useEffect(() => {
    let current = true;
    const socket = borrow();
    const ask = () => socket.emit("changes", { task }, (reply) => { if (current) setAnswer(reply); });
    socket.on("connect", ask);
    if (socket.connected) ask();
    return () => { current = false; socket.off("connect", ask); giveBack(); };
  }, [task, version]);
  return answer;
}

export function Changes({ task, version, base, patchHref }) {
  const answer = useFiles(task, version);
  const theme = useAppearance();
  const [mode, setMode] = useState(() => remembered() || "unified");
  const choose = (next) => { setMode(next); try { localStorage.setItem(MODE_KEY, next); } catch { /* remembered until the reload */ } };
  if (!answer) return <div className="stack" aria-busy="true"><div className="skeleton tall" /><div className="skeleton tall" /></div>;
  if (answer.refused) return <p className="notice bad" role="alert">{answer.refused}</p>;
  if (!answer.files.length && answer.has_patch) return <div className="empty"><FileDiff size={24} aria-hidden="true" /><p className="strong">The changes were not handed over, and are kept as a patch.</p><a className="btn" href={patchHref} download><Download size={14} aria-hidden="true" />Download the patch</a></div>;
  if (!answer.files.length) return <div className="empty"><FileDiff size={24} aria-hidden="true" /><p className="strong">No changes yet.</p><p className="small">What the run changes is shown here once it is committed.</p></div>;
  const added = answer.files.reduce((sum, file) => sum + file.added, 0);
  const removed = answer.files.reduce((sum, file) => sum + file.removed, 0);
  return (
    <div className="stack">
      <div className="row wrap small">
        <span className="num">{answer.files.length === 1 ? "1 file" : `${answer.files.length} files`}, <span className="added">+{added}</span> <span className="removed">−{removed}</span></span>
        <span className="muted">against <span className="mono">{base}</span></span>
        <span className="grow" />
        <span className="segment" role="group" aria-label="How changes are shown">
          {["unified", "split"].map((one) => <button key={one} type="button" aria-pressed={mode === one} onClick={() => choose(one)}>{one === "split" ? "Split" : "Unified"}</button>)}
        </span>
        <a className="btn sm" href={patchHref} download><Download size={14} aria-hidden="true" />Patch</a>
      </div>
      {answer.files.map((file) => <File key={file.path} file={file} mode={mode} theme={theme} />)}
    </div>
  );
}
