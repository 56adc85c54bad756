// From a task's events to the rows of its log. Pure: the same events always give the same rows.
// Consecutive calls of one quiet tool fold into one row; a row's key stays the same while it grows.

import { plain } from "./terminal.js";

const OWN = new Set(["finish", "propose_plan"]); // what they hand in has a row of its own
const QUIET = new Set(["read_file", "search", "list_files", "read_diff"]);
export const COMMANDS = new Set(["run_command", "set_up"]); // the second is the worker's own
const PHASES = {
  queued: "Waiting in the queue",
  preparing: "Preparing the workspace",
  running: "The model is at work",
  planning: "The model reads and makes a plan",
  verifying: "Running the tests on the final commit",
  finishing: "Pushing and opening the pull request",
};

const WAITS = {
  budget: "Waiting for budget",
  approval: "The plan waits for approval",
  github_rate_limited: "GitHub limits the rate",
  model_rate_limited: "The model's provider limits the rate",
  model_overloaded: "The model's provider is overloaded",
};
// What the platform says to the model is told to the person in words of their own.
const NOTES = {
  wrap_up: "Asked to finish with what there is",
  no_tool_call: "Reminded to go on or to finish",
  review_moved: "The pull request has moved on; this run looks at its new head",
  cut_off: "Its answer was cut off at the limit of its length; it goes on in smaller pieces",
};
const files = (count) => (count === 1 ? "1 file" : `${count} files`);
// What a run began with, in a sentence for the person.
function mergeText({ target, theirs, conflicts = [] }) {
  const merged = `Merged ${target} (${theirs.slice(0, 7)}) into the branch`;
  return conflicts.length ? `${merged}; conflicts in ${files(conflicts.length)}: ${conflicts.slice(0, 5).join(", ")}${conflicts.length > 5 ? " and more" : ""}` : `${merged}, without a conflict`;
}
const noteText = (payload) => (payload.code === "merge_begun" ? mergeText(payload) : NOTES[payload.code] || payload.text);
const waitText = (reason) => WAITS[reason] || reason || "Waiting";

const DECISIONS = { approve: "approved the plan", change: "asked for changes to the plan", discard: "discarded the plan" };
// What a person said of a plan; what they changed in it is told whole.
const decisionText = ({ decision, by, text, plan, is_edited: isEdited }) => [`${by} ${DECISIONS[decision] || "answered the plan"}${isEdited ? ", with changes of their own:" : text ? ":" : "."}`, ...(isEdited ? [plan] : []), ...(text ? [text] : [])].join("\n\n");

export const FILTERS = [["all", "All"], ["messages", "Messages"], ["tools", "Tools"], ["errors", "Errors"]];
const MESSAGES = new Set(["round", "you", "say", "plan", "decided", "ended"]);

const last = (rows) => rows[rows.length - 1];

// A row that changes after it was drawn says so by its version.
function toolRow(state, seq, at, payload, isCut) {
  const { call, row } = state.calls.get(payload.call_id) || addCall(state, seq, at, { call_id: payload.call_id, name: payload.name, args: {} });
  Object.assign(call, { result: payload, at, resultSeq: seq, isCut });
  row.version += 1;
}

// A model may give anything for an argument; the page draws texts.
const asTexts = (args) => Object.fromEntries(Object.entries(args && typeof args === "object" ? args : {}).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]));

function addCall(state, seq, at, payload) {
  const call = { id: payload.call_id, name: String(payload.name), args: asTexts(payload.args), startedAt: at, result: null };
  let row = last(state.rows);
  if (row?.kind === "tools" && row.name === call.name && QUIET.has(call.name)) row.calls.push(call);
  else state.rows.push((row = { kind: "tools", key: `t${seq}`, name: call.name, calls: [call], version: 0 }));
  row.version += 1;
  const placed = { call, row };
  state.calls.set(call.id, placed);
  return placed;
}

function modelTurn(state, seq, payload) {
  const { input_total: input = 0, cache_read: cached = 0, output = 0 } = payload.usage || {};
  const { used } = state;
  state.used = {
    turns: used.turns + 1, input: used.input + input, cached: used.cached + cached, output: used.output + output,
    cost: used.cost + (payload.cost_micro || 0), context: input ? input + output : used.context,
  };
  for (const [index, part] of (payload.parts || []).entries()) {
    if (part.type === "text" && part.text?.trim()) state.rows.push({ kind: "say", key: `s${seq}.${index}`, text: part.text });
  }
}

const HANDLERS = {
  prompt(state, seq, at, payload) {
    state.run = payload.run;
    state.verdict = "";
    state.rows.push({ kind: "round", key: `r${seq}`, run: payload.run, at });
    state.rows.push({ kind: "you", key: `y${seq}`, text: payload.text, images: payload.images || [] });
  },
  user_message(state, seq, at, payload) { state.rows.push({ kind: "you", key: `y${seq}`, text: payload.text, images: payload.images || [], late: true }); },
  phase(state, seq, at, payload) {
    state.phase = payload;
    if (payload.phase === "parked") state.rows.push({ kind: "note", key: `p${seq}`, icon: "clock", tone: "warn", text: waitText(payload.reason), until: payload.until });
  },
  model_turn(state, seq, at, payload) { modelTurn(state, seq, payload); },
  tool_started(state, seq, at, payload) { if (!OWN.has(payload.name)) addCall(state, seq, at, payload); },
  tool_result(state, seq, at, payload, isCut) { if (!OWN.has(payload.name) || (payload.is_error && payload.name === "propose_plan")) toolRow(state, seq, at, payload, isCut); },
  wait(state, seq, at, payload) { state.rows.push({ kind: "note", key: `w${seq}`, icon: "clock", tone: "warn", text: waitText(payload.reason), until: payload.until }); },
  note(state, seq, at, payload) { state.rows.push({ kind: "note", key: `n${seq}`, icon: "info", text: noteText(payload), href: payload.url }); },
  plan(state, seq, at, payload) { state.rows.push({ kind: "plan", key: `plan${seq}`, payload, text: payload.text }); },
  plan_decided(state, seq, at, payload) { state.rows.push({ kind: "decided", key: `decided${seq}`, payload, text: decisionText(payload) }); },
  compacted(state, seq, at, payload) { state.used = { ...state.used, cost: state.used.cost + (payload.cost_micro || 0) }; state.rows.push({ kind: "note", key: `c${seq}`, icon: "info", text: "Earlier output was shortened for the model. The log keeps all of it." }); },
  checkpoint() {},
};

// A pull request's entry says what became of it: what it was before is known from the entries above.
HANDLERS.pull_request = (state, seq, at, payload) => {
  const before = state.pulls.get(payload.number);
  const became = { merged: "Merged", closed: "Closed" }[payload.status];
  const verb = became || (before === undefined ? "Opened" : before === "closed" ? "Reopened" : "Updated");
  state.pulls.set(payload.number, payload.status);
  state.rows.push({ kind: "pull_request", key: `pull${seq}`, payload, verb, at });
};

HANDLERS.evidence = (state, seq, at, payload) => {
  state.verdict = payload.verdict;
  state.rows.push({ kind: "evidence", key: `evidence${seq}`, payload, at });
};

for (const kind of ["workspace", "commit", "push", "settled", "ended"]) {
  HANDLERS[kind] = (state, seq, at, payload) => { state.rows.push({ kind, key: `${kind}${seq}`, payload, at, verdict: state.verdict }); };
}

export const empty = () => ({ rows: [], calls: new Map(), pulls: new Map(), seq: 0, run: 0, verdict: "", phase: null, used: { turns: 0, input: 0, cached: 0, output: 0, cost: 0, context: 0 } });

// Takes events in, once each and in order; returns a new top-level object so that React sees the change.
export function take(state, events) {
  for (const { seq, kind, at, payload, cut } of events) {
    if (seq <= state.seq) continue;
    state.seq = seq;
    const before = state.rows.length;
    HANDLERS[kind]?.(state, seq, at, payload, Boolean(cut));
    for (let index = before; index < state.rows.length; index += 1) state.rows[index].seq = seq;
  }
  return { ...state, rows: [...state.rows] };
}

// What the last line says while something is under way; empty where a row above says it already.
export function tailText({ phase, rows }) {
  if (!phase || phase.phase === "ended" || phase.phase === "parked") return "";
  const row = last(rows);
  if (["running", "preparing"].includes(phase.phase) && row?.kind === "tools" && row.calls.some((call) => !call.result)) return "";
  if (phase.phase === "running" && phase.reason === "planning") return PHASES.planning;
  return ["queued", "preparing"].includes(phase.phase) && phase.reason ? capital(phase.reason) : PHASES[phase.phase] || "";
}

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
export const isOver = (phase) => phase?.phase === "ended";

const callFailed = (call) => Boolean(call.result?.is_error || call.result?.exit_code);
const isError = ({ kind, calls, payload }) => (kind === "tools" ? calls.some(callFailed) : (kind === "evidence" && payload.verdict === "failed") || (kind === "ended" && payload.status !== "completed"));
const KEEPS = { all: () => true, messages: (row) => MESSAGES.has(row.kind), tools: (row) => row.kind === "tools" || row.kind === "evidence", errors: isError };

// What a row says, for the search and for the copy: an edit by its path, a command with its output.
export function rowText({ kind, text, calls, payload, run }) {
  if (kind === "round") return `Run ${run}`;
  if (kind === "tools") return calls.map((call) => [Object.values(call.args).join(" "), call.result?.text || ""].join("\n")).join("\n");
  return text || [payload?.verdict, payload?.command, payload?.title, payload?.text, payload?.reason].filter(Boolean).join(" ");
}

// The rows of one filter that hold the words looked for; the whole list itself where nothing is left out.
export function visible(rows, filter, query = "") {
  const words = query.trim().toLowerCase();
  if (filter === "all" && !words) return rows;
  return rows.filter((row) => KEEPS[filter](row) && (!words || rowText(row).toLowerCase().includes(words)));
}

// The place of an entry among these rows: the row that holds it, or the nearest one before; -1 where there is none.
export function placeOf(rows, seq) {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].seq <= seq) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

// The number in an address such as `#e123`; 0 without one.
export const entryIn = (hash) => Number(/^#e(\d{1,9})$/.exec(hash)?.[1] || 0);

// A fence longer than any in the text, so that output cannot end its own block.
function fenced(text) {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${text.replace(/\n$/, "")}\n${fence}`;
}

function callMarkdown({ name, args, result }) {
  const what = COMMANDS.has(name) ? args.command || result?.summary || "" : args.path || args.pattern || result?.path || "";
  const code = result?.exit_code != null ? `, exit ${result.exit_code}` : "";
  const took = result?.duration_ms != null ? `, ${(result.duration_ms / 1000).toFixed(1)} s` : "";
  const changed = result?.added || result?.removed ? `, +${result.added || 0} −${result.removed || 0}` : "";
  const head = `- **${capital(name.replaceAll("_", " "))}** ${what.split("\n")[0]}${changed}${code}${took}`;
  const shown = COMMANDS.has(name) || result?.is_error ? plain(result?.text || "") : "";
  return shown ? `${head}\n\n${fenced(shown)}` : head;
}

function rowMarkdown(row) {
  if (row.kind === "round") return `## Run ${row.run}`;
  if (row.kind === "you") return [...row.images.map(({ width, height }) => `[image, ${width} × ${height}]`), ...row.text.split("\n")].map((line) => `> ${line}`).join("\n");
  if (row.kind === "say") return row.text;
  if (row.kind === "plan") return `### Plan ${row.payload.number}: ${row.payload.title}\n\n${row.text}`;
  if (row.kind === "decided") return row.text.split("\n").map((line) => `> ${line}`).join("\n");
  if (row.kind === "tools") return row.calls.map(callMarkdown).join("\n");
  const said = rowText(row);
  return `- **${capital(row.kind.replaceAll("_", " "))}** ${said}`.trimEnd();
}

export const asMarkdown = (rows) => `${rows.map(rowMarkdown).join("\n\n")}\n`;
