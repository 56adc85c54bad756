// What the settings page does without the server: the appearance, what the browser allows, and copying.
import { useEffect, useState } from "react";
import { Check, Copy as CopyIcon, Monitor, Moon, Sun } from "lucide-react";
import { COPIED, useCopy } from "./copy.js";

const LOOKS = [["system", "System", Monitor], ["light", "Light", Sun], ["dark", "Dark", Moon]];

// The same choice as the sidebar's button; each hears of the other.
export function Appearance() {
  const [chosen, setChosen] = useState("");
  const [still, setStill] = useState(false);
  useEffect(() => {
    const read = () => setChosen(document.documentElement.dataset.appearance || "system");
    const motion = window.matchMedia("(prefers-reduced-motion: reduce)");
    const move = () => setStill(motion.matches);
    read(); move();
    window.addEventListener("asynccoder-theme", read);
    motion.addEventListener("change", move);
    return () => { window.removeEventListener("asynccoder-theme", read); motion.removeEventListener("change", move); };
  }, []);
  const steer = (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = (LOOKS.findIndex(([value]) => value === chosen) + step + LOOKS.length) % LOOKS.length;
    window.asynccoder.setTheme(LOOKS[next][0]);
    event.currentTarget.children[next].focus();
  };
  return (
    <div className="stack">
      <div className="choices" role="radiogroup" aria-label="Appearance" onKeyDown={steer}>
        {LOOKS.map(([value, label, Icon]) => (
          <button key={value} type="button" className="choice" role="radio" aria-checked={chosen === value} tabIndex={chosen === value ? 0 : -1} onClick={() => window.asynccoder.setTheme(value)}>
            <Icon size={16} aria-hidden="true" />{label}
          </button>
        ))}
      </div>
      <p className="aside">{still ? "Your system asks for reduced motion, so nothing moves here." : "Motion follows your system: with reduced motion on, nothing moves here."} Kept in this browser.</p>
    </div>
  );
}

const ALLOWED = {
  granted: "This browser may show notifications.",
  denied: "This browser blocks notifications of this page. Allow them in its settings for this site.",
  none: "This browser has no notifications.",
};

// Whether the browser would show what is ticked; asked for by a click, never by itself.
export function BrowserLeave() {
  const [leave, setLeave] = useState("");
  useEffect(() => setLeave(window.Notification ? Notification.permission : "none"), []);
  const ask = async () => setLeave(await Notification.requestPermission());
  if (leave === "default") {
    return (
      <div className="row wrap">
        <span className="aside">This browser has not been asked yet.</span>
        <button type="button" className="btn sm" onClick={ask}>Allow notifications</button>
      </div>
    );
  }
  return <p className="aside">{ALLOWED[leave] || ""}</p>;
}

// A text that is shown once, with a button that copies it.
export function Secret({ text, label }) {
  const [said, copy] = useCopy();
  const Icon = said === COPIED ? Check : CopyIcon;
  return (
    <div className="secret">
      <code aria-label={label}>{text}</code>
      <button type="button" className="btn sm" onClick={() => copy(text)}><Icon size={14} aria-hidden="true" /><span aria-live="polite">{said || "Copy"}</span></button>
    </div>
  );
}
