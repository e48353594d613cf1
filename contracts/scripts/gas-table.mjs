// The table of gas in the README: ours (snapshots/operations.json) beside what others cost (cited-gas.json). Writes it between its
// markers; with --check, fails if what stands there is another.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "./compiler.mjs";

const BEGIN = "<!-- gas: contracts/scripts/gas-table.mjs writes this table -->\n";
const END = "<!-- /gas -->\n";

const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");
const sum = (numbers) => numbers.reduce((one, other) => one + other, 0);

function own(operations, names) {
  const unknown = names.find((name) => !Number.isInteger(operations[name]));
  if (unknown) throw new Error(`${unknown}: not in snapshots/operations.json`);
  return `**${grouped(sum(names.map((name) => operations[name])))}**`;
}

function theirs(figure) {
  if (!figure) return "–";
  return grouped(sum(figure.gas)) + (figure.note ? ` (${figure.note})` : "");
}

/** What stands between the markers. */
export function table(operations, { systems, rows }) {
  const ids = Object.keys(systems);
  for (const { label, cited } of rows) {
    const unknown = Object.keys(cited).find((id) => !ids.includes(id));
    if (unknown) throw new Error(`${label}: no source for ${unknown}`);
  }
  const lines = [
    `| gas, whole transactions | Perunika | ${ids.map((id) => systems[id].name).join(" | ")} |`,
    `|---|${"---:|".repeat(ids.length + 1)}`,
    ...rows.map(({ label, own: names, cited }) => `| ${[label, own(operations, names), ...ids.map((id) => theirs(cited[id]))].join(" | ")} |`),
    "",
    ...ids.map((id) => `- ${systems[id].name}: ${systems[id].source} (${systems[id].date}); ${systems[id].how}.`),
  ];
  return `${lines.join("\n")}\n`;
}

/** The README with that table. */
export function written(readme, operations, cited) {
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error("README.md: no place for the table of gas");
  return readme.slice(0, begin) + BEGIN + table(operations, cited) + readme.slice(end);
}

function main(check) {
  const json = (...path) => JSON.parse(readFileSync(join(root, ...path), "utf8"));
  const place = join(root, "..", "README.md");
  const readme = readFileSync(place, "utf8");
  const now = written(readme, json("snapshots", "operations.json"), json("cited-gas.json"));
  if (!check) return writeFileSync(place, now);
  if (now === readme) return;
  console.error("README.md: its table of gas is out of date: run `npm run gas-table` and commit it");
  process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.includes("--check"));
