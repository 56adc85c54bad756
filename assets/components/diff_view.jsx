// What a task changed: a tree of files and their diffs, what of them was viewed, and comments that become one follow-up.
// Everything comes over the log's socket when asked for; files, and pieces of files, are drawn as they scroll into view.
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { ChevronsDownUp, ChevronsUpDown, Download, FileDiff as FileIcon, ListTree, SquareTerminal } from "lucide-react";
import { FileDiff } from "./diff_file.jsx";
import { hasLines, hashOf, inOrder, linesOf, treeOf, whyFolded } from "./diff_files.js";
import { useKept } from "./diff_kept.js";
import { Tray } from "./diff_review.jsx";
import { Tree } from "./diff_tree.jsx";
import { CopyButton, useResult, Words } from "./result.jsx";

const ROOM = 760; // pixels that two columns need
const NONE = {};
const NO_COMMENTS = [];

const appearance = () => document.documentElement.dataset.theme || (window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");

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

function useWidth(ref) {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (!ref.current) return undefined;
    const watcher = new ResizeObserver(([entry]) => setWidth(entry.contentRect.width));
    watcher.observe(ref.current);
    return () => watcher.disconnect();
  }, [ref]);
  return width;
}

// J and K go from file to file while the changes are open; elsewhere they belong to the list of tasks.
function useFileKeys(root, go) {
  useEffect(() => {
    const press = (event) => {
      const step = { j: 1, k: -1 }[event.key];
      if (!step || event.metaKey || event.ctrlKey || event.altKey || window.asynccoder.isBusy(event.target)) return;
      const all = [...(root.current?.querySelectorAll(".patch") || [])];
      if (!all.length) return;
      event.preventDefault();
      event.stopPropagation();
      const top = root.current.closest(".scroll").getBoundingClientRect().top;
      const held = all.indexOf(document.activeElement?.closest(".patch"));
      const places = all.map((one) => one.getBoundingClientRect().top - top);
      const below = places.findIndex((place) => place > 8);
      const next = held >= 0 ? held + step : step > 0 ? (below < 0 ? all.length - 1 : below) : places.findLastIndex((place) => place < -8);
      if (all[next]) go(all[next].dataset.path);
    };
    document.addEventListener("keydown", press, true);
    return () => document.removeEventListener("keydown", press, true);
  }, [root, go]);
}

function useReview(task, files, { mayReview, reviewed, onReview }) {
  const [comments, setComments] = useKept(`asynccoder-review:${task}`, NO_COMMENTS);
  const [sending, setSending] = useState(null);
  const seen = useRef(reviewed);
  const byPath = useMemo(() => new Map(files.map((file) => [file.path, file])), [files]);
  const isStale = useCallback((one) => !byPath.has(one.path) || linesOf(byPath.get(one.path)).get(`${one.side}:${one.line}`)?.text !== one.quote, [byPath]);
  useEffect(() => {
    if (seen.current === reviewed) return;
    seen.current = reviewed; // the server has taken it
    if (sending) setComments((all) => all.filter((one) => !sending.includes(one.id)));
    setSending(null);
  }, [reviewed]);
  useEffect(() => { // a refusal is told beside the reply box; then it can be sent again
    if (!sending) return undefined;
    const timer = setTimeout(() => setSending(null), 5000);
    return () => clearTimeout(timer);
  }, [sending]);
  const add = useCallback((one) => setComments((all) => [...all, { ...one, id: crypto.getRandomValues(new Uint32Array(2)).join("-") }]), [task]);
  const remove = useCallback((id) => setComments((all) => all.filter((one) => one.id !== id)), [task]);
  const send = () => {
    const whole = comments.filter((one) => !isStale(one));
    setSending(whole.map((one) => one.id));
    onReview?.(whole.map(({ path, line, side, text }) => ({ path, line, side, text })));
  };
  const review = useMemo(() => ({ may: mayReview, comments, add, remove }), [mayReview, comments, add, remove]);
  return { review, tray: { comments: mayReview ? comments : [], isStale, sending: Boolean(sending), onSend: send, onDiscard: () => setComments([]), onRemove: remove } };
}

function Local({ branch }) {
  const text = `git fetch origin ${branch}\ngit switch ${branch}`;
  return <div className="block"><pre className="out" tabIndex={0}>{text}</pre><CopyButton text={text} label="Copy these commands" /></div>;
}

function Bar({ files, base, done, split, room, onSplit, onAll, patchHref, branch, onTree, treeOpen }) {
  const [local, setLocal] = useState(false);
  const added = files.reduce((sum, file) => sum + file.added, 0);
  const removed = files.reduce((sum, file) => sum + file.removed, 0);
  return (
    <div className="stack">
      <div className="row wrap small">
        <button type="button" className="btn sm tree-button" aria-expanded={treeOpen} onClick={onTree}><ListTree size={14} aria-hidden="true" />Files</button>
        <span className="num">{files.length === 1 ? "1 file" : `${files.length} files`} <span className="added">+{added.toLocaleString()}</span> <span className="removed">−{removed.toLocaleString()}</span></span>
        <span className="muted">against <span className="mono">{base}</span></span>
        <span className="muted num" role="status">{done} of {files.length} viewed</span>
        <span className="grow" />
        {room ? (
          <span className="segment" role="group" aria-label="How changes are shown">
            <button type="button" aria-pressed={!split} onClick={() => onSplit(false)}>Unified</button>
            <button type="button" aria-pressed={split} onClick={() => onSplit(true)}>Split</button>
          </span>
        ) : null}
        <button type="button" className="btn quiet icon sm" aria-label="Expand all files" title="Expand all" onClick={() => onAll(true)}><ChevronsUpDown size={14} aria-hidden="true" /></button>
        <button type="button" className="btn quiet icon sm" aria-label="Collapse all files" title="Collapse all" onClick={() => onAll(false)}><ChevronsDownUp size={14} aria-hidden="true" /></button>
        {branch ? <button type="button" className="btn sm" aria-expanded={local} onClick={() => setLocal(!local)}><SquareTerminal size={14} aria-hidden="true" />Try this locally</button> : null}
        <a className="btn sm" href={patchHref} download><Download size={14} aria-hidden="true" />Patch</a>
      </div>
      {local ? <Local branch={branch} /> : null}
    </div>
  );
}

function Summary({ text }) {
  return text ? <details className="card summary" open><summary className="strong">What was done, in the model’s own words</summary><Words text={text} /></details> : null;
}

function Nothing({ answer, patchHref }) {
  const kept = answer.has_patch;
  return (
    <div className="stack loose">
      <div className="empty"><FileIcon size={24} aria-hidden="true" />
        <p className="strong">{kept ? "The changes were not handed over, and are kept as a patch." : answer.text ? "Nothing was changed." : "No changes yet."}</p>
        {kept ? <a className="btn" href={patchHref} download><Download size={14} aria-hidden="true" />Download the patch</a> : answer.text ? null : <p className="small">What the run changes is shown here once it is committed.</p>}
      </div>
      <Summary text={answer.text} />
    </div>
  );
}

function Files({ answer, task, version, base, patchHref, branch, ...reviewing }) {
  const root = useRef(null);
  const theme = useAppearance();
  const width = useWidth(root);
  const files = useMemo(() => inOrder(treeOf(answer.files)), [answer]);
  const hashes = useMemo(() => new Map(files.map((file) => [file.path, hashOf(file, version)])), [files]);
  const folds = useMemo(() => new Map(files.map((file) => [file.path, whyFolded(file)])), [files]);
  const [wantsSplit, setWantsSplit] = useKept("asynccoder-diff-split", false);
  const [marks, setMarks] = useKept(`asynccoder-viewed:${task}`, NONE);
  const [opened, setOpened] = useState(NONE);
  const [treeOpen, setTreeOpen] = useState(false);
  const { review, tray } = useReview(task, files, reviewing);
  const room = width >= ROOM;
  const isViewed = (file) => marks[file.path] === hashes.get(file.path);
  const isOpen = (file) => opened[file.path] ?? (!folds.get(file.path) && !isViewed(file));
  const setOpen = useCallback((path, open) => setOpened((before) => ({ ...before, [path]: open })), []);
  const view = useCallback((file, on) => {
    setMarks((before) => { const { [file.path]: gone, ...rest } = before; return on ? { ...rest, [file.path]: hashes.get(file.path) } : rest; });
    setOpened((before) => { const { [file.path]: gone, ...rest } = before; return rest; });
  }, [hashes, task]);
  const all = (open) => setOpened(Object.fromEntries(files.map((file) => [file.path, open && hasLines(file)])));
  const go = useCallback((path) => {
    const found = [...root.current.querySelectorAll(".patch")].find((one) => one.dataset.path === path);
    found?.scrollIntoView({ block: "start" });
    found?.querySelector(".patch-head").focus({ preventScroll: true });
    setTreeOpen(false);
  }, []);
  useFileKeys(root, go);
  return (
    <div className="changes">
      <Summary text={answer.text} />
      <Bar files={files} base={base} done={files.filter(isViewed).length} split={wantsSplit} room={room} onSplit={setWantsSplit} onAll={all} patchHref={patchHref} branch={branch} treeOpen={treeOpen} onTree={() => setTreeOpen(!treeOpen)} />
      <div className={treeOpen ? "diffs with-tree" : "diffs"}>
        <Tree files={files} weakened={answer.weakened} isViewed={isViewed} onGo={go} />
        <div ref={root} className="files">
          {files.map((file) => <FileDiff key={file.path} file={file} split={room && wantsSplit} theme={theme} open={isOpen(file)} folded={folds.get(file.path)} viewed={isViewed(file)} weakened={answer.weakened[file.path]} review={review} onOpen={setOpen} onView={view} />)}
        </div>
      </div>
      <Tray {...tray} onGo={go} />
    </div>
  );
}

export function Changes(props) {
  const answer = useResult(props.task, props.version);
  if (!answer) return <div className="stack" aria-busy="true"><div className="skeleton tall" /><div className="skeleton tall" /></div>;
  if (answer.refused) return <p className="notice bad" role="alert">{answer.refused}</p>;
  return answer.files.length ? <Files key={props.task} answer={answer} {...props} /> : <Nothing answer={answer} patchHref={props.patchHref} />;
}
