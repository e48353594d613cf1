//! Money in and out of channels: assets, openings in one transaction, top-up, withdrawal (protocol 0.3).

mod chaos;
mod openings;
mod pair;
mod sponsored;
mod top_ups;
mod withdrawals;
