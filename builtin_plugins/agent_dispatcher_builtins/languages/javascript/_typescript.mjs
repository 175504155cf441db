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

// vitest compiles what it runs: there, forms that need a compiler (enum, parameter properties) are no faults.
function compiles() {
  const modules = process.env.AGENT_DISPATCHER_NODE_MODULES;
  return Boolean(modules) && fs.existsSync(path.join(modules, "vitest", "vitest.mjs"));
}

// Where it is told the file, the fault names it.
export function stripped(text, file) {
  if (module.stripTypeScriptTypes) {
    try {
      return module.stripTypeScriptTypes(text);
    } catch (error) {
      if (error?.code !== "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX" || !compiles()) throw error;
      return module.stripTypeScriptTypes(text, { mode: "transform" });
    }
  }
  const folder = process.env.AGENT_DISPATCHER_TYPE_STRIPPER;
  if (!folder) {
    throw new Error(`node ${process.version} does not run TypeScript: use the language typescript, or node 22.13 or newer`);
  }
  strip ??= module.createRequire(path.join(folder, "package.json"))(folder).transformSync;
  const attempt = (mode) => strip(text, { mode }).code;
  try {
    return attempt("strip-only");
  } catch (error) {
    if (error.code === "UnsupportedSyntax" && compiles()) return attempt("transform");
    // What it throws is no Error.
    const place = file ? `${file}:${error.startLine}: ` : "";
    throw Object.assign(new SyntaxError(place + error.message), { line: error.startLine });
  }
}
