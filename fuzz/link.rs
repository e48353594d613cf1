//! Links libFuzzer, where `./build` has put it.

fn main() {
    println!("cargo::rerun-if-env-changed=PERUNIKA_FUZZ_ENGINE");
    let folder = std::env::var("PERUNIKA_FUZZ_ENGINE").expect("fuzz/build says where libFuzzer is");
    println!("cargo::rustc-link-search=native={folder}");
    println!("cargo::rustc-link-lib=static=fuzzer");
    println!("cargo::rustc-link-lib=stdc++");
}
