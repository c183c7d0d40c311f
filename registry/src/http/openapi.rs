//! `GET /api/v1/openapi.json`: the API described by the server itself (OpenAPI 3.1). A test holds the list of operations
//! equal to the route table, and real answers to the schemas.

mod schemas;

use std::{collections::BTreeMap, sync::LazyLock};

use actix_web::{HttpRequest, HttpResponse, web::Bytes};
use serde_json::{Map, Value, json};

use super::{
    caching::{BYTES, JSON, REVALIDATE, TEXT, answer_with_etag, content_tag},
    problem::Code,
};
use crate::rates::is_counted;

/// One address with one method.
#[derive(Clone, Copy)]
struct Operation {
    method: &'static str,
    path: &'static str,
    tag: &'static str,
    summary: &'static str,
    /// Name and what it is.
    query: &'static [(&'static str, &'static str)],
    /// Content type, and the schema of JSON.
    answer: (&'static str, &'static str),
    codes: &'static [Code],
}

/// A read that anybody may make.
const fn get(
    path: &'static str,
    tag: &'static str,
    summary: &'static str,
    answer: (&'static str, &'static str),
    codes: &'static [Code],
) -> Operation {
    Operation {
        method: "get",
        path,
        tag,
        summary,
        query: &[],
        answer,
        codes,
    }
}

const fn asked(operation: Operation, query: &'static [(&'static str, &'static str)]) -> Operation {
    Operation { query, ..operation }
}

const PUBLISHING: &str = "Publishing";
const RECORDS: &str = "Records and proofs";
const FINDING: &str = "Finding records";
const LOG: &str = "The log";
const BADGES: &str = "Badges";
const SERVER: &str = "The server";

const BADGE_QUERY: &[(&str, &str)] = &[
    ("style", "flat, square or large"),
    ("theme", "auto, light or dark"),
    ("label", "The left half's text, up to 40 characters"),
];

/// Everything that a program can ask.
const OPERATIONS: &[Operation] = &[
    Operation {
        method: "post",
        path: "/api/v1/attestations",
        tag: PUBLISHING,
        summary: "Publish a record: a DSSE envelope around an in-toto statement",
        query: &[("wait", "published (the default) or sequenced")],
        answer: (JSON, "RecordProof"),
        codes: &[
            Code::EnvelopeInvalid,
            Code::RecordInvalid,
            Code::BlobsMissing,
            Code::PublisherUnknown,
            Code::PublisherExists,
            Code::InviteRequired,
            Code::DomainProofRequired,
            Code::SignaturesInsufficient,
            Code::WrongGenesis,
            Code::WrongOrigin,
            Code::NotYetSupported,
            Code::EntryTooLarge,
            Code::BlobMalformed,
            Code::PayloadTooLarge,
            Code::EncodingUnsupported,
            Code::RequestTimeout,
            Code::Busy,
            Code::LogStopped,
        ],
    },
    Operation {
        method: "put",
        path: "/api/v1/blobs/{digest}",
        tag: PUBLISHING,
        summary: "Upload a sidecar that a ticket allows (header Weighbridge-Ticket)",
        query: &[],
        answer: (TEXT, ""),
        codes: &[
            Code::TicketRequired,
            Code::DigestMismatch,
            Code::BlobLength,
            Code::PayloadTooLarge,
            Code::Busy,
        ],
    },
    get(
        "/api/v1/records/{record}",
        RECORDS,
        "A record's payload, byte for byte as it was signed",
        ("application/vnd.in-toto+json", ""),
        &[Code::RecordUnknown, Code::BadRequest],
    ),
    get(
        "/api/v1/records/{record}/proof",
        RECORDS,
        "Everything that proves a record, against the checkpoint that is published now",
        (JSON, "RecordProof"),
        &[Code::RecordUnknown, Code::BadRequest],
    ),
    get(
        "/api/v1/blobs/{digest}",
        RECORDS,
        "A sidecar: a chunk list or a tensor index",
        (BYTES, ""),
        &[Code::BlobUnknown, Code::BadRequest],
    ),
    get(
        "/api/v1/lookup",
        FINDING,
        "How many digits a lookup takes; every key while that is none",
        (JSON, "LookupInfo"),
        &[],
    ),
    get(
        "/api/v1/lookup/{digits}",
        FINDING,
        "Every key that starts with these hex digits; never send a whole digest",
        (JSON, "LookupAnswer"),
        &[Code::BadRequest, Code::TooManyMatches],
    ),
    get(
        "/api/v1/artifacts/{digest}",
        FINDING,
        "Records about the artifact with this dirHash1, oldest first",
        (JSON, "RecordsAnswer"),
        &[Code::BadRequest],
    ),
    get(
        "/api/v1/publishers",
        FINDING,
        "All publishers, by name",
        (JSON, "PublishersAnswer"),
        &[],
    ),
    asked(
        get(
            "/api/v1/publishers/{publisher}",
            FINDING,
            "One publisher: its keys, how many records it has, and the newest of them",
            (JSON, "PublisherAnswer"),
            &[Code::BadRequest, Code::PublisherUnknown],
        ),
        &[(
            "before",
            "Only records with an index below this: the older ones of a long list",
        )],
    ),
    get(
        "/api/v1/publishers/{publisher}/feed.atom",
        FINDING,
        "The publisher's newest records as an Atom feed",
        ("application/atom+xml; charset=utf-8", ""),
        &[Code::BadRequest, Code::PublisherUnknown],
    ),
    asked(
        get(
            "/api/v1/search",
            FINDING,
            "Records whose name, version or publisher has these words",
            (JSON, "SearchAnswer"),
            &[Code::BadRequest],
        ),
        &[("q", "Words, or one whole digest; 2 characters to 256 bytes")],
    ),
    asked(
        get(
            "/api/v1/log/newest",
            LOG,
            "The newest records of everybody",
            (JSON, "RecordsAnswer"),
            &[Code::BadRequest],
        ),
        &[("before", "Only records with an index below this: the older ones")],
    ),
    get(
        "/api/v1/log/growth",
        LOG,
        "How large the log was when, as the registry's index has it",
        (JSON, "GrowthAnswer"),
        &[],
    ),
    asked(
        get(
            "/api/v1/log/inclusion/{index}",
            LOG,
            "Proves that an entry is in a tree of the log (RFC 6962)",
            (JSON, "InclusionAnswer"),
            &[Code::BadRequest, Code::BeyondCheckpoint],
        ),
        &[(
            "size",
            "Entries of the tree; without it, as many as are published now",
        )],
    ),
    get(
        "/api/v1/log/consistency/{from}/{to}",
        LOG,
        "Proves that the tree of “to” entries begins with the one of “from” entries (RFC 6962)",
        (JSON, "ConsistencyAnswer"),
        &[Code::BadRequest, Code::BeyondCheckpoint],
    ),
    get(
        "/log/checkpoint",
        LOG,
        "The newest checkpoint, a signed note (c2sp.org/tlog-checkpoint)",
        (TEXT, ""),
        &[],
    ),
    get(
        "/log/checkpoints/{size}",
        LOG,
        "The checkpoint that was published when the log had this many entries; not every size was",
        (TEXT, ""),
        &[Code::NotFound],
    ),
    get(
        "/log/tile/{path}",
        LOG,
        "A tile of hashes, or a bundle of entries below entries/ (c2sp.org/tlog-tiles)",
        (BYTES, ""),
        &[Code::NotFound, Code::BeyondCheckpoint],
    ),
    get(
        "/trust",
        LOG,
        "The trust file that this registry suggests for itself",
        (TEXT, ""),
        &[],
    ),
    asked(
        get(
            "/badge/v1/{reference}.svg",
            BADGES,
            "A picture of a record's state; a record that is not there is a picture that says so",
            ("image/svg+xml; charset=utf-8", ""),
            &[Code::BadRequest],
        ),
        BADGE_QUERY,
    ),
    asked(
        get(
            "/badge/v1/example/{state}.svg",
            BADGES,
            "How a state looks",
            ("image/svg+xml; charset=utf-8", ""),
            &[Code::NotFound],
        ),
        BADGE_QUERY,
    ),
    get(
        "/badge/v1/{reference}/shields.json",
        BADGES,
        "For services that draw their own badges",
        (JSON, "ShieldsBadge"),
        &[Code::BadRequest],
    ),
    get(
        "/badge/v1/{reference}.json",
        BADGES,
        "What the badge's element proves, with its proof",
        (JSON, "BadgeDocument"),
        &[Code::BadRequest, Code::RecordUnknown],
    ),
    get(
        "/e/",
        BADGES,
        "The badge scripts that are served, with their integrity values",
        (JSON, "ScriptsAnswer"),
        &[],
    ),
    get(
        "/e/{version}/badge.js",
        BADGES,
        "The script behind <model-provenance>",
        ("text/javascript; charset=utf-8", ""),
        &[Code::NotFound],
    ),
    get(
        "/api/v1/openapi.json",
        SERVER,
        "This description",
        (JSON, ""),
        &[],
    ),
    get("/healthz", SERVER, "The process answers", (TEXT, ""), &[]),
    get(
        "/readyz",
        SERVER,
        "Records are taken, and the index reflects what is published",
        (TEXT, ""),
        &[Code::LogStopped, Code::NotReady],
    ),
    get(
        "/metrics",
        SERVER,
        "Numbers about the server, for Prometheus",
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", ""),
        &[],
    ),
];

/// What a part of a path is.
fn part(name: &str) -> &'static str {
    match name {
        "record" => "A record id: 64 lowercase hex digits",
        "digest" => "A SHA-256: 64 lowercase hex digits",
        "digits" => "0 to 5 lowercase hex digits",
        "publisher" => "A publisher's name",
        "reference" => "A record id, or @publisher/model or @publisher/model@version",
        "state" => "A state, such as logged",
        "index" => "Index of an entry, from 0",
        "from" | "to" | "size" => "Number of entries",
        "version" => "A version of the script",
        _ => "A tile's path, such as 0/000.p/3",
    }
}

fn parameters(operation: &Operation) -> Value {
    let named = operation
        .path
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next());
    let in_path = named.map(|name| {
        json!({"name": name, "in": "path", "required": true, "description": part(name), "schema": {"type": "string"}})
    });
    let in_query = operation.query.iter().map(|(name, what)| {
        json!({"name": name, "in": "query", "required": *name == "q", "description": what, "schema": {"type": "string"}})
    });
    in_path.chain(in_query).collect()
}

fn responses(operation: &Operation) -> Value {
    let (content_type, schema) = operation.answer;
    let schema = if schema.is_empty() {
        json!({})
    } else {
        json!({"schema": {"$ref": format!("#/components/schemas/{schema}")}})
    };
    let mut responses = Map::new();
    responses.insert(
        "200".to_owned(),
        json!({"description": "Done", "content": {content_type: schema}}),
    );
    let mut codes = operation.codes.to_vec();
    if is_counted(operation.method == "get", operation.path) {
        codes.push(Code::RateLimited);
    }
    let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for code in codes {
        by_status.entry(code.status()).or_default().push(code.as_str());
    }
    for (status, codes) in by_status {
        let content =
            json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}});
        responses.insert(
            status.to_string(),
            json!({"description": codes.join(", "), "content": content}),
        );
    }
    Value::Object(responses)
}

/// The whole description.
pub(crate) fn description() -> Value {
    let mut all = Map::new();
    for operation in OPERATIONS {
        let methods = all.entry(operation.path).or_insert_with(|| json!({}));
        methods[operation.method] = json!({
            "tags": [operation.tag],
            "summary": operation.summary,
            "parameters": parameters(operation),
            "responses": responses(operation),
        });
        if operation.method == "post" {
            let content = json!({JSON: {"schema": {"$ref": "#/components/schemas/Envelope"}}});
            methods["post"]["requestBody"] = json!({"required": true, "content": content});
        }
        if operation.method == "put" {
            methods["put"]["requestBody"] = json!({"required": true, "content": {BYTES: {}}});
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Weighbridge registry",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Signed model provenance records in an append-only log",
            "license": {"name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT"},
        },
        "paths": all,
        "components": {"schemas": schemas::all()},
    })
}

/// The description as it is sent, and its tag: the same until the server is another one.
static DOCUMENT: LazyLock<(String, String)> = LazyLock::new(|| {
    let text = description().to_string();
    let tag = content_tag(&text);
    (text, tag)
});

/// Serves the description.
pub(crate) async fn document(request: HttpRequest) -> HttpResponse {
    let (text, tag) = &*DOCUMENT;
    answer_with_etag(&request, tag, REVALIDATE, JSON, || {
        Bytes::from_static(text.as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{path:.*}` and `{reference:.+}` without their patterns.
    fn plain(path: &str) -> String {
        path.replace(":.*}", "}").replace(":.+}", "}")
    }

    #[test]
    fn every_route_for_programs_is_described_and_no_other() {
        let source = include_str!("../http.rs");
        let routes = source
            .split("service(read(\"")
            .skip(1)
            .chain(source.split("service(write(\"").skip(1));
        let mut routes: Vec<String> = routes
            .filter_map(|rest| rest.split('"').next())
            .filter(|path| super::super::is_for_programs(path))
            .map(plain)
            .collect();
        routes.sort();
        let mut described: Vec<&str> = OPERATIONS.iter().map(|operation| operation.path).collect();
        described.sort_unstable();
        described.dedup();
        assert_eq!(described, routes);
    }

    #[test]
    fn every_schema_that_is_named_is_there() {
        let description = description();
        let text = description.to_string();
        let schemas = &description["components"]["schemas"];
        for named in text.split("#/components/schemas/").skip(1) {
            let name = named.split('"').next().unwrap();
            assert!(schemas[name].is_object(), "{name}");
        }
    }
}
