//! What applications rely on: budgets, receipts, and what a channel is worth right now.

mod budgets;
mod receipts;
mod worth;
