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
        && let Some(Ok(query)) = from_fragment(fragment)
    {
        return Ok(query);
    }
    if let Some(Ok(query)) = from_path(text) {
        return Ok(query);
    }
    let bare = text.strip_prefix("sha256:").unwrap_or(text);
    hex(bare).map(Query::Digest).ok_or_else(|| QueryError::Unknown {
        found: text.chars().count(),
    })
}

/// The host of a link that leads to another site than the one at `here`.
pub(crate) fn host_elsewhere<'a>(text: &'a str, here: &str) -> Option<&'a str> {
    let text = text.trim();
    let (rest, port) = match text.strip_prefix("https://") {
        Some(rest) => (rest, ":443"),
        None => (text.strip_prefix("http://")?, ":80"),
    };
    let host = rest.split(['/', '?', '#']).next()?;
    let plain = host.strip_suffix(port).unwrap_or(host);
    (!plain.eq_ignore_ascii_case(here)).then_some(host)
}

/// Reads an address or path with `/record/` and what should be an id in it. The error says what was wrong.
pub(crate) fn from_path(path: &str) -> Option<Result<Query, String>> {
    let (_, rest) = path.split_once("/record/")?;
    Some(named(rest.split(['?', '#', '/']).next()?, true))
}

/// Reads a page's own fragment: `record=…` or `hash=…`. Fragments never reach a server. The error says what was
/// wrong.
pub(crate) fn from_fragment(fragment: &str) -> Option<Result<Query, String>> {
    let fragment = fragment.strip_prefix('#').unwrap_or(fragment);
    fragment.split('&').find_map(|part| match part.split_once('=')? {
        ("record", id) => Some(named(id, true)),
        ("hash", digest) => Some(named(digest.strip_prefix("sha256:").unwrap_or(digest), false)),
        _ => None,
    })
}

fn named(text: &str, is_record: bool) -> Result<Query, String> {
    match hex(text) {
        Some(digest) if is_record => Ok(Query::Record(RecordId::from_digest(digest))),
        Some(digest) => Ok(Query::Digest(digest)),
        None => Err(format!(
            "A record id or SHA-256 digest has 64 characters from 0-9 and a-f. “{text}” is neither."
        )),
    }
}

/// Digests of other tools may be in capitals.
fn hex(text: &str) -> Option<Sha256Digest> {
    text.to_ascii_lowercase().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fuzzers_corpus_of_queries_holds() {
        let fuzz = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        crate::query_body::TARGET.replay(&fuzz);
    }

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
    fn a_link_to_another_host_is_told() {
        let here = "registry.example:8080";
        let link = "https://other.example/record/00";
        assert_eq!(host_elsewhere(link, here), Some("other.example"));
        assert_eq!(host_elsewhere("http://REGISTRY.example:8080#x", here), None);
        for text in ["sha256:00", "00  https://other.example/x", "file:///x"] {
            assert_eq!(host_elsewhere(text, here), None, "{text}");
        }
        assert_eq!(host_elsewhere("https://a.example:443/x", "a.example"), None);
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
            Some(Ok(Query::Digest(digest)))
        );
        for fragment in ["", "#", "#trust=evil", "#record", "#trust"] {
            assert_eq!(from_fragment(fragment), None, "{fragment}");
        }
    }

    #[test]
    fn an_address_that_should_name_a_record_says_what_is_wrong_with_it() {
        for wrong in [
            from_fragment("#record=../x"),
            from_fragment("#hash=sha256:../x"),
            from_path("/record/../x"),
            from_path("/record/"),
        ] {
            assert!(wrong.unwrap().unwrap_err().contains("64 characters"));
        }
        assert_eq!(from_path("/nosuch"), None);
    }
}
