//! Two honest parties agree, and leave the chain alone (P6).

use super::Auditor;
use alloy_primitives::B256;
use perunika_core::chain::Call;
use perunika_core::io::Command;

/// After this time without news an object is at rest, ms.
const REST_MS: u64 = 15_000;

impl Auditor {
    /// Something was said about an object.
    pub(super) fn stir(&mut self, ch: B256) {
        self.restless.insert(ch, self.now_ms);
    }

    /// Objects at rest: both parties know the same.
    pub(super) fn check_rest(&mut self) {
        if !self.strict {
            return;
        }
        let now = self.now_ms;
        let resting: Vec<B256> =
            self.restless.iter().filter(|(_, at)| **at + REST_MS < now).map(|(ch, _)| *ch).collect();
        for ch in resting {
            let Some([a, b]) = self.both_honest(ch) else {
                self.restless.remove(&ch);
                continue;
            };
            // Whoever was away or not heard lately has not said its last word.
            if [a, b].into_iter().any(|n| self.troubled(n, REST_MS)) {
                continue;
            }
            self.restless.remove(&ch);
            self.check_agreement(ch, a, b);
        }
    }

    fn troubled(&self, node: usize, within_ms: u64) -> bool {
        let person = &self.people[node];
        person.away || !person.runs || person.trouble_ms + within_ms >= self.now_ms.max(1)
    }

    fn both_honest(&self, ch: B256) -> Option<[usize; 2]> {
        let keys = self.objects.get(&ch)?.keys;
        let [a, b] = keys.map(|key| self.node_of(key).filter(|n| self.honest(*n)));
        Some([a?, b?])
    }

    /// The same newest State with both signatures, and nothing beyond it that only one of them knows.
    fn check_agreement(&mut self, ch: B256, a: usize, b: usize) {
        let ended = self.record.lives.get(&ch).is_some_and(|life| life.over);
        if ended || self.games.dispute(ch).is_some() || self.record.has(ch) {
            return;
        }
        let known = |node: usize| {
            let known = self.knowledge.get(&(node, ch));
            known.map_or((0, 0, 0), |k| (k.top, k.cur, k.signed.last().copied().unwrap_or_default()))
        };
        let ((top_a, cur_a, high_a), (top_b, cur_b, high_b)) = (known(a), known(b));
        if top_a != top_b {
            let text = format!("P6: {} has version {top_a} of {ch}, {} has {top_b}", self.name(a), self.name(b));
            self.fault(text);
        }
        let frozen = [a, b].into_iter().any(|n| self.finals.contains_key(&(n, ch)) || self.games.is_closing(n, ch));
        if !frozen && !self.ending.contains(&ch) {
            self.check_all_counted(ch);
        }
        // Who ends it by force signs nothing more, though no block may show it yet.
        // And nobody signs anything so near to the end of a term (1.4(7)): what is unanswered then stays so.
        let m_safe = self.people[a].m_safe().max(self.people[b].m_safe());
        let late = self.virtuals.get(&ch).is_some_and(|p| self.time() + 2 * m_safe > p.t_exp);
        let frozen = frozen || late || self.forced.contains(&ch);
        if !frozen && high_a.max(high_b) > cur_a.max(cur_b) {
            let text = format!("P6: version {} of {ch} was signed and is not answered", high_a.max(high_b));
            self.fault(text);
        }
    }

    /// What an application asked for by force.
    pub(super) fn note_force(&mut self, command: &Command) {
        match command {
            Command::CloseChannel { ch, force } => {
                self.ending.insert(*ch);
                if *force {
                    self.forced.insert(*ch);
                }
            }
            Command::ForceVirtual { vc } => drop(self.forced.insert(*vc)),
            Command::StepNano { ch, force_after: Some(_), .. } => drop(self.forced.insert(*ch)),
            _ => {}
        }
    }

    /// P6: honest neighbours who hear each other do not meet on the chain.
    pub(super) fn check_cause(&mut self, node: usize, call: &Call) {
        if !self.strict {
            return;
        }
        let (ch, people) = match call {
            Call::Register { state, params, .. } => (state.ch, vec![params.a.key, params.b.key]),
            Call::RegisterVirtual { state, params, .. } => (state.ch, params.path.clone()),
            _ => return,
        };
        let nodes: Option<Vec<usize>> =
            people.into_iter().map(|k| self.node_of(k).filter(|n| self.honest(*n))).collect();
        let Some(nodes) = nodes else { return };
        let policy = &self.people[node].policy;
        let calm_ms = (policy.close_lead + policy.patience + 2 * policy.m_safe) * 1_000 + REST_MS;
        let answered = self.games.dispute(ch).is_some();
        let excused = nodes.iter().any(|n| self.troubled(*n, calm_ms));
        if self.forced.contains(&ch) || answered || excused || self.may_have_nanos(ch) || self.chain.reorgs > 0 {
            return;
        }
        let text = format!("P6: {} sent {} for {ch} without a cause", self.name(node), call.name());
        self.fault(text);
    }
}
