//! Patterns of paths.
//!
//! Runs in: bailiff-cage. In: patterns of a policy, names of files. Out: whether one fits the other. Never: takes a name
//! that begins with a dot unless the pattern spells the dot.
//!
//! `*` is any text and `?` any byte within a name, `**` any number of directories. A pattern that ends at a directory means
//! all below it.

/// What a pattern says of a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fit {
    /// It is meant, and all below it.
    Whole,
    /// It is not, but something below it may be.
    Below,
    /// Neither it nor anything below.
    No,
}

/// At most so many `**` in a pattern: each multiplies the work by the depth of the tree.
const MOST_STARS: usize = 3;

/// What is wrong with a pattern, if anything: it must be relative, stay within and name something.
pub(crate) fn fault(pattern: &[u8]) -> Option<&'static str> {
    let mut stars = 0;
    for part in pattern.split(|b| *b == b'/') {
        match part {
            b"**" => stars += 1,
            b".." => return Some("expected a path below the policy's directory, without `..`"),
            b"" | b"." => {
                return Some("expected a relative path without `.`, double or closing slashes");
            }
            _ => {}
        }
    }
    (stars > MOST_STARS).then_some("expected at most three `**`")
}

/// Whether `pattern` means `path`; both relative and not empty.
pub(crate) fn fit(pattern: &[u8], path: &[u8]) -> Fit {
    parts(pattern, path)
}

/// The first part of a path and the rest; `None` at its end.
fn first(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.is_empty() {
        return None;
    }
    match path.iter().position(|b| *b == b'/') {
        Some(at) => Some((path.get(..at)?, path.get(at.saturating_add(1)..)?)),
        None => Some((path, b"")),
    }
}

fn parts(pattern: &[u8], path: &[u8]) -> Fit {
    let Some((wanted, more)) = first(pattern) else {
        // All of the pattern is used up: what is left of the path lies below a directory that it means.
        let hidden = path.split(|b| *b == b'/').any(|part| part.starts_with(b"."));
        return if hidden { Fit::No } else { Fit::Whole };
    };
    let Some((name, rest)) = first(path) else {
        return if pattern == b"**" { Fit::Whole } else { Fit::Below };
    };
    if wanted != b"**" {
        return if matches(wanted, name) { parts(more, rest) } else { Fit::No };
    }
    let without = parts(more, path);
    if without == Fit::Whole || name.starts_with(b".") {
        return without;
    }
    match parts(pattern, rest) {
        Fit::No => without,
        fit => fit,
    }
}

/// Whether a name fits one part of a pattern.
pub(crate) fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if name.starts_with(b".") && !pattern.starts_with(b".") {
        return false;
    }
    // The last star, and where in the name its text ended when last tried.
    let (mut p, mut n) = (0usize, 0usize);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        let wanted = pattern.get(p).copied();
        if wanted == Some(b'*') {
            star = Some((p, n));
            p = p.saturating_add(1);
        } else if wanted.is_some() && (wanted == Some(b'?') || wanted == name.get(n).copied()) {
            (p, n) = (p.saturating_add(1), n.saturating_add(1));
        } else if let Some((at, from)) = star {
            let from = from.saturating_add(1);
            star = Some((at, from));
            (p, n) = (at.saturating_add(1), from);
        } else {
            return false;
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|b| *b == b'*')
}
