//! Renewal: on each link the lock of a virtual channel gives way to that of its successor in one State (protocol 2.3 renewal).
//!
//! `ends[0]` drives it: it asks for quotes while the old channel still works, then both ends freeze that and collect its
//! certificate, then the successor is created like any other, except that its locks take the place of the old ones. What the
//! others are told about the old channel is a hint; each of them removes its lock under the conditions of any removal and adds
//! the new one under those of any lock. So a renewal that breaks anywhere is a closed channel and a creation that failed.

use super::Participant;
use super::quotes::{Asked, Purpose, Request};
use super::spending::Spend;
use crate::body::Body;
use crate::encode::Words;
use crate::io::{Event, Fault, Reply};
use crate::message::{LinkOp, Removal, Renews, Terms};
use crate::mutant::guard;
use crate::params::Side;
use crate::signed::Amount;
use crate::virtual_channel::{Renewal, Virtual};
use alloc::string::String;
use alloc::vec::Vec;
use alloy_primitives::B256;

/// Successors that are tried before a renewal is given up.
const ATTEMPTS_MAX: u8 = 3;

/// A renewal that this node drives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Driven {
    tags: Vec<u64>,
    quoted: Option<Request>,
    asking: bool,
    attempts: u8,
    retry_ms: u64,
    since_ms: Option<u64>,
}

impl Participant {
    pub(super) fn renew_virtual(&mut self, tag: u64, vc: B256, wish: Renewal) -> Result<(), Fault> {
        let Some(virt) = self.virtuals.get(&vc) else { return Err(Fault::Caller("no such virtual channel".into())) };
        if virt.side() != Some(Side::A) {
            return Err(Fault::Caller("only the end that opened a virtual channel renews it".into()));
        }
        let total = wish.stakes.map_or(virt.params.total(), |[a, b]| a.saturating_add(b));
        if total == 0 || total > crate::signed::MAX_AMOUNT {
            return Err(Fault::Caller("the stakes together must be between 1 and 2^96 - 1".into()));
        }
        if virt.renewal.is_none() {
            if self.has_nanos(vc) {
                return Err(Fault::Caller("nanocontracts are open in this virtual channel: finish them first".into()));
            }
            self.updatable(vc)?;
            self.check_renewable(&wish)?;
            self.charge_renewal(vc, &wish)?;
            self.wish_renewal(vc, wish);
        }
        self.renewals.entry(vc).or_default().tags.push(tag);
        self.pump_renewal(vc);
        Ok(())
    }

    /// The greatest fee is counted until the renewal has come about, or was given up. The successor's stake stays this node's own
    /// until it is paid, and then each payment is counted.
    fn charge_renewal(&mut self, vc: B256, wish: &Renewal) -> Result<(), Fault> {
        let Some(virt) = self.virtuals.get(&vc) else { return Ok(()) };
        let end = virt.params.end(Side::B);
        let asset = self.asset_of(vc).unwrap_or_default();
        self.charge(Spend { peer: end, asset, amount: wish.fee_max }, Some(charged(vc)))?;
        Ok(())
    }

    /// A term that leaves no time for its own renewal would be renewed for ever.
    pub(super) fn check_renewable(&self, wish: &Renewal) -> Result<(), Fault> {
        let term = wish.term.unwrap_or(self.policy().term);
        let least = 4 * self.renewal_lead_min();
        if term < least {
            return Err(Fault::Caller(alloc::format!("a term that is renewed has at least {least} seconds")));
        }
        Ok(())
    }

    /// From here on before tExp a renewal could run into the closing in time.
    fn renewal_lead_min(&self) -> u64 {
        let policy = self.policy();
        policy.close_lead + policy.t_act_ms.div_ceil(1_000)
    }

    /// How long before tExp a channel with this term is renewed: as the protocol says, or in the middle of a short term.
    fn renewal_lead(&self, term: u64) -> u64 {
        let policy = self.policy();
        let usual = 2 * policy.close_lead + 3 * policy.m_safe + policy.t_act_ms.div_ceil(1_000);
        usual.min(term / 2)
    }

    /// A renewal that is not under way by now would run into the closing in time.
    fn is_late_for_renewal(&self, virt: &Virtual) -> bool {
        self.now() + self.renewal_lead_min() > virt.params.t_exp
    }

    fn wish_renewal(&mut self, vc: B256, wish: Renewal) {
        if let Some(virt) = self.virtuals.get_mut(&vc) {
            virt.renewal = Some(wish);
            self.dirty_virtuals.insert(vc);
            self.renewals.entry(vc).or_default();
        }
    }

    /// Renews what is to be kept and will soon have to be closed.
    pub(super) fn begin_renewals(&mut self) {
        let now = self.now();
        let due = |v: &&Virtual| {
            let lead = v.keep.map(|keep| self.renewal_lead(keep.term.unwrap_or(self.policy().term)));
            let free = !v.done && v.is_active() && !v.draining && v.renewal.is_none() && !self.has_nanos(v.id);
            let allowed = v.memory.renew_again_ms <= self.env.now_ms && !self.is_late_for_renewal(v);
            free && allowed && lead.is_some_and(|lead| now + lead >= v.params.t_exp)
        };
        let live = self.index.virtuals().filter_map(|id| self.virtuals.get(&id));
        let due: Vec<(B256, Renewal)> = live.filter(due).filter_map(|v| Some((v.id, v.keep?))).collect();
        for (vc, wish) in due {
            self.wish_renewal(vc, wish);
        }
    }

    /// Either end wants the channel to end.
    pub(super) fn keep_no_longer(&mut self, vc: B256) {
        let Some(virt) = self.virtuals.get_mut(&vc) else { return };
        let next = virt.next;
        if virt.keep.take().is_some() || virt.renewal.is_some() {
            self.dirty_virtuals.insert(vc);
        }
        if let Some(next) = next.and_then(|next| self.virtuals.get_mut(&next)).filter(|next| next.is_coming()) {
            next.keep = None;
            let id = next.id;
            self.dirty_virtuals.insert(id);
            self.abort(id, "the old channel is closed instead");
        }
        self.end_renewal(vc, Err(Fault::Peer("the virtual channel is being closed instead".into())));
    }

    pub(super) fn pump_renewals(&mut self) {
        let all: Vec<B256> = self.renewals.keys().copied().collect();
        for vc in all {
            self.pump_renewal(vc);
        }
    }

    /// Whatever the renewal needs next.
    fn pump_renewal(&mut self, vc: B256) {
        let Some(virt) = self.virtuals.get(&vc) else { return };
        let Some(wish) = virt.renewal else { return };
        // Before the chain was read, its time is not known either.
        let unread = !virt.done && self.record(vc).is_none();
        if unread || !self.sees_the_chain() {
            return;
        }
        if let Some(next) = virt.next.and_then(|next| self.virtuals.get(&next)) {
            if next.opened {
                let id = next.id;
                return self.end_renewal(vc, Ok(id));
            }
            if next.is_coming() {
                return self.tell_late_renewal(vc, next.act_by);
            }
        }
        let certified = virt.certificate().is_some();
        if self.is_late_for_renewal(virt) || (virt.done && !certified) {
            return self.end_renewal(vc, Err(Fault::Peer("no time is left for a renewal".into())));
        }
        let (now, draining) = (self.env.now_ms, virt.draining);
        let patience_ms = self.policy().patience * 1_000 + self.policy().t_act_ms;
        let Some(driven) = self.renewals.get_mut(&vc) else { return };
        if driven.asking || driven.retry_ms > now {
            return;
        }
        let since_ms = *driven.since_ms.get_or_insert(now);
        if !driven.tags.is_empty() && !draining && now > since_ms + patience_ms {
            return self.end_renewal(vc, Err(Fault::Peer("a participant is not connected".into())));
        }
        if driven.attempts >= ATTEMPTS_MAX {
            return self.end_renewal(vc, Err(Fault::Peer("no successor of the virtual channel came about".into())));
        }
        match (driven.quoted.take(), certified) {
            (Some(request), true) => self.create_successor(vc, &wish, request),
            (quoted @ Some(_), false) => {
                driven.quoted = quoted;
                self.drain_virtual(vc);
            }
            (None, _) => self.ask_successor(vc, &wish),
        }
    }

    /// The caller does not wait until tExp for a successor that hangs between creation and removal.
    fn tell_late_renewal(&mut self, vc: B256, act_by: u64) {
        if self.now() > act_by + self.policy().t_act_ms.div_ceil(1_000) {
            let reason = "the successor was not created in time; its stake is free again after its term";
            self.end_renewal(vc, Err(Fault::Peer(reason.into())));
        }
    }

    fn ask_successor(&mut self, vc: B256, wish: &Renewal) {
        let Some(virt) = self.virtuals.get(&vc) else { return };
        let Some(book) = &virt.book else { return };
        let (path, asset, total) = (virt.params.path.clone(), virt.params.asset, virt.params.total());
        if !path[1..].iter().all(|peer| self.connected.contains(peer)) {
            return;
        }
        let out_a = virt.out_a.unwrap_or_else(|| book.log.newest().def_a);
        let stakes = wish.stakes.unwrap_or([out_a, total.saturating_sub(out_a)]);
        let terms = match self.terms(asset, stakes, wish.term) {
            Ok(terms) => terms,
            Err(fault) => return self.end_renewal(vc, Err(fault)),
        };
        if let Some(driven) = self.renewals.get_mut(&vc) {
            driven.asking = true;
        }
        self.expect_successor(vc);
        let asked = Asked { path, terms, renews: Some(Renews { vc, out_a }) };
        self.gather(Purpose::Renew, asked, wish.fee_max);
    }

    pub(super) fn renewal_quoted(&mut self, request: Request) {
        let Some(Renews { vc, out_a }) = request.asked.renews else { return };
        let needed = request.asked.terms.init_a.saturating_add(request.fees());
        let room = self.virtuals.get(&vc).filter(|v| !v.done).map(|v| self.has_room(v.params.links[0], out_a, needed));
        if let Some(Err(reason)) = room {
            return self.renewal_refused(&request, Fault::Caller(reason));
        }
        if let Some(driven) = self.renewals.get_mut(&vc) {
            driven.asking = false;
            driven.quoted = Some(request);
        }
    }

    /// Before the channel is frozen nothing is lost by giving up; behind that it is worth another try.
    pub(super) fn renewal_refused(&mut self, request: &Request, fault: Fault) {
        let Some(vc) = request.asked.renews.map(|r| r.vc) else { return };
        let frozen = self.virtuals.get(&vc).is_some_and(|v| v.draining);
        self.try_again_later(vc);
        if !frozen {
            self.end_renewal(vc, Err(fault));
        }
    }

    fn try_again_later(&mut self, vc: B256) {
        let retry_ms = self.env.now_ms + self.policy().resend_ms;
        if let Some(driven) = self.renewals.get_mut(&vc) {
            driven.asking = false;
            driven.attempts += 1;
            driven.retry_ms = retry_ms;
        }
    }

    fn create_successor(&mut self, vc: B256, wish: &Renewal, request: Request) {
        let Some(virt) = self.virtuals.get(&vc) else { return };
        let (Some((out_a, _)), link, total) = (virt.certificate(), virt.params.links[0], virt.params.total()) else {
            return;
        };
        let keep = virt.keep;
        let [init_a, init_b] = wish.stakes.unwrap_or([out_a.min(total), total.saturating_sub(out_a)]);
        let terms = Terms { init_a, init_b, ..request.asked.terms };
        self.try_again_later(vc);
        match self.create(request, link, terms) {
            Ok(id) => {
                if let Some(next) = self.virtuals.get_mut(&id) {
                    next.keep = keep;
                }
            }
            Err(fault) => self.end_renewal(vc, Err(fault)),
        }
    }

    /// The renewal has come about, or was given up.
    fn end_renewal(&mut self, vc: B256, result: Result<B256, Fault>) {
        let coming = self.virtuals.get(&vc).and_then(|v| self.virtuals.get(&v.next?)).filter(|next| next.is_coming());
        match coming.map(|next| next.id) {
            Some(next) if result.is_err() => self.signer.move_charge(charged(vc), next),
            _ => self.signer.settle_charge(charged(vc), result.is_ok()),
        }
        let renew_again_ms = self.env.now_ms + self.policy().patience * 1_000;
        if let Some(virt) = self.virtuals.get_mut(&vc) {
            virt.memory.renew_again_ms = renew_again_ms;
            if virt.renewal.take().is_some() {
                self.dirty_virtuals.insert(vc);
            }
        }
        let Some(driven) = self.renewals.remove(&vc) else { return };
        for tag in driven.tags {
            let reply = result.clone().map_or_else(Reply::Refused, Reply::Opened);
            self.reply(tag, reply);
        }
    }

    /// A virtual channel can be used by this end: does it succeed another one?
    pub(super) fn succeeded(&mut self, new: B256) {
        let Some(old) = self.virtuals.get(&new).and_then(|v| v.renews) else { return };
        self.event(Event::VirtualRenewed { old, new });
        if self.virtuals.get(&old).is_some_and(|v| v.renewal.is_some()) {
            self.end_renewal(old, Ok(new));
        }
    }

    /// The links over which a quoted successor would lead, `None` if the old locks are gone already. Only a participant that
    /// is still in the old channel holds its links ready.
    pub(super) fn renewable_links(
        &self,
        renews: &Renews,
        asked: &Asked,
        index: usize,
    ) -> Result<Option<Option<B256>>, String> {
        let old = self.virtuals.get(&renews.vc).filter(|v| v.revealed && v.params.path == asked.path);
        let old = old.ok_or("this node does not know the virtual channel that is to be renewed")?;
        if old.done {
            return Ok(None);
        }
        let last = asked.path.len() - 1;
        if index == last && !self.policy().accept_virtual {
            return Err("this node does not accept virtual channels".into());
        }
        if index == last && old.draining && old.certificate().is_none() && !old.memory.renewing {
            return Err("this node closes that virtual channel".into());
        }
        if index < last && !self.policy().hub {
            return Err("this node is not a hub any more".into());
        }
        let given = renews.out_a.min(old.params.total());
        let back = old.params.total() - given;
        self.has_room(old.params.links[index - 1], back, asked.terms.init_b)?;
        if index == last {
            return Ok(Some(None));
        }
        self.has_room(old.params.links[index], given, asked.terms.init_a)?;
        Ok(Some(Some(old.params.links[index])))
    }

    /// Whether this node could lock `needed` in a link once it has got `back` out of the old lock.
    fn has_room(&self, link: B256, back: Amount, needed: Amount) -> Result<(), String> {
        let fault = |fault: Fault| match fault {
            Fault::Caller(reason) | Fault::Peer(reason) | Fault::Chain(reason) | Fault::Limit(reason) => reason,
        };
        self.updatable(link).map_err(fault)?;
        let cash = self.ledgers.get(&link).map_or(0, |l| l.book.log.cur().body.cash(l.me).unwrap_or_default());
        if cash.saturating_add(back) < needed {
            return Err("the ledger channel has not enough for the stake of the successor".into());
        }
        Ok(())
    }

    /// These terms are those of the quote, except that the stakes are what the old channel left each end.
    pub(super) fn keeps(&self, old: B256, quoted: &Terms, terms: &Terms) -> bool {
        let same_sum = quoted.init_a.checked_add(quoted.init_b) == terms.init_a.checked_add(terms.init_b);
        let moved = Terms { init_a: terms.init_a, init_b: terms.init_b, ..*quoted };
        let left = self.virtuals.get(&old).is_some_and(|v| v.out_a == Some(terms.init_a));
        guard!("2.3-renewal-sum", same_sum) && moved == *terms && guard!("2.3-renewal-stakes", left)
    }

    /// From now on the lock of a virtual channel waits a moment for its successor, once its certificate is complete.
    pub(super) fn expect_successor(&mut self, vc: B256) {
        if let Some(virt) = self.virtuals.get_mut(&vc) {
            virt.memory.renewing = true;
        }
    }

    /// Notes when the certificate was complete.
    pub(super) fn start_hold(&mut self, vc: B256) {
        let until_ms = self.env.now_ms + self.policy().t_act_ms;
        if let Some(virt) = self.virtuals.get_mut(&vc)
            && virt.memory.renewing
            && virt.certificate().is_some()
        {
            virt.memory.hold_until_ms.get_or_insert(until_ms);
        }
    }

    /// Whether the lock still waits for a successor. Never into the time in which it must be gone.
    pub(super) fn holds_back(&self, vc: B256) -> bool {
        let Some(virt) = self.virtuals.get(&vc) else { return false };
        let policy = self.policy();
        let latest = self.now() + policy.close_lead + 2 * policy.m_safe;
        let in_time = guard!("2.3-renewal-hold", latest <= virt.params.t_exp);
        let fresh = virt.memory.hold_until_ms.is_none_or(|until| self.env.now_ms < until);
        in_time && fresh && virt.memory.renewing && virt.certificate().is_some()
    }

    /// The change that puts the successor's lock into the place of the old one, if both may be signed now.
    pub(super) fn renewal_op(&self, link: B256, vc: B256, how: Removal) -> Option<LinkOp> {
        let Removal::Outcome(out_a) = how else { return None };
        if !guard!("2.3-renewal-removal", self.removal_for(vc) == Some(how)) {
            return None;
        }
        let next = self.virtuals.get(&self.virtuals.get(&vc)?.next?)?;
        let here = next.my_links().any(|(_, l)| l == link);
        let free = self.ledgers.get(&link)?.book.log.cur().body.lock(next.id).is_none();
        let lockable = guard!("2.3-renewal-lock", self.may_lock(next.id));
        (here && free && lockable).then_some(LinkOp::Renew { vc, out_a, next: next.id })
    }

    /// The lock of a successor comes together with the removal of the old one.
    pub(super) fn awaits_predecessor(&self, body: &Body, vc: B256) -> bool {
        let old = self.virtuals.get(&vc).and_then(|v| v.renews);
        old.is_some_and(|old| body.lock(old).is_some())
    }
}

/// What the renewal of a virtual channel is counted under.
fn charged(vc: B256) -> B256 {
    Words::of_type("renewal").hash(vc).keccak()
}
