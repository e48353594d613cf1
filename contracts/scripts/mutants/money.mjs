// Guards of money in and out in every asset. The tests of the contract find them: the simulator's channels are in ether.
const opening = "modules/Openings.sol";
const funding = "modules/Funding.sol";
const deposits = "modules/Deposits.sol";
const payouts = "modules/Payouts.sol";
const tokens = "libraries/Tokens.sol";
const signatures = "libraries/Signatures.sol";
const batches = "modules/Batches.sol";

const why = "the simulator's channels are in ether, opened by two deposits, and neither grow nor shrink";
const tested = (list) => list.map((mutant) => ({ by: "tests", why, ...mutant }));

export default tested([
  // ----------------------------------------------------------------------------------------------- openings
  { name: "c.m-open-ether", rule: "0.3: open is for ether (S19)", file: opening, near: "function open(", from: "if (params.asset != address(0)) revert UnsupportedAsset();", to: "" },
  { name: "c.m-confirm-ether", rule: "0.3: confirm is for ether (S19)", file: opening, near: "function confirm(", from: "if (params.asset != address(0)) revert UnsupportedAsset();", to: "" },
  { name: "c.m-first-owner", rule: "0.3: A's owner makes the first deposit", file: opening, near: "function openWith(", from: "if (msg.sender != params.ownerA) revert NotOwner();", to: "" },
  { name: "c.m-not-after", rule: "0.3: an OpenAuth ends", file: opening, from: "if (block.timestamp > notAfter || notAfter > type(uint40).max) revert Expired();", to: "" },
  { name: "c.m-sum", rule: "3.3: depositA + depositB < 2^96", file: opening, from: "if (depositA > type(uint96).max || depositB > type(uint96).max - depositA) revert WrongDeposit();", to: "" },
  { name: "c.m-value", rule: "3.4: ether is what came with the call (S19)", file: opening, from: "if (msg.value != value) revert WrongDeposit();", to: "value;" },
  { name: "c.m-value-first", rule: "3.4: ether is what came with the call (S19)", file: opening, near: "function openWith(", from: "if (msg.value != _fund(agreed, msg.sender, depositA, fundingA)) revert WrongDeposit();", to: "_fund(agreed, msg.sender, depositA, fundingA);" },
  { name: "c.m-value-second", rule: "3.4: ether is what came with the call (S19)", file: opening, near: "function confirmWith(", from: "if (msg.value != _fund(agreed, Params.ownerB(params), depositB, fundingB)) revert WrongDeposit();", to: "_fund(agreed, Params.ownerB(params), depositB, fundingB);" },
  // ------------------------------------------------------------------------------------------------ funding
  { name: "c.m-consent", rule: "0.3: both owners agree", file: funding, from: "} else if (!Signatures.isByOwner(owner, digest, signature)) {\n            revert InvalidSignature();\n        }", to: "}" },
  { name: "c.m-consent-end", rule: "3.6: nothing follows (who sends signs nothing)", file: funding, from: "Signatures.checkEnd(signature, 0);", to: "" },
  { name: "c.m-authorisation-end", rule: "3.6: nothing follows the authorisation", file: funding, from: "Signatures.checkEnd(rest, Signatures.BYTES);", to: "" },
  { name: "c.m-authorisation-bound", rule: "3.4: the nonce of EIP-3009 is bound to the opening (S14)", file: funding, from: "agreed.notAfter + 1, agreed.digest, v, r, s", to: "agreed.notAfter + 1, 0, v, r, s" },
  { name: "c.m-permit-two-bound", rule: "3.4: Permit2 has the OpenAuth as witness (S14)", file: funding, from: "agreed.structHash,\n                WITNESS", to: "0,\n                WITNESS" },
  { name: "c.m-permit-consent", rule: "0.3: a permit is no agreement to a channel", file: funding, from: "_checkConsent(owner, agreed.digest, rest[Signatures.BYTES:]);", to: "" },
  { name: "c.m-allowance-consent", rule: "0.3: an allowance is no agreement to a channel", file: funding, near: "if (way == ALLOWANCE) {", from: "_checkConsent(owner, agreed.digest, rest);", to: "" },
  { name: "c.m-nothing", rule: "0.3: who deposits nothing agrees by signature only", file: funding, from: "if (amount == 0) revert InvalidFunding();", to: "" },
  { name: "c.m-ways", rule: "3.4: no other way of paying", file: funding, near: "_fundByPermit2(agreed, owner, amount, rest);", from: "revert InvalidFunding();", to: "" },
  { name: "c.m-ether-ways", rule: "3.4: ether has two ways", file: funding, from: "if (way != SENDER) revert InvalidFunding();", to: "" },
  { name: "c.m-debit", rule: "3.4: a vault pays what it holds", file: payouts, from: "if (amount > held) revert InsufficientVault();", to: "" },
  { name: "c.m-received", rule: "3.4: count what was received (S20)", file: tokens, from: "if (balance(token) - before != amount) revert IShared.WrongDeposit();", to: "before;" },
  { name: "c.m-received-exact", rule: "3.4: another amount is refused (S20)", file: tokens, from: "if (balance(token) - before != amount) revert IShared.WrongDeposit();", to: "if (balance(token) - before < amount) revert IShared.WrongDeposit();" },
  { name: "c.m-pull-lock", rule: "3: re-entrancy lock while a token is asked to pay (S21)", file: funding, from: "_entered = 1;", to: "" },
  { name: "c.m-pull-unlock", rule: "3: the lock opens again", file: funding, from: "_entered = 0;", to: "" },
  // ----------------------------------------------------------------------------------------------- deposits
  { name: "c.m-deposit-life", rule: "0.3: a deposit names the life", file: deposits, from: "if (nonce != word.nonce()) revert WrongNonce();", to: "" },
  { name: "c.m-deposit-sum", rule: "3.3: depositA + depositB < 2^96", file: deposits, from: "if (word.depositA() + word.depositB() + amount > type(uint96).max) revert WrongDeposit();", to: "" },
  { name: "c.m-deposit-value", rule: "3.4: ether is what came with the call (S19)", file: deposits, from: "if (msg.value != _fund(agreed, msg.sender, amount, funding)) revert WrongDeposit();", to: "_fund(agreed, msg.sender, amount, funding);" },
  { name: "c.m-deposit-ends", rule: "0.3: a deposit ends", file: deposits, near: "function deposit(", from: "if (block.timestamp > notAfter) revert Expired();", to: "" },
  { name: "c.m-dispute", rule: "3.3: deposit and Adjust require that no dispute runs", file: deposits, from: "if (slot.dispute.isRunning(word.nonce())) revert InDispute();", to: "" },
  { name: "c.m-phase", rule: "0.3: deposit and Adjust require Open", file: deposits, from: "word = _inPhase(slot, Phase.OPEN);", to: "word = slot.channel;" },
  { name: "c.m-side", rule: "0.3: there are two sides", file: deposits, from: "if (side > B) revert InvalidSide();", to: "" },
  { name: "c.m-adjust-signatures", rule: "0.3: both keys sign an Adjust", file: deposits, from: "_checkBoth(params, _digest(domain, Hashing.adjust(id, terms, receiver)), signatures);", to: "domain; id; signatures;" },
  { name: "c.m-adjust-seq", rule: "0.3: seq = S0.seq (S66)", file: deposits, from: "if (seq != word.seq()) revert WrongNonce();", to: "" },
  { name: "c.m-adjust-once", rule: "0.3: an Adjust increments S0.seq (S66)", file: "types/ChannelWord.sol", from: "ChannelWord.unwrap(self) + (1 << 192) - ", to: "ChannelWord.unwrap(self) - " },
  { name: "c.m-adjust-last", rule: "0.3: a seq that is used up stays so", file: deposits, from: "if (seq == type(uint16).max) revert SlotExhausted();", to: "" },
  { name: "c.m-adjust-amount", rule: "0.3: x ≤ deposit", file: deposits, from: "if (amount > (side == B ? word.depositB() : word.depositA())) revert WrongDeposit();", to: "" },
  { name: "c.m-adjust-ends", rule: "0.3: notAfter of an Adjust", file: deposits, from: "if (block.timestamp > notAfter || notAfter > type(uint40).max) revert Expired();", to: "" },
  { name: "c.m-adjust-widths", rule: "encoding: ver is a u48", file: deposits, from: "if (Params.word(terms, 4) > type(uint48).max) revert InvalidState();", to: "" },
  // ------------------------------------------------------------------------------------------------ payouts
  { name: "c.m-push-reserve", rule: "3.4: 110,000 gas are left before a token is pushed (S26)", file: payouts, from: "if (gasleft() < TOKEN_RESERVE) revert InsufficientGas();", to: "" },
  { name: "c.m-push-gas", rule: "3.4: 100,000 gas are forwarded to a token (S20)", file: payouts, from: "if (!Tokens.send(asset, to, amount, TOKEN_GAS)) revert TransferFailed();", to: "if (!Tokens.send(asset, to, amount, gasleft())) revert TransferFailed();" },
  { name: "c.m-push-frame", rule: "3.4: what is credited has not been paid as well (S20)", file: payouts, from: "paid = _pushInFrame(asset, receiver, amount);", to: "paid = Tokens.send(asset, receiver, amount, TOKEN_GAS);" },
  { name: "c.m-push-undone", rule: "3.4: what a token did without saying true is undone (S20)", file: payouts, from: "if (!Tokens.send(asset, to, amount, TOKEN_GAS)) revert TransferFailed();", to: "Tokens.send(asset, to, amount, TOKEN_GAS);" },
  { name: "c.m-push-self", rule: "3.4: nobody but the Adjudicator pushes tokens", file: payouts, from: "if (msg.sender != address(this)) revert NotOwner();", to: "" },
  { name: "c.m-pull-answer", rule: "3.4: what could not come out does not come in (S20)", file: tokens, from: "if (!_call(target, gasleft(), call_)) revert IShared.TransferFailed();", to: "run(target, call_);" },
  { name: "c.m-token-false", rule: "3.4: a token that says false has not paid (S20)", file: tokens, from: "default { done := and(done, and(gt(returndatasize(), 31), eq(mload(0x00), 1))) }", to: "default { done := and(done, gt(returndatasize(), 0)) }" },
  { name: "c.m-token-gone", rule: "3.4: an account without code has not paid (S20)", file: tokens, from: "case 0 { done := and(done, gt(extcodesize(target), 0)) }", to: "case 0 { done := and(done, 1) }" },
  { name: "c.m-own-receiver", rule: "3.4: nothing is paid to the Adjudicator itself", file: payouts, from: "if (to == address(0) || to == address(this)) revert InvalidReceiver();", to: "" },
  { name: "c.m-into-vault", rule: "3.4: the Adjudicator as receiver is the owner's vault", file: payouts, from: "if (receiver != address(this)) {", to: "{" },
  { name: "c.m-vault-value", rule: "3.4: ether is what came with the call (S19)", file: payouts, from: "if (msg.value != (asset == address(0) ? amount : 0)) revert WrongDeposit();", to: "" },
  { name: "c.m-vault-owner", rule: "3.4: a vault is somebody's", file: payouts, from: "if (owner == address(0)) revert InvalidOwners();", to: "" },
  { name: "c.m-receiver-width", rule: "3.6: one encoding", file: "libraries/Params.sol", from: "if (named > type(uint160).max) revert IShared.InvalidReceiver();", to: "" },
  // ------------------------------------------------------------------------------------ accounts and schemes
  { name: "c.m-owner-key", rule: "3.6: the owner's own signature", file: signatures, from: "if (signer != 0 && signer == asKey(owner)) return true;", to: "if (signer != 0) return true;" },
  { name: "c.m-owner-word", rule: "3.6: ERC-1271's magic word", file: signatures, from: "ok := and(and(ok, gt(returndatasize(), 31)), eq(mload(0x00), yes))", to: "ok := and(ok, gt(returndatasize(), yes))" },
  { name: "c.m-curve-here", rule: "3.6, S17: no P-256 key where nobody can verify", file: "libraries/Rules.sol", from: "if (!Signatures.hasP256()) revert IShared.UnsupportedScheme();", to: "" },
  { name: "c.m-curve-low-s", rule: "3.6: one encoding (S15)", file: signatures, from: "if (s > P256_HALF_ORDER || !_verified(question)) return 0;", to: "s;\n        if (!_verified(question)) return 0;" },
  { name: "c.m-curve-verify", rule: "3.6: the signer is the key", file: signatures, from: "if (s > P256_HALF_ORDER || !_verified(question)) return 0;", to: "if (s > P256_HALF_ORDER) return 0;" },
  { name: "c.m-asset-width", rule: "2.3: parameters are what they seem", file: "libraries/Rules.sol", from: "if (asset > type(uint160).max || Params.word(c, 10) > type(uint16).max) revert IShared.UnsupportedAsset();", to: "asset;" },
  // ------------------------------------------------------------------------------------------------ batches
  { name: "c.m-batch-gas", rule: "3.7: no call of a batch fails for want of gas (S26)", file: batches, from: "if (!enough) revert InsufficientGas();", to: "" },
  { name: "c.m-batch-copy", rule: "3.7: … whatever its length (S26)", file: batches, from: "calldatacopy(at, call_.offset, call_.length)\n            mstore(0x00, 0)\n            let left := gas()", to: "let left := gas()\n            calldatacopy(at, call_.offset, call_.length)\n            mstore(0x00, 0)" },
  { name: "c.m-batch-skips", rule: "3.7: a stale call stops no other (S23)", file: batches, from: "if (!ok) emit Skipped(i, reason);", to: "if (!ok) revert StepFailed();\n            reason;" },
]);
