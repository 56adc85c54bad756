// From a task's events to the rows of its log. Pure: the same events always give the same rows.
// Consecutive calls of one quiet tool fold into one row; a row's key stays the same while it grows.

const QUIET = new Set(["read_file", "search", "list_files"]);
const PHASES = {
  queued: "Waiting in the queue",
  preparing: "Preparing the workspace",
  running: "The model is at work",
  verifying: "Running the tests on the final commit",
  finishing: "Pushing and opening the pull request",
};

const WAITS = {
  budget: "Waiting for budget",
  github_rate_limited: "GitHub limits the rate; the work goes on by itself",
  model_rate_limited: "The model's provider limits the rate",
  model_overloaded: "The model's provider is overloaded",
};
const waitText = (reason) => WAITS[reason] || reason || "Waiting";

const last = (rows) => rows[rows.length - 1];

function toolRow(state, seq, at, payload) {
  const call = state.calls.get(payload.call_id);
  if (call) { call.result = payload; call.at = at; return; }
  addCall(state, seq, at, { call_id: payload.call_id, name: payload.name, args: {} }).result = payload;
}

function addCall(state, seq, at, payload) {
  const call = { id: payload.call_id, name: payload.name, args: payload.args || {}, startedAt: at, result: null };
  state.calls.set(call.id, call);
  const row = last(state.rows);
  if (row?.kind === "tools" && row.name === call.name && QUIET.has(call.name)) row.calls.push(call);
  else state.rows.push({ kind: "tools", key: `t${seq}`, name: call.name, calls: [call] });
  return call;
}

function modelTurn(state, seq, payload) {
  for (const [index, part] of (payload.parts || []).entries()) {
    if (part.type === "text" && part.text?.trim()) state.rows.push({ kind: "say", key: `s${seq}.${index}`, text: part.text });
  }
}

const HANDLERS = {
  prompt(state, seq, at, payload) {
    state.run = payload.run;
    state.verdict = "";
    state.rows.push({ kind: "round", key: `r${seq}`, run: payload.run, at });
    state.rows.push({ kind: "you", key: `y${seq}`, text: payload.text });
  },
  user_message(state, seq, at, payload) { state.rows.push({ kind: "you", key: `y${seq}`, text: payload.text, late: true }); },
  phase(state, seq, at, payload) {
    state.phase = payload;
    if (payload.phase === "parked") state.rows.push({ kind: "note", key: `p${seq}`, icon: "clock", tone: "warn", text: waitText(payload.reason), until: payload.until });
  },
  model_turn(state, seq, at, payload) { modelTurn(state, seq, payload); },
  tool_started(state, seq, at, payload) { if (payload.name !== "finish") addCall(state, seq, at, payload); },
  tool_result(state, seq, at, payload) { if (payload.name !== "finish") toolRow(state, seq, at, payload); },
  wait(state, seq, at, payload) { state.rows.push({ kind: "note", key: `w${seq}`, icon: "clock", tone: "warn", text: waitText(payload.reason), until: payload.until }); },
  note(state, seq, at, payload) { state.rows.push({ kind: "note", key: `n${seq}`, icon: "info", text: payload.text }); },
  compacted(state, seq, at, payload) { state.rows.push({ kind: "note", key: `c${seq}`, icon: "info", text: "Earlier output was shortened for the model. The log keeps all of it." }); },
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

export const empty = () => ({ rows: [], calls: new Map(), pulls: new Map(), seq: 0, run: 0, verdict: "", phase: null });

// Takes events in, once each and in order; returns a new top-level object so that React sees the change.
export function take(state, events) {
  for (const { seq, kind, at, payload } of events) {
    if (seq <= state.seq) continue;
    state.seq = seq;
    HANDLERS[kind]?.(state, seq, at, payload);
  }
  return { ...state, rows: [...state.rows] };
}

// What the last line says while something is under way; empty where a row above says it already.
export function tailText({ phase, rows }) {
  if (!phase || phase.phase === "ended" || phase.phase === "parked") return "";
  const row = last(rows);
  if (phase.phase === "running" && row?.kind === "tools" && row.calls.some((call) => !call.result)) return "";
  return phase.phase === "queued" && phase.reason ? capital(phase.reason) : PHASES[phase.phase] || "";
}

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
export const isOver = (phase) => phase?.phase === "ended";
