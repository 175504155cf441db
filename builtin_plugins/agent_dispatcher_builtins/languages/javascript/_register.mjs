// Loaded before each file of tests: modules are looked for as hooks.mjs beside this says, in `import` and in `require`.
import fs from "node:fs";
import Module, { register } from "node:module";
import path from "node:path";
import { HOLLOW, isHollow } from "./hooks.mjs";
import { stripped } from "./typescript.mjs";

register("./hooks.mjs", import.meta.url);
const load = Module._load;
Module._load = function (request, parent, ...more) {
  const file = /^\.{0,2}\//.test(request) && parent?.filename ? path.resolve(path.dirname(parent.filename), request) : "";
  return file && isHollow(file) ? HOLLOW : Reflect.apply(load, this, [request, parent, ...more]);
};
if (GIVEN.strips) {
  for (const ending of [".ts", ".cts"]) {
    Module._extensions[ending] = (loaded, file) => loaded._compile(GIVEN.stripped[file] ?? stripped(fs.readFileSync(file, "utf8"), file), file);
  }
}
