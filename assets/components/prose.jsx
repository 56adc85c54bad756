// Markdown of whoever wrote it: no HTML, no remote images, links only to the web, which say where they lead.
import { memo } from "react";
import Markdown from "react-markdown";
import remarkGfm from "remark-gfm";

const TABLES = [remarkGfm];
export const safeLink = (url) => (/^https?:\/\//i.test(url || "") ? url : "");
export const SAFE = {
  a: ({ href, children }) => (safeLink(href) ? <a href={href} title={href} target="_blank" rel="noreferrer nofollow">{children}</a> : <span>{children}</span>),
  img: ({ alt }) => <span className="muted">[image{alt ? `: ${alt}` : ""}]</span>,
};

// Most of what a model says between its calls is a sentence in which Markdown would find nothing: it is drawn as it is.
const MARKS = /[\n\r\t`*[\]<>|~#\\&@]|^\s|\s$|^([-+=]|\d+[.)])|(^|[^\p{L}\p{N}])_|_([^\p{L}\p{N}]|$)|:\/\/|www\.| {2}/u;

export const Prose = memo(function Prose({ text, parts = SAFE }) {
  if (!MARKS.test(text)) return <div className="prose"><p>{text}</p></div>;
  return <div className="prose"><Markdown remarkPlugins={TABLES} components={parts}>{text}</Markdown></div>;
});
