//! `perunika-sim search`.

use super::{Bounds, Broken, Found, HubBounds, HubStage, Stage, Totals, ledger, virtual_channel};
use perunika_core::params::Side;
use std::process::ExitCode;
use std::time::Instant;

const USAGE: &str = "perunika-sim search [--model ledger|virtual] [--stage NAME] [--steps N] [--versions N] [--idle N] \
[--units N] [--limit N]";

/// What was asked for.
#[derive(Clone, Debug, Default)]
struct Wish {
    model: Option<String>,
    stage: Option<String>,
    steps: Option<usize>,
    versions: u64,
    idle: u16,
    units: u16,
    limit: usize,
}

/// Runs the searches that the arguments name; fails if one finds something or does not come to its end.
pub fn command(args: &[String]) -> ExitCode {
    let wish = match read(args) {
        Ok(wish) => wish,
        Err(reason) => {
            eprintln!("{reason}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let (mut good, mut states, begun) = (true, 0, Instant::now());
    for (name, search) in searches(&wish) {
        let since = Instant::now();
        match search() {
            Ok(totals) => {
                good &= totals.complete;
                states += totals.states;
                println!("{name:<32} {}", line(&totals, since));
            }
            Err(found) => {
                good = false;
                print(&name, &found);
            }
        }
    }
    println!("{states} states in {:.1} s", begun.elapsed().as_secs_f64());
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn read(args: &[String]) -> Result<Wish, String> {
    let mut wish = Wish { versions: 4, idle: 1, units: 7, limit: 2_000_000, ..Wish::default() };
    let mut args = args.iter();
    while let Some(name) = args.next() {
        let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
        let bad = |_| format!("{name} needs a number");
        match name.as_str() {
            "--model" => wish.model = Some(value.clone()),
            "--stage" => wish.stage = Some(value.to_lowercase()),
            "--steps" => wish.steps = Some(value.parse().map_err(bad)?),
            "--versions" => wish.versions = value.parse().map_err(bad)?,
            "--idle" => wish.idle = value.parse().map_err(bad)?,
            "--units" => wish.units = value.parse().map_err(bad)?,
            "--limit" => wish.limit = value.parse().map_err(bad)?,
            _ => return Err(format!("there is no argument {name}")),
        }
    }
    Ok(wish)
}

type Search = Box<dyn Fn() -> Result<Totals, Box<Found>>>;

fn searches(wish: &Wish) -> Vec<(String, Search)> {
    let wanted = |model: &str, stage: String| {
        wish.model.as_ref().is_none_or(|m| m == model) && wish.stage.as_ref().is_none_or(|s| *s == stage.to_lowercase())
    };
    let Wish { versions, idle, units, limit, .. } = *wish;
    let mut all: Vec<(String, Search)> = Vec::new();
    for stage in Stage::ALL.into_iter().filter(|stage| wanted("ledger", format!("{stage:?}"))) {
        for honest in [Side::A, Side::B] {
            let steps = wish.steps.unwrap_or(stage.usual_steps());
            let broken = Broken::Nothing;
            let bounds = Bounds { honest, stage, versions, nanos: 2, idle, units, steps, limit, broken };
            all.push((format!("ledger {stage:?}, {honest:?} honest, {steps} steps"), Box::new(move || ledger(bounds))));
        }
    }
    for stage in HubStage::ALL.into_iter().filter(|stage| wanted("virtual", format!("{stage:?}"))) {
        let steps = wish.steps.unwrap_or(stage.usual_steps());
        let bounds = HubBounds { stage, versions, units: units + 2, steps, limit };
        all.push((format!("virtual {stage:?}, {steps} steps"), Box::new(move || virtual_channel(bounds))));
    }
    all
}

fn line(totals: &Totals, since: Instant) -> String {
    let Totals { states, moves, ignored, depth, minds, chains, ends, complete, .. } = *totals;
    let cut = if complete { "" } else { ", NOT COMPLETE" };
    format!(
        "{states} states, {moves} moves, {ignored} messages without effect, depth {depth}, {minds} of the participant, \
         {chains} of the chain, {ends} ends, {:.1} s{cut}",
        since.elapsed().as_secs_f64()
    )
}

fn print(name: &str, found: &Found) {
    println!("{name}: {}", found.fault);
    for (index, step) in found.path.iter().enumerate() {
        println!("{index:>4}  {step}");
    }
}
