// Where modules are found: the code under test is made hollow when that is asked for, packages are also looked for where the environment has them, and types
// are taken out where node does not do it.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isModule, stripped } from "./typescript.mjs";

const BODY = `
class SubjectIsHollow extends Error { name = "SubjectIsHollow"; }
function refuse() { throw new SubjectIsHollow("SubjectIsHollow: the code under test is not there in this run"); }
class Stand extends Error {}
const hollow = new Proxy(Stand, {
  apply: refuse, construct: refuse, set: refuse, has: refuse, ownKeys: refuse, deleteProperty: refuse, defineProperty: refuse,
  get(target, key) {
    if (key === Symbol.toPrimitive || key === Symbol.iterator || key === Symbol.asyncIterator) return refuse;
    return typeof key === "symbol" || key === "prototype" || key === "name" ? target[key] : hollow;
  },
});`;

export const HOLLOW = GIVEN.hollow ? new Function(`${BODY} return hollow;`)() : null;
// A module with a name "then" would be taken for a promise.
const NAMES = [...new Set([...GIVEN.words, "default"])].filter((word) => word !== "then").map((word) => `hollow as ${word}`).join(", ");
const MODULES = path.resolve(process.env.AGENT_DISPATCHER_NODE_MODULES || "node_modules");

function nameOf(name) {
  return name.replace(/\.[mc]?[jt]s$/, "").replace(/^src\//, "").replace(/\/index$/, "");
}

const SUBJECTS = new Set((GIVEN.hollow ?? []).map(nameOf));

export function isHollow(file) {
  return SUBJECTS.size > 0 && SUBJECTS.has(nameOf(path.relative(GIVEN.folder, file)));
}

export async function resolve(specifier, context, next) {
  if (/^(?:\.{0,2}\/|file:)/.test(specifier) && context.parentURL?.startsWith("file:")) {
    const url = new URL(specifier, context.parentURL);
    if (isHollow(fileURLToPath(url))) return { url: `${url.href}?hollow`, format: "module", shortCircuit: true };
  }
  try {
    return await next(specifier, context);
  } catch (error) {
    if (error?.code !== "ERR_MODULE_NOT_FOUND" || /^(?:\.{0,2}\/|\w+:|#)/.test(specifier)) throw error;
    return next(specifier, { ...context, parentURL: pathToFileURL(path.join(MODULES, "..", "package.json")).href });
  }
}

export async function load(url, context, next) {
  if (GIVEN.strips && /^file:.*\.[mc]?ts$/.test(url)) {
    const file = fileURLToPath(url);
    const source = GIVEN.stripped[file] ?? stripped(fs.readFileSync(file, "utf8"), file);
    return { format: isModule(file, source) ? "module" : "commonjs", shortCircuit: true, source };
  }
  if (!url.endsWith("?hollow")) return next(url, context);
  return { format: "module", shortCircuit: true, source: `${BODY}\nexport { ${NAMES} };\n` };
}
