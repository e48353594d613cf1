// Checks the report of a quickstart once more, in another language and from the balances alone.
import assert from "node:assert/strict";

const report = JSON.parse(process.argv[2]);
const sum = (balances) => Object.values(balances).reduce((total, wei) => total + BigInt(wei), 0n);

const gas = report.transactions.reduce((total, tx) => total + BigInt(tx.gas) * BigInt(tx.gas_price_wei), 0n);
assert.equal(sum(report.balances_after) + gas, sum(report.balances_before), "money came or went");
assert.equal(BigInt(report.gas_paid_wei), gas, "the gas does not add up");
assert.equal(BigInt(report.balances_after.adjudicator), 0n, "the contract still holds money");
assert.equal(BigInt(report.hub_gain_wei), BigInt(report.hub_fee_wei), "the hub's gain is not its fee");
assert.equal(report.conserved, true);
assert.equal(report.checksum_ok, true, "the file differs");
assert.ok(report.payments_while_hub_was_down * 2 >= report.payments, "too few payments without the hub");
const disputed = report.refuted_by !== undefined;
assert.ok(report.transactions.length <= (disputed ? 11 : 8), "too many transactions");
if (disputed) {
  const of = (from, name) => report.transactions.filter((tx) => tx.from === from && tx.name.startsWith(name)).length;
  assert.equal(of("alice", "registerVirtual"), 1, "alice did not cheat");
  assert.equal(report.refuted_by, "bob", "somebody else refuted");
  assert.equal(of("bob", "registerVirtual") + of("bob", "refuteVirtual"), 1, "bob did not refute");
  assert.equal(of("bob", "concludeVirtual"), 1, "bob did not conclude");
  const gas = report.transactions.filter((tx) => tx.name.includes("Virtual") || tx.name === "settle");
  assert.equal(report.dispute_gas, gas.reduce((total, tx) => total + tx.gas, 0), "the gas of the dispute is wrong");
}

const names = report.transactions.map((tx) => tx.name).join(" ");
console.log(
  `${report.payments} payments, ${report.payments_while_hub_was_down} of them without the hub; ` +
    `${report.transactions.length} transactions (${names}); ` +
    (disputed ? `refuted by ${report.refuted_by}, ${report.dispute_gas} gas; ` : "") +
    `${report.gas_per_payment.toFixed(1)} gas a payment; ${report.seconds.toFixed(1)} s`,
);
