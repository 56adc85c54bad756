// Tells what happened elsewhere: a toast, a number in the tab's title, and, where the person allowed it, the system.
import { useEffect, useRef } from "react";
import { useNavigate } from "react-router";
import { toast } from "sonner";

const TOASTS = { done: toast.success, failed: toast.error, needs_you: toast.warning, budget: toast.warning };
const AT_ONCE = 3; // toasts; how many more there are is one of its own
// Numbers of notices, of this tab and this person: the newest that was told, as a reload brings the last ones once more,
// and the newest that was heard of, as the server forgets a tab when it starts anew.
const place = (word, person) => `asynccoder-${word}-${person}`;
const last = (word, person) => { try { return Number(sessionStorage.getItem(place(word, person))) || 0; } catch { return 0; } };
const keep = (word, person, seq) => { try { sessionStorage.setItem(place(word, person), seq); } catch { /* without storage a reload tells again */ } };
const bare = () => document.title.replace(/^\(\d+\) /, "");

export function Notifier({ news = [], person, heard = -1, began = -1, allTasks, onMissed }) {
  const go = useNavigate();
  const told = useRef(0);
  const missed = useRef(0);
  useEffect(() => {
    const seen = () => { if (document.hidden) return; missed.current = 0; document.title = bare(); };
    document.addEventListener("visibilitychange", seen);
    return () => document.removeEventListener("visibilitychange", seen);
  }, []);
  useEffect(() => {
    const before = last("heard", person);
    if (before && before < began) onMissed(before);
  }, [began, person]);
  useEffect(() => { if (heard >= 0) keep("heard", person, heard); }, [heard, person]);
  useEffect(() => {
    told.current = Math.max(told.current, last("told", person));
    const fresh = news.filter((one) => one.seq > told.current);
    if (!fresh.length) return;
    told.current = fresh[fresh.length - 1].seq;
    keep("told", person, told.current);
    const elsewhere = fresh.filter((one) => document.hidden || window.location.pathname !== one.href); // else it is being looked at
    const toasts = elsewhere.filter((one) => one.in_app);
    const more = toasts.length - AT_ONCE;
    if (more > 0) toast(`${more} more ${more === 1 ? "task has" : "tasks have"} news`, { id: "more-news", action: { label: "All tasks", onClick: () => go(allTasks) } });
    for (const one of toasts.slice(-AT_ONCE)) TOASTS[one.kind]?.(one.title, { id: `task-${one.href}`, description: one.sentence, action: { label: "Open", onClick: () => go(one.href) } });
    if (!document.hidden) return;
    missed.current += elsewhere.length;
    for (const one of elsewhere.filter(({ by_browser }) => by_browser && window.Notification?.permission === "granted")) {
      // One tag a task: several tabs, or several states, make one notification.
      const note = new Notification(one.title, { body: one.sentence, tag: one.href });
      note.onclick = () => { window.focus(); go(one.href); note.close(); };
    }
    if (missed.current) document.title = `(${missed.current}) ${bare()}`;
  }, [news]);
  return null;
}
