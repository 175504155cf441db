// Tests that are written for vitest are run by it, with the project's own configuration. It finds packages beside the work only and writes there too, so that
// it is given a copy of the work, beside links to the packages; where the work is a copy, its paths are told as in the work.
import { spawnSync } from "node:child_process";
import { pathToFileURL } from "node:url";

const SKIPPED = /^(?:\.git|\.dispatcher|node_modules)$/;
const OTHERS = /["'](?:node:test|tap|ava|uvu)["']/;
const CONFIGURATION = ["vitest", "vite"].flatMap((name) => ["ts", "mts", "cts", "js", "mjs", "cjs"].map((ending) => `${name}.config.${ending}`));

export function isForVitest(file, modules) {
  return Boolean(modules) && fs.existsSync(path.join(modules, "vitest", "vitest.mjs")) && !OTHERS.test(fs.readFileSync(file, "utf8"));
}

function* packages(modules) {
  for (const name of fs.readdirSync(modules)) {
    if (name.startsWith("@")) yield* fs.readdirSync(path.join(modules, name)).map((each) => `${name}/${each}`);
    else if (!name.startsWith(".")) yield name;
  }
}

function copied(modules, scratch) {
  const copy = path.join(fs.realpathSync(scratch), "work");
  const wanted = (file) => !SKIPPED.test(path.basename(file)) && !fs.lstatSync(file).isSocket();
  fs.cpSync(process.cwd(), copy, { recursive: true, verbatimSymlinks: true, filter: wanted });
  for (const name of packages(modules)) {
    const link = path.join(copy, "node_modules", name);
    fs.mkdirSync(path.dirname(link), { recursive: true });
    fs.symlinkSync(path.join(modules, name), link);
  }
  return copy;
}

// The project's configuration with a plugin of ours, which has the code under test made hollow.
function hollowing(copy, modules, scratch) {
  const resolve = module.createRequire(path.join(fs.realpathSync(path.join(modules, "vitest")), "package.json")).resolve;
  const vite = path.join(path.dirname(resolve("vite/package.json")), "dist/node/index.js");
  const own = CONFIGURATION.map((name) => path.join(copy, name)).find((file) => fs.existsSync(file));
  const file = path.join(copy, "vitest.hollow.config.mjs");
  fs.writeFileSync(file, `
    import { loadConfigFromFile, mergeConfig } from ${JSON.stringify(pathToFileURL(vite).href)};
    import { isHollow, load } from ${JSON.stringify(pathToFileURL(path.join(scratch, "hollow.mjs")).href)};
    const own = ${JSON.stringify(own ?? null)};
    const found = own ? await loadConfigFromFile({ command: "serve", mode: "test" }, own) : null;
    const hollow = {
      name: "hollow", enforce: "pre",
      async load(id) { return isHollow(id.split("?")[0]) ? (await load("?hollow")).source : null; },
    };
    export default mergeConfig(found?.config ?? {}, { plugins: [hollow] });
  `);
  return file;
}

// What vitest says about what is not there, as node says it: the dispatcher knows it by that.
function absent(message, file, copy) {
  const told = /Cannot find module '([^'\n]+)'|Failed to (?:resolve import|load url) "?([^"\s]+)"?/.exec(message);
  if (told) {
    const name = told[1] ?? told[2];
    const place = name.startsWith(".") ? path.join(path.dirname(file), name) : path.relative(copy, name.replace(/^\/@fs/, ""));
    return `Cannot find module '${/^(?:\.{0,2}\/|\/)/.test(name) ? place : name}' imported from ${file}`;
  }
  const called = /\(0\s*,\s*(?:\w+\.)?([\w$]+)\) is not a (?:function|constructor)|\b([\w$]+) is not a constructor/.exec(message);
  if (!called) return message;
  const name = called[1] ?? called[2];
  const text = fs.readFileSync(path.join(copy, file), "utf8");
  for (const [, names, specifier] of text.matchAll(/import\s*\{([^}]*)\}\s*from\s*["'](\.[^"'\n]*)["']/g)) {
    const asked = names.split(",").map((each) => each.trim().split(/\s+as\s+/)).find((each) => each.at(-1) === name);
    if (asked) return `The requested module '${path.join(path.dirname(file), specifier)}' does not provide an export named '${asked[0]}': ${message}`;
  }
  return message;
}

// The results of `tests` as cases of JUnit, and whether all is well; coverage is written where it is wanted and can be had.
export function byVitest(tests, { modules, scratch, coverage, hollow, hooks, xml }) {
  const copy = copied(modules, scratch);
  const results = path.join(scratch, "vitest.json");
  const flags = ["run", "--root", copy, "--reporter=default", "--reporter=json", `--outputFile.json=${results}`];
  if (hollow) {
    fs.writeFileSync(path.join(scratch, "hollow.mjs"), hooks(copy));
    flags.push("--config", hollowing(copy, modules, scratch));
  }
  const measures = coverage && ["v8", "istanbul"].find((each) => fs.existsSync(path.join(modules, "@vitest", `coverage-${each}`)));
  const measured = path.join(scratch, "coverage");
  if (measures) flags.push("--coverage.enabled=true", `--coverage.provider=${measures}`, "--coverage.reporter=json-summary", `--coverage.reportsDirectory=${measured}`, "--coverage.reportOnFailure=true");
  const done = spawnSync(process.execPath, [path.join(modules, "vitest", "vitest.mjs"), ...flags, ...tests.map((each) => path.normalize(each))], {
    cwd: copy, encoding: "utf8", maxBuffer: 2 ** 26, env: { ...process.env, CI: "1" },
  });
  const plain = (text) => String(text ?? "").replaceAll(`file://${copy}/`, "").replaceAll(`${copy}/`, "");
  process.stdout.write(plain(done.stdout).replace(/^JSON report written to .*\n/m, ""));
  process.stderr.write(plain(done.stderr));
  if (coverage) fs.writeFileSync(coverage, '{"totals": {}}\n');
  if (measures) summarize(path.join(measured, "coverage-summary.json"), coverage, copy);
  let said;
  try {
    said = JSON.parse(fs.readFileSync(results, "utf8"));
  } catch {
    return { cases: null, passed: false };
  }
  const wanted = new Set(tests.map((each) => path.normalize(each)));
  let cases = "";
  let red = 0;
  for (const each of said.testResults) {
    const file = path.relative(copy, each.name);
    if (!wanted.has(file)) continue;
    if (each.status === "failed" && each.message && each.assertionResults.every((one) => one.status !== "failed")) {
      red += 1;
      cases += xml([file], file, { seconds: 0, kind: "error", message: plain(absent(each.message, file, copy)), text: plain(each.message) });
    }
    for (const one of each.assertionResults) {
      const names = [...one.ancestorTitles, one.title];
      const seconds = (one.duration ?? 0) / 1000;
      const text = (one.failureMessages ?? []).join("\n");
      if (one.status === "passed") cases += xml(names, file, { seconds });
      else if (one.status === "failed") {
        red += 1;
        const message = absent(text.split(/\n\s+at /)[0], file, copy);
        cases += xml(names, file, { seconds, kind: "failure", message: plain(message), text: plain(text) });
      } else cases += xml(names, file, { seconds, kind: "skipped", message: one.status });
    }
  }
  const beside = /Unhandled (?:Errors?|Rejections?)[\s\S]*/.exec(done.stderr ?? "");
  if (done.status !== 0 && red === 0 && beside) {
    red += 1;
    const text = plain(beside[0]);
    cases += xml(["errors beside the tests"], path.normalize(tests[0]), { seconds: 0, kind: "error", message: text.slice(0, 2000), text });
  }
  return { cases, passed: red === 0 };
}

function summarize(from, to, copy) {
  if (!fs.existsSync(from)) return;
  const files = {};
  let all = 0;
  let covered = 0;
  for (const [name, each] of Object.entries(JSON.parse(fs.readFileSync(from, "utf8")))) {
    const [lines, branches] = [each.lines, each.branches];
    if (name === "total") [all, covered] = [lines.total + branches.total, lines.covered + branches.covered];
    else files[path.relative(copy, name)] = { summary: { covered_lines: lines.covered, covered_branches: branches.covered, num_statements: lines.total, num_branches: branches.total } };
  }
  fs.writeFileSync(to, `${JSON.stringify({ totals: all ? { percent_covered: (100 * covered) / all } : {}, files })}\n`);
}
