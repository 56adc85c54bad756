// What a log's page knows of it, and how entries change that. Pure.
import { empty, take } from "./log_rows.js";

// What is stored replaces what streamed; before a provider is asked again, what it had said so far is void.
const ENDS_TEXT = new Set(["model_turn", "wait", "compacted", "phase", "ended"]);

// `known` are the entries that the rows were made of, `earlier` those before them that wait to be drawn with them.
export const start = () => ({ log: empty(), stream: "", loaded: false, whole: false, from: 0, known: [], earlier: [] });

// Rows depend on what came before them, so older entries make all of them anew: each time as many wait as are drawn,
// a few times in all however long the log is.
function withOlder(state, events, hasOlder) {
  const earlier = [...events, ...state.earlier];
  if (hasOlder && earlier.length < state.known.length) return { ...state, earlier };
  const known = [...earlier, ...state.known];
  return { ...state, log: take(empty(), known), from: known[0]?.seq || 0, known: hasOlder ? known : [], earlier: [], whole: !hasOlder };
}

function withNew(state, events, hasOlder) {
  const fresh = events.filter((event) => event.seq > state.log.seq);
  const stream = fresh.some((event) => ENDS_TEXT.has(event.kind)) ? "" : state.stream;
  const whole = state.whole || hasOlder === false;
  return { ...state, log: take(state.log, fresh), stream, loaded: true, whole, from: state.from || fresh[0]?.seq || 0, known: whole ? [] : [...state.known, ...fresh] };
}

export function reduce(state, action) {
  if (action.type === "delta") return action.of === "text" ? { ...state, stream: state.stream + action.text } : state;
  return action.type === "older" ? withOlder(state, action.events, action.has_older) : withNew(state, action.events, action.has_older);
}
