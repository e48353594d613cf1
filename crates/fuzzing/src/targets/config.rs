//! The config file.

use crate::Seed;
use perunika_core::{Address, Domain};
use perunika_node::config::{Config, Template};
use perunika_node::units::parse_amount;
use std::path::Path;

/// Reads it and lives with what it sets; a mistake is said in words.
pub(super) fn run(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let _ = parse_amount(text);
    match Config::parse(Path::new("config.toml"), text) {
        Ok(config) => {
            let _ = (config.domain(), config.finality_depth());
            super::participant::lives_with(config.policy());
            true
        }
        Err(error) => {
            assert!(error.to_string().starts_with("config.toml:"), "a mistake without a line: {error}");
            false
        }
    }
}

pub(super) fn seeds() -> Vec<Seed> {
    let domain = Domain { chain_id: 31_337, adjudicator: Address::repeat_byte(0xab) };
    let whole = Template::new("http://127.0.0.1:8545", domain).render();
    let lines = whole.lines().map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line));
    let options: Vec<&str> = lines.filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    let least =
        "[chain]\nrpc_url = \"http://h\"\nchain_id = 1\nadjudicator = \"0x0000000000000000000000000000000000000001\"\n";
    let most = format!(
        "{least}poll_ms = 4294967296\n[channels]\nclose_validity = 4294967296\npatience = 4294967296\n[virtual]\nterm_max = 4294967296\n[times]\nresend_ms = 4294967296\nt_act_ms = 4294967296\n"
    );
    let beyond = format!("{least}[channels]\npatience = 9223372036854775807\n");
    vec![
        ("longest_times".into(), most.into_bytes()),
        ("absurd_times".into(), beyond.into_bytes()),
        ("every_option".into(), options.join("\n").into_bytes()),
        ("least".into(), least.into()),
        ("amount".into(), "0.25 eth".into()),
    ]
}
