// Runs the platform's forge binary with the given arguments: the npm wrapper leaves children behind when it is killed.
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "./compiler.mjs";

const require = createRequire(import.meta.url);

/** The path of a Foundry binary from its platform package. */
export function binary(tool) {
  return require.resolve(`@foundry-rs/${tool}-${process.platform}-${process.arch === "x64" ? "amd64" : process.arch}/bin/${tool}`);
}

export function forge(...args) {
  mkdirSync(join(root, "cache", "gas"), { recursive: true });
  const run = spawnSync(binary("forge"), args, { cwd: root, stdio: "inherit" });
  if (run.error) throw run.error;
  if (run.status !== 0) process.exit(run.status ?? 1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) forge(...process.argv.slice(2));
