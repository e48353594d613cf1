//! Read-only views for people and programs.

use super::Participant;
use crate::body::{Body, Change};
use crate::chain::{LedgerView, Opener, Phase, RecordView, Roots};
use crate::info::{LedgerInfo, LedgerStage, Overview, VirtualInfo};
use crate::ledger::{Ledger, Life};
use crate::params::{Side, VirtualParams};
use crate::secret::Secret;
use crate::sig::Signature;
use crate::signed::{Amount, State, WatchAuth};
use crate::virtual_channel::Virtual;
use alloc::vec::Vec;
use alloy_primitives::B256;
use core::ops::Bound;

/// What an end could show the chain for a virtual channel right now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Newest accepted State.
    pub state: State,
    /// Signatures that are there.
    pub sigs: [Option<Signature>; 2],
    /// The activation secrets, if complete.
    pub secrets: Option<Vec<Secret>>,
}

/// Everything that a dispute of a virtual channel needs, as far as this participant holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dossier {
    /// The parameters.
    pub params: VirtualParams,
    /// The oldest first: version 1, the newest co-signed one, and what was accepted above it.
    pub states: Vec<Exhibit>,
    /// The activation secrets, if complete.
    pub secrets: Option<Vec<Secret>>,
    /// At an end: lets its account open the dispute.
    pub opener: Option<Opener>,
}

/// A State with its roots and the signatures that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhibit {
    /// The State.
    pub state: State,
    /// Its roots.
    pub roots: Roots,
    /// Signatures of both ends.
    pub sigs: [Option<Signature>; 2],
}

impl Exhibit {
    fn new(body: &Body, sigs: [Option<Signature>; 2]) -> Self {
        Self { state: body.state(), roots: body.roots(), sigs }
    }
}

impl Participant {
    /// All ledger channels.
    pub fn ledgers(&self) -> Vec<LedgerInfo> {
        self.ledgers.values().map(|l| self.ledger_info(l)).collect()
    }

    /// Some ledger channels, in order of their ids, behind `after`.
    pub fn ledgers_after(&self, after: Option<B256>, limit: usize) -> Vec<LedgerInfo> {
        self.ledgers.range((behind(after), Bound::Unbounded)).take(limit).map(|(_, l)| self.ledger_info(l)).collect()
    }

    /// One ledger channel.
    pub fn ledger(&self, id: B256) -> Option<LedgerInfo> {
        self.ledgers.get(&id).map(|l| self.ledger_info(l))
    }

    /// All virtual channels.
    pub fn virtuals(&self) -> Vec<VirtualInfo> {
        self.virtuals.values().map(|v| self.virtual_info(v)).collect()
    }

    /// Some virtual channels, in order of their ids, behind `after`.
    pub fn virtuals_after(&self, after: Option<B256>, limit: usize) -> Vec<VirtualInfo> {
        self.virtuals.range((behind(after), Bound::Unbounded)).take(limit).map(|(_, v)| self.virtual_info(v)).collect()
    }

    /// One virtual channel.
    pub fn virtual_channel(&self, id: B256) -> Option<VirtualInfo> {
        self.virtuals.get(&id).map(|v| self.virtual_info(v))
    }

    /// What this end could register for a virtual channel.
    pub fn evidence(&self, vc: B256) -> Option<Evidence> {
        let virt = self.virtuals.get(&vc)?;
        let cur = virt.book.as_ref()?.log.cur();
        Some(Evidence { state: cur.body.state(), sigs: cur.sigs, secrets: virt.all_secrets() })
    }

    /// What this participant holds for a dispute of a virtual channel, old versions included.
    pub fn dossier(&self, vc: B256) -> Option<Dossier> {
        let virt = self.virtuals.get(&vc)?;
        let mut states = Vec::new();
        let genesis = Body::virtual_genesis(vc, virt.params.init_a, virt.params.init_b);
        if let (Some([a, b]), Ok(first)) = (virt.receipt, genesis.with(1, &Change::Split(virt.params.init_a))) {
            states.push(Exhibit::new(&first, [Some(a), Some(b)]));
        }
        let log = virt.book.as_ref().map(|book| &book.log);
        let newest = log.map(|log| [Some(log.top()), log.item()]).into_iter().flatten().flatten();
        states.extend(newest.filter(|s| s.body.ver > 1).map(|s| Exhibit::new(&s.body, s.sigs)));
        let opener = virt.book.is_some().then(|| self.opener(virt));
        Some(Dossier { params: virt.params.clone(), states, secrets: virt.all_secrets(), opener })
    }

    /// The own account's right to open the dispute: the key of an end is no account.
    pub(super) fn opener(&self, virt: &Virtual) -> Opener {
        let not_after = virt.params.t_exp;
        let auth = WatchAuth { id: virt.id, tower: self.config.owner, not_before: 0, not_after };
        let sig = self.signer.sign_watch_auth(&auth);
        Opener { position: virt.index as u8, not_before: 0, not_after, sig }
    }

    /// Whether this participant holds all activation secrets of a virtual channel.
    pub fn is_activated(&self, vc: B256) -> bool {
        self.virtuals.get(&vc).is_some_and(Virtual::is_active)
    }

    /// About the participant itself.
    pub fn overview(&self) -> Overview {
        Overview {
            key: self.key(),
            owner: self.config.owner,
            connected: self.connected.iter().copied().collect(),
            chain_time: self.now(),
            head: self.chain.head.number,
        }
    }

    fn ledger_info(&self, ledger: &Ledger) -> LedgerInfo {
        let log = &ledger.book.log;
        let cur = &log.cur().body;
        let view = self.ledger_view(ledger).head;
        LedgerInfo {
            id: ledger.id,
            params: ledger.params,
            nonce: ledger.nonce,
            me: ledger.me,
            peer: ledger.peer(),
            stage: stage(ledger, &view),
            deposits: ledger.deposits,
            uncounted: [Side::A, Side::B].map(|side| ledger.uncounted(&view, side)),
            withdrawing: ledger.withdrawal.map(|w| w.adjust),
            mine: cur.share(ledger.me),
            theirs: cur.share(ledger.me.other()),
            spendable: cur.cash(ledger.me).unwrap_or_default(),
            locked: cur.locks.iter().map(|l| l.left + l.right).sum::<Amount>(),
            locks: cur.locks.len(),
            version: log.top().body.ver,
            accepted: cur.ver,
            outstanding: log.own().len(),
            refute_end: view.dispute.map(|d| d.refute_end),
            deadline: view.dispute.filter(|d| cur.ver > d.ver).map(|d| d.refute_end),
            claimable: self.claimable_cash(ledger, &view),
        }
    }

    fn virtual_info(&self, virt: &Virtual) -> VirtualInfo {
        let book = virt.book.as_ref();
        let newest = book.map(|b| b.log.newest());
        let share = |mine: bool| {
            let (log, newest) = (&book?.log, newest.as_ref()?);
            let share = newest.share(if mine { log.me } else { log.me.other() });
            let waiting: Amount = book?.queue.iter().map(|wish| wish.amount).sum();
            Some(if mine { share.saturating_sub(waiting) } else { share.saturating_add(waiting) })
        };
        let recorded = match self.record(virt.id).map(|r| r.head) {
            Some(RecordView::Concluded { out_a }) => Some(out_a),
            _ => None,
        };
        VirtualInfo {
            id: virt.id,
            params: virt.params.clone(),
            index: virt.index,
            stage: virt.stage(),
            mine: share(true),
            theirs: share(false),
            version: book.map(|b| b.log.top().body.ver).unwrap_or_default(),
            accepted: book.map(|b| b.log.cur().body.ver).unwrap_or_default(),
            payments: book.map(|b| b.payments).unwrap_or_default(),
            out_a: recorded.or_else(|| virt.certificate().map(|(out_a, _)| out_a)),
            renews: virt.renews,
            renewed_by: virt.next.filter(|next| self.virtuals.get(next).is_some_and(|v| v.opened)),
            renewing: virt.renewal.is_some() || (virt.memory.renewing && !virt.done),
            kept: virt.keep.is_some(),
            deadline: self.virtual_deadline(virt),
            claimable: self.claimable_share(virt, recorded),
        }
    }
}

impl Participant {
    /// What no refutation can take away: cur, and whatever I signed above it.
    fn claimable_cash(&self, ledger: &Ledger, view: &LedgerView) -> Amount {
        let in_funding = view.phase == Phase::Funding && view.nonce == ledger.nonce && ledger.me == Side::A;
        match ledger.life {
            // Her deposit may be taken back at any time until B confirms.
            Life::Agreed if in_funding => ledger.deposits[0],
            Life::Agreed | Life::Ended { .. } | Life::Closed => 0,
            Life::Open => {
                // What was deposited beyond what is counted comes back in every end.
                let beyond = |counted: Amount| view.deposits()[ledger.me.index()].saturating_sub(counted);
                match view.dispute.filter(|d| self.now() > d.refute_end).and_then(|d| d.state) {
                    Some(fixed) => fixed.share(ledger.me) + beyond([fixed.dep_a, fixed.dep_b][ledger.me.index()]),
                    None => {
                        let log = &ledger.book.log;
                        let above = log.own().iter().map(|own| &own.body).filter(|b| b.ver > log.cur().body.ver);
                        let worth = |b: &Body| b.share(ledger.me) + beyond(b.deposits()[ledger.me.index()]);
                        above.map(worth).fold(worth(&log.cur().body), Amount::min)
                    }
                }
            }
        }
    }

    fn virtual_deadline(&self, virt: &Virtual) -> Option<u64> {
        if virt.done || virt.aborted {
            return None;
        }
        let best = virt.book.as_ref().map(|book| book.log.cur().body.ver);
        match self.record(virt.id).map(|r| r.head).unwrap_or_default() {
            RecordView::None => Some(virt.params.t_exp),
            RecordView::Disputed(d) if virt.certificate().is_some() => Some(d.final_at(virt.params.window)),
            RecordView::Disputed(d) => best.filter(|best| *best > d.ver).map(|_| d.refute_end),
            RecordView::Concluded { .. } => None,
        }
    }

    fn claimable_share(&self, virt: &Virtual, recorded: Option<Amount>) -> Option<Amount> {
        let (side, book) = (virt.side()?, virt.book.as_ref()?);
        let of = |out_a: Amount| match side {
            Side::A => out_a,
            Side::B => virt.params.total().saturating_sub(out_a),
        };
        if virt.done {
            return Some(0);
        }
        let locked = virt.my_links().all(|(_, link)| self.link_holds(link, virt.id));
        let fixed = match self.record(virt.id).map(|r| r.head).unwrap_or_default() {
            RecordView::Disputed(d) if self.now() > d.refute_end => d.state.map(|state| of(state.def_a)),
            _ => recorded.or_else(|| virt.certificate().map(|(out_a, _)| out_a)).map(of),
        };
        let usable = virt.is_active() && self.now() <= virt.params.t_exp;
        Some(match fixed {
            _ if !locked => 0,
            Some(share) => share,
            None if usable => book.log.secured_share(),
            None => virt.initial_share(),
        })
    }
}

fn behind(after: Option<B256>) -> Bound<B256> {
    after.map_or(Bound::Unbounded, Bound::Excluded)
}

pub(super) fn stage(ledger: &Ledger, view: &crate::chain::LedgerView) -> LedgerStage {
    match ledger.life {
        Life::Closed => LedgerStage::Closed,
        Life::Agreed if view.phase == crate::chain::Phase::Funding => LedgerStage::Funding,
        Life::Agreed => LedgerStage::Agreed,
        Life::Ended { .. } => LedgerStage::Disputed,
        Life::Open if view.dispute.is_some() => LedgerStage::Disputed,
        Life::Open if ledger.draining || ledger.closing.is_some() || ledger.force => LedgerStage::Closing,
        Life::Open => LedgerStage::Open,
    }
}
