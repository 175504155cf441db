// Takes the types out of TypeScript, in node itself or by the package that the environment names, and tells modules from scripts.
import fs from "node:fs";
import module from "node:module";
import path from "node:path";

export function isModule(file, text) {
  if (/\.m[jt]s$/.test(file)) return true;
  if (/\.c[jt]s$/.test(file)) return false;
  for (let folder = path.dirname(path.resolve(file)); ; folder = path.dirname(folder)) {
    try {
      const { type } = JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8"));
      if (type) return type === "module";
      break;
    } catch {
      if (folder === process.cwd() || folder === path.dirname(folder)) break;
    }
  }
  return /^\s*(?:import|export)\b/m.test(text);
}

let strip;

// Where it is told the file, the fault names it.
export function stripped(text, file) {
  if (module.stripTypeScriptTypes) return module.stripTypeScriptTypes(text);
  const folder = process.env.AGENT_DISPATCHER_TYPE_STRIPPER;
  if (!folder) {
    throw new Error(`node ${process.version} does not run TypeScript: use the language typescript, or node 22.13 or newer`);
  }
  strip ??= module.createRequire(path.join(folder, "package.json"))(folder).transformSync;
  try {
    return strip(text, { mode: "strip-only" }).code;
  } catch (error) {
    // What it throws is no Error.
    const place = file ? `${file}:${error.startLine}: ` : "";
    throw Object.assign(new SyntaxError(place + error.message), { line: error.startLine });
  }
}
