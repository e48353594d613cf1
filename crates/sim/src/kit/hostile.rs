//! Opponents who sign, send and register whatever they can.

use super::cases::at_every_position;
use super::reference::part;
use super::table::{Move, Table};
use super::{Place, Report, Subject};
use crate::rng::Rng;

/// Whenever it is the turn of `side`, it first sends everything that is not a step: nothing of it is countersigned, and the game goes on.
pub fn send_wrong_steps(subject: &Subject, place: Place, seed: u64, side: usize, moves: usize) -> Report {
    let mut table = Table::new(subject, place, seed, 1, &format!("{side} sends wrong steps"));
    // Its participant goes on; the auditor knows that the test speaks for it too.
    let (liar, honest) = (table.node(side), table.node(1 - side));
    table.world.nodes[liar].honest = false;
    let (mut rng, mut refused) = (Rng::new(seed), 0);
    for _ in 0..moves {
        let before = table.top(0).nano;
        let input = match table.next_move(0) {
            Some(Move::Step(_, input) | Move::Hand(_, input)) => input,
            None => break,
        };
        for message in table.wrong_steps(0, side, &input, &mut rng) {
            refused += 1;
            let text = format!("{message:?}");
            table.world.inject(liar, honest, message);
            table.world.run_for(200);
            let info = table.world.nano_of(honest, table.ch, table.games[0].nid).expect("it is open");
            assert_eq!(info.version, Some(before), "{}", table.why(0, &format!("accepted {text}")));
        }
        assert!(table.advance(0), "{}", table.why(0, "the game does not go on"));
    }
    let mut report = table.finish();
    report.refused = refused;
    report
}

/// For every position and every version before it: the opponent of `side` registers that version, with a provisional step where it may, in the first
/// or in the last second; then it plays on or stalls. `side` gets what its newest version and the rules give.
pub fn register_old_versions(subject: &Subject, place: Place, seed: u64, side: usize, moves: usize) -> Report {
    let mut report = Report::default();
    for (last_second, plays_on) in [(false, false), (false, true), (true, false)] {
        let what = format!("old versions against {side}, last second {last_second}, plays on {plays_on}");
        if let Some(mut table) = with_old_versions(subject, place, seed, moves, &what) {
            report += against_old_versions(&mut table, side, last_second, plays_on);
        }
    }
    report
}

/// A game for every pair of a position and an older version; `None` if there is no older version anywhere.
fn with_old_versions<'s>(subject: &'s Subject, place: Place, seed: u64, moves: usize, what: &str) -> Option<Table<'s>> {
    let pilot = at_every_position(subject, place, seed, moves, what);
    let versions: Vec<usize> = pilot.games.iter().map(|game| game.history.len()).collect();
    let pairs: Vec<(usize, usize)> =
        versions.iter().enumerate().flat_map(|(moves, all)| (0..all - 1).map(move |old| (moves, old))).collect();
    if pairs.is_empty() {
        return None;
    }
    let mut table = Table::new(subject, place, seed, pairs.len(), what);
    for (game, (moves, old)) in pairs.iter().enumerate() {
        assert!(table.advance_to(game, *moves), "{}", table.why(game, "the game is shorter than before"));
        // The old version comes first: that is what the opponent will say is the newest.
        let old = table.games[game].history[*old].clone();
        table.games[game].history.insert(0, old);
    }
    Some(table)
}

fn against_old_versions(table: &mut Table<'_>, side: usize, last_second: bool, plays_on: bool) -> Report {
    let (node, foe) = (table.node(side), table.node(1 - side));
    table.world.corrupt(foe);
    let mut alone = [false, false];
    alone[side] = true;
    let dues: Vec<u128> = (0..table.games.len())
        .map(|game| {
            let (from, entry) = (table.top(game).clone(), table.games[game].entry);
            let both = table.reference(game, &from, [true, true]).da;
            let single = table.reference(game, &from, alone).da;
            let single = part(&entry, single, side);
            if plays_on { single.min(part(&entry, both, side)) } else { single }
        })
        .collect();
    if !last_second {
        // The opponent comes first.
        table.world.nodes[node].chain_delay_ms = 3_000;
    }
    let ch = table.ch;
    table.world.force(node, ch);
    table.deploy_code(foe);
    let mut registered = false;
    table.conclude(|table| {
        if !registered && table.is_time_to_register(last_second) {
            registered = true;
            table.register_firsts(foe);
        }
        if plays_on {
            table.play_on(1 - side);
        }
    });
    assert!(registered, "{}", table.why(0, "the opponent had no chance to register"));
    table.world.nodes[node].chain_delay_ms = 0;
    for (game, due) in dues.into_iter().enumerate() {
        let entry = table.games[game].entry;
        let got = part(&entry, table.forced_da(game), side);
        assert!(got >= due, "{}", table.why(game, &format!("got {got}, due {due} (P1)")));
        table.check_promise(game, side);
        let newest = table.top(game).nano.ver;
        if let Some(view) = table.view(game).filter(|view| view.ver != newest) {
            let text = format!("version {} stands, {newest} was the newest", view.ver);
            let worse = part(&entry, table.top(game).nano.da, side) > got;
            assert!(!worse, "{}", table.why(game, &text));
        }
    }
    table.finish()
}
