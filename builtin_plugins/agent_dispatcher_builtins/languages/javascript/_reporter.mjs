// A reporter of node's test runner that writes JUnit XML in which every test names its file, and a file that cannot be loaded says why.
import path from "node:path";
import { fileURLToPath } from "node:url";

const inside = (file) => (file && path.isAbsolute(file) ? path.relative(GIVEN.folder, file) : file || "");
// XML has no place for most control characters, not even escaped.
const plain = (text) => String(text).replace(/\u001b\[[0-9;]*m/g, "").replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]/g, "?");
const escaped = (text) => plain(text).replace(/[&<>"]/g, (each) => `&#${each.charCodeAt(0)};`);
const attribute = (text) => escaped(text).replace(/[\r\n\t]+/g, " ");
const aboutTree = (text) => text.replaceAll(`file://${GIVEN.folder}/`, "").replaceAll(`${GIVEN.folder}/`, "");

function said(error) {
  const cause = error?.cause && typeof error.cause === "object" ? error.cause : error;
  const message = typeof error?.cause === "string" ? error.cause : String(cause?.message ?? cause);
  const name = cause?.name && !message.startsWith(cause.name) && cause.name !== "Error" ? `${cause.name}: ` : "";
  return { message: aboutTree(name + message), text: aboutTree(String(cause?.stack ?? message)) };
}

// Of what a file said when it could not be loaded: the error, with the paths in it relative to the tree.
function loading(lines, file) {
  const text = lines.join("");
  const found = /^.*?\b\w*Error(?: \[\w+\])?: .*$/m.exec(text);
  let message = found ? found[0].trim() : `it ended before its tests did: ${text.trim().slice(-500)}`;
  const importer = /^file:\/\/[^\n]*?(?=:\d+$)/m.exec(text);
  message = message.replace(/(module ')(\.{1,2}\/[^']*)(')/, (all, before, specifier, after) => {
    const from = importer ? fileURLToPath(importer[0]) : path.resolve(GIVEN.folder, file);
    return before + path.resolve(path.dirname(from), specifier) + after;
  });
  return { message: aboutTree(message), text: aboutTree(text) };
}

export function xml(names, file, { seconds, kind, message, text }) {
  const head = `  <testcase classname="" name="${attribute(names.join(" > "))}" file="${attribute(file)}" time="${seconds.toFixed(6)}"`;
  if (!kind) return `${head}/>\n`;
  if (kind === "skipped") return `${head}><skipped message="${attribute(message)}"/></testcase>\n`;
  return `${head}><${kind} message="${attribute(message)}">${escaped(text)}</${kind}></testcase>\n`;
}

export default async function* reporter(events) {
  const open = [];
  const stderr = new Map();
  const unloaded = [];
  yield '<?xml version="1.0" encoding="utf-8"?>\n<testsuites>\n';
  for await (const { type, data } of events) {
    if (type === "test:start") open[data.nesting] = data.name;
    if (type === "test:stderr") stderr.set(inside(data.file), [...(stderr.get(inside(data.file)) ?? []), data.message]);
    if (type !== "test:pass" && type !== "test:fail") continue;
    const file = inside(data.file);
    const names = [...open.slice(0, data.nesting), data.name];
    const seconds = (data.details?.duration_ms ?? 0) / 1000;
    const error = data.details?.error;
    const failed = type === "test:fail";
    // The runner takes a file for a test: one without tests has not shown anything.
    if (data.nesting === 0 && GIVEN.tests.includes(path.resolve(GIVEN.folder, data.name))) {
      if (failed && error?.failureType !== "subtestsFailed") unloaded.push([inside(path.resolve(GIVEN.folder, data.name)), seconds]);
    } else if (data.skip !== undefined || data.todo !== undefined) {
      yield xml(names, file, { seconds, kind: "skipped", message: String(data.skip ?? data.todo) });
    } else if (failed) {
      if (error?.failureType !== "subtestsFailed") yield xml(names, file, { seconds, kind: "failure", ...said(error) });
    } else if (data.details?.type !== "suite") yield xml(names, file, { seconds });
  }
  for (const [file, seconds] of unloaded) yield xml([file], file, { seconds, kind: "error", ...loading(stderr.get(file) ?? [], file) });
  yield "</testsuites>\n";
}
