//! Quotes: what a participant asks for its part in a virtual channel, and how an initiator gathers them (protocol 2.3 step 0).

use super::Participant;
use super::spending::Spend;
use crate::io::{Fault, Reply};
use crate::ledger::Life;
use crate::message::{Message, Renews, Terms};
use crate::mutant::guard;
use crate::params::{MAX_LINKS, MAX_LOCKS, Side, VirtualParams};
use crate::signed::{Amount, MAX_AMOUNT};
use crate::virtual_channel::{Renewal, Virtual};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};

/// Most quotes that are open at once for one peer.
const MAX_QUOTES: usize = 64;

/// A quote that this node gave. Void after a restart (protocol 2.3 activation).
#[derive(Clone, Debug)]
pub(crate) struct OpenQuote {
    pub(super) draft: B256,
    request: B256,
    pub(super) asker: Address,
    pub(super) asked: Asked,
    pub(super) fee: Amount,
    pub(super) link: Option<B256>,
    pub(super) until_ms: u64,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(super) path: Vec<Address>,
    pub(super) terms: Terms,
    pub(super) renews: Option<Renews>,
}

/// What quotes are gathered for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// The application wants to know the prices.
    Ask {
        /// Its command.
        tag: u64,
    },
    /// A command of the application waits.
    Open { tag: u64, keep: Option<Renewal>, budget: Option<B256> },
    /// A renewal.
    Renew,
}

/// Quotes that this node is gathering.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(super) purpose: Purpose,
    pub(super) asked: Asked,
    fee_max: Amount,
    draft: B256,
    nonce: u128,
    answers: BTreeMap<usize, (B256, Option<B256>, Amount)>,
    until_ms: u64,
    sent_ms: u64,
}

/// What the application wishes.
pub(super) struct Wanted {
    pub(super) path: Vec<Address>,
    pub(super) stake: Amount,
    pub(super) peer_stake: Amount,
    pub(super) asset: Address,
    pub(super) term: Option<u64>,
    pub(super) fee_max: Amount,
    pub(super) renew: bool,
}

impl Participant {
    pub(super) fn open_virtual(&mut self, tag: u64, wanted: Wanted) -> Result<(), Fault> {
        self.gather_quotes(tag, wanted, false)
    }

    /// Asks for the prices and opens nothing.
    pub(super) fn ask_quotes(&mut self, tag: u64, wanted: Wanted) -> Result<(), Fault> {
        self.gather_quotes(tag, wanted, true)
    }

    fn gather_quotes(&mut self, tag: u64, wanted: Wanted, only_ask: bool) -> Result<(), Fault> {
        let path: Vec<Address> = core::iter::once(self.key()).chain(wanted.path.iter().copied()).collect();
        check_path(&path).map_err(Fault::Caller)?;
        let total = wanted.stake.checked_add(wanted.peer_stake);
        if total.is_none_or(|t| t == 0 || t > MAX_AMOUNT) {
            return Err(Fault::Caller("the stakes together must be between 1 and 2^96 - 1".into()));
        }
        if let Some(absent) = path[1..].iter().find(|p| !self.connected.contains(*p)) {
            return Err(Fault::Peer(alloc::format!("{absent} is not connected")));
        }
        if self.link_to(path[1], wanted.asset, wanted.stake).is_none() {
            return Err(Fault::Caller("no open channel to the first hub has enough for the stake".into()));
        }
        let keep = Renewal { stakes: None, term: wanted.term, fee_max: wanted.fee_max };
        if wanted.renew {
            self.check_renewable(&keep)?;
        }
        if !only_ask {
            let end = path.last().copied().unwrap_or_default();
            let amount = wanted.stake.saturating_add(wanted.fee_max);
            self.may_spend(Spend { peer: end, asset: wanted.asset, amount })?;
        }
        let budget = self.spender;
        if budget.is_some() && wanted.renew {
            return Err(Fault::Limit("what renews itself again and again needs a token without limits".into()));
        }
        let terms = self.terms(wanted.asset, [wanted.stake, wanted.peer_stake], wanted.term)?;
        let keep = Some(keep).filter(|_| wanted.renew);
        let purpose = if only_ask { Purpose::Ask { tag } } else { Purpose::Open { tag, keep, budget } };
        self.gather(purpose, Asked { path, terms, renews: None }, wanted.fee_max);
        Ok(())
    }

    /// Asks everybody in the path for a quote.
    pub(super) fn gather(&mut self, purpose: Purpose, asked: Asked, fee_max: Amount) {
        let draft = self.draw();
        let nonce = u128::from_be_bytes(self.draw().0[..16].try_into().unwrap_or_default());
        let request = self.draw();
        for to in &asked.path[1..] {
            self.send(*to, question(request, &asked));
        }
        let sent_ms = self.env.now_ms;
        let until_ms = sent_ms + self.policy().t_act_ms;
        let answers = BTreeMap::new();
        let gathering = Request { purpose, asked, fee_max, draft, nonce, answers, until_ms, sent_ms };
        self.requests.insert(request, gathering);
    }

    pub(super) fn terms(&mut self, asset: Address, stakes: [Amount; 2], term: Option<u64>) -> Result<Terms, Fault> {
        let t_exp = self.now() + self.draw_term(term)?;
        let policy = self.policy();
        Ok(Terms {
            asset,
            init_a: stakes[0],
            init_b: stakes[1],
            t_exp,
            challenge: policy.challenge,
            window: policy.window,
            k_max: policy.k_max,
        })
    }

    /// Up to 10 % below the wished term, so that channels do not fall due together (protocol 0.3).
    fn draw_term(&mut self, wished: Option<u64>) -> Result<u64, Fault> {
        let wished = wished.unwrap_or(self.policy().term);
        let (floor, ceiling) = (self.policy().term_min(), self.policy().term_max);
        if wished <= floor || wished > ceiling {
            return Err(Fault::Caller(alloc::format!("the term must be above {floor} and at most {ceiling} seconds")));
        }
        let draw = u64::from_be_bytes(self.draw().0[..8].try_into().unwrap_or_default());
        let spread = (wished / 10).min(wished - floor - 1);
        Ok(wished - if spread == 0 { 0 } else { draw % spread })
    }

    /// An open channel to `peer` of that asset in which this node can lock `amount`.
    pub(super) fn link_to(&self, peer: Address, asset: Address, amount: Amount) -> Option<B256> {
        let fits = |id: &B256| {
            self.ledgers.get(id).is_some_and(|l| {
                let cur = &l.book.log.cur().body;
                l.life == Life::Open
                    && l.params.asset == asset
                    && cur.cash(l.me).is_some_and(|cash| cash >= amount)
                    && cur.locks.len() < MAX_LOCKS
            })
        };
        self.index.ledgers_with(peer).filter(fits).find(|id| self.updatable(*id).is_ok())
    }

    pub(super) fn on_quote_ask(&mut self, from: Address, request: B256, asked: Asked) {
        match self.make_quote(from, request, asked) {
            Ok((hash, link, fee)) => self.send(from, Message::Quote { request, hash, link, fee }),
            Err(reason) => self.send(from, Message::QuoteRefused { request, reason }),
        }
    }

    fn make_quote(
        &mut self,
        from: Address,
        request: B256,
        asked: Asked,
    ) -> Result<(B256, Option<B256>, Amount), String> {
        let given = self.quotes.iter().find(|(_, q)| q.asker == from && q.request == request);
        if let Some((hash, quote)) = given.filter(|(_, q)| q.asked == asked) {
            return Ok((*hash, quote.link, quote.fee));
        }
        check_path(&asked.path)?;
        if asked.path[0] != from {
            return Err("only the first end asks".into());
        }
        let index = asked.path.iter().position(|k| *k == self.key()).filter(|index| *index > 0);
        let index = index.ok_or("this node is not behind the first end in the path")?;
        self.check_terms(&asked.terms)?;
        if self.quotes.values().filter(|q| q.asker == from).count() >= MAX_QUOTES {
            return Err("too many quotes are open".into());
        }
        let (link, fee) = self.price(&asked, index)?;
        let draft = self.draw();
        let hash = self.signer.draft_hash(draft);
        let until_ms = self.env.now_ms + self.policy().quote_ms;
        if let Some(renews) = asked.renews {
            self.expect_successor(renews.vc);
        }
        self.quotes.insert(hash, OpenQuote { draft, request, asker: from, asked, fee, link, until_ms });
        Ok((hash, link, fee))
    }

    fn price(&self, asked: &Asked, index: usize) -> Result<(Option<B256>, Amount), String> {
        let Asked { path, terms, renews } = asked;
        let policy = self.policy();
        let last = path.len() - 1;
        if let Some(links) = renews.map(|r| self.renewable_links(&r, asked, index)).transpose()?.flatten() {
            let fee = if index == last {
                0
            } else {
                policy.fee(terms.asset, terms.init_a + terms.init_b, self.left_of(terms))
            };
            return Ok((links, fee));
        }
        if self.link_to(path[index - 1], terms.asset, terms.init_b).is_none() {
            return Err("no open channel to the previous participant has enough for the stake".into());
        }
        if index == last {
            return if policy.accept_virtual {
                Ok((None, 0))
            } else {
                Err("this node does not accept virtual channels".into())
            };
        }
        if !policy.hub {
            return Err("this node is not a hub".into());
        }
        let link = self.link_to(path[index + 1], terms.asset, terms.init_a);
        let link = link.ok_or("no open channel to the next participant has enough for the stake")?;
        let stake = terms.init_a + terms.init_b;
        Ok((Some(link), policy.fee(terms.asset, stake, self.left_of(terms))))
    }

    /// Seconds until the term is over.
    fn left_of(&self, terms: &Terms) -> u64 {
        terms.t_exp.saturating_sub(self.now())
    }

    /// Times and amounts that this node agrees to (protocol 2.3 checks before signing a lock, S59, S36).
    pub(super) fn check_terms(&self, terms: &Terms) -> Result<(), String> {
        let policy = self.policy();
        let stake = terms.init_a.checked_add(terms.init_b).filter(|t| *t > 0 && *t <= MAX_AMOUNT);
        let limits = policy.asset(terms.asset).ok_or("this node does not take the asset")?;
        if !guard!("2.3-stake", stake.is_some_and(|s| s <= limits.stake_max)) {
            return Err("the stake is outside of this node's policy".into());
        }
        if !guard!("2.3-times", policy.accepts_times(terms.challenge, terms.window, terms.k_max)) {
            return Err(
                "the refutation period, the window or the number of steps is outside of this node's policy".into()
            );
        }
        let now = self.now();
        let term = now + policy.term_min()..=now + policy.term_max;
        if !guard!("2.3-term", term.contains(&terms.t_exp)) {
            return Err("the term is outside of this node's policy".into());
        }
        Ok(())
    }

    pub(super) fn on_quote(&mut self, from: Address, request: B256, hash: B256, link: Option<B256>, fee: Amount) {
        let Some(gathering) = self.requests.get_mut(&request) else { return };
        let Some(index) = gathering.asked.path.iter().position(|k| *k == from) else { return };
        gathering.answers.insert(index, (hash, link, fee));
        if gathering.answers.len() + 1 == gathering.asked.path.len()
            && let Some(complete) = self.requests.remove(&request)
        {
            self.quotes_complete(complete);
        }
    }

    fn quotes_complete(&mut self, request: Request) {
        let checked = request.check_fees();
        let (tag, keep) = match (request.purpose, checked) {
            (Purpose::Ask { tag }, _) => return self.tell_quotes(tag, &request),
            (_, Err(fault)) => return self.request_refused(&request, fault),
            (Purpose::Open { tag, keep, .. }, Ok(())) => (tag, keep),
            (Purpose::Renew, Ok(())) => return self.renewal_quoted(request),
        };
        let Terms { asset, init_a, .. } = request.asked.terms;
        let own = self.link_to(request.asked.path[1], asset, init_a.saturating_add(request.fees()));
        let own = own.ok_or_else(|| Fault::Caller("the channel does not have enough for stake and fees".into()));
        let terms = request.asked.terms;
        let created = own.and_then(|own| self.create(request, own, terms));
        match created {
            Ok(id) => {
                self.open_tags.insert(id, tag);
                if let Some(virt) = self.virtuals.get_mut(&id) {
                    virt.keep = keep;
                }
            }
            Err(fault) => self.reply(tag, Reply::Refused(fault)),
        }
    }

    fn tell_quotes(&mut self, tag: u64, complete: &Request) {
        let last = complete.asked.path.len() - 1;
        let fees = (1..last).filter_map(|i| complete.answers.get(&i).map(|answer| answer.2)).collect();
        self.reply(tag, Reply::Quoted { fees, t_exp: complete.asked.terms.t_exp });
    }

    fn request_refused(&mut self, request: &Request, fault: Fault) {
        match request.purpose {
            Purpose::Ask { tag } | Purpose::Open { tag, .. } => self.reply(tag, Reply::Refused(fault)),
            Purpose::Renew => self.renewal_refused(request, fault),
        }
    }

    /// All quotes are there: draws up the parameters over this node's link `own` and starts to lock. The id.
    pub(super) fn create(&mut self, request: Request, own: B256, terms: Terms) -> Result<B256, Fault> {
        let sum = request.fees();
        let Request { purpose, asked: Asked { path, renews, .. }, draft, nonce, answers, .. } = request;
        let last = path.len() - 1;
        let fees: Vec<Amount> = (1..last).filter_map(|i| answers.get(&i).map(|a| a.2)).collect();
        let others: Option<Vec<B256>> = (1..last).map(|i| answers.get(&i).and_then(|a| a.1)).collect();
        let others = others.ok_or_else(|| Fault::Peer("a hub did not name its next channel".into()))?;
        let hashes = (1..=last).filter_map(|i| answers.get(&i).map(|a| a.0));
        let hashes = core::iter::once(self.signer.draft_hash(draft)).chain(hashes).collect();
        let links = core::iter::once(own).chain(others).collect();
        let params = VirtualParams {
            path,
            links,
            fees,
            asset: terms.asset,
            init_a: terms.init_a,
            init_b: terms.init_b,
            t_exp: terms.t_exp,
            challenge: terms.challenge,
            window: terms.window,
            k_max: terms.k_max,
            nonce,
            hashes,
        };
        self.check_shape(&params, 0).map_err(Fault::Peer)?;
        self.check_terms(&terms).map_err(Fault::Caller)?;
        let id = params.id(&self.config.domain);
        let renews = renews.map(|r| r.vc);
        if let Purpose::Open { budget: Some(budget), .. } = purpose {
            let amount = terms.init_a.saturating_add(sum);
            self.charge_to(budget, Spend { peer: params.end(Side::B), asset: terms.asset, amount }, Some(id))?;
        }
        for to in params.path[1..].iter().copied() {
            self.send(to, Message::VcOpen { params: params.clone(), renews });
        }
        self.adopt_virtual(Virtual { renews, ..Virtual::new(id, params, 0, draft, self.act_by()) });
        Ok(id)
    }

    pub(super) fn on_quote_refused(&mut self, from: Address, request: B256, reason: &str) {
        if self.requests.get(&request).is_none_or(|r| !r.asked.path.contains(&from)) {
            return;
        }
        if let Some(gathering) = self.requests.remove(&request) {
            let reason = alloc::format!("{from} refused: {reason}");
            self.request_refused(&gathering, Fault::Peer(reason));
        }
    }

    /// Asks those again who have not answered.
    pub(super) fn resend_requests(&mut self) {
        let (now, period) = (self.env.now_ms, self.policy().resend_ms);
        let mut messages = Vec::new();
        for (id, request) in self.requests.iter_mut().filter(|(_, r)| r.sent_ms + period <= now) {
            request.sent_ms = now;
            let silent =
                request.asked.path.iter().enumerate().skip(1).filter(|(i, _)| !request.answers.contains_key(i));
            messages.extend(silent.map(|(_, to)| (*to, question(*id, &request.asked))));
        }
        for (to, message) in messages {
            self.send(to, message);
        }
    }

    pub(super) fn expire_quotes(&mut self) {
        let now = self.env.now_ms;
        self.quotes.retain(|_, q| q.until_ms >= now);
        let late: Vec<B256> = self.requests.iter().filter(|(_, r)| r.until_ms < now).map(|(id, _)| *id).collect();
        for id in late {
            if let Some(request) = self.requests.remove(&id) {
                self.request_refused(&request, Fault::Peer("a participant did not quote in time".into()));
            }
        }
    }
}

impl Request {
    /// What all hubs together ask.
    pub(super) fn fees(&self) -> Amount {
        let hubs = 1..self.asked.path.len() - 1;
        hubs.filter_map(|i| self.answers.get(&i)).fold(0, |sum: Amount, answer| sum.saturating_add(answer.2))
    }

    fn check_fees(&self) -> Result<(), Fault> {
        let (sum, most) = (self.fees(), self.fee_max);
        if sum > most {
            return Err(Fault::Peer(alloc::format!("the hubs ask {sum}, more than the {most} that you allow")));
        }
        Ok(())
    }
}

fn question(request: B256, asked: &Asked) -> Message {
    Message::QuoteAsk { request, path: asked.path.clone(), terms: asked.terms, renews: asked.renews }
}

/// n ≤ 16, at least one hub, nobody twice (S48).
pub(super) fn check_path(path: &[Address]) -> Result<(), String> {
    if !guard!("2.3-path-length", (3..=MAX_LINKS + 1).contains(&path.len())) {
        return Err(alloc::format!("a path has between 1 and {} hubs", MAX_LINKS - 1));
    }
    let distinct: BTreeSet<&Address> = path.iter().collect();
    if !guard!("2.3-path-once", distinct.len() == path.len()) {
        return Err("a path cannot pass through the same participant twice".into());
    }
    Ok(())
}
