// Proofs of E1 to E12 (docs/attacks.md) on the committed bytecode and on the libraries.
//
//   node scripts/symbolic.mjs [--long] [--jobs N] [--limit SECONDS] [--mutants] [PATTERN ..]
//
// Every check_* of symbolic/*.sol must be proven, every check_witness_* be refuted: it says that no call succeeds. What must be
// there stands in symbolic/expected.json, with the seconds of processor time that it took (null: not measured); a check that is missing, new or
// undecided is a failure, unless it is called open there: written, but not run to its end yet. --long: those that take longer
// too. --limit: real time of each check (1,800 s), after which it is undecided. --mutants: instead, each mutant of symbolic/mutants.json must
// be refuted by the check named there.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { root } from "./compiler.mjs";
import { mutants, mutate, ownSources, write } from "./mutants.mjs";
import { assertions, checkModels, unclamped } from "./symbolic/chc.mjs";
import { writeCode, writeHarnesses } from "./symbolic/harnesses.mjs";
import { folder, noForge, provers } from "./symbolic/tools.mjs";

const [PROVEN, REFUTED] = [0, 1];
const SECONDS_MAX = 1_800;

const readJson = (name) => JSON.parse(readFileSync(join(root, "symbolic", name), "utf8"));

/** What Halmos says of its one check: 0 proven, 1 refuted; anything else is undecided. A loop that was cut short proves nothing. */
function readReport(report) {
  if (!existsSync(report)) return -1;
  const results = Object.values(JSON.parse(readFileSync(report, "utf8")).test_results).flat();
  if (results.length !== 1 || results[0].num_bounded_loops > 0) return -1;
  return results[0].exitcode;
}

/** Runs one check; resolves to what it says and to the processor time that it took, seconds. */
function prove(bin, place, { contract, name }, wanted, limit) {
  const report = join(place, `${contract}.${name}.json`);
  rmSync(report, { force: true });
  const halmos = [
    `timeout --signal=KILL ${limit} ${join(bin, "halmos")} --root . --storage-layout generic --no-status --json-output ${report}`,
    `--loop 16 --solver-threads 1 --solver-timeout-assertion ${limit}s`,
    wanted === REFUTED ? "--early-exit" : "",
    `--contract ${contract} --match-test '^${name}\\('`,
  ].join(" ");
  return new Promise((resolve) => {
    const run = spawn("bash", ["-c", `TIMEFORMAT='%U %S'; time ${halmos} >${report}.log 2>&1`], {
      cwd: place,
      env: { ...process.env, PATH: `${noForge()}:${bin}:${process.env.PATH}` },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let times = "";
    run.stderr.on("data", (data) => (times += data));
    run.on("close", () => {
      const [user, system] = times.trim().split(/\s+/).slice(-2).map(Number);
      resolve({ exit: readReport(report), cpu: Math.round(user + system) });
    });
  });
}

async function inParallel(jobs, list, work) {
  const waiting = [...list];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: jobs }, worker));
}

let failures = 0;
function tell(ok, text) {
  if (!ok) failures += 1;
  console.log(`${ok ? "ok    " : "FAILED"} ${text}`);
}

async function proveAll(bin, checks, options) {
  const expected = readJson("expected.json");
  const names = checks.map(({ name }) => name);
  for (const name of new Set([...names, ...Object.keys(expected)])) {
    if (!names.includes(name) || !(name in expected)) tell(false, `${name}: not in harnesses and expected.json alike`);
  }
  const chosen = checks.filter(({ name }) => options.matches(name) && (options.long || !expected[name]?.long));
  await inParallel(options.jobs, chosen, async (check) => {
    const wanted = check.name.startsWith("check_witness_") ? REFUTED : PROVEN;
    const { exit, cpu } = await prove(bin, folder, check, wanted, options.limit);
    const other = wanted === PROVEN ? REFUTED : PROVEN;
    const { open } = expected[check.name] ?? {};
    // What is not decided yet need not be, but must not turn out the wrong way.
    tell(exit === wanted || (open && exit !== other), `${check.name} (${cpu} s, exit ${exit}${open ? ", open" : ""})`);
  });
}

function proveModels(bin) {
  const rows = checkModels(bin);
  for (const { says, safe } of rows) tell(safe, `chc: ${says}`);
  tell(rows.length === assertions, `chc: ${rows.length} assertions`);
  tell(checkModels(bin, unclamped).some(({ safe }) => !safe), "chc: without the clamp, not proven");
}

/** The harnesses with the code of a mutant beside them. */
function placeOf(mutant) {
  const place = join(folder, "mutants", mutant.name);
  mkdirSync(place, { recursive: true });
  rmSync(join(place, "out"), { force: true });
  symlinkSync(join(folder, "out"), join(place, "out"));
  writeCode(place, write(mutant.name, mutate(ownSources(), mutant)));
  return place;
}

async function refuteMutants(bin, checks, options) {
  const list = Object.entries(readJson("mutants.json")).filter(([mutant]) => options.matches(mutant));
  await inParallel(options.jobs, list, async ([mutant, name]) => {
    const check = checks.find((candidate) => candidate.name === name);
    const place = placeOf(mutants.find((candidate) => candidate.name === mutant));
    const { exit, cpu } = await prove(bin, place, check, REFUTED, options.limit);
    tell(exit === REFUTED, `${mutant}: ${name} (${cpu} s, exit ${exit})`);
  });
}

function readOptions(args) {
  const number = (name, otherwise) => (args.includes(name) ? Number(args.splice(args.indexOf(name), 2)[1]) : otherwise);
  const [jobs, limit] = [number("--jobs", availableParallelism()), number("--limit", SECONDS_MAX)];
  const patterns = args.filter((arg) => !arg.startsWith("--"));
  const matches = (name) => patterns.length === 0 || patterns.some((pattern) => name.includes(pattern));
  return { jobs, limit, matches, long: args.includes("--long"), mutants: args.includes("--mutants"), all: patterns.length === 0 };
}

const options = readOptions(process.argv.slice(2));
const bin = provers();
const checks = writeHarnesses(folder);
writeCode(folder);
if (options.mutants) {
  await refuteMutants(bin, checks, options);
} else {
  await proveAll(bin, checks, options);
  if (options.all) proveModels(bin);
}
console.log(failures === 0 ? "all as expected" : `${failures} failures`);
process.exitCode = failures === 0 ? 0 : 1;
