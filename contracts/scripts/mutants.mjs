// Mutated contracts: each lacks one guard that the protocol asks for (scripts/mutants/*.mjs). Whatever claims to find defects
// of the contract (simulator, tests, proofs) must find these.
//
//   node scripts/mutants.mjs [--check] [--markdown] [NAME ..]
//
// Writes creation code, in hexadecimal, to ../target/contract-mutants/NAME.hex, and an index beside it. The original is there too,
// as c.original.hex. Of each mutant, `by`, `play` and `why` say whether a party in the simulator can use it, how, or why not, and
// `unseen` why nothing can find it (scripts/hunt.mjs). Fails if a patch does not apply exactly once, or a mutant does not compile or
// is no other code. --check: applies the patches, compiles nothing.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compilerVersion, creationCode, root, settings, sourceHash, sources } from "./compiler.mjs";
import ledger from "./mutants/ledger.mjs";
import money from "./mutants/money.mjs";
import nano from "./mutants/nano.mjs";
import payouts from "./mutants/payouts.mjs";
import virtual from "./mutants/virtual.mjs";

export const mutants = [...ledger, ...virtual, ...nano, ...payouts, ...money].map((mutant) => ({ by: "simulator", ...mutant }));

export const folder = join(root, "..", "target", "contract-mutants");

/** All sources of the contract with one guard gone. */
export function mutate(files, mutant) {
  const file = `src/${mutant.file}`;
  const text = files[file];
  const start = mutant.near ? text.indexOf(mutant.near) : 0;
  const rest = text.slice(start);
  const places = rest.split(mutant.from).length - 1;
  // Where `near` says in which function, the first place behind it is meant.
  if (start < 0 || places < 1 || (places > 1 && !mutant.near)) throw new Error(`${mutant.name}: ${places} places in ${file}`);
  return { ...files, [file]: text.slice(0, start) + rest.replace(mutant.from, () => mutant.to) };
}

export function ownSources() {
  return Object.fromEntries(Object.entries(sources()).filter(([file]) => !file.startsWith("src/nano/")));
}

function checkList() {
  const names = new Set();
  for (const { name, rule, by, play, why } of mutants) {
    if (names.has(name) || !/^c\.[a-z-]+$/.test(name)) throw new Error(`${name}: a bad name, or twice`);
    names.add(name);
    if (!rule || !["simulator", "tests"].includes(by)) throw new Error(`${name}: no rule, or nobody finds it`);
    if (!(by === "simulator" ? true : why)) throw new Error(`${name}: why can the simulator not find it?`);
    if (play && why) throw new Error(`${name}: a play and a reason why there is none`);
  }
}

/** Compiles what is not there yet. */
export function write(name, files) {
  const key = createHash("sha256").update(compilerVersion + JSON.stringify(settings) + sourceHash(files)).digest("hex");
  mkdirSync(folder, { recursive: true });
  const [path, stamp] = [join(folder, `${name}.hex`), join(folder, `${name}.key`)];
  try {
    if (readFileSync(stamp, "utf8") === key) return readFileSync(path, "utf8");
  } catch {
    // not compiled yet
  }
  const code = creationCode(files);
  writeFileSync(path, code);
  writeFileSync(stamp, key);
  return code;
}

function main(args) {
  checkList();
  const files = ownSources();
  const wanted = args.filter((arg) => !arg.startsWith("--"));
  const chosen = wanted.length === 0 ? mutants : mutants.filter(({ name }) => wanted.includes(name));
  if (chosen.length < wanted.length) throw new Error("no such mutant");
  const patched = chosen.map((mutant) => [mutant.name, mutate(files, mutant)]);
  if (args.includes("--check")) return console.log(`${patched.length} patches apply`);

  const original = write("c.original", files);
  for (const [name, changed] of patched) {
    let wrong = "";
    try {
      if (write(name, changed) === original) wrong = ": the same code as without the change";
    } catch (error) {
      wrong = `: ${error.message}`;
    }
    console.log(`${name}${wrong}`);
    if (wrong) process.exitCode = 1;
  }
  const index = mutants.map(({ name, rule, by, play, why }) => ({ name, rule, by, play: play ?? "", why: why ?? "" }));
  writeFileSync(join(folder, "index.json"), `${JSON.stringify(index, null, 2)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
