// The first story of the simulator that shows the absence of each guard of the contract.
//
//   cargo build --release -p perunika-sim && node scripts/hunt.mjs [--seeds N] [NAME ..]
//
// Prints a line for each mutant: the seed, and what was said first. Fails if one that the simulator must find (`by` in
// scripts/mutants) is not found in seeds 0 to N - 1 (2,000).
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "./compiler.mjs";
import { folder, mutants, mutate, ownSources, write } from "./mutants.mjs";

const STRIDE = 50; // so that a mutant that is found early costs little

/** The first seed whose story breaks a promise, and which. */
function hunt(name, seeds) {
  const simulator = join(root, "..", "target", "release", "perunika-sim");
  const env = { ...process.env, PERUNIKA_ADJUDICATOR: join(folder, `${name}.hex`) };
  for (let first = 0; first < seeds; first += STRIDE) {
    const args = ["--first-seed", first, "--seeds", Math.min(STRIDE, seeds - first)].map(String);
    const run = spawnSync(simulator, args, { env, encoding: "utf8", maxBuffer: 1 << 28 });
    const found = /^seed (\d+) broke a promise[^\n]*\n *([^\n]*)/m.exec(run.stdout);
    if (found) return { seed: Number(found[1]), said: found[2] };
    if (run.status !== 0) throw new Error(`${name}: ${run.stderr}`);
  }
  return undefined;
}

const args = process.argv.slice(2);
const seeds = args.includes("--seeds") ? Number(args.splice(args.indexOf("--seeds"), 2)[1]) : 2_000;
const files = ownSources();
let missed = 0;
for (const mutant of mutants.filter(({ name, by }) => (args.length === 0 ? by === "simulator" : args.includes(name)))) {
  write(mutant.name, mutate(files, mutant));
  const found = hunt(mutant.name, seeds);
  if (!found) missed += 1;
  console.log(`${mutant.name}: ${found ? `seed ${found.seed}: ${found.said}` : "NOT FOUND"}`);
}
console.log(`${missed} not found`);
process.exitCode = missed === 0 ? 0 : 1;
