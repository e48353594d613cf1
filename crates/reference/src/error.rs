//! Why a call is refused.

macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Why a call is refused: a custom error of the contract, or one of the two ways in which it reverts without a word.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Error {
            /// The function takes no money. No custom error.
            NotPayable,
            $($(#[$doc])* $name,)+
        }

        impl Error {
            /// Every custom error, as the contract declares them.
            pub const CUSTOM: &[Error] = &[$(Error::$name),+];

            /// Its name in the contract's interface; none if the call reverts without a word.
            pub fn name(self) -> Option<&'static str> {
                match self {
                    Self::NotPayable => None,
                    $(Self::$name => Some(stringify!($name)),)+
                }
            }
        }
    };
}

errors! {
    /// The contract is called from within a call that pays out.
    Reentered,
    /// The clock of the chain does not count seconds.
    WrongDomain,
    /// The sender is not the account that may do this.
    NotOwner,
    /// The slot is in another phase.
    WrongPhase,
    /// The slot is in another life.
    WrongNonce,
    /// The slot has had all its lives, or the life all its Adjusts.
    SlotExhausted,
    /// The deposits are too large, or not the agreed ones.
    WrongDeposit,
    /// Not ETH, or no token.
    UnsupportedAsset,
    /// Neither secp256k1 nor P-256.
    UnsupportedScheme,
    /// No second owner, or twice the same one.
    InvalidOwners,
    /// A key that no key of its scheme is, or twice the same one.
    InvalidKey,
    /// C, w or kMax out of bounds.
    InvalidPeriods,
    /// A State, Close or Final that breaks the predicate.
    InvalidState,
    /// Neither A's nor B's.
    InvalidSide,
    /// A signature is missing, wrong, or too much.
    InvalidSignature,
    /// An authorisation does not hold, or not now; or the hubs are not those of the path.
    InvalidAuthorisation,
    /// The activation secrets are not those of the virtual channel.
    InvalidActivation,
    /// The siblings do not lead to the root.
    InvalidProof,
    /// No such way to pay, or not for this asset or amount.
    InvalidFunding,
    /// The contract itself.
    InvalidReceiver,
    /// Too late.
    Expired,
    /// Too early: the virtual channel has not expired.
    NotExpired,
    /// A dispute runs.
    InDispute,
    /// No dispute runs.
    NoDispute,
    /// What is registered is as new or newer.
    NotNewer,
    /// Past R.
    RefutationOver,
    /// Not past R, or nRef.
    RefutationRunning,
    /// A version that this Entry cannot have.
    InvalidNano,
    /// Not registered, or not in the State.
    NoSuchNano,
    /// It is somebody else's move.
    NotMover,
    /// The account has other code than the Entry names.
    WrongCode,
    /// The storage is not the one whose hash is registered.
    WrongStorage,
    /// A storage or an input of more than 2^14 bytes.
    TooLong,
    /// The code reverted or broke off.
    StepFailed,
    /// The code returned something out of bounds.
    InvalidStep,
    /// Code that no account can have.
    DeploymentFailed,
    /// The dispute is not over, or there is no outcome.
    NotFinal,
    /// The State is not the registered one.
    WrongPreimage,
    /// The chain does not know the hash of the previous block.
    NoBlockhash,
    /// The outcome is fixed.
    AlreadyConcluded,
    /// The lock is settled.
    AlreadySettled,
    /// The escrow has no such lock.
    NoSuchLock,
    /// Too little gas for what has to be passed on.
    InsufficientGas,
    /// The vault holds less.
    InsufficientVault,
    /// An amount of 0.
    NothingToWithdraw,
    /// The receiver, or a token, did not do it.
    TransferFailed,
}

/// `Err(error)` unless `held`.
pub(crate) fn require(held: bool, error: Error) -> Result<(), Error> {
    if held { Ok(()) } else { Err(error) }
}
