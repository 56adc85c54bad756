// Comments on lines: written in place, collected at the bottom until they are sent together.
import { useEffect, useRef, useState } from "react";
import { MessageSquare, Send, Trash2 } from "lucide-react";

const MOST = 2000; // characters, as the server takes them

export function CommentBox({ place, onSave, onClose }) {
  const [text, setText] = useState("");
  const box = useRef(null);
  useEffect(() => { // after the click that opened it has given the focus to its button
    const timer = setTimeout(() => box.current?.focus());
    return () => clearTimeout(timer);
  }, []);
  const save = () => { if (text.trim() && text.length <= MOST) { onSave(text.trim()); onClose(); } };
  const press = (event) => {
    event.stopPropagation();
    if (event.key === "Escape") { event.preventDefault(); onClose(); }
    if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) { event.preventDefault(); save(); }
  };
  return (
    <div className="remark" onKeyDown={press}>
      <textarea ref={box} className="field area" aria-label={`Comment on ${place}`} placeholder="What should change here?" value={text} maxLength={MOST} onChange={(event) => setText(event.target.value)} />
      <div className="row"><span className="tiny grow">Kept here until you send the review.</span><button type="button" className="btn sm" onClick={onClose}>Cancel</button><button type="button" className="btn sm primary" disabled={!text.trim()} onClick={save}>Add comment</button></div>
    </div>
  );
}

export function Remarks({ comments, onRemove }) {
  return comments.map((one) => (
    <div key={one.id} className="remark row">
      <MessageSquare size={14} className="tone-run" aria-hidden="true" />
      <p className="grow">{one.text}</p>
      <button type="button" className="btn quiet icon sm" aria-label={`Remove the comment on line ${one.line}`} title="Remove" onClick={() => onRemove(one.id)}><Trash2 size={14} aria-hidden="true" /></button>
    </div>
  ));
}

export function Tray({ comments, isStale, sending, onSend, onDiscard, onRemove, onGo }) {
  const [asks, setAsks] = useState(false);
  const [open, setOpen] = useState(false);
  if (!comments.length) return null;
  const stale = comments.filter(isStale).length;
  const count = comments.length === 1 ? "1 comment" : `${comments.length} comments`;
  return (
    <section className="tray" aria-label="Your review">
      {open ? (
        <ul>
          {comments.map((one) => (
            <li key={one.id} className="row">
              <button type="button" className="link mono trunc" onClick={() => onGo(one.path)}>{one.path}:{one.line}</button>
              <span className="grow trunc small">{one.text}</span>
              {isStale(one) ? <span className="pill warn">the line has changed</span> : null}
              <button type="button" className="btn quiet icon sm" aria-label={`Remove the comment on ${one.path}:${one.line}`} title="Remove" onClick={() => onRemove(one.id)}><Trash2 size={14} aria-hidden="true" /></button>
            </li>
          ))}
        </ul>
      ) : null}
      <div className="row wrap">
        <button type="button" className="btn quiet sm" aria-expanded={open} onClick={() => setOpen(!open)}><MessageSquare size={14} aria-hidden="true" />{count}</button><span className="unseen" role="status">{count}</span>
        {stale ? <span className="tiny">{stale === comments.length ? "Their lines have changed." : `${stale} on lines that have changed ${stale === 1 ? "is" : "are"} left out.`}</span> : null}
        <span className="grow" />
        {asks ? <><span className="small">Discard all of them?</span><button type="button" className="btn sm" onClick={() => setAsks(false)}>Keep</button><button type="button" className="btn sm danger" onClick={() => { setAsks(false); onDiscard(); }} autoFocus>Discard</button></> : <button type="button" className="btn sm" onClick={() => setAsks(true)}>Discard</button>}
        <button type="button" className="btn sm primary" disabled={sending || stale === comments.length} onClick={onSend}><Send size={14} aria-hidden="true" />{sending ? "Sending…" : "Send review"}</button>
      </div>
    </section>
  );
}
