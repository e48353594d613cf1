// What notices the absence of each guard of the contract: the comparison with the reference (crates/reference) and forge's tests,
// run on the creation code of each mutant.
//
//   node scripts/hunt.mjs [--stories N] [NAME ..]
//
// Prints for each mutant the first of these that finds it, or NOT FOUND:
//   seed S      the first of the random stories 0 to N - 1 (1,000) that ends otherwise
//   NAME        a comparison of small widths, or one apart, that does
//   …, the error only: nothing goes through that should not, but it is refused for another reason
//   NAME, by forge      a test of test/ that fails; of a library, one of test/libraries, which compiles the mutant's sources
// Fails if one is not found and has no reason for it (`unseen`). A mutant takes about a minute, all of them some hours.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "./compiler.mjs";
import { binary } from "./forge.mjs";
import { folder, mutants, mutate, ownSources, write } from "./mutants.mjs";

const STRIDE = 100; // so that a mutant that is found early costs little

function run(program, args, env, cwd) {
  return spawnSync(program, args, { cwd, env: { ...process.env, ...env }, encoding: "utf8", maxBuffer: 1 << 28 });
}

/** The program that compares (crates/reference, test `differential`); PERUNIKA_COMPARISON names one that is built already. */
function comparison() {
  if (process.env.PERUNIKA_COMPARISON) return process.env.PERUNIKA_COMPARISON;
  const args = "test --release --quiet -p perunika-reference --test differential --no-run --message-format=json".split(" ");
  const built = run("cargo", args, {}, join(root, ".."));
  const programs = built.stdout.split("\n").filter((line) => line.includes('"executable":"'));
  if (programs.length === 0) throw new Error(built.stderr);
  return JSON.parse(programs.at(-1)).executable;
}

/** One line, and not long: of hashes the beginning, of what succeeded that it did. */
function short(said) {
  const line = said.replace(/^called `Result::unwrap\(\)` on an `Err` value: "/, "").replace(/\s+/g, " ").replaceAll("|", "/");
  const plain = line.replace(/\bWell \{.*$/, "does it").replace(/(0x[0-9a-f]{8})[0-9a-f]{8,}/g, "$1…");
  return plain.replace(/^(.{110}).+$/, "$1…");
}

/** The first story that differs, and how. */
function inStories(program, env, stories) {
  for (let first = 0; first < stories; first += STRIDE) {
    const count = Math.min(STRIDE, stories - first);
    const told = run(program, ["random_stories_end_alike"], { ...env, PERUNIKA_FIRST_STORY: first, PERUNIKA_STORIES: count });
    const found = [...told.stdout.matchAll(/^seed (\d+), call \d+: (.*)$/gm)].sort((a, b) => a[1] - b[1]);
    if (found.length > 0) return { seed: Number(found[0][1]), said: short(found[0][2]) };
  }
  return undefined;
}

/** A comparison other than the stories that differs, and how. */
function inSmallWidths(program, env) {
  const told = run(program, ["--skip", "random_stories_end_alike"], env).stdout;
  const failed = /^---- (\S+) stdout ----\s+thread [^\n]*\n([^\n]*)/m.exec(told);
  return failed ? { test: failed[1], said: short(failed[2]) } : undefined;
}

/** The first of forge's tests that fails. */
function failing(place, env, ...paths) {
  const told = run(binary("forge"), ["test", ...paths], env, place);
  const failed = /^\[FAIL[^\n]*?: ([^\n]*)\] (\w+)\(/m.exec(told.stdout);
  if (!failed && told.status !== 0) throw new Error(told.stderr || told.stdout);
  return failed ? { where: `\`${failed[2]}\`, by forge`, said: short(failed[1]) } : undefined;
}

/** Tests that make the contract out of its creation code, but the one that asks whether the extension is that of the sources. */
function inForge(env) {
  const others = ["--no-match-test", "the_same_everywhere"];
  return failing(root, env, "--no-match-path", "test/{*Gas.t.sol,invariant/*,libraries/*}", ...others);
}

/** Tests of libraries compile them: in a folder of their own, with the mutant's sources. */
function inLibraries(name, files) {
  const place = join(folder, `${name}.forge`);
  rmSync(place, { recursive: true, force: true });
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(place, file)), { recursive: true });
    writeFileSync(join(place, file), text);
  }
  cpSync(join(root, "src", "nano"), join(place, "src", "nano"), { recursive: true });
  cpSync(join(root, "test"), join(place, "test"), { recursive: true });
  cpSync(join(root, "foundry.toml"), join(place, "foundry.toml"));
  for (const shared of ["bin", "vectors", "artifacts", "node_modules"]) symlinkSync(join(root, shared), join(place, shared));
  const found = failing(place, {}, "--match-path", "test/libraries/*");
  rmSync(place, { recursive: true, force: true });
  return found;
}

function hunt(program, name, files, stories) {
  const strict = { PERUNIKA_ADJUDICATOR: join(folder, `${name}.hex`) };
  for (const [env, how] of [[{ ...strict, PERUNIKA_ANY_ERROR: "1" }, ""], [strict, ", the error only"]]) {
    const story = inStories(program, env, stories);
    if (story) return { said: story.said, where: `seed ${story.seed}${how}` };
    const test = inSmallWidths(program, env);
    if (test) return { said: test.said, where: `\`${test.test}\`${how}` };
  }
  const { file } = mutants.find((mutant) => mutant.name === name) ?? { file: "" };
  return inForge(strict) ?? (file.startsWith("libraries/") ? inLibraries(name, files) : undefined);
}

function main(args) {
  const stories = args.includes("--stories") ? Number(args.splice(args.indexOf("--stories"), 2)[1]) : 1_000;
  const program = comparison();
  const files = ownSources();
  write("c.original", files);
  const broken = hunt(program, "c.original", files, 200);
  if (broken) throw new Error(`the contract itself fails: ${broken.where}: ${broken.said}`);

  let missed = 0;
  for (const mutant of mutants.filter(({ name }) => args.length === 0 || args.includes(name))) {
    const changed = mutate(files, mutant);
    write(mutant.name, changed);
    const found = hunt(program, mutant.name, changed, stories);
    if (!found && !mutant.unseen) missed += 1;
    console.log(`${mutant.name}: ${found ? `${found.where}: ${found.said}` : (mutant.unseen ?? "NOT FOUND")}`);
  }
  console.error(`${missed} not found`);
  process.exitCode = missed === 0 ? 0 : 1;
}

main(process.argv.slice(2));
