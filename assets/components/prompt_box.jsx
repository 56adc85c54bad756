// Where a prompt is written. The text lives here and in the browser's storage, so that typing costs no round trip and a
// reload loses nothing. Enter sends, Shift+Enter breaks the line, Cmd/Ctrl+Enter always sends.
import { useEffect, useRef, useState } from "react";
import { keyOf, named, withIssue } from "./issue_reference.js";

const PAUSE_MS = 500;

// `nonce` names what is written: another text is another task, and the server takes each once. It is stored beside the
// text, so that a reload in the middle of sending sends the same task again, and finds out that it was taken.
const fresh = () => crypto.getRandomValues(new Uint32Array(4)).join("-");
const read = (key) => {
  try {
    const { text, nonce } = JSON.parse(localStorage.getItem(key));
    return { text: String(text), nonce: String(nonce) };
  } catch { return { text: "", nonce: fresh() }; }
};
const store = (key, written) => {
  try { if (written.text) localStorage.setItem(key, JSON.stringify(written)); else localStorage.removeItem(key); } catch { /* no storage: it lasts as long as the page */ }
};

export function PromptBox({ draft, label, placeholder, most, taken, place = "", autoFocus = false, onPause, onMention }) {
  const key = `asynccoder-draft:${draft}`;
  const [{ text, nonce }, setWritten] = useState({ text: "", nonce: "" });
  const box = useRef(null);
  const pause = useRef(null);
  const put = (next) => {
    clearTimeout(pause.current);
    const written = { text: next, nonce: fresh() };
    setWritten(written);
    store(key, written);
  };
  useEffect(() => {
    const kept = read(key);
    setWritten(kept);
    if (kept.text) onPause?.(Math.min(kept.text.length, most));
    return () => clearTimeout(pause.current);
  }, [key]);
  useEffect(() => {
    if (!nonce || nonce !== taken) return;
    setWritten({ text: "", nonce: fresh() });
    if (read(key).nonce === taken) store(key, { text: "" }); // another tab may have written since
  }, [taken, nonce, key]);
  useEffect(() => {
    const fill = ({ detail }) => {
      if (detail.draft !== draft) return;
      put(detail.text);
      box.current?.focus();
    };
    window.addEventListener("asynccoder-fill", fill);
    return () => window.removeEventListener("asynccoder-fill", fill);
  }, [draft, key]);
  const now = useRef("");
  now.current = text;
  useEffect(() => {
    const insert = ({ detail }) => {
      if (detail.draft !== draft) return;
      const next = withIssue(now.current, detail.reference, detail.text);
      put(next);
      onPause?.(Math.min(next.length, most));
      box.current?.focus();
    };
    window.addEventListener("asynccoder-insert", insert);
    return () => window.removeEventListener("asynccoder-insert", insert);
  }, [draft, key]);
  const told = useRef(null);
  useEffect(() => {
    if (!onMention) return undefined;
    const timer = setTimeout(() => {
      const reference = named(text, place);
      const issue = reference && keyOf(reference, place);
      if (told.current === issue) return;
      told.current = issue;
      onMention(reference);
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text, place]);
  const write = (event) => {
    const next = event.target.value;
    put(next);
    pause.current = setTimeout(() => onPause?.(Math.min(next.length, most)), PAUSE_MS);
  };
  const press = (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    if (text.length <= most) event.currentTarget.form?.requestSubmit();
  };
  const over = text.length - most;
  return (
    <>
      <textarea ref={box} className="prompt" name="prompt" rows={1} value={text} onChange={write} onKeyDown={press} placeholder={placeholder} aria-label={label} autoFocus={autoFocus} spellCheck="true" />
      <input type="hidden" name="nonce" value={nonce} readOnly />
      {over > 0 ? <p className="pop-note tone-bad" role="alert">{over.toLocaleString()} characters too many: a prompt is at most {most.toLocaleString()} long.</p> : null}
    </>
  );
}
