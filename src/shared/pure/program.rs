//! Names of programs, as filters name their own.
//!
//! Runs in: the watcher, the client's `test`, the filter compiler. In: a filter's name, trusted; the name that
//! a line's header has. Out: whether they fit.

/// Whether this name is the filter's own: the same, or with `*` for any bytes, also none.
pub fn is_own(own: &[u8], name: &[u8]) -> bool {
    let mut pieces = own.split(|b| *b == b'*');
    let Some(first) = pieces.next() else { return false };
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    let Some(middle) = rest.strip_suffix(last) else { return false };
    rest = middle;
    for piece in pieces {
        let Some(behind) = behind(rest, piece) else { return false };
        rest = behind;
    }
    true
}

/// What stands behind the first place of this piece.
fn behind<'a>(text: &'a [u8], piece: &[u8]) -> Option<&'a [u8]> {
    let mut rest = text;
    loop {
        if let Some(behind) = rest.strip_prefix(piece) {
            return Some(behind);
        }
        (_, rest) = rest.split_first()?;
    }
}
