// A log: the newest entries first, over HTTP while the socket is still being connected; over the socket what comes after
// them, then the older ones piece by piece in the background. Each entry once, in order, whatever the connection does.
import { useEffect, useState, useSyncExternalStore } from "react";
import { reduce, start } from "./log_state.js";
import { borrow, giveBack } from "./socket.js";

const AWAY_MS = 2000;
const ANSWER_MS = 15000;
const whenIdle = (work) => (window.requestIdleCallback ? window.requestIdleCallback(work, { timeout: 1000 }) : setTimeout(work, 100));

const blank = { ...start(), away: false, refusal: "" };

function openFeed(task) {
  let [newest, oldest, hasOlder, asking, timer] = [0, 0, false, false, null];
  let state = blank;
  const readers = new Set();
  const socket = borrow();
  const change = (next) => { state = next; for (const tell of readers) tell(); };
  const dispatch = (action) => change(reduce(state, action));
  const older = () => {
    if (asking || !hasOlder || !readers.size || !socket.connected) return;
    asking = true;
    socket.timeout(ANSWER_MS).emit("older", { task, before: oldest }, (error, answer) => {
      asking = false;
      if (!hasOlder) return;
      if (error || answer.refused) { timer = setTimeout(older, AWAY_MS); return; }
      oldest = answer.events[0]?.seq || 0;
      hasOlder = answer.has_older;
      dispatch({ type: "older", ...answer });
      whenIdle(older);
    });
  };
  const follow = () => { clearTimeout(timer); change({ ...state, away: false }); socket.emit("follow", { task, after: newest }); older(); };
  const lost = () => { clearTimeout(timer); timer = setTimeout(() => change({ ...state, away: true }), AWAY_MS); };
  const take = (message) => {
    const { events } = message;
    if (newest > 0 && events[0]?.seq > newest + 1) { follow(); return; } // both openings came, the later one far ahead
    if (newest === 0 && events.length) [oldest, hasOlder] = [events[0].seq, message.has_older];
    if (events.length) newest = Math.max(newest, events[events.length - 1].seq);
    dispatch({ type: "events", ...message });
    whenIdle(older); // the newest are drawn first
  };
  const on = {
    connect: follow,
    disconnect: lost,
    connect_error: lost,
    events: (message) => { if (message.task === task) take(message); },
    delta: (message) => { if (message.task === task) dispatch({ type: "delta", ...message }); },
    refused: (message) => change({ ...state, refusal: message.sentence }),
  };
  for (const [event, handler] of Object.entries(on)) socket.on(event, handler);
  if (socket.connected) follow();
  // Whatever this does not bring, the socket does, and it says why not. The page's header asks for it first (ahead.py).
  else fetch(`/files/tasks/${task}/log`).then((answer) => answer.ok && answer.json()).then((opening) => opening && take(opening), () => {});
  return {
    task,
    now: () => state,
    subscribe: (tell) => { readers.add(tell); whenIdle(older); return () => readers.delete(tell); },
    close: () => {
      clearTimeout(timer);
      hasOlder = false;
      for (const [event, handler] of Object.entries(on)) socket.off(event, handler);
      if (socket.connected) socket.emit("unfollow", { task });
      giveBack();
    },
  };
}

// The log of the address is asked for while the page is still being drawn: its entries are there with the first frame.
const inAddress = typeof window === "undefined" ? null : /^\/tasks\/([0-9a-f-]{36})\/?$/.exec(window.location.pathname);
let early = inAddress && openFeed(inAddress[1]);

const unheard = () => () => {};
const unknown = () => blank;

// What is known of this task's log; a component that shows it is one task's for as long as it lives.
export function useLog(task) {
  const [feed, setFeed] = useState(() => (early?.task === task ? early : null));
  useEffect(() => {
    const own = early?.task === task ? early : openFeed(task);
    if (early !== own) early?.close();
    early = null;
    setFeed(own);
    return own.close;
  }, [task]);
  return useSyncExternalStore(feed ? feed.subscribe : unheard, feed ? feed.now : unknown, unknown);
}
