// What a call was given and what came back: an edit as its lines, a command as its terminal showed it. Never HTML.
import { createContext, useContext, useMemo, useState } from "react";
import { COMMANDS } from "./log_rows.js";
import { borrow, giveBack } from "./socket.js";
import { signs } from "./signs.js";
import { spans } from "./terminal.js";

// The log's task, and what its reader opened: rows far from the view are unmounted, and come back as they were left.
export const OpenLog = createContext({ task: "", kept: new Map() });
const ANSWER_MS = 15000;

export function useRemembered(name, initial) {
  const { kept } = useContext(OpenLog);
  const [value, setValue] = useState(kept.has(name) ? kept.get(name) : initial);
  return [value, (next) => { kept.set(name, next); setValue(next); }];
}

function Terminal({ text }) {
  const parts = useMemo(() => spans(text), [text]);
  return parts.map((part, index) => {
    const look = [part.tone ? `term-${part.tone}` : "", part.bold ? "term-bold" : "", part.under ? "term-under" : ""].filter(Boolean).join(" ");
    return look ? <span key={index} className={look}>{signs(part.text)}</span> : signs(part.text);
  });
}

const lines = (text) => (text === "" ? [] : String(text).replace(/\n$/, "").split("\n"));

function Edit({ args }) {
  return (
    <>
      {lines(args.old_str || "").map((line, index) => <span key={`-${index}`} className="out-line del">- {signs(line)}</span>)}
      {lines(args.new_str).map((line, index) => <span key={`+${index}`} className="out-line add">+ {signs(line)}</span>)}
    </>
  );
}

// The stored entry holds what the model saw; what a command wrote beyond that is asked for when somebody wants it.
function useWhole(call) {
  const { task } = useContext(OpenLog);
  const [answer, setAnswer] = useRemembered(`whole ${call.resultSeq}`, { text: null, note: "" });
  const [busy, setBusy] = useState(false);
  const ask = () => {
    setBusy(true);
    const socket = borrow();
    socket.timeout(ANSWER_MS).emit("output", { task, seq: call.resultSeq }, (error, reply) => {
      giveBack();
      setBusy(false);
      if (error) setAnswer({ text: null, note: "No answer came. Try again." });
      else if (reply.refused) setAnswer({ text: null, note: reply.refused });
      else setAnswer({ text: reply.text, note: reply.is_cut ? "Only the first 2 MB are shown." : "" });
    });
  };
  return { ...answer, busy, ask };
}

const input = (call) => (COMMANDS.has(call.name) ? call.args.command : call.args.path || call.args.pattern || "");

export function Output({ call, named }) {
  const whole = useWhole(call);
  const { result } = call;
  const isEdit = call.name === "edit_file" && !result?.is_error && call.args.new_str !== undefined;
  const text = whole.text ?? (result?.text || (result ? "No output." : "Still at work."));
  return (
    <div className="step-out">
      <pre className="out" tabIndex={0}>
        {named && input(call) ? <span className="out-line strong">{call.name === "run_command" ? "$ " : ""}{signs(input(call))}</span> : null}
        {isEdit ? <Edit args={call.args} /> : <Terminal text={text} />}
      </pre>
      {call.isCut && whole.text === null ? <button type="button" className="btn quiet sm" disabled={whole.busy} onClick={whole.ask}>{whole.busy ? "Loading…" : "Show all"}</button> : null}
      {whole.note ? <p className="tiny" role="status">{whole.note}</p> : null}
    </div>
  );
}
