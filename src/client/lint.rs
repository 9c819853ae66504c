//! One line explained: which header stood there, what the patterns saw, which of them took it, or how far they got.
//!
//! Runs in: the client. In: one line from the operator, any bytes. Out: text. Never: prints a stranger's byte
//! unquoted.
use super::choice::{Choice, mode_name};
use super::look::{Finding, look, seen};
use super::moment::Moment;
use super::patterns::{File, Part, Pattern, Reach, Step, Written, reach, step};
use super::show::{Address, Plain, Quoted};
use bailiff::shared::pure::filter::{Match, Rule};
use bailiff::shared::pure::form::{Form, Seen, before};
use bailiff::shared::pure::header;
use bailiff::shared::pure::steps::op;
use core::fmt::{Display, Formatter, Result, Write};

/// Explains the line; whether it counts.
pub(crate) fn lint(
    w: &mut dyn Write,
    choice: &Choice,
    written: &Written,
    line: &[u8],
    now_s: u64,
) -> core::result::Result<bool, core::fmt::Error> {
    let filter = written.filter;
    writeln!(w, "filter   {}, mode {}", filter.name, mode_name(filter, choice.modes))?;
    match Moment::of(line, now_s) {
        Some(at) => writeln!(w, "time     {at}")?,
        None => writeln!(w, "time     the line does not say when it was written")?,
    }
    head(w, written, line)?;
    let Some(seen) = seen(written, choice.journal, line) else {
        writeln!(
            w,
            "message  none: no header of this service stands there, or the form of its message is another"
        )?;
        return Ok(false);
    };
    if filter.form.names_peer() {
        writeln!(w, "peer     {}, by the form of the line", Address(&seen.peer))?;
    }
    writeln!(w, "message  {}", Quoted(seen.message))?;
    match look(written, choice, line) {
        Finding::Taken(found) => taken(w, written, &found).map(|()| true),
        Finding::Ignored(by) => writeln!(w, "ignored  by {}:{by}", File(written)).map(|()| false),
        _ => untaken(w, choice, written, &seen).map(|()| false),
    }
}

/// What the logger wrote before the message, and what the filter knows.
fn head(w: &mut dyn Write, written: &Written, line: &[u8]) -> Result {
    let read = [("syslog", header::syslog(line)), ("a journal entry's", header::journal(line))];
    let read = read.into_iter().find_map(|(name, head)| Some((name, head?)));
    match read.filter(|(name, head)| *name == "syslog" || written.is_own(head.program)) {
        Some((name, head)) => {
            let whose = if written.is_own(head.program) { "this service's" } else { "not this service's" };
            write!(w, "header   {name}; the program is {}, {whose}", Quoted(head.program))?;
            if head.times > 1 {
                write!(w, "; it stands for {} equal lines", head.times)?;
            }
        }
        None => write!(w, "header   no syslog header")?,
    }
    write!(w, "; the filter knows:")?;
    for (bit, name) in [(before::SYSLOG, "syslog"), (before::TIME, "time"), (before::RAW, "raw")] {
        if written.filter.headers & bit != 0 {
            write!(w, " {name}")?;
        }
    }
    writeln!(w)
}

fn taken(w: &mut dyn Write, written: &Written, found: &Match) -> Result {
    let Some((_, rule, pattern)) = written.patterns().find(|(at, ..)| *at == found.rule) else {
        return Ok(());
    };
    writeln!(w, "taken by {}:{}", File(written), rule.line)?;
    writeln!(w, "         {}", Plain(rule.text))?;
    writeln!(w, "address  {}, {}", Address(&found.addr), way(written.filter.form, pattern))?;
    writeln!(w, "counts   {}", found.weight)
}

/// How a pattern reaches the address of the accused.
fn way(form: Form, pattern: &Pattern) -> &'static str {
    if form.names_peer() {
        return "which the form of the line names";
    }
    let mut way = "which the pattern names";
    for part in pattern.parts {
        let (mut rest, mut back) = (part.code, false);
        while let Some((step, behind)) = step(rest) {
            rest = behind;
            back |= step.kind == op::BACK;
            way = match (step.kind, step.more, back) {
                (op::ADDR, [_, 1], true) => "read from the end of the message",
                (op::ADDR, [_, 1], false) => "read from the start of the message",
                (op::ONCE, ..) => "in a part that stands exactly once",
                _ => way,
            };
        }
    }
    way
}

/// Why no pattern took it: the first that would in another mode, else the one that got furthest.
fn untaken(w: &mut dyn Write, choice: &Choice, written: &Written, seen: &Seen<'_>) -> Result {
    let filter = written.filter;
    let mut takers = written.patterns().filter(|(_, rule, p)| {
        rule.modes & choice.modes == 0 && rule.weight > 0 && p.takes(filter.form, seen).is_some()
    });
    if let Some((_, rule, _)) = takers.next() {
        writeln!(w, "no match {}:{} takes it, but only in other modes:", File(written), rule.line)?;
        let modes = filter.modes.iter().filter(|m| m.bits & rule.modes != 0);
        return modes.into_iter().try_for_each(|m| writeln!(w, "         {}[mode={}]", filter.name, m.name));
    }
    let furthest = written.patterns().map(|(_, rule, pattern)| (rule, stop(filter.form, pattern, seen)));
    let furthest = furthest.filter(|(rule, _)| rule.weight > 0).max_by_key(|(_, stop)| stop.rank());
    match furthest {
        Some((rule, stop)) if stop.rank() > (0, 0) => stopped(w, written, rule, &stop),
        _ => writeln!(w, "no match no pattern begins, or ends, like this message"),
    }
}

/// Where a pattern stopped.
struct Stop<'m> {
    /// Parts that hold.
    parts: usize,
    part: Option<(&'static Part, Reach<'m>)>,
    /// The message is longer than it takes.
    longest: usize,
}

impl Stop<'_> {
    fn rank(&self) -> (usize, usize) {
        (self.parts, self.part.as_ref().map_or(0, |(_, reach)| reach.read))
    }
}

fn stop<'m>(form: Form, pattern: &'static Pattern, seen: &Seen<'m>) -> Stop<'m> {
    let longest = if seen.message.len() > pattern.longest { pattern.longest } else { 0 };
    let mut stop = Stop { parts: 0, part: None, longest };
    for part in pattern.parts {
        let none = Reach { read: 0, left: &[], back: false, stop: None };
        let value = part.value(form, seen.message);
        let reach = value.map_or(none, |value| reach(part.code, value));
        if value.is_none() || reach.stop.is_some() || !reach.left.is_empty() {
            stop.part = Some((part, reach));
            return stop;
        }
        stop.parts = stop.parts.saturating_add(1);
    }
    stop
}

fn stopped(w: &mut dyn Write, written: &Written, rule: &Rule, stop: &Stop<'_>) -> Result {
    writeln!(w, "no match furthest got {}:{}", File(written), rule.line)?;
    writeln!(w, "         {}", Plain(rule.text))?;
    let Some((part, reach)) = &stop.part else {
        return writeln!(w, "         which takes no message above {} bytes", stop.longest);
    };
    if !part.path.is_empty() {
        write!(w, "         in the field ")?;
        part.path.iter().try_for_each(|key| write!(w, ".{}", Quoted(key)))?;
        writeln!(w)?;
    }
    match (&reach.stop, reach.left.is_empty()) {
        (Some(step), _) => writeln!(w, "expected {}", Words(step))?,
        (None, true) => return writeln!(w, "expected this field once; it is not there, or twice"),
        (None, false) => {
            writeln!(w, "expected nothing more {}", if reach.back { "before it" } else { "behind it" })?
        }
    }
    let at = if reach.back { "before which stands" } else { "where there stands" };
    writeln!(
        w,
        "         {at}: {}",
        if reach.left.is_empty() { Quoted(b"(nothing)") } else { Quoted(reach.left) }
    )
}

/// A step in words.
struct Words<'s>(&'s Step<'static>);

impl Display for Words<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let text = Quoted(self.0.text);
        match (self.0.kind, self.0.more) {
            (op::LIT, _) => write!(f, "the text `{text}`"),
            (op::ALT, texts) => alternatives(f, texts),
            (op::NUMBER, _) => f.write_str("a number"),
            (op::HEX, _) => f.write_str("a hexadecimal code"),
            (op::NAME, _) => f.write_str("a name of letters, digits, `.`, `-`, `_`"),
            (op::BLANKS, _) => f.write_str("blanks"),
            (op::WORD, _) => f.write_str("a word"),
            (op::QUOTED, _) => f.write_str("text in double quotes"),
            (op::NOT, _) => write!(f, "text that ends at the first of `{text}`"),
            (op::ADDR, [0, _]) => f.write_str("an address, and no host name"),
            (op::ADDR, [2, _]) => f.write_str("an address, perhaps with a port"),
            (op::ADDR, [3, _]) => f.write_str("an address, a dot and a port"),
            (op::ADDR, _) => f.write_str("an address with a port"),
            (op::ONCE, _) => write!(f, "a part that begins with `{text}`, exactly once"),
            (op::FIND, _) => write!(f, "a part that begins with `{text}`"),
            _ => f.write_str("something else"),
        }
    }
}

/// One of several texts.
fn alternatives(f: &mut Formatter<'_>, texts: &[u8]) -> Result {
    f.write_str("one of")?;
    let mut rest = texts.get(1..).unwrap_or(&[]);
    while let Some((length, behind)) = rest.split_first() {
        let (text, behind) = behind.split_at_checked((*length).into()).unwrap_or_default();
        write!(f, " `{}`", Quoted(text))?;
        rest = behind;
    }
    Ok(())
}
