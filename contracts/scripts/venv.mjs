// Programs from PyPI, in a virtual environment of their own with pinned versions.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";

/** The folder of the environment's programs; installs them into `venv` if `program` is not there yet. */
export function programs(venv, requirements, program) {
  const bin = join(venv, "bin");
  if (!existsSync(join(bin, program))) {
    mkdirSync(dirname(venv), { recursive: true });
    execFileSync("python3", ["-m", "venv", venv], { stdio: "inherit" });
    execFileSync(join(bin, "pip"), ["install", "--quiet", "--requirement", requirements], { stdio: "inherit" });
  }
  return bin;
}
