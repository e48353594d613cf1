#!/usr/bin/env node
// Lets forge use the npm compiler: answers --version and compiles standard JSON from stdin.
const solc = require("solc");
if (process.argv.includes("--version")) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
} else {
  process.stdout.write(solc.compile(require("fs").readFileSync(0, "utf8")));
}
