//! Probes: short stories in which a corrupt party brings an honest one, on purpose, into each position that a guard is for
//! (docs/mutants.md). Chance seldom gets that far; the seeds of the campaign that leave 7 when divided by 8 do.

mod deposits;
mod early;
mod far;
mod games;
mod hub;
mod link;
mod over_hub;
mod scene;

use crate::campaign::{Failure, Options, Totals};
use crate::ground::GAS_LIMIT;
use crate::world::World;
use far::Far;
use hub::Between;
use perunika_core::policy::Policy;
use scene::Scene;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Lines of the trace that a failure shows.
const TAIL: usize = 60;
/// One of so many seeds is a probe.
pub(crate) const EVERY: u64 = 8;
/// Which of them.
pub(crate) const TURN: u64 = 7;

/// One probe: where it plays, and what it does.
#[derive(Clone, Copy)]
enum Probe {
    /// Over a link whose party with this number is corrupt (0 is A).
    Link(usize, fn(&mut Scene)),
    /// The same, but both are honest until the probe says otherwise.
    Game(usize, fn(&mut Scene)),
    /// Over an honest hub between corrupt neighbours.
    Hub(fn(&mut Between)),
    /// From the very beginning.
    Start(fn(Setting<'_>) -> (World, Vec<String>)),
    /// The same with a longer term.
    Long(fn(&mut Far)),
    /// At an honest end whose hub and other end are corrupt.
    End(fn(&mut Far)),
}

use Probe::{End, Game, Hub, Link, Long, Start};

const PROBES: &[(&str, Probe)] = &[
    ("items from A", Link(0, link::items)),
    ("items from B", Link(1, link::items)),
    ("proposals from A", Link(0, link::proposals)),
    ("proposals from B", Link(1, link::proposals)),
    ("below what B has signed", Link(0, link::below_what_is_out)),
    ("below what A has signed", Link(1, link::below_what_is_out)),
    ("B is paid and pays", Link(0, link::paid_and_pays)),
    ("A is paid and pays", Link(1, link::paid_and_pays)),
    ("closes", Link(0, link::closes)),
    ("a Close too early", Link(0, link::close_too_early)),
    ("asked for the end too early", Link(1, link::asked_too_early)),
    ("A in a dispute", Link(1, link::disputed)),
    ("B in a dispute", Link(0, link::disputed)),
    ("blind", Link(0, link::blind)),
    ("an old state of A", Link(0, link::old_state)),
    ("an old state of B", Link(1, link::old_state)),
    ("questions", Hub(over_hub::questions)),
    ("openings", Hub(over_hub::openings)),
    ("an early pre-signature", Hub(over_hub::early_presignature)),
    ("one lock", Hub(over_hub::one_lock)),
    ("a late lock", Hub(over_hub::late_lock)),
    ("given up", Hub(over_hub::given_up)),
    ("given up in the middle", Hub(over_hub::given_up_in_the_middle)),
    ("a disputed link", Hub(over_hub::disputed_link)),
    ("a lock beside a dispute", Hub(over_hub::lock_beside_a_dispute)),
    ("not firm", Hub(over_hub::not_firm)),
    ("in use", Hub(over_hub::in_use)),
    ("one-sided", Hub(over_hub::one_sided)),
    ("a late certificate", Hub(over_hub::late_certificate)),
    ("a late certificate in a dispute", Hub(over_hub::late_certificate_in_a_dispute)),
    ("an incomplete certificate", Hub(over_hub::incomplete_certificate)),
    ("a young record", Hub(over_hub::young_record)),
    ("left alone", Hub(over_hub::left_alone)),
    ("removed too late", Hub(over_hub::removed_too_late)),
    ("removed behind the dispute", Hub(over_hub::removed_behind_the_dispute)),
    ("receipts", Hub(over_hub::receipts)),
    ("two locks", Hub(over_hub::two_locks)),
    ("a Close over locks", Hub(over_hub::close_over_locks)),
    ("an old record", End(far::old_record)),
    ("left with an item", End(far::left_with_an_item)),
    ("an old record against an item", End(far::old_record_against_an_item)),
    ("an end left alone", End(far::left_alone)),
    ("a late item", End(far::late_item)),
    ("a blind end", End(far::blind)),
    ("a vanished opening", End(far::vanished_opening)),
    ("a Final too early", End(far::final_too_early)),
    ("behind the Final", End(far::behind_the_final)),
    ("creation", End(far::creation)),
    ("wrong steps of A", Game(0, games::wrong_steps)),
    ("wrong steps of B", Game(1, games::wrong_steps)),
    ("a storage that grows", Game(0, games::growing)),
    ("a step dated back", Game(0, games::dated_back)),
    ("own steps of A", Game(1, games::own_steps)),
    ("own steps of B", Game(0, games::own_steps)),
    ("another result", Game(1, games::another_result)),
    ("A out of turn", Game(1, games::out_of_turn)),
    ("B out of turn", Game(0, games::out_of_turn)),
    ("closings of A", Game(0, games::closings)),
    ("closings of B", Game(1, games::closings)),
    ("a closing of A at an old version", Game(0, games::closing_at_an_old_version)),
    ("a closing of B at an old version", Game(1, games::closing_at_an_old_version)),
    ("a step into the closing", Game(1, games::step_into_the_closing)),
    ("offers", Game(0, games::offers)),
    ("A ends with a game", Game(1, games::with_a_game)),
    ("B ends with a game", Game(0, games::with_a_game)),
    ("a forced move of A", Game(1, games::forced_move)),
    ("a forced move of B", Game(0, games::forced_move)),
    ("an old version against A", Game(1, games::old_version)),
    ("an old version against B", Game(0, games::old_version)),
    ("A is answered too late", Link(1, link::answered_too_late)),
    ("B is answered too late", Link(0, link::answered_too_late)),
    ("a deposit that is not final", Start(early::deposit)),
    ("an answer to nothing", Link(1, link::answer_to_nothing)),
    ("renewals", Hub(over_hub::renewals)),
    ("a renewal too late", Hub(over_hub::renewal_too_late)),
    ("A is handed less", Game(1, games::handed_less)),
    ("B is handed less", Game(0, games::handed_less)),
    ("a Final with a game", Long(far::final_with_a_game)),
    ("a late game", End(far::late_game)),
    ("A moves what the other registers", Game(1, games::registered_by_the_other)),
    ("B moves what the other registers", Game(0, games::registered_by_the_other)),
    ("a game closed behind the dispute", Long(far::closed_behind_the_dispute)),
    ("a silent payee", Link(1, link::silent_payee)),
    ("counts of A", Link(0, deposits::counts)),
    ("counts of B", Link(1, deposits::counts)),
    ("withdrawals of A", Link(0, deposits::withdraws)),
    ("withdrawals of B", Link(1, deposits::withdraws)),
    ("A withdraws", Link(1, deposits::withdrawal_of_the_other)),
    ("B withdraws", Link(0, deposits::withdrawal_of_the_other)),
    ("B lets A pay", Start(early::generous)),
    ("second thoughts", Start(early::second_thoughts)),
    ("agreed too late", Link(1, deposits::agreed_too_late)),
];

/// Whether this seed is a probe, and the number of it.
pub(crate) fn of_seed(seed: u64) -> Option<u64> {
    (seed % EVERY == TURN).then_some(seed / EVERY)
}

/// A seed for each probe.
pub fn probe_seeds() -> Vec<u64> {
    (0..PROBES.len() as u64).map(|number| number * EVERY + TURN).collect()
}

/// What a probe is told of.
#[derive(Clone, Copy)]
struct Setting<'a> {
    seed: u64,
    options: &'a Options,
}

impl Setting<'_> {
    fn world(&self, names: &[&str], policy: &Policy) -> World {
        let adjudicator = self.options.adjudicator.clone();
        let mut world = World::on_chain(self.seed, names, policy, GAS_LIMIT, adjudicator);
        world.tracing = self.options.trace;
        world
    }
}

/// What is told of a seed that is a probe, and its trace.
pub(crate) fn tell(seed: u64, number: u64, options: &Options) -> (Result<Totals, Failure>, Vec<String>) {
    let (name, probe) = PROBES[usize::try_from(number).unwrap_or_default() % PROBES.len()];
    let setting = Setting { seed, options };
    let told = catch_unwind(AssertUnwindSafe(|| judged(setting, probe)));
    told.map_or_else(
        |panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned())).unwrap_or_default();
            let faults = vec![format!("panic in the probe \"{name}\": {text}")];
            (Err(Failure { seed, faults, ..Failure::default() }), Vec::new())
        },
        |(told, mut trace)| {
            trace.insert(0, format!("a probe: {name}"));
            (told, trace)
        },
    )
}

fn judged(setting: Setting<'_>, probe: Probe) -> (Result<Totals, Failure>, Vec<String>) {
    let (mut world, faults) = play(setting, probe);
    world.drain();
    let found = world.audit_end().faults;
    // What the auditor says comes first: what the probe expected is only the shorter way to notice it.
    let faults: Vec<String> = found.into_iter().chain(faults).collect();
    if faults.is_empty() {
        return (Ok(Totals { stories: 1, ..world.tally.clone() }), world.trace);
    }
    let tail = world.trace[world.trace.len().saturating_sub(TAIL)..].to_vec();
    let failure = Failure { seed: setting.seed, time_ms: world.now_ms, faults, tail };
    (Err(failure), world.trace)
}

fn play(setting: Setting<'_>, probe: Probe) -> (World, Vec<String>) {
    match probe {
        Link(corrupt, act) => at_a_link(Scene::link(setting, corrupt), act),
        Game(corrupt, act) => at_a_link(Scene::open(setting, corrupt), act),
        Start(act) => act(setting),
        End(act) => at_the_end(Far::new(setting), act),
        Long(act) => at_the_end(Far::long(setting), act),
        Hub(act) => {
            let mut scene = Between::new(setting);
            act(&mut scene);
            (scene.world, scene.faults)
        }
    }
}

fn at_a_link(mut scene: Scene, act: fn(&mut Scene)) -> (World, Vec<String>) {
    act(&mut scene);
    (scene.world, scene.faults)
}

fn at_the_end(mut scene: Far, act: fn(&mut Far)) -> (World, Vec<String>) {
    act(&mut scene);
    (scene.world, scene.faults)
}
