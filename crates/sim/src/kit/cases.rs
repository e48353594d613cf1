//! Honest games, and opponents who fall silent.

use super::reference::part;
use super::table::Table;
use super::{Place, Report, Subject, register_old_versions, send_wrong_steps};
use crate::story::quick_policy;
use perunika_core::signed::Nano;

/// Everything, in a ledger channel and in a virtual channel over three hubs. Panics with the seed and the case.
pub fn check(subject: &Subject, seed: u64) -> Report {
    let mut report = check_in(subject, Place::Ledger, seed);
    report += check_in(subject, Place::Over(3), seed);
    report
}

/// Everything in one place.
pub fn check_in(subject: &Subject, place: Place, seed: u64) -> Report {
    let mut report = play_honestly(subject, place, seed);
    let moves = report.moves;
    if moves > 0 {
        report += step_both_ways(subject, place, seed, moves);
    }
    report += force_on_a_slow_chain(subject, place, seed, 1, moves);
    for side in [0, 1] {
        report += force_from_every_position(subject, place, seed, side, moves);
        report += silence_at_every_position(subject, place, seed, side, moves);
        report += send_wrong_steps(subject, place, seed, side, moves);
        report += register_old_versions(subject, place, seed, side, moves);
    }
    report
}

/// To the end off chain; nothing but the channels themselves touches the chain.
pub fn play_honestly(subject: &Subject, place: Place, seed: u64) -> Report {
    let mut table = Table::new(subject, place, seed, 1, "honest");
    let (node, ch) = (table.node(0), table.ch);
    let before = table.world.share(node, ch).expect("an open channel");
    while table.advance(0) {}
    let from = table.top(0).clone();
    // What was handed over is claimed when the mover closes it.
    let da = if from.nano.steps_left == 0 { from.nano.da } else { table.reference(0, &from, [true, true]).da };
    if from.nano.steps_left > 0 {
        let mover = table.node(usize::from(from.nano.mover));
        let nid = table.games[0].nid;
        table.world.close_nano(mover, ch, nid);
    }
    table.all_closed();
    let entry = table.games[0].entry;
    assert_eq!(table.world.share(node, ch), Some(before - entry.da0 + da), "{}", table.why(0, "the share of A"));
    let ended = [da, entry.total - da];
    for (side, got) in ended.into_iter().enumerate() {
        let text = format!("{side} got {got} of an honest game, the author promised {}", subject.least[side]);
        assert!(got >= subject.least[side], "{}", table.why(0, &text));
    }
    let report = table.finish();
    let plain = ["open", "confirm", "close"];
    let forced = table.world.ground.receipts.iter().filter(|r| !plain.contains(&r.name)).count();
    assert_eq!(forced, 0, "{}", table.why(0, "an honest game touched the chain"));
    report
}

/// Games at every position that is not the end.
pub(super) fn at_every_position<'s>(
    subject: &'s Subject,
    place: Place,
    seed: u64,
    moves: usize,
    what: &str,
) -> Table<'s> {
    let mut table = Table::new(subject, place, seed, moves.max(1), what);
    for game in 0..table.games.len() {
        assert!(table.advance_to(game, game), "{}", table.why(game, "the game is shorter than before"));
    }
    table
}

/// The parties cannot reach each other any more, from every position on: `side` goes to the chain, and both play on there. The result is that of
/// the same game off chain, for every position.
pub fn force_from_every_position(subject: &Subject, place: Place, seed: u64, side: usize, moves: usize) -> Report {
    let table = at_every_position(subject, place, seed, moves, &format!("forced by {side}"));
    forced(table, side)
}

/// The same, with transactions of both parties that take the safety margin to be mined: windows are two margins long at least.
pub fn force_on_a_slow_chain(subject: &Subject, place: Place, seed: u64, side: usize, moves: usize) -> Report {
    let mut table = at_every_position(subject, place, seed, moves, &format!("forced by {side} on a slow chain"));
    let delay_ms = quick_policy().m_safe * 1_000;
    for node in table.ends {
        table.world.nodes[node].chain_delay_ms = delay_ms;
    }
    forced(table, side)
}

fn forced(mut table: Table<'_>, side: usize) -> Report {
    let keys = [0, 1].map(|side| table.world.key(table.node(side)));
    table.world.filter = Some(Box::new(move |_, from, to, _| !(keys.contains(&from) && keys.contains(&to))));
    let expected = expected(&mut table, [true, true]);
    let (node, ch) = (table.node(side), table.ch);
    table.world.force(node, ch);
    table.conclude(|_| {});
    for (game, end) in expected.into_iter().enumerate() {
        let text = table.why(game, "forced and optimistic results differ");
        assert_eq!(table.forced_da(game), end.da, "{text}");
        if let Some(view) = table.view(game) {
            // A last step that changes nobody's money may be made or not.
            assert!(view.steps_left <= end.steps_left, "{text}: {} steps are left", view.steps_left);
            if view.steps_left == end.steps_left {
                assert_eq!(view.storage_hash, end.storage_hash, "{text}");
            }
        }
        [0, 1].into_iter().for_each(|side| table.check_promise(game, side));
    }
    table.world.filter = None;
    table.finish()
}

impl Table<'_> {
    /// The author promised more than the chain gave.
    pub(super) fn check_promise(&self, game: usize, side: usize) {
        let (entry, least) = (&self.games[game].entry, self.subject.least[side]);
        let got = part(entry, self.forced_da(game), side);
        assert!(got >= least, "{}", self.why(game, &format!("{side} got {got}, the author promised {least}")));
    }
}

fn expected(table: &mut Table<'_>, plays: [bool; 2]) -> Vec<Nano> {
    (0..table.games.len())
        .map(|game| {
            let from = table.top(game).clone();
            table.reference(game, &from, plays)
        })
        .collect()
}

/// Each step of an honest game is made twice from the same position: off chain in one game, by force in its twin. Input, storage, what A gets, mover
/// and steps left are the same (P9).
pub fn step_both_ways(subject: &Subject, place: Place, seed: u64, moves: usize) -> Report {
    let mut table = Table::new(subject, place, seed, 2 * moves, "each step both ways");
    for game in 0..moves {
        assert!(table.advance_to(game, game + 1), "{}", table.why(game, "the game is shorter than before"));
        assert!(table.advance_to(moves + game, game), "{}", table.why(moves + game, "the twin differs"));
    }
    let (node, ch) = (table.node(0), table.ch);
    let keys = [0, 1].map(|side| table.world.key(table.node(side)));
    // Games that are over leave the State first.
    table.world.run_for(3_000);
    table.world.filter = Some(Box::new(move |_, from, to, _| !(keys.contains(&from) && keys.contains(&to))));
    table.world.force(node, ch);
    table.conclude(|_| {});
    let mut compared = 0;
    for game in 0..moves {
        let Some((input, forced)) = table.first_forced(moves + game) else { continue };
        let (by, optimistic) = (table.games[game].last_input.clone(), table.top(game).clone());
        if by != Some(input) {
            continue;
        }
        let text = table.why(game, "one step gives two results (P9)");
        assert_eq!((forced.nano.da, forced.nano.mover), (optimistic.nano.da, optimistic.nano.mover), "{text}");
        assert_eq!(forced.nano.steps_left, optimistic.nano.steps_left, "{text}");
        assert_eq!(forced.storage, optimistic.storage, "{text}");
        compared += 1;
    }
    table.world.filter = None;
    let mut report = table.finish();
    report.compared = compared;
    report
}

/// `side` goes to the chain alone: the other one is gone for ever, at every position. It gets at least what its newest version gives, and what its own
/// steps add.
pub fn silence_at_every_position(subject: &Subject, place: Place, seed: u64, side: usize, moves: usize) -> Report {
    let mut table = at_every_position(subject, place, seed, moves, &format!("{side} is alone"));
    let gone = table.node(1 - side);
    table.world.corrupt(gone);
    let mut plays = [false, false];
    plays[side] = true;
    let expected = expected(&mut table, plays);
    let (node, ch) = (table.node(side), table.ch);
    table.world.force(node, ch);
    table.conclude(|_| {});
    for (game, end) in expected.into_iter().enumerate() {
        let entry = table.games[game].entry;
        let due = part(&entry, end.da, side).max(part(&entry, entry.da0, side));
        let got = part(&entry, table.forced_da(game), side);
        assert_eq!(got, due, "{}", table.why(game, "what an honest party gets against silence (P1)"));
        table.check_promise(game, side);
    }
    table.finish()
}
