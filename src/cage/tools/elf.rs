//! What a program's file says that it needs to run.
//!
//! Runs in: bailiff-cage. In: files that nobody vouches for. Out: an ELF file's interpreter, libraries and search path; a
//! script's interpreter. Never: reads more than a few bounded pieces; trusts an offset.
use alloc::vec;
use alloc::vec::Vec;

use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::io;

use crate::policy::Bytes;

/// Most program headers, dynamic entries and bytes of a name that are looked at.
const MOST_HEADERS: u16 = 128;
const MOST_ENTRIES: u64 = 4096;
const LONGEST: usize = 4096;

/// What a file is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// Neither program nor script.
    Other,
    /// A script: its interpreter, and the first argument if there is one.
    Script {
        interpreter: Bytes,
        argument: Bytes,
    },
    Elf(Needs),
}

/// What an ELF file names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Needs {
    pub(crate) interpreter: Option<Bytes>,
    /// `DT_NEEDED`.
    pub(crate) libraries: Vec<Bytes>,
    /// `DT_RUNPATH`, or `DT_RPATH` where there is none: directories, `$ORIGIN` and all.
    pub(crate) path: Bytes,
}

/// What is wrong with a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    Kernel(Errno),
    /// In words.
    Bad(&'static str),
}

/// The machine that programs here are for (`e_machine`; linux/elf-em.h, 6.18).
#[cfg(target_arch = "x86_64")]
const MACHINE: u16 = 62;
#[cfg(target_arch = "aarch64")]
const MACHINE: u16 = 183;

/// Reads what this file says of itself.
pub(crate) fn form(file: &Fd) -> Result<Form, Fault> {
    let mut head = vec![0; LONGEST];
    let got = pieces(file, &mut head, 0)?;
    let head = head.get(..got).unwrap_or_default();
    if let Some(line) = head.strip_prefix(b"#!") {
        return script(line);
    }
    if !head.starts_with(b"\x7fELF") {
        return Ok(Form::Other);
    }
    elf(file, head).map(Form::Elf)
}

/// The line behind `#!` (fs/binfmt_script.c, 6.18): the interpreter ends at a blank, the rest is one argument.
fn script(line: &[u8]) -> Result<Form, Fault> {
    let line = line.split(|b| *b == b'\n').next().unwrap_or_default().trim_ascii();
    let at = line.iter().position(|b| matches!(b, b' ' | b'\t')).unwrap_or(line.len());
    let (interpreter, argument) = line.split_at_checked(at).unwrap_or((line, b""));
    if interpreter.is_empty() || interpreter.contains(&0) {
        return Err(Fault::Bad("no interpreter behind `#!`"));
    }
    Ok(Form::Script { interpreter: interpreter.to_vec(), argument: argument.trim_ascii().to_vec() })
}

/// Fills `buf` from this offset, as far as the file goes.
fn pieces(file: &Fd, buf: &mut [u8], offset: u64) -> Result<usize, Fault> {
    let mut used = 0usize;
    while let Some(rest) = buf.get_mut(used..).filter(|rest| !rest.is_empty()) {
        match io::pread(file, rest, offset.saturating_add(used as u64)) {
            Ok(0) => break,
            Ok(got) => used = used.saturating_add(got),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(Fault::Kernel(errno)),
        }
    }
    Ok(used)
}

/// Exactly these bytes.
fn piece<const N: usize>(file: &Fd, offset: u64) -> Result<[u8; N], Fault> {
    let mut buf = [0; N];
    if pieces(file, &mut buf, offset)? == N { Ok(buf) } else { Err(Fault::Bad("it ends too soon")) }
}

fn word(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u64::from_le_bytes(*b))
}

fn half(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u16::from_le_bytes(*b))
}

/// A text that ends in NUL, at this offset.
fn text(file: &Fd, offset: u64) -> Result<Bytes, Fault> {
    let mut buf = vec![0; LONGEST];
    let got = pieces(file, &mut buf, offset)?;
    let end = buf.get(..got).unwrap_or_default().iter().position(|b| *b == 0);
    buf.truncate(end.ok_or(Fault::Bad("a name in it has no end"))?);
    Ok(buf)
}

/// The header, and the program headers that matter: `Elf64_Ehdr` and `Elf64_Phdr` (linux/elf.h, 6.18).
fn elf(file: &Fd, head: &[u8]) -> Result<Needs, Fault> {
    const PT_LOAD: u64 = 1;
    const PT_DYNAMIC: u64 = 2;
    const PT_INTERP: u64 = 3;
    if head.get(4..6) != Some(&[2, 1]) || half(head, 18) != MACHINE {
        return Err(Fault::Bad("it is for another machine"));
    }
    let (table, size, count) = (word(head, 32), half(head, 54), half(head, 56));
    if head.len() < 64 || size != 56 || count > MOST_HEADERS {
        return Err(Fault::Bad("its header is not that of a program"));
    }
    let mut needs = Needs::default();
    let (mut loads, mut dynamic) = (Vec::new(), None);
    for i in 0..u64::from(count) {
        let header: [u8; 56] = piece(file, table.saturating_add(i.saturating_mul(56)))?;
        let (offset, address, length) = (word(&header, 8), word(&header, 16), word(&header, 32));
        match word(&header, 0) & 0xffff_ffff {
            PT_LOAD => loads.push((address, offset, length)),
            PT_DYNAMIC => dynamic = Some((offset, length)),
            PT_INTERP => needs.interpreter = Some(text(file, offset)?),
            _ => {}
        }
    }
    if let Some((offset, length)) = dynamic {
        names(file, &loads, offset, length, &mut needs)?;
    }
    Ok(needs)
}

/// The dynamic section: pairs of tag and value up to `DT_NULL`; names are offsets into the table at `DT_STRTAB`.
fn names(
    file: &Fd,
    loads: &[(u64, u64, u64)],
    offset: u64,
    length: u64,
    needs: &mut Needs,
) -> Result<(), Fault> {
    const DT_NULL: u64 = 0;
    const DT_NEEDED: u64 = 1;
    const DT_STRTAB: u64 = 5;
    const DT_RPATH: u64 = 15;
    const DT_RUNPATH: u64 = 29;
    let (mut libraries, mut strings, mut rpath, mut runpath) = (Vec::new(), None, None, None);
    for i in 0..(length / 16).min(MOST_ENTRIES) {
        let pair: [u8; 16] = piece(file, offset.saturating_add(i.saturating_mul(16)))?;
        let value = word(&pair, 8);
        match word(&pair, 0) {
            DT_NULL => break,
            DT_NEEDED => libraries.push(value),
            DT_STRTAB => strings = Some(value),
            DT_RPATH => rpath = Some(value),
            DT_RUNPATH => runpath = Some(value),
            _ => {}
        }
    }
    let path = runpath.or(rpath);
    if libraries.is_empty() && path.is_none() {
        return Ok(());
    }
    let strings = strings.ok_or(Fault::Bad("it has no table of names"))?;
    let held = |&&(address, _, length): &&(u64, u64, u64)| {
        strings.checked_sub(address).is_some_and(|inside| inside < length)
    };
    let (address, at, _) = loads.iter().find(held).ok_or(Fault::Bad("its table of names is not in it"))?;
    let base = strings.wrapping_sub(*address).saturating_add(*at);
    for name in libraries {
        needs.libraries.push(text(file, base.saturating_add(name))?);
    }
    if let Some(path) = path {
        needs.path = text(file, base.saturating_add(path))?;
    }
    Ok(())
}
