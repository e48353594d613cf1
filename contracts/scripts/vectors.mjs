// Golden vectors of docs/encoding.md, computed with ethers and nothing of the contract: a third witness beside Solidity and Rust.
// Writes vectors/encoding.json; with --check, compares instead.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  AbiCoder, SigningKey, TypedDataEncoder, computeAddress, concat, getAddress, getCreate2Address, keccak256, toBeHex, toUtf8Bytes,
  zeroPadValue,
} from "ethers";
import { p256 } from "@noble/curves/p256";
import { root } from "./compiler.mjs";

const ZERO = `0x${"00".repeat(32)}`;
const abi = AbiCoder.defaultAbiCoder();
const words = (types, values) => abi.encode(types.split(","), values);
const hashWords = (types, values) => keccak256(words(types, values));
/** A value that looks random and never changes. */
const draw = (name) => keccak256(toUtf8Bytes(`perunika vector ${name}`));
const drawAddress = (name) => getAddress(`0x${draw(name).slice(-40)}`);
const drawUint = (name, bits) => (BigInt(draw(name)) >> BigInt(256 - bits)).toString();
const letter = (name) => `0x${Buffer.from(name).toString("hex")}${"00".repeat(31)}`;

const domain = { name: "Perunika", version: "1", chainId: "1", verifyingContract: drawAddress("adjudicator") };
const separator = TypedDataEncoder.hashDomain(domain);

const fields = (text) => text.split(",").map((field) => ({ type: field.split(" ")[0], name: field.split(" ")[1] }));
const types = {
  State: "bytes32 ch,uint48 ver,uint96 depA,uint96 depB,uint96 total,uint96 defA,uint8 nanos,uint8 locks,bytes32 entries",
  Nano: "bytes32 ch,bytes32 entry,uint48 ver,uint96 dA,uint8 mover,uint16 stepsLeft,bytes32 storageHash",
  Final: "bytes32 vc,uint96 outA",
  Close:
    "bytes32 id,uint96 depA,uint96 depB,uint96 outA,uint96 total,uint8 locks,bytes32 entries,address receiverA,address receiverB,uint40 notAfter",
  Adjust: "bytes32 id,uint16 seq,uint8 side,uint96 amount,address receiver,uint48 ver,uint40 notAfter",
  OpenAuth: "bytes32 id,uint96 depA,uint96 depB,uint40 notAfter",
  WatchAuth: "bytes32 id,address tower,uint40 notBefore,uint40 notAfter",
  StepAuth: "bytes32 ch,bytes32 entry,uint48 ver,uint16 stepsLeft,bytes32 storageHash,bytes32 inputHash",
  Entry:
    "bytes32 nid,uint48 born,uint96 total,uint96 dA0,uint8 mover0,bytes32 codeHash,uint32 gas,uint16 kMax,bytes32 storage0",
  Lock: "bytes32 vc,bool leftIsA,uint96 left,uint96 right",
  Identity: "bytes peer,address key,uint64 issued",
};

function typed(name, value) {
  const type = { [name]: fields(types[name]) };
  return {
    ...value,
    typeString: `${name}(${types[name]})`,
    hashStruct: TypedDataEncoder.hashStruct(name, type, value),
    digest: TypedDataEncoder.hash(domain, type, value),
  };
}

// ------------------------------------------------------------------------------------------------------------ keys

const keys = ["alice", "bob", "hub 1", "hub 2"].map((name) => {
  const privateKey = draw(`key of ${name}`);
  const address = computeAddress(privateKey);
  return { privateKey, address, scheme: "1", key: zeroPadValue(address, 32) };
});
const [alice, bob, hub1, hub2] = keys;

/** The compact form of EIP-2098. */
function compact(privateKey, digest) {
  return new SigningKey(privateKey).sign(digest).compactSerialized;
}

// ------------------------------------------------------------------------------------------------------------- ids

const channel = {
  ownerA: drawAddress("owner a"),
  ownerB: drawAddress("owner b"),
  schemeA: "1",
  keyA: alice.key,
  schemeB: "1",
  keyB: bob.key,
  asset: "0x0000000000000000000000000000000000000000",
  challenge: "86400",
  window: "21600",
  kMax: "80",
  lane: "513",
};
channel.slotKey = hashWords(
  "address,address,uint8,bytes32,uint8,bytes32,address,uint32,uint32,uint16,uint16",
  Object.values(channel),
);
channel.nonce = "4242";
channel.id = hashWords("bytes32,bytes32,bytes32,uint40", [separator, letter("L"), channel.slotKey, channel.nonce]);

const secrets = [0, 1, 2, 3].map((j) => draw(`secret ${j}`));
const secretHashes = secrets.map((secret) => keccak256(secret));
const links = [channel.id, draw("link 2"), draw("link 3")];
const fees = ["5000000000000001", "4000000000000003"];
const virtual = {
  schemeA: "1",
  keyA: alice.key,
  schemeB: "1",
  keyB: bob.key,
  mids: hashWords("uint8,bytes32,uint8,bytes32", ["1", hub1.key, "1", hub2.key]),
  links: keccak256(concat(links)),
  fees: hashWords("uint96,uint96", fees),
  asset: channel.asset,
  initA: "600000000000000007",
  initB: "300000000000000011",
  tExp: "1800003600",
  challenge: "86400",
  window: "21600",
  kMax: "80",
  nonce: drawUint("virtual nonce", 128),
  actMode: "1",
  act: keccak256(concat(secretHashes)),
};
const params = hashWords(
  "uint8,bytes32,uint8,bytes32,bytes32,bytes32,bytes32,address,uint96,uint96,uint40,uint32,uint32,uint16,uint128,uint8,bytes32",
  Object.values(virtual),
);
virtual.paramsHash = params;
virtual.id = hashWords("bytes32,bytes32,bytes32", [separator, letter("V"), params]);
virtual.midKeys = [hub1.key, hub2.key];
virtual.linkIds = links;
virtual.feeList = fees;
virtual.secrets = secrets;
virtual.secretHashes = secretHashes;

// ----------------------------------------------------------------------------------------------------------- trees

const leafOf = (hashStruct) => keccak256(concat(["0x00", hashStruct]));
const node = (left, right) => keccak256(concat(["0x01", left, right]));

/** All levels of the tree over `leaves`, from the leaves up. */
function levels(leaves) {
  let width = 1;
  while (width < leaves.length) width *= 2;
  const all = [[...leaves, ...Array(width - leaves.length).fill(ZERO)]];
  while (all.at(-1).length > 1) {
    const below = all.at(-1);
    all.push(below.filter((_, i) => i % 2 === 0).map((left, i) => node(left, below[2 * i + 1])));
  }
  return all;
}
const rootOf = (leaves) => (leaves.length === 0 ? ZERO : levels(leaves).at(-1)[0]);
const proofOf = (leaves, index) => levels(leaves).slice(0, -1).map((level, d) => level[(index >> d) ^ 1]);

const locks = Array.from({ length: 16 }, (_, i) => {
  const lock = typed("Lock", {
    vc: i === 0 ? virtual.id : draw(`vc ${i}`),
    leftIsA: i % 3 !== 1,
    left: drawUint(`left ${i}`, 60),
    right: drawUint(`right ${i}`, 60),
  });
  delete lock.digest; // never signed on its own
  return { ...lock, leaf: leafOf(lock.hashStruct) };
});
const leaves = locks.map((lock) => lock.leaf);
const trees = [0, 1, 2, 3, 5, 16].map((count) => {
  const list = leaves.slice(0, count);
  return { count: `${count}`, root: rootOf(list), proofs: list.map((_, i) => proofOf(list, i)) };
});
/** Lock 1 of five is removed: the last one fills the gap. */
const removed = rootOf([leaves[0], leaves[4], leaves[2], leaves[3]]);

const entryList = [0, 1, 2].map((i) => {
  const entry = typed("Entry", {
    nid: draw(`nid ${i}`),
    born: `${7 + i}`,
    total: "2000000000000000002",
    dA0: "1000000000000000001",
    mover0: `${i % 2}`,
    codeHash: draw(`code ${i}`),
    gas: "150000",
    kMax: "9",
    storage0: draw(`storage ${i}`),
  });
  delete entry.digest;
  return {
    ...entry,
    leaf: leafOf(entry.hashStruct),
    nanoSlot: hashWords("bytes32,bytes32,bytes32,bytes32", [separator, letter("N"), channel.id, entry.hashStruct]),
  };
});
const lockRoot = trees.at(3).root;
const nanoRoot = rootOf(entryList.map((entry) => entry.leaf));
const entries = {
  empty: node(ZERO, ZERO),
  lockRoot,
  nanoRoot,
  locksOnly: node(lockRoot, ZERO),
  nanosOnly: node(ZERO, nanoRoot),
  both: node(lockRoot, nanoRoot),
};

// ---------------------------------------------------------------------------------------------------- signed types

const deposits = { depA: "1000000000000000003", depB: "1200000000000000005" };
const signed = {
  State: typed("State", {
    ch: channel.id, ver: "70001", ...deposits, total: "1295000000000000008", defA: "395000000000000001", nanos: "3", locks: "3",
    entries: entries.both,
  }),
  VirtualState: typed("State", {
    ch: virtual.id, ver: "40001", depA: "0", depB: "0", total: "900000000000000018", defA: "250000000000000009", nanos: "3", locks: "0",
    entries: entries.nanosOnly,
  }),
  VersionZero: typed("State", {
    ch: channel.id, ver: "0", depA: "0", depB: "0", total: "0", defA: "0", nanos: "0", locks: "0", entries: entries.empty,
  }),
  Nano: typed("Nano", {
    ch: channel.id, entry: entryList[1].hashStruct, ver: "281474976710655", dA: "1500000000000000001", mover: "1", stepsLeft: "8",
    storageHash: draw("storage now"),
  }),
  Final: typed("Final", { vc: virtual.id, outA: "250000000000000009" }),
  Close: typed("Close", {
    id: channel.id, ...deposits, outA: "395000000000000001", total: "1295000000000000008", locks: "3", entries: entries.locksOnly,
    receiverA: drawAddress("receiver a"), receiverB: drawAddress("receiver b"), notAfter: "1800000600",
  }),
  Adjust: typed("Adjust", {
    id: channel.id, seq: "65535", side: "1", amount: "79228162514264337593543950335", receiver: drawAddress("receiver c"), ver: "70003",
    notAfter: "1099511627775",
  }),
  OpenAuth: typed("OpenAuth", { id: channel.id, ...deposits, notAfter: "1800000600" }),
  WatchAuth: typed("WatchAuth", {
    id: virtual.id, tower: drawAddress("tower"), notBefore: "1800001800", notAfter: "1800003600",
  }),
  StepAuth: typed("StepAuth", {
    ch: channel.id, entry: entryList[2].hashStruct, ver: "11", stepsLeft: "7", storageHash: draw("storage before"),
    inputHash: draw("input"),
  }),
  Identity: typed("Identity", {
    peer: "0x0025080212210312345678901234567890123456789012345678901234567890abcdef", key: alice.address, issued: "1800000000",
  }),
};
const signatures = [
  ["State", alice], ["State", bob], ["VirtualState", alice], ["Final", hub1], ["Close", bob], ["WatchAuth", alice],
].map(([of, { privateKey, key }]) => ({
  of, digest: signed[of].digest, privateKey, scheme: "1", key, signature: compact(privateKey, signed[of].digest),
}));

// ------------------------------------------------------------------------------------------------ money of an opening

/** What owner B signs, apart from the OpenAuth itself, so that a token pays its deposit (docs/encoding.md, Funding). */
const tokenDomain = { name: "Token", version: "2", chainId: domain.chainId, verifyingContract: drawAddress("token") };
const permit2Domain = { name: "Permit2", chainId: domain.chainId, verifyingContract: "0x000000000022D473030F116dDEE9F6B43aC78BA3" };
const openAuth = signed.OpenAuth;
const permitType = { Permit: fields("address owner,address spender,uint256 value,uint256 nonce,uint256 deadline") };
const receiveType = {
  ReceiveWithAuthorization: fields("address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce"),
};
const permit2Type = {
  PermitWitnessTransferFrom: fields("TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,OpenAuth witness"),
  TokenPermissions: fields("address token,uint256 amount"),
  OpenAuth: fields(types.OpenAuth),
};
const payer = { owner: channel.ownerB, amount: openAuth.depB, notAfter: openAuth.notAfter };
const permit2Nonce = drawUint("permit2 nonce", 256);
const funding = {
  token: tokenDomain.verifyingContract,
  tokenSeparator: TypedDataEncoder.hashDomain(tokenDomain),
  ...payer,
  permit: TypedDataEncoder.hash(tokenDomain, permitType, {
    owner: payer.owner, spender: domain.verifyingContract, value: payer.amount, nonce: "3", deadline: payer.notAfter,
  }),
  permitNonce: "3",
  authorisation: TypedDataEncoder.hash(tokenDomain, receiveType, {
    from: payer.owner, to: domain.verifyingContract, value: payer.amount, validAfter: "0", validBefore: `${BigInt(payer.notAfter) + 1n}`,
    nonce: openAuth.digest,
  }),
  permit2: TypedDataEncoder.hash(permit2Domain, permit2Type, {
    permitted: { token: tokenDomain.verifyingContract, amount: payer.amount }, spender: domain.verifyingContract, nonce: permit2Nonce,
    deadline: payer.notAfter, witness: Object.fromEntries(permit2Type.OpenAuth.map(({ name }) => [name, openAuth[name]])),
  }),
  permit2Nonce,
};

// ------------------------------------------------------------------------------------------------------------ P-256

/** A key and a signature of scheme 2. */
const p256Secret = draw("p256 key");
const p256Point = Buffer.from(p256.getPublicKey(p256Secret.slice(2), false)).subarray(1).toString("hex");
const p256Signature = p256.sign(signed.State.digest.slice(2), p256Secret.slice(2), { lowS: true, prehash: false });
const curve = {
  privateKey: p256Secret,
  scheme: "2",
  key: keccak256(`0x${p256Point}`),
  of: "State",
  digest: signed.State.digest,
  signature: `0x${p256Signature.toCompactHex()}${p256Point}`,
};

const mix = draw("mix");
const stored = {
  of: "State",
  mix,
  stored: `0x${hashWords("bytes32,bytes32", [signed.State.hashStruct, mix]).slice(-40)}`,
};

// ------------------------------------------------------------------------------------------------------------ code

const runtime = concat(["0x60", ...Array.from({ length: 9 }, (_, i) => draw(`runtime ${i}`))]);
const init = concat(["0x61", toBeHex((runtime.length - 2) / 2, 2), "0x80600a5f395ff3", runtime]);
const code = {
  runtime,
  codeHash: keccak256(runtime),
  account: getCreate2Address(domain.verifyingContract, ZERO, keccak256(init)),
};

const vectors = {
  comment:
    "Golden vectors of docs/encoding.md. Hashes, keys, addresses and bytes are 0x-hex, integers decimal strings. `domain` binds everything here. "
    + "`channel` and `virtual`: parameters in order, then what is computed from them. `trees[i]` is over the first `count` of `locks`; proofs are siblings from the "
    + "leaf upwards, one list per lock. `removed` is the root after lock 1 of five has gone. `signed` holds the fields of each type in order, its type string, hashStruct and digest; "
    + "`VirtualState` and `VersionZero` are of type State; `Identity` is verified off chain only. `signatures` are compact (EIP-2098, RFC 6979). `stored` is what the chain keeps of "
    + "signed.State. `code` is runtime code of a nanocontract and the account where `deploy` puts it. `funding`: digests by which a token or Permit2 pays the deposit "
    + "of owner B of signed.OpenAuth. `p256`: a key of scheme 2 and its signature of signed.State (RFC 6979 with SHA-256).",
  domain: { ...domain, separator },
  keys,
  channel,
  virtual,
  locks,
  trees,
  removed,
  entryList,
  entries,
  signed,
  signatures,
  funding,
  p256: curve,
  stored,
  code,
};

const path = join(root, "vectors", "encoding.json");
const text = `${JSON.stringify(vectors, null, 2)}\n`;
if (process.argv.includes("--check")) {
  if (readFileSync(path, "utf8") !== text) {
    console.error("vectors/encoding.json is not what scripts/vectors.mjs computes");
    process.exit(1);
  }
} else {
  mkdirSync(join(root, "vectors"), { recursive: true });
  writeFileSync(path, text);
}
