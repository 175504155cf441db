// A reporter of node's test runner that writes how much of the tree's own code was run: lines and branches; a file that no test loads counts as not run.
import fs from "node:fs";
import path from "node:path";

export default async function* covering(events) {
  const files = {};
  for await (const { type, data } of events) {
    if (type !== "test:coverage") continue;
    for (const each of data.summary.files) {
      const name = path.relative(GIVEN.folder, each.path);
      if (!GIVEN.sources.includes(name)) continue;
      files[name] = {
        lines: each.totalLineCount, covered_lines: each.coveredLineCount,
        branches: each.totalBranchCount, covered_branches: each.coveredBranchCount,
      };
    }
  }
  for (const name of GIVEN.sources) {
    const lines = () => fs.readFileSync(path.join(GIVEN.folder, name), "utf8").split("\n").filter((line) => line.trim()).length;
    files[name] ??= { lines: lines(), covered_lines: 0, branches: 0, covered_branches: 0 };
  }
  let all = 0;
  let covered = 0;
  for (const each of Object.values(files)) {
    all += each.lines + each.branches;
    covered += each.covered_lines + each.covered_branches;
  }
  for (const each of Object.values(files)) {
    each.summary = { covered_lines: each.covered_lines, covered_branches: each.covered_branches, num_statements: each.lines, num_branches: each.branches };
  }
  yield `${JSON.stringify({ totals: all ? { percent_covered: (100 * covered) / all } : {}, files })}\n`;
}
