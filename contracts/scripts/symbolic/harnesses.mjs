// Compiles symbolic/*.sol and lays it out as the prover expects it, beside the creation code that is to be proven.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import solc from "solc";
import { root, settings, sources } from "../compiler.mjs";

const isHarness = (file) => /^symbolic\/\w+\.sol$/.test(file);

function compileHarnesses() {
  const files = { ...sources("src"), ...sources("symbolic") };
  const wanted = ["abi", "evm.bytecode", "evm.deployedBytecode", "evm.methodIdentifiers", "metadata"];
  const outputSelection = Object.fromEntries(
    Object.keys(files)
      .filter(isHarness)
      .map((file) => [file, { "*": wanted, "": ["ast"] }]),
  );
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(Object.entries(files).map(([file, content]) => [file, { content }])),
    settings: { ...settings, outputSelection },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  const errors = (output.errors ?? []).filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new Error(errors.map(({ formattedMessage }) => formattedMessage).join("\n"));
  return output;
}

function code({ object, linkReferences }) {
  return { object: `0x${object}`, linkReferences };
}

/** Writes `folder`/out and returns every check, as { contract, name }. */
export function writeHarnesses(folder) {
  const { contracts, sources: parsed } = compileHarnesses();
  const checks = [];
  rmSync(join(folder, "out"), { recursive: true, force: true });
  for (const file of Object.keys(contracts).filter(isHarness)) {
    const place = join(folder, "out", basename(file));
    mkdirSync(place, { recursive: true });
    for (const [contract, { abi, evm, metadata }] of Object.entries(contracts[file])) {
      const { ast, id } = parsed[file];
      const { methodIdentifiers } = evm;
      const artifact = { abi, ast, id, methodIdentifiers, metadata: JSON.parse(metadata) };
      [artifact.bytecode, artifact.deployedBytecode] = [code(evm.bytecode), code(evm.deployedBytecode)];
      writeFileSync(join(place, `${contract}.json`), JSON.stringify(artifact));
      const names = Object.keys(methodIdentifiers).map((signature) => signature.split("(")[0]);
      checks.push(...names.filter((name) => name.startsWith("check_")).map((name) => ({ contract, name })));
    }
  }
  return checks;
}

/** What is proven: the committed artifact, or other creation code. */
export function writeCode(folder, creationCode) {
  const artifact = JSON.parse(readFileSync(join(root, "artifacts", "Adjudicator.json"), "utf8"));
  mkdirSync(join(folder, "code"), { recursive: true });
  const object = creationCode ?? artifact.bytecode;
  writeFileSync(join(folder, "code", "Adjudicator.json"), JSON.stringify({ bytecode: { object } }));
}
