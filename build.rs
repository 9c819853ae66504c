//! Build script: compiles the filters into match code, and gives the programs their link arguments.
//!
//! In: filters/*.filter. Out: OUT_DIR/filters.rs and OUT_DIR/catalogue.rs; link arguments for the seven programs, which
//! have no libc and no loader. Never: runs a program, looks at the network, the time or the environment beyond Cargo's.
use std::path::Path;

#[path = "filters/compiler/mod.rs"]
mod compiler;
#[path = "filters/rust/mod.rs"]
mod rust;

/// Link arguments of the programs: their own entry, position-independent, no loader, no library, relocated data to
/// be made read-only by `_start` itself. RUSTFLAGS would reach this script too, so they stand here.
const LINK: [&str; 13] = [
    "-nostartfiles",
    "-nostdlib",
    "-static-pie",
    "-Wl,--no-dynamic-linker",
    "-Wl,-z,relro",
    "-Wl,-z,now",
    "-Wl,-z,noexecstack",
    "-Wl,-z,separate-code",
    "-Wl,-z,text",
    "-Wl,--build-id=none",
    "-Wl,--hash-style=gnu",
    // The dev profile refers to it, the release profile does not; nobody ever unwinds.
    "-Wl,--defsym=rust_eh_personality=0",
    // `alloc` as it is shipped refers to it: of the programs, only those that end at once have a heap.
    "-Wl,--defsym=_Unwind_Resume=0",
];

fn main() {
    for argument in LINK {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    let out = std::env::var("OUT_DIR").unwrap_or_default();
    if let Err(refusal) = rust::compile(Path::new("filters"), Path::new(&out)) {
        println!("cargo::error={refusal}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=filters");
}
