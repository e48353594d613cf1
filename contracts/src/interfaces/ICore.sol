// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {
    AdjustTerms,
    Channel,
    CloseTerms,
    Key,
    LockTerms,
    Opener,
    Opening,
    State,
    VirtualChannel,
    VirtualState,
    WatchAuth
} from "../types/Structs.sol";
import {IShared} from "./IShared.sol";

/// @title The calls of which the Adjudicator has the code itself: those that move money, and those of disputes
interface ICore is IShared {
    // ------------------------------------------------------------------------------------- life of a ledger channel

    /// @notice Opens a channel in ETH with the value sent as A's deposit; it waits for B. By A's owner. (Protocol 0.3)
    /// @dev Reverts with NotOwner, UnsupportedAsset (not ETH), WrongDeposit (2^96 and more); for the parameters with InvalidOwners,
    ///      UnsupportedAsset, UnsupportedScheme, InvalidKey, InvalidPeriods; WrongPhase, WrongNonce, SlotExhausted.
    /// @param nonce the number of this life, which must be the slot's current one (0 at first)
    function open(Channel calldata params, uint40 nonce) external payable;

    /// @notice Confirms a channel in ETH with the value sent as B's deposit. By B's owner.
    /// @dev Reverts with NotOwner, UnsupportedAsset (not ETH), WrongPhase, WrongNonce, WrongDeposit (of A, or 2^96 and more).
    /// @param nonce the life that B agrees to; with the parameters, it names the id
    /// @param depositA A's deposit that B agrees to
    function confirm(Channel calldata params, uint40 nonce, uint96 depositA) external payable;

    /// @notice `open` for any asset, paid in any way. By A's owner. (Protocol 3.4)
    /// @dev Reverts with NotOwner, Expired (after opening.notAfter), WrongDeposit (of both 2^96 and more, or not what came), those of
    ///      `open` for parameters and slot, and those of the funding: InvalidFunding (no such way, or not for this asset or a
    ///      deposit of 0), InvalidSignature, InsufficientVault, TransferFailed (the token or Permit2 refuses), UnsupportedAsset
    ///      (no token).
    /// @param opening what both agree on; depositB counts only in what A has signed, if `fundingA` is of that kind
    /// @param fundingA where A's deposit comes from (modules/Funding.sol): a byte that names the way, and what that needs.
    ///        Empty, or 0: the sender pays, with the value sent or out of its allowance. 1: out of the vault of A's owner.
    ///        2: out of that owner's allowance. 3 ‖ 64 bytes: the same, with an ERC-2612 permit. 4 ‖ 64 bytes: EIP-3009.
    ///        5 ‖ nonce ‖ signature: Permit2
    function openWith(Channel calldata params, Opening calldata opening, bytes calldata fundingA) external payable;

    /// @notice `confirm` for any asset, paid in any way. By anybody: B's owner sends it, or has signed the OpenAuth.
    ///         (Protocol 0.3, 3.4)
    /// @dev Reverts with Expired, WrongDeposit (also if A has made another), WrongPhase, WrongNonce, and those of the funding.
    /// @param opening whose depositA is the deposit that A has made
    /// @param fundingB as in `openWith`, for B. Behind 0 to 3 follows the signature of the OpenAuth by B's owner, if that does
    ///        not send the call: 64 bytes of its key, or what ERC-1271 takes
    function confirmWith(Channel calldata params, Opening calldata opening, bytes calldata fundingB) external payable;

    /// @notice Opens and confirms at once. By anybody: each owner sends it, or has signed the OpenAuth. (Protocol 0.3, 3.4)
    /// @dev Reverts as `openWith` does, but for NotOwner. The value sent is what the sides of way 0 deposit, to the wei.
    /// @param fundingA as in `confirmWith`, for A
    /// @param fundingB as in `confirmWith`, for B
    function openBoth(
        Channel calldata params,
        Opening calldata opening,
        bytes calldata fundingA,
        bytes calldata fundingB
    ) external payable;

    /// @notice Adds to the deposit of one side of an open channel without a dispute. By anybody, who pays and gets nothing for
    ///         it: States that do not count it leave it to that side. (Protocol 0.3)
    /// @dev Reverts with Expired, InvalidSide, WrongPhase, InDispute, WrongNonce, WrongDeposit (2^96 and more, or not what came), and
    ///      those of the funding.
    /// @param nonce the life that is meant
    /// @param side 0 = A, 1 = B
    /// @param amount smallest units of the asset
    /// @param notAfter seconds since the epoch
    /// @param funding as in `openWith`, of the sender in the place of the owner. What is signed in 3009 and Permit2 is an OpenAuth
    ///        whose deposits are the amount and 0, or 0 and the amount
    function deposit(
        Channel calldata params,
        uint40 nonce,
        uint8 side,
        uint96 amount,
        uint40 notAfter,
        bytes calldata funding
    ) external payable;

    /// @notice Pays part of one side's deposit out while the channel stays open and without a dispute, as both parties signed.
    ///         By anybody. (Protocol 0.3)
    /// @dev Reverts with Expired, InvalidState (ver is no u48), InvalidSide, WrongPhase, InDispute, WrongNonce (not the turn of this
    ///      seq), SlotExhausted (after 65,535 of them), WrongDeposit (more than there is), InvalidReceiver, InvalidSignature,
    ///      InsufficientGas (for the payout).
    function adjust(Channel calldata params, AdjustTerms calldata terms, bytes calldata signatures) external;

    /// @notice Ends a life that B has not confirmed and returns A's deposit. By A's owner.
    /// @dev Reverts with NotOwner, WrongPhase, InsufficientGas.
    function refund(Channel calldata params) external;

    /// @notice Ends a life on terms that both parties signed, with or without a dispute. By anybody. (Protocol 3.5)
    function close(Channel calldata params, CloseTerms calldata terms, bytes calldata signatures) external;

    /// @notice Registers a state: begins a dispute, or, if one runs, acts as `refute`. By an owner, who may begin with
    ///         version 0 (all numbers and roots 0, no signatures) where no state was ever signed.
    function register(Channel calldata params, State calldata state, bytes calldata signatures) external;

    /// @notice `register` by a watchtower that a party's channel key authorised.
    /// @param byB whether the WatchAuth is B's
    function registerFor(
        Channel calldata params,
        State calldata state,
        bytes calldata signatures,
        bool byB,
        WatchAuth calldata auth
    ) external;

    /// @notice Replaces the registered state by one of a higher version, until R. By anybody.
    function refute(Channel calldata params, State calldata state, bytes calldata signatures) external;

    /// @notice Ends a life by the registered state, when its dispute is over. By anybody.
    /// @param mix the value that `Registered` or `Refuted` named with the state
    function conclude(Channel calldata params, State calldata state, bytes32 mix) external;

    // -------------------------------------------------------------------------------------------- virtual channels

    /// @notice Registers a state of a virtual channel: begins its dispute (until tExp), or acts as `refuteVirtual`. By the
    ///         address of the key of one of the ends.
    /// @param secrets the activation secrets of all participants in path order
    function registerVirtual(
        VirtualChannel calldata params,
        VirtualState calldata state,
        bytes calldata signatures,
        bytes32[] calldata secrets
    ) external;

    /// @notice `registerVirtual` by a hub, which may begin a dispute in [tExp - w, tExp] only, or by a watchtower of any
    ///         participant.
    function registerVirtualFor(
        VirtualChannel calldata params,
        VirtualState calldata state,
        bytes calldata signatures,
        bytes32[] calldata secrets,
        Opener calldata opener
    ) external;

    /// @notice Replaces the registered state of a virtual channel by one of a higher version, until R. By anybody.
    function refuteVirtual(VirtualChannel calldata params, VirtualState calldata state, bytes calldata signatures)
        external;

    /// @notice Fixes the outcome of a virtual channel by its registered state, when its dispute is over. By anybody.
    function concludeVirtual(VirtualChannel calldata params, VirtualState calldata state, bytes32 mix) external;

    /// @notice Fixes the outcome that all participants signed: until tExp, or until the end of a dispute. By anybody.
    /// @param mids the keys of the hubs in path order
    /// @param signatures of the Final in path order: first end, hubs, second end
    function finalise(VirtualChannel calldata params, Key[] calldata mids, uint96 outA, bytes calldata signatures)
        external;

    // -------------------------------------------------------------------------------------------------- settlement

    /// @notice Pays out lock `index` of the ended life `nonce` by the recorded outcome of its virtual channel. By anybody.
    function settle(
        Channel calldata params,
        uint40 nonce,
        bytes32 vc,
        LockTerms calldata lock,
        uint256 index,
        bytes32[] calldata proof
    ) external;

    /// @notice Pays out lock `index` at its initial split: its virtual channel has expired without a record. By anybody.
    function settleExpired(
        Channel calldata params,
        uint40 nonce,
        VirtualChannel calldata virtualParams,
        LockTerms calldata lock,
        uint256 index,
        bytes32[] calldata proof
    ) external;

    /// @notice Pays `amount` into the vault of `owner`, where it may fund channels. By anybody, who pays it: with the value sent,
    ///         or out of its allowance. (Protocol 3.4)
    /// @dev Reverts with InvalidOwners (owner 0), WrongDeposit, TransferFailed, UnsupportedAsset. `amount` in smallest units.
    function fundVault(address asset, address owner, uint96 amount) external payable;

    /// @notice Pays `amount` out of the sender's vault to `to`, with all the gas there is. By whoever has a vault. (Protocol 3.4)
    /// @dev Reverts with NothingToWithdraw (0), InvalidReceiver (0, or the Adjudicator), InsufficientVault, TransferFailed.
    function withdraw(address asset, address to, uint256 amount) external;

    // ---------------------------------------------------------------------------------------------------- registry

    /// @notice When the secret with this hash was first revealed, in seconds since the epoch; 0: never.
    function revealedAt(bytes32 hash) external view returns (uint256);
}
