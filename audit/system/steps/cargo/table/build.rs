//! Makes a table of primes in OUT_DIR, from a bound in a file.
use std::{env, fs};

fn main() {
    let bound: u32 = fs::read_to_string("bound.txt").unwrap().trim().parse().unwrap();
    let primes: Vec<u32> = (2..bound).filter(|n| (2..*n).all(|d| n % d != 0)).collect();
    let text = format!("/// Below {bound}.\npub const PRIMES: [u32; {}] = {primes:?};\n", primes.len());
    fs::write(format!("{}/primes.rs", env::var("OUT_DIR").unwrap()), text).unwrap();
    println!("cargo::rerun-if-changed=bound.txt");
}
