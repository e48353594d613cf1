//! How many transactions an honest party needs (I10, P8).

use super::Auditor;
use alloy_primitives::{B256, keccak256};
use perunika_core::Domain;
use perunika_core::chain::{Call, Home};
use perunika_core::signed::{Eip712, State};
use std::collections::BTreeMap;

/// What a transaction was good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Work {
    /// The contract function.
    pub name: &'static str,
    /// The channel, ledger or virtual; of a ledger channel its slot key, where the call does not name the life.
    pub object: B256,
    /// What of it: the virtual channel of a lock, the nanocontract of a step, the locks and nanocontracts of evidence.
    pub detail: B256,
    /// How many nanocontracts at once.
    pub count: usize,
}

impl Work {
    /// What a call is good for.
    pub fn of(call: &Call, domain: &Domain) -> Self {
        let zero = B256::ZERO;
        let (object, detail, count) = match call {
            Call::Open { params, nonce, .. } => (params.id(domain, *nonce), zero, 1),
            Call::Confirm { id, .. } => (*id, zero, 1),
            Call::Refund { params } => (params.slot_key(), zero, 1),
            Call::Close { close, .. } => (close.id, zero, 1),
            Call::Register { state, .. }
            | Call::Refute { state, .. }
            | Call::RegisterVirtual { state, .. }
            | Call::RefuteVirtual { state, .. } => (state.ch, beside_cash(state), 1),
            Call::Conclude { state, .. } | Call::ConcludeVirtual { state, .. } => (state.ch, zero, 1),
            Call::Finalise { params, .. } => (params.id(domain), zero, 1),
            Call::Settle { params, nonce, lock, .. } => (params.id(domain, *nonce), lock.vc, 1),
            Call::RegisterNanos { state, claims, .. } => (state.ch, zero, claims.len()),
            Call::RefuteNanos { home, claims } => {
                let ch = claims.first().map_or_else(|| home_of(home, domain), |claim| claim.version.ch);
                (ch, zero, claims.len())
            }
            Call::Execute { home, entry, .. } => (home_of(home, domain), entry.struct_hash(), 1),
            Call::Deploy { code } => (keccak256(code), zero, 1),
            Call::Reveal { secret } => (*secret, zero, 1),
            Call::OpenWith { terms, .. } | Call::ConfirmWith { terms, .. } | Call::OpenBoth { terms, .. } => {
                (terms.id, zero, 1)
            }
            Call::Deposit { id, .. } => (*id, zero, 1),
            Call::Adjust { adjust, .. } => (adjust.id, B256::with_last_byte(adjust.seq as u8), 1),
            Call::Withdraw { .. } | Call::FundVault { .. } | Call::Approve { .. } | Call::Batch { .. } => {
                (zero, zero, 1)
            }
        };
        Self { name: call.name(), object, detail, count }
    }

    /// What counts as one in I10.
    fn kind(&self) -> Kind {
        match self.name {
            "register" | "refute" | "registerVirtual" | "refuteVirtual" => Kind::Evidence,
            "registerNano" | "registerVirtualNano" | "refuteNano" | "refuteVirtualNano" => Kind::Nanos,
            "execute" | "executeVirtual" => Kind::Step,
            // Code is sent again after restarts and failed claims; I10 does not speak of it.
            "withdraw" | "fundVault" | "approve" | "batch" | "deposit" | "refund" | "deploy" => Kind::Free,
            name => Kind::Once(name),
        }
    }
}

/// What a State says of anything but cash.
fn beside_cash(state: &State) -> B256 {
    State { ver: 0, def_a: 0, ..*state }.struct_hash()
}

fn home_of(home: &Home, domain: &Domain) -> B256 {
    match home {
        Home::Ledger(params) => params.slot_key(),
        Home::Virtual(params) => params.id(domain),
    }
}

/// Transactions that share a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// 1 register or refute.
    Evidence,
    /// 2 for each disputed nanocontract.
    Nanos,
    /// One for each step that is left.
    Step,
    /// One for each object, or for each lock of it.
    Once(&'static str),
    /// As often as the application wishes.
    Free,
}

type Task = (usize, Kind, B256, B256);

/// What became of the transactions of one task.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// Nanocontracts, or transactions, in the canonical chain.
    done: usize,
    /// Reverted ones.
    failed: usize,
}

/// Everybody's transactions that the canonical chain holds.
#[derive(Debug, Default)]
pub(super) struct Labour {
    tallies: BTreeMap<Task, Tally>,
    log: Vec<Mined>,
    /// Of each party's evidence about each object: what the last one says beside cash, and the chain of such contents until then.
    evidence: BTreeMap<(usize, B256), (B256, B256)>,
}

impl Labour {
    /// Evidence that differs from the one before in cash only belongs to the same task.
    fn line_of(&mut self, node: usize, object: B256, content: B256) -> B256 {
        let (last, line) = self.evidence.entry((node, object)).or_default();
        if *last != content {
            *line = keccak256([line.0, content.0].concat());
            *last = content;
        }
        *line
    }
}

#[derive(Clone, Copy, Debug)]
struct Mined {
    height: u64,
    task: Task,
    count: usize,
    ok: bool,
}

impl Auditor {
    pub(super) fn mined(&mut self, node: usize, work: Work, ok: bool) {
        let kind = work.kind();
        let detail = match kind {
            Kind::Evidence => self.labour.line_of(node, work.object, work.detail),
            _ => work.detail,
        };
        let task = (node, kind, work.object, detail);
        self.labour.log.push(Mined { height: self.chain.height, task, count: work.count, ok });
        let tally = self.labour.tallies.entry(task).or_default();
        if ok {
            tally.done += work.count;
        } else {
            tally.failed += 1;
        }
        let tally = *tally;
        if self.honest(node) {
            self.check_work(task, work, tally);
        }
    }

    /// I10: 1 register or refute (of States with other locks or nanocontracts than the last one, 1 more: proposals that the peer
    /// countersigned while it waited for its block), 2 for each disputed nanocontract, its steps, 1 of everything else. What a
    /// reorganisation took is not counted; a transaction that came too late is, once, and once more for everything that others did
    /// to the object and for every reorganisation. A restart may forget what was sent.
    fn check_work(&mut self, task: Task, work: Work, tally: Tally) {
        let (node, kind, object, detail) = task;
        // What a reorganisation brings back comes beside what was sent instead.
        let again = self.chain.reorgs as usize;
        let (limit, what) = match kind {
            // Who restarts may not know what it has shown already, and who sees the chain late not that it stands.
            Kind::Evidence => {
                let person = &self.people[node];
                (1 + again + person.restarts + person.lapses, "registrations and refutations")
            }
            Kind::Nanos => (2 * self.games.disputed(object), "claims on nanocontracts"),
            Kind::Step => (self.games.steps_of(detail), "forced steps"),
            Kind::Once(name) => (1 + again, name),
            Kind::Free => return,
        };
        if tally.done > limit {
            let done = tally.done;
            let text = format!("I10: {} sent {done} {what} for {object}, {limit} would do", self.name(node));
            self.fault(text);
        }
        let others = self.chain.events_of(object) + self.chain.events_of(detail);
        let failures = limit.max(work.count) + others + self.chain.reorgs as usize;
        if tally.failed > failures {
            let failed = tally.failed;
            let text = format!("I10: {failed} {what} of {} for {object} failed", self.name(node));
            self.fault(text);
        }
    }

    pub(super) fn work_undone(&mut self, height: u64) {
        while let Some(mined) = self.labour.log.pop_if(|mined| mined.height > height) {
            if let Some(tally) = self.labour.tallies.get_mut(&mined.task) {
                if mined.ok {
                    tally.done -= mined.count;
                } else {
                    tally.failed -= 1;
                }
            }
        }
    }
}
