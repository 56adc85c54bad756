// Images for a prompt, by paste, drop or choice. Each goes to the server at once; what is kept here is only its id, so that
// a reload loses none. The server looks at their bytes: what is checked here only saves a way.
import { useEffect, useRef, useState } from "react";
import { LoaderCircle, Paperclip, X } from "lucide-react";
import { Shot, addressOf } from "./images.jsx";

const TYPES = ["image/png", "image/jpeg", "image/webp", "image/gif"];
const MOST_BYTES = 5_000_000;
function whyNot(file) {
  if (!TYPES.includes(file.type)) return "is no PNG, JPEG, WebP or GIF.";
  return file.size > MOST_BYTES ? "is larger than 5 MB." : "";
}

// What is on its way to the server. `off` says why this model takes none; a finished image is handed to `onAdd`.
export function useUploads({ draft, count, most, off, onAdd }) {
  const [underway, setUnderway] = useState([]);
  const [refusals, setRefusals] = useState([]);
  const requests = useRef(new Map());
  const number = useRef(0);
  const done = useRef(onAdd);
  done.current = onAdd;
  const clear = () => {
    for (const request of requests.current.values()) request.abort();
    requests.current.clear();
    setUnderway([]);
    setRefusals([]);
  };
  useEffect(() => clear, [draft]);
  const refuse = (sentence) => setRefusals((before) => [...before, sentence].slice(-most));
  const end = (key) => { requests.current.delete(key); setUnderway((before) => before.filter((one) => one.key !== key)); };
  const upload = (file, name) => {
    number.current += 1;
    const key = number.current;
    const at = Date.now() + key / 1000; // the order in which they were added, whichever arrives first
    const request = new XMLHttpRequest();
    const fail = (why) => { end(key); refuse(`${name}: ${why}`); };
    requests.current.set(key, request);
    setUnderway((before) => [...before, { key, name, share: 0 }]);
    request.open("POST", `/files/attachments?name=${encodeURIComponent(name)}`);
    request.responseType = "json";
    request.upload.onprogress = (event) => setUnderway((before) => before.map((one) => (one.key === key ? { ...one, share: event.loaded / event.total } : one)));
    request.onerror = () => fail("The connection was lost. Add it again.");
    request.onload = () => {
      const answer = request.response;
      if (request.status !== 201 || !answer?.id) { fail(answer?.detail || "It could not be taken. Add it again."); return; }
      end(key);
      done.current({ id: answer.id, name: answer.name, width: answer.width, height: answer.height, at });
    };
    request.send(file);
  };
  const add = (files) => {
    setRefusals(off ? [off] : []);
    if (off) return;
    let room = most - count - underway.length;
    for (const file of files) {
      const name = (file.name || "image").slice(0, 100);
      const why = room < 1 ? `was left out: at most ${most} can go along here.` : whyNot(file);
      if (why) { refuse(`${name} ${why}`); continue; }
      room -= 1;
      upload(file, name);
    }
  };
  const stop = (key) => { requests.current.get(key)?.abort(); end(key); };
  return { underway, refusals, add, stop, clear, refuse };
}

export const forget = (id) => { fetch(addressOf(id), { method: "DELETE" }).catch(() => {}); }; // one that stays is removed after a day

// Pictures that fall anywhere on the form are taken; other things fall where they would.
export function useDrop(anchor, add) {
  const take = useRef(add);
  take.current = add;
  useEffect(() => {
    const form = anchor.current?.form;
    if (!form) return undefined;
    const holds = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
    const over = (event) => { if (holds(event)) { event.preventDefault(); form.dataset.drop = ""; } };
    const leave = (event) => { if (!form.contains(event.relatedTarget)) delete form.dataset.drop; };
    const fall = (event) => { delete form.dataset.drop; if (holds(event)) { event.preventDefault(); take.current([...event.dataTransfer.files]); } };
    const on = { dragenter: over, dragover: over, dragleave: leave, drop: fall };
    for (const [name, handler] of Object.entries(on)) form.addEventListener(name, handler);
    return () => { for (const [name, handler] of Object.entries(on)) form.removeEventListener(name, handler); };
  }, [anchor]);
}

// The pictures on the clipboard; none where it holds text as well, as office programs put it there.
export function pasted(event) {
  const { types, files } = event.clipboardData;
  return types.includes("text/plain") ? [] : [...files].filter((file) => file.type.startsWith("image/"));
}

function Off({ name, onClick }) {
  return <button type="button" className="btn icon shot-off" aria-label={`Remove ${name}`} title="Remove" onClick={onClick}><X size={14} aria-hidden="true" /></button>;
}

export function Strip({ images, uploads, off, onRemove }) {
  const { underway, refusals, refuse, stop } = uploads;
  const says = off && images.length && !refusals.includes(off) ? [`${off} Remove them, or choose another model.`, ...refusals] : refusals;
  const lose = (image) => { onRemove(image); refuse(`${image.name} is no longer there. Add it again.`); };
  return (
    <>
      {images.length || underway.length ? (
        <ul className="shots" aria-label="Attached images">
          {images.map((image) => <li key={image.id}><Shot image={image} label={image.name} onGone={() => lose(image)} /><Off name={image.name} onClick={() => { onRemove(image); forget(image.id); }} /></li>)}
          {underway.map(({ key, name, share }) => (
            <li key={key}>
              <span className="shot busy" role="progressbar" aria-label={`Uploading ${name}`} aria-valuenow={Math.round(share * 100)} style={{ "--share": share }} title={name}><LoaderCircle size={16} className="spin" aria-hidden="true" /></span>
              <Off name={name} onClick={() => stop(key)} />
            </li>
          ))}
        </ul>
      ) : null}
      {says.map((sentence, index) => <p key={`${index}${sentence}`} className="shot-note" role="alert">{sentence}</p>)}
    </>
  );
}

// The button in a form's belt; the form's prompt box holds the field that it opens.
export function Attach({ off = "" }) {
  const label = off ? `Attach images. ${off}` : "Attach images";
  const open = (event) => { if (!off) event.currentTarget.form?.querySelector("input[type=file]")?.click(); };
  return <button type="button" className="btn quiet icon" aria-label={label} aria-disabled={off ? true : undefined} title={off || "Attach images (or paste, or drop them)"} onClick={open}><Paperclip size={16} aria-hidden="true" /></button>;
}

export function FileField({ onFiles }) {
  const choose = (event) => { onFiles([...event.target.files]); event.target.value = ""; };
  return <input type="file" className="unseen" accept={TYPES.join(",")} multiple tabIndex={-1} aria-hidden="true" onChange={choose} />;
}
