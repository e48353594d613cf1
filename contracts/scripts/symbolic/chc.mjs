// The SMTChecker (engine CHC) on symbolic/chc: invariants over any number of calls.
import { join } from "node:path";
import solc from "solc";
import { sources } from "../compiler.mjs";
import { solve } from "./tools.mjs";

const file = "symbolic/chc/Shares.sol";

/** One row for each assertion: what it says, and whether it holds for ever. */
export function checkModels(bin, change = (text) => text) {
  const files = { ...sources("src"), ...sources("symbolic") };
  const split = "src/libraries/Split.sol";
  files[split] = change(files[split]);
  const own = Object.entries(files).filter(([name]) => name === file || name === split || name.startsWith("src/types/"));
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(own.map(([name, content]) => [name, { content }])),
    settings: {
      modelChecker: {
        engine: "chc",
        targets: ["assert"],
        solvers: ["smtlib2"],
        showProvedSafe: true,
        showUnproved: true,
        contracts: { [file]: ["Shares", "Escrow", "Nanos"] },
      },
      outputSelection: { "*": { "*": ["abi"] } },
    },
  };
  const smtSolver = (query) => solve(join(bin, "z3"), query);
  const { errors = [] } = JSON.parse(solc.compile(JSON.stringify(input), { smtSolver }));
  return errors
    .filter(({ message }) => message.startsWith("CHC:"))
    .map(({ message, formattedMessage }) => ({
      says: /\| *(.*assert\(.*)/.exec(formattedMessage)?.[1] ?? message,
      safe: message.includes("is safe"),
    }));
}

export const assertions = 5;

/** A's part without the clamp: must not be provable. */
export const unclamped = (text) => text.replace("return uint256(a) > total ? total : uint256(a);", "return uint256(a);");
