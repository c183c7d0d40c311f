//! The domain is pure: linked alone for wasm32 it imports nothing at all. The page and the worker import their
//! own glue and scripts and nothing else.

use std::{
    collections::BTreeSet,
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use harness::binaries;

/// A module's imports, as (module, name).
type Imports = BTreeSet<(String, String)>;

#[test]
fn the_domain_alone_imports_nothing() {
    let path = probe();
    let module = Module::read(&path);
    assert!(module.exports.contains("weigh"), "{:?}", module.exports);
    // Ed25519, SHA-256, JSON and Unicode tables are far more than this; an empty module would import nothing too.
    assert!(
        module.code_bytes > 200_000,
        "{} bytes of code: the domain is not in it",
        module.code_bytes
    );
    assert_eq!(module.imports, Imports::new());
}

#[test]
fn page_and_worker_import_only_their_own_glue_and_scripts() {
    let dist = binaries::page();
    let files = fs::read_dir(&dist)
        .expect("a readable folder")
        .map(|entry| entry.expect("a readable entry").path());
    let modules: Vec<PathBuf> = files
        .filter(|path| path.extension() == Some(OsStr::new("wasm")))
        .collect();
    assert_eq!(modules.len(), 2, "page and worker: {modules:?}");
    for path in modules {
        let imports = Module::read(&path).imports;
        assert!(
            !imports.is_empty(),
            "{} cannot work without its glue",
            path.display()
        );
        // Trunk puts a hash into the page's file names, after wasm-bindgen has named the glue.
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let glue = if name.starts_with("weighbridge-web-") {
            "weighbridge-web"
        } else {
            "verifier_worker"
        };
        let glue = format!("./{glue}_bg.js");
        let ours = |from: &str| from == glue || from.starts_with("./snippets/weighbridge-");
        let foreign: Vec<_> = imports.iter().filter(|(from, _)| !ours(from)).collect();
        assert!(foreign.is_empty(), "{} imports {foreign:?}", path.display());
    }
}

#[test]
fn an_import_is_found_where_there_is_one() {
    let import = [&b"\x01\x03env\x03now\x00\x00"[..]].concat();
    let bytes = [
        &b"\0asm\x01\0\0\0\x02"[..],
        &[u8::try_from(import.len()).expect("short")],
        &import,
    ]
    .concat();
    assert_eq!(
        Module::parse(&bytes).imports,
        Imports::from([("env".to_owned(), "now".to_owned())])
    );
}

/// The probe that `cargo xtask test` builds beside everything else.
fn probe() -> PathBuf {
    let test = env::current_exe().expect("a test knows its own executable");
    let target = test.ancestors().nth(3).expect("tests lie in target/PROFILE/deps");
    let path = target.join("wasm32-unknown-unknown/debug/weighbridge_wasm_probe.wasm");
    assert!(
        path.is_file(),
        "{} is not built; run: cargo xtask test",
        path.display()
    );
    path
}

/// What this test reads of a wasm module.
#[derive(Debug, Default)]
struct Module {
    imports: Imports,
    exports: BTreeSet<String>,
    code_bytes: usize,
}

impl Module {
    fn read(path: &Path) -> Self {
        Self::parse(&fs::read(path).expect("a readable file"))
    }

    /// Reads the sections of a module (WebAssembly core specification, 5.5): a byte that names each, its length,
    /// its content.
    fn parse(bytes: &[u8]) -> Self {
        let mut rest = Reader(
            bytes
                .strip_prefix(b"\0asm\x01\0\0\0")
                .expect("a wasm module of version 1"),
        );
        let mut module = Self::default();
        while !rest.0.is_empty() {
            let id = rest.byte();
            let mut section = Reader(rest.run());
            match id {
                2 => module.imports = (0..section.number()).map(|_| section.import()).collect(),
                7 => module.exports = (0..section.number()).map(|_| section.export()).collect(),
                10 => module.code_bytes = section.0.len(),
                _ => {}
            }
        }
        module
    }
}

/// The unread rest of some bytes.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().expect("a module that is not cut off");
        self.0 = rest;
        *first
    }

    /// An unsigned LEB128 number.
    fn number(&mut self) -> usize {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.byte();
            value |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return value;
            }
        }
    }

    /// Bytes with their length before them.
    fn run(&mut self) -> &'a [u8] {
        let length = self.number();
        let (run, rest) = self
            .0
            .split_at_checked(length)
            .expect("a module that is not cut off");
        self.0 = rest;
        run
    }

    fn name(&mut self) -> String {
        String::from_utf8(self.run().to_vec()).expect("names in UTF-8")
    }

    fn import(&mut self) -> (String, String) {
        let names = (self.name(), self.name());
        match self.byte() {
            0 => {
                self.number(); // a function's type
            }
            1 => {
                self.byte(); // a table's element type
                self.limits();
            }
            2 => self.limits(),
            3 => {
                self.byte(); // a global's type
                self.byte(); // whether it changes
            }
            4 => {
                self.byte(); // a tag's attribute
                self.number(); // and type
            }
            kind => panic!("an import of the unknown kind {kind}"),
        }
        names
    }

    fn limits(&mut self) {
        let flags = self.byte();
        self.number();
        if flags & 1 == 1 {
            self.number();
        }
    }

    fn export(&mut self) -> String {
        let name = self.name();
        self.byte(); // kind
        self.number(); // index
        name
    }
}
