// Markdown of whoever wrote it: no HTML, no remote images, links only to the web, which say where they lead.
import { memo } from "react";
import Markdown from "react-markdown";
import remarkGfm from "remark-gfm";
import { sentence } from "./sentence.js";

const TABLES = [remarkGfm];
export const safeLink = (url) => (/^https?:\/\//i.test(url || "") ? url : "");
export const SAFE = {
  a: ({ href, children }) => (safeLink(href) ? <a href={href} title={href} target="_blank" rel="noreferrer nofollow">{children}</a> : <span>{children}</span>),
  img: ({ alt }) => <span className="muted">[image{alt ? `: ${alt}` : ""}]</span>,
};

export const Prose = memo(function Prose({ text, parts = SAFE }) {
  const pieces = sentence(text);
  if (!pieces) return <div className="prose"><Markdown remarkPlugins={TABLES} components={parts}>{text}</Markdown></div>;
  return <div className="prose"><p>{pieces.map((piece, place) => (place % 2 ? <code key={place}>{piece}</code> : piece))}</p></div>;
});
