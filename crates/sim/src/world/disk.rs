//! The disks: what a step writes is durable before its outputs leave, in the order of the steps, as the production engine does it.
//!
//! A slow disk has several commits under way; inputs are handled meanwhile, up to a bound, and wait behind it. What is not durable
//! when a node goes down is lost, with its outputs.

use super::{CrashPoint, Happening, Tap, World};
use perunika_core::io::{Input, Sealed, Step, Write};
use std::collections::VecDeque;

/// Commits under way at most, as in the production engine.
const FLIGHTS_MAX: usize = 4;

/// A commit under way.
pub(super) struct Flight {
    taps: Vec<Tap>,
    writes: Vec<Write>,
    sealed: Sealed,
    /// Number of signatures that the step made.
    signed: usize,
}

/// Inputs with what is to be noted once they are durable, and commits under way.
#[derive(Default)]
pub(super) struct Desk {
    flights: VecDeque<Flight>,
    waiting: VecDeque<(Option<Tap>, Input)>,
    /// When the last commit under way lands, ms.
    free_ms: u64,
    /// Number of starts: what was under way before belongs to nobody.
    boots: u64,
}

impl Desk {
    /// Inputs wait behind a slow disk, and a new head may be among them.
    pub(super) fn is_behind(&self) -> bool {
        !self.waiting.is_empty()
    }
}

impl World {
    /// Hands an input to a node, behind those that wait; `tap` is noted when its effect is durable.
    pub(super) fn input_noted(&mut self, node: usize, tap: Option<Tap>, input: Input) {
        if self.nodes[node].desk.flights.len() >= FLIGHTS_MAX {
            self.nodes[node].desk.waiting.push_back((tap, input));
            return;
        }
        let env = self.env();
        let until_now = self.notebook.count();
        let Some(participant) = &mut self.nodes[node].participant else { return };
        let step = participant.handle(input, env);
        let tap = match tap {
            Some(Tap::Shown { node, head, .. }) => Some(Tap::Shown { node, head, signed: until_now }),
            other => other,
        };
        self.take(node, tap, step);
    }

    pub(super) fn take(&mut self, node: usize, tap: Option<Tap>, step: Step) {
        let signed = self.signed_now(node);
        let this = &mut self.nodes[node];
        let writes = !step.writes().is_empty();
        this.commits += u64::from(writes);
        let crash = this.crash_at.filter(|(at, _)| *at == this.commits && writes).map(|(_, point)| point);
        if crash.is_some() {
            this.crash_at = None;
        }
        match crash {
            // A write that fails stops the production node for good, so that both are the same to everybody else.
            Some(CrashPoint::BeforeCommit | CrashPoint::DiskFails) => {
                if let Some(tap) = tap {
                    self.tap(tap);
                    self.tap(Tap::Lost { node });
                }
                return self.crash(node);
            }
            Some(CrashPoint::AfterCommit) => {
                self.land_all(node);
                let (writes, _lost) = step.split();
                self.write(node, writes, signed);
                tap.into_iter().for_each(|tap| self.tap(tap));
                return self.crash(node);
            }
            None => {}
        }
        if this.disk_ms == 0 && this.desk.flights.is_empty() {
            let (writes, sealed) = step.split();
            return self.release(node, Flight { taps: tap.into_iter().collect(), writes, sealed, signed });
        }
        self.fly(node, tap, step, signed);
    }

    /// How much the step at hand signed: what is open besides the commits under way.
    fn signed_now(&self, node: usize) -> usize {
        let under_way: usize = self.nodes[node].desk.flights.iter().map(|flight| flight.signed).sum();
        self.notebook.open(self.nodes[node].key).saturating_sub(under_way)
    }

    fn fly(&mut self, node: usize, tap: Option<Tap>, step: Step, signed: usize) {
        let slowest = self.nodes[node].disk_ms;
        let delay = if step.writes().is_empty() { 0 } else { self.rng.between(slowest / 4, slowest) };
        let desk = &mut self.nodes[node].desk;
        desk.free_ms = desk.free_ms.max(self.now_ms) + delay;
        let (writes, sealed) = step.split();
        desk.flights.push_back(Flight { taps: tap.into_iter().collect(), writes, sealed, signed });
        let (wait, boot) = (desk.free_ms - self.now_ms, desk.boots);
        self.at(wait, Happening::Landed { node, boot });
    }

    /// The oldest commit under way is durable.
    pub(super) fn landed(&mut self, node: usize, boot: u64) {
        if self.nodes[node].desk.boots != boot {
            return;
        }
        if let Some(flight) = self.nodes[node].desk.flights.pop_front() {
            self.release(node, flight);
        }
        while self.nodes[node].desk.boots == boot && self.nodes[node].desk.flights.len() < FLIGHTS_MAX {
            let Some((tap, input)) = self.nodes[node].desk.waiting.pop_front() else { break };
            self.input_noted(node, tap, input);
        }
    }

    fn release(&mut self, node: usize, flight: Flight) {
        self.write(node, flight.writes, flight.signed);
        flight.taps.into_iter().for_each(|tap| self.tap(tap));
        for output in flight.sealed.release_after_durable_write() {
            self.output(node, output);
        }
    }

    /// Everything under way becomes durable; its outputs are lost with the crash that follows.
    fn land_all(&mut self, node: usize) {
        for flight in std::mem::take(&mut self.nodes[node].desk.flights) {
            self.write(node, flight.writes, flight.signed);
            flight.taps.into_iter().for_each(|tap| self.tap(tap));
        }
    }

    fn write(&mut self, node: usize, writes: Vec<Write>, signed: usize) {
        self.notebook.seal(self.nodes[node].key, signed);
        self.strings.read(node, &writes);
        let disk = &mut self.nodes[node].disk;
        for write in writes {
            match write.value {
                Some(value) => drop(disk.insert(write.key, value)),
                None => drop(disk.remove(&write.key)),
            }
        }
    }

    /// Whatever was under way or waited is gone.
    pub(super) fn clear_desk(&mut self, node: usize) {
        self.notebook.lose(self.nodes[node].key);
        let boots = self.nodes[node].desk.boots + 1;
        self.nodes[node].desk = Desk { boots, ..Desk::default() };
    }

    /// Keeps a copy of a node's disk.
    pub fn back_up(&mut self, node: usize) {
        let copy = self.nodes[node].disk.clone();
        self.nodes[node].backup = Some(copy);
    }

    /// Starts a node from the old copy of its disk. From now on its own money is its own fault (docs/operations.md forbids it):
    /// it counts as corrupt, though it runs honest code. True if there was a copy.
    pub fn restore_backup(&mut self, node: usize) -> bool {
        let Some(copy) = self.nodes[node].backup.take() else { return false };
        self.stop(node);
        let this = &mut self.nodes[node];
        (this.disk, this.restored, this.honest) = (copy, true, false);
        self.restart(node);
        true
    }
}
