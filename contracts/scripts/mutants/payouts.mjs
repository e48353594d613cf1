// Guards around the money that leaves, and the domain.
const file = "modules/Payouts.sol";
const domain = "modules/Domain.sol";

export default [
  { name: "c.vault-once", rule: "3.4: withdraw pays once", file, from: "_vaults[asset][owner] = held - amount;", to: "held;", by: "tests",
    why: "the owners of the simulator accept what they get, so that nothing lands in the vault" },
  { name: "c.vault-adds", rule: "3.4: what fails lands in the vault", file, from: "_vaults[asset][owner] += amount;", to: "_vaults[asset][owner] = amount;", by: "tests",
    why: "as above" },
  { name: "c.push-reserve", rule: "3.4: 70,000 gas are left before a push (S26)", file, from: "if (gasleft() < PUSH_RESERVE) revert InsufficientGas();", to: "", by: "tests",
    why: "a key account needs no gas to receive" },
  { name: "c.push-gas", rule: "3.4: 30,000 gas are forwarded (S22)", file, from: "call(PUSH_GAS, receiver,", to: "call(gas(), receiver,", by: "tests",
    why: "a key account burns no gas" },
  { name: "c.re-entrancy", rule: "3: re-entrancy lock (S21)", file: domain, from: "if (_entered != 0) revert Reentered();", to: "", by: "tests",
    why: "every call writes before it pays, so that the lock is a second guard; and key accounts do not call back" },
  { name: "c.lock-opens", rule: "3: the lock opens again", file: domain, from: "_;\n        _entered = 0;", to: "_;", by: "tests",
    why: "transient storage ends with the transaction; only a second call in one transaction could tell" },
  { name: "c.domain-chain", rule: "encoding: ids and signatures are bound to the chain (S14)", file: "Adjudicator.sol", from: "return block.chainid == CACHED_CHAIN_ID ? CACHED_SEPARATOR : _computeSeparator();", to: "return CACHED_SEPARATOR;", by: "tests",
    why: "the chain's id does not change in a story" },
  { name: "c.domain-clock", rule: "2.3: a chain that counts seconds", file: "Adjudicator.sol", from: "if (block.timestamp > type(uint32).max) revert WrongDomain();", to: "", by: "tests",
    why: "the chain counts seconds" },
  { name: "c.owners", rule: "0.3: two different owners (checked at opening)", file: "libraries/Rules.sol", from: "if (ownerA - 1 >= type(uint160).max || ownerB - 1 >= type(uint160).max || ownerA == ownerB) {\n                revert IShared.InvalidOwners();\n            }", to: "ownerA; ownerB;", by: "tests",
    why: "honest clients open and confirm no such channel" },
  { name: "c.keys", rule: "0.3: two different keys (checked at opening)", file: "libraries/Rules.sol", from: "if (c.keyA == c.keyB) revert IShared.InvalidKey();", to: "", by: "tests",
    why: "honest clients open and confirm no such channel" },
  { name: "c.key-zero", rule: "3.6: recovered ≠ 0, keys are addresses", file: "libraries/Rules.sol", from: "if (uint256(key) - 1 >= type(uint160).max) revert IShared.InvalidKey();", to: "key;", by: "tests",
    why: "honest clients open and confirm no such channel" },
  { name: "c.periods", rule: "2.3: C, w ≤ 2^25, kMax ≤ 2^10", file: "libraries/Rules.sol", from: "if (challenge - 1 >= PERIOD_MAX || window - 1 >= PERIOD_MAX || kMax > STEPS_MAX) {\n                revert IShared.InvalidPeriods();\n            }", to: "challenge; window; kMax;", by: "tests",
    why: "honest clients open and confirm no such channel" },
  { name: "c.reveal-once", rule: "6.3: a secret is seen once", file: "modules/Registry.sol", from: "if (_firstSeen[hash] != 0) return;", to: "",
    play: "the payer of a hash-lock reveals the secret again after the deadline, so that it was first seen too late" },
];
