// What the browser keeps of a reader's work on a task's changes: what was viewed, comments that are not sent yet.
import { useEffect, useState } from "react";

const read = (key, fallback) => { try { return JSON.parse(localStorage.getItem(key)) ?? fallback; } catch { return fallback; } };
const write = (key, value, isEmpty) => { try { if (isEmpty) localStorage.removeItem(key); else localStorage.setItem(key, JSON.stringify(value)); } catch { /* no storage: kept as long as the page */ } };

export function useKept(name, fallback) {
  const [value, setValue] = useState(() => read(name, fallback));
  useEffect(() => setValue(read(name, fallback)), [name]);
  useEffect(() => { // another tab of the same reader
    const follow = (event) => { if (event.key === name) setValue(read(name, fallback)); };
    window.addEventListener("storage", follow);
    return () => window.removeEventListener("storage", follow);
  }, [name]);
  const change = (next) => setValue((before) => {
    const after = typeof next === "function" ? next(before) : next;
    write(name, after, typeof after === "object" && Object.keys(after).length === 0);
    return after;
  });
  return [value, change];
}
