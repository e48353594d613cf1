// The one way in which the contracts are compiled: the settings here are those of the committed artifacts and of forge.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import solc from "solc";

export const root = fileURLToPath(new URL("..", import.meta.url));

export const settings = {
  evmVersion: "osaka",
  viaIR: true,
  optimizer: { enabled: true, runs: 12_000 },
  // Without metadata the bytecode depends on the code alone, not on comments or paths.
  metadata: { bytecodeHash: "none", appendCBOR: false },
};

/**
 * For nanocontracts: their settings are their own, because entries of open channels name the hash of what they compile to, and
 * the instructions are those that every chain has had for years.
 */
export const nanoSettings = { ...settings, evmVersion: "cancun", optimizer: { enabled: true, runs: 2_000 } };

/** Longer code cannot be deployed (EIP-170). */
export const codeBytesMax = 24_576;

/** Longer creation code cannot be sent (EIP-3860). */
export const creationBytesMax = 49_152;

/** All Solidity files under `folder`, as { "src/…": text }, in a fixed order. */
export function sources(folder = "src") {
  const files = readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".sol"))
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
  return Object.fromEntries(files.map((file) => [file, readFileSync(join(root, file), "utf8")]));
}

export function sourceHash(files) {
  const hash = createHash("sha256");
  for (const [file, text] of Object.entries(files)) hash.update(`${file}\0${text}\0`);
  return hash.digest("hex");
}

const everything = {
  "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences", "storageLayout"] },
};

function standardOutput(files, used, outputSelection = everything) {
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(Object.entries(files).map(([file, content]) => [file, { content }])),
    settings: { ...used, outputSelection },
  };
  return JSON.parse(solc.compile(JSON.stringify(input)));
}

function contracts(output, isProblem) {
  const problems = (output.errors ?? []).filter(isProblem);
  for (const problem of problems) process.stderr.write(`${problem.formattedMessage}\n`);
  if (problems.length > 0) throw new Error("the compiler is not content");
  return output.contracts;
}

/** Compiles; warnings are errors. */
export function compile(files, used = settings) {
  return contracts(standardOutput(files, used), () => true);
}

/** The creation code of an Adjudicator that is wrong on purpose: warnings are not looked at. */
export function creationCode(files) {
  const output = standardOutput(files, settings, { "src/Adjudicator.sol": { Adjudicator: ["evm.bytecode.object"] } });
  const own = contracts(output, (problem) => problem.severity === "error")["src/Adjudicator.sol"];
  return `0x${own.Adjudicator.evm.bytecode.object}`;
}

export const compilerVersion = solc.version();
