// One row of the log each. All text here is untrusted: React escapes it, and markdown is drawn without HTML or images.
import { Component, memo } from "react";
import { BadgeCheck, Ban, CircleAlert, CircleCheck, CircleX, Clock, Coins, FileDiff, FileSearch, FolderGit2, FolderTree, GitCommitHorizontal, GitMerge, GitPullRequest, GitPullRequestClosed, GitPullRequestDraft, Info, Link, ListChecks, LoaderCircle, PackageCheck, Pencil, Search, Terminal, TriangleAlert, Upload, Wrench } from "lucide-react";
import { Moment } from "./clock.jsx";
import { COPIED, useCopy } from "./copy.js";
import { Shots } from "./images.jsx";
import { Output, useRemembered } from "./log_output.jsx";
import { capital, COMMANDS } from "./log_rows.js";
import { Prose, safeLink } from "./prose.jsx";

const TOOL_ICONS = { read_file: FileSearch, search: Search, list_files: FolderTree, read_diff: FileDiff, edit_file: Pencil, run_command: Terminal, set_up: PackageCheck };
const short = (sha) => (sha || "").slice(0, 7);
function Step({ icon: Icon, tone = "", spin = false, end, children }) {
  const looks = [spin ? "spin" : "", tone ? `tone-${tone}` : ""].filter(Boolean).join(" ");
  return (
    <div className="step">
      <Icon size={16} className={looks} aria-hidden="true" />
      <div className="step-text">{children}</div>
      <div className="step-end">{end}</div>
    </div>
  );
}

const name = (path) => path.split("/").pop();
const names = (calls) => [...new Set(calls.map((call) => name(call.args.path || call.result?.path || "")).filter(Boolean))].join(", ");

function counted(calls, one, many) { return calls.length === 1 ? one : many.replace("#", calls.length); }

const TRIED = { read_file: "Could not read", edit_file: "Could not edit", list_files: "Could not list", read_diff: "Could not read the changes of", search: "Could not search for" };

function title(toolName, calls) {
  const [{ args, result }] = calls;
  if (result?.is_error && TRIED[toolName] && calls.length === 1) return <>{TRIED[toolName]} <span className="mono">{args.path || args.pattern || ""}</span></>;
  if (toolName === "read_file") return <>{counted(calls, "Read", "Read # files")} <span className="muted">{names(calls)}</span></>;
  if (toolName === "read_diff") return <>{counted(calls, args.path ? "Read the changes of" : "Read which files the pull request changes", "Read the changes of # files")} <span className="muted">{names(calls)}</span></>;
  if (toolName === "list_files") return <>{counted(calls, "Listed files", "Listed # folders")} <span className="muted">{args.glob || (args.path === "." ? "" : args.path)}</span></>;
  if (toolName === "search") return <>{counted(calls, "Searched", "Searched # times")} <span className="mono">{calls.map((call) => call.args.pattern).filter(Boolean).join(" · ")}</span></>;
  if (toolName === "run_command") return <span className="mono one">{args.command || result?.summary || "command"}</span>;
  if (toolName === "set_up") return <>{result ? "Ran" : "Running"} the repository's set-up script</>;
  if (toolName === "edit_file") return <>{args.old_str === "" ? "Created" : "Edited"} <span className="mono">{args.path || result?.path}</span> <Delta result={result} /></>;
  return <>{capital(toolName.replaceAll("_", " "))}</>;
}

function Delta({ result }) {
  if (!result || (!result.added && !result.removed)) return null;
  return <span className="num">{result.added ? <span className="added">+{result.added} </span> : null}{result.removed ? <span className="removed">−{result.removed}</span> : null}</span>;
}

export function Tools({ row }) {
  const failed = row.calls.some((call) => call.result?.is_error || call.result?.exit_code);
  const [open, setOpen] = useRemembered(`open ${row.key}`, null); // until the reader decides, what went wrong is open
  const waiting = row.calls.some((call) => !call.result);
  const shown = open ?? failed;
  const Icon = waiting ? LoaderCircle : TOOL_ICONS[row.name] || Wrench;
  const code = row.calls.length === 1 ? row.calls[0].result?.exit_code : null;
  const took = row.calls.reduce((sum, call) => sum + (call.result?.duration_ms || 0), 0);
  return (
    <>
      <button type="button" className="step" aria-expanded={shown} onClick={() => setOpen(!shown)}>
        <Icon size={16} className={waiting ? "spin tone-run" : failed && code == null ? "tone-bad" : ""} aria-hidden="true" />
        <span className="step-text">{title(row.name, row.calls)}</span>
        <span className="step-end">
          {code != null ? <span className={`pill ${code === 0 ? "ok" : "bad"}`}>exit {code}</span> : null}
          {waiting ? null : <time>{(took / 1000).toFixed(1)} s</time>}
        </span>
      </button>
      {shown ? row.calls.map((call) => <Output key={call.id} call={call} named={row.calls.length > 1 || COMMANDS.has(call.name)} />) : null}
    </>
  );
}

const VERDICTS = { verified: ["ok", BadgeCheck, "Verified"], failed: ["bad", CircleX, "Tests failed"], not_run: ["", Info, "Not run"], cannot_run: ["warn", CircleAlert, "Could not run"] };

function Evidence({ payload }) {
  const [tone, Icon, word] = VERDICTS[payload.verdict] || VERDICTS.not_run;
  return (
    <Step icon={Icon} tone={tone} end={<>{payload.exit_code != null ? <span className={`pill ${payload.exit_code === 0 ? "ok" : "bad"}`}>exit {payload.exit_code}</span> : null}{payload.duration_ms ? <time>{(payload.duration_ms / 1000).toFixed(1)} s</time> : null}</>}>
      <span className="strong">{word}</span> by the worker{payload.sha ? <> on <span className="mono">{short(payload.sha)}</span></> : null}{payload.command ? <>: <span className="mono">{payload.command}</span></> : null}
      {payload.reason ? <div className="muted">{payload.reason}</div> : null}
    </Step>
  );
}

function Ended({ payload, verdict }) {
  const end = { completed: [CircleCheck, "ok", "Done"], failed: [CircleX, "bad", "Failed"], cancelled: [Ban, "idle", "Stopped"] }[payload.status] || [Info, "", "Ended"];
  const said = payload.text?.trim();
  if (payload.status !== "completed") return <Step icon={end[0]} tone={end[1]}><span className="strong">{end[2]}.</span> {said}</Step>;
  const unproven = verdict === "failed"; // what the worker saw fail is never drawn in green
  const word = unproven ? "Done, but the tests fail." : payload.outcome === "no_changes" ? "Done, without changes." : "Done.";
  return <>{said ? <div className="say"><Prose text={said} /></div> : null}<Step icon={unproven ? TriangleAlert : end[0]} tone={unproven ? "warn" : end[1]}>{word}</Step></>;
}

const PULLS = { open: [GitPullRequest, "ok"], draft: [GitPullRequestDraft, "idle"], merged: [GitMerge, "merged"], closed: [GitPullRequestClosed, "bad"] };

const PARTS = {
  round: ({ row, model }) => <div className="round"><span>Run {row.run}</span><span>{model}</span><Moment at={row.at} /></div>,
  you: ({ row }) => <div className="you">{row.late ? <div className="tiny">Sent while it ran</div> : null}<Shots images={row.images} />{row.text}</div>,
  say: ({ row }) => <div className="say"><Prose text={row.text} /></div>,
  plan: ({ row: { payload, text } }) => <><Step icon={ListChecks}><span className="strong">Plan {payload.number}:</span> {payload.title}</Step><div className="say"><Prose text={text} /></div></>,
  decided: ({ row }) => <div className="you">{row.text}</div>,
  note: ({ row }) => <Step icon={row.icon === "clock" ? Clock : Info} tone={row.tone} end={row.until ? <>until <Moment at={row.until} /></> : null}><span className="soft">{safeLink(row.href) ? <a className="link" href={row.href} target="_blank" rel="noreferrer">{row.text}</a> : capital(row.text || "")}</span></Step>,
  tools: ({ row }) => <Tools row={row} />,
  workspace: ({ row: { payload } }) => <Step icon={FolderGit2} end={payload.duration_ms != null ? <time>{(payload.duration_ms / 1000).toFixed(1)} s</time> : null}><span className="soft">Workspace ready at <span className="mono">{short(payload.base_sha)}</span>{payload.sandbox ? `, jail: ${payload.sandbox}` : ""}</span></Step>,
  commit: ({ row: { payload } }) => <Step icon={GitCommitHorizontal} end={<Delta result={payload} />}>Committed <span className="strong">{payload.title}</span> <span className="mono muted">{short(payload.sha)}</span></Step>,
  evidence: ({ row: { payload } }) => <Evidence payload={payload} />,
  push: ({ row: { payload } }) => <Step icon={Upload}><span className="soft">Pushed to <span className="mono">{payload.branch}</span></span></Step>,
  pull_request: ({ row: { payload, verb } }) => {
    const href = safeLink(payload.url || "");
    const text = <><span className="strong">#{payload.number} {payload.title}</span></>;
    const [icon, tone] = PULLS[payload.status] || PULLS.open;
    return <Step icon={icon} tone={tone}>{verb} {href ? <a className="link" href={href} target="_blank" rel="noreferrer">{text}</a> : text}{payload.status === "draft" ? <span className="muted"> as a draft</span> : null}</Step>;
  },
  settled: ({ row: { payload } }) => <Step icon={Coins}><span className="soft num">{payload.own_key ? `About $${(Math.ceil(payload.cost_micro / 1e4) / 100).toFixed(2)} on the own key, no credits` : `${payload.charged} of ${payload.held} held credits used, ${payload.released} given back${payload.refunded ? "; the charge was refunded" : ""}`}</span></Step>,
  ended: ({ row: { payload, verdict } }) => <Ended payload={payload} verdict={verdict} />,
};

function EntryLink({ seq }) {
  const [said, write] = useCopy();
  const copy = (event) => {
    event.preventDefault();
    window.history.replaceState(window.history.state, "", `#e${seq}`);
    write(window.location.href);
  };
  const label = said || "Copy a link to this entry";
  return <a className="entry-link" href={`#e${seq}`} onClick={copy} title={label} aria-label={label}>{said === COPIED ? <CircleCheck size={14} aria-hidden="true" /> : <Link size={14} aria-hidden="true" />}</a>;
}

// One entry that cannot be drawn must not take the page, with its Stop button, away from the person.
class Whole extends Component {
  constructor(props) { super(props); this.state = { isBroken: false }; }
  static getDerivedStateFromError() { return { isBroken: true }; }
  render() { return this.state.isBroken ? <Step icon={Info} tone="warn"><span className="soft">This entry cannot be shown.</span></Step> : this.props.children; }
}

// A row grows in place: `version` says that it did.
export const Row = memo(function Row({ row, version, model, marked }) {
  const Part = PARTS[row.kind];
  return <div className={marked ? "log-row marked" : "log-row"} data-seq={row.key}><EntryLink seq={row.seq} /><Whole>{Part ? <Part row={row} model={model} /> : null}</Whole></div>;
});

// Streaming text is not announced word by word: the list says what phase it is in, and the stored text can be read.
export function Tail({ text, stream }) {
  return (
    <div className="log-row">
      {stream ? <div className="say"><Prose text={stream} /></div> : null}
      {text ? <Step icon={LoaderCircle} spin tone="run"><span className="soft">{text}</span></Step> : null}
    </div>
  );
}
