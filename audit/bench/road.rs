//! The probe of `make bench`: what it measures, it measures from outside, as an attacker's log line meets the kernel.
//!
//! Run by: bench.py, in a network namespace of its own. In: a command and its arguments. Out: JSON on standard output.
//! Never: speaks to the daemon but through its log file, its read socket and the pipe that is its standard error.
//!
//!     road latency LOG STAMP FIRST COUNT spin|sleep  writes COUNT decisive lines; when the kernel, when the daemon told of each
//!     road append LOG FILE SOCKET LINES   appends FILE to LOG at once; when `status` counts so many lines more
//!     road sentinel LOG STAMP FILE        the same for a daemon without a socket: when an address behind FILE is banned
//!     road lines FILE STAMP COUNT PERCENT  writes a log with so many failures, all of one time
//!     road mixed FILE STAMP COUNT         writes a log of many services
//!     road engine FILE FILTER|all         reads FILE, looks at its lines with one filter or all, counts the attempts
//!     road floor LOG                      the one-process floor: follows LOG, bans the address of each line
//!     road hog CPU                        keeps a CPU busy
use std::process::ExitCode;

mod engine;
mod floor;
mod kernel;
mod latency;
mod lines;
mod mixed;
mod throughput;

/// Puts this process on one CPU.
fn pin(cpu: usize) {
    let mut set = [0u64; 16];
    set[cpu / 64] = 1 << (cpu % 64);
    bailiff::shims::process::set_processors(&set).expect("sched_setaffinity");
}

/// The CPUs this process may run on.
fn cpus() -> Vec<usize> {
    let set = bailiff::shims::process::processors().expect("sched_getaffinity");
    (0..1024).filter(|cpu| set[cpu / 64] >> (cpu % 64) & 1 == 1).collect()
}

/// Puts this process on the lowest CPU, away from the daemon, which with `cpu = "auto"` takes the highest; and, as the daemon
/// puts itself, before ordinary work, so that it is not its own waiting that is measured. Whether it may.
fn stand_aside() -> bool {
    pin(cpus()[0]);
    bailiff::shims::process::set_nice(-10).is_ok()
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["latency", log, stamp, first, count, how] => {
            let [first, count] = [first, count].map(|word| word.parse().expect("a number"));
            latency::run(log, stamp, first, count, *how == "spin")
        }
        ["append", log, file, socket, lines] => {
            throughput::append(log, file, socket, lines.parse().expect("a number"))
        }
        ["sentinel", log, stamp, file] => throughput::sentinel(log, stamp, file),
        ["lines", file, stamp, count, percent] => {
            lines::run(file, stamp, count.parse().expect("a number"), percent.parse().expect("a number"))
        }
        ["mixed", file, stamp, count] => mixed::run(file, stamp, count.parse().expect("a number")),
        ["engine", file, filter] => engine::run(file, filter),
        ["floor", log] => floor::run(log),
        ["hog", cpu] => {
            pin(cpu.parse().expect("a number"));
            loop {
                std::hint::spin_loop();
            }
        }
        _ => {
            eprintln!("started by audit/bench/bench.py");
            return ExitCode::from(100);
        }
    }
    ExitCode::SUCCESS
}
