//! One generation of the daemon: starts the roles, keeps them company, takes them down in order.
//!
//! Runs in: the warden. In: signals, directory events, one pulse at a time from each role. Out: sources to the watcher, the
//! service manager's notes, the exit code. Never: restarts one role alone, or goes on without one: bans stay in the
//! kernel, and the service manager starts all afresh.
use super::family::{Ended, Family, House, pulse, worse};
use super::own::Own;
use super::roles::start;
use super::sources::{Reader, Sources};
use super::state::State;
use bailiff::shared::base::channel::{Fault, receive};
use bailiff::shared::base::log::Level;
use bailiff::shared::base::turn;
use bailiff::shared::cages::{ROLES, Role};
use bailiff::shared::pure::wire::batch::records;
use bailiff::shared::pure::wire::source::{Beat, Launch, Pulse};
use bailiff::shims::clock::monotonic_ns;
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::inotify_init;
use bailiff::shims::io::PollFd;
use bailiff::shims::process::next_signal;
use bailiff::shims::sockets::pair;

/// Runs one generation to its end. `launch` says how to start each role; `may_reload` is asked at SIGHUP.
pub(crate) fn generation(
    house: &House<'_>,
    state: State,
    (terms, own): (&[u8], &Own),
    launch: impl Fn(Role) -> Launch,
    sources: &mut Sources,
    mut may_reload: impl FnMut() -> bool,
) -> Result<Ended, Errno> {
    let files = inotify_init()?;
    let mut family = Family {
        house,
        children: [None, None, None],
        missed: 0,
        announced: false,
        begun_ns: monotonic_ns(),
        code: 0,
    };
    family.start(state, terms, &launch, &files)?;
    if let Some(channel) = family.channel(Role::Watcher) {
        family.watcher_gone(own.hand_down(channel));
        let reader = Reader { channel, files: &files };
        sources.look_at_all(&reader, house.log);
        family.watcher_gone(pulse(channel, Beat::Given));
    }
    let ended = loop {
        if let Some(ended) = family.turn(sources, &files, &mut may_reload)? {
            break ended;
        }
    };
    family.finish();
    Ok(match ended {
        Ended::Stop(code) => Ended::Stop(worse(code, family.code)),
        Ended::Reload => Ended::Reload,
    })
}

impl Family<'_> {
    /// Starts the roles, from the firewall up to the logs, each with its descriptors (docs/architecture.md).
    fn start(
        &mut self,
        state: State,
        terms: &[u8],
        launch: &impl Fn(Role) -> Launch,
        files: &Fd,
    ) -> Result<(), Errno> {
        let (tracker_up, tracker_down) = pair()?;
        let (enforcer_end, tracker_end) = pair()?;
        let stderr = Fd::given(2);
        let [ledger_a, ledger_b] = &state.ledger;
        let given: [&[&Fd]; 3] = [
            &[&enforcer_end, &stderr, &state.requests, &state.events, &state.routes],
            &[
                &tracker_down,
                &stderr,
                &tracker_end,
                &state.read_socket,
                &state.control_socket,
                ledger_a,
                ledger_b,
            ],
            &[&tracker_up, &stderr, files, &state.positions],
        ];
        for ((slot, role), fds) in self.children.iter_mut().zip(ROLES).zip(given) {
            *slot = Some(start(role, self.house.programs, &launch(role), terms, fds)?);
        }
        // Descriptor 2 is not ours to close.
        stderr.leave_open();
        Ok(())
    }

    fn channel(&self, role: Role) -> Option<&Fd> {
        self.children.iter().flatten().find(|child| child.role == role)?.channel.as_ref()
    }

    /// A watcher that cannot be reached has ended: its end is told by SIGCHLD. Anything else is said.
    fn watcher_gone(&self, result: Result<(), Errno>) {
        if let Err(errno) = result
            && errno != Errno::EPIPE
        {
            self.house.log.refused(Level::Warning, "a source could not be given to the watcher", errno);
        }
    }

    /// One wait and what came of it.
    fn turn(
        &mut self,
        sources: &mut Sources,
        files: &Fd,
        may_reload: &mut impl FnMut() -> bool,
    ) -> Result<Option<Ended>, Errno> {
        let mut slots = [PollFd::IDLE; 5];
        let fds = [Some(self.house.signals), Some(sources.bell())];
        let channels = self.children.iter().map(|c| c.as_ref().and_then(|c| c.channel.as_ref()));
        for (slot, fd) in slots.iter_mut().zip(fds.into_iter().chain(channels)) {
            *slot = fd.map_or(PollFd::IDLE, PollFd::readable);
        }
        let now = monotonic_ns();
        let beat = self.begun_ns.saturating_add(self.house.beat_ns);
        turn::wait(&mut slots, now, Some(beat))?;
        let [signals, directories, channels @ ..] = &slots;
        if signals.is_ready()
            && let Some(ended) = self.signal(may_reload)?
        {
            return Ok(Some(ended));
        }
        if directories.is_ready()
            && let Some(channel) = self.channel(Role::Watcher)
        {
            sources.follow(&Reader { channel, files }, self.house.log)?;
        }
        for index in (0..3).filter(|i| channels.get(*i).is_some_and(PollFd::is_ready)) {
            if !self.hear(index) {
                return Ok(Some(Ended::Stop(112)));
            }
        }
        Ok(if monotonic_ns() >= beat { self.ping() } else { None })
    }

    /// The waiting signals: SIGTERM and SIGINT stop, SIGHUP reloads, SIGCHLD means that a role has ended.
    fn signal(&mut self, may_reload: &mut impl FnMut() -> bool) -> Result<Option<Ended>, Errno> {
        const SIGHUP: u32 = 1;
        const SIGCHLD: u32 = 17;
        let log = self.house.log;
        let ended = match next_signal(self.house.signals) {
            Err(Errno::EAGAIN) => None,
            Err(errno) => return Err(errno),
            Ok(SIGCHLD) => self.bury(false).then_some(Ended::Stop(111)),
            Ok(SIGHUP) if may_reload() => Some(Ended::Reload),
            Ok(SIGHUP) => {
                log.say(Level::Warning, "the configuration in force stays: the new one is refused");
                None
            }
            Ok(_) => Some(Ended::Stop(0)),
        };
        if matches!(ended, Some(Ended::Stop(0))) {
            self.house.notify.say("STOPPING=1");
            log.say(Level::Notice, "stopping; bans stay in the kernel");
        }
        Ok(ended)
    }

    /// One message of a role; false is a breach.
    fn hear(&mut self, index: usize) -> bool {
        let log = self.house.log;
        let Some(child) = self.children.get_mut(index).and_then(Option::as_mut) else { return true };
        let mut buf = [0u8; 64];
        let heard = match child.channel.as_ref().map(|channel| receive(channel, &mut buf, false)) {
            Some(Ok(message)) => records::<Pulse>(message).and_then(|mut r| r.next()?),
            Some(Err(Fault::Closed)) => {
                // Its end comes by SIGCHLD.
                child.channel = None;
                return true;
            }
            Some(Err(Fault::Empty)) | None => return true,
            Some(Err(Fault::Breach | Fault::Kernel(_))) => None,
        };
        match heard {
            Some(Pulse { beat: Beat::Ready, .. }) => child.ready = true,
            Some(Pulse { beat: Beat::Pong, figure }) => (child.silent, child.figure) = (false, figure),
            _ => {
                log.line(Level::Error, |t| {
                    t.bytes(b"breach: a message that ")
                        .bytes(child.role.word().to_bytes())
                        .bytes(b" never may send");
                });
                return false;
            }
        }
        self.announce();
        true
    }

    /// Says once that all works.
    fn announce(&mut self) {
        if self.announced || !self.children.iter().all(|c| c.as_ref().is_some_and(|c| c.ready)) {
            return;
        }
        self.announced = true;
        self.house.notify.say("READY=1\nSTATUS=at work");
        let took_ms = monotonic_ns().saturating_sub(self.begun_ns) / 1_000_000;
        self.house.log.line(Level::Notice, |t| {
            t.bytes(b"ready after ").dec(took_ms).bytes(b" ms");
        });
    }
}
