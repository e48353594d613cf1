// Checks the report of `perunika play tictactoe` once more, in another language and from the balances alone.
import assert from "node:assert/strict";

const report = JSON.parse(process.argv[2]);
const sum = (balances) => Object.values(balances).reduce((total, wei) => total + BigInt(wei), 0n);
const cost = (tx) => BigInt(tx.gas) * BigInt(tx.gas_price_wei);
const gas = report.transactions.reduce((total, tx) => total + cost(tx), 0n);
const gain = (name) =>
  BigInt(report.balances_after[name]) -
  BigInt(report.balances_before[name]) +
  report.transactions.filter((tx) => tx.from === name).reduce((total, tx) => total + cost(tx), 0n);

assert.equal(sum(report.balances_after) + gas, sum(report.balances_before), "money came or went");
assert.equal(BigInt(report.gas_paid_wei), gas, "the gas does not add up");
assert.equal(BigInt(report.balances_after.adjudicator), 0n, "the contract still holds money");
assert.equal(report.conserved, true);
const stake = BigInt(report.stake_wei);
const fees = report.hub_fees_wei.map(BigInt);
const winner = report.left === "bob" ? "alice" : report.left === "alice" ? "bob" : report.winner;
assert.equal(report.winner, winner, "whoever leaves has lost");
const toBob = winner === "bob" ? stake : winner === "alice" ? -stake : 0n;
assert.equal(gain("bob"), toBob, "bob's gain");
assert.equal(gain("alice"), -toBob - fees[0] - fees[1], "alice's gain");
assert.deepEqual([gain("ingrid"), gain("jana")], fees, "a hub's gain is not its fee");
assert.equal(report.transactions_while_playing, 0);
const names = report.transactions.map((tx) => tx.name);
if (report.left) {
  for (const name of ["registerVirtualFor", "registerVirtualNano", "concludeVirtual", "settle"]) {
    assert.ok(names.includes(name), `no ${name}`);
  }
} else {
  assert.equal(names.length, 10, "too many transactions");
}
console.log(
  `${report.steps_signed_by_both} steps without a transaction, ${report.left ?? "nobody"} left, ${report.winner} won; ` +
    `${names.length} transactions (${names.join(" ")}); ${report.gas} gas; ${report.seconds.toFixed(1)} s`,
);
