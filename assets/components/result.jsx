// What a finished task has to show: asked over the log's socket, and its words as Markdown.
import { useEffect, useState } from "react";
import { highlighter } from "@git-diff-view/react";
import { Check, Copy } from "lucide-react";
import { COPIED, useCopy } from "./copy.js";
import { Prose, SAFE } from "./prose.jsx";
import { borrow, giveBack } from "./socket.js";

const MOST_COLOURED = 20000; // characters of a code block

// The last answers, so that a tab that is opened again asks for nothing it has.
const MOST_KEPT = 4;
const kept = new Map();

function keep(name, answer) {
  kept.delete(name);
  kept.set(name, answer);
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
}

// What the task came to as of `version`; `only` names a part of it: "words".
export function useResult(task, version, only = "") {
  const name = [task, version, only].join(" ");
  const [state, setState] = useState({ name: "", answer: null });
  useEffect(() => {
    if (kept.has(name)) return undefined;
    let current = true;
    const socket = borrow();
    const ask = () => socket.emit("changes", { task, only }, (answer) => {
      if (!answer.refused) keep(name, answer);
      if (current) setState({ name, answer });
    });
    socket.on("connect", ask);
    if (socket.connected) ask();
    return () => { current = false; socket.off("connect", ask); giveBack(); };
  }, [name]);
  return kept.get(name) || state.answer; // until a new version's answer is there, the one before it stands
}

export function CopyButton({ text, label, children }) {
  const [said, copy] = useCopy();
  const Icon = said === COPIED ? Check : Copy;
  return (
    <button type="button" className={children ? "btn sm" : "btn quiet icon sm"} aria-label={children ? undefined : label} title={said || label} onClick={() => copy(text)}>
      <Icon size={14} aria-hidden="true" />{children}
      <span className="unseen" role="status">{said}</span>
    </button>
  );
}

const coloured = (node, key) => {
  if (node.type === "text") return node.value;
  return <span key={key} className={(node.properties?.className || []).join(" ")}>{node.children.map(coloured)}</span>;
};

function Code({ children }) {
  const { className = "", children: inner } = children?.props || {};
  const text = String(inner ?? "").replace(/\n$/, "");
  const language = /language-([\w+-]+)/.exec(className)?.[1];
  let shown = text;
  if (language && text.length <= MOST_COLOURED && highlighter.hasRegisteredCurrentLang(language)) shown = highlighter.getAST(text, undefined, language)?.children.map(coloured) || text;
  return <div className="block"><pre tabIndex={0}><code>{shown}</code></pre><CopyButton text={text} label="Copy this code" /></div>;
}

const LOOKS = { ...SAFE, pre: Code };

export function Words({ text }) { return <Prose text={text} parts={LOOKS} />; }
