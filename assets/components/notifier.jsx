// Tells what happened elsewhere: a toast, a number in the tab's title, and, where the person allowed it, the system.
import { useEffect, useRef } from "react";
import { useNavigate } from "react-router";
import { toast } from "sonner";

const TOASTS = { done: toast.success, failed: toast.error, needs_you: toast.warning, budget: toast.warning };
// The number of the newest notice that this tab has told the person: a reload brings the last ones once more.
const place = (person) => `asynccoder-told-${person}`;
const lastTold = (person) => { try { return Number(sessionStorage.getItem(place(person))) || 0; } catch { return 0; } };
const keepTold = (person, seq) => { try { sessionStorage.setItem(place(person), seq); } catch { /* without storage a reload tells again */ } };
const bare = () => document.title.replace(/^\(\d+\) /, "");

export function Notifier({ news = [], person }) {
  const go = useNavigate();
  const told = useRef(0);
  const missed = useRef(0);
  useEffect(() => {
    const seen = () => { if (document.hidden) return; missed.current = 0; document.title = bare(); };
    document.addEventListener("visibilitychange", seen);
    return () => document.removeEventListener("visibilitychange", seen);
  }, []);
  useEffect(() => {
    told.current = Math.max(told.current, lastTold(person));
    const fresh = news.filter((one) => one.seq > told.current);
    for (const one of fresh) {
      told.current = one.seq;
      keepTold(person, one.seq);
      if (!document.hidden && window.location.pathname === one.href) continue; // it is being looked at
      if (one.in_app) TOASTS[one.kind]?.(one.title, { id: `task-${one.href}`, description: one.sentence, action: { label: "Open", onClick: () => go(one.href) } });
      if (!document.hidden) continue;
      missed.current += 1;
      if (one.by_browser && window.Notification?.permission === "granted") {
        // One tag a task: several tabs, or several states, make one notification.
        const note = new Notification(one.title, { body: one.sentence, tag: one.href });
        note.onclick = () => { window.focus(); go(one.href); note.close(); };
      }
    }
    if (missed.current) document.title = `(${missed.current}) ${bare()}`;
  }, [news]);
  return null;
}
