//! The report for people.

use super::report::{ADJUDICATOR, Report};
use crate::table::Table;
use crate::units::{self, Amount, Size};
use std::fmt::Write;

/// Who had what, what it cost, and whether it adds up.
pub(crate) fn report(report: &Report) -> String {
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = writeln!(text, "\n{}", balances(report));
    let _ = writeln!(text, "{}", transactions(report));
    let _ = writeln!(text, "{}", figures(report));
    let broken = report.broken_promises();
    if broken.is_empty() {
        let _ =
            writeln!(text, "Every wei is accounted for, the contract is empty, and the hub gained exactly its fee.");
    }
    for sentence in broken {
        let _ = writeln!(text, "BROKEN: {sentence}");
    }
    text
}

fn balances(report: &Report) -> String {
    let mut table = Table::new(["account", ">before (ETH)", ">after (ETH)", ">gas (ETH)", ">gain, gas apart (ETH)"]);
    for (name, before) in &report.before {
        let after = report.after.get(name).map(|wei| units::eth(*wei)).unwrap_or_default();
        let gain = report.gain(name).map(units::signed_eth).unwrap_or_default();
        let gas = units::eth(report.gas_paid_by(name));
        table.row([name.clone(), units::eth(*before), after, gas, gain]);
    }
    table.to_string()
}

fn transactions(report: &Report) -> String {
    let mut table = Table::new(["transaction", "sent by", ">gas"]);
    for tx in &report.transactions {
        table.row([tx.name.clone(), tx.sender.clone(), tx.gas.to_string()]);
    }
    table.row(["sum", "", &report.gas().to_string()]);
    table.to_string()
}

fn figures(report: &Report) -> String {
    let seconds = report.transfer_seconds.max(f64::MIN_POSITIVE);
    let per_second = report.payments as f64 / seconds;
    let megabytes = report.bytes as f64 / 1e6 / seconds;
    let hub = &report.hub;
    let gain = report.gain(hub).map(units::signed_eth).unwrap_or_default();
    let mut table = Table::new(["", ""]);
    let held = report.after.get(ADJUDICATOR).copied().unwrap_or_default();
    table
        .row(["payments", &format!("{} ({per_second:.0} a second)", report.payments)])
        .row([&format!("while {hub} was dead"), &report.payments_hub_down.to_string()])
        .row(["price of the file", &Amount(report.spent).to_string()])
        .row([&format!("{hub} earned"), &format!("{gain} ETH (promised: {})", Amount(report.hub_fee))])
        .row(["gas a payment", &format!("{:.1} (deployment apart)", report.gas_per_payment())])
        .row(["left in the contract", &Amount(held).to_string()])
        .row(["file", &format!("{}, {megabytes:.1} MB/s", Size(report.bytes))])
        .row(["sha-256", &format!("{} ({})", report.checksum, if report.checksum_ok { "same" } else { "DIFFERENT" })])
        .row(["time", &format!("{:.1} s", report.seconds)]);
    if let (Some(dispute), Some(gas)) = (&report.dispute, report.dispute_gas()) {
        let who = format!("{}, the old state of {}; {gas} gas", dispute.refuted_by, report.payer);
        table.row(["refuted by", &who]);
    }
    table.to_string().trim_start_matches('\n').to_owned()
}
