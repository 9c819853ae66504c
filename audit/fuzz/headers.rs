//! Every header, form and field on any line.
//!
//! Run by: libFuzzer (fuzz.sh). In: a line. Out: nothing, or the end of the process. Never: ships.

mod fields;
mod target;

use bailiff::shared::pure::form::{self, Form, before};
use bailiff::shared::pure::header::{self, Head};
use bailiff::shared::pure::stamp::stamp;
use target::{is_within, names};

const FORMS: [Form; 7] =
    [Form::Text, Form::Access, Form::Apache, Form::Nginx, Form::Json, Form::Logfmt, Form::Fields];

fn run(line: &[u8]) {
    for head in [header::syslog(line), header::journal(line)].into_iter().flatten() {
        behind(line, head);
    }
    if let Some((stamp, rest)) = stamp(line) {
        is_within(line, rest);
        assert!(line.ends_with(rest) && rest.len() < line.len());
        assert!(stamp.year <= 9999 && stamp.month <= 12 && stamp.day <= 31);
        assert!(stamp.hour <= 23 && stamp.minute <= 59 && stamp.second <= 60);
    }
    for form in FORMS {
        if let Some((peer, message)) = form::laid_out(form, line) {
            is_within(line, message);
            let before = &line[..message.as_ptr().addr() - line.as_ptr().addr()];
            assert!(
                !form.names_peer() || names(before, peer),
                "a peer that does not stand before the message"
            );
        }
    }
    let timed = form::timed(line);
    for read in [0, before::SYSLOG, before::JOURNAL, before::SYSLOG | before::JOURNAL] {
        let head = form::head(read, line);
        for more in 0..8 {
            // The bits that do not say which head is read; one form for each, another one for each length of line.
            let bits = [before::TIME, before::RAW, before::UNPADDED];
            let headers: u8 =
                bits.iter().zip(0..).map(|(bit, place)| bit * (more >> place & 1)).sum::<u8>() | read;
            let form = FORMS[(usize::from(headers) + line.len()) % FORMS.len()];
            seen(headers, form, line, head, timed);
        }
    }
    fields::read(line);
}

fn behind(line: &[u8], head: Head<'_>) {
    is_within(line, head.program);
    is_within(line, head.message);
    assert!((1..=1000).contains(&head.times) && head.program.len() <= 128);
    assert!(head.program.as_ptr() <= head.message.as_ptr() || head.message.is_empty());
    assert!(!head.message.ends_with(b" "), "a message with blanks at its end");
}

fn seen<'a>(headers: u8, form: Form, line: &'a [u8], head: Option<Head<'a>>, timed: Option<&'a [u8]>) {
    let known = head.map(|h| h.program).filter(|_| headers & (before::SYSLOG | before::JOURNAL) != 0);
    for is_own in [true, false] {
        let Some(seen) = form::seen(headers, form, |_| is_own, line, head, || timed) else { continue };
        is_within(line, seen.message);
        assert!(!form.names_peer() || names(line, seen.peer));
        assert!(
            seen.times == 1 || is_own && known.is_some(),
            "a line of another program counts more than once"
        );
        assert!(headers & before::UNPADDED == 0 || !line.ends_with(b" "), "a padded line");
        assert!(is_own || headers & (before::TIME | before::RAW) != 0, "a line of another program");
    }
}

target::target!(run);
