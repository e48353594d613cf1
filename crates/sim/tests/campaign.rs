//! A small campaign: many stories end well, and a story is a function of its seed.

use perunika_sim::campaign::{Options, Totals, story, tell};

#[test]
fn a_few_dozen_stories_end_well() {
    let mut totals = Totals::default();
    for seed in 33..60 {
        let told = story(seed, &Options::default());
        totals.add(&told.unwrap_or_else(|failure| panic!("{failure}")));
    }
    println!("{totals}");
    assert!(totals.payments > 1_500 && totals.disputes > 20 && totals.crashes > 20 && totals.reorgs > 10, "{totals}");
    assert!(totals.all_virtual_channels() > 4 && totals.corrupt_stories > 4, "{totals}");
}

#[test]
fn one_seed_tells_the_same_story_twice() {
    for seed in [3, 8, 21] {
        let [one, two] = [0, 1].map(|_| tell(seed, &Options { trace: true, ..Options::default() }));
        assert_eq!(one.1, two.1, "seed {seed}");
        assert!(one.1.len() > 100, "seed {seed}");
        let quiet = story(seed, &Options::default());
        assert_eq!(one.0.ok(), quiet.ok(), "seed {seed}: keeping a trace changes nothing");
    }
}
