// The line above the log: what to show, what to look for, what it took so far.
import { useEffect, useRef, useState } from "react";
import { Check, Copy, Search } from "lucide-react";
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
  const field = useRef(null);
  const [isOpen, open] = useState(false); // on a phone, where there is room for either the filters or the field
  useEffect(() => { if (isOpen) field.current.focus(); }, [isOpen]);
  return (
    <div className="log-bar" data-search={isOpen || query ? "" : undefined}>
      <span className="segment" role="group" aria-label="What the log shows">
        {FILTERS.map(([name, word]) => <button key={name} type="button" aria-pressed={filter === name} onClick={() => onFilter(name)}>{word}</button>)}
      </span>
      <button type="button" className="btn quiet icon sm log-find" aria-label="Search in the log" aria-expanded={isOpen} onClick={() => open(true)}><Search size={16} aria-hidden="true" /></button>
      <input ref={field} className="field log-search" type="search" aria-label="Search in the log" placeholder="Search the log" value={query} onChange={(event) => onQuery(event.target.value)} onBlur={() => open(false)} />
      {whole ? <Used used={log.used} /> : null}
      <button type="button" className="btn quiet sm" disabled={!whole} onClick={() => copy(asMarkdown(log.rows))}>{said === COPIED ? <Check size={14} aria-hidden="true" /> : <Copy size={14} aria-hidden="true" />}<span className="log-copy" aria-live="polite">{said || "Copy the log"}</span></button>
    </div>
  );
}
