// What can be said of a changed file before it is drawn: why it is folded, its place in the tree, its pieces. Pure.

import { signs } from "./signs.js";

const LARGE = 400; // changed lines
const PIECE = 200; // lines of a diff that are drawn at once
const LOCK = /(^|\/)(package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|bun\.lockb|go\.sum|[^/]+\.lock)$/;
const GENERATED = /\.min\.(js|css|mjs)$|\.snap$|\.map$|_pb2(_grpc)?\.pyi?$|\.pb\.go$|\.generated\.\w+$|\.g\.dart$/;
export const STATUS = {
  added: ["A", "added"], modified: ["M", "modified"], deleted: ["D", "deleted"], renamed: ["R", "renamed"], copied: ["C", "copied"], type_changed: ["T", "type changed"],
};

export function whyFolded(file) {
  if (file.is_binary) return "A binary file: there is nothing to read.";
  if (!/^@@/m.test(file.patch)) return modeChange(file) ? "Only its mode changed." : file.status === "renamed" ? "Renamed without changes." : "An empty file.";
  if (file.status === "deleted") return "The whole file was deleted.";
  if (LOCK.test(file.path)) return "A lock file, made by a tool.";
  if (GENERATED.test(file.path)) return "A generated file.";
  const changed = file.added + file.removed;
  return changed > LARGE ? `${changed.toLocaleString()} changed lines.` : "";
}

export const hasLines = (file) => !file.is_binary && /^@@/m.test(file.patch);

// "100644 → 100755", and in words where that is all it means.
export function modeChange(file) {
  const head = file.patch.split(/^@@/m, 1)[0];
  const [before, after] = [/^old mode (\d+)$/m.exec(head)?.[1], /^new mode (\d+)$/m.exec(head)?.[1]];
  if (!before || !after) return /^new file mode 100755$/m.test(head) ? "executable" : "";
  if (before === "100644" && after === "100755") return "made executable";
  return before === "100755" && after === "100644" ? "no longer executable" : `mode ${before} → ${after}`;
}

// A changed file is another one: whoever marked it as viewed has not seen this. 53 bits (cyrb53) are plenty for one task.
export function hashOf(file, version) {
  const text = `${file.status}\n${file.old_path}\n${file.is_binary ? version : file.patch}`;
  let [one, two] = [0xdeadbeef, 0x41c6ce57];
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    one = Math.imul(one ^ code, 2654435761);
    two = Math.imul(two ^ code, 1597334677);
  }
  one = Math.imul(one ^ (one >>> 16), 2246822507) ^ Math.imul(two ^ (two >>> 13), 3266489909);
  two = Math.imul(two ^ (two >>> 16), 2246822507) ^ Math.imul(one ^ (one >>> 13), 3266489909);
  return (4294967296 * (2097151 & two) + (one >>> 0)).toString(36);
}

const known = new WeakMap();

// Every line by `side:number`, with where a comment on it belongs: one that stayed is on the new side alone. Read once.
export function linesOf(file) {
  if (!known.has(file)) known.set(file, readLines(file));
  return known.get(file);
}

function readLines(file) {
  const found = new Map();
  let [before, after, inside] = [0, 0, false];
  for (const line of file.patch.split("\n")) {
    const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)/.exec(line);
    if (hunk) { [before, after, inside] = [Number(hunk[1]), Number(hunk[2]), true]; continue; }
    if (!inside) continue;
    const text = line.slice(1);
    if (line[0] === "+") { found.set(`new:${after}`, { side: "new", line: after, text }); after += 1; }
    else if (line[0] === "-") { found.set(`old:${before}`, { side: "old", line: before, text }); before += 1; }
    else if (line[0] === " ") {
      const place = { side: "new", line: after, text };
      found.set(`new:${after}`, place);
      found.set(`old:${before}`, place);
      before += 1;
      after += 1;
    }
  }
  return found;
}

// The diff in pieces that are drawn one by one as they come into view: the viewer itself draws everything at once.
export function piecesOf(file) {
  const lines = file.patch.split("\n");
  const start = lines.findIndex((line) => line.startsWith("@@"));
  const head = lines.slice(0, start).join("\n");
  const pieces = [];
  let [before, after, body, from, isCut, where] = [0, 0, [], [0, 0], false, ""];
  const close = (cutsNext) => {
    if (body.length) {
      const olds = body.filter((line) => line[0] === "-" || line[0] === " ").length;
      const news = body.filter((line) => line[0] === "+" || line[0] === " ").length;
      pieces.push({ text: `@@ -${from[0]},${olds} +${from[1]},${news} @@${where}\n${body.join("\n")}\n`, count: body.length, isCut });
    }
    [body, from, isCut, where] = [[], [before, after], cutsNext, ""];
  };
  for (const line of lines.slice(start)) {
    const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)/.exec(line);
    if (hunk) { close(false); [before, after, where] = [Number(hunk[1]), Number(hunk[2]), hunk[3]]; from = [before, after]; continue; }
    if (!"+- \\".includes(line[0] ?? "@")) continue;
    if (body.length >= PIECE && line[0] !== "\\" && (line[0] === " " || line[0] === body[body.length - 1][0])) close(true);
    body.push(signs(line));
    if (line[0] === "-" || line[0] === " ") before += 1;
    if (line[0] === "+" || line[0] === " ") after += 1;
  }
  close(false);
  const joined = [];
  for (const piece of pieces) {
    const last = joined[joined.length - 1];
    if (last && !piece.isCut && last.count + piece.count <= PIECE) { last.text += piece.text; last.count += piece.count; }
    else joined.push({ ...piece });
  }
  return joined.map((piece) => ({ ...piece, patch: `${head}\n${piece.text}` }));
}

// Folders and files as a tree; a folder with one child shares its line.
export function treeOf(files) {
  const root = { folders: new Map(), files: [] };
  for (const file of files) {
    const parts = file.path.split("/");
    let node = root;
    for (const part of parts.slice(0, -1)) {
      if (!node.folders.has(part)) node.folders.set(part, { folders: new Map(), files: [] });
      node = node.folders.get(part);
    }
    node.files.push({ name: parts[parts.length - 1], file });
  }
  const shorten = (name, node, path) => {
    let [label, current, whole] = [name, node, path];
    while (current.files.length === 0 && current.folders.size === 1) {
      const [[next, child]] = current.folders;
      [label, current, whole] = [`${label}/${next}`, child, `${whole}/${next}`];
    }
    return { name: label, path: whole, ...open(current, whole) };
  };
  const open = (node, path) => ({
    folders: [...node.folders].map(([name, child]) => shorten(name, child, path ? `${path}/${name}` : name)),
    files: node.files,
  });
  return open(root, "");
}

// The files in the tree's order, so that the next one below is the next one in the list.
export function inOrder(tree) {
  return [...tree.folders.flatMap(inOrder), ...tree.files.map((one) => one.file)];
}
