//! From write() of a decisive line to the kernel's event, and to the daemon's word that the ban is in the synced ledger.
//!
//! `spin`: between write() and the event this process asks without sleeping, so that its own waking is not in the figure; it
//! does so on a CPU that the daemon, put on one, does not use. `sleep`: it waits in ppoll as any observer would; its
//! waking, which the kernel and the machine take, is in the figure then. The ledger, and the next line, it awaits asleep.
use super::kernel::Events;
use super::lines::Random;
use bailiff::shims::fd::Fd;
use bailiff::shims::io::{PollFd, ppoll, read};
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// How long a ban is waited for. fail2ban sleeps up to a second between two looks.
const PATIENCE: Duration = Duration::from_secs(5);
/// The ledger is waited for in the first so many seconds only: under load a sync takes long, and the kernel's figures need
/// their thousand events.
const LEDGER: Duration = Duration::from_secs(5);

/// The daemon's standard error, this process's descriptor 0, non-blocking; unless that is not a pipe.
struct Said {
    pipe: Option<Fd>,
    text: Vec<u8>,
}

impl Said {
    fn new() -> Self {
        let target = std::fs::read_link("/proc/self/fd/0").unwrap_or_default();
        let is_pipe = target.to_string_lossy().starts_with("pipe:");
        Self { pipe: is_pipe.then(|| Fd::given(0)), text: Vec::new() }
    }

    /// Whether the daemon has said this by now.
    fn has(&mut self, what: &[u8]) -> bool {
        let Some(pipe) = &self.pipe else { return false };
        let mut buf = [0u8; 4096];
        while let Ok(got @ 1..) = read(pipe, &mut buf) {
            self.text.extend(&buf[..got]);
        }
        self.text.windows(what.len()).any(|w| w == what)
    }
}

pub(crate) fn run(log: &str, stamp: &str, first: u32, count: u32, spin: bool) {
    let calm = super::stand_aside();
    let mut file = std::fs::File::options().append(true).open(log).expect("the log");
    let (mut events, mut said, mut random) = (Events::new(), Said::new(), Random(7));
    let begun = Instant::now();
    let (mut kernel, mut ledger, mut missed) = (Vec::new(), Vec::new(), 0);
    for n in first..first + count {
        // 1 to 3 ms after the last one.
        std::thread::sleep(Duration::from_micros(1000 + random.below(2000)));
        // 198.18.0.0/15; a run begins behind the last one's.
        let addr = [198, 18 + (n >> 16) as u8, (n >> 8) as u8, n as u8];
        let text = addr.map(|b| b.to_string()).join(".");
        let line = format!(
            "{stamp} host sshd[{}]: Failed password for root from {text} port {} ssh2\n",
            1000 + random.below(30000),
            1024 + random.below(60000)
        );
        let word = format!("banned {text} ");
        events.drain();
        said.text.clear();
        let start = Instant::now();
        file.write_all(line.as_bytes()).expect("the log");
        let (mut seen, mut synced) = (None, None);
        loop {
            if seen.is_none() && events.next(addr) == Some(true) {
                seen = Some(start.elapsed());
            }
            if synced.is_none() && said.has(word.as_bytes()) {
                synced = Some(start.elapsed());
            }
            let is_told = said.pipe.is_none() || synced.is_some() || begun.elapsed() > LEDGER;
            let is_done = seen.is_some() && is_told;
            if is_done || start.elapsed() > PATIENCE {
                break;
            }
            if !spin || seen.is_some() {
                let event = if seen.is_some() { PollFd::IDLE } else { PollFd::readable(&events.fd) };
                let mut slots = [event, said.pipe.as_ref().map_or(PollFd::IDLE, PollFd::readable)];
                ppoll(&mut slots, Some(10_000_000)).expect("ppoll");
            }
        }
        match seen {
            Some(time) => kernel.push(time),
            None => missed += 1,
        }
        ledger.extend(synced);
        // Something is wrong that more of it would not show.
        if missed == 5 {
            break;
        }
    }
    println!(
        "{{\"kernel_us\": {}, \"ledger_us\": {}, \"missed\": {missed}, \"calm\": {calm}}}",
        list(&kernel),
        list(&ledger)
    );
}

fn list(times: &[Duration]) -> String {
    let mut text = String::from("[");
    for (n, time) in times.iter().enumerate() {
        let comma = if n == 0 { "" } else { ", " };
        let _ = write!(text, "{comma}{:.1}", time.as_nanos() as f64 / 1000.0);
    }
    text + "]"
}
