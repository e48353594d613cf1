//! What the adversary is after in a story: without a bias, random play seldom gets two things right in a row.

use super::puppet::{KINDS, Manner};
use crate::rng::Rng;

/// What an action is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    /// Any message at all.
    Anything,
    /// What was said or heard before, to anybody.
    Replay,
    /// A changed copy of what was said before.
    Change,
    /// Payments, on any base.
    Item,
    /// Changes of entries.
    Propose,
    /// The same as a pre-signature.
    Presign,
    /// Countersignatures, also of what nobody asked for.
    Accept,
    /// Finals of an end, another one for everybody.
    Final,
    /// Cooperative ends of ledger channels.
    Close,
    /// The beginning and the first version of a virtual channel.
    Create,
    /// Nanocontracts.
    Nano,
    /// Deposits, withdrawals, openings.
    Money,
}

/// One kind of action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// A message.
    Speak(Topic),
    /// A call about channels.
    Call,
    /// A call about nanocontracts.
    Nano,
    /// The order of the next block.
    Order,
    /// A node that has forgotten.
    Rewind,
    /// What was kept goes out.
    LetGo,
    /// Puppets are played otherwise from now on.
    Manner,
    /// A puppet does something of its own accord.
    Command,
    /// A short sequence that answers what was just heard.
    Play,
}

const ALL: &[(Action, u64)] = &[
    (Action::Speak(Topic::Anything), 6),
    (Action::Speak(Topic::Replay), 5),
    (Action::Speak(Topic::Change), 6),
    (Action::Speak(Topic::Item), 6),
    (Action::Speak(Topic::Propose), 5),
    (Action::Speak(Topic::Presign), 4),
    (Action::Speak(Topic::Accept), 4),
    (Action::Speak(Topic::Final), 4),
    (Action::Speak(Topic::Close), 2),
    (Action::Speak(Topic::Create), 3),
    (Action::Speak(Topic::Nano), 4),
    (Action::Speak(Topic::Money), 4),
    (Action::Call, 8),
    (Action::Nano, 4),
    (Action::Order, 6),
    (Action::Rewind, 1),
    (Action::LetGo, 3),
    (Action::Manner, 2),
    (Action::Command, 10),
    (Action::Play, 10),
];

/// A plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    /// No plan.
    Noise,
    /// Old States on chain.
    OldStates,
    /// Different Finals for different people; certificates kept for later.
    Finals,
    /// Creation stops in the middle, and what is held comes later.
    HalfCreated,
    /// Two contents wherever one is due.
    Equivocate,
    /// Nodes that forget.
    Twins,
    /// Payments on old bases, in the middle of other things.
    Streams,
    /// Removals that nobody owes.
    Removals,
    /// Everything goes out late.
    Late,
    /// One kind of message never goes out.
    Mute,
    /// Payments and updates behind a Final or a Close.
    Frozen,
    /// Nanocontracts.
    Games,
    /// Blocks.
    Blocks,
    /// Parameters.
    Terms,
    /// Ledger channels closed and opened again.
    Lives,
    /// Virtual channels that never end, and are paid over when it is too late.
    LastMinute,
    /// Payments overtake answers.
    Overtake,
    /// Deposits counted that are not there, withdrawals kept for later, agreements for something else.
    Money,
}

const INTENTS: &[Intent] = &[
    Intent::Noise,
    Intent::OldStates,
    Intent::Finals,
    Intent::HalfCreated,
    Intent::Equivocate,
    Intent::Twins,
    Intent::Streams,
    Intent::Removals,
    Intent::Late,
    Intent::Mute,
    Intent::Frozen,
    Intent::Games,
    Intent::Blocks,
    Intent::Terms,
    Intent::Lives,
    Intent::LastMinute,
    Intent::Overtake,
    Intent::Money,
    Intent::Money,
];

impl Intent {
    /// One to three plans.
    pub(crate) fn draw(rng: &mut Rng) -> Vec<Self> {
        let count = rng.between(1, 3);
        (0..count).map(|_| INTENTS[rng.below(INTENTS.len() as u64) as usize]).collect()
    }

    fn favours(self, action: Action) -> bool {
        use Action::{Call, Command, LetGo, Manner, Nano, Order, Play, Rewind, Speak};
        match self {
            Self::Noise => matches!(action, Speak(Topic::Anything)),
            Self::OldStates => matches!(action, Call | Order),
            Self::Finals => matches!(action, Speak(Topic::Final) | Call | LetGo),
            Self::HalfCreated => matches!(action, Speak(Topic::Create) | LetGo | Command | Play),
            Self::Equivocate => {
                matches!(action, Speak(Topic::Change | Topic::Propose | Topic::Presign) | Manner | Play)
            }
            Self::Twins => matches!(action, Rewind | Command),
            Self::Streams => matches!(action, Speak(Topic::Item | Topic::Accept) | Command | Play),
            Self::Removals => matches!(action, Speak(Topic::Propose | Topic::Presign | Topic::Accept) | Play),
            Self::Late => matches!(action, LetGo | Speak(Topic::Accept | Topic::Replay)),
            Self::Mute => matches!(action, Command | Manner),
            Self::Frozen => matches!(action, Speak(Topic::Item | Topic::Close | Topic::Final) | Command | Play),
            Self::Games => matches!(action, Nano | Speak(Topic::Nano) | Command),
            Self::Blocks => matches!(action, Order | Call),
            Self::Terms => matches!(action, Speak(Topic::Create) | Command),
            Self::LastMinute => matches!(action, Command | Order),
            Self::Overtake => matches!(action, Speak(Topic::Accept) | Play | Call),
            Self::Money => matches!(action, Speak(Topic::Money) | Call | Command | Play),
            Self::Lives => matches!(action, Call | Speak(Topic::Close) | Command),
        }
    }
}

/// The next action.
pub(crate) fn action(intents: &[Intent], rng: &mut Rng) -> Action {
    let weight = |(action, base): &(Action, u64)| {
        let favoured = intents.iter().filter(|intent| intent.favours(*action)).count() as u64;
        base * (1 + 6 * favoured)
    };
    let sum: u64 = ALL.iter().map(weight).sum();
    let mut ball = rng.below(sum);
    for entry in ALL {
        let weight = weight(entry);
        if ball < weight {
            return entry.0;
        }
        ball -= weight;
    }
    Action::Call
}

fn some_kind(rng: &mut Rng) -> &'static str {
    const DEEP: &[&str] = &[
        "Accept",
        "Presign",
        "Propose",
        "Activate",
        "FinalSigs",
        "Start",
        "Receipt",
        "Ack",
        "CloseSig",
        "NanoAccept",
        "NanoStep",
        "Refuse",
    ];
    if rng.chance(800) {
        DEEP[rng.below(DEEP.len() as u64) as usize]
    } else {
        KINDS[rng.below(KINDS.len() as u64) as usize]
    }
}

/// How a puppet is played under these plans.
pub(crate) fn manner(intents: &[Intent], rng: &mut Rng) -> Manner {
    let mut manner = Manner::default();
    if rng.chance(300) {
        manner.drop = rng.below(150);
        manner.double = rng.below(150);
        manner.delay = rng.below(200);
    }
    if rng.chance(200) {
        manner.garble = rng.below(60);
    }
    for intent in intents {
        match intent {
            Intent::Equivocate => (manner.equivocate, manner.garble) = (rng.between(50, 400), rng.below(200)),
            Intent::Late => {
                manner.delay = rng.between(100, 700);
                manner.keep.insert(some_kind(rng));
            }
            Intent::Mute => {
                manner.mute.insert(some_kind(rng));
            }
            Intent::HalfCreated => {
                manner.junk_secrets = [0, 0, 300, 1_000][rng.below(4) as usize];
                let kinds = ["Activate", "Presign", "Start", "Receipt", "Accept"];
                manner.keep.insert(kinds[rng.below(5) as usize]);
            }
            Intent::Finals => {
                if rng.chance(600) {
                    manner.keep.insert("FinalSigs");
                }
                manner.equivocate = manner.equivocate.max(rng.below(300));
            }
            Intent::Removals if rng.chance(500) => {
                manner.keep.insert(["Presign", "Accept", "Propose"][rng.below(3) as usize]);
            }
            Intent::OldStates | Intent::Blocks => {
                manner.drop_calls = rng.below(1_000);
                manner.hold_calls = rng.below(500);
            }
            Intent::LastMinute => {
                manner.mute.extend(["FinalSigs", "VcCloseAsk"]);
                manner.drop_calls = 700;
            }
            Intent::Money => {
                manner.hold_adjusts = [0, 400, 1_000][rng.below(3) as usize];
                manner.garble = manner.garble.max(rng.below(300));
                if rng.chance(300) {
                    manner.keep.insert(["AdjustSig", "Presign", "Accept"][rng.below(3) as usize]);
                }
            }
            Intent::Overtake => manner.overtake = rng.between(200, 900),
            Intent::Terms => manner.garble = rng.between(100, 500),
            _ => {}
        }
    }
    manner
}
