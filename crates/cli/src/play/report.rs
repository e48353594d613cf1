//! What was measured, and whether it is what the rules of the game give.

use super::town::Who;
use crate::quickstart::report::{ADJUDICATOR, Balances, Transaction, balances};
use crate::table::Table;
use crate::units::{self, Amount, Wei};
use perunika_apps::tic_tac_toe::Ending;
use serde_json::{Value, json};

/// Everything that was measured.
#[derive(Clone, Debug)]
pub(super) struct Report {
    /// All accounts before the first transaction.
    pub(super) before: Balances,
    /// The same after the last one.
    pub(super) after: Balances,
    /// All transactions of these accounts in between, in the order of the chain.
    pub(super) transactions: Vec<Transaction>,
    /// What each player staked.
    pub(super) stake: Wei,
    /// What each hub was promised, ingrid first.
    pub(super) fees: Vec<Wei>,
    /// Steps that both players signed.
    pub(super) steps: usize,
    /// Transactions while they played together.
    pub(super) transactions_played: usize,
    /// The board after these steps.
    pub(super) board: String,
    /// How it ended on the board for alice; none if it did not.
    pub(super) ending: Option<Ending>,
    /// Who left.
    pub(super) left: Option<Who>,
    /// By how much the chain's clock jumped, seconds.
    pub(super) jumped: u64,
    /// Wall time of everything.
    pub(super) seconds: f64,
}

impl Report {
    fn gas_paid(&self) -> Wei {
        self.transactions.iter().map(Transaction::cost).sum()
    }

    fn gas_paid_by(&self, account: &str) -> Wei {
        self.transactions.iter().filter(|tx| tx.sender == account).map(Transaction::cost).sum()
    }

    /// Payouts less deposits of an account, gas apart.
    fn gain(&self, account: &str) -> Option<i128> {
        let before = self.before.get(account)?;
        let after = self.after.get(account)?.checked_add(self.gas_paid_by(account))?;
        i128::try_from(after).ok()?.checked_sub(i128::try_from(*before).ok()?)
    }

    /// Not a wei came or went, but for gas, and the contract, with every vault in it, holds nothing.
    fn conserved(&self) -> bool {
        let sum = |all: &Balances| all.values().try_fold(0 as Wei, |sum, wei| sum.checked_add(*wei));
        let with_gas = sum(&self.after).and_then(|sum| sum.checked_add(self.gas_paid()));
        let same_accounts = self.before.keys().eq(self.after.keys());
        same_accounts && with_gas.is_some() && with_gas == sum(&self.before) && self.after.get(ADJUDICATOR) == Some(&0)
    }

    /// Whom the money says: who has more than before, the hubs' fees apart.
    fn winner(&self) -> Option<&'static str> {
        let bob = self.gain("bob")?;
        match bob.signum() {
            1 => Some("bob"),
            -1 => Some("alice"),
            _ => None,
        }
    }

    /// What bob's account has to gain by the rules: whoever leaves has lost, and without that the board decides.
    fn due_to_bob(&self) -> Option<i128> {
        let stake = i128::try_from(self.stake).ok()?;
        Some(match (self.left, self.ending) {
            (Some(Who::Alice), _) | (None, Some(Ending::Lost)) => stake,
            (Some(Who::Bob), _) | (None, Some(Ending::Won)) => -stake,
            (None, Some(Ending::Drawn)) => 0,
            (None, None) => return None,
        })
    }

    /// Whoever is concerned concludes; of two that do it in one moment the later one comes for nothing.
    fn was_done_by_another(&self, late: &Transaction) -> bool {
        let same = |tx: &Transaction| tx.name == late.name && tx.sender != late.sender && tx.succeeded;
        late.name == "concludeVirtual" && self.transactions.iter().any(same)
    }

    /// Everything that is not as promised, one sentence each.
    pub(super) fn broken_promises(&self) -> Vec<String> {
        let due = self.due_to_bob();
        let fee = |index: usize| self.fees.get(index).and_then(|fee| i128::try_from(*fee).ok());
        let fees = fee(0).zip(fee(1)).map(|(one, other)| one + other);
        let alice = due.zip(fees).map(|(due, fees)| -due - fees);
        let is = |account: &str, wanted: Option<i128>| wanted.is_some() && self.gain(account) == wanted;
        let sent = |name: &str| self.transactions.iter().any(|tx| tx.name.starts_with(name));
        let disputed = sent("registerVirtualNano") && sent("concludeVirtual");
        let promises = [
            (self.conserved(), "balances and gas do not add up, or the contract still holds money"),
            (is("bob", due), "bob's gain is not what the rules give"),
            (is("alice", alice), "alice's gain is not what the rules give, less the fees of the hubs"),
            (is("ingrid", fee(0)), "ingrid's gain is not her fee"),
            (is("jana", fee(1)), "jana's gain is not her fee"),
            (self.transactions_played == 0, "a transaction was sent while both played"),
            (self.transactions.iter().all(|tx| tx.succeeded || self.was_done_by_another(tx)), "a transaction failed"),
            (self.left.is_none() || disputed, "the game was not decided on the chain"),
            (self.left.is_some() || !sent("register"), "there was a dispute although nobody left"),
        ];
        promises.into_iter().filter(|(kept, _)| !kept).map(|(_, sentence)| sentence.to_owned()).collect()
    }

    /// For programs. Amounts are numbers of wei in decimal, as strings.
    pub(super) fn to_json(&self) -> Value {
        let gain = |name: &str| self.gain(name).map(|gain| gain.to_string());
        let transactions: Vec<Value> = self.transactions.iter().map(Transaction::to_json).collect();
        json!({
            "winner": self.winner(),
            "left": self.left.map(who),
            "steps_signed_by_both": self.steps,
            "board": self.board,
            "stake_wei": self.stake.to_string(),
            "hub_fees_wei": self.fees.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "gains_wei": {
                "alice": gain("alice"), "bob": gain("bob"), "ingrid": gain("ingrid"), "jana": gain("jana"),
            },
            "transactions": transactions,
            "transactions_while_playing": self.transactions_played,
            "gas": self.transactions.iter().map(|tx| tx.gas).sum::<u64>(),
            "gas_paid_wei": self.gas_paid().to_string(),
            "balances_before": balances(&self.before),
            "balances_after": balances(&self.after),
            "conserved": self.conserved(),
            "clock_jumped_s": self.jumped,
            "seconds": self.seconds,
            "broken_promises": self.broken_promises(),
        })
    }

    /// For people.
    pub(super) fn to_text(&self) -> String {
        let mut accounts =
            Table::new(["account", ">before (ETH)", ">after (ETH)", ">gas (ETH)", ">gain, gas apart (ETH)"]);
        for (name, before) in &self.before {
            let after = self.after.get(name).map(|wei| units::eth(*wei)).unwrap_or_default();
            let gain = self.gain(name).map(units::signed_eth).unwrap_or_default();
            accounts.row([name.clone(), units::eth(*before), after, units::eth(self.gas_paid_by(name)), gain]);
        }
        let mut sent = Table::new(["transaction", "sent by", ">gas"]);
        for tx in &self.transactions {
            sent.row([tx.name.clone(), tx.sender.clone(), tx.gas.to_string()]);
        }
        let broken: Vec<String> = self.broken_promises().iter().map(|line| format!("BROKEN: {line}")).collect();
        let end = if broken.is_empty() { "Every wei is accounted for.".to_owned() } else { broken.join("\n") };
        let winner = self.winner().unwrap_or("nobody");
        let (steps, played) = (self.steps, self.transactions_played);
        format!(
            "\n{}\n\n{accounts}\n{sent}\n{steps} steps were signed by both, {played} transactions meanwhile.\n{winner} has won {}. {end}",
            self.board,
            Amount(self.stake)
        )
    }
}

fn who(who: Who) -> &'static str {
    match who {
        Who::Alice => "alice",
        Who::Bob => "bob",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ETH: Wei = 1_000_000_000_000_000_000;

    fn story() -> Report {
        let all = |values: [(&str, Wei); 5]| values.map(|(name, wei)| (name.to_owned(), wei)).into();
        let tx = |name: &str, sender: &str, gas| Transaction {
            name: name.into(),
            sender: sender.into(),
            gas,
            gas_price: 1,
            succeeded: true,
        };
        let names = [("alice", ETH), ("bob", ETH), ("ingrid", ETH), ("jana", ETH), (ADJUDICATOR, 0)];
        let after = [
            ("alice", ETH + 100 - 7 - 20),
            ("bob", ETH - 100),
            ("ingrid", ETH + 3),
            ("jana", ETH + 4),
            (ADJUDICATOR, 0),
        ];
        Report {
            before: all(names),
            after: all(after),
            transactions: vec![tx("registerVirtualNano", "alice", 10), tx("concludeVirtual", "alice", 10)],
            stake: 100,
            fees: vec![3, 4],
            steps: 4,
            transactions_played: 0,
            board: String::new(),
            ending: None,
            left: Some(Who::Bob),
            jumped: 0,
            seconds: 0.0,
        }
    }

    fn broken(change: impl FnOnce(&mut Report)) -> Vec<String> {
        let mut report = story();
        change(&mut report);
        report.broken_promises()
    }

    fn set(report: &mut Report, name: &str, wei: Wei) {
        report.after.insert(name.into(), wei);
    }

    #[test]
    fn who_leaves_has_lost_and_every_wei_is_counted() {
        assert_eq!(broken(|_| {}), Vec::<String>::new());
        assert_eq!(story().to_json()["winner"], "alice");
        let lost = broken(|r| set(r, "bob", ETH - 101));
        assert_eq!(lost.len(), 2, "{lost:?}");
        assert_eq!(broken(|r| set(r, ADJUDICATOR, 1)).len(), 1);
    }

    #[test]
    fn the_board_decides_if_nobody_leaves() {
        let wrong = broken(|r| (r.left, r.ending) = (None, Some(Ending::Lost)));
        assert_eq!(wrong.len(), 3, "{wrong:?}");
        let kept = broken(|r| {
            (r.left, r.ending) = (None, Some(Ending::Won));
            r.transactions.iter_mut().for_each(|tx| tx.name = "close".into());
        });
        assert_eq!(kept, Vec::<String>::new());
    }

    #[test]
    fn a_game_that_costs_transactions_or_is_not_decided_is_seen() {
        assert_eq!(broken(|r| r.transactions_played = 1), ["a transaction was sent while both played"]);
        assert_eq!(broken(|r| r.transactions[0].succeeded = false), ["a transaction failed"]);
        assert_eq!(broken(|r| r.transactions[1].succeeded = false), ["a transaction failed"]);
        let twice = |r: &mut Report| {
            let late = Transaction { sender: "jana".into(), gas: 0, succeeded: false, ..r.transactions[1].clone() };
            r.transactions.push(late);
        };
        assert_eq!(broken(twice), Vec::<String>::new());
        assert_eq!(broken(|r| r.transactions[1].name = "close".into()), ["the game was not decided on the chain"]);
    }
}
