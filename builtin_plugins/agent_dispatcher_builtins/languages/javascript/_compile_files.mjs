// Parses the files named as arguments; a line per fault, exit code 1 if there is one. Runs in the sandbox, from its text; runs nothing of them.
import fs from "node:fs";
import module from "node:module";
import path from "node:path";
import vm from "node:vm";

let faults = 0;

function isModule(file, text) {
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

function stripped(text) {
  if (module.stripTypeScriptTypes) return module.stripTypeScriptTypes(text);
  const folder = process.env.AGENT_DISPATCHER_NODE_MODULES || path.resolve("node_modules");
  let ts;
  try {
    ts = module.createRequire(path.join(folder, "..", "package.json"))("typescript");
  } catch {
    // Said below, as for a version that cannot be asked.
  }
  if (typeof ts?.transpileModule !== "function") {
    throw new Error(`TypeScript needs node 22.13 or newer, or the package typescript 5 or 6; this is node ${process.version}`);
  }
  const done = ts.transpileModule(text, { reportDiagnostics: true, compilerOptions: { module: "esnext", target: "esnext" } });
  const fault = done.diagnostics?.[0];
  if (fault) throw new SyntaxError(ts.flattenDiagnosticMessageText(fault.messageText, " "));
  return done.outputText;
}

for (const file of process.argv.slice(1)) {
  try {
    const text = fs.readFileSync(file, "utf8");
    const plain = /\.[mc]?ts$/.test(file) ? stripped(text) : text;
    if (isModule(file, plain)) new vm.SourceTextModule(plain, { identifier: file });
    else new vm.Script(`(function (exports, require, module, __filename, __dirname) {${plain.replace(/^#!/, "//")}\n})`, { filename: file });
  } catch (error) {
    faults += 1;
    const stack = String(error.stack ?? "");
    const line = stack.startsWith(`${file}:`) ? Number.parseInt(stack.slice(file.length + 1), 10) || 1 : 1;
    console.log(`${file}:${line}: ${String(error.message).split("\n", 1)[0].trim()}`);
  }
}
process.exit(faults ? 1 : 0);
