// Times that move by themselves: one timer for all of them, no round trip.
import { useSyncExternalStore } from "react";

const listeners = new Set();
let timer = null;
let now = Date.now();

function subscribe(listener) {
  listeners.add(listener);
  timer ??= setInterval(() => { now = Date.now(); listeners.forEach((one) => one()); }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) { clearInterval(timer); timer = null; }
  };
}

const useNow = () => useSyncExternalStore(subscribe, () => now, () => 0);

export function spell(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} m ${String(seconds % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} m`;
}

const relative = new Intl.RelativeTimeFormat("en");

function distance(milliseconds, inWords) {
  const isToCome = milliseconds < 0;
  const minutes = isToCome ? Math.round(-milliseconds / 60000) : Math.floor(milliseconds / 60000);
  if (minutes < 1) return inWords ? "just now" : "now";
  const [count, unit] = minutes < 60 ? [minutes, "minute"] : minutes < 1440 ? [Math.floor(minutes / 60), "hour"] : [Math.floor(minutes / 1440), "day"];
  if (inWords) return relative.format(isToCome ? count : -count, unit);
  return `${isToCome ? "in " : ""}${count} ${unit[0]}`;
}

// How long something has taken; it counts until `until` is known.
export function Elapsed({ since, until }) {
  const current = useNow();
  if (!since || current === 0) return null;
  const end = until ? Date.parse(until) : Math.max(current, Date.now());
  return <time dateTime={since} className="num" suppressHydrationWarning>{spell(end - Date.parse(since))}</time>;
}

// How long ago something was, or in how long it comes; the full date on hover.
export function Ago({ at, inWords = false }) {
  const current = useNow();
  if (!at || current === 0) return null;
  return <time dateTime={at} title={new Date(at).toLocaleString()} suppressHydrationWarning>{distance(Math.max(current, Date.now()) - Date.parse(at), inWords)}</time>;
}

// A moment in the reader's own time zone.
export function Moment({ at }) {
  const current = useNow();
  if (!at || current === 0) return null;
  const date = new Date(at);
  const today = date.toDateString() === new Date(current).toDateString();
  const text = today
    ? date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })
    : date.toLocaleString([], { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  return <time dateTime={at} title={date.toLocaleString()}>{text}</time>;
}
