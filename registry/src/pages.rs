//! What the server itself says of a page of the site: title, preview, and the essentials for readers without scripts.
//!
//! The page's program replaces the essentials when it starts. They are the registry's own word, and say so.

mod markup;

use provenance::{
    Sha256Digest,
    api::{PublisherAnswer, PublisherSummary, Summary, paths},
    domain_proof,
    keyset::Keyset,
    record::{Body, ProvenanceRecord, Record, SignatureRecord},
    statement::{ADVISORY_TYPE, KEYSET_TYPE, PROVENANCE_TYPE, SIGNATURE_TYPE},
};

pub(crate) use self::markup::{Markup, escaped};

/// Most rows that one list of the essentials has; the page's program and the API show all.
const MOST_ROWS: usize = 100;

/// What stands below everything that only this server says.
const OWN_WORD: &str = "This text is the registry’s own word. With scripts on, this page proves the record in your \
                        browser; the command line tool does so with your own trust file.";

/// A page before its program runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Essentials {
    /// Title of the window and of previews.
    pub(crate) title: String,
    /// A sentence or two for previews.
    pub(crate) description: String,
    /// What stands in the page; nothing keeps the words of the page's own file.
    pub(crate) body: Option<Markup>,
    /// Whether there is such a page. Without one the answer is a 404.
    pub(crate) found: bool,
    /// The one other server that the page may ask, when its reader wants it to.
    pub(crate) may_ask: Option<String>,
}

/// Pages that are about nothing in the log: path, title, description.
const FIXED: [(&str, &str, &str); 7] = [
    (
        "/",
        "Weighbridge: check a downloaded model",
        "Check in your own browser whether downloaded model files are the ones that their publisher recorded.",
    ),
    (
        "/verify",
        "Verify files: Weighbridge",
        "Choose a folder or files; they are hashed in your browser and compared with a signed, publicly logged record.",
    ),
    (
        "/search",
        "Search: Weighbridge",
        "Find records by name, publisher or digest. Digests are looked up by their first digits only.",
    ),
    (
        "/badge",
        "Badges: Weighbridge",
        "Show where a model comes from: a picture, JSON, or an element that checks the record in the visitor’s browser.",
    ),
    (
        "/developers",
        "API: Weighbridge",
        "Every address of this registry, with its answers and errors.",
    ),
    (
        "/words",
        "What the words mean: Weighbridge",
        "Genesis, checkpoint, witness, quorum, dirHash1 and the other words of the field, each in a sentence or two.",
    ),
    (
        "/styleguide",
        "Style guide: Weighbridge",
        "Every component of these pages, in every state.",
    ),
];

impl Essentials {
    /// A page that is there, and asks nobody else.
    fn about(title: String, description: String, body: Markup) -> Self {
        Self {
            title,
            description,
            body: Some(body),
            found: true,
            may_ask: None,
        }
    }

    /// The page at `path`, when it is about nothing in the log.
    pub(crate) fn fixed(path: &str) -> Option<Self> {
        let (_, title, description) = FIXED.into_iter().find(|(there, ..)| *there == path)?;
        Some(Self {
            body: None,
            ..Self::about(title.to_owned(), description.to_owned(), Markup::default())
        })
    }

    /// There is no such thing.
    pub(crate) fn missing(what: &str, why: &str) -> Self {
        let body = Markup::default()
            .text("h1", what)
            .text("p", why)
            .link("p", "", ("/search", "Search this registry"), " or ")
            .link("p", "", ("/", "go to the first page"), ".");
        Self {
            found: false,
            ..Self::about(format!("{what}: Weighbridge"), why.to_owned(), body)
        }
    }

    /// A record.
    pub(crate) fn record(record: &Record, summary: &Summary, registry: &str) -> Self {
        let (title, publisher) = (summary.title(), summary.publisher.as_str());
        let kind = kind_in_words(&summary.kind);
        let body = Markup::default()
            .text("h1", &title)
            .link(
                "p",
                &format!("{kind} by "),
                (&format!("/publisher/{publisher}"), publisher),
                &format!(", entry {} of this log.", summary.index),
            )
            .text("p", OWN_WORD);
        let facts = Markup::default()
            .fact("Record", &record.id.to_string())
            .fact("Publisher", publisher);
        let (body, description) = match &record.body {
            Body::Signature(signature) => files(body, facts, record, signature, registry),
            Body::Provenance(made) => making(body, facts, made),
            Body::Keyset(keyset) => keys(body, &facts, keyset),
            _ => (body.within("dl", &facts), format!("{kind} by {publisher}.")),
        };
        let body = body
            .link(
                "p",
                "",
                (&paths::record(&record.id), "The signed statement (JSON)"),
                "",
            )
            .link(
                "p",
                "",
                (&paths::record_proof(&record.id), "Its proof (JSON)"),
                "",
            );
        Self::about(format!("{title}: {kind} by {publisher}"), description, body)
    }

    /// All records about the same bytes.
    pub(crate) fn artifact(dir_hash1: &Sha256Digest, records: &[Summary]) -> Self {
        let what = match records.len() {
            1 => "1 record about these bytes".to_owned(),
            n => format!("{n} records about these bytes"),
        };
        let body = Markup::default()
            .text("h1", &what)
            .within("dl", &Markup::default().fact("dirHash1", &dir_hash1.to_string()))
            .text("p", OWN_WORD);
        let description = format!("Everything that was recorded about the files with dirHash1 {dir_hash1}.");
        Self::about(format!("{what}: Weighbridge"), description, listed(body, records))
    }

    /// A publisher.
    pub(crate) fn publisher(answer: &PublisherAnswer) -> Self {
        let name = answer.publisher.as_str();
        let records = answer.count;
        let facts = Markup::default()
            .fact("Genesis", &answer.genesis.to_string())
            .fact("First entry", &answer.index.to_string())
            .fact("Keys", &answer.keys.len().to_string());
        let body = Markup::default()
            .text("h1", name)
            .text(
                "p",
                "A publisher is known by its first entry in the log, its genesis. Anybody may have registered this \
                 name here: compare the genesis with one that the publisher gives elsewhere.",
            )
            .within("dl", &facts)
            .text("p", OWN_WORD)
            .text("h2", "Records");
        let title = format!("{name}: publisher on Weighbridge");
        let description = format!("Keys and {records} records of {name} on this log.");
        Self {
            may_ask: domain_proof::site(&answer.publisher),
            ..Self::about(title, description, listed(body, &answer.records))
        }
    }

    /// All publishers.
    pub(crate) fn publishers(all: &[PublisherSummary]) -> Self {
        let rows = all.iter().take(MOST_ROWS).map(|publisher| {
            [
                publisher.publisher.to_string(),
                publisher.records.to_string(),
                publisher.genesis.to_string(),
            ]
        });
        let body = Markup::default()
            .text("h1", "Publishers")
            .table(["Name", "Records", "Genesis"], rows);
        let description = format!("{} publishers have records on this log.", all.len());
        Self::about("Publishers: Weighbridge".to_owned(), description, body)
    }

    /// The log.
    pub(crate) fn log(origin: &str, size: u64, checkpoint: &str) -> Self {
        let body = Markup::default()
            .text("h1", "The log")
            .text("p", &format!("{origin} has {size} entries."))
            .text("pre", checkpoint)
            .link("p", "", (paths::CHECKPOINT, "The checkpoint"), "")
            .link(
                "p",
                "",
                (paths::TRUST, "The trust file that this registry suggests"),
                "",
            );
        let description = format!("The append-only log {origin}: {size} entries.");
        Self::about("The log: Weighbridge".to_owned(), description, body)
    }
}

/// What a signature record says, and that in a sentence.
fn files(
    body: Markup,
    facts: Markup,
    record: &Record,
    signature: &SignatureRecord,
    registry: &str,
) -> (Markup, String) {
    let (artifact, files) = (&signature.artifact, signature.manifest.files());
    let (count, bytes) = (files.len(), signature.manifest.total_bytes());
    let facts = facts
        .fact("Files", &count.to_string())
        .fact("Bytes", &bytes.to_string())
        .fact("dirHash1", &artifact.dir_hash1.to_string())
        .fact("OMS root", &artifact.oms_root.to_string());
    let rows = files.iter().take(MOST_ROWS).map(|file| {
        [
            file.path.to_string(),
            file.size.to_string(),
            file.sha256.to_string(),
        ]
    });
    let mut body = body
        .within("dl", &facts)
        .text("h2", "Files")
        .table(["Path", "Bytes", "SHA-256"], rows);
    if count > MOST_ROWS {
        body = body.text("p", &format!("And {} more, in the statement.", count - MOST_ROWS));
    }
    let verify = format!(
        "weighbridge verify FOLDER --record {} --registry {registry}",
        record.id
    );
    let body = body.text("h2", "Check your copy").text("pre", &verify);
    let publisher = &artifact.subject.publisher;
    let said = format!(
        "{count} files, {bytes} bytes, recorded by {publisher}. Check your copy against the signed, logged record."
    );
    (body, said)
}

/// What a provenance record says, and that in a sentence.
fn making(body: Markup, facts: Markup, made: &ProvenanceRecord) -> (Markup, String) {
    let facts = facts
        .fact("Stage", &made.run.stage)
        .fact("dirHash1", &made.artifact.dir_hash1.to_string());
    let mut body = body.within("dl", &facts);
    if !made.run.inputs.is_empty() {
        let rows = made.run.inputs.iter().take(MOST_ROWS);
        let rows = rows.map(|input| [input.role.clone(), input.record.to_string()]);
        body = body.text("h2", "Made from").table(["Role", "Record"], rows);
    }
    let subject = &made.artifact.subject;
    let said = format!(
        "How {} was made, as {} recorded it: {}.",
        subject.name, subject.publisher, made.run.stage
    );
    (body, said)
}

/// What a keyset says, and that in a sentence.
fn keys(body: Markup, facts: &Markup, keyset: &Keyset) -> (Markup, String) {
    let rows = keyset.keys.iter().map(|member| {
        let roles: Vec<_> = member.roles.iter().map(|role| role.word()).collect();
        [
            member.holder.clone(),
            roles.join(", "),
            member.key.keyid().to_string(),
        ]
    });
    let body = body
        .within("dl", facts)
        .text("h2", "Keys")
        .table(["Holder", "May", "Key id"], rows);
    (body, format!("The keys that may sign for {}.", keyset.publisher))
}

/// What a record of this predicate type is.
pub(crate) fn kind_in_words(kind: &str) -> &'static str {
    match kind {
        SIGNATURE_TYPE => "Files recorded",
        PROVENANCE_TYPE => "Provenance recorded",
        KEYSET_TYPE => "Keys set",
        ADVISORY_TYPE => "Advisory",
        _ => "Statement recorded",
    }
}

/// Adds a list of records with links.
fn listed(body: Markup, records: &[Summary]) -> Markup {
    if records.is_empty() {
        return body.text("p", "None yet.");
    }
    let item = |list: Markup, record: &Summary| {
        let kind = kind_in_words(&record.kind).to_lowercase();
        let (href, text) = (
            format!("/record/{}", record.record),
            format!("{} ({kind})", record.title()),
        );
        list.link("li", "", (&href, &text), &format!(", by {}", record.publisher))
    };
    let list = records.iter().take(MOST_ROWS).fold(Markup::default(), item);
    body.within("ul", &list)
}
