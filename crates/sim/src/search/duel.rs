//! (M1) One ledger channel, one of its parties corrupt.

use super::contract::{Contract, WEALTH};
use super::engine::{Act, BASE, Engine, Move, State, UNIT, seconds};
use super::mind::{Key, Minds, Stimulus};
use super::model::{Content, Model};
use super::moves;
use super::words;
use alloy_primitives::{Address, B256, keccak256};
use perunika_apps::{App, hash_chain};
use perunika_core::Participant;
use perunika_core::body::Body;
use perunika_core::chain::{Call, Phase};
use perunika_core::funding::Source;
use perunika_core::info::LedgerStage;
use perunika_core::io::Command;
use perunika_core::message::{Message, NanoTerms};
use perunika_core::params::{ChannelParams, Party, Side};
use perunika_core::participant::Config;
use perunika_core::policy::{NanoPolicy, Policy};
use perunika_core::sig::RawKey as _;
use perunika_core::signed::Eip712;

/// Deposits of A and B, wei.
pub(crate) const DEPOSITS: [u128; 2] = [10, 10];

/// Bounds of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Which side is honest.
    pub honest: Side,
    /// What has happened before the search begins.
    pub stage: Stage,
    /// So many versions above that the corrupt party signs at most, and the honest application orders nothing.
    pub versions: u64,
    /// Nanocontracts: the honest party pays by the first, the corrupt one by the second.
    pub nanos: usize,
    /// Units of time that pass at most before a dispute.
    pub idle: u16,
    /// Units of time that pass at most.
    pub units: u16,
    /// Messages, commands and corrupt calls that change something, at most.
    pub steps: usize,
    /// States at most.
    pub limit: usize,
    /// What is broken on purpose.
    pub broken: Broken,
}

/// A rule that is broken on purpose, so that the search has something to find.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Broken {
    /// None is.
    #[default]
    Nothing,
    /// Honest transactions may wait for as long as the adversary likes.
    LateTransactions,
    /// The contract concludes before the time to refute is over.
    EarlyConclude,
    /// The honest party lost its disk and plays from what it had when the channel was opened, once.
    OldBackup,
}

/// Where a search begins: what two honest parties have done until one of them turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The channel is open.
    Fresh,
    /// Each has paid the other one; nothing is countersigned.
    Paid,
    /// The honest party pays by a nanocontract, once so far.
    Paying,
    /// The corrupt one does.
    Payee,
    /// The corrupt one does, and the honest one has sent a step that claims it.
    Claiming,
    /// Both do.
    Both,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Fresh, Self::Paid, Self::Paying, Self::Payee, Self::Claiming, Self::Both];

    /// Steps of a search that takes seconds.
    pub fn usual_steps(self) -> usize {
        if self == Self::Fresh { 3 } else { 2 }
    }

    fn script(self) -> Vec<Act> {
        let accept = || Act::Say(|m| matches!(m, Message::Accept { .. }));
        let agree = || Act::Say(|m| matches!(m, Message::NanoAgree { .. }));
        let offer = || Act::Say(|m| matches!(m, Message::NanoOffer { .. }));
        let hand = || Act::Say(|m| matches!(m, Message::NanoHand { count: 1, .. }));
        match self {
            Self::Fresh => Vec::new(),
            Self::Paid => vec![Act::Order(0), Act::Say(|m| matches!(m, Message::Item { cosign: false, .. }))],
            Self::Paying => vec![Act::Order(4), agree(), accept(), Act::Order(7)],
            Self::Payee => vec![offer(), Act::Order(5), accept(), hand()],
            Self::Claiming => vec![offer(), Act::Order(5), accept(), hand(), Act::Order(6)],
            Self::Both => {
                vec![Act::Order(4), agree(), accept(), offer(), Act::Order(5), accept(), Act::Order(7), hand()]
            }
        }
    }
}

/// The channel.
pub(crate) struct Duel {
    pub(crate) bounds: Bounds,
    /// Highest version that is signed by the corrupt party.
    pub(crate) newest: u64,
    /// The last unit of time before which the dispute must begin.
    patient_until: u16,
    pub(crate) domain: perunika_core::Domain,
    pub(crate) honest: Key,
    pub(crate) corrupt: Key,
    pub(crate) owners: [Address; 2],
    pub(crate) params: ChannelParams,
    pub(crate) ch: B256,
    /// Both chains of preimages: that of the honest payer, that of the corrupt one.
    pub(crate) payers: [hash_chain::Payer; 2],
}

/// Times of which only the order matters: everything that must be longer than `m_safe` is two units.
pub(crate) fn policy() -> Policy {
    let nano = NanoPolicy { gas_price: 0, answer: 2 * UNIT, ..NanoPolicy::dev() };
    Policy {
        m_safe: UNIT,
        challenge: 2 * UNIT as u32,
        window: 2 * UNIT as u32,
        close_validity: 2 * UNIT,
        patience: UNIT,
        nano,
        ..Policy::dev()
    }
}

pub(crate) fn owner(name: &str) -> Address {
    Address::from_slice(&keccak256(format!("owner of {name}"))[12..])
}

impl Duel {
    /// The model, and the state in which the channel is open.
    pub(crate) fn new(bounds: Bounds) -> (Self, Engine, State) {
        let (honest, corrupt) = (Key::new("the honest party"), Key::new("the corrupt party"));
        let owners = [owner("the honest party"), owner("the corrupt party")];
        let code = App::HashChain.code();
        let chain = Contract::new(&owners, &[code]);
        let domain = chain.domain;
        let config = Config { domain, owner: owners[0], policy: policy() };
        let minds = Minds::new(config, honest.clone(), UNIT * 1_000);
        let party = |owner: Address, key: &Key| Party { owner, key: key.address() };
        let (h, c) = (party(owners[0], &honest), party(owners[1], &corrupt));
        let (a, b) = if bounds.honest == Side::A { (h, c) } else { (c, h) };
        let Policy { challenge, window, k_max, .. } = policy();
        let params = ChannelParams { a, b, asset: Address::ZERO, challenge, window, k_max, lane: 0 };
        let payers = [b"honest", b"broken"]
            .map(|seed| hash_chain::Payer::new(keccak256(seed), 2).expect("a chain of two payments is short enough"));
        let ch = params.id(&domain, 0);
        let mut this =
            Self { bounds, newest: 12, patient_until: 0, domain, honest, corrupt, owners, params, ch, payers };
        let mut engine = Engine::new(chain, minds, owners[0]);
        let mut start = this.open(&mut engine).expect("the channel opens");
        let backup = start.mind;
        engine.play(&this, &mut start, &bounds.stage.script()).expect("the script is possible");
        let log = engine.participant(&start).update_log(this.ch);
        this.newest = log.map_or(0, |log| log.my_high().max(log.peer_high())) + bounds.versions;
        this.patient_until = start.time + bounds.idle;
        engine.forget_menus();
        if bounds.broken == Broken::OldBackup {
            start.mind = backup;
        }
        engine.careless_chain = bounds.broken == Broken::LateTransactions;
        engine.chain.hasty = bounds.broken == Broken::EarlyConclude;
        (this, engine, start)
    }

    fn open(&self, engine: &mut Engine) -> Result<State, String> {
        let peer = self.corrupt.address();
        let mut state = engine.origin();
        engine.apply(self, &mut state, &Stimulus::Connected(peer))?;
        engine.pass(self, &mut state)?;
        let [dep_a, dep_b] = DEPOSITS;
        if self.bounds.honest == Side::A {
            let command = Command::OpenChannel {
                asset: Address::ZERO,
                from: Source::Wallet,
                peer,
                deposit: dep_a,
                peer_deposit: dep_b,
                lane: 0,
            };
            engine.apply(self, &mut state, &Stimulus::Command(900, command))?;
            let info = Message::ChannelInfo { asset: Address::ZERO, lane: 0, owner: self.owners[1] };
            engine.apply(self, &mut state, &Stimulus::Message(peer, info))?;
            engine.settle(self, &mut state, 1)?;
            engine.apply(
                self,
                &mut state,
                &Stimulus::Message(peer, Message::ChannelAgreed { id: self.ch, consent: None }),
            )?;
            engine.settle(self, &mut state, 2)?;
            let confirm = Call::Confirm { params: self.params, id: self.ch, dep_a, value: dep_b };
            engine.call(&mut state, self.owners[1], &confirm)?;
        } else {
            let offer = Message::ChannelOffer { params: self.params, nonce: 0, dep_a, dep_b };
            engine.apply(self, &mut state, &Stimulus::Message(peer, offer))?;
            engine.settle(self, &mut state, 1)?;
            let open = Call::Open { params: self.params, nonce: 0, value: dep_a };
            engine.call(&mut state, self.owners[1], &open)?;
        }
        engine.settle(self, &mut state, 3)?;
        let stage = engine.participant(&state).ledger(self.ch).map(|ledger| ledger.stage);
        if stage == Some(LedgerStage::Open) { Ok(state) } else { Err(format!("it is {stage:?}")) }
    }

    /// The time behind which nothing more happens but that the honest party leaves.
    pub(crate) fn last(&self, start: &State) -> u16 {
        start.time + self.bounds.units
    }

    pub(crate) fn terms(&self, honest_pays: bool) -> NanoTerms {
        let payer = if honest_pays { self.bounds.honest } else { self.bounds.honest.other() };
        let chain = &self.payers[usize::from(!honest_pays)];
        hash_chain::terms(chain.anchor(), 1, 2, payer, 2).expect("terms for two payments")
    }

    /// What is left for the honest party of a State, with what was paid by its nanocontracts.
    fn worth(&self, engine: &Engine, state: &State, body: &Body) -> u128 {
        let mut worth = body.share(self.bounds.honest);
        for entry in &body.nanos {
            let paid = |input: &[u8], payer: &hash_chain::Payer| {
                (0..=2u32).find(|i| payer.pay(*i).as_deref() == Some(input)).unwrap_or_default()
            };
            let honest_pays = entry.storage0 == keccak256(&self.terms(true).storage);
            let payer = &self.payers[usize::from(!honest_pays)];
            let inputs = engine.known(state).filter_map(|content| match content {
                Content::Input(of, input) if of == entry => Some(paid(input, payer)),
                _ => None,
            });
            let most = u128::from(inputs.max().unwrap_or_default());
            worth = if honest_pays { worth.saturating_sub(most) } else { worth + most };
        }
        worth
    }
}

impl Model for Duel {
    fn messages(&self, engine: &Engine, state: &State) -> Vec<(Address, Message)> {
        let all = moves::messages(self, engine, state);
        all.into_iter().map(|message| (self.corrupt.address(), message)).collect()
    }

    fn commands(&self, engine: &Engine, state: &State) -> Vec<(u32, Command)> {
        moves::commands(self, engine, state)
    }

    fn calls(&self, engine: &mut Engine, state: &State) -> Vec<(Address, Call)> {
        let all = moves::calls(self, engine, state);
        all.into_iter().map(|call| (self.owners[1], call)).collect()
    }

    fn learn(
        &self,
        engine: &Engine,
        state: &State,
        before: u32,
        stimulus: &Stimulus,
        messages: &[(Address, Message)],
    ) -> Result<Vec<Content>, String> {
        let new = moves::learn(self, engine, (before, state.mind), stimulus, messages)?;
        moves::signs_once(self.ch, engine.known(state), &new)?;
        Ok(new)
    }

    fn accept(&self, engine: &mut Engine, state: &mut State, messages: &[(Address, Message)]) -> Result<(), String> {
        let Some(log) = engine.participant(state).update_log(self.ch) else { return Ok(()) };
        let cur = log.cur().clone();
        let newest = match engine.contents.get(state.accepted as usize) {
            Some(Content::State(body)) if body.ch == self.ch => body.ver,
            _ => 0,
        };
        for (_, message) in messages {
            if let Message::Ack { ver, .. } = message
                && *ver > cur.body.ver.max(newest)
            {
                return Err(format!("version {ver} was acknowledged and not accepted"));
            }
        }
        let digest = cur.body.digest(&self.domain);
        let theirs = cur.sigs[self.bounds.honest.other().index()];
        let signed = theirs == Some(self.corrupt.sign(digest));
        let params = self.params;
        // What is countersigned once a dispute is seen does not count: nobody may be able to register it any more.
        let quiet = engine.chain.ledger(state.seen, &params).dispute.is_none();
        if (cur.body.ver > newest && signed && quiet) || state.accepted == 0 {
            state.accepted = engine.content(Content::State(cur.body));
        }
        Ok(())
    }

    fn may_wait(&self, engine: &mut Engine, state: &State) -> bool {
        let view = engine.chain.ledger(state.chain, &self.params);
        view.dispute.is_some() || (view.phase == Phase::Open && view.nonce == 0 && state.time < self.patient_until)
    }

    fn leave(&self) -> Vec<Command> {
        vec![Command::CloseChannel { ch: self.ch, force: true }]
    }

    fn is_out(&self, participant: &Participant) -> bool {
        participant.ledger(self.ch).is_none_or(|ledger| ledger.stage == LedgerStage::Closed)
    }

    fn due(&self, engine: &Engine, state: &State) -> u128 {
        let accepted = match engine.contents.get(state.accepted as usize) {
            Some(Content::State(body)) if body.ch == self.ch => body.clone(),
            _ => Body::ledger_genesis(self.ch, DEPOSITS[0], DEPOSITS[1]),
        };
        let above = engine.known(state).filter_map(|content| match content {
            Content::State(body) if body.ver > accepted.ver => Some(self.worth(engine, state, body)),
            _ => None,
        });
        let least = above.fold(self.worth(engine, state, &accepted), u128::min);
        WEALTH - DEPOSITS[self.bounds.honest.index()] + least
    }

    fn check_chain(&self, engine: &mut Engine, before: &State, after: &State) -> Result<(), String> {
        let (old, new) =
            (engine.chain.ledger(before.chain, &self.params), engine.chain.ledger(after.chain, &self.params));
        if let (Some(old), Some(now)) = (old.dispute, new.dispute)
            && (now.ver < old.ver || now.refute_end != old.refute_end || (now.ver == old.ver && now.state != old.state))
        {
            return Err("a dispute went back (I2)".into());
        }
        let wealth = |engine: &Engine, state: &State| self.owners.map(|owner| engine.chain.balance(state.chain, owner));
        let paid: u128 = wealth(engine, after).iter().sum();
        let over = new.phase == Phase::Closed && new.nonce > 0;
        let held = if over { 0 } else { new.dep_a + new.dep_b };
        if paid + held != 2 * WEALTH {
            return Err(format!("{paid} wei in the accounts and {held} in the channel are not all that there is (I1)"));
        }
        Ok(())
    }

    fn describe(&self, engine: &mut Engine, state: &State) -> String {
        words::describe(self, engine, state)
    }

    fn tell(&self, step: &Move) -> String {
        words::tell(step)
    }
}

/// For people: seconds since the start of the model.
pub(crate) fn since_start(second: u64) -> String {
    format!("+{}s", second.saturating_sub(BASE + UNIT))
}

impl Duel {
    /// The corrupt signature.
    pub(crate) fn sign(&self, hash: B256) -> perunika_core::sig::Signature {
        self.corrupt.sign(self.domain.digest(hash))
    }

    /// The corrupt signature on a State.
    pub(crate) fn sign_body(&self, body: &Body) -> perunika_core::sig::Signature {
        self.sign(body.state().struct_hash())
    }

    /// Chain time of a state.
    pub(crate) fn now(&self, state: &State) -> u64 {
        seconds(state.time)
    }
}
