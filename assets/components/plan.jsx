// The plan of a task that is planned first: read, edited in place, and answered by whoever the task belongs to.
import { useEffect, useState } from "react";
import { Ban, CircleCheck, ListChecks, MessageSquareWarning, Pencil, Undo2 } from "lucide-react";
import { Moment } from "./clock.jsx";
import { Confirm } from "./dialog.jsx";
import { CopyButton, Words } from "./result.jsx";

// What is written stays while another tab of the page is looked at.
const written = new Map();

function useWritten(name, first) {
  const [text, setText] = useState(() => written.get(name) ?? first);
  const set = (next) => { if (next === first) written.delete(name); else written.set(name, next); setText(next); };
  return [text, set];
}

const ANSWERS = {
  approve: [CircleCheck, "ok", "approved it"],
  change: [MessageSquareWarning, "warn", "asked for changes"],
  discard: [Ban, "", "discarded it"],
};

// What became of it, for whoever reads it later or may only look.
function Standing({ decision, by, isEdited, words, waits, until }) {
  const [Icon, tone, what] = ANSWERS[decision] || [ListChecks, waits ? "warn" : "", ""];
  const said = decision ? `${by} ${what}${isEdited ? ", with changes of their own" : ""}.` : waits ? "It waits for the answer of whoever started the task." : "Nobody answered it before the run ended.";
  return (
    <div className={`notice ${tone}`.trim()} role="status">
      <Icon size={16} aria-hidden="true" />
      <div className="grow">{said}{waits && !decision ? <> Without one the run ends <Moment at={until} />.</> : null}{words ? <p className="prewrap">{words}</p> : null}</div>
    </div>
  );
}

function Area({ label, text, onText, most, placeholder, focus }) {
  return <textarea className="field area" aria-label={label} placeholder={placeholder} value={text} maxLength={most} autoFocus={focus} onChange={(event) => onText(event.target.value)} />;
}

function Answering({ number, isEdited, plan, name, most, until, answered, onDecide }) {
  const [asks, setAsks] = useState(Boolean(written.get(`${name} words`)));
  const [words, setWords] = useWritten(`${name} words`, "");
  const [busy, setBusy] = useState(false);
  useEffect(() => { setBusy(false); }, [answered]); // a refusal stands below, and the buttons work again
  const decide = (decision) => { setBusy(true); onDecide(decision, number, decision === "approve" && isEdited ? plan : "", words.trim()); };
  const empty = isEdited && !plan.trim();
  return (
    <section className="tray" aria-label="Your answer to the plan">
      {asks ? <Area label="What should be different" placeholder="What should be different?" text={words} onText={setWords} most={most} focus /> : null}
      <div className="row wrap">
        <span className="tiny grow">{isEdited ? (asks ? "Your edits go along with an approval only. " : "Your edits go along. ") : ""}Without an answer the run ends <Moment at={until} />.</span>
        {asks ? (
          <>
            <button type="button" className="btn" onClick={() => { setAsks(false); setWords(""); }}>Cancel</button>
            <button type="button" className="btn primary" disabled={busy || !words.trim()} onClick={() => decide("change")}>Send it back</button>
          </>
        ) : (
          <>
            <Confirm look="btn quiet" title="Discard the plan?" note="The run ends. What it used is charged, the rest of what it holds is given back." action="Discard and end the run" disabled={busy} onConfirm={() => decide("discard")}>Discard</Confirm>
            <button type="button" className="btn" disabled={busy} onClick={() => setAsks(true)}>Ask for changes</button>
            <button type="button" className="btn primary" disabled={busy || empty} onClick={() => decide("approve")}><CircleCheck size={16} aria-hidden="true" />{isEdited ? "Approve as edited" : "Approve"}</button>
          </>
        )}
      </div>
    </section>
  );
}

function Sheet({ task, number, title, text, decision, words, by, isEdited, until, waits, mayDecide, most, mostWords, answered, onDecide }) {
  const name = `${task} ${number}`;
  const [plan, setPlan] = useWritten(name, text);
  const [edits, setEdits] = useState(false);
  const shown = mayDecide ? plan : text;
  return (
    <article className="answer plan" aria-label="The plan">
      <header className="row wrap">
        <span className="tiny grow">Plan {number}{decision === "approve" ? "" : ", proposed by the model"}</span>
        {mayDecide && plan !== text ? <button type="button" className="btn sm" onClick={() => setPlan(text)}><Undo2 size={14} aria-hidden="true" />Undo my edits</button> : null}
        {mayDecide ? <button type="button" className="btn sm" aria-pressed={edits} onClick={() => setEdits(!edits)}><Pencil size={14} aria-hidden="true" />{edits ? "Preview" : "Edit"}</button> : null}
        <CopyButton text={shown} label="Copy the plan as Markdown">Copy</CopyButton>
      </header>
      {mayDecide ? null : <Standing decision={decision} by={by} isEdited={isEdited} words={words} waits={waits} until={until} />}
      <h2 className="title">{title}</h2>
      {edits && mayDecide ? <Area label="The plan, in Markdown" text={plan} onText={setPlan} most={most} focus /> : <Words text={shown} />}
      {mayDecide ? <Answering number={number} isEdited={plan.trim() !== text.trim()} plan={plan} name={name} most={mostWords} until={until} answered={answered} onDecide={onDecide} /> : null}
    </article>
  );
}

// Another plan begins with nothing of the one before.
export function Plan(props) { return <Sheet key={`${props.task} ${props.number}`} {...props} />; }
