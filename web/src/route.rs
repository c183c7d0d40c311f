//! Which page an address names. The server knows the same addresses (`registry/src/pages.rs`).

use provenance::{PublisherName, RecordId, Sha256Digest};

/// A page of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// The first page: Verify, and what else there is.
    Home,
    /// Verify alone.
    Verify,
    /// Words and digests.
    Search,
    /// A record.
    Record(RecordId),
    /// All records about the same bytes, by their dirHash1.
    Artifact(Sha256Digest),
    /// A publisher.
    Publisher(PublisherName),
    /// All publishers.
    Publishers,
    /// The log.
    Log,
    /// The badge builder.
    Badge,
    /// The API.
    Developers,
    /// What the words mean.
    Words,
    /// Every component.
    Styleguide,
    /// There is no such page.
    Nowhere,
}

impl Route {
    /// The page at `path`.
    pub(crate) fn of(path: &str) -> Self {
        let path = path
            .strip_suffix('/')
            .filter(|rest| !rest.is_empty())
            .unwrap_or(path);
        match path {
            "/" | "/index.html" => return Self::Home,
            "/verify" => return Self::Verify,
            "/search" => return Self::Search,
            "/publishers" => return Self::Publishers,
            "/log" => return Self::Log,
            "/badge" => return Self::Badge,
            "/developers" => return Self::Developers,
            "/words" => return Self::Words,
            "/styleguide" => return Self::Styleguide,
            _ => {}
        }
        let digest = |text: &str| text.to_ascii_lowercase().parse::<Sha256Digest>().ok();
        let named = |folder: &str| path.strip_prefix(folder);
        let record = named("/record/").and_then(digest).map(RecordId::from_digest);
        let artifact = named("/artifact/").and_then(digest);
        let publisher = named("/publisher/").and_then(|name| name.parse().ok());
        record
            .map(Self::Record)
            .or(artifact.map(Self::Artifact))
            .or(publisher.map(Self::Publisher))
            .unwrap_or(Self::Nowhere)
    }
}

/// Address of a record's page.
pub(crate) fn record(id: RecordId) -> String {
    format!("/record/{id}")
}

/// Address of a publisher's page.
pub(crate) fn publisher(name: &PublisherName) -> String {
    format!("/publisher/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_one_page() {
        let id = RecordId::of_payload(b"x");
        let name: PublisherName = "acme.example".parse().unwrap();
        for (path, page) in [
            ("/", Route::Home),
            ("/verify/", Route::Verify),
            ("/log", Route::Log),
            (record(id).as_str(), Route::Record(id)),
            (
                record(id).to_uppercase().replace("RECORD", "record").as_str(),
                Route::Record(id),
            ),
            (publisher(&name).as_str(), Route::Publisher(name.clone())),
            ("/record/", Route::Nowhere),
            ("/record/../x", Route::Nowhere),
            ("/publisher/No Such", Route::Nowhere),
            ("/nosuch", Route::Nowhere),
            ("//", Route::Home),
        ] {
            assert_eq!(Route::of(path), page, "{path}");
        }
    }
}
