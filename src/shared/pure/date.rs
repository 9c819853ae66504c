//! Days as dates.
//!
//! Runs in: the client, bailiff-cage. In: days since 1970. Out: year, month, day. Never: knows a time zone.

/// Year, month and day of the Gregorian calendar, so many days after 1970-01-01: Howard Hinnant's
/// `civil_from_days` for days that are not negative. Its years begin in March, its eras (400 years, 146,097
/// days) in the year 0.
pub fn civil(days: u64) -> (u64, u64, u64) {
    let day = days.saturating_add(719_468);
    let (era, of_era) = (day / 146_097, day % 146_097);
    let leaps = (of_era / 1460).wrapping_sub(of_era / 36_524).wrapping_add(of_era / 146_096);
    let year_of_era = of_era.wrapping_sub(leaps) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}
