// One changed file: its head, and its diff in pieces that are drawn as they scroll into view.
import { memo, useEffect, useMemo, useRef, useState } from "react";
import { DiffModeEnum, DiffView, SplitSide } from "@git-diff-view/react";
import "@git-diff-view/react/styles/diff-view.css";
import { ChevronDown, ChevronRight, TriangleAlert } from "lucide-react";
import { hasLines, linesOf, modeChange, piecesOf, STATUS } from "./diff_files.js";
import { CommentBox, Remarks } from "./diff_review.jsx";
import { CopyButton } from "./result.jsx";
import { signs } from "./signs.js";

const LINE = 20; // pixels of a drawn line, about
const SIDES = { [SplitSide.old]: "old", [SplitSide.new]: "new" };

// Whether something is near the view; what is far from it gives its rows back and keeps its height.
function useNear(height) {
  const ref = useRef(null);
  const [place, setPlace] = useState({ near: false, height });
  useEffect(() => {
    const look = ([entry]) => {
      if (entry.isIntersecting) setPlace((before) => (before.near ? before : { ...before, near: true }));
      else if (!ref.current?.querySelector("textarea")) setPlace((before) => (before.near ? { near: false, height: entry.boundingClientRect.height } : before));
    };
    const watcher = new IntersectionObserver(look, { root: ref.current.closest(".scroll"), rootMargin: "800px" });
    watcher.observe(ref.current);
    return () => watcher.disconnect();
  }, []);
  return [ref, place];
}

const numberOf = (button) => button.closest("td")?.querySelector("[data-line-num], [data-line-new-num], [data-line-old-num]")?.textContent || "";
const pluses = (body) => [...body.querySelectorAll("td[class*=num] .diff-add-widget")];

// One stop of the tab key for all "+" of a file; the arrows go from line to line.
function usePluses(ref, active) {
  useEffect(() => {
    const body = ref.current;
    if (!body || !active) return undefined;
    const tidy = () => {
      const all = pluses(body);
      for (const one of all) {
        one.type = "button";
        one.setAttribute("aria-label", `Comment on line ${numberOf(one)}`);
        if (one !== document.activeElement) one.tabIndex = -1;
      }
      if (all.length && !all.some((one) => one.tabIndex === 0)) all[0].tabIndex = 0;
    };
    tidy();
    const watcher = new MutationObserver(tidy);
    watcher.observe(body, { childList: true, subtree: true });
    return () => watcher.disconnect();
  }, [ref, active]);
  const from = useRef(null);
  const remember = (event) => { from.current = event.target.closest(".diff-add-widget") || from.current; };
  const click = (event) => { // the viewer listens to the mouse alone
    const plus = event.target.closest(".diff-add-widget");
    if (plus && event.detail === 0) plus.dispatchEvent(new MouseEvent("mousedown", { bubbles: true }));
  };
  const back = () => setTimeout(() => from.current?.isConnected && from.current.focus());
  const press = (event) => {
    if (!["ArrowDown", "ArrowUp"].includes(event.key) || !event.target.matches?.(".diff-add-widget")) return;
    event.preventDefault();
    const all = pluses(ref.current);
    const next = all[all.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1)];
    if (!next) return;
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  };
  return [{ onMouseDownCapture: remember, onClick: click, onKeyDown: press }, back];
}

const Piece = memo(function Piece({ file, piece, split, theme, review, lines, comments, back }) {
  const [ref, { near, height }] = useNear(LINE * piece.count);
  const data = useMemo(() => ({ oldFile: { fileName: file.old_path }, newFile: { fileName: file.path }, hunks: [piece.patch] }), [file, piece]);
  const remarks = useMemo(() => {
    const found = { oldFile: {}, newFile: {} };
    for (const one of comments) {
      const side = one.side === "old" ? found.oldFile : found.newFile;
      (side[one.line] ??= { data: [] }).data.push(one);
    }
    return found;
  }, [comments]);
  const box = ({ side, lineNumber, onClose }) => {
    const place = lines.get(`${SIDES[side]}:${lineNumber}`);
    if (!place) return null;
    return <CommentBox place={`${file.path}, line ${place.line}`} onClose={() => { onClose(); back(); }} onSave={(text) => review.add({ path: file.path, line: place.line, side: place.side, quote: place.text, text })} />;
  };
  return (
    <div ref={ref} className={piece.isCut ? "piece cut" : "piece"} style={near ? undefined : { minHeight: height }}>
      {near ? (
        <DiffView data={data} diffViewMode={split ? DiffModeEnum.Split : DiffModeEnum.Unified} diffViewTheme={theme} diffViewHighlight diffViewWrap diffViewFontSize={12} diffViewAddWidget={review.may} renderWidgetLine={box} extendData={remarks} renderExtendLine={({ data: told }) => <Remarks comments={told || []} onRemove={review.remove} />} />
      ) : null}
    </div>
  );
});

function Body({ file, split, theme, review }) {
  const ref = useRef(null);
  const pieces = useMemo(() => piecesOf(file), [file]);
  const lines = useMemo(() => linesOf(file), [file]);
  const [listening, back] = usePluses(ref, review.may);
  const comments = review.comments.filter((one) => one.path === file.path && lines.get(`${one.side}:${one.line}`)?.text === one.quote);
  const said = comments.map((one) => one.id).join();
  const kept = useMemo(() => comments, [said]);
  return (
    <div className="patch-body" ref={ref} {...listening}>
      {pieces.map((piece, index) => <Piece key={index} file={file} piece={piece} split={split} theme={theme} review={review} lines={lines} comments={kept} back={back} />)}
    </div>
  );
}

export const FileDiff = memo(function FileDiff({ file, split, theme, open, folded, viewed, weakened, review, onOpen, onView }) {
  const Arrow = open ? ChevronDown : ChevronRight;
  const [letter, word] = STATUS[file.status] || STATUS.modified;
  const moved = file.old_path && file.old_path !== file.path;
  const mode = modeChange(file);
  const showable = hasLines(file);
  return (
    <section className="patch" data-path={file.path} aria-label={file.path}>
      <div className="row patch-top">
        <button type="button" className="patch-head" aria-expanded={open} onClick={() => onOpen(file.path, !open)}>
          <Arrow size={16} aria-hidden="true" />
          <span className={`letter ${word}`} title={word} aria-hidden="true">{letter}</span><span className="unseen">{word}: </span>
          <span className="mono trunc" title={file.path}>{moved ? `${signs(file.old_path)} → ` : ""}{signs(file.path)}</span>
          {mode ? <span className="pill wide-only">{mode}</span> : null}
          {file.added ? <span className="num added">+{file.added}</span> : null}{file.removed ? <span className="num removed">−{file.removed}</span> : null}
        </button>
        <span className="wide-only"><CopyButton text={file.path} label={`Copy the path ${file.path}`} /></span>
        <label className="viewed"><input type="checkbox" checked={viewed} aria-label={`Viewed: ${file.path}`} onChange={(event) => onView(file, event.target.checked)} /><span>Viewed</span></label>
      </div>
      {weakened ? <p className="patch-warning" role="note"><TriangleAlert size={14} aria-hidden="true" /><span><b>Tests removed or skipped.</b> {weakened.join("; ")}</span></p> : null}
      {!open ? folded && !viewed ? <p className="patch-note"><span>{folded}</span>{showable ? <button type="button" className="btn sm" onClick={() => onOpen(file.path, true)}>Show it</button> : null}</p> : null
        : showable ? <Body file={file} split={split} theme={theme} review={review} />
        : <p className="patch-note">{folded}</p>}
    </section>
  );
});
