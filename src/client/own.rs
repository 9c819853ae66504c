//! The operator's own filters: from a file to what the daemon makes of it.
//!
//! Runs in: the client, with its user's rights. In: a filter's name, or its file; the configuration's place, beside which
//! the folder `filters` lies. Out: filters as they were written, or why one is refused, by line and column. Never:
//! takes what bailiff-compiler refuses: the parser and the checks are the same source, and lines are judged by the image.
use super::choice::Wrong;
use super::compiler::{self, Fault, parse};
use super::config::{self, MOST};
use super::out::Out;
use super::outcome::{Error, GOOD};
use super::patterns::{Own, Part, Pattern, Written, written};
use super::show::Quoted;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use bailiff::shared::pure::filter::{FILTERS, Filter, Mode, Rule, named};
use bailiff::shared::pure::image::{LONGEST, OWN, filters};
use bailiff::shared::pure::settings::FilterName;
use bailiff::shims::errno::Errno;
use bailiff::shims::files::{At, entries, entry, flags, open};
use core::fmt::{Display, Formatter, Result as Printed};

/// As bailiff-compiler says it.
const LARGE: &str = "all filters together are too large: 64 KiB of steps";

/// Why a file is no filter, or a folder none of filters.
#[derive(Debug)]
pub(crate) enum Refused {
    Kernel(Errno),
    Whole(&'static str),
    Fault(Fault),
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// As it stands behind the file and a colon.
impl Display for Refused {
    fn fmt(&self, f: &mut Formatter<'_>) -> Printed {
        match self {
            Self::Kernel(errno) => write!(f, " {}", Error(*errno)),
            Self::Whole(reason) => write!(f, " {reason}"),
            Self::Fault(Fault { line, col, reason }) => {
                write!(f, "{line}:{col}: {}", Quoted(reason.as_bytes()))
            }
        }
    }
}

/// The filter of this name, or in this file.
pub(crate) fn find<'a>(word: &'a [u8], config: &[u8]) -> Result<Written, Wrong<'a>> {
    match named(word).and_then(written) {
        Some(written) => Ok(written),
        None => own(word, config, compile),
    }
}

/// The text of the filter of this name, or of this file, whether it is accepted or not.
pub(crate) fn text<'a>(word: &'a [u8], config: &[u8]) -> Result<&'static str, Wrong<'a>> {
    match named(word).and_then(written) {
        Some(written) => Ok(written.text),
        None => own(word, config, |file| Ok(leaked(contents(file)?))),
    }
}

/// What comes `of` the file that this word means: its own, if it ends like one, else that of this name beside the
/// configuration.
fn own<'a, T>(
    word: &'a [u8],
    config: &[u8],
    of: impl FnOnce(&[u8]) -> Result<T, Refused>,
) -> Result<T, Wrong<'a>> {
    let is_file = word.ends_with(b".filter");
    if !is_file && !is_name(word) {
        return Err(Wrong::Filter(word));
    }
    let file = if is_file { word.to_vec() } else { [&folder(config)[..], b"/", word, b".filter"].concat() };
    of(&file).map_err(|refused| match refused {
        Refused::Kernel(Errno::ENOENT) if !is_file => Wrong::Filter(word),
        _ => Wrong::Own(file, refused),
    })
}

/// Appends those beside the configuration to `all`, in the order of their names, and says which are refused: the exit code.
pub(crate) fn append(all: &mut Vec<Written>, config: &[u8], err: &mut Out) -> u8 {
    let folder = folder(config);
    let files = match files(&folder) {
        Ok(files) => files,
        Err(Errno::ENOENT) => return GOOD,
        Err(errno) => return Wrong::Own(folder, Refused::Kernel(errno)).say(err),
    };
    let mut code = GOOD;
    if files.len() > OWN {
        code = Wrong::Own(folder.clone(), Refused::Whole("more than 32 filters")).say(err);
    }
    for file in files {
        match compile(&file) {
            Ok(written) => all.push(written),
            Err(refused) => code = Wrong::Own(file, refused).say(err),
        }
    }
    if all.iter().filter_map(|written| written.own).map(|own| own.image.len()).sum::<usize>() > LONGEST {
        code = Wrong::Own(folder, Refused::Whole(LARGE)).say(err);
    }
    code
}

/// `filters` beside the configuration.
fn folder(config: &[u8]) -> Vec<u8> {
    let slash = config.iter().rposition(|b| *b == b'/');
    let parent = slash.and_then(|at| config.get(..=at)).unwrap_or(b"");
    [parent, b"filters"].concat()
}

/// The files of filters in this folder, in the order of their names.
fn files(folder: &[u8]) -> Result<Vec<Vec<u8>>, Errno> {
    let directory = open(At::Cwd, folder, flags::O_DIRECTORY, 0, 0)?;
    let (mut files, mut buf) = (Vec::new(), [0u8; 16384]);
    loop {
        let used = entries(&directory, &mut buf)?;
        let mut rest = buf.get(..used).unwrap_or(&[]);
        if rest.is_empty() {
            files.sort_unstable();
            return Ok(files);
        }
        while let Some((name, behind)) = entry(rest) {
            if name.ends_with(b".filter") {
                files.push([folder, b"/", name].concat());
            }
            rest = behind;
        }
    }
}

/// Whether the daemon takes a filter of this name.
fn is_name(name: &[u8]) -> bool {
    let plain = |b: &u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    FilterName::new(name).is_some() && !name.is_empty() && name.iter().all(plain)
}

/// The text of a file.
fn contents(file: &[u8]) -> Result<String, Refused> {
    let mut buf = [0; MOST + 1];
    let bytes = config::bytes(file, &mut buf).map_err(Refused::Kernel)?;
    let bytes = bytes.ok_or(Refused::Whole("longer than 64 KiB"))?;
    let Ok(text) = core::str::from_utf8(bytes) else { return Ok(compiler::fault(1, 1, "not UTF-8")?) };
    Ok(text.into())
}

/// What bailiff-compiler makes of a file.
fn compile(file: &[u8]) -> Result<Written, Refused> {
    let name = file.rsplit(|b| *b == b'/').next().and_then(|name| name.strip_suffix(b".filter"));
    let name = name.filter(|name| is_name(name)).and_then(|name| core::str::from_utf8(name).ok());
    let wrong = "expected a name of at most 32 of a-z, 0-9, _ and - before .filter";
    let name = name.ok_or(Refused::Whole(wrong))?;
    let text = contents(file)?;
    if named(name.as_bytes()).is_some() {
        compiler::fault(1, 1, "bailiff has a filter of this name: call yours by another")?;
    }
    let parsed = compiler::read(name, &text)?;
    let mut image = Vec::new();
    compiler::image::append(&mut image, &parsed)?;
    let image: &'static [u8] = image.leak();
    let facts = filters(image).next().filter(|_| image.len() <= LONGEST).ok_or(Refused::Whole(LARGE))?;
    let own = Own { file: file.to_vec().leak(), image, facts };
    Ok(kept(parsed, own, leaked(text)))
}

fn leaked(text: String) -> &'static str {
    text.leak()
}

fn list<T, U>(items: Vec<T>, of: impl FnMut(T) -> U) -> &'static [U] {
    items.into_iter().map(of).collect::<Vec<U>>().leak()
}

/// The filter as those of the catalogue are kept: for the life of this process.
fn kept(parsed: parse::Filter, own: Own, text: &'static str) -> Written {
    let patterns = list(parsed.rules.iter().collect(), |rule| Pattern {
        longest: rule.longest,
        parts: list(rule.parts.iter().collect(), |part| Part {
            path: list(part.path.clone(), |key| &*key.leak()),
            code: part.code.clone().leak(),
        }),
    });
    let filter = Filter {
        name: leaked(parsed.name),
        modes: list(parsed.modes, |mode| Mode { name: leaked(mode.name), bits: mode.bits }),
        default_modes: parsed.default_modes,
        logs: list(parsed.logs, leaked),
        ports: parsed.ports.leak(),
        programs: list(parsed.programs, leaked),
        headers: parsed.headers,
        form: own.facts.form,
        forged: leaked(parsed.forged),
        journal: list(parsed.journal, leaked),
        rules: list(parsed.rules, |rule| Rule {
            line: rule.line as u16,
            modes: rule.modes,
            weight: rule.weight,
            text: leaked(rule.text),
        }),
    };
    // The number that the daemon gives the first of them.
    let number = FILTERS.len() as u8;
    Written { number, filter: Box::leak(Box::new(filter)), own: Some(own), text, patterns }
}
