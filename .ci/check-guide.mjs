// Follows docs/nanocontracts.md literally, in an empty folder with the checkout in `perunika`: writes the files it shows and runs the commands
// it gives, in order and in one shell. A block counts if the line before it is `<!-- guide: NAME -->`, where NAME is `run`, a file to be written,
// or a file of the repository, which must have the same text. The output of the commands must contain the lines of the `<!-- guide: expect`
// comments, in this order. Wants `perunika` on the path where the commands use it.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const guide = readFileSync(join(root, "docs", "nanocontracts.md"), "utf8");

const blocks = [...guide.matchAll(/^<!-- guide: (\S+) -->\n```\w+\n(.*?)^```$/gms)].map(([, name, text]) => ({ name, text }));
const expected = [...guide.matchAll(/^<!-- guide: expect\n(.*?)^-->$/gms)].flatMap(([, text]) => text.trim().split("\n"));
const marks = guide.match(/^<!-- guide: /gm)?.length ?? 0;
const lists = guide.match(/^<!-- guide: expect\n/gm)?.length ?? 0;
if (blocks.length === 0 || marks !== blocks.length + lists) throw new Error("a mark in docs/nanocontracts.md has no block");
if (expected.length === 0) throw new Error("docs/nanocontracts.md does not say what must come of it");

const folder = mkdtempSync(join(tmpdir(), "guide-"));
symlinkSync(root, join(folder, "perunika"));
for (const { name, text } of blocks.filter(({ name }) => name !== "run")) {
  if (!name.startsWith("perunika/")) writeFileSync(join(folder, name), text);
  else if (readFileSync(join(folder, name), "utf8") !== text) throw new Error(`${name} is not what the guide shows`);
}
const script = blocks.filter(({ name }) => name === "run").map(({ text }) => text).join("");

let run;
let compiled;
try {
  run = spawnSync("bash", ["-euo", "pipefail", "-c", script], { cwd: folder, encoding: "utf8", timeout: 300_000 });
  if (run.status === 0) compiled = readFileSync(join(folder, "Guess.json"), "utf8");
} finally {
  stopNodes(folder);
  rmSync(folder, { recursive: true, force: true });
}
process.stdout.write(run.stdout);
process.stderr.write(run.stderr);
if (run.status !== 0) throw new Error(`the commands of the guide failed: ${run.error ?? `status ${run.status}`}`);

const kept = "crates/sim/tests/guess/Guess.json";
if (compiled !== readFileSync(join(root, kept), "utf8")) throw new Error(`${kept} is not what the guide's contract compiles to`);

let from = 0;
for (const text of expected) {
  const found = run.stdout.indexOf(text, from);
  if (found < 0) throw new Error(`the commands of the guide did not print ${JSON.stringify(text)}, or not in this place`);
  from = found + text.length;
}
console.log(`guide: ${blocks.length} blocks, ${expected.length} results as described`);

/** Processes that `--start` and `--background` left, by the pid files in this folder. */
function stopNodes(within) {
  for (const entry of readdirSync(within, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".pid")) continue;
    try {
      process.kill(Number(readFileSync(join(entry.parentPath ?? entry.path, entry.name), "utf8")));
    } catch {
      // It has ended already.
    }
  }
}
