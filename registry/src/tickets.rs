//! Upload tickets: permission to upload the sidecars of one record whose signatures were checked.
//!
//! Held in memory only: a restart forgets them, and the client simply submits again. The number of tickets is
//! bounded, since each one promises disk space.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use provenance::{Sha256Digest, api::MissingBlob};

/// How long a ticket is good for.
pub(crate) const TICKET_LIFETIME: Duration = Duration::from_secs(3600);

/// Most tickets at one time; with an hour each this allows one new record with sidecars every second.
pub(crate) const MAX_TICKETS: usize = 4096;

/// Most blobs that all tickets together may promise; about 100 bytes each, so 100 MiB.
pub(crate) const MAX_PROMISED_BLOBS: usize = 1 << 20;

/// All tickets that are good now.
#[derive(Debug, Default)]
pub(crate) struct Tickets {
    open: Mutex<HashMap<String, Ticket>>,
}

#[derive(Debug)]
struct Ticket {
    /// For one record a ticket is issued again rather than another one.
    record: Sha256Digest,
    expires: Instant,
    blobs: HashMap<Sha256Digest, MissingBlob>,
}

/// Why no ticket can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum TicketError {
    /// All are in use.
    #[error("all {MAX_TICKETS} upload tickets are in use")]
    Exhausted,
    /// The operating system gave no random bytes.
    #[error("no randomness for an upload ticket")]
    Randomness,
}

impl Tickets {
    /// A ticket for the `missing` blobs of `record`. A record that has one gets it again, extended.
    pub(crate) fn issue(
        &self,
        record: Sha256Digest,
        missing: &[MissingBlob],
        now: Instant,
    ) -> Result<String, TicketError> {
        let blobs = missing.iter().map(|blob| (blob.digest, blob.clone())).collect();
        let ticket = Ticket {
            record,
            expires: now + TICKET_LIFETIME,
            blobs,
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, ticket| ticket.expires > now);
        if let Some((text, found)) = open.iter_mut().find(|(_, t)| t.record == record) {
            *found = ticket;
            return Ok(text.clone());
        }
        let promised: usize = open.values().map(|t| t.blobs.len()).sum();
        if open.len() >= MAX_TICKETS || promised + ticket.blobs.len() > MAX_PROMISED_BLOBS {
            return Err(TicketError::Exhausted);
        }
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|_| TicketError::Randomness)?;
        let text = hex::encode(random);
        open.insert(text.clone(), ticket);
        Ok(text)
    }

    /// What `ticket` allows to be uploaded under `digest`, if anything.
    pub(crate) fn allows(&self, ticket: &str, digest: &Sha256Digest, now: Instant) -> Option<MissingBlob> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(ticket)
            .filter(|t| t.expires > now)?
            .blobs
            .get(digest)
            .cloned()
    }
}

#[cfg(test)]
mod tests {
    use provenance::api::BlobKind;

    use super::*;

    fn blob(n: u8) -> MissingBlob {
        let digest = Sha256Digest::of(&[n]);
        MissingBlob {
            digest,
            kind: BlobKind::Chunks,
            length: Some(32),
            max_length: 32,
        }
    }

    #[test]
    fn allows_only_what_it_was_issued_for() {
        let (tickets, now) = (Tickets::default(), Instant::now());
        let ticket = tickets.issue(Sha256Digest::of(b"r"), &[blob(1)], now).unwrap();
        assert_eq!(tickets.allows(&ticket, &blob(1).digest, now), Some(blob(1)));
        assert_eq!(tickets.allows(&ticket, &blob(2).digest, now), None);
        assert_eq!(tickets.allows("00", &blob(1).digest, now), None);
    }

    #[test]
    fn expires_after_an_hour() {
        let (tickets, now) = (Tickets::default(), Instant::now());
        let ticket = tickets.issue(Sha256Digest::of(b"r"), &[blob(1)], now).unwrap();
        assert_eq!(
            tickets.allows(&ticket, &blob(1).digest, now + TICKET_LIFETIME),
            None
        );
    }

    #[test]
    fn one_record_has_one_ticket_and_their_number_is_bounded() {
        let (tickets, now) = (Tickets::default(), Instant::now());
        let first = tickets.issue(Sha256Digest::of(b"r"), &[blob(1)], now).unwrap();
        assert_eq!(tickets.issue(Sha256Digest::of(b"r"), &[blob(2)], now), Ok(first));
        for n in 1..MAX_TICKETS {
            tickets
                .issue(Sha256Digest::of(&n.to_be_bytes()), &[blob(1)], now)
                .unwrap();
        }
        assert_eq!(
            tickets.issue(Sha256Digest::of(b"x"), &[blob(1)], now),
            Err(TicketError::Exhausted)
        );
        assert!(
            tickets
                .issue(Sha256Digest::of(b"x"), &[blob(1)], now + TICKET_LIFETIME)
                .is_ok()
        );
    }
}
