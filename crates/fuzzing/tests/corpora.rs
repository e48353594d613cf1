//! The committed corpora, without libFuzzer: what was found once is never found again.

use perunika_fuzzing::TARGETS;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of all corpora together.
const TOTAL_MAX: u64 = 1 << 20;

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus")
}

/// Files of a folder, in order of their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let files: BTreeSet<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.into_iter().collect()
}

#[test]
fn every_corpus_belongs_to_a_target_and_all_of_them_are_small() {
    let names: BTreeSet<String> =
        files(&corpora()).iter().filter_map(|folder| Some(folder.file_name()?.to_str()?.to_owned())).collect();
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names, targets);
    let all = targets.iter().flat_map(|name| files(&corpora().join(name)));
    let total: u64 = all.map(|file| fs::metadata(file).expect("a file").len()).sum();
    assert!(total < TOTAL_MAX, "{total} bytes");
}

/// Panics so far, those of tasks and threads too, which nobody might hear of.
static PANICS: AtomicUsize = AtomicUsize::new(0);

fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let show = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if perunika_fuzzing::is_finding(panic) {
                PANICS.fetch_add(1, Ordering::Relaxed);
                show(panic);
            }
        }));
    });
}

/// A corpus of which nothing is accepted any more is out of date: write the seeds again.
fn replay(name: &str) {
    count_panics();
    let target = perunika_fuzzing::target(name).expect("a target");
    let mut accepted = 0;
    for file in files(&corpora().join(name)) {
        println!("{}", file.display());
        accepted += usize::from((target.run)(&fs::read(&file).expect("a file")));
    }
    assert!(accepted > 0, "{name}: nothing is accepted");
    assert_eq!(PANICS.load(Ordering::Relaxed), 0, "a task panicked; if another test failed too, perhaps there");
}

macro_rules! replays {
    ($($name:ident)*) => {
        $(#[test] fn $name() { replay(stringify!($name)); })*

        #[test]
        fn no_target_is_forgotten() {
            let here = [$(stringify!($name)),*];
            assert_eq!(TARGETS.iter().map(|target| target.name).collect::<Vec<_>>(), here);
        }
    };
}

replays! {
    api command_line config contract_data core_record keystore nano_code net_frame network node_record participant peer_message
    rpc_answer shop store_file
}
