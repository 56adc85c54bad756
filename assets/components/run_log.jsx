// A task's log over its own socket namespace: what is there, then what comes, each event once. Nothing of it passes through State.
import { useCallback, useEffect, useReducer, useRef, useState } from "react";
import { Virtuoso } from "react-virtuoso";
import { ArrowDown } from "lucide-react";
import { borrow, giveBack } from "./socket.js";
import { Row, Tail } from "./log_parts.jsx";
import { empty, isOver, tailText, take } from "./log_rows.js";

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
  const [atBottom, setAtBottom] = useState(true);
  const [seenRows, setSeenRows] = useState(0);
  useEffect(() => { if (atBottom) setSeenRows(log.rows.length); }, [atBottom, log.rows.length]);
  useEffect(() => { if (atBottom) stuck.current = true; }, [atBottom]);
  // A task that has ended is read from its beginning; its next run is followed like the first.
  useEffect(() => { if (loaded && over) stuck.current = false; }, [loaded]);
  useEffect(() => { if (!over) stuck.current = true; }, [over]);
  const fresh = log.rows.length - seenRows;
  const jump = useCallback(() => { stuck.current = true; list.current?.scrollToIndex({ index: "LAST", align: "end", offset: 400 }); }, []);
  const footer = useCallback(
    ({ context }) => <><Tail text={context.text} stream={context.stream} /><div style={{ height: 24 }} /></>,
    [],
  );
  useEffect(() => { // rows also grow in place, which the list does not follow by itself; a reader who scrolled up is left alone
    if (!stuck.current) return undefined;
    const frame = requestAnimationFrame(() => requestAnimationFrame(jump));
    return () => cancelAnimationFrame(frame);
  }, [log.rows, stream, jump]);
  if (refusal) return <div className="scroll"><p className="empty">{refusal}</p></div>;
  if (!loaded) return <div className="scroll"><div className="stack" aria-busy="true"><div className="skeleton tall" /><div className="skeleton" /><div className="skeleton" /></div></div>;
  return (
    <div className="log" role="log" aria-label="What happened in this task">
      {away ? <p className="notice warn jump" role="status">Reconnecting…</p> : null}
      <Virtuoso
        ref={list}
        style={{ height: "100%" }}
        data={log.rows}
        context={{ text: tailText(log), stream }}
        components={{ Header: Top, Footer: footer }}
        computeItemKey={(index, row) => row.key}
        itemContent={(index, row) => <Row row={row} model={model} />}
        initialTopMostItemIndex={over ? 0 : { index: "LAST", align: "end" }}
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
  );
}

function Top() { return <div style={{ height: 16 }} />; }
