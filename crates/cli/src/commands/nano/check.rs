//! `perunika nano check`

use super::file::{Code, named};
use crate::exit::{Error, Result};
use crate::output::Output;
use crate::units::{self, Amount, Wei};
use perunika_nano::report::{Bounds, Report};
use serde_json::json;

/// Say whether nodes would run some code, and what it costs those who have to enforce it. Needs no node.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// An artifact (JSON with `deployedBytecode`), a file with runtime bytecode in hexadecimal, or the name of one that comes along.
    #[arg(value_name = "FILE")]
    code: String,
    /// Gas bound of one step; that of the named one, else 100000.
    #[arg(long, value_name = "GAS")]
    gas: Option<u32>,
    /// Most forced steps.
    #[arg(long, value_name = "NUMBER", default_value_t = 9)]
    steps: u16,
    /// Bytes that its storage may have.
    #[arg(long, value_name = "BYTES", default_value_t = 256)]
    storage: usize,
    /// Bytes that an input may have.
    #[arg(long, value_name = "BYTES", default_value_t = 96)]
    input: usize,
    /// Price of gas for which the smallest worthwhile stake is given.
    #[arg(long, value_name = "AMOUNT", default_value = "1gwei", value_parser = units::amount)]
    gas_price: Wei,
}

/// Prints the report; an error if nodes would not run the code.
pub(crate) fn run(args: &Args, output: Output) -> Result<()> {
    let code = named(&args.code)?;
    let known = match &code {
        Code::App(app) => Some(app.gas()),
        Code::Own(_) => None,
    };
    let gas = args.gas.or(known).unwrap_or(100_000);
    let bounds = Bounds { gas, k_max: args.steps, storage: args.storage, input: args.input };
    let report = Report::new(code.bytes(), bounds);
    let smallest = report.smallest_stake(args.gas_price);
    let refusal = report.refusal.as_ref().map(ToString::to_string);
    let shown = json!({
        "code_hash": report.code_hash,
        "bytes": report.bytes,
        "admitted": refusal.is_none(),
        "refusal": refusal,
        "enforceable": report.is_enforceable(),
        "gas": {
            "deployment": report.deployment,
            "registration": report.registration,
            "step": report.step,
            "step_limit": report.step_limit,
            "longest_dispute": report.dispute(),
        },
        "steps": args.steps,
        "smallest_stake_wei": smallest.to_string(),
        "gas_price_wei": args.gas_price.to_string(),
    });
    output.result(&shown, || {
        format!("{report}\nsmallest stake {} at {} a gas", Amount(smallest), Amount(args.gas_price))
    });
    match refusal {
        Some(refusal) => Err(Error::user(format!("nodes refuse this code: {refusal}"))),
        None if !report.is_enforceable() => Err(Error::user("a step of this size cannot be forced on the chain")),
        None => Ok(()),
    }
}
