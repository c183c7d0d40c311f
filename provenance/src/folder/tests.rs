use super::*;

const A: &str = "0123456789abcdef0123456789abcdef01234567";
const B: &str = "89abcdef0123456789abcdef0123456789abcdef";
const SHA: &str = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db";

/// Looks at a folder; `{A}`, `{B}` and `{SHA}` in paths stand for the names above.
fn look(name: &str, paths: &[&str], main: Option<&str>) -> Result<View, Several> {
    let paths: Vec<String> = paths
        .iter()
        .map(|path| path.replace("{A}", A).replace("{B}", B).replace("{SHA}", SHA))
        .collect();
    view(name, &paths.iter().map(String::as_str).collect::<Vec<_>>(), main)
}

#[test]
fn ordinary_folders_are_left_alone() {
    for paths in [
        &["model.safetensors", "config.json"][..],
        &["model_index.json", "unet/w.safetensors", "vae/w.safetensors"],
        &["README.md", "a/w.gguf", "b/w.gguf"],
        // One model in a folder of its own, and folders without weights.
        &["m/w.gguf", "m/config.json"],
        &["a/x.txt", "b/y.txt"],
        &["a/w.gguf", "b/notes.txt"],
        &["blobs/readme.txt", "w.gguf"],
        &["sha256.txt"],
        &[],
    ] {
        assert_eq!(look("m", paths, None), Ok(View::default()), "{paths:?}");
    }
}

/// Only a part of a store is checked, and a download can be laid out to look like one.
#[test]
fn a_store_with_something_to_load_beside_it_is_no_store() {
    for (name, paths) in [
        (
            "m",
            &[
                "blobs/{SHA}",
                "refs/main",
                "snapshots/{A}/w.safetensors",
                "modeling.py",
            ][..],
        ),
        (
            "m",
            &[
                "blobs/{SHA}",
                "refs/main",
                "snapshots/{A}/w.safetensors",
                "onnx/model.onnx",
            ],
        ),
        (
            "m",
            &[
                "blobs/{SHA}",
                "blobs/model.safetensors",
                "snapshots/{A}/w.safetensors",
            ],
        ),
        (
            "m",
            &[
                "blobs/{SHA}",
                "snapshots/model.safetensors",
                "snapshots/{A}/w.safetensors",
            ],
        ),
        ("m", &["blobs/{SHA}", "refs/main", "w.safetensors"]),
        ("snapshots", &["{A}/w.safetensors", "model.safetensors"]),
        ("m", &["blobs/sha256-{SHA}", "pytorch_model.bin"]),
        ("m", &["models/blobs/sha256-{SHA}", "models/config.json"]),
        ("m", &["blobs/sha256-{SHA}", "blobs/model.safetensors"]),
    ] {
        // Everything is looked at, or nothing.
        assert!(
            look(name, paths, None).is_ok_and(|view| view == View::default())
                || look(name, paths, None).is_err(),
            "{paths:?}"
        );
    }
    // What no loader takes does no harm.
    let beside = ["models/blobs/sha256-{SHA}", "id_ed25519.pub", "logs/server.log"];
    assert!(look("ollama", &beside, None).unwrap().by_digest);
}

#[test]
fn of_a_hub_cache_the_snapshot_that_main_names_is_taken_or_the_only_one() {
    let two = [
        "blobs/{SHA}",
        "refs/main",
        "snapshots/{A}/config.json",
        "snapshots/{B}/config.json",
    ];
    let name = "models--acme--tiny";
    for (main, wanted) in [(A, A), (B, B), (&format!("{B}\n"), B)] {
        let found = look(name, &two, Some(main)).unwrap();
        assert_eq!(found.prefix, format!("snapshots/{wanted}/"));
        let told = found.told.unwrap();
        assert!(
            told.contains("acme/tiny") && told.contains("refs/main names"),
            "{told}"
        );
        assert!(!found.by_digest);
    }
    let only = look(name, &two[..3], None).unwrap();
    assert_eq!(only.prefix, format!("snapshots/{A}/"));
    assert!(only.told.unwrap().ends_with("the only one"));

    for main in [None, Some("0000"), Some("../..")] {
        let several = look(name, &two, main).unwrap_err();
        assert_eq!(
            several.models,
            [format!("snapshots/{A}"), format!("snapshots/{B}")]
        );
        assert!(several.to_string().contains("several snapshots"), "{several}");
    }
}

#[test]
fn the_folder_of_snapshots_is_known_by_its_name() {
    let found = look("snapshots", &["{A}/config.json"], None).unwrap();
    assert_eq!(found.prefix, format!("{A}/"));
    assert!(look("snapshots", &["{A}/x", "{B}/x"], None).is_err());
    assert_eq!(
        look("snapshots", &["{A}/x", "other/x"], None),
        Ok(View::default())
    );
}

#[test]
fn a_cache_whose_links_were_not_followed_is_compared_by_bytes() {
    let found = look(
        "models--acme--tiny",
        &["blobs/{SHA}", "blobs/{A}", "refs/main"],
        Some(A),
    )
    .unwrap();
    assert_eq!((found.prefix.as_str(), found.by_digest), ("blobs/", true));
}

#[test]
fn a_cache_of_several_models_names_them() {
    let paths = [
        "models--acme--tiny/refs/main",
        "models--acme--big/blobs/{SHA}",
        "version.txt",
    ];
    let several = look("hub", &paths, None).unwrap_err();
    assert_eq!(several.models, ["models--acme--big", "models--acme--tiny"]);
}

#[test]
fn ollama_keeps_models_in_blobs() {
    let one = [
        "blobs/sha256-{SHA}",
        "manifests/registry.ollama.ai/library/tiny/latest",
    ];
    let found = look("models", &one, None).unwrap();
    assert_eq!((found.prefix.as_str(), found.by_digest), ("blobs/", true));
    assert!(found.told.unwrap().contains("Ollama's folder with tiny:latest"));

    let home: Vec<String> = one.iter().map(|path| format!("models/{path}")).collect();
    let mut home: Vec<&str> = home.iter().map(String::as_str).collect();
    home.push("id_ed25519");
    assert_eq!(look(".ollama", &home, None).unwrap().prefix, "models/blobs/");

    let several = [
        one[0],
        one[1],
        "manifests/registry.ollama.ai/acme/big/7b",
        "manifests/registry.ollama.ai/odd",
    ];
    let several = look("models", &several, None).unwrap_err();
    assert_eq!(several.models, ["acme/big:7b", "tiny:latest"]);
    assert!(several.next.contains("ollama show"));
}

#[test]
fn a_folder_of_blobs_is_known_by_its_names() {
    for paths in [
        &["sha256-{SHA}"][..],
        &["{SHA}", "{A}"],
        &["sha256-{SHA}", "sha256-{SHA}-partial"],
    ] {
        let found = look("blobs", paths, None).unwrap();
        assert_eq!((found.prefix.as_str(), found.by_digest), ("", true), "{paths:?}");
    }
    assert_eq!(look("blobs", &["{SHA}", "notes.txt"], None), Ok(View::default()));
    assert_eq!(claimed_digest(&format!("sha256-{SHA}")).unwrap().to_string(), SHA);
    assert_eq!(claimed_digest(SHA).unwrap().to_string(), SHA);
    assert_eq!(claimed_digest("sha256-53AA"), None);
    assert_eq!(claimed_digest("model.gguf"), None);
}

#[test]
fn folders_of_several_models_name_them() {
    let lm_studio = [
        "acme/tiny-GGUF/tiny.gguf",
        "acme/big-GGUF/big.gguf",
        "acme/big-GGUF/mmproj.gguf",
    ];
    let several = look("models", &lm_studio, None).unwrap_err();
    assert_eq!(several.models, ["acme/big-GGUF", "acme/tiny-GGUF"]);
    assert!(
        several.to_string().contains("in the way of LM Studio"),
        "{several}"
    );

    let home = [
        "models/acme/a/a.gguf",
        "models/acme/b/b.gguf",
        "settings.json",
        ".internal/x.json",
    ];
    let several = look(".lmstudio", &home, None).unwrap_err();
    assert_eq!(several.models, ["models/acme/a", "models/acme/b"]);
    assert_eq!(look("m", &home, None), Ok(View::default()));

    let plain = ["tiny/w.safetensors", "tiny/config.json", "big/w.gguf"];
    let several = look("downloads", &plain, None).unwrap_err();
    assert_eq!(several.models, ["big", "tiny"]);
    assert!(!several.to_string().contains("LM Studio"), "{several}");

    let many: Vec<String> = (10..30).map(|n| format!("m{n}/w.gguf")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let said = look("downloads", &many, None).unwrap_err().to_string();
    assert!(said.ends_with("m17, and 12 more"), "{said}");
}

#[test]
fn downloads_that_are_not_finished_are_named() {
    let paths = ["w.gguf", ".cache/huggingface/download/x.etag.incomplete"];
    assert_eq!(look("m", &paths, None).unwrap().unfinished, [paths[1]]);
    let paths = ["blobs/sha256-{SHA}-partial-0", "blobs/sha256-{SHA}"];
    let found = look("models", &paths, None).unwrap();
    assert_eq!(found.unfinished, [format!("blobs/sha256-{SHA}-partial-0")]);
}
