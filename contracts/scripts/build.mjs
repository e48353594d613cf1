// Compiles src/ and writes artifacts/Adjudicator.json; with --check, compares instead and fails on any difference.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compile, compilerVersion, root, settings, sourceHash, sources } from "./compiler.mjs";

const CODE_BYTES_MAX = 24_576;

const files = sources();
const contract = compile(files)["src/Adjudicator.sol"].Adjudicator;
const artifact = {
  contractName: "Adjudicator",
  compiler: { version: compilerVersion, settings },
  sourceHash: sourceHash(files),
  abi: contract.abi,
  bytecode: `0x${contract.evm.bytecode.object}`,
  deployedBytecode: `0x${contract.evm.deployedBytecode.object}`,
};
const text = `${JSON.stringify(artifact, null, 2)}\n`;
const size = (artifact.deployedBytecode.length - 2) / 2;
if (size > CODE_BYTES_MAX) throw new Error(`${size} bytes of code, at most ${CODE_BYTES_MAX} can be deployed`);

const path = join(root, "artifacts", "Adjudicator.json");
if (process.argv.includes("--check")) {
  let committed = "";
  try {
    committed = readFileSync(path, "utf8");
  } catch {
    // reported as a difference
  }
  if (committed !== text) {
    console.error("artifacts/Adjudicator.json does not match the sources: run `npm run build` and commit it");
    process.exit(1);
  }
} else {
  mkdirSync(join(root, "artifacts"), { recursive: true });
  writeFileSync(path, text);
}
console.log(`Adjudicator: ${size} bytes of ${CODE_BYTES_MAX}`);
