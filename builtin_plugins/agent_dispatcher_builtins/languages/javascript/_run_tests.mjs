// Runs node's own test runner, or vitest where tests are written for it, with results as JUnit XML and, if wanted, coverage as JSON. Runs in the sandbox,
// from its text, behind those of _typescript.mjs and _vitest.mjs.
//
// Arguments: the texts of our other programs (JSON), where the XML goes, where the coverage goes (empty for none), the modules to make hollow
// (JSON, null for none), then paths of tests; without any, all tests below this folder. Nothing of the work is loaded in this process.

const [texts, results, coverage, hollow, ...named] = process.argv.slice(1);
const { reporter, covering, hooks, register, typescript } = JSON.parse(texts);
const MODULES = process.env.AGENT_DISPATCHER_NODE_MODULES;
const SOURCE = MODULES ? /\.[mc]?[jt]sx?$/ : /\.[mc]?[jt]s$/;
const TEST = MODULES ? /^(?:test|test-.*|.*[._-]test|.*\.spec)\.[mc]?[jt]sx?$/ : /^(?:test|test-.*|.*[._-]test|.*\.spec)\.[mc]?[jt]s$/;
const FOLDER = /(?:^|\/)(?:test|__tests__)\//;
// In a folder of tests there are helpers too: what holds no test is none.
const isTest = (each) => TEST.test(path.basename(each)) || (FOLDER.test(each) && /\b(?:test|it|describe|suite)\s*\(/.test(fs.readFileSync(each, "utf8")));

function* files(folder) {
  for (const entry of fs.readdirSync(folder || ".", { withFileTypes: true })) {
    const inside = folder ? `${folder}/${entry.name}` : entry.name;
    if (entry.isDirectory() && !entry.name.startsWith(".") && entry.name !== "node_modules") yield* files(inside);
    else if (entry.isFile() && SOURCE.test(entry.name) && !/\.d\.[mc]?ts$/.test(entry.name)) yield inside;
  }
}

const url = (text, given) => `data:text/javascript,${encodeURIComponent(`const GIVEN = ${JSON.stringify(given)};\n${text}`)}`;
const all = [...files("")].sort();
const wanted = named.length ? named : all.filter(isTest);
const vitested = wanted.filter((each) => isForVitest(each, MODULES));
const tests = wanted.filter((each) => !vitested.includes(each) && (named.length || !/x$/.test(each)));
const given = { folder: process.cwd(), tests: tests.map((each) => path.resolve(each)), hollow: JSON.parse(hollow), words: [] };
given.sources = all.filter((each) => !TEST.test(path.basename(each)) && !/(?:^|\/)tests?\//.test(each) && !/\.config\.[mc]?[jt]s$/.test(each));

const [major, minor] = process.versions.node.split(".").map(Number);
const flags = ["--test", `--test-reporter=${url(reporter, given)}`, `--test-reporter-destination=${results}`];
if (coverage && !vitested.length) flags.unshift("--experimental-test-coverage", `--test-reporter=${url(covering, given)}`, `--test-reporter-destination=${coverage}`);
given.strips = Boolean(process.env.AGENT_DISPATCHER_TYPE_STRIPPER);
if (!given.strips && [...tests, ...given.sources].some((each) => /ts$/.test(each))) {
  if (major > 22 || (major === 22 && minor >= 6)) flags.unshift("--experimental-strip-types");
  else if (tests.some((each) => /ts$/.test(each))) {
    console.error(`node ${process.version} does not run TypeScript: use the language typescript, or node 22.13 or newer`);
    process.exit(3);
  }
}
if (given.hollow) {
  const words = new Set();
  for (const each of new Set([...all, ...tests])) for (const word of fs.readFileSync(each, "utf8").match(/[A-Za-z_$][\w$]*/g) ?? []) words.add(word);
  given.words = [...words];
}
if (given.strips) {
  // Once for all tests: each is a process of its own, and what takes types out takes its time to get ready.
  given.stripped = {};
  for (const each of new Set([...all, ...tests])) {
    if (!/ts$/.test(each)) continue;
    try {
      given.stripped[path.resolve(each)] = stripped(fs.readFileSync(each, "utf8"));
    } catch {
      // Said by the test that loads it.
    }
  }
}
let scratch;
if (given.hollow || given.strips || MODULES) {
  // Their text may be longer than an argument can be, so that they are a file, outside of the work.
  scratch = fs.mkdtempSync(path.join(process.env.TMPDIR || "/tmp", "hooks-"));
  const body = `const GIVEN = ${JSON.stringify(given)};\n`;
  fs.writeFileSync(path.join(scratch, "hooks.mjs"), body + hooks);
  fs.writeFileSync(path.join(scratch, "typescript.mjs"), typescript);
  fs.writeFileSync(path.join(scratch, "register.mjs"), body + register);
  flags.unshift("--import", path.join(scratch, "register.mjs"));
}
let cases = "";
let passed = true;
if (vitested.length) {
  const { xml } = await import(url(reporter, given));
  const ours = (folder) => `const GIVEN = ${JSON.stringify({ ...given, folder })};\n${hooks}`;
  ({ cases, passed } = byVitest(vitested, { modules: MODULES, scratch, coverage, hollow: given.hollow, hooks: ours, xml }));
  if (cases === null) process.exit(3);
}
if (tests.length === 0 && vitested.length) {
  fs.writeFileSync(results, `<?xml version="1.0" encoding="utf-8"?>\n<testsuites>\n${cases}</testsuites>\n`);
  if (scratch) fs.rmSync(scratch, { recursive: true, force: true });
  process.exit(cases ? Number(!passed) : 5);
}
if (tests.length === 0) {
  fs.writeFileSync(results, '<?xml version="1.0" encoding="utf-8"?>\n<testsuites></testsuites>\n');
  if (coverage) fs.writeFileSync(coverage, '{"totals": {}}\n');
  process.exit(5);
}
const done = spawnSync(process.execPath, ["--no-warnings", ...flags, ...tests], { stdio: "inherit" });
if (scratch) fs.rmSync(scratch, { recursive: true, force: true });
if (done.error) throw done.error;
if (cases && fs.existsSync(results)) fs.writeFileSync(results, fs.readFileSync(results, "utf8").replace("</testsuites>", `${cases}</testsuites>`));
process.exit(done.status || (passed ? (done.status ?? 3) : 1));
