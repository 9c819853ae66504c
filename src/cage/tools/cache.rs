//! Where the loader finds a library: /etc/ld.so.cache.
//!
//! Runs in: bailiff-cage. In: the cache as ldconfig(8) wrote it. Out: the paths it has for a name. Never: trusts an offset.
use crate::policy::Bytes;

/// `CACHEMAGIC_VERSION_NEW` (glibc sysdeps/generic/dl-cache.h, 2.36).
const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
/// The header's length, and an entry's.
const HEADER: usize = 48;
const ENTRY: usize = 24;

/// What an entry for this machine is marked with: ELF, libc 6, 64 bits (`_DL_CACHE_DEFAULT_ID`).
#[cfg(target_arch = "x86_64")]
const MARK: u32 = 0x0303;
#[cfg(target_arch = "aarch64")]
const MARK: u32 = 0x0a03;

/// The cache's bytes; empty: there is none.
pub(crate) struct Cache(pub(crate) Bytes);

impl Cache {
    /// The path of this library for this machine; `None` where the cache has none, or is none.
    pub(crate) fn find(&self, name: &[u8]) -> Option<&[u8]> {
        // An older cache has the newer one behind it; nobody has written such for years.
        let count = self.number(20).filter(|_| self.0.starts_with(MAGIC))?;
        (0..count as usize).find_map(|i| {
            let at = HEADER.saturating_add(i.saturating_mul(ENTRY));
            let held = self.number(at)? == MARK && self.text(self.number(at.saturating_add(4))?)? == name;
            held.then(|| self.text(self.number(at.saturating_add(8))?)).flatten()
        })
    }

    fn number(&self, at: usize) -> Option<u32> {
        self.0.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
    }

    fn text(&self, at: u32) -> Option<&[u8]> {
        self.0.get(at as usize..)?.split(|b| *b == 0).next()
    }
}
