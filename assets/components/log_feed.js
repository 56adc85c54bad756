// A log over its socket: the newest entries first, what comes after them, then the older ones piece by piece in the
// background. Each entry once, in order, whatever the connection does.
import { useEffect, useReducer, useState } from "react";
import { reduce, start } from "./log_state.js";
import { borrow, giveBack } from "./socket.js";

const AWAY_MS = 2000;
const ANSWER_MS = 15000;
const whenIdle = (work) => (window.requestIdleCallback ? window.requestIdleCallback(work, { timeout: 1000 }) : setTimeout(work, 100));

export function useLog(task) {
  const [state, dispatch] = useReducer(reduce, null, start);
  const [away, setAway] = useState(false);
  const [refusal, setRefusal] = useState("");
  useEffect(() => {
    dispatch({ type: "reset" });
    setRefusal("");
    let [newest, oldest, hasOlder, asking, timer] = [0, 0, false, false, null];
    const socket = borrow();
    const older = () => {
      if (asking || !hasOlder || !socket.connected) return;
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
    const follow = () => { clearTimeout(timer); setAway(false); socket.emit("follow", { task, after: newest }); older(); };
    const lost = () => { clearTimeout(timer); timer = setTimeout(() => setAway(true), AWAY_MS); };
    const on = {
      connect: follow,
      disconnect: lost,
      connect_error: lost,
      events: (message) => {
        if (message.task !== task) return;
        const { events } = message;
        if (newest === 0 && events.length) [oldest, hasOlder] = [events[0].seq, message.has_older];
        if (events.length) newest = Math.max(newest, events[events.length - 1].seq);
        dispatch({ type: "events", ...message });
        whenIdle(older); // the newest are drawn first
      },
      delta: (message) => { if (message.task === task) dispatch({ type: "delta", ...message }); },
      refused: (message) => setRefusal(message.sentence),
    };
    for (const [event, handler] of Object.entries(on)) socket.on(event, handler);
    if (socket.connected) follow();
    return () => {
      clearTimeout(timer);
      hasOlder = false;
      for (const [event, handler] of Object.entries(on)) socket.off(event, handler);
      if (socket.connected) socket.emit("unfollow", { task });
      giveBack();
    };
  }, [task]);
  return { ...state, away, refusal };
}
