//! The API's description of itself: real answers have the shapes that it promises, and its examples run as they stand.

use std::process::Command;

use harness::lab::Lab;
use provenance::Sha256Digest;
use serde_json::Value;

/// Where `value` is not as `schema` says, in words.
fn differences(value: &Value, schema: &Value, root: &Value, at: &str, found: &mut Vec<String>) {
    if let Some(named) = schema["$ref"].as_str() {
        let path = named.trim_start_matches('#');
        let named = root.pointer(path).expect("a schema that is there");
        return differences(value, named, root, at, found);
    }
    if let Some(wanted) = schema.get("const") {
        if wanted != value {
            found.push(format!("{at} is {value}, wanted {wanted}"));
        }
        return;
    }
    if let Some(words) = schema["enum"].as_array() {
        if !words.contains(value) {
            found.push(format!("{at} is {value}"));
        }
        return;
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        other => panic!("{at}: the schema has the type {other}"),
    };
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !types.contains(&is) {
        found.push(format!("{at} is {is}, wanted {types:?}"));
        return;
    }
    match value {
        Value::String(text) if schema["pattern"].is_string() && text.parse::<Sha256Digest>().is_err() => {
            found.push(format!("{at} is no digest: {text}"));
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                differences(item, &schema["items"], root, &format!("{at}[{n}]"), found);
            }
        }
        Value::Object(members) => {
            for name in schema["required"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
            {
                if !members.contains_key(name) {
                    found.push(format!("{at} has no {name}"));
                }
            }
            for (name, member) in members {
                match schema["properties"].get(name) {
                    Some(schema) => differences(member, schema, root, &format!("{at}.{name}"), found),
                    None => found.push(format!("{at} has {name}, which is not described")),
                }
            }
        }
        _ => {}
    }
}

#[test]
fn answers_have_the_shapes_that_are_described() {
    let lab = Lab::small_without_page();
    let client = lab.registry.client();
    let document: Value = client.get("/api/v1/openapi.json").ok().json();
    let record: Value = client.get(&format!("/api/v1/records/{}", lab.record)).ok().json();
    let dir_hash1 = record["subject"][0]["digest"]["dirHash1"]
        .as_str()
        .expect("a digest");
    let fill = |path: &str| {
        path.replace("{record}", &lab.record)
            .replace("{publisher}", harness::lab::PUBLISHER)
            .replace("{digits}", &dir_hash1[..2])
            .replace("{digest}", dir_hash1)
            .replace("{reference}", &lab.record)
            .replace("{state}", "logged")
            .replace("{version}", "1.0.0")
            .replace("{path}", "0/000.p/2")
            .replace("{index}", "1")
            .replace("{from}", "1")
            .replace("{to}", "2")
            .replace("{size}", "2")
    };
    let mut compared = 0;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let Some(operation) = methods.get("get") else {
            continue;
        };
        // The one blob that is sure to be there is not the artifact's digest.
        if path == "/api/v1/blobs/{digest}" {
            continue;
        }
        let mut address = fill(path);
        if path == "/api/v1/search" {
            address.push_str("?q=minilm");
        }
        let answer = client.get(&address);
        assert_eq!(answer.status, 200, "{address}: {}", answer.text());
        let content = operation["responses"]["200"]["content"]
            .as_object()
            .expect("content");
        let (content_type, described) = content.iter().next().expect("one content type");
        assert_eq!(answer.header("content-type"), content_type, "{address}");
        if let Some(schema) = described.get("schema") {
            let value: Value = answer.json();
            let mut found = Vec::new();
            differences(&value, schema, &document, "answer", &mut found);
            assert_eq!(found, Vec::<String>::new(), "{address}");
            compared += 1;
        }
    }
    assert!(compared >= 10, "{compared} answers were compared");
    for (address, status) in [
        ("/api/v1/records/x", 400),
        ("/api/v1/publishers/nobody.example", 404),
    ] {
        let answer = client.get(address);
        assert_eq!(answer.status, status, "{address}");
        let problem: Value = answer.json();
        let mut found = Vec::new();
        let schema = &document["components"]["schemas"]["Problem"];
        differences(&problem, schema, &document, "problem", &mut found);
        assert_eq!(found, Vec::<String>::new(), "{address}");
    }
}

#[test]
fn the_examples_of_the_documentation_run_as_they_stand() {
    let lab = Lab::small_without_page();
    let documentation = include_str!("../../docs/API.md");
    let (_, examples) = documentation
        .split_once("## Examples")
        .expect("a section of examples");
    let block = examples
        .split("```sh")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("a block");
    let mut ran = 0;
    for command in block.lines().filter(|line| line.starts_with("curl ")) {
        let output = Command::new("sh")
            .args(["-euc", command])
            .env("REGISTRY", lab.registry.url())
            .env("RECORD", &lab.record)
            .env("PUBLISHER", harness::lab::PUBLISHER)
            .output()
            .expect("a shell");
        assert!(
            output.status.success() && !output.stdout.is_empty(),
            "{command}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        ran += 1;
    }
    assert!(ran >= 6, "{ran} examples ran");
}

#[test]
fn metrics_count_what_is_answered() {
    let lab = Lab::small_without_page();
    let client = lab.registry.client();
    // Waits for the index.
    client.get("/readyz").ok();
    let text = client.get("/metrics").ok().text();
    for line in [
        "weighbridge_log_entries 2",
        "weighbridge_index_entries 2",
        "weighbridge_publishers 1",
        "weighbridge_log_running 1",
        "# EOF",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
    let counted = |text: &str, status: &str| {
        let name = format!("weighbridge_requests_total{{kind=\"read\",status=\"{status}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&name));
        line.and_then(|count| count.parse::<u64>().ok()).unwrap_or(0)
    };
    let before = counted(&text, "4xx");
    client.get("/api/v1/records/x");
    assert_eq!(counted(&client.get("/metrics").ok().text(), "4xx"), before + 1);
}

#[test]
fn a_publishers_feed_lists_its_records() {
    let lab = Lab::small_without_page();
    let client = lab.registry.client();
    let feed = client
        .get(&format!(
            "/api/v1/publishers/{}/feed.atom",
            harness::lab::PUBLISHER
        ))
        .ok();
    let text = feed.text();
    assert!(
        text.contains(&lab.record) && text.contains("acme/minilm 1.0"),
        "{text}"
    );
    assert_eq!(text.matches("<entry>").count(), 2);
    let check = "import sys, xml.etree.ElementTree as e; r = e.fromstring(sys.argv[1].encode()); \
                 n = '{http://www.w3.org/2005/Atom}'; assert r.tag == n + 'feed'; \
                 [r.find(n + k).text for k in ('id', 'title', 'updated')]; \
                 [x.find(n + k).text for x in r.findall(n + 'entry') for k in ('id', 'title', 'updated')]";
    let parsed = Command::new("python3")
        .args(["-c", check, &text])
        .output()
        .expect("python3");
    assert!(
        parsed.status.success(),
        "{}",
        String::from_utf8_lossy(&parsed.stderr)
    );
}
