//! One errand: the questions that a command needs, and the printing of what comes back.
//!
//! Runs in: the client. In: a command, the configuration if it could be read. Out: the answer on `out`.
//! Never: holds a list of bans: each is printed as it comes.
use super::legend::Legend;
use super::out::Out;
use super::outcome::{self, GOOD, code};
use super::talk::{self, Answer, Fault};
use super::words::{Command, Verb};
use super::{explain, json, show};
use bailiff::shared::pure::settings::Settings;
use bailiff::shared::pure::wire::control::{ANY_JAIL, Ask, Done, Reply, Request};
use bailiff::shims::clock::realtime_ns;

/// How long a ban lasts when neither the operator nor a configuration says it: the configuration's own
/// default.
const BAN_S: u32 = 600;

/// A command on its way.
pub(crate) struct Errand<'a> {
    pub(crate) command: &'a Command<'a>,
    pub(crate) settings: Option<&'a Settings>,
    /// The directory of the sockets.
    pub(crate) run: &'a [u8],
    pub(crate) out: &'a mut Out,
}

/// The exit code, and the end, if it is still to be told.
pub(crate) type End = (u8, Option<Done>);

impl Errand<'_> {
    /// Does it.
    pub(crate) fn run(&mut self) -> Result<End, Fault> {
        match self.command.ask() {
            Ask::List => self.list(),
            Ask::Ban | Ask::Unban => self.change(),
            Ask::Status | Ask::Explain => self.whole(),
        }
    }

    /// `status`, `jails`, `explain`: the answer is kept whole, as its parts belong together.
    fn whole(&mut self) -> Result<End, Fault> {
        let explaining = self.command.ask() == Ask::Explain;
        let mut answer = if explaining { self.jails()? } else { Answer::EMPTY };
        let done = talk::ask(self.run, &self.command.request(0), &mut |reply| match reply {
            Reply::Jail(_) if explaining => Ok(()),
            _ => answer.take(reply),
        })?;
        let code = code(self.command.ask(), done).0;
        if code != GOOD {
            return Ok((code, Some(done)));
        }
        let (legend, w) =
            (Legend { answer: &answer, settings: self.settings, now_s: now_s() }, &mut *self.out);
        let addr = self.command.prefix.unwrap_or_default().addr;
        match (self.command.verb, self.command.json) {
            (Verb::Ask(Ask::Explain), false) => explain::explain(w, &legend, &addr)?,
            (Verb::Ask(Ask::Explain), true) => json::explain(w, &legend, &addr)?,
            (Verb::Jails, false) => show::jails(w, &legend)?,
            (Verb::Jails, true) => json::jails(w, &legend)?,
            (_, false) => show::status(w, &legend)?,
            (_, true) => json::status(w, &legend)?,
        }
        Ok((code, None))
    }

    /// `list`: each ban is printed as it comes.
    fn list(&mut self) -> Result<End, Fault> {
        let (answer, json) = (self.jails()?, self.command.json);
        let legend = Legend { answer: &answer, settings: self.settings, now_s: now_s() };
        let mut count = 0u32;
        let w = &mut *self.out;
        let done = talk::ask(self.run, &self.command.request(0), &mut |reply| {
            let Reply::Ban(row) = reply else { return Ok(()) };
            match (json, count) {
                (true, _) => json::ban(w, &legend, row, count)?,
                (false, 0) => show::head(w).and_then(|()| show::ban(w, &legend, row))?,
                (false, _) => show::ban(w, &legend, row)?,
            }
            count = count.saturating_add(1);
            Ok(())
        })?;
        let code = code(Ask::List, done).0;
        match (code, json, count) {
            (GOOD, true, _) => json::end(w, count)?,
            (GOOD, false, 0) => core::fmt::Write::write_str(w, "no bans\n")?,
            _ => {}
        }
        Ok((code, (code != GOOD).then_some(done)))
    }

    /// `ban`, `unban`.
    fn change(&mut self) -> Result<End, Fault> {
        // Names only: who may ban need not be allowed to read.
        let mut answer = self.jails().unwrap_or(Answer::EMPTY);
        let done = talk::ask(self.run, &self.command.request(self.default_s()), &mut |reply| match reply {
            Reply::Ban(_) => answer.take(reply),
            _ => Ok(()),
        })?;
        let code = code(self.command.ask(), done).0;
        let legend = Legend { answer: &answer, settings: self.settings, now_s: now_s() };
        if self.command.json {
            json::outcome(self.out, &legend, self.command.ask(), done)?;
            return Ok((code, None));
        }
        match done {
            Done::Good(count) if code == GOOD => outcome::success(self.out, &legend, self.command, count)?,
            _ => return Ok((code, Some(done))),
        }
        Ok((code, None))
    }

    /// The jails, so that a ban's jail has a name.
    fn jails(&self) -> Result<Answer, Fault> {
        let mut answer = Answer::EMPTY;
        let status = Request { ask: Ask::Status, prefix: Default::default(), jail: ANY_JAIL, duration_s: 0 };
        talk::ask(self.run, &status, &mut |reply| match reply {
            Reply::Jail(_) => answer.take(reply),
            _ => Ok(()),
        })?;
        Ok(answer)
    }

    /// How long a ban lasts for which no time was said: as the configuration says for its jail.
    fn default_s(&self) -> u32 {
        let jails = self.settings.map_or(&[][..], |settings| settings.terms.jails());
        let named = |jail| jails.iter().find(|j| Some(j.name) == jail);
        let jail = if self.command.jail.is_some() { named(self.command.jail) } else { jails.first() };
        jail.map_or(BAN_S, |jail| jail.bantime_s)
    }
}

fn now_s() -> u64 {
    realtime_ns() / 1_000_000_000
}
