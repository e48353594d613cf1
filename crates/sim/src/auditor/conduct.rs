//! What an honest node says, rule by rule (1.4, 2.3): a broken rule is a fault even where no wei moves at once.

use super::rules::CLOCK_S;
use super::{Auditor, Knowledge, signature_in};
use crate::notebook::Line;
use alloy_primitives::{Address, B256};
use perunika_core::log::{MAX_ITEMS, MAX_JUMP};
use perunika_core::message::Message;
use perunika_core::signed::{Close, Eip712, MAX_VERSION};
use std::collections::BTreeSet;

impl Auditor {
    /// What a message of an honest node shows by itself.
    pub(super) fn check_form(&mut self, node: usize, message: &Message) {
        let numbered = match message {
            Message::Item { ch, ver, .. } | Message::Propose { ch, ver, .. } | Message::NanoStep { ch, ver, .. } => {
                Some((*ch, *ver))
            }
            _ => None,
        };
        if let Some((ch, ver)) = numbered
            && let Some(side) = self.objects.get(&ch).and_then(|o| o.side(self.key(node)))
            && ver % 2 != side as u64
        {
            let text = format!("1.4(1): {} used the parity of the other party for version {ver}", self.name(node));
            self.fault(text);
        }
        if let Message::Presign { ver, .. } = message
            && ver % 2 != 0
        {
            let text = format!("2.3 lock: {} pre-signed version {ver}, which is not of party A", self.name(node));
            self.fault(text);
        }
        if signature_in(message).is_some_and(|(_, ver, _)| ver >= MAX_VERSION) {
            let text = format!("1.4(1): {} signed the last version", self.name(node));
            self.fault(text);
        }
        if let Message::Quote { hash, link, fee, .. } = message {
            self.quotes.insert((node, *hash), (*link, *fee));
        }
    }

    /// What an honest node signs for the first time, before it counts.
    pub(super) fn check_proposal(&mut self, node: usize, ch: B256, ver: u64, message: &Message) {
        if !self.strict {
            return;
        }
        let key = self.key(node);
        let Some(object) = self.objects.get(&ch) else { return };
        let Some(content) = object.signed_by(ver, key) else { return };
        // What others called the same content does not matter.
        let is_item = content.is_item && matches!(message, Message::Item { .. } | Message::Start { .. });
        let added = content.added.clone();
        let base = content.bases.iter().max().copied().unwrap_or_default();
        let (cur, own, acked) = match self.knowledge.get(&(node, ch)) {
            Some(known) => (known.cur, known.signed.clone(), known.acked),
            None => (0, BTreeSet::new(), 0),
        };
        let proposes = !matches!(message, Message::Accept { .. });
        // What a crash held back is told again, and what it was based on may be history.
        let sure = self.knowledge.get(&(node, ch)).and_then(|k| k.maybe).unwrap_or(cur);
        let proposes = proposes && ver > cur;
        if proposes {
            if self.is_fresh(node, ch, ver) {
                self.check_time_to_sign(node, ch, "signed a version of");
            }
            self.check_undisputed(node, ch, self.line_of(node, ch, ver), "signed a version of");
            // Whether the other half of a pre-signature was taken, only its owner knows.
            let presigned = self.accepted_content(node, ch).is_some_and(|content| content.presigned);
            let certain = sure == cur && !presigned;
            let sure = if certain || base >= sure { sure } else { base };
            self.check_base(node, ver, (sure, base), &own, certain);
        }
        if is_item && proposes {
            self.check_stream(node, ch, ver, cur, acked);
        }
        for vc in added {
            self.check_lock(node, ch, ver, vc);
        }
    }

    /// 1.4(10), P10: what a node proposes starts from what it accepted, and countersigned.
    fn check_base(&mut self, node: usize, ver: u64, (cur, base): (u64, u64), own: &BTreeSet<u64>, sure: bool) {
        if base < cur {
            let text = format!(
                "1.4(10), P10: {} built version {ver} on {base} although it had accepted {cur}",
                self.name(node)
            );
            self.fault(text);
        }
        if sure && cur > 0 && !own.contains(&cur) {
            let text = format!("1.4(10): {} signed version {ver} before it countersigned {cur}", self.name(node));
            self.fault(text);
        }
    }

    /// 1.4(3), (10): no item while a proposal is unanswered, and not too many beyond the payee's word.
    fn check_stream(&mut self, node: usize, ch: B256, ver: u64, cur: u64, acked: u64) {
        let key = self.key(node);
        let Some(object) = self.objects.get(&ch) else { return };
        let Some(known) = self.knowledge.get(&(node, ch)) else { return };
        let open = known.signed.range((cur + 1).min(ver)..ver).filter_map(|v| object.signed_by(*v, key));
        let proposals = open.clone().filter(|c| !c.is_item).count();
        let ahead = open.filter(|c| c.is_item && c.ver > acked).count();
        if proposals > 0 {
            let text = format!("1.4(3): {} paid by {ver} while its own proposal is unanswered", self.name(node));
            self.fault(text);
        }
        if ahead >= MAX_ITEMS {
            let text = format!("1.4(10): {} is {ahead} items ahead of the payee's word", self.name(node));
            self.fault(text);
        }
    }

    /// What an honest node takes for the first time, before it counts.
    pub(super) fn check_acceptance(&mut self, node: usize, ch: B256, ver: u64) {
        if !self.strict {
            return;
        }
        let Some(object) = self.objects.get(&ch) else { return };
        let Some(side) = object.side(self.key(node)) else { return };
        let nothing = Knowledge::default();
        let known = self.knowledge.get(&(node, ch)).unwrap_or(&nothing);
        let below = known.got.range(..ver).next_back().map(|(ver, _)| *ver).unwrap_or_default();
        let (cur, maybe) = (known.cur, known.maybe);
        let crashed = self.people[node].crashed;
        let high = known.signed.last().copied().unwrap_or_default();
        let floor = below.max(known.signed.range(..ver).next_back().copied().unwrap_or_default()).max(cur);
        if ver <= cur {
            return;
        }
        let new = self.chosen(node, ch, ver);
        // Of a pre-signature only its owner knows whether it took the other half; an item holds the locks of what it started from.
        let old = self.accepted_content(node, ch).filter(|old| !old.presigned || new.is_some_and(|n| n.is_like(old)));
        let shares = new.zip(old).filter(|(new, _)| new.is_item).map(|(new, old)| (new.share(side), old.share(side)));
        let bases = new.filter(|c| !c.is_item).map(|c| c.bases.clone());
        // Nor does anybody else know what it goes by then: a State below that it countersigned.
        let uncertain = self.accepted_content(node, ch).is_some_and(|content| content.presigned);
        let before = |base: &u64| uncertain && *base < cur && known.signed.contains(base);
        let fits = |base: &u64| *base == cur || Some(*base) == maybe || (crashed && *base > cur) || before(base);
        let is_proposal = bases.is_some();
        let misfit = bases.filter(|bases| !bases.iter().any(fits));
        let own_parity = ver % 2 == side as u64 && new.is_some_and(|c| !c.presigned);
        if own_parity && ver > 1 {
            let text = format!("1.4(1): {} accepted version {ver}, which is its own to propose", self.name(node));
            self.fault(text);
        }
        if high > ver {
            let text = format!("1.4(2): {} accepted version {ver} below its own {high}", self.name(node));
            self.fault(text);
        }
        if ver - floor > MAX_JUMP {
            let text = format!("1.4(2): {} accepted a jump from {cur} to {ver}", self.name(node));
            self.fault(text);
        }
        if shares.is_some_and(|(new, old)| new < old) {
            let text = format!("1.4(10): {} accepted an item that lowers its share: {shares:?}", self.name(node));
            self.fault(text);
        }
        if let Some(bases) = misfit {
            let text = format!("1.4(2): {} accepted {ver} on {bases:?}, not on its {cur}", self.name(node));
            self.fault(text);
        }
        // What was accepted before a crash is answered again. A proposal is accepted by a signature, and when that was made is known;
        // an item may have been accepted long before.
        let signed = self.line_of(node, ch, ver);
        if !crashed || (signed.is_some() && is_proposal) {
            self.check_undisputed(node, ch, signed, "accepted a version of");
        }
        if !crashed {
            self.check_time_to_sign(node, ch, "accepted a version of");
            self.check_not_frozen(node, ch, ver);
        }
    }

    /// Whether the head by which a node went when it signed this, or goes by now, shows a dispute. What an endpoint or a slow disk
    /// has not brought before it yet, it does not know; and what it said before it knew may be heard later.
    pub(super) fn saw_dispute(&self, node: usize, ch: B256, signed: Option<Line>) -> bool {
        self.games.dispute(ch).is_some_and(|dispute| dispute.opened <= self.people[node].head_at(signed))
    }

    /// 1.4(7): no dispute at the head.
    fn check_undisputed(&mut self, node: usize, ch: B256, signed: Option<Line>, what: &str) {
        if self.saw_dispute(node, ch, signed) {
            let text = format!("1.4(7): {} {what} {ch} in spite of dispute", self.name(node));
            self.fault(text);
        }
    }

    /// 1.4(7), (12): time enough before the end of a term, no Close that may still be used.
    fn check_time_to_sign(&mut self, node: usize, ch: B256, what: &str) {
        let now = self.time();
        let person = &self.people[node];
        let over = self.record.lives.get(&ch).is_some_and(|life| life.over) && !person.lags && self.chain.reorgs == 0;
        let late = self.virtuals.get(&ch).is_some_and(|p| now + 2 * person.m_safe() > p.t_exp + CLOCK_S);
        let closing = self.games.closing_until(node, ch).is_some_and(|until| self.final_time() <= until);
        for (broken, why) in
            [(over, "1.4(7): its end"), (late, "1.4(7): the end of its term"), (closing, "1.4(12), S69: its Close")]
        {
            if broken {
                let (rule, why) = why.split_once(": ").unwrap_or_default();
                let text = format!("{rule}: {} {what} {ch} in spite of {why}", self.name(node));
                self.fault(text);
            }
        }
    }

    /// 2.3: what a participant checks before it signs a lock.
    fn check_lock(&mut self, node: usize, link: B256, ver: u64, vc: B256) {
        let key = self.key(node);
        let signed = self.line_of(node, link, ver);
        let held_back = self.people[node].is_held_back(signed);
        let now = if held_back { self.time_at(signed) } else { self.time() };
        let Some(params) = self.virtuals.get(&vc) else { return };
        let places: Vec<usize> = (0..params.path.len()).filter(|i| params.path[*i] == key).collect();
        let mut distinct: Vec<Address> = params.path.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let people = params.path.len();
        let [place] = places[..] else {
            return self.fault(format!("2.3: {} is not once in the path of {vc}", self.name(node)));
        };
        let policy = &self.people[node].policy;
        let lags = self.people[node].lags;
        let neighbours = params.links.iter().position(|l| *l == link).map(|i| [params.path[i], params.path[i + 1]]);
        let keys = self.objects.get(&link).map(|o| o.keys);
        let fits = neighbours.zip(keys).is_some_and(|(n, k)| n == k || n == [k[1], k[0]]);
        let term = params.t_exp.saturating_sub(now);
        let hash = params.hashes.get(place).copied().unwrap_or_default();
        let quoted = self.quotes.get(&(node, hash)).copied();
        let fee = place.checked_sub(1).and_then(|hub| params.fees.get(hub)).copied();
        let hub = place > 0 && place + 1 < people;
        let bound = self.drafts.get(&(node, hash)).copied();
        let record = self.record.has(vc) && !self.people[node].lags;
        let links: Vec<B256> = self.links_of(place, vc);
        let disputed = links.iter().any(|l| self.saw_dispute(node, *l, signed));
        let assets: BTreeSet<Address> = links.iter().filter_map(|l| self.record.asset(*l)).collect();
        // Both may become durable at once, and a crash may hold the lock back longer than the secret.
        let before = |left_ms: u64| signed.is_some_and(|line| line.at_ms <= left_ms);
        let revealed = self.revealed.get(&(node, vc)).is_some_and(|left_ms| !before(*left_ms));
        let rules = [
            (
                !(3..=17).contains(&people) || distinct.len() != people,
                "a path that is too long or visits somebody twice",
            ),
            (!fits, "a link that is not between its neighbours"),
            (!policy.accepts_times(params.challenge, params.window, params.k_max), "times that it does not accept"),
            (
                !lags && term + CLOCK_S + policy.t_act_ms / 1_000 < policy.term_min()
                    || term > policy.term_max + CLOCK_S,
                "a term that it does not accept",
            ),
            (params.init_a.max(params.init_b) > policy.stake_max && hub, "more than it stakes"),
            (place > 0 && quoted.is_none(), "what it never quoted"),
            (hub && quoted.is_some_and(|(_, quoted)| fee != Some(quoted)), "another fee than it quoted"),
            (
                quoted.is_some_and(|(l, _)| l.is_some_and(|l| params.links.get(place) != Some(&l))),
                "another link than it quoted",
            ),
            (bound.is_some_and(|bound| bound != vc), "a secret that it promised to another virtual channel"),
            (revealed, "a lock although its secret is out"),
            (self.removed.contains(&(node, link, vc)), "a lock that it had removed before"),
            (record, "a lock although there is a record"),
            (disputed, "a lock although a link of it is in dispute"),
            (assets.len() > 1, "links of different assets"),
        ];
        let broken: Vec<&str> = rules.iter().filter(|(broken, _)| *broken).map(|(_, what)| *what).collect();
        self.drafts.entry((node, hash)).or_insert(vc);
        for what in broken {
            self.fault(format!("2.3: {} agreed for {vc} to {what}", self.name(node)));
        }
    }

    fn links_of(&self, place: usize, vc: B256) -> Vec<B256> {
        let Some(params) = self.virtuals.get(&vc) else { return Vec::new() };
        let links = &params.links;
        links[place.saturating_sub(1).min(links.len())..(place + 1).min(links.len())].to_vec()
    }

    /// 1.4(12), 2.3 close: an end signs a Final only over cur, with nothing unanswered and no nanocontract open.
    pub(super) fn check_final(&mut self, node: usize, vc: B256, out_a: u128) {
        if !self.strict {
            return;
        }
        let Some(said) = self.last_word(node, vc) else { return };
        let quiet = said.quiet && said.countersigned;
        if said.def_a != out_a || !quiet || said.nanos > 0 {
            let text = format!(
                "1.4(12): {} signed a Final of {vc} at {out_a}, over {} (quiet: {quiet}, nanocontracts: {})",
                self.name(node),
                said.def_a,
                said.nanos
            );
            self.fault(text);
        }
    }

    /// 1.4(12), 3.5: a Close says what cur says, to the right receivers, in a channel that is quiet and empty.
    pub(super) fn check_close(&mut self, node: usize, close: &Close) {
        if !self.strict {
            return;
        }
        let Some(said) = self.last_word(node, close.id) else { return };
        let Some(params) = self.objects.get(&close.id).and_then(|o| o.ledger) else { return };
        let same = [close.dep_a, close.dep_b, close.out_a, close.total]
            == [said.deposits[0], said.deposits[1], said.def_a, said.total];
        let receivers = [close.receiver_a, close.receiver_b] == [params.a.owner, params.b.owner];
        let empty = said.nanos + said.locks == 0 && close.locks == 0;
        let quiet = said.quiet && said.countersigned;
        let disputed = self.saw_dispute(node, close.id, self.proofs.line(close.struct_hash(), self.key(node)));
        if !same || !receivers || !empty || !quiet || disputed {
            let text = format!(
                "1.4(12): {} signed a Close of {} (cur: {same}, receivers: {receivers}, empty: {empty}, quiet: {quiet}, \
                 dispute: {disputed})",
                self.name(node),
                close.id
            );
            self.fault(text);
        }
    }

    fn last_word(&self, node: usize, ch: B256) -> Option<LastWord> {
        let object = self.objects.get(&ch)?;
        object.side(self.key(node))?;
        let known = self.knowledge.get(&(node, ch));
        let cur = known.map(|k| k.cur).unwrap_or_default();
        let content = self.accepted_content(node, ch)?;
        Some(LastWord {
            deposits: content.deposits,
            def_a: content.def_a,
            total: content.total,
            locks: content.locks().len(),
            nanos: content.nanos().len(),
            quiet: known.is_none_or(|k| k.signed.range(cur + 1..).next().is_none()),
            countersigned: cur == 0 || known.is_some_and(|k| k.signed.contains(&cur)),
        })
    }

    /// Timestamp of the newest final block, seconds.
    pub(super) fn final_time(&self) -> u64 {
        self.chain.final_time(self.depth)
    }
}

/// What a node accepted last, and whether anything is open beyond it.
struct LastWord {
    deposits: [u128; 2],
    def_a: u128,
    total: u128,
    locks: usize,
    nanos: usize,
    quiet: bool,
    countersigned: bool,
}
