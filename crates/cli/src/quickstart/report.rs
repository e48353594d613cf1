//! The arithmetic of the story: who had what, who paid what, and whether it adds up.

use super::dispute::Dispute;
use crate::units::Wei;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Name under which the contract stands among the accounts.
pub(crate) const ADJUDICATOR: &str = "adjudicator";

/// A dispute of a virtual channel is registered, refuted and concluded.
const DISPUTE_TRANSACTIONS: usize = 3;

/// Balances in wei by name of the account.
pub(crate) type Balances = BTreeMap<String, Wei>;

/// One transaction, as its receipt has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transaction {
    /// What it did: `deploy`, `open`, …
    pub(crate) name: String,
    /// Name of the account that sent it.
    pub(crate) sender: String,
    /// Gas used.
    pub(crate) gas: u64,
    /// Wei paid per unit of gas.
    pub(crate) gas_price: Wei,
    /// Whether it did what it was sent for.
    pub(crate) succeeded: bool,
}

/// For programs.
pub(crate) fn balances(all: &Balances) -> Map<String, Value> {
    all.iter().map(|(name, wei)| (name.clone(), Value::from(wei.to_string()))).collect()
}

impl Transaction {
    /// For programs.
    pub(crate) fn to_json(&self) -> Value {
        let price = self.gas_price.to_string();
        json!({ "name": self.name, "from": self.sender, "gas": self.gas, "gas_price_wei": price, "ok": self.succeeded })
    }

    /// Wei paid for it.
    pub(crate) fn cost(&self) -> Wei {
        Wei::from(self.gas) * self.gas_price
    }
}

/// Everything that was measured.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// All accounts of the story before its first transaction.
    pub(crate) before: Balances,
    /// The same after its last one.
    pub(crate) after: Balances,
    /// All transactions of these accounts in between, in the order of the chain.
    pub(crate) transactions: Vec<Transaction>,
    /// Name of the hub's account.
    pub(crate) hub: String,
    /// What the hub was promised.
    pub(crate) hub_fee: Wei,
    /// Name of the buyer's account.
    pub(crate) payer: String,
    /// Name of the seller's account.
    pub(crate) payee: String,
    /// What the file cost.
    pub(crate) spent: Wei,
    /// Payments from end to end.
    pub(crate) payments: u64,
    /// How many of them happened while the hub's process was dead.
    pub(crate) payments_hub_down: u64,
    /// The dispute, if there was one.
    pub(crate) dispute: Option<Dispute>,
    /// Nodes were killed all the time: some things may take more transactions, and the hub has no death of its own.
    pub(crate) restless: bool,
    /// Size of the file.
    pub(crate) bytes: u64,
    /// Checksum of the file at the seller.
    pub(crate) checksum: String,
    /// Whether the buyer's copy has the same one.
    pub(crate) checksum_ok: bool,
    /// Wall time of the transfer.
    pub(crate) transfer_seconds: f64,
    /// Wall time of everything.
    pub(crate) seconds: f64,
}

impl Report {
    /// Fees paid to the chain by all accounts.
    pub(crate) fn gas_paid(&self) -> Wei {
        self.transactions.iter().map(Transaction::cost).sum()
    }

    /// Fees paid to the chain by one account.
    pub(crate) fn gas_paid_by(&self, account: &str) -> Wei {
        self.transactions.iter().filter(|tx| tx.sender == account).map(Transaction::cost).sum()
    }

    /// Payouts less deposits of an account, gas apart.
    pub(crate) fn gain(&self, account: &str) -> Option<i128> {
        let before = self.before.get(account)?;
        let after = self.after.get(account)?.checked_add(self.gas_paid_by(account))?;
        i128::try_from(after).ok()?.checked_sub(i128::try_from(*before).ok()?)
    }

    /// Not a wei came or went, but for gas, and the contract holds nothing.
    pub(crate) fn conserved(&self) -> bool {
        let sum = |balances: &Balances| balances.values().try_fold(0 as Wei, |sum, wei| sum.checked_add(*wei));
        let with_gas = sum(&self.after).and_then(|sum| sum.checked_add(self.gas_paid()));
        let same_accounts = self.before.keys().eq(self.after.keys());
        same_accounts && with_gas.is_some() && with_gas == sum(&self.before) && self.adjudicator_empty()
    }

    fn adjudicator_empty(&self) -> bool {
        self.after.get(ADJUDICATOR) == Some(&0)
    }

    fn gain_is(&self, account: &str, expected: Option<i128>) -> bool {
        expected.is_some() && self.gain(account) == expected
    }

    /// Everything that is not as promised, one sentence each.
    pub(crate) fn broken_promises(&self) -> Vec<String> {
        let fee = i128::try_from(self.hub_fee).ok();
        let spent = i128::try_from(self.spent).ok();
        let paid = spent.zip(fee).map(|(spent, fee)| -spent - fee);
        let failed = self.transactions.iter().filter(|tx| !tx.succeeded).count();
        let without_hub = self.restless || self.payments_hub_down * 2 >= self.payments;
        let most = if self.dispute.is_some() { 8 + DISPUTE_TRANSACTIONS } else { 8 };
        let few = self.restless || self.transactions.len() <= most;
        let refuted = self.dispute.as_ref().is_none_or(|dispute| dispute.refuted_by == self.payee);
        let promises = [
            (self.adjudicator_empty(), "the contract still holds money"),
            (self.conserved(), "balances and gas do not add up"),
            (self.hub_fee > 0, "the hub works for nothing"),
            (self.gain_is(&self.hub, fee), "the hub's gain is not its fee"),
            (self.gain_is(&self.payee, spent), "the seller's gain is not the price"),
            (self.gain_is(&self.payer, paid), "the buyer's loss is not the price and the fee"),
            (self.checksum_ok, "the file differs from the original"),
            (without_hub, "less than half of the payments happened without the hub"),
            (few, "more transactions than expected"),
            (self.restless || failed == 0, "a transaction failed"),
            (refuted, "the old state was not refuted by the seller"),
        ];
        promises.into_iter().filter(|(kept, _)| !kept).map(|(_, sentence)| sentence.to_owned()).collect()
    }

    /// Gas of all transactions.
    pub(crate) fn gas(&self) -> u64 {
        self.transactions.iter().map(|tx| tx.gas).sum()
    }

    /// Gas of the transactions that belong to the dispute, if there was one.
    pub(crate) fn dispute_gas(&self) -> Option<u64> {
        let names = ["registerVirtual", "registerVirtualFor", "refuteVirtual", "concludeVirtual", "settle"];
        let belongs = |tx: &&Transaction| names.contains(&tx.name.as_str());
        self.dispute.as_ref().map(|_| self.transactions.iter().filter(belongs).map(|tx| tx.gas).sum())
    }

    /// Gas of all transactions but the deployment, which serves everybody for ever, by payment.
    pub(crate) fn gas_per_payment(&self) -> f64 {
        let gas: u64 = self.transactions.iter().filter(|tx| tx.name != "deploy").map(|tx| tx.gas).sum();
        gas as f64 / self.payments.max(1) as f64
    }

    /// For programs. Amounts are numbers of wei in decimal, as strings, because JSON readers round large numbers.
    pub(crate) fn to_json(&self) -> Value {
        let transactions: Vec<Value> = self.transactions.iter().map(Transaction::to_json).collect();
        let mut report = json!({
            "payments": self.payments,
            "payments_while_hub_was_down": self.payments_hub_down,
            "transactions": transactions,
            "gas": self.gas(),
            "gas_per_payment": self.gas_per_payment(),
            "balances_before": balances(&self.before),
            "balances_after": balances(&self.after),
            "gas_paid_wei": self.gas_paid().to_string(),
            "hub_gain_wei": self.gain(&self.hub).map(|gain| gain.to_string()),
            "hub_fee_wei": self.hub_fee.to_string(),
            "spent_wei": self.spent.to_string(),
            "conserved": self.conserved(),
            "bytes": self.bytes,
            "checksum": self.checksum,
            "checksum_ok": self.checksum_ok,
            "transfer_seconds": self.transfer_seconds,
            "seconds": self.seconds,
            "broken_promises": self.broken_promises(),
        });
        if let (Some(dispute), Some(fields)) = (&self.dispute, report.as_object_mut()) {
            fields.insert("refuted_by".into(), dispute.refuted_by.clone().into());
            fields.insert("dispute_gas".into(), self.dispute_gas().into());
        }
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ETH: Wei = 1_000_000_000_000_000_000;

    fn balances(all: [(&str, Wei); 5]) -> Balances {
        all.into_iter().map(|(name, wei)| (name.to_owned(), wei)).collect()
    }

    fn transaction(name: &str, sender: &str, gas: u64) -> Transaction {
        Transaction { name: name.into(), sender: sender.into(), gas, gas_price: 7, succeeded: true }
    }

    /// Alice pays 50 to bob and 3 to ingrid; deployment, an open and a close cost 700, 350 and 70 wei.
    fn story() -> Report {
        Report {
            before: balances([("deployer", ETH), ("alice", ETH), ("ingrid", ETH), ("bob", ETH), (ADJUDICATOR, 0)]),
            after: balances([
                ("deployer", ETH - 700),
                ("alice", ETH - 53 - 350),
                ("ingrid", ETH + 3 - 70),
                ("bob", ETH + 50),
                (ADJUDICATOR, 0),
            ]),
            transactions: vec![
                transaction("deploy", "deployer", 100),
                transaction("open", "alice", 50),
                transaction("close", "ingrid", 10),
            ],
            hub: "ingrid".into(),
            hub_fee: 3,
            payer: "alice".into(),
            payee: "bob".into(),
            spent: 50,
            payments: 10,
            payments_hub_down: 5,
            dispute: None,
            restless: false,
            bytes: 1_000,
            checksum: "00".into(),
            checksum_ok: true,
            transfer_seconds: 0.5,
            seconds: 1.0,
        }
    }

    #[test]
    fn an_honest_story_adds_up() {
        let report = story();
        assert!(report.conserved());
        assert_eq!(report.gas_paid(), 1_120);
        assert_eq!(report.gain("ingrid"), Some(3));
        assert_eq!(report.gain("alice"), Some(-53));
        assert_eq!(report.gain("bob"), Some(50));
        assert_eq!(report.broken_promises(), Vec::<String>::new());
        assert_eq!(report.gas_per_payment(), 6.0);
    }

    fn broken(change: impl FnOnce(&mut Report)) -> Vec<String> {
        let mut report = story();
        change(&mut report);
        report.broken_promises()
    }

    fn set(balances: &mut Balances, name: &str, wei: Wei) {
        balances.insert(name.into(), wei);
    }

    #[test]
    fn one_wei_lost_is_seen() {
        assert!(broken(|r| set(&mut r.after, "bob", ETH + 49)).contains(&"balances and gas do not add up".to_owned()));
    }

    #[test]
    fn money_left_in_the_contract_is_seen() {
        let broken = broken(|r| {
            set(&mut r.after, ADJUDICATOR, 1);
            set(&mut r.after, "bob", ETH + 49);
        });
        assert!(broken.contains(&"the contract still holds money".to_owned()));
    }

    #[test]
    fn money_moved_from_the_hub_to_an_end_is_seen() {
        let broken = broken(|r| {
            set(&mut r.after, "ingrid", ETH + 2 - 70);
            set(&mut r.after, "bob", ETH + 51);
        });
        assert_eq!(broken, ["the hub's gain is not its fee", "the seller's gain is not the price"]);
    }

    #[test]
    fn an_account_that_vanished_is_seen() {
        let broken = broken(|r| {
            r.before.insert("carol".into(), 0);
        });
        assert_eq!(broken, ["balances and gas do not add up"]);
    }

    #[test]
    fn the_rest_of_the_promise_is_checked() {
        assert_eq!(broken(|r| r.checksum_ok = false), ["the file differs from the original"]);
        assert_eq!(broken(|r| r.payments_hub_down = 4), ["less than half of the payments happened without the hub"]);
        assert_eq!(broken(|r| r.transactions[1].succeeded = false), ["a transaction failed"]);
        let free = Transaction { gas: 0, ..transaction("open", "alice", 0) };
        assert_eq!(broken(|r| r.transactions.extend(vec![free; 6])), ["more transactions than expected"]);
    }

    #[test]
    fn a_dispute_must_be_refuted_by_the_seller_and_takes_three_transactions_more() {
        let by = |who: &str| {
            let mut report = story();
            report.dispute = Some(Dispute { refuted_by: who.into() });
            let free = |name: &str| Transaction { gas_price: 0, ..transaction(name, "bob", 5) };
            report.transactions.extend(["registerVirtualFor", "refuteVirtual", "concludeVirtual"].map(free));
            report
        };
        let report = by("bob");
        assert_eq!(report.broken_promises(), Vec::<String>::new());
        assert_eq!((report.dispute_gas(), report.to_json()["dispute_gas"].as_u64()), (Some(15), Some(15)));
        assert_eq!(report.to_json()["refuted_by"], "bob");
        assert_eq!(by("alice").broken_promises(), ["the old state was not refuted by the seller"]);
        assert_eq!(story().to_json().get("refuted_by"), None);
    }

    #[test]
    fn where_nodes_die_all_the_time_money_is_counted_nevertheless() {
        let broken = broken(|r| {
            r.restless = true;
            r.payments_hub_down = 0;
            r.transactions[1].succeeded = false;
            set(&mut r.after, "bob", ETH + 49);
        });
        assert_eq!(broken, ["balances and gas do not add up", "the seller's gain is not the price"]);
    }

    #[test]
    fn programs_get_exact_numbers() {
        let json = story().to_json();
        assert_eq!(json["balances_after"]["alice"], (ETH - 403).to_string());
        assert_eq!(json["hub_gain_wei"], "3");
        assert_eq!(json["gas_paid_wei"], "1120");
        assert_eq!(
            json["transactions"][0],
            json!({
                "name": "deploy", "from": "deployer", "gas": 100, "gas_price_wei": "7", "ok": true
            })
        );
        assert_eq!(json["conserved"], true);
    }
}
