// Parses the files named as arguments; a line per fault, exit code 1 if there is one. Runs in the sandbox, from its text, behind that of _typescript.mjs; runs
// nothing of the files.
import vm from "node:vm";

let faults = 0;

for (const file of process.argv.slice(1)) {
  try {
    const text = fs.readFileSync(file, "utf8");
    const plain = /\.[mc]?ts$/.test(file) ? stripped(text) : text;
    if (isModule(file, plain)) new vm.SourceTextModule(plain, { identifier: file });
    else new vm.Script(`(function (exports, require, module, __filename, __dirname) {${plain.replace(/^#!/, "//")}\n})`, { filename: file });
  } catch (error) {
    faults += 1;
    const stack = String(error.stack ?? "");
    const line = error.line ?? (stack.startsWith(`${file}:`) ? Number.parseInt(stack.slice(file.length + 1), 10) || 1 : 1);
    console.log(`${file}:${line}: ${String(error.message).split("\n", 1)[0].trim()}`);
  }
}
process.exit(faults ? 1 : 0);
