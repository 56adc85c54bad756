// Where a prompt is written. The text lives here and in the browser's storage, so that typing costs no round trip and a
// reload loses nothing. Enter sends, Shift+Enter breaks the line, Cmd/Ctrl+Enter always sends.
import { useEffect, useRef, useState } from "react";

const stored = (key) => { try { return localStorage.getItem(key) || ""; } catch { return ""; } };
const store = (key, text) => {
  try { if (text) localStorage.setItem(key, text); else localStorage.removeItem(key); } catch { /* no storage: the draft lasts as long as the page */ }
};
const fresh = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

export function PromptBox({ draft, label, placeholder, most, sent, fill = "", filled = 0, autoFocus = false, onPause }) {
  const key = `asynccoder-draft:${draft}`;
  const [text, setText] = useState("");
  const [nonce, setNonce] = useState("");
  const seen = useRef(sent);
  const pause = useRef(null);
  useEffect(() => {
    const kept = stored(key);
    setText(kept);
    setNonce(fresh());
    if (kept) onPause?.(kept.slice(0, most));
    return () => clearTimeout(pause.current);
  }, [key]);
  useEffect(() => {
    if (seen.current === sent) return;
    seen.current = sent; // the server has taken it
    setText("");
    store(key, "");
    setNonce(fresh());
  }, [sent, key]);
  const taken = useRef(filled);
  useEffect(() => {
    if (taken.current === filled) return;
    taken.current = filled; // a draft was opened
    setText(fill);
    store(key, fill);
  }, [filled, fill, key]);
  const write = (event) => {
    const next = event.target.value;
    setText(next);
    setNonce(fresh()); // another text is another task: the server takes each nonce once
    store(key, next);
    clearTimeout(pause.current);
    pause.current = setTimeout(() => onPause?.(next.slice(0, most)), 500);
  };
  const press = (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    if (text.length <= most) event.currentTarget.form?.requestSubmit();
  };
  const over = text.length - most;
  return (
    <>
      <textarea className="prompt" name="prompt" rows={1} value={text} onChange={write} onKeyDown={press} placeholder={placeholder} aria-label={label} autoFocus={autoFocus} spellCheck="true" />
      <input type="hidden" name="nonce" value={nonce} readOnly />
      {over > 0 ? <p className="pop-note tone-bad" role="alert">{over.toLocaleString()} characters too many: a prompt is at most {most.toLocaleString()} long.</p> : null}
    </>
  );
}
