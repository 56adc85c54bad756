// Most of what a model says between its calls is a sentence in which Markdown would find nothing but code between single
// backticks (https://spec.commonmark.org/0.31.2/#code-spans): it needs no parser.
const MARKS = /[\n\r\t`*[\]<>|~#\\&@]|^\s|^([-+=]|\d+[.)])|(^|[^\p{L}\p{N}])_|_([^\p{L}\p{N}]|$)|:\/\/|www\.| {2}/u;
const CODE = /(?<!`)`([^`\n]+)`(?!`)/;
const EACH_CODE = new RegExp(CODE, "g");
const unpadded = (code) => (/^ .*[^ ].* $/.test(code) ? code.slice(1, -1) : code);

// Words and code by turns, words first; null where it takes a parser to know.
export function sentence(text) {
  const said = text.replace(/[ \t\r\n]+$/, "");
  if (MARKS.test(said.replaceAll(EACH_CODE, "x"))) return null;
  return said.split(CODE).map((piece, place) => (place % 2 ? unpadded(piece) : piece));
}
