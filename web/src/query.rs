//! What a visitor can paste or follow: a record id, a digest, a link with one of them in its fragment.

use provenance::{RecordId, Sha256Digest};

/// What was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Query {
    /// A record, by its id.
    Record(RecordId),
    /// A digest: a file's, a model's, or possibly a record's.
    Digest(Sha256Digest),
}

/// Why a text names nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum QueryError {
    /// Nothing was typed.
    #[error("Paste a record id, a link to a record, or the SHA-256 of a file.")]
    Empty,
    /// Neither a digest nor a link with one.
    #[error(
        "This is neither a link to a record nor a SHA-256 digest, which has 64 characters from 0-9 and a-f. \
         {found} characters were pasted."
    )]
    Unknown {
        /// Characters pasted.
        found: usize,
    },
}

/// Reads what was pasted.
///
/// # Errors
/// [`QueryError`].
pub(crate) fn parse(text: &str) -> Result<Query, QueryError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(QueryError::Empty);
    }
    if let Some((_, fragment)) = text.split_once('#')
        && let Some(query) = from_fragment(fragment)
    {
        return Ok(query);
    }
    if let Some(query) = from_path(text) {
        return Ok(query);
    }
    let bare = text.strip_prefix("sha256:").unwrap_or(text);
    hex(bare).map(Query::Digest).ok_or_else(|| QueryError::Unknown {
        found: text.chars().count(),
    })
}

/// Reads an address or path with `/record/` and an id in it.
pub(crate) fn from_path(path: &str) -> Option<Query> {
    let (_, rest) = path.split_once("/record/")?;
    hex(rest.split(['?', '#', '/']).next()?).map(|id| Query::Record(RecordId::from_digest(id)))
}

/// Reads a page's own fragment: `record=…` or `hash=…`. Fragments never reach a server.
pub(crate) fn from_fragment(fragment: &str) -> Option<Query> {
    let fragment = fragment.strip_prefix('#').unwrap_or(fragment);
    fragment.split('&').find_map(|part| match part.split_once('=')? {
        ("record", id) => hex(id).map(|id| Query::Record(RecordId::from_digest(id))),
        ("hash", digest) => hex(digest.strip_prefix("sha256:").unwrap_or(digest)).map(Query::Digest),
        _ => None,
    })
}

/// Digests of other tools may be in capitals.
fn hex(text: &str) -> Option<Sha256Digest> {
    text.to_ascii_lowercase().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_ids_and_digests_are_told_apart() {
        let digest = Sha256Digest::of(b"x");
        let record = Query::Record(RecordId::from_digest(digest));
        for text in [
            format!("https://registry.example/verify#record={digest}"),
            format!("  #record={digest}\n"),
            format!("https://registry.example/record/{digest}?x=1"),
        ] {
            assert_eq!(parse(&text), Ok(record), "{text}");
        }
        for text in [
            digest.to_string(),
            format!("sha256:{digest}"),
            digest.to_string().to_uppercase(),
        ] {
            assert_eq!(parse(&text), Ok(Query::Digest(digest)), "{text}");
        }
    }

    #[test]
    fn anything_else_says_what_was_wanted() {
        assert_eq!(parse(" "), Err(QueryError::Empty));
        assert_eq!(parse("abc"), Err(QueryError::Unknown { found: 3 }));
        assert_eq!(
            parse("https://registry.example/#record=12"),
            Err(QueryError::Unknown { found: 35 })
        );
    }

    #[test]
    fn a_fragment_names_a_record_or_a_hash_and_nothing_else() {
        let digest = Sha256Digest::of(b"x");
        assert_eq!(
            from_fragment(&format!("#hash={digest}")),
            Some(Query::Digest(digest))
        );
        for fragment in ["", "#", "#trust=evil", "#record=../x", "#record"] {
            assert_eq!(from_fragment(fragment), None, "{fragment}");
        }
    }
}
