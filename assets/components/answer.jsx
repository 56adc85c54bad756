// The tab of a task whose result is words: an answer, a plan, or the findings of a review, the worst first.
import { CircleAlert, CircleDot, Info, MessageSquareText, OctagonAlert } from "lucide-react";
import { CopyButton, useResult, Words } from "./result.jsx";

const SEVERITIES = { critical: ["bad", OctagonAlert], major: ["warn", CircleAlert], minor: ["", CircleDot], info: ["", Info] };

function Finding({ finding }) {
  const [tone, Icon] = SEVERITIES[finding.severity] || SEVERITIES.info;
  const place = finding.line ? `${finding.path}:${finding.line}` : finding.path;
  return (
    <li className="finding">
      <span className="row wrap"><span className={`pill ${tone}`}><Icon size={14} aria-hidden="true" />{finding.severity}</span><span className="mono">{place}</span><CopyButton text={place} label={`Copy ${place}`} />{finding.told ? <span className="pill line">told before</span> : null}</span>
      <Words text={finding.text} />
    </li>
  );
}

export function Answer({ task, version }) {
  const answer = useResult(task, version, "words");
  if (!answer) return <div className="stack" aria-busy="true"><div className="skeleton tall" /><div className="skeleton" /></div>;
  if (answer.refused) return <p className="notice bad" role="alert">{answer.refused}</p>;
  if (!answer.text && !answer.findings.length) return <div className="empty"><MessageSquareText size={24} aria-hidden="true" /><p className="strong">The model gave no answer.</p><p className="small">The log shows what it did.</p></div>;
  return (
    <article className="answer" aria-label="The answer">
      <header className="row"><span className="tiny grow">In the model’s own words</span><CopyButton text={answer.text} label="Copy the answer as Markdown">Copy</CopyButton></header>
      {answer.posted ? <p className={answer.posted_url ? "notice" : "notice warn"}>{answer.posted} {/^https?:\/\//.test(answer.posted_url) ? <a className="link" href={answer.posted_url} target="_blank" rel="noreferrer">Open it on GitHub</a> : null}</p> : null}
      {answer.text ? <Words text={answer.text} /> : null}
      {answer.findings.length ? <><h2 className="heading">{answer.findings.length === 1 ? "1 finding" : `${answer.findings.length} findings`}</h2><ul className="list">{answer.findings.map((finding, index) => <Finding key={index} finding={finding} />)}</ul></> : null}
    </article>
  );
}
