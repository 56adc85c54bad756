// What asks before it does, and what asks for more than a click. Radix keeps focus, Escape and screen readers right.
import { Children, useEffect, useRef, useState } from "react";
import * as Radix from "@radix-ui/react-dialog";
import { X } from "lucide-react";

// The first child is the trigger's content, the others the dialog's. A change of `done` closes it: the server has taken it.
export function Dialog({ look, label, title, note = "", wide = false, done = 0, disabled = false, onAsk, children }) {
  const [trigger, ...content] = Children.toArray(children);
  const [open, setOpen] = useState(false);
  useEffect(() => setOpen(false), [done]);
  const change = (next) => { setOpen(next); if (next) onAsk?.(); };
  return (
    <Radix.Root open={open} onOpenChange={change}>
      <Radix.Trigger className={look} type="button" disabled={disabled} aria-label={label || undefined} title={label || undefined}>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Overlay className="veil" />
        <Radix.Content className={wide ? "dialog wide" : "dialog"} {...(note ? {} : { "aria-describedby": undefined })}>
          <header className="row">
            <Radix.Title className="strong grow">{title}</Radix.Title>
            <Radix.Close className="btn quiet icon sm" aria-label="Close"><X size={14} aria-hidden="true" /></Radix.Close>
          </header>
          {note ? <Radix.Description className="small soft">{note}</Radix.Description> : null}
          {content}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

// Escape presses the button, unless it closes something that is open or leaves a field that is not a prompt.
function useEscape(button, enabled) {
  useEffect(() => {
    if (!enabled) return undefined;
    const press = (event) => {
      if (event.key !== "Escape" || event.defaultPrevented || event.isComposing) return;
      const isWriting = event.target.closest?.(".composer"); // its own field lets the key through
      if (document.documentElement.hasAttribute("data-sheet") || window.asynccoder.isBusy(isWriting ? document.body : event.target)) return;
      event.preventDefault();
      button.current?.click();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [enabled]);
}

// Before what cannot be undone. With `typed`, that word has to be written first. With `asks` false it is done at once.
export function Confirm({ look, label, title, note, action, tone = "danger", typed = "", asks = true, escape = false, disabled = false, onConfirm, children }) {
  const [open, setOpen] = useState(false);
  const [text, setText] = useState("");
  const button = useRef(null);
  useEscape(button, escape && !disabled);
  const change = (next) => {
    if (next && !asks) { onConfirm?.(); return; }
    setOpen(next);
    setText("");
  };
  const ready = !typed || text.trim() === typed;
  const confirm = (event) => { event.preventDefault(); if (ready) { change(false); onConfirm?.(); } };
  return (
    <Radix.Root open={open} onOpenChange={change}>
      <Radix.Trigger ref={button} className={look} type="button" disabled={disabled} aria-label={label || undefined} title={label || undefined}>{children}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Overlay className="veil" />
        <Radix.Content className="dialog" role="alertdialog">
          <Radix.Title className="strong">{title}</Radix.Title>
          <Radix.Description className="small soft">{note}</Radix.Description>
          <form className="stack loose" onSubmit={confirm}>
            {typed ? (
              <label className="stack tight">
                <span className="small">Type <b>{typed}</b> to confirm</span>
                <input className="field" value={text} onChange={(event) => setText(event.target.value)} autoComplete="off" autoFocus />
              </label>
            ) : null}
            <div className="row end">
              <Radix.Close className="btn" type="button">Cancel</Radix.Close>
              <button className={`btn ${tone}`} type="submit" disabled={!ready} autoFocus={!typed}>{action}</button>
            </div>
          </form>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
