// A task's log: its newest entries at once, then what comes; the older ones arrive above while it is read.
// Which task is in the address, so that nothing waits for the State; nothing of the log passes through it.
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useParams } from "react-router";
import { Virtuoso } from "react-virtuoso";
import { ArrowDown } from "lucide-react";
import { Bar } from "./log_bar.jsx";
import { useLog } from "./log_feed.js";
import { OpenLog } from "./log_output.jsx";
import { Row, Tail } from "./log_parts.jsx";
import { entryIn, isOver, placeOf, tailText, visible } from "./log_rows.js";

const FIRST = 1000000; // the list counts its rows from here, so that rows can come before them

// The number of the first row: rows that came before what was first are counted off, and what is seen stays in place.
function useFirst(rows, view) {
  const kept = useRef({ first: FIRST, rows: [], view });
  const before = kept.current;
  if (before.rows !== rows) {
    const isLonger = before.view === view && before.rows.length > 0;
    const added = isLonger ? Math.max(0, placeOf(rows, before.rows[0].seq)) : 0;
    kept.current = { first: before.first - added, rows, view };
  }
  return kept.current.first;
}

function Top({ context }) {
  return context.whole ? <div style={{ height: 16 }} /> : <p className="log-row tiny" role="status">Earlier entries are on their way…</p>;
}

function Foot({ context }) { return <><Tail text={context.text} stream={context.stream} /><div style={{ height: 24 }} /></>; }

const PARTS = { Header: Top, Footer: Foot };
const keyOf = (index, row) => row.key;
const nothing = (filter, query) => (query.trim() ? "Nothing in the log says that." : filter === "errors" ? "Nothing went wrong." : "Nothing of this kind yet.");

export function RunLog({ model }) {
  const { task_id: task } = useParams();
  return <Log key={task} task={task} model={model} />;
}

function Log({ task, model }) {
  const { log, stream, loaded, whole, from, away, refusal } = useLog(task);
  const list = useRef(null);
  const stuck = useRef(true);
  const over = isOver(log.phase);
  const [filter, setFilter] = useState("all");
  const [query, setQuery] = useState("");
  const [marked, setMarked] = useState(() => (typeof window === "undefined" ? 0 : entryIn(window.location.hash)));
  const rows = useMemo(() => visible(log.rows, filter, query), [log.rows, filter, query]);
  const first = useFirst(rows, `${filter} ${query}`);
  const top = useRef(0); // the entry at the top of what is seen
  // The entry of the address: the log is drawn around it once it is there.
  const waits = marked > 0 && from > marked && !whole;
  const around = useRef(marked);
  const [atBottom, setAtBottom] = useState(true);
  const [seenSeq, setSeenSeq] = useState(0);
  const lastSeq = rows[rows.length - 1]?.seq || 0;
  useEffect(() => { if (atBottom) stuck.current = true; }, [atBottom]);
  useEffect(() => { if (atBottom) setSeenSeq(lastSeq); }, [atBottom, lastSeq]);
  // A short log that has ended is read from its beginning, a long one from its end; the next run is followed like the first.
  const fromStart = over && whole;
  useEffect(() => { if (!over) stuck.current = true; }, [over]);
  useEffect(() => { if (loaded && (fromStart || around.current)) stuck.current = false; }, [loaded]);
  useEffect(() => { // what is shown changed, not the log: the reader stays where they were
    if (!loaded || (stuck.current && !over)) return undefined;
    setSeenSeq(lastSeq);
    const frame = requestAnimationFrame(() => list.current?.scrollToIndex({ index: Math.max(0, placeOf(rows, top.current)), align: "start" }));
    return () => cancelAnimationFrame(frame);
  }, [filter, query]);
  const show = useCallback((entry) => {
    if (!entry) return;
    stuck.current = false;
    around.current = entry;
    setFilter("all");
    setQuery("");
    setMarked(entry);
    requestAnimationFrame(() => requestAnimationFrame(() => list.current?.scrollToIndex({ index: Math.max(0, placeOf(log.rows, entry)), align: "center" })));
  }, [log.rows]);
  useEffect(() => {
    const turn = () => show(entryIn(window.location.hash));
    window.addEventListener("hashchange", turn);
    return () => window.removeEventListener("hashchange", turn);
  }, [show]);
  const markedRow = marked && from <= marked ? log.rows[placeOf(log.rows, marked)]?.key : "";
  const fresh = rows.length - 1 - placeOf(rows, seenSeq);
  const jump = useCallback(() => { stuck.current = true; list.current?.scrollToIndex({ index: "LAST", align: "end", offset: 400 }); }, []);
  useEffect(() => { // rows also grow in place, which the list does not follow by itself; a reader who scrolled up is left alone
    if (!stuck.current) return undefined;
    const frame = requestAnimationFrame(() => requestAnimationFrame(jump));
    return () => cancelAnimationFrame(frame);
  }, [rows, stream, jump]);
  const [roomy, setRoomy] = useState(false); // what is seen is drawn first, what is near it afterwards
  useEffect(() => {
    if (!loaded) return undefined;
    const timer = setTimeout(() => setRoomy(true), 300);
    return () => clearTimeout(timer);
  }, [loaded]);
  const kept = useRef(new Map());
  const open = useMemo(() => ({ task, kept: kept.current }), [task]);
  const draw = useCallback((index, row) => <Row row={row} version={row.version} model={model} marked={row.key === markedRow} />, [model, markedRow]);
  const free = () => { stuck.current = false; };
  if (refusal) return <div className="scroll"><p className="empty">{refusal}</p></div>;
  if (!loaded || waits) return <div className="scroll"><div className="stack" aria-busy="true"><div className="skeleton tall" /><div className="skeleton" /><div className="skeleton" /></div></div>;
  const opens = around.current ? { index: Math.max(0, placeOf(rows, around.current)), align: "center" } : fromStart ? 0 : { index: "LAST", align: "end" };
  const isAll = filter === "all" && !query.trim();
  return (
    <OpenLog.Provider value={open}>
      <Bar log={log} whole={whole} filter={filter} onFilter={setFilter} query={query} onQuery={setQuery} />
      <p className="unseen" role="status">{tailText(log)}</p>
      <div className="log" role="log" aria-live="off" aria-label="What happened in this task">
        {away ? <p className="notice warn jump" role="status">Reconnecting…</p> : null}
        {rows.length === 0 && log.rows.length && whole ? <p className="empty">{nothing(filter, query)}</p> : null}
        <Virtuoso
          ref={list}
          style={{ height: "100%" }}
          data={rows}
          firstItemIndex={first}
          context={{ whole, text: isAll ? tailText(log) : "", stream: isAll ? stream : "" }}
          components={PARTS}
          computeItemKey={keyOf}
          itemContent={draw}
          initialTopMostItemIndex={opens}
          rangeChanged={({ startIndex }) => { top.current = rows[startIndex - first]?.seq ?? 0; }}
          followOutput={(bottom) => (bottom ? "auto" : false)}
          atBottomThreshold={64}
          atBottomStateChange={setAtBottom}
          onWheel={(event) => { if (event.deltaY < 0) free(); }}
          onTouchMove={free}
          onKeyDown={(event) => { if (["ArrowUp", "PageUp", "Home"].includes(event.key)) free(); }}
          onMouseDown={(event) => { if (event.target === event.currentTarget) free(); }}
          increaseViewportBy={roomy ? 600 : 0}
        />
        {!atBottom && !over ? <button type="button" className="btn sm jump" onClick={jump}><ArrowDown size={14} aria-hidden="true" />Jump to latest{fresh > 0 ? ` (${fresh} new)` : ""}</button> : null}
      </div>
    </OpenLog.Provider>
  );
}
