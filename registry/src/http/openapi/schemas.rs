//! The shapes of JSON answers. The types are those of `provenance::api`; tests/tests/http_openapi.rs holds real answers
//! to these shapes, member by member.

use serde_json::{Map, Value, json};

fn whole() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn text() -> Value {
    json!({"type": "string"})
}

fn maybe_text() -> Value {
    json!({"type": ["string", "null"]})
}

fn digest() -> Value {
    json!({"type": "string", "pattern": "^[0-9a-f]{64}$"})
}

fn base64() -> Value {
    json!({"type": "string", "contentEncoding": "base64"})
}

fn list(of: &Value) -> Value {
    json!({"type": "array", "items": of})
}

fn named(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn version() -> Value {
    json!({"const": 1})
}

/// An object with exactly these members; one whose name ends with `?` may be left out.
fn object(members: &[(&str, Value)]) -> Value {
    let bare = |name: &str| name.trim_end_matches('?').to_owned();
    let required: Vec<String> = (members.iter())
        .filter(|(name, _)| !name.ends_with('?'))
        .map(|(name, _)| bare(name))
        .collect();
    let properties: Map<String, Value> = members
        .iter()
        .map(|(name, schema)| (bare(name), schema.clone()))
        .collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// An answer from the index.
fn answer(member: (&str, Value)) -> Value {
    object(&[("v", version()), ("as_of_size", whole()), member])
}

/// Every schema by name.
pub(super) fn all() -> Value {
    let parts = [of_publishing(), of_lists(), of_log(), of_badges()];
    let members = parts.into_iter().filter_map(|part| match part {
        Value::Object(members) => Some(members),
        _ => None,
    });
    Value::Object(members.flatten().collect())
}

fn of_publishing() -> Value {
    json!({
        "Envelope": {
            "type": "object",
            "description": "DSSE v1 with the payload type application/vnd.in-toto+json",
            "properties": {
                "payload": base64(),
                "payloadType": {"const": "application/vnd.in-toto+json"},
                "signatures": list(&object(&[("sig", base64()), ("keyid?", text())])),
            },
            "required": ["payload", "payloadType", "signatures"],
        },
        "RecordProof": object(&[
            ("v", version()),
            ("record", digest()),
            ("publisher", text()),
            ("kind", text()),
            ("index", whole()),
            ("leaf_hash", digest()),
            ("entry", base64()),
            ("proof", text()),
            ("state", text()),
            ("control", list(&named("ControlEntry"))),
        ]),
        "ControlEntry": object(&[
            ("index", whole()),
            ("entry", base64()),
            ("payload", base64()),
            ("proof", text()),
        ]),
        "Problem": object(&[
            ("type", text()),
            ("title", text()),
            ("status", whole()),
            ("code", text()),
            ("detail", text()),
            ("missing?", list(&object(&[
                ("digest", digest()),
                ("kind", json!({"enum": ["chunks", "tensors"]})),
                ("length", json!({"type": ["integer", "null"]})),
                ("max_length", whole()),
            ]))),
            ("ticket?", text()),
        ]),
    })
}

fn of_lists() -> Value {
    let found = object(&[
        ("key", digest()),
        ("kind", text()),
        ("record", digest()),
        ("path?", text()),
    ]);
    json!({
        "LookupInfo": object(&[
            ("v", version()),
            ("keys", whole()),
            ("digits", whole()),
            ("as_of_size", whole()),
            ("matches?", list(&named("Match"))),
        ]),
        "LookupAnswer": answer(("matches", list(&named("Match")))),
        "Match": found,
        "Summary": object(&[
            ("record", digest()),
            ("publisher", text()),
            ("kind", text()),
            ("index", whole()),
            ("name", text()),
            ("version", maybe_text()),
            ("taken_at?", whole()),
        ]),
        "RecordsAnswer": answer(("records", list(&named("Summary")))),
        "SearchAnswer": answer(("results", list(&named("Summary")))),
        "PublishersAnswer": answer(("publishers", list(&object(&[
            ("publisher", text()),
            ("genesis", digest()),
            ("index", whole()),
            ("records", whole()),
        ])))),
        "PublisherAnswer": object(&[
            ("v", version()),
            ("as_of_size", whole()),
            ("publisher", text()),
            ("genesis", digest()),
            ("index", whole()),
            ("keys", list(&object(&[
                ("keyid", digest()),
                ("holder", text()),
                ("roles", list(&json!({"enum": ["root", "sign"]}))),
            ]))),
            ("threshold", object(&[("root", whole()), ("sign", whole())])),
            ("count", whole()),
            ("records", list(&named("Summary"))),
        ]),
    })
}

fn of_log() -> Value {
    json!({
        "GrowthAnswer": answer(("points", list(&object(&[("size", whole()), ("taken_at", whole())])))),
        "InclusionAnswer": object(&[
            ("v", version()),
            ("index", whole()),
            ("size", whole()),
            ("leaf_hash", digest()),
            ("root", digest()),
            ("hashes", list(&digest())),
        ]),
        "ConsistencyAnswer": object(&[
            ("v", version()),
            ("from", whole()),
            ("to", whole()),
            ("from_root", digest()),
            ("to_root", digest()),
            ("hashes", list(&digest())),
        ]),
    })
}

fn of_badges() -> Value {
    json!({
        "ShieldsBadge": object(&[
            ("schemaVersion", version()),
            ("label", text()),
            ("message", text()),
            ("color", text()),
            ("cacheSeconds", whole()),
            ("isError", json!({"type": "boolean"})),
        ]),
        "BadgeDocument": object(&[
            ("v", version()),
            ("state", text()),
            ("label", text()),
            ("message", text()),
            ("record", digest()),
            ("genesis", digest()),
            ("name", text()),
            ("version", maybe_text()),
            ("payload", text()),
            ("page", text()),
            ("proof", named("RecordProof")),
        ]),
        "ScriptsAnswer": object(&[
            ("v", version()),
            ("versions", list(&object(&[("version", text()), ("path", text()), ("integrity", text())]))),
        ]),
    })
}
