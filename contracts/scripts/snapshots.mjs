// Measures every operation (test/*Gas.t.sol, which also hold the bounds) and writes snapshots/operations.json; with --check,
// fails if a figure differs from the committed one, so that a change of gas is a diff that somebody reads.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./compiler.mjs";
import { forge } from "./forge.mjs";

const folder = join(root, "cache", "gas");
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
forge("test", "--isolate", "--match-path", "test/*Gas.t.sol");

const measured = Object.fromEntries(
  readdirSync(folder)
    .sort()
    .map((operation) => [operation, Number(readFileSync(join(folder, operation), "utf8"))]),
);
const path = join(root, "snapshots", "operations.json");
const text = `${JSON.stringify(measured, null, 2)}\n`;

if (!process.argv.includes("--check")) {
  mkdirSync(join(root, "snapshots"), { recursive: true });
  writeFileSync(path, text);
} else if (readFileSync(path, "utf8") !== text) {
  const committed = JSON.parse(readFileSync(path, "utf8"));
  for (const operation of new Set([...Object.keys(committed), ...Object.keys(measured)])) {
    if (committed[operation] !== measured[operation]) {
      console.error(`${operation}: ${committed[operation]} committed, ${measured[operation]} measured`);
    }
  }
  console.error("gas has changed: run `npm run snapshots` and commit the difference");
  process.exit(1);
}
