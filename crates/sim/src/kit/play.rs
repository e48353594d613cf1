//! How the opponent plays on the chain.

use super::table::{Snapshot, Table, seat};
use alloy_primitives::{B256, keccak256};
use perunika_core::chain::{Call, DisputeView, ForcedStep, Home, NanoClaim, NanoView, RecordView};
use perunika_core::params::code_address;
use perunika_core::sig::RawKey;
use perunika_core::signed::{Eip712, Entry, Nano, StepAuth};
use perunika_core::tree;

/// Claims of one transaction.
const BATCH: usize = 6;

impl Table<'_> {
    /// The dispute as the head has it.
    pub(super) fn dispute(&self) -> Option<DisputeView> {
        match &self.home {
            Home::Ledger(params) => self.world.slot(params).dispute,
            Home::Virtual(params) => match self.world.record(params) {
                RecordView::Disputed(dispute) => Some(dispute),
                RecordView::None | RecordView::Concluded { .. } => None,
            },
        }
    }

    fn window(&self) -> u64 {
        u64::from(match &self.home {
            Home::Ledger(params) => params.window,
            Home::Virtual(params) => params.window,
        })
    }

    /// The next block is the first, or the last, in which a nanocontract can be registered.
    pub(super) fn is_time_to_register(&self, last_second: bool) -> bool {
        let Some(dispute) = self.dispute() else { return false };
        let next = self.world.ground.time() + 1;
        if last_second { next == dispute.refute_end + self.window() } else { next == dispute.refute_end + 1 }
    }

    /// Puts the code on the chain, if it is not there yet.
    pub(super) fn deploy_code(&mut self, node: usize) {
        let code = self.subject.code.clone();
        self.world.call_as(node, &Call::Deploy { code }).expect("anybody may deploy");
        self.world.run_for(1_000);
    }

    fn entries(&self, dispute: &DisputeView) -> Vec<Entry> {
        let mut entries: Vec<Entry> = self.games.iter().map(|game| game.entry).collect();
        entries.sort_by_key(|entry| (entry.born, entry.nid));
        assert_eq!(tree::root(&entries), dispute.roots.nanos, "the State holds exactly the games");
        entries
    }

    /// Registers the first version of each game's history, with the mover's step if that is the sender.
    pub(super) fn register_firsts(&mut self, node: usize) {
        let dispute = self.dispute().expect("a dispute");
        let entries = self.entries(&dispute);
        let side = usize::from(self.ends[1] == node);
        let claims: Vec<NanoClaim> = (0..self.games.len())
            .map(|game| {
                let first = self.games[game].history[0].clone();
                let entry = self.games[game].entry;
                let index = entries.iter().position(|e| *e == entry).expect("it is there");
                let proof = tree::proof(&entries, index).expect("it is there");
                let step = self.forced_step(game, side, &first.nano, &first.storage);
                NanoClaim { entry, index, proof, version: first.nano, sigs: first.sigs, step }
            })
            .collect();
        let state = dispute.state.expect("the event is there");
        for claims in claims.chunks(BATCH) {
            let (home, claims) = (self.home.clone(), claims.to_vec());
            let call = Call::RegisterNanos { home, state, roots: dispute.roots, mix: dispute.mix, claims };
            // In the last second the other party was there before, with something newer.
            let _ = self.world.call_as(node, &call);
        }
    }

    /// The step of a side from a position, signed as far as it must be; `None` if it is not its turn or the rules do not take it.
    pub(super) fn forced_step(&mut self, game: usize, side: usize, nano: &Nano, storage: &[u8]) -> Option<ForcedStep> {
        if usize::from(nano.mover) != side || nano.steps_left == 0 {
            return None;
        }
        let (total, time) = (self.subject.terms.total, self.world.ground.time());
        let input = self.games[game].players[side].step(&seat(side, nano, storage, total, time, true))?;
        let from = Snapshot { nano: *nano, sigs: [None, None], storage: storage.to_vec() };
        self.evaluate(game, &from, &input)?;
        let domain = self.world.ground.domain;
        let auth = matches!(self.home, Home::Virtual(_)).then(|| {
            let auth = StepAuth {
                ch: self.ch,
                entry: nano.entry,
                ver: nano.ver,
                steps_left: nano.steps_left,
                storage_hash: keccak256(storage),
                input_hash: keccak256(&input),
            };
            self.world.raw_key(self.node(side)).sign(domain.digest(auth.struct_hash()))
        });
        let code = code_address(&domain, &self.subject.code);
        Some(ForcedStep { code, storage: storage.to_vec(), input, auth })
    }

    /// Forces every step that is the opponent's and that its strategy makes.
    pub(super) fn play_on(&mut self, side: usize) {
        let node = self.node(side);
        for game in 0..self.games.len() {
            let Some(view) = self.view(game) else { continue };
            let next = self.world.ground.time() + 1;
            if next <= view.n_ref || next > view.step_end(self.window() as u32) {
                continue;
            }
            let Some(storage) = self.storage_of(game, &view) else { continue };
            let nano = on_chain(&self.top(game).nano, &view);
            let Some(step) = self.forced_step(game, side, &nano, &storage) else { continue };
            let call = Call::Execute { home: self.home.clone(), entry: self.games[game].entry, step };
            let _ = self.world.call_as(node, &call);
        }
    }

    fn storage_of(&self, game: usize, view: &NanoView) -> Option<Vec<u8>> {
        let known = self.games[game].history.iter().map(|snapshot| &snapshot.storage);
        let mut all = view.storage.iter().chain(known);
        let fits = |storage: &&Vec<u8>| -> bool { B256::from(keccak256(storage)) == view.storage_hash };
        all.find(fits).cloned()
    }
}

fn on_chain(nano: &Nano, view: &NanoView) -> Nano {
    let NanoView { ver, da, mover, steps_left, storage_hash, .. } = *view;
    Nano { ver, da, mover, steps_left, storage_hash, ..*nano }
}
