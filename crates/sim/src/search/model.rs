//! What a search needs to know of what it searches.

use super::engine::{Engine, Move, State};
use super::mind::Stimulus;
use alloy_primitives::Address;
use perunika_core::Participant;
use perunika_core::body::Body;
use perunika_core::chain::Call;
use perunika_core::io::Command;
use perunika_core::message::Message;
use perunika_core::signed::{Amount, Close, Entry, Nano};

/// Something that the adversary got from the honest participant: a signature, or a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A State of a channel carries the honest signature.
    State(Body),
    /// A cooperative end does.
    Close(Close),
    /// A version of a nanocontract does; with its storage.
    Nano(Entry, Nano, Vec<u8>),
    /// An input that was handed over or played.
    Input(Entry, Vec<u8>),
    /// The Final of the virtual channel.
    Final(Amount),
    /// The activation secret.
    Secret(alloy_primitives::B256),
}

/// A closed world with one honest participant.
pub(crate) trait Model {
    /// What corrupt peers may send in a state.
    fn messages(&self, engine: &Engine, state: &State) -> Vec<(Address, Message)>;
    /// What the honest application may order, each once, by number.
    fn commands(&self, engine: &Engine, state: &State) -> Vec<(u32, Command)>;
    /// What corrupt accounts may call.
    fn calls(&self, engine: &mut Engine, state: &State) -> Vec<(Address, Call)>;
    /// What the honest participant has signed or handed over with these messages, or what is wrong with it.
    fn learn(
        &self,
        engine: &Engine,
        state: &State,
        before: u32,
        stimulus: &Stimulus,
        messages: &[(Address, Message)],
    ) -> Result<Vec<Content>, String>;
    /// Notes what the honest participant has accepted.
    fn accept(&self, engine: &mut Engine, state: &mut State, messages: &[(Address, Message)]) -> Result<(), String>;
    /// Whether it is of interest that time passes.
    fn may_wait(&self, engine: &mut Engine, state: &State) -> bool;
    /// How it leaves alone.
    fn leave(&self) -> Vec<Command>;
    /// Whether nothing of its money is left in a channel.
    fn is_out(&self, participant: &Participant) -> bool;
    /// What the honest account must own in the end, wei.
    fn due(&self, engine: &Engine, state: &State) -> u128;
    /// What must hold between two states of the chain.
    fn check_chain(&self, engine: &mut Engine, before: &State, after: &State) -> Result<(), String>;
    /// A state in words.
    fn describe(&self, engine: &mut Engine, state: &State) -> String;
    /// A move in words.
    fn tell(&self, step: &Move) -> String;
}
