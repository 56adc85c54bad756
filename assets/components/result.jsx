// What a finished task has to show: asked over the log's socket, and its words as Markdown. All of it is untrusted:
// no HTML, no remote images, links only to the web.
import { useEffect, useRef, useState } from "react";
import { highlighter } from "@git-diff-view/react";
import Markdown from "react-markdown";
import remarkGfm from "remark-gfm";
import { Check, Copy } from "lucide-react";
import { borrow, giveBack } from "./socket.js";

const MOST_COLOURED = 20000; // characters of a code block

export function useResult(task, version) {
  const [answer, setAnswer] = useState(null);
  useEffect(() => {
    let current = true;
    const socket = borrow();
    const ask = () => socket.emit("changes", { task }, (reply) => { if (current) setAnswer(reply); });
    socket.on("connect", ask);
    if (socket.connected) ask();
    return () => { current = false; socket.off("connect", ask); giveBack(); };
  }, [task, version]);
  return answer;
}

export function CopyButton({ text, label, children }) {
  const [done, setDone] = useState(false);
  const timer = useRef(null);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = () => {
    navigator.clipboard?.writeText(text).then(() => { setDone(true); timer.current = setTimeout(() => setDone(false), 2000); }, () => {});
  };
  const Icon = done ? Check : Copy;
  return (
    <button type="button" className={children ? "btn sm" : "btn quiet icon sm"} aria-label={children ? undefined : label} title={label} onClick={copy}>
      <Icon size={14} aria-hidden="true" />{children}
      <span className="unseen" role="status">{done ? "Copied" : ""}</span>
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

const LOOKS = {
  a: ({ href, children }) => (/^https?:\/\//i.test(href || "") ? <a href={href} target="_blank" rel="noreferrer nofollow">{children}</a> : <span>{children}</span>),
  img: ({ alt }) => <span className="muted">[image{alt ? `: ${alt}` : ""}]</span>,
  pre: Code,
};

export function Words({ text }) {
  return <div className="prose"><Markdown remarkPlugins={[remarkGfm]} components={LOOKS}>{text}</Markdown></div>;
}
