// The tab's title, and who cannot see the page hears it when another one was opened.
import { useEffect, useRef, useState } from "react";
import { useLocation } from "react-router";

const NEWS = /^\(\d+\) /; // how much there is to be told stands before it
const SETTLED_MS = 500;

export function PageTitle({ words }) {
  useEffect(() => { if (words) document.title = `${NEWS.exec(document.title)?.[0] || ""}${words} · Async Coder`; }, [words]);
  return null;
}

export function Announcer() {
  const { pathname } = useLocation();
  const [said, say] = useState("");
  const opened = useRef(pathname); // the browser itself says what it loads
  useEffect(() => {
    if (opened.current === pathname) return undefined;
    opened.current = pathname;
    const timer = setTimeout(() => {
      say(document.title.replace(NEWS, ""));
      if (document.activeElement === document.body) document.getElementById("main")?.focus({ preventScroll: true }); // what was pressed is gone
    }, SETTLED_MS);
    return () => clearTimeout(timer);
  }, [pathname]);
  return <p className="unseen" role="status">{said}</p>;
}
