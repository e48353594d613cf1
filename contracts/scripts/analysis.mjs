// Static analysis: every finding of Slither, of all its detectors, has an answer in analysis/answers.json, and every answer a finding.
//
//   node scripts/analysis.mjs [--new]
//
// Fails if a finding is new (or reads otherwise than the one that was answered), and if one that was answered is gone. --new: prints
// the new ones as they would stand in that file. Slither gets the syntax tree from this compiler, so that it needs none of its own; it is installed into
// ../target/analysis on the first run (python3), PERUNIKA_SLITHER names a folder where it is.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import solc from "solc";
import { compilerVersion, root, settings, sources } from "./compiler.mjs";
import { binary } from "./forge.mjs";
import { programs } from "./venv.mjs";

const folder = join(root, "..", "target", "analysis");
const place = join(folder, "project");

/** The sources as a Foundry project that is built: trees and interfaces, no code, which no detector reads. */
function layOut() {
  const files = sources();
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(Object.entries(files).map(([file, content]) => [file, { content }])),
    settings: { ...settings, outputSelection: { "*": { "": ["ast"], "*": ["abi", "evm.methodIdentifiers", "devdoc", "userdoc"] } } },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  if (output.errors?.length > 0) throw new Error(output.errors.map(({ formattedMessage }) => formattedMessage).join("\n"));
  const nothing = { object: "", sourceMap: "", opcodes: "", linkReferences: {} };
  for (const contract of Object.values(output.contracts).flatMap((file) => Object.values(file))) {
    contract.metadata = "";
    contract.evm = { ...contract.evm, bytecode: nothing, deployedBytecode: nothing };
  }

  rmSync(place, { recursive: true, force: true });
  const info = { id: "all", _format: "ethers-rs-sol-build-info-1", solcVersion: compilerVersion.split("+")[0], solcLongVersion: compilerVersion };
  const written = {
    ...files,
    "foundry.toml": '[profile.default]\nsrc = "src"\nlibs = []\n',
    "out/build-info/all.json": JSON.stringify({ ...info, language: "Solidity", input, output }),
  };
  for (const [file, text] of Object.entries(written)) {
    mkdirSync(dirname(join(place, file)), { recursive: true });
    writeFileSync(join(place, file), text);
  }
}

/** What Slither says, each as `check: description` without the numbers of lines. */
function findings() {
  const bin = process.env.PERUNIKA_SLITHER ?? programs(join(folder, "venv"), join(root, "analysis", "requirements.txt"), "slither");
  const report = join(folder, "report.json");
  rmSync(report, { force: true });
  // It asks forge where things are.
  const env = { ...process.env, PATH: `${dirname(binary("forge"))}:${bin}:${process.env.PATH}` };
  const run = spawnSync(join(bin, "slither"), [".", "--ignore-compile", "--json", report], { cwd: place, env, encoding: "utf8" });
  let said;
  try {
    said = JSON.parse(readFileSync(report, "utf8"));
  } catch {
    throw new Error(run.stderr || String(run.error));
  }
  if (!said.success) throw new Error(said.error);
  const plain = (text) => text.replace(/#\d+(-\d+)?/g, "").replace(/\s+/g, " ").trim();
  return (said.results.detectors ?? []).map(({ check, description }) => `${check}: ${plain(description)}`);
}

function main(asFile) {
  layOut();
  const found = new Set(findings());
  const answered = JSON.parse(readFileSync(join(root, "analysis", "answers.json"), "utf8")).flatMap(({ answer, findings }) => {
    if (!answer) throw new Error("an answer that says nothing");
    return findings;
  });
  const fresh = [...found].filter((finding) => !answered.includes(finding)).sort();
  const gone = answered.filter((finding) => !found.has(finding));
  if (asFile) return console.log(JSON.stringify(fresh, null, 2));
  for (const finding of fresh) console.error(`new: ${finding}`);
  for (const finding of gone) console.error(`gone: ${finding}`);
  if (found.size === 0) throw new Error("no finding at all: Slither has seen nothing");
  console.log(`Slither: ${found.size} findings, ${fresh.length} of them new; ${gone.length} are gone`);
  process.exitCode = fresh.length + gone.length === 0 ? 0 : 1;
}

main(process.argv.includes("--new"));
