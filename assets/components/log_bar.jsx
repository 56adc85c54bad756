// The line above the log: what to show, what to look for, what it took so far.
import { Check, Copy } from "lucide-react";
import { COPIED, useCopy } from "./copy.js";
import { FILTERS, asMarkdown } from "./log_rows.js";

const thousands = (count) => (count < 1000 ? `${count}` : count < 1e6 ? `${(count / 1000).toFixed(count < 1e4 ? 1 : 0)}k` : `${(count / 1e6).toFixed(1)}M`);

function Used({ used }) {
  if (!used.turns) return null;
  return (
    <span className="log-used" title={`${used.cached.toLocaleString("en")} of the tokens read came from the provider's cache`}>
      <span>{thousands(used.input)} in, {thousands(used.output)} out</span>
      <span>${(used.cost / 1e6).toFixed(2)}</span>
      {used.context ? <span>context {thousands(used.context)}</span> : null}
    </span>
  );
}

export function Bar({ log, whole, filter, onFilter, query, onQuery }) {
  const [said, copy] = useCopy();
  return (
    <div className="log-bar">
      <span className="segment" role="group" aria-label="What the log shows">
        {FILTERS.map(([name, word]) => <button key={name} type="button" aria-pressed={filter === name} onClick={() => onFilter(name)}>{word}</button>)}
      </span>
      <input className="field log-search" type="search" aria-label="Search in the log" placeholder="Search the log" value={query} onChange={(event) => onQuery(event.target.value)} />
      {whole ? <Used used={log.used} /> : null}
      <button type="button" className="btn quiet sm" disabled={!whole} onClick={() => copy(asMarkdown(log.rows))}>{said === COPIED ? <Check size={14} aria-hidden="true" /> : <Copy size={14} aria-hidden="true" />}<span aria-live="polite">{said || "Copy the log"}</span></button>
    </div>
  );
}
