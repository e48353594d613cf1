//! (M2) One virtual channel over one honest hub, both ends corrupt.

use super::contract::{Contract, WEALTH};
use super::duel::{owner, policy};
use super::engine::{Act, Engine, Move, State, UNIT, seconds};
use super::hub_moves as moves;
use super::mind::{Key, Minds, Stimulus};
use super::model::{Content, Model};
use super::{moves as ledger_moves, words};
use alloy_primitives::{Address, B256};
use perunika_core::Participant;
use perunika_core::chain::{Call, Phase, RecordView};
use perunika_core::funding::Source;
use perunika_core::info::LedgerStage;
use perunika_core::io::Command;
use perunika_core::message::{LinkOp, Message, Removal, Terms};
use perunika_core::params::{ChannelParams, Party, VirtualParams, secret_hash};
use perunika_core::participant::Config;
use perunika_core::policy::Policy;
use perunika_core::sig::RawKey as _;
use perunika_core::signed::{Amount, Lock};

/// Deposits of both parties of a link, wei.
pub(crate) const DEPOSIT: u128 = 10;
/// Stakes of both ends, wei.
const STAKES: [Amount; 2] = [2, 1];
/// Price of the hub, wei.
const FEE: Amount = 1;
/// Units of time from the opening to the end of the term.
const TERM: u64 = 5;

/// Where a search begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HubStage {
    /// The hub was asked to take part, and has pre-signed both locks.
    Asked,
    /// Both locks are firm and the hub's secret is out.
    Active,
    /// The hub has signed the Final.
    Final,
    /// One lock is removed with the certificate.
    Lopsided,
}

impl HubStage {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Asked, Self::Active, Self::Final, Self::Lopsided];

    /// Steps of a search that takes seconds.
    pub fn usual_steps(self) -> usize {
        1
    }

    fn script(self) -> Vec<Act> {
        let accept = || Act::Say(|m| matches!(m, Message::Accept { .. }));
        let mut script = Vec::new();
        if self != Self::Asked {
            script.extend([accept(), accept()]);
        }
        if matches!(self, Self::Final | Self::Lopsided) {
            script.push(Act::Say(|m| matches!(m, Message::FinalSigs { out_a: 3, sigs, .. } if sigs.len() == 2)));
        }
        if self == Self::Lopsided {
            script.push(accept());
        }
        script
    }
}

/// Bounds of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HubBounds {
    /// What has happened before the search begins.
    pub stage: HubStage,
    /// So many versions above that the corrupt ends sign at most in a link.
    pub versions: u64,
    /// Units of time that pass at most.
    pub units: u16,
    /// Messages, commands and corrupt calls that change something, at most.
    pub steps: usize,
    /// States at most.
    pub limit: usize,
}

/// The path.
pub(crate) struct Hub {
    pub(crate) domain: perunika_core::Domain,
    pub(crate) honest: Key,
    /// Of the left end, of the right end.
    pub(crate) ends: [Key; 2],
    /// Accounts of both ends.
    pub(crate) owners: [Address; 2],
    pub(crate) links: [ChannelParams; 2],
    pub(crate) ids: [B256; 2],
    pub(crate) params: VirtualParams,
    pub(crate) vc: B256,
    /// Activation secrets of the ends.
    pub(crate) secrets: [B256; 2],
    /// Highest version that is signed by a corrupt end in a link.
    pub(crate) newest: u64,
    units: u16,
}

impl Hub {
    /// The model, and the state in which the search begins.
    pub(crate) fn new(bounds: HubBounds) -> (Self, Engine, State) {
        let honest = Key::new("the hub");
        let ends = [Key::new("the left end"), Key::new("the right end")];
        let (account, owners) = (owner("the hub"), [owner("the left end"), owner("the right end")]);
        let chain = Contract::new(&[account, owners[0], owners[1]], &[]);
        let domain = chain.domain;
        let policy = Policy { close_lead: UNIT, fee_base: FEE, fee_ppm_per_day: 0, ..policy() };
        let minds = Minds::new(Config { domain, owner: account, policy: policy.clone() }, honest.clone(), UNIT * 1_000);
        let party = |owner: Address, key: &Key| Party { owner, key: key.address() };
        let h = party(account, &honest);
        let Policy { challenge, window, k_max, .. } = policy;
        // The hub is B of the one link and A of the other.
        let link = |a, b| ChannelParams { a, b, asset: Address::ZERO, challenge, window, k_max, lane: 0 };
        let links = [link(party(owners[0], &ends[0]), h), link(h, party(owners[1], &ends[1]))];
        let ids = links.map(|link| link.id(&domain, 0));
        let secrets = [0u8, 1].map(|i| ends[usize::from(i)].activation_secret(B256::repeat_byte(i)));
        let params = VirtualParams {
            path: vec![ends[0].address(), honest.address(), ends[1].address()],
            links: ids.to_vec(),
            fees: vec![FEE],
            asset: Address::ZERO,
            init_a: STAKES[0],
            init_b: STAKES[1],
            t_exp: 0,
            challenge,
            window,
            k_max,
            nonce: 1,
            hashes: vec![secret_hash(secrets[0]), B256::ZERO, secret_hash(secrets[1])],
        };
        let newest = 100;
        let mut this = Self {
            domain,
            honest,
            ends,
            owners,
            links,
            ids,
            params,
            vc: B256::ZERO,
            secrets,
            newest,
            units: bounds.units,
        };
        let mut engine = Engine::new(chain, minds, account);
        let mut start = this.open(&mut engine).expect("the path opens");
        engine.play(&this, &mut start, &bounds.stage.script()).expect("the script is possible");
        let high = |ch| engine.participant(&start).update_log(ch).map_or(0, |log| log.my_high().max(log.peer_high()));
        this.newest = this.ids.map(high).into_iter().max().unwrap_or_default() + bounds.versions;
        engine.forget_menus();
        (this, engine, start)
    }

    /// Both links, then a quote, then the call to take part.
    fn open(&mut self, engine: &mut Engine) -> Result<State, String> {
        let mut state = engine.origin();
        for end in &self.ends {
            engine.apply(self, &mut state, &Stimulus::Connected(end.address()))?;
        }
        engine.pass(self, &mut state)?;
        let (left, right) = (self.ends[0].address(), self.ends[1].address());
        let offer = Message::ChannelOffer { params: self.links[0], nonce: 0, dep_a: DEPOSIT, dep_b: DEPOSIT };
        engine.apply(self, &mut state, &Stimulus::Message(left, offer))?;
        let command = Command::OpenChannel {
            asset: Address::ZERO,
            from: Source::Wallet,
            peer: right,
            deposit: DEPOSIT,
            peer_deposit: DEPOSIT,
            lane: 0,
        };
        engine.apply(self, &mut state, &Stimulus::Command(900, command))?;
        let info = Message::ChannelInfo { asset: Address::ZERO, lane: 0, owner: self.owners[1] };
        engine.apply(self, &mut state, &Stimulus::Message(right, info))?;
        engine.settle(self, &mut state, 1)?;
        engine.apply(
            self,
            &mut state,
            &Stimulus::Message(right, Message::ChannelAgreed { id: self.ids[1], consent: None }),
        )?;
        let open = Call::Open { params: self.links[0], nonce: 0, value: DEPOSIT };
        engine.call(&mut state, self.owners[0], &open)?;
        engine.settle(self, &mut state, 3)?;
        let confirm = Call::Confirm { params: self.links[1], id: self.ids[1], dep_a: DEPOSIT, value: DEPOSIT };
        engine.call(&mut state, self.owners[1], &confirm)?;
        engine.settle(self, &mut state, 3)?;
        for id in self.ids {
            let stage = engine.participant(&state).ledger(id).map(|ledger| ledger.stage);
            if stage != Some(LedgerStage::Open) {
                return Err(format!("a link is {stage:?}"));
            }
        }
        self.params.t_exp = seconds(state.time) + TERM * UNIT;
        let VirtualParams { asset, init_a, init_b, t_exp, challenge, window, k_max, .. } = self.params;
        let terms = Terms { asset, init_a, init_b, t_exp, challenge, window, k_max };
        let ask =
            Message::QuoteAsk { request: B256::repeat_byte(7), path: self.params.path.clone(), terms, renews: None };
        let answer = engine.apply(self, &mut state, &Stimulus::Message(left, ask))?;
        let quoted = answer.messages.iter().find_map(|(_, message)| match message {
            Message::Quote { hash, fee, .. } => Some((*hash, *fee)),
            _ => None,
        });
        let (hash, fee) = quoted.ok_or_else(|| format!("no quote: {:?}", answer.messages))?;
        (self.params.hashes[1], self.params.fees[0]) = (hash, fee);
        self.vc = self.params.id(&self.domain);
        let open = Message::VcOpen { params: self.params.clone(), renews: None };
        engine.apply(self, &mut state, &Stimulus::Message(left, open))?;
        Ok(state)
    }

    /// The time behind which nothing more happens but that the hub leaves.
    pub(crate) fn last(&self, start: &State) -> u16 {
        start.time + self.units
    }

    /// The lock in a link.
    pub(crate) fn lock(&self, link: usize) -> Lock {
        // The left neighbour is party A of both links.
        self.params.lock(self.vc, link, true).expect("small amounts")
    }
}

impl Model for Hub {
    fn messages(&self, engine: &Engine, state: &State) -> Vec<(Address, Message)> {
        moves::messages(self, engine, state)
    }

    fn commands(&self, engine: &Engine, state: &State) -> Vec<(u32, Command)> {
        let force = |(bit, ch): (u32, &B256)| {
            let ledger = engine.participant(state).ledger(*ch)?;
            let open = matches!(ledger.stage, LedgerStage::Open) && state.used >> bit & 1 == 0;
            open.then_some((bit, Command::CloseChannel { ch: *ch, force: true }))
        };
        (0..).zip(&self.ids).filter_map(force).collect()
    }

    fn calls(&self, engine: &mut Engine, state: &State) -> Vec<(Address, Call)> {
        moves::calls(self, engine, state)
    }

    fn learn(
        &self,
        engine: &Engine,
        state: &State,
        before: u32,
        _: &Stimulus,
        messages: &[(Address, Message)],
    ) -> Result<Vec<Content>, String> {
        let mut new: Vec<Content> = Vec::new();
        for (_, message) in messages {
            match message {
                Message::Item { ch, ver, sig, .. }
                | Message::Accept { ch, ver, sig }
                | Message::Presign { ch, ver, sig, .. }
                | Message::Propose { ch, ver, sig, .. } => {
                    let minds = (before, state.mind);
                    new.extend(ledger_moves::signed_state(&self.honest, *ch, engine, minds, *ver, sig)?);
                }
                Message::Activate { secret, .. } => {
                    let secret = Content::Secret(secret.0);
                    let first = !engine.known(state).any(|known| *known == secret);
                    let holds = |ch: &B256| {
                        let log = engine.participant(state).update_log(*ch);
                        log.is_some_and(|log| log.firm(|body| body.lock(self.vc).is_some()))
                    };
                    if first && !self.ids.iter().all(holds) {
                        return Err("the secret is out, and a lock is not firm (I5)".into());
                    }
                    new.push(secret);
                }
                Message::FinalSigs { out_a, sigs, .. } if sigs.iter().any(|(position, _)| *position == 1) => {
                    let other = |known: &Content| matches!(known, Content::Final(signed) if signed != out_a);
                    if engine.known(state).any(other) {
                        return Err("a second Final was signed (I6)".into());
                    }
                    new.push(Content::Final(*out_a));
                }
                Message::CloseSig { close, .. } => new.push(Content::Close(*close)),
                _ => {}
            }
        }
        for ch in self.ids {
            let of = |content: &&Content| matches!(content, Content::State(body) if body.ch == ch);
            ledger_moves::signs_once(ch, engine.known(state).filter(of), &new)?;
        }
        Ok(new)
    }

    fn accept(&self, _: &mut Engine, _: &mut State, _: &[(Address, Message)]) -> Result<(), String> {
        Ok(())
    }

    fn may_wait(&self, _: &mut Engine, _: &State) -> bool {
        true
    }

    fn leave(&self) -> Vec<Command> {
        self.ids.map(|ch| Command::CloseChannel { ch, force: true }).to_vec()
    }

    fn is_out(&self, participant: &Participant) -> bool {
        let out = |ch: &B256| participant.ledger(*ch).is_none_or(|ledger| ledger.stage == LedgerStage::Closed);
        self.ids.iter().all(out)
    }

    /// I7: never less than it had.
    fn due(&self, _: &Engine, _: &State) -> u128 {
        WEALTH
    }

    fn check_chain(&self, engine: &mut Engine, before: &State, after: &State) -> Result<(), String> {
        let (old, new) = (engine.chain.record(before.chain, self.vc), engine.chain.record(after.chain, self.vc));
        let good = match (old, new) {
            (RecordView::None, _) => true,
            (RecordView::Disputed(old), RecordView::Disputed(new)) => {
                new.ver >= old.ver && new.refute_end == old.refute_end && (new.ver > old.ver || new.state == old.state)
            }
            (RecordView::Disputed(_), RecordView::Concluded { .. }) => true,
            (RecordView::Concluded { out_a: old }, RecordView::Concluded { out_a: new }) => old == new,
            _ => false,
        };
        if !good {
            return Err("the record went back (I2, I3)".into());
        }
        let mut held = 0;
        for (params, id) in self.links.iter().zip(self.ids) {
            let view = engine.chain.ledger(after.chain, params);
            if view.phase == Phase::Open {
                held += view.dep_a + view.dep_b;
            }
            held += engine.chain.escrow(after.chain, id).left;
        }
        let paid: u128 = self.owners.iter().map(|owner| engine.chain.balance(after.chain, *owner)).sum();
        if paid + engine.wealth(after.chain) + held != 3 * WEALTH {
            return Err(format!("{held} wei in the links do not make up for what was paid (I1)"));
        }
        Ok(())
    }

    fn describe(&self, engine: &mut Engine, state: &State) -> String {
        words::describe_hub(self, engine, state)
    }

    fn tell(&self, step: &Move) -> String {
        words::tell(step)
    }
}

/// The removal of the lock at a split, or its addition.
pub(crate) fn all_ops(vc: B256, holds: bool, outcomes: &[Amount]) -> Vec<LinkOp> {
    if !holds {
        return vec![LinkOp::Add { vc }];
    }
    let outcomes = outcomes.iter().map(|out_a| Removal::Outcome(*out_a));
    std::iter::once(Removal::Initial).chain(outcomes).map(|how| LinkOp::Remove { vc, how }).collect()
}
