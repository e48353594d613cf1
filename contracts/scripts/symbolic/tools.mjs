// The provers: Halmos and the solvers that it brings, in a virtual environment of their own with pinned versions.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../compiler.mjs";
import { programs } from "../venv.mjs";

export const folder = join(root, "..", "target", "symbolic");
const requirements = join(root, "symbolic", "requirements.txt");

/** The folder of the environment's programs; created on the first run. PERUNIKA_PROVERS names one that is there already. */
export function provers() {
  return process.env.PERUNIKA_PROVERS ?? programs(join(folder, "venv"), requirements, "halmos");
}

/** Halmos wants to build with forge; everything is built already (harnesses.mjs), so that it gets one that does nothing. */
export function noForge() {
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  const path = join(bin, "forge");
  writeFileSync(path, "#!/bin/sh\n");
  chmodSync(path, 0o755);
  return bin;
}

export function solve(z3, query) {
  const flags = ["fp.spacer.q3.use_qgen=true", "fp.spacer.mbqi=false", "fp.spacer.ground_pobs=false"];
  const run = spawnSync(z3, ["-smt2", "-in", "-T:120", "rewriter.pull_cheap_ite=true", ...flags], {
    input: query,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  return { contents: run.stdout };
}
