//! The story told again and again while nodes are killed (SIGKILL) and started again, at moments that a seed draws.
//!
//! A moment is a part of the story, how far into it, and a victim. How long each part takes is measured first, in stories
//! without kills. The seed fixes the moments, not how the machine interleaves the processes.

use super::goods::mix;
use super::house::{House, Resident};
use super::phase::Phase;
use super::report::Report;
use super::{Args, story};
use crate::exit::{Error, Result};
use crate::output::Output;
use serde_json::json;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::time::{Duration, Instant};

const COOPERATIVE: [Phase; 5] =
    [Phase::Opening, Phase::OpeningVirtual, Phase::Paying, Phase::ClosingVirtual, Phase::Closing];
const DISPUTED: [Phase; 6] =
    [Phase::Opening, Phase::OpeningVirtual, Phase::Paying, Phase::Dispute, Phase::ClosingVirtual, Phase::Closing];
/// A node answers again after about so long.
const RECOVERY_MS: u64 = 400;
/// Inside of the stories nobody talks.
const QUIET: Output = Output { json: true, progress: false };

/// What happens at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blow {
    /// The victim is killed.
    Once,
    /// It is killed again while it recovers, so many milliseconds later.
    Twice(u64),
    /// Everybody is killed at once.
    All,
}

/// When, who and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment {
    phase: Phase,
    /// How far into the phase, in thousandths of its usual length.
    per_mille: u64,
    /// Index of the victim among the residents; the one after them is the embedded chain.
    victim: usize,
    blow: Blow,
}

/// What a seed draws: one story.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Plan {
    dispute: bool,
    moments: Vec<Moment>,
}

/// How long each part of the story takes if nobody dies, by whether there is a dispute.
type Lengths = BTreeMap<(bool, Phase), Duration>;

impl Plan {
    /// A story with one moment in each of its parts; every other one has a dispute.
    fn draw(seed: u64) -> Self {
        let dispute = !seed.is_multiple_of(2);
        let phases: &[Phase] = if dispute { &DISPUTED } else { &COOPERATIVE };
        let draw = |index: usize| mix(mix(seed).wrapping_add(index as u64));
        let moment = |(index, phase): (usize, &Phase)| Moment {
            phase: *phase,
            per_mille: draw(2 * index) % 1_000,
            victim: (draw(2 * index + 1) % 4) as usize,
            blow: match draw(2 * index + 1) / 4 % 6 {
                0 => Blow::All,
                1 => Blow::Twice(draw(2 * index) / 1_000 % RECOVERY_MS),
                _ => Blow::Once,
            },
        };
        Self { dispute, moments: phases.iter().enumerate().map(moment).collect() }
    }

    fn calm(dispute: bool) -> Self {
        Self { dispute, moments: Vec::new() }
    }
}

/// Tells as many stories as it takes for so many moments.
pub(crate) async fn run(args: &Args, moments: u64, dir: &Path, output: Output) -> Result<()> {
    let start = Instant::now();
    let first = args.seed.unwrap_or_else(|| u64::from(std::process::id()));
    output.say(&format!("seed {first}: {moments} moments"));
    let mut lengths = Lengths::new();
    for dispute in [false, true] {
        let dir = dir.join(if dispute { "calm-dispute" } else { "calm" });
        let measured = told(args, &Plan::calm(dispute), &dir, &Lengths::new(), QUIET).await?.1;
        lengths.extend(measured.into_iter().map(|(phase, length)| ((dispute, phase), length)));
    }
    let (mut done, mut seed) = (0, first);
    while done < moments {
        let mut plan = Plan::draw(seed);
        plan.moments.truncate(usize::try_from(moments - done).unwrap_or(usize::MAX));
        let dir = dir.join(format!("story-{seed}"));
        output.say(&format!("story {seed}{}", if plan.dispute { ", with a dispute" } else { "" }));
        let began = Instant::now();
        let (report, _) = told(args, &plan, &dir, &lengths, output).await.map_err(|error| {
            let again = format!("perunika quickstart --torture {} --seed {seed}", plan.moments.len());
            error.while_doing(format!("story {seed} (`{again}` tells it again)"))
        })?;
        let (gas, seconds) = (report.gas(), began.elapsed().as_secs_f64());
        output.say(&format!("  fine, {} payments, {gas} gas, {seconds:.1} s", report.payments));
        // Nobody looks at what went well.
        let _ = std::fs::remove_dir_all(&dir);
        done += plan.moments.len() as u64;
        seed = seed.wrapping_add(1);
    }
    let stories = seed.wrapping_sub(first);
    let seconds = start.elapsed().as_secs_f64();
    let report = json!({ "seed": first, "moments": done, "stories": stories, "seconds": seconds });
    output.result(&report, || {
        format!(
            "{done} moments in {stories} stories, {seconds:.0} s; every time not a wei was lost and the file was right"
        )
    });
    Ok(())
}

/// One story, and how long its parts took.
async fn told(
    args: &Args,
    plan: &Plan,
    dir: &Path,
    lengths: &Lengths,
    output: Output,
) -> Result<(Report, BTreeMap<Phase, Duration>)> {
    let args = Args { dispute: plan.dispute, ..args.clone() };
    let house = House::new(dir.to_owned(), QUIET, true)?;
    let mut measured = BTreeMap::new();
    let told = tokio::select! {
        told = Box::pin(story::tell(&args, &house)) => told,
        never = kill(&house, plan, lengths, output) => match never? {},
        () = measure(&house, &mut measured) => Err(Error::other("the story has no end")),
    };
    let report = told.inspect_err(|_| eprint!("{}", house.log_tails()))?;
    match report.broken_promises().first() {
        None => Ok((report, measured)),
        Some(sentence) => Err(Error::other(format!("{sentence}: {}", report.to_json()))),
    }
}

/// Carries the plan out; a part that is over before its moment has come is hit at its end.
async fn kill(house: &House, plan: &Plan, lengths: &Lengths, output: Output) -> Result<Infallible> {
    let mut phases = house.phases();
    let gone = |_| Error::other("the story is gone");
    for moment in &plan.moments {
        phases.wait_for(|phase| *phase >= moment.phase).await.map_err(gone)?;
        let length = lengths.get(&(plan.dispute, moment.phase)).copied().unwrap_or_default();
        let delay = length.mul_f64(moment.per_mille as f64 / 1_000.0);
        let over = phases.wait_for(|phase| *phase > moment.phase);
        let early = tokio::time::timeout(delay, over).await.is_ok();
        // Whom the story itself has switched off is not killed.
        let victims = house.residents();
        let chosen = victims.get(moment.victim);
        let victim = chosen.filter(|chosen| chosen.is_up()).copied().unwrap_or(&house.bob);
        let when = if early { "at the end of".to_owned() } else { format!("{} ms into", delay.as_millis()) };
        let when = format!("{when} {}", moment.phase.name());
        // In the dispute, which may begin any moment after a payment, the story itself talks to the chain.
        let spared = plan.dispute && matches!(moment.phase, Phase::Paying | Phase::Dispute);
        if chosen.is_none() && !spared && house.kill_chain().await? {
            output.say(&format!("  the chain is killed {when}"));
            continue;
        }
        match moment.blow {
            Blow::Once => output.say(&format!("  {} is killed {when}", victim.name)),
            Blow::Twice(ms) => {
                output.say(&format!("  {} is killed {when}, and again {ms} ms later", victim.name));
                victim.start()?;
                tokio::time::sleep(Duration::from_millis(ms)).await;
            }
            Blow::All => {
                output.say(&format!("  everybody is killed {when}"));
                victims
                    .into_iter()
                    .filter(|other| other.is_up() && other.name != victim.name)
                    .try_for_each(Resident::start)?;
            }
        }
        if victim.is_up() {
            victim.start()?;
        }
    }
    std::future::pending().await
}

/// Notes how long each part takes.
async fn measure(house: &House, lengths: &mut BTreeMap<Phase, Duration>) {
    let mut phases = house.phases();
    let (mut phase, mut since) = (*phases.borrow_and_update(), Instant::now());
    while phases.changed().await.is_ok() {
        lengths.insert(phase, since.elapsed());
        (phase, since) = (*phases.borrow_and_update(), Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_story_every_time_and_hits_every_part_of_it() {
        assert_eq!(Plan::draw(7), Plan::draw(7));
        assert_ne!(Plan::draw(7), Plan::draw(9));
        let phases = |seed| Plan::draw(seed).moments.iter().map(|moment| moment.phase).collect::<Vec<_>>();
        assert_eq!(phases(6), COOPERATIVE);
        assert_eq!(phases(7), DISPUTED);
    }

    #[test]
    fn nobody_is_spared() {
        let victims: std::collections::BTreeSet<_> =
            (0..80).flat_map(|seed| Plan::draw(seed).moments).map(|moment| (moment.phase, moment.victim)).collect();
        assert_eq!(victims.len(), 4 * DISPUTED.len());
        let blows: Vec<Blow> = (0..20).flat_map(|seed| Plan::draw(seed).moments).map(|moment| moment.blow).collect();
        assert!(blows.contains(&Blow::All) && blows.iter().any(|blow| matches!(blow, Blow::Twice(_))), "{blows:?}");
    }
}
