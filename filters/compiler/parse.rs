//! From a filter file to a `Filter`.
//!
//! Runs in: the filter compiler. In: the file's text. Out: the filter as written, or what is wrong with its
//! form.

use super::form::{Form, before};
use super::rule::{Example, Rule, accuses, class_bits, example, is_example, mode_bits, opening, pattern};
use super::words::{String, ToOwned, Vec};
use super::{Fault, fault, said};

/// A mode: its name, its classes as bits.
pub struct Mode {
    pub name: String,
    pub bits: u8,
}

/// One filter file.
#[derive(Default)]
pub struct Filter {
    pub name: String,
    pub programs: Vec<String>,
    /// `form::before`'s bits.
    pub headers: u8,
    pub form: Form,
    /// Why its lines, or the addresses in them, can be forged; empty: they cannot.
    pub forged: String,
    pub journal: Vec<String>,
    pub logs: Vec<String>,
    pub ports: Vec<u16>,
    /// `longest` of the patterns that follow.
    pub longest: usize,
    pub classes: Vec<String>,
    pub modes: Vec<Mode>,
    pub default_modes: u8,
    pub rules: Vec<Rule>,
    /// Lines at the end of the file that no rule may take.
    pub misses: Vec<Example>,
}

/// One line of the file, cut at its words.
pub struct Line<'a> {
    pub number: usize,
    pub indent: usize,
    pub text: &'a str,
}

impl<'a> Line<'a> {
    pub fn fault<T>(&self, at: usize, reason: impl Into<String>) -> Result<T, Fault> {
        fault(self.number, self.indent + at + 1, reason)
    }

    /// The first word and the rest, which starts at the byte given.
    pub fn split(&self) -> (&'a str, usize, &'a str) {
        let (word, rest) = self.text.split_once(' ').unwrap_or((self.text, ""));
        let trimmed = rest.trim_start();
        (word, self.text.len() - trimmed.len(), trimmed)
    }
}

/// Reads a filter file.
pub fn parse(name: &str, text: &str) -> Result<Filter, Fault> {
    let mut filter = Filter { name: name.to_owned(), ..Filter::default() };
    let lines: Vec<Line<'_>> = text
        .lines()
        .enumerate()
        .map(|(i, l)| Line { number: i + 1, indent: l.len() - l.trim_start().len(), text: l.trim() })
        .filter(|l| !l.text.is_empty() && !l.text.starts_with('#'))
        .collect();
    let mut rest = lines.iter().peekable();
    while let Some(line) = rest.next() {
        if line.indent > 0 {
            return line.fault(0, "an indented line belongs to a pattern, and there is none above it");
        }
        let (word, at, value) = line.split();
        match word {
            "pattern" | "ignore" => {
                let mut rule = opening(&filter, line)?;
                while let Some(text) = rest.next_if(|l| l.indent > 0 && !is_example(l.text)) {
                    pattern(&filter, &mut rule, text)?;
                }
                if rule.parts.is_empty() {
                    return line.fault(0, "the pattern's text must follow, indented");
                }
                accuses(&filter, &rule)?;
                while let Some(line) = rest.next_if(|l| l.indent > 0) {
                    rule.examples.push(example(&filter, line)?);
                }
                filter.rules.push(rule);
            }
            "miss" | "miss[" => filter.misses.push(example(&filter, line)?),
            _ if word.starts_with("miss[") => filter.misses.push(example(&filter, line)?),
            _ => directive(&mut filter, line, word, at, value)?,
        }
    }
    complete(filter)
}

fn complete(filter: Filter) -> Result<Filter, Fault> {
    let by_syslog = filter.headers & before::SYSLOG != 0;
    let missing = [
        (filter.headers & !before::UNPADDED == 0, "no `header`"),
        (
            by_syslog && filter.programs.is_empty(),
            "no `program`: header syslog needs the names of the service's",
        ),
        (filter.modes.is_empty(), "no `mode`"),
        (filter.default_modes == 0, "no `default` mode"),
        (filter.rules.is_empty(), "no `pattern`"),
    ];
    match missing.iter().find(|m| m.0) {
        Some((_, reason)) => fault(1, 1, *reason),
        None => Ok(filter),
    }
}

/// What the configuration takes for a log too.
fn is_path(log: &str) -> bool {
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.bytes().any(|b| b.is_ascii_control());
    log.len() < 256 && log.strip_prefix('/').is_some_and(|rest| rest.split('/').all(plain))
}

/// What the configuration takes for a mode.
fn is_mode(name: &str) -> bool {
    let plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9');
    let rest = |b: u8| plain(b) || matches!(b, b'_' | b'-');
    name.len() <= 24 && name.bytes().next().is_some_and(plain) && name.bytes().all(rest)
}

fn words(value: &str) -> Vec<String> {
    value.split_whitespace().map(str::to_owned).collect()
}

fn directive(filter: &mut Filter, line: &Line<'_>, word: &str, at: usize, value: &str) -> Result<(), Fault> {
    if word == "unpadded" && value.is_empty() {
        filter.headers |= before::UNPADDED;
        return Ok(());
    }
    if value.is_empty() {
        return line.fault(0, said(format_args!("`{word}` without a value")));
    }
    match word {
        "filter" if value != filter.name => return line.fault(at, "the name must be the file's"),
        "filter" => {}
        "header" => {
            for name in value.split_whitespace() {
                filter.headers |= match name {
                    "syslog" => before::SYSLOG,
                    "time" => before::TIME,
                    "raw" => before::RAW,
                    _ => return line.fault(at, "an unknown header; there are: syslog, time, raw"),
                };
            }
        }
        "form" => filter.form = form(line, at, value)?,
        "forged" if value.len() > 255 => return line.fault(at, "more than 255 bytes"),
        "forged" => value.clone_into(&mut filter.forged),
        "program" => filter.programs = words(value),
        "longest" => match value.parse() {
            Ok(longest) => filter.longest = longest,
            Err(_) => return line.fault(at, "a number of bytes is expected"),
        },
        "class" => {
            filter.classes = words(value);
            if filter.classes.len() > 8 {
                return line.fault(at, "more than eight classes");
            }
        }
        "mode" => {
            let Some((name, classes)) = value.split_once('=') else {
                return line.fault(at, "expected `mode NAME = CLASS...`");
            };
            let (name, bits) = (name.trim(), class_bits(filter, line, at, classes)?);
            if !is_mode(name) || filter.modes.iter().any(|m| m.name == name) {
                return line.fault(at, "a mode's name is 1 to 24 of a-z, 0-9, _ and -, and stands once");
            }
            filter.modes.push(Mode { name: name.to_owned(), bits });
        }
        "default" => filter.default_modes = mode_bits(filter, line, at, value)?,
        _ => return place(filter, line, word, at, value),
    }
    Ok(())
}

/// Where the service is found: `log`, `port`, `journal`.
fn place(filter: &mut Filter, line: &Line<'_>, word: &str, at: usize, value: &str) -> Result<(), Fault> {
    match word {
        "log" => {
            filter.logs = words(value);
            if !filter.logs.iter().all(|log| is_path(log)) || filter.logs.len() > 8 {
                return line.fault(at, "a log is an absolute path, and there are at most eight");
            }
        }
        "port" => {
            for port in value.split_whitespace() {
                match port.parse() {
                    Ok(0) | Err(_) => return line.fault(at, said(format_args!("`{port}` is no port"))),
                    Ok(port) if filter.ports.len() < 8 => filter.ports.push(port),
                    Ok(_) => return line.fault(at, "more than eight ports"),
                }
            }
        }
        "journal" => filter.journal = words(value),
        _ => return line.fault(0, said(format_args!("unknown word `{word}`"))),
    }
    Ok(())
}

fn form(line: &Line<'_>, at: usize, value: &str) -> Result<Form, Fault> {
    Ok(match value {
        "text" => Form::Text,
        "access" => Form::Access,
        "apache" => Form::Apache,
        "nginx" => Form::Nginx,
        "json" => Form::Json,
        "logfmt" => Form::Logfmt,
        "json logfmt" => Form::Fields,
        _ => {
            return line.fault(
                at,
                "an unknown form; there are: text, access, apache, nginx, json, logfmt, json logfmt",
            );
        }
    })
}
