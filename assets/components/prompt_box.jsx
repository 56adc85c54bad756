// Where a prompt is written, with its images. Both live here and in the browser's storage, so that typing costs no round
// trip and a reload loses nothing. Enter sends, Shift+Enter breaks the line, Cmd/Ctrl+Enter always sends.
import { useEffect, useRef, useState } from "react";
import { FileField, Strip, pasted, useDrop, useUploads } from "./attach.jsx";
import { keyOf, named, withIssue } from "./issue_reference.js";

const PAUSE_MS = 500;

// `nonce` names what is written: another text is another task, and the server takes each once. It is stored beside the
// text, so that a reload in the middle of sending sends the same task again, and finds out that it was taken.
const fresh = () => crypto.getRandomValues(new Uint32Array(4)).join("-");
const empty = () => ({ text: "", nonce: fresh(), images: [] });
const read = (key) => {
  try {
    const { text, nonce, images } = JSON.parse(localStorage.getItem(key));
    return { text: String(text), nonce: String(nonce), images: (images || []).filter((one) => typeof one?.id === "string") };
  } catch { return { ...empty(), nonce: wordless.name(key) || fresh() }; }
};
const store = (key, written) => {
  try { if (written.text || written.images.length) localStorage.setItem(key, JSON.stringify(written)); else localStorage.removeItem(key); } catch { /* no storage: it lasts as long as the page */ }
};
// A review may be sent without a word. Then nothing is written that the name could stand beside: the tab keeps it.
const wordless = {
  name: (key) => { try { return sessionStorage.getItem(key); } catch { return null; } },
  keep: (key, name) => { try { if (name) sessionStorage.setItem(key, name); else sessionStorage.removeItem(key); } catch { /* as above */ } },
};

export function PromptBox({ draft, label, placeholder, most, taken, mostImages, noImages = "", place = "", autoFocus = false, onPause, onMention }) {
  const key = `asynccoder-draft:${draft}`;
  const [written, setWritten] = useState({ text: "", nonce: "", images: [] });
  const { text, nonce, images } = written;
  const now = useRef(written);
  now.current = written;
  const box = useRef(null);
  const pause = useRef(null);
  const put = (change) => {
    clearTimeout(pause.current);
    const name = fresh();
    setWritten((before) => {
      const next = { ...before, ...change(before), nonce: name };
      store(key, next);
      return next;
    });
  };
  const keep = (change) => put((before) => ({ images: change(before.images) }));
  const uploads = useUploads({ draft, count: images.length, most: mostImages, off: noImages, onAdd: (image) => keep((before) => [...before, image].sort((one, two) => one.at - two.at)) });
  const tell = (length, count) => onPause?.(Math.min(length, most), count);
  useDrop(box, uploads.add);
  useEffect(() => {
    const kept = read(key);
    setWritten(kept);
    if (kept.text) tell(kept.text.length, kept.images.length);
    return () => clearTimeout(pause.current);
  }, [key]);
  const counted = useRef(0);
  useEffect(() => {
    if (counted.current === images.length) return;
    counted.current = images.length;
    tell(text.length, images.length);
  });
  useEffect(() => {
    if (!nonce || nonce !== taken) return;
    setWritten(empty());
    uploads.clear();
    if (read(key).nonce === taken) store(key, empty()); // another tab may have written since
    wordless.keep(key, "");
  }, [taken, nonce, key]);
  useEffect(() => {
    const fill = ({ detail }) => {
      if (detail.draft !== draft) return;
      const { text: before } = now.current;
      if (detail.add && before.includes(detail.text)) return; // it is there already
      const next = detail.add && before.trim() ? `${before.trimEnd()}\n\n${detail.text}` : detail.text;
      put(({ images: kept }) => ({ text: next, images: detail.images || kept }));
      box.current?.focus();
    };
    window.addEventListener("asynccoder-fill", fill);
    return () => window.removeEventListener("asynccoder-fill", fill);
  }, [draft, key]);
  useEffect(() => {
    const { form } = box.current;
    const send = () => { if (!now.current.text && !now.current.images.length) wordless.keep(key, now.current.nonce); };
    form?.addEventListener("submit", send);
    return () => form?.removeEventListener("submit", send);
  }, [key]);
  useEffect(() => {
    const insert = ({ detail }) => {
      if (detail.draft !== draft) return;
      const next = withIssue(now.current.text, detail.reference, detail.text);
      put(() => ({ text: next }));
      tell(next.length, now.current.images.length);
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
  const isBusy = uploads.underway.length > 0;
  useEffect(() => box.current?.setCustomValidity(isBusy ? "Wait until the images are uploaded, or remove them." : ""), [isBusy]);
  const write = (event) => {
    const next = event.target.value;
    put(() => ({ text: next }));
    pause.current = setTimeout(() => tell(next.length, images.length), PAUSE_MS);
  };
  const press = (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    if (text.length <= most) event.currentTarget.form?.requestSubmit();
  };
  const paste = (event) => {
    const files = pasted(event);
    if (!files.length) return;
    event.preventDefault();
    uploads.add(files);
  };
  const over = text.length - most;
  return (
    <>
      <textarea ref={box} className="prompt" name="prompt" rows={1} value={text} onChange={write} onKeyDown={press} onPaste={paste} placeholder={placeholder} aria-label={label} autoFocus={autoFocus} spellCheck="true" />
      <input type="hidden" name="nonce" value={nonce} readOnly />
      <input type="hidden" name="images" value={images.map((image) => image.id).join(" ")} readOnly />
      <FileField onFiles={uploads.add} />
      <Strip images={images} uploads={uploads} off={noImages} onRemove={({ id }) => keep((before) => before.filter((image) => image.id !== id))} />
      {over > 0 ? <p className="pop-note tone-bad" role="alert">{over.toLocaleString()} characters too many: a prompt is at most {most.toLocaleString()} long.</p> : null}
    </>
  );
}
