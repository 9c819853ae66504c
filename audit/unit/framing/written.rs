//! Lines that services write, with the places where an outsider's bytes stand: from audit/vectors/outsider.txt,
//! and from the filters' own examples by what their patterns call free.
//!
//! In: templates, parsed filters. Out: whole lines with chosen fillings.

use super::super::crooked::Crooked;
use super::super::filters::compiler::form::Form;
use super::super::filters::compiler::parse::Filter;
use super::super::filters::compiler::rule::{Example, Rule};
use super::super::filters::compiler::{field, pattern_steps, run};
use super::escape::{self, Escape};
use super::filling::border;
use bailiff::shared::pure::addr::Addr;
use bailiff::shared::pure::filter::named;

/// The peers of lines from templates: IPv4, IPv6, one with a scope, who may be accused as `fe80::9` or not at all;
/// and for services that look up names one who has a name, and may not be accused.
pub(crate) const PEERS: [&str; 4] = ["192.0.2.9", "2001:db8::9", "fe80::9%eth0", "client.example"];

/// One place where an outsider's bytes stand.
pub(crate) struct Field {
    /// Fields of one name hold one text.
    pub(crate) name: String,
    escapes: Vec<Escape>,
    /// Bytes of which a pattern says that the service lets none through.
    never: Vec<u8>,
    /// What the service keeps of it in bytes, before it escapes; 0: all.
    longest: usize,
    /// What stands there in an honest line, as written.
    pub(crate) harmless: Vec<u8>,
}

impl Field {
    /// What stands in the line for these bytes; what is too long is cut at either end: he would choose which.
    pub(crate) fn written(&self, bytes: &[u8], keeps_end: bool) -> Vec<u8> {
        let over = if self.longest == 0 { 0 } else { bytes.len().saturating_sub(self.longest) };
        let kept = if keeps_end { &bytes[over..] } else { &bytes[..bytes.len() - over] };
        let mut text: Vec<u8> = kept.iter().filter(|b| !self.never.contains(b)).copied().collect();
        for escape in &self.escapes {
            let mut next = Vec::with_capacity(text.len());
            text.iter().for_each(|b| escape(*b, &mut next));
            text = next;
        }
        text
    }
}

pub(crate) enum Part {
    Fixed(Vec<u8>),
    Peer,
    /// The peer, an IPv6 address in brackets.
    Boxed,
    Field(Field),
}

/// Where a line comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A template: with harmless fillings it counts.
    Counts,
    /// A template: with harmless fillings it does not count.
    Innocent,
    /// A template that counts, of a service with rare settings: nobody measures how often it is hidden.
    Rare,
    /// A template in which somebody can be framed, as its filter's `forged` says.
    Forged,
    /// A filter's example: its free parts may hold what the service writes.
    Example,
}

/// A line with fields.
pub(crate) struct Written {
    pub(crate) filter: u8,
    /// The file and line where it stands.
    pub(crate) origin: String,
    pub(crate) kind: Kind,
    pub(crate) parts: Vec<Part>,
    /// Bytes after which the service cuts the line; 0: never.
    cut: usize,
    /// Whether the service writes the peer's name where it knows one.
    is_named: bool,
    /// Who may be accused; for a template whoever stands for `{peer}`.
    peers: Vec<Addr>,
}

impl Written {
    /// One of the peers that a line may have.
    pub(crate) fn peer(&self, random: &mut Crooked) -> &'static str {
        let known = if self.is_named { &PEERS[..] } else { &PEERS[..3] };
        if random.below(2) == 0 { random.pick(known) } else { PEERS[0] }
    }

    /// Whom a line with this peer may accuse.
    pub(crate) fn accusable(&self, peer: &str) -> Vec<Addr> {
        let bare = peer.split('%').next().unwrap_or(peer);
        if self.kind == Kind::Example {
            self.peers.clone()
        } else {
            Addr::parse(bare.as_bytes()).into_iter().collect()
        }
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = &Field> {
        self.parts.iter().filter_map(|p| if let Part::Field(f) = p { Some(f) } else { None })
    }

    /// The line with these texts in its fields, one after another; the harmless ones where there is none.
    pub(crate) fn line(&self, peer: &str, texts: &[Option<Vec<u8>>]) -> Vec<u8> {
        let mut texts = texts.iter();
        let mut line = Vec::new();
        for part in &self.parts {
            match part {
                Part::Fixed(text) => line.extend(text),
                Part::Boxed if peer.contains(':') => line.extend(format!("[{peer}]").bytes()),
                Part::Peer | Part::Boxed => line.extend(peer.bytes()),
                Part::Field(f) => line.extend(texts.next().and_then(Option::as_ref).unwrap_or(&f.harmless)),
            }
        }
        if self.cut > 0 {
            line.truncate(self.cut);
        }
        line
    }

    /// `FILTER [innocent|rare|forged] [named] [cut N] | LINE`; an error names what is wrong. `None`: no such filter is compiled in.
    pub(crate) fn template(origin: String, row: &str) -> Result<Option<Self>, String> {
        let (head, line) = row.split_once(" | ").ok_or("no ` | `")?;
        let mut words = head.split_whitespace();
        let Some(filter) = words.next().and_then(|f| named(f.as_bytes())) else { return Ok(None) };
        let (mut kind, mut cut, mut is_named) = (Kind::Counts, 0, false);
        while let Some(word) = words.next() {
            match word {
                "innocent" => kind = Kind::Innocent,
                "rare" => kind = Kind::Rare,
                "forged" => kind = Kind::Forged,
                "named" => is_named = true,
                "cut" => cut = words.next().and_then(|n| n.parse().ok()).ok_or("`cut` without a number")?,
                _ => return Err(format!("unknown word `{word}`")),
            }
        }
        let written = Self { filter, origin, kind, parts: parts(line)?, cut, is_named, peers: Vec::new() };
        if written.fields().next().is_some() { Ok(Some(written)) } else { Err("no field".to_owned()) }
    }

    /// A filter's hit with what its rule calls free; `None` where the rule does not take it, or calls nothing free.
    pub(crate) fn example(number: u8, filter: &Filter, rule: &Rule, example: &Example) -> Option<Self> {
        let line = example.text.as_bytes();
        let free = free_parts(filter, rule, line)?;
        let peers = vec![Addr::parse(example.addr.as_ref()?.as_bytes())?];
        let (mut parts, mut done) = (Vec::new(), 0);
        for (start, end, never) in free {
            // What stands beside an address is no part of it: the service itself writes a byte between them.
            let joins = start.checked_sub(1).is_some_and(|i| line[i].is_ascii_hexdigit() || line[i] == b'.');
            let start = start + usize::from(joins);
            if start > end {
                continue;
            }
            parts.push(Part::Fixed(line[done..start].to_vec()));
            let escapes = escapes_of(filter.form);
            let (name, harmless) = (format!("{start}"), line[start..end].to_vec());
            parts.push(Part::Field(Field { name, escapes, never, longest: 0, harmless }));
            done = end;
        }
        if parts.is_empty() {
            return None;
        }
        parts.push(Part::Fixed(line[done..].to_vec()));
        let origin = format!("filters/{}.filter:{}", filter.name, example.line);
        Some(Self { filter: number, origin, kind: Kind::Example, parts, cut: 0, is_named: false, peers })
    }
}

/// What is known of a service's escaping by its form alone.
fn escapes_of(form: Form) -> Vec<Escape> {
    let escape = match form {
        Form::Json | Form::Logfmt | Form::Fields => "json",
        Form::Access => "apache",
        _ => "nolf",
    };
    escape::named(escape).into_iter().collect()
}

#[derive(Default)]
struct Parts<'a>(Vec<(&'a [u8], &'a [u8])>);

impl<'a> pattern_steps::Free<'a> for Parts<'a> {
    fn free(&mut self, text: &'a [u8], never: &'a [u8]) {
        self.0.push((text, never));
    }
}

/// Where in the line the rule's free parts stand, from left to right, none within another; and the bytes that
/// each never holds.
fn free_parts(filter: &Filter, rule: &Rule, line: &[u8]) -> Option<Vec<(usize, usize, Vec<u8>)>> {
    let seen = run::seen(filter, line)?;
    let mut free = Parts::default();
    for part in &rule.parts {
        let path: Vec<&[u8]> = part.path.iter().map(Vec::as_slice).collect();
        let value = match filter.form {
            Form::Json => field::json(seen.message, &path)?,
            Form::Logfmt => field::logfmt(seen.message, &path)?,
            Form::Fields => field::either(seen.message, &path)?,
            _ => seen.message,
        };
        pattern_steps::take(&part.code, value, &mut free)?;
    }
    let place = |(text, never): &(&[u8], &[u8])| {
        let start = text.as_ptr().addr().checked_sub(line.as_ptr().addr())?;
        (start + text.len() <= line.len()).then(|| (start, start + text.len(), never.to_vec()))
    };
    let mut places: Vec<_> = free.0.iter().filter_map(place).collect();
    // A part of an optional stretch that is not there after all is none: what it names may be the address.
    let honest = run::judge(filter, u8::MAX, seen);
    let is_free = |(start, end, _): &(usize, usize, Vec<u8>)| {
        let other = [&line[..*start], b"x", &line[*end..]].concat();
        run::seen(filter, &other).and_then(|seen| run::judge(filter, u8::MAX, seen)) == honest
    };
    places.retain(is_free);
    places.sort_by_key(|(start, end, _)| (*start, usize::MAX - end));
    let mut done = 0;
    places.retain(|(start, end, _)| {
        let is_apart = *start >= done;
        done = done.max(*end);
        is_apart
    });
    (!places.is_empty()).then_some(places)
}

/// A template's parts: `{peer}`, `{NAME:ESCAPING+ESCAPING:LONGEST=HARMLESS}`, anything else as it stands. A
/// brace that no small letter follows is a brace.
fn parts(template: &str) -> Result<Vec<Part>, String> {
    let (mut parts, mut rest) = (Vec::new(), template);
    let opens = |(i, _): &(usize, &str)| template[i + 1..].starts_with(|c: char| c.is_ascii_lowercase());
    let mut done = 0;
    for (i, _) in template.match_indices('{').filter(opens) {
        let end = i + template[i..].find('}').ok_or("`{` without its `}`")?;
        parts.push(Part::Fixed(template[done..i].into()));
        parts.push(match &template[i + 1..end] {
            "peer" => Part::Peer,
            "boxed" => Part::Boxed,
            marker => Part::Field(marked(marker)?),
        });
        done = end + 1;
        rest = &template[done..];
    }
    parts.push(Part::Fixed(rest.into()));
    Ok(parts)
}

fn marked(marker: &str) -> Result<Field, String> {
    let (marker, harmless) = marker.split_once('=').unwrap_or((marker, "alice"));
    let mut words = marker.split(':');
    let (Some(name), Some(escapes)) = (words.next(), words.next()) else {
        return Err(format!("`{marker}`: NAME:ESCAPING is expected"));
    };
    let escapes: Option<Vec<Escape>> = escapes.split('+').map(escape::named).collect();
    Ok(Field {
        name: name.to_owned(),
        escapes: escapes.ok_or(format!("`{marker}`: an unknown escaping"))?,
        never: Vec::new(),
        longest: words.next().map_or(Ok(0), str::parse).map_err(|e| format!("`{marker}`: {e}"))?,
        harmless: harmless.into(),
    })
}

/// The honest text with a filling put into it, from one of its words to another.
pub(crate) fn within(random: &mut Crooked, honest: &[u8], filling: &[u8]) -> Vec<u8> {
    let borders: Vec<usize> = (0..=honest.len()).filter(|i| border(honest, *i)).collect();
    let (a, b) = (random.pick(&borders), random.pick(&borders));
    [&honest[..a.min(b)], filling, &honest[a.max(b)..]].concat()
}
