//! Of several records of the same files, which verdict is told.

use super::report::Verdict;

/// The grade of files that are, every byte, as a publisher recorded them whom the user has not chosen to trust.
pub const COMPLETE_BY_STRANGER: u8 = 5;

/// As [`COMPLETE_BY_STRANGER`], but files are missing.
pub const INCOMPLETE_BY_STRANGER: u8 = 4;

/// How much a verdict says; the highest is told. A trusted record goes before others even where it differs and another
/// matches: else whoever records a changed copy under a name of their own could turn "changed" into "not trusted".
/// A record that does not hold is told only when there is nothing else to tell.
pub fn grade(verdict: Verdict, has_subtype: bool, trusted: bool) -> u8 {
    match (verdict, trusted) {
        (Verdict::Authentic | Verdict::Superseded, _) => 10,
        (Verdict::Withdrawn | Verdict::Tainted, _) => 9,
        (Verdict::Stale, true) => 8,
        (Verdict::Incomplete, true) => 7,
        (Verdict::Mismatch | Verdict::Unreadable, true) => 6,
        (Verdict::Stale | Verdict::Untrusted, _) => COMPLETE_BY_STRANGER,
        (Verdict::Incomplete, false) => INCOMPLETE_BY_STRANGER,
        (Verdict::Mismatch | Verdict::Unreadable, false) => 3,
        (Verdict::LogFault, _) => 1,
        (Verdict::Unknown, _) => u8::from(has_subtype) * 2,
    }
}
