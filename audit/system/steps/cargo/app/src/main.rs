fn main() {
    println!("{} {}", table::PRIMES.len(), table::NOTE.trim());
}
