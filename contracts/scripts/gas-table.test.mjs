// The table of gas in the README goes stale with either of its sources, and says so.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { root } from "./compiler.mjs";
import { written } from "./gas-table.mjs";

const text = (...path) => readFileSync(join(root, ...path), "utf8");
const readme = text("..", "README.md");
const operations = () => JSON.parse(text("snapshots", "operations.json"));
const cited = () => JSON.parse(text("cited-gas.json"));

test("what is committed is what the script writes", () => {
  assert.equal(written(readme, operations(), cited()), readme);
});

test("another figure of ours makes it stale", () => {
  const changed = operations();
  changed.life_eth += 1;
  assert.notEqual(written(readme, changed, cited()), readme);
});

test("another figure or source of others makes it stale", () => {
  const figure = cited();
  figure.rows[0].cited.nitro.gas[0] += 1;
  assert.notEqual(written(readme, operations(), figure), readme);
  const source = cited();
  source.systems.raiden.date = "never";
  assert.notEqual(written(readme, operations(), source), readme);
});

test("a table that somebody edited is stale", () => {
  assert.notEqual(written(readme.replace("| Perunika |", "| perunika |"), operations(), cited()), readme.replace("| Perunika |", "| perunika |"));
});

test("figures that are not there are no figures", () => {
  const changed = operations();
  delete changed.life_eth;
  assert.throws(() => written(readme, changed, cited()), /life_eth/);
  const row = cited();
  row.rows[0].cited.nobody = { gas: [1] };
  assert.throws(() => written(readme, operations(), row), /nobody/);
  assert.throws(() => written("no markers", operations(), cited()), /no place/);
});
