//! The whole story on one machine, with real processes.

mod process;
mod report;
