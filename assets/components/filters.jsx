// A list's filters stand in its address and are changed there: none waits for the server, and "back" takes each back.
import { useEffect, useId, useRef, useState, useSyncExternalStore } from "react";
import { useLocation, useNavigate } from "react-router";
import { ListFilter } from "lucide-react";
import { Picker } from "./picker.jsx";

const PAUSE_MS = 300;
const ANY = "any";
const never = () => () => {};

// What the address says of `name`, and how to change it. Another filter begins on the first page.
function useFilter(name) {
  useLocation(); // draws anew when it changes
  const search = useSyncExternalStore(never, () => window.location.search, () => ""); // pages are built without an address
  const go = useNavigate();
  const choose = (value, replace = false) => {
    const wanted = new URLSearchParams(window.location.search);
    wanted.delete("page");
    wanted.delete(name);
    if (value) wanted.set(name, value);
    const rest = wanted.toString();
    go(window.location.pathname + (rest && `?${rest}`), { replace });
  };
  return [new URLSearchParams(search).get(name) || "", choose];
}

// On a phone the choices are folded; how many are made is said on the button.
export function FilterFold({ names, children }) {
  useLocation();
  const search = useSyncExternalStore(never, () => window.location.search, () => "");
  const [open, setOpen] = useState(false);
  const id = useId();
  const chosen = names.filter((name) => new URLSearchParams(search).get(name)).length;
  return (
    <>
      <button type="button" className="btn fold" aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
        <ListFilter size={14} aria-hidden="true" />Filters{chosen ? <span className="pill num">{chosen}</span> : null}
      </button>
      <div className="folded" id={id} data-open={open}>{children}</div>
    </>
  );
}

// What is typed stands at once; `value` is what the other side knows of it. An echo of what was typed a moment ago
// changes nothing, anything else takes its place: "back", cleared filters, a server that has started anew.
export function SearchField({ value, label, most, mark, onWrite }) {
  const [words, setWords] = useState(value);
  const sent = useRef([]);
  const known = useRef(value);
  const pause = useRef(null);
  useEffect(() => {
    if (value === known.current) return;
    known.current = value;
    const echo = sent.current.indexOf(value);
    sent.current = sent.current.slice(echo + 1);
    if (echo >= 0) return;
    clearTimeout(pause.current);
    sent.current = [];
    setWords(value);
  }, [value]);
  useEffect(() => () => clearTimeout(pause.current), []);
  const write = (next) => {
    setWords(next);
    clearTimeout(pause.current);
    pause.current = setTimeout(() => { if (next !== known.current) sent.current.push(next); onWrite(next); }, PAUSE_MS);
  };
  return <input className="field" type="search" value={words} placeholder={label} aria-label={label} maxLength={most} data-key={mark} autoComplete="off" onChange={(event) => write(event.target.value)} />;
}

export function FilterField({ label, most }) {
  const [value, choose] = useFilter("q");
  return <SearchField value={value} label={label} most={most} onWrite={(words) => choose(words, true)} />;
}

export function FilterSelect({ name, label, options, more = [] }) {
  const [value, choose] = useFilter(name);
  return (
    <select className="field" aria-label={label} value={value} onChange={(event) => choose(event.target.value)}>
      {[...options, ...more].map((one) => <option key={one.value} value={one.value}>{one.label}</option>)}
    </select>
  );
}

export function FilterSegments({ name, label, options }) {
  const [value, choose] = useFilter(name);
  return (
    <div className="segment" role="group" aria-label={label}>
      {options.map((one) => <button key={one.value} type="button" aria-pressed={value === one.value} onClick={() => choose(one.value)}>{one.label}</button>)}
    </div>
  );
}

export function FilterPicker({ children, name, any, text, options, onSearch, ...look }) {
  const [value, choose] = useFilter(name);
  const [words, setWords] = useState("");
  const search = (next) => { setWords(next); onSearch(next); };
  const listed = words.trim() ? options : [{ value: ANY, label: any }, ...options]; // Enter takes the first that was found
  const shown = value ? options.find((one) => one.value === value)?.label || text : any;
  return (
    <Picker {...look} text={shown} value={value || ANY} options={listed} onSearch={search} onAsk={() => search("")} onPick={(next) => choose(next === ANY ? "" : next)}>
      {children}
    </Picker>
  );
}
