// Compiles one nanocontract, as src/nano is compiled: `node scripts/nano.mjs My.sol [--contract Name] [--out My.json]`.
// Writes { contractName, abi, deployedBytecode } beside the source, or where --out says; `perunika nano` takes that file.
// Imports that begin with "perunika/" are those of contracts/src, others are relative to the file.
import { readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import solc from "solc";
import { codeBytesMax, nanoSettings, root } from "./compiler.mjs";

const PREFIX = "perunika/";

function usage(problem) {
  console.error(`${problem}\nusage: node scripts/nano.mjs My.sol [--contract Name] [--out My.json]`);
  process.exit(2);
}

/** Where the text of a source unit lies. */
function locate(unit, folder) {
  return unit.startsWith(PREFIX) ? join(root, "src", unit.slice(PREFIX.length)) : resolve(folder, unit);
}

function compile(path) {
  const folder = dirname(resolve(path));
  const name = basename(path);
  const input = {
    language: "Solidity",
    sources: { [name]: { content: readFileSync(path, "utf8") } },
    settings: { ...nanoSettings, outputSelection: { "*": { "*": ["abi", "evm.deployedBytecode"] } } },
  };
  const read = (unit) => {
    try {
      return { contents: readFileSync(locate(unit, folder), "utf8") };
    } catch (error) {
      return { error: error.message };
    }
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: read }));
  const problems = output.errors ?? [];
  for (const problem of problems) process.stderr.write(`${problem.formattedMessage}\n`);
  if (problems.some((problem) => problem.severity === "error")) process.exit(1);
  return output.contracts[name] ?? {};
}

function choose(contracts, wanted) {
  const names = Object.keys(contracts).filter(
    (name) => contracts[name].abi.some((item) => item.name === "step") && contracts[name].evm.deployedBytecode.object !== "",
  );
  if (wanted !== undefined && !names.includes(wanted)) usage(`no nanocontract ${wanted} in this file, only: ${names.join(", ")}`);
  if (wanted === undefined && names.length !== 1) usage(`which one? This file has: ${names.join(", ") || "none with a step()"}`);
  return wanted ?? names[0];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { contract: { type: "string" }, out: { type: "string" } },
});
if (positionals.length !== 1) usage("one file");
const contracts = compile(positionals[0]);
const name = choose(contracts, values.contract);
const { object, immutableReferences, linkReferences } = contracts[name].evm.deployedBytecode;
// Parties run the runtime code as it is: nothing ever runs a constructor or links a library.
if (Object.keys(immutableReferences ?? {}).length > 0) usage(`${name} has immutables, which only a constructor could set`);
if (Object.keys(linkReferences ?? {}).length > 0) usage(`${name} calls a library; make its functions internal`);
const bytes = object.length / 2;
if (bytes > codeBytesMax) usage(`${bytes} bytes of code, at most ${codeBytesMax} can be deployed`);

const out = values.out ?? join(dirname(positionals[0]), `${name}.json`);
const artifact = { contractName: name, abi: contracts[name].abi, deployedBytecode: `0x${object}` };
writeFileSync(out, `${JSON.stringify(artifact, null, 2)}\n`);
console.log(`${out}: ${bytes} bytes of code`);
