// A task's log over its own socket namespace: what is there, then what comes, each event once. Nothing of it passes through State.
import { useCallback, useEffect, useMemo, useReducer, useRef, useState } from "react";
import { Virtuoso } from "react-virtuoso";
import { ArrowDown } from "lucide-react";
import { borrow, giveBack } from "./socket.js";
import { Bar } from "./log_bar.jsx";
import { TaskOfLog } from "./log_output.jsx";
import { Row, Tail } from "./log_parts.jsx";
import { empty, entryIn, isOver, placeOf, tailText, take, visible } from "./log_rows.js";

const AWAY_MS = 2000;
// What is stored replaces what streamed; before a provider is asked again, what it had said so far is void.
const ENDS_TEXT = new Set(["model_turn", "wait", "compacted", "phase", "ended"]);

function reduce(state, action) {
  if (action.type === "reset") return { log: empty(), stream: "", loaded: false };
  if (action.type === "delta") return { ...state, stream: action.of === "text" ? state.stream + action.text : state.stream };
  const ended = action.events.some((event) => ENDS_TEXT.has(event.kind));
  return { log: take(state.log, action.events), stream: ended ? "" : state.stream, loaded: state.loaded || !action.hasMore };
}

function useLog(task) {
  const [state, dispatch] = useReducer(reduce, null, () => reduce(null, { type: "reset" }));
  const [away, setAway] = useState(false);
  const [refusal, setRefusal] = useState("");
  const seq = useRef(0);
  useEffect(() => {
    dispatch({ type: "reset" });
    setRefusal("");
    seq.current = 0;
    let timer = null;
    const socket = borrow();
    const follow = () => { clearTimeout(timer); setAway(false); socket.emit("follow", { task, after: seq.current }); };
    const lost = () => { clearTimeout(timer); timer = setTimeout(() => setAway(true), AWAY_MS); };
    const on = {
      connect: follow,
      disconnect: lost,
      connect_error: lost,
      events: (message) => {
        if (message.task !== task) return;
        if (message.events.length) seq.current = Math.max(seq.current, message.events[message.events.length - 1].seq);
        dispatch({ type: "events", events: message.events, hasMore: message.has_more });
      },
      delta: (message) => { if (message.task === task) dispatch({ type: "delta", ...message }); },
      refused: (message) => setRefusal(message.sentence),
    };
    for (const [event, handler] of Object.entries(on)) socket.on(event, handler);
    if (socket.connected) follow();
    return () => {
      clearTimeout(timer);
      for (const [event, handler] of Object.entries(on)) socket.off(event, handler);
      if (socket.connected) socket.emit("unfollow", { task });
      giveBack();
    };
  }, [task]);
  return { ...state, away, refusal };
}

export function RunLog({ task, model }) {
  const { log, stream, loaded, away, refusal } = useLog(task);
  const list = useRef(null);
  const stuck = useRef(true);
  const over = isOver(log.phase);
  const [filter, setFilter] = useState("all");
  const [query, setQuery] = useState("");
  const [marked, setMarked] = useState(() => entryIn(window.location.hash));
  const rows = useMemo(() => visible(log.rows, filter, query), [log.rows, filter, query]);
  const top = useRef(0); // the entry at the top of what is seen
  const [atBottom, setAtBottom] = useState(true);
  const [seenRows, setSeenRows] = useState(0);
  useEffect(() => { if (atBottom) setSeenRows(rows.length); }, [atBottom, rows.length]);
  useEffect(() => { if (atBottom) stuck.current = true; }, [atBottom]);
  // A task that has ended is read from its beginning; its next run is followed like the first.
  useEffect(() => { if (loaded && over) stuck.current = false; }, [loaded]);
  useEffect(() => { if (!over) stuck.current = true; }, [over]);
  // What is shown changed, not the log: the reader stays where they were.
  const keepPlace = () => {
    setSeenRows(rows.length);
    if (stuck.current && !over) return undefined;
    const frame = requestAnimationFrame(() => list.current?.scrollToIndex({ index: Math.max(0, placeOf(rows, top.current)), align: "start" }));
    return () => cancelAnimationFrame(frame);
  };
  useEffect(() => (loaded ? keepPlace() : undefined), [filter, query]);
  const show = useCallback((entry) => {
    if (!entry) return;
    stuck.current = false;
    setFilter("all");
    setQuery("");
    setMarked(entry);
    requestAnimationFrame(() => requestAnimationFrame(() => list.current?.scrollToIndex({ index: Math.max(0, placeOf(log.rows, entry)), align: "center" })));
  }, [log.rows]);
  useEffect(() => { if (loaded) show(entryIn(window.location.hash)); }, [loaded]);
  useEffect(() => {
    const turn = () => show(entryIn(window.location.hash));
    window.addEventListener("hashchange", turn);
    return () => window.removeEventListener("hashchange", turn);
  }, [show]);
  const markedRow = marked ? log.rows[placeOf(log.rows, marked)]?.key : "";
  const fresh = rows.length - seenRows;
  const jump = useCallback(() => { stuck.current = true; list.current?.scrollToIndex({ index: "LAST", align: "end", offset: 400 }); }, []);
  const footer = useCallback(
    ({ context }) => <><Tail text={context.text} stream={context.stream} /><div style={{ height: 24 }} /></>,
    [],
  );
  useEffect(() => { // rows also grow in place, which the list does not follow by itself; a reader who scrolled up is left alone
    if (!stuck.current) return undefined;
    const frame = requestAnimationFrame(() => requestAnimationFrame(jump));
    return () => cancelAnimationFrame(frame);
  }, [rows, stream, jump]);
  if (refusal) return <div className="scroll"><p className="empty">{refusal}</p></div>;
  if (!loaded) return <div className="scroll"><div className="stack" aria-busy="true"><div className="skeleton tall" /><div className="skeleton" /><div className="skeleton" /></div></div>;
  return (
    <TaskOfLog.Provider value={task}>
    <Bar log={log} filter={filter} onFilter={setFilter} query={query} onQuery={setQuery} />
    <p className="unseen" role="status">{tailText(log)}</p>
    <div className="log" role="log" aria-live="off" aria-label="What happened in this task">
      {away ? <p className="notice warn jump" role="status">Reconnecting…</p> : null}
      {rows.length === 0 && log.rows.length ? <p className="empty">{query.trim() ? "Nothing in the log says that." : filter === "errors" ? "Nothing went wrong." : "Nothing of this kind yet."}</p> : null}
      <Virtuoso
        ref={list}
        style={{ height: "100%" }}
        data={rows}
        context={{ text: filter === "all" && !query.trim() ? tailText(log) : "", stream: filter === "all" && !query.trim() ? stream : "" }}
        components={{ Header: Top, Footer: footer }}
        computeItemKey={(index, row) => row.key}
        itemContent={(index, row) => <Row row={row} model={model} marked={row.key === markedRow} />}
        initialTopMostItemIndex={over ? 0 : { index: "LAST", align: "end" }}
        rangeChanged={({ startIndex }) => { top.current = rows[startIndex]?.seq ?? 0; }}
        followOutput={(bottom) => (bottom ? "auto" : false)}
        atBottomThreshold={64}
        atBottomStateChange={setAtBottom}
        onWheel={(event) => { if (event.deltaY < 0) stuck.current = false; }}
        onTouchMove={() => { stuck.current = false; }}
        onKeyDown={(event) => { if (["ArrowUp", "PageUp", "Home"].includes(event.key)) stuck.current = false; }}
        onMouseDown={(event) => { if (event.target === event.currentTarget) stuck.current = false; }}
        increaseViewportBy={600}
      />
      {!atBottom && !over ? <button type="button" className="btn sm jump" onClick={jump}><ArrowDown size={14} aria-hidden="true" />Jump to latest{fresh > 0 ? ` (${fresh} new)` : ""}</button> : null}
    </div>
    </TaskOfLog.Provider>
  );
}

function Top() { return <div style={{ height: 16 }} />; }
