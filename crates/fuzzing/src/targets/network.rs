//! Three nodes on a path, the contract and an adversary; the bytes choose what happens, and the auditor looks on.

use crate::{Seed, Source};
use perunika_core::io::Command;
use perunika_core::message::Message;
use perunika_core::{Address, B256};
use perunika_node::wire;
use perunika_sim::{CrashPoint, ETH, Mallory, Network, Path, Rng, Tap, World, quick_policy};

/// Most actions of one run.
const ACTIONS_MAX: usize = 48;
/// Longest that a run may take, ms of its own time.
const TIME_MAX_MS: u64 = 180_000;
/// How long everything may settle before the auditor looks, ms.
const REST_MS: u64 = 10_000;
/// What a payment moves for each unit of its byte.
const STEP: u128 = ETH / 64;

struct Play {
    world: World,
    links: Vec<B256>,
    virtuals: Vec<B256>,
    /// Her node, if she has one.
    mallory: Option<(usize, Mallory)>,
    /// It is in her hands.
    struck: bool,
}

/// Whatever happens: every honest party keeps what it is owed.
pub(super) fn run(bytes: &[u8]) -> bool {
    let mut source = Source::new(bytes);
    let whose = source.u8();
    let Path { mut world, links, .. } = Path::open(u64::from(whose >> 6), 1, &quick_policy());
    let mallory = Some(usize::from(whose % 4)).filter(|node| *node < 3).map(|node| (node, Mallory::new(&[node])));
    let mallory = mallory.map(|(node, mut mallory)| {
        mallory.watch(&mut world);
        (node, mallory)
    });
    let mut play = Play { world, links, virtuals: Vec::new(), mallory, struck: false };
    for _ in 0..ACTIONS_MAX {
        if source.is_empty() || play.world.now_ms > TIME_MAX_MS {
            break;
        }
        play.act(&mut source);
    }
    play.world.network = Network::steady(10);
    play.world.run_for(REST_MS);
    let audit = play.world.audit();
    assert!(audit.faults.is_empty(), "{}", audit.faults.join("\n"));
    audit.messages > 0
}

impl Play {
    fn act(&mut self, source: &mut Source<'_>) {
        let what = source.u8() % 16;
        let node = source.below(3);
        match what {
            0 | 1 => {
                let Some(ch) = source.pick(&self.links).copied() else { return };
                self.pay(node, ch, source);
            }
            2 | 3 => {
                let Some(vc) = source.pick(&self.virtuals).copied() else { return };
                self.pay(node, vc, source);
            }
            4 => self.open(source),
            5 => {
                let Some(vc) = source.pick(&self.virtuals).copied() else { return };
                let force = source.u8().is_multiple_of(4);
                self.command(node, if force { Command::ForceVirtual { vc } } else { Command::CloseVirtual { vc } });
            }
            6 => {
                let Some(ch) = source.pick(&self.links).copied() else { return };
                self.command(node, Command::CloseChannel { ch, force: source.u8().is_multiple_of(2) });
            }
            7 => self.crash(node, source),
            8 => self.weather(source),
            9 | 10 => self.world.run_for(u64::from(source.u8()) * 8),
            11 => self.world.run_for(u64::from(source.u8()) * 100),
            12 => self.improvise(source),
            13 => self.say(source),
            14 => self.call(source),
            _ => self.say_again(source),
        }
        // Messages that are on their way arrive, if nothing holds them.
        self.world.run_for(u64::from(source.u8() % 4) * 20);
    }

    fn command(&mut self, node: usize, command: Command) {
        if self.world.nodes[node].participant.is_some() {
            self.world.command(node, command);
        }
    }

    fn pay(&mut self, node: usize, ch: B256, source: &mut Source<'_>) {
        let amount = u128::from(source.u8()) * STEP + 1;
        let how = source.u8();
        let reference = vec![7; usize::from(how >> 6)];
        for _ in 0..=how % 3 {
            let (cosign, reference) = (how & 8 != 0, reference.clone());
            self.command(node, Command::Pay { ch, amount, cosign, reference });
        }
    }

    fn open(&mut self, source: &mut Source<'_>) {
        let path = vec![self.world.key(1), self.world.key(2)];
        let (stake, peer_stake) = (u128::from(source.u8()) * STEP, u128::from(source.u8()) * STEP);
        let term = Some(40 + u64::from(source.u8() % 64));
        self.command(
            0,
            Command::OpenVirtual {
                path,
                stake,
                peer_stake,
                asset: Address::ZERO,
                term,
                fee_max: u128::MAX,
                renew: false,
            },
        );
        self.world.run_for(400);
        for id in self.world.virtual_ids() {
            if !self.virtuals.contains(&id) {
                self.virtuals.push(id);
            }
        }
    }

    fn crash(&mut self, node: usize, source: &mut Source<'_>) {
        if self.corrupt() == Some(node) || self.world.nodes[node].participant.is_none() {
            return;
        }
        let (when, down) = (source.u8(), source.u8());
        let this = &mut self.world.nodes[node];
        this.down_ms = 100 + u64::from(down) * 20;
        let point = if when % 2 == 0 { CrashPoint::BeforeCommit } else { CrashPoint::AfterCommit };
        match when / 2 {
            0 => self.world.crash(node),
            later => this.crash_at = Some((this.commits + u64::from(later % 16), point)),
        }
    }

    fn weather(&mut self, source: &mut Source<'_>) {
        self.world.network = match source.u8() % 4 {
            0 => Network::steady(10),
            1 => Network::rough(),
            2 => Network { delay_min_ms: 1, delay_max_ms: 2_000, drop: 0, double: 300, reorder: true },
            _ => Network {
                delay_min_ms: 5,
                delay_max_ms: 50,
                drop: u64::from(source.u8()) * 2,
                double: 0,
                reorder: false,
            },
        };
    }

    /// The node that is in the adversary's hands.
    fn corrupt(&self) -> Option<usize> {
        self.mallory.as_ref().filter(|_| self.struck).map(|(node, _)| *node)
    }

    /// Strikes, or does some of the things that she does in random stories.
    fn improvise(&mut self, source: &mut Source<'_>) {
        let Some((_, mallory)) = &mut self.mallory else { return };
        let mut rng = Rng::new(source.u16().into());
        if !std::mem::replace(&mut self.struck, true) {
            return mallory.strike(&mut self.world, &mut rng);
        }
        for _ in 0..=source.u8() % 8 {
            mallory.act(&mut self.world, &mut rng);
        }
    }

    /// Something that somebody said, changed a little, from the adversary's node.
    fn say(&mut self, source: &mut Source<'_>) {
        let Some(from) = self.corrupt() else { return };
        let Some(message) = self.heard(source) else { return };
        let mut bytes = wire::encode(&message);
        source.edit(&mut bytes);
        let to = (from + 1 + source.below(2)) % 3;
        if let Ok(message) = wire::decode(&bytes) {
            self.world.inject(from, to, message);
        }
    }

    /// The same as it was, to whomever: a replay.
    fn say_again(&mut self, source: &mut Source<'_>) {
        let Some(from) = self.corrupt() else { return };
        let Some(message) = self.heard(source) else { return };
        let to = (from + 1 + source.below(2)) % 3;
        self.world.inject(from, to, message);
    }

    /// What reached or left the adversary's node.
    fn heard(&self, source: &mut Source<'_>) -> Option<Message> {
        let mine = self.corrupt()?;
        let known = self.world.taps.iter().rev().filter_map(|(_, tap)| match tap {
            Tap::Sent { from, message } if *from == mine => Some(message),
            Tap::Got { to, message, .. } if *to == mine => Some(message),
            _ => None,
        });
        let inbox = self.world.nodes[mine].inbox.iter().rev().map(|(_, message)| message);
        inbox.chain(known).nth(usize::from(source.u8() / 2)).cloned()
    }

    /// A call that somebody made, again, by the adversary's account.
    fn call(&mut self, source: &mut Source<'_>) {
        let Some(from) = self.corrupt() else { return };
        let calls = self.world.taps.iter().rev().filter_map(|(_, tap)| match tap {
            Tap::Called { call, .. } => Some(call),
            _ => None,
        });
        if let Some(call) = calls.take(16).nth(source.below(16)).cloned() {
            let _ = self.world.call_as(from, &call);
        }
    }
}

pub(super) fn seeds() -> Vec<Seed> {
    // Action, node, its arguments, pause.
    let pay: &[u8] = &[0, 0, 0, 9, 8, 3];
    let open: &[u8] = &[4, 0, 64, 32, 40, 3];
    let through: &[u8] = &[2, 0, 0, 3, 8, 3];
    let back: &[u8] = &[2, 2, 0, 1, 0, 3];
    let close: &[u8] = &[5, 0, 0, 1, 3];
    let wait: &[u8] = &[11, 0, 200, 0];
    let crash: &[u8] = &[7, 1, 5, 30, 3];
    let rough: &[u8] = &[8, 0, 1, 0];
    let strike: &[u8] = &[12, 0, 5, 0, 0];
    let act: &[u8] = &[12, 0, 9, 0, 7, 3];
    let say: &[u8] = &[13, 0, 2, 1, 40, 0, 4, 1, 0];
    let again: &[u8] = &[15, 0, 6, 0, 0];
    let force: &[u8] = &[6, 0, 0, 0, 0];
    let call: &[u8] = &[14, 0, 1, 0];
    // Whose node is the adversary's comes first; 3: nobody's.
    let stories: [(&str, u8, &[&[u8]]); 8] = [
        ("pays", 3, &[pay, pay, wait]),
        ("virtual", 3, &[open, through, back, through, close, wait, force, wait]),
        ("crash", 3, &[open, crash, through, through, wait, crash, close, wait]),
        ("rough", 3, &[rough, pay, open, open, through, back, wait, close, wait]),
        ("end", 2, &[open, through, strike, say, again, say, say, call, act, wait, act, wait]),
        ("hub", 1, &[open, through, strike, say, act, again, call, again, wait, act, force, wait]),
        ("initiator", 0, &[open, through, back, strike, act, act, say, wait, act, force, wait]),
        ("dispute", 3, &[open, through, through, &[6, 1, 1, 0, 0], &[5, 0, 0, 0, 0], wait, wait]),
    ];
    let told = |whose: u8, story: &[&[u8]]| [&[whose][..], &story.concat()].concat();
    stories.iter().map(|(name, whose, story)| ((*name).to_owned(), told(*whose, story))).collect()
}
