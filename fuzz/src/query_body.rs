//! What a visitor pastes into the page, or follows as a link.

use provenance::Sha256Digest;

use super::{
    query::{Query, from_fragment, from_path, host_elsewhere, parse},
    target::Target,
};

pub(crate) const TARGET: Target = Target::new("query", samples, query);

/// Whatever is named has its 64 digits in the text, so that nothing is looked up that was not pasted.
fn query(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Some(host) = host_elsewhere(text, "registry.example") {
        assert!(
            text.contains(host) && !host.contains('/'),
            "{text:?} leads to {host:?}"
        );
    }
    let named = [
        parse(text).ok(),
        from_fragment(text).and_then(Result::ok),
        from_path(text).and_then(Result::ok),
    ];
    for query in named.into_iter().flatten() {
        let digits = match query {
            Query::Record(id) => id.to_string(),
            Query::Digest(digest) => digest.to_string(),
        };
        assert!(
            text.to_ascii_lowercase().contains(&digits),
            "{text:?} does not hold {digits}"
        );
    }
}

fn samples() -> Vec<Vec<u8>> {
    let digest = Sha256Digest::of(b"x");
    [
        "",
        "sha256:",
        "#hash=",
        "https://registry.example/verify#record=",
        "https://registry.example/record/",
    ]
    .map(|before| format!("{before}{digest}").into_bytes())
    .to_vec()
}
