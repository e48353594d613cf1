// Compiles src/ and writes artifacts/Adjudicator.json, artifacts/nano/*.json and artifacts/test/*.json; with --check, compares instead and fails on any difference.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { codeBytesMax, compile, creationBytesMax, compilerVersion, nanoSettings, root, settings, sourceHash, sources } from "./compiler.mjs";

const NANOS = "src/nano/";
const check = process.argv.includes("--check");
const files = sources();
const isNano = (file) => file.startsWith(NANOS);

function size(name, bytecode, max = codeBytesMax) {
  const bytes = (bytecode.length - 2) / 2;
  if (bytes > max) throw new Error(`${name}: ${bytes} bytes of code, at most ${max} can be deployed`);
  return bytes;
}

/** Both halves of the Adjudicator must see the same words at the same places, and the extension's code must be the same everywhere. */
function sameStorage(...halves) {
  const [one, other] = halves.map(({ storageLayout }) =>
    JSON.stringify(storageLayout.storage.map(({ label, slot, offset, type }) => [label, slot, offset, type])),
  );
  if (one !== other) throw new Error(`the halves store differently:\n${one}\n${other}`);
  const { immutableReferences } = halves[1].evm.deployedBytecode;
  if (!immutableReferences || Object.keys(immutableReferences).length > 0) throw new Error("the extension has immutables");
}

function write(name, artifact) {
  const path = join(root, "artifacts", `${name}.json`);
  const text = `${JSON.stringify(artifact, null, 2)}\n`;
  if (!check) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return;
  }
  let committed = "";
  try {
    committed = readFileSync(path, "utf8");
  } catch {
    // reported as a difference
  }
  if (committed !== text) {
    console.error(`artifacts/${name}.json does not match the sources: run \`npm run build\` and commit it`);
    process.exitCode = 1;
  }
}

/** Where the 32 bytes of each immutable of the Adjudicator stand in its runtime code: ids ascend as they are declared. */
function immutables({ immutableReferences }) {
  const ids = Object.keys(immutableReferences).sort((a, b) => a - b);
  const names = ["separator", "chainId", "extension"];
  if (ids.length !== names.length) throw new Error("other immutables than those of src/Adjudicator.sol");
  return Object.fromEntries(names.map((name, i) => [name, immutableReferences[ids[i]].map(({ start }) => start).sort((a, b) => a - b)]));
}

function adjudicator() {
  const own = Object.fromEntries(Object.entries(files).filter(([file]) => !isNano(file)));
  const output = compile(own);
  const contract = output["src/Adjudicator.sol"].Adjudicator;
  const extension = output["src/AdjudicatorExtension.sol"].AdjudicatorExtension;
  sameStorage(contract, extension);
  const artifact = {
    contractName: "Adjudicator",
    compiler: { version: compilerVersion, settings },
    sourceHash: sourceHash(own),
    // What can be called at its address, whichever half has the code.
    abi: output["src/interfaces/IAdjudicator.sol"].IAdjudicator.abi,
    bytecode: `0x${contract.evm.bytecode.object}`,
    deployedBytecode: `0x${contract.evm.deployedBytecode.object}`,
    immutables: immutables(contract.evm.deployedBytecode),
    extensionDeployedBytecode: `0x${extension.evm.deployedBytecode.object}`,
  };
  console.log(`Adjudicator: ${size("Adjudicator", artifact.deployedBytecode)} bytes of ${codeBytesMax}`);
  console.log(`its extension: ${size("AdjudicatorExtension", artifact.extensionDeployedBytecode)} bytes of ${codeBytesMax}`);
  console.log(`creation: ${size("creation code", artifact.bytecode, creationBytesMax)} bytes of ${creationBytesMax}`);
  write("Adjudicator", artifact);
}

/** Nanocontracts have no creation code: parties and chain use the runtime code alone. Libraries, which are inlined, have no file. */
function nanocontracts() {
  const own = Object.entries(files).filter(([file]) => isNano(file) || file === "src/interfaces/INanocontract.sol");
  const output = compile(Object.fromEntries(own), nanoSettings);
  for (const file of Object.keys(output).filter(isNano)) {
    for (const [name, contract] of Object.entries(output[file])) {
      if (!contract.abi.some((item) => item.name === "step")) continue;
      const deployedBytecode = `0x${contract.evm.deployedBytecode.object}`;
      console.log(`${name}: ${size(name, deployedBytecode)} bytes`);
      write(`nano/${name}`, { contractName: name, abi: contract.abi, deployedBytecode });
    }
  }
}

/** What tests of the Rust half put on their chains. */
function testContracts() {
  const support = sources("test/support");
  const names = ["Token", "NamedToken", "Permit2"].map((name) => `test/support/${name}.sol`);
  const own = [...names.map((file) => [file, support[file]]), ["src/interfaces/Tokens.sol", files["src/interfaces/Tokens.sol"]]];
  const output = compile(Object.fromEntries(own));
  for (const contractName of ["NamedToken", "Permit2"]) {
    const { bytecode, deployedBytecode } = output[`test/support/${contractName}.sol`][contractName].evm;
    const code = { bytecode: `0x${bytecode.object}`, deployedBytecode: `0x${deployedBytecode.object}` };
    write(`test/${contractName}`, { contractName, ...code });
  }
}

adjudicator();
nanocontracts();
testContracts();
